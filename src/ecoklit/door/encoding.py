"""Content-Encoding: a body as it came, and as it was meant, never larger than allowed. The same over both doors."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from ecoklit.limits import ZSTD_WINDOW_LOG_MAX
from ecoklit.problems import ProblemError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP_BITS: Final = 16 + zlib.MAX_WBITS  # a gzip header and trailer, the largest window
ACCEPTED: Final = "gzip, zstd"
GZIP_LEVEL: Final = 4  # beyond it a page takes twice the time and gets 2 % smaller
ZSTD_LEVEL: Final = 3


def decoded(body: bytes, encoding: str, bytes_max: int) -> bytes:
    """`body` without its `encoding` (the header's value).

    Raises ProblemError unsupported_media_type, bad_encoding, or too_large as soon as more than `bytes_max` come out:
    what a bomb would unpack to is never unpacked.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    decode = _DECODERS.get(name)
    if decode is None:
        raise ProblemError(
            "unsupported_media_type",
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"A body is sent plain or with one encoding of {ACCEPTED}: send it so.",
            {"Accept-Encoding": ACCEPTED},
        )
    plain, is_whole = decode(body, bytes_max)
    if len(plain) > bytes_max:
        raise ProblemError(
            "too_large",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The body is more than {bytes_max} bytes when it is unpacked: send less at once.",
        )
    if not is_whole:
        raise ProblemError("bad_encoding", HTTPStatus.BAD_REQUEST, _broken(name))
    return plain


def packed(body: bytes, accepted: str) -> tuple[bytes, dict[str, str]]:
    """`body` in the best encoding that the caller accepts (its Accept-Encoding), and the headers that say so."""
    names = {name.partition(";")[0].strip().lower() for name in accepted.split(",") if not _is_refused(name)}
    if "zstd" in names:
        return zstd.compress(body, ZSTD_LEVEL), {"Content-Encoding": "zstd", "Vary": "Accept-Encoding"}
    if "gzip" in names:
        return gzip.compress(body, GZIP_LEVEL, mtime=0), {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return body, {"Vary": "Accept-Encoding"}


def _is_refused(name: str) -> bool:
    return name.partition(";")[2].replace(" ", "") in ("q=0", "q=0.0", "q=0.00", "q=0.000")


def _gunzip(body: bytes, bytes_max: int) -> tuple[bytes, bool]:
    decoder = zlib.decompressobj(GZIP_BITS)
    try:
        plain = decoder.decompress(body, bytes_max + 1)
    except zlib.error:
        return b"", False
    return plain, decoder.eof and not decoder.unused_data


def _unzstd(body: bytes, bytes_max: int) -> tuple[bytes, bool]:
    decoder = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG_MAX})
    try:
        plain = decoder.decompress(body, max_length=bytes_max + 1)
        declared = zstd.get_frame_info(body).decompressed_size
    except zstd.ZstdError:
        return b"", False
    # Taken by parts, the library does not hold a frame to the size that it declares.
    return plain, decoder.eof and not decoder.unused_data and declared in (None, len(plain))


_DECODERS: Final[dict[str, Callable[[bytes, int], tuple[bytes, bool]]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "zstd": _unzstd,
}


def _broken(name: str) -> str:
    return f"The body is not one whole {name} stream: it was cut or changed on its way; send it again."
