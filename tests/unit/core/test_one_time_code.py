"""One-time codes: the published vectors, and which are taken when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.core.one_time_code import code_at, matching_step, step_of

RFC = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037"),
     (20000000000, "353130")],
)  # fmt: skip
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    """Appendix B of RFC 6238, SHA-1, the last six of its eight digits."""
    assert code_at(RFC, step_of(seconds)) == code
    assert matching_step(RFC, code, seconds) == step_of(seconds)


@given(seconds=st.integers(10**9, 2 * 10**9), aside=st.integers(-4, 4))
def test_a_code_is_good_for_its_step_and_the_ones_beside(seconds: int, aside: int) -> None:
    """Of another step than this, the one before or the one after, a code is wrong, but for chance."""
    step = step_of(seconds) + aside
    near = [code_at(RFC, step_of(seconds) + one) for one in (-1, 0, 1)]
    found = matching_step(RFC, code_at(RFC, step), seconds)
    assert (found is not None) == (code_at(RFC, step) in near)
    if abs(aside) <= 1:
        assert found is not None and code_at(RFC, found) == code_at(RFC, step)


@pytest.mark.parametrize(
    "code", ["", "0", "28708", "2870820", "２８７０８２", "287082\n", " 287082", "abcdef", "\ud800"], ids=ascii
)
def test_what_is_no_code_matches_nothing(code: str) -> None:
    """Nothing but the six digits themselves is the code."""
    assert matching_step(RFC, code, 59) is None
