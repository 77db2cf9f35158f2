"""The fold of a whole history from its bytes, quickly: the same states as `replica`, byte for byte.

Voters whose events all fit a layout (`columns`) and make one plain line (as in `straight`) are settled here without
an object for every word of every event. Every other voter goes through the plain fold, which stays the authority; a
law in the tests holds that both give the same bytes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import repeat
from operator import attrgetter
from typing import Final

import msgspec
from msgspec import UNSET

from ecoklit.core import columns, ids, wire
from ecoklit.core import person as persons
from ecoklit.core.causality import AREA_DIGITS, COUNTED, PARKED
from ecoklit.core.columns import Indexes, Layout, Matrix
from ecoklit.core.effect import NO_PROPOSAL, PROPOSAL, TPS, VERDICT, Effect, effect_of, stays
from ecoklit.core.event import AnyEvent, Deceased, Disqualified, Found, Listed, Malformed, Moved, New, NotMet
from ecoklit.core.limits import LINE_BYTES_MAX
from ecoklit.core.person import Record
from ecoklit.core.policy import Policy
from ecoklit.core.replica import Replica
from ecoklit.core.straight import EVENTS_MAX
from ecoklit.core.voter import Decision, Particulars, encode_decision
from ecoklit.core.wire import Dot, Held, VoterKey

BAD_PERSON: Final = "bad_person"
MALFORMED: Final = "malformed"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One state as it is printed, and what a digest needs of it."""

    regency: str
    voter: str
    tps: str
    decision_bytes: bytes
    line: bytes


class Fault(msgspec.Struct, frozen=True, gc=False):
    """A line that cannot count: its number, from 1, the name of the fault, and why in a clause."""

    number: int
    name: str
    why: str


class BulkFold(msgspec.Struct, frozen=True):
    """What a history comes to: one entry a voter, by regency then voter; the lines that cannot count, by number.

    `elections` are those that the good events name: a fold of more than one means nothing.
    """

    entries: list[Entry]
    faults: list[Fault]
    parked_count: int
    elections: list[str]


def fold_lines(lines: Sequence[bytes], policies: Mapping[str, Policy]) -> BulkFold:
    """The fold of wire lines without their line breaks; lines are numbered from 1."""
    rows = _Rows()
    for row in _read_by_columns(lines, policies):
        rows.take(row)
    read, faults = _read_one_by_one(lines, rows.unread(len(lines)))
    for _, held in read:
        rows.touch(held)
    entries = list(rows.settle())
    again, _ = _read_one_by_one(lines, rows.unsettled())
    rest = _Rest(policies, rows.by_dot)
    rest.receive(held for _, held in (*read, *again))
    entries += (_entry_of(rest, key) for key in rest.keys())  # noqa: SIM118
    entries.sort(key=lambda entry: (entry.regency, entry.voter))
    faults += _faults((*read, *again), rest)
    faults.sort(key=lambda fault: fault.number)
    elections = {row.kind.election for row in rows.by_dot.values()}
    elections |= {held.event.election for _, held in (*read, *again) if held.event is not None}
    return BulkFold(entries, faults, rest.parked_count(), sorted(elections))


# --- reading by columns ----------------------------------------------------------------------------------------------


class _Kind(msgspec.Struct, frozen=True, gc=False):
    """What all rows of one layout have in common."""

    election: str
    is_birth: bool
    is_move: bool
    changed: tuple[str, ...]
    effect: Effect
    area_digits: int
    nth: int


class _Row(msgspec.Struct, gc=False):
    """One event that its columns show to be good by itself, with the right person where it writes the record."""

    line: int
    hash: bytes
    kind: _Kind
    weight: int
    """The sum of the clock: of two events, the one that covers the other has the larger."""
    device: str
    seq: int
    voter: str
    tps: str
    place: str
    clock: dict[str, int]
    saw: tuple[bytes, ...]
    writes: bytes
    """The canonical record or changes of the person, or nothing."""
    salt: bytes


_NOTHING: Final = (b"", b"")
_PERSON: Final = b'},"person":{'


def _read_by_columns(lines: Sequence[bytes], policies: Mapping[str, Policy]) -> Iterator[_Row]:
    cuts = [line.find(_PERSON) for line in lines]
    parts = [line if cut < 0 else line[: cut + 1] for line, cut in zip(lines, cuts, strict=True)]
    for layout, places, matrix in columns.survey(parts):
        kind = _kind_of(layout, policies)
        if kind is not None:
            yield from _rows_of(kind, layout, places, matrix, lines, cuts)


def _kind_of(layout: Layout, policies: Mapping[str, Policy]) -> _Kind | None:
    """None where one look at the layout does not tell that all its events are good, and what they write."""
    event = layout.event
    policy = policies.get(event.policy)
    is_birth = isinstance(event, Listed | New) and len(layout.clock) == 1
    changed = event.changed if isinstance(event, Found) and event.changed is not UNSET else ()
    has_person = event.person is not UNSET
    if policy is None or has_person != bool(is_birth or changed) or not (is_birth or _is_simple(event, policy)):
        return None
    nth = event.nth if isinstance(event, NotMet) else 0
    return _Kind(
        event.election,
        is_birth,
        "to" in layout.spans,
        tuple(changed),
        effect_of(event, policy),
        AREA_DIGITS[event.role],
        nth,
    )


def _is_simple(event: AnyEvent, policy: Policy) -> bool:
    if isinstance(event, Deceased | Disqualified | Moved):
        known = event.evidence is UNSET or event.evidence in policy.words
        return known and not (isinstance(event, Disqualified) and event.reason == "duplicate")
    return isinstance(event, Found | NotMet)


def _rows_of(
    kind: _Kind, layout: Layout, places: Indexes, matrix: Matrix, lines: Sequence[bytes], cuts: Sequence[int]
) -> Iterator[_Row]:
    numbers, spans, body = places.tolist(), layout.spans, layout.body
    clock_numbers = [columns.numbers(matrix, seq) for _, seq in layout.clock]
    clocks = _clocks([columns.texts(matrix, device) for device, _ in layout.clock], clock_numbers)
    marks = [columns.slices(columns.unbase64(matrix, mark)) for mark in layout.marks]
    tps = columns.texts(matrix, spans["tps"])
    words = zip(
        numbers,
        [sha256(lines[at][body]).digest() for at in numbers],
        [sum(seqs) for seqs in zip(*clock_numbers, strict=True)],
        columns.texts(matrix, spans["device"]),
        columns.numbers(matrix, spans["seq"]),
        columns.texts(matrix, spans["voter"]),
        tps,
        columns.texts(matrix, spans["to"]) if kind.is_move else tps,
        clocks,
        zip(*marks, strict=True) if marks else repeat(()),
        _writes(kind, layout, matrix, numbers, lines, cuts),
        strict=False,
    )
    for at, event_hash, weight, device, seq, voter, roll, place, clock, saw, person in words:
        if person is not None:
            yield _Row(at, event_hash, kind, weight, device, seq, voter, roll, place, clock, saw, *person)


def _clocks(devices: Sequence[list[str]], seqs: Sequence[list[int]]) -> list[dict[str, int]]:
    if len(devices) == 1:
        return [{device: seq} for device, seq in zip(devices[0], seqs[0], strict=True)]
    if len(devices) == 2:
        pairs = zip(*devices, *seqs, strict=True)
        return [{one: one_seq, two: two_seq} for one, two, one_seq, two_seq in pairs]
    entries = zip(zip(*devices, strict=True), zip(*seqs, strict=True), strict=True)
    return [dict(zip(names, numbers, strict=True)) for names, numbers in entries]


def _writes(
    kind: _Kind, layout: Layout, matrix: Matrix, numbers: Sequence[int], lines: Sequence[bytes], cuts: Sequence[int]
) -> list[tuple[bytes, bytes] | None]:
    """What each event writes to the record, and its salt; None where the person is absent, wrong or unusual."""
    if not (kind.is_birth or kind.changed):
        # No person belongs to these; and where none stands, the line ends with its envelope.
        return [_NOTHING if layout.is_whole and cuts[at] < 0 else None for at in numbers]
    hashes = columns.slices(columns.unbase64(matrix, layout.spans["person"]))
    own = _own_births(layout, matrix) if kind.is_birth else [True] * len(numbers)
    written: list[tuple[bytes, bytes] | None] = []
    for at, is_own, person_hash in zip(numbers, own, hashes, strict=True):
        line, cut = lines[at], cuts[at]
        person = line[cut + 11 : -1] if is_own and cut >= 0 and line[-1:] == b"}" else b""
        if len(line) > LINE_BYTES_MAX or sha256(person).digest() != person_hash:
            written.append(None)
        else:
            written.append(
                persons.plain_birth(person) if kind.is_birth else persons.plain_changes(person, kind.changed)
            )
    return written


def _own_births(layout: Layout, matrix: Matrix) -> list[bool]:
    """Of each birth, whether its voter id is the one that it gives."""
    election = layout.event.election.encode()
    claims = zip(
        *(columns.words(matrix, layout.spans[name]).tolist() for name in ("device", "seq", "person")), strict=True
    )
    digests = b"".join([ids.birth_digest(election, *claim) for claim in claims])
    own: list[bool] = (columns.voter_ids(digests) == matrix[:, layout.spans["voter"]]).all(axis=1).tolist()
    return own


# --- settling plain voters -------------------------------------------------------------------------------------------


class _Rows:
    """The rows by voter, and which voters something unusual touches."""

    def __init__(self) -> None:
        self.by_dot: dict[Dot, _Row] = {}
        self._by_voter: dict[VoterKey, list[_Row]] = {}
        self._lines: list[tuple[int, VoterKey]] = []
        self._odd: dict[VoterKey, None] = {}

    def take(self, row: _Row) -> None:
        key = (row.tps[:4], row.voter)
        self._lines.append((row.line, key))
        first = self.by_dot.setdefault((row.device, row.seq), row)
        if first is row:
            self._by_voter.setdefault(key, []).append(row)
        elif first.hash != row.hash:
            self._odd[key] = self._odd[(first.tps[:4], first.voter)] = None

    def touch(self, held: Held) -> None:
        """An event that was read one by one is about this voter, or has the name of this row."""
        self._odd[held.key] = None
        row = self.by_dot.get(held.dot)
        if row is not None:
            self._odd[(row.tps[:4], row.voter)] = None

    def unread(self, count: int) -> list[int]:
        """The lines of which there is no row."""
        read = bytearray(count)
        for line, _ in self._lines:
            read[line] = 1
        return [line for line in range(count) if not read[line]]

    def settle(self) -> Iterator[Entry]:
        """The states of the voters whose rows make a plain line; the others are odd from now on."""
        for key, rows in self._by_voter.items():
            place = None if key in self._odd else _line_up(rows, self.by_dot)
            if place is None:
                self._odd[key] = None
            else:
                yield _settle(key, rows, place)

    def unsettled(self) -> list[int]:
        """The lines of the odd voters' rows."""
        return [line for line, key in self._lines if key in self._odd]


def _line_up(rows: list[_Row], by_dot: Mapping[Dot, _Row]) -> str | None:
    """Sort the rows by causality, and where they leave their voter; None when they are no plain line."""
    if len(rows) > EVENTS_MAX:
        return None
    if len(rows) > 1:
        rows.sort(key=_weight)
    before = rows[0]
    if not before.kind.is_birth:
        return None
    place = before.place
    for row in rows[1:]:
        if row.kind.is_birth or not _follows(row, before, place) or not _saw(row, by_dot):
            return None
        if row.kind.effect.mask & TPS:
            place = row.place
        before = row
    return place


_weight = attrgetter("weight")


def _follows(row: _Row, before: _Row, place: str) -> bool:
    clock, earlier = row.clock, before.clock
    if row.kind.effect.level < before.kind.effect.level or not place.startswith(row.tps[: row.kind.area_digits]):
        return False
    for device, seq in earlier.items():
        if clock.get(device, 0) < seq:
            return False
    return clock != earlier


def _saw(row: _Row, by_dot: Mapping[Dot, _Row]) -> bool:
    """Whether each event that the row names is one about its voter, with the hash that it saw."""
    if not row.saw:
        return True
    others = [dot for dot in row.clock.items() if dot[0] != row.device]
    for dot, mark in zip(others, row.saw, strict=True):
        cause = by_dot.get(dot)
        if cause is None or cause.hash[:16] != mark or cause.voter != row.voter or cause.tps[:4] != row.tps[:4]:
            return False
    return True


def _settle(key: VoterKey, line: Sequence[_Row], place: str) -> Entry:
    """The state of a plain line: the last write of each register is the alive one, and nobody disagrees."""
    written, verdict, proposal = 0, "", NO_PROPOSAL
    dots: list[Dot] = []
    attempts: dict[str, _Row] = {}
    for row in reversed(line):
        effect = row.kind.effect
        fresh = effect.mask & ~written
        if fresh & VERDICT:
            verdict = effect.verdict
        if fresh & PROPOSAL:
            proposal = effect.proposal
        if fresh:
            dots.append((row.device, row.seq))
        elif row.kind.nth and row.device not in attempts:
            attempts[row.device] = row
            dots.append((row.device, row.seq))
        written |= fresh
    verdict, _, reason = verdict.partition("/")
    regency, voter = key
    decision = Decision(
        [f"{device}:{seq}" for device, seq in sorted(dots)],
        sum(row.kind.nth for row in attempts.values()),
        line[-1].clock,  # the last has seen them all
        [],
        stays(verdict),
        [] if proposal == NO_PROPOSAL else [proposal],
        reason or None,
        regency,
        place,
        verdict,
        voter,
    )
    data = encode_decision(decision)
    return Entry(regency, voter, place, data, b'{"decision":%b,"record":%b}' % (data, _record_of(line)))


def _record_of(line: Sequence[_Row]) -> bytes:
    birth = line[0]
    writers = [row for row in line if row.kind.changed]
    if not writers:
        return b'{"conflicts":[],"fields":%b,"salts":["%b"]}' % (birth.writes, birth.salt)
    fields = msgspec.json.decode(birth.writes)
    for row in writers:
        fields.update(msgspec.json.decode(row.writes))
    salts: set[str] = set()
    written: set[str] = set()
    for row in reversed(line):
        names = set(row.kind.changed) if row is not birth else set(fields)
        if names - written:
            salts.add(row.salt.decode())
        written |= names
    return msgspec.json.encode(Particulars([], Record(**fields), sorted(salts)))


# --- everything else -------------------------------------------------------------------------------------------------


class _Rest(Replica):
    """The plain fold of the odd voters, in a world that also holds the events of the settled ones."""

    def __init__(self, policies: Mapping[str, Policy], elsewhere: Mapping[Dot, _Row]) -> None:
        super().__init__(policies)
        self._elsewhere = elsewhere

    def holds(self, dot: Dot) -> bool:
        return super().holds(dot) or dot in self._elsewhere


def _read_one_by_one(lines: Sequence[bytes], which: Iterable[int]) -> tuple[list[tuple[int, Held]], list[Fault]]:
    read, faults = [], []
    for at in which:
        try:
            read.append((at + 1, wire.read(lines[at])))
        except Malformed as error:
            faults.append(Fault(at + 1, MALFORMED, error.message))
    return read, faults


def _faults(read: Iterable[tuple[int, Held]], replica: Replica) -> Iterator[Fault]:
    for number, held in read:
        standing = replica.standing(held.hash)
        if standing.name not in (COUNTED, PARKED):
            yield Fault(number, standing.name, standing.why)
        elif held.person_fault is not None:
            yield Fault(number, BAD_PERSON, held.person_fault)


def _entry_of(replica: Replica, key: VoterKey) -> Entry:
    state = replica.state(key)
    if state is None:
        raise KeyError(key)
    return Entry(*key, state.decision.tps, state.decision_bytes, state.line)
