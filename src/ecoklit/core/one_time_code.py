"""One-time codes of an authenticator app (RFC 6238): 6 digits, 30 seconds, SHA-1, which all of them know."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

SECRET_BYTES: Final = 20
DIGITS: Final = 6
STEP_SECONDS: Final = 30
STEPS_ASIDE: Final = 1
"""A phone's clock may be half a minute off."""


def step_of(unix_seconds: float) -> int:
    return int(unix_seconds) // STEP_SECONDS


def code_at(secret: bytes, step: int) -> str:
    return HOTP(secret, DIGITS, SHA1()).generate(step).decode()


def matching_step(secret: bytes, code: str, unix_seconds: float) -> int | None:
    """The time step that `code` is of, at most one aside from now; None when it is of none. Each is to be used once."""
    now, found = step_of(unix_seconds), None
    for step in range(max(0, now - STEPS_ASIDE), now + STEPS_ASIDE + 1):
        # All of them, whichever matches: how long it takes tells nothing.
        if bytes_eq(code_at(secret, step).encode(), code.encode("utf-8", "replace")):
            found = step
    return found
