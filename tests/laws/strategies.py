"""Hypothesis strategies for histories, and the two programs that the laws compare."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import reference
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from world import GENE_BYTES, History, play

from ecoklit.core import policy as core_policy
from ecoklit.core import replica, roll, wire
from ecoklit.core.event import Malformed

# --- policies -------------------------------------------------------------------------------------------------

POLICY_2023_9: dict[str, Any] = {
    "accepted": reference.POLICY_2024_1["accepted"]
    | {
        "deceased": ["grave_photo", "death_certificate", "village_letter"],
        "foreign": [],
        "unknown": ["ktp_el"],
    },
    "known": {
        "deceased": ["civil_registry", "family_statement"],
        "foreign": ["passport", "immigration_letter"],
        "moved_away": ["family_statement"],
    },
}
"""A second policy, with the words of 2024-1 in other places: an event is judged under the one that it names."""

REFERENCE_POLICIES: dict[str, Any] = reference.POLICIES | {"2023-9": POLICY_2023_9}


def _as_core(name: str, policy: dict[str, Any]) -> core_policy.Policy:
    removals = {
        removal if removal in ("deceased", "moved_away") else f"disqualified/{removal}": {
            "accepted": accepted,
            "never_enough": policy["known"].get(removal, []),
        }
        for removal, accepted in policy["accepted"].items()
    }
    return core_policy.parse_policy(json.dumps({"policy": name, "removals": removals}).encode())


POLICIES = {name: _as_core(name, policy) for name, policy in REFERENCE_POLICIES.items()}

# --- histories ------------------------------------------------------------------------------------------------

genes = st.binary(min_size=GENE_BYTES, max_size=GENE_BYTES)


def gene_lists(deeds_max: int) -> st.SearchStrategy[list[bytes]]:
    # Left alone, lists of this length come out with six deeds: too short for anybody to have seen anything.
    return st.integers(1, deeds_max).flatmap(lambda n: st.lists(genes, min_size=(n + 1) // 2, max_size=n))


def honest_histories(deeds_max: int = 40) -> st.SearchStrategy[History]:
    """Phones that each saw a causally closed part of what happened and said so; every line arrives, some twice."""
    return gene_lists(deeds_max).map(lambda drawn: play(drawn))


def hostile_histories(deeds_max: int = 40) -> st.SearchStrategy[History]:
    """The same world with liars in it: about half of the events are false in some way, and lines get lost."""
    return gene_lists(deeds_max).map(lambda drawn: play(drawn, hostile=True))


def histories(deeds_max: int = 40) -> st.SearchStrategy[History]:
    return honest_histories(deeds_max) | hostile_histories(deeds_max)


@dataclass(frozen=True)
class Case:
    """What a law is tried on: the genes of a history, and a seed for the choices that are the law's own."""

    genes: tuple[bytes, ...]
    hostile: bool
    seed: int

    @property
    def rng(self) -> Random:
        return Random(self.seed)

    @property
    def history(self) -> History:
        return play(self.genes, hostile=self.hostile)

    def followed_by(self, *more: bytes) -> History:
        return play((*self.genes, *more), hostile=self.hostile)


def cases(deeds_max: int = 40) -> st.SearchStrategy[Case]:
    return st.builds(Case, gene_lists(deeds_max).map(tuple), st.booleans(), st.integers(0, 2**32 - 1))


def random_case(rng: Random, deeds_max: int = 40) -> Case:
    """The same without Hypothesis: quick enough to try thousands for one canary."""
    genes = tuple(rng.randbytes(GENE_BYTES) for _ in range(rng.randrange(1, deeds_max)))
    return Case(genes, rng.random() < 0.6, rng.randrange(2**32))


HISTORIES_MIN_DEEP = 10_000
HISTORIES_MAX_QUICK = 15


def tried(examples: int) -> settings:
    """Settings for a property: so many histories; with ECOKLIT_LAWS=deep at least 10,000, with =quick at most 15."""
    depth = os.environ.get("ECOKLIT_LAWS")
    return settings(
        max_examples={
            "deep": max(examples, HISTORIES_MIN_DEEP),
            "quick": min(examples, HISTORIES_MAX_QUICK),
        }.get(depth or "", examples),
        deadline=None,  # nothing here is timed
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


@st.composite
def shuffled(draw: st.DrawFn, lines: Sequence[bytes]) -> list[bytes]:
    """These lines in another order, some of them more than once."""
    if not lines:
        return []
    again = draw(st.lists(st.sampled_from(lines), max_size=4))
    return draw(st.permutations([*lines, *again]))


# --- the two programs -----------------------------------------------------------------------------------------


def held(lines: Sequence[bytes]) -> list[wire.Held]:
    """What the core holds of these lines: all but the malformed."""
    out = []
    for line in lines:
        try:
            out.append(wire.read(line))
        except Malformed:
            continue
    return out


def replica_of(lines: Sequence[bytes]) -> replica.Replica:
    return replica.fold(held(lines), POLICIES)


def outcome_of(folded: replica.Replica, lines: Sequence[bytes]) -> reference.Outcome:
    """What a replica says, in the reference's words; `lines` are those that it was given."""
    states = folded.states()
    standings = {one.hash.hex(): folded.standing(one.hash).name for one in folded.held()}
    return reference.Outcome(
        states=[state.line for state in states],
        digests={code: digest.hex() for code, digest in roll.digests(roll.leaves(states)).items()} if states else {},
        names=[_name(line, folded) for line in lines],
        standings=standings,
        person_missing=frozenset(
            one.hash.hex()
            for one in folded.held()
            if standings[one.hash.hex()] == "counted"
            and one.event is not None
            and isinstance(one.event.person, str)
            and one.person is None
        ),
    )


def _name(line: bytes, folded: replica.Replica) -> str | None:
    try:
        one = wire.read(line)
    except Malformed:
        return "malformed"
    standing = folded.standing(one.hash).name
    if standing in ("counted", "parked"):
        return "bad_person" if one.person_fault else None if standing == "counted" else "parked"
    return standing


def core(lines: Sequence[bytes]) -> reference.Outcome:
    return outcome_of(replica_of(lines), lines)


def slow(lines: Sequence[bytes]) -> reference.Outcome:
    return reference.fold(list(lines), REFERENCE_POLICIES)
