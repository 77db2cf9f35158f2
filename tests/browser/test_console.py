"""The office's console in a real browser, over the real broker and database: what an official sees in an evening."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from ecoklit.adapters.argon2_passwords import Argon2Passwords
from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.bootstrap import House, open_house
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.wire import Held
from ecoklit.http.app import make_app
from ecoklit.http.serve import served
from ecoklit.testing.made_up_accounts import App
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.made_up_settings import settings_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = "Chromium or Playwright is missing: apt-get install chromium, and the group dev"
pytestmark = pytest.mark.skipif(CHROMIUM is None and "ECOKLIT_BROWSER" not in os.environ, reason=MISSING)

REGENCY, TPS, NEXT_DOOR = "9404", "9404012001001", "9404012001002"
AT = "2024-06-25T09:00:00+09:00"
PASSWORD = "empat kata yang panjang"
NIK, NKK = "9404014107900001", "9404010101200001"
NAMES = ("Ani Rekaan", "Budi Rekaan", "Citra Rekaan", "Dewi Rekaan")


class Desk(NamedTuple):
    """A service with four made-up voters on a list, two of whom siti visited, and an official who may sign in."""

    house: House
    url: str
    login: str
    app: App
    siti: DeviceLog
    born: list[Held]

    async def visit(self, at: int) -> None:
        """siti finds one more of the list, and the roll follows."""
        await store(
            self.house,
            self.siti.append("found", tps=TPS, at=AT, voter=self.born[at].voter, seen=[self.born[at]], how="in_person"),
        )
        await self.house.projector.run_until_caught_up(progress=lambda end: self.house.counts.projected(end.events))


async def store(house: House, *held: Held) -> None:
    await house.service.push(signed_push(held))


@pytest_asyncio.fixture(loop_scope="session")
async def desk(
    nats_server: EmbeddedNats,
    postgres_server: EmbeddedPostgres,
    schema: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Desk]:
    monkeypatch.setattr("ecoklit.bootstrap.people.Argon2Passwords", partial(Argon2Passwords, memory_kib=64, passes=1))
    settings = settings_for(tmp_path, nats_server, postgres_server, schema)
    election = MadeUpElection(settings.election, REGENCY)
    election.device("office", officer="o-1")
    election.device("siti-phone", "pantarlih", TPS, officer="siti")
    save_key(key_folder(tmp_path, settings.election, REGENCY), "service", election.service)

    def log(name: str, officer: str, role: str) -> DeviceLog:
        return DeviceLog(settings.election, made_up_device(1, name), officer=officer, role=role, policy="2024-1")

    listing, siti = log("office", "o-1", "kpu"), log("siti-phone", "siti", "pantarlih")
    born = [
        listing.append(
            "listed",
            tps=TPS,
            at=AT,
            source="dp4-2024",
            person={
                "salt": ids.to_base64url(bytes(16)),
                "record": dict.fromkeys(RECORD_FIELDS) | {"name": name, "nik": NIK, "nkk": NKK, "sex": "P"},
            },
        )
        for name in NAMES
    ]
    found = siti.append("found", tps=TPS, at=AT, voter=born[0].voter, seen=[born[0]], how="in_person")
    dead = siti.append("deceased", tps=TPS, at=AT, voter=born[2].voter, seen=[born[2]], evidence="family_statement")
    async with open_house(settings) as house:
        await election.store(house.registry)
        await store(house, *born)
        await store(house, found, dead)
        await house.projector.run_until_caught_up(progress=lambda end: house.counts.projected(end.events))
        login = f"rina-{secrets.token_hex(4)}"
        _, secret = await house.account_desk.add(
            login, "kpu", (REGENCY,), (), officer="o-1", password=PASSWORD, subject=None
        )
        assert secret is not None
        async with served(make_app(house), "127.0.0.1", 0) as url:
            yield Desk(house, url.replace("127.0.0.1", "localhost"), login, App(secret), siti, born)


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Any]:
    assert CHROMIUM is not None, MISSING
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Any) -> AsyncIterator[Any]:
    """A phone's page, which keeps what it asked and what it was refused."""
    page = await browser.new_page(viewport={"width": 360, "height": 740})
    page.asked, page.refused = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda said: page.refused.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: page.refused.append(str(error)))
    yield page
    await page.close()


async def shot(page: Any, name: str) -> None:
    if folder := os.environ.get("ECOKLIT_SCREENSHOTS"):
        await page.screenshot(path=f"{folder}/office-{name}.png", full_page=True)


async def sign_in(page: Any, desk: Desk) -> None:
    await page.fill("[name=login]", desk.login)
    await page.fill("[name=password]", PASSWORD)
    await page.fill("[name=code]", await asyncio.to_thread(desk.app.code))
    await page.click("button.main")


async def test_an_evening_at_the_console(desk: Desk, page: Any) -> None:
    """Asked for a page, an official signs in and comes to it; goes down to a TPS; sees an entry arrive by itself; finds
    what waits for a ruling; reads it in English; and leaves. Nobody but this host is asked, and no script is stopped.
    """
    await page.goto(f"{desk.url}/office/area/{REGENCY}")
    assert urlsplit(page.url).path == "/office/sign-in"
    await shot(page, "sign-in")
    await page.fill("[name=login]", desk.login)
    await page.fill("[name=password]", "bukan kata sandinya")
    await page.fill("[name=code]", "000000")
    await page.click("button.main")
    assert "tidak cocok" in await page.inner_text("[role=alert]")
    assert await page.input_value("[name=login]") == desk.login
    page.refused.clear()  # the browser notes the refusal itself
    await sign_in(page, desk)
    await page.wait_for_url(f"**/office/area/{REGENCY}")
    figures = await page.inner_text(".figures")
    assert re.search(r"2\s+sudah dicoklit", figures) and re.search(r"2\s+belum dicoklit", figures)
    await shot(page, "area")
    for part in ("940401", "9404012001", TPS):
        await page.click(f"tbody a[href='/office/area/{part}']")
        await page.wait_for_url(f"**/office/area/{part}")
    text = await page.inner_text("main")
    assert all(name in text for name in NAMES)
    assert NIK not in await page.content() and NKK not in await page.content()
    await shot(page, "tps")
    await desk.visit(1)
    await page.locator(".figures li", has_text=re.compile(r"^\s*3\s+sudah dicoklit")).wait_for()
    await page.click("nav a[href^='/office/cases/']")
    await page.wait_for_url("**/office/cases/*")
    assert "Usulan" in await page.inner_text("main")
    await shot(page, "cases")
    await page.click("nav a[lang=en]")
    assert "Proposals that wait for a ruling" in await page.inner_text("main")
    assert await page.get_attribute("html", "lang") == "en"
    await page.click("nav button")
    await page.wait_for_url("**/office/sign-in")
    await page.goto(f"{desk.url}/office/area/{TPS}")
    assert urlsplit(page.url).path == "/office/sign-in"
    assert {urlsplit(one).netloc for one in page.asked} == {urlsplit(desk.url).netloc}
    assert page.refused == []


async def test_a_page_fits_a_phone_and_a_desk(desk: Desk, page: Any) -> None:
    """At 360 px and 1440 px nothing is wider than the page, what is touched is 44 px high, all is had by keyboard."""
    await page.goto(f"{desk.url}/office")
    await sign_in(page, desk)
    await page.wait_for_url(f"**/office/area/{REGENCY}")
    for path in (f"area/{REGENCY}", f"area/{TPS}", f"cases/{REGENCY}"):
        await page.goto(f"{desk.url}/office/{path}")
        for width in (360, 1440):
            await page.set_viewport_size({"width": width, "height": 740})
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await page.evaluate(wide) <= 0, (path, width)
        small = await page.evaluate(
            "[...document.querySelectorAll('main a, nav a, button, input')].filter(one => one.offsetHeight && "
            "one.offsetHeight < 44).map(one => one.outerHTML)"
        )
        assert small == [], path
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(f"{desk.url}/office/area/{REGENCY}")
    reached = set()
    for _ in range(20):
        await page.keyboard.press("Tab")
        reached.add(await page.evaluate("document.activeElement.textContent.trim()"))
    assert {"Beranda", "Putusan", "Keluar", "940401"} <= reached


async def test_the_next_page_is_of_this_console(desk: Desk, page: Any) -> None:
    """Whoever sends somebody to the sign-in page cannot have them led to another host afterwards."""
    await page.goto(f"{desk.url}/office/sign-in?next=//elsewhere.example/office")
    assert await page.input_value("[name=next]") == "/office"
