"""The schema of accounts and of the read log: what stands in it, and that the log is only ever added to."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres_schema import prepare_office
from ecoklit.contract import data_path


@pytest_asyncio.fixture(loop_scope="session")
async def connection(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(postgres_server.dsn)
    await opened.execute(f"create schema {schema}; set search_path = {schema}")
    await opened.execute(data_path("projections", "office", "schema.sql").read_text())
    yield opened
    await opened.close()


CATALOG = """
select c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum), obj_description(c.oid)
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = $1::regnamespace
order by c.relname, a.attnum
"""


async def test_migrations_add_up_to_the_schema(connection: asyncpg.Connection, schema: str) -> None:
    """All migrations in order give exactly schema.sql: tables, columns, indexes, defaults and comments."""
    written = await connection.fetch(CATALOG, schema)
    await prepare_office(connection, schema)
    migrated = await connection.fetch(CATALOG, f"{schema}_office")
    await connection.execute(f"drop schema {schema}_office cascade")
    assert [tuple(row) for row in migrated] == [tuple(row) for row in written] and len(written) > 80


async def test_everything_has_a_comment(connection: asyncpg.Connection, schema: str) -> None:
    """Every table and column of the office says what it promises."""
    bare = await connection.fetch(
        """
        select c.relname || coalesce('.' || a.attname, '') as name
        from pg_class c
        left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
        where c.relnamespace = $1::regnamespace and c.relkind = 'r'
            and (obj_description(c.oid) is null or (a.attnum is not null and col_description(c.oid, a.attnum) is null))
        """,
        schema,
    )
    assert [row["name"] for row in bare] == []


@pytest.mark.parametrize("change", ["update read_log set reason = 'none'", "delete from read_log", "truncate read_log"])
async def test_the_read_log_is_added_to_and_nothing_else(connection: asyncpg.Connection, change: str) -> None:
    """An entry that was written stays as it was, whoever asks."""
    account = await connection.fetchval(
        "insert into account (login, role, areas, officer, made_by)"
        " values ('pps', 'pps', '{9404012001}', 'o-1', 'shell')"
        " returning account"
    )
    await connection.execute(
        "insert into read_log (entry, account, action, rows, as_of, request, prev, hash)"
        " values (1, $1, 'roll', 3, 7, 'r', '', '')",
        account,
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="added to"):
        await connection.execute(change)
    assert await connection.fetchval("select count(*) from read_log") == 1


async def test_nobody_approves_what_they_asked_for(connection: asyncpg.Connection) -> None:
    """A second person is another person, and an account has an area."""
    account = await connection.fetchval(
        "insert into account (login, role, areas, officer, made_by) values ('kpu', 'kpu', '{9404}', 'o-1', 'shell')"
        " returning account"
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            "insert into approval (kind, area, says, asked_by, answered_by, ends_at)"
            " values ('export', '9404', 'for the plenary', $1, $1, now())",
            account,
        )
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            "insert into account (login, role, areas, officer, made_by) values ('x', 'kpu', '{}', 'o-1', 'shell')"
        )
