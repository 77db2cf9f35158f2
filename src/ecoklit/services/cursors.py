"""Cursors: where a page of a list ended, for the next one to go on from.

What a list is ordered by can be a name, and a cursor stands in addresses, which logs keep: so it is sealed, and nobody
but the service reads it or makes one. Sealing is deterministic (RFC 5297): one page has one cursor, whoever asks.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from ecoklit.core import ids
from ecoklit.errors import EcoklitError

CURSOR_CHARACTERS_MAX: Final = 2048


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The place of a page's last row in the order of its list, and the moment that the first page was of.

    `question` tells what was asked, so that no answer goes on from another's place.
    """

    question: str
    generation: str
    revision: int
    events: int
    after: tuple[Any, ...]


class Cursors:
    """Seals cursors under a service's `secret`, which its processes share."""

    def __init__(self, secret: bytes) -> None:
        self._box = AESSIV(hmac.digest(secret, b"ecoklit-cursor-v1", hashlib.sha512))

    def seal(self, cursor: Cursor) -> str:
        return ids.to_base64url(self._box.encrypt(msgspec.json.encode(cursor), None))

    def open(self, text: str, question: str) -> Cursor:
        """The cursor of a page of this very question. Raises EcoklitError bad_argument."""
        try:
            if len(text) > CURSOR_CHARACTERS_MAX:
                raise ValueError
            sealed = ids.from_base64url(text)
            cursor = msgspec.json.decode(self._box.decrypt(sealed, None), type=Cursor)
        except (ValueError, InvalidTag, msgspec.DecodeError):
            raise EcoklitError(
                "bad_argument", "cursor is none that a page of ours gave: leave it out to begin anew."
            ) from None
        if cursor.question != question:
            raise EcoklitError(
                "bad_argument",
                "cursor is of another question: ask on with the same area and parameters, or leave it out.",
            )
        return cursor
