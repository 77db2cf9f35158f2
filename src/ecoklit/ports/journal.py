"""The journal (contract §9): all events ever accepted of ONE election and ONE regency, and apart from them the
persons.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from ecoklit.core.ids import is_device
from ecoklit.core.limits import LINE_BYTES_MAX, PUSH_EVENTS_MAX
from ecoklit.errors import EcoklitError

HEADER_PREFIX = "Ecoklit-"  # of the header names that a push may carry: the rest are the broker's

STAMP_HEADER = "Ecoklit-Registry-Position"
"""On a push's first event: the registry position that it was admitted by, the stamp of all its events (SPEC §9.3)."""

HEAD_HEADER = "Ecoklit-Head-Signature"
"""On a push's last event: the device's signature over the head of its log there."""


class JournalError(EcoklitError):
    """The base of what a journal can answer instead of an outcome."""


class JournalUnavailable(JournalError):
    """The broker did not answer. What was appended may be stored: send it again, it is never doubled."""

    def __init__(self, message: str) -> None:
        super().__init__("journal_unavailable", message)


class JournalBusy(JournalError):
    """More is waiting than may wait. Nothing of the push was stored: send it again after a pause."""

    def __init__(self, message: str) -> None:
        super().__init__("journal_busy", message)


class JournalFull(JournalError):
    """The broker has no room left. Nothing acknowledged is lost: keep the push, make room, send it again."""

    def __init__(self, message: str) -> None:
        super().__init__("journal_full", message)


class JournalUnsafe(JournalError):
    """The broker or a stream is set up so that an acknowledged event could be lost. Refused at open."""

    def __init__(self, message: str) -> None:
        super().__init__("journal_unsafe", message)


class JournalHole(JournalError):
    """A stored message cannot be read any more. Reading stops before it: nobody may fold around a hole."""

    def __init__(self, message: str, sequence: int) -> None:
        super().__init__("journal_hole", message)
        self.sequence = sequence


class Position(msgspec.Struct, frozen=True):
    """The last sequence of each stream that was read, or that there is to read; 0 is before the first."""

    events: int
    persons: int


class Push(msgspec.Struct, frozen=True):
    """Consecutive events of one device, and the persons that come with them.

    `after` is the stream sequence of the device's last held event (`Head.sequence`), 0 when it has none.
    `first_headers` ride on the first event: the registry position that admission judged by, its stamp; `headers` on the
    last: the head signature (SPEC §9.3). `later_headers` are (index in `events`, name, value), where the stamp changes
    inside. `events` may be empty: then only persons are completed. `persons` are (seq, person bytes). At most 1000
    events and at most 1000 persons.
    """

    device: str
    after: int
    events: tuple[bytes, ...] = ()
    persons: tuple[tuple[int, bytes], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    first_headers: tuple[tuple[str, str], ...] = ()
    later_headers: tuple[tuple[int, str, str], ...] = ()

    def headers_at(self, index: int) -> tuple[tuple[str, str], ...]:
        """The headers of one event, by its index."""
        return (
            *(self.first_headers if index == 0 else ()),
            *((name, value) for at, name, value in self.later_headers if at == index),
            *(self.headers if index == len(self.events) - 1 else ()),
        )


def check_pushes(pushes: Sequence[Push]) -> None:
    """ValueError when `pushes` are not what `Journal.append` takes: a fault of the caller."""
    if len({push.device for push in pushes}) != len(pushes):
        raise ValueError("two pushes of one device in one append: the second one's place cannot be checked")
    if sum(len(push.events) for push in pushes) > PUSH_EVENTS_MAX:
        raise ValueError(f"more than {PUSH_EVENTS_MAX} events in one append")
    if sum(len(push.persons) for push in pushes) > PUSH_EVENTS_MAX:
        raise ValueError(f"more than {PUSH_EVENTS_MAX} persons in one append")
    for push in pushes:
        _check_push(push)


def _check_push(push: Push) -> None:
    if not is_device(push.device):  # `*` or `a.b` would be another device's subject
        raise ValueError(f"not a device: {push.device!r}")
    if push.after < 0 or any(seq < 1 for seq, _ in push.persons):
        raise ValueError("a stream sequence or a seq below its first")
    if push.events and not 0 < min(map(len, push.events)) <= max(map(len, push.events)) <= LINE_BYTES_MAX:
        raise ValueError(f"an event of no bytes or of more than {LINE_BYTES_MAX}")
    if not all(0 < len(payload) <= LINE_BYTES_MAX for _, payload in push.persons):
        raise ValueError(f"a person of no bytes or of more than {LINE_BYTES_MAX}")
    headers = [*push.first_headers, *push.headers, *((name, value) for _, name, value in push.later_headers)]
    if headers and not push.events:
        raise ValueError("headers without an event to ride on")
    if not all(0 < at < len(push.events) for at, _, _ in push.later_headers):
        raise ValueError("a later header on no event, or on the first")
    for index in {0, len(push.events) - 1, *(at for at, _, _ in push.later_headers)} if headers else ():
        names = [name for name, _ in push.headers_at(index)]
        if len(set(names)) != len(names):
            raise ValueError("one header twice on one event: a push's first and last may be one")
    for name, value in headers:
        if not (name.startswith(HEADER_PREFIX) and (name + value).isascii() and (name + value).isprintable()):
            raise ValueError(f"not a header that a push may carry: {name!r}")


class Stored(msgspec.Struct, frozen=True):
    """The push is durable: the sequences of its first and last event (its `after` when it has none)."""

    first: int
    last: int


class Stale(msgspec.Struct, frozen=True):
    """The device's head is not where the push expected it: none of its events were stored by this call.

    Somebody else may have pushed the same log (perhaps these very events): read the head again, then decide.
    """


class Head(msgspec.Struct, frozen=True):
    """The last held event of a device: its seq, its hash, its stream sequence, its bytes and what rides on it."""

    seq: int
    hash: bytes
    sequence: int
    payload: bytes
    headers: tuple[tuple[str, str], ...] = ()


class EventMessage(msgspec.Struct, frozen=True, gc=False):
    """One stored event. `headers` is () on every event but a push's first and last, and where its stamp changes."""

    sequence: int
    device: str
    payload: bytes
    headers: tuple[tuple[str, str], ...] = ()


class PersonMessage(msgspec.Struct, frozen=True, gc=False):
    """One stored copy of a person. It may be an orphan or a repetition: only the event's hash says."""

    sequence: int
    device: str
    seq: int
    payload: bytes


@runtime_checkable
class Journal(Protocol):
    """The log of one election and one regency.

    Consistency: every device's events are one gapless row, whoever pushes, through however many gateways: an
    append whose `after` is not the device's head stores nothing. All readers see one order, by stream
    sequence. Trust: a broker that lies or loses can lose events but not forge, reorder or hide them within a
    device's log: readers check hash, `prev` and seq. Only the phones' own logs can bring back what a broker
    lost.
    """

    async def append(self, pushes: Sequence[Push]) -> list[Stored | Stale]:
        """Store pushes, each whole or not at all; the outcomes come in the order of the pushes.

        Durable on return: events *and* persons of every `Stored` push have been fsynced. A `Stale` push stores none
        of its events, but for one case: a broker whose disk fills up in the middle of it keeps its beginning, and after
        a restart with more room all of it; the head tells. Its persons may stay behind as orphans, which is harmless.
        One stale push does not keep the others out. At most 1000 events and 1000 persons in all, and at most one push
        per device (ValueError otherwise, nothing stored). Raises JournalUnavailable and JournalFull (what is stored is
        unknown), JournalBusy (nothing is). To append again what was stored already changes nothing and answers
        `Stored`, when what rides on its last event is the same too, or `Stale`. Concurrent calls are safe. Cancelled:
        outcome unknown.
        """
        ...

    async def head(self, device: str) -> Head | None:
        """The last held event of a device, or None. Sees every append that returned before the call."""
        ...

    async def event(self, device: str, seq: int) -> Head | None:
        """The held event of a device with this seq, or None. What a push repeats is compared with it."""
        ...

    async def persons_held(self, device: str, persons: Sequence[tuple[int, bytes]]) -> frozenset[int]:
        """The seqs whose last stored copy is exactly these bytes; the others are to be appended (again).

        The bytes are asked for and not the seq alone: a refused push may have left an orphan under the same
        seq.
        """
        ...

    async def read_events(self, after: int, limit: int) -> list[EventMessage]:
        """The events with a sequence above `after`, in order, without a hole; at most `limit`, [] at the end.

        May return fewer than `limit` before the end, never zero. Raises JournalHole at a missing sequence
        (what lies before it has been returned by earlier calls), JournalUnavailable.
        """
        ...

    async def read_persons(self, after: int, limit: int) -> list[PersonMessage]:
        """As `read_events`, of the persons. Gaps are lawful: an erasure deletes messages (contract §9)."""
        ...

    async def last(self) -> Position:
        """The position of what is stored now. Sees every append that returned before the call."""
        ...
