"""What an audit of a journal came to, and the comparison with what the service published (SPEC §6.5, §7, §8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from ecoklit.core.admission import (
    BAD_SIGNATURE,
    BROKEN_CHAIN,
    EQUIVOCATION,
    GAP,
    MALFORMED,
    UNKNOWN_DEVICE,
    WRONG_ELECTION,
)
from ecoklit.core.bulk import BAD_PERSON
from ecoklit.core.ids import is_tps
from ecoklit.core.registry import Registry
from ecoklit.services.audit_fold import Leaf, NotCounted
from ecoklit.services.inspect import PERSON_MISSING, Fault

OTHER_ROOT: Final = "other_root"
NO_REGISTRY: Final = "no_registry"
SHORTER: Final = "shorter"
NOT_ERASED: Final = "not_erased"
_OF_LINES: Final = (
    BAD_SIGNATURE, BROKEN_CHAIN, EQUIVOCATION, GAP, MALFORMED, UNKNOWN_DEVICE, WRONG_ELECTION,
)  # fmt: skip
VOTERS_MAX: Final = 1_000
"""So many voters that differ are named."""


class Published(NamedTuple):
    """What somebody published of the roll: digests by code as of a moment, and `by` whom.

    `is_all` says that every area that has voters is there; `leaves` are those behind the digests, where they are known.
    `registry` None is the position that the events up to there were judged by.
    """

    by: str
    events: int
    registry: int | None
    digests: Mapping[str, bytes]
    is_all: bool = False
    leaves: Sequence[Leaf] = ()


class Difference(msgspec.Struct, frozen=True):
    """An area whose published digest is not the one that the journal gives; None where one has no such area."""

    code: str
    published: str | None
    folded: str | None


class Differing(msgspec.Struct, frozen=True):
    """A voter whose decision is another in the journal than in what was published; the places where each has it, and
    the voter's events up to that moment, as position and name."""

    voter: str
    published: str | None
    folded: str | None
    events: list[tuple[int, str]]


class Compared(msgspec.Struct, frozen=True):
    """The fold held against one thing that was published."""

    by: str
    events: int
    registry: int
    areas: int
    differences: list[Difference]
    voters: list[Differing]
    first: tuple[int, str] | None
    """The earliest event about a voter that differs."""


class Persons(msgspec.Struct, frozen=True):
    """The persons: right copies, events whose person is not there, of these erased by an order, copies of no event."""

    right: int
    absent: int
    erased: int
    orphans: int


class Erased(msgspec.Struct, frozen=True):
    """A voter's particulars, or everybody's (None), were erased: by whom, when, and the hash of the order."""

    position: int
    voter: str | None
    officer: str
    device: str
    at: str
    order: str


class Audit(msgspec.Struct, frozen=True):
    """What an audit found. `faults` are what admission never lets in; `not_counted` is lawful, and in sight."""

    election: str
    regency: str
    root: str | None
    events: int
    registry: int
    heads: int
    devices: int
    voters: int
    digest: str | None
    digests: dict[str, str]
    persons: Persons | None
    erasures: list[Erased]
    standings: dict[str, int]
    not_counted: list[NotCounted]
    compared: list[Compared]
    faults: list[Fault]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong, and nothing differs."""
        return not self.faults and not any(one.differences for one in self.compared)


def erasures_of(registry: Registry) -> list[Erased]:
    return [
        Erased(
            one.position,
            one.event.voter if isinstance(one.event.voter, str) else None,
            one.event.officer,
            one.event.device,
            one.event.at,
            one.event.order,
        )
        for one in registry.erasures
    ]


def registry_faults(registry: Registry, root: str | None) -> list[Fault]:
    """What is wrong with the registry itself, and with its root; `root` is the device id that somebody expects."""
    stream = f"ECOKLIT-{registry.election}-{registry.regency}-registry"
    faults = [
        Fault(void.name, stream, void.position, void.device, void.seq, void.seq, void.why)
        for void in registry.voids
        if void.name in _OF_LINES
    ]
    if registry.root is None:
        faults.append(Fault(NO_REGISTRY, stream, 1, "", 0, 0, "its first line does not open this election"))
    elif root is not None and registry.root_device != root:
        why = f"the registry is under the root key {registry.root_device}"
        faults.append(Fault(OTHER_ROOT, stream, 1, registry.root_device or "", 1, 1, why))
    return faults


# --- persons ---------------------------------------------------------------------------------------------------------

Wanted = tuple[str, int, bytes]
"""Device, seq, and the hash of the person that the event commits to."""
Copy = tuple[str, int, bytes, int]
"""The device and seq that a copy says it belongs to, its hash, and its position."""


class JoinedPersons(msgspec.Struct):
    """Some devices' persons held against their events; `absent` are the dots of those of whom no right copy is there,
    each with the position of a wrong one, or 0; `left` those that were to be erased, with the position of a copy."""

    right: int
    orphans: int
    erased: int
    absent: list[tuple[str, int, int]]
    left: list[tuple[str, int, int]]


def join_persons(
    wanted: Iterable[Wanted], copies: Iterable[Copy], erased: Iterable[tuple[str, int]] = ()
) -> JoinedPersons:
    """`erased` are the dots whose persons somebody ordered to be erased: nothing may be left of them."""
    gone = set(erased)
    missing = {(device, seq): hash for device, seq, hash in wanted}
    named = set(missing)
    wrong: dict[tuple[str, int], int] = {}
    found = JoinedPersons(0, 0, len(gone), [], [])
    for device, seq, hash, position in copies:
        dot = (device, seq)
        if missing.get(dot) == hash:
            del missing[dot]
            found.right += 1
        elif dot in gone:
            found.left.append((*dot, position))
        elif dot in named:
            wrong[dot] = position
            found.orphans += 1
        else:
            found.orphans += 1
    found.absent = [(*dot, wrong.get(dot, 0)) for dot in sorted(missing)]
    return found


def person_faults(
    stream: str, absent: Iterable[tuple[str, int, int]], left: Iterable[tuple[str, int, int]]
) -> list[Fault]:
    still = "its person was to be erased, and a copy is there"
    return [Fault(NOT_ERASED, f"{stream}-persons", at, device, seq, seq, still) for device, seq, at in left] + [
        Fault(BAD_PERSON, f"{stream}-persons", at, device, seq, seq, "its person is not the one that it commits to")
        if at
        else Fault(PERSON_MISSING, f"{stream}-persons", 0, device, seq, seq, "no copy of its person is there")
        for device, seq, at in absent
    ]


# --- what was published ----------------------------------------------------------------------------------------------


def differences(published: Published, folded: Mapping[str, bytes]) -> list[Difference]:
    """The areas that differ, by code."""
    codes = sorted({*published.digests, *(folded if published.is_all else ())})
    pairs = ((code, published.digests.get(code), folded.get(code)) for code in codes)
    return [Difference(code, _hex(one), _hex(other)) for code, one, other in pairs if one != other]


def differing_voters(
    found: Sequence[Difference], published: Iterable[Leaf], folded: Iterable[Leaf]
) -> dict[str, tuple[str | None, str | None]]:
    """Voter → the TPS where what was published has it and where the journal has it, of those whose leaves differ.

    Both need only give the leaves of the TPS that differ.
    """
    places = {one.code for one in found if is_tps(one.code)}
    theirs = {voter: (tps, leaf) for tps, voter, leaf in published if tps in places}
    ours = {voter: (tps, leaf) for tps, voter, leaf in folded if tps in places}
    return {
        voter: (theirs.get(voter, _NOWHERE)[0], ours.get(voter, _NOWHERE)[0])
        for voter in sorted({*theirs, *ours})
        if theirs.get(voter) != ours.get(voter)
    }


_NOWHERE: Final[tuple[str | None, bytes]] = (None, b"")


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()
