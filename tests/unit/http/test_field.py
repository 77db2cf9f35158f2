"""The officer's phone as it is served: one release, whole, small, from this host alone."""

from __future__ import annotations

import gzip
import hashlib
import json
import posixpath
import re
from collections.abc import AsyncIterator
from unittest.mock import MagicMock

import httpx
import pytest_asyncio

from ecoklit.door.gate import Gate
from ecoklit.http.app import make_app
from ecoklit.http.field import PAGE, WORKER, release

COMPRESSED_BYTES_MAX = 200_000
"""The first load in all, on a village's network (issue 7, proof 6)."""


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """The application without a house: the files need none."""
    house = MagicMock(gate=Gate())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=make_app(house)), base_url="http://ecoklit") as http:
        yield http


def test_a_release_is_whole() -> None:
    """Every module that a module imports, and every file that the page and its manifest name, is in the release."""
    parts = release()
    for path, part in parts.items():
        text = part.body.decode()
        if path.endswith(".js") and not path.startswith("vendor/"):
            for named in re.findall(r'^import .*? from "([^"]+)";', text, re.MULTILINE):
                found = posixpath.normpath(posixpath.join(posixpath.dirname(path), named))
                assert found in parts, f"{path} imports {named}"
        for named in re.findall(r'"/field/([^"]+\.\w+)"', text):
            assert named in parts, f"{path} names {named}"


def test_the_page_asks_for_every_module_at_once() -> None:
    """What is imported over several steps is asked for by the page itself, or a start would wait for each step."""
    parts = release()
    page = parts[PAGE].body.decode()
    asked = set(re.findall(r'<link rel="modulepreload" href="/field/([^"]+)">', page)) | {"app.js"}
    found, todo = set[str](), ["app.js"]
    while todo:
        path = todo.pop()
        found.add(path)
        named = re.findall(r'(?:from|import)\s*"(\.[^"]+)"', parts[path].body.decode())
        todo += {posixpath.normpath(posixpath.join(posixpath.dirname(path), one)) for one in named} - found
    assert asked == found


def test_a_release_is_small_and_names_no_other_host() -> None:
    """What a phone loads once is within the budget, and no file of ours has an address in it but XML's name of SVG."""
    parts = release()
    assert sum(len(gzip.compress(part.body)) for part in parts.values()) < COMPRESSED_BYTES_MAX
    for path, part in parts.items():
        if not path.startswith("vendor/"):
            said = part.body.decode().replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"""["'(]https?://|["'(]//[a-z]""", said), path


async def test_the_worker_names_every_file_by_its_hash(http: httpx.AsyncClient) -> None:
    """The list in front of the service worker is the release itself: each file, as it is served, has that hash."""
    worker = (await http.get(f"/field/{WORKER}")).text
    said = json.loads(re.match(r"const RELEASE = (\{.*?\n\});\n", worker, re.DOTALL).group(1))  # type: ignore[union-attr]
    assert set(said["files"]) == set(release()) - {WORKER}
    for path, sha256 in said["files"].items():
        answer = await http.get(f"/field/{path}")
        assert hashlib.sha256(answer.content).hexdigest() == sha256, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy and "unsafe" not in policy
        assert "http" not in policy


async def test_the_short_address_leads_to_the_page(http: httpx.AsyncClient) -> None:
    """People type /field or /field/; what is not there is said, and what a browser has already is not sent again."""
    for typed in ("/field", "/field/"):
        answer = await http.get(typed)
        assert (answer.status_code, answer.headers["location"]) == (302, f"/field/{PAGE}")
    page = await http.get(f"/field/{PAGE}")
    again = await http.get(f"/field/{PAGE}", headers={"If-None-Match": page.headers["etag"]})
    assert (page.status_code, again.status_code, again.content) == (200, 304, b"")
    for nothing in ("elsewhere.js", "../console", "package.json", "core/../../docs/index.html"):
        assert (await http.get(f"/field/{nothing}")).status_code == 404, nothing
