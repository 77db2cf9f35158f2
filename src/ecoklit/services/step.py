"""What a batch of the journal changes: pure, from the batch and from what the store holds.

A voter can be changed by: an event about it; a dot that one of its parked events waits for, whoever that event turns
out to be about; a person that comes after its event. Each such voter is folded anew from all its held events: by rows
where those are plain (`core.plain`), else by the general fold. Laws in the tests hold that both give the same rows.
"""

from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import UNSET

from ecoklit.core import ids, plain, wire
from ecoklit.core import person as persons
from ecoklit.core.causality import COUNTED, Counted, is_beyond
from ecoklit.core.effect import FIELD, PROPOSAL, RECORD, TPS, VERDICT
from ecoklit.core.event import AnyEvent, Listed, Malformed, New
from ecoklit.core.person import Person
from ecoklit.core.plain import Row, Settled, Settling
from ecoklit.core.policy import Policy
from ecoklit.core.roll import TPS_DIGITS
from ecoklit.core.voter import State, alive_of, fold_voter, value_of
from ecoklit.core.wire import Dot, Held
from ecoklit.errors import EcoklitError
from ecoklit.ports import (
    STAMP_HEADER,
    Checkpoint,
    EventMessage,
    EventRow,
    HeldRow,
    LogHead,
    PersonMessage,
    PersonRow,
    PlacementRow,
    SideRow,
    Step,
    VoterRow,
    WaitingRow,
)
from ecoklit.services.judge import Judge

NOT_ENTITLED: Final = "not_entitled"
_NO_HEAD: Final = LogHead(0, ids.ZERO_HASH, 0)

STAMP_DIGITS_MAX: Final = 18

Log = tuple[str, int, int]
"""A stretch of a device's log: (device, first seq, last seq)."""


class JournalDamaged(EcoklitError):
    """The journal holds something that admission never lets in. Nothing from there on is projected."""

    def __init__(self, message: str) -> None:
        super().__init__("journal_damaged", message)


class Batch(msgspec.Struct, frozen=True):
    """What was read after `before`: events, and copies of persons, each in the order of its stream."""

    before: Checkpoint
    after: Checkpoint
    events: list[EventMessage]
    persons: list[PersonMessage]

    @property
    def is_empty(self) -> bool:
        return not (self.events or self.persons)


class Journaled(msgspec.Struct, frozen=True):
    """Whose journal is projected, and by which policies its events are judged."""

    election: str
    regency: str
    policies: Mapping[str, Policy]


# --- reading a batch -------------------------------------------------------------------------------------------------


class Copies:
    """The copies of persons at hand, by the event that they say they belong to; each is used at most once."""

    def __init__(self, arrived: Sequence[PersonMessage]) -> None:
        rows: list[PersonRow] = list(map(_person_row, map(_PERSON_COLUMNS, arrived)))
        self._copies = _by_dot(rows)
        self.right: list[PersonRow] = []
        self.adopted: list[Dot] = []

    def adopt(self, orphans: Sequence[PersonRow]) -> None:
        """Take copies that came earlier; they are tried before those that came now."""
        for dot, copies in _by_dot(orphans).items():
            self._copies[dot] = [*copies, *self._copies.get(dot, ())]
            self.adopted.append(dot)

    def only(self, dots: Iterable[Dot]) -> list[bytes]:
        """Of each event the one copy of its person; nothing where there is none, or more than one."""
        found = map(self._copies.get, dots)
        return [copies[0].body if copies is not None and len(copies) == 1 else b"" for copies in found]

    def keep(self, row: Row) -> None:
        """The only copy is known to be the right one, when the event has a person at all. Its copies are used up."""
        copies = self._copies.pop(row.dot, None)
        if copies is not None and row.has_person:
            self.right.append(copies[0])

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

    def drop(self) -> None:
        """Drop all copies: nobody's person is kept any more."""
        self._copies.clear()

    def beyond(self, dots: Collection[Dot]) -> list[Dot]:
        """The other events that copies say they belong to."""
        return [dot for dot in self._copies if dot not in dots]

    def orphans(self) -> list[PersonRow]:
        """The unused copies: their events are not held."""
        return [copy for copies in self._copies.values() for copy in copies]


_PERSON_COLUMNS: Final = attrgetter("sequence", "seq", "device", "payload")
_DOT: Final = attrgetter("device", "seq")
# As by their names, many at once: a call of Python's own for each costs four times as much.
_person_row: Final = partial(tuple.__new__, PersonRow)
_event_row: Final = partial(tuple.__new__, EventRow)


def _by_dot(rows: Sequence[PersonRow]) -> dict[Dot, Sequence[PersonRow]]:
    """The copies of each event's person, in their order."""
    single: dict[Dot, Sequence[PersonRow]] = dict(zip(map(_DOT, rows), zip(rows, strict=True), strict=True))
    if len(single) == len(rows):
        return single
    copies: dict[Dot, list[PersonRow]] = {}
    for row in rows:
        copies.setdefault(_DOT(row), []).append(row)
    return {**copies}


def with_person(held: Held, body: bytes) -> Held:
    """`held` with this person, or as it was when that is not the right copy."""
    try:
        person, fault = persons.parse(body, held.event, ids.sha256(body))
    except Malformed:
        return held
    if fault is not None:
        return held
    return Held(held.event_bytes, held.hash, held.place, held.event, held.fault, body, person, None)


class Reading(msgspec.Struct, frozen=True):
    """A batch as read: each event, in order, as a row where it is plain by itself, else as held; and the copies."""

    batch: Batch
    events: list[Row | Held]
    dots: dict[Dot, None]
    copies: Copies

    def adopters(self) -> list[str]:
        """The voters of the batch whose persons came before their events."""
        adopted = frozenset(self.copies.adopted)
        return [one.key[1] for one in self.events if one.dot in adopted] if adopted else []


def read(batch: Batch, of: Journaled) -> Reading:
    """Raises JournalDamaged for what admission never lets in."""
    copies = Copies(batch.persons)
    bodies = [message.payload for message in batch.events]
    events: list[Row | Held | None] = [None] * len(bodies)
    for rows in plain.read(bodies, lambda _, dots: copies.only(dots), of.policies, is_chained=True):
        for row in rows:
            # What is damaged, or about another regency's roll, takes a closer look.
            message = batch.events[row.at]
            if row.dot[0] == message.device and row.key[0] == of.regency and row.kind.election == of.election:
                events[row.at] = row
    expected = batch.before.events
    for message in batch.events:
        expected += 1
        if message.sequence != expected:
            raise JournalDamaged(
                f"The journal of {of.regency} goes from {expected - 1} to {message.sequence}: events between "
                f"are gone; nothing from there on was projected; restore the journal or have the phones push again."
            )
    whole = [_hold(message, of) if one is None else one for message, one in zip(batch.events, events, strict=True)]
    return Reading(batch, whole, dict.fromkeys([one.dot for one in whole]), copies)


def _hold(message: EventMessage, of: Journaled) -> Held:
    try:
        held = wire.hold(message.payload, None)
    except Malformed as error:
        raise _damaged(message, of, f"is no event: {error.message}") from error
    if held.device != message.device:
        raise _damaged(message, of, f"stands in the log of {message.device} and is of {held.device}")
    if held.event is not None and held.event.election != of.election:
        raise _damaged(message, of, f"is of election {held.event.election}")
    return held


def _damaged(message: EventMessage, of: Journaled, what: str) -> JournalDamaged:
    return JournalDamaged(
        f"What the journal of {of.regency} holds at {message.sequence} {what}: admission never lets that in, so "
        f"the journal was damaged or written by others; nothing from there on was projected; restore it."
    )


def logs_of(reading: Reading, heads: Mapping[str, LogHead]) -> list[Log]:
    """The stretch of each device's log in a batch. Raises JournalDamaged where one does not go on from its head.

    A journal that lost a message still counts it and reports no hole, so the devices' own chains are checked.
    """
    ends: dict[str, tuple[int, bytes]] = {}
    firsts: dict[str, int] = {}
    for message, one in zip(reading.batch.events, reading.events, strict=True):
        device, seq = one.dot
        end = ends.get(device)
        if end is None:
            end = heads.get(device, _NO_HEAD)[:2]
            firsts[device] = seq
        if seq != end[0] + 1 or (one.prev if isinstance(one, Row) else _prev(one)) != end[1]:
            raise JournalDamaged(
                f"The journal holds {device}:{seq} at {message.sequence} where {device}:{end[0] + 1} with the "
                f"right prev belongs: an event was lost or changed; nothing from there on was projected; "
                f"restore the journal."
            )
        ends[device] = (seq, one.hash)
    return [(device, first, ends[device][0]) for device, first in firsts.items()]


def _prev(held: Held) -> bytes:
    return urlsafe_b64decode(held.prev + "=")  # well formed, or it would be malformed


def stamps_of(reading: Reading, heads: Mapping[str, LogHead]) -> list[int]:
    """The stamp of each event of a batch: that of its push, which rides on the push's first event (SPEC §9.3)."""
    latest = {device: head.stamp for device, head in heads.items()}
    stamps = []
    for message in reading.batch.events:
        for name, value in message.headers:
            if name == STAMP_HEADER:
                latest[message.device] = _stamp(message, value)
        stamps.append(latest.get(message.device, 0))
    return stamps


def stamps_by_dot(reading: Reading, rows: Iterable[HeldRow], stamps: Iterable[int]) -> dict[Dot, int]:
    """The stamp of every event of a batch, and of the earlier ones about its voters."""
    known = dict(zip(reading.dots, stamps, strict=True))
    known.update([((row.device, row.seq), row.stamp) for row in rows])
    return known


def _stamp(message: EventMessage, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= STAMP_DIGITS_MAX):
        raise JournalDamaged(
            f"Event {message.sequence} of the journal rides with {STAMP_HEADER}: {value}, which is no position: "
            f"nothing from there on was projected; restore the journal."
        )
    return int(value)


# --- which voters, and what is held about them -----------------------------------------------------------------------


class Known(msgspec.Struct, frozen=True):
    """All that is held about the voters of a batch: plain ones settled, the events of the others, and what was."""

    settled: dict[str, Settled]
    held: dict[str, list[Held]]
    standings: dict[Dot, str]
    """The old standing of the earlier events of the voters that are not settled."""
    completed: list[Dot]
    """The earlier events whose person has come."""
    refolded: frozenset[str]
    earlier: list[Row]
    """The earlier events that were read by columns."""
    unread: list[HeldRow]
    """The other earlier events."""
    erased: list[str] = []
    """The voters of whom persons are held that nobody may keep."""
    is_ended: bool = False


def touched(reading: Reading, regency: str, others: Iterable[str]) -> list[str]:
    """The voters to fold anew: those of the batch, and `others`."""
    voters = dict.fromkeys([one.key[1] for one in reading.events if one.key[0] == regency])
    voters.update(dict.fromkeys(others))
    return list(voters)


def gather(reading: Reading, rows: Sequence[HeldRow], of: Journaled, odd: Collection[str], judge: Judge) -> Known:
    """Settle the plain voters; of the others, and of those in `odd`, gather their held events.

    `odd` are the voters that something besides the events about them can change.
    """
    copies = reading.copies
    erased = judge.erased([*(one.key[1] for one in reading.events), *(row.voter for row in rows)])
    kept = sorted({row.voter for row in rows if row.person is not None and row.voter in erased})
    rows = _without_erased(reading, rows, erased)
    if judge.is_ended:
        copies.drop()
    odd = {*odd, *erased}
    earlier = list(_earlier(rows, of))
    unread = _unread(rows, earlier)
    lines, rest = _lines(reading, earlier, of, odd)
    rest.update(dict.fromkeys([row.voter for row in unread]))
    settled = {}
    settling = Settling()
    for voter, line in lines.items():
        plainly = None if voter in rest or not all(map(judge.passes, line)) else settling.settle(line)
        # A proposal has sides to show, which rows do not tell.
        if plainly is None or plainly.reading.proposed:
            rest[voter] = None
        else:
            settled[voter] = plainly
    held: dict[str, list[Held]] = {}
    standings: dict[Dot, str] = {}
    completed: list[Dot] = []
    for row in rows:
        if row.voter in rest:
            whole = copies.complete(_restored(row))
            if row.person is None and whole.person_bytes is not None:
                completed.append(whole.dot)
            if whole.regency == of.regency:
                held.setdefault(row.voter, []).append(whole)
                standings[whole.dot] = row.standing
    for message, one in zip(reading.batch.events, reading.events, strict=True):
        if isinstance(one, Row) and one.key[1] in settled:
            copies.keep(one)
        else:
            whole = copies.complete(wire.hold(message.payload, None) if isinstance(one, Row) else one)
            if whole.regency == of.regency:
                held.setdefault(whole.voter, []).append(whole)
    refolded = frozenset([row.voter for row in rows])
    return Known(settled, held, standings, completed, refolded, earlier, unread, kept, judge.is_ended)


def _without_erased(reading: Reading, rows: Sequence[HeldRow], erased: Collection[str]) -> Sequence[HeldRow]:
    """The rows without the persons of the voters `erased`; the copies that came of these are dropped."""
    if not erased:
        return rows
    reading.copies.use_up(one.dot for one in reading.events if one.key[1] in erased)
    reading.copies.use_up((row.device, row.seq) for row in rows if row.voter in erased)
    return [row._replace(person=None) if row.voter in erased else row for row in rows]


def _earlier(rows: Sequence[HeldRow], of: Journaled) -> Iterator[Row]:
    """The stored events that counted and are plain by themselves."""
    people = [row.person or b"" for row in rows]
    bodies = [row.body if row.standing == COUNTED else b"" for row in rows]
    for some in plain.read(bodies, lambda places, _: [people[at] for at in places], of.policies, is_proved=True):
        yield from some


def _unread(rows: Sequence[HeldRow], earlier: Sequence[Row]) -> list[HeldRow]:
    """Of `rows` those of which `earlier` has no row."""
    if len(earlier) == len(rows):
        return []
    read = {row.at for row in earlier}
    return [row for at, row in enumerate(rows) if at not in read]


def _lines(
    reading: Reading, earlier: Iterable[Row], of: Journaled, odd: Collection[str]
) -> tuple[dict[str, list[Row]], dict[str, None]]:
    """The rows of each voter, and the voters of whom an event of the batch is no row, or that are `odd`."""
    lines: dict[str, list[Row]] = {}
    rest = dict.fromkeys(odd)
    for one in reading.events:
        if isinstance(one, Row):
            lines.setdefault(one.key[1], []).append(one)
        elif one.regency == of.regency:
            rest[one.voter] = None
    for row in earlier:
        lines.setdefault(row.key[1], []).append(row)
    return lines, rest


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
    """The dots that the clocks name and that are no held event about the same voter.

    A settled voter names none: its events name each other.
    """
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

    def __init__(
        self, *dots: Collection[Dot], quarantine: Mapping[bytes, str], lost: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._dots = dots
        self.lost = lost
        self.forks: frozenset[Dot] = frozenset()
        self.quarantine = quarantine

    def holds(self, dot: Dot) -> bool:
        return any(dot in some for some in self._dots)

    def is_lost(self, dot: Dot) -> bool:
        return is_beyond(dot, self.lost)


# --- where voters were ever placed -----------------------------------------------------------------------------------


def placements_of(reading: Reading, known: Known, regency: str) -> list[PlacementRow]:
    """Every TPS that an event of the batch names and no earlier event about its voter did."""
    found = dict.fromkeys(_named(reading, regency))
    for one in known.earlier:
        found.pop((one.key[1], one.tps), None)
        if one.place != one.tps:
            found.pop((one.key[1], one.place), None)
    for row in known.unread:
        for tps in _places_of_row(row):
            found.pop((row.voter, tps), None)
    revision = reading.batch.after.revision
    return [PlacementRow(revision, voter, tps) for voter, tps in found]


def _named(reading: Reading, regency: str) -> Iterator[tuple[str, str]]:
    for one in reading.events:
        place, voter = one.key
        if place != regency:
            continue
        if isinstance(one, Row):
            yield voter, one.tps
            if one.place != one.tps:
                yield voter, one.place
        else:
            for tps in _places_of(one):
                yield voter, tps


def _places_of(held: Held) -> tuple[str, ...]:
    to = getattr(held.event, "to", UNSET)
    return (held.tps,) if to is UNSET else (held.tps, to)


def _places_of_row(row: HeldRow) -> tuple[str, ...]:
    body = row.body
    if row.standing != COUNTED:
        return _places_of(wire.hold(body, None))
    # What counts is well formed, and then no other value of an event can hold these bytes.
    at, to = body.find(_TPS_KEY) + len(_TPS_KEY), body.find(_TO_KEY) + len(_TO_KEY)
    tps = body[at : at + TPS_DIGITS].decode()
    return (tps,) if to < len(_TO_KEY) else (tps, body[to : to + TPS_DIGITS].decode())


_TPS_KEY: Final = b',"tps":"'
_TO_KEY: Final = b',"to":"'


# --- the step --------------------------------------------------------------------------------------------------------


def make_step(
    reading: Reading,
    known: Known,
    elsewhere: Elsewhere,
    of: Journaled,
    stamps: Sequence[int],
    placements: Sequence[PlacementRow],
) -> Step:
    """Fold every voter of `known` that is not settled, and write down what all of that changes.

    `stamps` are those of the batch's events.
    """
    faults: dict[bytes, str] = {}
    changed: list[tuple[str, int, str]] = []
    voters = [_row_of_settled(voter, settled) for voter, settled in known.settled.items()]
    sides: list[SideRow] = []
    waiting: list[WaitingRow] = []
    for voter, held in known.held.items():
        folded = fold_voter(held, of.policies, elsewhere)
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
    batch, copies = reading.batch, reading.copies
    return Step(
        before=batch.before,
        after=batch.after,
        events=_event_rows(reading, faults, of.regency, stamps),
        persons=copies.right,
        orphans=copies.orphans(),
        adopted=copies.adopted,
        standings=changed,
        completed=known.completed,
        placements=placements,
        refolded=sorted(known.refolded),
        voters=voters,
        sides=sides,
        waiting=waiting,
        erased=known.erased,
        is_ended=known.is_ended,
    )


def _changed_standings(
    held: Iterable[Held], before: Mapping[Dot, str], faults: Mapping[bytes, str]
) -> Iterator[tuple[str, int, str]]:
    for one in held:
        standing = faults.get(one.hash, COUNTED)
        if before.get(one.dot, standing) != standing:
            yield one.device, one.seq, standing


def _event_rows(reading: Reading, faults: Mapping[bytes, str], regency: str, stamps: Sequence[int]) -> list[EventRow]:
    events = reading.batch.events
    dots, keys = [one.dot for one in reading.events], [one.key for one in reading.events]
    standings = [faults.get(one.hash, COUNTED) for one in reading.events] if faults else [COUNTED] * len(events)
    if any(place != regency for place, _ in keys):
        # A key belongs to one regency: what it says about another's roll is held, and counts nowhere.
        pairs = zip(standings, keys, strict=True)
        standings = [one if place == regency else NOT_ENTITLED for one, (place, _) in pairs]
    columns = zip(
        [message.sequence for message in events],
        [seq for _, seq in dots],
        [voter for _, voter in keys],
        [device for device, _ in dots],
        standings,
        [message.payload for message in events],
        stamps,
        repeat(reading.batch.after.revision),
    )
    return list(map(_event_row, columns))


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


def _row_of_settled(voter: str, settled: Settled) -> VoterRow:
    """The same of a settled voter, of whom nothing is in conflict or proposed."""
    reading, birth = settled.reading, settled.line[0]
    record = settled.record
    return VoterRow(
        voter,
        settled.attempts,
        reading.is_corrected,
        settled.tps,
        birth.tps,
        birth.kind.source,
        reading.verdict,
        reading.reason,
        None,
        None,
        _word(record, b'"sex":"'),
        _word(record, b'"disability":"'),
        settled.decision_bytes,
        record.decode("ascii"),
    )


def _word(record: bytes, key: bytes) -> str | None:
    """The word that `key` leads to, for no value of a settled voter's record can hold a quotation mark."""
    start = record.find(key) + len(key)
    return None if start < len(key) else record[start : record.index(b'"', start)].decode("ascii")


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
