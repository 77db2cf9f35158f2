"""The fold of a whole history from its bytes, quickly: the same states as `replica`, byte for byte.

Voters whose events all fit a layout (`columns`) and make one plain line (as in `straight`) are settled here without
an object for every word of every event. Every other voter goes through the plain fold, which stays the authority; a
law in the tests holds that both give the same bytes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from itertools import repeat
from operator import attrgetter
from typing import Any, Final

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
    for some in _read_by_columns(lines, policies):
        rows.take(some)
    read, faults = _read_one_by_one(lines, rows.unread(len(lines)))
    for _, held in read:
        rows.touch(held)
    entries = list(rows.settle())
    again, _ = _read_one_by_one(lines, rows.unsettled())
    rest = _Rest(policies, rows.by_dot)
    rest.receive(held for _, held in (*read, *again))
    entries += (_entry_of(rest, key) for key in rest.keys())  # noqa: SIM118
    entries.sort(key=attrgetter("regency", "voter"))
    faults += _faults((*read, *again), rest)
    faults.sort(key=lambda fault: fault.number)
    elections = rows.elections | {held.event.election for _, held in (*read, *again) if held.event is not None}
    return BulkFold(entries, faults, rest.parked_count(), sorted(elections))


# --- reading by columns ----------------------------------------------------------------------------------------------


class _Kind(msgspec.Struct, frozen=True, gc=False, eq=False):
    """What all rows of one layout have in common; kinds that say the same are one object, and compare as such."""

    election: str
    is_birth: bool
    is_move: bool
    changed: tuple[str, ...]
    effect: Effect
    area_digits: int
    nth: int


_Person = tuple[bytes, bytes]
"""The canonical record or changes that a person holds, and its salt."""


class _Row(msgspec.Struct, gc=False):
    """One event that its columns show to be good by itself, with the right person where it writes the record."""

    line: int
    hash: bytes
    kind: _Kind
    weight: int
    """The sum of the clock: of two events, the one that covers the other has the larger."""
    dot: Dot
    key: VoterKey
    tps: str
    place: str
    clock: dict[str, int]
    saw: bytes
    """The hashes' beginnings that it names, one after the other."""
    person: _Person


_NO_PERSON: Final = (b"", b"")
_PERSON: Final = b'},"person":{'


def _read_by_columns(lines: Sequence[bytes], policies: Mapping[str, Policy]) -> Iterator[list[_Row]]:
    cuts = [line.find(_PERSON) for line in lines]
    parts = [line if cut < 0 else line[: cut + 1] for line, cut in zip(lines, cuts, strict=True)]
    kinds: dict[tuple[object, ...], _Kind] = {}
    for layout, places, matrix in columns.survey(parts):
        kind = _kind_of(layout, policies)
        if kind is not None:
            kind = kinds.setdefault(msgspec.structs.astuple(kind), kind)
            yield _rows_of(kind, layout, places, matrix, lines, cuts)


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
) -> list[_Row]:
    numbers, spans, body = places.tolist(), layout.spans, layout.body
    clock_numbers = [columns.numbers(matrix, seq) for _, seq in layout.clock]
    tps = columns.recurring(matrix, spans["tps"])
    people = _persons(kind, layout, matrix, numbers, lines, cuts)
    rows = map(
        _Row,
        numbers,
        [sha256(lines[at][body]).digest() for at in numbers],
        repeat(kind),
        [sum(seqs) for seqs in zip(*clock_numbers, strict=True)],
        zip(columns.recurring(matrix, spans["device"]), columns.numbers(matrix, spans["seq"]), strict=True),
        zip(columns.recurring(matrix, _regency_of(spans["tps"])), columns.texts(matrix, spans["voter"]), strict=True),
        tps,
        columns.recurring(matrix, spans["to"]) if kind.is_move else tps,
        _clocks([columns.recurring(matrix, device) for device, _ in layout.clock], clock_numbers),
        columns.marks(matrix, layout.marks) if layout.marks else repeat(b""),
        [_NO_PERSON if person is None else person for person in people],
    )
    return [row for row, person in zip(rows, people, strict=True) if person is not None]


def _regency_of(tps: slice) -> slice:
    return slice(tps.start, tps.start + 4)  # as ids.regency_of


def _clocks(devices: Sequence[list[str]], seqs: Sequence[list[int]]) -> list[dict[str, int]]:
    if len(devices) == 1:
        return [{device: seq} for device, seq in zip(devices[0], seqs[0], strict=True)]
    if len(devices) == 2:
        pairs = zip(*devices, *seqs, strict=True)
        return [{one: one_seq, two: two_seq} for one, two, one_seq, two_seq in pairs]
    entries = zip(zip(*devices, strict=True), zip(*seqs, strict=True), strict=True)
    return [dict(zip(names, numbers, strict=True)) for names, numbers in entries]


def _persons(
    kind: _Kind, layout: Layout, matrix: Matrix, numbers: Sequence[int], lines: Sequence[bytes], cuts: Sequence[int]
) -> list[_Person | None]:
    """The person of each event that writes to the record; None where it is absent, wrong or unusual."""
    if not (kind.is_birth or kind.changed):
        # No person belongs to these; and where none stands, the line ends with its envelope.
        return [_NO_PERSON if layout.is_whole and cuts[at] < 0 else None for at in numbers]
    hashes = columns.slices(columns.unbase64(matrix, layout.spans["person"]))
    own = _own_births(layout, matrix) if kind.is_birth else repeat(True)
    read = persons.plain_birth if kind.is_birth else partial(persons.plain_changes, changed=kind.changed)
    copies = [_copy_of(lines[at], cuts[at]) for at in numbers]
    return [
        read(copy) if is_own and sha256(copy).digest() == person_hash else None
        for copy, is_own, person_hash in zip(copies, own, hashes, strict=False)
    ]


def _copy_of(line: bytes, cut: int) -> bytes:
    """The copy of a person that stands behind an event; nothing where none does, or the line has another end."""
    if cut < 0 or not line.endswith(b"}") or len(line) > LINE_BYTES_MAX:
        return b""
    return line[cut + len(_PERSON) - 1 : -1]


def _own_births(layout: Layout, matrix: Matrix) -> list[bool]:
    """Of each birth, whether its voter id is the one that it gives."""
    election = layout.event.election.encode()
    claims = columns.joined(
        matrix,
        ids.birth_claim(election, b"\0", b"\0", b"\0"),
        [layout.spans[name] for name in ("device", "seq", "person")],
    )
    digests = b"".join([sha256(claim).digest() for claim in claims])
    own: list[bool] = (columns.voter_ids(digests) == matrix[:, layout.spans["voter"]]).all(axis=1).tolist()
    return own


# --- settling plain voters -------------------------------------------------------------------------------------------


class _Rows:
    """The rows by voter, and which voters something unusual touches."""

    def __init__(self) -> None:
        self.by_dot: dict[Dot, _Row] = {}
        self.elections: set[str] = set()
        self._rows: list[_Row] = []
        self._by_voter: dict[VoterKey, list[_Row]] = {}
        self._odd: dict[VoterKey, None] = {}
        self._readings: dict[tuple[_Kind, ...], _Reading | None] = {}

    def take(self, rows: list[_Row]) -> None:
        """Rows of one layout."""
        self._rows += rows
        self.elections.update(row.kind.election for row in rows[:1])
        firsts = map(self.by_dot.setdefault, map(attrgetter("dot"), rows), rows)
        for first, row in zip(firsts, rows, strict=True):
            if first is row:
                about = self._by_voter.get(row.key)
                if about is None:
                    self._by_voter[row.key] = [row]
                else:
                    about.append(row)
            elif first.hash != row.hash:
                self._odd[row.key] = self._odd[first.key] = None

    def touch(self, held: Held) -> None:
        """An event that was read one by one is about this voter, or has the name of this row."""
        self._odd[held.key] = None
        row = self.by_dot.get(held.dot)
        if row is not None:
            self._odd[row.key] = None

    def unread(self, count: int) -> list[int]:
        """The lines of which there is no row."""
        read = bytearray(count)
        for row in self._rows:
            read[row.line] = 1
        return [line for line in range(count) if not read[line]]

    def settle(self) -> Iterator[Entry]:
        """The states of the voters whose rows make a plain line; the others are odd from now on."""
        for key, rows in self._by_voter.items():
            entry = None if key in self._odd else self._settle(rows)
            if entry is None:
                self._odd[key] = None
            else:
                yield entry

    def _settle(self, rows: list[_Row]) -> Entry | None:
        if len(rows) > EVENTS_MAX:
            return None
        if len(rows) > 1:
            rows.sort(key=_weight)
        kinds = tuple([row.kind for row in rows])
        if kinds not in self._readings:
            self._readings[kinds] = _reading_of(kinds)
        reading = self._readings[kinds]
        place = None if reading is None else _place_of(rows)
        return None if reading is None or place is None else _entry(reading, rows, place)

    def unsettled(self) -> list[int]:
        """The lines of the odd voters' rows."""
        return [row.line for row in self._rows if row.key in self._odd]


_weight: Final = attrgetter("weight")


def _place_of(rows: Sequence[_Row]) -> str | None:
    """Where these rows, a birth and others by weight, leave their voter.

    None unless each saw just what is before it: then its clock is the one before it with its own dot put in.
    """
    before = rows[0]
    place, hashes = before.place, {before.dot[0]: before.hash}
    for row in rows[1:]:
        device, seq = row.dot
        if row.clock != {**before.clock, device: seq} or before.clock.get(device, 0) >= seq:
            return None
        marks = [hashes[other][: ids.MARK_BYTES] for other in row.clock if other != device]
        if row.saw != b"".join(marks) or not place.startswith(row.tps[: row.kind.area_digits]):
            return None
        if row.kind.effect.mask & TPS:
            place = row.place
        hashes[device] = row.hash
        before = row
    return place


class _Reading(msgspec.Struct, frozen=True, gc=False):
    """What a plain line comes to, as far as the kinds of its events tell."""

    holders: list[int]
    """The places in the line of the events that still hold a register."""
    attempts: list[int]
    """The places of the events that are an attempt to meet the voter, the last one first."""
    verdict: str
    reason: str | None
    proposed: list[str]
    is_corrected: bool


def _reading_of(kinds: Sequence[_Kind]) -> _Reading | None:
    """The last write of each register is the alive one, and nobody disagrees; None for what is no plain line."""
    levels = [kind.effect.level for kind in kinds]
    if not kinds[0].is_birth or any(kind.is_birth for kind in kinds[1:]) or levels != sorted(levels):
        return None
    written, verdict, proposal = 0, "", NO_PROPOSAL
    holders: list[int] = []
    for at, kind in reversed([*enumerate(kinds)]):
        fresh = kind.effect.mask & ~written
        if fresh & VERDICT:
            verdict = kind.effect.verdict
        if fresh & PROPOSAL:
            proposal = kind.effect.proposal
        if fresh:
            holders.append(at)
        written |= fresh
    verdict, _, reason = verdict.partition("/")
    return _Reading(
        holders,
        [at for at, kind in reversed([*enumerate(kinds)]) if kind.nth],
        verdict,
        reason or None,
        [] if proposal == NO_PROPOSAL else [proposal],
        any(kind.changed for kind in kinds),
    )


def _entry(reading: _Reading, line: Sequence[_Row], place: str) -> Entry:
    """The state of a plain line that ends in this place."""
    dots = [line[at].dot for at in reading.holders]
    attempts = 0
    if reading.attempts:
        last: dict[str, _Row] = {}
        for at in reading.attempts:
            last.setdefault(line[at].dot[0], line[at])
        attempts = sum(row.kind.nth for row in last.values())
        dots += [row.dot for row in last.values()]
    dots.sort()
    regency, voter = line[0].key
    decision = Decision(
        [f"{device}:{seq}" for device, seq in dots],
        attempts,
        line[-1].clock,  # the last has seen them all
        [],
        stays(reading.verdict),
        reading.proposed,
        reading.reason,
        regency,
        place,
        reading.verdict,
        voter,
    )
    data = encode_decision(decision)
    record = (
        _corrected_record(line)
        if reading.is_corrected
        else b'{"conflicts":[],"fields":%b,"salts":["%b"]}' % line[0].person
    )
    return Entry(regency, voter, place, data, b'{"decision":%b,"record":%b}' % (data, record))


def _corrected_record(line: Sequence[_Row]) -> bytes:
    fields: dict[str, Any] = {}
    writers: dict[str, bytes] = {}
    for row in line:
        writes, salt = row.person
        if writes:
            changes = msgspec.json.decode(writes)
            fields.update(changes)
            writers.update(dict.fromkeys(changes, salt))
    salts = sorted({salt.decode() for salt in writers.values()})
    return msgspec.json.encode(Particulars([], Record(**fields), salts))


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
