"""Every route by every role, about their own area and another: the other area is not there, and no number is whole.

What is tried is the app's own table of routes: a new route is in the matrix by being there.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, NamedTuple

import httpx
import pytest
import pytest_asyncio
import structlog

from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.bootstrap import House, open_house
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.one_time_code import code_at, step_of
from ecoklit.core.wire import Held
from ecoklit.http.app import ROUTES, make_app
from ecoklit.http.auth import COOKIE, PHONE, PUBLIC, audience_of
from ecoklit.limits import SESSION_SECONDS_MAX, SESSIONS_PER_ACCOUNT_MAX
from ecoklit.ports import STAMP_HEADER, Push
from ecoklit.services.accounts import token_mark
from ecoklit.services.sign_in import BROWSER, forgery_mark
from ecoklit.services.viewer import NEVER, OWN_RIGHTS, RIGHTS
from ecoklit.testing.made_up_accounts import SignedIn, signed_in
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.made_up_settings import settings_for

REGENCY: Final = "9404"
OWN, OTHER, ELSEWHERE = ("9404012001", "9404021001", "7371010001")
"""Two villages of one regency, and one of another that this service does not hold."""
NUMBERS: Final = {OWN: "9404014107900001", OTHER: "9404024107900002"}
NOBODY: Final = "00000000-0000-8000-8000-000000000007"
LISTED_AT, AT = "2024-06-20T09:00:00+09:00", "2024-06-25T09:00:00+09:00"
CHANGES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


QUESTIONS: Final = {"/v1/changes/{area:str}": {"earlier": "1"}}
"""What a route must be asked beside its place."""
BODIES: Final[dict[str, dict[str, Any]]] = {
    "/v1/exports": {"area": "", "format": "csv", "reason": "to compare it with the paper list"},
    "/v1/approvals": {"kind": "budget", "area": "", "says": "the plenary goes through all lists today"},
}
"""What is sent to a route that names its place in its body."""


class Asked(NamedTuple):
    """One route with one of its methods."""

    method: str
    path: str
    audience: str

    def about(self, village: str, voter: str) -> str:
        said = {
            "area": village, "tps": f"{village}001", "voter": voter, "province": village[:2],
            "device": "AAAAAAAAAAAAAAAA", "name": "x",
        }  # fmt: skip
        return re.sub(r"\{(\w+):\w+\}", lambda found: said.get(found[1], NOBODY), self.path)

    def place(self, village: str) -> str:
        return f"{village}001" if "{tps:" in self.path else village

    @property
    def names_a_place(self) -> bool:
        return re.search(r"\{(area|tps|voter|province):", self.path) is not None or self.body is not None

    @property
    def body(self) -> dict[str, Any] | None:
        return BODIES.get(self.path) if self.method in CHANGES else None


def routes() -> Iterator[Asked]:
    """Of programs: the console's pages stand in test_http_console.py."""
    for handler in ROUTES:
        for path in sorted(one for one in handler.paths if not one.startswith("/office")):
            for method in sorted(handler.http_methods):
                yield Asked(method, path, audience_of(handler))


GUARDED: Final = [asked for asked in routes() if asked.audience not in (PUBLIC, PHONE)]
READINGS: Final = [asked for asked in GUARDED if asked.method == "GET" and asked.names_a_place]


class Office(NamedTuple):
    house: House
    http: httpx.AsyncClient
    voters: dict[str, list[str]]

    async def ask(self, asked: Asked, village: str, headers: dict[str, str], **more: Any) -> httpx.Response:
        path = asked.about(village, self.voters.get(village, [NOBODY])[0])
        said = {**asked.body, "area": village} if asked.body else {"reason": "to compare it with the paper list"}
        body = {"json": said} if asked.method in CHANGES else {}
        question = {"params": QUESTIONS.get(asked.path, {})}
        return await self.http.request(asked.method, path, headers=headers, **{**body, **question, **more})

    async def account(self, village: str, role: str, *rights: str) -> SignedIn:
        area = {"pantarlih": f"{village}001", "ppk": village[:6], "kpu": village[:4]}.get(role, village)
        return await signed_in(self.house.accounts_store, area, role=role, rights=rights)


def person(village: str, name: str) -> dict[str, Any]:
    record = dict.fromkeys(RECORD_FIELDS) | {
        "name": f"{name} {village}", "nik": NUMBERS[village], "nkk": NUMBERS[village], "sex": "P",
        "birth_date": f"1990-07-{'11' if village == OWN else '12'}", "disability": "visual",
    }  # fmt: skip
    return {"salt": ids.to_base64url(bytes(16)), "record": record}


async def store(house: House, *held: Held) -> None:
    stamp = ((STAMP_HEADER, str(await house.registry.last())),)
    persons = tuple((one.seq, one.person_bytes) for one in held if one.person_bytes is not None)
    await house.journal.append(
        [Push(held[0].device, 0, tuple(one.event_bytes for one in held), persons, first_headers=stamp)]
    )


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def office(
    nats_server: EmbeddedNats, postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    """In each of two villages five voters, with something on every list there is."""
    settings = settings_for(
        tmp_path_factory.mktemp("rights"), nats_server, postgres_server, f"test_{uuid.uuid4().hex[:16]}"
    )
    election = MadeUpElection(settings.election, REGENCY)
    election.device("office", officer="o-1")
    for village in (OWN, OTHER):
        for name in ("a", "b"):
            election.device(f"{name}-{village}", "pantarlih", f"{village}001", officer=f"{name}-{village}")
    save_key(key_folder(settings.data, settings.election, REGENCY), "service", election.service)

    def log(name: str, officer: str, role: str) -> DeviceLog:
        return DeviceLog(settings.election, made_up_device(1, name), officer=officer, role=role, policy="2024-1")

    listing, voters, work = log("office", "o-1", "kpu"), dict[str, list[str]](), list[list[Held]]()
    born: list[Held] = []
    for village in (OWN, OTHER):
        tps, beside = f"{village}001", f"{village}002"
        listed = [
            listing.append("listed", tps=place, at=LISTED_AT, source="dp4", person=person(village, name))
            for place, name in ((tps, "ANI"), (tps, "BUDI"), (tps, "CITRA"), (tps, "DEWI"), (beside, "EKA"))
        ]
        ani, budi, citra, dewi, _ = listed
        a, b = (log(f"{name}-{village}", f"{name}-{village}", "pantarlih") for name in ("a", "b"))
        work.append(
            [
                a.append("found", tps=tps, at=AT, voter=ani.voter, seen=[ani], how="in_person"),
                a.append("moved", tps=tps, at=AT, voter=budi.voter, seen=[budi], to=beside),
                a.append("deceased", tps=tps, at=AT, voter=citra.voter, seen=[citra]),
                a.append("found", tps=tps, at=AT, voter=dewi.voter, seen=[dewi], how="in_person"),
            ]
        )
        work.append([b.append("deceased", tps=tps, at=AT, voter=dewi.voter, seen=[dewi], evidence="death_certificate")])
        born += listed
        voters[village] = [one.voter for one in listed]
    async with open_house(settings) as house:
        await election.store(house.registry)
        await store(house, *born)
        for lines in work:
            await store(house, *lines)
        await house.projector.run_until_caught_up()
        transport = httpx.ASGITransport(app=make_app(house), raise_app_exceptions=False)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="https://ecoklit") as http:
            yield Office(house, http, voters)


def test_the_matrix_is_of_all_routes() -> None:
    """Most routes are for people who have signed in, and most of these are about a place."""
    assert len(GUARDED) > 20 and len(READINGS) > 12


@pytest.mark.parametrize("asked", GUARDED, ids=lambda asked: f"{asked.method} {asked.path}")
async def test_who_has_not_signed_in_gets_nothing(office: Office, asked: Asked) -> None:
    """Without a token, with a made-up one, with another's in the wrong place, or by another method: no answer."""
    program = await office.account(OWN, "analyst")
    for headers in (
        {}, {"Authorization": "Bearer made-up"}, {"Authorization": "Bearer "},
        {"Authorization": f"Basic {program.token}"},
        {"Cookie": f"{COOKIE}={program.token}"}, {"X-Forwarded-User": "kpu"}, {"Authorization": program.token},
    ):  # fmt: skip
        answer = await office.ask(asked, OWN, headers)
        assert answer.status_code == 401, (headers, answer.text)
        assert "voters" not in answer.text and OWN not in answer.text
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for method in ("TRACE", "CONNECT", "PROPFIND"):
        answer = await office.ask(asked._replace(method=method), OWN, program.headers)
        assert answer.status_code in (400, 404, 405)
    url = asked.about(OWN, office.voters[OWN][0])
    in_its_url = {"token": program.token, "access_token": program.token}
    answer = await office.http.request(asked.method, url, params=in_its_url)
    assert answer.status_code == 401, "a token in a URL is none"


@pytest.mark.parametrize("role", sorted(OWN_RIGHTS))
async def test_nobody_gets_anything_of_another_area(office: Office, role: str) -> None:
    """Whatever a role may ask at home, of another village it is refused by name, and nothing of it is in any answer."""
    account = await office.account(OWN, role, *_givable(role))
    theirs = [*office.voters[OTHER], NUMBERS[OTHER][:6] + "*", OTHER + "001", f"ANI {OTHER}", f"a-{OTHER}"]
    for asked in GUARDED:
        if not asked.names_a_place:
            continue
        for village in (ELSEWHERE, *(() if role == "kpu" else (OTHER,))):
            answer = await office.ask(asked, village, account.headers)
            assert answer.status_code in (403, 404), (asked, village, answer.text)
            # A refusal may say again which area was asked about.
            told = answer.text.replace(asked.place(village), "")
            assert not [word for word in theirs if word in told], (asked, village)
        if role != "kpu" and asked.method == "GET":
            at_home = await office.ask(asked, OWN, account.headers)
            assert not [word for word in theirs if word in at_home.text], asked


def _givable(role: str) -> list[str]:
    return [right for right in RIGHTS if right not in NEVER.get(role, frozenset())]


async def test_at_home_there_is_something_to_see(office: Office) -> None:
    """The lists of the matrix are not empty: each has something of the village, for whoever may see it."""
    account = await office.account(OWN, "pps")
    seen = 0
    for asked in READINGS:
        answer = await office.ask(asked, OWN, account.headers)
        assert answer.status_code in (200, 403), (asked, answer.text)
        seen += answer.status_code == 200 and (OWN in answer.text or office.voters[OWN][0] in answer.text)
    assert seen > 10


async def test_an_export_is_of_who_asked_for_it(office: Office) -> None:
    """Another account of the same area, with the same right, finds neither it nor its files."""
    mine, theirs = [await office.account(OWN, "pps", "export") for _ in range(2)]
    asked = await office.http.post(
        "/v1/exports", json={**BODIES["/v1/exports"], "area": f"{OWN}001"}, headers=mine.headers
    )
    assert asked.status_code == 202, asked.text
    place = asked.headers["Location"]
    for _ in range(200):
        found = await office.http.get(place, headers=mine.headers)
        if found.json()["state"] not in ("waiting", "running"):
            break
        await asyncio.sleep(0.05)
    assert found.json()["state"] == "done", found.text
    file = f"{place}/files/{found.json()['parts'][0]['file']}"
    assert (await office.http.get(file, headers=mine.headers)).status_code == 200
    for path in (place, file):
        answer = await office.http.get(path, headers=theirs.headers)
        assert answer.status_code == 404 and mine.account.login not in answer.text


@pytest.mark.parametrize("role", sorted(OWN_RIGHTS))
async def test_no_number_is_whole_in_any_answer(office: Office, role: str) -> None:
    """Six digits and stars, for every role at home; who supervises sees no birth date either."""
    account = await office.account(OWN, role)
    for asked in READINGS:
        answer = await office.ask(asked, OWN, account.headers)
        assert NUMBERS[OWN] not in answer.text and "1234" not in answer.headers.get("link", ""), asked
        if role == "supervisor":
            assert "1990-07-11" not in answer.text, asked


@pytest.mark.parametrize("right", RIGHTS)
async def test_who_has_not_the_right_gets_nothing(office: Office, right: str) -> None:
    """A route of a right refuses whoever has every other right, and by its name."""
    asked_for = [asked for asked in GUARDED if asked.audience == right]
    for role in sorted(OWN_RIGHTS):
        if right in OWN_RIGHTS[role]:
            continue
        account = await office.account(OWN, role, *(one for one in _givable(role) if one != right))
        for asked in asked_for:
            answer = await office.ask(asked, OWN, account.headers)
            assert answer.status_code == 403 and answer.json()["code"] == "not_your_right", (asked, answer.text)


async def test_every_answer_is_guarded_in_a_browser(office: Office) -> None:
    """Answers, refusals and what is not there: each says what a browser may do with it; no other page may read it."""
    account = await office.account(OWN, "kpu")
    for asked in routes():
        if asked.path == "/v1/push":
            continue  # in front of the framework, for phones: no browser has a session there
        for headers in ({}, {**account.headers, "Origin": "https://elsewhere.example"}):
            answer = await office.ask(asked, OWN, headers, **({"json": {}} if asked.method in CHANGES else {}))
            _demand_guarded(answer, asked)
    for path in ("/", "/v1/none", "/v1/rolls/../../etc/passwd", "/.git/config"):
        _demand_guarded(await office.http.get(path), path)


def _demand_guarded(answer: httpx.Response, asked: object) -> None:
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy, asked
    assert answer.headers["X-Content-Type-Options"] == "nosniff", asked
    assert answer.headers["Referrer-Policy"] == "no-referrer", asked
    assert re.fullmatch(r"max-age=\d{8}; includeSubDomains", answer.headers["Strict-Transport-Security"]), asked
    assert answer.headers["Cache-Control"] == "no-store" or re.search("/(docs|field)", str(asked)), asked
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")], asked


async def in_a_browser(office: Office, role: str = "kpu") -> tuple[str, dict[str, str]]:
    account = await office.account(OWN, role)
    token = ids.to_base64url(secrets.token_bytes(32))
    await office.house.accounts_store.open(
        account.account.account, BROWSER, token_mark(token), SESSION_SECONDS_MAX, SESSIONS_PER_ACCOUNT_MAX
    )
    return token, {"Cookie": f"{COOKIE}={token}"}


async def test_a_change_from_another_page_is_refused(office: Office) -> None:
    """With the cookie alone, which a browser sends along by itself, nothing changes; with the page's mark it may."""
    token, cookie = await in_a_browser(office)
    for asked in GUARDED:
        if asked.method in CHANGES:
            for mark in (None, "made up", forgery_mark("another token")):
                headers = cookie if mark is None else {**cookie, "Ecoklit-CSRF": mark}
                answer = await office.ask(asked, OWN, headers)
                assert answer.status_code == 403 and answer.json()["code"] == "forged_request", asked
    assert (await office.http.get("/v1/session", headers=cookie)).status_code == 200
    out = await office.http.delete("/v1/session", headers={**cookie, "Ecoklit-CSRF": forgery_mark(token)})
    assert out.status_code == 204
    assert (await office.http.get("/v1/session", headers=cookie)).status_code == 401


async def test_another_password_needs_the_old_one(office: Office) -> None:
    """Whoever has a session, and not the password and a code, changes none; the session stays."""
    account = await office.account(OWN, "kpu")
    body = {"password": "a guess of five words", "code": "000000", "new_password": "another five words for it"}
    answer = await office.http.put("/v1/session/password", json=body, headers=account.headers)
    assert answer.status_code == 401 and answer.json()["code"] == "not_signed_in"
    assert (await office.http.get("/v1/session", headers=account.headers)).status_code == 200


async def test_signing_in_and_refusals_are_in_the_log(office: Office) -> None:
    """Who signed in or was refused, by the account's id, and what for; no area, no voter, no login, no password."""
    login, password = f"siti-{secrets.token_hex(4)}", "kuda hijau lima gunung"
    made, secret = await office.house.account_desk.add(
        login, "pps", [OWN], [], officer="o-1", password=password, subject=None
    )
    assert secret is not None
    code = code_at(secret, step_of(time.time()))
    body = {"login": login, "password": password, "code": code}
    with structlog.testing.capture_logs() as kept:
        assert (
            await office.http.post("/v1/sessions", json={**body, "password": "a wrong one of words"})
        ).status_code == 401
        signed = await office.http.post("/v1/sessions", json=body)
        headers = {"Authorization": f"Bearer {signed.json()['token']}"}
        assert (await office.http.get(f"/v1/rolls/{OTHER}001", headers=headers)).status_code == 403
        voter = office.voters[OWN][0]
        await office.http.post(f"/v1/voters/{voter}/unmask", json={"reason": "to compare it"}, headers=headers)
    told = [(one["event"], one.get("code"), one.get("account")) for one in kept]
    assert told == [
        ("refused", "not_signed_in", None), ("signed_in", None, made.account),
        ("refused", "not_your_area", made.account), ("refused", "not_your_right", made.account),
    ]  # fmt: skip
    for word in (OTHER, voter, login, password, signed.json()["token"]):
        assert word not in repr(kept)


async def test_a_reading_method_changes_nothing(office: Office) -> None:
    """Whoever only reads leaves accounts, sessions, approvals and requests as they were."""
    account = await office.account(OWN, "kpu", "unmask", "export")
    before = await _kept(office)
    for asked in routes():
        if asked.method in ("GET", "HEAD") and "sign-in" not in asked.path:
            await office.ask(asked, OWN, account.headers)
    assert await _kept(office) == before


async def _kept(office: Office) -> list[tuple[str, int]]:
    import asyncpg

    connection = await asyncpg.connect(office.house.settings.database())
    try:
        return [
            (table, await connection.fetchval(f"select count(*) from {office.house.settings.schema}_office.{table}"))
            for table in ("account", "session", "approval", "voter_request", "export", "sql_area", "sign_in")
        ]
    finally:
        await connection.close()


async def test_cookies_are_for_this_host_and_no_script(office: Office) -> None:
    """Every cookie that any answer sets is __Host-, Secure, HttpOnly and SameSite."""
    token, cookie = await in_a_browser(office)
    out = await office.http.delete("/v1/session", headers={**cookie, "Ecoklit-CSRF": forgery_mark(token)})
    answers = [out, *[await office.ask(asked, OWN, {}) for asked in routes() if asked.method == "GET"]]
    set_by = [one for answer in answers for one in answer.headers.get_list("set-cookie")]
    assert set_by
    for said in set_by:
        assert said.startswith("__Host-") and {"Secure", "HttpOnly", "Path=/"} <= set(said.split("; ")), said
        assert re.search(r"SameSite=(strict|lax)", said, re.I) and "Domain" not in said
