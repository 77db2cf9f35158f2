"""What a service counts of itself: how long receipts were ahead of rows, and what was refused."""

from __future__ import annotations

from collections import Counter

import pytest

from ecoklit.core.admission import Refused
from ecoklit.ports import Push, Stale, Stored
from ecoklit.services.counts import MARKS_MAX, SECONDS, Counts


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_receipt_is_timed_until_its_rows_are_there() -> None:
    """Its time is from its being stored to the first checkpoint at or beyond its last event; then nothing waits."""
    clock = Clock()
    counts = Counts(clock)
    counts.stored(10, 5)
    clock.now += 2
    counts.stored(11, 1)
    assert counts.lag_seconds() == 2
    counts.projected(9)
    assert sum(counts.buckets) == 0
    clock.now += 1
    counts.projected(10)
    assert counts.lag_seconds() == 1 and counts.seconds == 3
    counts.projected(50)
    assert counts.lag_seconds() == 0 and counts.seconds == 4 and sum(counts.buckets) == 2
    assert counts.buckets[SECONDS.index(5.0)] == 1 and counts.buckets[SECONDS.index(1.0)] == 1


def test_what_waits_for_ever_is_counted_in_bounded_room() -> None:
    """While the database is away the oldest receipts stay timed, and no more than a bound of them."""
    clock = Clock()
    counts = Counts(clock)
    for position in range(MARKS_MAX + 500):
        counts.stored(position, 1)
    clock.now += 1000
    counts.projected(MARKS_MAX + 500)
    assert sum(counts.buckets) == counts.buckets[-1] == MARKS_MAX
    assert counts.events == counts.pushes == MARKS_MAX + 500


async def test_what_is_stored_and_what_is_refused_is_counted_once() -> None:
    """A push that lost a race is not stored; a refusal is counted by its code, and goes on to whoever pushed."""
    counts = Counts(lambda: 0.0)
    outcomes: list[Stored | Stale] = [Stale(), Stored(1, 3)]

    async def submit(_: Push) -> Stored | Stale:
        return outcomes.pop(0)

    for _ in range(2):
        await counts.counted_submit(submit)(Push("a" * 16, 0, (b"{}",) * 3))
    assert (counts.pushes, counts.events) == (1, 3)

    class Refusing:
        async def push(self, body: bytes) -> bytes:
            raise Refused("gap", "send from 3")

    service = counts.counted_service(Refusing())
    for _ in range(2):
        with pytest.raises(Refused):
            await service.push(b"")
    assert counts.refused == Counter(gap=2)
