"""What a service's problem (RFC 9457) means to a phone: the same over every transport (SPEC §7.4)."""

from __future__ import annotations

from typing import Final

import msgspec

from ecoklit.core.admission import REFUSALS, Refused
from ecoklit.errors import EcoklitError
from ecoklit.field.transport import NonceNeeded
from ecoklit.field.trouble import Away, NotEntitled, TryLater, WrongService

RETRY_SECONDS: Final = 5.0
RETRY_SECONDS_MAX: Final = 3600.0
"""The longest that a phone believes it must wait: whoever answers may be somebody who would have it wait for ever."""
_BUSY: Final = (429, 502, 503, 504)
_MORE_REFUSALS: Final = ("bad_argument", "unknown_area", "too_slow")
_PASSING: Final = ("not_projected", "bad_encoding")
"""Not folded yet, and changed on its way: the same again is right."""

_NO_CREDENTIALS: Final = ("no_nkey", "bad_nkey", "no_broker")


class Problem(msgspec.Struct):
    """The members of a problem that a phone reads; empty where what came was none."""

    code: str = ""
    detail: str = ""
    expected: int | None = None


def read_problem(body: bytes) -> Problem:
    """The problem in `body`; an empty one where there is none."""
    try:
        return msgspec.json.decode(body, type=Problem)
    except (ValueError, EOFError):
        return Problem()


def named(problem: Problem, status: int, where: str, *, retry_after: str | None, nonce: str) -> Exception:
    """The exception for an answer of `status` from `where`, as `Transport` names them."""
    if problem.code in (*REFUSALS, *_MORE_REFUSALS):
        return Refused(problem.code, problem.detail, problem.expected)
    if problem.code == "nonce_needed":
        return NonceNeeded(nonce)
    if problem.code == "not_entitled":
        return NotEntitled(problem.detail)
    if problem.code in _NO_CREDENTIALS:
        return EcoklitError(problem.code, problem.detail)
    if status in _BUSY or problem.code in _PASSING:
        sentence = problem.detail or f"{where} is busy: everything is kept here."
        return TryLater(problem.code or "busy", sentence, _seconds(retry_after))
    if status >= 500:
        return Away(f"{where} has a fault ({status}): everything is kept here; sync again later.")
    return WrongService(f"{where} is no service of ecoklit (it answers {status}): mend the address.")


def _seconds(header: str | None) -> float:
    # A date is allowed there too; a phone's clock may be wrong by years, so it is not read.
    try:
        seconds = float(header) if header else RETRY_SECONDS
    except ValueError:
        return RETRY_SECONDS
    return min(seconds, RETRY_SECONDS_MAX) if seconds >= 0 else RETRY_SECONDS  # not a number is at least nothing
