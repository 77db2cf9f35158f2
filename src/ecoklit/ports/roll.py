"""The roll store (projections). Owned by the projector."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from ecoklit.core.ids import ZERO_HASH
from ecoklit.errors import EcoklitError


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
    - or waits for a dot beyond one of `lost`, (device, last seq);

    and the `voters` that it names itself.
    """

    everything: bool = False
    released: bool = False
    stamped: int | None = None
    logs: Sequence[tuple[str, int]] = ()
    lost: Sequence[tuple[str, int]] = ()
    voters: Sequence[str] = ()


class Step(msgspec.Struct, frozen=True):
    """All that one batch of the journal changes.

    `persons` are right copies, `orphans` copies whose event is not held; the stored orphans of the events `adopted` go.
    `refolded` are the voters with earlier events: their old rows go, new ones follow in `voters`, `sides`, `waiting`.
    `standings` are earlier events with a new standing: (device, seq, standing); `completed` earlier events whose person
    has come. Both get the revision of `after`. `placements` are none that are there already.
    Of the voters `erased` no person stays, and those events get that revision too; with `is_ended` no orphan does.
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
    erased: Sequence[str] = ()
    is_ended: bool = False


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
