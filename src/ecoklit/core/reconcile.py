"""Two totals of one TPS, and why they are what they are: each term opens to the voters that it counts.

On the list:        listed + new + arrived − departed − removed = on the list
Phone and service:  on the phone − unsent − quarantined − parked ± since contact = on the web

Phone and service do the same arithmetic, so that officers need not compare names by hand.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from ecoklit.core.causality import PARKED, Counted, Standing, count, is_birth, judge
from ecoklit.core.entitlement import QUARANTINES
from ecoklit.core.event import Listed
from ecoklit.core.policy import Policy
from ecoklit.core.voter import State, read
from ecoklit.core.wire import Dot, Held, VoterKey

Fate = Literal["unsent", "quarantined", "parked"]
"""What keeps an event of the phone's own from counting at the service."""

FATES: Final[tuple[Fate, ...]] = ("unsent", "quarantined", "parked")
"""The first that fits explains a voter: what was not sent cannot be parked, and a quarantine outlasts waiting."""


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where one voter stands: on the roll of `tps`, first on that of `first_tps`; `was_listed` or else recorded new."""

    voter: str
    tps: str
    first_tps: str
    on_list: bool
    was_listed: bool


def place_of(state: State, about: Iterable[Held]) -> Place:
    """The place of a voter with `state`, of whom the events `about` are held."""
    decision = state.decision
    births = (one.event for one in about if one.event is not None and is_birth(one.event))
    was_listed = any(isinstance(birth, Listed) for birth in births)
    return Place(decision.voter, decision.tps, state.first_tps, decision.on_list, was_listed)


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """An event as the service holds it: its position in the journal, and its standing there."""

    held: Held
    position: int
    standing: str


def places_on_phone(
    arrived: Iterable[Arrived], device: str, contact: int, policies: Mapping[str, Policy]
) -> list[Place]:
    """Where each voter stands for `device`, which holds its own events and what had arrived up to position `contact`.

    Its own events count there whatever the service says of them: it had their causes when it wrote them, and learns of
    a quarantine at its next contact.
    """
    about: dict[VoterKey, list[Held]] = {}
    quarantine: dict[bytes, str] = {}
    for one in arrived:
        is_own = one.held.device == device
        if is_own or one.position <= contact:
            about.setdefault(one.held.key, []).append(one.held)
        if not is_own and one.standing in QUARANTINES:
            quarantine[one.held.hash] = one.standing
    world = _Phone(frozenset(one.dot for held in about.values() for one in held), quarantine)
    states = ((_state_on_phone(held, device, policies, world), held) for _, held in sorted(about.items()))
    return [place_of(state, held) for state, held in states if state is not None]


class _Phone:
    def __init__(self, dots: frozenset[Dot], quarantine: Mapping[bytes, str]) -> None:
        self._dots = dots
        self.forks: frozenset[Dot] = frozenset()
        self.quarantine = quarantine

    def holds(self, dot: Dot) -> bool:
        return dot in self._dots

    def is_lost(self, dot: Dot) -> bool:
        return False  # whatever the phone named, it held


def _state_on_phone(held: list[Held], device: str, policies: Mapping[str, Policy], world: _Phone) -> State | None:
    judgement = judge(held, policies, world)
    waiting = [
        count(one, one.event, policies[one.event.policy])
        for one in held
        if one.device == device and one.event is not None and _is_parked(judgement.faults.get(one.hash))
    ]
    counted = sorted([*judgement.counted, *waiting], key=_order_of_causes)
    return read(counted) if judgement.counted else None


def _is_parked(fault: Standing | None) -> bool:
    return fault is not None and fault.name == PARKED


def _order_of_causes(one: Counted) -> tuple[int, bytes]:
    return (sum(one.held.clock.values()), one.held.hash)


class Terms(msgspec.Struct, frozen=True):
    """The voters of each term of one TPS, by id: listed + new + arrived − departed − removed = on_list.

    A voter is counted at its first TPS and at its present one, so that a move shows at both ends.
    """

    tps: str
    listed: list[str]
    new: list[str]
    arrived: list[str]
    departed: list[str]
    removed: list[str]
    on_list: list[str]


def terms_of(places: Iterable[Place], tps: str) -> Terms:
    """How the list of `tps` came to be; `places` may be those of a whole regency, each voter once."""
    at = sorted((one for one in places if tps in (one.tps, one.first_tps)), key=_voter)
    here = [one for one in at if one.tps == tps]
    first = [one for one in at if one.first_tps == tps]
    return Terms(
        tps,
        listed=[one.voter for one in first if one.was_listed],
        new=[one.voter for one in first if not one.was_listed],
        arrived=[one.voter for one in here if one.first_tps != tps],
        departed=[one.voter for one in first if one.tps != tps],
        removed=[one.voter for one in here if not one.on_list],
        on_list=[one.voter for one in here if one.on_list],
    )


class Apart(msgspec.Struct, frozen=True):
    """Voters for one reason on one list only: `more` are on the phone's, `fewer` on the service's."""

    more: list[str]
    fewer: list[str]

    @property
    def net(self) -> int:
        """What must be taken from the phone's total for this reason."""
        return len(self.more) - len(self.fewer)


class Bridge(msgspec.Struct, frozen=True):
    """From the phone's list to the service's: on_phone − unsent − quarantined − parked − since_contact = on_web.

    `since_contact` are voters ruled or moved by others since the phone last heard from the service.
    """

    tps: str
    on_phone: int
    unsent: Apart
    quarantined: Apart
    parked: Apart
    since_contact: Apart
    on_web: int


def bridge_of(phone: Iterable[Place], web: Iterable[Place], own: Iterable[tuple[str, Fate]], tps: str) -> Bridge:
    """Why the phone's list of `tps` is not the service's.

    `own` names (voter, fate) of each event of the phone's own that does not count at the service.
    """
    on_phone, on_web = _listed_at(phone, tps), _listed_at(web, tps)
    fates = _fates(own)
    more: dict[Fate | None, list[str]] = {reason: [] for reason in (*FATES, None)}
    fewer: dict[Fate | None, list[str]] = {reason: [] for reason in (*FATES, None)}
    for voter in sorted(on_phone.keys() ^ on_web.keys()):
        (more if voter in on_phone else fewer)[fates.get(voter)].append(voter)
    apart = {reason: Apart(more[reason], fewer[reason]) for reason in more}
    return Bridge(tps, len(on_phone), apart["unsent"], apart["quarantined"], apart["parked"], apart[None], len(on_web))


def _fates(own: Iterable[tuple[str, Fate]]) -> Mapping[str, Fate]:
    fates: dict[str, Fate] = {}
    for voter, fate in own:
        if voter not in fates or FATES.index(fate) < FATES.index(fates[voter]):
            fates[voter] = fate
    return fates


def _listed_at(places: Iterable[Place], tps: str) -> dict[str, None]:
    return {one.voter: None for one in places if one.tps == tps and one.on_list}


def _voter(place: Place) -> str:
    return place.voter
