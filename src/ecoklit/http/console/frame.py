"""What every page of the console has: its language, its policy, and one place where HTML is made.

Templates escape everything. Scripts and styles come from `/office/static/` alone and no page has any of its own, which
the Content-Security-Policy holds browsers to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

import jinja2
import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from ecoklit.errors import EcoklitError
from ecoklit.http.auth import PUBLIC
from ecoklit.http.problems import on_fault, on_http_error
from ecoklit.problems import FAULT, problem_of
from ecoklit.services.sign_in import Signed, forgery_mark

AnyRequest = Request[Any, Any, Any]

LANGUAGES: Final = ("id", "en")
LANGUAGE_COOKIE: Final = "ecoklit-language"
START: Final = "/office"
_PAGE: Final = re.compile(rf"{START}/(?:area|cases)/[0-9]{{4,13}}")
HTMX: Final = "2.0.11"
"""npm's htmx.org of this version, 0BSD; beside it htmx-ext-sse 2.2.4, 0BSD."""
SHA256: Final = {
    "htmx.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "sse.min.js": "98a46496de0c3605fbffdce9167ba427bdd9553184f83f149c261891a92c0136",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_FOLDER: Final = files("ecoklit") / "web" / "office"
_SCRIPTS: Final = _FOLDER / "static" / "vendor" / "htmx"
_PARTS: Final = {
    "office.css": (_FOLDER / "static", "text/css; charset=utf-8"),
    "office.js": (_FOLDER / "static", "text/javascript; charset=utf-8"),
    "htmx.min.js": (_SCRIPTS, "text/javascript; charset=utf-8"),
    "sse.min.js": (_SCRIPTS, "text/javascript; charset=utf-8"),
}


@cache
def texts() -> dict[str, dict[str, str]]:
    """Every text of the console by its key, in each language."""
    return msgspec.json.decode((_FOLDER / "texts.json").read_bytes(), type=dict[str, dict[str, str]])


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (_FOLDER / "templates" / name).read_text()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Words:
    """The texts in one language, as templates ask for them: `say("home.title")`, `say("home.days", days=3)`."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        return texts()[key][self.language].format(**values)

    def number(self, value: float) -> str:
        """With the language's own thousands, as on paper: 1.234 in Bahasa Indonesia, 1,234 in English."""
        shown = f"{value:,.0f}"
        return shown.replace(",", ".") if self.language == "id" else shown


def language_of(request: AnyRequest) -> str:
    """Bahasa Indonesia, unless somebody chose English."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    return chosen if chosen in LANGUAGES else LANGUAGES[0]


def fragment(request: AnyRequest, template: str, **values: object) -> str:
    """A part of a page."""
    return _templates().get_template(template).render(say=Words(language_of(request)), **values)


def page(
    request: AnyRequest, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: object
) -> Response[str]:
    """A whole page, with who is signed in and the mark by which its changes are known to be its own."""
    signed: Signed | None = request.scope.get("state", {}).get("signed")
    token = request.scope.get("state", {}).get("token")
    shown = fragment(
        request,
        template,
        viewer=None if signed is None else signed.viewer,
        forgery=forgery_mark(token) if token else "",
        path=page_within(request.url.path),
        **values,
    )
    held = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", **(headers or {})}
    return Response(shown, media_type="text/html; charset=utf-8", status_code=status, headers=held)


def elsewhere(path: str) -> Response[str]:
    """Go on at another page."""
    return Response(
        "",
        media_type="text/plain",
        status_code=HTTPStatus.SEE_OTHER,
        headers={"Location": path, "Cache-Control": "no-store"},
    )


def page_within(path: str) -> str:
    """A page of the console to go on at, whatever was asked for: never another host's, and nothing that could be
    somebody's number, since it stands in addresses and in pages."""
    return path if _PAGE.fullmatch(path) else START


def on_refusal(request: AnyRequest, error: EcoklitError) -> Response[Any]:
    """Whoever is not signed in signs in and comes back; every other refusal is a page that says what to do."""
    known = problem_of(error)
    if known.code == "not_signed_in":
        address = f"{START}/sign-in?next={quote(page_within(request.url.path))}"
        if "hx-request" in request.headers:  # a part of a page cannot be a page: the browser goes there as a whole
            return Response(None, status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": address})
        return elsewhere(address)
    return page(request, "refusal.html", status=known.status, code=known.code, detail=known.detail)


def on_trouble(request: AnyRequest, error: Exception) -> Response[Any]:
    """A fault of ours, as a page; the log has its name and the route, never its text."""
    on_fault(request, error)
    return page(request, "refusal.html", status=500, code="fault", detail=FAULT)


_HANDLERS: Final[dict[int | type[Exception], Callable[[AnyRequest, Any], Response[Any]]]] = {
    EcoklitError: on_refusal,
    HTTPException: on_http_error,
    Exception: on_trouble,
}
showing = partial(get, include_in_schema=False, exception_handlers=_HANDLERS)
"""A route whose answer is a page, whatever becomes of it."""
taking = partial(post, include_in_schema=False, exception_handlers=_HANDLERS)
"""A route that a page's form goes to."""


@showing("/office/static/{name:str}", audience=PUBLIC)
async def part(name: FromPath[str]) -> Response[bytes]:
    """A script or a style."""
    if name not in _PARTS:
        raise EcoklitError("not_found", "Nothing is here: the console begins at /office.")
    folder, media_type = _PARTS[name]
    return Response(
        (folder / name).read_bytes(), media_type=media_type, headers={"Cache-Control": "public, max-age=3600"}
    )
