"""Signing in over HTTP, and what nobody gets without: on the real broker and the real database."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar

from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.bootstrap import House, open_house
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.one_time_code import STEP_SECONDS, code_at, step_of
from ecoklit.http.app import ROUTES, make_app
from ecoklit.http.auth import AUDIENCES, COOKIE, FORGERY_HEADER, PHONE, PUBLIC, SECURITY_HEADERS
from ecoklit.problems import MEDIA_TYPE
from ecoklit.services.accounts import token_mark
from ecoklit.services.read_log import verify
from ecoklit.settings import Settings
from ecoklit.testing.made_up_accounts import signed_in
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push

REGENCY = "9404"
TPS = "9404012001001"
NEXT_DOOR = "9404022001001"
AT = "2024-06-25T09:00:00+09:00"
NIK, NKK = "9404014107900001", "9404014107900002"
PASSWORD = "lima kata acak sekali saja"
REASON = "the voter asks at the office for a correction"


@pytest_asyncio.fixture(loop_scope="session")
async def house(
    nats_server: EmbeddedNats, postgres_server: EmbeddedPostgres, schema: str, tmp_path: Path
) -> AsyncIterator[House]:
    settings = Settings(
        data=tmp_path, election=f"test-{uuid.uuid4().hex[:12]}", regency=REGENCY, nats_url=nats_server.url,
        monitor_url=nats_server.monitor_url, database_url=postgres_server.dsn, service_url=None, host="127.0.0.1",
        port=0, epoch=1, schema=schema, allow_unsafe=False,
    )  # fmt: skip
    election = MadeUpElection(settings.election, REGENCY)
    election.device("k", officer="o-1")
    save_key(key_folder(tmp_path, settings.election, REGENCY), "service", election.service)
    async with open_house(settings) as house:
        await election.store(house.registry)
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(house)) as client:
        yield client


def client_of(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="https://ecoklit")


async def listed(house: House, client: httpx.AsyncClient, count: int = 3, tps: str = TPS) -> list[str]:
    """So many voters on the list of a TPS; their ids."""
    log = DeviceLog(house.settings.election, made_up_device(1, "k"), officer="o-1", role="kpu", policy="2024-1")
    record = dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh", "nik": NIK, "nkk": NKK}
    person = {"salt": ids.to_base64url(bytes(16)), "record": record}
    held = [log.append("listed", tps=tps, at=AT, source="dp4-2024", person=person) for _ in range(count)]
    pushed = await client.post("/v1/push", content=signed_push(held), headers={"content-type": "application/x-ndjson"})
    assert pushed.status_code == 200, pushed.text
    await house.projector.run_until_caught_up()
    return [one.voter for one in held]


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    said = (answer.status_code, problem["code"], answer.headers["content-type"])
    assert said == (status, code, MEDIA_TYPE), answer.text
    return problem


class Person:
    """Somebody with a password and an authenticator app."""

    def __init__(self, login: str, secret: bytes) -> None:
        self.login = login
        self.secret = secret
        self.step = step_of(time.time()) - 1

    @classmethod
    async def made(cls, house: House, role: str = "kpu", *areas: str, rights: tuple[str, ...] = ()) -> Person:
        login = f"{role}-{secrets.token_hex(6)}"
        _, secret = await house.account_desk.add(
            login, role, areas or (REGENCY,), rights, officer="o-1", password=PASSWORD, subject=None
        )
        assert secret is not None
        return cls(login, secret)

    def said(self, **otherwise: str) -> dict[str, str]:
        """What they type, with the next code that was not used."""
        self.step += 1
        return {"login": self.login, "password": PASSWORD, "code": code_at(self.secret, self.step), **otherwise}


async def test_every_route_says_for_whom_it_is() -> None:
    """No route of the application is without an audience, and nothing but what names no voter is for everybody."""
    public = set()
    for handler in ROUTES:
        audience = handler.opt.get("audience")
        assert audience in AUDIENCES, f"{handler.paths} does not say for whom it is"
        if audience == PUBLIC:
            public |= handler.paths
    assert public <= {
        "/v1/sessions", "/v1/registry", "/v1/devices/{area:str}", "/health/live", "/health/ready", "/metrics",
        "/v1/sign-in/oidc", "/v1/sign-in/oidc/callback", "/docs", "/docs/{name:str}",
    }  # fmt: skip


async def test_nobody_reads_without_a_session(house: House, client: httpx.AsyncClient) -> None:
    """Every route of the application that is not for everybody or for phones answers 401 to whoever has no session, and
    to a session that is over, unknown or another's kind of token."""
    ended = await signed_in(house.accounts_store)
    await house.accounts_store.end(token_mark(ended.token))
    browsers = await signed_in(house.accounts_store)
    asked = 0
    for handler in ROUTES:
        if handler.opt["audience"] in (PUBLIC, PHONE):
            continue
        for path in handler.paths:
            real = "/".join("9404012001001" if part.startswith("{") else part for part in path.split("/"))
            for method in handler.http_methods:
                for headers in (
                    {}, ended.headers, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp4"},
                    {"Cookie": f"{COOKIE}={browsers.token}"}, {"Cookie": f"{COOKIE}=x"},
                ):  # fmt: skip
                    answer = await client.request(method, real, headers=headers)
                    problem = assert_problem(answer, 401, "not_signed_in")
                    assert answer.headers["www-authenticate"].startswith("Bearer")
                    assert "sign in" in problem["detail"].lower() or "token" in problem["detail"]
                    asked += 1
    assert asked > 100


async def test_a_program_signs_in_reads_and_signs_out(house: House, client: httpx.AsyncClient) -> None:
    """Login, password and code open a session whose token reads; signing out ends it at once."""
    await listed(house, client)
    siti = await Person.made(house)
    opened = (await client.post("/v1/sessions", json=siti.said())).json()
    assert (opened["role"], opened["areas"], opened["csrf"]) == ("kpu", [REGENCY], None)
    headers = {"Authorization": f"Bearer {opened['token']}"}
    roll = await client.get(f"/v1/rolls/{TPS}", headers=headers)
    assert (roll.status_code, len(roll.json()["voters"])) == (200, 3)
    assert NIK not in roll.text
    who = (await client.get("/v1/session", headers=headers)).json()
    assert (who["login"], who["kind"]) == (siti.login, "program")
    assert (await client.delete("/v1/session", headers=headers)).status_code == 204
    assert_problem(await client.get(f"/v1/rolls/{TPS}", headers=headers), 401, "not_signed_in")
