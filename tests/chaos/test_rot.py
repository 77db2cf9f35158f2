"""Bits that a disk changed: found, named, healed."""

from __future__ import annotations

import pytest

from ecoklit.testing.chaos import rot
from ecoklit.testing.chaos.options import Options
from ecoklit.testing.chaos.table import Row


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return {row.part: row for row in rot.run(Options(quick=True))}


@pytest.mark.parametrize("part", ["rot: blocks, named", "rot: blocks, healed", "rot: phone", "rot: pages"])
def test_rot_is_found_named_and_healed(rows: dict[str, Row], part: str) -> None:
    """No bit loses anything that an inspection does not name, by device and seq or by table; after mending, rebuilding
    and a sync of the phones everything is as it was."""
    row = rows[part]
    assert row.holds, row
    assert (row.lost, row.doubled) == (0, 0)
