"""Who may come in now: rates, what is in flight, and whom a request is charged to."""

from __future__ import annotations

import contextlib

import pytest

from ecoklit.door.gate import Buckets, Gate, Turns
from ecoklit.http.address import address_of
from ecoklit.limits import (
    BYTES_PER_CALLER,
    IN_FLIGHT_PER_ADDRESS_MAX,
    PUSHES_PER_DEVICE,
    REQUESTS_PER_CALLER,
    RETRY_SECONDS,
    TURNS_PER_SECOND_MIN,
    Rate,
)
from ecoklit.problems import ProblemError, retry_after

PHONE = "phonephonephone2"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def code_of(gate: Gate, address: str | None) -> str | None:
    try:
        with gate.entered(address):
            return None
    except ProblemError as refused:
        assert 1 <= int(refused.headers["Retry-After"]) <= 600
        return refused.code


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    """After the burst one waits as long as the next token takes, and no longer; idling fills it, never above."""
    clock = Clock()
    buckets = Buckets(Rate(burst=3, per_second=2), clock)
    for _ in range(3):
        assert buckets.wait_seconds(PHONE) == 0
        buckets.charge(PHONE)
    assert buckets.wait_seconds(PHONE) == 0.5
    clock.now += 0.5
    assert buckets.wait_seconds(PHONE) == 0
    clock.now += 3600
    for _ in range(3):
        buckets.charge(PHONE)
    assert buckets.wait_seconds(PHONE) == 0.5
    assert buckets.wait_seconds("another") == 0


def test_the_longest_unseen_is_forgotten() -> None:
    """However many names come, no more than the bound are remembered, and the busy ones stay."""
    buckets = Buckets(Rate(burst=1, per_second=0.001), Clock(), buckets_max=3)
    for name in "abcd":
        buckets.charge("busy", 0)
        buckets.charge(name)
    assert [buckets.wait_seconds(name) > 0 for name in "abcd"] == [False, False, True, True]


def test_an_address_that_asks_too_often_waits() -> None:
    """More requests than the rate of an address are too_many, others' are not, and it may come again."""
    clock = Clock()
    gate = Gate(clock)
    for _ in range(int(REQUESTS_PER_CALLER.burst)):
        assert code_of(gate, "192.0.2.1") is None
    assert code_of(gate, "192.0.2.1") == "too_many"
    assert code_of(gate, "192.0.2.2") is None
    clock.now += 1
    assert code_of(gate, "192.0.2.1") is None


def test_an_address_that_sends_too_much_waits() -> None:
    """Bytes count too, and this machine itself has no rate."""
    clock = Clock()
    gate = Gate(clock)
    for address in ("192.0.2.1", None):
        gate.weigh(address, int(BYTES_PER_CALLER.burst) + 1)
    assert code_of(gate, "192.0.2.1") == "too_many"
    assert code_of(gate, None) is None
    clock.now += 1
    assert code_of(gate, "192.0.2.1") is None


def test_a_device_that_pushes_too_often_waits() -> None:
    """A device's receipted pushes are charged to it, wherever they came from."""
    gate = Gate(Clock())
    for _ in range(int(PUSHES_PER_DEVICE.burst)):
        gate.demand_device(PHONE)
        gate.devices.charge(PHONE)
    with pytest.raises(ProblemError, match="Retry-After"):
        gate.demand_device(PHONE)
    gate.demand_device("officeofficeoff2")


def test_no_more_are_in_flight_than_fit() -> None:
    """Beyond the bound a push is told to wait, and room that is left is given again, also after a failure."""
    gate = Gate(Clock(), in_flight_max=2)
    with gate.entered(None), gate.entered(None):
        assert code_of(gate, None) == "service_busy"
    with pytest.raises(ZeroDivisionError), gate.entered(None):
        raise ZeroDivisionError
    assert gate.in_flight == 0
    assert code_of(gate, None) is None


def test_one_address_leaves_room_for_others() -> None:
    """Who has all the requests in flight that one address may have waits; all others come in; nobody is remembered."""
    gate = Gate(Clock())
    with contextlib.ExitStack() as held:
        for _ in range(IN_FLIGHT_PER_ADDRESS_MAX):
            held.enter_context(gate.entered("192.0.2.1"))
        assert code_of(gate, "192.0.2.1") == "too_many"
        assert code_of(gate, "192.0.2.2") is None
        assert code_of(gate, None) is None
    assert code_of(gate, "192.0.2.1") is None
    assert not gate._of_caller


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("127.0.0.1", None, None),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "127.0.0.1", None),
        ("::1", "", None),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", None, "2001:db8:1:2::/64"),
        (None, None, None),
        ("127.0.0.1", "x" * 500, "x" * 64),
    ],
)
def test_a_request_is_charged_to_whoever_sent_it(
    peer: str | None, forwarded_for: str | None, address: str | None
) -> None:
    """The peer counts; only a proxy on this machine is believed about others, and only its own last word."""
    assert address_of(peer, forwarded_for) == address


def test_those_who_wait_come_back_apart() -> None:
    """Retry-After is never shorter than the wait, at most twice as long, bounded, and not the same for all."""
    waits = {int(retry_after(20)["Retry-After"]) for _ in range(200)}
    assert min(waits) >= 20 and max(waits) <= 40 and len(waits) > 5
    assert retry_after(10**9)["Retry-After"] == "600"
    assert 1 <= int(retry_after(0.0)["Retry-After"]) <= 2


def test_those_who_wait_come_one_after_another() -> None:
    """Of a crowd that finds all places taken each is told a later turn than the one before, twice as many in a second
    as places become free; when the crowd is gone, the next one waits no longer than anybody ever did."""
    clock = Clock()
    turns = Turns(clock)
    for _ in range(5):
        for _ in range(400):
            clock.now += 1 / 400
            turns.done()
    waits = [turns.wait_seconds() for _ in range(8000)]
    assert waits == sorted(waits) and waits[0] == RETRY_SECONDS
    assert 8000 / (2 * 420) < waits[-1] - waits[0] < 8000 / (2 * 300)
    clock.now += 3600
    assert turns.wait_seconds() == RETRY_SECONDS


def test_a_crowd_is_not_sent_away_for_long_by_a_door_that_stands() -> None:
    """Where no place becomes free at all, twenty thousand are told no more than two minutes apart."""
    turns = Turns(Clock())
    waits = [turns.wait_seconds() for _ in range(20_000)]
    assert waits[-1] <= RETRY_SECONDS + 20_000 / (2 * TURNS_PER_SECOND_MIN)
    assert Turns(Clock()).wait_seconds() == RETRY_SECONDS
