"""Signing in at an office's own provider (OpenID Connect Core 1.0): `ports.IdentityProvider`.

The provider is the one that the settings name, found by discovery; what it says is believed only over TLS (or on this
machine), signed by a key of its own, in an algorithm of `ALGORITHMS`, for this client and this very sign-in.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, TypeGuard
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from joserfc import errors, jwt
from joserfc.jwk import KeySet

from ecoklit.ports import Identity, OidcRefused, OidcUnavailable, SignIn

ALGORITHMS: Final = ("RS256", "PS256", "ES256")
"""Signatures of a key pair. `none` is no signature, and of HS256 whoever has the key to check can sign."""
ANSWER_SECONDS_MAX: Final = 10.0
ANSWER_BYTES_MAX: Final = 256 * 1024
CONFIGURATION_SECONDS: Final = 3600.0
REFRESH_SECONDS_MIN: Final = 60.0
"""Between two looks for a key that is not known: tokens with invented key ids must not make us ask at will."""
CLOCK_SECONDS: Final = 60
"""By how much the provider's clock may differ from ours."""
TOKEN_SECONDS_MAX: Final = 600
SUBJECT_CHARACTERS_MAX: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcClient:
    """How the provider knows us. `acr`: the way of signing in that is asked for and demanded; None: what it does."""

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str | None = None
    acr: str | None = None


class OidcProvider:
    """`ports.IdentityProvider` at `client.issuer`. It keeps what it discovered, and no sign-in."""

    def __init__(self, client: OidcClient) -> None:
        self._client = client
        self._known: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._looking = asyncio.Lock()

    async def address(self, sign_in: SignIn) -> str:
        configuration = await self._configuration()
        asked = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": self._client.redirect_uri,
            "scope": "openid",
            "state": sign_in.state,
            "nonce": sign_in.nonce,
            "code_challenge": challenge_of(sign_in.verifier),
            "code_challenge_method": "S256",
        }
        if self._client.acr is not None:
            asked["acr_values"] = self._client.acr
        return f"{configuration['authorization_endpoint']}?{urlencode(asked)}"

    async def identity(self, sign_in: SignIn, answer: Mapping[str, str]) -> Identity:
        configuration = await self._configuration()
        # RFC 9207: an answer that another provider made is not taken for this one's.
        says_who = configuration.get("authorization_response_iss_parameter_supported") is True
        if "iss" in answer or says_who:
            _demand(
                answer.get("iss") == self._client.issuer, "oidc_issuer", "The answer is not of the office's provider"
            )
        _demand("error" not in answer, "oidc_denied", "The office's provider did not let this person in")
        _demand(bool(answer.get("code")), "oidc_denied", "The office's provider sent no code")
        token = await self._token(configuration, answer["code"], sign_in.verifier)
        claims = await self._claims(configuration, token)
        return identity_of(claims, self._client, sign_in.nonce, int(time.time()))

    async def _token(self, configuration: Mapping[str, Any], code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if self._client.client_secret is None:
            form["client_id"] = self._client.client_id
        else:
            headers["Authorization"] = _basic(self._client.client_id, self._client.client_secret)
        status, answer = await self._ask("POST", configuration["token_endpoint"], data=form, headers=headers)
        if status in (400, 401):
            # Its description can quote what was sent: only the name of the error is repeated.
            raise OidcRefused("oidc_code", f"The office's provider takes no such code ({_word(answer.get('error'))})")
        token = answer.get("id_token") if status == 200 else None
        if not isinstance(token, str):
            raise OidcUnavailable("The office's provider gave no ID token: its administrator should see its log.")
        return token

    async def _claims(self, configuration: Mapping[str, Any], token: str) -> dict[str, Any]:
        try:
            return read_token(token, await self._key_set(configuration, beyond=None))
        except _KeyUnknown:
            # A provider changes its keys: look once more, though not for everybody who asks.
            return read_token(token, await self._key_set(configuration, beyond=REFRESH_SECONDS_MIN))

    async def _configuration(self) -> dict[str, Any]:
        async with self._looking:
            if self._known is None or time.monotonic() - self._known[0] > CONFIGURATION_SECONDS:
                self._known = (time.monotonic(), await self._discovered())
            return self._known[1]

    async def _discovered(self) -> dict[str, Any]:
        issuer = self._client.issuer
        _demand_safe(issuer)
        status, found = await self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200:
            raise OidcUnavailable(
                f"The office's provider has no configuration (it answered {status}): see its address."
            )
        _demand(found.get("issuer") == issuer, "oidc_issuer", "The provider there calls itself by another name")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            _demand_safe(found.get(name))
        return found

    async def _key_set(self, configuration: Mapping[str, Any], beyond: float | None) -> KeySet:
        """The provider's keys; with `beyond` asked for anew when they are older than that."""
        async with self._looking:
            age = None if self._keys is None else time.monotonic() - self._keys[0]
            if self._keys is None or age is None or (beyond is not None and age > beyond):
                status, found = await self._ask("GET", configuration["jwks_uri"])
                self._keys = (time.monotonic(), _read_keys(found if status == 200 else {}))
            return self._keys[1]

    async def _ask(self, method: str, url: str, **what: Any) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of an answer. No redirect is followed: it would carry a secret elsewhere."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS_MAX)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, url, allow_redirects=False, **what) as answer,
            ):
                body = await answer.content.read(ANSWER_BYTES_MAX + 1)
                while len(body) <= ANSWER_BYTES_MAX and (more := await answer.content.read(ANSWER_BYTES_MAX)):
                    body += more
                if len(body) > ANSWER_BYTES_MAX:
                    raise OidcUnavailable("The office's provider answers without end: its administrator should look.")
                found = json.loads(body)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise OidcUnavailable(
                f"The office's provider at {urlsplit(url).hostname} does not answer: sign in later, or with a password."
            ) from error
        return answer.status, found if isinstance(found, dict) else {}


class _KeyUnknown(OidcRefused):
    def __init__(self) -> None:
        super().__init__("oidc_key", "The ID token is signed by a key that is not of the office's provider")


def challenge_of(verifier: str) -> str:
    """RFC 7636 §4.2, S256: the verifier itself leaves only with the code."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def read_token(token: str, keys: KeySet) -> dict[str, Any]:
    """The claims of an ID token that one of `keys` has signed. Raises OidcRefused `oidc_algorithm`, `oidc_key`,
    `oidc_signature`.
    """
    header = _header(token)
    _demand(header.get("alg") in ALGORITHMS, "oidc_algorithm", "The ID token is not signed as it must be")
    known = {key.kid for key in keys.keys}
    if header.get("kid") not in known and (header.get("kid") is not None or len(known) != 1):
        raise _KeyUnknown
    try:
        return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
    except (errors.JoseError, ValueError, TypeError, KeyError) as error:
        raise OidcRefused("oidc_signature", "The ID token is not what the office's provider signed") from error


def identity_of(claims: Mapping[str, Any], client: OidcClient, nonce: str, now: int) -> Identity:
    """Who the claims of a signed token speak of, if they are for this client and this sign-in (OIDC Core §3.1.3.7).

    `now` in seconds. Raises OidcRefused by the first that is wrong.
    """
    _demand(claims.get("iss") == client.issuer, "oidc_issuer", "The ID token is of another provider")
    audience = claims.get("aud")
    meant = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp")
    is_ours = client.client_id in meant and (party == client.client_id or (party is None and len(meant) == 1))
    _demand(is_ours, "oidc_audience", "The ID token is for another program")
    _demand(_is_of_now(claims, now), "oidc_expired", "The ID token is not of now")
    said = claims.get("nonce")
    is_this = isinstance(said, str) and hmac.compare_digest(said.encode(), nonce.encode())
    _demand(is_this, "oidc_nonce", "The ID token is of another sign-in")
    is_strong = client.acr is None or claims.get("acr") == client.acr
    _demand(is_strong, "oidc_acr", "The office's provider did not ask for the second factor that it must ask for")
    subject = claims.get("sub")
    is_named = isinstance(subject, str) and subject.isascii() and 0 < len(subject) <= SUBJECT_CHARACTERS_MAX
    _demand(is_named, "oidc_subject", "The ID token names nobody")
    return Identity(f"{client.issuer} {subject}")


def _header(token: str) -> dict[str, Any]:
    try:
        first = token.split(".")[0]
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except ValueError:
        header = None
    if not isinstance(header, dict) or token.count(".") != 2:
        raise OidcRefused("oidc_signature", "The ID token is not signed at all")
    return header


def _read_keys(found: Mapping[str, Any]) -> KeySet:
    """The public key pairs of a key set; a secret key that somebody has put there is none of them."""
    listed = found.get("keys")
    pairs = [
        key
        for key in (listed if isinstance(listed, list) else [])
        if isinstance(key, dict) and key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": pairs})
    except (errors.JoseError, ValueError, TypeError, KeyError) as error:
        raise OidcUnavailable("The office's provider shows no keys: its administrator should see its log.") from error


def _demand(is_so: bool, code: str, otherwise: str) -> None:
    if not is_so:
        raise OidcRefused(code, otherwise)


def _demand_safe(url: object) -> None:
    """What goes to the provider, and what comes, is read by nobody on the way."""
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return
    raise OidcRefused("oidc_insecure", "The office's provider is not reached over https")


def _is_loopback(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def _is_of_now(claims: Mapping[str, Any], now: int) -> bool:
    made, ends = claims.get("iat"), claims.get("exp")
    if not (_is_number(made) and _is_number(ends)):
        return False
    return made - CLOCK_SECONDS <= now < ends + CLOCK_SECONDS and now - made <= TOKEN_SECONDS_MAX


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _basic(name: str, secret: str) -> str:
    # RFC 6749 §2.3.1: both are encoded as in a form first.
    return "Basic " + base64.b64encode(f"{quote(name, safe='')}:{quote(secret, safe='')}".encode()).decode()


def _word(value: object) -> str:
    return value if isinstance(value, str) and value.isascii() and value.isidentifier() else "no reason"
