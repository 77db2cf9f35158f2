"""What the projection is now: `ports.EditionReader`."""

from __future__ import annotations

from collections.abc import Sequence

from ecoklit.adapters.postgres_reader import NotProjected, PostgresReader
from ecoklit.adapters.postgres_schema import query
from ecoklit.ports import AsOf, Edition
from ecoklit.ports.editions import Footing


class PostgresEditions:
    """`ports.EditionReader` over a reader's connections, as the service for itself."""

    def __init__(self, reader: PostgresReader) -> None:
        self._reader = reader

    async def editions(self, regency: str, tps: Sequence[str]) -> list[Footing]:
        async with self._reader.connection() as connection:
            row = await connection.fetchrow(query("editions"), regency, tps)
        if row is None:
            raise NotProjected(f"Regency {regency} is not projected into this database: run `ecoklit project` for it.")
        *moment, generation, revision, imprints = row
        edition = Edition(AsOf(*moment), generation, revision)
        return [Footing(edition, imprint) for imprint in imprints] or [Footing(edition)]
