"""A replica says what an arrival changed, and what stands in whose way."""

from __future__ import annotations

import pytest

from ecoklit import contract
from ecoklit.core import ids, replica, wire
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.replica import Replica
from ecoklit.core.wire import Held

TPS = "9404012001001"
AT = "2024-06-25T09:00:00+09:00"


def _log(name: str, role: str = "pantarlih") -> DeviceLog:
    device = ids.device_id("ed25519", ids.sha256(name.encode()))
    return DeviceLog("pilkada-2024", device, officer=f"o-{name}", role=role, policy="2024-1")


@pytest.fixture
def history() -> tuple[Held, Held, Held]:
    """A birth, a visit that saw it, and a proposal that saw both."""
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS)}
    birth = _log("office", "kpu").append("listed", tps=TPS, at=AT, person=person, source="dp4-2024")
    met = _log("door").append("found", tps=TPS, at=AT, voter=birth.voter, seen=[birth], how="in_person")
    late = _log("desk").append("deceased", tps=TPS, at=AT, voter=birth.voter, seen=[birth, met])
    return birth, met, late


def _empty() -> Replica:
    return replica.fold([], contract.policies())


def test_parked_event_is_released_by_its_cause(history: tuple[Held, Held, Held]) -> None:
    """An event waits for the one it saw, says for which, and counts when that one comes."""
    birth, met, late = history
    folded = _empty()
    assert folded.receive([birth, late]) == [birth.key]
    assert folded.standing(late.hash).name == "parked"
    assert f"{met.device}:{met.seq}" in folded.standing(late.hash).why
    assert folded.parked_count() == 1
    assert folded.receive([met]) == [birth.key]
    assert folded.standing(late.hash).name == "counted"
    assert folded.parked_count() == 0


def test_cause_about_another_voter_touches_who_waited(history: tuple[Held, Held, Held]) -> None:
    """When an awaited name turns out to be about somebody else, the voter that waited is folded again."""
    birth, _, late = history
    person = {"salt": ids.to_base64url(bytes([1] * 16)), "record": dict.fromkeys(RECORD_FIELDS)}
    stranger = _log("door").append("new", tps=TPS, at=AT, person=person, how="family", document="ktp_el")
    folded = _empty()
    folded.receive([birth, late])
    assert set(folded.receive([stranger])) == {birth.key, stranger.key}
    assert folded.standing(late.hash).name == "wrong_cause"


def test_right_person_completes_an_event(history: tuple[Held, Held, Held]) -> None:
    """The decision stands without the person, byte for byte; the record comes with it."""
    birth = history[0]
    folded = _empty()
    folded.receive([wire.hold(birth.event_bytes, None)])
    bare = folded.state(birth.key)
    assert bare is not None
    assert bare.record is None
    assert folded.receive([birth]) == [birth.key]
    full = folded.state(birth.key)
    assert full is not None
    assert full.record is not None
    assert full.decision_bytes == bare.decision_bytes
    assert folded.receive([wire.hold(birth.event_bytes, None), birth]) == []


def test_registry_can_keep_an_event_out(history: tuple[Held, Held, Held]) -> None:
    """A quarantined event is held, so that others may have seen it, and does not count."""
    birth, met, late = history
    folded = Replica(contract.policies(), {met.hash: "revoked_device"})
    folded.receive(history)
    assert folded.standing(met.hash).name == "revoked_device"
    assert folded.standing(late.hash).name == "counted"
    state = folded.state(birth.key)
    assert state is not None
    assert (state.decision.verdict, state.decision.proposed) == ("unvisited", ["deceased"])


def test_unheld_event_has_no_standing(history: tuple[Held, Held, Held]) -> None:
    """Asking after an event that is not held is an error of the asker."""
    with pytest.raises(KeyError):
        _empty().standing(history[0].hash)
