"""`make bench`: every bench in turn, as a table for people and as JSON lines in bench/out/main.json.

Each part runs in a process of its own, so that the memory and the garbage of one do not weigh on another. A row is
{name, value, unit, against, ratio, goal, met}; `met` is null where there is no goal. A goal that is not met is shown
and is no failure: machines differ, and ratios tell more than speeds. A part that fails is one: exit 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
OUT = HERE / "out" / "main.json"
PARTS = ("journal", "fold", "projector", "importing")
COLUMNS = ("name", "value", "unit", "against", "ratio", "goal", "met")
WIDTH = 150
"""Columns of the table where no terminal tells its own."""
FAILED_LINES = 20
"""So much of what a failing part said is shown."""

Row = dict[str, Any]


class Part(NamedTuple):
    """What one bench gave: its rows, and what it said when it failed."""

    name: str
    rows: list[Row]
    failure: str | None
    seconds: float


def main(words: Sequence[str] | None = None, *, parts: Sequence[str] | None = None, out: Path = OUT) -> int:
    """Run these parts (`PARTS` by default), show them and write `out`; the exit code."""
    names = PARTS if parts is None else parts
    arguments = _arguments(words, names, out)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    done = []
    for name in arguments.only or names:
        with console.status(f"{name} …"):
            part = run_part(HERE / f"{name}.py", quick=arguments.quick)
        show(console, part)
        done.append(part)
    write(arguments.out, done)
    console.print(f"{arguments.out}: {sum(len(part.rows) for part in done)} rows")
    return 1 if any(part.failure for part in done) else 0


def _arguments(words: Sequence[str] | None, names: Sequence[str], out: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run benches in turn; write their rows as JSON lines.")
    parser.add_argument("--only", action="append", choices=names, help="run this part (may be repeated)")
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works: no figures to quote")
    parser.add_argument("--out", type=Path, default=out, metavar="FILE", help="where the JSON lines go")
    return parser.parse_args(words)


def run_part(script: Path, *, quick: bool) -> Part:
    """Run one bench; what it prints on standard output is a row a line, and all else is talk."""
    started = time.perf_counter()
    command = [sys.executable, str(script), *(["--quick"] if quick else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            printed, said = process.communicate()
        except KeyboardInterrupt:
            process.wait()  # it was interrupted too, and has servers of its own to stop
            raise
    seconds = time.perf_counter() - started
    try:
        rows = [read_row(line) for line in printed.splitlines() if line.strip()]
    except ValueError as error:
        return Part(script.stem, [], f"not a row: {error}", seconds)
    if process.returncode == 0 and rows:
        return Part(script.stem, rows, None, seconds)
    last = "\n".join(said.splitlines()[-FAILED_LINES:])
    return Part(script.stem, rows, last or f"exit {process.returncode}, and no row or word about it", seconds)


def read_row(line: str) -> Row:
    """One row; ValueError when its keys are not the seven."""
    row = json.loads(line)
    if not isinstance(row, dict) or sorted(row) != sorted(COLUMNS):
        raise ValueError(line)
    return {name: row[name] for name in COLUMNS}


def write(out: Path, parts: Sequence[Part]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for part in parts for row in part.rows))


def show(console: Console, part: Part) -> None:
    table = Table(title=f"{part.name} ({part.seconds:.0f} s)", title_justify="left", show_edge=False)
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in ("value", "ratio") else "left")
    for row in part.rows:
        table.add_row(*(_cell(row[name]) for name in COLUMNS))
    console.print(table)
    if part.failure:
        console.print(f"{part.name} failed:", style="bold red")
        console.print(part.failure, markup=False)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; nothing was written")
