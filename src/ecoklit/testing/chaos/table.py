"""What chaos found, as one table for people and as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

EQUAL: Final = "equal"
DIFFER: Final = "DIFFER"
NOT_COMPARED: Final = "-"
HOLDS: Final = "holds"
LOSES_AS_IT_MUST: Final = "loses, as it must"

_WIDTH: Final = 170
_COLUMNS: Final = ("part", "rounds", "faults", "acknowledged", "lost", "doubled", "digests", "verdict", "seen")
_NUMBERS: Final = ("rounds", "acknowledged", "lost", "doubled")


class Row(NamedTuple):
    """One line of the table.

    `faults` maps each kind to how often it was inflicted; the three counts are of events; `digests` is `equal`,
    `DIFFER` or `-`; `holds` says whether the promise held (of a control: whether it lost, as it must); `seen` is what
    else a person should know.
    """

    part: str
    rounds: int
    faults: Mapping[str, int]
    acknowledged: int
    lost: int
    doubled: int
    digests: str
    holds: bool
    verdict: str
    seen: str = ""


def judged(part: str, rounds: int, faults: Mapping[str, int], counts: tuple[int, int, int], **more: Any) -> Row:
    """A row that holds when nothing is lost, nothing doubled, no digest differs, and `against` names nothing.

    `counts` are (acknowledged, lost, doubled).
    """
    against: list[str] = [*more.pop("against", ())]
    acknowledged, lost, doubled = counts
    digests: str = more.pop("digests", NOT_COMPARED)
    if not acknowledged:
        against.append("nothing was acknowledged, so nothing was proved")
    if not faults or not all(faults.values()):
        against.append("a fault was never inflicted")
    holds = not against and not lost and not doubled and digests != DIFFER
    verdict = HOLDS if holds else "; ".join(against) or "BROKEN"
    return Row(part, rounds, faults, acknowledged, lost, doubled, digests, holds, verdict, **more)


def control(part: str, rounds: int, faults: Mapping[str, int], acknowledged: int, lost: int, seen: str = "") -> Row:
    """The row of a set-up that is known to be unsafe: it holds when something was lost."""
    verdict = LOSES_AS_IT_MUST if lost else "lost nothing: the test cannot fail"
    return Row(part, rounds, faults, acknowledged, lost, 0, NOT_COMPARED, lost > 0, verdict, seen)


def show(rows: Iterable[Row], console: Console | None = None) -> None:
    console = console or Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH, file=console.file)
    table = Table(show_edge=False)
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name in _NUMBERS else "left")
    for row in rows:
        faults = ", ".join(f"{count} {kind}" for kind, count in row.faults.items())
        counts = (f"{count:,}" for count in (row.acknowledged, row.lost, row.doubled))
        style = None if row.holds else "bold red"
        table.add_row(row.part, str(row.rounds), faults, *counts, row.digests, row.verdict, row.seen, style=style)
    console.print(table)


def write(out: Path, rows: Iterable[Row]) -> None:
    """One JSON object a line."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(row._asdict(), ensure_ascii=False) + "\n" for row in rows))
