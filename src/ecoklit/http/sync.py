"""For phones and whoever carries their logs: a push in, a receipt out (SPEC §7)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import SkipValidation

from ecoklit.core.ids import is_device
from ecoklit.core.limits import PUSH_BYTES_MAX
from ecoklit.http.encoding import ACCEPTED, decoded
from ecoklit.http.gate import Gate, address_of
from ecoklit.http.limits import BODY_SECONDS_MAX
from ecoklit.http.problems import ProblemError, UnsupportedMediaType
from ecoklit.ports import Service
from ecoklit.problems import Problem

NDJSON: Final = "application/x-ndjson"
AnyRequest = Request[Any, Any, Any]


async def demand_ndjson(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    content_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != NDJSON:
        raise UnsupportedMediaType(f"A push is {NDJSON}, one line for each event: send it so.")


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
    status_code=200,
    request_max_body_size=PUSH_BYTES_MAX,
    operation_class=PushOperation,
    guards=[demand_ndjson],
    responses={
        status: ResponseSpec(Problem, description=why, media_type="application/problem+json")
        for status, why in {
            400: "malformed, or bad_encoding: the body was cut or changed on its way",
            403: "unknown_device or bad_signature",
            408: "too_slow: send smaller pushes",
            409: "wrong_election, equivocation, gap (expected names the seq to send from) or broken_chain",
            413: "too_large",
            415: "unsupported_media_type",
            429: "too_many: send it again after Retry-After",
            503: "The journal is away, busy or full, or many are pushing: send the push again after Retry-After.",
        }.items()
    },
)
async def push(
    request: AnyRequest,
    service: NamedDependency[SkipValidation[Service]],
    gate: NamedDependency[SkipValidation[Gate]],
) -> bytes:
    """Take a push whole or not at all. The receipt says that the log is held, durably; again changes nothing."""
    address = address_of(request.client.host if request.client else None, request.headers.get("x-forwarded-for"))
    with gate.entered(address):
        sent = await read_body(request)
        gate.weigh(address, len(sent))
        body = decoded(sent, request.headers.get("content-encoding", ""), PUSH_BYTES_MAX)
        device = device_of(body)
        gate.demand_device(device)
        receipt = await service.push(body)
        if device is not None:
            # Only now is it known to be the device's own: a stranger's forgery costs the device nothing.
            gate.devices.charge(device)
        return receipt


async def read_body(request: AnyRequest) -> bytes:
    """The body as it came. Raises ProblemError too_slow."""
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await request.body()
    except TimeoutError:
        raise ProblemError(
            "too_slow",
            HTTPStatus.REQUEST_TIMEOUT,
            f"The body took more than {BODY_SECONDS_MAX:.0f} seconds to arrive: send smaller pushes.",
        ) from None


_HEAD: Final = b'{"head":{"device":"'
_DEVICE_CHARACTERS: Final = 16


def device_of(body: bytes) -> str | None:
    """The device that the push says it is of, read at a glance from the head line that ends it."""
    at = body.rfind(_HEAD)
    name = body[at + len(_HEAD) : at + len(_HEAD) + _DEVICE_CHARACTERS].decode("ascii", "replace") if at >= 0 else ""
    return name if is_device(name) else None
