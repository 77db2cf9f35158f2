"""The database leaves out the counts of few people by the rule of core/suppression.py, whoever asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random
from typing import Any

import asyncpg
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres_reader import PostgresReader, Seen
from ecoklit.adapters.postgres_schema import add_regency, prepare
from ecoklit.core.suppression import COLUMNS, Cell, shown

REGENCY = "9404"
DIGITS = {"regency": 4, "district": 6, "village": 10, "tps": 13}


@pytest_asyncio.fixture(loop_scope="session")
async def connection(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(postgres_server.dsn, server_settings={"ecoklit.areas": "*"})
    await prepare(opened, schema)
    await add_regency(opened, REGENCY, "e2024")
    yield opened
    await opened.close()


def made_up(chance: Random) -> dict[str, tuple[int, tuple[int, ...]]]:
    """TPS of a small regency → its list, and how many on it have each disability: few, many, or none."""
    rows: dict[str, tuple[int, tuple[int, ...]]] = {}
    for district in range(1, chance.randint(2, 5)):
        for village in range(1, chance.randint(2, 4)):
            for place in range(1, chance.randint(2, 5)):
                on_list = chance.choice((0, 2, 90, 300, 300))
                most = chance.choice((1, 4, 9, 30))
                counts = tuple(min(on_list, chance.randint(0, most)) for _ in COLUMNS)
                rows[f"{REGENCY}{district:02}{2000 + village}{place:03}"] = (on_list, counts)
    return rows


async def put(connection: asyncpg.Connection, rows: dict[str, tuple[int, tuple[int, ...]]]) -> None:
    columns = await connection.fetch(
        "select quote_ident(attname) from pg_attribute where attrelid = 'tps_count'::regclass and attnum > 0"
    )
    named = [name for (name,) in columns]
    await connection.execute("delete from tps_count")
    places = ", ".join(f"${number}" for number in range(1, len(named) + 1))
    statement = f"insert into tps_count ({', '.join(named)}) values ({places})"
    for tps, (on_list, counts) in rows.items():
        known = {"regency": REGENCY, "tps": tps, "listed": max(on_list, 1), "on_list": on_list}
        values = known | dict(zip(COLUMNS, counts, strict=True))
        await connection.execute(statement, *(values.get(name, 0) for name in named))


def expected(rows: dict[str, tuple[int, tuple[int, ...]]]) -> dict[str, dict[str, int | None]]:
    """Area of any level → what the rule leaves of each column."""
    told: dict[str, dict[str, int | None]] = {}
    for index, column in enumerate(COLUMNS):
        cells: dict[str, Cell] = {}
        for tps, (on_list, counts) in rows.items():
            for digits in DIGITS.values():
                before = cells.get(tps[:digits], Cell(0, 0))
                cells[tps[:digits]] = Cell(before.on_list + on_list, before.counted + counts[index])
        for area, count in shown(cells).items():
            told.setdefault(area, {})[column] = count
    return told


def of_columns(rows: list[dict[str, Any]]) -> dict[str, dict[str, int | None]]:
    return {row["area"]: {column: row[column] for column in COLUMNS} for row in rows}


async def test_the_database_and_the_rule_say_the_same(
    connection: asyncpg.Connection, postgres_server: EmbeddedPostgres, schema: str
) -> None:
    """Of fifteen made-up regencies: the view for people with SQL, and the recap of every area at every level below it,
    for the service itself and for somebody who has that area alone, leave out just what the rule does."""
    left_out = kept = 0
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        for seed in range(15):
            rows = made_up(Random(seed))
            await put(connection, rows)
            right = expected(rows)
            assert of_columns(await connection.fetch("select * from recap")) == right, seed
            whole = [row[name] for row in await connection.fetch("select * from recap_counts") for name in COLUMNS]
            assert None not in whole
            for area in sorted(right)[:: 1 + seed % 3]:
                for level, digits in DIGITS.items():
                    if digits >= len(area):
                        wanted = {code: told for code, told in right.items() if len(code) == digits}
                        wanted = {code: told for code, told in wanted.items() if code.startswith(area)}
                        for asked in (reader, reader.seen_by(Seen((area,)))):
                            assert of_columns((await asked.recap(area, level)).rows) == wanted, (seed, area, level)
            counts = [count for told in right.values() for count in told.values()]
            left_out, kept = left_out + counts.count(None), kept + len(counts) - counts.count(None)
    assert left_out > 500 and kept > 500


async def test_a_part_of_a_sum_is_no_sum(
    connection: asyncpg.Connection, postgres_server: EmbeddedPostgres, schema: str
) -> None:
    """Who has one district sees, above it, only what that district adds: counts of few are never told by that row."""
    await put(connection, {f"{REGENCY}012001001": (300, (9,) * 6), f"{REGENCY}022001001": (300, (2,) * 6)})
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        of_one = reader.seen_by(Seen((f"{REGENCY}02",)))
        async with of_one.snapshot() as asking:
            seen = of_columns(await asking.fetch("select * from recap"))
        assert set(seen) == {REGENCY, f"{REGENCY}02", f"{REGENCY}022001", f"{REGENCY}022001001"}
        assert {count for told in seen.values() for count in told.values()} == {None}
        assert of_columns((await of_one.recap(REGENCY, "regency")).rows)[REGENCY]["visual"] is None
        assert of_columns((await reader.recap(REGENCY, "regency")).rows)[REGENCY]["visual"] == 11


async def test_people_with_sql_have_no_other_way_to_the_counts(connection: asyncpg.Connection) -> None:
    """The exact counts are in no relation that the analyst's role may read, but the view that is safe."""
    may_read = "select has_table_privilege('ecoklit_analyst', $1::text, 'select')"
    assert [await connection.fetchval(may_read, one) for one in ("recap", "recap_counts", "tps_count")] == [
        True, False, False,
    ]  # fmt: skip
