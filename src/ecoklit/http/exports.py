"""Lists as files over HTTP: asked for, made meanwhile, and fetched file by file, also in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import JSONBody, Parameter, SkipValidation
from litestar.response import Stream

from ecoklit.bootstrap import House
from ecoklit.http.problems import problem_spec
from ecoklit.http.ranges import NotThere, Span, span_of
from ecoklit.http.reading import RESPONSES, digits
from ecoklit.ports import ExportFiles
from ecoklit.problems import ProblemError
from ecoklit.services.as_of import moment_in
from ecoklit.services.export import Export, Part
from ecoklit.services.exporting import Ask
from ecoklit.services.tables import ROLL, TABLES
from ecoklit.services.viewer import EXPORT, Viewer

AnyRequest = Request[Any, Any, Any]
OurHouse = NamedDependency[SkipValidation[House]]
By = NamedDependency[SkipValidation[Viewer]]
ExportId = Annotated[str, Parameter(description="The export's id", max_length=64)]

BYTES: Final = "application/octet-stream"
BLOCK_BYTES: Final = 1 << 18
_ID: Final = "0b7b8f0e-2d5c-4f5e-9d7e-0d4f7c1f9a51"
_HEX: Final = "4b" * 32
EXAMPLE: Final = {
    "export": _ID, "recipient": "siti", "area": "9404012001", "format": "xlsx", "codebook": "2024", "unmasked": False,
    "as_of": {"regency": "9404", "election": "pilkada-2024", "events": 1200, "persons": 1180}, "registry": 41,
    "asked_at": "2024-07-24T09:00:00Z", "state": "done", "rows": 1163, "uncoded": 0,
    "digest": _HEX, "list_digest": _HEX,
    "parts": [
        {
            "file": "A-DaftarPemilih_9404012001.xlsx", "area": "9404012001", "rows": 1163, "bytes": 81_204,
            "sha256": _HEX, "digest": _HEX, "list_digest": _HEX,
        }
    ],
}  # fmt: skip
_PROBLEMS: Final = RESPONSES | {
    400: problem_spec(400, "bad_argument, unknown_area, no_reason: what was sent is not as it must be"),
    403: problem_spec(
        403, "not_your_area, not_your_right, approval_needed, reading_locked: not this account, or not alone"
    ),
    404: problem_spec(404, "not_found, not_projected: this account has no such export"),
    416: problem_spec(416, "bad_range: the file ends before"),
    503: problem_spec(503, "exports_busy, database_unavailable: ask again after Retry-After"),
}


class ExportBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which lists, in which form, and why (10 to 200 characters: it stands in the read log).

    `what`: the voters' lists (roll), or another list as one table. `as_of`: a position of the journal, or a time with
    its offset; of now unless given.
    """

    area: Annotated[str, msgspec.Meta(max_length=32)]
    format: Annotated[str, msgspec.Meta(pattern="^(csv|xlsx|parquet|arrow|pdf)$")]
    reason: Annotated[str, msgspec.Meta(max_length=1024)]
    codebook: Annotated[str, msgspec.Meta(max_length=16)] = "2024"
    unmasked: bool = False
    what: Annotated[str, msgspec.Meta(pattern=f"^({'|'.join((ROLL, *TABLES))})$")] = ROLL
    as_of: Annotated[str, msgspec.Meta(max_length=32)] | None = None


def _shown(status: int, about: str, *more: int) -> dict[int, ResponseSpec]:
    spec = ResponseSpec(Export, description=about, generate_examples=False, examples=[Example(value=EXAMPLE)])
    return {status: spec} | {one: _PROBLEMS[one] for one in (400, 401, 403, 404, 429, 503, *more)}


def _bytes(about: str) -> ResponseSpec:
    said = [Example(value="NKK,NIK,Nama,…", description="Bytes, of the format that was asked for")]
    return ResponseSpec(bytes, description=about, generate_examples=False, examples=said, media_type=BYTES)


@post(
    "/v1/exports",
    audience=EXPORT,
    status_code=202,
    summary="Ask for lists as files",
    responses=_shown(202, "It is being made: Location says where to look"),
)
async def ask_export(house: OurHouse, viewer: By, data: JSONBody[ExportBody]) -> Response[Export]:
    """Have the lists of an area made into files, as of now or of an earlier moment. Beyond 600 voters a second person
    has to grant it."""
    at = None if data.as_of is None else moment_in(data.as_of)
    ask = Ask(digits(data.area), data.format, data.codebook, data.unmasked, data.reason, data.what, at)
    export = await house.exports.ask(viewer, ask)
    return Response(export, headers={"Location": f"/v1/exports/{export.export}"})


@get("/v1/exports/{export:str}", audience=EXPORT, summary="How far an export is", responses=_shown(200, "The export"))
async def find_export(house: OurHouse, viewer: By, export: ExportId) -> Export:
    """An export of one's own: how far it is, and its files. Files are kept for seven days."""
    return await house.exports.find(viewer, export)


@get(
    "/v1/exports/{export:str}/files/{name:str}",
    audience=EXPORT,
    summary="Fetch a file",
    media_type=BYTES,
    response_headers=[
        ResponseHeader(name="Accept-Ranges", documentation_only=True, description="bytes: a broken download goes on"),
        ResponseHeader(name="ETag", documentation_only=True, description="The file's SHA-256: send it as If-Range"),
    ],
    responses={
        200: _bytes("The file"),
        206: _bytes("The part that Range asks for"),
        **{one: _PROBLEMS[one] for one in (400, 401, 403, 404, 416, 429, 503)},
    },
)
async def fetch_file(
    request: AnyRequest,
    house: OurHouse,
    viewer: By,
    export: ExportId,
    name: Annotated[str, Parameter(description="As the export names it", max_length=128)],
) -> Stream:
    """A file of an export, whole or from where a download broke off (Range)."""
    part, files = await house.exports.file(viewer, export, name)
    span = _span(request, part)
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{part.sha256}"',
        "Content-Disposition": f'attachment; filename="{part.file}"',
        "Content-Length": str((span or Span(0, part.bytes)).end - (span or Span(0, part.bytes)).start),
    }
    if span is not None:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{part.bytes}"
    return Stream(
        _blocks(files, part.file, span or Span(0, part.bytes)),
        status_code=200 if span is None else 206,
        media_type=BYTES,
        headers=headers,
    )


def _span(request: AnyRequest, part: Part) -> Span | None:
    """What is asked for of the file; the whole when what somebody has of it is of another one."""
    if request.headers.get("if-range", f'"{part.sha256}"') != f'"{part.sha256}"':
        return None
    try:
        return span_of(request.headers.get("range"), part.bytes)
    except NotThere:
        length = {"Content-Range": f"bytes */{part.bytes}"}
        says = f"The file has {part.bytes} bytes: ask for some of them."
        raise ProblemError("bad_range", HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, says, length) from None


async def _blocks(files: ExportFiles, name: str, span: Span) -> AsyncIterator[bytes]:
    at = span.start
    while at < span.end and (block := await asyncio.to_thread(files.read, name, at, min(BLOCK_BYTES, span.end - at))):
        at += len(block)
        yield block


ROUTES: Final = (ask_export, find_export, fetch_file)
