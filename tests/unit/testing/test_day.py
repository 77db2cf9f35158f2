"""The made-up day: the same for one seed, honest, and with every kind of outcome in it."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest

from ecoklit import contract
from ecoklit.core import ids
from ecoklit.core.causality import COUNTS, covers
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.replica import Replica, fold
from ecoklit.core.wire import Held
from ecoklit.testing import mimika
from ecoklit.testing.day import Plan, VillageDay, district_day, village_day
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.phone import DAY, Phone, made_up_salt

ELECTION = "pilkada-2024"
DISTRICT = "940403"
VILLAGES = ("9404032002", "9404032003")
Lists = dict[str, dict[str, list[Held]]]


@pytest.fixture(scope="module")
def lists() -> Lists:
    """village → TPS → its list, as an office imported it: about 1,900 voters."""
    log = DeviceLog(ELECTION, made_up_device(0, "kpu"), officer="kpu", role="kpu", policy="2024-1")

    def listed(tps: str, one: mimika.MadeUp) -> Held:
        person = {"record": one.record(), "salt": made_up_salt(log.device, log.seq + 1)}
        return log.append("listed", tps=tps, at="2024-06-20T08:00:00+09:00", source="dp4-2024", person=person)

    return {
        village: {tps: [listed(tps, one) for one in mimika.people(tps)] for tps in mimika.tps_codes(village)}
        for village in VILLAGES
    }


def plan(seed: int) -> Plan:
    return Plan(ELECTION, seed, mimika.tps_codes(DISTRICT), contract.policies())


def day(lists: Lists, seed: int) -> tuple[list[VillageDay], list[Phone]]:
    """The day of both villages, and every device that worked, the district's office last."""
    villages = [village_day(plan(seed), village, lists[village]) for village in VILLAGES]
    contested = [about for one in villages for about in one.contested]
    phones = [phone for one in villages for phone in one.phones]
    return villages, [*phones, district_day(plan(seed), DISTRICT, contested)]


@pytest.fixture(scope="module")
def phones(lists: Lists) -> list[Phone]:
    return day(lists, 9)[1]


@pytest.fixture(scope="module")
def replica(lists: Lists, phones: list[Phone]) -> Replica:
    listed = [one for village in lists.values() for tps in village.values() for one in tps]
    return fold([*listed, *(one for phone in phones for one in phone.said)], contract.policies())


def lines(phones: list[Phone]) -> list[list[bytes]]:
    return [[one.line for one in phone.said] for phone in phones]


def test_one_seed_is_one_day(lists: Lists, phones: list[Phone]) -> None:
    """A day again with the same seed is the same, byte for byte; another seed is another day of the same people."""
    assert lines(day(lists, 9)[1]) == lines(phones)
    assert lines(day(lists, 8)[1]) != lines(phones)


def test_a_village_does_not_depend_on_the_others(lists: Lists, phones: list[Phone]) -> None:
    """A village's day is the same, whether the rest of the district is worked on or not."""
    alone = village_day(plan(9), VILLAGES[1], lists[VILLAGES[1]])
    assert lines(alone.phones) == lines(phones)[len(phones) - 1 - len(alone.phones) : -1]


def test_everything_that_honest_devices_say_counts(phones: list[Phone], replica: Replica) -> None:
    """No event of the day is at fault, and once all are held none waits."""
    assert all(replica.standing(one.hash) == COUNTS for phone in phones for one in phone.said)
    assert replica.parked_count() == 0


def test_what_a_device_names_it_holds(phones: list[Phone]) -> None:
    """Each device holds a causally closed part: nothing in its clocks is beyond what it pulled or said itself."""
    for phone in phones:
        for one in phone.said:
            held = {known.dot for known in phone.about(one.voter)}
            assert set(one.clock.items()) <= held


def test_about_one_event_per_voter(lists: Lists, phones: list[Phone]) -> None:
    """The day is as large as a real one: between 0.9 and 1.2 events for each listed voter."""
    voters = sum(len(tps) for village in lists.values() for tps in village.values())
    assert 0.9 < sum(len(phone.said) for phone in phones) / voters < 1.2


def test_two_officers_meet_the_same_voters_without_knowing(phones: list[Phone]) -> None:
    """Some pairs of events about one voter are by two officers and concurrent; of some, one knew of the other."""
    about: dict[str, list[Held]] = {}
    for phone in phones:
        if phone.log.role == "pantarlih":
            for one in phone.said:
                about.setdefault(one.voter, []).append(one)
    pairs = [
        covers(a.clock, b.clock) or covers(b.clock, a.clock)
        for said in about.values()
        for a, b in combinations(said, 2)
        if a.device != b.device
    ]
    assert pairs.count(False) >= 10 and pairs.count(True) >= 3


def test_some_clocks_are_years_wrong(phones: list[Phone]) -> None:
    """At least one phone's clock is more than a year off; most are right."""
    years = [abs(int(phone.said[0].event.at[:4]) - DAY.year) for phone in phones if phone.said and phone.said[0].event]
    assert 1 <= sum(year > 1 for year in years) < len(years) / 2


def test_every_kind_of_outcome_occurs(phones: list[Phone], replica: Replica) -> None:
    """Every event of the door, every verdict, conflicts about each kind of register, proposals and rulings."""
    kinds = Counter(one.event.kind for phone in phones for one in phone.said if one.event)
    assert set(kinds) == {"found", "moved", "deceased", "disqualified", "not_met", "new", "reopened", "ruled"}
    assert {one.event.role for phone in phones for one in phone.said if one.event} == {"pantarlih", "pps", "ppk"}
    states = replica.states()
    assert {state.decision.verdict for state in states} == {
        "confirmed", "unvisited", "deceased", "moved_away", "disqualified",
    }  # fmt: skip
    assert {name for state in states for name in state.decision.conflicts} == {"tps", "verdict"}
    assert any(state.record and state.record.conflicts for state in states)
    assert {proposed for state in states for proposed in state.decision.proposed} == {
        "deceased", "moved_away", "disqualified/unknown",
    }  # fmt: skip
    assert any(state.first_tps[:10] != state.decision.tps[:10] for state in states), "nobody moved to another village"
    assert any(
        state.first_tps != state.decision.tps and state.first_tps[:10] == state.decision.tps[:10] for state in states
    ), "nobody moved inside the village"


def test_nobody_made_up_twice(lists: Lists, phones: list[Phone]) -> None:
    """Those who are new at the door have numbers that nobody on the list has."""
    listed = {
        one.person.record.nik for village in lists.values() for tps in village.values() for one in tps if one.person
    }
    new = [
        one.person.record.nik
        for phone in phones
        for one in phone.said
        if one.event and one.event.kind == "new" and one.person
    ]
    assert new and not listed & set(new)
    assert all(ids.regency_of(str(nik)) == "9404" for nik in new)
