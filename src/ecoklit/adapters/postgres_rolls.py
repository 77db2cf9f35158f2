"""`ports.Rolls` on one database: a live schema, and beside it the shadow that takes its place."""

import asyncpg
from asyncpg import exceptions

from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_connection import open_connection, translated
from ecoklit.adapters.postgres_schema import DEFAULT_SCHEMA, query, quoted


class PostgresRolls:
    """The schemas `schema` (live) and `schema`_rebuild (shadow) of the database at `dsn`, for one election."""

    def __init__(self, dsn: str, *, election: str, schema: str = DEFAULT_SCHEMA) -> None:
        self._dsn = dsn
        self._election = election
        self._live = schema
        self._shadow = f"{schema}_rebuild"
        self._old = f"{schema}_old"

    async def regencies(self) -> list[str]:
        connection = await open_connection(self._dsn, search_path=quoted(self._live))
        try:
            with translated():
                try:
                    return [row["regency"] for row in await connection.fetch(query("regencies"))]
                except exceptions.DataCorruptedError:
                    # The table of checkpoints is damaged: each regency has its partitions, and the catalog names them.
                    rows = await connection.fetch(query("regencies_by_partition"), self._live)
                    return [row["regency"] for row in rows]
                except (exceptions.UndefinedTableError, exceptions.UndefinedColumnError):
                    return []
        finally:
            await connection.close()

    def live(self, regency: str) -> PostgresRoll:
        return PostgresRoll(self._dsn, election=self._election, regency=regency, schema=self._live)

    def shadow(self, regency: str) -> PostgresRoll:
        return PostgresRoll(self._dsn, election=self._election, regency=regency, schema=self._shadow)

    async def clear(self) -> None:
        connection = await open_connection(self._dsn)
        try:
            with translated():
                await _drop(connection, self._shadow)
                await _drop(connection, self._old)
        finally:
            await connection.close()

    async def swap(self) -> None:
        connection = await open_connection(self._dsn)
        try:
            with translated():
                async with connection.transaction():
                    await connection.execute(f"alter schema {quoted(self._live)} rename to {quoted(self._old)}")
                    await connection.execute(f"alter schema {quoted(self._shadow)} rename to {quoted(self._live)}")
                # A crash here leaves the old schema behind under a name that nobody reads; the next `clear` drops it.
                await _drop(connection, self._old)
        finally:
            await connection.close()


async def _drop(connection: asyncpg.Connection, schema: str) -> None:
    await connection.execute(f"drop schema if exists {quoted(schema)} cascade")
