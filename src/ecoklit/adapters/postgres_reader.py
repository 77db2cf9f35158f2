"""The read side of the projection, for people: every answer is one snapshot, and says as of which position.

Anybody may read while the projector writes; a reader takes no lease and changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, Self

import asyncpg
import msgspec
from asyncpg import exceptions

from ecoklit.adapters.postgres_connection import open_pool, translated
from ecoklit.adapters.postgres_schema import DEFAULT_SCHEMA, query, quoted
from ecoklit.core import ids, roll
from ecoklit.core.merkle import tree_head
from ecoklit.core.suppression import COLUMNS
from ecoklit.errors import EcoklitError
from ecoklit.ports import Answer, AsOf, Numbers, RollAnswer

_LEVELS: Final = {4: "regency", 6: "district", 10: "village", 13: "tps"}
_BELOW: Final = {"regency": "district", "district": "village", "village": "tps", "tps": "tps"}
_SESSION: Final = {
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "repeatable read",
    "ecoklit.areas": "*",  # the service for itself; for people it says theirs
}


Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy


class NotProjected(EcoklitError):
    """This database holds no roll of that regency."""

    def __init__(self, message: str) -> None:
        super().__init__("not_projected", message)


class UnknownArea(EcoklitError):
    """The code names no area that can be asked about."""

    def __init__(self, message: str) -> None:
        super().__init__("unknown_area", message)


class Seen(NamedTuple):
    """What somebody may see: the TPS whose codes begin with one of `areas`; whole identity numbers when `unmasked`."""

    areas: tuple[str, ...]
    unmasked: bool = False


class PostgresReader:
    """`ports.RollReader` on one schema. `async with PostgresReader(dsn) as reader: await reader.recap("9404")`."""

    def __init__(self, dsn: str, *, schema: str = DEFAULT_SCHEMA) -> None:
        self._dsn = dsn
        self._schema = schema
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._seen: Seen | None = None

    def seen_by(self, seen: Seen) -> "PostgresReader":
        """The same database as somebody may see it: rows of other areas are not there, whatever is asked.

        It uses this one's connections, and is closed with it. Rights are the database's own here (row-level security
        under a role that owns nothing), beside those that the service has checked before.
        """
        limited = PostgresReader(self._dsn, schema=self._schema)
        limited._seen = seen
        limited.connection = self.connection  # type: ignore[method-assign]
        return limited

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give up the connections. Closing twice changes nothing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            with translated():
                await pool.close()

    async def as_of(self, regency: str) -> AsOf:
        async with self.snapshot() as connection:
            return await demand_projected(connection, regency)

    async def roll(self, tps: str) -> RollAnswer:
        if level_of(tps) != "tps":
            raise UnknownArea(f"{tps} is no TPS: give its 13 digits (village 10, then TPS 3).")
        regency = ids.regency_of(tps)
        async with self.snapshot() as connection:
            as_of = await demand_projected(connection, regency)
            digest = await tps_digest(connection, regency, tps)
            rows = await connection.fetch(query("roll"), regency, tps)
        return RollAnswer(as_of, tps, digest, [dict(row) for row in rows])

    async def recap(self, area: str, level: str | None = None) -> Answer:
        below, regency = _BELOW[level_of(area)], area[:4]
        async with self.snapshot() as connection:
            as_of = await demand_projected(connection, regency)
            return Answer(as_of, await recap_rows(connection, regency, area, level or below))

    async def conflicts(self, area: str) -> Answer:
        return await self._about("conflicts", area)

    async def proposals(self, area: str) -> Answer:
        return await self._about("proposals", area)

    async def open_questions(self, area: str) -> tuple[AsOf, list[dict[str, Any]], list[dict[str, Any]]]:
        """The sides of every open conflict in the area, and its proposals, of one moment."""
        level_of(area)
        async with self.snapshot() as connection:
            as_of = await demand_projected(connection, area[:4])
            sides = await connection.fetch(query("conflicts"), area[:4], area)
            proposals = await connection.fetch(query("proposals"), area[:4], area)
        return as_of, [dict(row) for row in sides], [dict(row) for row in proposals]

    async def history(self, voter: str) -> list[dict[str, Any]]:
        _refuse_no_voter(voter)
        async with self.snapshot() as connection:
            rows = await connection.fetch(query("history"), voter)
        return [_decoded(row) for row in rows]

    async def numbers(self, regency: str, voter: str) -> tuple[AsOf, Numbers] | None:
        _refuse_no_voter(voter)
        async with self.snapshot() as connection:
            as_of = await demand_projected(connection, regency)
            row = await connection.fetchrow(query("numbers"), regency, voter)
        return None if row is None else (as_of, Numbers(row["tps"], row["nik"], row["nkk"]))

    async def state(self, voter: str) -> list[bytes]:
        _refuse_no_voter(voter)
        async with self.snapshot() as connection:
            return [row["line"] for row in await connection.fetch(query("state"), voter)]

    async def digests(self, regency: str) -> tuple[AsOf, dict[str, bytes]]:
        async with self.snapshot() as connection:
            as_of = await demand_projected(connection, regency)
            rows = await connection.fetch(query("leaves"), regency)
        # A second for each million voters: whoever pushes meanwhile must not wait for it.
        return as_of, await asyncio.to_thread(roll.digests, (tuple(row) for row in rows))

    async def standings(self, regency: str) -> dict[str, int]:
        async with self.snapshot() as connection:
            rows = await connection.fetch(query("standings"), regency)
        return {row["standing"]: row["count"] for row in rows}

    async def _about(self, name: str, area: str, *arguments: str) -> Answer:
        level_of(area)
        regency = area[:4]
        async with self.snapshot() as connection:
            as_of = await demand_projected(connection, regency)
            rows = await connection.fetch(query(name), regency, area, *arguments)
        return Answer(as_of, [dict(row) for row in rows])

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A transaction that sees one moment, whatever the projector commits meanwhile."""
        async with self.connection() as connection:
            if self._seen is None:
                async with connection.transaction():
                    yield connection
            else:
                async with seen_as(connection, self._seen):
                    yield connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection, on which each statement by itself sees one moment."""
        async with self._opening:
            if self._pool is None:
                self._pool = await open_pool(self._dsn, search_path=quoted(self._schema), **_SESSION)
        with translated():
            try:
                async with self._pool.acquire() as connection:
                    yield connection
            except exceptions.UndefinedTableError as error:
                raise NotProjected(
                    f"The database has no schema {self._schema} of ours: run `ecoklit project`, which makes it."
                ) from error


@asynccontextmanager
async def seen_as(connection: Connection, seen: Seen) -> AsyncIterator[None]:
    """A transaction that reads as somebody may see it."""
    # They stand in the statement itself: what is no code sees nothing anyway.
    areas = ",".join(area for area in seen.areas if area.isascii() and area.isdigit())
    begin = query("see_as").replace("{areas}", areas).replace("{unmasked}", "on" if seen.unmasked else "")
    try:
        await connection.execute(begin)
        yield
    finally:
        # Nothing was written. A connection that was lost meanwhile has nothing to end.
        if not connection.is_closed():
            await connection.execute("rollback")


def level_of(area: str) -> str:
    """regency, district, village or tps; UnknownArea when the code is none."""
    if len(area) not in _LEVELS or not (ids.is_area(area) or ids.is_tps(area)):
        # What was asked for instead is not repeated: it may be somebody's number.
        raise UnknownArea("That is no area here: give a regency (4 digits), district (6), village (10) or TPS (13).")
    return _LEVELS[len(area)]


async def demand_projected(connection: Connection, regency: str) -> AsOf:
    """How far `regency` is projected; NotProjected when it is not."""
    row = await connection.fetchrow(query("as_of"), regency)
    if row is None:
        raise NotProjected(f"Regency {regency} is not projected into this database: run `ecoklit project` for it.")
    return AsOf(row["regency"], row["election"], row["events"], row["persons"])


async def recap_rows(connection: Connection, regency: str, area: str, level: str) -> list[dict[str, Any]]:
    """The rows of a recap, without the counts of few people."""
    rows = await connection.fetch(query("recap"), regency, area, level)
    cells = await connection.fetch(query("disability_shown"), regency, area, level)
    return with_cells(rows, cells)


def with_cells(rows: list[asyncpg.Record], cells: list[asyncpg.Record]) -> list[dict[str, Any]]:
    """Exact counts with those of their cells that may be shown; the others None."""
    may_be_shown = {cell["area"]: dict(cell) for cell in cells}
    hidden: dict[str, int | None] = dict.fromkeys(COLUMNS)
    return [{**row, **may_be_shown.get(row["area"], hidden)} for row in rows]


async def tps_digest(connection: Connection, regency: str, tps: str) -> bytes:
    """The digest of the roll of one TPS."""
    leaves: bytes = await connection.fetchval(query("digest_of_tps"), regency, tps) or b""
    return tree_head([leaves[at : at + ids.HASH_BYTES] for at in range(0, len(leaves), ids.HASH_BYTES)])


def _refuse_no_voter(voter: str) -> None:
    if not ids.is_voter(voter):
        raise EcoklitError(
            "unknown_voter", "A voter's id has 36 characters, as in 20a136e2-4c5f-8ec7-a2f4-cde6e20457a0."
        )


def _decoded(row: asyncpg.Record) -> dict[str, Any]:
    event = row["event"]
    return {**row, "voter": str(row["voter"]), "event": None if event is None else msgspec.json.decode(event)}
