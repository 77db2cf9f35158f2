"""Accounts, sessions, the read log and approvals: the schema of the office, beside the projection and no part of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

import asyncpg
from asyncpg import exceptions

from ecoklit.adapters.postgres_connection import open_connection, open_pool, translated
from ecoklit.adapters.postgres_schema import DEFAULT_SCHEMA, office_of, office_query, prepare_office, quoted
from ecoklit.core.ids import ZERO_HASH
from ecoklit.core.read_chain import entry_hash
from ecoklit.errors import EcoklitError
from ecoklit.ports import Account, Approval, Failing, LogEntry, NewAccount, Reading, ReadingsWanted, Session

READING: Final = "reading"
_NEVER_IDLE_SECONDS: Final = 10 * 365 * 86_400


class _End(NamedTuple):
    """The last entry of the log, and the moment of the next."""

    at: datetime
    entry: int
    hash: bytes


class PostgresOfficeDesk:
    """`ports.AccountStore`, `ports.ReadLog` and `ports.ApprovalStore`, beside the projection in `schema`.

    The schema is made, or brought up to date, at the first call.
    """

    def __init__(self, dsn: str, *, schema: str = DEFAULT_SCHEMA) -> None:
        self._dsn = dsn
        self._schema = schema
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            with translated():
                await pool.close()

    # --- accounts ----------------------------------------------------------------------------------------------------

    async def add(self, new: NewAccount) -> Account:
        async with self.transaction() as connection:
            try:
                row = await connection.fetchrow(
                    "insert into account (login, role, areas, rights, officer, password, totp, subject, made_by)"
                    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning *",
                    *new._replace(rights=sorted(new.rights)),  # type: ignore[arg-type]
                )
            except exceptions.UniqueViolationError:
                raise EcoklitError(
                    "login_taken", "An account has or had this login, or this subject: choose another."
                ) from None
        return _account(row)

    async def by_login(self, login: str) -> Account | None:
        return _account_or_none(await self._row("select * from account where login = $1", login))

    async def by_subject(self, subject: str) -> Account | None:
        return _account_or_none(await self._row("select * from account where subject = $1", subject))

    async def all(self) -> list[Account]:
        return [_account(row) for row in await self._rows("select * from account order by login")]

    async def close(self, account: str) -> None:
        async with self.transaction() as connection:
            await connection.execute(
                "update account set closed_at = now() where account = $1 and closed_at is null", UUID(account)
            )
            await _end_all(connection, account)

    async def set_password(self, account: str, password: str) -> None:
        async with self.transaction() as connection:
            await connection.execute("update account set password = $2 where account = $1", UUID(account), password)
            await _end_all(connection, account)

    async def set_totp(self, account: str, totp: bytes) -> None:
        async with self.transaction() as connection:
            await connection.execute("update account set totp = $2 where account = $1", UUID(account), totp)
            await _end_all(connection, account)

    async def set_rights(self, account: str, rights: Collection[str]) -> None:
        await self._row("update account set rights = $2 where account = $1", UUID(account), sorted(rights))

    async def use_step(self, account: str, step: int) -> bool:
        used = "update account set totp_step = $2 where account = $1 and totp_step < $2 returning 1"
        return await self._row(used, UUID(account), step) is not None

    # --- sessions ----------------------------------------------------------------------------------------------------

    async def open(self, account: str, kind: str, mark: bytes, seconds: int, sessions_max: int) -> datetime:
        async with self.transaction() as connection:
            # One after the other, or each of two at once would leave the other's to be one too many.
            await connection.execute("select from account where account = $1 for no key update", UUID(account))
            ends_at: datetime = await connection.fetchval(
                "insert into session (token, account, kind, made_at, ends_at)"
                " values ($1, $2, $3, clock_timestamp(), now() + make_interval(secs => $4)) returning ends_at",
                mark,
                UUID(account),
                kind,
                float(seconds),
            )
            await connection.execute(office_query("end_oldest"), UUID(account), sessions_max)
        return ends_at

    async def session(self, mark: bytes, idle_seconds_max: int) -> Session | None:
        row = await self._row(office_query("session"), mark, float(idle_seconds_max))
        if row is None:
            return None
        if row["is_stale"]:  # to the minute, so that most requests write nothing
            await self._row("update session set seen_at = now() where token = $1", mark)
        return _session(row)

    async def sessions(self) -> list[Session]:
        return [_session(row) for row in await self._rows(office_query("session"), None, float(_NEVER_IDLE_SECONDS))]

    async def end(self, mark: bytes) -> None:
        await self._row("update session set revoked_at = now() where token = $1 and revoked_at is null", mark)

    async def end_all(self, account: str) -> int:
        async with self.transaction() as connection:
            return await _end_all(connection, account)

    # --- locks, rates, alerts ----------------------------------------------------------------------------------------

    async def attempt(self, failing: Sequence[Failing]) -> float:
        waits = [0.0]
        async with self.transaction() as connection:
            # Whoever tries names and addresses at random leaves no more behind than they tried in a day.
            await connection.execute(office_query("forget"))
            for scope in sorted(failing):  # in one order, or two attempts could wait for each other
                row = await connection.fetchrow(
                    office_query("attempt"), scope.scope, scope.failures_max, float(scope.window_seconds)
                )
                waits.append(row["wait_seconds"])
                if row["until"] is not None and row["failures"] == scope.failures_max + 1:
                    await _alert(connection, "lockout", None, None, f"Too many failed sign-ins: {scope.scope}.")
                    # Once for each lock: the next attempt finds it there.
                    await connection.execute("update lockout set failures = failures + 1 where scope = $1", scope.scope)
        return max(waits)

    async def succeed(self, scopes: Sequence[str]) -> None:
        await self._row("delete from lockout where scope = any($1)", list(scopes))

    async def unlock(self, login: str, *, reading: bool = True) -> int:
        gone = await self._rows(
            "delete from lockout l where l.scope = 'login:' || $1 or starts_with(l.scope, 'login:' || $1 || ' ')"
            " or $2 and exists (select from account a where a.login = $1"
            "            and starts_with(l.scope, 'reading:' || a.account || ':'))"
            " returning scope",
            login,
            reading,
        )
        return len(gone)

    async def take(self, key: str, cost: float, burst: float, per_second: float) -> float:
        row = await self._row(office_query("take"), key, cost, burst, per_second)
        return 0.0 if row is not None else max(1.0, cost / per_second)

    async def alert(self, kind: str, account: str | None, area: str | None, says: str) -> None:
        async with self.transaction() as connection:
            await _alert(connection, kind, account, area, says)

    async def looked_at(self, alerts: Sequence[int], by: str) -> None:
        await self._row("update alert set seen_by = $2 where alert = any($1) and seen_by is null", list(alerts), by)

    async def alerts(self) -> list[dict[str, Any]]:
        rows = await self._rows(
            "select l.alert, l.at, l.kind, a.login, l.area, l.says from alert l left join account a using (account)"
            " where l.seen_by is null order by l.alert desc"
        )
        return [dict(row) for row in rows]

    # --- the read log ------------------------------------------------------------------------------------------------

    async def write(self, readings: Sequence[Reading]) -> list[bool]:
        async with self.transaction() as connection:
            # One writer at a time, or two entries would follow the same one.
            await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"log {self._schema}")
            end, budgets, locked = await _state(connection, readings)
            outcomes: list[bool] = []
            for reading in readings:
                key = (reading.account, reading.within)
                room = budgets.get(key, 0) + reading.budget
                outcomes.append(key not in locked and (not reading.within or reading.rows <= room))
                if outcomes[-1]:
                    budgets[key] = budgets.get(key, 0) - reading.rows
                elif key not in locked:
                    locked.add(key)
                    await _trip(connection, reading)
            shown = [reading for reading, may in zip(readings, outcomes, strict=True) if may]
            await _charge(connection, shown)
            await _append(connection, shown, end)
        return outcomes

    async def entries(self, after: int, limit: int) -> list[LogEntry]:
        rows = await self._rows(
            "select l.*, a.login from read_log l left join account a using (account)"
            " where l.entry > $1 order by l.entry limit $2",
            after,
            limit,
        )
        return [_entry(row) for row in rows]

    async def readings(self, wanted: ReadingsWanted) -> list[LogEntry]:
        statement = office_query("readings").replace("{schema}", quoted(self._schema))
        voter = None if wanted.voter is None else UUID(wanted.voter)
        return [_entry(row) for row in await self._rows(statement, *wanted._replace(voter=voter))]  # type: ignore[arg-type]

    async def last_entry(self) -> LogEntry | None:
        row = await self._row(
            "select l.*, a.login from read_log l left join account a using (account) order by l.entry desc limit 1"
        )
        return None if row is None else _entry(row)

    # --- a second person ---------------------------------------------------------------------------------------------

    async def ask(self, kind: str, area: str, says: str, account: str, seconds: int, about: str = "") -> Approval:
        async with self.transaction() as connection:
            row = await connection.fetchrow(
                "insert into approval (kind, area, says, asked_by, ends_at, about)"
                " values ($1, $2, $3, $4, now() + make_interval(secs => $5), $6) returning *",
                kind,
                area,
                says,
                UUID(account),
                float(seconds),
                about,
            )
            await _alert(connection, "approval_needed", account, area, f"A second person is asked for: {kind}.")
        return _approval(row)

    async def get(self, approval: str) -> Approval | None:
        row = await self._row("select * from approval where approval = $1", UUID(approval))
        return None if row is None else _approval(row)

    async def open_approvals(self) -> list[Approval]:
        rows = await self._rows(
            "select * from approval where ends_at > now() and granted is distinct from false order by asked_at"
        )
        return [_approval(row) for row in rows]

    async def answer(self, approval: str, account: str, granted: bool) -> bool:
        row = await self._row(
            "update approval set answered_by = $2, answered_at = now(), granted = $3"
            " where approval = $1 and answered_by is null and asked_by <> $2 and ends_at > now() returning 1",
            UUID(approval),
            UUID(account),
            granted,
        )
        return row is not None

    async def use(self, approval: str) -> bool:
        used = "update approval set ends_at = now() where approval = $1 and granted and ends_at > now() returning 1"
        return await self._row(used, UUID(approval)) is not None

    async def grant_budget(self, account: str, area: str, voters: int) -> None:
        async with self.transaction() as connection:
            await connection.execute(
                "insert into budget (account, area, day, granted) values ($1, $2, (now() at time zone 'utc')::date, $3)"
                " on conflict (account, area, day) do update set granted = budget.granted + $3",
                UUID(account),
                area,
                voters,
            )
            await connection.execute("delete from lockout where scope = $1", reading_scope(account, area))

    # --- the connection ----------------------------------------------------------------------------------------------

    async def _row(self, statement: str, *arguments: object) -> Any:
        """The first row, or None."""
        async with self._connection() as connection:
            return await connection.fetchrow(statement, *arguments)

    async def _rows(self, statement: str, *arguments: object) -> list[Any]:
        async with self._connection() as connection:
            return list(await connection.fetch(statement, *arguments))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """A connection in a transaction, whose search path is the office's schema."""
        async with self._connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """A connection, on which each statement is committed by itself."""
        async with self._opening:
            if self._pool is None:
                self._pool = await self._opened()
        with translated():
            async with self._pool.acquire() as connection:
                yield connection

    async def _opened(self) -> asyncpg.Pool:
        connection = await open_connection(self._dsn)
        try:
            with translated():
                await prepare_office(connection, self._schema)
        finally:
            await connection.close()
        return await open_pool(self._dsn, search_path=office_of(self._schema))


def reading_scope(account: str, area: str) -> str:
    """The lock of an account's reading in one of its areas."""
    return f"{READING}:{account}:{area}"


async def _end_all(connection: Any, account: str) -> int:
    ended = await connection.fetch(
        "update session set revoked_at = now() where account = $1 and revoked_at is null and ends_at > now()"
        " returning 1",
        UUID(account),
    )
    return len(ended)


async def _alert(connection: Any, kind: str, account: str | None, area: str | None, says: str) -> None:
    await connection.execute(
        "insert into alert (kind, account, area, says) values ($1, $2, $3, $4)",
        kind,
        None if account is None else UUID(account),
        area,
        says,
    )


async def _state(
    connection: Any, readings: Sequence[Reading]
) -> tuple[_End, dict[tuple[str | None, str], int], set[tuple[str | None, str]]]:
    """The end of the log; (account, area) → what was granted beyond the budget less what was read; and those locked."""
    keys = sorted({(one.account, one.within) for one in readings if one.account and one.within})
    rows = await connection.fetch(
        office_query("reading_state"), [UUID(account) for account, _ in keys], [area for _, area in keys]
    )
    of = {(str(row["account"]), row["area"]): row for row in rows if row["account"] is not None}
    end = _End(rows[0]["at"], rows[0]["entry"], rows[0]["hash"] or ZERO_HASH)
    budgets: dict[tuple[str | None, str], int] = {key: row["granted"] - row["voters"] for key, row in of.items()}
    return end, budgets, {key for key, row in of.items() if row["is_locked"]}


async def _trip(connection: Any, reading: Reading) -> None:
    """Lock the account's reading in that area until a second person opens it."""
    assert reading.account is not None
    await connection.execute(
        "insert into lockout (scope, failures, until) values ($1, 1, 'infinity')"
        " on conflict (scope) do update set until = 'infinity'",
        reading_scope(reading.account, reading.within),
    )
    says = f"More than {reading.budget} voters in a day: reading there is locked until a second person opens it."
    await _alert(connection, "bulk_reading", reading.account, reading.within, says)


async def _charge(connection: Any, readings: Sequence[Reading]) -> None:
    spent: dict[tuple[str, str], int] = {}
    for one in readings:
        if one.account and one.within and one.rows:
            spent[one.account, one.within] = spent.get((one.account, one.within), 0) + one.rows
    if spent:
        await connection.execute(
            office_query("charge"),
            [UUID(account) for account, _ in spent],
            [area for _, area in spent],
            list(spent.values()),
        )


async def _append(connection: Any, readings: Sequence[Reading], end: _End) -> None:
    at, number, prev = end
    rows = []
    for one in readings:
        number += 1
        entry = LogEntry(
            number, at, one.account, None, one.action, one.area, one.voter, one.rows, one.fields, one.reason,
            one.as_of, one.request, prev, b"",
        )  # fmt: skip
        prev = entry_hash(prev, entry.said())
        rows.append(
            (
                number, at, None if one.account is None else UUID(one.account), one.action, one.area,
                None if one.voter is None else UUID(one.voter), one.rows, list(one.fields), one.reason, one.as_of,
                one.request, entry.prev, prev,
            )
        )  # fmt: skip
    await connection.copy_records_to_table(
        "read_log",
        records=rows,
        columns=[
            "entry", "at", "account", "action", "area", "voter", "rows", "fields", "reason", "as_of", "request", "prev",
            "hash",
        ],
    )  # fmt: skip


def _account_or_none(row: Any) -> Account | None:
    return None if row is None else _account(row)


def _account(row: Any) -> Account:
    known = {name: row[name] for name in Account._fields}
    return Account(
        **known | {"account": str(row["account"]), "areas": tuple(row["areas"]), "rights": frozenset(row["rights"])}
    )


def _session(row: Any) -> Session:
    return Session(_account(row), row["kind"], row["token"], row["session_made_at"], row["seen_at"], row["ends_at"])


def _entry(row: Any) -> LogEntry:
    known = {name: row[name] for name in LogEntry._fields}
    ids = {name: None if row[name] is None else str(row[name]) for name in ("account", "voter")}
    return LogEntry(**known | ids | {"fields": tuple(row["fields"])})


def _approval(row: Any) -> Approval:
    known = {name: row[name] for name in Approval._fields}
    ids = {name: None if row[name] is None else str(row[name]) for name in ("approval", "asked_by", "answered_by")}
    return Approval(**known | ids)
