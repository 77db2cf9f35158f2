"""What people look back at over HTTP: stages, what changed between two of them, windows, and pairs of moves.

Everything here is asked by a `Viewer`. What is folded again, or compared person by person, is done for one at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any, Final

import msgspec

from ecoklit.core.registry import Registry
from ecoklit.errors import EcoklitError
from ecoklit.ports import AnalystReader, AsOf, PeopleReader
from ecoklit.services.as_of import Moment, Past, moment_in
from ecoklit.services.diff import Change, changes
from ecoklit.services.disclose import shown
from ecoklit.services.marks import alone_of, pairs, row_of
from ecoklit.services.read_log import Shown
from ecoklit.services.stages import STAGES, StageSet, stage_for, stages_of
from ecoklit.services.viewer import Viewer
from ecoklit.services.windows import WindowReport, window_report

NOW: Final = "now"
CHANGES_DIGITS_MIN: Final = 10
"""The change list of more than a village takes a minute of folding: that is for the terminal."""
WAITING_MAX: Final = 4


class ChangeList(msgspec.Struct, frozen=True):
    """The changes on the list of an area from the moment `earlier` to the moment `later`."""

    area: str
    earlier: AsOf
    later: AsOf
    rows: list[dict[str, Any]]


class PairList(msgspec.Struct, frozen=True):
    """Pairs of halves, and the moves out of the area of which no other half was found (`services.marks.Pairs`)."""

    as_of: AsOf
    area: str
    rows: list[dict[str, Any]]
    alone: list[dict[str, Any]]


class Retrospect:
    """Answers for one regency."""

    def __init__(
        self,
        *,
        regency: str,
        registry: Callable[[], Awaitable[Registry]],
        reader_for: Callable[[Viewer], AnalystReader],
        past: Callable[[int | datetime | Moment], Awaitable[Past]],
        people: PeopleReader,
        key: Callable[[], bytes],
        today: Callable[[], date],
        disclose: Callable[[Viewer, Shown], Awaitable[None]],
    ) -> None:
        """`people` is the service's own reader; `key` gives 32 bytes of chance at each call."""
        self._regency = regency
        self._registry = registry
        self._reader_for = reader_for
        self._past = past
        self._people = people
        self._key = key
        self._today = today
        self._disclose = disclose
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def stages(self, viewer: Viewer, area: str) -> list[StageSet]:
        """The stages of the area's list and of what holds it or lies in it. Raises EcoklitError not_your_area."""
        self._demand(viewer, area)
        found = stages_of(await self._registry())
        return [one for one in found if one.area.startswith(area) or area.startswith(one.area)]

    async def windows(self, viewer: Viewer, area: str) -> WindowReport:
        """When coklit of the area was open, and what came late. Raises EcoklitError not_your_area."""
        self._demand(viewer, area)
        return await window_report(self._reader_for(viewer), await self._registry(), area)

    async def changes(self, viewer: Viewer, area: str, earlier: str, later: str, request: str = "") -> ChangeList:
        """What changed on the area's list between two moments: a stage, a position, a time, or `now`.

        Raises EcoklitError not_your_area, bad_argument, unknown_stage, not_projected, service_busy, reading_locked.
        """
        self._demand(viewer, area)
        if len(area) < CHANGES_DIGITS_MIN:
            raise EcoklitError(
                "bad_argument", "Ask for the changes of a village or a TPS here; 'ecoklit diff' gives those of more."
            )
        async with self._turn():
            was, now = await self._moment(earlier, area), await self._moment(later, area)
            found = [change async for change in changes(was, now, area)]
        as_of = now.moment.as_of
        await self._disclose(viewer, Shown("changes", area, len(found), as_of.events, request))
        return ChangeList(area, was.moment.as_of, as_of, [self._change(viewer, change) for change in found])

    async def pairs(self, viewer: Viewer, area: str, request: str = "") -> PairList:
        """Halves of moves between the area and other regencies here that may be one, for whoever sees both ends.

        Raises EcoklitError not_your_area, service_busy, reading_locked.
        """
        self._demand(viewer, area)
        async with self._turn():
            as_of = await self._people.as_of(self._regency)
            found = await pairs(self._people, area, self._key(), viewer.areas)
        named = 2 * len(found.pairs) + len(found.alone)
        await self._disclose(viewer, Shown("pairs", area, named, as_of.events, request))
        rows = [shown(row_of(one), viewer.role, self._today()) for one in found.pairs]
        return PairList(as_of, area, rows, [alone_of(one) for one in found.alone])

    def _demand(self, viewer: Viewer, area: str) -> None:
        viewer.demand(area)
        if not area.startswith(self._regency):
            raise EcoklitError("not_projected", f"This is answered by the service of {area[:4]} itself: ask there.")

    async def _moment(self, said: str, area: str) -> Past:
        if said in STAGES:
            return await self._past(stage_for(await self._registry(), said, area).moment)
        if said == NOW:
            return await self._past((await self._people.as_of(self._regency)).events)
        return await self._past(moment_in(said))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING_MAX:
            raise EcoklitError("service_busy", "Many ask for this now: ask again after Retry-After.")
        self._waiting += 1
        try:
            async with self._lock:
                yield
        finally:
            self._waiting -= 1

    def _change(self, viewer: Viewer, change: Change) -> dict[str, Any]:
        return shown(msgspec.structs.asdict(change), viewer.role, self._today())
