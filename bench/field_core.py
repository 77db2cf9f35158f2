"""The core of the phone in the browser: a TPS of 600 voters with 3,000 events, from the disk to its digest.

Each figure is the median of some fresh pages of Chromium, whose processor is slowed six times as DevTools does it: what
a cheap phone needs when the app is opened, with nothing compiled yet. A row is as in bench/main.py.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from playwright.async_api import Browser, BrowserContext, CDPSession, async_playwright

ROOT = Path(__file__).parents[1]
POLICY = json.loads((ROOT / "events" / "policies" / "2024-1.json").read_text(encoding="utf-8"))
VOTERS, QUICK_VOTERS = 600, 60
PAGES, QUICK_PAGES = 5, 1
SLOWED = 6
GOAL_MS = 500
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PAGE = "/bench/README.md"
"""Any file of the same origin: the modules are brought by what is called."""
CORE = "/bench/field_core.js"


class Quiet(SimpleHTTPRequestHandler):
    """Serves the repository to this machine alone, and says nothing about it."""

    def log_message(self, format: str, *words: object) -> None:
        pass


@contextmanager
def served() -> Iterator[str]:
    """The address of the repository's files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(ROOT)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Page(NamedTuple):
    """What one fresh page took of its slowed processor, in milliseconds, and what it came to."""

    bring: float
    fold: float
    told: tuple[int, int, str]


async def figures(context: BrowserContext, url: str, kept: str) -> Page:
    page = await context.new_page()
    await page.goto(url + PAGE)
    tools = await context.new_cdp_session(page)
    # Time of the page's own thread: what others on this machine do meanwhile is not counted.
    await tools.send("Performance.enable", {"timeDomain": "threadTicks"})
    await tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    await page.evaluate(f"async () => {{ globalThis.core = await import('{CORE}'); }}")
    started = await task_ms(tools)
    await page.evaluate("(kept) => core.bring(kept)", kept)
    brought = await task_ms(tools)
    told = await page.evaluate("(policy) => core.fold(policy)", POLICY)
    folded = await task_ms(tools)
    await page.close()
    return Page(brought - started, folded - brought, (told["counted"], told["voters"], told["digests"]))


async def task_ms(tools: CDPSession) -> float:
    answer = await tools.send("Performance.getMetrics")
    return 1000 * float(next(one["value"] for one in answer["metrics"] if one["name"] == "TaskDuration"))


async def measured(browser: Browser, url: str, voters: int, pages: int) -> dict[str, list[Page]]:
    """By what was kept, the pages, in turns; all of them come to the same digests, in which every event counts."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(url + PAGE)
    events = await page.evaluate(f"async (voters) => (await import('{CORE}')).keep(voters)", voters)
    await page.close()
    found: dict[str, list[Page]] = {"bytes": [], "held": []}
    for _ in range(pages):
        for kept, seen in found.items():
            seen.append(await figures(context, url, kept))
    told = {page.told for seen in found.values() for page in seen}
    if len(told) != 1 or next(iter(told))[:2] != (events, voters):
        raise SystemExit(f"the folds of {voters} voters with {events} events do not agree: {told}")
    return found


def rows_of(found: dict[str, list[Page]]) -> list[dict[str, Any]]:
    """The rows of the table."""
    folded = median(page.fold for page in found["held"])
    anew, kept = (median(page.bring for page in found[name]) for name in ("bytes", "held"))
    return [
        row("core: fold and digest", folded, goal=f"< {GOAL_MS} ms", met=folded < GOAL_MS),
        row("core: events that were read before, from IndexedDB", kept, "read anew from their bytes", kept / anew),
    ]


def row(name: str, value: float, against: str | None = None, ratio: float | None = None, **goal: Any) -> dict[str, Any]:
    return {
        "name": name, "value": round(value), "unit": "ms", "against": against,
        "ratio": None if ratio is None else round(ratio, 2), "goal": goal.get("goal"), "met": goal.get("met"),
    }  # fmt: skip


async def main(quick: bool) -> None:
    if CHROMIUM is None:
        raise SystemExit("Chromium is missing: apt-get install chromium")
    with served() as url:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            found = await measured(browser, url, QUICK_VOTERS if quick else VOTERS, QUICK_PAGES if quick else PAGES)
            await browser.close()
    for one in rows_of(found):
        print(json.dumps(one))


if __name__ == "__main__":
    asyncio.run(main("--quick" in sys.argv[1:]))
