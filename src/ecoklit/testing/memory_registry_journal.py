"""The registry's journal in memory: it keeps every promise of the real one, is stricter, and fails on demand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Literal

from ecoklit.core.ids import ZERO_HASH, from_base64url
from ecoklit.core.registry_event import read_line
from ecoklit.ports import JournalHole, JournalUnavailable, Push, RegistryHead, RegistryMessage, Stale, Stored
from ecoklit.ports import check_pushes as check

Fault = Literal["refused", "applied"]
"""What happens to an append: nothing is stored, or all of it and the answer is lost; both end in JournalUnavailable."""


class MemoryRegistryJournal:
    """Keeps the promises of `ecoklit.ports.RegistryJournal`, but for durability.

    Stricter than the real one: lines that do not continue their device's log by seq and prev are a fault of the service
    that let them through, and an AssertionError.
    """

    def __init__(self) -> None:
        self._lines: list[tuple[str, bytes]] = []
        self._heads: dict[str, int] = {}
        self._holes: set[int] = set()
        self._faults: deque[Fault] = deque()
        self.unavailable = False
        self.reads = 0

    def fail_next(self, *faults: Fault) -> None:
        """The faults of the next appends, one each."""
        self._faults.extend(faults)

    def lose(self, position: int) -> None:
        """Make one stored line unreadable, as a flipped bit on the disk does."""
        self._holes.add(position)

    async def append(self, device: str, after: int, lines: Sequence[bytes]) -> Stored | Stale:
        check([Push(device, after, tuple(lines))])
        await self._reachable()
        fault = self._faults.popleft() if self._faults else None
        outcome = self._store(device, after, lines) if fault != "refused" else None
        await asyncio.sleep(0)
        if outcome is None or fault is not None:
            raise JournalUnavailable(f"The registry in memory was told to fail ({fault}): send this again.")
        return outcome

    async def head(self, device: str) -> RegistryHead | None:
        await self._reachable()
        return self._head(device)

    async def read(self, after: int, limit: int) -> list[RegistryMessage]:
        await self._reachable()
        self.reads += 1
        read: list[RegistryMessage] = []
        for position, (device, line) in enumerate(self._lines[after : after + max(limit, 0)], start=after + 1):
            if position in self._holes:
                break
            read.append(RegistryMessage(position, device, line))
        if not read and len(self._lines) > after and limit > 0:
            raise JournalHole(f"Registry event {after + 1} cannot be read: restore the journal.", after + 1)
        return read

    async def last(self) -> int:
        await self._reachable()
        return len(self._lines)

    async def _reachable(self) -> None:
        await asyncio.sleep(0)
        if self.unavailable:
            raise JournalUnavailable("The registry in memory was told to be away: send this again.")

    def _head(self, device: str) -> RegistryHead | None:
        position = self._heads.get(device)
        if position is None:
            return None
        signed = read_line(self._lines[position - 1][1])
        return RegistryHead(signed.seq, signed.hash, position)

    def _store(self, device: str, after: int, lines: Sequence[bytes]) -> Stored | Stale:
        if not lines:
            return Stored(after, after)
        if self._heads.get(device, 0) != after:
            return self._stale_or_stored(device, after, lines)
        self._assert_chained(device, lines)
        first = len(self._lines) + 1
        self._lines.extend((device, line) for line in lines)
        self._heads[device] = len(self._lines)
        return Stored(first, len(self._lines))

    def _stale_or_stored(self, device: str, after: int, lines: Sequence[bytes]) -> Stored | Stale:
        last = self._heads.get(device, 0)
        first = last - len(lines) + 1
        if first <= after or self._lines[first - 1 : last] != [(device, line) for line in lines]:
            return Stale()
        return Stored(first, last)

    def _assert_chained(self, device: str, lines: Sequence[bytes]) -> None:
        head = self._head(device)
        seq, last_hash = (head.seq, head.hash) if head else (0, ZERO_HASH)
        for line in lines:
            signed = read_line(line)
            assert signed.device == device, "a line of another device"
            assert signed.seq == seq + 1, f"seq {signed.seq} after {seq}"
            assert from_base64url(signed.prev) == last_hash, f"the prev of {signed.seq} is not its predecessor's hash"
            seq, last_hash = signed.seq, signed.hash
