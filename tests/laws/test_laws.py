"""No history breaks a law. ECOKLIT_LAWS=deep tries at least 10,000 histories of each."""

from __future__ import annotations

import pytest
from hypothesis import given
from laws import LAWS, Law, core_equals_reference
from strategies import Case, cases, tried


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_no_history_breaks_it(law: Law) -> None:
    """The law's own docstring is the claim."""

    # The reference knows every law at once, so it gets most of the histories.
    @tried(500 if law is core_equals_reference else 100)
    @given(case=cases())
    def holds(case: Case) -> None:
        law(case)

    holds()
