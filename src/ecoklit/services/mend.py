"""Making a damaged journal anew: all that is sound goes into a fresh one, and what is missing comes from who has it.

A journal is never mended in place: its streams delete nothing, and nothing can be put where a message was lost. So
a fresh journal takes, in the old order and with what rode on them, the events of every log up to the last signed head
before its first fault. Copies from the projection close gaps that the hashes around them prove. What lies beyond, and
can be read, is left over: it is kept aside as pushes, for the day when what is missing before it has come. Its phone
has it too, and is asked for it at its next sync, since the journal begins a new epoch.

A crash in the middle leaves a fresh journal that nobody uses; the old one was only read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from ecoklit.core import ids, wire
from ecoklit.core.event import Malformed
from ecoklit.core.head import SignedHead
from ecoklit.core.limits import PUSH_EVENTS_MAX
from ecoklit.core.registry_event import read_line
from ecoklit.core.wire import Dot
from ecoklit.ports import (
    HEAD_HEADER,
    STAMP_HEADER,
    EventMessage,
    Journal,
    PersonMessage,
    Push,
    RegistryJournal,
    RegistryMessage,
    Stored,
    StoredEvent,
)
from ecoklit.services.inspect import Inspected, over_holes

LINES_AT_ONCE: Final = 500
Headers = tuple[tuple[str, str], ...]


class Mended(msgspec.Struct, frozen=True):
    """What the fresh journal holds, how much of it came from copies, and the pushes that are left over, by device."""

    events: int
    persons: int
    lines: int
    copied: int
    left: dict[str, list[bytes]]


async def mend(
    old: tuple[Journal, RegistryJournal],
    fresh: tuple[Journal, RegistryJournal],
    inspected: Inspected,
    copies: Mapping[Dot, StoredEvent],
) -> Mended:
    """Fill the `fresh` journals, which are empty, with what is sound in the `old` ones by `inspected`.

    `inspected` was made with the same `copies`. Raises JournalError; then the fresh journals are to be thrown away.
    """
    lines = await _copy_lines(old[1], fresh[1])
    writer = _Writer(fresh[0])
    left = _LeftOver(inspected.sound)
    last = await old[0].last()
    async for events in over_holes(old[0].read_events, last.events):
        for event in events if not isinstance(events, int) else ():
            if (seq := _seq_of(event)) is None:
                continue
            if seq > inspected.sound.get(event.device, 0):
                left.take(event, seq)
                continue
            await writer.fill(event.device, seq, copies)
            await writer.add(event.device, seq, event.payload, event.headers)
    await writer.flush()
    lacking = {dot: copy.person for dot, copy in copies.items() if dot[1] <= inspected.sound.get(dot[0], 0)}
    async for persons in over_holes(old[0].read_persons, last.persons):
        for person in persons if not isinstance(persons, int) else ():
            left.take_person(person)
            await writer.add_person(person.device, person.seq, person.payload)
            if lacking.get((person.device, person.seq)) == person.payload:
                del lacking[person.device, person.seq]
    for (device, seq), copied in sorted(lacking.items()):
        if copied is not None:
            await writer.add_person(device, seq, copied)
    await writer.flush()
    return Mended(writer.events, writer.persons, lines, writer.copied, left.pushes())


async def _copy_lines(old: RegistryJournal, fresh: RegistryJournal) -> int:
    """The registry up to its first hole: what comes after it would stand at another position, and mean another stamp.

    The office brings the rest, in its old order.
    """
    read = 0
    async for lines in over_holes(old.read, await old.last()):
        if isinstance(lines, int):
            break
        for line in lines:
            if not _is_line(line):
                return read
            head = await fresh.head(line.device)
            outcome = await fresh.append(line.device, head.sequence if head else 0, [line.payload])
            assert isinstance(outcome, Stored), "somebody else writes the fresh registry"
            read += 1
    return read


def _is_line(message: RegistryMessage) -> bool:
    try:
        return read_line(message.payload).device == message.device
    except Malformed:
        return False


class _Writer:
    """Appends in the old order, many logs at a time, each log's events with what rode on them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._ends: dict[str, tuple[int, int]] = {}  # device → seq, and stream sequence once it is stored
        self._events: dict[str, list[tuple[bytes, Headers]]] = {}
        self._persons: dict[str, list[tuple[int, bytes]]] = {}
        self._waiting = 0
        self.events = self.persons = self.copied = 0

    async def fill(self, device: str, before: int, copies: Mapping[Dot, StoredEvent]) -> None:
        """The events of the gap that ends before seq `before`, from copies; each with the stamp that it had."""
        for seq in range(self._end(device)[0] + 1, before):
            copy = copies[device, seq]
            await self.add(device, seq, copy.body, ((STAMP_HEADER, str(copy.stamp)),))
            self.copied += 1

    async def add(self, device: str, seq: int, payload: bytes, headers: Headers) -> None:
        self._events.setdefault(device, []).append((payload, headers))
        self._ends[device] = (seq, self._end(device)[1])
        self.events += 1
        await self._count()

    async def add_person(self, device: str, seq: int, payload: bytes) -> None:
        self._persons.setdefault(device, []).append((seq, payload))
        self.persons += 1
        await self._count()

    def _end(self, device: str) -> tuple[int, int]:
        return self._ends.get(device, (0, 0))

    async def _count(self) -> None:
        self._waiting += 1
        if self._waiting >= PUSH_EVENTS_MAX:
            await self.flush()

    async def flush(self) -> None:
        """Store what waits; durable on return."""
        pushes = [
            _push(device, self._end(device)[1], self._events.get(device, []), self._persons.get(device, []))
            for device in dict.fromkeys([*self._events, *self._persons])
        ]
        for push, outcome in zip(pushes, await self._journal.append(pushes) if pushes else [], strict=True):
            assert isinstance(outcome, Stored), "somebody else writes the fresh journal"
            if push.events:
                self._ends[push.device] = (self._end(push.device)[0], outcome.last)
        self._events, self._persons, self._waiting = {}, {}, 0


def _push(device: str, after: int, events: list[tuple[bytes, Headers]], persons: list[tuple[int, bytes]]) -> Push:
    return Push(
        device,
        after,
        tuple(payload for payload, _ in events),
        tuple(persons),
        first_headers=events[0][1] if events else (),
        later_headers=tuple(
            (index, name, value) for index, (_, headers) in enumerate(events) if index > 0 for name, value in headers
        ),
    )


class _LeftOver:
    """What can be read beyond the sound end of a log."""

    def __init__(self, sound: Mapping[str, int]) -> None:
        self._sound = sound
        self._events: dict[str, dict[int, EventMessage]] = {}
        self._persons: dict[Dot, bytes] = {}

    def take(self, event: EventMessage, seq: int) -> None:
        self._events.setdefault(event.device, {})[seq] = event

    def take_person(self, person: PersonMessage) -> None:
        if person.seq > self._sound.get(person.device, 0):
            self._persons[person.device, person.seq] = person.payload

    def pushes(self) -> dict[str, list[bytes]]:
        """Device → its pushes, as lines: events, and after each signed head that was there the head."""
        return {device: list(self._lines(device, events)) for device, events in sorted(self._events.items())}

    def _lines(self, device: str, events: Mapping[int, EventMessage]) -> Iterator[bytes]:
        for seq, event in sorted(events.items()):
            yield wire.write(event.payload, self._persons.get((device, seq)))
            signature = dict(event.headers).get(HEAD_HEADER)
            if signature is not None:
                yield SignedHead(device, ids.to_base64url(ids.sha256(event.payload)), seq, signature).line


def _seq_of(event: EventMessage) -> int | None:
    """The seq of an event that is its device's own; None for what is not."""
    try:
        held = wire.hold(event.payload, None)
    except Malformed:
        return None
    return held.seq if held.device == event.device else None
