"""The phone in the browser as an officer feels it: a TPS of 600 voters, from the home screen to a saved family.

The app as the service serves it, already installed (its service worker brings it), with a list that it holds, and
Chromium's processor slowed six times. Times are what the officer waits, so whatever else this machine does is in
them. A row is as in bench/main.py.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import sys
from collections.abc import Sequence
from statistics import median
from typing import Any
from unittest.mock import MagicMock

from playwright.async_api import BrowserContext, Page, async_playwright

from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.door.gate import Gate
from ecoklit.http.app import make_app
from ecoklit.http.field import release
from ecoklit.http.serve import served
from ecoklit.testing import mimika
from ecoklit.testing.made_up_keys import made_up_device

VOTERS, QUICK_VOTERS = 600, 60
STARTS, QUICK_STARTS = 5, 1
SLOWED = 6
ELECTION, REGENCY = "pilkada-2024", "9404"
TPS = mimika.tps_codes("940412")[0]
AT = "2024-06-20T08:00:00+09:00"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
GOALS = {
    "first load, compressed": 200,
    "list, from the home screen": 1000,
    "family, saved": 100,
    "search, a keystroke": 50,
}
FILL = """
async ([lines, about]) => {
  const { read } = await import("/field/core/wire.js");
  const { store } = ecoklit.phone;
  const identity = await store.identity();
  const held = lines.map((line) => read(new TextEncoder().encode(line)));
  await store.enrol({ ...about, device: identity.device, epoch: 0 }, [about.tps], [], held);
  await navigator.serviceWorker.ready;
}
"""
SEARCH = """
async (letters) => {
  const field = document.querySelector("input[type=search]");
  const took = [];
  for (let end = 1; end <= letters.length; end += 1) {
    const began = performance.now();
    field.value = letters.slice(0, end);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    document.body.getBoundingClientRect();
    took.push(performance.now() - began);
  }
  return took;
}
"""
SAVE = """
async () => {
  const family = ecoklit.families.find(({ openCount }) => openCount > 0);
  const began = performance.now();
  const mark = { type: "found", how: "in_person" };
  const said = family.states.map(({ decision }) => ({ voter: decision.voter, mark }));
  await ecoklit.phone.say(ecoklit.tps, said, family.key);
  return performance.now() - began;
}
"""


def lines_of(voters: int) -> list[str]:
    """The list of one TPS on the wire."""
    office = DeviceLog(ELECTION, made_up_device(1, "office"), officer="o-1", role="kpu", policy="2024-1")
    people = [person for tps in mimika.tps_codes("940412") for person in mimika.people(tps)][:voters]
    if len(people) < voters:
        raise SystemExit(f"the village has {len(people)} people, fewer than {voters}")
    return [
        office.append(
            "listed", tps=TPS, at=AT, source="dp4-2024",
            person={"salt": ids.to_base64url(nth.to_bytes(16, "big")), "record": person.record()},
        ).line.decode()
        for nth, person in enumerate(people)
    ]  # fmt: skip


async def slowed(context: BrowserContext) -> Page:
    page = await context.new_page()
    tools = await context.new_cdp_session(page)
    await tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    return page


async def measured(url: str, voters: int, starts: int) -> dict[str, Sequence[float]]:
    """Milliseconds, by what was waited for."""
    list_shown: list[float] = []
    saved: list[float] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": 360, "height": 640})
        page = await context.new_page()
        await page.goto(f"{url}/field/")
        await page.wait_for_selector("[data-key]")
        about = {
            "election": ELECTION, "regency": REGENCY, "root": "", "officer": "p-1", "role": "pantarlih",
            "policy": "2024-1", "tps": TPS,
        }  # fmt: skip
        await page.evaluate(FILL, [lines_of(voters), about])
        await page.close()
        for _ in range(starts):
            page = await slowed(context)
            await page.goto(f"{url}/field/index.html#/daftar", wait_until="commit")
            await page.wait_for_selector("[data-family]")
            list_shown.append(await page.evaluate("performance.now()"))
            searched = await page.evaluate(SEARCH, "maria ta")
            saved.append(await page.evaluate(SAVE))
            await page.close()
        await browser.close()
    return {"list, from the home screen": list_shown, "family, saved": saved, "search, a keystroke": searched}


def row(name: str, value: float, unit: str) -> dict[str, Any]:
    goal = GOALS[name]
    return {
        "name": f"app: {name}", "value": round(value), "unit": unit, "against": None, "ratio": None,
        "goal": f"< {goal} {unit}", "met": value < goal,
    }  # fmt: skip


async def main(quick: bool) -> None:
    if CHROMIUM is None:
        raise SystemExit("Chromium is missing: apt-get install chromium")
    size = sum(len(gzip.compress(part.body)) for part in release().values()) / 1000
    house = MagicMock(gate=Gate())
    async with served(make_app(house), "127.0.0.1", 0) as url:
        found = await measured(url, QUICK_VOTERS if quick else VOTERS, QUICK_STARTS if quick else STARTS)
    rows = [row("first load, compressed", size, "KB"), *(row(name, median(took), "ms") for name, took in found.items())]
    for one in rows:
        print(json.dumps(one))


if __name__ == "__main__":
    asyncio.run(main("--quick" in sys.argv[1:]))
