"""Importing lists: nothing doubled, nothing lost, nothing changed in silence, and no crash that matters."""

import asyncio
import itertools
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.adapters.listing_index import SqliteListingIndex
from ecoklit.contract import data_path, policies
from ecoklit.core import canonical, ids, wire
from ecoklit.core.codebook import parse_codebook
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.limits import PUSH_BYTES_MAX, PUSH_EVENTS_MAX
from ecoklit.core.list_row import COLUMNS, TITLES, SourceRow
from ecoklit.core.person import Record
from ecoklit.core.replica import fold
from ecoklit.core.voter import Decision
from ecoklit.core.wire import Held
from ecoklit.ports import JournalUnavailable, KnownRow, LogEnd, Position
from ecoklit.ports import Push as JournalPush
from ecoklit.services.listing import (
    GoneRow,
    Import,
    ListingFault,
    Office,
    RowReport,
    Summary,
    batches,
    office_log,
    signed_push,
    village_of,
)
from ecoklit.services.listing_journal import Learned, events_about, learn
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

ELECTION, REGENCY, VILLAGE, KEY = "pilkada-2024", "9404", "9404012001", b"k" * 32
MADE_UP, REGISTRY = MadeUpElection(ELECTION, REGENCY), MemoryRegistryJournal()
KEYS = {key.device: key for key in (MADE_UP.device(name) for name in ("office", "second", "phone"))}
DEVICE, OTHER_DEVICE, PHONE = KEYS
AT = "2024-06-25T09:00:00+09:00"
WHAT = Import(VILLAGE, "dp4-2024", AT)
BOOK = parse_codebook(data_path("events", "codebooks", "2024.json").read_bytes())

Cells = dict[str, str]


def person(serial: int, **said: str) -> Cells:
    """One row of the list; everybody was born on one day, and has a NIK of their own."""
    return {
        "nkk": f"940481010115{serial:04d}", "nik": f"940481520390{serial:04d}", "name": f"Maria {serial}",
        "birth_place": "Timika", "birth_date": "12-03-1990", "marital": "S", "sex": "P", "address": "Jl. Nuri",
        "rt": "001", "rw": "002", "disability": "0", "ektp": "S", "remarks": "0", "source": "dp4", "tps": "001", **said,
    }  # fmt: skip


def rows(*people: Cells) -> list[SourceRow]:
    lines = [tuple(TITLES.values()), *[tuple(one[column] for column in COLUMNS) for one in people]]
    return [SourceRow("A", number, line) for number, line in enumerate(lines, start=1)]


class Desk:
    """An office with its folder, at a journal that it may share with others."""

    def __init__(self, folder: Path, journal: MemoryJournal, device: str = DEVICE, key: bytes = KEY) -> None:
        self.folder, self.journal, self.device, self.key = folder, journal, device, key
        self.reports: list[RowReport] = []

    async def learn(self) -> Learned:
        with SqliteListingIndex(self.folder, self.device, self.key) as index:
            return await learn(self.journal, index, device=self.device, key=self.key)

    async def take(self, *people: Cells, source: Iterable[SourceRow] | None = None) -> Summary:
        """Import a list as the command does: learn what is new in the journal, then list."""
        with SqliteListingIndex(self.folder, self.device, self.key) as index:
            await learn(self.journal, index, device=self.device, key=self.key)
            return await self.office(index).import_list(
                rows(*people) if source is None else source, WHAT, self.reports.append
            )

    def office(self, index: Any, push: Callable[[list[bytes]], Any] | None = None) -> Office:
        log = office_log(index, election=ELECTION, device=self.device, officer="kpu-mimika", policy="2024-1")
        salts = (number.to_bytes(16, "big") for number in itertools.count(log.seq))
        return Office(
            log, index, key=self.key, book=BOOK, salt=lambda: next(salts), push=push or self.push, seen=self.seen
        )

    async def seen(self, voters: Collection[str]) -> Mapping[str, Sequence[Held]]:
        return await events_about(self.journal, voters)

    async def push(self, lines: list[bytes]) -> None:
        async def submit(push: JournalPush) -> Any:
            return (await self.journal.append([push]))[0]

        admission = await MADE_UP.door(self.journal, REGISTRY, submit)
        await admission.push(signed_push(KEYS[wire.read(lines[0]).device], ELECTION, lines))

    def report(self, place: str) -> RowReport:
        return next(one for one in reversed(self.reports) if one.place == place)


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def desk(tmp_path: Path, journal: MemoryJournal) -> Desk:
    return Desk(tmp_path / "office", journal)


async def held_in(journal: MemoryJournal) -> list[Held]:
    persons = {(one.device, one.seq): one.payload for one in await journal.read_persons(0, 10_000)}
    return [
        wire.hold(one.payload, persons.get((one.device, wire.hold(one.payload, None).seq)))
        for one in await journal.read_events(0, 10_000)
    ]


@dataclass(frozen=True)
class Standing:
    """What is read of a voter here: the decision, the fields and what is contested."""

    decision: Decision
    fields: Record
    contested: list[str]


async def states(journal: MemoryJournal) -> dict[str, Standing]:
    """The voters by name, after every event was folded; every event must count."""
    held = await held_in(journal)
    folded = fold(held, policies())
    assert {folded.standing(one.hash).name for one in held} <= {"counted"}
    voters = [Standing(one.decision, one.record.fields, one.record.conflicts) for one in folded.states() if one.record]
    return {str(voter.fields.name): voter for voter in voters}


# --- importing -------------------------------------------------------------------------------------------------------


async def test_everybody_on_the_list_is_a_voter(desk: Desk, journal: MemoryJournal) -> None:
    """Each row becomes one unvisited voter of its TPS, with what stood in its cells."""
    summary = await desk.take(person(1), person(2, tps="002", disability="6", remarks="U"))
    assert summary.outcomes == {"listed": 2, "changed": 0, "unchanged": 0, "refused": 0} and summary.pushed == 2
    voters = await states(journal)
    assert [(voter.decision.verdict, voter.decision.on_list) for voter in voters.values()] == [("unvisited", True)] * 2
    assert voters["Maria 2"].decision.tps == "9404012001002" and voters["Maria 2"].fields.disability == "visual"
    assert voters["Maria 1"].fields.nik == "9404815203900001"
    second = (await held_in(journal))[1]
    assert second.person is not None and second.person.note == "Keterangan=U (2024)"


async def test_importing_the_same_file_again_adds_nothing(desk: Desk, journal: MemoryJournal) -> None:
    """Every row is known again: no event, no gone row, the same voters named."""
    people = [person(n) for n in range(1, 8)]
    await desk.take(*people)
    before = await journal.last()
    summary = await desk.take(*people)
    assert summary.outcomes["unchanged"] == 7 and summary.pushed == 0 and summary.gone == []
    assert await journal.last() == before
    assert desk.reports[0].voter == desk.reports[7].voter is not None


async def test_the_order_of_rows_does_not_matter(desk: Desk) -> None:
    """A list that was sorted anew is the same list."""
    await desk.take(person(1), person(2), person(3))
    summary = await desk.take(person(3), person(1), person(2))
    assert summary.outcomes["unchanged"] == 3 and summary.gone == []


async def test_a_corrected_row_reports_its_changes(desk: Desk, journal: MemoryJournal) -> None:
    """The same voter is listed again with the new values; what changed is named, and there is no conflict."""
    await desk.take(person(1), person(2))
    summary = await desk.take(person(1, address="Jl. Matoa", ektp="B"), person(2))
    assert summary.outcomes == {"listed": 0, "changed": 1, "unchanged": 1, "refused": 0} and summary.pushed == 1
    assert desk.report("A:2").changed == ("address", "ektp")
    voters = await states(journal)
    assert len(voters) == 2 and voters["Maria 1"].fields.address == "Jl. Matoa"
    assert voters["Maria 1"].decision.voter == desk.report("A:2").voter and voters["Maria 1"].contested == []


async def test_a_row_of_another_identity_is_a_new_voter(desk: Desk, journal: MemoryJournal) -> None:
    """A corrected name makes a new voter, the old one is reported as gone and stays, and the shared NIK is said."""
    await desk.take(person(1))
    old = desk.report("A:2").voter
    summary = await desk.take(person(1, name="Marta 1"))
    assert summary.outcomes["listed"] == 1 and summary.gone == [GoneRow("9404012001001", str(old))]
    assert [(one.code, one.other) for one in desk.report("A:2").findings] == [("nik_known", "9404012001001")]
    assert set(await states(journal)) == {"Maria 1", "Marta 1"}


async def test_rows_that_are_no_longer_there_are_reported_and_kept(desk: Desk, journal: MemoryJournal) -> None:
    """An import never takes anybody off the list."""
    await desk.take(person(1), person(2))
    gone = desk.report("A:3").voter
    summary = await desk.take(person(1))
    assert summary.gone == [GoneRow("9404012001001", str(gone))] and summary.pushed == 0
    assert all(state.decision.on_list for state in (await states(journal)).values())


async def test_a_tps_that_is_not_in_the_file_is_one_notice(desk: Desk) -> None:
    """A file of one TPS does not report every voter of the others as gone."""
    await desk.take(person(1), person(2, tps="002"), person(3, tps="002"))
    summary = await desk.take(person(1))
    assert summary.gone == [] and [notice.code for notice in summary.notices] == ["tps_absent"]
    assert "9404012001002" in summary.notices[0].english and "2 listed voters" in summary.notices[0].english


async def test_a_row_that_cannot_be_listed_keeps_no_other_out(desk: Desk, journal: MemoryJournal) -> None:
    """Errors are refused one by one, in the report, and the rest is listed."""
    summary = await desk.take(person(1), person(2, name=""), person(3, tps=""), person(4))
    assert summary.outcomes["listed"] == 2 and summary.outcomes["refused"] == 2 and summary.has_errors
    assert summary.errors == {"no_name": 1, "no_tps": 1} and summary.warnings == {}
    assert {report.place for report in desk.reports if report.outcome == "refused"} == {"A:3", "A:4"}
    assert set(await states(journal)) == {"Maria 1", "Maria 4"}


async def test_every_row_is_reported_once(desk: Desk) -> None:
    """Also those that changed, were refused, or stand there twice; the summary counts the same."""
    await desk.take(person(1), person(2))
    desk.reports.clear()
    summary = await desk.take(person(1, rt="9"), person(2), person(2), person(3), person(4, tps="x"))
    assert sorted(report.place for report in desk.reports) == ["A:2", "A:3", "A:4", "A:5", "A:6"]
    assert summary.rows == 5 and summary.outcomes == {"listed": 1, "changed": 1, "unchanged": 1, "refused": 2}


async def test_one_person_on_two_rows_is_listed_once(desk: Desk, journal: MemoryJournal) -> None:
    """The second row is an error that names the first, also when its other fields differ; twice imported, the same."""
    for _ in range(2):
        summary = await desk.take(person(1), person(1, address="elsewhere"))
        assert summary.outcomes["refused"] == 1 and summary.outcomes["changed"] == 0
        assert [(one.code, one.other) for one in desk.report("A:3").findings] == [("row_repeated", "A:2")]
    assert len(await states(journal)) == 1


async def test_people_without_a_nik_are_not_taken_for_one(desk: Desk, journal: MemoryJournal) -> None:
    """Two of one name and birth date and no NIK are both listed, with a warning, and known again by their order."""
    pair = [person(1, nik="", nkk="9404810101150001"), person(1, nik="", nkk="9404810101150002")]
    summary = await desk.take(*pair)
    assert summary.outcomes["listed"] == 2 and summary.warnings["row_repeated_without_nik"] == 1
    again = await desk.take(*pair)
    assert again.outcomes["unchanged"] == 2 and again.gone == []
    assert len(await held_in(journal)) == 2


async def test_a_nik_on_two_rows_is_a_warning_that_names_the_other(desk: Desk, journal: MemoryJournal) -> None:
    """Both are listed: a NIK is never a key."""
    summary = await desk.take(person(1), person(2, nik="9404815203900001"))
    assert summary.outcomes["listed"] == 2
    assert [(one.code, one.other) for one in desk.report("A:3").findings] == [("nik_shared", "A:2")]
    assert len(await states(journal)) == 2


async def test_a_file_without_voters_is_said(desk: Desk, journal: MemoryJournal) -> None:
    """No header, or nothing below it: one sentence, and nothing is listed."""
    no_header = [SourceRow("A", 1, ("DAFTAR",)), SourceRow("A", 2, ("x", "y"))]
    for source, says in ((no_header, "there is no header"), (rows(), "no row below"), ([], "no row below")):
        with pytest.raises(ListingFault, match=says):
            await desk.take(source=source)
    assert (await journal.last()).events == 0


# --- beside the field's work -----------------------------------------------------------------------------------------


def phone_log() -> DeviceLog:
    return DeviceLog(ELECTION, PHONE, officer="pantarlih-1", role="pantarlih", policy="2024-1")


async def test_a_correction_never_overwrites_the_field(desk: Desk, journal: MemoryJournal) -> None:
    """What a phone changed at the door stays, and what it did not touch follows the corrected list."""
    await desk.take(person(1))
    listed = await held_in(journal)
    found = phone_log().append(
        "found", tps="9404012001001", at=AT, voter=listed[0].voter, seen=listed, how="in_person",
        person={"changes": {"address": "Jl. Sagu"}, "salt": "A" * 22},
    )  # fmt: skip
    await desk.push([found.line])
    await desk.take(person(1, address="Jl. Matoa", ektp="B"))
    state = (await states(journal))["Maria 1"]
    assert state.fields.address == "Jl. Sagu" and state.fields.ektp == "B" and state.decision.verdict == "confirmed"
    relisted = (await held_in(journal))[-1]
    assert relisted.clock == {DEVICE: 2, PHONE: 1}


async def test_a_clock_that_is_full_is_an_error_of_the_row(desk: Desk, journal: MemoryJournal) -> None:
    """One device's hundredth event about one voter would never count: it is refused aloud, before it is written."""
    for nth in range(1, 100):
        await desk.take(person(1, address=f"Jl. {nth}"))
    summary = await desk.take(person(1, address="Jl. 100"), person(2))
    assert summary.outcomes == {"listed": 1, "changed": 0, "unchanged": 0, "refused": 1}
    assert [one.code for one in desk.report("A:2").findings] == ["clock_full"]
    assert (await states(journal))["Maria 1"].fields.address == "Jl. 99"


# --- crashes ---------------------------------------------------------------------------------------------------------


class Crash(Exception):
    """The machine went away."""


class Countdown:
    """Lets `left` steps pass, and crashes at the next, before or after it is done."""

    def __init__(self, left: int, after: bool) -> None:
        self.left, self.after = left, after

    def at(self, step: Callable[[], Any]) -> Any:
        self.left -= 1
        if self.left == -1 and not self.after:
            raise Crash
        done = step()
        if self.left == -1:
            raise Crash
        return done


class CrashingIndex:
    """A listing index whose writes may be the last thing that happens."""

    def __init__(self, index: SqliteListingIndex, countdown: Countdown) -> None:
        self._index, self._countdown = index, countdown

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def hold(self, held: Sequence[KnownRow], lines: Sequence[bytes], end: LogEnd) -> None:
        self._countdown.at(lambda: self._index.hold(held, lines, end))

    def release(self, seq: int) -> None:
        self._countdown.at(lambda: self._index.release(seq))

    def learn(self, known: Sequence[KnownRow], end: LogEnd, position: Position) -> None:
        self._countdown.at(lambda: self._index.learn(known, end, position))


async def crash_at(desk: Desk, step: int, after: bool, people: Sequence[Cells]) -> bool:
    """Import with a crash at the given durable step; whether there were that many."""
    countdown = Countdown(step, after)

    async def push(lines: list[bytes]) -> None:
        await asyncio.sleep(0)
        if countdown.left == 0 and not after:
            countdown.at(lambda: None)
        await desk.push(lines)
        countdown.at(lambda: None)

    with SqliteListingIndex(desk.folder, desk.device, desk.key) as index:
        crashing = CrashingIndex(index, countdown)
        try:
            await learn(desk.journal, crashing, device=desk.device, key=desk.key)
            await desk.office(crashing, push).import_list(rows(*people), WHAT)
        except Crash:
            return True
    return False


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_anywhere_loses_and_doubles_nothing(tmp_path: Path, after: bool) -> None:
    """Whatever durable step is the last one: importing again leaves exactly the list, each voter once, all counted."""
    first = [person(n) for n in range(1, 4)]
    second = [person(1, address="Jl. Matoa"), *first[1:], person(4)]
    for step in itertools.count():
        desk = Desk(tmp_path / str(step), MemoryJournal())
        await desk.take(*first)
        crashed = await crash_at(desk, step, after, second)
        summary = await desk.take(*second)
        voters = await states(desk.journal)
        assert sorted(voters) == ["Maria 1", "Maria 2", "Maria 3", "Maria 4"]
        assert voters["Maria 1"].fields.address == "Jl. Matoa" and summary.gone == []
        assert len(await held_in(desk.journal)) == 5
        if not crashed:
            assert step > 4
            break


@pytest.mark.parametrize("fault", ["refused", "applied", "events_only", "persons_only"])
async def test_a_push_of_unknown_outcome_is_pushed_again(desk: Desk, journal: MemoryJournal, fault: Any) -> None:
    """When the journal does not answer, the import stops with its error; the next one pushes the same bytes first."""
    journal.fail_next(fault)
    with pytest.raises(JournalUnavailable):
        await desk.take(person(1), person(2))
    assert desk.reports == []
    summary = await desk.take(person(1), person(2))
    assert summary.outcomes["unchanged"] == 2 and len(await held_in(journal)) == 2
    assert set(await states(journal)) == {"Maria 1", "Maria 2"}


async def test_stopping_in_the_middle_of_a_push_loses_nothing(desk: Desk, journal: MemoryJournal) -> None:
    """Ctrl-C while the journal has not answered: what was held is pushed by the next import, once."""
    pushing = asyncio.Event()

    async def push(lines: list[bytes]) -> None:
        pushing.set()
        await asyncio.Event().wait()

    with SqliteListingIndex(desk.folder, DEVICE, KEY) as index:
        task = asyncio.ensure_future(desk.office(index, push).import_list(rows(person(1), person(2)), WHAT))
        await pushing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    summary = await desk.take(person(1), person(2))
    assert summary.outcomes["unchanged"] == 2 and summary.pushed == 2
    assert set(await states(journal)) == {"Maria 1", "Maria 2"}


async def test_a_file_that_breaks_in_the_middle_keeps_what_came_before(desk: Desk, journal: MemoryJournal) -> None:
    """The mended file continues with no doubles."""
    people = [person(n) for n in range(1, 1_500)]

    def broken() -> Iterable[SourceRow]:
        yield from rows(*people)
        raise ListingFault("bad_csv", "the file breaks")

    with pytest.raises(ListingFault, match="breaks"):
        await desk.take(source=broken())
    assert (await journal.last()).events == 1_000
    summary = await desk.take(*people)
    assert summary.outcomes["unchanged"] == 1_000 and summary.outcomes["listed"] == 499


# --- what the journal knows ------------------------------------------------------------------------------------------


async def test_a_lost_index_is_learned_again(desk: Desk, journal: MemoryJournal) -> None:
    """Without its folder, and with a new key, the office knows every row again from the journal alone."""
    people = [person(1), person(2, nik="", tps="002"), person(2, nik="", tps="002"), person(3)]
    await desk.take(*people)
    await desk.take(person(1, ektp="B"), *people[1:])
    shutil.rmtree(desk.folder)
    again = Desk(desk.folder, journal, key=b"new" + KEY[3:])
    summary = await again.take(person(1, ektp="B"), *people[1:])
    assert summary.outcomes["unchanged"] == 4 and summary.gone == [] and summary.pushed == 0


async def test_an_index_from_an_old_copy_catches_up(desk: Desk, journal: MemoryJournal, tmp_path: Path) -> None:
    """A restored folder learns what was listed since, and its log goes on where the journal ends."""
    await desk.take(person(1))
    shutil.copytree(desk.folder, tmp_path / "copy")
    await desk.take(person(1), person(2))
    summary = await Desk(tmp_path / "copy", journal).take(person(1), person(2), person(3))
    assert summary.outcomes == {"listed": 1, "changed": 0, "unchanged": 2, "refused": 0}
    assert set(await states(journal)) == {"Maria 1", "Maria 2", "Maria 3"}


async def test_two_offices_know_each_others_rows(desk: Desk, journal: MemoryJournal, tmp_path: Path) -> None:
    """What one office listed another lists no second time, and its correction supersedes the first."""
    await desk.take(person(1), person(2))
    other = Desk(tmp_path / "other", journal, OTHER_DEVICE, b"o" * 32)
    summary = await other.take(person(1, address="Jl. Matoa"), person(2))
    assert summary.outcomes == {"listed": 0, "changed": 1, "unchanged": 1, "refused": 0}
    state = (await states(journal))["Maria 1"]
    assert state.fields.address == "Jl. Matoa" and state.contested == []
    back = await desk.take(person(1, address="Jl. Matoa"), person(2))
    assert back.outcomes["unchanged"] == 2


async def test_learning_again_changes_nothing(desk: Desk, journal: MemoryJournal, tmp_path: Path) -> None:
    """Each listing is learned once."""
    await desk.take(person(1), person(2))
    other = Desk(tmp_path / "other", journal, OTHER_DEVICE)
    assert (await other.learn(), await other.learn()) == (Learned(2, 0), Learned(0, 0))


async def test_an_orphan_is_not_taken_for_the_person(desk: Desk, journal: MemoryJournal, tmp_path: Path) -> None:
    """A copy that the event does not commit to says nothing, whether it was stored before the right one or after."""
    orphans = {"record": dict.fromkeys(RECORD_FIELDS, "other"), "salt": "A" * 22}
    for seq in (1, 2):
        orphan = JournalPush(DEVICE, 0, (), ((seq, canonical.encode(orphans)),))
        if seq == 1:
            await journal.append([orphan])
            await desk.take(person(1), person(2))
        else:
            head = await journal.head(DEVICE)
            assert head is not None
            await journal.append([JournalPush(DEVICE, head.sequence, (), orphan.persons)])
    other = Desk(tmp_path / "other", journal, OTHER_DEVICE)
    assert await other.learn() == Learned(2, 0)
    assert (await other.take(person(1), person(2))).outcomes["unchanged"] == 2


async def test_an_erased_person_is_counted_and_not_learned(desk: Desk, journal: MemoryJournal, tmp_path: Path) -> None:
    """An event whose person is gone says nothing about any row."""
    await desk.take(person(1), person(2))
    journal.erase_person(DEVICE, 1)
    assert await Desk(tmp_path / "other", journal, OTHER_DEVICE).learn() == Learned(1, 1)


async def test_the_fields_work_does_not_get_in_the_way(desk: Desk, journal: MemoryJournal, tmp_path: Path) -> None:
    """Events of phones between the listings, with persons or without, are passed over."""
    await desk.take(person(1))
    listed = await held_in(journal)
    log = phone_log()
    seen = {"tps": "9404012001001", "at": AT, "voter": listed[0].voter, "seen": listed}
    found = log.append("found", how="family", person={"note": "x", "salt": "A" * 22}, **seen)  # type: ignore[arg-type]
    absent = log.append("not_met", why="absent", nth=1, **seen)  # type: ignore[arg-type]
    await desk.push([found.line, absent.line])
    await desk.take(person(1), person(2))
    assert await Desk(tmp_path / "other", journal, OTHER_DEVICE).learn() == Learned(2, 0)


async def test_another_journal_is_refused(desk: Desk) -> None:
    """A journal that lacks what this office pushed is not this office's: nothing is listed twice there."""
    await desk.take(person(1))
    with pytest.raises(ListingFault) as fault:
        await Desk(desk.folder, MemoryJournal()).take(person(1))
    assert fault.value.code == "other_journal"


async def test_a_cloned_office_is_refused(desk: Desk, journal: MemoryJournal, tmp_path: Path) -> None:
    """A copied folder that wrote events of its own under one device's name is found out before it pushes."""
    await desk.take(person(1))
    shutil.copytree(desk.folder, tmp_path / "copy")
    journal.fail_next("refused")
    with pytest.raises(JournalUnavailable):
        await Desk(tmp_path / "copy", journal).take(person(1), person(2))
    await desk.take(person(1), person(3))
    with pytest.raises(ListingFault) as fault:
        await Desk(tmp_path / "copy", journal).take(person(1), person(2))
    assert fault.value.code == "cloned_log"


async def test_an_office_out_of_step_lists_nothing(desk: Desk, journal: MemoryJournal) -> None:
    """A log that is not where its index says would fork."""
    with SqliteListingIndex(desk.folder, DEVICE, KEY) as index:
        office = desk.office(index)
        index.learn([], LogEnd(5, b"h" * 32), Position(0, 0))
        with pytest.raises(ListingFault, match="not where its index says"):
            await office.import_list(rows(person(1)), WHAT)
    assert (await journal.last()).events == 0


# --- files and pushes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "given_code", "village"), [
    ("9404012001.xlsx", None, "9404012001"),
    ("A-Daftar_94.04.01.2001_Kampung.csv", None, "9404012001"),
    ("daftar.csv", "94.04.01.2001", "9404012001"),
    ("9404012002.csv", "9404012001", "9404012001"),
    ("94.04.01.2001 9404012001.csv", None, "9404012001"),
])  # fmt: skip
def test_the_village_is_given_or_stands_in_the_name(name: str, given_code: str | None, village: str) -> None:
    """Dotted or plain; what is given goes before the name."""
    assert village_of(name, given_code, REGENCY) == village


@pytest.mark.parametrize(("name", "given_code", "code"), [
    ("daftar.csv", None, "no_village"),
    ("9404012001_9404012002.csv", None, "no_village"),
    ("94040120011.csv", None, "no_village"),
    ("daftar.csv", "940401", "bad_village"),
    ("daftar.csv", "0104012001", "bad_village"),
    ("9401012001.csv", None, "village_elsewhere"),
    ("9404012009.csv", None, "unknown_village"),
])  # fmt: skip
def test_a_village_that_cannot_be_is_refused(name: str, given_code: str | None, code: str) -> None:
    """None, two, no code, another regency's, or one that the regency does not have."""
    with pytest.raises(ListingFault) as fault:
        village_of(name, given_code, REGENCY, {"9404012001"})
    assert fault.value.code == code


@given(st.lists(st.integers(1, 16_384), max_size=2_500))
def test_pushes_keep_order_and_bounds(sizes: list[int]) -> None:
    """Every line is in one push, in order; no push is empty, too long or too large."""
    lines = [b"x" * size for size in sizes]
    pushes = list(batches(lines))
    assert [line for push in pushes for line in push] == lines
    for push in pushes:
        assert 0 < len(push) <= PUSH_EVENTS_MAX and len(b"\n".join(push)) < PUSH_BYTES_MAX


def test_large_rows_make_smaller_pushes() -> None:
    """A thousand lines of 2 KB are three pushes."""
    assert [len(push) for push in batches([b"x" * 2_000] * 1_000)] == [449, 449, 102]


def test_ids_of_the_tests_are_lawful() -> None:
    """The made-up devices are devices."""
    assert all(map(ids.is_device, (DEVICE, OTHER_DEVICE, PHONE)))
