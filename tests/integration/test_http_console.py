"""The office's console over HTTP, without a browser: who gets which page, and what each page is held to."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from unittest.mock import MagicMock

import httpx
import pytest
import pytest_asyncio

from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.bootstrap import House, open_house
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.door.gate import Gate
from ecoklit.http.app import make_app
from ecoklit.http.console.frame import LANGUAGES, POLICY, SHA256, page_within, texts
from ecoklit.testing.made_up_accounts import signed_in
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.made_up_settings import settings_for

TPS, OTHER = "9404012001001", "9404012002001"
NIK = "9404014107900001"
FOLDER = Path(__file__).parents[2] / "src" / "ecoklit" / "web" / "office"


class Office(NamedTuple):
    house: House
    http: httpx.AsyncClient


@pytest_asyncio.fixture(loop_scope="session")
async def office(
    nats_server: EmbeddedNats, postgres_server: EmbeddedPostgres, schema: str, tmp_path: Path
) -> AsyncIterator[Office]:
    """A voter on the list of each of two villages."""
    settings = settings_for(tmp_path, nats_server, postgres_server, schema)
    election = MadeUpElection(settings.election, "9404")
    election.device("office", officer="o-1")
    save_key(key_folder(tmp_path, settings.election, "9404"), "service", election.service)
    log = DeviceLog(settings.election, made_up_device(1, "office"), officer="o-1", role="kpu", policy="2024-1")
    born = [
        log.append(
            "listed",
            tps=tps,
            at="2024-06-25T09:00:00+09:00",
            source="dp4-2024",
            person={
                "salt": ids.to_base64url(bytes(16)),
                "record": dict.fromkeys(RECORD_FIELDS) | {"name": f"<b>Contoh {tps}</b>", "nik": NIK},
            },
        )
        for tps in (TPS, OTHER)
    ]
    async with open_house(settings) as house:
        await election.store(house.registry)
        await house.service.push(signed_push(born))
        await house.projector.run_until_caught_up()
        transport = httpx.ASGITransport(app=make_app(house), raise_app_exceptions=False)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="https://ecoklit") as http:
            yield Office(house, http)


async def test_a_page_of_another_area_shows_nothing_of_it(office: Office) -> None:
    """An account of one village opens its own pages; those of another are refused as a page, without what stands there,
    and its live figures too."""
    own = await signed_in(office.house.accounts_store, TPS[:10], role="pps")
    for path in ("area", "cases"):
        for area in (TPS[:10], TPS):
            shown = await office.http.get(f"/office/{path}/{area}", headers=own.headers)
            assert (shown.status_code, shown.headers["content-security-policy"]) == (200, POLICY)
            assert shown.headers["cache-control"] == "no-store"
        for area in (OTHER[:10], OTHER, "940401", "9404"):
            for kind in (path, "live"):
                refused = await office.http.get(f"/office/{kind}/{area}", headers=own.headers)
                assert refused.status_code == 403 and "not_your_area" in refused.text
                assert "Contoh" not in refused.text and 'class="figures"' not in refused.text
    roll = await office.http.get(f"/office/area/{TPS}", headers=own.headers)
    assert "&lt;b&gt;Contoh" in roll.text and "<b>Contoh" not in roll.text and NIK not in roll.text


async def test_what_a_page_names_is_in_the_read_log(office: Office) -> None:
    """The list of a TPS on a page is a reading like any other: in the log, under the request that the page names."""
    siti = await signed_in(office.house.accounts_store, "9404")
    shown = await office.http.get(f"/office/area/{TPS}", headers=siti.headers)
    entries = await office.house.accounts_store.entries(0, 1000)
    (entry,) = [one for one in entries if one.request == shown.headers["ecoklit-request"] and one.action == "roll"]
    assert (entry.area, entry.rows) == (TPS, 1)


@pytest.mark.parametrize("area", ["x", "94", "94040120010011", "7" * 16])
async def test_what_is_no_area_is_refused_by_name(office: Office, area: str) -> None:
    """A wrong code is a page that says what an area is; somebody's number in its place is not repeated."""
    siti = await signed_in(office.house.accounts_store, "9404")
    shown = await office.http.get(f"/office/area/{area}", headers=siti.headers)
    assert shown.status_code in (400, 404) and "unknown_area" in shown.text
    assert "7" * 16 not in shown.text
    unknown = await office.http.get(f"/office/area/{area}")
    assert (unknown.status_code, unknown.headers["location"]) == (303, "/office/sign-in?next=/office")


async def test_a_part_of_a_page_sends_the_browser_to_sign_in(office: Office) -> None:
    """A session that ended under an open page leads the whole page to the entrance, and back to where it was."""
    answer = await office.http.get(f"/office/area/{TPS}", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, f"/office/sign-in?next=/office/area/{TPS}")


async def test_another_sites_page_signs_nobody_in(office: Office) -> None:
    """A form that stands elsewhere opens no session here, whatever it sends: the browser says where it stands."""
    said = {"login": "siti", "password": "made up for this", "code": "000000", "next": "/office"}
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 401)):
        answer = await office.http.post("/office/sign-in", data=said, headers={"sec-fetch-site": site})
        assert answer.status_code == status and "set-cookie" not in answer.headers, (site, answer.text)


def test_only_pages_of_the_console_follow_a_sign_in() -> None:
    """Whatever an address says, one goes on within the console."""
    for path in (
        "//evil.example",
        "https://evil.example/office",
        "/officer",
        "/v1/rolls",
        "",
        "office",
        "/office\\..",
        "/",
    ):
        assert page_within(path) == "/office"
    assert page_within("/office/area/9404") == "/office/area/9404"


async def test_scripts_and_styles_are_the_packages_own() -> None:
    """Every part that a page names is served from here, the vendored ones byte for byte as they were published."""
    import hashlib

    transport = httpx.ASGITransport(app=make_app(MagicMock(gate=Gate())))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="https://ecoklit") as http:
        named = set(re.findall(r'(?:src|href)="(/office/static/[^"]+)"', (FOLDER / "templates/base.html").read_text()))
        assert len(named) == 3
        weight = 0
        for path in named:
            served = await http.get(path)
            assert served.status_code == 200
            weight += len(served.content)
            name = path.rpartition("/")[2]
            if name in SHA256:
                assert hashlib.sha256(served.content).hexdigest() == SHA256[name]
        assert weight < 100_000
        assert (await http.get("/office/static/texts.json")).status_code == 404


def test_every_text_is_there_in_both_languages() -> None:
    """Templates name only texts that there are, every text is used, and each is said in both languages with the same
    places for values."""
    templates = "".join(path.read_text() for path in sorted((FOLDER / "templates").glob("*.html")))
    used = set(re.findall(r"""say\(["']([a-z_]+\.[a-z_]+)["']""", templates))
    made = {f"remark.{one}" for one in ("belum", "sesuai", "ubah", "baru")}
    assert used | made == set(texts())
    for key, said in texts().items():
        assert tuple(said) == LANGUAGES, key
        places = [set(re.findall(r"\{(\w+)\}", text)) for text in said.values()]
        assert places[0] == places[1], key
    plain = re.sub(r"\{[{%#].*?[}%#]\}|<[^>]*>", "", templates, flags=re.S)
    assert re.findall(r"[A-Za-z]{3,}", plain) == ["ecoklit", "ecoklit"], (
        "a text that stands in a template is in no language"
    )
