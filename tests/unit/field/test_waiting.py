"""How long a phone waits, and what it does when the network is away."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.errors import EcoklitError
from ecoklit.field.client import Synced
from ecoklit.field.follow import follow, passes
from ecoklit.field.trouble import Away, PhoneFault, Stuck, TryLater, WrongService
from ecoklit.field.waiting import ASKED_SECONDS_MAX, WAIT_SECONDS_MAX, Waiting

NOTHING = Synced(0, 0, 0, [], [])


@given(st.lists(st.floats(min_value=0, max_value=1, exclude_max=True), min_size=1, max_size=60))
def test_a_wait_lies_between_nothing_and_a_bound_that_doubles(chances: list[float]) -> None:
    """The nth wait is a chance of 2, 4, 8 … seconds, and never of more than five minutes."""
    drawn = iter(chances)
    waiting = Waiting(lambda: next(drawn))
    waits = [waiting.seconds() for _ in chances]
    bounds = [min(2.0 * 2**nth, WAIT_SECONDS_MAX) for nth in range(len(chances))]
    assert waits == [chance * bound for chance, bound in zip(chances, bounds, strict=True)]


def test_waits_of_many_phones_are_spread_over_the_whole_bound() -> None:
    """Phones that lost the network together do not come back together."""
    random = Random(1)
    waits = []
    for _ in range(1000):
        waiting = Waiting(random.random)
        waiting.seconds()
        waits.append(waiting.seconds())
    tenths = [sum(nth * 0.4 <= wait < (nth + 1) * 0.4 for wait in waits) for nth in range(10)]
    assert min(tenths) > 60


@pytest.mark.parametrize(
    ("asked", "least"), [(30.0, 30.0), (1e9, ASKED_SECONDS_MAX), (float("inf"), ASKED_SECONDS_MAX), (-5.0, 0.0)]
)
def test_a_service_is_left_alone_for_as_long_as_it_asks_within_reason(asked: float, least: float) -> None:
    """Retry-After is kept, and one that would silence a phone for ever is not."""
    assert Waiting(lambda: 0.0).seconds(asked) == least


def test_after_a_success_the_next_failure_is_a_first_one() -> None:
    """The bound falls back when a sync succeeded."""
    waiting = Waiting(lambda: 0.5)
    assert [waiting.seconds(), waiting.seconds()] == [1.0, 2.0]
    waiting.succeeded()
    assert waiting.seconds() == 1.0


class Ended(Exception):
    """The test has seen enough."""


def run(outcomes: list[Synced | EcoklitError], news: bool = False) -> tuple[list[float], list[Synced | EcoklitError]]:
    """What `follow` slept and told while its syncs came to `outcomes`."""
    left, slept, told = list(outcomes), [], []

    def sync() -> Synced:
        if not left:
            raise Ended
        outcome = left.pop(0)
        if isinstance(outcome, EcoklitError):
            raise outcome
        return outcome

    with pytest.raises((Ended, Stuck)):
        follow(
            sync,
            has_news=lambda: news,
            tell=told.append,
            waiting=Waiting(lambda: 0.5),
            sleep=slept.append,
            idle_seconds=3.0,
        )
    return slept, told


def test_it_goes_on_when_the_network_returns() -> None:
    """However often nobody answers, the phone tries again, later and later, and syncs once somebody does."""
    away = Away("no answer")
    slept, told = run([away, away, away, NOTHING])
    assert slept[:3] == [1.0, 2.0, 4.0]
    assert told == [away, away, away, NOTHING]


def test_a_new_entry_is_sent_without_waiting() -> None:
    """While nothing is new it rests; an entry that is saved meanwhile ends the rest."""
    assert run([NOTHING, NOTHING])[0] == [1.0] * 6
    assert run([NOTHING, NOTHING], news=True)[0] == []


def test_what_no_waiting_helps_ends_it() -> None:
    """A key that was used elsewhere is said at once; an enrolment that is not there yet is waited for."""
    forked, unknown = Stuck("equivocation", ""), Stuck("unknown_device", "")
    assert run([unknown, NOTHING])[1] == [unknown, NOTHING]
    assert run([forked, NOTHING])[1] == []


@pytest.mark.parametrize(
    ("error", "is_waited_out"),
    [
        (Away(""), True),
        (TryLater("busy", "", 1.0), True),
        (WrongService(""), True),
        (PhoneFault("phone_in_use", ""), True),
        (PhoneFault("phone_damaged", ""), False),
        (EcoklitError("anything", ""), False),
    ],
)
def test_only_what_may_pass_is_waited_out(error: EcoklitError, is_waited_out: bool) -> None:
    """A sign-in page goes away by itself, a damaged store does not."""
    assert passes(error) == is_waited_out
