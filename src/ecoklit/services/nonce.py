"""Nonces that the service need not remember: each carries its own end, and a mark that only the service can make.

A signed request is good for as long as its nonce. Within that time whoever overhears one may send it again, and is
given what its signer was: so it goes over TLS, and it only reads.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from ecoklit.core import ids

NONCE_SECONDS_MAX: Final = 300
"""A phone on a bad network needs a minute, and a stolen request dies soon."""

END_BYTES: Final = 8
MARK_BYTES: Final = 16


class Nonces:
    """The nonces of one service. Several processes of it share `secret`; `now` gives Unix seconds."""

    def __init__(self, secret: bytes, now: Callable[[], float], seconds_max: int = NONCE_SECONDS_MAX) -> None:
        self._secret = hmac.digest(secret, b"ecoklit-nonce-v1", hashlib.sha256)
        self._now = now
        self._seconds_max = seconds_max

    def issue(self) -> str:
        """A nonce that is fresh for `seconds_max`."""
        end = (int(self._now()) + self._seconds_max).to_bytes(END_BYTES, "big")
        return ids.to_base64url(end + self._mark(end))

    def is_fresh(self, nonce: str) -> bool:
        """Whether this service issued `nonce`, not too long ago."""
        try:
            raw = ids.from_base64url(nonce)
        except ValueError:
            return False
        end, mark = raw[:END_BYTES], raw[END_BYTES:]
        return hmac.compare_digest(mark, self._mark(end)) and int.from_bytes(end, "big") >= self._now()

    def _mark(self, end: bytes) -> bytes:
        return hmac.digest(self._secret, end, hashlib.sha256)[:MARK_BYTES]
