"""Accounts that act on accounts over HTTP: within their own areas and rights, two of them where one could be two."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Final, NamedTuple

import httpx
import pytest
import pytest_asyncio

from ecoklit.adapters.argon2_passwords import Argon2Passwords
from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.bootstrap import House, open_house
from ecoklit.http.app import make_app
from ecoklit.limits import SESSIONS_PER_ACCOUNT_MAX
from ecoklit.services.read_log import entries_of, verify
from ecoklit.testing.made_up_accounts import SignedIn, signed_in
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.made_up_settings import settings_for

PASSWORD: Final = "kuda hijau lima gunung tenang"
DISTRICT: Final = "940401"
TWO: Final = "approval_needed"


class Office(NamedTuple):
    house: House
    http: httpx.AsyncClient

    async def account(self, *areas: str, role: str = "kpu", rights: tuple[str, ...] = ()) -> SignedIn:
        return await signed_in(self.house.accounts_store, *areas, role=role, rights=rights)

    async def ask(self, who: SignedIn, method: str, path: str, said: Any = None, status: int = 200) -> Any:
        body = {} if said is None else {"json": said}
        answer = await self.http.request(method, f"/v1/{path}", headers=who.headers, **body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def granted(self, asks: SignedIn, answers: SignedIn, area: str, about: str) -> None:
        asked = {"kind": "account", "area": area, "says": "she starts at the office today", "about": about}
        approval = await self.ask(asks, "POST", "approvals", asked)
        await self.ask(answers, "POST", f"approvals/{approval['approval']}", {"granted": True})

    async def acts(self) -> list[tuple[str | None, str, str | None]]:
        found = [one async for one in entries_of(self.house.accounts_store) if one.action.startswith("account ")]
        return [(one.login, one.action, one.reason) for one in found]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def office(
    nats_server: EmbeddedNats, postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    folder, schema = tmp_path_factory.mktemp("administration"), f"test_{secrets.token_hex(8)}"
    settings = settings_for(folder, nats_server, postgres_server, schema)
    election = MadeUpElection(settings.election, "9404")
    save_key(key_folder(folder, settings.election, "9404"), "service", election.service)
    with pytest.MonkeyPatch.context() as cheap:
        cheap.setattr("ecoklit.bootstrap.people.Argon2Passwords", partial(Argon2Passwords, memory_kib=64, passes=1))
        async with open_house(settings) as house:
            await election.store(house.registry)
            transport = httpx.ASGITransport(app=make_app(house), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="https://ecoklit") as http:
                yield Office(house, http)


def wanted(role: str, *areas: str, rights: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    login = f"{role}-{secrets.token_hex(4)}"
    return {"login": login, "role": role, "areas": list(areas), "rights": list(rights), "password": PASSWORD} | more


async def test_an_office_makes_and_keeps_its_own_accounts(office: Office) -> None:
    """Make, list, change, unlock and close within one's areas: the account can do what was given, and each act of
    whom is in the log, in one chain; what somebody should look at is an alert."""
    siti = await office.account("9404", rights=("export",))
    new = wanted("ppk", "94.04.01", rights=("export",))
    made = await office.ask(siti, "POST", "accounts", new, 201)
    assert made["rights"] == ["decide", "export"] and made["areas"] == [DISTRICT] and "secret=" in made["totp"]
    assert made["made_by"] == siti.account.login
    login = new["login"]
    assert login in {one["login"] for one in await office.ask(siti, "GET", "accounts")}
    shown = await office.ask(siti, "PUT", f"accounts/{login}/rights", {"rights": []})
    assert shown["rights"] == ["decide"]
    account = await office.house.accounts_store.by_login(login)
    assert account is not None and account.rights == frozenset()
    opened = await office.house.sessions.open(account, "program")
    (session,) = await office.ask(siti, "GET", f"accounts/{login}/sessions")
    assert opened.token not in str(session) and not session["is_this"]
    assert (await office.ask(siti, "DELETE", f"accounts/{login}/sessions"))["count"] == 1
    await office.ask(siti, "PUT", f"accounts/{login}/password", {"password": PASSWORD + "!"}, 204)
    assert "secret=" in (await office.ask(siti, "POST", f"accounts/{login}/totp"))["totp"]
    assert (await office.ask(siti, "DELETE", f"accounts/{login}/locks"))["count"] == 0
    await office.ask(siti, "DELETE", f"accounts/{login}", status=204)
    (closed,) = [one for one in await office.ask(siti, "GET", "accounts") if one["login"] == login]
    assert closed["closed_at"] is not None
    acts = [act for act in await office.acts() if login in str(act)]
    assert [(who, what) for who, what, _ in acts] == [
        (siti.account.login, f"account {act}")
        for act in ("add", "rights", "revoke", "password", "totp", "unlock", "close")
    ]
    assert acts[0][2] == f"{login} ppk {DISTRICT} decide,export" and PASSWORD not in str(acts)
    assert (await verify(office.house.accounts_store)).broken is None
    raised = [one for one in await office.house.accounts_store.alerts() if one["login"] == siti.account.login]
    assert [one["says"] for one in raised] == [
        f"An act on an account: {act}." for act in ("totp", "password", "rights", "add")
    ]


async def test_nobody_acts_outside_their_areas(office: Office) -> None:
    """Of an account that lies elsewhere, wholly or in part, nobody learns that it is there; nor is one made there."""
    pps = await office.account("9404012001", role="pps", rights=("accounts",))
    outside = [
        await office.account("9404012002", role="pps"),
        await office.account("9404012001001", "9404012002001", role="pantarlih"),
        await office.account(DISTRICT, role="ppk"),
    ]
    before = await office.acts()
    listed = {one["login"] for one in await office.ask(pps, "GET", "accounts")}
    assert pps.account.login in listed and not listed & {one.account.login for one in outside}
    for login in (*(one.account.login for one in outside), "nobody-at-all"):
        for method, path, said in acts_on(login):
            refused = await office.ask(pps, method, path, said, 404)
            assert refused["code"] == "unknown_account" and login not in refused["detail"]
    for areas in (("9404012002",), ("9404012001", "9404012002")):
        refused = await office.ask(pps, "POST", "accounts", wanted("pps", *areas), 403)
        assert refused["code"] == "not_your_area"
    assert await office.acts() == before


def acts_on(login: str) -> list[tuple[str, str, Any]]:
    return [
        ("DELETE", f"accounts/{login}", None),
        ("PUT", f"accounts/{login}/password", {"password": PASSWORD}),
        ("POST", f"accounts/{login}/totp", None),
        ("PUT", f"accounts/{login}/rights", {"rights": []}),
        ("GET", f"accounts/{login}/sessions", None),
        ("DELETE", f"accounts/{login}/sessions", None),
        ("DELETE", f"accounts/{login}/locks", None),
    ]


async def test_nobody_gives_or_touches_more_than_they_have(office: Office) -> None:
    """A right that one has not is not given, and whoever has it is not changed by whoever has not; nor is oneself."""
    siti = await office.account("9404")
    over = await office.account("9404012001", role="pps", rights=("unmask",))
    under = await office.account("9404012001", role="pps")
    refused = await office.ask(siti, "POST", "accounts", wanted("pps", "9404012001", rights=("export",)), 403)
    assert refused["code"] == "not_your_right"
    refused = await office.ask(siti, "PUT", f"accounts/{under.account.login}/rights", {"rights": ["unmask"]}, 403)
    assert refused["code"] == "not_your_right"
    for who, status, code in ((over, 403, "not_your_right"), (siti, 409, "own_account")):
        for method, path, said in acts_on(who.account.login):
            if method != "GET":
                assert (await office.ask(siti, method, path, said, status))["code"] == code, (method, path)
    refused = await office.ask(siti, "PUT", f"accounts/{under.account.login}/rights", {"rights": ["everything"]}, 400)
    assert refused["code"] == "bad_account"
    assert (await office.ask(siti, "GET", "session"))["login"] == siti.account.login


@pytest.mark.parametrize("right", ["unmask", "approve", "accounts"])
async def test_what_could_make_one_person_two_takes_two(office: Office, right: str) -> None:
    """To give these rights, and to get at an account that has them, a second person says yes to that one act, once."""
    siti, budi = [await office.account("9404", rights=("unmask",)) for _ in range(2)]
    new = wanted("pps", "9404012001", rights=(right,))
    about = f"add {new['login']} pps 9404012001 {','.join(sorted(('decide', right)))}"
    refused = await office.ask(siti, "POST", "accounts", new, 403)
    assert refused["code"] == TWO and f"about '{about}'" in refused["detail"]
    await office.granted(siti, budi, "9404012001", about)
    wider = wanted("pps", "9404012001", rights=(right, "export" if right == "unmask" else "unmask"), login=new["login"])
    assert (await office.ask(siti, "POST", "accounts", wider, 403))["code"] in (TWO, "not_your_right")
    assert (await office.ask(budi, "POST", "accounts", new, 403))["code"] == TWO, "it is the asker's alone"
    weak = await office.ask(siti, "POST", "accounts", new | {"password": "short"}, 400)
    assert weak["code"] == "bad_password", "a mistake does not use it up"
    await office.ask(siti, "POST", "accounts", new, 201)
    login = new["login"]
    for method, path, said, act in (
        ("PUT", f"accounts/{login}/password", {"password": PASSWORD + "?"}, "password"),
        ("POST", f"accounts/{login}/totp", None, "totp"),
    ):
        assert (await office.ask(siti, method, path, said, 403))["code"] == TWO
        await office.granted(siti, budi, "9404012001", f"{act} {login}")
        await office.ask(siti, method, path, said, 204 if said else 200)
        assert (await office.ask(siti, method, path, said, 403))["code"] == TWO, "good once"
    await office.ask(siti, "PUT", f"accounts/{login}/rights", {"rights": []})
    assert (await office.ask(siti, "PUT", f"accounts/{login}/rights", {"rights": [right]}, 403))["code"] == TWO
    await office.ask(siti, "DELETE", f"accounts/{login}", status=204)


async def test_who_is_changed_is_no_second_person(office: Office) -> None:
    """Nobody has their own account changed by their own word, nor asks without the right."""
    siti, budi, pps = (
        await office.account("9404", rights=("unmask",)),
        await office.account("9404"),
        await office.account("9404012001", role="pps"),
    )
    login = budi.account.login
    await office.granted(siti, budi, "9404", f"totp {login}")
    assert (await office.ask(siti, "POST", f"accounts/{login}/totp", None, 403))["code"] == TWO
    asked = {"kind": "account", "area": "9404012001", "says": "she starts at the office today", "about": "totp x"}
    assert (await office.ask(pps, "POST", "approvals", asked, 403))["code"] == "not_your_right"
    for wrong in ({"about": ""}, {"kind": "budget"}, {"about": "totp\nx"}):
        assert (await office.ask(siti, "POST", "approvals", asked | wrong, 400))["code"] == "bad_argument"


async def test_sessions_are_seen_ended_and_bounded(office: Office) -> None:
    """An account lists its own sessions and ends one by its name; with one more than it may have, the oldest ends."""
    siti, other = await office.account("9404"), await office.account("9404")
    opened = [await office.house.sessions.open(siti.account, "program") for _ in range(SESSIONS_PER_ACCOUNT_MAX - 1)]
    own = await office.ask(siti, "GET", "sessions")
    assert len(own) == SESSIONS_PER_ACCOUNT_MAX and [one["is_this"] for one in own].count(True) == 1
    assert (await office.ask(other, "DELETE", f"sessions/{own[0]['session']}", status=404))["code"] == "not_found"
    await office.ask(siti, "DELETE", f"sessions/{own[0]['session']}", status=204)
    last = SignedIn(siti.account, opened[-1].token, {"Authorization": f"Bearer {opened[-1].token}"})
    await office.ask(last, "GET", "session", status=401)
    for _ in range(2):
        await office.house.sessions.open(siti.account, "program")
    await office.ask(siti, "GET", "session", status=401)
    kept = SignedIn(siti.account, opened[0].token, {"Authorization": f"Bearer {opened[0].token}"})
    assert len(await office.ask(kept, "GET", "sessions")) == SESSIONS_PER_ACCOUNT_MAX
