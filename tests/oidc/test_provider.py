"""Signing in at a real OpenID Connect provider, from the first redirect to the account, and every way it must fail."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import asyncpg
import httpx
import pytest
import pytest_asyncio
from joserfc.jwk import RSAKey
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from yarl import URL

from ecoklit.adapters import oidc
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.oidc import OidcClient, OidcProvider
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.adapters.postgres_schema import prepare_office
from ecoklit.adapters.postgres_sign_ins import PostgresSignIns
from ecoklit.errors import EcoklitError
from ecoklit.http import accounts
from ecoklit.http import oidc as oidc_routes
from ecoklit.http.auth import let_in, provide_signed, provide_viewer
from ecoklit.http.oidc import ATTEMPT_COOKIE
from ecoklit.http.problems import on_http_error, on_named_error
from ecoklit.ports import IdentityProvider, NewAccount, OidcRefused, OidcUnavailable, SignIns
from ecoklit.services import office_sign_in
from ecoklit.services.office_sign_in import Begun, OfficeSignIn
from ecoklit.services.sign_in import Sessions

FOLDER = Path(__file__).parent / "provider"
NODE = shutil.which("node")
IS_THERE = NODE is not None and (FOLDER / "node_modules").is_dir()
MISSING = "Node.js or its packages are missing: install nodejs and run `npm ci` in tests/oidc/provider"
pytestmark = pytest.mark.skipif(not IS_THERE and "ECOKLIT_BROWSER" not in os.environ, reason=MISSING)

REDIRECT = "http://127.0.0.1:9/v1/sign-in/oidc/callback"
SECRET = "a secret: with / and %"


class Running:
    """The provider as a process, which can be started anew with another key."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.issuer = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        assert NODE is not None and IS_THERE, MISSING
        key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
        command = [NODE, "provider.js", str(self.port), json.dumps([key.as_dict(private=True)])]
        self._process = subprocess.Popen(
            command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        assert any("READY" in line for line in self._process.stdout)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def client(self, client_id: str = "ecoklit", client_secret: str | None = SECRET) -> OidcClient:
        return OidcClient(issuer=self.issuer, client_id=client_id, redirect_uri=REDIRECT, client_secret=client_secret)


@pytest.fixture(scope="module")
def running(unused_tcp_port_factory: Callable[[], int]) -> Iterator[Running]:
    """One for all tests here; the last one changes its key."""
    provider = Running(unused_tcp_port_factory())
    provider.start()
    yield provider
    provider.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def sign_ins(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[PostgresSignIns]:
    connection = await asyncpg.connect(postgres_server.dsn)
    await prepare_office(connection, schema)
    yield PostgresSignIns(postgres_server.dsn, schema=schema)
    await connection.execute(f"drop schema {schema}_office cascade")
    await connection.close()


async def at_the_provider(begun: Begun, login: str = "siti") -> dict[str, str]:
    """What a browser does there: it follows, types a login, consents, and brings the answer back."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        place, form = URL(begun.address, encoded=True), None
        for _ in range(20):
            if str(place).startswith(REDIRECT):
                return dict(parse_qsl(urlsplit(str(place)).query))
            method = "GET" if form is None else "POST"
            async with browser.request(method, place, data=form, allow_redirects=False) as answer:
                if answer.status in (302, 303):
                    place, form = place.join(URL(answer.headers["Location"], encoded=True)), None
                    continue
                page = await answer.text()
            action = re.search(r'action="([^"]+)"', page)
            prompt = re.search(r'name="prompt" value="(\w+)"', page)
            assert action and prompt, page[:500]
            place = place.join(URL(action[1]))
            form = {"prompt": prompt[1], "login": login, "password": "any"}
        raise AssertionError("the provider sends the browser round and round")


async def of_siti(subject: str) -> str | None:
    """The accounts of this office: one, of siti."""
    return "account of siti" if subject.endswith(" siti") else None


async def test_who_the_provider_vouches_for_has_an_account(running: Running, sign_ins: PostgresSignIns) -> None:
    """From the first redirect to the account, for a client with a secret and one without."""
    for client in (running.client(), running.client("public", None)):
        provider = OidcProvider(client)
        assert isinstance(provider, IdentityProvider) and isinstance(sign_ins, SignIns)
        begun = await office_sign_in.begin(provider, sign_ins)
        asked = dict(parse_qsl(urlsplit(begun.address).query))
        assert asked["code_challenge_method"] == "S256" and begun.browser not in begun.address
        answer = await at_the_provider(begun)
        account = await office_sign_in.finish(provider, sign_ins, of_siti, begun.browser, answer)
        assert account == "account of siti"


async def test_nobody_gets_an_account_by_signing_in(running: Running, sign_ins: PostgresSignIns) -> None:
    """Whom the provider knows and the office does not is refused by name."""
    provider = OidcProvider(running.client())
    begun = await office_sign_in.begin(provider, sign_ins)
    answer = await at_the_provider(begun, login="budi")
    with pytest.raises(OidcRefused) as refused:
        await office_sign_in.finish(provider, sign_ins, of_siti, begun.browser, answer)
    assert refused.value.code == "oidc_no_account"


async def test_an_answer_is_good_once_and_in_its_browser(running: Running, sign_ins: PostgresSignIns) -> None:
    """An answer sent twice, brought by another browser, or to an attempt that there is not, finds no attempt."""
    provider = OidcProvider(running.client())
    begun = await office_sign_in.begin(provider, sign_ins)
    answer = await at_the_provider(begun)
    assert await office_sign_in.finish(provider, sign_ins, of_siti, begun.browser, answer)
    theirs = await office_sign_in.begin(provider, sign_ins)
    planted = await at_the_provider(theirs)
    mine = await office_sign_in.begin(provider, sign_ins)
    for browser, tried in (
        (begun.browser, answer), (mine.browser, planted), (mine.browser, {**planted, "state": "made up"}),
        (mine.browser, {"code": planted["code"]}), ("", planted),
    ):  # fmt: skip
        with pytest.raises(OidcRefused) as refused:
            await office_sign_in.finish(provider, sign_ins, of_siti, browser, tried)
        assert refused.value.code == "oidc_state"


async def test_a_code_is_worth_nothing_in_another_attempt(running: Running, sign_ins: PostgresSignIns) -> None:
    """A stolen code, put into an attempt of one's own, fails at the provider by PKCE; so do a used one and no code."""
    provider = OidcProvider(running.client())
    stolen = await at_the_provider(await office_sign_in.begin(provider, sign_ins))
    for change, code in (
        ({"code": stolen["code"]}, "oidc_code"), ({"code": "made up"}, "oidc_code"), ({"code": ""}, "oidc_denied"),
        ({"error": "access_denied"}, "oidc_denied"), ({"iss": "https://another.example"}, "oidc_issuer"),
        ({"iss": ""}, "oidc_issuer"),
    ):  # fmt: skip
        own = await office_sign_in.begin(provider, sign_ins)
        answer = {**await at_the_provider(own), **change}
        with pytest.raises(OidcRefused) as refused:
            await office_sign_in.finish(provider, sign_ins, of_siti, own.browser, answer)
        assert refused.value.code == code, change


async def test_an_attempt_ends(running: Running, sign_ins: PostgresSignIns) -> None:
    """Whoever comes back too late begins again."""
    provider = OidcProvider(running.client())
    begun = await office_sign_in.begin(provider, sign_ins)
    answer = await at_the_provider(begun)
    attempt = await sign_ins.take(answer["state"], begun.browser)
    assert attempt is not None
    await sign_ins.keep(attempt, 0)
    with pytest.raises(OidcRefused) as refused:
        await office_sign_in.finish(provider, sign_ins, of_siti, begun.browser, answer)
    assert refused.value.code == "oidc_state"


async def test_the_provider_must_know_us_and_we_it(running: Running, sign_ins: PostgresSignIns) -> None:
    """A wrong secret, another issuer's name and an address without TLS are refused, each by name."""
    wrong = OidcProvider(running.client(client_secret="another"))
    begun = await office_sign_in.begin(wrong, sign_ins)
    answer = await at_the_provider(begun)
    with pytest.raises(OidcRefused) as refused:
        await office_sign_in.finish(wrong, sign_ins, of_siti, begun.browser, answer)
    assert refused.value.code == "oidc_code"
    for issuer, code in (
        (f"http://localhost:{running.port}", "oidc_issuer"), (f"{running.issuer}/", "oidc_issuer"),
        ("http://provider.example", "oidc_insecure"), ("ftp://127.0.0.1", "oidc_insecure"),
    ):  # fmt: skip
        with pytest.raises(OidcRefused) as refused:
            await office_sign_in.begin(OidcProvider(replace(running.client(), issuer=issuer)), sign_ins)
        assert refused.value.code == code, issuer


async def test_a_second_factor_that_was_asked_for_is_demanded(running: Running, sign_ins: PostgresSignIns) -> None:
    """This provider never says that it asked for two: who needs that is not let in."""
    provider = OidcProvider(replace(running.client(), acr="urn:office:two"))
    begun = await office_sign_in.begin(provider, sign_ins)
    answer = await at_the_provider(begun)
    with pytest.raises(OidcRefused) as refused:
        await office_sign_in.finish(provider, sign_ins, of_siti, begun.browser, answer)
    assert refused.value.code == "oidc_acr"


async def test_a_new_key_of_the_provider_is_found_though_not_at_will(
    running: Running, sign_ins: PostgresSignIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is not known is looked for at most once in a while, and then it is good."""
    provider = OidcProvider(running.client())
    first = await office_sign_in.begin(provider, sign_ins)
    assert await office_sign_in.finish(provider, sign_ins, of_siti, first.browser, await at_the_provider(first))
    running.stop()
    with pytest.raises(OidcUnavailable, match=r"127\.0\.0\.1 does not answer"):
        await office_sign_in.begin(OidcProvider(running.client()), sign_ins)
    running.start()
    early = await office_sign_in.begin(provider, sign_ins)
    with pytest.raises(OidcRefused) as refused:
        await office_sign_in.finish(provider, sign_ins, of_siti, early.browser, await at_the_provider(early))
    assert refused.value.code == "oidc_key"
    monkeypatch.setattr(oidc, "REFRESH_SECONDS_MIN", 0.0)
    later = await office_sign_in.begin(provider, sign_ins)
    assert await office_sign_in.finish(provider, sign_ins, of_siti, later.browser, await at_the_provider(later))


async def test_a_browser_comes_back_with_a_session(
    running: Running, postgres_server: EmbeddedPostgres, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over HTTP: out with a cookie that goes along once, back with a session's; a second time there is no attempt."""
    async with PostgresOfficeDesk(postgres_server.dsn, schema=schema) as store:
        connection = await asyncpg.connect(postgres_server.dsn)
        await prepare_office(connection, schema)
        subject = f"{running.issuer} siti"
        await store.add(NewAccount("siti", "ppk", ("940401",), frozenset(), "o-1", None, None, subject, "shell"))
        sign_ins = PostgresSignIns(postgres_server.dsn, schema=schema)
        sessions = Sessions(store, None, None, secrets.token_bytes, time.time)  # type: ignore[arg-type]
        house = SimpleNamespace(
            oidc=OfficeSignIn(OidcProvider(running.client()), sign_ins, store), sessions=sessions, accounts_store=store
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app_of(house)),  # type: ignore[arg-type]
            base_url="https://office.example",
        ) as browser:
            out = await browser.get("/v1/sign-in/oidc")
            assert out.status_code == 303 and out.headers["Location"].startswith(running.issuer)
            (attempt,) = out.headers.get_list("set-cookie")
            assert attempt.startswith(f"{ATTEMPT_COOKIE}=") and "SameSite=lax" in attempt and "Max-Age=600" in attempt
            answer = await at_the_provider(Begun(out.headers["Location"], ""))
            back = await browser.get("/v1/sign-in/oidc/callback", params=answer)
            assert back.status_code == 200 and back.json()["login"] == "siti" and back.json()["areas"] == ["940401"]
            assert browser.cookies.get(ATTEMPT_COOKIE) is None
            assert (await browser.get("/v1/session")).json()["login"] == "siti"
            again = await browser.get("/v1/sign-in/oidc/callback", params=answer)
            assert again.status_code == 403 and again.json()["code"] == "oidc_state"
            house.oidc = None
            none = await browser.get("/v1/sign-in/oidc")
            assert none.status_code == 404 and none.json()["code"] == "no_oidc"
        await connection.execute(f"drop schema {schema}_office cascade")
        await connection.close()


def app_of(house: SimpleNamespace) -> Litestar:
    """The routes of signing in, as the whole application has them."""

    async def provide_house() -> Any:
        return house

    return Litestar(
        route_handlers=[*oidc_routes.ROUTES, accounts.session],
        dependencies={
            "house": Provide(provide_house), "viewer": Provide(provide_viewer), "signed": Provide(provide_signed),
        },
        guards=[let_in],
        state=State({"sessions": house.sessions}, deep_copy=False),
        exception_handlers={EcoklitError: on_named_error, HTTPException: on_http_error},
        openapi_config=None,
    )  # fmt: skip
