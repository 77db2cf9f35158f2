"""The schema of the projection: made, brought up to date, and refused when it is newer than this program.

Tables come from numbered migrations, each applied once. Views and grants hold no data: they are made anew each time.
"""

import re
from functools import cache
from typing import Final

import asyncpg

from ecoklit.contract import data_path
from ecoklit.core import ids
from ecoklit.errors import EcoklitError

DEFAULT_SCHEMA: Final = "ecoklit"
VIEWS: Final = (
    "listed_voter", "voter_list", "recap_counts", "recap", "open_conflicts", "proposals", "voter_history", "movers",
    "split_families", "roll_leaves", "late_entries", "device_health", "visits", "disabled_work",
    "progress", "as_of",
)  # fmt: skip
PARTITIONED: Final = (
    "event",
    "person",
    "orphan",
    "voter",
    "side",
    "waiting",
    "placement",
    "tps_count",
    "day_count",
    "step_mark",
)

_SCHEMA_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}").fullmatch
_MIGRATION_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql").fullmatch


class SchemaVersion(EcoklitError):
    """The schema was made by a newer program, or is not one of ours."""

    def __init__(self, message: str) -> None:
        super().__init__("schema_version", message)


@cache
def query(name: str) -> str:
    """The statement in projections/queries/NAME.sql."""
    return data_path("projections", "queries", f"{name}.sql").read_text()


@cache
def office_query(name: str) -> str:
    """The statement in projections/office/queries/NAME.sql."""
    return data_path("projections", "office", "queries", f"{name}.sql").read_text()


@cache
def migrations(*room: str) -> tuple[tuple[int, str, str], ...]:
    """(number, name, SQL) of every migration of the projection, or of the `room` below it, in order."""
    found = []
    for entry in data_path("projections", *room, "migrations").iterdir():
        if match := _MIGRATION_NAME(entry.name):
            found.append((int(match[1]), match[2], entry.read_text()))
    return tuple(sorted(found))


def quoted(schema: str) -> str:
    """The schema's name as SQL; ValueError when it is not one that this program makes."""
    if _SCHEMA_NAME(schema) is None:
        raise ValueError(f"{schema!r} is no schema name of a-z, 0-9 and _, at most 48 long")
    return f'"{schema}"'


def office_of(schema: str) -> str:
    """The name, as SQL, of the office's schema beside the projection `schema`: accounts, read log, exports."""
    return f'{quoted(schema)[:-1]}_office"'


async def prepare_office(connection: asyncpg.Connection, schema: str) -> None:
    """As `prepare`, the office's schema beside the projection `schema`, which no rebuild touches."""
    async with connection.transaction():
        await _lock(connection, office_of(schema))
        await _migrate(connection, office_of(schema), migrations("office"), "use the newer ecoklit")


async def prepare(connection: asyncpg.Connection, schema: str) -> None:
    """Make `schema`, or bring it up to date; all of it or nothing. The connection's search_path becomes the schema.

    Raises SchemaVersion when it has migrations that this program does not know.
    """
    advice = "use the newer ecoklit, or run `ecoklit rebuild`, which makes the schema anew from the journal"
    async with connection.transaction():
        await _lock(connection, quoted(schema))
        # Names that are spelt nearly alike; a trusted extension, in `public` since every schema of ours may go.
        await connection.execute("create extension if not exists pg_trgm with schema public")
        has_changed = await _migrate(connection, quoted(schema), migrations(), advice)
        mark = await connection.fetchval("select obj_description($1::regnamespace, 'pg_namespace')", schema)
        if has_changed or mark != views_mark():
            await make_views(connection, schema)


async def _lock(connection: asyncpg.Connection, schema: str) -> None:
    # Two programs that start at once must not migrate at once.
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"migrate {schema}")


async def _migrate(
    connection: asyncpg.Connection, schema: str, known: tuple[tuple[int, str, str], ...], advice: str
) -> bool:
    """Apply what is missing of `known` to the schema named so in SQL, made if it is absent; whether anything was."""
    await connection.execute(f"create schema if not exists {schema}")
    await connection.execute(f"set search_path = {schema}")
    applied: set[int] = set()
    if await connection.fetchval("select to_regclass($1) is not null", f"{schema}.migration"):
        applied = {row["number"] for row in await connection.fetch("select number from migration")}
    newest = max(number for number, _, _ in known)
    if applied and max(applied) > newest:
        raise SchemaVersion(
            f"The database schema {schema} has migration {max(applied)} and this program knows {newest}: {advice}."
        )
    missing = [migration for migration in known if migration[0] not in applied]
    for number, name, sql in missing:
        await connection.execute(sql)
        await connection.execute("insert into migration (number, name) values ($1, $2)", number, name)
    return bool(missing)


async def make_views(connection: asyncpg.Connection, schema: str) -> None:
    """Make every view anew, grant them to the analyst, and mark the schema with what they were made from."""
    for name in reversed(VIEWS):  # a view may read those before it
        await connection.execute(f"drop view if exists {name}")
    for text in _views_and_grants():
        names = ", ".join(f"'{name}'" for name in VIEWS)
        await connection.execute(text.replace("{schema}", quoted(schema)).replace("{views}", names))
    await connection.execute(f"comment on schema {quoted(schema)} is '{views_mark()}'")


@cache
def views_mark() -> str:
    """What tells one set of views and grants from another."""
    return f"ecoklit, views {ids.sha256(chr(0).join(_views_and_grants()).encode()).hex()[:16]}"


@cache
def _views_and_grants() -> tuple[str, ...]:
    views = (data_path("projections", "views", f"{name}.sql").read_text() for name in VIEWS)
    return (*views, data_path("projections", "grants.sql").read_text())


async def add_regency(connection: asyncpg.Connection, regency: str, election: str) -> None:
    """Make the partitions of a regency and its first checkpoint, where they are missing."""
    if not (regency.isascii() and regency.isdigit() and len(regency) == 4):
        raise ValueError(f"{regency!r} is no regency code of 4 digits")
    async with connection.transaction():
        # Creating a partition locks its parent: only when it is missing.
        if not await connection.fetchval("select exists (select from checkpoint where regency = $1)", regency):
            for table in PARTITIONED:
                await connection.execute(
                    f"create table if not exists {table}_{regency} partition of {table} for values in ('{regency}')"
                )
                # So that rows of one regency can be copied straight into its partition, without naming it.
                await connection.execute(f"alter table {table}_{regency} alter column regency set default '{regency}'")
            await connection.execute(f"select watch_voters('voter_{regency}'), watch_events('event_{regency}')")
            await connection.execute(query("begin_regency"), regency, election)
