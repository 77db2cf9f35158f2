"""Which bytes of a file a Range header asks for."""

from __future__ import annotations

import pytest

from ecoklit.http.ranges import NotThere, Span, span_of


@pytest.mark.parametrize(
    ("said", "span"),
    [
        ("bytes=0-", Span(0, 10)), ("bytes=0-0", Span(0, 1)), ("bytes=4-6", Span(4, 7)), ("bytes=4-", Span(4, 10)),
        ("bytes=9-", Span(9, 10)), ("bytes=0-99", Span(0, 10)), ("bytes=-3", Span(7, 10)), ("bytes=-99", Span(0, 10)),
    ],
)  # fmt: skip
def test_one_range(said: str, span: Span) -> None:
    """From, from to, and the last so many; what goes beyond the end ends there."""
    assert span_of(said, 10) == span


@pytest.mark.parametrize(
    "said", [None, "", "bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,4-5", "rows=0-1", "bytes=a-b", "bytes=1-2-3"]
)
def test_what_is_no_single_range_is_passed_over(said: str | None) -> None:
    """Then the whole file is the answer, as the standard has it."""
    assert span_of(said, 10) is None


@pytest.mark.parametrize(("said", "size"), [("bytes=10-", 10), ("bytes=99-100", 10), ("bytes=-0", 10), ("bytes=0-", 0)])
def test_beyond_the_end_there_is_nothing(said: str, size: int) -> None:
    """Nothing of the file can be given: whoever asks is told how long it is."""
    with pytest.raises(NotThere):
        span_of(said, size)
