"""Nobody sees a row outside their areas, whatever they ask and through whichever view (row-level security)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_connection import READERS_MAX
from ecoklit.adapters.postgres_reader import PostgresReader, Seen
from ecoklit.adapters.postgres_schema import VIEWS
from ecoklit.contract import policies
from ecoklit.services.project import Projector
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

WHERE = {
    "listed_voter": "tps", "voter_list": "tps", "recap_counts": "area",
    "recap": "area", "open_conflicts": "tps", "proposals": "tps",
    "roll_leaves": "tps",
}  # fmt: skip
"""Of each view with one, the column that says where its rows belong."""


@pytest_asyncio.fixture(loop_scope="session")
async def reader(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[PostgresReader]:
    history, journal = RandomHistory(21, events=500), MemoryJournal()
    await append_all(journal, history.arrivals)
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    await Projector(journal, store, policies(), election=ELECTION, regency=REGENCY).run_until_caught_up()
    await store.close()
    async with PostgresReader(postgres_server.dsn, schema=schema) as opened:
        yield opened


async def rows(reader: PostgresReader, statement: str) -> list[asyncpg.Record]:
    async with reader.snapshot() as connection:
        return list(await connection.fetch(statement))


async def test_everybody_sees_the_rows_of_their_areas_and_no_other(reader: PostgresReader) -> None:
    """For every area and every view: what is seen is exactly what the whole has there."""
    places = [row["tps"] for row in await rows(reader, "select distinct tps from roll_leaves order by tps")]
    areas = sorted({place[:digits] for place in places for digits in (4, 6, 10, 13)})
    assert len(places) > 3 and len(areas) > 6
    shown = 0
    for view, column in WHERE.items():
        whole = await rows(reader, f"select * from {view}")
        for area in areas:
            seen = await rows(reader.seen_by(Seen((area,))), f"select * from {view}")
            if column == "area":  # above their own area its rows are sums over what they may see
                seen = [row for row in seen if row["area"].startswith(area)]
            hidden = {"nik": None, "nkk": None} if view == "voter_list" else {}
            assert [{**row, **hidden} for row in seen] == [
                {**row, **hidden} for row in whole if row[column].startswith(area)
            ]
            shown += len(seen)
    assert shown > 200


async def test_a_move_is_seen_at_both_ends_and_the_voter_where_it_stands(reader: PostgresReader) -> None:
    """Whoever sees one end of a move sees its row as all do; the list and the history stay with the new place."""
    whole = await rows(reader, "select * from movers order by voter")
    ends = {row["voter"]: await rows(reader, f"select tps from voter where voter = '{row['voter']}'") for row in whole}
    places = sorted({row["from_tps"] for row in whole} | {found[0]["tps"] for found in ends.values()})
    gone = 0
    for area in sorted({place[:digits] for place in places for digits in (6, 10, 13)}):
        seen = reader.seen_by(Seen((area,)))
        assert await rows(seen, "select * from movers order by voter") == [
            row for row in whole if row["from_tps"].startswith(area) or ends[row["voter"]][0]["tps"].startswith(area)
        ]
        left = [row["voter"] for row in whole if not ends[row["voter"]][0]["tps"].startswith(area)]
        for view in ("voter_list", "voter_history", "open_conflicts", "roll_leaves"):
            there = {row["voter"] for row in await rows(seen, f"select voter from {view}")}
            assert not there & set(left), (area, view)
        gone += sum(row["from_tps"].startswith(area) for row in whole if row["voter"] in left)
    assert gone > 10


async def test_who_has_no_area_sees_nothing(reader: PostgresReader) -> None:
    """No area, one elsewhere, or one that only looks like a pattern shows no row of any view."""
    for areas in ((), ("7371",), ("9%",), ("____",), ("",), ("", "7371"), ("7371,%",)):
        for view in VIEWS:
            assert await rows(reader.seen_by(Seen(areas)), f"select * from {view} limit 1") == [], (areas, view)


async def test_a_history_is_seen_with_its_voter(reader: PostgresReader) -> None:
    """Events are seen by whoever sees their voter, and all of them by whoever has the regency."""
    (first, *_) = [row["tps"] for row in await rows(reader, "select tps from roll_leaves order by tps")]
    whole = await rows(reader, "select voter, position from voter_history")
    regency = await rows(reader.seen_by(Seen((REGENCY,))), "select voter, position from voter_history")
    assert {tuple(row) for row in regency} == {
        tuple(row)
        for row in await rows(reader, f"select voter, position from voter_history where regency = '{REGENCY}'")
    }
    of_one = {
        tuple(row) for row in await rows(reader.seen_by(Seen((first,))), "select voter, position from voter_history")
    }
    voters = {row["voter"] for row in await rows(reader, f"select voter from roll_leaves where tps = '{first}'")}
    assert of_one == {tuple(row) for row in whole if row["voter"] in voters} and of_one


async def test_numbers_are_whole_only_when_that_was_said(reader: PostgresReader) -> None:
    """Six digits and stars; whole when the service says so for this one reading, and masked again in the next."""
    numbers = "select nkk as number from voter_list order by voter"
    masked = [row["number"] for row in await rows(reader.seen_by(Seen((REGENCY,))), numbers)]
    whole = [row["number"] for row in await rows(reader.seen_by(Seen((REGENCY,), unmasked=True)), numbers)]
    assert "940401**********" in masked and "9404011234560001" in whole
    assert [row["number"] for row in await rows(reader.seen_by(Seen((REGENCY,))), numbers)] == masked


@pytest.mark.parametrize(
    "statement",
    ["select * from voter", "select * from person", "select * from event", "delete from checkpoint", "reset role"],
)
async def test_who_reads_for_a_person_touches_no_table(reader: PostgresReader, statement: str) -> None:
    """The role that the service takes has the views, and cannot write; what it is, it stays for the transaction."""
    seen = reader.seen_by(Seen((REGENCY,)))
    if statement == "reset role":
        async with seen.snapshot() as connection:
            assert await connection.fetchval("select current_user") == "ecoklit_reader"
        async with reader.snapshot() as connection:
            assert await connection.fetchval("select current_user") == "ecoklit"
        return
    with pytest.raises(Exception, match=r"refuses|right|permission|could not") as refused:
        await rows(seen, statement)
    assert "ecoklit" in type(refused.value).__module__


async def test_who_is_cut_off_leaves_nothing_behind(reader: PostgresReader) -> None:
    """A connection that comes back in the middle of a question is the service's own again: its role and its areas."""
    own = "select current_user as who, current_setting('ecoklit.areas') as areas, count(*) as n from roll_leaves"
    before = await rows(reader, own)
    for _ in range(READERS_MAX):
        asked = asyncio.create_task(rows(reader.seen_by(Seen(("7371",))), "select pg_sleep(30)"))
        await asyncio.sleep(0.05)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await rows(reader, own) == before
    assert before[0]["areas"] == "*" and before[0]["n"] > 0
