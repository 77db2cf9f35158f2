"""What an ID token must be, and every lie that a token or a provider can tell: each is refused by its name."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from ecoklit.adapters import oidc
from ecoklit.adapters.oidc import OidcClient, OidcProvider, challenge_of, identity_of, read_token
from ecoklit.ports import OidcRefused, OidcUnavailable, SignIn

NOW: Final = 1_720_000_000
NONCE: Final = "the nonce of this attempt"
CLIENT: Final = OidcClient(
    issuer="https://sso.example", client_id="ecoklit", redirect_uri="https://office.example/v1/sign-in/oidc/callback"
)
KEY: Final = ECKey.generate_key("P-256", {"use": "sig", "kid": "one"})
RSA: Final = RSAKey.generate_key(2048, {"use": "sig", "kid": "rsa"})
OTHER: Final = ECKey.generate_key("P-256", {"use": "sig", "kid": "one"})
KEYS: Final = KeySet([KEY, RSA])
CLAIMS: Final = {
    "iss": CLIENT.issuer, "aud": CLIENT.client_id, "sub": "siti", "nonce": NONCE, "iat": NOW - 5, "exp": NOW + 300
}  # fmt: skip


def token(claims: dict[str, Any] = CLAIMS, key: Any = KEY, **header: str) -> str:
    return jwt.encode({"alg": "ES256", "kid": "one", **header}, claims, key, algorithms=["ES256", "HS256", "RS256"])


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def with_rsa_as_a_secret() -> str:
    """The classic confusion: the public key, which everybody has, as the secret of HS256."""
    said = f"{part({'alg': 'HS256', 'kid': 'rsa'})}.{part(CLAIMS)}"
    sign = hmac.digest(RSA.as_pem(private=False), said.encode(), "sha256")
    return f"{said}.{base64.urlsafe_b64encode(sign).rstrip(b'=').decode()}"


def changed() -> str:
    head, _, sign = token().split(".")
    return f"{head}.{part({**CLAIMS, 'sub': 'budi'})}.{sign}"


def test_a_token_that_the_provider_signed_is_read() -> None:
    """By either of its keys, named by kid; and without a kid when it has one key only."""
    assert read_token(token(), KEYS) == CLAIMS
    assert read_token(token(key=RSA, alg="RS256", kid="rsa"), KEYS) == CLAIMS
    bare = jwt.encode({"alg": "ES256"}, CLAIMS, KEY)
    assert read_token(bare, KeySet([KEY])) == CLAIMS
    assert identity_of(CLAIMS, CLIENT, NONCE, NOW).subject == "https://sso.example siti"


FORGED: Final[dict[str, tuple[Callable[[], str], str]]] = {
    "none": (lambda: f"{part({'alg': 'none'})}.{part(CLAIMS)}.", "oidc_algorithm"),
    "NONE": (lambda: f"{part({'alg': 'NONE', 'kid': 'one'})}.{part(CLAIMS)}.x", "oidc_algorithm"),
    "no algorithm": (lambda: f"{part({'kid': 'one'})}.{part(CLAIMS)}.x", "oidc_algorithm"),
    "public key as a secret": (with_rsa_as_a_secret, "oidc_algorithm"),
    "another key of that name": (lambda: token(key=OTHER), "oidc_signature"),
    "unknown key": (lambda: token(kid="two"), "oidc_key"),
    "no name of a key": (lambda: jwt.encode({"alg": "ES256"}, CLAIMS, KEY), "oidc_key"),
    "name of another key": (lambda: token(kid="rsa"), "oidc_signature"),
    "changed": (changed, "oidc_signature"),
    "cut": (lambda: token()[:-4], "oidc_signature"),
    "crit": (lambda: f"{part({'alg': 'ES256', 'kid': 'one', 'crit': ['x']})}.{part(CLAIMS)}.x", "oidc_signature"),
    "nothing": (lambda: "", "oidc_signature"),
    "two parts": (lambda: "a.b", "oidc_signature"),
    "no object": (lambda: f"{part([])}.{part(CLAIMS)}.x", "oidc_signature"),
    "no base64": (lambda: "é.é.é", "oidc_signature"),
}


@pytest.mark.parametrize(("forge", "code"), FORGED.values(), ids=FORGED)
def test_a_forged_token_is_refused_by_name(forge: Callable[[], str], code: str) -> None:
    """No signature, a wrong one, one of a secret that everybody has, of an unknown key, or over something else."""
    with pytest.raises(OidcRefused) as refused:
        read_token(forge(), KEYS)
    assert refused.value.code == code
    assert "siti" not in refused.value.message


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"iss": "https://sso.example/"}, "oidc_issuer"), ({"iss": None}, "oidc_issuer"),
        ({"aud": "another"}, "oidc_audience"), ({"aud": ["ecoklit", "another"]}, "oidc_audience"),
        ({"aud": ["ecoklit"], "azp": "another"}, "oidc_audience"), ({"aud": []}, "oidc_audience"),
        ({"aud": None}, "oidc_audience"), ({"aud": "ecoklit2"}, "oidc_audience"),
        ({"exp": NOW - 61}, "oidc_expired"), ({"iat": NOW + 61}, "oidc_expired"), ({"iat": NOW - 601}, "oidc_expired"),
        ({"exp": "2100-01-01"}, "oidc_expired"), ({"exp": None}, "oidc_expired"), ({"iat": True}, "oidc_expired"),
        ({"nonce": "of another attempt"}, "oidc_nonce"), ({"nonce": None}, "oidc_nonce"), ({"nonce": 7}, "oidc_nonce"),
        ({"nonce": "é"}, "oidc_nonce"),
        ({"sub": ""}, "oidc_subject"), ({"sub": None}, "oidc_subject"), ({"sub": "s" * 256}, "oidc_subject"),
        ({"sub": "sitì"}, "oidc_subject"), ({"sub": ["siti"]}, "oidc_subject"),
    ],
    ids=str,
)  # fmt: skip
def test_a_token_for_something_else_is_refused_by_name(change: dict[str, Any], code: str) -> None:
    """Of another provider, for another program, of another time or attempt, or of nobody."""
    with pytest.raises(OidcRefused) as refused:
        identity_of({**CLAIMS, **change}, CLIENT, NONCE, NOW)
    assert refused.value.code == code


def test_several_audiences_need_a_party() -> None:
    """A token for several programs is ours when it was issued to us (OIDC Core §3.1.3.7)."""
    shared = {**CLAIMS, "aud": ["ecoklit", "another"], "azp": "ecoklit"}
    assert identity_of(shared, CLIENT, NONCE, NOW).subject == "https://sso.example siti"


def test_the_challenge_is_that_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class Liar:
    """A provider that answers whatever it is told to."""

    def __init__(self) -> None:
        self.answers: dict[str, web.StreamResponse | dict[str, Any]] = {}
        self.asked: list[str] = []
        self.issuer = ""

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.path)
        answer = self.answers.get(request.path, {})
        return web.json_response(answer) if isinstance(answer, dict) else answer

    def configuration(self, **change: Any) -> dict[str, Any]:
        names = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/jwks"}
        return {"issuer": self.issuer, **{name: self.issuer + path for name, path in names.items()}, **change}

    def provider(self) -> OidcProvider:
        return OidcProvider(OidcClient(issuer=self.issuer, client_id="ecoklit", redirect_uri=CLIENT.redirect_uri))


WELL_KNOWN: Final = "/.well-known/openid-configuration"
NUMBER: Final = "9404010101900001"
ATTEMPT: Final = SignIn("state", NONCE, "verifier", "browser")


@pytest_asyncio.fixture
async def liar(unused_tcp_port: int) -> AsyncIterator[Liar]:
    made = Liar()
    made.issuer = f"http://127.0.0.1:{unused_tcp_port}"
    made.answers[WELL_KNOWN] = made.configuration()
    server = web.Server(made)
    runner = web.ServerRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    yield made
    await runner.cleanup()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (web.Response(status=404), "oidc_unavailable"),
        (web.Response(text="<html>"), "oidc_unavailable"),
        (web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"}), "oidc_unavailable"),
        (web.Response(body=b" " * (oidc.ANSWER_BYTES_MAX + 1)), "oidc_unavailable"),
        ({"issuer": "https://another.example"}, "oidc_issuer"),
        ({"token_endpoint": "http://another.example/token"}, "oidc_insecure"),
        ({"jwks_uri": None}, "oidc_insecure"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "oidc_insecure"),
    ],
    ids=["missing", "no JSON", "redirect", "without end", "issuer", "token endpoint", "no keys", "script"],
)
async def test_a_configuration_that_lies_is_refused(liar: Liar, answer: Any, code: str) -> None:
    """Nobody is sent to a provider that is not the one of the settings, or is not reached safely."""
    liar.answers[WELL_KNOWN] = liar.configuration(**answer) if isinstance(answer, dict) else answer
    with pytest.raises((OidcRefused, OidcUnavailable)) as refused:
        await liar.provider().address(ATTEMPT)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({}, "oidc_unavailable"),
        ({"id_token": 7}, "oidc_unavailable"),
        (web.Response(status=500), "oidc_unavailable"),
        (web.json_response({"error": "invalid_grant", "error_description": NUMBER}, status=400), "oidc_code"),
        (web.json_response({"error": "9404 0101 9000 01"}, status=400), "oidc_code"),
        ({"id_token": f"{part({'alg': 'none'})}.{part(CLAIMS)}."}, "oidc_algorithm"),
    ],
    ids=["nothing", "number", "fault", "refused", "refused strangely", "unsigned"],
)  # fmt: skip
async def test_a_token_endpoint_that_lies_lets_nobody_in(liar: Liar, answer: Any, code: str) -> None:
    """Without a signed ID token there is no identity; what the provider says of it is not repeated."""
    liar.answers["/token"] = answer
    liar.answers["/jwks"] = {"keys": [KEY.as_dict(private=False)]}
    with pytest.raises((OidcRefused, OidcUnavailable)) as refused:
        await liar.provider().identity(ATTEMPT, {"code": "c"})
    assert refused.value.code == code
    assert re.search("[0-9]{4}", refused.value.message) is None


async def test_keys_are_not_asked_for_at_will(liar: Liar) -> None:
    """A hundred tokens with invented key ids make the service ask for the keys once."""
    liar.answers["/jwks"] = {"keys": [KEY.as_dict(private=False), {"kty": "oct", "k": "c2VjcmV0", "kid": "two"}]}
    provider = liar.provider()

    async def forged(number: int) -> str:
        liar.answers["/token"] = {"id_token": token(kid=f"invented {number}")}
        with pytest.raises(OidcRefused) as refused:
            await provider.identity(ATTEMPT, {"code": "c"})
        return refused.value.code

    assert set(await asyncio.gather(*map(forged, range(100)))) == {"oidc_key"}
    assert liar.asked.count("/jwks") == 1 and liar.asked.count(WELL_KNOWN) == 1
    # A secret key in a set that everybody reads is no key.
    liar.answers["/token"] = {"id_token": token(key=OctKey.generate_key(256), alg="HS256", kid="two")}
    with pytest.raises(OidcRefused) as refused:
        await provider.identity(ATTEMPT, {"code": "c"})
    assert refused.value.code == "oidc_algorithm"
