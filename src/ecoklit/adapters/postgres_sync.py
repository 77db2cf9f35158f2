"""What phones are told from the projection: pages of a pull, and how their own events stand. One snapshot each."""

from typing import Final

import asyncpg
from msgspec import UNSET

from ecoklit.adapters.postgres_reader import NotProjected, PostgresReader, tps_digest
from ecoklit.adapters.postgres_schema import query
from ecoklit.core.receipt import Stood
from ecoklit.errors import EcoklitError
from ecoklit.ports import OwnStandings, PullCursor, Pulled, PulledPage

LAST_VOTER: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class PostgresSync:
    """`ports.SyncReader` beside `reader`, whose connections it uses."""

    def __init__(self, reader: PostgresReader) -> None:
        self._reader = reader

    async def page(self, regency: str, tps: str, cursor: PullCursor | None, voters_max: int) -> PulledPage:
        async with self._reader.snapshot() as connection:
            state = await connection.fetchrow(query("pull_state"), regency)
            if state is None:
                raise NotProjected(f"Regency {regency} is not projected into this database yet: pull again later.")
            if cursor is None or cursor.generation != state["generation"]:
                cursor = PullCursor(state["generation"], 0)
            is_new = cursor.voter or cursor.since < state["revision"]
            begin = (cursor.revision, cursor.voter) if cursor.voter else (cursor.since, LAST_VOTER)
            # A phone that asks again before anything changed is answered without a look at its voters.
            rows = (
                await connection.fetch(query("pull"), regency, tps, cursor.since, *begin, voters_max) if is_new else []
            )
            is_last = len({row["voter"] for row in rows}) < voters_max
            digest = await tps_digest(connection, regency, tps) if is_last else None
        events = [
            Pulled(row["device"], row["seq"], row["standing"], row["body"], row["person"], row["known"], row["stamp"])
            for row in rows
        ]
        end = PullCursor(state["generation"], state["revision"])
        if not is_last:
            end = PullCursor(state["generation"], cursor.since, rows[-1]["revision"], rows[-1]["voter"])
        return PulledPage(events, end, state["events"], state["registry"], digest, state["event_hash"])


class PostgresStandings:
    """`ports.Standings` of one regency, by the connections of `reader`."""

    def __init__(self, reader: PostgresReader, regency: str) -> None:
        self._reader = reader
        self._regency = regency

    async def of_device(self, device: str, limit: int) -> OwnStandings | None:
        try:
            async with self._reader.connection() as connection:
                rows = await connection.fetch(query("own_standings"), self._regency, device, limit)
        except EcoklitError:
            return None
        if not rows:
            return None  # the regency is not projected yet
        return OwnStandings(rows[0]["as_of"], [_stood(row) for row in rows if row["seq"] is not None])


def _stood(row: asyncpg.Record) -> Stood:
    awaited = row["awaited"]
    return Stood(row["seq"], row["standing"], f"waits for {', '.join(awaited)}" if awaited else UNSET)
