"""The core of the phone in the browser: a TPS of 600 voters with 3,000 events, from the disk to its digest.

Each figure is the median of some fresh pages of Chromium, whose processor is slowed six times as DevTools does it: what
happens on a cheap phone when the app is opened. A row is {name, value, unit, against, ratio, goal, met}, as in main.py.
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
from typing import Any

from playwright.async_api import Browser, BrowserContext, async_playwright

ROOT = Path(__file__).parents[1]
POLICY = json.loads((ROOT / "events" / "policies" / "2024-1.json").read_text(encoding="utf-8"))
VOTERS, QUICK_VOTERS = 600, 60
PAGES, QUICK_PAGES = 5, 1
SLOWED = 6
GOAL_MS = 500
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PAGE = "/bench/README.md"
"""Any file of the same origin: the modules are brought by what is called."""
FOLD = "async ([kept, policy]) => (await import('/bench/field_core.js')).fold(kept, policy)"


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


async def figures(context: BrowserContext, url: str, kept: str) -> dict[str, Any]:
    """One fresh page, slowed: what it measured."""
    page = await context.new_page()
    await page.goto(url + PAGE)
    tools = await context.new_cdp_session(page)
    await tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    found: dict[str, Any] = await page.evaluate(FOLD, [kept, POLICY])
    await page.close()
    return found


async def measured(browser: Browser, url: str, voters: int, pages: int) -> dict[str, list[dict[str, Any]]]:
    """By what was kept: the figures of each page; all of them come to one digest in which every event counts."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(url + PAGE)
    events = await page.evaluate("async (voters) => (await import('/bench/field_core.js')).keep(voters)", voters)
    await page.close()
    found: dict[str, list[dict[str, Any]]] = {"bytes": [], "held": []}
    for _ in range(pages):
        for kept, rows in found.items():
            rows.append(await figures(context, url, kept))
    told = {(row["head"], row["counted"], row["voters"]) for rows in found.values() for row in rows}
    if len(told) != 1 or {(counted, there) for _, counted, there in told} != {(events, voters)}:
        raise SystemExit(f"the folds of {voters} voters with {events} events do not agree: {told}")
    return found


def rows_of(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows of the table."""

    def of(kept: str, *steps: str) -> float:
        return median(sum(row[step] for step in steps) for row in found[kept])

    folded = of("held", "fold", "digest")
    anew, kept = of("bytes", "fetch", "read"), of("held", "fetch", "read")
    return [
        row("core, slowed 6x: fold and digest of 3,000 events", folded, goal=f"< {GOAL_MS} ms", met=folded < GOAL_MS),
        row("core, slowed 6x: what was read is kept, from IndexedDB", kept, "read anew from the bytes", kept / anew),
        row("core, slowed 6x: from IndexedDB to the digest", of("held", "fetch", "read", "fold", "digest")),
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
