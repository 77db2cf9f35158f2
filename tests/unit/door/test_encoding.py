"""Bodies as they come: plain, packed, cut, changed, and bombs."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from backports import zstd

from ecoklit.door.encoding import decoded
from ecoklit.problems import ProblemError

BODY = b'{"event":{}}\n' * 500
MAX = 900_000


def code_of(body: bytes, encoding: str, bytes_max: int = MAX) -> str:
    with pytest.raises(ProblemError) as refused:
        decoded(body, encoding, bytes_max)
    return refused.value.code


def test_plain_gzip_and_zstd_are_one_body() -> None:
    """A body is the same whichever way it was packed; names of encodings have no case."""
    assert decoded(BODY, "", MAX) == decoded(BODY, "identity", MAX) == BODY
    assert decoded(gzip.compress(BODY), " GZip ", MAX) == BODY
    assert decoded(zstd.compress(BODY), "zstd", MAX) == BODY
    assert decoded(gzip.compress(b""), "gzip", MAX) == b""


@pytest.mark.parametrize("bytes_max", [len(BODY) - 1, len(BODY)])
@pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "gzip"), (zstd.compress, "zstd")])
def test_the_bound_is_of_what_comes_out(pack: object, name: str, bytes_max: int) -> None:
    """A body of exactly the bound is taken, and one byte more is too_large."""
    packed = pack(BODY)  # type: ignore[operator]
    if bytes_max == len(BODY):
        assert decoded(packed, name, bytes_max) == BODY
    else:
        assert code_of(packed, name, bytes_max) == "too_large"


@pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "gzip"), (zstd.compress, "zstd")])
def test_a_bomb_is_never_unpacked(pack: object, name: str) -> None:
    """What would unpack to 200 MB is refused before it has taken 12."""
    bomb = pack(bytes(200_000_000))  # type: ignore[operator]
    assert len(bomb) < 250_000
    tracemalloc.start()
    try:
        assert code_of(bomb, name) == "too_large"
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "gzip"), (zstd.compress, "zstd")])
def test_what_was_cut_or_changed_is_named(pack: object, name: str) -> None:
    """A stream that is cut anywhere, has a flipped byte, is followed by more, or is none at all, is bad_encoding."""
    packed = pack(BODY)  # type: ignore[operator]
    for end in range(len(packed)):
        assert code_of(packed[:end], name) == "bad_encoding"
    flipped = bytes([packed[0] ^ 1]) + packed[1:]
    for body in (flipped, packed + b"x", packed + packed, BODY, b""):
        assert code_of(body, name) == "bad_encoding"


def test_a_changed_gzip_body_does_not_pass_its_checksum() -> None:
    """A bit that flips inside the stream is found, although the stream has its whole length."""
    packed = bytearray(gzip.compress(BODY, compresslevel=0))
    packed[len(packed) // 2] ^= 1
    assert code_of(bytes(packed), "gzip") == "bad_encoding"


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "gzip,", "*", "gzip\0"])
def test_other_encodings_are_refused_by_name(encoding: str) -> None:
    """Any other encoding, or two of them, is unsupported_media_type, and the answer names those that are not."""
    with pytest.raises(ProblemError) as refused:
        decoded(BODY, encoding, MAX)
    assert (refused.value.code, refused.value.status) == ("unsupported_media_type", 415)
    assert refused.value.headers == {"Accept-Encoding": "gzip, zstd"}


def test_a_window_that_would_reserve_much_is_refused() -> None:
    """A frame that asks for more than 8 MiB of window is not opened, whatever is in it."""
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    packer = zstd.ZstdCompressor(options=options)
    assert code_of(packer.compress(BODY) + packer.flush(), "zstd") == "bad_encoding"
