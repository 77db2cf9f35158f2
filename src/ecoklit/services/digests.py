"""The digests of areas above a TPS, computed beside: no request waits for one.

The digest of a regency is made of every voter's leaf, which takes a second for each million. So the latest one is kept,
each answer says as of which position it is, and after computing one there is a rest of many times as long.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from ecoklit.core.ids import is_tps
from ecoklit.errors import EcoklitError
from ecoklit.ports import AsOf, RollReader

REST_SECONDS_MIN: Final = 15.0
REST_TIMES: Final = 30
"""How much longer than it took to compute them the digests are left: about three hundredths of a processor."""


class Digested(msgspec.Struct, frozen=True):
    """The digest (hex) of an area, and the position that it is as of."""

    digest: str
    events: int
    persons: int


class AreaDigests:
    """The latest digests of a regency's areas."""

    def __init__(self, reader: RollReader, regency: str, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that only rise."""
        self._reader = reader
        self._regency = regency
        self._clock = clock
        self._as_of: AsOf | None = None
        self._known: Mapping[str, bytes] = {}

    def of(self, area: str) -> Digested | None:
        """The latest digest of an area above a TPS; None before the first, and where nobody stands."""
        digest = None if is_tps(area) else self._known.get(area)
        if digest is None or self._as_of is None:
            return None
        return Digested(digest.hex(), self._as_of.events, self._as_of.persons)

    async def refresh(self) -> None:
        """Compute them anew, unless nothing came since. Raises as the reader."""
        now = await self._reader.as_of(self._regency)
        if now != self._as_of:
            self._as_of, self._known = await self._reader.digests(self._regency)

    async def keep(self, stop: asyncio.Event) -> None:
        """Keep them fresh until `stop` is set; a database that is away is waited out."""
        while not stop.is_set():
            began = self._clock()
            with contextlib.suppress(EcoklitError):
                await self.refresh()
            rest = max(REST_SECONDS_MIN, REST_TIMES * (self._clock() - began))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), rest)
