"""Signing in and out at the console, and the language of its pages."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, SkipValidation

from ecoklit.bootstrap import House
from ecoklit.errors import EcoklitError
from ecoklit.http.auth import PUBLIC, VIEWER, demand_own_site, note_signed_in, session_cookie, without_cookie
from ecoklit.http.console.frame import LANGUAGE_COOKIE, LANGUAGES, START, elsewhere, page, page_within, showing, taking
from ecoklit.http.sync import address_asking
from ecoklit.problems import problem_of
from ecoklit.services.sign_in import BROWSER, Attempt, Signed

AnyRequest = Request[Any, Any, Any]
OurHouse = NamedDependency[SkipValidation[House]]
LANGUAGE_SECONDS: Final = 365 * 86_400
_TEXT: Final = msgspec.Meta(max_length=1024)


class SignInForm(msgspec.Struct, forbid_unknown_fields=True):
    """What the page's form sends; `next` is the page to go on at."""

    login: Annotated[str, _TEXT]
    password: Annotated[str, _TEXT]
    code: Annotated[str, _TEXT]
    next: Annotated[str, _TEXT] = START


@showing("/office/sign-in", audience=PUBLIC)
async def entrance(request: AnyRequest, house: OurHouse) -> Response[str]:
    """The page that asks who it is."""
    following = page_within(request.query_params.get("next", START))
    return page(request, "sign_in.html", following=following, login="", refused="", has_oidc=house.oidc is not None)


@taking("/office/sign-in", audience=PUBLIC, status_code=HTTPStatus.OK)
async def sign_in(
    request: AnyRequest, house: OurHouse, data: Annotated[SignInForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Response[Any]:
    """Open a browser's session and go on; whoever is refused keeps the login that was typed."""
    demand_own_site(request)
    following = page_within(data.next)
    try:
        attempt = Attempt(data.login, data.password, data.code, address_asking(request))
        opened = await house.sessions.sign_in(attempt, BROWSER)
    except EcoklitError as error:
        known = problem_of(error)
        return page(
            request,
            "sign_in.html",
            status=known.status,
            following=following,
            login=data.login,
            refused=known.code,
            has_oidc=house.oidc is not None,
        )
    note_signed_in(opened, BROWSER, "password")
    answer = elsewhere(following)
    answer.set_cookie(session_cookie(opened, datetime.now(UTC)))
    return answer


@taking("/office/sign-out", audience=VIEWER, status_code=HTTPStatus.NO_CONTENT)
async def sign_out(house: OurHouse, signed: NamedDependency[SkipValidation[Signed]]) -> Response[None]:
    """End the session, and show who may sign in next."""
    await house.sessions.sign_out(signed.session)
    return without_cookie(
        Response(None, status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": f"{START}/sign-in"})
    )


@showing("/office/language/{language:str}", audience=PUBLIC)
async def choose_language(request: AnyRequest, language: FromPath[str]) -> Response[str]:
    """Remember the language, and go on where one was."""
    if language not in LANGUAGES:
        raise EcoklitError("not_found", "The console speaks id and en.")
    answer = elsewhere(page_within(request.query_params.get("next", START)))
    answer.set_cookie(
        Cookie(key=LANGUAGE_COOKIE, value=language, path="/office", max_age=LANGUAGE_SECONDS, samesite="lax")
    )
    return answer


SIGN_ROUTES: Final = (entrance, sign_in, sign_out)
LANGUAGE_ROUTES: Final = (choose_language,)
