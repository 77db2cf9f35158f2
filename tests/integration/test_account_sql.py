"""`ecoklit account sql`: a login of the database from the terminal, its wrong inputs, and its end."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.adapters.postgres_schema import office_of, prepare
from ecoklit.cli.main import main
from ecoklit.testing.made_up_accounts import signed_in

PASSWORD = "made up for this test only"
Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest_asyncio.fixture(loop_scope="session")
async def rina(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[str]:
    """The login of an analyst of a district, and beside her budi, who supervises."""
    connection = await asyncpg.connect(postgres_server.dsn)
    await prepare(connection, schema)
    login = f"rina-{secrets.token_hex(4)}"
    async with PostgresOfficeDesk(postgres_server.dsn, schema=schema) as store:
        await signed_in(store, "940401", role="analyst", login=login)
        await signed_in(store, "9404", role="supervisor", login="budi")
        yield login
    await connection.execute(f'drop schema {office_of(schema)} cascade; drop role if exists "{login}"')
    await connection.close()


@pytest.fixture
def run(
    postgres_server: EmbeddedPostgres, schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:  # fmt: skip
    """`ecoklit account sql …` with a password on standard input: exit code, output, errors."""
    for name, value in {"DATA": str(tmp_path), "DATABASE_URL": postgres_server.dsn, "SCHEMA": schema}.items():
        monkeypatch.setenv(f"ECOKLIT_{name}", value)

    async def ran(*words: str, typed: str = PASSWORD) -> tuple[int, str, str]:
        with monkeypatch.context() as typing:
            typing.setattr(sys, "stdin", io.StringIO(typed + "\n"))
            code = await asyncio.to_thread(main, ["account", "sql", *words])
        return code, *capsys.readouterr()

    return ran


async def test_a_login_is_made_listed_and_taken_away(
    postgres_server: EmbeddedPostgres, schema: str, rina: str, run: Run
) -> None:
    """It sees its areas through the views while it is there; whom it may read is in the log before, and the password is
    in no output."""
    code, out, errors = await run(rina, "--area", "94.04.01.2001", "--days", "7", "--json")
    assert (code, errors) == (0, "")
    assert json.loads(out)["areas"] == ["9404012001"]
    async with PostgresOfficeDesk(postgres_server.dsn, schema=schema) as store:
        (entry,) = await store.entries(0, 10)
        until = json.loads(out)["until"][:10]
    assert (entry.login, entry.action, entry.area, entry.rows, entry.reason) == (
        rina, "sql", "9404012001", 0, f"until {until}",
    )  # fmt: skip
    code, listed, _ = await run("--list", "--json")
    assert code == 0 and [json.loads(line)["login"] for line in listed.splitlines()] == [rina]
    person = await asyncpg.connect(postgres_server.dsn, user=rina, database="ecoklit")
    assert await person.fetchval("select my_areas()") == ["9404012001%"]
    assert await person.fetch("select * from voter_list") == []
    await person.close()
    code, out, _ = await run(rina, typed="another password, later on")
    assert code == 0 and rina in out and "940401" in out and "another password" not in out
    code, out, _ = await run(rina, "--drop")
    assert code == 0 and "dicabut" in out
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(postgres_server.dsn, user=rina, database="ecoklit")
    assert (await run("--list", "--json"))[1] == ""


@pytest.mark.parametrize(
    ("words", "typed", "says"),
    [
        (["RINA", "--area", "9404"], PASSWORD, "is no part of the account's areas"),
        (["RINA"], "short", "15 to 128 characters"),
        (["RINA"], "", "15 to 128 characters"),
        (["RINA", "--days", "0"], PASSWORD, "1 to 366 days"),
        (["RINA", "--area", "94x4"], PASSWORD, "is no area"),
        (["budi"], PASSWORD, "A supervisor sees less"),
        (["nobody"], PASSWORD, "No open account is called nobody"),
        (["ecoklit_reader"], PASSWORD, "can be no role of the database"),
        (["RINA", "--drop"], PASSWORD, "has no login for SQL"),
        (["RINA", "--drop", "--list"], PASSWORD, "not allowed with"),
        ([], PASSWORD, "Whose login?"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
async def test_a_wrong_call_is_one_sentence_and_makes_nothing(
    rina: str, run: Run, words: list[str], typed: str, says: str
) -> None:
    """Each says what to do, and nobody has a login afterwards."""
    code, out, errors = await run(*(rina if word == "RINA" else word for word in words), typed=typed)
    assert code == 2 and out == "" and says in errors and errors.count("\n") == 1, errors
    assert typed == "" or typed not in errors
    assert (await run("--list", "--json"))[1] == ""
