"""Reading a whole journal and naming everything in it that is missing, or not what was admitted (SPEC §7, §9).

The check itself is pure: an `Inspector` is given what a journal holds, in the journal's order, and says what is wrong
with it. It needs nobody's word. Each event names the one before it by hash, a signed head vouches for all before it,
and an event commits to its person; so what a broker lost, changed or put elsewhere shows. What no log can show by
itself is that its last events are gone: for that there are proofs from outside, receipts that phones kept and the ends
of the logs as the projection saw them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec

from ecoklit.core import ids, wire
from ecoklit.core.admission import BAD_SIGNATURE, BROKEN_CHAIN, EQUIVOCATION, GAP, MALFORMED, UNKNOWN_DEVICE
from ecoklit.core.event import Malformed
from ecoklit.core.push_file import kind_of, lines_of
from ecoklit.core.receipt import read_receipt
from ecoklit.core.registry import Registry, Void, extended
from ecoklit.core.registry_event import SignedRegistry, read_line
from ecoklit.core.signing import head_message
from ecoklit.core.wire import Dot, Held
from ecoklit.ports import (
    HEAD_HEADER,
    EventMessage,
    Journal,
    JournalHole,
    PersonMessage,
    RegistryJournal,
    RegistryMessage,
    StoredEvent,
)

READ_MESSAGES_MAX: Final = 5_000

UNREADABLE: Final = "unreadable"
"""The broker counts a message there and cannot give it."""
MISSING: Final = "missing"
"""Events of a log are not there, and later ones are."""
MISPLACED: Final = "misplaced"
"""The event is of another device, or repeats a seq of its log."""
UNSIGNED: Final = "unsigned"
"""No signed head vouches for the end of a log."""
SHORTER: Final = "shorter"
"""Somebody has proof of events beyond the end of a log."""
OTHER_EVENT: Final = "other_event"
"""Somebody has proof that another event stood there."""
PERSON_MISSING: Final = "person_missing"
"""No copy of the person that the event commits to is there; it may never have been sent."""

_OF_LINES: Final = (BAD_SIGNATURE, BROKEN_CHAIN, EQUIVOCATION, GAP, MALFORMED, UNKNOWN_DEVICE)
"""What a void registry line is called when the line itself is at fault, and not its author's right."""

Message = TypeVar("Message", EventMessage, PersonMessage, RegistryMessage)


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong, by its name: in which stream and at which position (0 where it has none), and of which
    events, from `seq` to `last` of `device` ("" and 0 where nobody can tell)."""

    name: str
    stream: str
    position: int
    device: str
    seq: int
    last: int
    why: str


class Proof(NamedTuple):
    """That the log of `device` had this event at `seq`, and who says so."""

    device: str
    seq: int
    hash: bytes
    by: str


class Inspected(msgspec.Struct, frozen=True):
    """What an inspection found. `sound` is, of each log, the seq up to which a signed head vouches for an unbroken
    chain; `absent` the events whose person is not there."""

    events: int
    persons: int
    lines: int
    faults: list[Fault]
    sound: dict[str, int]
    absent: list[Dot]

    @property
    def gaps(self) -> list[Dot]:
        """The dots of all events that are missing between others."""
        return [
            (fault.device, seq)
            for fault in self.faults
            if fault.name == MISSING
            for seq in range(fault.seq, min(fault.last, fault.seq + READ_MESSAGES_MAX) + 1)
        ]


class _Log:
    """One device's log, as far as it was read."""

    __slots__ = ("hash", "is_broken", "position", "seq", "sound")

    def __init__(self) -> None:
        self.seq = 0
        self.hash = ids.ZERO_HASH
        self.position = 0
        self.sound = 0
        self.is_broken = False


class Inspector:
    """Takes what one journal holds, in its order: the registry's lines, the events, the persons. Then `found`.

    `copies` are exact copies from elsewhere: one that fits between its neighbours closes a gap. Memory grows with the
    devices, and with the persons that an event names and that have not come yet.
    """

    def __init__(
        self,
        election: str,
        regency: str,
        *,
        proofs: Iterable[Proof] = (),
        copies: Mapping[Dot, StoredEvent] | None = None,
    ) -> None:
        self._election = election
        self._stream = f"ECOKLIT-{election}-{regency}"
        self._registry = Registry(election, regency)
        self._copies = {} if copies is None else copies
        self._logs: dict[str, _Log] = {}
        self._proofs: dict[Dot, Proof] = {(proof.device, proof.seq): proof for proof in proofs}
        self._faults: list[Fault] = []
        self._gaps: list[tuple[range, Fault]] = []
        self._wanted: dict[Dot, tuple[bytes, str]] = {}
        self._counts: Counter[str] = Counter()

    # --- the registry's lines ------------------------------------------------------------------------------------

    def take_lines(self, lines: Sequence[RegistryMessage]) -> None:
        self._counts["lines"] += len(lines)
        known = len(self._registry.voids)
        read = [(line.sequence, _line_of(line)) for line in lines]
        self._registry = extended(self._registry, read)
        for void in self._registry.voids[known:]:
            if void.name in _OF_LINES:
                self._fault(void.name, "-registry", void.position, void.device, void.seq, void.why)

    # --- the events ----------------------------------------------------------------------------------------------

    def take(self, message: EventMessage) -> None:
        """The next event."""
        self._counts["events"] += 1
        log = self._logs.setdefault(message.device, _Log())
        try:
            held = wire.hold(message.payload, None)
        except Malformed as error:
            log.is_broken = True
            # What it cannot say any more, its place in the log says, unless something is missing there too.
            self._fault(MALFORMED, "", message.sequence, message.device, log.seq + 1, error.message)
            return
        if held.device != message.device or held.seq <= log.seq:
            log.is_broken = True
            self._fault(
                MISPLACED, "", message.sequence, message.device, held.seq, f"it is event {held.seq} of {held.device}"
            )
            return
        self._follow(log, message, held)

    def _follow(self, log: _Log, message: EventMessage, held: Held) -> None:
        if held.seq > log.seq + 1:
            self._close_gap(log, message, held)
        elif ids.from_base64url(held.prev) != log.hash:
            log.is_broken = True
            self._fault(
                BROKEN_CHAIN, "", message.sequence, held.device, held.seq, "it does not name the event before it"
            )
        self._pass(log, held)
        log.position = message.sequence
        signature = dict(message.headers).get(HEAD_HEADER)
        if signature is not None:
            self._vouch(log, held, message.sequence, signature)

    def _close_gap(self, log: _Log, message: EventMessage, held: Held) -> None:
        for copy in self._fitting(log, held):
            self._pass(log, copy)
        if held.seq > log.seq + 1:
            log.is_broken = True
            fault = Fault(
                MISSING, self._stream, 0, held.device, log.seq + 1, held.seq - 1, "later events of the log are there"
            )
            self._gaps.append((range(log.position + 1, message.sequence), fault))
            self._faults.append(fault)

    def _fitting(self, log: _Log, after: Held) -> list[Held]:
        """Copies that lead from the log's end to the event after the gap, each named by the next one's hash."""
        if after.seq - log.seq - 1 > len(self._copies):
            return []
        found: list[Held] = []
        prev = log.hash
        for seq in range(log.seq + 1, after.seq):
            copy = self._copies.get((after.device, seq))
            if copy is None:
                return []
            held = wire.hold(copy.body, None)
            if held.dot != (after.device, seq) or ids.from_base64url(held.prev) != prev:
                return []
            found.append(held)
            prev = held.hash
        return found if ids.from_base64url(after.prev) == prev else []

    def _pass(self, log: _Log, held: Held) -> None:
        log.seq, log.hash = held.seq, held.hash
        proof = self._proofs.pop(held.dot, None)
        if proof is not None and proof.hash != held.hash:
            self._fault(OTHER_EVENT, "", 0, held.device, held.seq, f"{proof.by} proves another event there")
        person = getattr(held.event, "person", msgspec.UNSET)
        if isinstance(person, str):
            self._wanted[held.dot] = (ids.from_base64url(person), held.voter)

    def _vouch(self, log: _Log, held: Held, position: int, signature: str) -> None:
        key = self._registry.device_key(held.device)
        if key is None:
            why = "no device of that name is enrolled"
            self._fault(UNKNOWN_DEVICE, "", position, held.device, held.seq, why)
        elif not key.verifies(head_message(self._election, held.device, held.seq, held.hash), signature):
            self._fault(BAD_SIGNATURE, "", position, held.device, held.seq, "its head is not signed by its device")
        elif not log.is_broken:
            log.sound = held.seq

    # --- what cannot be read -------------------------------------------------------------------------------------

    def cannot_read(self, position: int, stream: str = "") -> None:
        """The broker counts something at `position` of that stream, and does not give it."""
        self._fault(UNREADABLE, stream, position, "", 0, "the broker cannot give what it counts there")

    # --- the persons ---------------------------------------------------------------------------------------------

    def take_person(self, message: PersonMessage) -> None:
        """The next copy of a person, once all events were taken. What no event asks for is no fault."""
        self._counts["persons"] += 1
        dot = (message.device, message.seq)
        wanted = self._wanted.get(dot)
        if wanted is not None and ids.sha256(message.payload) == wanted[0]:
            del self._wanted[dot]

    # --- what was found ------------------------------------------------------------------------------------------

    def found(self, named: Mapping[int, Dot] | None = None) -> Inspected:
        """All that is wrong. `named` says which events stood at positions that cannot be read, as far as known."""
        faults = [self._named(fault, named or {}) for fault in self._faults]
        faults += [
            Fault(UNSIGNED, self._stream, 0, device, log.sound + 1, log.seq, "no signed head vouches for them")
            for device, log in sorted(self._logs.items())
            if not log.is_broken and log.sound < log.seq
        ]
        faults += self._beyond()
        is_erased = self._registry.is_erased
        absent = sorted(
            (dot for dot, (_, voter) in self._wanted.items() if not is_erased(voter) and not self._is_proved(dot))
        )
        faults += [
            Fault(PERSON_MISSING, f"{self._stream}-persons", 0, device, seq, seq, "no copy of its person is there")
            for device, seq in absent
        ]
        return Inspected(
            self._counts["events"],
            self._counts["persons"],
            self._counts["lines"],
            faults,
            {device: log.sound for device, log in sorted(self._logs.items())},
            absent,
        )

    def _is_proved(self, dot: Dot) -> bool:
        """Whether a copy from elsewhere brings the person."""
        copy = self._copies.get(dot)
        return copy is not None and copy.person is not None and ids.sha256(copy.person) == self._wanted[dot][0]

    def _beyond(self) -> list[Fault]:
        found: dict[str, Fault] = {}
        for proof in self._proofs.values():
            log = self._logs.get(proof.device, _NO_LOG)
            known = found.get(proof.device)
            if proof.seq > log.seq and (known is None or known.last < proof.seq):
                found[proof.device] = Fault(
                    SHORTER,
                    self._stream,
                    0,
                    proof.device,
                    log.seq + 1,
                    proof.seq,
                    f"{proof.by} proves that they were there",
                )
        return [fault for _, fault in sorted(found.items())]

    def _named(self, fault: Fault, named: Mapping[int, Dot]) -> Fault:
        """Which event stood at a position that cannot be read: as told, else of the only gap around it."""
        if fault.name != UNREADABLE or fault.stream != self._stream:
            return fault
        dot = named.get(fault.position)
        around = [gap for between, gap in self._gaps if fault.position in between]
        if dot is None and len(around) == 1 and around[0].seq == around[0].last:
            dot = (around[0].device, around[0].seq)
        return fault if dot is None else msgspec.structs.replace(fault, device=dot[0], seq=dot[1], last=dot[1])

    def _fault(self, name: str, stream: str, position: int, device: str, seq: int, why: str) -> None:
        self._faults.append(Fault(name, self._stream + stream, position, device, seq, seq, why))


_NO_LOG: Final = _Log()


def _line_of(message: RegistryMessage) -> SignedRegistry | Void:
    try:
        return read_line(message.payload)
    except Malformed as error:
        return Void(message.sequence, message.device, 0, "", MALFORMED, error.message)


# --- reading it ------------------------------------------------------------------------------------------------------


async def inspect(
    inspector: Inspector,
    journal: Journal,
    registry: RegistryJournal,
    progress: Callable[[int], object] = lambda _: None,
) -> None:
    """Give `inspector` all that the journals hold now. `progress` is told positions of the events.

    Raises JournalError for all but what cannot be read, which is a finding.
    """
    last = await journal.last()
    async for lines in over_holes(registry.read, await registry.last()):
        inspector.cannot_read(lines, "-registry") if isinstance(lines, int) else inspector.take_lines(lines)
    async for events in over_holes(journal.read_events, last.events):
        if isinstance(events, int):
            inspector.cannot_read(events)
            continue
        for event in events:
            inspector.take(event)
        progress(events[-1].sequence)
    async for persons in over_holes(journal.read_persons, last.persons):
        for person in persons if not isinstance(persons, int) else ():
            inspector.take_person(person)


async def over_holes(
    read: Callable[[int, int], Awaitable[list[Message]]], last: int
) -> AsyncIterator[list[Message] | int]:
    """The messages of a stream up to `last`, some at a time, and in their place the positions that cannot be read."""
    after = 0
    while after < last:
        try:
            messages = await read(after, READ_MESSAGES_MAX)
        except JournalHole as hole:
            yield hole.sequence
            after = hole.sequence
            continue
        if not messages:
            return
        yield messages
        after = messages[-1].sequence


async def registry_of(election: str, regency: str, journal: RegistryJournal) -> Registry:
    """The registry that a journal holds, as far as it can be read."""
    registry = Registry(election, regency)
    async for lines in over_holes(journal.read, await journal.last()):
        if not isinstance(lines, int):
            registry = extended(registry, [(line.sequence, _line_of(line)) for line in lines])
    return registry


def proofs_in(data: bytes, registry: Registry) -> list[Proof]:
    """What a phone's export or anybody's push proves: each event that a receipt of the election's service names.

    What is no receipt, or is not signed by the service, proves nothing.
    """
    found = []
    for line in lines_of(data):
        if kind_of(line) != "receipt":
            continue
        try:
            signed = read_receipt(line)
        except Malformed:
            continue
        receipt = signed.receipt
        of_here = (receipt.election, receipt.regency, receipt.log) == (registry.election, registry.regency, "voters")
        if of_here and signed.signed_by(registry.services):
            found.append(Proof(receipt.device, receipt.seq, ids.from_base64url(receipt.head), "a receipt"))
    return found
