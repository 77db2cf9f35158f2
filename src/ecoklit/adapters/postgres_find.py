"""Finding voters in the projection: `services.find.Finder`."""

from __future__ import annotations

from typing import Any

from ecoklit.adapters.postgres_reader import PostgresReader
from ecoklit.adapters.postgres_schema import query


class PostgresFinder:
    """Beside `reader`, which must be the service's own, unlimited: whoever asks is judged before."""

    def __init__(self, reader: PostgresReader) -> None:
        self._reader = reader

    async def find(
        self, regency: str, area: str, nik: str | None, name: str | None, voters_max: int
    ) -> list[dict[str, Any]]:
        async with self._reader.snapshot() as connection:
            rows = await connection.fetch(query("find"), regency, area, nik, name, voters_max)
        return [dict(row) for row in rows]
