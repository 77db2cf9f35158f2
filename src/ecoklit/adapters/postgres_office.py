"""What the office asks about phones and rolls, from the projection: `ports.OfficeReader`."""

from collections.abc import Sequence

import asyncpg

from ecoklit.adapters.postgres_reader import PostgresReader, demand_projected
from ecoklit.adapters.postgres_schema import query
from ecoklit.core import ids
from ecoklit.core.merkle import tree_head
from ecoklit.ports import LastHeld, OpenAt, PlacedVoter, StoredEvent


class PostgresOffice:
    """`ports.OfficeReader` beside `reader`, whose connections it uses."""

    def __init__(self, reader: PostgresReader) -> None:
        self._reader = reader

    async def voters_at(self, tps: str) -> list[PlacedVoter]:
        rows = await self._fetch("voters_at", ids.regency_of(tps), tps)
        return [PlacedVoter(*row.values()) for row in rows]

    async def events_at(self, tps: str) -> list[StoredEvent]:
        return _events(await self._fetch("events_at", ids.regency_of(tps), tps))

    async def events_with(self, regency: str, standings: Sequence[str]) -> list[StoredEvent]:
        return _events(await self._fetch("events_with", regency, standings))

    async def events_about(self, regency: str, voters: Sequence[str]) -> list[StoredEvent]:
        return _events(await self._fetch("events_about", regency, voters))

    async def event_named(self, regency: str, device: str, seq: int) -> StoredEvent | None:
        found = _events(await self._fetch("event_named", regency, device, seq))
        return found[0] if found else None

    async def last_seqs(self, regency: str, devices: Sequence[str]) -> dict[str, int]:
        rows = await self._fetch("last_seqs", regency, devices)
        return {row["device"]: row["seq"] for row in rows}

    async def last_held(self, regency: str, devices: Sequence[str]) -> dict[str, LastHeld]:
        rows = await self._fetch("last_held", regency, devices)
        return {row["device"]: LastHeld(row["seq"], row["position"]) for row in rows}

    async def open_at(self, area: str) -> dict[str, OpenAt]:
        rows = await self._fetch("open_at", area[:4], area)
        return {row["tps"]: OpenAt(row["in_conflict"], row["proposed"], tree_head(row["leaves"])) for row in rows}

    async def _fetch(self, name: str, regency: str, *arguments: object) -> list[asyncpg.Record]:
        async with self._reader.snapshot() as connection:
            await demand_projected(connection, regency)
            return await connection.fetch(query(name), regency, *arguments)


def _events(rows: list[asyncpg.Record]) -> list[StoredEvent]:
    return [StoredEvent(*row.values()) for row in rows]
