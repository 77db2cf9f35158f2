"""How long a phone waits before it tries again: exponentially longer, anywhere up to that, and never beyond a bound.

Thousands of phones find the network again in one moment; those that wait a *chosen* time come back together. Full
jitter spreads them: a wait is drawn from the whole of 0 to the present bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

BASE_SECONDS: Final = 2.0
WAIT_SECONDS_MAX: Final = 300.0
"""An officer who walks into the network for five minutes is to be heard."""

ASKED_SECONDS_MAX: Final = 3600.0
"""However long a service asks to be left alone, it is asked again within the hour."""


class Waiting:
    """Bounds that double from one failure to the next. `chance` gives a number of at least 0 and below 1."""

    def __init__(
        self, chance: Callable[[], float], *, base_seconds: float = BASE_SECONDS, seconds_max: float = WAIT_SECONDS_MAX
    ) -> None:
        self._chance = chance
        self._base = base_seconds
        self._max = seconds_max
        self._failures = 0

    def succeeded(self) -> None:
        """The next failure is a first one again."""
        self._failures = 0

    def seconds(self, asked: float = 0.0) -> float:
        """How long to wait after one more failure; never less than was `asked` for, within reason."""
        bound = min(self._base * 2.0 ** min(self._failures, 32), self._max)
        self._failures += 1
        return min(max(asked, 0.0), ASKED_SECONDS_MAX) + self._chance() * bound
