"""The voters of one bucket folded from their events alone, as of some moments: decisions, which need no persons.

Every event about a voter is in the voter's bucket, and what else a fold asks of the world is where each log ends: so
buckets are folded one by one, in any order, by as many processes as there are, and the memory of one is enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from ecoklit.core import entitlement, plain, wire
from ecoklit.core.causality import is_beyond
from ecoklit.core.entitlement import Admitted
from ecoklit.core.merkle import leaf_hash
from ecoklit.core.plain import Row, Settling
from ecoklit.core.policy import Policy
from ecoklit.core.registry import NOT_ENTITLED, Registry
from ecoklit.core.voter import fold_voter
from ecoklit.core.wire import Dot, Held
from ecoklit.services.judge import Judge

NAMED_MAX: Final = 50
"""Of each standing, so many events are named."""


class Moment(NamedTuple):
    """A moment of the journal: events up to a position, where each log ends by then, and the registry that judges."""

    events: int
    ends: Mapping[str, int]
    registry: Registry


class Event(NamedTuple):
    """An event as the bucket has it; its stamp is what rode with its push."""

    position: int
    stamp: int
    body: bytes


class NotCounted(NamedTuple):
    """An event that does not count, by the name of its standing."""

    position: int
    device: str
    seq: int
    voter: str
    name: str
    why: str


Leaf = tuple[str, str, bytes]
"""TPS, voter, leaf hash of the decision."""


class FoldedBucket(msgspec.Struct):
    """What the bucket came to at one moment; `not_counted` are the first events of each standing."""

    leaves: list[Leaf]
    standings: dict[str, int]
    not_counted: list[NotCounted]


def fold_bucket(
    events: Sequence[Event], moments: Sequence[Moment], policies: Mapping[str, Policy]
) -> list[FoldedBucket]:
    """The voters of these events at each moment; events about other regencies' rolls count nowhere (SPEC §1.4)."""
    bucket = _Bucket(events, policies)
    return [bucket.at(moment) for moment in moments]


class _Bucket:
    def __init__(self, events: Sequence[Event], policies: Mapping[str, Policy]) -> None:
        self._events = events
        self._policies = policies
        bodies = [event.body for event in events]
        self._rows: list[Row] = []
        for some in plain.read(bodies, lambda places, _: [b""] * len(places), policies, decisions_only=True):
            self._rows += some
        read = bytearray(len(bodies))
        for row in self._rows:
            read[row.at] = 1
        self._held = {at: wire.hold(bodies[at], None) for at in range(len(bodies)) if not read[at]}
        self._stamps: dict[Dot, int] = {row.dot: events[row.at].stamp for row in self._rows}
        self._stamps.update((held.dot, events[at].stamp) for at, held in self._held.items())

    def at(self, moment: Moment) -> FoldedBucket:
        regency = moment.registry.regency
        judge = Judge(moment.registry, self._stamps)
        lines, odd = self._lines(moment)
        settling = Settling(decisions_only=True)
        folded = FoldedBucket([], {}, [])
        for voter, rows in lines.items():
            settled = None if voter in odd or not all(map(judge.passes, rows)) else settling.settle(rows)
            if settled is None:
                odd.setdefault(voter, []).extend(row.at for row in rows)
            else:
                folded.leaves.append((settled.tps, voter, leaf_hash(settled.decision_bytes)))
        standings: Counter[str] = Counter()
        for voter, places in odd.items():
            self._fold_oddly(voter, places, moment, folded, standings)
        for at, held in self._held.items():
            if held.regency != regency and self._events[at].position <= moment.events:
                self._name(folded, standings, at, held, NOT_ENTITLED, "its roll is another regency's")
        folded.standings = dict(standings)
        return folded

    def _lines(self, moment: Moment) -> tuple[dict[str, list[Row]], dict[str, list[int]]]:
        """The rows of each voter of the regency, and of those with another event the places of these."""
        regency, until = moment.registry.regency, moment.events
        lines: dict[str, list[Row]] = {}
        is_all = all(event.position <= until for event in self._events)
        for row in self._rows:
            if row.key[0] == regency and (is_all or self._events[row.at].position <= until):
                about = lines.get(row.key[1])
                if about is None:
                    lines[row.key[1]] = [row]
                else:
                    about.append(row)
        odd: dict[str, list[int]] = {}
        for at, held in self._held.items():
            if held.regency == regency and self._events[at].position <= until:
                odd.setdefault(held.voter, []).append(at)
        return lines, odd

    def _fold_oddly(
        self, voter: str, places: list[int], moment: Moment, folded: FoldedBucket, standings: Counter[str]
    ) -> None:
        """By the general fold, which is the authority."""
        held = {at: self._held.get(at) or wire.hold(self._events[at].body, None) for at in places}
        admitted = [Admitted(one, self._events[at].stamp) for at, one in held.items()]
        quarantine = entitlement.quarantine_of(moment.registry, admitted)
        world = _World(moment, entitlement.names_of(quarantine))
        found = fold_voter(list(held.values()), self._policies, world)
        for at, one in held.items():
            fault = found.judgement.faults.get(one.hash)
            if fault is not None:
                said = quarantine.get(one.hash)
                self._name(folded, standings, at, one, fault.name, fault.why or ("" if said is None else said.why))
        if found.state is not None:
            folded.leaves.append((found.state.decision.tps, voter, leaf_hash(found.state.decision_bytes)))

    def _name(self, folded: FoldedBucket, standings: Counter[str], at: int, held: Held, name: str, why: str) -> None:
        standings[name] += 1
        if standings[name] <= NAMED_MAX:
            one = NotCounted(self._events[at].position, held.device, held.seq, held.voter, name, why)
            folded.not_counted.append(one)


class _World:
    """The rest of the journal to the fold of one voter: it holds every event of each log up to its end, and no fork."""

    def __init__(self, moment: Moment, quarantine: Mapping[bytes, str]) -> None:
        self._ends = moment.ends
        self._lost = moment.registry.lost
        self.forks: frozenset[Dot] = frozenset()
        self.quarantine = quarantine

    def holds(self, dot: Dot) -> bool:
        return 0 < dot[1] <= self._ends.get(dot[0], 0)

    def is_lost(self, dot: Dot) -> bool:
        return is_beyond(dot, self._lost)
