"""The lists of a regency as they are at one moment, from the projection: `ports.ExportSource`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ecoklit.adapters.postgres_reader import Connection, NotProjected, PostgresReader, tps_digest
from ecoklit.adapters.postgres_schema import query
from ecoklit.ports import AsOf, ExportedRoll


class LiveLists:
    """`ports.ExportSource` in one snapshot, on a connection of its own."""

    def __init__(self, connection: Connection, as_of: AsOf, registry: int) -> None:
        self.as_of = as_of
        self.registry = registry
        self._connection = connection

    async def voters(self, area: str) -> int:
        """How many stand on the lists of the area."""
        row = await self._connection.fetchrow(query("export_voters"), self.as_of.regency, area)
        return 0 if row is None else int(row["voters"])

    async def tps(self, area: str) -> list[str]:
        rows = await self._connection.fetch(query("export_tps"), self.as_of.regency, area)
        return [row["tps"] for row in rows]

    async def roll(self, tps: str) -> ExportedRoll:
        digest = await tps_digest(self._connection, self.as_of.regency, tps)
        rows = await self._connection.fetch(query("export_roll"), self.as_of.regency, tps)
        return ExportedRoll(digest, rows)


@asynccontextmanager
async def open_live_lists(reader: PostgresReader, regency: str) -> AsyncIterator[LiveLists]:
    """The lists as whoever `reader` reads for may see them. The snapshot is held while the block runs.

    Raises NotProjected, RollUnavailable.
    """
    async with reader.snapshot() as connection:
        row = await connection.fetchrow(query("export_as_of"), regency)
        if row is None:
            raise NotProjected(f"Regency {regency} is not projected into this database: run `ecoklit project` for it.")
        as_of = AsOf(row["regency"], row["election"], row["events"], row["persons"])
        yield LiveLists(connection, as_of, row["registry"])
