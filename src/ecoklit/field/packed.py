"""An answer as it came, unpacked to no more bytes than a phone has room for."""

from __future__ import annotations

import zlib
from typing import Final

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
"""Far above a page of events; without a bound a wrong address could fill a phone."""


def unpacked(body: bytes, encoding: str | None) -> bytes:
    """The answer itself. Raises ValueError when it was cut off, is too large, or is not in that encoding."""
    if encoding == "gzip":
        packed, reader = body, zlib.decompressobj(wbits=31)
        try:
            body = reader.decompress(packed, ANSWER_BYTES_MAX)
        except zlib.error as error:
            raise ValueError("the answer is no gzip") from error
        if not reader.eof:
            raise ValueError("the answer was cut off, or is too large")
    if len(body) > ANSWER_BYTES_MAX:
        raise ValueError("the answer is too large")
    return body
