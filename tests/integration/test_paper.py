"""`ecoklit paper`: the lists and recaps of a real database as PDF files."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.cli.main import main
from ecoklit.contract import policies
from ecoklit.services.project import Projector
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

pypdf = pytest.importorskip("pypdf")
pytest.importorskip("typst")
VILLAGE, TPS = "9404012001", "9404012001001"
Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest_asyncio.fixture(loop_scope="session")
async def run(
    postgres_server: EmbeddedPostgres, schema: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Run]:
    """`ecoklit` on the database that a random history made."""
    journal = MemoryJournal()
    await append_all(journal, RandomHistory(21, events=300).arrivals)
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    await Projector(journal, store, policies(), election=ELECTION, regency=REGENCY).run_until_caught_up()
    await store.close()
    monkeypatch.setenv("ECOKLIT_DATABASE_URL", postgres_server.dsn)
    monkeypatch.setenv("ECOKLIT_SCHEMA", schema)
    monkeypatch.setenv("ECOKLIT_ELECTION", ELECTION)
    monkeypatch.setenv("ECOKLIT_REGENCY", REGENCY)

    async def running(*argv: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, list(argv))
        return code, *capsys.readouterr()

    yield running


@pytest_asyncio.fixture(loop_scope="session")
async def desk(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[PostgresOfficeDesk]:
    async with PostgresOfficeDesk(postgres_server.dsn, schema=schema) as opened:
        yield opened


def text_of(path: Path) -> str:
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(path).pages).split())


async def test_a_village_on_paper_is_the_list_of_each_of_its_tps(
    run: Run, desk: PostgresOfficeDesk, tmp_path: Path
) -> None:
    """Every TPS of the village with the digest that `ecoklit roll` says, every number masked, for its owner alone;
    and the read log says for whom."""
    out = tmp_path / "daftar.pdf"
    code, said, _ = await run("paper", "roll", VILLAGE, "--for", "PPS Kwamki", "--out", str(out), "--json")
    told = json.loads(said)
    assert code == 0 and stat.S_IMODE(out.stat().st_mode) == 0o600 and told["bytes"] == out.stat().st_size
    on_paper, voters = text_of(out), 0
    _, parts, _ = await run("recap", VILLAGE, "--json")
    tps = [row["area"] for row in json.loads(parts)["rows"]]
    assert len(tps) > 1
    for one in tps:
        roll = json.loads((await run("roll", one, "--json"))[1])
        assert roll["digest"] in on_paper
        voters += len(roll["voters"])
    assert told["voters"] == voters > 0
    assert "9404011234560001" not in on_paper and "940401**********" in on_paper
    (entry,) = [one for one in await desk.entries(0, 100) if one.action == "paper"]
    assert (entry.action, entry.area, entry.rows, entry.reason) == ("paper", VILLAGE, voters, "paper for PPS Kwamki")


async def test_an_earlier_list_goes_on_paper_as_it_was(run: Run, tmp_path: Path) -> None:
    """With --at, what `ecoklit roll --at` says: its digest, its position, and not today's."""
    now = json.loads((await run("roll", TPS, "--json"))[1])
    at = str(now["as_of"]["events"] // 2)
    then = json.loads((await run("roll", TPS, "--at", at, "--json"))[1])
    out = tmp_path / "then.pdf"
    code, said, _ = await run("paper", "roll", TPS, "--at", at, "--for", "PPS", "--out", str(out), "--json")
    on_paper = text_of(out)
    assert code == 0 and json.loads(said)["voters"] == len(then["voters"])
    assert then["digest"] != now["digest"] and then["digest"] in on_paper and now["digest"] not in on_paper
    assert f"posisi jurnal {at}" in on_paper
    recap = tmp_path / "recap.pdf"
    code, _, _ = await run("paper", "recap", TPS, "--at", at, "--for", "PPS", "--out", str(recap))
    assert code == 0 and then["digest"] in text_of(recap) and f"posisi jurnal {at}" in text_of(recap)


async def test_a_recap_on_paper_says_the_digest_of_its_area(run: Run, tmp_path: Path) -> None:
    """At every level, with its parts."""
    for area in (VILLAGE, "940401", REGENCY):
        out = tmp_path / f"{area}.pdf"
        code, said, _ = await run("paper", "recap", area, "--for", "PPK", "--out", str(out))
        assert code == 0 and "sha256" in said and "REKAPITULASI" in text_of(out)


WRONG = (
    (("roll", "9404", "--for", "x"), "of a TPS (13 digits) or of a village"),
    (("roll", "9404999999", "--for", "x"), "No TPS of this village"),
    (("recap", "94", "--for", "x"), "give 4 digits or more"),
    (("recap", "9404", "--for", "x", "--codebook", "1999"), "no such code book"),
    (("recap", "9404", "--for", " "), "say who gets it"),
    (("recap", "9404", "--for", "x" * 61), "say who gets it"),
    (("recap", "9404"), "--for"),
)


async def test_wrong_paper_is_refused_in_a_sentence(run: Run, tmp_path: Path) -> None:
    """And nothing is written, nor over a file that is there."""
    out = tmp_path / "no.pdf"
    for argv, why in WRONG:
        code, _, err = await run("paper", *argv, "--out", str(out))
        assert code == 2 and why in err and not out.exists(), why
    out.write_text("mine")
    code, _, err = await run("paper", "roll", TPS, "--for", "x", "--out", str(out))
    assert code == 2 and "is there already" in err and out.read_text() == "mine"
