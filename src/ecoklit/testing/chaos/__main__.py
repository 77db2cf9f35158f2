"""`make chaos`: every part in turn, as one table and as JSON lines in bench/out/chaos.json.

A part is a module of this package with `run(options) -> list[Row]`. A part that this machine cannot run (no root, no
loop devices) says so in one sentence, and is shown as not run.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from ecoklit.testing.chaos.options import CannotRun, Options
from ecoklit.testing.chaos.table import NOT_COMPARED, Row, show, write

PARTS: Final = (
    "kill", "power", "order", "full", "stopped", "links", "proxy", "rot", "brokers", "storm", "fuzz",
)  # fmt: skip
OUT: Final = Path("bench/out/chaos.json")


def main(words: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    options = Options(arguments.seed, arguments.quick)
    console = Console()
    rows: list[Row] = []
    # A part cleans up in `finally`: mounts, links and processes go also when whoever runs it ends it.
    signal.signal(signal.SIGTERM, _interrupt)
    for name in arguments.only or PARTS:
        with console.status(f"{name} …"):
            rows += run_part(name, options)
    show(rows, console)
    write(arguments.out, rows)
    console.print(f"{arguments.out}: {len(rows)} rows, seed {options.seed}")
    return 0 if all(row.holds for row in rows) else 1


def run_part(name: str, options: Options) -> list[Row]:
    """The rows of one part; one row that does not hold when it cannot run or fails."""
    started = time.monotonic()
    try:
        rows = importlib.import_module(f"ecoklit.testing.chaos.{name}").run(options)
    except CannotRun as why:
        return [Row(name, 0, {}, 0, 0, 0, NOT_COMPARED, False, f"not run: {why.message}")]
    except Exception as error:
        traceback.print_exc()
        return [Row(name, 0, {}, 0, 0, 0, NOT_COMPARED, False, f"failed: {type(error).__name__}: {error}")]
    seconds = time.monotonic() - started
    print(f"{name}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return list(rows)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ecoklit.testing.chaos", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", action="append", choices=PARTS, help="run this part (may be repeated)")
    parser.add_argument("--seed", type=int, default=1, help="which moments and which victims (default 1)")
    parser.add_argument("--quick", action="store_true", help="a short form of each part: no figures to quote")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE", help="where the JSON lines go")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; nothing was written")
