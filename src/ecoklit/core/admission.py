"""What a push is refused for, and nothing else (SPEC §7).

Whatever else is wrong with an event is taken and quarantined by name, or one bad event would block a phone for ever.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Final, Protocol, TypeVar

import msgspec

from ecoklit.core import ids, wire
from ecoklit.core.event import Malformed
from ecoklit.core.head import SignedHead, read_head
from ecoklit.core.limits import PUSH_BYTES_MAX, PUSH_EVENTS_MAX, PUSH_REGISTRY_LINES_MAX
from ecoklit.core.push_file import Kind, kind_of, lines_of
from ecoklit.core.receipt import SignedReceipt, read_receipt
from ecoklit.core.registry_event import SignedRegistry, read_line
from ecoklit.core.signing import PublicKey
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError

TOO_LARGE: Final = "too_large"
MALFORMED: Final = "malformed"
WRONG_ELECTION: Final = "wrong_election"
UNKNOWN_DEVICE: Final = "unknown_device"
BAD_SIGNATURE: Final = "bad_signature"
EQUIVOCATION: Final = "equivocation"
GAP: Final = "gap"
BROKEN_CHAIN: Final = "broken_chain"

REFUSALS: Final = (
    TOO_LARGE, MALFORMED, WRONG_ELECTION, UNKNOWN_DEVICE, BAD_SIGNATURE, EQUIVOCATION, GAP, BROKEN_CHAIN,
)  # fmt: skip
"""In the order in which a push is refused: the first that fits is the one that is named."""

_PLACES: Final[dict[Kind, int]] = {"registry": 0, "receipt": 1, "event": 2, "head": 3}
"""The order of the lines of a push (SPEC §7.1)."""


class Fork(msgspec.Struct, frozen=True):
    """Two different events of one device at one seq, by their hashes: the proof that its key is used twice."""

    seq: int
    held: bytes
    other: bytes


class Refused(EcoklitError):
    """A push that is not taken, by its name in `REFUSALS`; no event of it was kept.

    A gap names the seq `expected`. An equivocation has its `fork`, where both events have a hash.
    """

    def __init__(self, code: str, message: str, expected: int | None = None, fork: Fork | None = None) -> None:
        super().__init__(code, message)
        self.expected = expected
        self.fork = fork


class Push(msgspec.Struct, frozen=True):
    """What one push brings: consecutive events of one device with the signed head that ends them, or none of both.

    `registry` are signed registry events, of any devices, which are admitted first and by themselves. `receipt` is an
    earlier one, which proves when events that got lost had been admitted. No signature is checked yet. `device` and
    `regency` are those of the events, or of the last registry event where there is none.
    """

    device: str
    regency: str
    held: tuple[Held, ...]
    head: SignedHead | None = None
    registry: tuple[SignedRegistry, ...] = ()
    receipt: SignedReceipt | None = None

    @property
    def first(self) -> int:
        return self.held[0].seq

    @property
    def last(self) -> int:
        return self.held[-1].seq


class Known(msgspec.Struct, frozen=True):
    """What the journal holds of a device: its last seq (0 for none), and the hash of some of its events by seq."""

    seq: int
    hashes: dict[int, bytes]


class Link(Protocol):
    """An event in its device's log: of a voter, or of the registry."""

    @property
    def device(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def hash(self) -> bytes: ...
    @property
    def prev(self) -> str: ...


_Link = TypeVar("_Link", bound=Link)
_Read = TypeVar("_Read")


# --- what the body alone tells ---------------------------------------------------------------------------------------


def read_push(body: bytes, election: str) -> Push:
    """The push in NDJSON `body`; raises Refused too_large, malformed or wrong_election."""
    if len(body) > PUSH_BYTES_MAX:
        raise Refused(TOO_LARGE, f"the push has {len(body)} bytes; send at most {PUSH_BYTES_MAX} at once")
    lines = lines_of(body)
    kinds = [kind_of(line) for line in lines]
    _demand_few(kinds)
    _demand_order(kinds)
    ahead = kinds.count("registry")  # in order, so that each kind is one run
    before = ahead + kinds.count("receipt")
    end = before + kinds.count("event")
    registry = _read_each(lines[:ahead], read_line, 1)
    receipts = _read_each(lines[ahead:before], read_receipt, ahead + 1)
    held = _read_each(lines[before:end], wire.read, before + 1)
    heads = _read_each(lines[end:], read_head, end + 1)
    if not held and not registry:
        raise Refused(MALFORMED, "the push holds no event; send one wire line for each, then the signed head")
    _demand_one_device(held, heads, before)
    for number, signed in enumerate(registry, start=1):
        _demand_election(number, signed.election, election)
    if any(one.event is not None and one.event.election != election for one in held):
        for number, one in enumerate(held, start=before + 1):
            if one.event is not None:
                _demand_election(number, one.event.election, election)
    return Push(
        device=held[0].device if held else registry[-1].device,
        regency=held[0].regency if held else registry[-1].regency,
        held=held,
        head=heads[0] if heads else None,
        registry=registry,
        receipt=receipts[0] if receipts else None,
    )


def _demand_few(kinds: Sequence[Kind]) -> None:
    registry = kinds.count("registry")
    events = len(kinds) - registry - kinds.count("receipt") - kinds.count("head")
    if events > PUSH_EVENTS_MAX:
        raise Refused(TOO_LARGE, f"the push has {events} events; send at most {PUSH_EVENTS_MAX} at once")
    if registry > PUSH_REGISTRY_LINES_MAX:
        raise Refused(
            TOO_LARGE, f"the push has {registry} registry events; send at most {PUSH_REGISTRY_LINES_MAX} at once"
        )


def _demand_order(kinds: Sequence[Kind]) -> None:
    place = 0
    for number, (kind, _) in enumerate(groupby(kinds)):
        if kind not in _PLACES or _PLACES[kind] < place or (kind in ("receipt", "head") and kinds.count(kind) > 1):
            raise Refused(
                MALFORMED,
                f"the lines of the push are out of order at its {number + 1}th kind, {kind}: send registry events, "
                "then at most one receipt, then events, then one signed head",
            )
        place = _PLACES[kind]
    if ("event" in kinds) != ("head" in kinds) or ("receipt" in kinds and "event" not in kinds):
        raise Refused(MALFORMED, "the push is cut: its events must be ended by one signed head, and a head by nothing")


def _read_each(lines: Sequence[bytes], read: Callable[[bytes], _Read], first: int) -> tuple[_Read, ...]:
    """What each of the lines says, whose numbers in the push begin at `first`."""
    found: list[_Read] = []
    try:
        for line in lines:
            found.append(read(line))
    except Malformed as error:
        raise Refused(MALFORMED, f"line {first + len(found)}: {error.message}") from error
    return tuple(found)


def _demand_one_device(held: Sequence[Held], heads: Sequence[SignedHead], before: int) -> None:
    if len({one.place.device for one in held} | {one.device for one in heads}) < 2:
        return
    ended: tuple[Held | SignedHead, ...] = (*held, *heads)
    for number, one in enumerate(ended, start=before + 1):
        if one.device != held[0].device:
            raise Refused(
                MALFORMED, f"line {number} is of {one.device}; a push is one device's, {held[0].device}'s here"
            )


def _demand_election(number: int, found: str, election: str) -> None:
    if found != election:
        # What a stranger calls an election is not repeated: a word has room for an identity number.
        raise Refused(WRONG_ELECTION, f"line {number} is of another election; this service is of {election}")


# --- what the registry tells -----------------------------------------------------------------------------------------


def demand_known(device: str, key: PublicKey | None, *, opened: bool = True) -> PublicKey:
    """The key that the registry has of `device`; raises Refused unknown_device when it has none."""
    if key is not None:
        return key
    if not opened:
        raise Refused(UNKNOWN_DEVICE, "this election has not been opened; run 'ecoklit init' at the office first")
    raise Refused(UNKNOWN_DEVICE, f"{device} is not enrolled here; send its enrolment along, or enrol it first")


def demand_head(push: Push, key: PublicKey, election: str) -> None:
    """Refused bad_signature unless the head is that of the push's last event, signed by `key`."""
    head, last = push.head, push.held[-1]
    if head is None or (head.seq, head.hash) != (last.seq, ids.to_base64url(last.hash)):
        raise Refused(BAD_SIGNATURE, f"the signed head is not that of event {last.seq}, the last of the push")
    if not head.signed_by(key, election):
        raise Refused(BAD_SIGNATURE, f"the head is not signed by the key of {push.device} for this election")


def demand_registry_signature(signed: SignedRegistry, key: PublicKey) -> None:
    if not signed.signed_by(key):
        raise Refused(BAD_SIGNATURE, f"registry event {signed.seq} of {signed.device} is not signed by its key")


def receipted(push: Push, election: str, regency: str, services: Mapping[str, PublicKey]) -> int:
    """How many of the push's events its receipt proves to have been admitted before; 0 without a receipt.

    A receipt names one event by its hash, and so all before it: it must stand in the push itself. Raises Refused
    bad_signature when no service of the election signed it, or it is of another log.
    """
    if push.receipt is None:
        return 0
    receipt = push.receipt.receipt
    if (receipt.log, receipt.device, receipt.election, receipt.regency) != ("voters", push.device, election, regency):
        raise Refused(BAD_SIGNATURE, "the receipt is of another log; send that of this one, or the events without it")
    if not push.receipt.signed_by(services):
        raise Refused(BAD_SIGNATURE, "no service of this election signed the receipt; send the events without it")
    for number, one in enumerate(push.held, start=1):
        if one.seq == receipt.seq and ids.to_base64url(one.hash) == receipt.head:
            return number
    return 0


# --- what the journal tells ------------------------------------------------------------------------------------------


def admit(push: Push, known: Known) -> tuple[Held, ...]:
    """The events of `push` that the journal does not hold yet, as `admit_log` says."""
    return admit_log(push.held, known)


def admit_log(links: Sequence[_Link], known: Known) -> tuple[_Link, ...]:
    """Those of `links`, one device's, that are not held yet; raises Refused equivocation, gap or broken_chain.

    `known` must have the hash of every held event that is repeated, and of the one before the first.
    """
    seqs = [one.seq for one in links]
    for one in links if min(seqs) <= known.seq else ():
        if one.seq <= known.seq and known.hashes[one.seq] != one.hash:
            raise Refused(
                EQUIVOCATION,
                f"event {one.seq} of {one.device} is held already, and is another one",
                fork=Fork(one.seq, known.hashes[one.seq], one.hash),
            )
    _demand_first_link(links[0], known)
    if links[0].seq > known.seq + 1:
        raise _gap(links[0], known.seq + 1)
    for before, one in pairwise(links) if seqs != list(range(seqs[0], seqs[0] + len(seqs))) else ():
        if one.seq != before.seq + 1:
            raise _gap(one, before.seq + 1)
    for before, one in pairwise(links):
        if one.prev != ids.to_base64url(before.hash):
            raise Refused(BROKEN_CHAIN, f"prev of event {one.seq} is not the hash of event {before.seq}")
    return tuple(one for one in links if one.seq > known.seq)


def is_chained(links: Sequence[Link]) -> bool:
    """Whether a signature over the last of `links` vouches for every one of them.

    Whoever carries a log can put other events before a head that is not theirs: those prove nothing against anybody.
    """
    return all(
        (one.seq, one.prev) == (before.seq + 1, ids.to_base64url(before.hash)) for before, one in pairwise(links)
    )


def _gap(found: Link, expected: int) -> Refused:
    message = f"after event {expected - 1} of {found.device} comes {expected}, not {found.seq}; send from {expected} on"
    return Refused(GAP, message, expected)


def _demand_first_link(first: Link, known: Known) -> None:
    # The first prev is a claim about the past: when it differs from what is held, two logs share one key (SPEC §7).
    if first.seq > known.seq + 1:
        return
    before = ids.ZERO_HASH if first.seq == 1 else known.hashes[first.seq - 1]
    if first.prev != ids.to_base64url(before):
        fork = None if first.seq == 1 else Fork(first.seq - 1, before, ids.from_base64url(first.prev))
        raise Refused(
            EQUIVOCATION, f"prev of event {first.seq} is not the hash of the event that is held before it", fork=fork
        )
