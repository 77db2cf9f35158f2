"""Whom marks are made of, from the projection, some thousand people at a time: `ports.PeopleReader`."""

from collections.abc import AsyncIterator
from typing import Final

from ecoklit.adapters.postgres_reader import PostgresReader, demand_projected, level_of
from ecoklit.adapters.postgres_schema import query
from ecoklit.ports import AsOf, ListPerson

PEOPLE_MAX: Final = 5_000  # read at once
_BEFORE_ALL: Final = "00000000-0000-0000-0000-000000000000"


class PostgresPeople:
    """People of the lists beside `reader`, the service's own: they come with whole numbers, and only marks leave."""

    def __init__(self, reader: PostgresReader) -> None:
        self._reader = reader

    async def as_of(self, regency: str) -> AsOf:
        return await self._reader.as_of(regency)

    async def regencies(self) -> list[str]:
        """The regencies that are projected here."""
        async with self._reader.snapshot() as connection:
            return [row["regency"] for row in await connection.fetch(query("regencies"))]

    def listed(self, area: str) -> AsyncIterator[ListPerson]:
        """Who is on the lists of the area."""
        return self._people("listed_people", area)

    def removed(self, area: str) -> AsyncIterator[ListPerson]:
        """Who stands on a roll of the area and is off the list; `why` is the removal."""
        return self._people("removed_people", area)

    def leaving(self, area: str) -> AsyncIterator[ListPerson]:
        """Who left the area for another regency (`why`: gone), or is said to have (proposed)."""
        return self._people("leaving_people", area)

    async def _people(self, name: str, area: str) -> AsyncIterator[ListPerson]:
        level_of(area)
        after = _BEFORE_ALL
        while True:
            async with self._reader.snapshot() as connection:
                await demand_projected(connection, area[:4])
                rows = await connection.fetch(query(name), area[:4], area, after, PEOPLE_MAX)
            for row in rows:
                yield ListPerson(*row.values())
            if len(rows) < PEOPLE_MAX:
                return
            after = rows[-1]["voter"]
