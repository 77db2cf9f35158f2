"""What `projections/` promises: migrations, comments, grants, and views whose sums are right."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from ecoklit.adapters import postgres_schema
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_reader import PostgresReader
from ecoklit.adapters.postgres_schema import VIEWS, SchemaVersion, migrations, prepare
from ecoklit.contract import data_path, policies
from ecoklit.core.replica import fold
from ecoklit.core.voter import State
from ecoklit.services.project import Projector
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

LATEST = migrations()[-1][0]

CATALOG = """
select 'column' as kind, c.relname || '.' || a.attname as name,
    concat_ws(' ', c.relkind, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated,
        replace(pg_get_expr(d.adbin, d.adrelid), $1, ''), col_description(c.oid, a.attnum)) as what
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
union all
select 'index', c.relname, replace(pg_get_indexdef(c.oid), $1, '')
from pg_class c
where c.relnamespace = $1::regnamespace and c.relkind in ('i', 'I') and not c.relispartition
union all
select 'constraint', conname, replace(pg_get_constraintdef(oid), $1, '')
from pg_constraint where connamespace = $1::regnamespace
union all
select 'relation', c.relname, concat_ws(' ', c.relkind, pg_get_partkeydef(c.oid), obj_description(c.oid, 'pg_class'))
from pg_class c
where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
union all
select 'function', proname, replace(pg_get_functiondef(oid), $1, '') || obj_description(oid, 'pg_proc')
from pg_proc where pronamespace = $1::regnamespace
order by 1, 2, 3
"""


@pytest_asyncio.fixture(loop_scope="session")
async def connection(postgres_server: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(postgres_server.dsn, server_settings={"ecoklit.areas": "*"})
    yield opened
    await opened.close()


async def projected(server: EmbeddedPostgres, schema: str, seed: int, events: int = 250) -> list[State]:
    history, journal = RandomHistory(seed, events=events, lies=0.05), MemoryJournal()
    await append_all(journal, history.arrivals)
    store = PostgresRoll(server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    await Projector(journal, store, policies(), election=ELECTION, regency=REGENCY).run_until_caught_up()
    await store.close()
    return [state for state in fold(history.held, policies()).states() if state.decision.regency == REGENCY]


async def test_migrations_add_up_to_the_schema(connection: asyncpg.Connection, schema: str) -> None:
    """All migrations in order give exactly schema.sql: columns, keys, indexes, functions and comments."""
    await prepare(connection, schema)
    for name in reversed(VIEWS):
        await connection.execute(f"drop view {name}")
    migrated = await connection.fetch(CATALOG, schema)
    other = f"{schema}_rebuild"  # dropped with the schema
    await connection.execute(f"create schema {other}; set search_path = {other}")
    await connection.execute(data_path("projections", "schema.sql").read_text())
    written = await connection.fetch(CATALOG, other)
    assert [tuple(row) for row in migrated] == [tuple(row) for row in written]
    assert len(migrated) > 60


async def test_preparing_twice_changes_nothing(connection: asyncpg.Connection, schema: str) -> None:
    """A schema that is up to date is left as it is."""
    await prepare(connection, schema)
    before = await connection.fetch(CATALOG, schema)
    views = await connection.fetch("select oid from pg_class where relnamespace = $1::regnamespace", schema)
    await prepare(connection, schema)
    assert await connection.fetch(CATALOG, schema) == before
    assert await connection.fetch("select oid from pg_class where relnamespace = $1::regnamespace", schema) == views


async def test_an_older_schema_is_migrated_and_a_newer_one_refused(
    connection: asyncpg.Connection, postgres_server: EmbeddedPostgres, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data of an older schema gets the missing migrations and stays; the older program then refuses the schema."""
    states = await projected(postgres_server, schema, 1)
    newer = (*migrations(), (LATEST + 1, "later", "alter table voter add column later integer not null default 7"))
    with monkeypatch.context() as later:
        later.setattr(postgres_schema, "migrations", lambda: newer)
        await prepare(connection, schema)
    assert await connection.fetchval("select count(*) from voter where later = 7") == len(states)
    with pytest.raises(SchemaVersion, match=f"migration {LATEST + 1} and this program knows {LATEST}"):
        await prepare(connection, schema)


async def test_a_failed_migration_leaves_the_schema_as_it_was(
    connection: asyncpg.Connection, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration is applied whole or not at all, with all that came before it in the same start."""
    broken = (*migrations(), (LATEST + 1, "broken", "alter table voter add column later integer; select 1 / 0"))
    with monkeypatch.context() as later:
        later.setattr(postgres_schema, "migrations", lambda: broken)
        with pytest.raises(asyncpg.DivisionByZeroError):
            await prepare(connection, schema)
    assert await connection.fetchval("select count(*) from pg_namespace where nspname = $1", schema) == 0
    await prepare(connection, schema)


async def test_views_that_changed_are_made_anew(
    connection: asyncpg.Connection, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program with other views brings its own, without a migration: they hold no data."""
    await prepare(connection, schema)
    views = postgres_schema._views_and_grants()
    with monkeypatch.context() as later:
        later.setattr(postgres_schema, "_views_and_grants", lambda: (*views, "comment on view recap is 'later'"))
        later.setattr(postgres_schema, "views_mark", lambda: "later")
        await prepare(connection, schema)
    about = "select obj_description(to_regclass('recap'))"
    assert await connection.fetchval(about) == "later"
    await prepare(connection, schema)
    assert await connection.fetchval(about) != "later"


async def test_everything_has_a_comment(connection: asyncpg.Connection, schema: str) -> None:
    """Every table, view, column and function says what it promises."""
    await prepare(connection, schema)
    bare = await connection.fetch(
        """
        select c.relname::text as name from pg_class c
        where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p', 'v') and obj_description(c.oid) is null
        union all
        select c.relname || '.' || a.attname from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
        where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p', 'v')
            and col_description(c.oid, a.attnum) is null
        union all
        select proname from pg_proc where pronamespace = $1::regnamespace and obj_description(oid) is null
        """,
        schema,
    )
    assert [row["name"] for row in bare] == []


async def test_the_readme_names_every_relation(connection: asyncpg.Connection, schema: str) -> None:
    """projections/README.md says what each table and view promises."""
    await prepare(connection, schema)
    names = await connection.fetch(
        "select relname from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'v')", schema
    )
    text = data_path("projections", "README.md").read_text()
    assert [row["relname"] for row in names if f"`{row['relname']}`" not in text] == []


async def test_an_analyst_reads_the_views_and_nothing_else(
    connection: asyncpg.Connection, postgres_server: EmbeddedPostgres, schema: str
) -> None:
    """The analyst's role may select from the views that mask; from no table, and write nothing."""
    await projected(postgres_server, schema, 2)
    admin = await asyncpg.connect(postgres_server.owner_dsn, database="ecoklit")
    try:
        await admin.execute(f"set search_path = {schema}; set role ecoklit_analyst")
        for view in VIEWS:
            if view not in ("listed_voter", "visits", "recap_counts"):
                assert await admin.fetchval(f"select count(*) >= 0 from {view}")
        for table in (
            "listed_voter",
            "visits",
            "event",
            "person",
            "orphan",
            "voter",
            "side",
            "waiting",
            "checkpoint",
            f"person_{REGENCY}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await admin.fetchval(f"select count(*) from {table}")
        for statement in ("delete from voter", "create table mine (x int)", "drop view recap"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await admin.execute(statement)
    finally:
        await admin.close()


@pytest.mark.parametrize("seed", [0, 1, 3, 4])
async def test_the_recap_adds_up(postgres_server: EmbeddedPostgres, schema: str, seed: int) -> None:
    """In every area: listed + new + arrived − departed − removed = on the list, marks and reasons add up, and every
    column is the sum over the TPS; all of it as counted from the states themselves."""
    states = await projected(postgres_server, schema, seed)
    assert any(state.first_tps != state.decision.tps for state in states), "nobody moved: the test would show nothing"
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        rows: dict[str, list[asyncpg.Record]] = {level: [] for level in ("tps", "village", "district", "regency")}
        async with reader.snapshot() as asking:
            for row in await asking.fetch("select * from recap_counts"):
                rows[row["level"]].append(row)
    for row in [one for level in rows.values() for one in level]:
        here = [state for state in states if state.decision.tps.startswith(row["area"])]
        first = [state for state in states if state.first_tps.startswith(row["area"])]
        assert row["listed"] + row["new"] == len(first)
        assert row["listed"] + row["new"] + row["arrived"] - row["departed"] == len(here)
        assert row["on_list"] == sum(state.decision.on_list for state in here)
        assert row["listed"] + row["new"] + row["arrived"] - row["departed"] - row["removed"] == row["on_list"]
        assert row["on_list"] == row["sesuai"] + row["ubah"] + row["baru"] + row["unvisited"]
        assert row["on_list"] == row["male"] + row["female"] + row["sex_unknown"]
        reasons = ("duplicate", "underage", "foreign", "military", "police", "revoked", "unknown", "entry_error")
        assert row["removed"] == row["deceased"] + row["moved_away"] + sum(row[reason] for reason in reasons)
        assert row["in_conflict"] == sum(
            bool(state.decision.conflicts or (state.record and state.record.conflicts)) for state in here
        )
        assert row["visual"] == sum(
            state.decision.on_list and state.record is not None and state.record.fields.disability == "visual"
            for state in here
        )
        parts = [one for one in rows["tps"] if one["area"].startswith(row["area"])]
        for column in set(row.keys()) - {"regency", "level", "area"}:
            assert row[column] == sum(part[column] for part in parts), column


async def test_the_list_is_model_a_in_its_order(
    connection: asyncpg.Connection, postgres_server: EmbeddedPostgres, schema: str
) -> None:
    """The list has the particulars as the fold gives them, in the form's order, and U+0000 as U+FFFD."""
    states = await projected(postgres_server, schema, 3)
    await connection.execute(f"set search_path = {schema}")
    rows = {str(row["voter"]): row for row in await connection.fetch("select * from listed_voter")}
    columns = [
        "nkk", "nik", "name", "birth_place", "birth_date", "marital", "sex", "address", "rt", "rw", "disability",
        "ektp",
    ]  # fmt: skip
    assert list(next(iter(rows.values())).keys())[2:14] == columns
    names: set[str | None] = set()
    assert set(rows) == {state.decision.voter for state in states if state.decision.on_list}
    for state in states:
        if state.decision.on_list:
            row = rows[state.decision.voter]
            assert row["tps"] == state.decision.tps
            for column in columns:
                value = None if state.record is None else getattr(state.record.fields, column)
                assert row[column] == (None if value is None else value.replace("\0", "\ufffd"))
            names.add(row["name"])
    assert "nul\ufffdnul" in names


async def test_every_conflict_shows_its_sides(
    connection: asyncpg.Connection, postgres_server: EmbeddedPostgres, schema: str
) -> None:
    """Each register in conflict has at least two sides that differ, one of which the roll shows; no other has any."""
    states = await projected(postgres_server, schema, 5)
    await connection.execute(f"set search_path = {schema}")
    sides: dict[tuple[str, str], list[asyncpg.Record]] = {}
    for row in await connection.fetch("select * from open_conflicts"):
        sides.setdefault((str(row["voter"]), row["register"]), []).append(row)
    conflicts = {
        (state.decision.voter, register)
        for state in states
        for register in [*state.decision.conflicts, *(state.record.conflicts if state.record else [])]
    }
    assert set(sides) == conflicts and len(conflicts) > 3
    for about in sides.values():
        assert len({row["value"] for row in about}) > 1
        assert len({row["value"] for row in about if row["wins"]}) == 1
        assert all(row["officer"] and row["type"] for row in about)


async def test_every_proposal_is_listed(
    connection: asyncpg.Connection, postgres_server: EmbeddedPostgres, schema: str
) -> None:
    """The proposals are those of the states, with who proposed what on which evidence."""
    states = await projected(postgres_server, schema, 7, events=400)
    await connection.execute(f"set search_path = {schema}")
    found = {(str(row["voter"]), row["proposal"]) for row in await connection.fetch("select * from proposals")}
    assert found == {(state.decision.voter, what) for state in states for what in state.decision.proposed}
    assert found
