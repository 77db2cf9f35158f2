"""Requests of voters, and the trail of who was shown what, in the schema of the office."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from ecoklit.adapters.postgres_connection import open_connection, translated
from ecoklit.adapters.postgres_schema import DEFAULT_SCHEMA, office_of, office_query, prepare_office
from ecoklit.core.ids import regency_of
from ecoklit.ports import AlertRaised, ExportMade, LogEntry, ReadingsMade, SessionSeen, SqlReader, VoterRequest

_NOTE: Final = """
insert into voter_request (voter, regency, tps, kind, says, noted_by, due_at)
values ($1, $2, $3, $4, $5, $6, now() + make_interval(hours => $7))
returning *, false as is_late
"""
_ANSWER: Final = """
update voter_request set answer = $2, answered_by = $3, answered_at = now()
where request = $1 and answered_at is null
returning *, answered_at > due_at as is_late
"""
_ALERTS: Final = """
select l.at, l.kind, a.login, l.area, l.says from alert l left join account a using (account)
where l.at >= $1 and l.at < $2 order by l.alert
"""
_SQL_READERS: Final = """
select s.login, array_agg(s.area order by s.area) as areas from sql_area s join account a using (account)
where a.closed_at is null group by s.login order by s.login
"""


class PostgresRequests:
    """`ports.VoterRequests` and `ports.Trail`, beside the projection in `schema`, which has its office schema."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def open(cls, dsn: str, *, schema: str = DEFAULT_SCHEMA) -> AsyncIterator[PostgresRequests]:
        """For one command. The office's schema is made, or brought up to date, first."""
        connection = await open_connection(dsn, search_path=office_of(schema))
        try:
            with translated():
                await prepare_office(connection, schema)
            yield cls(connection)
        finally:
            await connection.close()

    # --- requests ----------------------------------------------------------------------------------------------------

    async def note(self, voter: str, tps: str, kind: str, says: str, by: str, hours: int) -> VoterRequest:
        (row,) = await self._fetch(_NOTE, UUID(voter), regency_of(tps), tps, kind, says, by, hours)
        return _request(row)

    async def answer(self, request: str, answer: str, by: str) -> VoterRequest | None:
        rows = await self._fetch(_ANSWER, UUID(request), answer, by)
        return _request(rows[0]) if rows else None

    async def get(self, request: str) -> VoterRequest | None:
        rows = await self._fetch(office_query("requests"), UUID(request), None, None, True)
        return _request(rows[0]) if rows else None

    async def of_voter(self, voter: str) -> list[VoterRequest]:
        rows = await self._fetch(office_query("requests"), None, UUID(voter), None, True)
        return sorted(map(_request, rows), key=lambda one: (one.asked_at, one.request))

    async def within(self, area: str, *, answered: bool) -> list[VoterRequest]:
        return [_request(row) for row in await self._fetch(office_query("requests"), None, None, area, answered)]

    # --- the trail ---------------------------------------------------------------------------------------------------

    async def readings_about(self, voter: str, tps: Sequence[str]) -> list[LogEntry]:
        return [_entry(row) for row in await self._fetch(office_query("readings_about"), UUID(voter), list(tps))]

    async def exports_about(self, tps: Sequence[str]) -> list[ExportMade]:
        return [ExportMade(*row) for row in await self._fetch(office_query("exports_about"), list(tps), None, None)]

    async def readings_within(self, since: datetime, until: datetime) -> list[ReadingsMade]:
        rows = await self._fetch(office_query("readings_within"), since, until)
        return [ReadingsMade(**{**row, "fields": tuple(row["fields"])}) for row in rows]

    async def exports_within(self, since: datetime, until: datetime) -> list[ExportMade]:
        return [ExportMade(*row) for row in await self._fetch(office_query("exports_about"), None, since, until)]

    async def sessions_within(self, since: datetime, until: datetime) -> list[SessionSeen]:
        return [SessionSeen(*row) for row in await self._fetch(office_query("sessions_within"), since, until)]

    async def alerts_within(self, since: datetime, until: datetime) -> list[AlertRaised]:
        return [AlertRaised(*row) for row in await self._fetch(_ALERTS, since, until)]

    async def sql_readers(self) -> list[SqlReader]:
        return [SqlReader(row["login"], tuple(row["areas"])) for row in await self._fetch(_SQL_READERS)]

    async def _fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        with translated():
            return list(await self._connection.fetch(statement, *arguments))


def _request(row: asyncpg.Record) -> VoterRequest:
    known = {name: row[name] for name in VoterRequest._fields}
    return VoterRequest(**known | {"request": str(row["request"]), "voter": str(row["voter"])})


def _entry(row: asyncpg.Record) -> LogEntry:
    known = {name: row[name] for name in LogEntry._fields}
    named = {name: None if row[name] is None else str(row[name]) for name in ("account", "voter")}
    return LogEntry(**known | named | {"fields": tuple(row["fields"])})
