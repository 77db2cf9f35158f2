"""The office's books of exports: `ports.ExportJobs`, in the schema of the office."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import asyncpg

from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.ports import ExportJob

_JOB: Final = (
    "select e.export::text, e.account::text, a.login, e.area, e.format, e.position, e.unmasked, e.asked_at, e.state,"
    " e.parts, e.rows, e.mark, e.what from export e join account a using (account)"
)


class PostgresExportJobs:
    """`ports.ExportJobs` beside the accounts of `desk`, whose connections it uses."""

    def __init__(self, desk: PostgresOfficeDesk) -> None:
        self._desk = desk

    async def begin(self, job: ExportJob, approval: str | None) -> None:
        async with self._desk.transaction() as connection:
            await connection.execute(
                "insert into export"
                " (export, account, area, what, format, position, unmasked, approval, asked_at, state, mark)"
                " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                UUID(job.export), UUID(job.account), job.area, job.what, job.format, job.events, job.unmasked,
                None if approval is None else UUID(approval), job.asked_at, job.state, job.secret,
            )  # fmt: skip

    async def find(self, export: str) -> ExportJob | None:
        async with self._desk.transaction() as connection:
            row = await connection.fetchrow(f"{_JOB} where e.export = $1", UUID(export))
        return None if row is None else _job(row)

    async def advance(self, export: str, state: str, parts: int, rows: int, digest: bytes | None) -> None:
        async with self._desk.transaction() as connection:
            await connection.execute(
                "update export set state = $2, parts = $3, rows = $4, digest = coalesce($5, digest) where export = $1",
                UUID(export), state, parts, rows, digest,
            )  # fmt: skip

    async def all(self) -> list[ExportJob]:
        async with self._desk.transaction() as connection:
            return [_job(row) for row in await connection.fetch(f"{_JOB} order by e.asked_at, e.export")]


def _job(row: asyncpg.Record) -> ExportJob:
    return ExportJob(*row.values())
