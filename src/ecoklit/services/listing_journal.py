"""What an import asks of the journal: the listings that the index does not know yet, and all that is held of a voter.

The index is a memory of the journal's `listed` events and can be made again from them: a lost one, one restored from an
old copy, and one that has not seen what another office device listed, all become right by `learn`.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from ecoklit.core import ids, row_mark, wire
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.head import read_head
from ecoklit.core.limits import PUSH_BYTES_MAX
from ecoklit.core.person import Person
from ecoklit.core.push_file import lines_of, write_push
from ecoklit.core.wire import Held
from ecoklit.ports import EventMessage, Journal, KnownRow, ListingIndex, LogEnd, Position, Service
from ecoklit.services.listing import ListingFault

READ_MESSAGES_MAX: Final = 5_000
"""Messages that are read and learned together: memory stays flat however long the journal is."""


class _Glance(msgspec.Struct, frozen=True, gc=False):
    """The least of an event that says whether it matters: reading it whole would take ten times as long."""

    type: str
    device: str
    seq: int
    voter: str
    tps: str
    person: str | None = None


_GLANCE: Final = msgspec.json.Decoder(_Glance)
_PERSON: Final = msgspec.json.Decoder(Person)


class Learned(NamedTuple):
    """What `learn` did: rows that the index knows now, and listings whose person the journal has no longer."""

    rows: int
    without_person: int


async def send_again(
    journal: Journal, service: Service, pushes: Iterable[tuple[bytes, bytes | None]], *, device: str, end: int
) -> bool:
    """Push again, with its receipt, what the office said up to seq `end` and a restored journal holds no longer.

    Gives whether it lacked anything. `pushes` is the office's log, read only then.
    """
    head = await journal.head(device)
    held = head.seq if head else 0
    if held >= end:
        return False
    for push, receipt in pushes:
        lines = lines_of(push)
        if read_head(lines[-1]).seq > held:
            await service.push(_proved(lines, receipt))
    return True


def _proved(lines: Sequence[bytes], receipt: bytes | None) -> bytes:
    push = write_push(lines[:-1], read_head(lines[-1]), receipt=receipt)
    return push if len(push) <= PUSH_BYTES_MAX else write_push(lines[:-1], read_head(lines[-1]))


async def learn(
    journal: Journal, index: ListingIndex, *, device: str, key: bytes, is_restored: bool = False
) -> Learned:
    """Bring `index` of `device` up to the journal's end; calling it again changes nothing.

    A journal that `is_restored`, or is shorter than what was learned, is read from its beginning. Raises ListingFault
    other_journal (it lacks what this device pushed), cloned_log (it holds other events under this device's name).
    """
    before, goal = index.position(), await journal.last()
    if is_restored or goal.events < before.events or goal.persons < before.persons:
        before = Position(0, 0)
    await _demand_own_log(journal, index, device)
    school = _School(index, device, key, _Persons(journal, before.persons))
    async for messages in _events(journal, before.events, goal.events):
        await school.take(messages, before)
    index.learn([], index.log_end(), Position(max(goal.events, school.last), school.persons.after))
    return Learned(school.rows, school.without_person)


async def _demand_own_log(journal: Journal, index: ListingIndex, device: str) -> None:
    head = await journal.head(device)
    waiting = index.waiting(1)
    released = wire.read(waiting[0]).seq - 1 if waiting else index.log_end().seq
    if (head.seq if head else 0) < released:
        raise ListingFault(
            "other_journal",
            "The journal lacks events that this office pushed to it: it is another one, or was restored. "
            "Import with a new office device, or restore the journal.",
        )


async def events_about(journal: Journal, voters: Collection[str]) -> dict[str, list[Held]]:
    """Every event about each of `voters` that the journal holds, in its order, without persons.

    Reads the whole journal once: a corrected list is rare, and no projection that may lag can make a clock fall.
    """
    wanted = frozenset(voters)
    found: dict[str, list[Held]] = {voter: [] for voter in sorted(wanted)}
    async for messages in _events(journal, 0, (await journal.last()).events):
        for message in messages:
            glance = _glance(message.payload)
            if glance is not None and glance.voter in wanted:
                found[glance.voter].append(wire.hold(message.payload, None))
    return found


async def _events(journal: Journal, after: int, goal: int) -> AsyncIterator[list[EventMessage]]:
    while after < goal:
        messages = await journal.read_events(after, READ_MESSAGES_MAX)
        if not messages:
            return
        after = messages[-1].sequence
        yield messages


def _glance(payload: bytes) -> _Glance | None:
    try:
        return _GLANCE.decode(payload)
    except msgspec.MsgspecError:
        return None  # a bad event: its device, seq and voter are well formed, its type may not be


class _Copy(NamedTuple):
    """A person as an event commits to it: beside the right copy a refused push may have left another (an orphan)."""

    device: str
    seq: int
    hash: str


class _Persons:
    """The persons of a journal, read no further than the events that are asked for."""

    def __init__(self, journal: Journal, after: int) -> None:
        self.after = after
        self._journal = journal
        self._ahead: dict[_Copy, bytes] = {}

    async def of(self, copies: Collection[_Copy]) -> dict[_Copy, bytes]:
        """Those of `copies` that the journal holds."""
        missing = {copy for copy in copies if copy not in self._ahead}
        while missing:
            messages = await self._journal.read_persons(self.after, READ_MESSAGES_MAX)
            if not messages:
                break
            self.after = messages[-1].sequence
            for message in messages:
                hash_text = ids.to_base64url(ids.sha256(message.payload))
                self._ahead[_Copy(message.device, message.seq, hash_text)] = message.payload
            missing.difference_update(self._ahead)
        return {copy: self._ahead[copy] for copy in copies if copy in self._ahead}

    def forget(self, done: dict[str, int]) -> None:
        """Drop the persons of each device up to the seq of it that was asked about."""
        self._ahead = {copy: person for copy, person in self._ahead.items() if copy.seq > done.get(copy.device, 0)}


class _School:
    """Learns listings into an index, some messages at a time."""

    def __init__(self, index: ListingIndex, device: str, key: bytes, persons: _Persons) -> None:
        self.persons = persons
        self.rows = 0
        self.without_person = 0
        self.last = 0
        self._index = index
        self._device = device
        self._key = key
        self._known: dict[str, dict[bytes, KnownRow]] = {}
        self._done: dict[str, int] = {}

    async def take(self, messages: Sequence[EventMessage], position: Position) -> None:
        self.last = messages[-1].sequence
        end = self._index.log_end()
        listings: list[_Glance] = []
        for message in messages:
            glance = _glance(message.payload)
            if glance is None:
                continue
            self._done[glance.device] = glance.seq
            if glance.device == self._device:
                if glance.seq <= end.seq:
                    _demand_own(glance, message.payload, self._index.log_end())
                    continue
                end = LogEnd(glance.seq, ids.sha256(message.payload))
            if glance.type == "listed" and glance.person is not None:
                listings.append(glance)
        rows = await self._rows(listings)
        # The position moves only when all is learned: persons that were read ahead of their events would be missed.
        self._index.learn(rows, end, position)
        self._known.clear()
        self.persons.forget(self._done)

    async def _rows(self, listings: Sequence[_Glance]) -> list[KnownRow]:
        copies = [_Copy(one.device, one.seq, one.person or "") for one in listings]
        persons = await self.persons.of(copies)
        learned = [self._row(one, persons.get(copy)) for one, copy in zip(listings, copies, strict=True)]
        rows = [row for row in learned if row is not None]
        self.rows += len(rows)
        self.without_person += len(listings) - len(rows)
        return rows

    def _row(self, listing: _Glance, person_bytes: bytes | None) -> KnownRow | None:
        record = _record(person_bytes)
        if record is None:
            return None
        known = self._known_rows(listing.tps)
        nth = 1
        mark = row_mark.row_mark(self._key, listing.tps, record)
        while mark in known and known[mark].voter != listing.voter:
            nth += 1
            mark = row_mark.row_mark(self._key, listing.tps, record, nth)
        known[mark] = KnownRow(
            mark,
            listing.tps,
            listing.voter,
            listing.device,
            listing.seq,
            row_mark.nik_mark(self._key, record),
            row_mark.field_marks(self._key, mark, record),
        )
        return known[mark]

    def _known_rows(self, tps: str) -> dict[bytes, KnownRow]:
        if tps not in self._known:
            self._known[tps] = self._index.known(tps)
        return self._known[tps]


def _demand_own(glance: _Glance, payload: bytes, end: LogEnd) -> None:
    if glance.seq == end.seq and ids.sha256(payload) != end.hash:
        raise ListingFault(
            "cloned_log",
            f"The journal holds another event {end.seq} of this office device: its folder was copied or restored. "
            "Import with a new office device.",
        )


def _record(person_bytes: bytes | None) -> dict[str, str | None] | None:
    """The record in a person; None when there is none, because it was erased or is a bad person."""
    if person_bytes is None:
        return None
    try:
        person = _PERSON.decode(person_bytes)
    except msgspec.MsgspecError:
        return None
    if person.record is msgspec.UNSET:
        return None
    return {field: getattr(person.record, field) for field in RECORD_FIELDS}
