"""What a batch of the journal changes: pure, from the batch and from what the store holds.

A voter can be changed by: an event about it; a dot that one of its parked events waits for, whoever that event turns
out to be about; a person that comes after its event. Each such voter is folded anew from all its held events.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from ecoklit.core import ids, wire
from ecoklit.core import person as persons
from ecoklit.core.causality import COUNTED, Counted
from ecoklit.core.effect import FIELD, PROPOSAL, RECORD, TPS, VERDICT
from ecoklit.core.event import AnyEvent, Listed, Malformed, New
from ecoklit.core.person import Person
from ecoklit.core.policy import Policy
from ecoklit.core.voter import State, alive_of, fold_voter, value_of
from ecoklit.core.wire import Dot, Held
from ecoklit.errors import EcoklitError
from ecoklit.ports import (
    Checkpoint,
    EventRow,
    HeldRow,
    PersonMessage,
    PersonRow,
    SideRow,
    Step,
    VoterRow,
    WaitingRow,
)

NOT_ENTITLED: Final = "not_entitled"
_NO_HEAD: Final = (0, ids.ZERO_HASH)

Log = tuple[str, int, int]
"""A stretch of a device's log: (device, first seq, last seq)."""


class JournalDamaged(EcoklitError):
    """The journal holds something that admission never lets in. Nothing from there on is projected."""

    def __init__(self, message: str) -> None:
        super().__init__("journal_damaged", message)


class Batch(msgspec.Struct, frozen=True):
    """What was read after `before`: events in journal order, each with its sequence, and copies of persons."""

    before: Checkpoint
    after: Checkpoint
    events: list[tuple[int, Held]]
    persons: list[PersonMessage]

    @property
    def is_empty(self) -> bool:
        return not (self.events or self.persons)


def logs_of(events: Sequence[tuple[int, Held]], heads: Mapping[str, tuple[int, bytes]]) -> list[Log]:
    """The stretch of each device's log in `events`. Raises JournalDamaged where one does not go on from its head.

    A journal that lost a message still counts it and reports no hole, so the devices' own chains are checked.
    """
    ends: dict[str, tuple[int, bytes]] = {}
    firsts: dict[str, int] = {}
    for position, held in events:
        seq, event_hash = ends.get(held.device) or heads.get(held.device, _NO_HEAD)
        if held.seq != seq + 1 or held.prev != ids.to_base64url(event_hash):
            raise JournalDamaged(
                f"The journal holds {held.device}:{held.seq} at {position} where {held.device}:{seq + 1} with the "
                f"right prev belongs: an event was lost or changed; nothing from there on was projected; "
                f"restore the journal."
            )
        ends[held.device] = (held.seq, held.hash)
        firsts.setdefault(held.device, held.seq)
    return [(device, first, ends[device][0]) for device, first in firsts.items()]


class Copies:
    """The copies of persons at hand, by the event that they say they belong to; each is used at most once."""

    def __init__(self, arrived: Iterable[PersonMessage], orphans: Iterable[PersonRow]) -> None:
        self._copies: dict[Dot, list[PersonRow]] = {}
        self.right: list[PersonRow] = []
        self.adopted: list[Dot] = []
        for orphan in orphans:
            self._copies.setdefault((orphan.device, orphan.seq), []).append(orphan)
            self.adopted.append((orphan.device, orphan.seq))
        for one in arrived:
            row = PersonRow(one.sequence, one.seq, one.device, one.payload)
            self._copies.setdefault((one.device, one.seq), []).append(row)

    def complete(self, held: Held) -> Held:
        """`held` with its right copy, if that is here. All copies of an event that is held are used up."""
        copies = self._copies.pop(held.dot, None)
        if copies is None or held.person_bytes is not None:
            return held
        for copy in copies:
            whole = with_person(held, copy.body)
            if whole.person_bytes is not None:
                self.right.append(copy)
                return whole
        return held

    def use_up(self, dots: Iterable[Dot]) -> None:
        """Drop the copies of these events, which are held: what is not right by now never will be."""
        for dot in dots:
            self._copies.pop(dot, None)

    def left(self) -> list[Dot]:
        """The events that the unused copies say they belong to."""
        return list(self._copies)

    def orphans(self) -> list[PersonRow]:
        """The unused copies: their events are not held."""
        return [copy for copies in self._copies.values() for copy in copies]


def with_person(held: Held, body: bytes) -> Held:
    """`held` with this person, or as it was when that is not the right copy."""
    try:
        person, fault = persons.parse(body, held.event, ids.sha256(body))
    except Malformed:
        return held
    if fault is not None:
        return held
    return Held(held.event_bytes, held.hash, held.place, held.event, held.fault, body, person, None)


class Known(msgspec.Struct, frozen=True):
    """All that is held about the voters of a batch: their events, and the old standing of the earlier ones."""

    held: dict[str, list[Held]]
    standings: dict[Dot, str]
    refolded: frozenset[str]


def gather(events: Sequence[tuple[int, Held]], rows: Iterable[HeldRow], copies: Copies, regency: str) -> Known:
    """Each voter's held events: those that the store holds, completed where a late person came, then the batch's."""
    held: dict[str, list[Held]] = {}
    standings: dict[Dot, str] = {}
    for row in rows:
        one = copies.complete(_restored(row))
        held.setdefault(row.voter, []).append(one)
        standings[row.device, row.seq] = row.standing
    refolded = frozenset(held)
    for _, one in events:
        if one.regency == regency:
            held.setdefault(one.voter, []).append(one)
    return Known(held, standings, refolded)


def _restored(row: HeldRow) -> Held:
    """The event as held before. What counted then is known to be good, and to have its right person: no new proof."""
    if row.standing != COUNTED:
        return wire.hold(row.body, row.person)
    event = _EVENTS.decode(row.body)
    person = None if row.person is None else _PERSONS.decode(row.person)
    return Held(row.body, ids.sha256(row.body), event, event, None, row.person, person, None)


_EVENTS: Final = msgspec.json.Decoder(AnyEvent)
_PERSONS: Final = msgspec.json.Decoder(Person)


def named_elsewhere(known: Known) -> list[Dot]:
    """The dots that the clocks name and that are no held event about the same voter."""
    named: dict[Dot, None] = {}
    for about in known.held.values():
        own: set[Dot] | None = None
        for one in about:
            if len(one.clock) > 1:
                own = own or {other.dot for other in about}
                for dot in one.clock.items():
                    if dot not in own:
                        named[dot] = None
    return list(named)


class Elsewhere:
    """The rest of the world to the fold of one voter: the dots held about others. A journal holds no fork."""

    def __init__(self, dots: Iterable[Dot]) -> None:
        self._dots = frozenset(dots)
        self.forks: frozenset[Dot] = frozenset()
        self.quarantine: Mapping[bytes, str] = {}

    def holds(self, dot: Dot) -> bool:
        return dot in self._dots


def make_step(
    batch: Batch, known: Known, copies: Copies, elsewhere: Elsewhere, policies: Mapping[str, Policy], regency: str
) -> Step:
    """Fold every voter of `known` and write down what that changes."""
    faults: dict[bytes, str] = {}
    changed: list[tuple[str, int, str]] = []
    voters: list[VoterRow] = []
    sides: list[SideRow] = []
    waiting: list[WaitingRow] = []
    for voter, held in known.held.items():
        folded = fold_voter(held, policies, elsewhere)
        judgement = folded.judgement
        faults.update((event_hash, fault.name) for event_hash, fault in judgement.faults.items())
        if voter in known.refolded:
            changed.extend(_changed_standings(held, known.standings, faults))
        if folded.state is not None:
            voters.append(row := row_of(folded.state, judgement.counted))
            if row.conflicts or row.proposed:
                sides.extend(sides_of(folded.state, judgement.counted))
        if judgement.awaited:
            waiting.extend(WaitingRow(seq, voter, device) for device, seq in dict.fromkeys(judgement.awaited))
    return Step(
        before=batch.before,
        after=batch.after,
        events=[_event_row(position, one, faults, regency) for position, one in batch.events],
        persons=copies.right,
        orphans=copies.orphans(),
        adopted=copies.adopted,
        standings=changed,
        refolded=sorted(known.refolded),
        voters=voters,
        sides=sides,
        waiting=waiting,
    )


def _changed_standings(
    held: Iterable[Held], before: Mapping[Dot, str], faults: Mapping[bytes, str]
) -> Iterator[tuple[str, int, str]]:
    for one in held:
        standing = faults.get(one.hash, COUNTED)
        if before.get(one.dot, standing) != standing:
            yield one.device, one.seq, standing


def _event_row(position: int, one: Held, faults: Mapping[bytes, str], regency: str) -> EventRow:
    # A key belongs to one regency: what it says about another's roll is held, and counts nowhere.
    standing = faults.get(one.hash, COUNTED) if one.regency == regency else NOT_ENTITLED
    return EventRow(position, one.seq, one.voter, one.device, standing, one.event_bytes)


# --- a state as rows -------------------------------------------------------------------------------------------------


def row_of(state: State, counted: Sequence[Counted]) -> VoterRow:
    """The voter's row. Whatever counts has seen the birth, so the birth is the first of `counted`."""
    decision, record = state.decision, state.record
    birth = counted[0].event
    return VoterRow(
        decision.voter,
        decision.attempts,
        len(counted) > 1 and any(one.effect.mask & RECORD and type(one.event) not in _RECORDS for one in counted),
        decision.tps,
        state.first_tps,
        birth.source if isinstance(birth, Listed) else None,
        decision.verdict,
        decision.reason,
        _conflicts(state) or None,
        decision.proposed or None,
        None if record is None else record.fields.sex,
        None if record is None else record.fields.disability,
        state.decision_bytes,
        None if record is None else _ENCODER.encode(record).decode(),
    )


# As in the state's own line: the fields of a record stand in canonical order.
_ENCODER: Final = msgspec.json.Encoder()
_RECORDS: Final = (Listed, New)


def _conflicts(state: State) -> list[str]:
    fields = [] if state.record is None else state.record.conflicts
    return sorted([*state.decision.conflicts, *fields]) if fields else state.decision.conflicts


def sides_of(state: State, counted: Sequence[Counted]) -> Iterator[SideRow]:
    """Every alive write of each register in conflict, and every alive proposal."""
    decision, record = state.decision, state.record
    fields: list[Any] = [] if record is None else record.conflicts
    for one, mask in alive_of(counted):
        held = one.held
        for register in decision.conflicts:
            if mask & _BITS[register]:
                value = one.effect.verdict if register == "verdict" else one.place
                shown = _verdict(state) if register == "verdict" else decision.tps
                yield SideRow(held.seq, held.voter, held.device, register, value, value == shown)
        for name in fields:
            if mask & FIELD[name] and held.person is not None and record is not None:
                text = value_of(held.person, name)
                wins = text == getattr(record.fields, name)
                yield SideRow(held.seq, held.voter, held.device, name, _text(text), wins)
        if mask & PROPOSAL and one.effect.proposal in decision.proposed:
            yield SideRow(held.seq, held.voter, held.device, "proposal", one.effect.proposal, False)


_BITS: Final = {"verdict": VERDICT, "tps": TPS}


def _verdict(state: State) -> str:
    decision = state.decision
    return decision.verdict if decision.reason is None else f"{decision.verdict}/{decision.reason}"


def _text(value: str | None) -> str | None:
    # A database's text has no U+0000; the exact value stays in the event's person.
    return None if value is None else value.replace("\0", "\ufffd")
