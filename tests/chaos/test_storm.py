"""Many phones that come back in the same moment."""

from __future__ import annotations

from ecoklit.testing.chaos import storm
from ecoklit.testing.chaos.options import Options


def test_everybody_who_comes_back_at_once_is_taken_in() -> None:
    """More phones than are let in at once, each with the entries of a week: some are told to wait and come again, and
    every entry that was receipted is in the journal once."""
    (row,) = storm.run(Options(quick=True))
    assert row.holds, row
    assert (row.lost, row.doubled, row.digests) == (0, 0, "equal")
    assert (
        row.faults["phones"] == storm.PHONES_QUICK and row.acknowledged > 2 * storm.PHONES_QUICK
    )  # each has three or four
