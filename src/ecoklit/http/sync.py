"""For phones and whoever carries their logs: a push in, a receipt out (SPEC §7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from litestar import post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import RawBody, SkipValidation

from ecoklit.core.limits import PUSH_BYTES_MAX
from ecoklit.http.problems import Problem, UnsupportedMediaType
from ecoklit.ports import Receipt, Service

NDJSON: Final = "application/x-ndjson"


async def demand_ndjson(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    content_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != NDJSON:
        raise UnsupportedMediaType(f"A push is {NDJSON}, one wire line for each event: send it so.")


@dataclass
class PushOperation(Operation):
    """The document's words on a body that the framework hands over as raw bytes."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            content={NDJSON: OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))},
            description="Consecutive events of one device, one wire line (SPEC §1) each.",
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
            400: "malformed",
            403: "unknown_device or bad_signature",
            409: "wrong_election, equivocation, gap (expected names the seq to send from) or broken_chain",
            413: "too_large",
            415: "unsupported_media_type",
            503: "The journal is away, busy or full: send the push again after Retry-After.",
        }.items()
    },
)
async def push(service: NamedDependency[SkipValidation[Service]], body: RawBody) -> Receipt:
    """Take a push whole or not at all. The receipt says that the log is held, durably; again changes nothing."""
    return await service.push(body)
