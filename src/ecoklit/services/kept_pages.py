"""Pages that several people ask for are read once, and kept for as long as they hold.

What a page is made of is asked of the database for every answer, after its question came: nothing is given that a step
has changed since. Those who come while that is being asked share the next asking; those who want a page that is being
read share it when it is no older than their question. Whoever asks names everything that an answer depends on in its
key, rights and areas too: two people share a page only if each of them would have been given the same.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

import msgspec

from ecoklit.limits import KEPT_PAGES_BYTES_MAX
from ecoklit.ports import Edition
from ecoklit.ports.editions import EditionReader, Footing

TPS_AT_ONCE_MAX: Final = 64
OVERHEAD_BYTES: Final = 2_000
"""Of a kept page besides its rows."""


class Kept(msgspec.Struct, frozen=True):
    """The rows of a page as JSON, how many there are, and what they are made of.

    `imprint`: that of the TPS before and after they were read; None when it changed meanwhile, and for other areas.
    `last`: where the last row stands in the order when there are more; None on the last page. `digest`: of a TPS.
    """

    edition: Edition
    imprint: str | None
    body: bytes
    rows: int
    last: tuple[object, ...] | None
    digest: bytes | None

    def holds(self, now: Footing) -> bool:
        """Whether reading it anew would give the same, or it was itself read later than `now`."""
        if self.edition.generation != now.edition.generation:
            return False
        if self.edition.revision > now.edition.revision:
            return True
        if self.imprint is not None and now.imprint is not None:
            return self.imprint == now.imprint  # the rows themselves, whoever wrote them
        return self.edition.revision == now.edition.revision

    def at(self, now: Footing) -> Kept:
        """What holds, as of the later of the two moments."""
        is_later = self.edition.generation != now.edition.generation or self.edition.revision >= now.edition.revision
        return self if is_later else msgspec.structs.replace(self, edition=now.edition)


class Editions:
    """Asks for many at once what their lists are made of now."""

    def __init__(self, reader: EditionReader) -> None:
        self._reader = reader
        self._waiting: list[tuple[str, str | None, asyncio.Future[Footing]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def now(self, regency: str, tps: str | None) -> Footing:
        """As `EditionReader.editions`, of a moment after the call."""
        told: asyncio.Future[Footing] = asyncio.get_running_loop().create_future()
        self._waiting.append((regency, tps, told))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="editions")
        return await told

    async def _ask(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:TPS_AT_ONCE_MAX], self._waiting[TPS_AT_ONCE_MAX:]
                for regency in dict.fromkeys(regency for regency, _, _ in group):
                    await self._ask_of(regency, [(tps, told) for of, tps, told in group if of == regency])
        finally:
            self._asking = None

    async def _ask_of(self, regency: str, asked: list[tuple[str | None, asyncio.Future[Footing]]]) -> None:
        codes = list(dict.fromkeys(tps for tps, _ in asked if tps is not None))
        try:
            found = await self._reader.editions(regency, codes)
        except Exception as error:
            for _, told in asked:
                if not told.done():
                    told.set_exception(error)
            return
        of: dict[str | None, Footing] = dict(zip(codes, found, strict=False))
        of[None] = Footing(found[0].edition)
        for tps, told in asked:
            if not told.done():  # who asked may have gone
                told.set_result(of[tps])


class KeptPages:
    """Pages by key, the longest unasked forgotten first beyond so many bytes."""

    def __init__(self, bytes_max: int = KEPT_PAGES_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._reading: dict[Hashable, asyncio.Task[Kept]] = {}

    async def page(self, key: Hashable, now: Footing, read: Callable[[], Awaitable[Kept]]) -> Kept:
        """The page of this key that holds `now`: kept, being read, or given by `read`. Raises as `read`."""
        while True:
            kept = self._kept.get(key)
            if kept is not None and kept.holds(now):
                self._kept.move_to_end(key)
                return kept.at(now)
            reading = self._reading.get(key)
            is_own = reading is None
            if reading is None:
                reading = self._reading[key] = asyncio.create_task(self._read(key, read), name="page")
            # Whoever goes away leaves the others their page.
            kept = await asyncio.shield(reading)
            if is_own or kept.holds(now):
                return kept.at(now)

    async def _read(self, key: Hashable, read: Callable[[], Awaitable[Kept]]) -> Kept:
        try:
            kept = await read()
            self._keep(key, kept)
            return kept
        finally:
            del self._reading[key]

    def _keep(self, key: Hashable, kept: Kept) -> None:
        self._forget(key)
        if _weight(kept) > self._bytes_max:
            return
        self._kept[key] = kept
        self._bytes += _weight(kept)
        while self._bytes > self._bytes_max:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Hashable) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._bytes -= _weight(gone)


def _weight(kept: Kept) -> int:
    return len(kept.body) + OVERHEAD_BYTES
