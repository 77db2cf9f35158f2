"""Passwords, one-time codes, locks and sessions on the real database: what docs/ASVS.md says of signing in."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg
import pytest
import pytest_asyncio

from ecoklit.adapters.argon2_passwords import Argon2Passwords
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.adapters.postgres_schema import office_of
from ecoklit.core.one_time_code import STEP_SECONDS, code_at, step_of
from ecoklit.errors import EcoklitError
from ecoklit.ports import RollUnavailable
from ecoklit.problems import ProblemError
from ecoklit.services.accounts import Accounts, CodeSecrets
from ecoklit.services.sign_in import BROWSER, PROGRAM, Attempt, Opened, Sessions

PASSWORD = "kuda hijau lima gunung tenang"
ELSEWHERE = "203.0.113.7"


class Desk(NamedTuple):
    accounts: Accounts
    sessions: Sessions
    store: PostgresOfficeDesk
    database: asyncpg.Connection
    clock: list[float]

    async def add(self, login: str = "siti", password: str = PASSWORD) -> bytes:
        _, secret = await self.accounts.add(login, "kpu", ["9404"], [], officer="o-1", password=password, subject=None)
        assert secret is not None
        return secret

    def code(self, secret: bytes, ahead: int = 0) -> str:
        return code_at(secret, step_of(self.clock[0]) + ahead)

    async def try_code(self, code: str, address: str) -> Opened:
        return await self.sessions.sign_in(Attempt("siti", PASSWORD, code, address), PROGRAM)

    async def sign_in(
        self, secret: bytes, password: str = PASSWORD, *, login: str = "siti", address: str = ELSEWHERE
    ) -> Opened:
        """As somebody at `address`; each time half a minute later, since a code is good once."""
        self.clock[0] += STEP_SECONDS
        return await self.sessions.sign_in(Attempt(login, password, self.code(secret), address), PROGRAM)


@pytest_asyncio.fixture(loop_scope="session")
async def desk(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[Desk]:
    passwords, clock = Argon2Passwords(memory_kib=64, passes=1), [1_720_000_000.0]
    codes = CodeSecrets(lambda: bytes(32), secrets.token_bytes)
    async with PostgresOfficeDesk(postgres_server.dsn, schema=schema) as store:
        await store.all()
        connection = await asyncpg.connect(postgres_server.dsn, server_settings={"search_path": office_of(schema)})
        sessions = Sessions(store, passwords, codes, secrets.token_bytes, lambda: clock[0])
        yield Desk(Accounts(store, passwords, codes), sessions, store, connection, clock)
        await connection.execute(f"drop schema {office_of(schema)} cascade")
        await connection.close()
    passwords.close()


async def refused(desk: Desk, opened: Opened) -> bool:
    try:
        await desk.sessions.who(opened.token)
    except ProblemError as error:
        assert error.code == "not_signed_in"
        return True
    return False


async def test_an_account_is_nobodys_until_somebody_makes_one(desk: Desk) -> None:
    """A new office has no account at all, and no login opens."""
    assert await desk.store.all() == []
    for login in ("admin", "root", "postgres", "kpu", ""):
        with pytest.raises(ProblemError, match="do not go together"):
            await desk.sign_in(bytes(20), "admin", login=login, address=f"203.0.113.{len(login)}")


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "a" * 14,
        "a" * 15,
        "siti siti siti siti",
        "x" * 129,
        "tab\tulator \t and more words",
        "0123456789012345",
    ],
)
async def test_a_weak_password_is_refused(desk: Desk, password: str) -> None:
    """Fewer than 15 characters, more than 128, few different ones, the login itself, control characters, and what
    everybody tries first."""
    with pytest.raises(EcoklitError) as weak:
        await desk.add(password=password)
    assert weak.value.code == "bad_password" and password not in weak.value.message
    assert await desk.store.all() == []


@pytest.mark.parametrize(
    "password",
    [
        "kata sandi é ü ж 漢字 emoji 🐎",
        "73915048261739405",
        "kuda hijau lima gunung tenang " * 4 + "dua",
        " in front and behind ",
    ],
)
async def test_any_other_password_is_taken_as_it_is(desk: Desk, password: str) -> None:
    """No rule of composition; 64 characters and more; exactly as typed, blanks, case and all."""
    secret = await desk.add(password=password)
    assert (await desk.sign_in(secret, password)).viewer.login == "siti"
    for other in (password.upper(), password.strip(), password[:-1], password + " "):
        if other != password:
            with pytest.raises(ProblemError, match="do not go together"):
                await desk.sign_in(secret, other, address=f"198.51.100.{len(other)}")


async def test_a_password_is_kept_as_argon2id_and_nowhere_else(desk: Desk) -> None:
    """The database has its hash with its own salt, and neither the password, the code's secret nor a token."""
    first, second = await desk.add("siti"), await desk.add("budi")
    opened = await desk.sign_in(first)
    kept = await desk.database.fetch("select login, password, totp from account order by login")
    assert all(row["password"].startswith("$argon2id$") for row in kept)
    assert kept[0]["password"] != kept[1]["password"]
    dump = repr(kept) + repr(await desk.database.fetch("select * from session"))
    assert PASSWORD not in dump and opened.token not in dump
    assert repr(first)[2:-1] not in dump and repr(second)[2:-1] not in dump


async def test_a_code_of_another_minute_opens_nothing(desk: Desk) -> None:
    """One step aside is taken, since phones' clocks differ; two are not, nor is one that was used."""
    secret = await desk.add()
    desk.clock[0] += 10 * STEP_SECONDS
    for ahead in (-100, -2, 2, 100):
        with pytest.raises(ProblemError, match="do not go together"):
            await desk.try_code(desk.code(secret, ahead), f"192.0.2.{ahead + 100}")
    assert await desk.try_code(desk.code(secret, 1), ELSEWHERE)
    for ahead in (-1, 0, 1):
        with pytest.raises(ProblemError, match="do not go together"):
            await desk.try_code(desk.code(secret, ahead), f"198.51.100.{ahead + 1}")


async def test_secrets_are_of_chance(desk: Desk) -> None:
    """160 bits for codes and 256 for tokens, never the same."""
    made = {await desk.add(f"login-{n}") for n in range(5)}
    assert len(made) == 5 and {len(one) for one in made} == {20}
    account = await desk.accounts.of("login-1")
    tokens = {(await desk.sessions.open(account, BROWSER)).token for _ in range(5)}
    assert len(tokens) == 5 and {len(one) for one in tokens} == {43}


async def test_each_signing_in_has_a_token_of_its_own_and_out_is_out(desk: Desk) -> None:
    """Tokens are made for a session; the one that signed out is over, the other is not, until all are ended."""
    secret = await desk.add()
    first, second = await desk.sign_in(secret), await desk.sign_in(secret)
    assert first.token != second.token
    signed = await desk.sessions.who(first.token)
    await desk.sessions.sign_out(signed.session)
    assert await refused(desk, first) and not await refused(desk, second)
    assert await desk.sessions.sign_out_everywhere(second.viewer) == 1
    assert await refused(desk, second)


@pytest.mark.parametrize("change", ["password", "codes", "close", "end"])
async def test_a_change_of_the_account_ends_its_sessions(desk: Desk, change: str) -> None:
    """Another password, another second factor, closing it, or an administrator: at once."""
    secret = await desk.add()
    opened = await desk.sign_in(secret)
    if change == "password":
        await desk.accounts.set_password("siti", "five other words for this account")
    elif change == "codes":
        assert await desk.accounts.renew_codes("siti") != secret
    elif change == "close":
        await desk.accounts.close("siti")
    else:
        await desk.store.end_all((await desk.accounts.of("siti")).account)
    assert await refused(desk, opened)
    if change == "codes":
        with pytest.raises(ProblemError, match="do not go together"):
            await desk.sign_in(secret)


async def test_a_made_up_token_is_nobodys(desk: Desk) -> None:
    """Empty, long, strange, the hash of a real one, or one that differs in a letter."""
    opened = await desk.sign_in(await desk.add())
    mark = await desk.database.fetchval("select encode(token, 'hex') from session")
    for token in ("", "x" * 10_000, "\0", "é", mark, opened.token[:-1], opened.token + "A", opened.token.lower()):
        assert await refused(desk, opened._replace(token=token))


async def test_without_the_database_nobody_is_let_in(desk: Desk) -> None:
    """It fails shut: no session is believed that cannot be looked up."""
    away = PostgresOfficeDesk("postgresql://ecoklit@127.0.0.1:9/ecoklit")
    sessions = Sessions(away, Argon2Passwords(memory_kib=64, passes=1), None, secrets.token_bytes, lambda: 0.0)  # type: ignore[arg-type]
    with pytest.raises(RollUnavailable):
        await sessions.who("a token")
    with pytest.raises(RollUnavailable):
        await sessions.sign_in(Attempt("siti", PASSWORD, "000000", None), BROWSER)
