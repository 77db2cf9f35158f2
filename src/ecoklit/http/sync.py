"""For phones and whoever carries their logs: a push in, a receipt out (SPEC §7)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import HeaderParameter, QueryParameter
from litestar.types import ASGIApp

from ecoklit.core.receipt import Receipt
from ecoklit.door.encoding import ACCEPTED, packed
from ecoklit.door.gate import Gate
from ecoklit.http.address import address_of
from ecoklit.http.auth import PHONE, PUBLIC
from ecoklit.http.examples import RECEIPT
from ecoklit.http.problems import problem_spec
from ecoklit.http.push import NDJSON, NONCE_HEADER, PushRoute
from ecoklit.limits import PAGE_VOTERS_MAX, REGISTRY_PAGE_LINES_MAX
from ecoklit.ports import RegistryJournal
from ecoklit.problems import ProblemError
from ecoklit.services.pull import NonceNeeded, Pull, Puller

AnyRequest = Request[Any, Any, Any]


class ReceiptLine(msgspec.Struct):
    """What the service answers for, and its signature over the bytes of `receipt` (SPEC §7.9)."""

    receipt: Receipt
    service: str
    signature: str


@dataclass
class PushOperation(Operation):
    """The document's words on a body that is read here, as raw bytes."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            content={NDJSON: OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))},
            description="One push (SPEC §7.1): consecutive events of one device, one wire line each, and its signed "
            f"head; plain or with Content-Encoding {ACCEPTED}.",
            required=True,
        )


@post(
    "/v1/push",
    audience=PHONE,
    status_code=200,
    operation_class=PushOperation,
    responses={
        200: ResponseSpec(
            ReceiptLine, description="The receipt", generate_examples=False, examples=[Example(value=RECEIPT)]
        )
    }
    | {
        status: problem_spec(status, why)
        for status, why in {
            400: "malformed, or bad_encoding: the body was cut or changed on its way",
            403: "unknown_device, bad_signature",
            408: "too_slow: send smaller pushes",
            409: "wrong_election, equivocation, gap (expected names the seq to send from) or broken_chain",
            413: "too_large",
            415: "unsupported_media_type",
            429: "too_many: send it again after Retry-After",
            503: "journal_unavailable, journal_busy, journal_full, service_busy: send it again after Retry-After",
        }.items()
    },
)
async def push(request: AnyRequest) -> ASGIApp:
    """Take a push whole or not at all. The receipt says that the log is held, durably; again changes nothing."""
    pushes: PushRoute = request.app.state.pushes  # which answers by itself what comes by its plain path
    return pushes.answer


def address_asking(request: AnyRequest) -> str | None:
    return address_of(request.client.host if request.client else None, request.headers.get("x-forwarded-for"))


def fresh_nonce(request: AnyRequest) -> dict[str, str]:
    """The nonce that the next pull may be signed with: every answer of this door brings one."""
    puller: Puller = request.app.state.puller
    return {NONCE_HEADER: puller.nonces.issue()}


_PRIVATE: Final = {"Cache-Control": "no-store"}


_LINES: Final = {
    200: ResponseSpec(
        str,
        description="Lines of JSON",
        media_type=NDJSON,
        generate_examples=False,
        examples=[Example(value='{"event":{"device":"w7dy3m2c5aq4ko6t","seq":17}}\n')],
    )
}


@get(
    "/v1/pull",
    audience=PHONE,
    media_type=NDJSON,
    responses=_LINES
    | {
        status: problem_spec(status, why)
        for status, why in {
            400: "unknown_area, bad_argument: tps is none of this regency, or cursor none that a page gave",
            401: "nonce_needed: sign with the nonce of the Ecoklit-Nonce header and ask again",
            403: "unknown_device, bad_signature or not_entitled",
            404: "not_projected: pull again later",
            429: "too_many: ask again after Retry-After",
            503: "database_unavailable, journal_unavailable: ask again after Retry-After.",
        }.items()
    },
)
async def pull(
    request: AnyRequest,
    tps: Annotated[str, QueryParameter(description="13 digits", max_length=32)],
    device: Annotated[str, HeaderParameter(name="Ecoklit-Device", description="Who asks", max_length=16)],
    signature: Annotated[
        str, HeaderParameter(name="Ecoklit-Signature", description="The device's, as of SPEC §7.11", max_length=86)
    ],
    nonce: Annotated[str, HeaderParameter(name=NONCE_HEADER, description="From an earlier answer", max_length=64)] = "",
    cursor: Annotated[
        str, QueryParameter(description="Of the page before; none at the beginning", max_length=128)
    ] = "",
    limit: Annotated[int, QueryParameter(description="Voters on the page at most", ge=1, le=10**6)] = PAGE_VOTERS_MAX,
) -> Response[bytes]:
    """The history of every voter that was ever placed on a TPS, since `cursor`: events, standings, the page line."""
    puller: Puller = request.app.state.puller
    gate: Gate = request.app.state.gate
    with gate.entered(address_asking(request)):
        try:
            page = await puller.pull(Pull(device, nonce, signature, tps, cursor, limit))
        except NonceNeeded as needed:
            raise ProblemError(needed.code, HTTPStatus.UNAUTHORIZED, needed.message, fresh_nonce(request)) from None
        body, headers = packed(page, request.headers.get("accept-encoding", ""))
    return Response(body, media_type=NDJSON, headers=headers | fresh_nonce(request) | _PRIVATE)


@get(
    "/v1/registry",
    audience=PUBLIC,
    media_type=NDJSON,
    responses=_LINES
    | {
        status: problem_spec(status, why)
        for status, why in {
            400: "bad_argument",
            429: "too_many: ask again after Retry-After",
            503: "journal_unavailable: ask again after Retry-After.",
        }.items()
    },
)
async def registry(
    request: AnyRequest,
    after: Annotated[int, QueryParameter(description="The position that is known", ge=0, le=2**53 - 1)] = 0,
) -> Response[bytes]:
    """The registry's lines beyond a position, in order: the first has position `after` + 1. It names no voter.

    At most a thousand; an empty answer says that there are no more.
    """
    journal: RegistryJournal = request.app.state.registry
    gate: Gate = request.app.state.gate
    with gate.entered(address_asking(request)):
        lines = await journal.read(after, REGISTRY_PAGE_LINES_MAX)
        ndjson = b"".join(line.payload + b"\n" for line in lines)
        body, headers = packed(ndjson, request.headers.get("accept-encoding", ""))
    return Response(body, media_type=NDJSON, headers=headers | fresh_nonce(request))
