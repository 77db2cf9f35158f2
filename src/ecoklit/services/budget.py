"""How many voters an account may be shown in a day: bulk reading trips, and a second person opens it again."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from ecoklit.services.viewer import Viewer

VOTERS_PER_DAY: Final = MappingProxyType({13: 3_000, 10: 15_000, 6: 30_000, 4: 40_000})
"""By the digits of the account's own area. A list of 600 five times over, a village of 5,000 three times, a district
once; of a regency less than a fifth: nobody reads one through."""


def area_within(viewer: Viewer, area: str | None) -> str:
    """The account's own area in which a reading counts: what was asked about lies in it.

    A voter who is asked for by id counts in the first of the account's areas.
    """
    return next((own for own in viewer.areas if area is not None and area.startswith(own)), viewer.areas[0])


def budget_of(area: str) -> int:
    """Voters a day in one area of an account."""
    return VOTERS_PER_DAY[len(area)]
