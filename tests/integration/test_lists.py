"""Lists by pages: all pages are the list at once, filters choose its rows, and a tag says that nothing changed."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec
import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_analyst import PostgresAnalyst
from ecoklit.adapters.postgres_past import PostgresPast
from ecoklit.adapters.postgres_reader import PostgresReader, Seen
from ecoklit.contract import policies
from ecoklit.core.registry import Registry
from ecoklit.errors import EcoklitError
from ecoklit.ports import AnalystReader, Paged, order_of
from ecoklit.services.answers import Answered, Answers, Unchanged
from ecoklit.services.as_of import past_of
from ecoklit.services.cursors import Cursors
from ecoklit.services.digests import AreaDigests
from ecoklit.services.disclose import NOT_SUPERVISED, SUPERVISED_ONLY
from ecoklit.services.lists import (
    CONFLICTS,
    DUPLICATES,
    FAMILIES,
    HISTORY,
    LISTS,
    MOVERS,
    PROPOSALS,
    RECAP,
    ROLL,
    List,
    read_question,
)  # fmt: skip
from ecoklit.services.project import Projector
from ecoklit.services.viewer import KPU, PANTARLIH, SUPERVISOR, Viewer
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

WHOLE = Viewer("a-1", "kpu", KPU, (REGENCY,), frozenset())
TODAY = date(2024, 7, 1)


async def nobody_writes(_: Viewer, __: object) -> None:
    """The read log has tests of its own."""


class Counting(PostgresAnalyst):
    """Counts the times that rows were read."""

    def __init__(self, reader: PostgresReader, read: list[str]) -> None:
        super().__init__(reader)
        self._read = read

    async def page(self, name: str, *arguments: Any, **more: Any) -> Paged:
        self._read.append(name)
        return await super().page(name, *arguments, **more)


class Office(NamedTuple):
    answers: Answers
    reader: PostgresReader
    digests: AreaDigests
    journal: MemoryJournal
    projector: Projector
    history: RandomHistory
    read: list[str]

    async def ask(self, listed: List, subject: str = REGENCY, viewer: Viewer = WHOLE, **said: object) -> Answered:
        question = read_question(listed, subject, [(name, str(value)) for name, value in said.items()])
        answered = await self.answers.answer(viewer, question)
        assert isinstance(answered, Answered)
        return answered

    async def walk(self, listed: List, subject: str, limit: int) -> tuple[list[dict[str, Any]], list[Answered]]:
        """All rows, by pages."""
        pages = [await self.ask(listed, subject, limit=limit)]
        while pages[-1].cursor is not None:
            pages.append(await self.ask(listed, subject, limit=limit, cursor=pages[-1].cursor))
        return [row for page in pages for row in page.rows], pages

    async def go_on(self, share: float) -> None:
        """Project more of the history: up to that share of it."""
        end = int(len(self.history.arrivals) * share)
        done = sum(1 for _ in self.history.arrivals[: len(self.history.arrivals) // 2])
        await append_all(self.journal, self.history.arrivals[done:end])
        await self.projector.run_until_caught_up()


@pytest_asyncio.fixture(loop_scope="session")
async def office(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[Office]:
    """Half of a random history, projected."""
    history, journal, read = RandomHistory(41, events=500), MemoryJournal(), list[str]()
    await append_all(journal, history.arrivals[: len(history.arrivals) // 2])
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    projector = Projector(journal, store, policies(), election=ELECTION, regency=REGENCY)
    await projector.run_until_caught_up()
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:

        def reader_for(viewer: Viewer) -> AnalystReader:
            return Counting(reader.seen_by(Seen(viewer.areas)), read)

        async def registry() -> Registry:
            return Registry(ELECTION, REGENCY)

        async def registry_at(_: int) -> Registry:
            return Registry(ELECTION, REGENCY)

        async def past(area: str, at: Any) -> Any:
            read.append("past")
            return await past_of(PostgresPast(reader), registry_at, policies(), area[:4], at)

        digests = AreaDigests(reader, REGENCY, lambda: 0.0)
        answers = Answers(
            regency=REGENCY, reader_for=reader_for, registry=registry, past=past, cursors=Cursors(bytes(32)),
            digests=digests, today=lambda: TODAY, disclose=nobody_writes,
        )  # fmt: skip
        yield Office(answers, reader, digests, journal, projector, history, read)
    await store.close()


async def subjects(office: Office, listed: List) -> Sequence[str]:
    if listed.subject == "area":
        return [REGENCY]
    rows = (await office.ask(RECAP, level="tps")).rows
    tps = max(rows, key=lambda row: row["on_list"])["area"]
    if listed.subject == "tps":
        return [tps]
    return [str((await office.ask(ROLL, tps)).rows[0]["voter"])]


async def test_every_list_in_pages_is_the_list_at_once(office: Office) -> None:
    """Whatever the size of a page: no row is missing, none comes twice, and the order is that of the whole list."""
    paged = 0
    for listed in LISTS:
        for subject in await subjects(office, listed):
            whole = await office.ask(listed, subject, limit=10_000)
            assert whole.cursor is None and whole.is_steady
            columns = {column.name for column in listed.columns} - set(SUPERVISED_ONLY)
            assert all(set(row) == columns for row in whole.rows), listed.name
            for limit in (1, 7) if len(whole.rows) < 60 else (7,):
                rows, pages = await office.walk(listed, subject, limit)
                assert rows == whole.rows, listed.name
                assert all(page.is_steady and page.began == whole.as_of.events for page in pages)
                paged += len(pages) > 1
            keys = [order_of(row, listed.order) for row in whole.rows]
            assert len({msgspec.json.encode(key) for key in keys}) == len(keys), f"{listed.name} has a key twice"
    assert paged >= 9, "most lists had more than a page"


async def test_a_list_that_is_slow_to_find_is_found_once(office: Office) -> None:
    """All pages of duplicates, families and of an earlier moment come of one search while nothing is projected; after a
    step they are found anew, and rows say what is so then."""
    at = (await office.ask(RECAP)).as_of.events
    for listed, said in ((DUPLICATES, {}), (FAMILIES, {}), (DUPLICATES, {"as_of": at}), (CONFLICTS, {"as_of": at})):
        office.read.clear()
        page = first = await office.ask(listed, limit=1, **said)
        found = len(office.read)
        while page.cursor is not None:
            page = await office.ask(listed, limit=1, cursor=page.cursor, **said)
        assert first.cursor is not None or listed is FAMILIES
        assert len(office.read) == found == 1, listed.name
    await office.go_on(1.0)
    office.read.clear()
    await office.ask(DUPLICATES, limit=1)
    assert office.read == ["duplicates"]


async def test_filters_choose_rows_and_fields_choose_columns(office: Office) -> None:
    """Of every filter of every list, each value gives exactly the rows that have it; fields come as they were asked."""
    tried = 0
    for listed in LISTS:
        (subject,) = await subjects(office, listed)
        whole = (await office.ask(listed, subject, limit=10_000)).rows
        for column in (column for column in listed.columns if column.is_filter):
            of = {one for row in whole for one in _values(row[column.name])}
            for value in sorted(of, key=str)[:3]:
                said = {column.name: str(value).lower() if isinstance(value, bool) else value}
                chosen = (await office.ask(listed, subject, limit=10_000, **said)).rows
                assert chosen == [row for row in whole if value in _values(row[column.name])], (listed.name, said)
                tried += 1
        names = [column.name for column in listed.columns if column.name != "age"][-2:]
        rows = (await office.ask(listed, subject, limit=10_000, fields=",".join(reversed(names)))).rows
        assert rows == [{name: row[name] for name in reversed(names)} for row in whole]
    assert tried > 30


def _values(cell: Any) -> list[Any]:
    return cell if isinstance(cell, list) else [] if cell is None else [cell]


async def test_what_is_known_is_not_read_again(office: Office) -> None:
    """With the tag of an answer nothing is read, until a step changes the roll; another account has another tag."""
    question = read_question(CONFLICTS, REGENCY, [])
    first = await office.answers.answer(WHOLE, question)
    assert isinstance(first, Answered) and first.tag is not None
    before = len(office.read)
    assert await office.answers.answer(WHOLE, question, [first.tag]) == Unchanged(first.tag)
    assert len(office.read) == before
    for viewer in (WHOLE._replace(role=SUPERVISOR), WHOLE._replace(areas=(REGENCY, "9405"))):
        assert isinstance(await office.answers.answer(viewer, question, [first.tag]), Answered)
    for other in ([("limit", "7")], [("weight", "0")], [("fields", "tps")]):
        assert isinstance(
            await office.answers.answer(WHOLE, read_question(CONFLICTS, REGENCY, other), [first.tag]), Answered
        )
    await office.go_on(0.6)
    again = await office.answers.answer(WHOLE, question, [first.tag])
    assert isinstance(again, Answered) and again.tag != first.tag


async def test_rows_that_stay_come_once_while_the_roll_changes(office: Office) -> None:
    """A list that is read by pages while events arrive has each row that was there all the time exactly once, and says
    that it is not of one moment."""
    before = {str(row["voter"]) for row in (await office.ask(MOVERS, limit=10_000)).rows}
    page = await office.ask(MOVERS, limit=3)
    rows = [*page.rows]
    await office.go_on(1.0)
    while page.cursor is not None:
        page = await office.ask(MOVERS, limit=3, cursor=page.cursor)
        rows += page.rows
    assert not page.is_steady and page.began < page.as_of.events
    after = {str(row["voter"]) for row in (await office.ask(MOVERS, limit=10_000)).rows}
    told = [str(row["voter"]) for row in rows]
    assert len(told) == len(set(told)) and before & after <= set(told) and before & after


async def test_an_earlier_moment_stays_what_it_was(office: Office) -> None:
    """The roll and the recap as of a position are those of then, in pages too, whatever came since; its pages are one
    moment."""
    (tps,) = await subjects(office, ROLL)
    roll, recap = await office.ask(ROLL, tps, limit=10_000), await office.ask(RECAP, level="tps")
    at = roll.as_of.events
    await office.go_on(1.0)
    assert (await office.ask(ROLL, tps, limit=10_000)).rows != roll.rows
    then = await office.ask(ROLL, tps, limit=10_000, as_of=at)
    assert (then.rows, then.digest, then.as_of.events) == (roll.rows, roll.digest, at)
    assert (await office.ask(RECAP, level="tps", as_of=at)).rows == recap.rows
    page = await office.ask(ROLL, tps, limit=2, as_of=at)
    following = await office.ask(ROLL, tps, limit=2, as_of=at, cursor=page.cursor)
    assert following.is_steady and page.rows + following.rows == roll.rows[:4]
    with pytest.raises(EcoklitError) as refused:
        await office.ask(ROLL, tps, as_of=10**9)
    assert refused.value.code == "not_projected"


async def test_a_digest_is_always_there_for_a_tps_and_kept_for_an_area(office: Office) -> None:
    """That of a TPS is of the answer's own position; that of an area is the latest that was computed, and says so."""
    (tps,) = await subjects(office, ROLL)
    assert (await office.ask(RECAP)).digest is None
    await office.digests.refresh()
    as_of, known = await office.reader.digests(REGENCY)
    for listed, area in ((ROLL, tps), (CONFLICTS, tps), (RECAP, tps), (RECAP, REGENCY), (MOVERS, tps[:6])):
        digest = (await office.ask(listed, area)).digest
        assert digest is not None and digest.digest == known[area].hex() and digest.events == as_of.events
    await office.go_on(1.0)
    kept = (await office.ask(RECAP)).digest
    assert kept is not None and kept.events == as_of.events < (await office.ask(RECAP)).as_of.events


async def test_earlier_lists_are_those_of_now_for_whoever_sees_part(office: Office) -> None:
    """As of the position of now each list is the one of now, also for an account of one TPS."""
    (tps,) = await subjects(office, ROLL)
    clerk = Viewer("a-2", "siti", PANTARLIH, (tps,), frozenset())
    now = (await office.ask(RECAP)).as_of.events
    found = 0
    for listed in (one for one in LISTS if one is not RECAP):
        (subject,) = await subjects(office, listed)
        for viewer, area in ((WHOLE, subject), (clerk, subject if listed is HISTORY else tps)):
            live = (await office.ask(listed, area, viewer, limit=10_000)).rows
            assert (await office.ask(listed, area, viewer, limit=10_000, as_of=now)).rows == live, listed.name
            found += bool(live)
    assert found >= 14


async def test_nobody_is_answered_about_the_area_of_others(office: Office) -> None:
    """An area that is not the viewer's is refused for every list, now and earlier; a voter elsewhere is not found."""
    rows = (await office.ask(RECAP, level="tps")).rows
    mine, theirs = (row["area"] for row in rows[:2])
    viewer = Viewer("a-2", "siti", PANTARLIH, (mine,), frozenset())
    for listed in LISTS:
        if listed is HISTORY:
            continue
        for area in (theirs, *([] if listed.subject == "tps" else [REGENCY])):
            for said in ({}, {"as_of": 1}):
                with pytest.raises(EcoklitError) as refused:
                    await office.ask(listed, area, viewer, **said)
                assert refused.value.code == "not_your_area"
    stranger = (await office.ask(ROLL, theirs)).rows[0]["voter"]
    with pytest.raises(EcoklitError) as unknown:
        await office.ask(HISTORY, str(stranger), viewer)
    assert unknown.value.code == "not_found"
    assert (await office.ask(HISTORY, str(stranger))).rows


async def test_a_supervisor_gets_seven_elements(office: Office) -> None:
    """Name, sex, age, address, RT, RW and remark: no number and no birth date, on the roll, in duplicates and in the
    sides of a conflict; to ask for one, or to choose by one, is refused."""
    (tps,) = await subjects(office, ROLL)
    supervisor = WHOLE._replace(role=SUPERVISOR)
    roll = (await office.ask(ROLL, tps, supervisor)).rows
    assert roll and all({"name", "sex", "age", "address", "rt", "rw", "remark"} <= set(row) for row in roll)
    duplicates = (await office.ask(DUPLICATES, REGENCY, supervisor)).rows
    assert duplicates and not any(set(row) & set(NOT_SUPERVISED) for row in (*roll, *duplicates))
    for row in (await office.ask(CONFLICTS, REGENCY, supervisor, limit=10_000)).rows:
        assert row["register"] not in NOT_SUPERVISED or row["value"] is None
    for viewer, said in (
        (supervisor, {"fields": "nik"}), (WHOLE, {"fields": "age"}),
        (supervisor, {"disability": "visual"}), (supervisor, {"marital": "P"}), (supervisor, {"ektp": "B"}),
    ):  # fmt: skip
        with pytest.raises(EcoklitError) as refused:
            await office.ask(ROLL, tps, viewer, **said)
        assert refused.value.code == "not_your_right"


async def test_the_most_consequential_comes_first_then_the_oldest(office: Office) -> None:
    """Conflicts about being on the list come before those about where, why and what; each begins with both sides."""
    await office.go_on(1.0)
    rows = (await office.ask(CONFLICTS, limit=10_000)).rows
    assert [(row["weight"], row["opened"]) for row in rows] == sorted((row["weight"], row["opened"]) for row in rows)
    sides: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        sides.setdefault((str(row["voter"]), row["register"]), []).append(row)
    for (_, register), both in sides.items():
        stays = {row["value"] in ("confirmed", "unvisited") for row in both}
        weight = {"verdict": 0 if len(stays) == 2 else 2, "tps": 1}.get(register, 3)
        assert {row["weight"] for row in both} == {weight} and len(both) >= 2
        assert len({row["value"] for row in both if row["wins"]}) == 1, "one value wins, whoever says it"
        assert min(row["position"] for row in both) < both[0]["opened"] <= max(row["position"] for row in both)
    proposals = (await office.ask(PROPOSALS, limit=10_000)).rows
    assert [(row["weight"], row["position"]) for row in proposals] == sorted(
        (row["weight"], row["position"]) for row in proposals
    )
    assert {row["weight"] for row in rows} >= {0, 3} and proposals


async def test_a_cursor_tells_nothing_and_is_taken_for_its_question_alone(office: Office) -> None:
    """It holds no name that could be read, and one that is changed, made up, or of another question is refused."""
    (tps,) = await subjects(office, ROLL)
    page = await office.ask(ROLL, tps, limit=1)
    assert page.cursor is not None and page.rows[0]["name"]
    raw = base64.urlsafe_b64decode(page.cursor + "==")
    assert page.rows[0]["name"].encode() not in raw and str(page.rows[0]["voter"]).encode() not in raw
    assert (await office.ask(ROLL, tps, limit=1)).cursor == page.cursor
    for said in (
        {"cursor": page.cursor, "limit": 2},
        {"cursor": page.cursor, "limit": 1, "sex": "L"},
        {"cursor": page.cursor[:-4] + "AAAA", "limit": 1},
        {"cursor": "AAAA", "limit": 1},
        {"cursor": "no cursor", "limit": 1},
        {"cursor": "A" * 4000, "limit": 1},
    ):
        with pytest.raises(EcoklitError, match="cursor is"):
            await office.ask(ROLL, tps, **said)
