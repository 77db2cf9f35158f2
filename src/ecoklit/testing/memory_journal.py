"""A journal in memory: it keeps every promise of the real one, lets other tasks run wherever the real one would,
refuses what the real one lets pass, and fails on demand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Literal, NamedTuple

from ecoklit.core import wire
from ecoklit.core.ids import ZERO_HASH, from_base64url
from ecoklit.ports import (
    EventMessage,
    Head,
    JournalFull,
    JournalHole,
    JournalUnavailable,
    PersonMessage,
    Position,
    Push,
    Stale,
    Stored,
    check_pushes,
)

Fault = Literal["refused", "applied", "events_only", "persons_only", "full"]
"""What happens to an append: nothing is stored; everything is stored and the answer is lost; or one of the two commits
went through; each of these ends in JournalUnavailable. `full` stores nothing and ends in JournalFull."""


class _EventAt(NamedTuple):
    device: str
    payload: bytes
    headers: tuple[tuple[str, str], ...]


class MemoryJournal:
    """Keeps the promises of `ecoklit.ports.Journal`, but for durability.

    Stricter than the real one: a push that does not continue its device's log by seq and prev is a fault of the service
    that let it through, and an AssertionError. The orphans that the real one *may* leave behind, it always leaves.
    """

    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict
        self._events: list[_EventAt] = []
        self._persons: list[tuple[str, int, bytes] | None] = []
        self._heads: dict[str, int] = {}
        self._holes: set[int] = set()
        self._faults: deque[Fault | None] = deque()
        self._commit = asyncio.Lock()
        self.unavailable = False
        self.appends = 0

    def fail_next(self, *faults: Fault | None) -> None:
        """The faults of the next appends, one each; None lets one pass."""
        self._faults.extend(faults)

    def lose(self, sequence: int) -> None:
        """Make one stored event unreadable, as a flipped bit on the disk does."""
        self._holes.add(sequence)

    def erase_person(self, device: str, seq: int) -> None:
        """Delete every copy of one person, as an erasure does."""
        self._persons = [
            None if person is not None and person[:2] == (device, seq) else person for person in self._persons
        ]

    async def append(self, pushes: Sequence[Push]) -> list[Stored | Stale]:
        check_pushes(pushes)
        await self._reachable()
        async with self._commit:
            self.appends += 1
            fault = self._faults.popleft() if self._faults else None
            if fault == "full":
                raise JournalFull("The journal in memory was told to be full: send this again.")
            if fault in (None, "applied", "persons_only"):
                self._store_persons(pushes)
            if fault in (None, "applied", "events_only"):
                outcomes = [self._store_events(push) for push in pushes]
            await asyncio.sleep(0)
        if fault is not None:
            raise JournalUnavailable(f"The journal in memory was told to fail ({fault}): send this again.")
        return outcomes

    async def head(self, device: str) -> Head | None:
        await self._reachable()
        sequence = self._heads.get(device)
        if sequence is None:
            return None
        last = self._events[sequence - 1]
        held = wire.hold(last.payload, None)
        return Head(held.seq, held.hash, sequence, held.event_bytes, last.headers)

    async def event(self, device: str, seq: int) -> Head | None:
        await self._reachable()
        for sequence, event in enumerate(self._events, start=1):
            if event.device == device and sequence not in self._holes:
                held = wire.hold(event.payload, None)
                if held.seq == seq:
                    return Head(seq, held.hash, sequence, held.event_bytes)
        return None

    async def persons_held(self, device: str, persons: Sequence[tuple[int, bytes]]) -> frozenset[int]:
        await self._reachable()
        last = {(person[0], person[1]): person[2] for person in self._persons if person is not None}
        return frozenset(seq for seq, payload in persons if last.get((device, seq)) == payload)

    async def read_events(self, after: int, limit: int) -> list[EventMessage]:
        await self._reachable()
        read: list[EventMessage] = []
        for sequence, event in enumerate(self._events[after : after + limit], start=after + 1):
            if sequence in self._holes:
                break
            read.append(EventMessage(sequence, event.device, event.payload, event.headers))
        if not read and len(self._events) > after and limit > 0:
            raise JournalHole(f"Event {after + 1} cannot be read: restore the journal.", after + 1)
        return read

    async def read_persons(self, after: int, limit: int) -> list[PersonMessage]:
        await self._reachable()
        read = [
            PersonMessage(sequence, *person)
            for sequence, person in enumerate(self._persons[after:], start=after + 1)
            if person is not None
        ]
        return read[: max(limit, 0)]

    async def last(self) -> Position:
        await self._reachable()
        return Position(len(self._events), len(self._persons))

    async def _reachable(self) -> None:
        await asyncio.sleep(0)
        if self.unavailable:
            raise JournalUnavailable("The journal in memory was told to be away: send this again.")

    def _store_persons(self, pushes: Sequence[Push]) -> None:
        self._persons.extend((push.device, seq, payload) for push in pushes for seq, payload in push.persons)

    def _store_events(self, push: Push) -> Stored | Stale:
        if not push.events:
            return Stored(push.after, push.after)
        if self._heads.get(push.device, 0) != push.after:
            return self._stale_or_stored(push)
        if self._strict:
            self._assert_chained(push)
        first = len(self._events) + 1
        last = len(self._events) + len(push.events)
        for index, payload in enumerate(push.events):
            self._events.append(_EventAt(push.device, payload, push.headers_at(index)))
        self._heads[push.device] = last
        return Stored(first, last)

    def _stale_or_stored(self, push: Push) -> Stored | Stale:
        last = self._heads.get(push.device, 0)
        first = last - len(push.events) + 1
        if first <= push.after or [(event.device, event.payload) for event in self._events[first - 1 : last]] != [
            (push.device, payload) for payload in push.events
        ]:
            return Stale()
        if sorted(self._events[last - 1].headers) != sorted(push.headers_at(len(push.events) - 1)):
            return Stale()
        return Stored(first, last)

    def _assert_chained(self, push: Push) -> None:
        head = wire.hold(self._events[push.after - 1].payload, None) if push.after else None
        seq, last_hash = (head.seq, head.hash) if head else (0, ZERO_HASH)
        for payload in push.events:
            held = wire.hold(payload, None)
            assert held.device == push.device, "an event of another device in a push"
            assert held.seq == seq + 1, f"seq {held.seq} after {seq}"
            assert from_base64url(held.prev) == last_hash, f"the prev of seq {held.seq} is not its predecessor's hash"
            seq, last_hash = held.seq, held.hash
