"""What once went wrong in the quick fold of large histories."""

from __future__ import annotations

from ecoklit import contract
from ecoklit.core.bulk import fold_lines


def test_many_empty_lines_are_each_malformed() -> None:
    """Enough empty lines to be looked at by columns once ended the fold; each is named by its number."""
    folded = fold_lines([b""] * 100, contract.policies())
    assert [(fault.number, fault.name) for fault in folded.faults] == [(n, "malformed") for n in range(1, 101)]
    assert folded.entries == []
