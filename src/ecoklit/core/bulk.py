"""The fold of a whole history from its bytes, quickly: the same states as `replica`, byte for byte.

Voters with a plain line of events are settled from columns (`plain`). Every other voter goes through the general fold,
which stays the authority; a law in the tests holds that both give the same bytes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from ecoklit.core import plain, wire
from ecoklit.core.causality import COUNTED, PARKED
from ecoklit.core.event import Malformed
from ecoklit.core.limits import LINE_BYTES_MAX
from ecoklit.core.plain import Row, Settled, Settling
from ecoklit.core.policy import Policy
from ecoklit.core.replica import Replica
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

_EVENT: Final = b'{"event":'
_PERSON: Final = b'},"person":{'
_EVENT_BYTES_MIN: Final = 200
"""No event is shorter: it has two hashes, a voter and a device. A shorter line is read one by one."""


def _read_by_columns(lines: Sequence[bytes], policies: Mapping[str, Policy]) -> Iterator[list[Row]]:
    cuts = [line.find(_PERSON, _EVENT_BYTES_MIN) for line in lines]
    begin = len(_EVENT)
    # What does not look like a line has no body here, and is read one by one.
    bodies = [
        (line[begin:-1] if cut < 0 else line[begin : cut + 1])
        if line.startswith(_EVENT) and line.endswith(b"}") and len(line) <= LINE_BYTES_MAX
        else b""
        for line, cut in zip(lines, cuts, strict=True)
    ]

    def copies_of(places: Sequence[int], _: Sequence[Dot]) -> list[bytes]:
        return [lines[at][cuts[at] + len(_PERSON) - 1 : -1] if cuts[at] >= 0 else b"" for at in places]

    return plain.read(bodies, copies_of, policies)


# --- settling plain voters -------------------------------------------------------------------------------------------


class _Rows:
    """The rows by voter, and which voters something unusual touches."""

    def __init__(self) -> None:
        self.by_dot: dict[Dot, Row] = {}
        self.elections: set[str] = set()
        self._rows: list[Row] = []
        self._by_voter: dict[VoterKey, list[Row]] = {}
        self._odd: dict[VoterKey, None] = {}
        self._settling = Settling()

    def take(self, rows: list[Row]) -> None:
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
            read[row.at] = 1
        return [line for line in range(count) if not read[line]]

    def settle(self) -> Iterator[Entry]:
        """The states of the voters whose rows make a plain line; the others are odd from now on."""
        for key, rows in self._by_voter.items():
            settled = None if key in self._odd else self._settling.settle(rows)
            if settled is None:
                self._odd[key] = None
            else:
                yield _entry(key, settled)

    def unsettled(self) -> list[int]:
        """The lines of the odd voters' rows."""
        return [row.at for row in self._rows if row.key in self._odd]


def _entry(key: VoterKey, settled: Settled) -> Entry:
    data = settled.decision_bytes
    return Entry(*key, settled.tps, data, b'{"decision":%b,"record":%b}' % (data, settled.record))


# --- everything else -------------------------------------------------------------------------------------------------


class _Rest(Replica):
    """The plain fold of the odd voters, in a world that also holds the events of the settled ones."""

    def __init__(self, policies: Mapping[str, Policy], elsewhere: Mapping[Dot, Row]) -> None:
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
