"""Every answer that is no success, as a problem (RFC 9457) over HTTP."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from msgspec import UNSET, UnsetType

from ecoklit.errors import EcoklitError
from ecoklit.http.examples import PROBLEM
from ecoklit.limits import RETRY_SECONDS
from ecoklit.problems import FAULT, MEDIA_TYPE, Problem, headers_of, named, problem_of, retry_after

CODE_OF: Final[dict[int, str]] = {
    400: "bad_argument",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}


WATCHED: Final = frozenset(
    {"not_signed_in", "locked_out", "not_your_area", "not_your_right", "forged_request", "reading_locked"}
)
"""Refusals that the log keeps: whoever was refused, by id, and not about whom or where."""


def problem(
    code: str, status: int, detail: str, *, expected: int | UnsetType = UNSET, headers: Mapping[str, str] | None = None
) -> Response[Problem]:
    """The answer for one problem; a caller that is to come again is told when."""
    wait = retry_after(RETRY_SECONDS) if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Response(
        named(code, status, detail, expected),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**wait, **(headers or {})},
    )


def problem_spec(status: int, why: str) -> ResponseSpec:
    """A problem for the document: `why` begins with its codes. The example is of the first."""
    code = why.partition(":")[0].partition(",")[0]
    example = PROBLEM | {"status": status, "title": HTTPStatus(status).phrase, "code": code}
    return ResponseSpec(
        Problem,
        description=why,
        media_type="application/problem+json",
        generate_examples=False,
        examples=[Example(value=example)],
    )


def on_named_error(request: Request[Any, Any, Any], error: EcoklitError) -> Response[Problem]:
    known = problem_of(error)
    if known.code in WATCHED or known.code.startswith("oidc_"):
        structlog.get_logger().warning("refused", code=known.code, route=_route(request), account=_account(request))
    return Response(known, status_code=known.status, media_type=MEDIA_TYPE, headers=headers_of(error))


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    status = error.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_fault(request, error)
    return problem(CODE_OF.get(status, "bad_request"), status, _detail(error), headers=_headers(error))


def on_fault(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    # Neither the answer nor the log may quote the error: its text can hold a voter's particulars.
    structlog.get_logger().error("fault", route=_route(request), error=type(error).__name__)
    return problem("fault", 500, FAULT)


def _detail(error: HTTPException) -> str:
    if isinstance(error, ValidationException):
        named = [f"{item['key']}: {item['message']}" for item in error.extra or () if isinstance(item, dict)]
        return "; ".join(named) or "The request is not of the form that this route reads."
    return _DETAILS.get(error.status_code, error.detail)


def _headers(error: HTTPException) -> dict[str, str]:
    return dict(error.headers or {})


def _account(request: Request[Any, Any, Any]) -> str | None:
    signed = request.scope.get("state", {}).get("signed")
    return None if signed is None else str(signed.viewer.account)


def _route(request: Request[Any, Any, Any]) -> str:
    """The route as it is written in the program, without what stood in it."""
    handler = request.scope.get("route_handler")
    return str(handler) if handler is not None else "none"


_DETAILS: Final = {
    404: "Nothing is here: /openapi.json lists every path.",
    405: "This path has other methods: the Allow header names them.",
}
