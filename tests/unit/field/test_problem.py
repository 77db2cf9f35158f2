"""What a phone makes of an answer that is none of the service's best (SPEC §7.4)."""

from __future__ import annotations

import pytest

from ecoklit.field.problem import RETRY_SECONDS, RETRY_SECONDS_MAX, Problem, named
from ecoklit.field.trouble import TryLater


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, RETRY_SECONDS), ("7", 7.0), ("0", 0.0), ("inf", RETRY_SECONDS_MAX), ("1e308", RETRY_SECONDS_MAX),
        ("nan", RETRY_SECONDS), ("-3", RETRY_SECONDS), ("Wed, 21 Oct 2026 07:28:00 GMT", RETRY_SECONDS),
    ],
)  # fmt: skip
def test_nobody_makes_a_phone_wait_for_ever(header: str | None, seconds: float) -> None:
    """A sensible wait is kept, a long one cut, and what is no number of seconds is the usual wait."""
    later = named(Problem(), 503, "there", retry_after=header, nonce="")
    assert isinstance(later, TryLater) and later.seconds == seconds
