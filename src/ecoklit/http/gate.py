"""Who may come in now: token buckets for devices and addresses, and a bound on what is in flight.

What is refused here was not read, and is sent again: nothing is lost by it. Wait times carry jitter, or all who were
told to wait would come back in the same second.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from ipaddress import IPv6Address, IPv6Network, ip_address
from time import monotonic
from typing import Final

from ecoklit.http.limits import (
    BUCKETS_MAX,
    BYTES_PER_ADDRESS,
    IN_FLIGHT_PER_ADDRESS_MAX,
    PUSHES_PER_DEVICE,
    REQUESTS_IN_FLIGHT_MAX,
    REQUESTS_PER_ADDRESS,
    RETRY_SECONDS,
    Rate,
)
from ecoklit.http.problems import ProblemError, retry_after

ADDRESS_CHARACTERS_MAX: Final = 64


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


class Gate:
    """The bounds of one service."""

    def __init__(self, now: Callable[[], float] = monotonic, in_flight_max: int = REQUESTS_IN_FLIGHT_MAX) -> None:
        self.devices = Buckets(PUSHES_PER_DEVICE, now)
        self.requests = Buckets(REQUESTS_PER_ADDRESS, now)
        self.bytes = Buckets(BYTES_PER_ADDRESS, now)
        self.in_flight = 0
        self._of_address: Counter[str] = Counter()
        self._in_flight_max = in_flight_max

    @contextmanager
    def entered(self, address: str | None) -> Iterator[None]:
        """Be in flight while the block runs. Raises ProblemError too_many or service_busy.

        `address` None is this machine itself, which has no rate: its own tools are trusted, and a proxy names others.
        """
        if address is not None:
            _demand(max(self.requests.wait_seconds(address), self.bytes.wait_seconds(address)))
            _demand(RETRY_SECONDS if self._of_address[address] >= IN_FLIGHT_PER_ADDRESS_MAX else 0)
            self.requests.charge(address)
        if self.in_flight >= self._in_flight_max:
            raise ProblemError(
                "service_busy",
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Many are pushing at once: nothing is lost; send it again after Retry-After.",
                retry_after(RETRY_SECONDS),
            )
        self.in_flight += 1
        self._of_address[address or ""] += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self._leave(address or "")

    def _leave(self, address: str) -> None:
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]  # or all who ever came would be remembered

    def weigh(self, address: str | None, size_bytes: int) -> None:
        """Charge what came."""
        if address is not None:
            self.bytes.charge(address, size_bytes)

    def demand_device(self, device: str | None) -> None:
        """Raises ProblemError too_many when that device has pushed too often lately."""
        if device is not None:
            _demand(self.devices.wait_seconds(device))


def _demand(wait_seconds: float) -> None:
    if wait_seconds > 0:
        raise ProblemError(
            "too_many",
            HTTPStatus.TOO_MANY_REQUESTS,
            "Too much came from here lately: nothing is lost; send it again after Retry-After.",
            retry_after(wait_seconds),
        )


def address_of(peer: str | None, forwarded_for: str | None) -> str | None:
    """Whose rate a request is charged to; None for this machine.

    Only a proxy on this machine is believed, and of what it says only the last entry, which it added itself. Of an IPv6
    address the network of 64 bits counts: who has one address there has them all.
    """
    if peer is None or _is_loopback(peer):
        peer = (forwarded_for or "").rpartition(",")[2].strip()
    if not peer or _is_loopback(peer):
        return None
    try:
        address = ip_address(peer)
    except ValueError:
        return peer[:ADDRESS_CHARACTERS_MAX]
    return str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)


def _is_loopback(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False
