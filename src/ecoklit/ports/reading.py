"""What the projection answers: rolls and recaps, pulls, and what an office asks of events."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from ecoklit.ports.roll import RollStore


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
