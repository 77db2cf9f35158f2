"""What was held at an earlier moment (services/as_of). Owned by the read side."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from ecoklit.ports.analyst import Mark
from ecoklit.ports.reading import AsOf, StoredEvent


class ListedThen(NamedTuple):
    """Somebody on a list, and the particulars by which two voters look like one person (None when they are absent)."""

    voter: str
    tps: str
    nik: str | None
    nkk: str | None
    birth_date: str | None
    sex: str | None
    name: str | None


class PastReader(Protocol):
    """The events as they were at an earlier moment. Raises as `RollReader`.

    An event never changes and never goes, so several calls speak of one moment; what was erased since is gone there.
    """

    async def as_of(self, regency: str) -> AsOf:
        """How far the regency is projected now."""
        ...

    async def mark(self, regency: str, position: int) -> Mark | None:
        """The last mark of that very position, else that of the step that went past it; None where nothing did."""
        ...

    async def mark_when(self, regency: str, moment: datetime) -> Mark | None:
        """The last step that was applied by `moment`; None before the first."""
        ...

    async def rolls(self, regency: str) -> tuple[AsOf, int, dict[str, bytes]]:
        """How far the regency is projected, by which registry position, and the digests of its areas: one snapshot."""
        ...

    async def placed(self, regency: str, area: str, after: str, voters_max: int) -> list[str]:
        """The next voters beyond `after` ("" for the first) that any event ever placed in the area, by id."""
        ...

    async def tps_placed(self, regency: str, area: str) -> list[str]:
        """Every TPS of the area that any event ever named for a voter, by code."""
        ...

    async def events_until(self, regency: str, voters: Sequence[str], events: int, persons: int) -> list[StoredEvent]:
        """Every event about these voters up to position `events`, with persons up to `persons`, in order of arrival.

        Their `standing` is today's.
        """
        ...

    async def held_until(self, regency: str, dots: Collection[tuple[str, int]], events: int) -> set[tuple[str, int]]:
        """Those of these (device, seq) whose event was held at position `events`."""
        ...

    async def strays_until(self, regency: str, events: int) -> list[StoredEvent]:
        """The events up to position `events` that no right covers, which those about another regency's roll are."""
        ...

    async def heard(self, regency: str, positions: Sequence[int]) -> dict[int, datetime]:
        """Position → when the step that took in the event there was applied, by the database's clock."""
        ...

    async def alike(
        self, regency: str, area: str, likeness_min: float, listed: Sequence[ListedThen]
    ) -> list[dict[str, Any]]:
        """The rows of `AnalystReader.duplicates`, were `listed` all the lists of the regency; `nik` and `nkk` whole."""
        ...
