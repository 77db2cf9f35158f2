"""Whatever stands in the projection, table or view, a rebuild from the journal gives the same rows."""

from __future__ import annotations

from typing import Any

import asyncpg

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_rolls import PostgresRolls
from ecoklit.adapters.postgres_schema import PARTITIONED, VIEWS
from ecoklit.contract import policies
from ecoklit.services.project import Projector
from ecoklit.services.rebuild import rebuild
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all
from ecoklit.testing.random_registry import RandomRegistry, append_line

OF_THE_BUILD = {"revision", "generation", "last_heard"}
"""Columns that number the steps of one build, or say when they were: two builds take other steps to the same rows."""
BUILT_ANEW = {"step_mark", "migration"}
"""Relations that speak of a build itself, as their comments say."""
PIECES = 6


async def relations(connection: asyncpg.Connection) -> dict[str, list[str]]:
    """Every table and view of the schema, with its columns, but for partitions."""
    rows = await connection.fetch(
        "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
        " where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'v')"
        " and not c.relispartition and not a.attisdropped order by c.relname, a.attnum"
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["attname"] not in OF_THE_BUILD:
            found.setdefault(row["relname"], []).append(row["attname"])
    return {name: columns for name, columns in found.items() if name not in BUILT_ANEW}


async def rows_of(connection: asyncpg.Connection, name: str, columns: list[str]) -> list[str]:
    """The rows, in one order, but for counts that came back to nought: those rows may stay or go."""
    listed = ", ".join(f'"{column}"' for column in columns)
    rows = await connection.fetch(f'select {listed} from "{name}"')
    counts = {"tps_count": ("regency", "tps"), "day_count": ("day", "regency", "tps", "officer", "role", "kind")}
    of = counts.get(name)
    return sorted(
        repr(tuple(row)) for row in rows if of is None or any(row[column] for column in columns if column not in of)
    )


async def snapshot(server: EmbeddedPostgres, schema: str) -> dict[str, list[str]]:
    connection: Any = await asyncpg.connect(server.dsn, server_settings={"ecoklit.areas": "*"})
    try:
        await connection.execute(f"set search_path = {schema}")
        return {name: await rows_of(connection, name, of) for name, of in (await relations(connection)).items()}
    finally:
        await connection.close()


async def test_a_rebuild_gives_every_row_of_every_relation(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """Projected in pieces, with a registry that changes its mind meanwhile, and rebuilt in one: all the same."""
    history = RandomHistory(51, events=240, lies=0.1)
    author = RandomRegistry(51, history)
    journal, registry = MemoryJournal(), MemoryRegistryJournal()
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    projector = Projector(
        journal, store, policies(), election=ELECTION, regency=REGENCY, registry=registry, batch_events_max=20
    )
    for piece in range(PIECES):
        at, end = (len(history.arrivals) * step // PIECES for step in (piece, piece + 1))
        stamp = await registry.last()
        for _ in range(9):
            await append_line(registry, author.next_line())
        await append_all(journal, history.arrivals[at:end], stamp)
        await projector.run_until_caught_up()
    await store.close()
    before = await snapshot(postgres_server, schema)
    rolls = PostgresRolls(postgres_server.dsn, election=ELECTION, schema=schema)
    done = await rebuild(rolls, {REGENCY: journal}, policies(), election=ELECTION, registries={REGENCY: registry})
    assert done.swapped and done.differences == []
    after = await snapshot(postgres_server, schema)
    assert set(before) >= {*PARTITIONED, *VIEWS} - BUILT_ANEW and set(after) == set(before)
    for name, rows in before.items():
        assert after[name] == rows, name
    empty = {name for name, rows in before.items() if not rows}
    assert empty <= {"orphan", "waiting", "split_families", "late_entries"}, "a relation without rows shows nothing"
