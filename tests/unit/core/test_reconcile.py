"""The two sums of a TPS, for random histories and random phones."""

from __future__ import annotations

from itertools import groupby

import pytest

from ecoklit.contract import policies
from ecoklit.core.reconcile import FATES, Apart, Place, bridge_of, place_of, terms_of
from ecoklit.core.replica import fold
from ecoklit.core.wire import Held
from ecoklit.testing.random_history import RandomHistory

TPS, OTHER = "9404012001001", "9404012001002"


def place(voter: str, tps: str = TPS, first: str = TPS, on_list: bool = True, was_listed: bool = True) -> Place:
    return Place(voter, tps, first, on_list, was_listed)


def places_of(held: list[Held]) -> list[Place]:
    about = {key: list(group) for key, group in groupby(sorted(held, key=lambda one: one.key), lambda one: one.key)}
    states = fold(held, policies()).states()
    return [place_of(state, about[state.decision.regency, state.decision.voter]) for state in states]


def test_a_voter_is_counted_at_both_ends_of_a_move() -> None:
    """Each way onto and off a list is one term, and a move shows at both its ends."""
    places = [
        place("a"),
        place("b", on_list=False),
        place("c", was_listed=False),
        place("d", tps=OTHER),
        place("e", first=OTHER),
        place("f", first=OTHER, on_list=False),
    ]
    here, there = terms_of(places, TPS), terms_of(places, OTHER)
    assert (here.listed, here.new, here.arrived) == (["a", "b", "d"], ["c"], ["e", "f"])
    assert (here.departed, here.removed, here.on_list) == (["d"], ["b", "f"], ["a", "c", "e"])
    assert (there.listed, there.arrived, there.departed, there.on_list) == (["e", "f"], ["d"], ["e", "f"], ["d"])


@pytest.mark.parametrize("seed", range(12))
def test_the_list_is_always_the_sum_of_its_terms(seed: int) -> None:
    """Whatever happened, listed + new + arrived − departed − removed is what is on the list, at every TPS."""
    places = places_of(RandomHistory(seed, events=80).held)
    rolls = sorted({one.tps for one in places} | {one.first_tps for one in places})
    assert rolls
    for tps in rolls:
        terms = terms_of(places, tps)
        plus, minus = (*terms.listed, *terms.new, *terms.arrived), (*terms.departed, *terms.removed)
        assert len(plus) - len(minus) == len(terms.on_list)
        assert set(plus) - set(minus) == set(terms.on_list)


@pytest.mark.parametrize("seed", range(12))
def test_phone_and_service_differ_by_the_terms_between_them(seed: int) -> None:
    """A phone that holds another part of the history differs by exactly what the terms name, each voter once."""
    history = RandomHistory(seed, events=80).held
    phone = [one for number, one in enumerate(history) if number % 7]
    own = [(one.voter, FATES[number % 3]) for number, one in enumerate(history) if number % 5 == 0]
    on_phone, on_web = places_of(phone), places_of(history)
    for tps in sorted({one.tps for one in on_web}):
        bridge = bridge_of(on_phone, on_web, own, tps)
        apart = (bridge.unsent, bridge.quarantined, bridge.parked, bridge.since_contact)
        assert bridge.on_phone - sum(one.net for one in apart) == bridge.on_web
        named = [voter for one in apart for voter in (*one.more, *one.fewer)]
        assert len(named) == len(set(named))
        assert not {*bridge.since_contact.more, *bridge.since_contact.fewer} & {voter for voter, _ in own}


def test_the_first_reason_that_fits_explains_a_voter() -> None:
    """What was not sent explains a difference before a quarantine, and that before waiting; the rest came since."""
    phone = [place("a"), place("b"), place("c", on_list=False)]
    web = [place("a", on_list=False), place("b", tps=OTHER), place("c"), place("d")]
    bridge = bridge_of(phone, web, [("a", "parked"), ("a", "unsent"), ("b", "quarantined"), ("c", "parked")], TPS)
    assert (bridge.on_phone, bridge.on_web) == (2, 2)
    assert (bridge.unsent, bridge.quarantined) == (Apart(["a"], []), Apart(["b"], []))
    assert (bridge.parked, bridge.since_contact) == (Apart([], ["c"]), Apart([], ["d"]))
