"""What is asked of a projection, answered from a roll store in memory: pulls, own standings, the office's questions.

They say in Python what `projections/queries/` says in SQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from ecoklit.core.causality import COUNTED
from ecoklit.core.merkle import leaf_hash, tree_head
from ecoklit.core.receipt import Stood
from ecoklit.errors import EcoklitError
from ecoklit.ports import (
    EventRow,
    LastHeld,
    OpenAt,
    OwnStandings,
    PlacedVoter,
    PullCursor,
    Pulled,
    PulledPage,
    RollUnavailable,
    StoredEvent,
)
from ecoklit.testing.memory_roll_store import MemoryTables

LAST_VOTER: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class MemoryReader:
    """`SyncReader`, `Standings` and `OfficeReader` over the tables that `live` gives now; each answer is of one moment.

    `live` raises RollUnavailable while the database is away.
    """

    def __init__(self, live: Callable[[], MemoryTables]) -> None:
        self._live = live

    # --- phones --------------------------------------------------------------------------------------------------

    async def page(self, regency: str, tps: str, cursor: PullCursor | None, voters_max: int) -> PulledPage:
        tables = _projected(self._live())
        at = tables.checkpoint
        if cursor is None or cursor.generation != tables.generation:
            cursor = PullCursor(tables.generation, 0)
        begin = (cursor.revision, cursor.voter) if cursor.voter else (cursor.since, LAST_VOTER)
        about: dict[str, list[EventRow]] = defaultdict(list)
        for row in tables.events.values():
            about[row.voter].append(row)
        changed = []
        for (place, voter), placed in tables.placements.items():
            if place == tps and about[voter]:
                revision = max(placed.revision, *(row.revision for row in about[voter]))
                if (revision, voter) > begin:
                    changed.append((revision, voter, placed.revision))
        page = sorted(changed)[:voters_max]
        is_last = len(page) < voters_max
        events = []
        for _, voter, placed_at in page:
            for row in sorted(about[voter], key=_position):
                if placed_at > cursor.since or row.revision > cursor.since:
                    person = tables.persons.get((row.device, row.seq))
                    body = None if person is None else person.body
                    is_known = placed_at <= cursor.since
                    events.append(Pulled(row.device, row.seq, row.standing, row.body, body, is_known))
        end = PullCursor(tables.generation, at.revision)
        if not is_last:
            end = PullCursor(tables.generation, cursor.since, page[-1][0], page[-1][1])
        digest = tree_head(_leaves_at(tables, tps)) if is_last else None
        return PulledPage(events, end, at.events, at.registry, digest, at.event_hash)

    async def of_device(self, device: str, limit: int) -> OwnStandings | None:
        try:
            tables = self._live()
        except RollUnavailable:
            return None
        if not tables.checkpoint.revision:
            return None
        own = sorted(row.seq for row in tables.events.values() if row.device == device and row.standing != COUNTED)
        return OwnStandings(
            tables.checkpoint.events, [Stood(seq, tables.events[device, seq].standing) for seq in own[:limit]]
        )

    # --- the office ----------------------------------------------------------------------------------------------

    async def voters_at(self, tps: str) -> list[PlacedVoter]:
        tables = self._live()
        rows = (row for _, row in sorted(tables.voters.items()) if tps in (row.tps, row.first_tps))
        found = []
        for row in rows:
            decision = msgspec.json.decode(row.decision)
            fields = {} if row.record is None else msgspec.json.decode(row.record)["fields"]
            found.append(
                PlacedVoter(
                    row.voter, row.tps, row.first_tps, decision["on_list"], row.source is not None, row.verdict,
                    row.reason, fields.get("name"), fields.get("nik"),
                )
            )  # fmt: skip
        return found

    async def events_at(self, tps: str) -> list[StoredEvent]:
        tables = self._live()
        voters = {voter for place, voter in tables.placements if place == tps}
        return self._stored(tables, (row for row in tables.events.values() if row.voter in voters))

    async def events_with(self, regency: str, standings: Sequence[str]) -> list[StoredEvent]:
        tables = self._live()
        rows = (row for row in tables.events.values() if row.standing in standings and row.standing != COUNTED)
        return [one._replace(person=None) for one in self._stored(tables, rows)]

    async def events_about(self, regency: str, voters: Sequence[str]) -> list[StoredEvent]:
        tables = self._live()
        return self._stored(tables, (row for row in tables.events.values() if row.voter in voters))

    async def event_named(self, regency: str, device: str, seq: int) -> StoredEvent | None:
        tables = self._live()
        row = tables.events.get((device, seq))
        return None if row is None else self._stored(tables, [row])[0]._replace(person=None)

    async def last_seqs(self, regency: str, devices: Sequence[str]) -> dict[str, int]:
        return {device: one.seq for device, one in (await self.last_held(regency, devices)).items()}

    async def last_held(self, regency: str, devices: Sequence[str]) -> dict[str, LastHeld]:
        found: dict[str, LastHeld] = {}
        for row in sorted(self._live().events.values(), key=_position):
            if row.device in devices:
                found[row.device] = LastHeld(row.seq, row.position)
        return found

    async def open_at(self, area: str) -> dict[str, OpenAt]:
        tables = self._live()
        places = sorted({row.tps for row in tables.voters.values() if row.tps.startswith(area)})
        found = {}
        for tps in places:
            here = [row for row in tables.voters.values() if row.tps == tps]
            found[tps] = OpenAt(
                sum(row.conflicts is not None for row in here),
                sum(row.proposed is not None for row in here),
                tree_head(_leaves_at(tables, tps)),
            )
        return found

    def _stored(self, tables: MemoryTables, rows: Iterable[EventRow]) -> list[StoredEvent]:
        found = []
        for row in sorted(rows, key=_position):
            person = tables.persons.get((row.device, row.seq))
            body = None if person is None else person.body
            found.append(StoredEvent(row.position, row.standing, row.stamp, row.body, body))
        return found


def _projected(tables: MemoryTables) -> MemoryTables:
    if not tables.checkpoint.revision:
        raise EcoklitError("not_projected", "The regency is not projected into this database yet: pull again later.")
    return tables


def _leaves_at(tables: MemoryTables, tps: str) -> list[bytes]:
    return [leaf_hash(row.decision) for _, row in sorted(tables.voters.items()) if row.tps == tps]


def _position(row: EventRow) -> int:
    return row.position
