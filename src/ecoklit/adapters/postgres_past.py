"""What was held at an earlier moment, from the projection: `ports.PastReader`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from ecoklit.adapters.postgres_reader import PostgresReader, demand_projected
from ecoklit.adapters.postgres_schema import query
from ecoklit.core import roll
from ecoklit.ports import AsOf, ListedThen, Mark, StoredEvent

_BEFORE_ALL: Final = "00000000-0000-0000-0000-000000000000"


class PostgresPast:
    """`ports.PastReader` beside `reader`, whose connections it uses. `reader` must be the service's own, unlimited.

    Whom an earlier list shows may stand elsewhere today, so rights are judged by the area that is asked about.
    """

    def __init__(self, reader: PostgresReader) -> None:
        self._reader = reader

    async def as_of(self, regency: str) -> AsOf:
        return await self._reader.as_of(regency)

    async def mark(self, regency: str, position: int) -> Mark | None:
        return await self._mark("past_mark", regency, position)

    async def mark_when(self, regency: str, moment: datetime) -> Mark | None:
        return await self._mark("mark_when", regency, moment)

    async def rolls(self, regency: str) -> tuple[AsOf, int, dict[str, bytes]]:
        async with self._reader.snapshot() as connection:
            as_of = await demand_projected(connection, regency)
            (checkpoint,) = await connection.fetch(query("checkpoint"), regency)
            leaves = await connection.fetch(query("leaves"), regency)
        return as_of, checkpoint["registry"], roll.digests(tuple(row) for row in leaves)

    async def placed(self, regency: str, area: str, after: str, voters_max: int) -> list[str]:
        async with self._reader.snapshot() as connection:
            rows = await connection.fetch(query("placed_within"), regency, area, after or _BEFORE_ALL, voters_max)
        return [row["voter"] for row in rows]

    async def tps_placed(self, regency: str, area: str) -> list[str]:
        async with self._reader.snapshot() as connection:
            rows = await connection.fetch(query("tps_placed"), regency, area)
        return [row["tps"] for row in rows]

    async def events_until(self, regency: str, voters: Sequence[str], events: int, persons: int) -> list[StoredEvent]:
        async with self._reader.snapshot() as connection:
            rows = await connection.fetch(query("events_until"), regency, voters, events, persons)
        return [StoredEvent(*row.values()) for row in rows]

    async def held_until(self, regency: str, dots: Collection[tuple[str, int]], events: int) -> set[tuple[str, int]]:
        named = sorted(dots)
        async with self._reader.snapshot() as connection:
            rows = await connection.fetch(
                query("dots_until"), regency, [device for device, _ in named], [seq for _, seq in named], events
            )
        return {(row["device"], row["seq"]) for row in rows}

    async def strays_until(self, regency: str, events: int) -> list[StoredEvent]:
        async with self._reader.snapshot() as connection:
            rows = await connection.fetch(query("strays_until"), regency, events)
        return [StoredEvent(*row.values()) for row in rows]

    async def heard(self, regency: str, positions: Sequence[int]) -> dict[int, datetime]:
        async with self._reader.snapshot() as connection:
            rows = await connection.fetch(query("heard"), regency, positions)
        return {row["position"]: row["at"] for row in rows}

    async def alike(
        self, regency: str, area: str, likeness_min: float, listed: Sequence[ListedThen]
    ) -> list[dict[str, Any]]:
        # A name given here stands before the view of that name.
        statement = (
            f"with listed_voter as (\n{query('listed_then')}\n) select * from (\n{query('duplicates')}\n) as found"
        )
        given = msgspec.json.encode([one._asdict() for one in listed]).decode()
        async with self._reader.snapshot() as connection:
            rows = await connection.fetch(statement, regency, area, likeness_min, given)
        return [dict(row) for row in rows]

    async def _mark(self, name: str, regency: str, value: object) -> Mark | None:
        async with self._reader.snapshot() as connection:
            await demand_projected(connection, regency)
            row = await connection.fetchrow(query(name), regency, value)
        return None if row is None else Mark(*row.values())
