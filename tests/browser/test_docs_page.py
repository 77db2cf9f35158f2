"""The page of the API's document in a real browser: it shows every route, and asks nobody but this host."""

from __future__ import annotations

import os
import shutil
from unittest.mock import MagicMock
from urllib.parse import urlsplit

import pytest

from ecoklit.door.gate import Gate
from ecoklit.http.app import make_app
from ecoklit.http.serve import served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = "Chromium or Playwright is missing: apt-get install chromium, and the group dev"


@pytest.mark.skipif(CHROMIUM is None and "ECOKLIT_BROWSER" not in os.environ, reason=MISSING)
async def test_the_page_shows_the_document_and_asks_no_other_host() -> None:
    """Opened and unfolded: the routes are there, no request goes elsewhere, the policy stops nothing that is needed."""
    assert CHROMIUM is not None, MISSING
    from playwright.async_api import ConsoleMessage, Request, async_playwright

    asked: list[str] = []
    refused: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            refused.append(message.text)

    def requested(request: Request) -> None:
        asked.append(request.url)

    house = MagicMock(gate=Gate())
    async with served(make_app(house), "127.0.0.1", 0) as url, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1280, "height": 1400})
        page.on("request", requested)
        page.on("console", heard)
        await page.goto(f"{url}/docs")
        await page.wait_for_selector(".opblock", timeout=60_000)
        routes = await page.locator(".opblock").count()
        document = await (await page.request.get(f"{url}/openapi.json")).json()
        await page.locator("#operations-lists-movers .opblock-summary-control").click()
        await page.wait_for_selector("#operations-lists-movers .responses-wrapper")
        text = await page.locator("#operations-lists-movers").inner_text()
        if folder := os.environ.get("ECOKLIT_SCREENSHOTS"):
            await page.screenshot(path=f"{folder}/docs.png")
        await browser.close()
    assert routes == sum(len(operations) for operations in document["paths"].values()) > 20
    assert "is_disputed" in text and "awaited" in text and "If-None-Match" in text
    hosts = {urlsplit(one).netloc for one in asked if not one.startswith("data:")}
    assert hosts == {urlsplit(url).netloc} and len(asked) >= 5
    assert refused == []
