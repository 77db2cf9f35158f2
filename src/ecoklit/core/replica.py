"""A set of held events and the states that follow from it (SPEC §4).

State is a function of the *set* of events held, so a replica joins another by holding its events too, and it refolds
only the voters that an arrival can have changed. `fold` is a replica that received everything at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ecoklit.core.causality import PARKED, Standing
from ecoklit.core.policy import Policy
from ecoklit.core.voter import State, fold_voter
from ecoklit.core.wire import Dot, Held, VoterKey

Quarantine = Mapping[bytes, str]
"""Event hash → the name under which the registry keeps it out of the count (SPEC §7)."""

_NO_QUARANTINE: Final[Quarantine] = {}


class Replica:
    """Whoever holds events: the journal's reader, a phone, an auditor. Grows only."""

    def __init__(self, policies: Mapping[str, Policy], quarantine: Quarantine = _NO_QUARANTINE) -> None:
        self._policies = policies
        self._quarantine = quarantine
        self._by_hash: dict[bytes, Held] = {}
        self._by_dot: dict[Dot, list[bytes]] = {}
        self._by_voter: dict[VoterKey, list[bytes]] = {}
        self._waiting: dict[Dot, dict[VoterKey, None]] = {}
        self._states: dict[VoterKey, State] = {}
        self._standings: dict[bytes, Standing] = {}

    def receive(self, arrived: Iterable[Held]) -> list[VoterKey]:
        """Hold these events, and refold each voter that they can have changed; those voters, each once."""
        touched: dict[VoterKey, None] = {}
        for held in arrived:
            for key in self._hold(held):
                touched[key] = None
        for key in touched:
            self._refold(key)
        return list(touched)

    def join(self, other: "Replica") -> list[VoterKey]:
        """Hold all that `other` holds: commutative, associative, idempotent."""
        return self.receive(other.held())

    def held(self) -> Iterator[Held]:
        """Every event held, in no promised order."""
        return iter(self._by_hash.values())

    def states(self) -> list[State]:
        """One state for every voter of whom an event counts, by regency, then voter."""
        return [self._states[key] for key in sorted(self._states)]

    def state(self, key: VoterKey) -> State | None:
        return self._states.get(key)

    def standing(self, event_hash: bytes) -> Standing:
        """Whether the held event with this hash counts, and why not. KeyError when it is not held."""
        return self._standings[event_hash]

    def parked_count(self) -> int:
        """How many held events wait for one that is not."""
        return sum(1 for standing in self._standings.values() if standing.name == PARKED)

    # What `judge` asks about the rest of the world.

    def holds(self, dot: Dot) -> bool:
        return dot in self._by_dot

    def is_forked(self, dot: Dot) -> bool:
        return len(self._by_dot.get(dot, ())) > 1

    def quarantine(self, held: Held) -> str | None:
        return self._quarantine.get(held.hash) if self._quarantine else None

    def _hold(self, held: Held) -> Iterator[VoterKey]:
        known = self._by_hash.get(held.hash)
        if known is not None:
            # The same event again changes nothing, unless this copy brings the person that was missing.
            if known.person is None and held.person is not None:
                self._by_hash[held.hash] = held
                yield held.key
            return
        self._by_hash[held.hash] = held
        self._by_voter.setdefault(held.key, []).append(held.hash)
        same_dot = self._by_dot.setdefault(held.dot, [])
        same_dot.append(held.hash)
        if len(same_dot) == 2:
            yield self._by_hash[same_dot[0]].key
        yield from self._waiting.pop(held.dot, ())
        yield held.key

    def _refold(self, key: VoterKey) -> None:
        held = [self._by_hash[event_hash] for event_hash in self._by_voter.get(key, ())]
        folded = fold_voter(held, self._policies, self)
        self._standings.update(folded.judgement.standings)
        for dot in folded.judgement.awaited:
            self._waiting.setdefault(dot, {})[key] = None
        if folded.state is None:
            self._states.pop(key, None)
        else:
            self._states[key] = folded.state


def fold(held: Iterable[Held], policies: Mapping[str, Policy]) -> Replica:
    """The replica that holds exactly these events."""
    replica = Replica(policies)
    replica.receive(held)
    return replica
