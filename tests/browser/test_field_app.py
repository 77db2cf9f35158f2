"""The officer's phone in a real browser, over the real broker and database: nothing that it called saved is lost."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.bootstrap import House, open_house
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.enrolment import code_of, read_key_line, voucher_key
from ecoklit.core.wire import Held
from ecoklit.http import field
from ecoklit.http.app import make_app
from ecoklit.http.serve import served
from ecoklit.testing import mimika
from ecoklit.testing.cutting_proxy import CuttingProxy
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.made_up_settings import settings_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = "Chromium or Playwright is missing: apt-get install chromium, and the group dev"
pytestmark = pytest.mark.skipif(CHROMIUM is None and "ECOKLIT_BROWSER" not in os.environ, reason=MISSING)

REGENCY = "9404"
TPS = mimika.tps_codes("940412")[0]
AT, UNTIL = "2024-06-20T08:00:00+09:00", "2099-01-01T00:00:00Z"
SCREEN = {"width": 360, "height": 640}
FAMILIES, ENTRIES = 20, 50
LISTED_FAMILIES = 24
SECONDS_MAX = 60
"""How long a step may take on a machine that does much else."""


class Service(NamedTuple):
    """A running service with one list, and an office that gives codes."""

    house: House
    election: MadeUpElection
    url: str
    listed: list[Held]

    async def invitation(self, officer: str, nth: int) -> str:
        """What stands behind the # in the link of an invitation."""
        election = self.election
        code = code_of(bytes([nth] * 15))
        voucher = voucher_key(code, election.election, REGENCY)
        election.say(
            election.root, "vouched", voucher=voucher.device, key=voucher.public, officer_assigned=officer,
            role_assigned="pantarlih", area=TPS, until=UNTIL,
        )  # fmt: skip
        await election.store(self.house.registry)
        return f"{code}.{election.election}.{REGENCY}.{election.root.device}"

    async def file_for(self, key_line: str, officer: str) -> bytes:
        """The enrolment of a phone that showed its key: registry lines and the list."""
        election, key = self.election, read_key_line(key_line).key
        election.say(election.root, "device_enrolled", enrolled=key.device, holder=officer, key=key)
        election.say(
            election.root,
            "assigned",
            area=TPS,
            officer_assigned=officer,
            role_assigned="pantarlih",
            to_device=key.device,
        )
        await election.store(self.house.registry)
        return b"".join(line + b"\n" for line in (*election.registry, *(one.line for one in self.listed)))


def first_families(count: int) -> list[mimika.Person]:
    """The people of the first families of the TPS, by the number of their card."""

    def card(person: mimika.Person) -> str:
        return str(person.record()["nkk"])

    families = [list(family) for _, family in groupby(sorted(mimika.people(TPS), key=card), key=card)]
    return [person for family in families[:count] for person in family]


@pytest_asyncio.fixture(loop_scope="session")
async def service(
    nats_server: EmbeddedNats, postgres_server: EmbeddedPostgres, schema: str, tmp_path: Path
) -> AsyncIterator[Service]:
    settings = settings_for(tmp_path, nats_server, postgres_server, schema)
    election = MadeUpElection(settings.election, REGENCY)
    election.device("office", officer="o-1")
    save_key(key_folder(tmp_path, settings.election, REGENCY), "service", election.service)
    office = DeviceLog(settings.election, made_up_device(1, "office"), officer="o-1", role="kpu", policy="2024-1")
    people = first_families(LISTED_FAMILIES)
    listed = [
        office.append(
            "listed", tps=TPS, at=AT, source="dp4-2024",
            person={"salt": ids.to_base64url(nth.to_bytes(16, "big")), "record": person.record()},
        )
        for nth, person in enumerate(people)
    ]  # fmt: skip
    stop = asyncio.Event()
    async with open_house(settings) as house:
        await election.store(house.registry)
        await house.service.push(signed_push(listed))
        following = asyncio.create_task(house.projector.run_forever(stop))
        async with served(make_app(house), "127.0.0.1", 0) as url:
            yield Service(house, election, url, listed)
        stop.set()
        await following


@pytest.fixture
def profile() -> Iterator[Path]:
    """What a browser keeps: the list itself, so it is no place to search for what got out of it."""
    with tempfile.TemporaryDirectory(prefix="ecoklit-phone-", ignore_cleanup_errors=True) as name:
        yield Path(name)
        for path in Path(name).rglob("*.log"):
            path.unlink()  # what the browser's store calls a log is the store itself


class Network:
    """What lies between the phone and the service: there, or not."""

    def __init__(self, service: Service) -> None:
        port = int(service.url.rsplit(":", 1)[1])
        self.is_away = False
        self.proxy = CuttingProxy(port, lambda: "cut" if self.is_away else None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.proxy.port}"

    def go_away(self) -> None:
        self.is_away = True
        self.proxy.cut()


@asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[tuple[Any, subprocess.Popen[bytes]]]:
    """Chromium with what it keeps in `profile`: its page, and its process, which whoever wants may kill."""
    from playwright.async_api import async_playwright

    where = profile / "DevToolsActivePort"
    where.unlink(missing_ok=True)
    process = launched(profile)
    try:
        async with asyncio.timeout(SECONDS_MAX):
            while not (where.exists() and "\n" in where.read_text()):
                await asyncio.sleep(0.05)
        async with async_playwright() as playwright:
            chromium = await playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{where.read_text().split()[0]}")
            page = await chromium.contexts[0].new_page()
            page.set_default_timeout(SECONDS_MAX * 1000)
            await page.set_viewport_size(SCREEN)  # type: ignore[arg-type]
            yield page, process
    finally:
        kill(process)


def launched(profile: Path) -> subprocess.Popen[bytes]:
    words = ["--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage"]
    return subprocess.Popen(
        [str(CHROMIUM), *words, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def kill(process: subprocess.Popen[bytes]) -> None:
    """As when the power goes: no page is asked, nothing is put away."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(SECONDS_MAX)


class Said(NamedTuple):
    """What was entered, by kind, and how many entries the phone calls saved."""

    kinds: Counter[str]
    entries: int


async def enrol(page: Any, url: str, invitation: str) -> None:
    """Open the link of an invitation, and tap once."""
    await page.goto(f"{url}/field/#{invitation}")
    await page.click("button.main")
    await page.wait_for_selector("[data-sync-state]")
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")


async def visit(page: Any, families: int, entries: int) -> Said:
    """Close so many families at least, with so many entries at least; every fifth has each kind of exception."""
    kinds, saved, closed = Counter[str](), 0, 0
    await page.click("nav a >> nth=1")
    while closed < families or saved < entries:
        await page.locator("[data-family]").first.click()
        await page.wait_for_selector("[data-voter]")
        kinds[await mark_one(page, closed % 5)] += 1
        rest = page.locator("[data-rest]")
        await (rest if await rest.count() else page.locator("[data-close]")).click()
        await page.wait_for_selector("[data-family]")
        text = await page.locator("[data-message]").inner_text()
        saved += int(re.fullmatch(r"(\d+) entri tersimpan di HP ini\.", text).group(1))  # type: ignore[union-attr]
        closed += 1
    return Said(kinds, saved)


async def mark_one(page: Any, kind: int) -> str:
    """Mark the first of the family, or add one to it: what was done."""
    first = page.locator("[data-voter]").first
    if kind == 0:
        return "all as listed"
    if kind == 1:
        await first.locator("[data-mark=removed]").click()
        await first.locator("[data-reason=deceased]").click()
        await first.locator("[data-done]").click()
    elif kind == 2:
        await first.locator("[data-mark=not_met]").click()
        await first.locator("[data-why=refused]").click()
    elif kind == 3:
        await first.locator("[data-mark=changed]").click()
        await first.locator("input[name=rt]").fill("099")
        await first.locator("[data-done]").click()
    else:
        await page.locator("[data-add]").click()
        await page.fill("[data-new] input[name=name]", "Maria Rekaan")
        await page.select_option("[data-new] select[name=document]", "family_card")
        await page.click("[data-new] [data-done]")
    await page.wait_for_selector("[data-marked]")
    return ("", "deceased", "not_met", "changed", "new")[kind]


async def test_nothing_is_lost_by_a_killed_phone_and_both_come_to_one_roll(service: Service, profile: Path) -> None:
    """Fifty entries over twenty families are made without a network; the browser is killed and started again without
    one, and has all of them, and the draft too. With a network, whose first receipt is lost on its way, nothing is
    doubled: phone and service come to one digest, and the roll in PostgreSQL says what was said at the doors."""
    network = Network(service)
    async with network.proxy:
        async with browser(profile) as (page, process):
            await enrol(page, network.url, await service.invitation("p-1", 1))
            network.go_away()
            said = await visit(page, FAMILIES, ENTRIES)
            await page.locator("[data-family]").first.click()
            drafted = await page.locator("[data-voter]").first.get_attribute("data-voter")
            await page.locator("[data-mark=found]").first.click()
            await page.wait_for_selector("[data-marked]")
            kill(process)
        async with browser(profile) as (page, _):
            await page.goto(f"{network.url}/field/")
            state = page.locator("[data-sync-state]")
            assert f"{said.entries} entri tersimpan di HP ini dan belum terkirim; 0 sudah" in await state.inner_text()
            await page.click("nav a >> nth=1")
            await page.locator("[data-family]", has_text="belum ditutup").click()
            assert await page.locator("[data-marked]").get_attribute("data-voter") == drafted
            network.is_away = False
            cuts = network.proxy.cuts
            network.proxy.lose_answer_with(b'"receipt":')
            await page.click("nav a >> nth=0")
            while not await page.locator("[data-proved=true]").count():
                await state.locator("button").click()
                await page.wait_for_selector("[data-sync-state] button:not([disabled])")
            assert network.proxy.cuts > cuts, "the first receipt was lost on its way, and no other"
            await state.get_by_text("sama dengan daftar di layanan").wait_for()
            assert f"Semua {said.entries} entri ada di layanan" in await state.inner_text()
            digest = await state.get_attribute("data-digest")
    roll = await service.house.reader.roll(TPS)
    assert ids.from_base64url(digest) == roll.digest
    voters = roll.rows
    assert sum(one["proposed"] is not None for one in voters) == said.kinds["deceased"] > 0
    assert sum(one["attempts"] for one in voters) == said.kinds["not_met"] > 0
    assert sum(one["rt"] == "099" for one in voters) == said.kinds["changed"] > 0
    assert sum(one["name"].startswith("Maria Rekaan") for one in voters) == said.kinds["new"] > 0
    assert len(voters) == len(service.listed) + said.kinds["new"]


async def test_every_screen_can_be_used_by_everybody(service: Service, profile: Path) -> None:
    """Enrolled by a file, on the smallest phone, in both languages: axe-core finds nothing, nothing is wider than the
    screen, what can be tapped is 44 pixels high; no request goes elsewhere, and the policy refuses nothing."""
    refused: list[str] = []
    hosts: set[str] = set()
    async with browser(profile) as (page, _):
        page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: refused.append(str(error)))
        page.on("request", lambda asked: hosts.add(urlsplit(asked.url).netloc))
        await page.goto(f"{service.url}/field/")
        key_line = await page.locator("[data-key]").inner_text()
        await look(page, "enrol")
        file = await service.file_for(key_line, "p-2")
        await page.set_input_files("input[type=file]", {"name": "p-2", "mimeType": "text/plain", "buffer": file})
        await page.wait_for_selector("[data-sync-state]")
        await page.get_by_text(f"0 dari {len(service.listed)} orang sudah dicoklit").wait_for()
        await page.locator("[data-sync-state] button").click()
        await page.get_by_text("sama dengan daftar di layanan").wait_for()
        await look(page, "home")
        await page.click("nav a >> nth=1")
        await look(page, "list")
        await page.locator("[data-family]").first.click()
        await look(page, "family")
        await page.locator("[data-mark=removed]").first.click()
        await look(page, "reasons")
        await page.click("[data-reason=deceased]")
        await look(page, "evidence")
        await page.click("[data-done]")
        await page.click("[data-add]")
        await look(page, "new")
        await page.click("nav a >> nth=2")
        await look(page, "profile")
    assert refused == []
    assert hosts == {urlsplit(service.url).netloc}


async def test_a_new_version_waits_its_turn_and_takes_nothing_along(
    service: Service, profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another release arrives while an entry is unsent: the page says so and stays whole; opened again it is the new
    one, and the entry is there."""
    network = Network(service)
    parts = field.release()
    style = field.Part(parts["style.css"].body + b":root { --release: later; }", parts["style.css"].media_type, "")
    later = {"style.css": style._replace(sha256=hashlib.sha256(style.body).hexdigest())}
    async with network.proxy, browser(profile) as (page, _):
        await enrol(page, network.url, await service.invitation("p-3", 3))
        await page.evaluate("() => { ecoklit.wake = () => undefined; ecoklit.sync = () => undefined; }")
        await visit(page, 1, 1)
        monkeypatch.setattr(field, "release", lambda: with_worker(parts, later))
        await page.evaluate(
            "navigator.serviceWorker.getRegistration('/field/').then((one) => one.update()).then(() => true)"
        )
        await page.get_by_text("Versi baru siap").wait_for()
        assert await page.evaluate(RELEASE) == ""
        await page.close()
        page = await page.context.new_page()
        await page.goto(f"{network.url}/field/index.html")
        await page.wait_for_selector("[data-sync-state]")
        assert await page.evaluate(RELEASE) == "later"
        assert await page.evaluate("ecoklit.status.saved") >= 1


RELEASE = "getComputedStyle(document.documentElement).getPropertyValue('--release').trim()"


def with_worker(parts: dict[str, field.Part], later: dict[str, field.Part]) -> dict[str, field.Part]:
    """A release with these files in place of its own, and the worker that lists them."""
    changed = {**parts, **later}
    worker = parts[field.WORKER].body
    for path in later:
        worker = worker.replace(parts[path].sha256.encode(), changed[path].sha256.encode())
    worker = worker.replace(b'"version": "', b'"version": "later-')
    mark = hashlib.sha256(worker).hexdigest()
    return {**changed, field.WORKER: field.Part(worker, field.MEDIA_TYPES[".js"], mark)}


async def look(page: Any, name: str) -> None:
    """The screen in both languages; its picture goes where ECOKLIT_SCREENSHOTS says."""
    for language in ("en", "id"):
        await page.evaluate("language => window.ecoklit.speak(language)", language)
        await page.wait_for_selector(f"html[lang={language}]")
        if folder := os.environ.get("ECOKLIT_SCREENSHOTS"):
            await page.screenshot(path=f"{folder}/field-{name}-{language}.png")
        assert await page.evaluate("document.documentElement.scrollWidth") <= SCREEN["width"], name
        assert await page.evaluate(SMALL_TARGETS) == [], name
        assert await violations(page) == [], name


SMALL_TARGETS = """
[...document.querySelectorAll("button, a, input, select")].filter((one) => one.getBoundingClientRect().height < 44)
  .map((one) => one.outerHTML.slice(0, 120))
"""
AXE = Path(__file__).parent / "tools" / "node_modules" / "axe-core" / "axe.min.js"


async def violations(page: Any) -> list[str]:
    """What axe-core finds; nothing where it is not installed (`npm ci` in tests/browser/tools)."""
    if not AXE.exists():
        assert "ECOKLIT_BROWSER" not in os.environ, "axe-core is missing: run npm ci in tests/browser/tools."
        return []
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run()")
    assert len(found["passes"]) > 5, "axe-core looked at nothing"
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"]]
