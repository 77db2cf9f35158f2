"""Replays of a journal from its bytes alone, to compare with what the service shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

import msgspec

from ecoklit.core import roll, wire
from ecoklit.core.bulk import fold_lines
from ecoklit.core.merkle import leaf_hash
from ecoklit.core.policy import Policy
from ecoklit.core.wire import Dot
from ecoklit.ports import Journal

READ_MESSAGES_MAX: Final = 5_000
REPEATED_EVERY: Final = 10
"""Of a replay's events, each tenth is received twice: doubles must change nothing."""


class JournalEvent(NamedTuple):
    """An event as the journal holds it, with the last stored copy of its person if there is one."""

    event_bytes: bytes
    person_bytes: bytes | None

    @property
    def line(self) -> bytes:
        return wire.write(self.event_bytes, self.person_bytes)


async def journal_events(journal: Journal) -> AsyncIterator[list[JournalEvent]]:
    """All that `journal` holds, in its order, some thousand events at a time."""
    persons = _Persons(journal)
    after = 0
    while messages := await journal.read_events(after, READ_MESSAGES_MAX):
        after = messages[-1].sequence
        dots = [_named(message.payload) for message in messages]
        found = await persons.take([dot for dot in dots if dot is not None])
        yield [
            JournalEvent(message.payload, None if dot is None else found.get(dot))
            for message, dot in zip(messages, dots, strict=True)
        ]


class _Glance(msgspec.Struct):
    device: str
    seq: int
    person: str | None = None


_GLANCE: Final = msgspec.json.Decoder(_Glance)


def _named(payload: bytes) -> Dot | None:
    """The dot of an event that commits to a person."""
    try:
        glance = _GLANCE.decode(payload)
    except msgspec.MsgspecError:
        return None
    return None if glance.person is None else (glance.device, glance.seq)


class _Persons:
    """The persons of a journal, read no further than the events that ask for them: both were written together."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._after = 0
        self._ahead: dict[Dot, bytes] = {}

    async def take(self, dots: Sequence[Dot]) -> dict[Dot, bytes]:
        missing = {dot for dot in dots if dot not in self._ahead}
        while missing:
            messages = await self._journal.read_persons(self._after, READ_MESSAGES_MAX)
            if not messages:
                break
            self._after = messages[-1].sequence
            for message in messages:
                self._ahead[message.device, message.seq] = message.payload
                missing.discard((message.device, message.seq))
        return {dot: self._ahead.pop(dot) for dot in dots if dot in self._ahead}


class Replay(NamedTuple):
    """What a fold of the journal came to: `digests` by code; `on_list` counts voters by TPS; faults by name."""

    digests: dict[str, bytes]
    on_list: dict[str, int]
    voters: int
    faults: dict[str, int]
    parked: int


def replay(lines: Sequence[bytes], policies: Mapping[str, Policy], seed: int) -> Replay:
    """The fold of `lines` in an order that follows from `seed`, with each tenth received twice."""
    shuffled = [*lines, *lines[seed % REPEATED_EVERY :: REPEATED_EVERY]]
    Random(seed).shuffle(shuffled)
    folded = fold_lines(shuffled, policies)
    leaves = ((one.tps, one.voter, leaf_hash(one.decision_bytes)) for one in folded.entries)
    on_list = Counter(one.tps for one in folded.entries if _DECISION.decode(one.decision_bytes).on_list)
    return Replay(
        roll.digests(leaves),
        dict(on_list),
        len(folded.entries),
        dict(Counter(fault.name for fault in folded.faults)),
        folded.parked_count,
    )


class _OnList(msgspec.Struct):
    on_list: bool


_DECISION: Final = msgspec.json.Decoder(_OnList)


class Waits:
    """Counts, in the journal's order, events that arrived before something that they name: parked, then released."""

    def __init__(self) -> None:
        self.waited = 0
        self._heads: dict[str, int] = {}

    def see(self, events: Sequence[JournalEvent]) -> None:
        for event in events:
            clock = _CLOCK.decode(event.event_bytes)
            self._heads[clock.device] = clock.seq
            self.waited += any(self._heads.get(device, 0) < seq for device, seq in clock.clock.items())


class _Clock(msgspec.Struct):
    device: str
    seq: int
    clock: dict[str, int]


_CLOCK: Final = msgspec.json.Decoder(_Clock)
