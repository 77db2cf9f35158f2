"""What deserves a second look is named once, with where it begins and ends; what anybody could do is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.services.plausibility import (
    AT_NIGHT,
    HURRIED,
    IMPOSSIBLE_TRAVEL,
    OTHERS_PHONE,
    Advice,
    Visit,
    advice_of,
    distance_km,
)

PHONE, OFFICER, TPS = "phonephonephone2", "o-maria", "9404012001001"
TIMIKA, TEMBAGAPURA = (-4_528_000, 136_887_000), (-4_143_000, 137_090_000)


def visit(
    seq: int,
    minutes: float = 0.0,
    *,
    home: str | None = "h",
    place: tuple[int, int] | None = None,
    officer: str = OFFICER,
    hour: int = 9,
) -> Visit:
    seconds = int(hour * 3600 + minutes * 60)
    at = f"2024-06-25T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}+09:00"
    latitude, longitude = place or (None, None)
    return Visit(PHONE, seq, officer, TPS, at, home, latitude, longitude)


def advice(visits: list[Visit], holder: str = OFFICER) -> list[Advice]:
    return advice_of(visits, {PHONE: holder})


def test_ten_homes_in_a_minute_are_named_once() -> None:
    """Twelve homes entered within a minute are one stretch; a minute later the day goes on."""
    hurried = [visit(seq, seq * 0.05, home=f"h{seq}") for seq in range(1, 13)]
    calm = [visit(seq, 5 + seq * 4, home=f"h{seq}") for seq in range(13, 20)]
    assert advice(hurried + calm) == [Advice(HURRIED, PHONE, OFFICER, 1, 12, 12.0)]


def test_a_large_family_is_no_hurry() -> None:
    """Nine people of one home, entered at one go, are one home; nine homes in a minute are possible."""
    assert advice([visit(seq, 0, home="one") for seq in range(1, 30)]) == []
    assert advice([visit(seq, 0, home=f"h{seq}") for seq in range(1, 10)]) == []


def test_from_the_coast_to_the_mountains_in_a_minute() -> None:
    """Two places, no time between: named with the distance in kilometres; in a day it is a journey."""
    assert advice([visit(1, 0, place=TIMIKA), visit(2, 1, place=TEMBAGAPURA)]) == [
        Advice(IMPOSSIBLE_TRAVEL, PHONE, OFFICER, 1, 2, 48.4)
    ]
    assert advice([visit(1, 0, place=TIMIKA), visit(2, 600, place=TEMBAGAPURA)]) == []
    near = (TIMIKA[0] + 9_000, TIMIKA[1])
    assert advice([visit(1, 0, place=TIMIKA), visit(2, 0, place=near)]) == []


def test_a_phone_that_works_at_night_only() -> None:
    """Nearly all of at least twenty entries between ten at night and five: named; an evening's end is not."""
    night = [visit(seq, seq, hour=23, home=f"h{seq % 3}") for seq in range(1, 25)]
    assert [one.kind for one in advice(night)] == [AT_NIGHT]
    assert advice(night[:19]) == []
    assert advice([visit(seq, seq, home="h") for seq in range(1, 25)]) == []


def test_the_phone_of_somebody_else() -> None:
    """Entries in another officer's name are named as a run; an operator's device types for others by right."""
    log = [visit(1), visit(2, 1, officer="o-budi"), visit(3, 2, officer="o-budi"), visit(4, 3)]
    assert advice(log) == [Advice(OTHERS_PHONE, PHONE, "o-budi", 2, 3, 2.0)]
    assert advice_of(log, {PHONE: OFFICER}, frozenset({PHONE})) == []
    assert advice_of(log, {}) == [], "who holds it is not known"


def test_a_clock_that_goes_back_is_no_reproach() -> None:
    """A clock set back by a year, in the middle of a day, makes no hurry and no journey of what was none."""
    before = [visit(seq, seq * 5, home=f"h{seq}") for seq in range(1, 8)]
    back = [one._replace(seq=one.seq + 7, at=one.at.replace("2024", "2023")) for one in before]
    assert advice(before + back) == []


@given(st.lists(st.tuples(st.integers(0, 1400), st.integers(0, 12), st.sampled_from([None, TIMIKA, TEMBAGAPURA]))))
def test_advice_lies_within_the_log(drawn: list[tuple[int, int, tuple[int, int] | None]]) -> None:
    """Whatever the log, each piece of advice is about a stretch of it, and nothing is said of nothing."""
    log = [
        visit(seq, minutes, home=str(home), place=place, hour=0) for seq, (minutes, home, place) in enumerate(drawn, 1)
    ]
    for one in advice(log):
        assert 1 <= one.first_seq <= one.last_seq <= len(log) and one.amount > 0


@pytest.mark.parametrize(("one", "other", "km"), [(TIMIKA, TIMIKA, 0.0), ((0, 0), (0, 180_000_000), 20015.1)])
def test_distances_are_those_of_the_globe(one: tuple[int, int], other: tuple[int, int], km: float) -> None:
    """Nothing to itself, half the equator to the other side."""
    assert round(distance_km(visit(1, place=one), visit(2, place=other)), 1) == km
