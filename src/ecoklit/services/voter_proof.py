"""Why a voter has its status, as one file that proves itself: made, written, read and checked without any service.

What it shows, step by step: the lines of the registry are signed, from the root key down; the events stand in the log
whose checkpoint is signed; each author had the right to say what it said; and by the merge law these events give this
status. What it cannot show is that nothing is missing: that is what an audit of the whole journal is for.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from ecoklit.core import canonical, ids, wire
from ecoklit.core.canonical import Integer
from ecoklit.core.causality import COUNTED
from ecoklit.core.entitlement import Admitted
from ecoklit.core.event import Malformed
from ecoklit.core.excerpt import ExcerptFault, fold_excerpt
from ecoklit.core.merkle import leaf_hash
from ecoklit.core.policy import Policy
from ecoklit.core.registry import Registry
from ecoklit.core.signing import head_message
from ecoklit.core.voter import winners
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.services.case import Case, Judged, Law, Status, judged
from ecoklit.services.why import SHOWN, Why, is_rightful
from ecoklit.tlog import policy as log_policy
from ecoklit.tlog.checkpoint import read_hash, to_base64
from ecoklit.tlog.fault import LogFault
from ecoklit.tlog.note import read_note
from ecoklit.tlog.policy import Judged as JudgedNote
from ecoklit.tlog.proof import is_included
from ecoklit.tlog.proof_file import LogProof

FIRST_WORD: Final = b"ecoklit-voter-proof-v1"
SUFFIX: Final = ".voter-proof"
CONTENT_BYTES_MAX: Final = 2_000_000
"""A head may stand a whole push after its event."""


class ProofFault(EcoklitError):
    """A file that proves nothing. `place` names what is wrong with it: file, registry N, log, event N, status."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(
            "bad_voter_proof",
            f"The proof does not hold at its {place}, for {why}: ask for it again, from whoever made it.",
        )
        self.place = place


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device's signature over the end of its log, and the events between the proved one and that end."""

    after: list[dict[str, Any]]
    signature: str


class ProvedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event that counts, and its place in the log with the path to the root."""

    event: dict[str, Any]
    head: Head | None
    index: Integer
    path: list[str]


class VoterProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of the file; `status` is `Status`, and the names of the events whose writes of the verdict
    and of the place win."""

    checkpoint: str
    election: str
    events: list[ProvedEvent]
    regency: str
    registry: list[dict[str, Any]]
    status: dict[str, Any]
    v: Literal[1]
    voter: str


class SignedEnd(NamedTuple):
    """The bytes of the events that follow an event in its device's log, up to one whose head was signed, and that
    signature (base64url)."""

    after: Sequence[bytes]
    signature: str


class Verified(NamedTuple):
    """What a file proves: the log and who cosigned it; the excerpt of the registry; the events in the order of the
    log, and of each whether its author's own signature is in the file; and what they come to."""

    judged: JudgedNote
    registry: Registry
    events: Sequence[Held]
    signed: Sequence[bool]
    case: Case
    found: Judged


# --- making ----------------------------------------------------------------------------------------------------------


def make(
    why: Why,
    registry: Registry,
    lines: Sequence[bytes],
    logged: Mapping[bytes, LogProof],
    ends: Mapping[bytes, SignedEnd],
) -> VoterProof:
    """The proof of `why` by these registry `lines`. By hash of the event: where each stands in the log, all under one
    checkpoint, and the signed ends that come along."""
    notes = {logged[held.hash].note.written for held in why.case.held}
    if len(notes) != 1:
        raise ValueError("the events are proved under more than one checkpoint")
    held = sorted(why.case.held, key=lambda one: logged[one.hash].number)
    return VoterProof(
        checkpoint=notes.pop().decode(),
        election=registry.election,
        events=[_proved(one, logged[one.hash], ends.get(one.hash)) for one in held],
        regency=registry.regency,
        registry=[canonical.decode(line) for line in lines],
        status=_shown(why.status, why.verdict_by, why.place_by),
        v=1,
        voter=why.case.voter,
    )


def _proved(held: Held, proof: LogProof, end: SignedEnd | None) -> ProvedEvent:
    head = None if end is None else Head([canonical.decode(body) for body in end.after], end.signature)
    path = [to_base64(hash) for hash in proof.path]
    return ProvedEvent(canonical.decode(held.event_bytes), head, proof.number, path)


def _shown(status: Status, verdict_by: Held, place_by: Held) -> dict[str, Any]:
    lists = {"proposed": list(status.proposed), "conflicts": list(status.conflicts)}
    return {**status._asdict(), **lists, "verdict_by": _name(verdict_by), "tps_by": _name(place_by)}


def _name(held: Held) -> str:
    return f"{held.device}:{held.seq}"


def write(proof: VoterProof) -> bytes:
    """The file: a line with its name and the hash of what follows, then the canonical contents, deflated."""
    packed = zlib.compress(canonical.encode(msgspec.to_builtins(proof)), 9)
    return b"%b %b\n%b" % (FIRST_WORD, ids.to_base64url(ids.sha256(packed)).encode(), packed)


# --- checking --------------------------------------------------------------------------------------------------------


def is_proof(data: bytes) -> bool:
    """Whether a file says to be one."""
    return data.startswith(FIRST_WORD + b" ")


def content_of(data: bytes) -> bytes:
    """What a file says, in RFC 8785 JSON. Raises ProofFault."""
    first, _, packed = data.partition(b"\n")
    if first != b"%b %b" % (FIRST_WORD, ids.to_base64url(ids.sha256(packed)).encode()):
        raise ProofFault("file", "its first line is not the name and the hash of the rest")
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed, CONTENT_BYTES_MAX)
    except zlib.error:
        raise ProofFault("file", "it cannot be unpacked") from None
    if not unpacking.eof or unpacking.unused_data:
        raise ProofFault("file", "it is cut off, too long, or something stands behind it")
    return content


def read(data: bytes) -> VoterProof:
    """The contents of a file, unchecked. Raises ProofFault."""
    try:
        return msgspec.convert(canonical.decode(content_of(data)), VoterProof)
    except (ValueError, msgspec.ValidationError):
        raise ProofFault("file", "it has not the form of a proof") from None


def verify(proof: VoterProof, root: str, trusted: log_policy.Policy, policies: Mapping[str, Policy]) -> Verified:
    """What the proof shows to whoever knows the root key's device id `root`, the log and its witnesses (`trusted`) and
    the published policies. Raises ProofFault at the first thing that does not hold."""
    registry = _registry(proof, root)
    seen = _checkpoint(proof, trusted)
    held, signed = [], []
    for number, one in enumerate(proof.events, 1):
        event = _event(proof, number)
        _demand(number == 1 or proof.events[number - 2].index < one.index, number, "it stands before the last one")
        _demand_logged(event, one, number, seen)
        signed.append(one.head is not None)
        _demand(one.head is None or _is_signed(registry, event, one.head), number, "its signed head is not its own")
        _demand(is_rightful(registry, event), number, "its author had no right to say it")
        held.append(event)
    case = Case(proof.voter, tuple(Admitted(one, 0) for one in held), {}, ())
    found = _fold(proof, case, registry, policies)
    return Verified(seen, registry, held, signed, case, found)


def _demand(fact: bool, number: int, why: str) -> None:
    if not fact:
        raise ProofFault(f"event {number}", why)


def _registry(proof: VoterProof, root: str) -> Registry:
    lines = [canonical.encode(line) for line in proof.registry]
    try:
        return fold_excerpt(proof.election, proof.regency, lines, root, SHOWN)
    except ExcerptFault as fault:
        raise ProofFault(f"registry {fault.number}", fault.why) from None


def _checkpoint(proof: VoterProof, trusted: log_policy.Policy) -> JudgedNote:
    try:
        return log_policy.judge(trusted, read_note(proof.checkpoint.encode()))
    except LogFault as fault:
        raise ProofFault("log", fault.message.rstrip(".")) from None


def _event(proof: VoterProof, number: int) -> Held:
    try:
        held = wire.hold(canonical.encode(proof.events[number - 1].event), None)
    except Malformed as error:
        raise ProofFault(f"event {number}", error.message) from None
    event = held.event
    if event is None:
        raise ProofFault(f"event {number}", held.fault or "it is no event")
    same = (event.election, held.regency, held.voter) == (proof.election, proof.regency, proof.voter)
    _demand(same, number, "it is about another voter")
    twice = any((one.event.get("device"), one.event.get("seq")) == held.dot for one in proof.events[: number - 1])
    _demand(not twice, number, "an event before it has its name")
    return held


def _demand_logged(held: Held, one: ProvedEvent, number: int, seen: JudgedNote) -> None:
    path = [read_hash(hash) for hash in one.path]
    leads = None not in path and is_included(
        leaf_hash(held.event_bytes),
        one.index,
        seen.checkpoint.size,
        [hash for hash in path if hash is not None],
        seen.checkpoint.root,
    )
    _demand(leads, number, "its path does not lead to the root of the log")


def _is_signed(registry: Registry, held: Held, head: Head) -> bool:
    """Whether the device signed the end of its log that the events after this one lead to."""
    key, last = registry.device_key(held.device), held
    for event in head.after:
        try:
            following = wire.hold(canonical.encode(event), None)
        except Malformed:
            return False
        if (following.dot, following.prev) != ((held.device, last.seq + 1), ids.to_base64url(last.hash)):
            return False
        last = following
    message = head_message(registry.election, last.device, last.seq, last.hash)
    return key is not None and key.verifies(message, head.signature)


def _fold(proof: VoterProof, case: Case, registry: Registry, policies: Mapping[str, Policy]) -> Judged:
    found = judged(case, Law(registry, policies))
    for number, held in enumerate(case.held, 1):
        standing = found.standings[held.hash]
        _demand(standing.name == COUNTED, number, f"it is {standing.name} ({standing.why})")
    if found.status is None:
        raise ProofFault("status", "there are no events")
    verdict, place = winners(found.fold.judgement.counted)
    if _shown(found.status, verdict.held, place.held) != proof.status:
        raise ProofFault("status", "the events give another")
    return found
