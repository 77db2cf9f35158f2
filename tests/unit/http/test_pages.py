"""The pages of the API's document: pinned, from this host alone; the document itself has an example for everything."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import MagicMock

import httpx
import pytest
import pytest_asyncio
from litestar.handlers import HTTPRouteHandler

from ecoklit.door.gate import Gate
from ecoklit.http.app import ROUTES, make_app
from ecoklit.http.auth import PHONE, PUBLIC, audience_of
from ecoklit.http.pages import SHA256

PARTS = ("swagger-ui-bundle.js", "swagger-ui.css", "start.js")
NAMED_ONLY = {
    "base", "datatracker.ietf.org", "example.com", "fb.me", "github.com", "instagram.com", "json-schema.org",
    "reactjs.org", "redux.js.org", "soundcloud.com", "spdx.org", "spec.openapis.org", "swagger.io", "twitter.com",
    "validator.swagger.io", "vladimirgorej.com", "www.facebook.com", "www.rfc-editor.org", "www.tiktok.com",
    "www.w3.org",
}  # fmt: skip
"""Hosts that the viewer's script names in its texts: names of XML, of standards and of licences. Looked at by hand for
this version; it is asked for nothing there (tests/browser), and the page's policy forbids it."""


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """The application without a house: its pages and its document need none."""
    house = MagicMock(gate=Gate())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=make_app(house)), base_url="http://ecoklit") as http:
        yield http


async def test_what_is_served_names_no_other_host(http: httpx.AsyncClient) -> None:
    """The page and what starts it have no address elsewhere; the script is the one that was looked at, byte for byte,
    and the hosts it speaks of are known."""
    page = await http.get("/docs")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    served = {name: await http.get(f"/docs/{name}") for name in PARTS}
    for answer in (page, *served.values()):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy and "connect-src 'self'" in policy
        assert "http" not in policy
    assert not re.search(r"https?:|//[a-z]", re.sub(r"// [^\n]*", "", page.text + served["start.js"].text))
    assert set(re.findall(r'(?:src|href)="([^"]+)"', page.text)) == {
        *(f"/docs/{name}" for name in PARTS), "/openapi.json", "data:,"
    }  # fmt: skip
    for name, pinned in SHA256.items():
        assert hashlib.sha256(served[name].content).hexdigest() == pinned, name
    style = served["swagger-ui.css"].text
    assert all(url.strip('"').startswith("data:") for url in re.findall(r"url\(([^)]{0,20})", style))
    assert "@import" not in style
    hosts = set(re.findall(r"https?://([a-zA-Z0-9.-]+)", served["swagger-ui-bundle.js"].text))
    assert hosts <= NAMED_ONLY
    assert (await http.get("/docs/elsewhere.js")).json()["code"] == "not_found"


async def test_every_route_of_the_document_has_examples(http: httpx.AsyncClient) -> None:
    """Each answer with a body (and no file) and each refusal is shown by an example, and each route says what it is."""
    document: dict[str, Any] = (await http.get("/openapi.json")).json()
    lacking = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not operation.get("summary") or not operation.get("description"):
                lacking.append(f"{method} {path}: words")
            for status, answer in operation["responses"].items():
                for media_type, content in answer.get("content", {}).items():
                    has_form = status != "204" and media_type != "application/octet-stream"
                    if has_form and not (content.get("examples") or content.get("example")):
                        lacking.append(f"{method} {path} {status} {media_type}")
    assert not lacking


async def test_every_route_of_the_document_says_what_session_it_asks_for(http: httpx.AsyncClient) -> None:
    """Whatever is not for everybody or for phones names both ways of showing a session; whatever is, names none."""
    document: dict[str, Any] = (await http.get("/openapi.json")).json()
    assert document["components"]["securitySchemes"].keys() == {"session", "browser"}
    said = {
        (method.upper(), re.sub(r"\{(\w+)\}", "{}", path)): operation.get("security", [])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    handlers = [one for one in ROUTES if isinstance(one, HTTPRouteHandler) and one.include_in_schema is not False]
    walked = 0
    for handler in handlers:
        expected = [] if audience_of(handler) in (PUBLIC, PHONE) else [{"session": []}, {"browser": []}]
        for method in handler.http_methods:
            for path in handler.paths:
                assert said.pop((method, re.sub(r"\{(\w+):\w+\}", "{}", path))) == expected, (method, path)
                walked += bool(expected)
    assert walked > 40 and not said


async def test_a_problem_of_the_document_is_one_of_ours(http: httpx.AsyncClient) -> None:
    """Its example has the status that it stands under, and a code that the words beside it name."""
    document: dict[str, Any] = (await http.get("/openapi.json")).json()
    told = 0
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/problem+json", {})
                for example in content.get("examples", {}).values():
                    assert example["value"]["status"] == int(status)
                    assert example["value"]["code"] in answer["description"]
                    told += 1
    assert told > 50


@pytest.mark.parametrize("path", ["/redoc", "/swagger", "/elements", "/rapidoc"])
async def test_the_frameworks_own_pages_are_not_there(http: httpx.AsyncClient, path: str) -> None:
    """They would load scripts from elsewhere."""
    assert "<script" not in (await http.get(path)).text
