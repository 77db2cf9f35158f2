"""Every refusal as a problem (RFC 9457) with a stable `code` (SPEC §7.4): the same over HTTP and over NATS."""

import math
import random
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from ecoklit.core.admission import Refused
from ecoklit.errors import EcoklitError
from ecoklit.limits import RETRY_SECONDS, RETRY_SECONDS_MAX

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER: Final = "Retry-After"

STATUS_OF: Final[dict[str, HTTPStatus]] = {
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "malformed": HTTPStatus.BAD_REQUEST,
    "wrong_election": HTTPStatus.CONFLICT,
    "unknown_device": HTTPStatus.FORBIDDEN,
    "bad_signature": HTTPStatus.FORBIDDEN,
    "equivocation": HTTPStatus.CONFLICT,
    "gap": HTTPStatus.CONFLICT,
    "broken_chain": HTTPStatus.CONFLICT,
    "bad_argument": HTTPStatus.BAD_REQUEST,
    "unknown_area": HTTPStatus.BAD_REQUEST,
    "unknown_voter": HTTPStatus.BAD_REQUEST,
    "not_projected": HTTPStatus.NOT_FOUND,
    "not_found": HTTPStatus.NOT_FOUND,
    "unknown_stage": HTTPStatus.NOT_FOUND,
    "stage_unreadable": HTTPStatus.CONFLICT,
    "nonce_needed": HTTPStatus.UNAUTHORIZED,
    "not_entitled": HTTPStatus.FORBIDDEN,
    "reading_locked": HTTPStatus.FORBIDDEN,
    "not_installed": HTTPStatus.BAD_REQUEST,
    "approval_needed": HTTPStatus.FORBIDDEN,
    "forged_request": HTTPStatus.FORBIDDEN,
    "bad_password": HTTPStatus.BAD_REQUEST,
    "bad_login": HTTPStatus.BAD_REQUEST,
    "bad_account": HTTPStatus.BAD_REQUEST,
    "no_reason": HTTPStatus.BAD_REQUEST,
    "unknown_approval": HTTPStatus.NOT_FOUND,
    "own_approval": HTTPStatus.CONFLICT,
    "own_account": HTTPStatus.CONFLICT,
    "login_taken": HTTPStatus.CONFLICT,
    "unknown_account": HTTPStatus.NOT_FOUND,
    "answered_before": HTTPStatus.CONFLICT,
    "not_your_area": HTTPStatus.FORBIDDEN,
    "not_your_right": HTTPStatus.FORBIDDEN,
    "no_nkey": HTTPStatus.NOT_FOUND,
    "bad_nkey": HTTPStatus.NOT_FOUND,
    "no_broker": HTTPStatus.NOT_FOUND,
    "no_oidc": HTTPStatus.NOT_FOUND,
    "oidc_code": HTTPStatus.FORBIDDEN,
    "oidc_denied": HTTPStatus.FORBIDDEN,
    "oidc_state": HTTPStatus.FORBIDDEN,
    "oidc_no_account": HTTPStatus.FORBIDDEN,
    "oidc_algorithm": HTTPStatus.FORBIDDEN,
    "oidc_key": HTTPStatus.FORBIDDEN,
    "oidc_signature": HTTPStatus.FORBIDDEN,
    "oidc_issuer": HTTPStatus.FORBIDDEN,
    "oidc_audience": HTTPStatus.FORBIDDEN,
    "oidc_expired": HTTPStatus.FORBIDDEN,
    "oidc_nonce": HTTPStatus.FORBIDDEN,
    "oidc_acr": HTTPStatus.FORBIDDEN,
    "oidc_subject": HTTPStatus.FORBIDDEN,
    "oidc_insecure": HTTPStatus.FORBIDDEN,
}
"""By the stable code of an error. Every other named error is of a part that is away, and the caller comes again."""


class Problem(msgspec.Struct):
    """A problem (RFC 9457): what went wrong, and what to do. Tell problems apart by `code`."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    expected: int | UnsetType = UNSET


class ProblemError(EcoklitError):
    """An answer of a door itself, before a service was asked: by its code, with its status and headers."""

    def __init__(self, code: str, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code, message)
        self.status = status
        self.headers = dict(headers or {})


def problem_of(error: EcoklitError) -> Problem:
    """What `error` is to whoever asked."""
    if isinstance(error, ProblemError):
        return named(error.code, error.status, error.message)
    status = STATUS_OF.get(error.code, HTTPStatus.SERVICE_UNAVAILABLE)
    expected = error.expected if isinstance(error, Refused) and error.expected is not None else UNSET
    return named(error.code, status, error.message, expected)


def headers_of(error: EcoklitError) -> dict[str, str]:
    """The headers that the problem goes out with: when to come again, or what would be taken."""
    if isinstance(error, ProblemError):
        return error.headers
    if problem_of(error).status == HTTPStatus.SERVICE_UNAVAILABLE:
        return retry_after(RETRY_SECONDS)
    return {}


def retry_after(wait_seconds: float) -> dict[str, str]:
    """The header: at least `wait_seconds`, and up to twice as long, so that those who wait come back apart."""
    shortest = max(1.0, wait_seconds)
    # Chance of no consequence: it only spreads those who wait.
    return {RETRY_AFTER: str(min(RETRY_SECONDS_MAX, math.ceil(random.uniform(shortest, 2 * shortest))))}


def named(code: str, status: int, detail: str, expected: int | UnsetType = UNSET) -> Problem:
    """The problem `code`, titled as its status is."""
    return Problem("about:blank", HTTPStatus(status).phrase, status, code, detail, expected)


def fault() -> Problem:
    """An error of ours that nobody foresaw. It is never quoted: its text can hold a voter's particulars."""
    return named("fault", HTTPStatus.INTERNAL_SERVER_ERROR, FAULT)


FAULT: Final = "The service has a fault: nothing stored is lost. Its log names it."
