"""Lists and figures for analysts, from the projection: `ports.AnalystReader`."""

from datetime import datetime
from typing import Final

from ecoklit.adapters.postgres_reader import PostgresReader, UnknownArea, demand_projected, level_of
from ecoklit.adapters.postgres_schema import query
from ecoklit.ports import Answer, Mark

_PART_DIGITS: Final = {"district": 6, "village": 10, "tps": 13}


class PostgresAnalyst:
    """`ports.AnalystReader` beside `reader`, whose connections it uses, and whose limits are its own."""

    def __init__(self, reader: PostgresReader) -> None:
        self._reader = reader

    async def movers(self, area: str) -> Answer:
        return await self._about("movers", area)

    async def split_families(self, area: str) -> Answer:
        return await self._about("split_families", area)

    async def large_tps(self, area: str, limit: int) -> Answer:
        return await self._about("large_tps", area, limit)

    async def duplicates(self, area: str, likeness_min: float) -> Answer:
        return await self._about("duplicates", area, likeness_min)

    async def progress(self, area: str, level: str) -> Answer:
        if level not in _PART_DIGITS:
            raise UnknownArea(f"{level} is no level here: give one of {', '.join(_PART_DIGITS)}.")
        return await self._about("progress", area, _PART_DIGITS[level])

    async def work(self, area: str) -> Answer:
        return await self._about("work", area)

    async def disabled_work(self, area: str) -> Answer:
        return await self._about("disabled_work", area)

    async def late(self, area: str) -> Answer:
        return await self._about("late", area)

    async def visits(self, area: str) -> Answer:
        return await self._about("visits", area)

    async def device_health(self, regency: str) -> Answer:
        async with self._reader.snapshot() as connection:
            as_of = await demand_projected(connection, regency)
            rows = await connection.fetch(query("device_health"), regency)
        return Answer(as_of, [dict(row) for row in rows])

    async def mark_at(self, regency: str, position: int) -> Mark | None:
        return await self._mark("mark_at", regency, position)

    async def mark_when(self, regency: str, moment: datetime) -> Mark | None:
        return await self._mark("mark_when", regency, moment)

    async def _about(self, name: str, area: str, *arguments: object) -> Answer:
        level_of(area)
        regency = area[:4]
        async with self._reader.snapshot() as connection:
            as_of = await demand_projected(connection, regency)
            rows = await connection.fetch(query(name), regency, area, *arguments)
        return Answer(as_of, [dict(row) for row in rows])

    async def _mark(self, name: str, regency: str, value: object) -> Mark | None:
        async with self._reader.snapshot() as connection:
            await demand_projected(connection, regency)
            row = await connection.fetchrow(query(name), regency, value)
        return None if row is None else Mark(*row.values())
