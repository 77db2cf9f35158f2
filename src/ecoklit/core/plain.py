"""Many events at once, and the voters that they settle without the general fold: what is plain, and nothing else.

Events that fit a layout (`columns`) become rows, without an object for every word; a voter whose rows make one plain
line (as in `straight`) is settled from them. Whatever is not as plain as that is left to the general way, which stays
the authority: nothing here names a fault. Laws in the tests hold that both ways end in the same bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from itertools import repeat
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import UNSET

from ecoklit.core import columns, ids
from ecoklit.core import person as persons
from ecoklit.core.causality import AREA_DIGITS
from ecoklit.core.columns import Indexes, Layout, Matrix
from ecoklit.core.effect import NO_PROPOSAL, PROPOSAL, TPS, VERDICT, Effect, effect_of, stays
from ecoklit.core.event import AnyEvent, Deceased, Disqualified, Found, Listed, Moved, New, NotMet
from ecoklit.core.person import Record
from ecoklit.core.policy import Policy
from ecoklit.core.straight import EVENTS_MAX
from ecoklit.core.voter import Decision, Particulars, encode_decision
from ecoklit.core.wire import Dot, VoterKey

CopiesOf = Callable[[Sequence[int], Sequence[Dot]], Sequence[bytes]]
"""The copies of persons that came with the events at these places, which have these names; b"" where none came."""


class Kind(msgspec.Struct, frozen=True, gc=False, eq=False):
    """What all rows of one layout have in common; kinds that say the same are one object, and compare as such."""

    election: str
    is_birth: bool
    is_move: bool
    changed: tuple[str, ...]
    effect: Effect
    area_digits: int
    nth: int
    source: str | None
    """The list that a listing was taken from."""
    role: str
    policy: str


_Person = tuple[bytes, bytes]
"""The canonical record or changes that a person holds, and its salt."""


class Row(msgspec.Struct, gc=False):
    """One event that its columns show to be good by itself, with the right person where it writes the record."""

    at: int
    """Its place in what was read."""
    hash: bytes
    prev: bytes
    """The hash of the device's event before it; nothing where nobody asked."""
    kind: Kind
    weight: int
    """The sum of the clock: of two events, the one that covers the other has the larger."""
    dot: Dot
    key: VoterKey
    tps: str
    place: str
    clock: dict[str, int]
    clock_text: str
    """Its members as they stand in the bytes."""
    saw: bytes
    """The hashes' beginnings that it names, one after the other."""
    person: _Person
    officer: str
    """Nothing where nobody asked."""

    @property
    def has_person(self) -> bool:
        return self.person is not _NO_PERSON


_NO_PERSON: Final = (b"", b"")


def read(
    bodies: Sequence[bytes],
    copies_of: CopiesOf,
    policies: Mapping[str, Policy],
    *,
    is_proved: bool = False,
    is_chained: bool = False,
    decisions_only: bool = False,
) -> Iterator[list[Row]]:
    """The events among `bodies` that are plain by themselves, those of one layout together.

    Of events that counted before (`is_proved`), the birth and the persons are not proved again. `is_chained` asks for
    the `prev` of each; without either, as in a fold of lines alone, nobody asks for the officer.
    """
    kinds: dict[tuple[object, ...], Kind] = {}
    for layout, places, matrix in columns.survey(bodies):
        kind = _kind_of(layout, policies)
        if kind is not None:
            kind = kinds.setdefault(msgspec.structs.astuple(kind), kind)
            prevs = columns.slices(columns.unbase64(matrix, layout.spans["prev"])) if is_chained else repeat(b"")
            is_judged = is_chained or is_proved or decisions_only
            officers = columns.recurring(matrix, layout.spans["officer"]) if is_judged else repeat("")
            yield _rows_of(kind, layout, places, matrix, bodies, copies_of, is_proved, prevs, officers, decisions_only)


def _kind_of(layout: Layout, policies: Mapping[str, Policy]) -> Kind | None:
    """None where one look at the layout does not tell that all its events are good, and what they write."""
    event = layout.event
    policy = policies.get(event.policy)
    is_birth = isinstance(event, Listed | New) and len(layout.clock) == 1
    changed = event.changed if isinstance(event, Found) and event.changed is not UNSET else ()
    has_person = event.person is not UNSET
    if policy is None or has_person != bool(is_birth or changed) or not (is_birth or _is_simple(event, policy)):
        return None
    nth = event.nth if isinstance(event, NotMet) else 0
    return Kind(
        event.election,
        is_birth,
        "to" in layout.spans,
        tuple(changed),
        effect_of(event, policy),
        AREA_DIGITS[event.role],
        nth,
        event.source if isinstance(event, Listed) else None,
        event.role,
        event.policy,
    )


def _is_simple(event: AnyEvent, policy: Policy) -> bool:
    if isinstance(event, Deceased | Disqualified | Moved):
        known = event.evidence is UNSET or event.evidence in policy.words
        return known and not (isinstance(event, Disqualified) and event.reason == "duplicate")
    return isinstance(event, Found | NotMet)


def _rows_of(
    kind: Kind,
    layout: Layout,
    places: Indexes,
    matrix: Matrix,
    bodies: Sequence[bytes],
    copies_of: CopiesOf,
    is_proved: bool,
    prevs: Iterable[bytes],
    officers: Iterable[str],
    decisions_only: bool,
) -> list[Row]:
    numbers, spans = places.tolist(), layout.spans
    devices, seqs = columns.recurring(matrix, spans["device"]), columns.numbers(matrix, spans["seq"])
    clock_devices, clock_numbers = [devices], [seqs]  # it names itself, and most name nobody else
    if len(layout.clock) > 1:
        clock_devices = [columns.recurring(matrix, device) for device, _ in layout.clock]
        clock_numbers = [columns.numbers(matrix, seq) for _, seq in layout.clock]
    tps = columns.recurring(matrix, spans["tps"])
    dots = list(zip(devices, seqs, strict=True))
    if decisions_only:
        own = _own_births(layout, matrix) if kind.is_birth else [True] * len(numbers)
        people: list[_Person | None] = [_NO_PERSON if is_own else None for is_own in own]
    else:
        people = _persons(kind, layout, matrix, copies_of(numbers, dots), is_proved)
    rows = map(
        Row,
        numbers,
        [sha256(bodies[at]).digest() for at in numbers],
        prevs,
        repeat(kind),
        seqs if len(clock_numbers) == 1 else map(sum, zip(*clock_numbers, strict=True)),
        dots,
        zip(columns.recurring(matrix, _regency_of(spans["tps"])), columns.texts(matrix, spans["voter"]), strict=True),
        tps,
        columns.recurring(matrix, spans["to"]) if kind.is_move else tps,
        _clocks(clock_devices, clock_numbers),
        columns.texts(matrix, layout.clock_span),
        columns.marks(matrix, layout.marks) if layout.marks else repeat(b""),
        [_NO_PERSON if person is None else person for person in people],
        officers,
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
    kind: Kind, layout: Layout, matrix: Matrix, copies: Sequence[bytes], is_proved: bool
) -> list[_Person | None]:
    """The person of each event that writes to the record; None where it is absent, wrong or unusual."""
    if not (kind.is_birth or kind.changed):
        return [None if copy else _NO_PERSON for copy in copies]  # no person belongs to these
    plainly = persons.plain_birth if kind.is_birth else partial(persons.plain_changes, changed=kind.changed)
    if is_proved:
        return list(map(plainly, copies))
    hashes = columns.slices(columns.unbase64(matrix, layout.spans["person"]))
    own = _own_births(layout, matrix) if kind.is_birth else repeat(True)
    return [
        plainly(copy) if is_own and sha256(copy).digest() == person_hash else None
        for copy, is_own, person_hash in zip(copies, own, hashes, strict=False)
    ]


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


class Settled(msgspec.Struct, frozen=True, gc=False):
    """The state of a voter with a plain line of events, and what else its row needs."""

    reading: "Reading"
    line: list[Row]
    tps: str
    attempts: int
    decision_bytes: bytes
    record: bytes
    """The canonical particulars."""


class Settling:
    """Settles voters, and remembers what the kinds of a line come to."""

    def __init__(self, *, decisions_only: bool = False) -> None:
        """For `decisions_only` no particulars are made, and the rows need no persons."""
        self._decisions_only = decisions_only
        self._readings: dict[tuple[Kind, ...], Reading | None] = {}

    def settle(self, rows: list[Row]) -> Settled | None:
        """The state of the voter whose events are all `rows`; None when they are no plain line. Sorts `rows`."""
        if len(rows) > EVENTS_MAX:
            return None
        if len(rows) > 1:
            rows.sort(key=_weight)
        kinds = tuple([row.kind for row in rows])
        try:
            reading = self._readings[kinds]
        except KeyError:
            reading = self._readings[kinds] = _reading_of(kinds)
        if reading is None:
            return None
        place = rows[0].place if len(rows) == 1 else _place_of(rows)
        return None if place is None else _settled(reading, rows, place, self._decisions_only)


_weight: Final = attrgetter("weight")


def _place_of(rows: Sequence[Row]) -> str | None:
    """Where these rows, a birth and others by weight, leave their voter.

    None unless each saw just what is before it: then its clock is the one before it with its own dot put in.
    """
    before = rows[0]
    place, seen = before.place, before.clock
    marks = {before.dot[0]: before.hash[: ids.MARK_BYTES]}
    for row in rows[1:]:
        (device, seq), kind = row.dot, row.kind
        if row.clock != {**seen, device: seq} or seen.get(device, 0) >= seq:
            return None
        saw = b""
        for other in row.clock:
            if other != device:
                saw += marks[other]
        if row.saw != saw or not place.startswith(row.tps[: kind.area_digits]):
            return None
        if kind.effect.mask & TPS:
            place = row.place
        marks[device] = row.hash[: ids.MARK_BYTES]
        seen = row.clock
    return place


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What a plain line comes to, as far as the kinds of its events tell."""

    holders: list[int]
    """The places in the line of the events that still hold a register."""
    attempts: list[int]
    """The places of the events that are an attempt to meet the voter, the last one first."""
    verdict: str
    reason: str | None
    proposed: list[str]
    is_corrected: bool
    said: str
    """What a decision's canonical bytes say between the clock and the regency."""


def _reading_of(kinds: Sequence[Kind]) -> Reading | None:
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
    verdict, _, why = verdict.partition("/")
    reason, proposed = why or None, [] if proposal == NO_PROPOSAL else [proposal]
    return Reading(
        holders,
        [at for at, kind in reversed([*enumerate(kinds)]) if kind.nth],
        verdict,
        reason,
        proposed,
        any(kind.changed for kind in kinds),
        _said(verdict, reason, proposed),
    )


def _said(verdict: str, reason: str | None, proposed: list[str]) -> str:
    decision = Decision([], 0, {}, [], stays(verdict), proposed, reason, "", "", verdict, "")
    _, said = encode_decision(decision).decode().split('"clock":{}')
    return said.partition('"regency":')[0]


def _settled(reading: Reading, line: list[Row], place: str, decisions_only: bool) -> Settled:
    """The state of a plain line that ends in this place."""
    dots, attempts, last = [line[at].dot for at in reading.holders], 0, line[-1]
    if reading.attempts:
        attempted: dict[str, Row] = {}
        for at in reading.attempts:
            attempted.setdefault(line[at].dot[0], line[at])
        attempts = sum(row.kind.nth for row in attempted.values())
        dots += [row.dot for row in attempted.values()]
    if len(dots) > 1:
        dots.sort()
    regency, voter = last.key
    # As `encode_decision`, of words that need no escape. The last has seen them all, so its clock is the voter's.
    alive = ",".join([f'"{device}:{seq}"' for device, seq in dots])
    decision = (
        f'{{"alive":[{alive}],"attempts":{attempts},"clock":{{{last.clock_text}}}{reading.said}"regency":"{regency}",'
        f'"tps":"{place}","verdict":"{reading.verdict}","voter":"{voter}"}}'
    ).encode("ascii")
    if decisions_only:
        record = b""
    elif reading.is_corrected:
        record = _corrected_record(line)
    else:
        record = b'{"conflicts":[],"fields":%b,"salts":["%b"]}' % line[0].person
    return Settled(reading, line, place, attempts, decision, record)


def _corrected_record(line: Sequence[Row]) -> bytes:
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
