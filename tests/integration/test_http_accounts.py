"""Signing in over HTTP, and what nobody gets without: on the real broker and the real database."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import uuid
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import pytest_asyncio

from ecoklit.adapters.argon2_passwords import Argon2Passwords
from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.bootstrap import House, open_house, rebuild_all
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.one_time_code import code_at
from ecoklit.errors import EcoklitError
from ecoklit.http.app import ROUTES, make_app
from ecoklit.http.auth import AUDIENCES, COOKIE, FORGERY_HEADER, PHONE, PUBLIC, REQUEST_HEADER, SECURITY_HEADERS
from ecoklit.limits import FAILURES_PER_LOGIN_AND_ADDRESS
from ecoklit.ports import RollUnavailable
from ecoklit.problems import MEDIA_TYPE, ProblemError
from ecoklit.services import budget
from ecoklit.services.accounts import token_mark, viewer_of
from ecoklit.services.read_log import Ledger, Shown, verify
from ecoklit.services.sign_in import Attempt, Opened
from ecoklit.testing.made_up_accounts import App, signed_in
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.made_up_settings import settings_for

REGENCY = "9404"
TPS = "9404012001001"
NEXT_DOOR = "9404022001001"
AT = "2024-06-25T09:00:00+09:00"
NIK, NKK = "9404014107900001", "9404014107900002"
PASSWORD = "lima kata acak sekali saja"
VOTER = "20a136e2-4c5f-8ec7-a2f4-cde6e20457a0"
REASON = "the voter asks at the office for a correction"


@pytest_asyncio.fixture(loop_scope="session")
async def house(
    nats_server: EmbeddedNats,
    postgres_server: EmbeddedPostgres,
    schema: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[House]:
    """A service whose passwords cost little: what they cost is tested by itself."""
    monkeypatch.setattr("ecoklit.bootstrap.people.Argon2Passwords", partial(Argon2Passwords, memory_kib=64, passes=1))
    settings = settings_for(tmp_path, nats_server, postgres_server, schema)
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


async def listed(house: House, client: httpx.AsyncClient, places: Sequence[str] = (TPS,) * 3) -> list[str]:
    """A voter on the list of each TPS; their ids."""
    log = DeviceLog(house.settings.election, made_up_device(1, "k"), officer="o-1", role="kpu", policy="2024-1")
    record = dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh", "nik": NIK, "nkk": NKK}
    person = {"salt": ids.to_base64url(bytes(16)), "record": record}
    held = [log.append("listed", tps=tps, at=AT, source="dp4-2024", person=person) for tps in places]
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
        self.app = App(secret)

    @classmethod
    async def made(cls, house: House, role: str = "kpu", *areas: str, rights: tuple[str, ...] = ()) -> Person:
        login = f"{role}-{secrets.token_hex(6)}"
        _, secret = await house.account_desk.add(
            login, role, areas or (REGENCY,), rights, officer="o-1", password=PASSWORD, subject=None
        )
        assert secret is not None
        return cls(login, secret)

    def said(self, **otherwise: str) -> dict[str, str]:
        """What they type, with the next code that was not used and is good now."""
        return {"login": self.login, "password": PASSWORD, "code": self.app.code(), **otherwise}


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
        "/v1/sign-in/oidc", "/v1/sign-in/oidc/callback", "/docs", "/docs/{name:str}", "/field", "/field/{path:path}",
        "/office/sign-in", "/office/static/{name:str}", "/office/language/{language:str}",
    }  # fmt: skip


async def test_nobody_reads_without_a_session(house: House, client: httpx.AsyncClient) -> None:
    """Every route of the application that is not for everybody or for phones answers 401 to whoever has no session, and
    to a session that is over, unknown or another's kind of token; the console's pages send them to sign in."""
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
                    asked += 1
                    if real.startswith("/office"):
                        assert answer.status_code == 303
                        assert answer.headers["location"].startswith("/office/sign-in?next=/office")
                        continue
                    problem = assert_problem(answer, 401, "not_signed_in")
                    assert answer.headers["www-authenticate"].startswith("Bearer")
                    assert "sign in" in problem["detail"].lower() or "token" in problem["detail"]
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


async def test_a_browser_needs_its_own_page_to_change_anything(house: House, client: httpx.AsyncClient) -> None:
    """A browser's session is a cookie that no script reads, of this host and TLS only; reading goes by the cookie, and
    a change without the header that only our own page knows is refused. Signing out takes the cookie away."""
    siti = await Person.made(house)
    opened = await client.post("/v1/sessions", json=siti.said(kind="browser"))
    cookie = opened.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for part in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert part.lower() in cookie.lower()
    assert "Domain" not in cookie
    assert opened.json()["token"] is None
    mark = opened.json()["csrf"]
    assert mark
    assert (await client.get("/v1/session")).json()["csrf"] == mark  # the client keeps the cookie
    asked = {"kind": "budget", "area": REGENCY, "says": REASON}
    for headers in ({}, {FORGERY_HEADER: ""}, {FORGERY_HEADER: "x"}, {FORGERY_HEADER: mark[:-1]}):
        assert_problem(await client.post("/v1/approvals", json=asked, headers=headers), 403, "forged_request")
        assert_problem(await client.delete("/v1/session", headers=headers), 403, "forged_request")
    done = await client.post("/v1/approvals", json=asked, headers={FORGERY_HEADER: mark})
    assert done.status_code == 200
    token = client.cookies[COOKIE]
    out = await client.delete("/v1/session", headers={FORGERY_HEADER: mark})
    assert (out.status_code, "max-age=0" in out.headers["set-cookie"].lower()) == (204, True)
    client.cookies.clear()
    assert_problem(await client.get("/v1/session", headers={"Cookie": f"{COOKIE}={token}"}), 401, "not_signed_in")


async def test_every_answer_says_what_browsers_hold_it_to(client: httpx.AsyncClient) -> None:
    """Security headers stand on every answer, refusals and what is not there too."""
    for path in ("/v1/sessions", "/v1/session", "/health/live", "/nowhere", f"/v1/rolls/{TPS}"):
        answer = await client.get(path)
        for name in SECURITY_HEADERS:
            assert name in answer.headers, (path, name)


async def test_a_refused_sign_in_says_nothing_and_soon_waits(house: House, client: httpx.AsyncClient) -> None:
    """A wrong login, password or code, and a code used before, get one answer, word for word; after the fifth failure
    even the right words are told to wait, and there is an alert. Others sign in meanwhile."""
    siti, budi = await Person.made(house), await Person.made(house)
    assert (await client.post("/v1/sessions", json=siti.said())).status_code == 200
    used = code_at(siti.app.secret, siti.app.step)
    right = siti.said()
    wrong = [
        {**right, "login": "nobody-at-all"},
        {**right, "password": "lima kata acak yang lain"},
        {**right, "code": "000000"},
        {**right, "code": used},
        {**right, "code": ""},
        {**right, "code": "１２３４５６"},
    ]
    answers = [await client.post("/v1/sessions", json=one) for one in wrong]
    assert {(one.status_code, one.text) for one in answers[:5]} == {(401, answers[0].text)}
    late = await client.post("/v1/sessions", json=right)
    assert_problem(late, 429, "locked_out")
    assert int(late.headers["retry-after"]) > 60
    assert (await client.post("/v1/sessions", json=budi.said())).status_code == 200
    alerts = [one["says"] for one in await house.accounts_store.alerts() if one["kind"] == "lockout"]
    assert [one for one in alerts if siti.login in one]
    assert await house.accounts_store.unlock(siti.login) > 0
    assert (await client.post("/v1/sessions", json=siti.said())).status_code == 200


async def test_failures_at_once_are_counted_one_by_one(house: House) -> None:
    """Twenty wrong guesses at the same moment are no way around the count: at most five are looked at."""
    siti = await Person.made(house)
    looked = 0
    matches = house.sessions._passwords.matches

    async def counted(hashed: str | None, password: str) -> bool:
        nonlocal looked
        looked += 1
        return await matches(hashed, password)

    house.sessions._passwords.matches = counted  # type: ignore[method-assign]
    guess = Attempt(siti.login, "wrong " * 5, "123456", "192.0.2.7")
    outcomes = await asyncio.gather(
        *(house.sessions.sign_in(guess, "program") for _ in range(20)), return_exceptions=True
    )
    assert looked == FAILURES_PER_LOGIN_AND_ADDRESS
    codes = [one.code for one in outcomes if isinstance(one, ProblemError)]
    assert (codes.count("not_signed_in"), codes.count("locked_out")) == (looked, 20 - looked)


async def test_a_code_opens_once_of_two_at_the_same_moment(house: House) -> None:
    """Two sign-ins with one code at once: one is let in."""
    siti = await Person.made(house)
    said = siti.said()
    attempt = Attempt(said["login"], said["password"], said["code"], None)
    outcomes = await asyncio.gather(
        *(house.sessions.sign_in(attempt, "program") for _ in range(2)), return_exceptions=True
    )
    assert sum(isinstance(one, Opened) for one in outcomes) == 1


async def test_a_session_ends_by_itself(house: House, client: httpx.AsyncClient) -> None:
    """After 15 minutes without a request, after 12 hours whatever happens, when its account is closed, and when it gets
    another password: each at the very next request. A right that is taken away is gone at the next request too."""
    for spoil in (
        "update session set seen_at = now() - interval '16 minutes' where account = $1",
        "update session set ends_at = now() where account = $1",
        "update account set closed_at = now() where account = $1",
    ):
        siti = await signed_in(house.accounts_store)
        assert (await client.get("/v1/session", headers=siti.headers)).status_code == 200
        async with house.accounts_store.transaction() as connection:
            await connection.execute(spoil, uuid.UUID(siti.account.account))
        assert_problem(await client.get("/v1/session", headers=siti.headers), 401, "not_signed_in")
    rina = await signed_in(house.accounts_store, "9404012001", role="pps", rights=("unmask",))
    async with house.accounts_store.transaction() as connection:
        await connection.execute("update account set rights = '{}' where account = $1", uuid.UUID(rina.account.account))
    unmasked = await client.post(f"/v1/voters/{VOTER}/unmask", json={"reason": REASON}, headers=rina.headers)
    assert_problem(unmasked, 403, "not_your_right")


async def test_what_was_typed_as_a_login_is_kept_nowhere(house: House, client: httpx.AsyncClient) -> None:
    """A number or a password in the place of the login is counted as failures, and stands in no table; what is counted
    is forgotten after a day, and locks that hold stay."""
    typed = ("9404014107900001", PASSWORD)
    for _ in range(7):
        for login in typed:
            await client.post("/v1/sessions", json={"login": login, "password": "x", "code": "1"})
    async with house.accounts_store.transaction() as connection:
        tables = ("lockout", "alert", "rate", "account", "session")
        held = str([[*map(dict, await connection.fetch(f"table {table}"))] for table in tables])
        assert "login:#" in held
        assert not [one for one in typed if one in held]
        await connection.execute(
            "update lockout set first_at = now() - interval '2 days', until = null where scope like 'address:%';"
            "insert into lockout (scope, first_at, until) values ('reading:x', now() - interval '2 days', 'infinity')"
        )
    siti = await Person.made(house)
    await client.post("/v1/sessions", json=siti.said())
    async with house.accounts_store.transaction() as connection:
        scopes = {row["scope"].partition(":")[0] for row in await connection.fetch("select scope from lockout")}
    assert scopes == {"login", "reading"}


async def test_the_database_holds_no_token_password_or_code(house: House, client: httpx.AsyncClient) -> None:
    """Whoever reads the whole schema of the office can sign in as nobody: no token, password or secret stands in it."""
    siti = await Person.made(house)
    token = (await client.post("/v1/sessions", json=siti.said())).json()["token"]
    async with house.accounts_store.transaction() as connection:
        rows = [str(dict(row)) for table in ("account", "session") for row in await connection.fetch(f"table {table}")]
    held = "".join(rows)
    for secret in (token, PASSWORD, str(siti.app.secret)[2:-1], siti.app.secret.hex()):
        assert secret not in held
    assert "$argon2id$" in held


# --- what is shown, and to whom --------------------------------------------------------------------------------------


async def test_what_is_shown_is_in_the_log_before_it_leaves(house: House) -> None:
    """When the first byte of an answer leaves, its entry is there for everybody; a service that dies at that moment has
    shown nothing that is not in the log. What is refused, and what has not changed, is in no entry."""
    app: Any = make_app(house)
    async with client_of(app) as honest:
        voters = await listed(house, honest)
    siti = await signed_in(house.accounts_store, rights=("unmask",))
    seen: list[int] = []

    class Died(Exception):
        """The service is killed."""

    async def dying(scope: Any, receive: Any, send: Any) -> None:
        async def last(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                seen.append(len(await house.accounts_store.entries(0, 100)))
                raise Died
            await send(message)

        await app(scope, receive, last)

    transport = httpx.ASGITransport(app=dying, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://ecoklit", headers=siti.headers) as client:
        for ask in (
            client.get(f"/v1/rolls/{TPS}"),
            client.get(f"/v1/voters/{voters[0]}/history"),
            client.post(f"/v1/voters/{voters[0]}/unmask", json={"reason": REASON}),
        ):
            with contextlib.suppress(Died):
                await ask
    assert seen == [1, 2, 3]
    roll, history, unmasked = await house.accounts_store.entries(0, 100)
    assert (roll.action, roll.area, roll.rows, roll.login, roll.reason) == ("roll", TPS, 3, siti.account.login, None)
    assert (history.action, history.voter, history.rows) == ("history", voters[0], 1)
    assert (unmasked.voter, unmasked.fields, unmasked.reason) == (voters[0], ("nik", "nkk"), REASON)
    assert all(one.request for one in (roll, history, unmasked))

    async with client_of(app) as client:
        client.headers.update(siti.headers)
        answer = await client.get(f"/v1/rolls/{TPS}")
        assert answer.headers[REQUEST_HEADER] == (await house.accounts_store.entries(3, 1))[0].request
        assert (
            await client.get(f"/v1/rolls/{TPS}", headers={"If-None-Match": answer.headers["etag"]})
        ).status_code == 304
        await client.get("/v1/recap/9404")
        assert_problem(await client.get("/v1/rolls/9403012001001"), 403, "not_your_area")
    assert len(await house.accounts_store.entries(0, 100)) == 4


async def test_without_the_log_nothing_is_shown(house: House, client: httpx.AsyncClient) -> None:
    """When the log cannot be written the answer is 503, and no row of it leaves."""
    await listed(house, client)
    siti = await signed_in(house.accounts_store)

    async def broken(_: Any) -> list[bool]:
        raise RollUnavailable("The database does not answer: start it.")

    house.ledger._log = SimpleNamespace(write=broken)  # type: ignore[assignment]
    answer = await client.get(f"/v1/rolls/{TPS}", headers=siti.headers)
    assert_problem(answer, 503, "database_unavailable")
    assert "Contoh" not in answer.text


async def test_whole_numbers_take_a_right_and_a_reason(house: House, client: httpx.AsyncClient) -> None:
    """One voter's whole NIK and NKK go to an account with the right, in its area, that says why; everybody else is
    refused by name, and every list stays masked for all of them."""
    voter, *_ = await listed(house, client)
    path = f"/v1/voters/{voter}/unmask"
    may = await signed_in(house.accounts_store, "9404012001", role="pps", rights=("unmask",))
    elsewhere = await signed_in(house.accounts_store, "9404022001", role="pps", rights=("unmask",))
    has_no = await signed_in(house.accounts_store)
    for reason in ("", "short", " " * 40, "x" * 201, "a reason with a\ncontrol character"):
        answer = await client.post(path, json={"reason": reason}, headers=may.headers)
        assert_problem(answer, 400, "no_reason")
    assert_problem(await client.post(path, json={}, headers=may.headers), 400, "bad_argument")
    assert_problem(await client.post(path, json={"reason": REASON}, headers=has_no.headers), 403, "not_your_right")
    assert_problem(await client.post(path, json={"reason": REASON}, headers=elsewhere.headers), 404, "not_found")
    unknown = await client.post("/v1/voters/x/unmask", json={"reason": REASON}, headers=may.headers)
    assert_problem(unknown, 400, "unknown_voter")
    assert await house.accounts_store.entries(0, 10) == []
    whole = (await client.post(path, json={"reason": REASON}, headers=may.headers)).json()
    assert (whole["nik"], whole["nkk"], whole["tps"]) == (NIK, NKK, TPS)
    for account in (may, elsewhere, has_no):
        assert NIK not in (await client.get(f"/v1/rolls/{TPS}", headers=account.headers)).text


async def test_bulk_reading_trips_in_its_area_and_takes_a_second_person(
    house: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer that would go beyond the day's budget does not leave; the account is locked in that area of its own
    and reads on in the others; an alert names it. Who asked cannot grant it, nor who has no right there; a second
    person can, and then it reads on."""
    monkeypatch.setattr(budget, "VOTERS_PER_DAY", {13: 7, 10: 7, 6: 7, 4: 7})
    await listed(house, client, (TPS, TPS, TPS, NEXT_DOOR, NEXT_DOOR))
    rina = await signed_in(house.accounts_store, "940401", "940402", role="analyst")
    siti, joko = await signed_in(house.accounts_store), await signed_in(house.accounts_store, "9403")

    async def read(tps: str = TPS) -> httpx.Response:
        return await client.get(f"/v1/rolls/{tps}", headers=rina.headers)

    assert [(await read()).status_code for _ in range(2)] == [200, 200]
    tripped = await read()
    assert_problem(tripped, 403, "reading_locked")
    assert "Contoh" not in tripped.text
    assert_problem(await client.get(f"/v1/rolls/{TPS}?limit=1", headers=rina.headers), 403, "reading_locked")
    assert (await read(NEXT_DOOR)).status_code == 200
    assert (await client.get("/v1/recap/940401", headers=rina.headers)).status_code == 200
    (alert,) = [one for one in await house.accounts_store.alerts() if one["kind"] == "bulk_reading"]
    assert (alert["login"], alert["area"]) == (rina.account.login, "940401")
    assert [one.rows for one in await house.accounts_store.entries(0, 10)] == [3, 3, 2]

    asked = await client.post(
        "/v1/approvals", json={"kind": "budget", "area": TPS, "says": REASON}, headers=rina.headers
    )
    path, yes = f"/v1/approvals/{asked.json()['approval']}", {"granted": True}
    assert asked.json()["area"] == "940401"
    assert_problem(await client.post(path, json=yes, headers=rina.headers), 403, "not_your_right")
    assert_problem(await client.post(path, json=yes, headers=joko.headers), 403, "not_your_area")
    assert (await client.get("/v1/approvals", headers=joko.headers)).json() == []
    assert [one["says"] for one in (await client.get("/v1/approvals", headers=siti.headers)).json()] == [REASON]
    assert (await client.post(path, json=yes, headers=siti.headers)).json()["granted"] is True
    assert_problem(await client.post(path, json=yes, headers=siti.headers), 409, "answered_before")
    assert [(await read()).status_code for _ in range(2)] == [200, 200]

    own = await client.post(
        "/v1/approvals", json={"kind": "budget", "area": REGENCY, "says": REASON}, headers=siti.headers
    )
    own_path = f"/v1/approvals/{own.json()['approval']}"
    assert_problem(await client.post(own_path, json=yes, headers=siti.headers), 409, "own_approval")
    assert_problem(await client.post("/v1/approvals/x", json=yes, headers=siti.headers), 404, "unknown_approval")


async def test_readings_at_once_are_one_chain_and_one_budget(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty readings at one moment, by two processes: the entries are numbered without a gap and hold together, and no
    more are let out than the budget allows."""
    monkeypatch.setattr(budget, "VOTERS_PER_DAY", {13: 100, 10: 100, 6: 100, 4: 100})
    siti = await signed_in(house.accounts_store)
    async with PostgresOfficeDesk(house.settings.database(), schema=house.settings.schema) as other:
        ledgers = [house.ledger, Ledger(other)]
        viewer = viewer_of(siti.account)
        shown = [Shown("roll", TPS, 5, 7, f"request {nth}") for nth in range(50)]
        outcomes = await asyncio.gather(
            *(ledgers[nth % 2].disclose(viewer, one) for nth, one in enumerate(shown)), return_exceptions=True
        )
    refused = [one for one in outcomes if isinstance(one, EcoklitError) and one.code == "reading_locked"]
    assert (len(refused), outcomes.count(None)) == (30, 20)
    entries = await house.accounts_store.entries(0, 100)
    assert [one.entry for one in entries] == list(range(1, 21))
    verified = await verify(house.accounts_store)
    assert (verified.entries, verified.broken, verified.hash) == (20, None, entries[-1].hash)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("update read_log set rows = 0 where entry = 2", 2),
        ("update read_log set reason = 'none' where entry = 1", 1),
        ("delete from read_log where entry = 2", 3),
        ("delete from read_log where entry = 1; update read_log set entry = entry - 1", 1),
        ("update read_log set at = at + interval '1 day' where entry = 3", 3),
    ],
)
async def test_a_changed_log_is_found(house: House, change: str, broken: int) -> None:
    """Whoever is the database's master can change the log, and it shows: at the first entry that is not what was
    written."""
    siti = await signed_in(house.accounts_store)
    for nth in range(3):
        await house.ledger.disclose(viewer_of(siti.account), Shown("roll", TPS, 5, nth, f"request {nth}"))
    async with house.accounts_store.transaction() as connection:
        await connection.execute("alter table read_log disable trigger read_log_stays")
        await connection.execute(change)
    assert (await verify(house.accounts_store)).broken == broken


async def test_each_account_has_a_rate_that_all_processes_share(house: House, client: httpx.AsyncClient) -> None:
    """Whoever asks without pause is told to wait, by any process of the service; others are not."""
    siti, rina = await signed_in(house.accounts_store), await signed_in(house.accounts_store)
    async with house.accounts_store.transaction() as connection:
        await connection.execute("insert into rate (key, tokens) values ($1, 20)", f"account {siti.account.account}")
    answers = [await client.get("/v1/session", headers=siti.headers) for _ in range(45)]
    waits = [one for one in answers if one.status_code == 429]
    assert waits and answers[0].status_code == 200
    assert_problem(waits[0], 429, "too_many")
    assert int(waits[0].headers["retry-after"]) >= 1
    assert (await client.get("/v1/session", headers=rina.headers)).status_code == 200


async def test_a_rebuild_leaves_the_office_as_it_was(house: House, client: httpx.AsyncClient) -> None:
    """The projection is made anew from the journal; accounts, sessions, the read log and alerts are as they were."""
    await listed(house, client)
    siti = await signed_in(house.accounts_store)
    await client.get(f"/v1/rolls/{TPS}", headers=siti.headers)

    async def office() -> list[list[tuple[Any, ...]]]:
        tables = ("account", "session", "read_log", "budget", "alert")
        async with house.accounts_store.transaction() as connection:
            return [[tuple(row) for row in await connection.fetch(f"table {table}")] for table in tables]

    before = await office()
    assert all(before[:4])
    await house.projector._store.close()  # type: ignore[attr-defined]  # two would be in each other's way
    await rebuild_all(house.settings, accept=False)
    assert await office() == before
    assert (await client.get("/v1/session", headers=siti.headers)).status_code == 200
