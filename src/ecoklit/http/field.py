"""The officer's phone in the browser: the files of `web/field`, as one release that works without a network later.

A release is known by the hash of all its files. Its service worker begins with the list of them and of their hashes: so
a browser takes a release whole or not at all, and sees by that script alone that there is another (decision 0109).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from importlib.abc import Traversable
from importlib.resources import files
from typing import Any, Final, NamedTuple

from litestar import Request, Response, get
from litestar.params import FromPath
from litestar.response import Redirect

from ecoklit.contract import data_path
from ecoklit.door.encoding import packed
from ecoklit.errors import EcoklitError
from ecoklit.http.auth import PUBLIC

PAGE: Final = "index.html"
WORKER: Final = "worker.js"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
NOT_SERVED: Final = ("package.json", ".d.ts")


class Part(NamedTuple):
    """A file of the release: what it is, and its SHA-256 in hex."""

    body: bytes
    media_type: str
    sha256: str


@cache
def release() -> dict[str, Part]:
    """Every file of the app by its path below /field/, its service worker last."""
    found = dict(sorted(_files(files("ecoklit") / "web" / "field", "")))
    policies = {f"policies/{one.name}": one for one in data_path("events", "policies").iterdir()}
    found |= {path: _part(path, one.read_bytes()) for path, one in sorted(policies.items()) if path.endswith(".json")}
    worker = found.pop(WORKER)
    hashes = {path: part.sha256 for path, part in found.items()}
    version = hashlib.sha256(json.dumps(hashes).encode() + worker.body).hexdigest()[:16]
    head = f"const RELEASE = {json.dumps({'version': version, 'files': hashes}, indent=1)};\n"
    return {**found, WORKER: _part(WORKER, head.encode() + worker.body)}


def _files(folder: Traversable, above: str) -> Iterator[tuple[str, Part]]:
    for entry in folder.iterdir():
        path = f"{above}{entry.name}"
        if entry.is_dir():
            yield from _files(entry, f"{path}/")
        elif path.endswith(tuple(MEDIA_TYPES)) and not path.endswith(NOT_SERVED):
            yield path, _part(path, entry.read_bytes())


def _part(path: str, body: bytes) -> Part:
    return Part(body, MEDIA_TYPES[path[path.rindex(".") :]], hashlib.sha256(body).hexdigest())


@get("/field", audience=PUBLIC, include_in_schema=False)
async def entrance() -> Redirect:
    """The page, by the address that people type; what stands behind a # in a link stays there."""
    return Redirect(f"/field/{PAGE}", status_code=302)


@get("/field/{path:path}", audience=PUBLIC, include_in_schema=False)
async def part(request: Request[Any, Any, Any], path: FromPath[str]) -> Response[bytes]:
    """A file of the app."""
    found = release().get(path.lstrip("/"))
    if found is None:
        raise EcoklitError("not_found", "Nothing is here: /field/ is the officer's phone.")
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "ETag": f'"{found.sha256}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(b"", status_code=304, headers=headers)
    body, encoding = packed(found.body, request.headers.get("accept-encoding", ""))
    return Response(body, media_type=found.media_type, headers=headers | encoding)


ROUTES: Final = (entrance, part)
