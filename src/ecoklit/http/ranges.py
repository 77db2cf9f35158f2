"""Parts of a file over HTTP (RFC 9110 §14): one range of bytes, so that a broken download goes on."""

from __future__ import annotations

import re
from typing import NamedTuple

_ONE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})").fullmatch


class Span(NamedTuple):
    """Bytes from `start` up to, and without, `end`."""

    start: int
    end: int


class NotThere(Exception):
    """The range begins beyond the end."""


def span_of(said: str | None, size: int) -> Span | None:
    """The bytes that a Range header asks for; None for the whole: also for what is no single range.

    Raises NotThere.
    """
    match = None if said is None else _ONE(said.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:  # the last so many
        last = min(int(match[2]), size)
        if last == 0:
            raise NotThere
        return Span(size - last, size)
    start = int(match[1])
    if match[2] and int(match[2]) < start:
        return None
    if start >= size:
        raise NotThere
    return Span(start, min(int(match[2]) + 1, size) if match[2] else size)
