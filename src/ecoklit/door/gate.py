"""Who may come in now: token buckets for devices and callers, and a bound on what is in flight, over both doors.

A caller is whoever asks: by HTTP an address, over NATS the device that the broker let in. A device is whose log it is.

What is refused here was not read, and is sent again: nothing is lost by it. Wait times carry jitter, or all who were
told to wait would come back in the same second.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from time import monotonic

from ecoklit.limits import (
    BUCKETS_MAX,
    BYTES_PER_CALLER,
    IN_FLIGHT_PER_ADDRESS_MAX,
    PUSHES_PER_DEVICE,
    REQUESTS_IN_FLIGHT_MAX,
    REQUESTS_PER_CALLER,
    RETRY_SECONDS,
    RETRY_SECONDS_MAX,
    TURNS_PER_SECOND_MIN,
    Rate,
)
from ecoklit.problems import ProblemError, retry_after


class Buckets:
    """A token bucket for each name that came lately; one that is forgotten is full, as it would be by then."""

    def __init__(self, rate: Rate, now: Callable[[], float] = monotonic, buckets_max: int = BUCKETS_MAX) -> None:
        self._rate = rate
        self._now = now
        self._buckets_max = buckets_max
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, name: str) -> float:
        """How long until `name` may come in: 0 for now."""
        level = self._level(name)
        return 0.0 if level > 0 else (1 - level) / self._rate.per_second

    def charge(self, name: str, cost: float = 1) -> None:
        """Take `cost` from the bucket, below nothing if need be: what is done is paid for later."""
        self._levels[name] = (self._level(name) - cost, self._now())
        self._levels.move_to_end(name)
        if len(self._levels) > self._buckets_max:
            self._levels.popitem(last=False)

    def _level(self, name: str) -> float:
        level, at = self._levels.get(name, (self._rate.burst, self._now()))
        return min(self._rate.burst, level + (self._now() - at) * self._rate.per_second)


class Turns:
    """When those who find all places taken are to come again: one after another, as fast as places become free.

    Told the same few seconds, twenty thousand phones would come again and again, and turning them away would take the
    time in which they could be served. What they are told is spread by `retry_after`, and by themselves, to twice as
    long on average; so turns are given out at twice the rate.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._rate = TURNS_PER_SECOND_MIN
        self._since = now()
        self._done = 0
        self._last = 0.0

    def done(self) -> None:
        """A place has become free."""
        self._done += 1
        taken = self._now() - self._since
        if taken >= 1:
            # Half of it from before: one slow second is not the rate.
            self._rate = max(TURNS_PER_SECOND_MIN, (self._rate + self._done / taken) / 2)
            self._since, self._done = self._now(), 0

    def wait_seconds(self) -> float:
        """How long until the next turn that nobody has."""
        now = self._now()
        self._last = max(self._last + 1 / (2 * self._rate), now + RETRY_SECONDS)
        return min(self._last - now, RETRY_SECONDS_MAX)


class Gate:
    """The bounds of one service, the same for all its doors."""

    def __init__(self, now: Callable[[], float] = monotonic, in_flight_max: int = REQUESTS_IN_FLIGHT_MAX) -> None:
        self.devices = Buckets(PUSHES_PER_DEVICE, now)
        self.requests = Buckets(REQUESTS_PER_CALLER, now)
        self.bytes = Buckets(BYTES_PER_CALLER, now)
        self.in_flight = 0
        self._turns = Turns(now)
        self._of_caller: Counter[str] = Counter()
        self._in_flight_max = in_flight_max

    @contextmanager
    def entered(self, caller: str | None, at_once_max: int = IN_FLIGHT_PER_ADDRESS_MAX) -> Iterator[None]:
        """Be in flight while the block runs, one of at most `at_once_max` of this caller. Raises as `enter`."""
        self.enter(caller, at_once_max)
        try:
            yield
        finally:
            self.leave(caller)

    def enter(self, caller: str | None, at_once_max: int = IN_FLIGHT_PER_ADDRESS_MAX) -> None:
        """Be in flight until `leave`. Raises ProblemError too_many or service_busy.

        `caller` None is this machine itself, which has no rate: its own tools are trusted, and a proxy names others.
        """
        if caller is not None:
            _demand(max(self.requests.wait_seconds(caller), self.bytes.wait_seconds(caller)))
            _demand(RETRY_SECONDS if self._of_caller[caller] >= at_once_max else 0)
            self.requests.charge(caller)
        if self.in_flight >= self._in_flight_max:
            raise service_busy(self._turns.wait_seconds())
        self.in_flight += 1
        self._of_caller[caller or ""] += 1

    def leave(self, caller: str | None) -> None:
        self.in_flight -= 1
        self._turns.done()
        name = caller or ""
        self._of_caller[name] -= 1
        if not self._of_caller[name]:
            del self._of_caller[name]  # or all who ever came would be remembered

    def weigh(self, caller: str | None, size_bytes: int) -> None:
        """Charge what came."""
        if caller is not None:
            self.bytes.charge(caller, size_bytes)

    def demand_device(self, device: str | None) -> None:
        """Raises ProblemError too_many when that device has pushed too often lately."""
        if device is not None:
            _demand(self.devices.wait_seconds(device))


def service_busy(wait_seconds: float = RETRY_SECONDS) -> ProblemError:
    """What more is told than fits at once."""
    return ProblemError(
        "service_busy",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Many are pushing at once: nothing is lost; send it again after Retry-After.",
        retry_after(wait_seconds),
    )


def _demand(wait_seconds: float) -> None:
    if wait_seconds > 0:
        raise ProblemError(
            "too_many",
            HTTPStatus.TOO_MANY_REQUESTS,
            "Too much came from here lately: nothing is lost; send it again after Retry-After.",
            retry_after(wait_seconds),
        )
