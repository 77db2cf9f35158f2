"""What tells whether an answer of before still holds (projections/queries/editions.sql). Owned by the read side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ecoklit.ports.analyst import Edition


class Footing(NamedTuple):
    """What a list stands on now: its regency's edition; of a TPS an imprint of its rows, which no two states share."""

    edition: Edition
    imprint: str | None = None


class EditionReader(Protocol):
    """Tells what the projection is now. It names nobody, and is asked for everybody alike."""

    async def editions(self, regency: str, tps: Sequence[str]) -> list[Footing]:
        """Of one moment: of each of the TPS its footing, or the regency's own where `tps` is empty.

        Raises NotProjected, and as `RollReader`.
        """
        ...
