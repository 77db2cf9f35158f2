"""What an event does to a voter's registers, and with what standing (SPEC §2, §4, §5).

A voter has fifteen registers: verdict, proposal, tps and the twelve fields of the record. What an event writes follows
from the event and its policy alone.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from ecoklit.core import ids
from ecoklit.core.event import (
    RECORD_FIELDS,
    AnyEvent,
    Deceased,
    Disqualified,
    Found,
    Listed,
    Moved,
    New,
    NotMet,
    RecordField,
    Reopened,
    Ruled,
)
from ecoklit.core.policy import NO_STRENGTH, Policy

VERDICT: Final = 1
PROPOSAL: Final = 2
TPS: Final = 4
FIELD: Final = {name: 8 << place for place, name in enumerate(RECORD_FIELDS)}
RECORD: Final = sum(FIELD.values())
"""A set of registers is a mask of these bits."""

NO_PROPOSAL: Final = "-"
CONFIRMED: Final = "confirmed"
UNVISITED: Final = "unvisited"
MOVED_AWAY: Final = "moved_away"
DECEASED: Final = "deceased"
DUPLICATE: Final = "disqualified/duplicate"

RULING_LEVELS: Final = {"pps": 2, "ppk": 3, "kpu": 4}
FIELD_LEVEL: Final = 1
LISTED_LEVEL: Final = 0
HOW_STRENGTHS: Final = {"document": 0, "video_call": 1, "family": 2, "in_person": 3}
NO_HOW: Final = -1

# The weights of a verdict (SPEC §5): rights first.
WEIGHT_RULED_DUPLICATE: Final = 5
WEIGHT_MET: Final = 4
WEIGHT_RULED: Final = 3
WEIGHT_KEPT: Final = 2
WEIGHT_REMOVED: Final = 1
WEIGHT_LISTED: Final = 0


class Effect(msgspec.Struct, frozen=True, gc=False):
    """Which registers an event writes, and the standing of the write; where it puts a voter, `place_of` says."""

    mask: int
    level: int
    verdict: str = ""
    weight: int = 0
    evidence: int = NO_STRENGTH
    how: int = NO_HOW
    proposal: str = NO_PROPOSAL


def effect_of(event: AnyEvent, policy: Policy) -> Effect:
    """What `event` writes, judged under the policy of its author."""
    return _EFFECTS[type(event)](event, policy)


def place_of(event: AnyEvent) -> str:
    """The tps that `event` puts its voter on, when it writes that register."""
    if isinstance(event, Moved | Reopened | Ruled) and event.to is not UNSET:
        return event.to
    return event.tps


def opinion(verdict: str, reason: str | UnsetType) -> str:
    """A verdict as one word: each disqualification with its reason is a removal of its own."""
    return verdict if reason is UNSET else f"{verdict}/{reason}"


def stays(verdict: str) -> bool:
    """Whether a voter with this verdict is on the list."""
    return verdict in (CONFIRMED, UNVISITED)


def _mask_of(changed: list[RecordField] | UnsetType) -> int:
    return 0 if changed is UNSET else sum(FIELD[name] for name in changed)


_LISTED: Final = Effect(VERDICT | TPS | RECORD, LISTED_LEVEL, UNVISITED, WEIGHT_LISTED)
_NEW: Final = {
    how: Effect(VERDICT | PROPOSAL | TPS | RECORD, FIELD_LEVEL, CONFIRMED, WEIGHT_MET, how=strength)
    for how, strength in HOW_STRENGTHS.items()
}
_NOT_MET: Final = Effect(0, FIELD_LEVEL)
_MOVED_WITHIN: Final = Effect(VERDICT | PROPOSAL | TPS, FIELD_LEVEL, UNVISITED, WEIGHT_KEPT)


def _listed(event: Listed, policy: Policy) -> Effect:
    return _LISTED


def _new(event: New, policy: Policy) -> Effect:
    return _NEW[event.how]


def _found(event: Found, policy: Policy) -> Effect:
    return _confirmed(event.how, _mask_of(event.changed))


@cache  # at most four words, times the sets of twelve fields
def _confirmed(how: str, changed: int) -> Effect:
    weight = WEIGHT_KEPT if how == "document" else WEIGHT_MET
    return Effect(VERDICT | PROPOSAL | TPS | changed, FIELD_LEVEL, CONFIRMED, weight, how=HOW_STRENGTHS[how])


def _moved(event: Moved, policy: Policy) -> Effect:
    if event.to is not UNSET and _moves_within(event, event.to, policy):
        return _MOVED_WITHIN
    return _removal(MOVED_AWAY, event.evidence, policy)


def _moves_within(event: Moved, to: str, policy: Policy) -> bool:
    # Inside the village the officer's word places the voter, since nobody leaves a list by it (SPEC §2).
    return ids.village_of(to) == ids.village_of(event.tps) or _strength(MOVED_AWAY, event.evidence, policy) >= 0


def _deceased(event: Deceased, policy: Policy) -> Effect:
    return _removal(DECEASED, event.evidence, policy)


def _disqualified(event: Disqualified, policy: Policy) -> Effect:
    return _removal(opinion("disqualified", event.reason), event.evidence, policy)


def _removal(removal: str, evidence: str | UnsetType, policy: Policy) -> Effect:
    strength = _strength(removal, evidence, policy)
    if strength < 0:
        # Without accepted evidence a removal only proposes: a proposal never touches the verdict.
        return Effect(PROPOSAL, FIELD_LEVEL, proposal=removal)
    return Effect(VERDICT | PROPOSAL, FIELD_LEVEL, removal, WEIGHT_REMOVED, strength)


def _strength(removal: str, evidence: str | UnsetType, policy: Policy) -> int:
    return NO_STRENGTH if evidence is UNSET else policy.strength(removal, evidence)


def _not_met(event: NotMet, policy: Policy) -> Effect:
    return _NOT_MET


def _reopened(event: Reopened, policy: Policy) -> Effect:
    place = 0 if event.to is UNSET else TPS
    return Effect(VERDICT | PROPOSAL | place | _mask_of(event.changed), FIELD_LEVEL, UNVISITED, WEIGHT_KEPT)


def _ruled(event: Ruled, policy: Policy) -> Effect:
    mask = (0 if event.to is UNSET else TPS) | _mask_of(event.changed)
    level = RULING_LEVELS[event.role]
    if event.verdict is UNSET:
        return Effect(mask, level)
    verdict = opinion(event.verdict, event.reason)
    return Effect(mask | VERDICT | PROPOSAL, level, verdict, _weight_of_ruling(verdict))


def _weight_of_ruling(verdict: str) -> int:
    if verdict == DUPLICATE:
        return WEIGHT_RULED_DUPLICATE  # a visit says nothing about being listed twice
    return WEIGHT_MET if verdict == CONFIRMED else WEIGHT_RULED


_EFFECTS: Final[dict[type, Callable[[Any, Policy], Effect]]] = {
    Listed: _listed, New: _new, Found: _found, Moved: _moved, Deceased: _deceased,
    Disqualified: _disqualified, NotMet: _not_met, Reopened: _reopened, Ruled: _ruled,
}  # fmt: skip
