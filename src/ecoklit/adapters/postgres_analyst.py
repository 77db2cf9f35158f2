"""Lists and figures for analysts, from the projection: `ports.AnalystReader`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from ecoklit.adapters.postgres_reader import (
    Connection,
    NotProjected,
    PostgresReader,
    UnknownArea,
    demand_projected,
    level_of,
    recap_rows,
    tps_digest,
    with_cells,
)
from ecoklit.adapters.postgres_schema import query
from ecoklit.core import ids
from ecoklit.ports import Answer, AsOf, Edition, Mark, Only, Order, Paged, Wanted

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

    async def edition(self, regency: str) -> Edition:
        async with self._reader.snapshot() as connection:
            return await _edition(connection, regency)

    async def page(
        self, name: str, regency: str, arguments: Sequence[object], wanted: Wanted, tps: str | None = None
    ) -> Paged:
        statement, values = _page(query(name), arguments, wanted)
        async with self._reader.snapshot() as connection:
            edition = await _edition(connection, regency)
            rows = await connection.fetch(statement, *values)
            digest = None if tps is None else await tps_digest(connection, regency, tps)
        return Paged(edition, [dict(row) for row in rows], digest)

    async def recap(self, area: str, level: str) -> Paged:
        level_of(area)
        regency = area[:4]
        async with self._reader.snapshot() as connection:
            edition = await _edition(connection, regency)
            rows = await recap_rows(connection, regency, area, level)
            digest = await tps_digest(connection, regency, area) if ids.is_tps(area) else None
        return Paged(edition, rows, digest)

    async def province(self, province: str, level: str) -> tuple[list[AsOf], list[dict[str, Any]]]:
        async with self._reader.snapshot() as connection:
            moments = await connection.fetch(query("province_as_of"), province)
            rows = await connection.fetch(query("province_recap"), province, level)
            cells = await connection.fetch(query("province_disability_shown"), province, level)
        if not moments:
            raise NotProjected(f"No regency of province {province} is projected into this database.")
        return [AsOf(*row.values()) for row in moments], with_cells(rows, cells)

    async def out_of_count(self, regency: str) -> dict[str, int]:
        async with self._reader.snapshot() as connection:
            rows = await connection.fetch(query("out_of_count"), regency)
        return {row["standing"]: row["count"] for row in rows}

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


async def _edition(connection: Connection, regency: str) -> Edition:
    row = await connection.fetchrow(query("edition"), regency)
    if row is None:
        raise NotProjected(f"Regency {regency} is not projected into this database: run `ecoklit project` for it.")
    *moment, generation, revision = row
    return Edition(AsOf(*moment), generation, revision)


def _page(listed: str, arguments: Sequence[object], wanted: Wanted) -> tuple[str, list[object]]:
    """The statement that gives the wanted rows of the list that `listed` gives, and what it is given."""
    values = [*arguments]

    def given(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    order = [term for one in wanted.order for term in _terms(one)]
    conditions = [_condition(one, given(list(one.values))) for one in wanted.only]
    if wanted.after is not None:
        beyond = ", ".join(given(value) for value in wanted.after)
        conditions.append(f"({', '.join(order)}) > ({beyond})")
    where = f"where {' and '.join(conditions)}" if conditions else ""
    rows_max = given(wanted.rows_max)
    return f"select * from (\n{listed}\n) listed {where} order by {', '.join(order)} limit {rows_max}", values


def _terms(order: Order) -> list[str]:
    """What `ports.order_of` gives of a row, in SQL."""
    column = f'listed."{order.column}"'
    if order.absent_last:
        return [f"{column} is null", f"coalesce({column}, '')"]
    return [f"-{column}" if order.descending else f"{column}::text" if order.as_text else column]


def _condition(only: Only, given: str) -> str:
    column = f'listed."{only.column}"'
    return f"{column} && {given}" if only.has_several else f"{column} = any ({given})"
