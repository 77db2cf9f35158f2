"""Exports as people have them made, at the terminal and over HTTP: rights, the second person, the books, and a leak."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx
import pyarrow as pa
import pytest
import pytest_asyncio
from pyarrow import parquet

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.adapters.postgres_reader import PostgresReader
from ecoklit.adapters.spreadsheet import read_rows
from ecoklit.bootstrap import House, open_house
from ecoklit.cli.exits import Exit
from ecoklit.cli.main import main
from ecoklit.contract import policies
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.list_row import TITLES
from ecoklit.http.app import make_app
from ecoklit.ports import Account, NewAccount, Push
from ecoklit.services.accounts import viewer_of
from ecoklit.services.project import Projector
from ecoklit.settings import Settings
from ecoklit.testing import mimika
from ecoklit.testing.made_up_accounts import signed_in
from ecoklit.testing.made_up_settings import settings_for
from ecoklit.testing.memory_journal import MemoryJournal

REGENCY, DISTRICT = "9404", "940409"
VILLAGES = ("9404092003", "9404092004")
TPS = mimika.tps_codes(VILLAGES[0])[0]
VOTERS_OF_TPS = 220
"""So that a village takes two people, and a TPS one."""
REASON = "pleno terbuka rekapitulasi tingkat distrik"
OFFICE = "a" * 16


class Office(NamedTuple):
    """A regency of two villages, projected, and the accounts beside it."""

    environ: dict[str, str]
    desk: PostgresOfficeDesk
    settings: Settings

    async def account(self, login: str, *rights: str, role: str = "kpu", area: str = REGENCY) -> Account:
        return await self.desk.add(
            NewAccount(login, role, (area,), frozenset(rights), "o-1", None, None, f"made-up {login}", "shell")
        )

    async def entries(self) -> list[Any]:
        return await self.desk.entries(0, 1000)


@pytest_asyncio.fixture(loop_scope="session")
async def office(
    postgres_server: EmbeddedPostgres, nats_server: EmbeddedNats, schema: str, tmp_path: Path
) -> AsyncIterator[Office]:
    journal, election = MemoryJournal(), f"exports-{uuid.uuid4().hex[:8]}"
    log = DeviceLog(election, OFFICE, officer="kpu", role="kpu", policy="2024-1")
    last = 0
    for tps in [code for village in VILLAGES for code in mimika.tps_codes(village)]:
        held = [
            log.append(
                "listed", tps=tps, at="2024-06-20T09:00:00+09:00", source="dp4",
                person={"record": person.record(), "salt": ids.to_base64url(bytes(16))},
            )
            for person in mimika.people(tps)[:VOTERS_OF_TPS]
        ]  # fmt: skip
        persons = tuple((one.seq, one.person_bytes) for one in held if one.person_bytes is not None)
        await journal.append([Push(OFFICE, last, tuple(one.event_bytes for one in held), persons)])
        last += len(held)
    store = PostgresRoll(postgres_server.dsn, election=election, regency=REGENCY, schema=schema)
    await Projector(journal, store, policies(), election=election, regency=REGENCY).run_until_caught_up()
    await store.close()
    environ = {
        "ECOKLIT_DATA": str(tmp_path / "data"),
        "ECOKLIT_DATABASE_URL": postgres_server.dsn,
        "ECOKLIT_SCHEMA": schema,
        "ECOKLIT_ELECTION": election,
        "COLUMNS": "250",
    }
    async with PostgresOfficeDesk(postgres_server.dsn, schema=schema) as desk:
        settings = settings_for(tmp_path / "data", nats_server, postgres_server, schema, election=election)
        yield Office(environ, desk, settings)


@pytest.fixture
def run(office: Office, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in office.environ.items():
        monkeypatch.setenv(name, value)

    async def command(*argv: str | Path) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, [str(word) for word in argv])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def export(area: str, login: str, out: Path, *more: str, format: str = "csv") -> list[str | Path]:
    return ["export", area, "--for", login, "--format", format, "--out", out, "--reason", REASON, *more]


async def test_who_may_not_gets_nothing_and_no_file(office: Office, run: Any, tmp_path: Path) -> None:
    """No right, another area, whole numbers without their right or of a table, no account, a bad reason: by name."""
    await office.account("rina")
    await office.account("siti", "export")
    await office.account("dewi", "export", role="pps", area=VILLAGES[1])
    await office.account("kpu", "export", "unmask")
    out = tmp_path / "out"
    for refused, code in {
        (*export(TPS, "rina", out),): "not_your_right",
        (*export(TPS, "dewi", out),): "not_your_area",
        (*export(TPS, "siti", out, "--unmasked"),): "not_your_right",
        (*export(REGENCY, "kpu", out, "--what", "recap", "--unmasked"),): "bad_argument",
        (*export(REGENCY, "kpu", out, "--what", "recap", "--at", "999999"),): "not_projected",
        (*export(TPS, "nobody", out),): "unknown_account",
        (*export(TPS, "siti", out, "--codebook", "1999"),): "bad_argument",
        (*export(TPS, "siti", out)[:-1], "tes"): "no_reason",
        (*export("94.05", "siti", out),): "not_your_area",
    }.items():
        status, said, why = await run(*refused)
        assert status != 0 and said == "" and code in why, (refused, why)
    assert not out.exists() and await office.entries() == []


async def test_a_tps_is_for_one_and_a_district_takes_two(office: Office, run: Any, tmp_path: Path) -> None:
    """Beyond a TPS somebody else is asked; granted, the same command goes through. All of it is in the read log."""
    siti, kpu = await office.account("siti", "export"), await office.account("ketua", "approve")
    status, said, _ = await run(*export(TPS, "siti", tmp_path / "tps"), "--json")
    assert status == 0 and json.loads(said)["rows"] == VOTERS_OF_TPS
    district = export(DISTRICT, "siti", tmp_path / "district")
    for _ in range(2):  # asking again asks nobody else
        status, _, why = await run(*district)
        assert status == Exit.DIFFERS and "approval_needed" in why
    (waiting,) = await office.desk.open_approvals()
    assert waiting.approval in why and not (tmp_path / "district").exists()
    assert await office.desk.answer(waiting.approval, kpu.account, True)
    status, said, why = await run(*district, "--json")
    made = json.loads(said)
    assert (status, why) == (0, "") and [part["area"] for part in made["parts"]] == list(VILLAGES)
    entries = await office.entries()
    assert [(one.account, one.action, one.area, one.rows) for one in entries] == [
        (siti.account, "export", TPS, VOTERS_OF_TPS),
        (siti.account, "export", DISTRICT, made["rows"]),
    ]
    assert {one.reason for one in entries} == {REASON} and made["rows"] == 6 * VOTERS_OF_TPS


async def test_other_lists_are_one_table(office: Office, run: Any, tmp_path: Path) -> None:
    """The recap says in each format the same rows, of now and as of the position of now; it names nobody, so nobody is
    asked besides. Whom duplicates name counts as shown."""
    siti = await office.account("siti", "export")
    async with PostgresReader(
        office.environ["ECOKLIT_DATABASE_URL"], schema=office.environ["ECOKLIT_SCHEMA"]
    ) as reader:
        live = await reader.recap(REGENCY)
    at = str(live.as_of.events)
    rows = {}
    for format in ("csv", "xlsx", "parquet"):
        out = tmp_path / format
        status, said, why = await run(*export(REGENCY, "siti", out, "--what", "recap", "--json", format=format))
        assert (status, why) == (0, "")
        made = json.loads(said)
        (part,) = made["parts"]
        assert (made["what"], made["rows"], made["digest"], part["rows"]) == ("recap", 1, "", 1)
        rows[format] = table_in(out / part["file"])
        assert siti.login in (out / "export.json").read_text() and part["file"].startswith(f"recap_{REGENCY}.")
        if format == "csv":
            again = export(REGENCY, "siti", tmp_path / "then", "--what", "recap", "--at", at)
            assert (await run(*again))[0] == 0
            assert table_in(tmp_path / "then" / part["file"]) == rows[format]
    expected = [{name: "" if value is None else str(value) for name, value in row.items()} for row in live.rows]
    assert all(one == expected for one in rows.values()), rows
    status, said, why = await run(*export(REGENCY, "siti", tmp_path / "twice", "--what", "duplicates", "--json"))
    assert (status, why) == (0, "")
    (file,) = json.loads(said)["parts"]
    shown = table_in(tmp_path / "twice" / file["file"])
    assert shown and all(len(row["nik"].rstrip("*")) <= 6 for row in shown)
    *tables, twice = [(one.action, one.rows) for one in await office.entries()]
    assert tables == [("export", 0)] * 4 and twice == ("export", len({row["voter"] for row in shown}))


async def test_a_supervisor_takes_seven_elements_home(office: Office, run: Any, tmp_path: Path) -> None:
    """The copy for supervisors: the TPS, name, sex, age, address, RT, RW and remark, in every format, and no number; a
    leak of it is traced as well."""
    await office.account("bawaslu", "export", role="supervisor")
    for format in ("csv", "xlsx", "parquet", "arrow"):
        out = tmp_path / format
        status, said, why = await run(*export(TPS, "bawaslu", out, "--json", format=format))
        assert (status, why) == (0, "")
        made = json.loads(said)
        (part,) = made["parts"]
        assert made["is_supervised"] and made["list_digest"] == part["list_digest"] == "" and part["digest"]
        rows = table_in(out / part["file"])
        assert len(rows) == VOTERS_OF_TPS
        assert {tuple(row) for row in rows} == {("tps", "name", "sex", "age", "address", "rt", "rw", "remark")}
        assert all(17 <= int(row["age"]) <= 120 for row in rows if row["age"])
    (tmp_path / "leak.txt").write_text("\n".join(f"{row['name']}\t{row['address']}" for row in rows))
    status, said, _ = await run("trace", tmp_path / "leak.txt", "--json")
    assert json.loads(said.splitlines()[0])["login"] == "bawaslu"


async def test_pages_are_an_export_as_well(office: Office) -> None:
    """Over HTTP as PDF, by the same rights, books and second person: its recipient, digest and masked numbers stand on
    it; other lists, and what is asked for as of no moment, are refused by a sentence. The recap of a moment comes as a
    table."""
    pypdf = pytest.importorskip("pypdf")
    pytest.importorskip("typst")
    async with asking(office) as (house, http):
        siti = await signed_in(house.accounts_store, REGENCY, rights=("export",), login="siti")
        body = {"area": TPS, "format": "pdf", "reason": REASON}
        asked = await http.post("/v1/exports", json=body, headers=siti.headers)
        assert asked.status_code == 202, asked.text
        where = asked.headers["Location"]
        made = await finished(http, where, siti.headers)
        (part,) = made["parts"]
        file = await http.get(f"{where}/files/{part['file']}", headers=siti.headers)
        pages = pypdf.PdfReader(io.BytesIO(file.content)).pages
        text = " ".join(" ".join(page.extract_text() for page in pages).split())
        assert "MODEL A-DAFTAR PEMILIH" in text and "siti" in text and part["digest"] in text and "94**" not in text
        assert "**********" in text and made["rows"] == VOTERS_OF_TPS
        for more, code in (
            ({"area": REGENCY}, "approval_needed"), ({"what": "recap"}, "bad_argument"),
            ({"as_of": "yesterday"}, "bad_argument"), ({"as_of": "999999"}, "not_projected"),
            ({"what": "names"}, "bad_argument"),
        ):  # fmt: skip
            refused = await http.post("/v1/exports", json=body | more, headers=siti.headers)
            assert refused.json()["code"] == code, refused.text
        at = str(made["as_of"]["events"])
        recap = {"area": REGENCY, "format": "csv", "reason": REASON, "what": "recap", "as_of": at}
        asked = await http.post("/v1/exports", json=recap, headers=siti.headers)
        assert (await finished(http, asked.headers["Location"], siti.headers))["rows"] == 1


def table_in(file: Path) -> list[dict[str, str]]:
    """The rows of an exported table, each value as text."""
    if file.suffix in (".parquet", ".arrows"):
        source = parquet.read_table(file) if file.suffix == ".parquet" else pa.ipc.open_stream(file).read_all()
        return [{name: "" if one is None else str(one) for name, one in row.items()} for row in source.to_pylist()]
    sheet = [row.cells for row in read_rows(file)]
    titles = next(at for at, row in enumerate(sheet) if {"area", "voter", "tps"} & set(row[:6]) and len(row) > 2)
    return [dict(zip(sheet[titles], row, strict=True)) for row in sheet[titles + 1 :] if any(row)]


async def test_a_folder_goes_on_for_its_owner_alone(office: Office, run: Any, tmp_path: Path) -> None:
    """The same command again changes nothing; another list, another account or a strange folder is refused."""
    await office.account("siti", "export")
    await office.account("rina", "export")
    out = tmp_path / "out"
    assert (await run(*export(TPS, "siti", out)))[0] == 0
    before = {one.name: one.read_bytes() for one in out.iterdir()}
    assert (await run(*export(TPS, "siti", out)))[0] == 0
    status, _, why = await run(*export(TPS, "rina", out))
    assert status == Exit.USAGE and "not_yours" in why
    status, _, why = await run(*export(TPS, "siti", out, format="xlsx"))
    assert status == Exit.USAGE and "name a new folder" in why
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    status, _, why = await run(*export(TPS, "siti", tmp_path / "mine"))
    assert status == Exit.USAGE and "not empty" in why
    assert {one.name: one.read_bytes() for one in out.iterdir()} == before
    (out / "export.json").write_text("{")
    status, _, why = await run(*export(TPS, "siti", out))
    assert status == Exit.USAGE and "bad_export" in why
    assert len(await office.entries()) == 1


KILLED = """
import os, signal, sys
from ecoklit.adapters.export_folder import ExportFolder
from ecoklit.cli.main import main
left, real = [int(sys.argv[1])], ExportFolder._show
def show(self, path):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, path)
ExportFolder._show = show
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("step", [2, 4])
async def test_a_killed_export_goes_on(office: Office, run: Any, tmp_path: Path, step: int) -> None:
    """Killed between two files, what is in sight is whole, an export that was there is untouched, and it goes on."""
    siti, kpu = await office.account("siti", "export"), await office.account("ketua", "approve")
    old = tmp_path / "old"
    assert (await run(*export(TPS, "siti", old)))[0] == 0
    asked = await office.desk.ask("export", DISTRICT, REASON, siti.account, 3600)
    assert await office.desk.answer(asked.approval, kpu.account, True)
    before = {one.name: one.read_bytes() for one in old.iterdir()}
    out = tmp_path / "out"
    words = [str(word) for word in export(DISTRICT, "siti", out)]
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED, str(step), *words],
        env={**os.environ, **office.environ}, capture_output=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    in_sight = {one.name: one.read_bytes() for one in out.iterdir() if one.suffix == ".csv" and one.name[0] != "."}
    assert (
        len(in_sight) == (0 if step == 2 else 1) and json.loads((out / "export.json").read_bytes())["state"] != "done"
    )
    status, said, why = await run(*words, "--json")
    assert (status, why) == (0, "")
    made = json.loads(said)
    assert made["state"] == "done" and len(made["parts"]) == 2
    there = {one.name: one.read_bytes() for one in out.iterdir()}
    assert sorted(there) == sorted([*(part["file"] for part in made["parts"]), "export.json"])
    assert all(there[name] == data for name, data in in_sight.items())
    assert {one.name: one.read_bytes() for one in old.iterdir()} == before
    assert [one.rows for one in await office.entries()] == [VOTERS_OF_TPS, made["rows"]]


async def test_a_leak_is_traced_to_its_recipient(office: Office, run: Any, tmp_path: Path) -> None:
    """Of three who have a district's lists, 5 % of the rows of one, shuffled, in three columns, name that one."""
    kpu = await office.account("ketua", "approve")
    for login in ("andi", "budi", "citra"):
        account = await office.account(login, "export")
        asked = await office.desk.ask("export", DISTRICT, REASON, account.account, 3600)
        await office.desk.answer(asked.approval, kpu.account, True)
        assert (await run(*export(DISTRICT, login, tmp_path / login)))[0] == 0
    files = sorted((tmp_path / "budi").glob("*.csv"))
    rows = [
        row.cells
        for file in files
        for row in read_rows(file)
        if len(row.cells) == len(TITLES) and row.cells[0] != "NKK"
    ]
    leaked = [";".join((row[2], row[3], row[7])) for row in Random(3).sample(rows, len(rows) // 20)]
    (tmp_path / "leak.csv").write_text("\n".join(leaked))
    (tmp_path / "leak.txt").write_text("\n".join(row.replace(";", "\t") for row in leaked))
    for leak in ("leak.csv", "leak.txt"):
        status, said, _ = await run("trace", tmp_path / leak, "--json")
        found = [json.loads(line) for line in said.splitlines()]
        assert status == 0 and len(found) == 3
        assert [one["login"] for one in found if one["is_named"]] == ["budi"]
    (tmp_path / "washed.txt").write_text("\n".join(leaked).replace("\u00a0", " "))
    status, said, _ = await run("trace", tmp_path / "washed.txt")
    assert status == Exit.DIFFERS and "typed anew" in said
    status, _, why = await run("trace", tmp_path / "nothing.csv")
    assert status == Exit.USAGE and "no_file" in why


# --- over HTTP -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def asking(office: Office) -> AsyncIterator[tuple[House, httpx.AsyncClient]]:
    async with open_house(office.settings) as house:
        transport = httpx.ASGITransport(app=make_app(house), raise_app_exceptions=False)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://ecoklit") as http:
            yield house, http


async def finished(http: httpx.AsyncClient, where: str, headers: dict[str, str]) -> dict[str, Any]:
    while True:
        answer = await http.get(where, headers=headers)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        if made["state"] == "done":
            return made
        await asyncio.sleep(0.05)


async def test_over_http_it_is_made_meanwhile_and_fetched_in_pieces(office: Office) -> None:
    """Asked for, made, fetched whole or from where it broke off; nobody else is told that it is there."""
    async with asking(office) as (house, http):
        siti = await signed_in(house.accounts_store, REGENCY, rights=("export",), login="siti")
        rina = await signed_in(house.accounts_store, REGENCY, rights=("export",), login="rina")
        body = {"area": TPS, "format": "csv", "reason": REASON}
        asked = await http.post("/v1/exports", json=body, headers=siti.headers)
        assert asked.status_code == 202 and asked.json()["recipient"] == "siti"
        where = asked.headers["Location"]
        made = await finished(http, where, siti.headers)
        (part,) = made["parts"]
        file = f"{where}/files/{part['file']}"
        whole = await http.get(file, headers=siti.headers)
        assert hashlib.sha256(whole.content).hexdigest() == part["sha256"] and len(whole.content) == part["bytes"]
        assert whole.headers["ETag"] == f'"{part["sha256"]}"' and "attachment" in whole.headers["Content-Disposition"]
        assert "no-store" in whole.headers["Cache-Control"] and made["rows"] == VOTERS_OF_TPS
        broken = whole.content[:1000]
        more = {"Range": "bytes=1000-", "If-Range": whole.headers["ETag"]}
        rest = await http.get(file, headers=siti.headers | more)
        assert rest.status_code == 206 and broken + rest.content == whole.content
        assert rest.headers["Content-Range"] == f"bytes 1000-{part['bytes'] - 1}/{part['bytes']}"
        other = await http.get(file, headers=siti.headers | more | {"If-Range": '"another"'})
        assert (other.status_code, other.content) == (200, whole.content)
        beyond = await http.get(file, headers=siti.headers | {"Range": "bytes=999999999-"})
        assert (beyond.status_code, beyond.json()["code"]) == (416, "bad_range")
        for path in (where, file, f"{where}/files/export.json", f"{where}/files/..%2fx", "/v1/exports/x"):
            answer = await http.get(path, headers=rina.headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        entries = [one for one in await office.entries() if one.action == "export"]
        assert [(one.account, one.rows, one.reason) for one in entries] == [
            (siti.account.account, made["rows"], REASON)
        ]


async def test_over_http_who_may_not_is_told_why(office: Office) -> None:
    """No session, no right, another area, nothing that can be made, and a district for one alone."""
    async with asking(office) as (house, http):
        siti = await signed_in(house.accounts_store, VILLAGES[0], role="pps", rights=("export",))
        rina = await signed_in(house.accounts_store, REGENCY)
        body = {"area": TPS, "format": "csv", "reason": REASON}
        for headers, more, status, code in (
            ({}, {}, 401, "not_signed_in"),
            (rina.headers, {}, 403, "not_your_right"),
            (siti.headers, {"area": VILLAGES[1]}, 403, "not_your_area"),
            (siti.headers, {"unmasked": True}, 403, "not_your_right"),
            (siti.headers, {"reason": "tes"}, 400, "no_reason"),
            (siti.headers, {"format": "docx"}, 400, "bad_argument"),
            (siti.headers, {"codebook": "1999"}, 400, "bad_argument"),
            (siti.headers, {"area": VILLAGES[0]}, 403, "approval_needed"),
        ):
            answer = await http.post("/v1/exports", json=body | more, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code), more
        (waiting,) = await office.desk.open_approvals()
        assert waiting.area == VILLAGES[0] and await office.entries() == []


async def test_what_a_stopped_service_left_goes_on(office: Office) -> None:
    """Broken off between two files, the next service makes the rest; what was kept for a week is taken away."""
    async with asking(office) as (house, http):
        siti = await signed_in(house.accounts_store, REGENCY, rights=("export",), login="siti")
        asked = await house.approvals.ask(viewer_of(siti.account), "export", DISTRICT, REASON)
        kpu = await signed_in(house.accounts_store, REGENCY, rights=("approve",), login="ketua")
        await house.approvals.answer(viewer_of(kpu.account), asked.approval, True)
        body = {"area": DISTRICT, "format": "csv", "reason": REASON}
        where = (await http.post("/v1/exports", json=body, headers=siti.headers)).headers["Location"]
        while not (await http.get(where, headers=siti.headers)).json()["parts"]:
            await asyncio.sleep(0.001)
    folder = office.settings.data / "exports" / where.rpartition("/")[2]
    assert json.loads((folder / "export.json").read_bytes())["parts"]
    async with asking(office) as (house, http):
        made = await finished(http, where, siti.headers)
        assert len(made["parts"]) == 2 and made["rows"] == 6 * VOTERS_OF_TPS
        async with house.accounts_store.transaction() as connection:
            await connection.execute("update export set asked_at = asked_at - interval '8 days'")
        await house.exports.resume()
        answer = await http.get(where, headers=siti.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found") and not folder.exists()
