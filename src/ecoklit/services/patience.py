"""The projector's journal in a service whose door is full: pushes come first, the roll follows when they let it.

Both share one core. A push that waits keeps a phone, and its officer, waiting; a roll that trails by some seconds more
keeps nobody, and its answers say as of when they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ecoklit.limits import ROLL_TURN_SECONDS, ROLL_WAITS_PUSHES_MIN, ROLL_WAITS_SECONDS_MAX
from ecoklit.ports import EventMessage, Head, Journal, PersonMessage, Position, Push, Stale, Stored

LOOK_SECONDS = 0.02


class PatientJournal(Journal):
    """`journal`, whose events are read when less than `ROLL_WAITS_PUSHES_MIN` are `in_flight` at the door, or when the
    reader has waited for `ROLL_WAITS_SECONDS_MAX`: then for a turn of `ROLL_TURN_SECONDS`. All else is as it is there.
    """

    def __init__(
        self, journal: Journal, in_flight: Callable[[], int], waits_seconds_max: float = ROLL_WAITS_SECONDS_MAX
    ) -> None:
        self._journal = journal
        self._in_flight = in_flight
        self._waits_seconds_max = waits_seconds_max
        self._turn_until = 0.0

    async def read_events(self, after: int, limit: int) -> list[EventMessage]:
        await self._wait_for_turn()
        return await self._journal.read_events(after, limit)

    async def _wait_for_turn(self) -> None:
        now = asyncio.get_running_loop().time
        if now() < self._turn_until or not self._is_full():
            return
        waited_until = now() + self._waits_seconds_max
        while self._is_full():
            if now() >= waited_until:
                break
            await asyncio.sleep(LOOK_SECONDS)
        self._turn_until = now() + ROLL_TURN_SECONDS

    def _is_full(self) -> bool:
        return self._in_flight() >= ROLL_WAITS_PUSHES_MIN

    async def append(self, pushes: Sequence[Push]) -> list[Stored | Stale]:
        return await self._journal.append(pushes)

    async def head(self, device: str) -> Head | None:
        return await self._journal.head(device)

    async def event(self, device: str, seq: int) -> Head | None:
        return await self._journal.event(device, seq)

    async def persons_held(self, device: str, persons: Sequence[tuple[int, bytes]]) -> frozenset[int]:
        return await self._journal.persons_held(device, persons)

    async def read_persons(self, after: int, limit: int) -> list[PersonMessage]:
        return await self._journal.read_persons(after, limit)

    async def last(self) -> Position:
        return await self._journal.last()
