"""The roll waits for a full door, and never for ever."""

from __future__ import annotations

import asyncio

from ecoklit.limits import ROLL_WAITS_PUSHES_MIN
from ecoklit.services.patience import PatientJournal
from ecoklit.testing.memory_journal import MemoryJournal


class Door:
    """A door whose pushes in flight are told one look after the other; the last is told again."""

    def __init__(self, *in_flight: int) -> None:
        self.left = list(in_flight)
        self.looks = 0

    def __call__(self) -> int:
        self.looks += 1
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


async def test_events_are_read_when_the_door_has_room() -> None:
    """Below the bound nothing waits; at it, reading waits until the door has room again."""
    calm, full = Door(ROLL_WAITS_PUSHES_MIN - 1), Door(*[ROLL_WAITS_PUSHES_MIN] * 4, 0)
    assert await PatientJournal(MemoryJournal(), calm).read_events(0, 1) == []
    assert await PatientJournal(MemoryJournal(), full).read_events(0, 1) == []
    assert (calm.looks, full.looks) == (1, 5)


async def test_a_door_that_stays_full_does_not_stop_the_roll() -> None:
    """After the longest wait the reader has its turn, within which it is not made to wait again."""
    door = Door(10 * ROLL_WAITS_PUSHES_MIN)
    journal = PatientJournal(MemoryJournal(), door, waits_seconds_max=0.05)
    async with asyncio.timeout(10):
        await journal.read_events(0, 1)
        looks = door.looks
        await journal.read_events(0, 1)
    assert looks > 1 and door.looks == looks


async def test_nothing_else_waits() -> None:
    """Whatever a push needs of the journal is never kept waiting for the door."""
    door = Door(10 * ROLL_WAITS_PUSHES_MIN)
    journal = PatientJournal(MemoryJournal(), door)
    assert await journal.head("a" * 16) is None
    assert await journal.event("a" * 16, 1) is None
    assert await journal.persons_held("a" * 16, []) == frozenset()
    assert await journal.append([]) == []
    assert await journal.read_persons(0, 1) == []
    assert (await journal.last()).events == 0
    assert door.looks == 0
