"""The projection's part in an erasure: `ports.ErasureReader`.

PostgreSQL leaves deleted rows in its files, and in its log of changes. So what is personal is written anew, with the
planner's samples of it, and the log is begun anew behind a checkpoint. Each needs a right: the owner of the tables has
the first, an embedded server's user all of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from typing import Final

import asyncpg

from ecoklit.adapters.postgres_connection import open_connection, translated
from ecoklit.adapters.postgres_reader import PostgresReader, demand_projected
from ecoklit.adapters.postgres_schema import query, quoted
from ecoklit.ports.erasure import Projected

PERSONAL: Final = ("person", "orphan", "voter", "side")
"""The tables that hold something personal; of each a regency has a partition."""
_BESIDE: Final = (
    "vacuum (full) pg_catalog.pg_statistic",
    # Twice: what a checkpoint leaves behind is removed by the next.
    "checkpoint",
    "select pg_switch_wal()",
    "checkpoint",
)


class PostgresErasure:
    """`ports.ErasureReader` of a regency, beside `reader`; `dsn` is the owner's way to the schema."""

    def __init__(self, reader: PostgresReader, dsn: str, schema: str, regency: str) -> None:
        self._reader = reader
        self._dsn = dsn
        self._schema = schema
        self._regency = regency

    async def projected(self) -> Projected:
        async with self._reader.snapshot() as connection:
            await demand_projected(connection, self._regency)
            (row,) = await connection.fetch(query("checkpoint"), self._regency)
        return Projected(row["events"], row["registry"])

    async def dots_of(self, voters: Collection[str]) -> list[tuple[str, int]]:
        async with self._reader.snapshot() as connection:
            rows = await connection.fetch(query("dots_about"), self._regency, list(voters))
        return [(row["device"], row["seq"]) for row in rows]

    async def rewrite(self) -> None:
        with translated():
            connection = await open_connection(self._dsn, search_path=quoted(self._schema))
            try:
                for table in PERSONAL:
                    await connection.execute(f"vacuum (full, analyze) {quoted(f'{table}_{self._regency}')}")
                for statement in _BESIDE:
                    # A hosted database keeps these to its administrator (docs/PRIVACY.md).
                    with contextlib.suppress(asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError):
                        await connection.execute(statement)
            finally:
                await connection.close()
