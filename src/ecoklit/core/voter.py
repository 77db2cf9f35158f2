"""Reading a voter: the merge law, and the one state that follows from the events that count (SPEC §4–§6).

A write yields only to one that saw it and has at least its standing. What is left is alive; the greatest alive write
wins, rights first, and every disagreement among the alive is shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec
from msgspec import UNSET

from ecoklit.core.causality import Counted, Judgement, World, is_birth, judge, supersedes
from ecoklit.core.effect import FIELD, NO_PROPOSAL, PROPOSAL, RECORD, RULING_LEVELS, TPS, VERDICT, stays
from ecoklit.core.event import NotMet
from ecoklit.core.policy import Policy
from ecoklit.core.wire import Held

_RULING_LEVEL_MIN: Final = min(RULING_LEVELS.values())


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What was decided about a voter: it names nobody, and its bytes are the leaf of every digest (SPEC §6)."""

    alive: list[str]
    attempts: int
    clock: dict[str, int]
    conflicts: list[str]
    on_list: bool
    proposed: list[str]
    reason: str | None
    regency: str
    tps: str
    verdict: str
    voter: str


class Particulars(msgspec.Struct, frozen=True, gc=False):
    """The voter's record as its alive writes give it: the twelve fields, and the salts of the persons behind them."""

    conflicts: list[str]
    fields: dict[str, str | None]
    salts: list[str]


class State(msgspec.Struct, frozen=True, gc=False):
    """One voter of one regency; `record` is None while a person behind it is absent."""

    decision: Decision
    record: Particulars | None
    first_tps: str
    """The roll of its birth, so that a move counts at both ends."""
    decision_bytes: bytes

    @property
    def line(self) -> bytes:
        """The state as `fold` prints it, without a line break."""
        record = b"null" if self.record is None else _ENCODER.encode(self.record)
        return b'{"decision":%b,"record":%b}' % (self.decision_bytes, record)


# The fields of both structs stand in canonical order, and clocks are made sorted.
_ENCODER: Final = msgspec.json.Encoder()


class VoterFold(msgspec.Struct, frozen=True):
    """What the held events about one voter come to; `state` is None when none of them counts."""

    state: State | None
    judgement: Judgement


def fold_voter(held: Sequence[Held], policies: Mapping[str, Policy], world: World) -> VoterFold:
    """The state of one voter of one regency from all held events about it; a function of their set (SPEC §4)."""
    judgement = judge(held, policies, world)
    return VoterFold(read(judgement.counted) if judgement.counted else None, judgement)


def read(counted: Sequence[Counted]) -> State:
    """The state that these events give: at least one, all about one voter of one regency, causes before effects."""
    alive = alive_of(counted)
    place = counted[0].held.place
    decision = _decide(counted, alive, place.tps[:4], place.voter)
    birth = next(one for one in counted if is_birth(one.event))
    return State(decision, _particulars(alive), birth.event.tps, _ENCODER.encode(decision))


# --- what is alive (SPEC §4) ---------------------------------------------------------------------------------------

Alive = tuple[Counted, int]
"""An event, and the mask of the registers in which its write is alive."""


def alive_of(counted: Sequence[Counted]) -> list[Alive]:
    """The events that still hold a register, each with the registers that it holds."""
    return _alive_in_line(counted) if _is_line(counted) else _alive_among(counted)


def _is_line(counted: Sequence[Counted]) -> bool:
    """Whether each event supersedes the one before it: a history without concurrency, as most are."""
    return all(supersedes(later, earlier) for earlier, later in pairwise(counted))


def _alive_in_line(counted: Sequence[Counted]) -> list[Alive]:
    # Superseding is transitive, so here the last write of each register is the alive one.
    alive, written = [], 0
    for one in reversed(counted):
        mask = one.effect.mask & ~written
        if mask:
            alive.append((one, mask))
            written |= mask
    return alive


def _alive_among(counted: Sequence[Counted]) -> list[Alive]:
    alive = []
    for one in counted:
        mask = one.effect.mask
        for other in counted:
            if mask & other.effect.mask and supersedes(other, one):
                mask &= ~other.effect.mask
        if mask:
            alive.append((one, mask))
    return alive


def _holding(alive: Sequence[Alive], register: int) -> list[Counted]:
    return [one for one, mask in alive if mask & register]


# --- who wins (SPEC §5) --------------------------------------------------------------------------------------------


def _decide(counted: Sequence[Counted], alive: Sequence[Alive], regency: str, voter: str) -> Decision:
    verdicts, places = _holding(alive, VERDICT), _holding(alive, TPS)
    winner = _winner(verdicts, _verdict_standing).effect.verdict
    verdict, _, reason = winner.partition("/")
    attempts = _last_attempts(counted)
    return Decision(
        alive=_names([one for one, _ in alive], attempts),
        attempts=sum(one.event.nth for one in attempts if isinstance(one.event, NotMet)),
        clock=_join(counted),
        conflicts=_conflicts_of_decision(verdicts, places),
        on_list=stays(verdict),
        proposed=sorted({one.effect.proposal for one in _holding(alive, PROPOSAL)} - {NO_PROPOSAL}),
        reason=reason or None,
        regency=regency,
        tps=_winner(places, _place_standing).effect.tps,
        verdict=verdict,
        voter=voter,
    )


def _winner(writers: Sequence[Counted], standing: Any) -> Counted:
    if len(writers) == 1:
        return writers[0]
    # Of alive rulings only those of the highest level take part; every other write does.
    ruling = max(one.effect.level for one in writers)
    return max(
        (one for one in writers if not _RULING_LEVEL_MIN <= one.effect.level < ruling),
        key=standing,
    )


def _verdict_standing(one: Counted) -> tuple[int, int, int, int, str, int]:
    effect, held = one.effect, one.held
    return (effect.weight, effect.level, effect.evidence, effect.how, held.device, held.seq)


def _place_standing(one: Counted) -> tuple[int, int, str, int]:
    return (one.effect.level, one.effect.how, one.held.device, one.held.seq)


def _conflicts_of_decision(verdicts: Sequence[Counted], places: Sequence[Counted]) -> list[str]:
    conflicts = []
    if len(places) > 1 and len({one.effect.tps for one in places}) > 1:
        conflicts.append("tps")
    # Confirmed and unvisited are one opinion: the voter stays.
    if len(verdicts) > 1 and len({"" if stays(v := one.effect.verdict) else v for one in verdicts}) > 1:
        conflicts.append("verdict")
    return conflicts


def _last_attempts(counted: Iterable[Counted]) -> list[Counted]:
    last: dict[str, Counted] = {}
    for one in counted:
        if isinstance(one.event, NotMet):
            held = last.get(one.held.device)
            if held is None or held.held.seq < one.held.seq:
                last[one.held.device] = one
    return list(last.values())


def _names(alive: Sequence[Counted], attempts: Sequence[Counted]) -> list[str]:
    dots = sorted([one.held.dot for one in alive] + [one.held.dot for one in attempts])
    return [f"{device}:{seq}" for device, seq in dots]


def _join(counted: Sequence[Counted]) -> dict[str, int]:
    joined: dict[str, int] = {}
    for one in counted:
        for device, seq in one.held.clock.items():
            if joined.get(device, 0) < seq:
                joined[device] = seq
    return dict(sorted(joined.items()))


# --- the record ----------------------------------------------------------------------------------------------------


def _particulars(alive: Sequence[Alive]) -> Particulars | None:
    writers = [(one, mask) for one, mask in alive if mask & RECORD]
    if any(one.held.person is None for one, _ in writers):
        return None
    fields: dict[str, str | None] = {}
    conflicts: list[str] = []
    for name, bit in FIELD.items():
        rivals = [one for one, mask in writers if mask & bit]
        fields[name] = _value(_winner(rivals, _place_standing), name)
        if len(rivals) > 1 and len({_value(one, name) for one in rivals}) > 1:
            conflicts.append(name)
    salts = sorted({one.held.person.salt for one, _ in writers if one.held.person is not None})
    return Particulars(conflicts, fields, salts)


def _value(one: Counted, name: str) -> str | None:
    person = one.held.person
    if person is None:
        raise AssertionError("a record is read only while all its persons are held")
    source: Any = person.changes if person.record is UNSET else person.record
    value: str | None = getattr(source, name)
    return value
