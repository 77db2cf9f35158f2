"""What is kept and shared is what would have been read anew, for whoever asks, after every step of the roll."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from random import Random
from typing import Any, NamedTuple

import asyncpg
import msgspec
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_analyst import PostgresAnalyst
from ecoklit.adapters.postgres_editions import PostgresEditions
from ecoklit.adapters.postgres_reader import PostgresReader, Seen
from ecoklit.contract import policies
from ecoklit.core.registry import Registry
from ecoklit.errors import EcoklitError
from ecoklit.ports import AnalystReader, Paged
from ecoklit.services.answers import Answered, Answers, Encoded
from ecoklit.services.cursors import Cursors
from ecoklit.services.digests import AreaDigests
from ecoklit.services.lists import CONFLICTS, HISTORY, LARGE, LISTS, MOVERS, PROPOSALS, RECAP, ROLL, read_question
from ecoklit.services.project import Projector
from ecoklit.services.read_log import Shown
from ecoklit.services.viewer import KPU, PPS, SUPERVISOR, Viewer
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

HALF = 170
ASKED = (ROLL, ROLL, ROLL, RECAP, CONFLICTS, PROPOSALS, MOVERS, LARGE)


class Office(NamedTuple):
    keeping: Answers
    reading: Answers
    journal: MemoryJournal
    projector: Projector
    history: RandomHistory
    read: list[str]
    disclosed: list[tuple[Viewer, Shown]]
    schema: str


class Counting(PostgresAnalyst):
    """Counts the times that rows were read."""

    def __init__(self, reader: PostgresReader, read: list[str]) -> None:
        super().__init__(reader)
        self._read = read

    async def page(self, name: str, *arguments: Any, **more: Any) -> Paged:
        self._read.append(name)
        return await super().page(name, *arguments, **more)

    async def recap(self, area: str, level: str) -> Paged:
        self._read.append("recap")
        return await super().recap(area, level)


@pytest_asyncio.fixture(loop_scope="session")
async def office(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[Office]:
    """Half of a random history, projected; one door that keeps, and one that reads whatever it is asked."""
    history, journal = RandomHistory(17, events=900), MemoryJournal()
    await append_all(journal, history.arrivals[:HALF])
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    projector = Projector(journal, store, policies(), election=ELECTION, regency=REGENCY)
    await projector.run_until_caught_up()
    read, disclosed = list[str](), list[tuple[Viewer, Shown]]()

    async def disclose(viewer: Viewer, shown: Shown) -> None:
        disclosed.append((viewer, shown))

    async def nothing(*_: Any) -> Any:
        raise AssertionError("not asked")

    async def registry() -> Registry:
        return Registry(ELECTION, REGENCY)

    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:

        def reader_for(viewer: Viewer) -> AnalystReader:
            return Counting(reader.seen_by(Seen(viewer.areas)), read)

        def answers(editions: PostgresEditions | None) -> Answers:
            return Answers(
                regency=REGENCY, reader_for=reader_for, registry=registry, past=nothing, cursors=Cursors(bytes(32)),
                digests=AreaDigests(reader, REGENCY, lambda: 0.0), today=lambda: date(2024, 7, 1), disclose=disclose,
                editions=editions,
            )  # fmt: skip

        keeping, reading = answers(PostgresEditions(reader)), answers(None)
        yield Office(keeping, reading, journal, projector, history, read, disclosed, schema)
    await store.close()


def whole(told: Any) -> dict[str, Any]:
    """All that an answer says. A cursor is sealed with chance: what it seals is compared by its own tests."""
    rows = msgspec.json.decode(told.rows) if isinstance(told, Encoded) else msgspec.json.decode(_json(told.rows))
    return {
        "as_of": told.as_of, "digest": told.digest, "rows": rows, "has_next": told.cursor is not None,
        "began": told.began, "is_steady": told.is_steady, "tag": told.tag,
    }  # fmt: skip


def _json(rows: Any) -> bytes:
    return msgspec.json.encode(rows)


async def asked(answers: Answers, viewer: Viewer, question: Any) -> dict[str, Any] | str:
    """The answer, or the code of the refusal."""
    ask = answers.encoded if answers._editions is not None else answers.answer
    try:
        return whole(await ask(viewer, question))
    except EcoklitError as refused:
        return refused.code


async def viewers_of(office: Office) -> tuple[list[Viewer], list[str]]:
    recap = await office.reading.answer(_who(KPU, REGENCY), read_question(RECAP, REGENCY, [("level", "tps")]))
    assert isinstance(recap, Answered)
    tps = [row["area"] for row in recap.rows]
    villages = sorted({code[:10] for code in tps})
    people = [
        _who(KPU, REGENCY), _who(SUPERVISOR, REGENCY), _who(PPS, villages[0]), _who(PPS, villages[-1]),
        _who(SUPERVISOR, villages[0]), _who(KPU, "9405"), _who(PPS, tps[0], tps[-1]),
    ]  # fmt: skip
    return people, tps


def _who(role: str, *areas: str) -> Viewer:
    return Viewer(f"{role} {areas}", role, role, areas, frozenset())


async def test_what_is_kept_is_what_would_be_read(office: Office) -> None:
    """After each of many steps of the roll, people of several roles and areas ask many questions, all at once and in
    any order. Each is given what the door that keeps nothing gives, or refused by the same code."""
    people, tps = await viewers_of(office)
    draw, kept, given, refused = Random(3), 0, 0, 0
    for at in range(HALF, len(office.history.arrivals), 30):
        await append_all(office.journal, office.history.arrivals[at : at + 30])
        await office.projector.run_until_caught_up()
        questions = [_question(draw, tps) for _ in range(12)]
        pairs = [(viewer, question) for viewer in people for question in questions]
        draw.shuffle(pairs)
        before = len(office.read)
        told = await asyncio.gather(*(asked(office.keeping, *pair) for pair in pairs + pairs))
        kept += len(office.read) - before
        for pair, one, again in zip(pairs, told[: len(pairs)], told[len(pairs) :], strict=True):
            expected = await asked(office.reading, *pair)
            assert one == again == expected, pair
            refused += isinstance(expected, str)
            given += 2 * (not isinstance(expected, str))
    assert refused > 50
    assert kept < given * 0.6, "little was shared"


def _question(draw: Random, tps: list[str]) -> Any:
    listed, code = draw.choice(ASKED), draw.choice(tps)
    subject = code if listed is ROLL else draw.choice([REGENCY, code[:6], code[:10], code])
    said = [("limit", draw.choice(["2", "500"]))]
    if listed is ROLL and draw.random() < 0.3:
        said.append(draw.choice([("sex", "L"), ("fields", "name,tps"), ("remark", "belum,sesuai")]))
    return read_question(listed, subject, said)


async def test_every_showing_is_written_down_for_whoever_was_shown(office: Office) -> None:
    """Fifty accounts of the same rights are given one reading, and the read log has fifty entries of their own."""
    people, tps = await viewers_of(office)
    fifty = [people[0]._replace(account=f"account {nth}") for nth in range(50)]
    office.disclosed.clear()
    office.read.clear()
    question = read_question(ROLL, tps[0], [])
    told = await asyncio.gather(*(office.keeping.encoded(viewer, question, (), viewer.account) for viewer in fifty))
    assert len(office.read) == 1
    assert sorted(viewer.account for viewer, _ in office.disclosed) == sorted(viewer.account for viewer in fifty)
    assert {shown.rows for _, shown in office.disclosed} == {one.count for one in told if isinstance(one, Encoded)}
    assert all(shown.request == viewer.account for viewer, shown in office.disclosed)


async def test_a_list_whose_tps_is_left_alone_is_not_read_again(office: Office) -> None:
    """Steps for other TPS change the moment that its answer states, and nobody reads its rows again."""
    people, tps = await viewers_of(office)
    question = [read_question(ROLL, code, []) for code in tps]
    steady = changed = 0
    told = [whole(await office.keeping.encoded(people[0], one)) for one in question]
    for at in range(HALF, HALF + 60, 3):
        await append_all(office.journal, office.history.arrivals[at : at + 3])
        await office.projector.run_until_caught_up()
        for nth, one in enumerate(question):
            office.read.clear()
            now = whole(await office.keeping.encoded(people[0], one))
            if office.read:
                changed += now["digest"].digest != told[nth]["digest"].digest
            else:
                steady += 1
                assert (now["rows"], now["digest"].digest) == (told[nth]["rows"], told[nth]["digest"].digest)
            told[nth] = now
    assert min(steady, changed) > 20


async def test_whoever_is_erased_is_on_no_list_that_was_kept(office: Office, postgres_server: EmbeddedPostgres) -> None:
    """A record that is emptied, by whatever hand and whether a step is counted or not, leaves no name behind: the same
    account asks the same list again, and the name is on it no more."""
    people, tps = await viewers_of(office)
    named: list[str] = []
    for question in (read_question(ROLL, code, []) for code in tps):
        before = whole(await office.keeping.encoded(people[0], question))
        if named := [row["voter"] for row in before["rows"] if row["name"] is not None]:
            break
    assert named, "somebody has a name"
    connection = await asyncpg.connect(postgres_server.dsn)
    try:
        changed = await connection.execute(f"update {office.schema}.voter set record = null where voter = $1", named[0])
    finally:
        await connection.close()
    assert changed == "UPDATE 1"
    after = whole(await office.keeping.encoded(people[0], question))
    assert [row["name"] for row in after["rows"] if row["voter"] == named[0]] == [None]
    assert len(after["rows"]) == len(before["rows"])


async def test_what_is_never_kept_is_answered_as_before(office: Office) -> None:
    """Lists of several reads, a voter's history, later pages: in JSON what `answer` says."""
    people, tps = await viewers_of(office)
    roll = await office.reading.answer(people[0], read_question(ROLL, tps[0], []))
    assert isinstance(roll, Answered)
    for listed in LISTS:
        subject = {"area": REGENCY, "tps": tps[0], "voter": str(roll.rows[0]["voter"])}[listed.subject]
        question = read_question(listed, subject, [("limit", "3")])
        first = await office.reading.answer(people[0], question)
        assert await asked(office.keeping, people[0], question) == whole(first), listed.name
        assert isinstance(first, Answered)
        if first.cursor is not None:
            later = read_question(listed, subject, [("limit", "3"), ("cursor", first.cursor)])
            assert await asked(office.keeping, people[0], later) == await asked(office.reading, people[0], later)
    assert HISTORY in LISTS
