"""What a push is refused for, and nothing else (SPEC §7).

Whatever else is wrong with an event is taken and quarantined by name, or one bad event would block a phone for ever.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

from ecoklit.core import ids, wire
from ecoklit.core.event import Malformed
from ecoklit.core.limits import PUSH_BYTES_MAX, PUSH_EVENTS_MAX
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


class Refused(EcoklitError):
    """A push that is not taken, by its name in `REFUSALS`; nothing of it was kept. A gap names the seq `expected`."""

    def __init__(self, code: str, message: str, expected: int | None = None) -> None:
        super().__init__(code, message)
        self.expected = expected


class Push(msgspec.Struct, frozen=True):
    """Consecutive events of one device, in order: at least one."""

    device: str
    regency: str
    held: tuple[Held, ...]

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


def read_push(body: bytes, election: str) -> Push:
    """The push in NDJSON `body`; raises Refused too_large, malformed or wrong_election."""
    if len(body) > PUSH_BYTES_MAX:
        raise Refused(TOO_LARGE, f"the push has {len(body)} bytes; send at most {PUSH_BYTES_MAX} at once")
    lines = body.removesuffix(b"\n").split(b"\n") if body else []
    if len(lines) > PUSH_EVENTS_MAX:
        raise Refused(TOO_LARGE, f"the push has {len(lines)} events; send at most {PUSH_EVENTS_MAX} at once")
    held = [_read_line(number, line) for number, line in enumerate(lines, start=1)]
    if not held:
        raise Refused(MALFORMED, "the push holds no event; send one wire line for each")
    _demand_one_device(held)
    for number, one in enumerate(held, start=1):
        _demand_election(number, one, election)
    return Push(held[0].device, held[0].regency, tuple(held))


def admit(push: Push, known: Known) -> tuple[Held, ...]:
    """The events of `push` that the journal does not hold yet; raises Refused equivocation, gap or broken_chain.

    `known` must have the hash of every held event that the push repeats, and of the one before its first.
    """
    for one in push.held:
        if one.seq <= known.seq and known.hashes[one.seq] != one.hash:
            raise Refused(EQUIVOCATION, f"event {one.seq} of {push.device} is held already, and is another one")
    _demand_first_link(push, known)
    if push.first > known.seq + 1:
        raise _gap(push, known.seq + 1, push.first)
    for before, one in pairwise(push.held):
        if one.seq != before.seq + 1:
            raise _gap(push, before.seq + 1, one.seq)
    for before, one in pairwise(push.held):
        if one.prev != ids.to_base64url(before.hash):
            raise Refused(BROKEN_CHAIN, f"prev of event {one.seq} is not the hash of event {before.seq}")
    return tuple(one for one in push.held if one.seq > known.seq)


def _gap(push: Push, expected: int, found: int) -> Refused:
    message = f"after event {expected - 1} of {push.device} comes {expected}, not {found}; send from {expected} on"
    return Refused(GAP, message, expected)


def _read_line(number: int, line: bytes) -> Held:
    try:
        return wire.read(line)
    except Malformed as error:
        raise Refused(MALFORMED, f"line {number}: {error.message}") from error


def _demand_one_device(held: Sequence[Held]) -> None:
    for number, one in enumerate(held, start=1):
        if one.device != held[0].device:
            raise Refused(
                MALFORMED, f"line {number} is of {one.device}; a push is one device's, {held[0].device}'s here"
            )


def _demand_election(number: int, held: Held, election: str) -> None:
    if held.event is not None and held.event.election != election:
        raise Refused(WRONG_ELECTION, f"line {number} is of {held.event.election}; this service is of {election}")


def _demand_first_link(push: Push, known: Known) -> None:
    # The first prev is a claim about the past: when it differs from what is held, two logs share one key (SPEC §7).
    first = push.held[0]
    if first.seq > known.seq + 1:
        return
    before = ids.ZERO_HASH if first.seq == 1 else known.hashes[first.seq - 1]
    if first.prev != ids.to_base64url(before):
        raise Refused(EQUIVOCATION, f"prev of event {first.seq} is not the hash of the event that is held before it")
