"""A journal that is read whole: everything that is wrong with it has a name, and what is sound makes a new one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ecoklit.core import ids, wire
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.push_file import split_pushes
from ecoklit.ports import HEAD_HEADER, EventMessage, Position, StoredEvent
from ecoklit.services.group_commit import GroupCommit
from ecoklit.services.inspect import Fault, Inspected, Inspector, Proof, inspect, proofs_in, registry_of
from ecoklit.services.mend import mend
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal
from ecoklit.testing.phone import Person, Phone

ELECTION, REGENCY, TPS = "test-2024", "9404", "9404012001001"
STREAM = f"ECOKLIT-{ELECTION}-{REGENCY}"
NAMES = ("ani", "budi", "citra")
PUSHES, EVENTS = 3, 2


class Day:
    """Three phones that took turns in pushing, two events at a time, and what the door gave for it."""

    def __init__(self) -> None:
        self.election = MadeUpElection(ELECTION, REGENCY)
        self.journal, self.registry = MemoryJournal(), MemoryRegistryJournal()
        self.phones = [Phone(ELECTION, 1, Person(name, "pantarlih"), TPS) for name in NAMES]
        for phone in self.phones:
            self.election.assign(phone.key, NAMES[self.phones.index(phone)], "pantarlih", TPS)
        self.receipts: dict[str, bytes] = {}

    async def pushed(self, journal: MemoryJournal, bodies: list[bytes], epoch: int = 1) -> None:
        commits = GroupCommit(journal)
        door = await self.election.door(journal, self.registry, commits.submit, epoch=epoch)
        for body in bodies:
            receipt = await door.push(body)
            self.receipts[msgspec.json.decode(receipt)["receipt"]["device"]] = receipt
        await commits.close()

    async def went_by(self) -> Day:
        bodies = []
        for nth in range(PUSHES):
            for phone in self.phones:
                said = [
                    phone.say("new", None, how="in_person", document="ktp_el", person=_person(nth)) for _ in range(2)
                ]
                bodies.append(self.election.push(said))
        await self.pushed(self.journal, bodies)
        return self

    async def inspected(self, journal: Any = None, **given: Any) -> Inspected:
        inspector = Inspector(ELECTION, REGENCY, **given)
        await inspect(inspector, journal or self.journal, self.registry)
        return inspector.found()

    def copies(self) -> dict[tuple[str, int], StoredEvent]:
        """What a projection would have."""
        return {
            one.dot: StoredEvent(0, "counted", 4, one.event_bytes, one.person_bytes)
            for phone in self.phones
            for one in phone.said
        }


def _person(nth: int) -> dict[str, Any]:
    return {"record": dict.fromkeys(RECORD_FIELDS) | {"name": f"WARGA {nth}"}}


@pytest.fixture
async def day() -> Day:
    return await Day().went_by()


def shown(faults: list[Fault]) -> list[tuple[str, int, str, int, int]]:
    return [(one.name, one.position, one.device, one.seq, one.last) for one in faults]


async def test_nothing_is_wrong_with_a_sound_journal(day: Day) -> None:
    """No fault, every log sound to its end, and everything counted."""
    found = await day.inspected()
    assert (found.faults, found.events, found.persons, found.lines) == ([], 18, 18, 7)
    assert found.sound == {phone.device: PUSHES * EVENTS for phone in sorted(day.phones, key=lambda one: one.device)}


@pytest.mark.parametrize("position", range(1, 19))
async def test_every_event_that_cannot_be_read_is_named(day: Day, position: int) -> None:
    """Whichever message is lost: by its position, and by its device and seq where a later event of the log is there, or
    a receipt, or where somebody knows what stood there."""
    event = (await day.journal.read_events(position - 1, 1))[0]
    dot = (event.device, wire.hold(event.payload, None).seq)
    day.journal.lose(position)
    found = await day.inspected()
    hole, *others = shown(found.faults)
    assert hole[:2] == ("unreadable", position)
    if dot[1] < PUSHES * EVENTS:
        assert hole[2:] == (*dot, dot[1]) and others == [("missing", 0, *dot, dot[1])]
        assert found.sound[dot[0]] == (dot[1] - 1) // EVENTS * EVENTS, "up to the last signed head before it"
    else:
        assert hole[2:] == ("", 0, 0) and others == [("unsigned", 0, dot[0], dot[1] - 1, dot[1] - 1)]
        proofs = proofs_in(day.receipts[dot[0]], await registry_of(ELECTION, REGENCY, day.registry))
        assert ("shorter", 0, *dot, dot[1]) in shown((await day.inspected(proofs=proofs)).faults)
    inspector = Inspector(ELECTION, REGENCY)
    await inspect(inspector, day.journal, day.registry)
    assert shown(inspector.found({position: dot}).faults)[0] == ("unreadable", position, *dot, dot[1])


async def test_a_tail_that_is_gone_is_known_from_who_has_proof(day: Day) -> None:
    """A log that ends where it should not is sound by itself; a receipt or the projection says what is missing, and a
    receipt of nobody's proves nothing."""
    first = day.phones[0]
    cut = Cut(day.journal, keep=lambda seq, device: device != first.device or seq <= EVENTS)
    assert (await day.inspected(cut)).faults == []
    proof = Proof(first.device, 6, first.said[-1].hash, "the projection")
    assert shown((await day.inspected(cut, proofs=[proof])).faults) == [("shorter", 0, first.device, 3, 6)]
    forged = day.receipts[first.device].replace(b'"seq":6', b'"seq":7')
    registry = await registry_of(ELECTION, REGENCY, day.registry)
    assert proofs_in(forged + b"\nnothing\n", registry) == []
    other = Proof(first.device, 2, ids.sha256(b"other"), "a receipt")
    assert shown((await day.inspected(proofs=[other])).faults) == [("other_event", 0, first.device, 2, 2)]


async def test_what_is_not_as_it_was_admitted_is_named(day: Day) -> None:
    """Other bytes in an event, a head of nobody's, an event in another's log, one twice, and one that is no event."""
    first, second = day.phones[0].device, day.phones[1].device

    def at(position: int, change: Callable[[EventMessage], EventMessage]) -> Cut:
        return Cut(day.journal, change=lambda one: change(one) if one.sequence == position else one)

    later = at(1, lambda one: msgspec.structs.replace(one, payload=one.payload.replace(b"+09:00", b"+08:00")))
    names = shown((await day.inspected(later)).faults)
    assert names[0] == ("broken_chain", 2, first, 2, 2)
    unsigned = at(2, lambda one: msgspec.structs.replace(one, headers=((HEAD_HEADER, "A" * 86),)))
    assert shown((await day.inspected(unsigned)).faults) == [("bad_signature", 2, first, 2, 2)]
    elsewhere = at(3, lambda one: msgspec.structs.replace(one, device=first))
    names = shown((await day.inspected(elsewhere)).faults)
    assert ("misplaced", 3, first, 1, 1) in names and ("missing", 0, second, 1, 1) in names
    broken = at(3, lambda one: msgspec.structs.replace(one, payload=b"{}"))
    assert shown((await day.inspected(broken)).faults)[0] == ("malformed", 3, second, 1, 1)


async def test_a_person_that_is_not_there_is_named(day: Day) -> None:
    """An event whose person is nowhere, and a copy that is not the one that it commits to."""
    first = day.phones[0].device
    day.journal.erase_person(first, 3)
    found = await day.inspected()
    assert (shown(found.faults), found.absent) == ([("person_missing", 0, first, 3, 3)], [(first, 3)])


async def test_a_line_of_the_registry_is_named(day: Day) -> None:
    """A registry line that is lost, and the enrolments that are void without it."""
    lines = [one for one in await day.registry.read(0, 100) if one.sequence != 2]
    inspector = Inspector(ELECTION, REGENCY)
    inspector.take_lines(lines[:1])
    inspector.cannot_read(2, "-registry")
    inspector.take_lines(lines[1:])
    faults = inspector.found().faults
    assert (faults[0].name, faults[0].stream, faults[0].position) == ("unreadable", f"{STREAM}-registry", 2)
    assert {fault.name for fault in faults[1:]} == {"gap"}


# --- mending ---------------------------------------------------------------------------------------------------------


async def mended(day: Day, copies: dict[tuple[str, int], StoredEvent]) -> tuple[MemoryJournal, Any]:
    fresh, lines = MemoryJournal(), MemoryRegistryJournal()
    found = await day.inspected(copies=copies)
    done = await mend((day.journal, day.registry), (fresh, lines), found, copies)
    assert [one.payload for one in await lines.read(0, 100)] == day.election.registry
    return fresh, done


async def events_of(journal: Any) -> list[tuple[str, bytes, tuple[tuple[str, str], ...]]]:
    return sorted((one.device, one.payload, one.headers) for one in await journal.read_events(0, 100))


async def test_a_sound_journal_is_copied_as_it_is(day: Day) -> None:
    """Every event with what rode on it, every person, nothing left over."""
    fresh, done = await mended(day, {})
    assert await events_of(fresh) == await events_of(day.journal)
    assert (done.events, done.persons, done.copied, done.left) == (18, 18, 0, {})
    assert (await day.inspected(fresh)).faults == []


@pytest.mark.parametrize("position", [1, 2, 7, 18])
async def test_phones_bring_what_no_copy_closes(day: Day, position: int) -> None:
    """Without copies a log ends at the last head before its hole; what can be read beyond is kept aside as pushes that
    are good as they are; the phone's whole log makes it what it was."""
    before = await events_of(day.journal)
    lost = (await day.journal.read_events(position - 1, 1))[0]
    day.journal.lose(position)
    fresh, done = await mended(day, {})
    assert (await day.inspected(fresh)).faults == []
    left = PUSHES * EVENTS - (await day.inspected()).sound[lost.device]
    assert done.events == 18 - left and len(done.left.get(lost.device, ())) > 0
    (phone,) = (one for one in day.phones if one.device == lost.device)
    await day.pushed(fresh, [day.election.push(phone.said)], epoch=2)
    assert [one[:2] for one in await events_of(fresh)] == [one[:2] for one in before]
    assert (await day.inspected(fresh)).faults == []


async def test_what_is_left_over_follows_what_was_missing(day: Day) -> None:
    """When somebody has the lost event alone, the pushes that were kept aside complete the log."""
    day.journal.lose(1)
    fresh, done = await mended(day, {})
    phone = day.phones[0]
    aside = split_pushes(b"".join(line + b"\n" for line in done.left[phone.device]))
    await day.pushed(fresh, [day.election.push(phone.said[:2]), *aside[1:]], epoch=2)
    assert list((await day.inspected(fresh)).sound.values()) == [6, 6, 6]


async def test_copies_close_gaps_that_hashes_prove(day: Day) -> None:
    """A copy of the very event mends its log with nobody's help, persons too; another event in its place does not."""
    before = await events_of(day.journal)
    for position in (1, 9):
        day.journal.lose(position)
    day.journal.erase_person(day.phones[2].device, 4)
    copies = day.copies()
    assert (await day.inspected(copies=copies)).gaps == []
    fresh, done = await mended(day, copies)
    assert [one[:2] for one in await events_of(fresh)] == [one[:2] for one in before]
    assert (done.copied, done.persons, done.left) == (2, 18, {}) and (await day.inspected(fresh)).faults == []
    wrong = {dot: copy._replace(body=day.phones[1].said[0].event_bytes) for dot, copy in copies.items()}
    assert len((await day.inspected(copies=wrong)).gaps) == 2


class Cut:
    """A journal that is told to hold something else: events that are not kept are not there, others are changed."""

    def __init__(
        self,
        journal: MemoryJournal,
        *,
        keep: Callable[[int, str], bool] = lambda *_: True,
        change: Callable[[EventMessage], EventMessage] = lambda one: one,
    ) -> None:
        self._journal, self._keep, self._change = journal, keep, change

    async def read_events(self, after: int, limit: int) -> list[EventMessage]:
        read = await self._journal.read_events(after, limit)
        return [self._change(one) for one in read if self._keep(wire.hold(one.payload, None).seq, one.device)]

    async def read_persons(self, after: int, limit: int) -> Any:
        return await self._journal.read_persons(after, limit)

    async def last(self) -> Position:
        return await self._journal.last()
