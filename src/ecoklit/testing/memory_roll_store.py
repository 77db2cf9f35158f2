"""A roll store in memory: it keeps the promises of the real one, refuses what that lets pass, and fails on demand."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from ecoklit.core import ids
from ecoklit.core.entitlement import QUARANTINES
from ecoklit.core.merkle import leaf_hash
from ecoklit.ports import (
    Affected,
    Checkpoint,
    EventRow,
    HeldRow,
    LogHead,
    PersonRow,
    PlacementRow,
    RollTaken,
    RollUnavailable,
    SideRow,
    Step,
    VoterRow,
    WaitingRow,
)

Fault = Literal["refused", "applied"]
"""What happens to an apply: nothing is stored, or everything is and the answer is lost. Both end in RollUnavailable."""

Dot = tuple[str, int]


class MemoryTables:
    """What outlives its stores: the rows, the checkpoint, and who holds the lease; `generation` names this build."""

    def __init__(self, generation: str = "0") -> None:
        self.generation = generation
        self.checkpoint = Checkpoint(0, ids.ZERO_HASH, 0)
        self.events: dict[Dot, EventRow] = {}
        self.persons: dict[Dot, PersonRow] = {}
        self.orphans: list[PersonRow] = []
        self.voters: dict[str, VoterRow] = {}
        self.sides: list[SideRow] = []
        self.waiting: list[WaitingRow] = []
        self.placements: dict[tuple[str, str], PlacementRow] = {}
        self.leased_to: MemoryRollStore | None = None


class MemoryRollStore:
    """`ports.RollStore` on `tables`, which several stores can share as several connections share a database.

    Stricter than the real one: a row for a voter that was not refolded, or an event twice, is an AssertionError.
    """

    def __init__(self, tables: MemoryTables | None = None) -> None:
        self.tables = tables or MemoryTables()
        self.unavailable = False
        self._faults: deque[Fault | None] = deque()

    def fail_next(self, *faults: Fault | None) -> None:
        """The faults of the next applies, one each; None lets one pass."""
        self._faults.extend(faults)

    async def checkpoint(self) -> Checkpoint:
        await self._reachable()
        return self.tables.checkpoint

    async def heads(self, devices: Sequence[str]) -> dict[str, LogHead]:
        await self._reachable()
        heads: dict[str, LogHead] = {}
        for (device, seq), row in self.tables.events.items():
            if device in devices and (device not in heads or heads[device].seq < seq):
                heads[device] = LogHead(seq, ids.sha256(row.body), row.stamp)
        return heads

    async def events_of(self, voters: Sequence[str]) -> list[HeldRow]:
        await self._reachable()
        wanted = set(voters)
        return [
            HeldRow(row.voter, row.device, row.seq, row.standing, row.body, self._person(dot), row.stamp)
            for dot, row in self.tables.events.items()
            if row.voter in wanted
        ]

    async def voters_of(self, dots: Sequence[Dot]) -> dict[Dot, str]:
        await self._reachable()
        return {dot: self.tables.events[dot].voter for dot in dots if dot in self.tables.events}

    async def orphans_of(self, logs: Sequence[tuple[str, int, int]]) -> list[PersonRow]:
        await self._reachable()
        return [row for row in self.tables.orphans if _within((row.device, row.seq), logs)]

    async def waiting_for(self, logs: Sequence[tuple[str, int, int]]) -> list[str]:
        await self._reachable()
        return list(dict.fromkeys(row.voter for row in self.tables.waiting if _within((row.device, row.seq), logs)))

    async def affected(self, what: Affected) -> list[str]:
        await self._reachable()
        voters = {row.voter for row in self.tables.events.values() if _is_affected(row, what)}
        voters |= {
            row.voter
            for row in self.tables.waiting
            if any(row.device == device and row.seq > last for device, last in what.lost)
        }
        return sorted(voters)

    async def apply(self, step: Step) -> None:
        await self._reachable()
        fault = self._faults.popleft() if self._faults else None
        if step.before != self.tables.checkpoint:
            raise RollTaken("Another projector has moved the checkpoint: nothing was applied twice; start again.")
        if fault != "refused":
            self._remove(step)
            self._add(step)
            self.tables.checkpoint = step.after
        if fault is not None:
            raise RollUnavailable(f"The store in memory was told to fail ({fault}): go on from the checkpoint.")

    async def state_lines(self) -> AsyncIterator[bytes]:
        await self._reachable()
        for _, row in sorted(self.tables.voters.items()):
            record = "null" if row.record is None else row.record
            yield b'{"decision":%b,"record":%b}' % (row.decision, record.encode())

    async def leaves(self) -> list[tuple[str, str, bytes]]:
        await self._reachable()
        return [(row.tps, row.voter, leaf_hash(row.decision)) for row in self.tables.voters.values()]

    async def standings(self) -> dict[str, int]:
        await self._reachable()
        return dict(sorted(Counter(row.standing for row in self.tables.events.values()).items()))

    async def close(self) -> None:
        if self.tables.leased_to is self:
            self.tables.leased_to = None

    async def _reachable(self) -> None:
        await asyncio.sleep(0)
        if self.unavailable:
            raise RollUnavailable("The store in memory was told to be away: go on from the checkpoint.")
        if self.tables.leased_to not in (None, self):
            raise RollTaken("Another projector is at work here: let that one run, or stop it first.")
        self.tables.leased_to = self

    def _person(self, dot: Dot) -> bytes | None:
        row = self.tables.persons.get(dot)
        return None if row is None else row.body

    def _remove(self, step: Step) -> None:
        tables, gone, adopted = self.tables, set(step.refolded), set(step.adopted)
        for voter in step.refolded:
            tables.voters.pop(voter, None)
        tables.sides = [row for row in tables.sides if row.voter not in gone]
        tables.waiting = [row for row in tables.waiting if row.voter not in gone]
        tables.orphans = [row for row in tables.orphans if (row.device, row.seq) not in adopted and not step.is_ended]
        for dot in [dot for dot in tables.persons if tables.events[dot].voter in set(step.erased)]:
            del tables.persons[dot]
            tables.events[dot] = tables.events[dot]._replace(revision=step.after.revision)

    def _add(self, step: Step) -> None:
        tables = self.tables
        for device, seq, standing in step.standings:
            tables.events[device, seq] = tables.events[device, seq]._replace(
                standing=standing, revision=step.after.revision
            )
        for dot in step.completed:
            tables.events[dot] = tables.events[dot]._replace(revision=step.after.revision)
        for event in step.events:
            _put(tables.events, (event.device, event.seq), event)
        for person in step.persons:
            _put(tables.persons, (person.device, person.seq), person)
        for voter in step.voters:
            _put(tables.voters, voter.voter, voter)
        for placed in step.placements:
            _put(tables.placements, (placed.tps, placed.voter), placed)
        tables.orphans.extend(step.orphans)
        tables.sides.extend(step.sides)
        tables.waiting.extend(step.waiting)


def _within(dot: Dot, logs: Sequence[tuple[str, int, int]]) -> bool:
    return any(device == dot[0] and first <= dot[1] <= last for device, first, last in logs)


def _is_affected(row: EventRow, what: Affected) -> bool:
    return (
        what.everything
        or row.voter in what.voters
        or (what.released and row.standing in QUARANTINES)
        or (what.stamped is not None and row.stamp >= what.stamped)
        or any(row.device == device and row.seq >= first for device, first in what.logs)
    )


def _put(rows: dict[Any, Any], key: object, row: object) -> None:
    assert key not in rows, f"{key} is there already"
    rows[key] = row
