"""The projector on the real broker and the real database, and what is left of it when things are killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.postgres import PostgresRoll, RollOfOtherElection
from ecoklit.adapters.postgres_connection import RollRefused
from ecoklit.adapters.postgres_reader import NotProjected, PostgresReader, UnknownArea
from ecoklit.adapters.postgres_rolls import PostgresRolls
from ecoklit.adapters.postgres_schema import SchemaVersion
from ecoklit.contract import policies
from ecoklit.core import roll
from ecoklit.core.replica import fold
from ecoklit.ports import RollTaken, RollUnavailable
from ecoklit.services.project import Projector
from ecoklit.services.rebuild import JournalsMissing, rebuild
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

PROGRAM = """
import asyncio, sys
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.contract import policies
from ecoklit.services.project import Projector

async def main(nats, monitor, dsn, schema):
    journal = await JetStreamJournal.open(nats, election="pilkada-2024", regency="9404", monitor_url=monitor)
    store = PostgresRoll(dsn, election="pilkada-2024", regency="9404", schema=schema)
    projector = Projector(journal, store, policies(), election="pilkada-2024", regency="9404", batch_events_max=3)
    await projector.run_until_caught_up()

asyncio.run(main(*sys.argv[1:]))
"""


def projector(journal: object, store: PostgresRoll, batch_events_max: int = 50) -> Projector:
    return Projector(
        journal,  # type: ignore[arg-type]
        store,
        policies(),
        election=ELECTION,
        regency=REGENCY,
        batch_events_max=batch_events_max,
    )


def store_on(server: EmbeddedPostgres, schema: str) -> PostgresRoll:
    return PostgresRoll(server.dsn, election=ELECTION, regency=REGENCY, schema=schema)


async def assert_equals_fold(server: EmbeddedPostgres, schema: str, history: RandomHistory) -> None:
    states = [state for state in fold(history.held, policies()).states() if state.decision.regency == REGENCY]
    store = store_on(server, schema)
    try:
        assert [line async for line in store.state_lines()] == [state.line for state in states]
        assert roll.digests(await store.leaves()) == roll.digests(roll.leaves(states))
    finally:
        await store.close()


async def in_memory(history: RandomHistory) -> MemoryJournal:
    journal = MemoryJournal()
    await append_all(journal, history.arrivals)
    return journal


@pytest_asyncio.fixture(loop_scope="session")
async def own_broker(tmp_path: Path) -> AsyncIterator[EmbeddedNats]:
    async with await EmbeddedNats.start(tmp_path / "nats") as server:
        yield server


async def test_a_projector_killed_anywhere_goes_on(
    own_broker: EmbeddedNats, postgres_server: EmbeddedPostgres, schema: str
) -> None:
    """Killed with SIGKILL again and again, the projector ends with the roll of a fold: nothing skipped or doubled."""
    history = RandomHistory(11, events=600)
    async with await JetStreamJournal.open(
        own_broker.url, election=ELECTION, regency=REGENCY, monitor_url=own_broker.monitor_url
    ) as journal:
        await append_all(journal, history.arrivals)
        last = await journal.last()
        seen: list[int] = []
        program = [sys.executable, "-c", PROGRAM, own_broker.url, own_broker.monitor_url, postgres_server.dsn, schema]
        connection = await asyncpg.connect(postgres_server.dsn)
        try:
            for _ in range(5):
                process = subprocess.Popen(program)  # noqa: ASYNC220 - to be killed, not spoken with
                begun = await _checkpoint(connection, schema)
                while process.poll() is None and await _checkpoint(connection, schema) < begun + 60:
                    await asyncio.sleep(0.002)
                process.kill()
                process.wait()
                seen.append(await _checkpoint(connection, schema))
        finally:
            await connection.close()
        assert any(0 < events < last.events for events in seen), f"it was never killed in the middle: {seen}"
        assert seen == sorted(seen)
        await _released(postgres_server, schema)
        store = store_on(postgres_server, schema)
        await projector(journal, store).run_until_caught_up()
        await store.close()
    await assert_equals_fold(postgres_server, schema, history)


async def _checkpoint(connection: asyncpg.Connection, schema: str) -> int:
    try:
        return int(await connection.fetchval(f"select coalesce(sum(events), 0) from {schema}.checkpoint"))
    except asyncpg.UndefinedTableError:
        return 0


async def _released(server: EmbeddedPostgres, schema: str) -> None:
    """The database notices a moment later that the holder of a lease is gone."""
    async with asyncio.timeout(20):
        while True:
            store = store_on(server, schema)
            try:
                await store.checkpoint()
            except RollTaken:
                await asyncio.sleep(0.05)
            else:
                return
            finally:
                await store.close()


async def test_a_database_killed_in_the_middle_loses_nothing(postgres_folder: Path) -> None:
    """PostgreSQL is killed with SIGKILL while the projector works: a clear error, and the next start goes on."""
    history = RandomHistory(12, events=500)
    journal = await in_memory(history)
    server = EmbeddedPostgres(postgres_folder / "pg")
    await server.start()
    try:
        interrupted = 0
        for _ in range(3):
            store = store_on(server, "ecoklit")
            await store.checkpoint()
            assert server.process is not None
            for child in _children(server.process.pid):
                _kill_later(child, 0.15)
            server_pid = server.process.pid
            _kill_later(server_pid, 0.15)
            try:
                await projector(journal, store, 2).run_until_caught_up()
            except RollUnavailable as error:
                interrupted += 1
                assert error.code == "database_unavailable"
                assert "goes on from its checkpoint" in error.message
            await store.close()
            await asyncio.sleep(0.3)
            server.process.wait()
            await server.start()
        assert interrupted > 0
        store = store_on(server, "ecoklit")
        await projector(journal, store).run_until_caught_up()
        await store.close()
        await assert_equals_fold(server, "ecoklit", history)
    finally:
        await server.stop()


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def _kill_later(pid: int, seconds: float) -> None:
    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    asyncio.get_running_loop().call_later(seconds, kill)


async def test_a_database_that_is_down_is_named(tmp_path: Path) -> None:
    """No database there: one sentence that says what to do, for projector and readers."""
    dsn = f"postgresql://ecoklit@/ecoklit?host={tmp_path}"
    store = PostgresRoll(dsn, election=ELECTION, regency=REGENCY)
    with pytest.raises(RollUnavailable, match="start it or mend its URL"):
        await store.checkpoint()
    async with PostgresReader(dsn) as reader:
        with pytest.raises(RollUnavailable):
            await reader.as_of(REGENCY)


async def test_a_database_that_refuses_us_is_named(postgres_server: EmbeddedPostgres) -> None:
    """No such database: told apart from one that is down."""
    dsn = postgres_server.dsn.replace("/ecoklit?", "/nowhere?")
    with pytest.raises(RollRefused, match="name in its URL"):
        await PostgresRoll(dsn, election=ELECTION, regency=REGENCY).checkpoint()


async def test_a_lost_connection_is_opened_again(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """A connection that the database has ended meanwhile, and the lease with it, are taken anew."""
    history = RandomHistory(4)
    journal, store = await in_memory(history), store_on(postgres_server, schema)
    await store.checkpoint()
    admin = await asyncpg.connect(postgres_server.owner_dsn)
    await admin.execute(
        "select pg_terminate_backend(pid, 10000) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()"
    )
    await admin.close()
    await projector(journal, store).run_until_caught_up()
    await store.close()
    await assert_equals_fold(postgres_server, schema, history)


async def test_one_schema_holds_one_election(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """A regency of another election is refused before anything is written."""
    store = store_on(postgres_server, schema)
    await store.checkpoint()
    await store.close()
    other = PostgresRoll(postgres_server.dsn, election="pilkada-2029", regency=REGENCY, schema=schema)
    with pytest.raises(RollOfOtherElection):
        await other.checkpoint()


# --- rebuild ---------------------------------------------------------------------------------------------------------


async def test_a_rebuild_gives_the_same_roll(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """Replayed from the journal, the roll has the same digests and lines, also for a reader connected before."""
    history = RandomHistory(21, events=200)
    journal, store = await in_memory(history), store_on(postgres_server, schema)
    await projector(journal, store, 9).run_until_caught_up()
    await store.close()
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        before = await reader.recap(REGENCY, "tps")
        rolls = PostgresRolls(postgres_server.dsn, election=ELECTION, schema=schema)
        done = await rebuild(rolls, {REGENCY: journal}, policies(), election=ELECTION)
        assert (done.compared, done.differences, done.swapped) == (True, [], True)
        assert await reader.recap(REGENCY, "tps") == before
    await assert_equals_fold(postgres_server, schema, history)


async def test_a_rebuild_finds_what_was_changed(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """A row changed by hand is found: the areas are named, the live roll stays, and goes only when that is accepted."""
    history = RandomHistory(22, events=200)
    journal, store = await in_memory(history), store_on(postgres_server, schema)
    await projector(journal, store).run_until_caught_up()
    await store.close()
    connection = await asyncpg.connect(postgres_server.dsn)
    tps = await connection.fetchval(
        f"""update {schema}.voter set decision = decision || '!'::bytea
            where voter = (select voter from {schema}.voter order by voter limit 1) returning tps"""
    )
    rolls = PostgresRolls(postgres_server.dsn, election=ELECTION, schema=schema)
    done = await rebuild(rolls, {REGENCY: journal}, policies(), election=ELECTION)
    assert not done.swapped
    assert [difference.code for difference in done.differences] == sorted(
        ["00", tps[:2], tps[:4], tps[:6], tps[:10], tps]
    )
    assert await connection.fetchval(f"select count(*) from {schema}.voter where decision like '%!'::bytea") == 1
    done = await rebuild(rolls, {REGENCY: journal}, policies(), election=ELECTION, accept=True)
    assert done.swapped and done.differences
    await connection.close()
    await assert_equals_fold(postgres_server, schema, history)


async def test_a_rebuild_that_dies_leaves_the_old_roll(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """Whatever fails before the swap, the live roll is as it was, and the next rebuild begins afresh."""
    history = RandomHistory(23, events=200)
    journal, store = await in_memory(history), store_on(postgres_server, schema)
    await projector(journal, store).run_until_caught_up()
    await store.close()
    rolls = PostgresRolls(postgres_server.dsn, election=ELECTION, schema=schema)
    killed = RandomHistory(23, events=200)
    dying = await in_memory(killed)
    dying.unavailable = True
    with pytest.raises(Exception, match="told to be away"):
        await rebuild(rolls, {REGENCY: dying}, policies(), election=ELECTION)
    await assert_equals_fold(postgres_server, schema, history)
    assert (await rebuild(rolls, {REGENCY: journal}, policies(), election=ELECTION)).swapped
    await assert_equals_fold(postgres_server, schema, history)


async def test_a_rebuild_follows_a_restored_journal_when_told(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """A journal that is not the one projected gives differences; accepted, the roll is that journal's."""
    old, new = RandomHistory(24), RandomHistory(25)
    store = store_on(postgres_server, schema)
    await projector(await in_memory(old), store).run_until_caught_up()
    await store.close()
    rolls = PostgresRolls(postgres_server.dsn, election=ELECTION, schema=schema)
    journal = await in_memory(new)
    assert not (await rebuild(rolls, {REGENCY: journal}, policies(), election=ELECTION)).swapped
    await assert_equals_fold(postgres_server, schema, old)
    await rebuild(rolls, {REGENCY: journal}, policies(), election=ELECTION, accept=True)
    store = store_on(postgres_server, schema)
    await projector(journal, store).run_until_caught_up()
    await store.close()
    await assert_equals_fold(postgres_server, schema, new)


async def test_a_rebuild_needs_the_lease_and_every_journal(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """A running projector, or a regency without its journal, refuses a rebuild."""
    store = store_on(postgres_server, schema)
    await store.checkpoint()
    rolls = PostgresRolls(postgres_server.dsn, election=ELECTION, schema=schema)
    with pytest.raises(RollTaken):
        await rebuild(rolls, {REGENCY: MemoryJournal()}, policies(), election=ELECTION)
    await store.close()
    with pytest.raises(JournalsMissing, match=REGENCY):
        await rebuild(rolls, {"9401": MemoryJournal()}, policies(), election=ELECTION)


async def test_a_newer_schema_is_refused_and_rebuilt(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """A schema made by a newer program is not touched; a rebuild replaces it."""
    history = RandomHistory(26)
    journal, store = await in_memory(history), store_on(postgres_server, schema)
    await projector(journal, store).run_until_caught_up()
    await store.close()
    connection = await asyncpg.connect(postgres_server.dsn)
    await connection.execute(f"insert into {schema}.migration (number, name) values (9999, 'future')")
    with pytest.raises(SchemaVersion, match="9999"):
        await store_on(postgres_server, schema).checkpoint()
    rolls = PostgresRolls(postgres_server.dsn, election=ELECTION, schema=schema)
    done = await rebuild(rolls, {REGENCY: journal}, policies(), election=ELECTION)
    assert (done.compared, done.swapped) == (False, True)
    await connection.close()
    await assert_equals_fold(postgres_server, schema, history)


# --- reading ---------------------------------------------------------------------------------------------------------


async def test_what_is_not_projected_is_named(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """A missing schema, a missing regency and a code that is no area are told apart."""
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        with pytest.raises(NotProjected, match="schema"):
            await reader.recap(REGENCY)
        store = store_on(postgres_server, schema)
        await store.checkpoint()
        await store.close()
        assert (await reader.as_of(REGENCY)).events == 0
        with pytest.raises(NotProjected, match="9401"):
            await reader.recap("9401")
        for code in ("94", "94.04", "940401200100x", "", "0004"):
            with pytest.raises(UnknownArea):
                await reader.recap(code)
        with pytest.raises(UnknownArea):
            await reader.roll("9404012001")
        assert await reader.history(str(uuid.UUID("00000000-0000-8000-8000-000000000000"))) == []


async def test_readers_answer_from_the_projection(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """Roll, digests, history, state and standings are those of the fold, as of the checkpoint."""
    history = RandomHistory(31, events=200)
    journal, store = await in_memory(history), store_on(postgres_server, schema)
    done = await projector(journal, store).run_until_caught_up()
    await store.close()
    replica = fold(history.held, policies())
    states = [state for state in replica.states() if state.decision.regency == REGENCY]
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        as_of, digests = await reader.digests(REGENCY)
        assert (as_of.events, as_of.persons, as_of.election) == (done.events, done.persons, ELECTION)
        assert digests == roll.digests(roll.leaves(states))
        for tps in sorted({state.decision.tps for state in states}):
            answer = await reader.roll(tps)
            listed = {s.decision.voter for s in states if s.decision.tps == tps and s.decision.on_list}
            assert {str(row["voter"]) for row in answer.rows} == listed
            assert answer.digest == digests[tps]
        for state in states:
            rows = await reader.history(state.decision.voter)
            about = [one for one in history.held if one.voter == state.decision.voter]
            assert len(rows) == len(about)
            assert [row["position"] for row in rows] == sorted(row["position"] for row in rows)
            if all(one.regency == REGENCY for one in about):
                assert {(row["device"], row["seq"]): row["standing"] for row in rows} == {
                    one.dot: replica.standing(one.hash).name for one in about
                }
            assert await reader.state(state.decision.voter) == [state.line]
        assert sum((await reader.standings(REGENCY)).values()) == len(history.held)
