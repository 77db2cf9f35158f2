"""Exact copies of what a journal held, from the projection: `ports.Copies`."""

from collections.abc import Sequence

import asyncpg

from ecoklit.adapters.postgres_reader import PostgresReader, demand_projected
from ecoklit.adapters.postgres_schema import query
from ecoklit.ports import StoredEvent


class PostgresCopies:
    """`ports.Copies` beside `reader`, whose connections it uses."""

    def __init__(self, reader: PostgresReader) -> None:
        self._reader = reader

    async def ends(self, regency: str) -> list[tuple[str, int, bytes]]:
        return [(row["device"], row["seq"], row["hash"]) for row in await self._fetch("log_ends", regency)]

    async def named_at(self, regency: str, positions: Sequence[int]) -> dict[int, tuple[str, int]]:
        rows = await self._fetch("named_at", regency, positions)
        return {row["position"]: (row["device"], row["seq"]) for row in rows}

    async def copies(self, regency: str, dots: Sequence[tuple[str, int]]) -> dict[tuple[str, int], StoredEvent]:
        rows = await self._fetch("copies", regency, [device for device, _ in dots], [seq for _, seq in dots])
        return {(row["device"], row["seq"]): StoredEvent(*(row[name] for name in StoredEvent._fields)) for row in rows}

    async def _fetch(self, name: str, regency: str, *arguments: object) -> list[asyncpg.Record]:
        async with self._reader.snapshot() as connection:
            await demand_projected(connection, regency)
            return await connection.fetch(query(name), regency, *arguments)
