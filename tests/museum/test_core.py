"""Bugs of the core that the laws found. Each was in the main branch once."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from ecoklit import contract
from ecoklit.contract import policies
from ecoklit.core import canonical, ids, replica, wire
from ecoklit.core.event import RECORD_FIELDS, Malformed
from ecoklit.core.replica import Replica
from ecoklit.core.wire import Held
from ecoklit.testing.random_history import RandomHistory

TPS = "9404012001001"
DEVICE = ids.device_id("ed25519", bytes(32))


def _line(change: Callable[[dict[str, Any]], None] = lambda wire: None) -> bytes:
    """A birth with a visit, and `change` made to it before it is committed to."""
    parts: dict[str, Any] = {
        "event": {
            "at": "2024-06-25T09:00:00+09:00",
            "clock": {DEVICE: 1},
            "device": DEVICE,
            "document": "ktp_el",
            "election": "pilkada-2024",
            "how": "in_person",
            "officer": "o-1",
            "policy": "2024-1",
            "prev": ids.to_base64url(ids.ZERO_HASH),
            "role": "pantarlih",
            "seq": 1,
            "tps": TPS,
            "type": "new",
            "v": 1,
        },
        "person": {
            "record": dict.fromkeys(RECORD_FIELDS),
            "salt": ids.to_base64url(bytes(16)),
            "visit": {"place": {"accuracy_m": 5, "lat_e6": -4_500_000, "lon_e6": 136_900_000}},
        },
    }
    change(parts)
    event, person = parts["event"], parts["person"]
    event["person"] = ids.to_base64url(ids.sha256(_bytes(person)))
    event["voter"] = ids.birth_id(event["election"], DEVICE, event["seq"], event["person"])
    return wire.write(_bytes(event), _bytes(person))


def _bytes(value: Any) -> bytes:
    # Not `canonical.encode`, which refuses what is tried here.
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _seq(parts: dict[str, Any]) -> None:
    parts["event"] |= {"seq": 2**53, "clock": {DEVICE: 2**53}}


def _clock(parts: dict[str, Any]) -> None:
    parts["event"]["clock"] = {DEVICE: -(2**53)}


def _nth(parts: dict[str, Any]) -> None:
    parts["event"] |= {"type": "not_met", "why": "absent", "nth": 2**53}
    del parts["event"]["how"], parts["event"]["document"]


def _accuracy(parts: dict[str, Any]) -> None:
    parts["person"]["visit"]["place"]["accuracy_m"] = 2**53


@pytest.mark.parametrize("change", [_seq, _clock, _nth, _accuracy])
def test_integer_beyond_2_53_is_malformed_on_the_quick_way(change: Callable[[dict[str, Any]], None]) -> None:
    """The reader by types let numbers of any size through, which the reader in words refuses (contract §1)."""
    wire.read(_line())
    with pytest.raises(Malformed):
        wire.read(_line(change))


def test_event_received_twice_is_no_fork_of_itself() -> None:
    """The very same object, received twice, passed for a second event with its name, and neither counted."""
    held: Held = wire.read(_line())
    folded = replica.fold([held, held], contract.policies())
    folded.join(replica.fold([held], contract.policies()))
    assert folded.standing(held.hash).name == "counted"
    assert len(folded.states()) == 1


def test_nesting_is_refused_by_a_number_not_by_the_stack() -> None:
    """What was 300 deep was bad_event to a reader with room on its stack, and malformed to one without."""
    deep: Any = 0
    for _ in range(16):
        deep = [deep]
    canonical.encode(deep)
    with pytest.raises(ValueError, match="deeper than 16"):
        canonical.encode([deep])


@pytest.mark.parametrize("seed", [3, 4, 6, 14])
def test_a_lost_dot_that_comes_after_all_is_judged_by_everybody(seed: int) -> None:
    """A lost dot that arrived after all, about another voter, stopped its namer only where it had come first."""
    history = RandomHistory(seed, events=80)
    held, draw = history.held, random.Random(seed)
    lost = {device: draw.randint(0, 6) for device in list(history.keys)[:4]}
    at_once, one_by_one = Replica(policies(), lost=lost), Replica(policies(), lost=lost)
    at_once.receive(held)
    draw.shuffle(held)
    for one in held:
        one_by_one.receive([one])
    assert [one_by_one.standing(one.hash) for one in held] == [at_once.standing(one.hash) for one in held]
    assert [state.line for state in one_by_one.states()] == [state.line for state in at_once.states()]
