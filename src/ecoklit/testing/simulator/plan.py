"""What is to happen in a world, made from its number before anything happens: so that a part of it can be left out.

Each deed carries its own chance. A world without some of its deeds, faults or phones is a world too, in which the rest
is tried in the same way; a failure is made smaller by that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Final, NamedTuple

NETWORK: Final = ("request_lost", "answer_lost", "duplicated", "late", "slow", "cut", "portal")
"""What can happen to any request. The rest are deeds of their own."""

TROUBLES: Final[dict[str, int]] = {
    "partition": 3,
    "phone_crash": 5, "phone_disk_full": 2, "phone_restored": 2, "phone_cloned": 1, "phone_lost": 1,
    "journal_refused": 2, "journal_applied": 3, "events_only": 2, "persons_only": 2, "journal_full": 1,
    "registry_fault": 2, "broker_crash": 3, "broker_away": 2, "journal_restored": 2,
    "step_refused": 3, "step_applied": 3, "database_crash": 2,
    "gateway_crash": 3, "projector_killed": 3, "rebuilt": 1,
}  # fmt: skip
"""Deeds of bad luck, by weight."""

PEOPLE: Final[dict[str, int]] = {
    "lie": 8, "forge": 4, "replay": 3, "fork": 2,
    "revoke": 2, "reassign": 2, "readmit": 1, "window_close": 1, "window_open": 1,
    "enrol_late": 2, "enrol_by_code": 1, "carry": 2, "relist": 1, "report": 1, "declare_lost": 1,
}  # fmt: skip
"""Deeds of people that make it harder, by weight."""

ORDINARY: Final[dict[str, int]] = {"visit": 46, "sync": 34, "operate": 5, "rule": 6, "office_sync": 3}
"""What a day is made of."""

KINDS: Final = (*NETWORK, *TROUBLES, *PEOPLE, "wrong_clock")
PHONES: Final = ("Petrus", "Maria", "Yosep", "Agnes")
LIARS: Final = ("Lukas", "Delila")
OPERATOR: Final = "Operator"
OFFICES: Final = ("PPS", "KPU")

DEEDS_MIN: Final = 40
DEEDS_MAX: Final = 110
BETWEEN_SECONDS_MAX: Final = 0.35


class Deed(NamedTuple):
    """One thing that happens: when, in seconds; by whose hand; what; and the seed of all that is chance in it."""

    nth: int
    at: float
    who: str
    what: str
    seed: int


class Plan(NamedTuple):
    """A world to be. `kinds` are the faults that may happen; `voters` are listed on each TPS; `rate` is of requests."""

    seed: int
    kinds: tuple[str, ...]
    people: tuple[str, ...]
    voters: int
    rate: float
    deeds: tuple[Deed, ...]

    def without(self, *, kinds: Iterable[str] = (), people: Iterable[str] = ()) -> Plan:
        """The same world without some kinds of fault, and without some people."""
        left, gone = [kind for kind in self.kinds if kind not in [*kinds]], [*people]
        return self._replace(
            kinds=tuple(left),
            people=tuple(name for name in self.people if name not in gone),
            deeds=tuple(
                one for one in self.deeds if one.who not in gone and (one.what in ORDINARY or one.what in left)
            ),
        )

    def only(self, deeds: Sequence[Deed]) -> Plan:
        """The same world with no other deeds than these."""
        return self._replace(deeds=tuple(deeds))


def plan_of(seed: int) -> Plan:
    """The world of this number. Some kinds of fault are off in it, so that others are seen alone (a swarm)."""
    random = Random(f"ecoklit/{seed}")
    share = random.choice((0.15, 0.35, 0.6, 0.9))
    kinds = tuple(kind for kind in KINDS if random.random() < share)
    people = [*PHONES[: random.randint(2, len(PHONES))], *OFFICES]
    if random.random() < 0.4:
        people.append(OPERATOR)
    if any(kind in kinds for kind in ("lie", "fork")):
        people += LIARS[: random.randint(1, len(LIARS))]
    deeds = []
    weights = {**ORDINARY, **{kind: weight for kind, weight in {**TROUBLES, **PEOPLE}.items() if kind in kinds}}
    if OPERATOR not in people:
        del weights["operate"]
    at = 0.0
    for nth in range(random.randint(DEEDS_MIN, DEEDS_MAX)):
        at += random.random() ** 2 * BETWEEN_SECONDS_MAX
        what = random.choices([*weights], [*weights.values()])[0]
        deeds.append(Deed(nth, at, _who(random, what, people), what, random.getrandbits(48)))
    return Plan(seed, kinds, tuple(people), random.randint(1, 4), random.choice((0.05, 0.15, 0.3)), tuple(deeds))


def _who(random: Random, what: str, people: Sequence[str]) -> str:
    """Whose hand does it; of what nobody does, whom it happens to."""
    phones = [name for name in people if name in PHONES]
    if what in ("lie", "fork", "forge"):
        return random.choice([name for name in people if name in LIARS] or phones)
    if what == "operate":
        return OPERATOR
    if what in ("rule", "relist"):
        return OFFICES[what == "relist"]
    if what == "sync":
        return random.choice(people)
    return random.choice(phones)
