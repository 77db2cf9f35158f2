"""What analysts ask (projections/queries). Owned by the read side."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from ecoklit.ports.reading import Answer, AsOf


class Mark(NamedTuple):
    """What a step had applied: by stream sequence, by registry position, and when by the database's clock."""

    revision: int
    events: int
    persons: int
    registry: int
    at: datetime


class Edition(NamedTuple):
    """What the projection of a regency is now. Two answers of one build and revision are of the same rows.

    `generation` names the build, `revision` the number of steps that made it: unlike a position it also rises when the
    registry judges anew what was held already.
    """

    as_of: AsOf
    generation: str
    revision: int


class Order(NamedTuple):
    """A column by which a list is ordered: numbers may go down, text that is absent comes last, a day goes as text."""

    column: str
    descending: bool = False
    absent_last: bool = False
    as_text: bool = False


class Only(NamedTuple):
    """Rows whose column holds one of `values`; of a column of several words, at least one of them."""

    column: str
    values: tuple[object, ...]
    has_several: bool = False


class Wanted(msgspec.Struct, frozen=True):
    """Which rows of a list: those of `only`, beyond `after` in its order, at most `rows_max`.

    `after` are the values that the row before has in `order` (`order_of`), None for the beginning. The last columns of
    `order` are a key: no two rows have the same.
    """

    order: tuple[Order, ...]
    rows_max: int
    only: tuple[Only, ...] = ()
    after: tuple[object, ...] | None = None


def order_of(row: Mapping[str, Any], order: Sequence[Order]) -> tuple[Any, ...]:
    """Where a row stands in an order: what `Wanted.after` names it by."""
    place: list[Any] = []
    for one in order:
        value = row[one.column]
        if one.absent_last:
            place += [value is None, "" if value is None else value]
        elif one.descending:
            place.append(-value)
        elif one.as_text or isinstance(value, UUID):
            place.append(str(value))
        else:
            place.append([str(part) for part in value] if isinstance(value, list) else value)
    return tuple(place)


class Paged(NamedTuple):
    """Rows of one snapshot; of a TPS that was named also the digest of its roll."""

    edition: Edition
    rows: list[dict[str, Any]]
    digest: bytes | None


class FiguresReader(Protocol):
    """Lists and figures beyond the roll and the recap, each of one moment; raises as `RollReader`.

    Rows are those of the query or view of the same name, whose comments say what each column is. Whoever reads through
    a limited reader sees the rows of their areas and no other.
    """

    async def movers(self, area: str) -> Answer:
        """Everybody who moved from or to a TPS of the area, has left it, or is said to have left."""
        ...

    async def split_families(self, area: str) -> Answer:
        """Families on the lists of several TPS, of which one lies in the area."""
        ...

    async def large_tps(self, area: str, limit: int) -> Answer:
        """TPS of the area with more than `limit` voters on their list, the largest first."""
        ...

    async def duplicates(self, area: str, likeness_min: float) -> Answer:
        """Groups of voters who may be one person, one of whom stands in the area; a person decides.

        `likeness_min` is the least similarity (0 to 1) of the names of people born on one day.
        """
        ...

    async def progress(self, area: str, level: str) -> Answer:
        """Entries that count, by part of the area (district, village or tps), day and kind."""
        ...

    async def work(self, area: str) -> Answer:
        """Entries that count, by officer, TPS, day and kind."""
        ...

    async def disabled_work(self, area: str) -> Answer:
        """Voters with a disability whose coklit counts, by officer, TPS and day."""
        ...

    async def late(self, area: str) -> Answer:
        """Entries that came when coklit of their area was closed."""
        ...

    async def device_health(self, regency: str) -> Answer:
        """Of every device that sent anything: how much is held, parked and quarantined."""
        ...

    async def visits(self, area: str) -> Answer:
        """Field work that counts, by device and seq, with home and place where the entry has them."""
        ...


@runtime_checkable
class AnalystReader(FiguresReader, Protocol):
    """The same of now, each answer one snapshot, and pages of lists."""

    async def edition(self, regency: str) -> Edition:
        """What the projection is now, without reading a row of it."""
        ...

    async def page(
        self, name: str, regency: str, arguments: Sequence[object], wanted: Wanted, tps: str | None = None
    ) -> Paged:
        """The wanted rows of projections/queries/NAME.sql for its `arguments`; the digest of `tps` when it is given.

        `name` and the columns that `wanted` speaks of are the caller's own words, never a stranger's.
        """
        ...

    async def recap(self, area: str, level: str) -> Paged:
        """The counts of every area of `level` within `area`, by code; those of few people are None. Of a TPS with its
        digest."""
        ...

    async def province(self, province: str, level: str) -> tuple[list[AsOf], list[dict[str, Any]]]:
        """The recap of every part of that level in a province (2 digits), over the regencies that are projected here.

        One snapshot of them all, each with its own position. Level `province` is the sum over them.
        """
        ...

    async def out_of_count(self, regency: str) -> dict[str, int]:
        """How many events have each standing that is not `counted`."""
        ...

    async def mark_at(self, regency: str, position: int) -> Mark | None:
        """The step by which the event at `position` was judged; None where nothing reached it."""
        ...

    async def mark_when(self, regency: str, moment: datetime) -> Mark | None:
        """The last step that was applied by `moment`; None before the first."""
        ...
