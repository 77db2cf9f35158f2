"""The rights of voters on the real database: requests and their deadline, the report to a voter, a breach's notice."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.adapters.postgres_reader import PostgresReader
from ecoklit.adapters.postgres_requests import PostgresRequests
from ecoklit.adapters.postgres_schema import office_of
from ecoklit.cli.main import main
from ecoklit.contract import policies
from ecoklit.errors import EcoklitError
from ecoklit.ports import NewAccount, Reading
from ecoklit.services.administration import at_the_shell
from ecoklit.services.breach_report import breach_report
from ecoklit.services.project import Projector
from ecoklit.services.read_log import verify
from ecoklit.services.voter_request import answer, listed, note
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

NIK = "9404011234560001"
NOBODY = "20a136e2-4c5f-8ec7-a2f4-cde6e20457a0"
ELSEWHERE = "9404999999"
BY_NUMBER = f"select voter, tps from listed_voter where nkk = '{NIK}' and tps is not null order by voter limit 1"
Run = Callable[..., Awaitable[tuple[int, str, str]]]


class Office(NamedTuple):
    run: Run
    reader: PostgresReader
    desk: PostgresOfficeDesk
    requests: PostgresRequests
    sql: asyncpg.Connection
    voter: str
    tps: str


@pytest_asyncio.fixture(loop_scope="session")
async def office(
    postgres_server: EmbeddedPostgres, schema: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Office]:
    """The database of a random history, the office's schema beside it, and the command line on both."""
    journal = MemoryJournal()
    await append_all(journal, RandomHistory(21, events=300).arrivals)
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    await Projector(journal, store, policies(), election=ELECTION, regency=REGENCY).run_until_caught_up()
    await store.close()
    for name, value in {
        "ECOKLIT_DATABASE_URL": postgres_server.dsn,
        "ECOKLIT_SCHEMA": schema,
        "ECOKLIT_ELECTION": ELECTION,
        "ECOKLIT_REGENCY": REGENCY,
        "COLUMNS": "250",
    }.items():
        monkeypatch.setenv(name, value)

    async def run(*argv: str, words: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(words))
        code = await asyncio.to_thread(main, list(argv))
        return code, *capsys.readouterr()

    async with (
        PostgresReader(postgres_server.dsn, schema=schema) as reader,
        PostgresOfficeDesk(postgres_server.dsn, schema=schema) as desk,
        PostgresRequests.open(postgres_server.dsn, schema=schema) as requests,
    ):
        async with reader.snapshot() as connection:
            row = await connection.fetchrow(BY_NUMBER)
        assert row is not None
        sql = await asyncpg.connect(postgres_server.dsn)
        await sql.execute(f"set search_path = {office_of(schema)}")
        yield Office(run, reader, desk, requests, sql, str(row["voter"]), row["tps"])
        await sql.close()


async def account(office: Office, login: str, area: str = REGENCY) -> str:
    made = await office.desk.add(NewAccount(login, "kpu", (area,), frozenset(), login, "x", None, None, "shell"))
    return made.account


def reading(who: str | None, action: str = "roll", **more: Any) -> Reading:
    known: dict[str, Any] = {
        "account": who, "action": action, "area": None, "voter": None, "rows": 1, "fields": (), "reason": None,
        "as_of": 9, "request": "r", "within": "", "budget": 0,
    }  # fmt: skip
    return Reading(**known | more)


# --- requests --------------------------------------------------------------------------------------------------------


async def test_a_request_is_due_in_three_days_and_answered_once(office: Office) -> None:
    """Noted at the voter's present TPS, in the voter's words, due in 72 hours; its answer stays what it was."""
    noted = await note(office.requests, office.reader, office.voter, "correction", " nama saya salah ", "shell")
    assert noted.due_at - noted.asked_at == timedelta(hours=72) and noted.tps == office.tps
    assert noted.says == "nama saya salah" and noted.answer is None and not noted.is_late
    answered = await answer(office.requests, noted.request, "diperbaiki", "shell")
    assert answered.answer == "diperbaiki" and not answered.is_late
    with pytest.raises(EcoklitError) as refused:
        await answer(office.requests, noted.request, "lagi", "shell")
    assert refused.value.code == "request_answered"
    assert await office.requests.of_voter(office.voter) == [answered]


async def test_requests_are_listed_where_the_voter_stands_the_first_due_first(office: Office) -> None:
    """Without an answer, unless all are asked for; one whose day has passed is late, and the command says so."""
    first, second = [
        await note(office.requests, office.reader, office.voter, kind, "x", "shell") for kind in ("access", "erasure")
    ]
    await office.sql.execute(
        "update voter_request set due_at = now() - interval '1 hour' where request = $1", UUID(second.request)
    )
    found = await listed(office.requests, office.tps, answered=False)
    assert [(one.request, one.is_late) for one in found] == [(second.request, True), (first.request, False)]
    await answer(office.requests, second.request, "y", "shell")
    assert [one.request for one in await listed(office.requests, REGENCY, answered=False)] == [first.request]
    assert len(await listed(office.requests, REGENCY, answered=True)) == 2
    assert await listed(office.requests, ELSEWHERE, answered=True) == []


async def test_wrong_requests_are_refused_by_name(office: Office) -> None:
    """An unknown voter, request, kind or area, and no words or too many: nothing is written."""

    async def code(call: Awaitable[object]) -> str:
        with pytest.raises(EcoklitError) as refused:
            await call
        return refused.value.code

    async def noting(voter: str, kind: str = "access", says: str = "x") -> object:
        return await note(office.requests, office.reader, voter, kind, says, "shell")

    assert await code(noting(NOBODY)) == "unknown_voter"
    for wrong in (
        noting(office.voter, "gift"),
        noting(office.voter, says=" \n "),
        noting(office.voter, says="x" * 2001),
    ):
        assert await code(wrong) == "bad_argument"
    assert await code(noting(office.voter, says="a\0b")) == "bad_argument"
    for request in (NOBODY, "x", office.voter.upper()):
        assert await code(answer(office.requests, request, "x", "shell")) == "unknown_request"
    assert await code(listed(office.requests, "94", answered=True)) == "unknown_area"
    assert await office.sql.fetchval("select count(*) from voter_request") == 0


async def test_the_command_takes_the_words_from_its_input(office: Office) -> None:
    """`correct note`, `list` and `answer`; a list with something late in it exits with 1."""
    code, out, _ = await office.run("correct", "note", office.voter, "--json", words="alamat saya pindah\n")
    noted = json.loads(out)
    assert code == 0 and noted["says"] == "alamat saya pindah" and noted["kind"] == "correction"
    code, out, _ = await office.run("correct", "list", office.tps)
    assert code == 0 and "alamat saya pindah" in out and "1 permintaan" in out
    await office.sql.execute("update voter_request set due_at = now() - interval '1 hour'")
    code, out, _ = await office.run("correct", "list", office.tps)
    assert code == 1 and "1 lewat tenggat" in out
    code, out, _ = await office.run("correct", "answer", noted["request"], "--says", "sudah")
    assert code == 0 and "lewat tenggat" in out
    assert (await office.run("correct", "answer", noted["request"], "--says", "sudah"))[0] == 1
    code, _, err = await office.run("correct", "note", office.voter)
    assert code == 2 and "Say it in 1 to" in err


# --- the report to a voter -------------------------------------------------------------------------------------------


async def test_a_voter_is_told_the_data_and_who_did_what_with_it(office: Office) -> None:
    """Every entry with its standing and what it brought; every reading of the voter, or of a list with the voter's TPS,
    and none of another; every file; every request. Numbers are masked."""
    siti, budi = await account(office, "siti"), await account(office, "budi")
    await office.desk.write(
        [
            reading(siti, area=office.tps, rows=30),
            reading(siti, area=REGENCY, rows=900),
            reading(budi, area=ELSEWHERE),
            reading(budi, "unmask", voter=office.voter, fields=("nik",), reason="salah ketik di NIK"),
            reading(budi, "unmask", voter=NOBODY),
        ]
    )
    await office.sql.execute(
        "insert into export (account, area, what, format, position, mark, rows, state)"
        " values ($1, $2, 'roll', 'csv', 9, '', 30, 'done'), ($1, $3, 'roll', 'csv', 9, '', 30, 'done')",
        UUID(siti),
        office.tps[:10],
        ELSEWHERE,
    )
    await note(office.requests, office.reader, office.voter, "access", "apa data saya", "shell")
    code, out, _ = await office.run("subject-report", office.voter, "--json")
    told = json.loads(out)
    assert code == 0 and NIK not in out and "940401**********" in out
    history = await office.reader.history(office.voter)
    assert [(one["device"], one["seq"], one["standing"]) for one in told["entries"]] == [
        (one["device"], one["seq"], one["standing"]) for one in history
    ]
    assert any(one["data"] for one in told["entries"]) and '"salt"' not in out
    assert [(one["login"], one["action"], one["area"], one["alone"]) for one in told["readings"]] == [
        ("siti", "roll", office.tps, False), ("siti", "roll", REGENCY, False), ("budi", "unmask", None, True),
    ]  # fmt: skip
    assert [one["area"] for one in told["exports"]] == [office.tps[:10]]
    assert [one["says"] for one in told["requests"]] == ["apa data saya"]
    assert told["asked_registry"] is False, "the broker is not there, and the report is, and says so"
    code, out, _ = await office.run("subject-report", office.voter)
    assert code == 0 and "registri tidak terjangkau" in out and NIK not in out and "budi" in out


async def test_whole_numbers_need_a_reason_that_stays(office: Office) -> None:
    """Each report is in the read log, and so in the next one; with whole numbers, also why."""
    code, _, err = await office.run("subject-report", office.voter, "--whole", "x")
    assert code == 2 and "no_reason" in err
    code, out, _ = await office.run("subject-report", office.voter, "--whole", "diminta pemilih sendiri", "--json")
    assert code == 0 and NIK in out
    code, out, _ = await office.run("subject-report", office.voter, "--json")
    (read,) = json.loads(out)["readings"]
    assert read["action"] == "subject_report" and read["reason"] == "diminta pemilih sendiri"
    assert read["login"] is None and read["fields"] == ["nik", "nkk"] and NIK not in out
    checked = await verify(office.desk)
    assert (checked.entries, checked.broken) == (2, None)


async def test_nobody_has_no_report(office: Office) -> None:
    """An id that no entry is about is refused, and nothing is logged."""
    code, _, err = await office.run("subject-report", NOBODY)
    assert code == 2 and "unknown_voter" in err
    assert await office.sql.fetchval("select count(*) from read_log") == 0


# --- the notice of a breach ------------------------------------------------------------------------------------------


async def test_a_notice_has_what_left_in_its_window_and_nothing_else(office: Office) -> None:
    """Readings with their sums, files, sessions that were open, alerts, who reads by SQL; the day when it is due."""
    siti = await account(office, "siti")
    await office.desk.write([reading(siti, area=office.tps, rows=10) for _ in range(3)])
    await office.desk.write([reading(siti, "unmask", voter=office.voter, fields=("nik",), reason="uji coba saja")])
    begin = datetime.now(UTC)
    await office.desk.write([reading(siti, area=office.tps, rows=500), reading(None, "roll", area=REGENCY, rows=7)])
    await office.desk.open(siti, "browser", b"1" * 32, 3600, 10)
    await office.desk.write([at_the_shell("add", ["9404021001"], "rina pps 9404021001 decide")])
    await office.desk.write([reading(siti, "readings", area="9404021001", rows=0)])
    await office.desk.alert("bulk_reading", siti, REGENCY, "Too many.")
    await office.sql.execute(
        "insert into export (account, area, what, format, position, mark, rows, unmasked)"
        " values ($1, $2, 'roll', 'csv', 9, '', 30, true)",
        UUID(siti),
        REGENCY,
    )
    await office.sql.execute("insert into sql_area values ('siti_sql', $1, $2)", REGENCY, UUID(siti))
    end = datetime.now(UTC)
    await office.desk.write([reading(siti, area=office.tps, rows=99)])

    before = await breach_report(office.requests, begin - timedelta(days=1), begin, end)
    assert [(one.action, one.answers, one.rows, one.voters) for one in before.readings] == [
        ("roll", 3, 30, 0), ("unmask", 1, 1, 1),
    ]  # fmt: skip
    assert before.voters_max == 31 and before.whole == ["nik"] and before.exports == before.alerts == []
    assert before.sessions == [] and before.areas == [office.tps]

    told = await breach_report(office.requests, begin, end, end)
    assert told.voters_max == 500 + 7 + 30 and told.areas == sorted([office.tps, REGENCY])
    assert told.due_at - told.found_at == timedelta(hours=72)
    assert [(one.login, one.rows) for one in told.readings] == [("siti", 500), (None, 7)]
    assert [one.rows for one in told.exports] == [30] and told.whole == ["nik", "nkk"]
    assert [one.login for one in told.sessions] == ["siti"] and [one.says for one in told.alerts] == ["Too many."]
    assert [(one.login, one.areas) for one in told.sql] == [("siti_sql", (REGENCY,))]

    words = ("--from", begin.isoformat(), "--to", end.isoformat())
    code, out, _ = await office.run("breach-report", *words, "--json")
    assert code == 0 and json.loads(out)["voters_max"] == 537
    code, out, _ = await office.run("breach-report", *words)
    assert code == 0 and "Pasal 46" in out and "paling banyak · voters at most: 537" in out and "siti_sql" in out


async def test_a_wrong_window_is_refused(office: Office) -> None:
    """With a sentence that says what to give."""
    for since, until, *found, why in (
        ("2024-07-02T00:00Z", "2024-07-02T00:00Z", "ends before it begins"),
        ("2024-07-02T00:00Z", "2024-07-03T00:00Z", "--found", "2024-07-01T00:00Z", "found before"),
        ("2024-07-02", "2024-07-03T00:00Z", "no time with its offset"),
        ("soon", "2024-07-03T00:00Z", "no time with its offset"),
    ):
        code, _, err = await office.run("breach-report", "--from", since, "--to", until, *found)
        assert code == 2 and why in err, why
