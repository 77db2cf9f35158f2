"""Whether every promise was kept: what was acknowledged is held, once, and all folds come to the same.

`Audit` reads the journal on from where it last was (`look`, after every fault) or whole (`closing`, at the end):

    lost      events that a receipt names, and the journal does not hold, or holds another in their place
    doubled   events that stand in the journal, or in the projection, more than once
    digests   the fold of the journal in another order = the projection = a rebuild of it
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from ecoklit import contract
from ecoklit.core import ids
from ecoklit.ports import EventMessage, Journal
from ecoklit.testing.chaos.house import PROJECTOR, REGENCY, House
from ecoklit.testing.chaos.load import Load, Noted
from ecoklit.testing.chaos.table import DIFFER, EQUAL
from ecoklit.testing.replay import journal_events, replay

READ_MAX: Final = 5000
SHOWN_MAX: Final = 5


class Seen(NamedTuple):
    """One look: counts of events, and in words what speaks against the promises."""

    acknowledged: int
    held: int
    lost: int
    doubled: int
    against: list[str]

    @property
    def counts(self) -> tuple[int, int, int]:
        """As table.judged takes them."""
        return self.acknowledged, self.lost, self.doubled


class Closing(NamedTuple):
    """The last look, and whether the digests of fold, projection and rebuild are one."""

    seen: Seen
    digests: str


class _Dot(msgspec.Struct):
    device: str
    seq: int


_DOT: Final = msgspec.json.Decoder(_Dot)


class Audit:
    """The journal as it was read so far."""

    def __init__(self) -> None:
        self._hashes: defaultdict[str, dict[int, str]] = defaultdict(dict)
        self._last: EventMessage | None = None
        self._doubled = 0
        self._against: list[str] = []

    async def look(self, house: House, load: Load) -> Seen:
        """What is noted by now, against the journal from where it was read last on."""
        noted = load.noted()
        async with house.journal() as journal:
            await self._read_on(journal)
        return self._seen(noted)

    async def _read_on(self, journal: Journal) -> None:
        after = self._last.sequence if self._last is not None else 0
        if self._last is not None:
            there = await journal.read_events(after - 1, 1)
            if not there or there[0].payload != self._last.payload:
                self._against.append(f"the journal no longer holds at {after} what it held there")
                self._hashes.clear()
                after = 0
        while messages := await journal.read_events(after, READ_MAX):
            for message in messages:
                self._take(message)
            self._last, after = messages[-1], messages[-1].sequence

    def _take(self, message: EventMessage) -> None:
        dot = _DOT.decode(message.payload)
        log = self._hashes[dot.device]
        if dot.seq in log:
            self._doubled += 1
            self._against.append(f"{dot.device}:{dot.seq} stands in the journal twice")
        elif dot.seq != len(log) + 1:
            self._against.append(f"{dot.device}: {dot.seq} follows {len(log)} in the journal")
        log[dot.seq] = ids.to_base64url(ids.sha256(message.payload))

    def _seen(self, noted: Mapping[str, Noted]) -> Seen:
        lost = 0
        against = list(self._against)
        for device, one in noted.items():
            missing = _missing(one.acked, self._hashes[device])
            if missing:
                lost += missing
                last = max(one.acked)
                against.append(f"{device}: receipted up to {last}, held up to {len(self._hashes[device])}")
            against += [f"{device}: {trouble}" for trouble in one.troubles]
        return Seen(
            sum(max(one.acked, default=0) for one in noted.values()),
            sum(len(log) for log in self._hashes.values()),
            lost,
            self._doubled,
            shortened(against),
        )

    async def closing(self, house: House, load: Load, *, rebuild: bool = True) -> Closing:
        """Everything, from the beginning, when every phone has sent all that it saved. The projector is stopped."""
        self._hashes.clear()
        self._last, self._doubled, self._against = None, 0, []
        await house.settled()
        seen = await self.look(house, load)
        against = [*seen.against, *self.phones(load, drained=True)]
        await house.stop(PROJECTOR)
        async with house.journal() as journal:
            lines = [event.line async for some in journal_events(journal) for event in some]
        folded = replay(lines, contract.policies(), house.seed)
        async with house.reader() as reader:
            _, projected = await reader.digests(REGENCY)
            rows = sum((await reader.standings(REGENCY)).values())
        equal = folded.digests == projected and (not rebuild or await _rebuilt(house) == projected)
        if folded.faults or folded.parked:
            against.append(f"the fold keeps events out: {folded.faults}, {folded.parked} parked")
        doubled = seen.doubled + max(0, rows - seen.held)
        if rows != seen.held:
            against.append(f"the projection has {rows} events, the journal {seen.held}")
        return Closing(seen._replace(doubled=doubled, against=shortened(against)), EQUAL if equal else DIFFER)

    def phones(self, load: Load, *, drained: bool) -> list[str]:
        """What the phones' stores lack of what they were said to have saved, and what they never sent."""
        against = []
        noted = load.noted()
        for device, own in load.outboxes():
            gone = [seq for seq, hash in noted[device].saved.items() if own.get(seq) != hash]
            if gone:
                against.append(f"{device}: its store lacks {len(gone)} entries that were saved")
            if drained and own != self._hashes[device]:
                against.append(f"{device}: it has said {len(own)}, and the journal holds {len(self._hashes[device])}")
            if drained and noted[device].done and not noted[device].same:
                against.append(f"{device}: its digest was not the service's")
        return against


async def _rebuilt(house: House) -> dict[str, bytes]:
    """The digests after the product has made the roll anew, and has compared it with the old one itself."""
    told = await house.said("rebuild")
    if told["differences"] or not told["compared"] or not told["swapped"]:
        return {}
    async with house.reader() as reader:
        return (await reader.digests(REGENCY))[1]


def _missing(acked: Mapping[int, str], held: Mapping[int, str]) -> int:
    """How many events are receipted and not held: the tail that is gone, and others in the place of what was named."""
    tail = max(0, max(acked, default=0) - len(held))
    return tail + sum(1 for seq, hash in acked.items() if seq in held and held[seq] != hash)


def shortened(against: list[str]) -> list[str]:
    """The first few, and how many more."""
    more = len(against) - SHOWN_MAX
    return against if more <= 0 else [*against[:SHOWN_MAX], f"and {more} more"]
