"""The roll store on PostgreSQL: one regency, one connection, one transaction per step.

Rows go in by binary COPY straight into the regency's partitions. A voter that changes is deleted and copied anew in the
same transaction, which has one path for all and measured no slower than an upsert from a temporary table. The session
does not wait for the disk at commit: rows and checkpoint are in one transaction, so a crash of the database takes both
back together, and the journal is read again from there.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import asyncpg

from ecoklit.adapters.postgres_connection import open_connection, translated
from ecoklit.adapters.postgres_schema import DEFAULT_SCHEMA, add_regency, prepare, query, quoted
from ecoklit.core.entitlement import QUARANTINES
from ecoklit.core.limits import INTEGER_MAX as SEQ_MAX
from ecoklit.ports import (
    Affected,
    Checkpoint,
    EventRow,
    HeldRow,
    LogHead,
    PersonRow,
    PlacementRow,
    RollError,
    RollTaken,
    RollUnavailable,
    SideRow,
    Step,
    VoterRow,
    WaitingRow,
)

Answer = TypeVar("Answer")

CLOSE_SECONDS_MAX: Final = 10.0
LEASE_SECONDS_MAX: Final = 3.0
LEASE_POLL_SECONDS: Final = 0.1
LINES_PER_FETCH: Final = 2000

_held_row: Final = partial(tuple.__new__, HeldRow)  # as `_make`, at a fourth of its cost

_SESSION: Final = {
    # A phone's cursor names a step that it has seen (SPEC §7): one that a crash takes back would be made again of other
    # events under the same number, and the phone would never be told of them.
    "synchronous_commit": "on",
    # Every statement here names its rows. On a young table without statistics the planner would rather read the whole
    # of it for each batch, and the time of a batch would grow with the voters.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}


class RollOfOtherElection(RollError):
    """The schema holds this regency for another election."""

    def __init__(self, message: str) -> None:
        super().__init__("wrong_election", message)


class PostgresRoll:
    """`ports.RollStore` on the schema `schema` of the database at `dsn`, which it makes when it is missing."""

    def __init__(
        self,
        dsn: str,
        *,
        election: str,
        regency: str,
        schema: str = DEFAULT_SCHEMA,
        lease_seconds_max: float = LEASE_SECONDS_MAX,
    ) -> None:
        self._dsn = dsn
        self._election = election
        self._regency = regency
        self._schema = schema
        self._lease_seconds_max = lease_seconds_max
        self._connection: asyncpg.Connection | None = None
        self._reading: asyncpg.Connection | None = None
        self._one_question = asyncio.Lock()

    async def checkpoint(self) -> Checkpoint:
        (row,) = await self._ask(lambda connection: connection.fetch(query("checkpoint"), self._regency))
        return Checkpoint(*(row[name] for name in Checkpoint._fields))

    async def heads(self, devices: Sequence[str]) -> dict[str, LogHead]:
        rows = await self._fetch("heads", devices)
        return {row["device"]: LogHead(row["seq"], row["hash"], row["stamp"]) for row in rows}

    async def events_of(self, voters: Sequence[str]) -> list[HeldRow]:
        return list(map(_held_row, await self._fetch("events_of", ",".join(voters))))

    async def voters_of(self, dots: Sequence[tuple[str, int]]) -> dict[tuple[str, int], str]:
        rows = await self._fetch("voters_of", *_columns(dots, 2))
        return {(row["device"], row["seq"]): row["voter"] for row in rows}

    async def orphans_of(self, logs: Sequence[tuple[str, int, int]]) -> list[PersonRow]:
        return [PersonRow._make(row) for row in await self._fetch("orphans_of", *_columns(logs, 3))]

    async def waiting_for(self, logs: Sequence[tuple[str, int, int]]) -> list[str]:
        return [row["voter"] for row in await self._fetch("waiting_for", *_columns(logs, 3))]

    async def affected(self, what: Affected) -> list[str]:
        if what.everything:
            return [row["voter"] for row in await self._fetch("affected_all")]
        rows = [
            *(await self._fetch("affected_released", QUARANTINES) if what.released else ()),
            *(await self._fetch("affected_stamped", what.stamped) if what.stamped is not None else ()),
            *(await self._fetch("affected_logs", *_columns(what.logs, 2)) if what.logs else ()),
        ]
        named = {row.voter for row in await self.events_of(what.voters)} if what.voters else ()
        waiting = (
            await self.waiting_for([(device, last + 1, SEQ_MAX) for device, last in what.lost]) if what.lost else []
        )
        return sorted({*(row["voter"] for row in rows), *waiting, *named})

    async def apply(self, step: Step) -> None:
        await self._ask(lambda connection: self._apply(connection, step))

    async def state_lines(self) -> AsyncIterator[bytes]:
        connection = await self._connected()
        with translated():
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                async for row in connection.cursor(query("state_lines"), self._regency, prefetch=LINES_PER_FETCH):
                    yield row["line"]

    async def leaves(self) -> list[tuple[str, str, bytes]]:
        return [tuple(row) for row in await self._fetch("leaves")]

    async def standings(self) -> dict[str, int]:
        return {row["standing"]: row["count"] for row in await self._fetch("standings")}

    async def close(self) -> None:
        # The one with the lease last: whoever comes next finds nobody at work.
        for connection in (self._reading, self._connection):
            if connection is not None:
                with contextlib.suppress(RollUnavailable), translated():
                    await connection.close(timeout=CLOSE_SECONDS_MAX)
                connection.terminate()
        self._reading = self._connection = None

    async def _apply(self, connection: asyncpg.Connection, step: Step) -> None:
        async with connection.transaction():
            # First, and by comparison: whoever moved the checkpoint before us has applied these very events.
            moved = await connection.fetchval(query("advance"), self._regency, *step.before, *step.after)
            if moved is None:
                raise RollTaken(
                    f"Another projector has moved the checkpoint of {self._regency}: nothing was applied twice; "
                    f"let one projector run and start this one again."
                )
            await self._remove(connection, step)
            await self._copy(connection, "event", EventRow, step.events)
            await self._copy(connection, "person", PersonRow, step.persons)
            await self._copy(connection, "orphan", PersonRow, step.orphans)
            await self._copy(connection, "voter", VoterRow, step.voters)
            await self._copy(connection, "side", SideRow, step.sides)
            await self._copy(connection, "waiting", WaitingRow, step.waiting)
            await self._copy(connection, "placement", PlacementRow, step.placements)

    async def _remove(self, connection: asyncpg.Connection, step: Step) -> None:
        if step.refolded:
            refolded = ",".join(step.refolded)
            await connection.execute(query("forget"), self._regency, refolded)
            await connection.execute(query("stop_waiting"), self._regency, refolded)
        if step.erased:
            erased = ",".join(step.erased)
            await connection.execute(query("erase"), self._regency, erased, step.after.revision)
        if step.is_ended:
            await connection.execute(query("erase_orphans"), self._regency)
        if step.adopted:
            await connection.execute(query("adopt_orphans"), self._regency, *_columns(step.adopted, 2))
        if step.standings:
            standings = _columns(step.standings, 3)
            await connection.execute(query("change_standings"), self._regency, *standings, step.after.revision)
        if step.completed:
            completed = _columns(step.completed, 2)
            await connection.execute(query("complete"), self._regency, *completed, step.after.revision)

    async def _copy(self, connection: asyncpg.Connection, table: str, row: Any, rows: Sequence[Any]) -> None:
        if rows:
            await connection.copy_records_to_table(
                f"{table}_{self._regency}", schema_name=self._schema, columns=row._fields, records=rows
            )

    async def _fetch(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        """By a connection of its own, so that it can be asked while a step is applied."""
        async with self._one_question:
            connection = await self._reader()
            try:
                with translated():
                    return list(await connection.fetch(query(name), self._regency, *arguments))
            except RollUnavailable:
                self._drop()
                raise

    async def _ask(self, ask: Callable[[asyncpg.Connection], Awaitable[Answer]]) -> Answer:
        connection = await self._connected()
        try:
            with translated():
                return await ask(connection)
        except RollUnavailable:
            self._drop()
            raise

    def _drop(self) -> None:
        """Let go of connections of which nothing is known any more; the next call opens others."""
        for connection in (self._reading, self._connection):
            if connection is not None:
                connection.terminate()
        self._reading = self._connection = None

    async def _reader(self) -> asyncpg.Connection:
        await self._connected()
        if self._reading is None or self._reading.is_closed():
            self._reading = await open_connection(self._dsn, **_SESSION, search_path=quoted(self._schema))
        return self._reading

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            connection = await open_connection(self._dsn, **_SESSION)
            try:
                with translated():
                    await self._lease(connection)
                    await prepare(connection, self._schema)
                    await add_regency(connection, self._regency, self._election)
                    await self._refuse_other_election(connection)
            except BaseException:
                connection.terminate()
                raise
            self._connection = connection
        return self._connection

    async def _lease(self, connection: asyncpg.Connection) -> None:
        """The lease lives as long as the connection: the database gives it back when its holder dies.

        It notices that a moment later, so who starts again at once waits a little before it gives up.
        """
        lease = f"project {self._schema} {self._regency}"
        deadline = asyncio.get_running_loop().time() + self._lease_seconds_max
        while not await connection.fetchval("select pg_try_advisory_lock(hashtextextended($1, 0))", lease):
            if asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(LEASE_POLL_SECONDS)
                continue
            raise RollTaken(
                f"Another projector is at work on {self._regency} in {quoted(self._schema)}: "
                f"let that one run, or stop it first."
            )

    async def _refuse_other_election(self, connection: asyncpg.Connection) -> None:
        (row,) = await connection.fetch(query("checkpoint"), self._regency)
        if row["election"] != self._election:
            raise RollOfOtherElection(
                f"{quoted(self._schema)} holds {self._regency} for election {row['election']}, not {self._election}: "
                f"use another database or another schema for each election."
            )


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(width)]
