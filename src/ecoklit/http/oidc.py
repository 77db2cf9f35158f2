"""Signing in at the office's own provider: out to it, and back to the same browser with an answer that is good once."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, get
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from ecoklit.bootstrap import House
from ecoklit.errors import EcoklitError
from ecoklit.http.address import address_of
from ecoklit.http.auth import PUBLIC, session_cookie
from ecoklit.services.office_sign_in import SIGN_IN_SECONDS, OfficeSignIn
from ecoklit.services.sign_in import BROWSER, forgery_mark

ATTEMPT_COOKIE: Final = "__Host-ecoklit-sign-in"


@get("/v1/sign-in/oidc", audience=PUBLIC, status_code=HTTPStatus.SEE_OTHER, include_in_schema=False)
async def leave(request: Request[Any, Any, Any], house: NamedDependency[SkipValidation[House]]) -> Response[None]:
    """Send the browser to the office's provider."""
    begun = await _provider(house).begin(_address(request))
    answer = Response(None, status_code=HTTPStatus.SEE_OTHER, headers={"Location": begun.address})
    # The provider's page sends the browser back, which a strict cookie would not go along with.
    answer.set_cookie(_attempt_cookie(begun.browser, SIGN_IN_SECONDS))
    return answer


@get("/v1/sign-in/oidc/callback", audience=PUBLIC, include_in_schema=False)
async def come_back(
    request: Request[Any, Any, Any], house: NamedDependency[SkipValidation[House]]
) -> Response[dict[str, Any]]:
    """Take the provider's answer, and open a session of the account that it vouches for."""
    answer = {name: value for name, value in request.query_params.items() if isinstance(value, str)}
    account = await _provider(house).finish(request.cookies.get(ATTEMPT_COOKIE, ""), answer)
    opened = await house.sessions.open(account, BROWSER)
    told = {
        "login": account.login,
        "role": opened.viewer.role,
        "areas": list(opened.viewer.areas),
        "ends_at": opened.ends_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "csrf": forgery_mark(opened.token),
    }
    signed_in = Response(told)
    signed_in.set_cookie(session_cookie(opened, datetime.now(UTC)))
    signed_in.set_cookie(_attempt_cookie("", 0))
    return signed_in


def _provider(house: House) -> OfficeSignIn:
    if house.oidc is None:
        raise EcoklitError("no_oidc", "This service has no provider of its office: sign in with a password.")
    return house.oidc


def _attempt_cookie(value: str, seconds: int) -> Cookie:
    return Cookie(
        key=ATTEMPT_COOKIE, value=value, path="/", max_age=seconds, secure=True, httponly=True, samesite="lax"
    )


def _address(request: Request[Any, Any, Any]) -> str | None:
    peer = request.client.host if request.client else None
    return address_of(peer, request.headers.get("x-forwarded-for"))


ROUTES: Final = (leave, come_back)
