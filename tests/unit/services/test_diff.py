"""A change list says all of what changed between two moments, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

import pytest

from ecoklit.contract import policies
from ecoklit.core.registry import Registry
from ecoklit.ports import AsOf, Mark, StoredEvent
from ecoklit.services.as_of import Moment, Past, past_at
from ecoklit.services.diff import CORRECTED, GONE, MOVED, MOVED_IN, MOVED_OUT, NEW, RETURNED, TMS, Change, changes
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory

AREAS = (REGENCY, "9404012001", "9404012001001")


class Kept:
    """`ports.PastReader` of a history in memory; its persons are all there from the beginning."""

    def __init__(self, history: RandomHistory) -> None:
        self._held = [one for one in history.held if one.regency == REGENCY]
        self.last = len(self._held)

    async def as_of(self, regency: str) -> AsOf:
        return AsOf(regency, ELECTION, self.last, 0)

    async def mark(self, regency: str, position: int) -> Mark | None:
        raise NotImplementedError

    async def mark_when(self, regency: str, moment: datetime) -> Mark | None:
        raise NotImplementedError

    async def rolls(self, regency: str) -> tuple[AsOf, int, dict[str, bytes]]:
        raise NotImplementedError

    async def placed(self, regency: str, area: str, after: str, voters_max: int) -> list[str]:
        # Everybody: whom no event ever placed in the area is passed over by whoever asks.
        return sorted({one.voter for one in self._held if one.voter > after})[:voters_max]

    async def events_until(self, regency: str, voters: Sequence[str], events: int, persons: int) -> list[StoredEvent]:
        return [
            StoredEvent(position, "", 0, one.event_bytes, one.person_bytes)
            for position, one in enumerate(self._held[:events], 1)
            if one.voter in voters
        ]

    async def held_until(self, regency: str, dots: Collection[tuple[str, int]], events: int) -> set[tuple[str, int]]:
        return {one.dot for one in self._held[:events]} & set(dots)


async def past(kept: Kept, events: int) -> Past:
    async def registry(_: int) -> Registry:
        return Registry(ELECTION, REGENCY)

    return await past_at(kept, registry, policies(), Moment(AsOf(REGENCY, ELECTION, events, 0), 0))


async def on_list(there: Past, area: str) -> dict[str, tuple[str, object]]:
    """Voter → TPS and particulars, of the list of the area."""
    return {
        one.row.voter: (one.row.tps, None if one.state.record is None else one.state.record.fields)
        async for one in there.voters(area)
        if one.state.decision.on_list and one.row.tps.startswith(area)
    }


async def listed(kept: Kept, area: str, earlier: int, later: int) -> list[Change]:
    return [one async for one in changes(await past(kept, earlier), await past(kept, later), area)]


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("seed", range(4))
async def test_it_says_all_that_changed(seed: int, area: str) -> None:
    """For every pair of moments: the change list turns the earlier list into the later one, names nobody twice, and
    nobody of whom nothing changed."""
    kept = Kept(RandomHistory(seed, events=150, lies=0.05))
    half = kept.last // 2
    for earlier, later in ((0, half), (half, kept.last), (kept.last, half)):
        before, after = [await on_list(await past(kept, at), area) for at in (earlier, later)]
        found = await listed(kept, area, earlier, later)
        kinds = {one.voter: one.kind for one in found}
        assert len(kinds) == len(found)
        for voter in {*before, *after}:
            kind = kinds.get(voter)
            if voter not in before:
                assert kind in (NEW, RETURNED, MOVED_IN)
            elif voter not in after:
                assert kind in (TMS, MOVED_OUT, GONE)
            elif before[voter][0] != after[voter][0]:
                assert kind == MOVED
            elif None not in (before[voter][1], after[voter][1]):
                assert kind == (CORRECTED if before[voter] != after[voter] else None)
        assert set(kinds) <= {*before, *after}
        count = Counter(kinds.values())
        came, went = (sum(count[kind] for kind in some) for some in ((NEW, RETURNED, MOVED_IN), (TMS, MOVED_OUT, GONE)))
        assert len(after) == len(before) + came - went


async def test_nothing_changed_between_a_moment_and_itself() -> None:
    """The change list from a moment to itself is empty."""
    kept = Kept(RandomHistory(9, events=100))
    assert await listed(kept, REGENCY, kept.last, kept.last) == []
