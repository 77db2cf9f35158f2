"""The wire line, and an event as held: its exact bytes, its hash, and what is known to be wrong with it (SPEC §1)."""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from ecoklit.core import event as events
from ecoklit.core import ids
from ecoklit.core import person as persons
from ecoklit.core.event import AnyEvent, Malformed, Place
from ecoklit.core.limits import LINE_BYTES_MAX
from ecoklit.core.person import Person

Dot = tuple[str, int]
"""The name of an event: (device, seq)."""

VoterKey = tuple[str, str]
"""What a fold folds: (regency, voter)."""


class Held(msgspec.Struct, frozen=True, gc=False):
    """One event as held, with its own exact bytes.

    `event` is None for a bad event, and `fault` says what is wrong. `person` is None when the right copy is absent;
    `person_fault` says why a copy that came with it was dropped.
    """

    event_bytes: bytes
    hash: bytes
    place: Place | AnyEvent
    event: AnyEvent | None
    fault: str | None
    person_bytes: bytes | None
    person: Person | None
    person_fault: str | None

    @property
    def device(self) -> str:
        return self.place.device

    @property
    def seq(self) -> int:
        return self.place.seq

    @property
    def prev(self) -> str:
        return self.place.prev

    @property
    def voter(self) -> str:
        return self.place.voter

    @property
    def tps(self) -> str:
        return self.place.tps

    @property
    def clock(self) -> dict[str, int]:
        return self.place.clock

    @property
    def dot(self) -> Dot:
        return (self.place.device, self.place.seq)

    @property
    def regency(self) -> str:
        return ids.regency_of(self.place.tps)

    @property
    def key(self) -> VoterKey:
        return (ids.regency_of(self.place.tps), self.place.voter)

    @property
    def mark(self) -> str:
        """What a later `saw` says of this event: the first 16 bytes of its hash."""
        return ids.to_base64url(self.hash[: ids.MARK_BYTES])

    @property
    def line(self) -> bytes:
        return write(self.event_bytes, self.person_bytes)


class _Envelope(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    event: msgspec.Raw
    person: msgspec.Raw | UnsetType = UNSET


_DECODER: Final = msgspec.json.Decoder(_Envelope)


def read(line: bytes) -> Held:
    """The event on one wire line (without its line break); Malformed when it is nobody's."""
    event_bytes, person_bytes = split(line)
    return hold(event_bytes, person_bytes)


def split(line: bytes) -> tuple[bytes, bytes | None]:
    """The exact event and person bytes of one wire line; Malformed when it is no envelope in canonical form."""
    if len(line) > LINE_BYTES_MAX:
        raise Malformed(f"the line has {len(line)} bytes, more than {LINE_BYTES_MAX}")
    try:
        envelope = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Malformed('the line is not {"event":…} or {"event":…,"person":…}') from error
    event_bytes = bytes(envelope.event)
    person_bytes = None if envelope.person is UNSET else bytes(envelope.person)
    if write(event_bytes, person_bytes) != line:
        raise Malformed("the line is not canonical JSON")
    return event_bytes, person_bytes


def write(event_bytes: bytes, person_bytes: bytes | None) -> bytes:
    """One wire line, without its line break."""
    if person_bytes is None:
        return b'{"event":%b}' % event_bytes
    return b'{"event":%b,"person":%b}' % (event_bytes, person_bytes)


def hold(event_bytes: bytes, person_bytes: bytes | None) -> Held:
    """The event as held, from its two parts; Malformed when it is nobody's."""
    place, event, fault = events.parse(event_bytes)
    event_hash = ids.sha256(event_bytes)
    if person_bytes is None:
        return Held(event_bytes, event_hash, place, event, fault, None, None, None)
    person, person_fault = persons.parse(person_bytes, event, ids.sha256(person_bytes))
    kept = None if person_fault else person_bytes
    return Held(event_bytes, event_hash, place, event, fault, kept, person, person_fault)
