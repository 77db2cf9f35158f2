"""The pages of the API's document, from this host alone: the viewer's script lies in the package, pinned and unchanged.

The page may load what `/docs/` has and ask this host, and nothing else: its own Content-Security-Policy says so to the
browser, whatever a later script would like to.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from litestar import Response, get
from litestar.params import FromPath

from ecoklit.errors import EcoklitError
from ecoklit.http.auth import PUBLIC

SWAGGER_UI: Final = "5.35.0"
"""npm's swagger-ui-dist of this version, Apache-2.0."""
SHA256: Final = {
    "swagger-ui-bundle.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
    "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FOLDER: Final = files("ecoklit") / "web" / "docs"
_VENDORED: Final = _FOLDER / "vendor" / "swagger-ui"
_FILES: Final = {
    "swagger-ui-bundle.js": (_VENDORED, "text/javascript; charset=utf-8"),
    "swagger-ui.css": (_VENDORED, "text/css; charset=utf-8"),
    "start.js": (_FOLDER, "text/javascript; charset=utf-8"),
}
_HEADERS: Final = {"Content-Security-Policy": POLICY, "Cache-Control": "public, max-age=3600"}


@get("/docs", audience=PUBLIC, include_in_schema=False)
async def page() -> Response[bytes]:
    """The page."""
    return _served((_FOLDER / "index.html").read_bytes(), "text/html; charset=utf-8")


@get("/docs/{name:str}", audience=PUBLIC, include_in_schema=False)
async def part(name: FromPath[str]) -> Response[bytes]:
    """A script or style of the page."""
    if name not in _FILES:
        raise EcoklitError("not_found", "Nothing is here: /docs is the page, /openapi.json the document.")
    folder, media_type = _FILES[name]
    return _served((folder / name).read_bytes(), media_type)


def _served(body: bytes, media_type: str) -> Response[bytes]:
    return Response(body, media_type=media_type, headers=_HEADERS)


ROUTES: Final = (page, part)
