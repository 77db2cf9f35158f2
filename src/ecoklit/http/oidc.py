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
from ecoklit.http.accounts import Who, who_asks
from ecoklit.http.auth import PUBLIC, note_signed_in, session_cookie
from ecoklit.http.sync import address_asking
from ecoklit.services.office_sign_in import SIGN_IN_SECONDS, OfficeSignIn
from ecoklit.services.sign_in import BROWSER

ATTEMPT_COOKIE: Final = "__Host-ecoklit-sign-in"


@get("/v1/sign-in/oidc", audience=PUBLIC, status_code=HTTPStatus.SEE_OTHER, include_in_schema=False)
async def leave(request: Request[Any, Any, Any], house: NamedDependency[SkipValidation[House]]) -> Response[None]:
    """Send the browser to the office's provider."""
    begun = await _provider(house).begin(address_asking(request))
    answer = Response(None, status_code=HTTPStatus.SEE_OTHER, headers={"Location": begun.address})
    # The provider's page sends the browser back, which a strict cookie would not go along with.
    answer.set_cookie(_attempt_cookie(begun.browser, SIGN_IN_SECONDS))
    return answer


@get("/v1/sign-in/oidc/callback", audience=PUBLIC, include_in_schema=False)
async def come_back(request: Request[Any, Any, Any], house: NamedDependency[SkipValidation[House]]) -> Response[Who]:
    """Take the provider's answer, and open a session of the account that it vouches for."""
    answer = {name: value for name, value in request.query_params.items() if isinstance(value, str)}
    account = await _provider(house).finish(request.cookies.get(ATTEMPT_COOKIE, ""), answer)
    opened = await house.sessions.open(account, BROWSER)
    note_signed_in(opened, BROWSER, "provider")
    who = who_asks(opened.viewer, BROWSER, opened.ends_at, opened.token)
    signed_in = Response(who)
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


ROUTES: Final = (leave, come_back)
