"""A set of held events and the states that follow from it (SPEC §4).

State is a function of the *set* of events held, so a replica joins another by holding its events too, and it refolds
only the voters that an arrival can have changed. `fold` is a replica that received everything at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ecoklit.core.causality import COUNTS, PARKED, Standing, is_beyond
from ecoklit.core.policy import Policy
from ecoklit.core.voter import State, fold_voter
from ecoklit.core.wire import Dot, Held, VoterKey

_NO_QUARANTINE: Final[Mapping[bytes, str]] = {}
_NOTHING_LOST: Final[Mapping[str, int]] = {}
_NO_FAULTS: Final[Mapping[bytes, Standing]] = {}


class Replica:
    """Whoever holds events: the journal's reader, a phone, an auditor. Grows only."""

    def __init__(
        self,
        policies: Mapping[str, Policy],
        quarantine: Mapping[bytes, str] = _NO_QUARANTINE,
        lost: Mapping[str, int] = _NOTHING_LOST,
    ) -> None:
        """`quarantine` and `lost` are what the registry says: hash → name, and device → the last seq that can come."""
        self._policies = policies
        self._lost = lost
        self._by_hash: dict[bytes, Held] = {}
        self._by_dot: dict[Dot, Held] = {}
        self._by_voter: dict[VoterKey, list[Held]] = {}
        self._waiting: dict[Dot, dict[VoterKey, None]] = {}
        self._states: dict[VoterKey, State] = {}
        self._faults: dict[VoterKey, dict[bytes, Standing]] = {}
        # What the law asks about the rest of the world (causality.World).
        self.forks: dict[Dot, list[VoterKey]] = {}
        self.quarantine = quarantine

    def receive(self, arrived: Iterable[Held]) -> list[VoterKey]:
        """Hold these events, and refold each voter that they can have changed; those voters, each once."""
        touched: dict[VoterKey, None] = {}
        for held in arrived:
            self._hold(held, touched)
        for key in touched:
            self._refold(key)
        return list(touched)

    def join(self, other: "Replica") -> list[VoterKey]:
        """Hold all that `other` holds: commutative, associative, idempotent."""
        return self.receive(other.held())

    def held(self) -> Iterator[Held]:
        """Every event held, in no promised order."""
        return iter(self._by_hash.values())

    def holds(self, dot: Dot) -> bool:
        """Whether any event with this name is held."""
        return dot in self._by_dot

    def is_lost(self, dot: Dot) -> bool:
        return is_beyond(dot, self._lost)

    def states(self) -> list[State]:
        """One state for every voter of whom an event counts, by regency, then voter."""
        return [self._states[key] for key in self.keys()]

    def keys(self) -> list[VoterKey]:
        """The (regency, voter) of every state, sorted."""
        return sorted(self._states)

    def state(self, key: VoterKey) -> State | None:
        return self._states.get(key)

    def standing(self, event_hash: bytes) -> Standing:
        """Whether the held event with this hash counts, and why not. KeyError when it is not held."""
        return self._faults.get(self._by_hash[event_hash].key, _NO_FAULTS).get(event_hash, COUNTS)

    def parked_count(self) -> int:
        """How many held events wait for one that is not."""
        return sum(fault.name == PARKED for faults in self._faults.values() for fault in faults.values())

    def _hold(self, held: Held, touched: dict[VoterKey, None]) -> None:
        key = held.key
        known = self._by_hash.get(held.hash)
        if known is not None:
            # The same event again changes nothing, unless this copy brings the person that was missing.
            if known.person is None and held.person is not None:
                self._by_hash[held.hash] = held
                self._by_voter[key] = [held if one is known else one for one in self._by_voter[key]]
                touched[key] = None
            return
        self._by_hash[held.hash] = held
        self._by_voter.setdefault(key, []).append(held)
        touched[key] = None
        dot = held.dot
        first = self._by_dot.setdefault(dot, held)
        if first is not held:
            self.forks.setdefault(dot, [first.key]).append(key)
            touched[first.key] = None
        elif self._waiting:
            touched.update(self._waiting.pop(dot, {}))

    def _refold(self, key: VoterKey) -> None:
        folded = fold_voter(self._by_voter[key], self._policies, self)
        for dot in folded.judgement.awaited:
            self._waiting.setdefault(dot, {})[key] = None
        if folded.judgement.faults:
            self._faults[key] = folded.judgement.faults
        else:
            self._faults.pop(key, None)
        if folded.state is None:
            self._states.pop(key, None)
        else:
            self._states[key] = folded.state


def fold(held: Iterable[Held], policies: Mapping[str, Policy]) -> Replica:
    """The replica that holds exactly these events."""
    replica = Replica(policies)
    replica.receive(held)
    return replica
