"""Who asks: every route says for whom it is, and whoever has no place there comes no further.

A route declares its audience as a keyword of its handler: `@get("/v1/…", audience=VIEWER)`. A route that says nothing
is for people who have signed in.

PUBLIC  anybody: what names no voter
PHONE   devices, which sign what they ask or push
VIEWER  an account that has signed in; what it may see, its use case asks
a right (`services.viewer.RIGHTS`): an account that has it
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final

import structlog
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.handlers import HTTPRouteHandler
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.spec import SecurityScheme
from litestar.types import Message, Scope

from ecoklit.errors import EcoklitError
from ecoklit.services.sign_in import BROWSER, PROGRAM, Opened, Sessions, Signed, demand_own_page, not_signed_in
from ecoklit.services.viewer import RIGHTS, Viewer

AnyConnection = ASGIConnection[Any, Any, Any, Any]

PUBLIC: Final = "public"
PHONE: Final = "phone"
VIEWER: Final = "viewer"
AUDIENCES: Final = (PUBLIC, PHONE, VIEWER, *RIGHTS)

COOKIE: Final = "__Host-ecoklit"
SCHEMES: Final = {
    "session": SecurityScheme(type="http", scheme="bearer", description="The token of POST /v1/sessions"),
    "browser": SecurityScheme(
        type="apiKey",
        name=COOKIE,
        security_scheme_in="cookie",
        description="The cookie of POST /v1/sessions; whatever changes something needs the header Ecoklit-CSRF too",
    ),
}
"""How the document says that a route asks for a session."""
FORGERY_HEADER: Final = "Ecoklit-CSRF"
REQUEST_HEADER: Final = "Ecoklit-Request"
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER: Final = "bearer "

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer, unless its route says otherwise."""


async def let_in(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """The guard of the whole application. Raises ProblemError not_signed_in, EcoklitError not_your_right,
    forged_request, and as `Sessions.who`.
    """
    audience = audience_of(handler)
    if audience in (PUBLIC, PHONE):
        return
    sessions: Sessions = connection.app.state.sessions
    token, kind = _token(connection)
    signed = await sessions.who(token)
    if signed.session.kind != kind:
        raise not_signed_in("The token of a browser comes as its cookie, that of a program as a bearer token.")
    connection.state.signed = signed  # refused or not, the log knows who asked
    if kind == BROWSER and connection.scope["method"] not in _READS:  # type: ignore[typeddict-item]
        demand_own_page(token, connection.headers.get(FORGERY_HEADER))
    if audience != VIEWER and not signed.viewer.may(audience):
        raise EcoklitError("not_your_right", f"This account has no right '{audience}': whoever made it can give it.")
    connection.state.token = token
    connection.state.request = uuid.uuid4().hex


def demand_own_site(connection: AnyConnection) -> None:
    """Raises EcoklitError forged_request when a browser says that another site's page sends this: nobody is signed in
    as somebody else unawares. Browsers that do not say are older than 2023.
    """
    if connection.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise EcoklitError("forged_request", "Another site's page sent this: open the page here, and sign in on it.")


def say_security(handler: HTTPRouteHandler) -> None:
    """Have the document say of a route what its audience is to bring: a session, or nothing that it knows of."""
    is_open = audience_of(handler) in (PUBLIC, PHONE)
    handler.security = None if is_open else [{name: []} for name in SCHEMES]


def audience_of(handler: BaseRouteHandler) -> str:
    audience: str = handler.opt.get("audience", VIEWER)
    return audience


def _token(connection: AnyConnection) -> tuple[str, str]:
    said = connection.headers.get("authorization", "")
    if said[: len(_BEARER)].lower() == _BEARER:
        return said[len(_BEARER) :].strip(), PROGRAM
    cookie = connection.cookies.get(COOKIE)
    if cookie is None:
        raise not_signed_in("Sign in first: POST /v1/sessions with login, password and code.")
    return cookie, BROWSER


async def provide_viewer(request: Request[Any, Any, Any]) -> Viewer:
    """The dependency `viewer` of a handler that is not PUBLIC or PHONE."""
    signed: Signed = request.state.signed
    return signed.viewer


async def provide_signed(request: Request[Any, Any, Any]) -> Signed:
    """The dependency `signed`: the viewer and the session that it asks by."""
    signed: Signed = request.state.signed
    return signed


async def add_security_headers(message: Message, scope: Scope) -> None:
    """What browsers are to hold every answer to, and the id by which the read log knows a request."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    request = scope.get("state", {}).get("request")
    if isinstance(request, str):
        headers.setdefault(REQUEST_HEADER, request)


def note_signed_in(opened: Opened, kind: str, by: str) -> None:
    """The log keeps who signed in, by the account's id, and by which way: `password` or `provider`."""
    structlog.get_logger().info("signed_in", account=opened.viewer.account, kind=kind, by=by)


def session_cookie(opened: Opened, now: datetime) -> Cookie:
    """The cookie of a browser's session: over TLS (or to this machine), for this host, no script and no other page."""
    return _cookie(opened.token, max(0, int((opened.ends_at - now).total_seconds())))


def without_cookie(answer: Response[Any]) -> Response[Any]:
    """The answer, after which the browser has no session any more."""
    answer.set_cookie(_cookie("", 0))
    return answer


def _cookie(value: str, seconds: int) -> Cookie:
    return Cookie(key=COOKIE, value=value, path="/", max_age=seconds, secure=True, httponly=True, samesite="strict")
