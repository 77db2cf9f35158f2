"""What the database counts by itself is what counting the rows gives, whatever was written, in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_reader import PostgresReader
from ecoklit.contract import policies
from ecoklit.core.replica import fold
from ecoklit.services.project import Projector
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

PIECES = 7


@pytest_asyncio.fixture(loop_scope="session")
async def connection(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(postgres_server.dsn, server_settings={"ecoklit.areas": "*"})
    await opened.execute(f"set search_path = {schema}")
    yield opened
    await opened.close()


async def project_in_pieces(server: EmbeddedPostgres, schema: str, history: RandomHistory) -> None:
    """The history as it arrives: in several steps, so that voters are folded again and standings change."""
    journal = MemoryJournal()
    store = PostgresRoll(server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    projector = Projector(journal, store, policies(), election=ELECTION, regency=REGENCY)
    size = max(1, len(history.arrivals) // PIECES)
    for first in range(0, len(history.arrivals), size):
        await append_all(journal, history.arrivals[first : first + size])
        await projector.run_until_caught_up()
    await store.close()


def work_of(history: RandomHistory) -> Counter[tuple[str, str, str, str, str]]:
    """The entries that count, by TPS, officer, role, day and kind, counted from the events themselves."""
    replica = fold(history.held, policies())
    work: Counter[tuple[str, str, str, str, str]] = Counter()
    for held in replica.held():
        event = held.event
        if event is None or held.regency != REGENCY or event.kind == "listed":
            continue
        if replica.standing(held.hash).name != "counted":
            continue
        day = event.at[:10] if event.visited is msgspec.UNSET else event.visited
        changed = getattr(event, "changed", msgspec.UNSET) is not msgspec.UNSET
        kind = {"new": "baru", "found": "ubah" if changed else "sesuai"}.get(event.kind, event.kind)
        work[event.tps, event.officer, event.role, day, kind] += 1
    return work


@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_the_counts_are_those_of_the_rows(
    connection: asyncpg.Connection, postgres_server: EmbeddedPostgres, schema: str, seed: int
) -> None:
    """After many steps each TPS is counted as if its voters were counted now, and each day as its events are."""
    history = RandomHistory(seed, events=400, lies=0.05)
    await project_in_pieces(postgres_server, schema, history)
    kept = "select * from tps_count where regency = $1 order by tps"
    before = [tuple(row) for row in await connection.fetch(kept, REGENCY)]
    async with connection.transaction():
        # Counted anew, from nothing, in one statement.
        await connection.execute("create temporary table gone_for_now on commit drop as select * from voter")
        await connection.execute("delete from voter")
        assert all(not any(row[2:]) for row in map(tuple, await connection.fetch(kept, REGENCY)))
        await connection.execute(
            "insert into voter (voter, attempts, changed, regency, tps, first_tps, source, verdict, reason, conflicts,"
            " proposed, sex, disability, decision, record) select voter, attempts, changed, regency, tps, first_tps,"
            " source, verdict, reason, conflicts, proposed, sex, disability, decision, record from gone_for_now"
        )
        assert [tuple(row) for row in await connection.fetch(kept, REGENCY)] == before
    assert sum(row[2] + row[3] for row in before) > 20
    rows = await connection.fetch("select * from day_count where n <> 0 and regency = $1", REGENCY)
    found = {(row["tps"], row["officer"], row["role"], row["day"].isoformat(), row["kind"]): row["n"] for row in rows}
    assert found == work_of(history)
    assert len({key[4] for key in found}) > 5


async def test_a_hand_that_changes_a_row_is_counted(
    connection: asyncpg.Connection, postgres_server: EmbeddedPostgres, schema: str
) -> None:
    """An update by hand counts as what it is, and one statement on two voters as two."""
    await project_in_pieces(postgres_server, schema, RandomHistory(14, events=200))
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        (before,) = (await reader.recap(REGENCY, "regency")).rows
        moved = await connection.fetch(
            "update voter set verdict = 'deceased' where voter in"
            " (select voter from voter where verdict = 'confirmed' order by voter limit 2) returning voter"
        )
        (after,) = (await reader.recap(REGENCY, "regency")).rows
    assert len(moved) == 2
    assert after["deceased"] - before["deceased"] == before["on_list"] - after["on_list"] == 2


async def test_every_step_leaves_its_mark(
    connection: asyncpg.Connection, postgres_server: EmbeddedPostgres, schema: str
) -> None:
    """The marks rise with the steps, and the last one is the checkpoint."""
    await project_in_pieces(postgres_server, schema, RandomHistory(15, events=200))
    marks = await connection.fetch("select revision, events, persons, registry from step_mark order by revision")
    checkpoint = await connection.fetchrow("select revision, events, persons, registry from checkpoint")
    assert len(marks) >= PIECES
    assert tuple(marks[-1]) == tuple(checkpoint or ())
    assert all(before["events"] <= after["events"] for before, after in pairwise(marks))


async def test_the_counts_are_kept_where_the_rows_are(
    connection: asyncpg.Connection, postgres_server: EmbeddedPostgres, schema: str
) -> None:
    """A session that has counted before goes on right when the schema got another name and its path leads elsewhere."""
    await project_in_pieces(postgres_server, schema, RandomHistory(16, events=200))
    other = f"{schema}_rebuild"  # dropped with the schema

    async def strike_one(where: str) -> None:
        await connection.execute(
            f"delete from {where}.voter where voter = (select min(voter::text) from {where}.voter)::uuid"
        )

    await strike_one(schema)
    await connection.execute(f"alter schema {schema} rename to {other}; create schema {schema}")
    await connection.execute(f"create table {schema}.tps_count (like {other}.tps_count)")
    await strike_one(other)
    assert await connection.fetchval("show search_path") == schema
    kept = f"select (select sum(on_list + removed) from {other}.tps_count) - (select count(*) from {other}.voter)"
    assert await connection.fetchval(kept) == 0
    assert await connection.fetchval(f"select count(*) from {schema}.tps_count") == 0
