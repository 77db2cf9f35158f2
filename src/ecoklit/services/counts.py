"""What a running service counts of itself: what it took, what it refused, and how long a receipt was ahead of its row.

Nothing here names a voter, an officer or a device: a metric is read by many and kept for long.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from ecoklit.errors import EcoklitError
from ecoklit.ports import Push, Service, Stale, Stored
from ecoklit.services.admit import Submit

SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the buckets in which the times from receipt to row are counted; there is one more without a bound."""
MARKS_MAX: Final = 10_000
"""Commits that wait for their rows. Beyond, the newest are not timed: those that wait longest always are."""


class Counts:
    """The counts of one process since it began. `clock` gives seconds that only rise."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._marks: deque[tuple[int, float]] = deque()
        self.pushes = 0
        self.events = 0
        self.refused: Counter[str] = Counter()
        """Code of a refusal → how often."""
        self.buckets = [0] * (len(SECONDS) + 1)
        self.seconds = 0.0
        self.position = 0
        """Up to which the rows are, as this process knows."""

    def stored(self, position: int, events: int) -> None:
        """A push of so many events is durable, up to that position of the journal."""
        self.pushes += 1
        self.events += events
        if events and len(self._marks) < MARKS_MAX:
            self._marks.append((position, self._clock()))

    def projected(self, position: int) -> None:
        """The rows are as of that position."""
        self.position = position
        now = self._clock()
        while self._marks and self._marks[0][0] <= position:
            took = now - self._marks.popleft()[1]
            self.buckets[next((at for at, bound in enumerate(SECONDS) if took <= bound), len(SECONDS))] += 1
            self.seconds += took

    def lag_seconds(self) -> float:
        """For how long the oldest event that was taken here and is not in the rows has waited; 0 when none waits."""
        return self._clock() - self._marks[0][1] if self._marks else 0.0

    def counted_submit(self, submit: Submit) -> Submit:
        """`submit`, counting what it stores."""

        async def counted(push: Push) -> Stored | Stale:
            outcome = await submit(push)
            if isinstance(outcome, Stored):
                self.stored(outcome.last, len(push.events))
            return outcome

        return counted

    def counted_service(self, service: Service) -> Service:
        """`service`, counting what it refuses."""
        return _Counted(service, self.refused)


class _Counted:
    def __init__(self, service: Service, refused: Counter[str]) -> None:
        self._service = service
        self._refused = refused

    async def push(self, body: bytes) -> bytes:
        try:
            return await self._service.push(body)
        except EcoklitError as error:
            self._refused[error.code] += 1
            raise
