"""Reading a voter: the merge law, and the one state that follows from the events that count (SPEC §4–§6).

A write yields only to one that saw it and has at least its standing. What is left is alive; the greatest alive write
wins, rights first, and every disagreement among the alive is shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from ecoklit.core.causality import Counted, Judgement, World, judge, supersedes
from ecoklit.core.effect import FIELD, NO_PROPOSAL, PROPOSAL, RECORD, RULING_LEVELS, TPS, VERDICT, stays
from ecoklit.core.event import NotMet, RecordField
from ecoklit.core.person import Changes, Person, Record
from ecoklit.core.policy import Policy
from ecoklit.core.straight import straight
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
    """The voter's record as its alive writes give it, and the salts of the persons behind it."""

    conflicts: list[str]
    fields: Record
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


def encode_decision(decision: Decision) -> bytes:
    """The canonical bytes of a decision: the leaf input of every digest."""
    return _ENCODER.encode(decision)


class VoterFold(msgspec.Struct, frozen=True):
    """What the held events about one voter come to; `state` is None when none of them counts."""

    state: State | None
    judgement: Judgement


def fold_voter(held: Sequence[Held], policies: Mapping[str, Policy], world: World) -> VoterFold:
    """The state of one voter of one regency from all held events about it; a function of their set (SPEC §4)."""
    line = straight(held, policies, world)
    if line:
        return VoterFold(_read_line(line), Judgement(line, {}, []))
    judgement = judge(held, policies, world)
    return VoterFold(read(judgement.counted) if judgement.counted else None, judgement)


def read(counted: Sequence[Counted]) -> State:
    """The state that these events give: at least one, all about one voter of one regency, causes before effects."""
    alive = alive_of(counted)
    return _state(counted, _decide(counted, alive), alive)


def _read_line(line: Sequence[Counted]) -> State:
    alive = _alive_in_line(line)
    return _state(line, _decide_line(line, alive), alive)


def _state(counted: Sequence[Counted], decision: Decision, alive: Sequence["Alive"]) -> State:
    # Whatever counts covers a counted write of tps, and so in the end the birth: causes first, the birth is the first.
    birth = counted[0].event
    return State(decision, _particulars(alive), birth.tps, encode_decision(decision))


# --- what is alive (SPEC §4) ---------------------------------------------------------------------------------------

Alive = tuple[Counted, int]
"""An event, and the mask of the registers in which its write is alive."""


def alive_of(counted: Sequence[Counted]) -> list[Alive]:
    """The events that still hold a register, each with the registers that it holds."""
    alive = []
    for one in counted:
        mask = one.effect.mask
        for other in counted:
            if mask & other.effect.mask and supersedes(other, one):
                mask &= ~other.effect.mask
        if mask:
            alive.append((one, mask))
    return alive


def _alive_in_line(line: Sequence[Counted]) -> list[Alive]:
    # Where each event supersedes all before it, the last write of a register is the alive one.
    alive, written = [], 0
    for one in reversed(line):
        mask = one.effect.mask & ~written
        if mask:
            alive.append((one, mask))
            written |= mask
    return alive


def _holding(alive: Sequence[Alive], register: int) -> list[Counted]:
    return [one for one, mask in alive if mask & register]


# --- who wins (SPEC §5) --------------------------------------------------------------------------------------------


def _decide(counted: Sequence[Counted], alive: Sequence[Alive]) -> Decision:
    verdicts, places = _holding(alive, VERDICT), _holding(alive, TPS)
    verdict, _, reason = _winner(verdicts, _verdict_standing).effect.verdict.partition("/")
    attempts = _last_attempts(counted)
    first = counted[0].event
    return Decision(
        _names([one for one, _ in alive], attempts),
        sum(attempt.nth for attempt in attempts),
        _join(counted),
        _conflicts_of_decision(verdicts, places),
        stays(verdict),
        sorted({one.effect.proposal for one in _holding(alive, PROPOSAL)} - {NO_PROPOSAL}),
        reason or None,
        first.tps[:4],
        _winner(places, _place_standing).place,
        verdict,
        first.voter,
    )


def _decide_line(line: Sequence[Counted], alive: Sequence[Alive]) -> Decision:
    """The same where each event supersedes all before it: one alive write a register, nobody disagrees."""
    written, place, proposal = "", "", NO_PROPOSAL
    for one, mask in alive:
        if mask & VERDICT:
            written = one.effect.verdict
        if mask & TPS:
            place = one.place
        if mask & PROPOSAL:
            proposal = one.effect.proposal
    verdict, _, reason = written.partition("/")
    attempts = _last_attempts(line) if len(line) > 1 else []
    last = line[-1].event
    return Decision(
        _names([one for one, _ in alive], attempts),
        sum([attempt.nth for attempt in attempts]),
        last.clock,  # the last has seen them all
        [],
        stays(verdict),
        [] if proposal == NO_PROPOSAL else [proposal],
        reason or None,
        last.tps[:4],
        place,
        verdict,
        last.voter,
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


def winners(counted: Sequence[Counted]) -> tuple[Counted, Counted]:
    """Of events that count, at least one: whose write of the verdict wins, and whose of the place."""
    alive = alive_of(counted)
    return _winner(_holding(alive, VERDICT), _verdict_standing), _winner(_holding(alive, TPS), _place_standing)


def _verdict_standing(one: Counted) -> tuple[int, int, int, int, str, int]:
    effect, held = one.effect, one.held
    return (effect.weight, effect.level, effect.evidence, effect.how, held.device, held.seq)


def _place_standing(one: Counted) -> tuple[int, int, str, int]:
    return (one.effect.level, one.effect.how, one.held.device, one.held.seq)


def _conflicts_of_decision(verdicts: Sequence[Counted], places: Sequence[Counted]) -> list[str]:
    conflicts = []
    if len(places) > 1 and len({one.place for one in places}) > 1:
        conflicts.append("tps")
    # Confirmed and unvisited are one opinion: the voter stays.
    if len(verdicts) > 1 and len({"" if stays(v := one.effect.verdict) else v for one in verdicts}) > 1:
        conflicts.append("verdict")
    return conflicts


def _last_attempts(counted: Iterable[Counted]) -> list[NotMet]:
    last: dict[str, NotMet] = {}
    for one in counted:
        event = one.event
        if isinstance(event, NotMet) and (event.device not in last or last[event.device].seq < event.seq):
            last[event.device] = event
    return list(last.values())


def _names(alive: Sequence[Counted], attempts: Sequence[NotMet]) -> list[str]:
    dots = [one.held.dot for one in alive] + [(attempt.device, attempt.seq) for attempt in attempts]
    return [f"{device}:{seq}" for device, seq in sorted(dots)]


def _join(counted: Sequence[Counted]) -> dict[str, int]:
    joined: dict[str, int] = {}
    for one in counted:
        for device, seq in one.event.clock.items():
            if joined.get(device, 0) < seq:
                joined[device] = seq
    return dict(sorted(joined.items()))


# --- the record ----------------------------------------------------------------------------------------------------


def _particulars(alive: Sequence[Alive]) -> Particulars | None:
    writers: list[Writer] = []
    for one, mask in alive:
        if mask & RECORD:
            person = one.held.person
            if person is None:
                return None
            writers.append((one, mask, person))
    whole = writers[0][2]
    if len(writers) == 1 and whole.record is not UNSET:
        return Particulars([], whole.record, [whole.salt])
    return _merge(writers)


Writer = tuple[Counted, int, Person]
"""An event with an alive write of the record, the mask of what it holds, and its person."""


def _merge(writers: Sequence[Writer]) -> Particulars:
    fields: dict[str, Any] = {}
    conflicts: list[str] = []
    persons = {one.held.hash: person for one, _, person in writers}
    for name, bit in FIELD.items():
        rivals = [one for one, mask, _ in writers if mask & bit]
        fields[name] = value_of(persons[_winner(rivals, _place_standing).held.hash], name)
        if len(rivals) > 1 and len({value_of(persons[one.held.hash], name) for one in rivals}) > 1:
            conflicts.append(name)
    return Particulars(conflicts, Record(**fields), sorted({person.salt for _, _, person in writers}))


def value_of(person: Person, name: RecordField) -> str | None:
    """What `person` writes to this field of the record, which its event says that it writes."""
    source: Record | Changes | UnsetType = person.changes if person.record is UNSET else person.record
    value: str | None = getattr(source, name)
    return value
