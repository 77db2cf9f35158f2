"""What the world must promise: the journal and the roll store, as Protocols whose docstrings are promises.

Services are written against these promises alone; adapters keep them; the acceptance suites in
tests/contracts prove it.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from ecoklit.core.ids import ZERO_HASH, is_device
from ecoklit.core.limits import LINE_BYTES_MAX, PUSH_EVENTS_MAX
from ecoklit.core.receipt import Stood
from ecoklit.errors import EcoklitError
from ecoklit.tlog.tile import Tile

# ------------------------------------------------------------------------------------------------------------
# The journal (contract §9): all events ever accepted of ONE election and ONE regency, and apart from them the
# persons.
# ------------------------------------------------------------------------------------------------------------

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


# ------------------------------------------------------------------------------------------------------------
# The registry's journal (SPEC §8): every registry event ever accepted of ONE election and ONE regency.
# ------------------------------------------------------------------------------------------------------------


class RegistryHead(NamedTuple):
    """The last held registry event of a device: its seq, its hash and its position."""

    seq: int
    hash: bytes
    sequence: int


class RegistryMessage(NamedTuple):
    """One stored registry event: its position, whose log it is in, and the whole signed line without its break."""

    sequence: int
    device: str
    payload: bytes


@runtime_checkable
class RegistryJournal(Protocol):
    """The registry of one election and one regency: a log for each device, and one order over all of them.

    A *registry position* is the stream sequence of an event in it. Consistency, durability, concurrency and trust are
    those of `Journal`: each device's log is gapless, all readers see one order, and a broker that lies can lose lines
    but not forge one, since each is signed by itself.
    """

    async def append(self, device: str, after: int, lines: Sequence[bytes]) -> Stored | Stale:
        """Store the next lines of a device's log, all or none; durable on return.

        `after` is the position of its last held line (`RegistryHead.sequence`), 0 when it has none. Raises as
        `Journal.append`; what is appended again is answered `Stored` or `Stale`, and stands there once.
        """
        ...

    async def head(self, device: str) -> RegistryHead | None:
        """The last held registry event of a device, or None. Sees every append that returned before the call."""
        ...

    async def read(self, after: int, limit: int) -> list[RegistryMessage]:
        """The lines with a position above `after`, in order, without a hole; at most `limit`, [] at the end.

        As `Journal.read_events`.
        """
        ...

    async def last(self) -> int:
        """The position of the last stored line, 0 when there is none. Sees every append that returned before."""
        ...


# ------------------------------------------------------------------------------------------------------------
# The roll store (projections). Owned by the projector.
# ------------------------------------------------------------------------------------------------------------


class RollError(EcoklitError):
    """The base of what a roll store can answer instead of rows."""


class RollUnavailable(RollError):
    """The database did not answer. What was being applied is there whole or not at all; the checkpoint says which."""

    def __init__(self, message: str) -> None:
        super().__init__("database_unavailable", message)


class RollTaken(RollError):
    """Another projector works on this regency, or has moved the checkpoint. Nothing of this step was applied."""

    def __init__(self, message: str) -> None:
        super().__init__("projector_taken", message)


class Checkpoint(NamedTuple):
    """How far a journal is projected: stream sequences (0 before the first), and the hash of the event there.

    `registry` is the position up to which the registry has judged the rows, with the hash of its line there; `revision`
    the number of steps that made them.
    """

    events: int
    event_hash: bytes
    persons: int
    registry: int = 0
    registry_hash: bytes = ZERO_HASH
    revision: int = 0


class EventRow(NamedTuple):
    """An event as stored: its position in the journal, its standing, its exact bytes.

    `stamp` is the registry position of its admission; `revision` the step that changed it last.
    """

    position: int
    seq: int
    voter: str
    device: str
    standing: str
    body: bytes
    stamp: int = 0
    revision: int = 0


class PersonRow(NamedTuple):
    """A copy of a person as stored."""

    position: int
    seq: int
    device: str
    body: bytes


class VoterRow(NamedTuple):
    """A voter's state as stored: `decision` and `record` are exact; the rest are columns to count and filter by."""

    voter: str
    attempts: int
    changed: bool
    tps: str
    first_tps: str
    source: str | None
    verdict: str
    reason: str | None
    conflicts: list[str] | None
    proposed: list[str] | None
    sex: str | None
    disability: str | None
    decision: bytes
    record: str | None


class SideRow(NamedTuple):
    """One side of a register in conflict, or one standing proposal (register `proposal`)."""

    seq: int
    voter: str
    device: str
    register: str
    value: str | None
    wins: bool


class WaitingRow(NamedTuple):
    """A dot (device, seq) that is not held, and a voter with an event parked on it."""

    seq: int
    voter: str
    device: str


class PlacementRow(NamedTuple):
    """A TPS that an event about a voter names, and the step that first did."""

    revision: int
    voter: str
    tps: str


class HeldRow(NamedTuple):
    """A stored event with the right copy of its person, if that is stored, and its stamp."""

    voter: str
    device: str
    seq: int
    standing: str
    body: bytes
    person: bytes | None
    stamp: int = 0


class LogHead(NamedTuple):
    """The last stored event of a device: its seq, its hash and its stamp."""

    seq: int
    hash: bytes
    stamp: int


class Affected(msgspec.Struct, frozen=True):
    """Whom a change of the registry can change: everybody (`everything`), or each voter of whom an event

    - is kept out of the count by the registry (`released`: that may end),
    - was admitted at registry position `stamped` or after it,
    - stands in one of `logs`, (device, first seq),
    - or waits for a dot beyond one of `lost`, (device, last seq).
    """

    everything: bool = False
    released: bool = False
    stamped: int | None = None
    logs: Sequence[tuple[str, int]] = ()
    lost: Sequence[tuple[str, int]] = ()


class Step(msgspec.Struct, frozen=True):
    """All that one batch of the journal changes.

    `persons` are right copies, `orphans` copies whose event is not held; the stored orphans of the events `adopted` go.
    `refolded` are the voters with earlier events: their old rows go, new ones follow in `voters`, `sides`, `waiting`.
    `standings` are earlier events with a new standing: (device, seq, standing); `completed` earlier events whose person
    has come. Both get the revision of `after`. `placements` are none that are there already.
    """

    before: Checkpoint
    after: Checkpoint
    events: Sequence[EventRow] = ()
    persons: Sequence[PersonRow] = ()
    orphans: Sequence[PersonRow] = ()
    adopted: Sequence[tuple[str, int]] = ()
    standings: Sequence[tuple[str, int, str]] = ()
    completed: Sequence[tuple[str, int]] = ()
    placements: Sequence[PlacementRow] = ()
    refolded: Sequence[str] = ()
    voters: Sequence[VoterRow] = ()
    sides: Sequence[SideRow] = ()
    waiting: Sequence[WaitingRow] = ()


class RollStore(Protocol):
    """The projection of ONE regency of ONE election: disposable, made anew from the journal at any time.

    Consistency: a step is applied whole, once, and only onto the checkpoint that it was made from; so what the
    checkpoint says has been applied, whatever dies when. Durability: none is promised beyond that. A step that
    returned may be gone after a crash of the database, and then the checkpoint is behind by the same step.
    Concurrency: one projector holds the lease; a second one is refused with RollTaken. Trust: a store that lies shows
    wrong rows, until a rebuild from the journal compares the digests. Every call may raise RollUnavailable;
    the call after it connects again.
    """

    async def checkpoint(self) -> Checkpoint:
        """Where to go on. Takes the lease: raises RollTaken while another projector holds it."""
        ...

    async def heads(self, devices: Sequence[str]) -> dict[str, LogHead]:
        """device → its last event; a device without one is left out."""
        ...

    async def events_of(self, voters: Sequence[str]) -> list[HeldRow]:
        """Every event about these voters, in no promised order."""
        ...

    async def voters_of(self, dots: Sequence[tuple[str, int]]) -> dict[tuple[str, int], str]:
        """dot → voter, of the events with these names that are held."""
        ...

    async def orphans_of(self, logs: Sequence[tuple[str, int, int]]) -> list[PersonRow]:
        """Every stored orphan of these stretches of logs: (device, first seq, last seq)."""
        ...

    async def waiting_for(self, logs: Sequence[tuple[str, int, int]]) -> list[str]:
        """The voters that wait for a dot in these stretches of logs: (device, first seq, last seq)."""
        ...

    async def affected(self, what: Affected) -> list[str]:
        """The voters that `what` names, sorted."""
        ...

    async def apply(self, step: Step) -> None:
        """Apply all of `step`, or nothing. Raises RollTaken when the checkpoint is not `step.before`."""
        ...

    def state_lines(self) -> AsyncIterator[bytes]:
        """The state of every voter as `fold` prints it, by voter, as of one moment."""
        ...

    async def leaves(self) -> list[tuple[str, str, bytes]]:
        """(tps, voter, leaf hash) of every voter, as of one moment: what the digests are made of."""
        ...

    async def standings(self) -> dict[str, int]:
        """How many events have each standing."""
        ...

    async def close(self) -> None:
        """Give up the lease and the connection. Closing twice changes nothing."""
        ...


# ------------------------------------------------------------------------------------------------------------
# The listing index: what an office device remembers of the lists that it imported. Owned by the import.
# ------------------------------------------------------------------------------------------------------------


class KnownRow(msgspec.Struct, frozen=True, gc=False):
    """A row that was listed, by its keyed marks (core.row_mark); nothing in it can be read back.

    `device` and `seq` name the latest `listed` event about it; `nik` is b"" when the row has none.
    """

    row: bytes
    tps: str
    voter: str
    device: str
    seq: int
    nik: bytes
    fields: bytes


class LogEnd(msgspec.Struct, frozen=True):
    """The last event of the office device's log: its seq (0 for none) and its hash."""

    seq: int
    hash: bytes


@runtime_checkable
class ListingIndex(Protocol):
    """The office device's memory of its lists, and its outbox. One import at a time may hold it open.

    Trust: a lost index is learned again from the journal's `listed` events. What was held and never pushed is
    lost with it: the list file is imported again, and those rows are listed anew.
    """

    def log_end(self) -> LogEnd:
        """The end of the device's own log, with what still waits in the outbox."""
        ...

    def position(self) -> Position:
        """How far the journal has been learned."""
        ...

    def known(self, tps: str) -> dict[bytes, KnownRow]:
        """The known rows of one TPS, by their mark."""
        ...

    def rows_by_tps(self, village: str) -> dict[str, int]:
        """How many rows are known of each TPS of a village that has any, by code."""
        ...

    def with_nik(self, niks: Sequence[bytes]) -> dict[bytes, list[KnownRow]]:
        """The known rows that have one of these NIK marks, by that mark."""
        ...

    def hold(self, rows: Sequence[KnownRow], lines: Sequence[bytes], end: LogEnd) -> None:
        """Remember rows and put their wire lines into the outbox: all or nothing, durable on return."""
        ...

    def waiting(self, limit: int) -> list[bytes]:
        """The first lines of the outbox, in the order of the log."""
        ...

    def release(self, seq: int) -> None:
        """Drop the lines up to `seq` from the outbox: the journal holds them."""
        ...

    def learn(self, rows: Sequence[KnownRow], end: LogEnd, position: Position) -> None:
        """Remember what the journal says up to `position`; `end` as `log_end`. All or nothing."""
        ...


# ------------------------------------------------------------------------------------------------------------
# The service, as whoever pushes reaches it: over HTTP, over NATS, or in this process. Owned by admission.
# ------------------------------------------------------------------------------------------------------------


class ServiceUnavailable(EcoklitError):
    """The service did not answer, or told us to wait. The push may be stored: push it again, it never doubles."""

    def __init__(self, message: str) -> None:
        super().__init__("service_unavailable", message)


class Service(Protocol):
    """The door of the journal. Durable on return. A push that is sent again changes nothing and is receipted again."""

    async def push(self, body: bytes) -> bytes:
        """Take one device's push, NDJSON; the signed receipt, one line (`core.receipt`), without its line break.

        Raises core.admission.Refused, ServiceUnavailable, JournalError.
        """
        ...


class Reads(Protocol):
    """What is asked of the service by requests that are one message each, as over NATS (SPEC §9.8).

    No answer has more than `bytes_max` bytes; what does not fit is asked for next, from where the answer ends.
    """

    def nonce(self) -> str:
        """A fresh nonce, which comes with every answer."""
        ...

    async def pull(self, device: str, body: bytes, bytes_max: int) -> bytes:
        """A page for `device`, as NDJSON. Raises EcoklitError as `Puller.pull`, and Refused too_large."""
        ...

    async def registry(self, body: bytes, bytes_max: int) -> bytes:
        """The registry's next lines. Raises EcoklitError bad_argument, JournalError."""
        ...


class OwnStandings(NamedTuple):
    """A device's events that do not count, as the projection has them at the events position `as_of`."""

    as_of: int
    standings: Sequence[Stood]


class Standings(Protocol):
    """What the projection says of a device's own events, for its receipt."""

    async def of_device(self, device: str, limit: int) -> OwnStandings | None:
        """The device's events that are neither counted nor only without their person, the oldest first.

        At most `limit`. None when the projection is away: it never raises, and a receipt does not wait for it.
        """
        ...


class Evidence(Protocol):
    """Where pushes are kept that their device signed and that fit nothing held: the proof of a clone (SPEC §7.10).

    Each device has a quota, and all of them together: what does not fit is not kept. Losing it loses no event that was
    ever receipted.
    """

    async def keep(self, device: str, body: bytes) -> bool:
        """Keep one refused push of `device`, durably, the same bytes once; whether it is kept. Never raises."""
        ...


class AsOf(msgspec.Struct, frozen=True):
    """What an answer speaks of: how far that regency's journal had been projected."""

    regency: str
    election: str
    events: int
    persons: int


class Answer(msgspec.Struct, frozen=True):
    """Rows of a view of `projections/views/`, whose comments say what each column is, and as of which position."""

    as_of: AsOf
    rows: list[dict[str, Any]]


class RollAnswer(msgspec.Struct, frozen=True):
    """The current list of a TPS (`voter_list`), and the digest of its roll: all who stand there, also off the list."""

    as_of: AsOf
    tps: str
    digest: bytes
    rows: list[dict[str, Any]]


class RollReader(Protocol):
    """What people ask the projection. Codes are bare digits.

    Consistency: each answer is one snapshot; two answers may be of two moments, and say so. Every call may
    raise RollUnavailable, or EcoklitError with code not_projected, unknown_area or unknown_voter.
    """

    async def as_of(self, regency: str) -> AsOf:
        """How far the regency is projected."""
        ...

    async def roll(self, tps: str) -> RollAnswer:
        """The current list of a TPS, by name."""
        ...

    async def recap(self, area: str, level: str | None = None) -> Answer:
        """The counts of `recap` for every area of `level` within `area`, the level just below it by default; counts of
        few people, and what would give them away, are None."""
        ...

    async def conflicts(self, area: str) -> Answer:
        """Every side of every open conflict within the area (`open_conflicts`)."""
        ...

    async def proposals(self, area: str) -> Answer:
        """Every proposal that stands within the area (`proposals`)."""
        ...

    async def history(self, voter: str) -> list[dict[str, Any]]:
        """Every event about the voter, in order of arrival (`voter_history`); [] for one nobody knows."""
        ...

    async def state(self, voter: str) -> list[bytes]:
        """The voter's state lines, one for each regency that has one."""
        ...

    async def digests(self, regency: str) -> tuple[AsOf, dict[str, bytes]]:
        """code → digest of every TPS and area of the regency, and of what lies above as far as it alone makes them."""
        ...

    async def standings(self, regency: str) -> dict[str, int]:
        """How many events have each standing."""
        ...

    async def close(self) -> None:
        """Give up the connections."""
        ...


class PullCursor(NamedTuple):
    """How far a phone has pulled one TPS: all that changed up to revision `since` of this build of the roll.

    Of a sweep that is not at its end it also has the voters up to (`revision`, `voter`) in order of their last change.
    What they were sent is no bound for others: a voter that changes meanwhile goes to the end of the sweep.
    """

    generation: str
    since: int
    revision: int = 0
    voter: str = ""


class Pulled(NamedTuple):
    """An event on a page, with its person if that is held; `is_known`: its voter may have been sent before.

    `stamp` is the registry position that its admission judged by.
    """

    device: str
    seq: int
    standing: str
    body: bytes
    person: bytes | None
    is_known: bool
    stamp: int = 0


class PulledPage(NamedTuple):
    """A page of a pull, the cursor after it, and as of which events and registry position.

    `digest` is that of the TPS's roll at that moment, None when more pages follow; `anchor` is the hash of the event
    at `position`, by which a restored journal is told from the one that was projected.
    """

    events: list[Pulled]
    cursor: PullCursor
    position: int
    registry: int
    digest: bytes | None
    anchor: bytes


class SyncReader(Protocol):
    """What phones pull. Raises RollUnavailable, or EcoklitError not_projected."""

    async def page(self, regency: str, tps: str, cursor: PullCursor | None, voters_max: int) -> PulledPage:
        """The events about the next voters that any event ever placed on this TPS and that changed since `cursor`.

        None, or a cursor of another build, is the beginning. One snapshot; pages of several moments add up, because
        what changes meanwhile comes again on a later one.
        """
        ...


class PlacedVoter(NamedTuple):
    """Where a voter stands and first stood, and the particulars that tell voters apart (None when they are absent)."""

    voter: str
    tps: str
    first_tps: str
    on_list: bool
    was_listed: bool
    verdict: str
    reason: str | None
    name: str | None
    nik: str | None


class StoredEvent(NamedTuple):
    """An event as stored: its position, its standing, the registry position of its admission, its exact bytes."""

    position: int
    standing: str
    stamp: int
    body: bytes
    person: bytes | None


class Copies(Protocol):
    """Exact copies of what a journal held, as the projection has them: to name and to mend what the journal lost.

    Nothing in them is believed that its hash does not prove. Raises RollError, EcoklitError not_projected.
    """

    async def ends(self, regency: str) -> list[tuple[str, int, bytes]]:
        """(device, seq, hash) of the last event of every log."""
        ...

    async def named_at(self, regency: str, positions: Sequence[int]) -> dict[int, tuple[str, int]]:
        """Position in the journal → the dot of the event that stood there."""
        ...

    async def copies(self, regency: str, dots: Sequence[tuple[str, int]]) -> dict[tuple[str, int], StoredEvent]:
        """The events of these names with their persons, as far as they are there."""
        ...


class OpenAt(NamedTuple):
    """How many voters of a TPS have an open conflict, and a proposal; and the digest of its roll."""

    in_conflict: int
    proposed: int
    digest: bytes


class LastHeld(NamedTuple):
    """The last event of a device that is projected: its seq, and its position in the journal, the last contact."""

    seq: int
    position: int


class OfficeReader(Protocol):
    """What the office asks about phones and rolls. Each answer is one snapshot; raises as `RollReader`."""

    async def voters_at(self, tps: str) -> list[PlacedVoter]:
        """Everybody who stands on the roll of the TPS or first stood there, by id."""
        ...

    async def events_at(self, tps: str) -> list[StoredEvent]:
        """Every event about every voter that any event ever placed on the TPS, in order of arrival."""
        ...

    async def events_with(self, regency: str, standings: Sequence[str]) -> list[StoredEvent]:
        """Every event that has one of these standings (`counted` is none of them), in order of arrival."""
        ...

    async def events_about(self, regency: str, voters: Sequence[str]) -> list[StoredEvent]:
        """Every event about these voters, in order of arrival."""
        ...

    async def event_named(self, regency: str, device: str, seq: int) -> StoredEvent | None:
        """The event with this name, or None."""
        ...

    async def last_seqs(self, regency: str, devices: Sequence[str]) -> dict[str, int]:
        """device → the seq of its last event; a device without one is left out."""
        ...

    async def last_held(self, regency: str, devices: Sequence[str]) -> dict[str, LastHeld]:
        """device → its last event; a device without one is left out."""
        ...

    async def open_at(self, area: str) -> dict[str, OpenAt]:
        """What is open at every TPS of the area that has a voter, by code."""
        ...


class Rolls(Protocol):
    """The live rolls of a database, and room beside them to make them anew.

    The shadow is invisible until `swap`: whatever dies before, the live rolls stay as they were.
    """

    async def regencies(self) -> list[str]:
        """The regencies that are projected live; [] where nothing is, or what is there cannot be read."""
        ...

    def live(self, regency: str) -> RollStore:
        """The live roll of a regency."""
        ...

    def shadow(self, regency: str) -> RollStore:
        """The roll of a regency in the shadow."""
        ...

    async def clear(self) -> None:
        """Make the shadow empty: what a rebuild that died has left goes."""
        ...

    async def swap(self) -> None:
        """The shadow becomes live, all its regencies at once, in one transaction; what was live goes."""
        ...


# ------------------------------------------------------------------------------------------------------------
# What analysts ask (projections/queries). Owned by the read side.
# ------------------------------------------------------------------------------------------------------------


class Mark(NamedTuple):
    """What a step had applied: by stream sequence, by registry position, and when by the database's clock."""

    revision: int
    events: int
    persons: int
    registry: int
    at: datetime


class Edition(NamedTuple):
    """What the projection of a regency is now. Two answers of one build and revision are of the same rows.

    `generation` names the build, `revision` the number of steps that made it: unlike a position it also rises when the
    registry judges anew what was held already.
    """

    as_of: AsOf
    generation: str
    revision: int


class Order(NamedTuple):
    """A column by which a list is ordered: numbers may go down, text that is absent comes last, a day goes as text."""

    column: str
    descending: bool = False
    absent_last: bool = False
    as_text: bool = False


class Only(NamedTuple):
    """Rows whose column holds one of `values`; of a column of several words, at least one of them."""

    column: str
    values: tuple[object, ...]
    has_several: bool = False


class Wanted(msgspec.Struct, frozen=True):
    """Which rows of a list: those of `only`, beyond `after` in its order, at most `rows_max`.

    `after` are the values that the row before has in `order` (`order_of`), None for the beginning. The last columns of
    `order` are a key: no two rows have the same.
    """

    order: tuple[Order, ...]
    rows_max: int
    only: tuple[Only, ...] = ()
    after: tuple[object, ...] | None = None


def order_of(row: Mapping[str, Any], order: Sequence[Order]) -> tuple[Any, ...]:
    """Where a row stands in an order: what `Wanted.after` names it by."""
    place: list[Any] = []
    for one in order:
        value = row[one.column]
        if one.absent_last:
            place += [value is None, "" if value is None else value]
        elif one.descending:
            place.append(-value)
        elif one.as_text or isinstance(value, UUID):
            place.append(str(value))
        else:
            place.append([str(part) for part in value] if isinstance(value, list) else value)
    return tuple(place)


class Paged(NamedTuple):
    """Rows of one snapshot; of a TPS that was named also the digest of its roll."""

    edition: Edition
    rows: list[dict[str, Any]]
    digest: bytes | None


@runtime_checkable
class AnalystReader(Protocol):
    """Lists and figures beyond the roll and the recap, each one snapshot; raises as `RollReader`.

    Rows are those of the query or view of the same name, whose comments say what each column is. Whoever reads through
    a limited reader sees the rows of their areas and no other.
    """

    async def movers(self, area: str) -> Answer:
        """Everybody who moved from or to a TPS of the area, has left it, or is said to have left."""
        ...

    async def split_families(self, area: str) -> Answer:
        """Families on the lists of several TPS, of which one lies in the area."""
        ...

    async def large_tps(self, area: str, limit: int) -> Answer:
        """TPS of the area with more than `limit` voters on their list, the largest first."""
        ...

    async def duplicates(self, area: str, likeness_min: float) -> Answer:
        """Groups of voters who may be one person, one of whom stands in the area; a person decides.

        `likeness_min` is the least similarity (0 to 1) of the names of people born on one day.
        """
        ...

    async def progress(self, area: str, level: str) -> Answer:
        """Entries that count, by part of the area (district, village or tps), day and kind."""
        ...

    async def work(self, area: str) -> Answer:
        """Entries that count, by officer, TPS, day and kind."""
        ...

    async def disabled_work(self, area: str) -> Answer:
        """Voters with a disability whose coklit counts, by officer, TPS and day."""
        ...

    async def late(self, area: str) -> Answer:
        """Entries that came when coklit of their area was closed."""
        ...

    async def device_health(self, regency: str) -> Answer:
        """Of every device that sent anything: how much is held, parked and quarantined."""
        ...

    async def visits(self, area: str) -> Answer:
        """Field work that counts, by device and seq, with home and place where the entry has them."""
        ...

    async def edition(self, regency: str) -> Edition:
        """What the projection is now, without reading a row of it."""
        ...

    async def page(
        self, name: str, regency: str, arguments: Sequence[object], wanted: Wanted, tps: str | None = None
    ) -> Paged:
        """The wanted rows of projections/queries/NAME.sql for its `arguments`; the digest of `tps` when it is given.

        `name` and the columns that `wanted` speaks of are the caller's own words, never a stranger's.
        """
        ...

    async def recap(self, area: str, level: str) -> Paged:
        """The counts of every area of `level` within `area`, by code; those of few people are None. Of a TPS with its
        digest."""
        ...

    async def province(self, province: str, level: str) -> tuple[list[AsOf], list[dict[str, Any]]]:
        """The recap of every part of that level in a province (2 digits), over the regencies that are projected here.

        One snapshot of them all, each with its own position. Level `province` is the sum over them.
        """
        ...

    async def out_of_count(self, regency: str) -> dict[str, int]:
        """How many events have each standing that is not `counted`."""
        ...

    async def mark_at(self, regency: str, position: int) -> Mark | None:
        """The step by which the event at `position` was judged; None where nothing reached it."""
        ...

    async def mark_when(self, regency: str, moment: datetime) -> Mark | None:
        """The last step that was applied by `moment`; None before the first."""
        ...


# ------------------------------------------------------------------------------------------------------------
# What was held at an earlier moment (services/as_of). Owned by the read side.
# ------------------------------------------------------------------------------------------------------------


class PastReader(Protocol):
    """The events as they were at an earlier moment. Raises as `RollReader`.

    An event never changes and never goes, so several calls speak of one moment; what was erased since is gone there.
    """

    async def as_of(self, regency: str) -> AsOf:
        """How far the regency is projected now."""
        ...

    async def mark(self, regency: str, position: int) -> Mark | None:
        """The last mark of that very position, else that of the step that went past it; None where nothing did."""
        ...

    async def mark_when(self, regency: str, moment: datetime) -> Mark | None:
        """The last step that was applied by `moment`; None before the first."""
        ...

    async def rolls(self, regency: str) -> tuple[AsOf, int, dict[str, bytes]]:
        """How far the regency is projected, by which registry position, and the digests of its areas: one snapshot."""
        ...

    async def placed(self, regency: str, area: str, after: str, voters_max: int) -> list[str]:
        """The next voters beyond `after` ("" for the first) that any event ever placed in the area, by id."""
        ...

    async def tps_placed(self, regency: str, area: str) -> list[str]:
        """Every TPS of the area that any event ever named for a voter, by code."""
        ...

    async def events_until(self, regency: str, voters: Sequence[str], events: int, persons: int) -> list[StoredEvent]:
        """Every event about these voters up to position `events`, with persons up to `persons`, in order of arrival.

        Their `standing` is today's.
        """
        ...

    async def held_until(self, regency: str, dots: Collection[tuple[str, int]], events: int) -> set[tuple[str, int]]:
        """Those of these (device, seq) whose event was held at position `events`."""
        ...


# ------------------------------------------------------------------------------------------------------------
# People with SQL: logins of the database, each bound by the database itself to the areas of an account.
# ------------------------------------------------------------------------------------------------------------


class SqlAccount(NamedTuple):
    """What of an open account decides about a login for SQL."""

    login: str
    role: str
    areas: tuple[str, ...]


class SqlLogin(NamedTuple):
    """A login of the database: its areas, and until when its password opens (None: for ever)."""

    login: str
    areas: tuple[str, ...]
    until: datetime | None


@runtime_checkable
class SqlPeople(Protocol):
    """Who may ask the projection in SQL. A change is one transaction; whoever is logged in is bound by it at once."""

    async def account(self, login: str) -> SqlAccount | None:
        """The open account of that login; None when there is none."""
        ...

    async def logins(self) -> list[SqlLogin]:
        """Every login made here."""
        ...

    async def open_to(self, login: str, areas: Sequence[str], password: str, until: datetime) -> None:
        """Make the login of an account, or give it other areas and another password: it reads views of these areas.

        Raises EcoklitError `login_taken` when the database has such a role that was not made here.
        """
        ...

    async def close_to(self, login: str) -> None:
        """Take the login away. Raises EcoklitError `unknown_login` when it was not made here."""
        ...

    async def left_open(self) -> list[str]:
        """What everybody may still do in the database that people with SQL should not (projections/close.sql)."""
        ...


# ------------------------------------------------------------------------------------------------------------
# Exports: lists as files, and whom each was made for.
# ------------------------------------------------------------------------------------------------------------

LIST_COLUMNS: Final = (
    "voter", "nkk", "nik", "name", "birth_place", "birth_date", "marital", "sex", "address", "rt", "rw", "disability",
    "ektp", "remark", "source", "tps", "first_tps", "attempts", "conflicts", "proposed",
)  # fmt: skip
"""The columns of an exported list: those of the view voter_list, without the regency."""

ListRow = Any
"""One voter's values of LIST_COLUMNS, as a sequence of whatever kind a store has at hand: texts or None, `attempts` a
number, the last two lists of words or None."""


class ExportedRoll(NamedTuple):
    """The roll of one TPS: its digest, and everybody on its list by name."""

    digest: bytes
    rows: Sequence[ListRow]


class ExportSource(Protocol):
    """The lists of one regency at one moment, whatever is projected meanwhile. One caller at a time."""

    as_of: AsOf
    registry: int
    """The registry position that the lists were judged by."""

    async def tps(self, area: str) -> list[str]:
        """Every TPS of the area on whose roll somebody stands, on the list or off, by code; perhaps others."""
        ...

    async def roll(self, tps: str) -> ExportedRoll: ...


class ListHead(NamedTuple):
    """What is written over an exported list: which export it is, for whom, of what, and when it was asked for."""

    export: str
    recipient: str
    area: str
    as_of: AsOf
    asked_at: str


class ListFile(Protocol):
    """One file of an export that is being written, TPS by TPS. Not in sight before `ExportFiles.finished`."""

    def write(self, tps: str, digest: bytes, rows: Sequence[ListRow]) -> None: ...

    def close(self, digest: bytes) -> None:
        """All is written, and on disk when this returns; `digest` is that of the file's area."""
        ...


class FinishedFile(NamedTuple):
    """A file that is whole: its size, and its SHA-256 as hex."""

    bytes: int
    sha256: str


class ExportFiles(Protocol):
    """Where an export is kept: its files, each whole or absent, and what is said of it."""

    def held(self) -> AbstractContextManager[None]:
        """Nobody else writes here while the block runs. Raises EcoklitError export_in_use when somebody does."""
        ...

    def about(self) -> bytes | None:
        """What `keep` kept last; None when there is nothing yet."""
        ...

    def keep(self, about: bytes) -> None:
        """Say this of the export from now on; on disk when it returns."""
        ...

    def begin(self, name: str, head: ListHead) -> ListFile:
        """Write a file, in place of what was left of it."""
        ...

    def finished(self, name: str) -> FinishedFile:
        """The file of that name, which was closed, is whole and in sight from now on."""
        ...

    def read(self, name: str, start: int, bytes_max: int) -> bytes:
        """Bytes of a file that is whole, from `start` on; none at its end."""
        ...

    def forget(self) -> None:
        """Take away all of it. Again changes nothing."""
        ...


class ExportJob(NamedTuple):
    """An export as the office's books have it. `secret` is what its watermark is made with."""

    export: str
    account: str
    login: str
    area: str
    format: str
    events: int
    unmasked: bool
    asked_at: datetime
    state: str
    parts: int
    rows: int
    secret: bytes


class ExportJobs(Protocol):
    """The office's books of exports: no rebuild touches them, and nothing is ever taken out of them."""

    async def begin(self, job: ExportJob, approval: str | None) -> None: ...

    async def find(self, export: str) -> ExportJob | None: ...

    async def advance(self, export: str, state: str, parts: int, rows: int, digest: bytes | None) -> None:
        """How far an export is: running, done, failed or expired; durable on return."""
        ...

    async def all(self) -> list[ExportJob]:
        """Every export ever made, the earliest first."""
        ...


# ------------------------------------------------------------------------------------------------------------
# A transparency log: the tree over a journal, as files (c2sp.org/tlog-tiles).
# ------------------------------------------------------------------------------------------------------------


class LogState(msgspec.Struct, frozen=True):
    """How far a log is: its leaves; the stream sequence up to which the journal is in it, with the SHA-256 of what
    stands there (hex, "" before the first); and its checkpoint, as signed. `digested` is the last position of the
    events whose digests it states. `known` says, while a journal that was made anew is read, among how many leaves of
    the log a message may be already."""

    size: int
    position: int
    hash: str
    digested: int
    note: str
    known: int = 0


@runtime_checkable
class LogStore(Protocol):
    """What a log is kept in. One writer at a time; readers of what is published need no lock.

    Crash-safe: after a crash at any moment the store is at the last `commit` that returned, or at the one that was
    under way; tiles of no commit are as if they had never been written.
    """

    def state(self) -> LogState | None: ...

    def read(self, tile: Tile) -> bytes:
        """The bytes of a tile or bundle of the committed tree, or of the full one that it is a part of."""
        ...

    def recover(self) -> None:
        """Throw away what was written and not committed, and publish what was committed."""
        ...

    def write(self, tiles: Sequence[tuple[Tile, bytes]]) -> None:
        """Keep tiles and bundles; durable on return. What is not committed next is thrown away by `recover`."""
        ...

    def commit(self, state: LogState, full: Iterable[Tile]) -> None:
        """Make `state` the log's and publish its checkpoint; durable on return. Parts of `full` tiles may go."""
        ...


# ------------------------------------------------------------------------------------------------------------
# Who may be on two lists (services/marks). Owned by the read side.
# ------------------------------------------------------------------------------------------------------------


class ListPerson(NamedTuple):
    """Somebody on a list, or struck off it (`why`), or leaving it (for `to_area`), with what tells people apart."""

    voter: str
    tps: str
    why: str
    to_area: str | None
    nik: str | None
    name: str | None
    birth_date: str | None


class PeopleReader(Protocol):
    """People of the lists, by voter id, with whole numbers: for the service itself, which makes marks of them.

    Several reads may be of several moments. Raises as `RollReader`.
    """

    async def as_of(self, regency: str) -> AsOf:
        """How far the regency is projected."""
        ...

    async def regencies(self) -> list[str]:
        """The regencies that are projected here."""
        ...

    def listed(self, area: str) -> AsyncIterator[ListPerson]:
        """Who is on the lists of the area."""
        ...

    def removed(self, area: str) -> AsyncIterator[ListPerson]:
        """Who stands on a roll of the area and is off the list; `why` is the removal."""
        ...

    def leaving(self, area: str) -> AsyncIterator[ListPerson]:
        """Who left the area for another regency (`why`: gone), or is said to have (proposed)."""
        ...


# ------------------------------------------------------------------------------------------------------------
# Signing in at an office's own provider (OpenID Connect).
# ------------------------------------------------------------------------------------------------------------


class OidcRefused(EcoklitError):
    """Somebody is not let in by the provider's answer; `code` says by which rule."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, f"{message}: begin to sign in again.")


class OidcUnavailable(EcoklitError):
    """The provider is away, or is none."""

    def __init__(self, message: str) -> None:
        super().__init__("oidc_unavailable", message)


class SignIn(NamedTuple):
    """One attempt to sign in: secrets of this attempt alone, each 256 bits of chance. What a browser holds of it is
    `browser`, what the provider is shown is `state`, `nonce` and a hash of `verifier`.
    """

    state: str
    nonce: str
    verifier: str
    browser: str


class Identity(NamedTuple):
    """Whom the provider vouches for: "issuer subject", as an account has it."""

    subject: str


@runtime_checkable
class IdentityProvider(Protocol):
    """The office's provider. It lets nobody in: whom it vouches for has an account here, or has not."""

    async def address(self, sign_in: SignIn) -> str:
        """Where the browser is sent. Raises OidcUnavailable, OidcRefused."""
        ...

    async def identity(self, sign_in: SignIn, answer: Mapping[str, str]) -> Identity:
        """Whom it vouches for in its `answer` (the parameters that the browser brought back) to this sign-in.

        Raises OidcRefused by the rule that is broken, OidcUnavailable.
        """
        ...


@runtime_checkable
class SignIns(Protocol):
    """Sign-ins that have begun, for all processes of the service; each is taken once."""

    async def keep(self, sign_in: SignIn, seconds: int) -> None:
        """Keep it for so long. Durable on return."""
        ...

    async def take(self, state: str, browser: str) -> SignIn | None:
        """The sign-in of that state that began in that browser, and never again; None when there is none."""
        ...


# ------------------------------------------------------------------------------------------------------------
# Accounts, their sessions, and what they were shown: the schema of the office, which is no projection.
# ------------------------------------------------------------------------------------------------------------


class Account(NamedTuple):
    """Somebody who may ask. `rights` are those beyond the role's own; `password` is a hash, `totp` sealed; `subject` is
    "issuer subject" at the office's own provider. Closed accounts stay: the read log names them.
    """

    account: str
    login: str
    role: str
    areas: tuple[str, ...]
    rights: frozenset[str]
    officer: str
    password: str | None
    totp: bytes | None
    subject: str | None
    made_by: str
    made_at: datetime
    closed_at: datetime | None


class NewAccount(NamedTuple):
    """An account to be made, as in `Account`."""

    login: str
    role: str
    areas: tuple[str, ...]
    rights: frozenset[str]
    officer: str
    password: str | None
    totp: bytes | None
    subject: str | None
    made_by: str


class Session(NamedTuple):
    """An open session: whose, of which kind (browser, program), and when it began, was last used and ends."""

    account: Account
    kind: str
    mark: bytes
    made_at: datetime
    seen_at: datetime
    ends_at: datetime


class Failing(NamedTuple):
    """How often a scope (`login:…`, `address:…`) may fail within `window_seconds` before it is locked for as long."""

    scope: str
    failures_max: int
    window_seconds: int


@runtime_checkable
class AccountStore(Protocol):
    """Accounts and their sessions, for all processes of the service. Every change is durable on return.

    Raises RollUnavailable when the database is away: then nobody is let in.
    """

    async def add(self, new: NewAccount) -> Account:
        """Raises EcoklitError login_taken, for a login or a subject that an account had before, closed ones too."""
        ...

    async def by_login(self, login: str) -> Account | None: ...

    async def by_subject(self, subject: str) -> Account | None: ...

    async def all(self) -> list[Account]:
        """Every account, closed ones too, by login."""
        ...

    async def close(self, account: str) -> None:
        """Close it and end its sessions, at once; again changes nothing."""
        ...

    async def set_password(self, account: str, password: str) -> None:
        """Give it another hash, and end its sessions."""
        ...

    async def set_totp(self, account: str, totp: bytes) -> None:
        """Give it another sealed secret, and end its sessions."""
        ...

    async def use_step(self, account: str, step: int) -> bool:
        """Use up a time step and all before it; False when it was used. Of two calls at once one is True."""
        ...

    async def open(self, account: str, kind: str, mark: bytes, seconds: int) -> datetime:
        """Begin a session that ends in so many seconds whatever happens; `mark` is the token's hash. When it ends."""
        ...

    async def session(self, mark: bytes, idle_seconds_max: int) -> Session | None:
        """The session, its account as it is now; None when it was ended, is over, idle for too long, or closed."""
        ...

    async def sessions(self) -> list[Session]:
        """Those that have not ended, idle ones too, the latest first."""
        ...

    async def end(self, mark: bytes) -> None:
        """End one session; again changes nothing."""
        ...

    async def end_all(self, account: str) -> int:
        """End every session of an account; how many there were."""
        ...

    async def attempt(self, failing: Sequence[Failing]) -> float:
        """Count an attempt in every scope before anybody looks whether it is right, and lock those with too many.

        The seconds until the last of them is open again, 0 when all are. Attempts at once are counted one by one.
        """
        ...

    async def succeed(self, scopes: Sequence[str]) -> None:
        """Forget the failures in these scopes."""
        ...

    async def unlock(self, login: str) -> int:
        """Open every lock of an account: of its login, and of its reading. How many there were."""
        ...

    async def take(self, key: str, cost: float, burst: float, per_second: float) -> float:
        """Take `cost` from a bucket that processes share: 0; or, nothing taken, the seconds until there is enough."""
        ...

    async def alert(self, kind: str, account: str | None, area: str | None, says: str) -> None:
        """Note what somebody should look at."""
        ...

    async def looked_at(self, alerts: Sequence[int], by: str) -> None:
        """Note who looked at these; they are listed no more."""
        ...

    async def alerts(self) -> list[dict[str, Any]]:
        """What nobody has looked at yet, the latest first."""
        ...


class Reading(NamedTuple):
    """Something that is about to be shown: `rows` voters of `area`, or the one `voter`; `fields` are shown whole, for a
    `reason`. `account` is None for somebody at the service's own database.

    `within` is the area of the account that it counts in, with `budget` voters a day; "" counts in none.
    """

    account: str | None
    action: str
    area: str | None
    voter: str | None
    rows: int
    fields: tuple[str, ...]
    reason: str | None
    as_of: int
    request: str
    within: str
    budget: int


class LogEntry(NamedTuple):
    """An entry of the read log as stored; `login` is its account's, or None."""

    entry: int
    at: datetime
    account: str | None
    login: str | None
    action: str
    area: str | None
    voter: str | None
    rows: int
    fields: tuple[str, ...]
    reason: str | None
    as_of: int
    request: str
    prev: bytes
    hash: bytes

    def said(self) -> dict[str, Any]:
        """What its hash is over, beside the entry before (core/read_chain.py)."""
        said = {name: value for name, value in self._asdict().items() if name not in ("login", "prev", "hash")}
        return said | {"at": self.at.isoformat(timespec="microseconds"), "fields": list(self.fields)}


@runtime_checkable
class ReadLog(Protocol):
    """What was shown to whom: added to and never changed, each entry bound to the one before it by hash."""

    async def write(self, readings: Sequence[Reading]) -> list[bool]:
        """Note readings and charge their budgets, all in one commit, durable on return: whether each may be shown.

        One that would go beyond its budget is not noted: its account is locked in that area, with an alert, in the same
        commit, and so is every later one until somebody grants more. Calls at once, from any process, come one after
        the other. Raises RollUnavailable: then nothing may be shown.
        """
        ...

    async def entries(self, after: int, limit: int) -> list[LogEntry]:
        """Entries with a number above `after`, in order, at most `limit`."""
        ...


class Approval(NamedTuple):
    """Something that needs a second person: who asked, who answered how (None: nobody yet), until when it holds."""

    approval: str
    kind: str
    area: str
    says: str
    asked_by: str
    asked_at: datetime
    answered_by: str | None
    granted: bool | None
    ends_at: datetime


@runtime_checkable
class ApprovalStore(Protocol):
    """What was asked of a second person. Durable on return."""

    async def ask(self, kind: str, area: str, says: str, account: str, seconds: int) -> Approval: ...

    async def get(self, approval: str) -> Approval | None: ...

    async def open_approvals(self) -> list[Approval]:
        """Those that hold: not answered yet, or granted; the oldest first."""
        ...

    async def answer(self, approval: str, account: str, granted: bool) -> bool:
        """Answer it; False when it was answered before or is over, and then nothing changes."""
        ...

    async def grant_budget(self, account: str, area: str, voters: int) -> None:
        """Let an account read so many voters more in an area today, and open its lock there."""
        ...


@runtime_checkable
class Passwords(Protocol):
    """Hashes of passwords. Both calls take about 0.1 s of a core, whatever is asked: nothing is learnt from the time.

    Raises ProblemError service_busy when too many wait.
    """

    async def hashed(self, password: str) -> str: ...

    async def matches(self, hashed: str | None, password: str) -> bool:
        """Whether it is the password; None, for an account that there is not, is matched by none."""
        ...


class Numbers(NamedTuple):
    """A voter's identity numbers as whoever reads may see them, and on the list of which TPS it stands."""

    tps: str
    nik: str | None
    nkk: str | None


@runtime_checkable
class NumbersReader(Protocol):
    """The lists as somebody may see them, one voter at a time."""

    async def numbers(self, regency: str, voter: str) -> tuple[AsOf, Numbers] | None:
        """None when the voter stands on no list that whoever reads may see. Raises EcoklitError unknown_voter,
        NotProjected.
        """
        ...


# ------------------------------------------------------------------------------------------------------------
# The rights of voters (UU 27/2022): what they ask for, and who was shown what of them.
# ------------------------------------------------------------------------------------------------------------


class VoterRequest(NamedTuple):
    """What a voter asks for by right, and its answer: None until there is one. `is_late`: it came, or will, after it
    was due."""

    request: str
    voter: str
    regency: str
    tps: str
    kind: str
    says: str
    asked_at: datetime
    due_at: datetime
    noted_by: str
    answer: str | None
    answered_at: datetime | None
    answered_by: str | None
    is_late: bool


class VoterRequests(Protocol):
    """Requests of voters. Durable on return, by the database's clock; they outlast every rebuild."""

    async def note(self, voter: str, tps: str, kind: str, says: str, by: str, hours: int) -> VoterRequest:
        """Note a request about a voter who stands at `tps`, due in `hours`."""
        ...

    async def answer(self, request: str, answer: str, by: str) -> VoterRequest | None:
        """Answer it; None when there is no such request, or it has its answer."""
        ...

    async def get(self, request: str) -> VoterRequest | None: ...

    async def of_voter(self, voter: str) -> list[VoterRequest]:
        """All of them, the oldest first."""
        ...

    async def within(self, area: str, *, answered: bool) -> list[VoterRequest]:
        """Of voters who stood in the area, those without an answer, with `answered` all; the first due first."""
        ...


class ExportMade(NamedTuple):
    """A list that left the service as a file."""

    login: str
    role: str
    area: str
    what: str
    format: str
    position: int
    unmasked: bool
    asked_at: datetime
    state: str
    rows: int


class ReadingsMade(NamedTuple):
    """Answers alike in all but their time: how many, with how many rows in all. `login` None: at the service's own
    database."""

    login: str | None
    role: str | None
    action: str
    area: str | None
    voters: int
    fields: tuple[str, ...]
    answers: int
    rows: int
    first: datetime
    last: datetime


class SessionSeen(NamedTuple):
    """A session that was open for a while of a window; `ended_at` is when it ended or will."""

    login: str
    role: str
    kind: str
    made_at: datetime
    seen_at: datetime
    ended_at: datetime


class AlertRaised(NamedTuple):
    """What somebody was told to look at."""

    at: datetime
    kind: str
    login: str | None
    area: str | None
    says: str


class SqlReader(NamedTuple):
    """A login of somebody with SQL, whose reading the database alone could tell."""

    login: str
    areas: tuple[str, ...]


class Trail(Protocol):
    """Who was shown what, from the office's own schema: complete for answers of the service, since none leaves before
    it is written there; what people with SQL read is not in it."""

    async def readings_about(self, voter: str, tps: Sequence[str]) -> list[LogEntry]:
        """Readings of the voter, and of lists of areas that one of these TPS lies in, in order."""
        ...

    async def exports_about(self, tps: Sequence[str]) -> list[ExportMade]:
        """Exports of areas that one of these TPS lies in, in order."""
        ...

    async def readings_within(self, since: datetime, until: datetime) -> list[ReadingsMade]: ...

    async def exports_within(self, since: datetime, until: datetime) -> list[ExportMade]: ...

    async def sessions_within(self, since: datetime, until: datetime) -> list[SessionSeen]: ...

    async def alerts_within(self, since: datetime, until: datetime) -> list[AlertRaised]: ...

    async def sql_readers(self) -> list[SqlReader]:
        """Those that are open now."""
        ...
