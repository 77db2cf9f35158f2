"""People with SQL: a login of the database for an account, bound to its areas by the database itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg
from asyncpg import exceptions

from ecoklit.adapters.postgres_connection import open_connection, translated
from ecoklit.adapters.postgres_schema import DEFAULT_SCHEMA, office_of, quoted
from ecoklit.errors import EcoklitError
from ecoklit.ports import SqlAccount, SqlLogin

CONNECTIONS_MAX: Final = 5
SCRAM_ITERATIONS: Final = 4096
SESSION: Final = {"statement_timeout": "5min", "idle_in_transaction_session_timeout": "10min"}
"""For whoever forgets a question, or a transaction that keeps the projector's old rows. A session may say otherwise."""
_SALT_BYTES: Final = 16
_MADE: Final = """
select r.rolname as login, r.rolvaliduntil as until, array_agg(s.area order by s.area) as areas
from {office}.sql_area s
join pg_roles r on r.rolname = s.login
group by 1, 2
order by 1
"""


class PostgresSqlPeople:
    """`ports.SqlPeople` on the database at `dsn`, whose projection is in `schema`."""

    def __init__(self, dsn: str, *, schema: str = DEFAULT_SCHEMA) -> None:
        self._dsn = dsn
        self._schema = quoted(schema)
        self._office = office_of(schema)

    async def account(self, login: str) -> SqlAccount | None:
        row = await self._ask(
            f"select role, areas, account from {self._office}.account where login = $1 and closed_at is null", login
        )
        return SqlAccount(login, row[0]["role"], tuple(row[0]["areas"]), str(row[0]["account"])) if row else None

    async def voters_within(self, area: str) -> int:
        row = await self._ask("select coalesce(sum(on_list), 0) as n from tps_count where starts_with(tps, $1)", area)
        return int(row[0]["n"]) if row else 0

    async def logins(self) -> list[SqlLogin]:
        return [
            SqlLogin(row["login"], tuple(row["areas"]), row["until"])
            for row in await self._ask(_MADE.format(office=self._office))
        ]

    async def open_to(self, login: str, areas: Sequence[str], password: str, until: datetime) -> None:
        """Rights and areas are one transaction: no login is ever open without its bounds."""
        connection = await self._connect()
        try:
            with translated():
                async with connection.transaction():
                    await self._refuse_stranger(connection, login)
                    await self._write_areas(connection, login, areas)
                    await self._make_role(connection, login, scram_verifier(password), until)
        finally:
            await connection.close()

    async def close_to(self, login: str) -> None:
        connection = await self._connect()
        try:
            with translated():
                async with connection.transaction():
                    if not await self._is_ours(connection, login):
                        raise EcoklitError("unknown_login", f"{login} has no login for SQL: see 'account sql --list'.")
                    await connection.execute(f"delete from {self._office}.sql_area where login = $1", login)
                    # A session that is open keeps its connection and sees no row from here on.
                    await _run(connection, "drop role %I", login)
        finally:
            await connection.close()

    async def left_open(self) -> list[str]:
        """What everybody may still do in this database that projections/close.sql would take away."""
        rows = await self._ask(
            """
            select what from (values
                ('temporary tables', has_database_privilege('public', current_database(), 'temporary')),
                ('advisory locks', has_function_privilege('public', 'pg_advisory_lock(bigint)', 'execute')),
                ('large objects', has_function_privilege('public', 'lo_create(oid)', 'execute'))
            ) as door (what, is_open)
            where is_open
            """
        )
        return [row["what"] for row in rows]

    async def _write_areas(self, connection: asyncpg.Connection, login: str, areas: Sequence[str]) -> None:
        await connection.execute(f"delete from {self._office}.sql_area where login = $1", login)
        await connection.execute(
            f"insert into {self._office}.sql_area (login, area, account)"
            f" select $1, unnest($2::text[]), account from {self._office}.account where login = $1",
            login,
            list(areas),
        )

    async def _make_role(self, connection: asyncpg.Connection, login: str, verifier: str, until: datetime) -> None:
        if not await connection.fetchval("select exists (select from pg_roles where rolname = $1)", login):
            await _run(connection, "create role %I", login)
        # Inherits the analyst's rights and may become nobody: what it is, it stays.
        await _run(
            connection,
            f"alter role %I login inherit connection limit {CONNECTIONS_MAX} password %L valid until %L",
            login,
            verifier,
            until.isoformat(),
        )
        await _run(connection, "grant ecoklit_analyst to %I with inherit true, set false, admin false", login)
        await _run(connection, "alter role %I set search_path = %I", login, self._schema.strip('"'))
        for name, value in SESSION.items():
            await _run(connection, f"alter role %I set {name} = %L", login, value)

    async def _refuse_stranger(self, connection: asyncpg.Connection, login: str) -> None:
        """A role that is there already and was not made here belongs to somebody else."""
        is_there = await connection.fetchval("select exists (select from pg_roles where rolname = $1)", login)
        if is_there and not await self._is_ours(connection, login):
            raise EcoklitError(
                "login_taken",
                f"The database has a role {login} that was not made here: the account needs another login.",
            )

    async def _is_ours(self, connection: asyncpg.Connection, login: str) -> bool:
        found: bool = await connection.fetchval(
            f"select exists (select from {self._office}.sql_area where login = $1)", login
        )
        return found

    async def _ask(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await self._connect()
        try:
            with translated():
                try:
                    return list(await connection.fetch(statement, *arguments))
                except exceptions.UndefinedTableError:
                    return []  # no account was ever made here
        finally:
            await connection.close()

    async def _connect(self) -> asyncpg.Connection:
        return await open_connection(self._dsn, search_path=self._schema)


def scram_verifier(password: str, *, salt: bytes | None = None, iterations: int = SCRAM_ITERATIONS) -> str:
    """What PostgreSQL keeps of a password (RFC 7677): the password itself never leaves this process.

    `password` is printable ASCII, which SASLprep leaves as it is.
    """
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${iterations}:{_base64(salt)}${_base64(stored)}:{_base64(server)}"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


async def _run(connection: asyncpg.Connection, form: str, *names: str) -> None:
    """A statement about roles, whose names and texts the database itself quotes."""
    places = ", ".join(f"${place}::text" for place in range(2, len(names) + 2))
    await connection.execute(await connection.fetchval(f"select format($1, {places})", form, *names))
