"""The lists from the database itself, in SQL, for a person with a login of their own (`ecoklit account sql`)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar

import polars as pl

from ecoklit.adapters.postgres_connection import open_connection, translated
from ecoklit.adapters.postgres_schema import quoted
from ecoklit.errors import EcoklitError
from ecoklit.ports import AsOf

_SETTINGS: Final = {"default_transaction_read_only": "on", "default_transaction_isolation": "repeatable read"}
_DTYPES: Final[dict[str, Any]] = {
    "int2": pl.Int16,
    "int4": pl.Int32,
    "int8": pl.Int64,
    "float4": pl.Float32,
    "float8": pl.Float64,
    "numeric": pl.Float64,
    "bool": pl.Boolean,
    "date": pl.Date,
    "timestamptz": pl.Datetime("us", "UTC"),
    "timestamp": pl.Datetime("us"),
    "bytea": pl.Binary,
}
"""PostgreSQL's types as Polars has them; every other type is text, and an array a list."""

_PART_DIGITS: Final = {"regency": 4, "district": 6, "village": 10, "tps": 13}
_ABOUT: Final = {
    "movers": (
        "select * from movers where regency = $1 and (starts_with(from_tps, $2) or starts_with(to_tps, $2))"
        " order by from_tps, voter"
    ),
    "conflicts": (
        "select * from open_conflicts where regency = $1 and starts_with(tps, $2)"
        " order by tps, voter, register, device, seq"
    ),
    "proposals": (
        "select * from proposals where regency = $1 and starts_with(tps, $2) order by tps, voter, proposal, position"
    ),
    "families": (
        "select * from split_families where regency = $1 and exists"
        " (select from unnest(tps) as one (code) where starts_with(one.code, $2)) order by tps, members"
    ),
    "late": "select * from late_entries where regency = $1 and starts_with(tps, $2) order by position",
}
_Answer = TypeVar("_Answer")


class Database:
    """`Door` on a database. Its work is done by a thread of its own: a notebook has a loop already."""

    def __init__(self, dsn: str, schema: str) -> None:
        self.as_of: AsOf | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ecoklit analyst", daemon=True)
        self._thread.start()
        try:
            self._connection: Any = self._run(open_connection(dsn, search_path=quoted(schema), **_SETTINGS))
        except BaseException:
            self._stop()
            raise

    def voters(self, area: str) -> pl.DataFrame:
        return self._asked(
            area, "select * from voter_list where regency = $1 and starts_with(tps, $2)"
            " order by tps, name nulls last, voter", area,
        )  # fmt: skip

    def recap(self, area: str, level: str) -> pl.DataFrame:
        _demand_level(level, tuple(_PART_DIGITS))
        return self._asked(
            area, "select * from recap where regency = $1 and starts_with(area, $2) and level = $3 order by area",
            area, level,
        )  # fmt: skip

    def progress(self, area: str, level: str) -> pl.DataFrame:
        _demand_level(level, ("district", "village", "tps"))
        return self._asked(
            area,
            "select left(tps, $3::integer) as area, day, kind, sum(n)::bigint as n from progress"
            " where regency = $1 and starts_with(tps, $2) group by 1, 2, 3 order by 1, 2, 3",
            area, _PART_DIGITS[level],
        )  # fmt: skip

    def about(self, name: str, area: str) -> pl.DataFrame:
        return self._asked(area, _ABOUT[name], area)

    def sql(self, statement: str, *arguments: object) -> pl.DataFrame:
        self.as_of = None
        return self._run(self._fetched(statement, *arguments))

    def close(self) -> None:
        if self._thread.is_alive():
            self._run(self._connection.close())
            self._stop()

    def _asked(self, area: str, statement: str, *arguments: object) -> pl.DataFrame:
        async def snapshot() -> tuple[Any, pl.DataFrame]:
            with translated():
                async with self._connection.transaction():
                    moment = await self._connection.fetchrow("select * from as_of where regency = $1", area[:4])
                    return moment, await self._fetched(statement, area[:4], *arguments)

        moment, frame = self._run(snapshot())
        if moment is None:
            # Of an area that is not one's own, the database has nothing to say either.
            raise EcoklitError("not_projected", f"Nothing of {area[:4]} is here for this login: check the code.")
        self.as_of = AsOf(*moment.values())
        return frame

    async def _fetched(self, statement: str, *arguments: object) -> pl.DataFrame:
        with translated():
            prepared = await self._connection.prepare(statement)
            rows = await prepared.fetch(*arguments)
        return frame_of([(one.name, one.type.name) for one in prepared.get_attributes()], rows)

    def _run(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def frame_of(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    """A frame of these columns, (name, PostgreSQL's type), also when there is no row."""
    series = []
    for place, (name, type) in enumerate(columns):
        dtype = _dtype(type)
        values = [row[place] for row in rows]
        if dtype == pl.String:
            values = [None if value is None else str(value) for value in values]
        elif dtype == pl.Float64:
            values = [None if value is None else float(value) for value in values]
        elif dtype == pl.List(pl.String):
            values = [None if value is None else [str(one) for one in value] for value in values]
        series.append(pl.Series(name, values, dtype=dtype))
    return pl.DataFrame(series)


def _dtype(type: str) -> Any:
    if type.endswith("[]"):
        return pl.List(_dtype(type[:-2]))
    return _DTYPES.get(type, pl.String)


def _demand_level(level: str, levels: tuple[str, ...]) -> None:
    if level not in levels:
        raise EcoklitError("bad_argument", f"{level} is no level: give one of {', '.join(levels)}.")
