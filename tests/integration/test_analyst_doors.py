"""What analysts ask at the terminal and over HTTP, on the real broker and database: the same rows, no number whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.bootstrap import House, open_house
from ecoklit.cli.main import main
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.wire import Held
from ecoklit.http.app import make_app
from ecoklit.ports import STAMP_HEADER, Push
from ecoklit.testing.made_up_accounts import signed_in
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.made_up_settings import settings_for

REGENCY, TPS, NEXT_DOOR = "9404", "9404012001001", "9404012001002"
NIK, NKK = "9404014107900001", "9404010101010001"
LISTED_AT, AT = "2024-06-20T09:00:00+09:00", "2024-06-25T09:00:00+09:00"

VOTERS = [
    (TPS, "Ani Contoh"), (TPS, "Budi Contoh"), (TPS, "Citra Contoh"), (TPS, "Dewi Contoh"),
    (NEXT_DOOR, "Ani Conto"), (NEXT_DOOR, "Eka Contoh"),
]  # fmt: skip


class Office(NamedTuple):
    house: House
    http: httpx.AsyncClient
    found: dict[str, Held]

    def environ(self) -> dict[str, str]:
        settings = self.house.settings
        return {
            "ECOKLIT_DATA": str(settings.data),
            "ECOKLIT_ELECTION": settings.election,
            "ECOKLIT_NATS_URL": settings.nats_url or "",
            "ECOKLIT_NATS_MONITOR_URL": settings.monitor_url or "",
            "ECOKLIT_DATABASE_URL": settings.database_url or "",
            "ECOKLIT_SCHEMA": settings.schema,
            "COLUMNS": "250",
        }


def person(name: str, **more: Any) -> dict[str, Any]:
    record = dict.fromkeys(RECORD_FIELDS) | {"name": name, "nik": NIK, "nkk": NKK, "birth_date": "1990-07-01", **more}
    return {"salt": ids.to_base64url(bytes(16)), "record": record}


async def store(house: House, *held: Held) -> None:
    """Events into the journal as admission would bring them."""
    stamp = ((STAMP_HEADER, str(await house.registry.last())),)
    persons = tuple((one.seq, one.person_bytes) for one in held if one.person_bytes is not None)
    await house.journal.append(
        [Push(held[0].device, 0, tuple(one.event_bytes for one in held), persons, first_headers=stamp)]
    )


@pytest_asyncio.fixture(loop_scope="session")
async def office(
    nats_server: EmbeddedNats, postgres_server: EmbeddedPostgres, schema: str, tmp_path: Path
) -> AsyncIterator[Office]:
    """A list of four at one TPS and two next door under one NIK and NKK; siti finds one, moves one, and one
    is dead."""
    settings = settings_for(tmp_path, nats_server, postgres_server, schema)
    election = MadeUpElection(settings.election, REGENCY)
    election.device("office", officer="o-1")
    election.device("siti-phone", "pantarlih", TPS, officer="siti")

    def log(name: str, officer: str, role: str) -> DeviceLog:
        return DeviceLog(settings.election, made_up_device(1, name), officer=officer, role=role, policy="2024-1")

    listing, siti = log("office", "o-1", "kpu"), log("siti-phone", "siti", "pantarlih")
    born = [
        listing.append("listed", tps=tps, at=LISTED_AT, source=NIK, person=person(name, sex="P", disability="visual"))
        for tps, name in VOTERS
    ]
    ani, budi, citra = born[0], born[1], born[2]
    found = siti.append("found", tps=TPS, at=AT, voter=ani.voter, seen=[ani], how="in_person")
    moved = siti.append("moved", tps=TPS, at=AT, voter=budi.voter, seen=[budi], to=NEXT_DOOR)
    dead = siti.append("deceased", tps=TPS, at=AT, voter=citra.voter, seen=[citra], evidence="death_certificate")
    async with open_house(settings) as house:
        await election.store(house.registry)
        await store(house, *born)
        await store(house, found, moved, dead)
        await house.projector.run_until_caught_up()
        transport = httpx.ASGITransport(app=make_app(house), raise_app_exceptions=False)  # type: ignore[arg-type]
        siti_asks = await signed_in(house.accounts_store)
        async with httpx.AsyncClient(transport=transport, base_url="http://ecoklit", headers=siti_asks.headers) as http:
            yield Office(house, http, {"ani": ani, "budi": budi, "citra": citra, "siti": found})


@pytest.fixture
def run(office: Office, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in office.environ().items():
        monkeypatch.setenv(name, value)

    async def command(*argv: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, argv)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


COMMANDS = {
    "movers": ["9404"],
    "families": ["94.04.01"],
    "large": [TPS, "--limit", "2"],
    "duplicates": [TPS],
    "progress": ["9404"],
    "reports": ["9404"],
    "late": ["9404"],
    "devices": ["9404"],
    "advice": ["9404"],
}


async def rows_of(run: Any, name: str, *argv: str) -> list[dict[str, Any]]:
    code, out, err = await run(name, "--json", *argv)
    assert (code, err) == (0, ""), err
    answer = json.loads(out)
    assert answer["as_of"]["events"] == 9
    rows: list[dict[str, Any]] = answer["rows"]
    return rows


async def test_every_list_says_what_the_field_did(office: Office, run: Any) -> None:
    """Each command's rows, as --json: who moved, who may be one person, what was done and by whom."""
    moved = await rows_of(run, "movers", "9404")
    assert [(row["voter"], row["from_tps"], row["to_tps"], row["state"]) for row in moved] == [
        (office.found["budi"].voter, TPS, NEXT_DOOR, "awaited")
    ]
    (family,) = await rows_of(run, "families", "9404")
    assert (family["tps"], family["voters"], len(family["members"])) == ([TPS, NEXT_DOOR], 5, 5)
    assert await rows_of(run, "large", "9404", "--limit", "2") == [{"tps": NEXT_DOOR, "on_list": 3, "over": 1}]
    kinds = {row["kind"] for row in await rows_of(run, "duplicates", TPS, "--likeness", "0.5")}
    assert kinds == {"nik", "similar"}
    worked = await rows_of(run, "progress", "9404", "--level", "tps")
    assert {(row["area"], row["day"], row["kind"]): row["n"] for row in worked} == {
        (TPS, "2024-06-25", kind): 1 for kind in ("sesuai", "moved", "deceased")
    }
    (report,) = await rows_of(run, "reports", "9404", "--span", "ten_days", "--start", "2024-06-24")
    assert (report["since"], report["until"]) == ("2024-06-24", "2024-07-03")
    assert (report["officer"], report["a_received"], report["c_filtered"], report["e_disabled"]) == ("siti", 3, 2, 3)
    assert await rows_of(run, "late", "9404") == []
    health = {row["officer"]: row for row in await rows_of(run, "devices", "9404")}
    assert (health["siti"]["held"], health["siti"]["behind"], health["o-1"]["behind"]) == (3, 0, 3)
    assert [row["officer"] for row in await rows_of(run, "devices", TPS)] == ["siti"]
    assert await rows_of(run, "advice", "9404") == []


async def test_a_table_is_read_by_people(run: Any) -> None:
    """Bahasa Indonesia first, then English; it ends with how many rows and as of which position; no number whole."""
    for name, argv in {**COMMANDS, "recap": ["9404"]}.items():
        code, out, err = await run(name, *argv)
        assert (code, err) == (0, ""), name
        assert " · " in out.splitlines()[0], name
        assert "per posisi · as of position 9" in out.splitlines()[-1], name
        assert NIK not in out and NKK not in out, name


async def test_a_recap_counts_reasons_by_the_code_book(run: Any) -> None:
    """The dead are 1 in 2024's book, another year has its own, and few people with a disability are not counted out."""
    _, out, _ = await run("recap", NEXT_DOOR)
    assert "(1)" in out and "nomor 2024" in out and "few people" in out
    row = (await rows_of(run, "recap", TPS))[0]
    assert (row["deceased"], row["visual"]) == (1, None)
    code, _, err = await run("recap", "9404", "--codebook", "1999")
    assert code == 2 and "2018, 2023, 2024" in err


async def test_a_wrong_question_is_answered_in_one_sentence(run: Any) -> None:
    """What cannot be answered is refused by name, with what to give instead."""
    for argv, said in (
        (["large", "9404", "--limit", "-1"], "no limit of a TPS"),
        (["duplicates", "9404", "--likeness", "0.1"], "no likeness"),
        (["reports", "9404", "--start", "1024-01-01"], "no first day"),
        (["reports", "9404", "--start", "today"], "is no day"),
        (["movers", "9405"], "not projected"),
        (["movers", "94"], "no area here"),
        (["devices", "9405"], "no area of regency 9404"),
    ):
        code, out, err = await run(*argv)
        assert (code, out) == (2, ""), argv
        assert said in err and err.count("\n") == 1, argv


async def test_whole_numbers_are_in_no_word_of_the_terminal(office: Office, run: Any) -> None:
    """An identity number that somebody wrote as a word of an event is masked in a history too."""
    code, out, _ = await run("history", "--json", str(office.found["ani"].voter))
    assert code == 0 and NIK not in out and "940401**********" in out


ROUTES = {
    "movers": "movers/94.04",
    "families": "families/940401",
    "large": f"large-tps/{TPS}?voters_max=2",
    "duplicates": f"duplicates/{TPS}",
    "progress": "progress/9404?level=district",
    "reports": "reports/9404",
    "late": "late/9404",
    "devices": "devices/9404/health",
    "advice": "advice/9404",
}


async def test_both_doors_give_the_same_rows(office: Office, run: Any) -> None:
    """Every list over HTTP has the rows of its command, says as of which position, and no number is whole in it."""
    for name, route in ROUTES.items():
        answer = await office.http.get(f"/v1/{route}")
        assert answer.status_code == 200, (name, answer.text)
        assert answer.json()["rows"] == await rows_of(run, name, *COMMANDS[name]), name
        assert answer.json()["as_of"]["events"] == 9
        assert NIK not in answer.text and NKK not in answer.text
        then = await office.http.get(f"/v1/{route}{'&' if '?' in route else '?'}as_of=9")
        assert then.status_code == 200 and then.json()["rows"] == answer.json()["rows"], name
        if name in ("devices", "advice", "reports"):  # which the registry of then, or another day, could change
            assert answer.json()["rows"] == await rows_of(run, name, *COMMANDS[name], "--at", "9"), name
    assert (await office.http.get("/v1/proposals/9404")).json()["rows"] == []
    assert (await office.http.get(f"/v1/recap/{TPS}")).json()["rows"][0]["visual"] is None


async def test_a_wrong_question_over_http_is_a_problem(office: Office) -> None:
    """What cannot be answered is 400 or 404 with a code and what to change."""
    for route, status, code in (
        ("large-tps/9404?voters_max=-1", 400, "bad_argument"),
        ("large-tps/9404?voters_max=many", 400, "bad_argument"),
        ("duplicates/9404?likeness=0.1", 400, "bad_argument"),
        ("duplicates/9404?likeness=nan", 400, "bad_argument"),
        ("reports/9404?span=weekly", 400, "bad_argument"),
        ("reports/9404?start=9999-12-31", 400, "bad_argument"),
        ("progress/9404?level=nation", 400, "bad_argument"),
        ("movers/94", 400, "unknown_area"),
        ("movers/9405", 403, "not_your_area"),
        ("advice/nowhere", 400, "unknown_area"),
    ):
        answer = await office.http.get(f"/v1/{route}")
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (status, code), (route, problem)
        assert problem["detail"], route


async def test_pages_are_followed_by_their_links_and_kept_by_their_tags(office: Office) -> None:
    """Over HTTP: each page links to the next until the last, a tag brings 304 without a body, and an earlier moment and
    chosen fields are asked for by name; what is no parameter is refused with those there are."""
    asked = f"/v1/rolls/{NEXT_DOOR}?limit=1&fields=name,remark"
    told: list[dict[str, Any]] = []
    link: str | None = asked
    while link is not None:
        page = await office.http.get(link)
        told += page.json()["voters"]
        assert (page.json()["next"] is None) == ("link" not in page.headers)
        link = page.links["next"]["url"] if "link" in page.headers else None
        assert link is None or ("Conto" not in link and "limit=1" in link)
    whole = await office.http.get(f"/v1/rolls/{NEXT_DOOR}")
    assert told == [{"name": row["name"], "remark": row["remark"]} for row in whole.json()["voters"]] and len(told) == 3
    assert whole.json()["digest"] == whole.json()["as_of"]["digest"]
    assert whole.json()["as_of"]["digest_as_of"] == {"events": 9, "persons": 6}
    tag = whole.headers["etag"]
    for said in (tag, f'"other", {tag}', f"W/{tag}"):
        known = await office.http.get(f"/v1/rolls/{NEXT_DOOR}", headers={"If-None-Match": said})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert (await office.http.get(f"/v1/rolls/{NEXT_DOOR}", headers={"If-None-Match": '"other"'})).status_code == 200
    then = (await office.http.get(f"/v1/rolls/{NEXT_DOOR}?as_of=6")).json()
    assert len(then["voters"]) == 2 and then["as_of"]["events"] == 6
    refused = await office.http.get("/v1/movers/9404?status=gone")
    assert refused.json()["code"] == "bad_argument" and "state" in refused.json()["detail"]


async def test_a_province_is_the_sum_of_the_regencies_that_one_sees(office: Office, run: Any) -> None:
    """Its regencies, each as of its own position, and the sum for whoever sees them all; nobody sees another one."""
    answer = (await office.http.get("/v1/provinces/94/recap")).json()
    assert [(row["area"], row["on_list"]) for row in answer["rows"]] == [(REGENCY, 5)]
    assert [one["regency"] for one in answer["as_of"]] == [REGENCY]
    code, out, err = await run("recap", "--json", "94")
    assert (code, err) == (0, "") and json.loads(out)["rows"] == answer["rows"]
    assert {"digest", "digest_as_of", "events"} <= set(answer["as_of"][0])
    assert [row["area"] for row in await rows_of(run, "recap", "9404", "--level", "village")] == ["9404012001"]
    code, _, err = await run("recap", "94", "--at", "3")
    assert code == 2 and "leave it out for a province" in err
    (whole,) = (await office.http.get("/v1/provinces/94/recap?level=province")).json()["rows"]
    assert (whole["area"], whole["on_list"], whole["deceased"]) == ("94", 5, 1)
    for path, status, code in (
        ("provinces/9x/recap", 400, "unknown_area"),
        ("provinces/91/recap", 404, "not_projected"),
        ("provinces/94/recap?level=nation", 400, "bad_argument"),
    ):
        refused = await office.http.get(f"/v1/{path}")
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    both = await signed_in(office.house.accounts_store, "940401", "9405", role="supervisor")
    assert (await office.http.get("/v1/provinces/94/recap?level=tps", headers=both.headers)).status_code == 403
    clerk = await signed_in(office.house.accounts_store, TPS, role="pantarlih")
    refused = await office.http.get("/v1/provinces/94/recap", headers=clerk.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_area")


async def test_metrics_tell_how_it_stands_and_name_nobody(office: Office) -> None:
    """For this machine or the token's holder: lag, counts and states; no voter, officer or device is in them."""
    told = await office.http.get("/metrics")
    assert told.status_code == 200 and told.headers["content-type"].startswith("text/plain")
    lines = dict(line.rsplit(" ", 1) for line in told.text.splitlines() if not line.startswith("#"))
    assert lines["ecoklit_projection_lag_seconds"] == "0.0" and lines['ecoklit_up{part="journal"}'] == "1.0"
    assert {"ecoklit_events_total", "ecoklit_pushes_total", "ecoklit_lag_events"} <= set(lines)
    assert 'ecoklit_receipt_to_row_seconds_bucket{le="+Inf"}' in lines
    for somebody in ("siti", "o-1", "Ani", NIK, NKK, *(str(held.voter) for held in office.found.values())):
        assert somebody not in told.text
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        passed_on = await office.http.get("/metrics", headers={header: "198.51.100.7"})
        assert (passed_on.status_code, passed_on.json()["code"]) == (403, "not_entitled")
