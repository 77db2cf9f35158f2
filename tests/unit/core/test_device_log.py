"""The author's side writes what the law counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecoklit import contract
from ecoklit.core import ids, replica, wire
from ecoklit.core.device_log import DeviceLog, clock_and_saw
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.wire import Held

TPS = "9404012001001"
AT = "2024-06-25T09:00:00+09:00"


def _log(name: str, role: str = "pantarlih", **at: Any) -> DeviceLog:
    device = ids.device_id("ed25519", ids.sha256(name.encode()))
    return DeviceLog("pilkada-2024", device, officer=f"o-{name}", role=role, policy="2024-1", **at)


def _birth(log: DeviceLog, number: int = 0) -> Held:
    person = {"salt": ids.to_base64url(bytes([number] * 16)), "record": dict.fromkeys(RECORD_FIELDS)}
    return log.append("listed", tps=TPS, at=AT, person=person, source="dp4-2024")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=25))
def test_everything_appended_counts(deeds: list[tuple[int, int, bool]]) -> None:
    """Whatever phones write through their logs, each from what it holds, counts; and each log is one chain."""
    office = _log("office", "kpu")
    births = [_birth(office, number) for number in range(3)]
    logs = [_log(f"door-{number}") for number in range(4)]
    holds: list[list[list[Held]]] = [[[birth] for birth in births] for _ in logs]
    written: list[list[Held]] = [[] for _ in logs]
    for who, whom, heard in deeds:
        seen = holds[who][whom]
        if heard:
            for others in holds:
                seen += [held for held in others[whom] if held not in seen]
        held = logs[who].append("found", tps=TPS, at=AT, voter=births[whom].voter, seen=seen, how="family")
        seen.append(held)
        written[who].append(held)
    everything = [held for log in (births, *written) for held in log]
    folded = replica.fold(reversed(everything), contract.policies())
    assert {folded.standing(held.hash).name for held in everything} == {"counted"}
    for log in (births, *written):
        prevs = [ids.to_base64url(ids.ZERO_HASH), *(ids.to_base64url(held.hash) for held in log)]
        assert [held.prev for held in log] == prevs[:-1]
        assert [held.seq for held in log] == list(range(1, len(log) + 1))


def test_bad_event_is_not_written() -> None:
    """What would be bad by itself is refused, and the log stands where it stood."""
    log, birth = _log("door"), _birth(_log("office", "kpu"))
    with pytest.raises(ValueError, match="how"):
        log.append("found", tps=TPS, at=AT, voter=birth.voter, seen=[birth], how="by_letter")
    with pytest.raises(ValueError, match="needs its person"):
        log.append("new", tps=TPS, at=AT, how="family", document="ktp_el")
    assert (log.seq, log.prev) == (0, ids.to_base64url(ids.ZERO_HASH))


def test_restarted_device_goes_on() -> None:
    """With seq and prev of its last event a device continues its chain."""
    log, birth = _log("door"), _birth(_log("office", "kpu"))
    first = log.append("found", tps=TPS, at=AT, voter=birth.voter, seen=[birth], how="family")
    again = _log("door", seq=first.seq, prev=ids.to_base64url(first.hash))
    second = again.append("not_met", tps=TPS, at=AT, voter=birth.voter, seen=[birth, first], why="absent", nth=1)
    assert (second.seq, second.prev) == (2, ids.to_base64url(first.hash))
    folded = replica.fold([second, first, birth], contract.policies())
    assert folded.standing(second.hash).name == "counted"


def test_clock_that_would_fall_is_refused() -> None:
    """A device that no longer holds what it had seen is told so, before it writes a bad clock."""
    log, birth = _log("door"), _birth(_log("office", "kpu"))
    first = log.append("found", tps=TPS, at=AT, voter=birth.voter, seen=[birth], how="family")
    with pytest.raises(ValueError, match="is missing from what it holds"):
        log.append("found", tps=TPS, at=AT, voter=birth.voter, seen=[first], how="family")


def test_clock_names_the_latest_of_each() -> None:
    """Of every other device the event with the highest seq is named, in order of device, however they came."""
    office = _log("office", "kpu")
    birth, log = _birth(office), _log("door")
    first = log.append("found", tps=TPS, at=AT, voter=birth.voter, seen=[birth], how="family")
    second = log.append("found", tps=TPS, at=AT, voter=birth.voter, seen=[birth, first], how="document")
    for seen in ([birth, first, second], [second, first, birth]):
        said = clock_and_saw("a" * 16, 7, seen)
        assert said["clock"] == {"a" * 16: 7, log.device: 2, office.device: 1}
        marks = {log.device: second.mark, office.device: birth.mark}
        assert said["saw"] == [marks[device] for device in sorted(marks)]


def test_lines_are_read_back() -> None:
    """What is appended is read back from its line as the very same event."""
    birth = _birth(_log("office", "kpu"))
    assert wire.read(birth.line) == birth
