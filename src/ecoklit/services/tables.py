"""A list of an area as one table, for a file: all rows of one moment, as whoever asks may see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple, Protocol

from ecoklit.errors import EcoklitError
from ecoklit.ports import Answer, AsOf, FiguresReader, TableColumn, order_of
from ecoklit.services.disclose import NOT_SUPERVISED, SUPERVISED_ONLY, SUPERVISOR, shown
from ecoklit.services.figures import LIKENESS, TPS_VOTERS_MAX
from ecoklit.services.lists import (
    CONFLICTS,
    DUPLICATES,
    FAMILIES,
    LARGE,
    LATE,
    MOVERS,
    PROGRESS,
    PROPOSALS,
    RECAP,
    List,
    level_below,
)

ROLL: Final = "roll"
TABLES: Final[Mapping[str, List]] = {
    "recap": RECAP, "movers": MOVERS, "conflicts": CONFLICTS, "proposals": PROPOSALS, "duplicates": DUPLICATES,
    "families": FAMILIES, "large": LARGE, "progress": PROGRESS, "late": LATE,
}  # fmt: skip
"""What can be had as a file beside the lists of voters themselves, by name."""

TABLE_ROWS_MAX: Final = 500_000
"""A table is in memory whole; beyond, its parts are asked for one by one."""


class Counts(Protocol):
    """The recap and what is open, now or at an earlier moment."""

    async def recap(self, area: str, level: str | None = None) -> Answer: ...

    async def conflicts(self, area: str) -> Answer: ...

    async def proposals(self, area: str) -> Answer: ...


class Table(NamedTuple):
    """A list as it goes into a file. `registry` is the position that it was judged by, `voters` how many it names."""

    as_of: AsOf
    registry: int
    columns: tuple[TableColumn, ...]
    rows: list[list[Any]]
    named: int

    async def voters(self, _: str) -> int:
        return self.named


async def table_of(what: str, area: str, counts: Counts, figures: FiguresReader, role: str, today: date) -> Table:
    """The table, in the order of the list; by which registry position it was judged is the caller's to say.

    Raises EcoklitError bad_argument, and as the readers do.
    """
    listed = TABLES[what]
    answer = await _ask(what, area, counts, figures)
    if len(answer.rows) > TABLE_ROWS_MAX:
        raise EcoklitError("bad_argument", f"That is more than {TABLE_ROWS_MAX} rows: ask for its parts one by one.")
    rows = [shown(row, role, today) for row in sorted(answer.rows, key=lambda row: order_of(row, listed.order))]
    columns = columns_for(listed, role)
    return Table(answer.as_of, 0, columns, [[row[column.name] for column in columns] for row in rows], _named(answer))


def columns_for(listed: List, role: str) -> tuple[TableColumn, ...]:
    """The columns of a list that a role is given."""
    kept = NOT_SUPERVISED if role == SUPERVISOR else SUPERVISED_ONLY
    return tuple(TableColumn(one.name, one.kind) for one in listed.columns if one.name not in kept)


async def _ask(what: str, area: str, counts: Counts, figures: FiguresReader) -> Answer:
    level = level_below(area)
    ask: Mapping[str, Callable[[], Awaitable[Answer]]] = {
        "recap": lambda: counts.recap(area),
        "movers": lambda: figures.movers(area),
        "conflicts": lambda: counts.conflicts(area),
        "proposals": lambda: counts.proposals(area),
        "duplicates": lambda: figures.duplicates(area, LIKENESS),
        "families": lambda: figures.split_families(area),
        "large": lambda: figures.large_tps(area, TPS_VOTERS_MAX),
        "progress": lambda: figures.progress(area, level),
        "late": lambda: figures.late(area),
    }
    return await ask[what]()


def _named(answer: Answer) -> int:
    voters = {row["voter"] for row in answer.rows if "voter" in row}
    members = {one for row in answer.rows if "voter" not in row for one in row.get("members", ())}
    return len(voters | members)
