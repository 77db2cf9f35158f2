"""Lines and their two parts; and what a refusal may say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecoklit.core import ids, wire
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS, Malformed

SECRET = "Siti Rahayu 9404014107990001"


def _birth_line() -> bytes:
    log = DeviceLog("pilkada-2024", "a" * 16, officer="o-1", role="kpu", policy="2024-1")
    record = dict.fromkeys(RECORD_FIELDS) | {"name": SECRET}
    person = {"salt": ids.to_base64url(bytes(16)), "record": record}
    return log.append("listed", tps="9404012001001", at="2024-06-25T09:00:00Z", person=person, source="dp4").line


def test_parts_make_the_line() -> None:
    """A line is read as its two parts, and they make the line again, with the person and without."""
    line = _birth_line()
    held = wire.read(line)
    assert wire.write(held.event_bytes, held.person_bytes) == line == held.line
    without = wire.hold(held.event_bytes, None)
    assert wire.read(without.line) == without
    assert without.hash == held.hash


def test_wrong_person_is_dropped_and_the_event_stays() -> None:
    """A person that is not the right one is a fault of the copy: the event is held as if it had come without."""
    held = wire.read(_birth_line())
    other = wire.hold(held.event_bytes, b'{"salt":"AAAAAAAAAAAAAAAAAAAAAA"}')
    assert other.event == held.event
    assert (other.person, other.person_bytes) == (None, None)
    assert other.person_fault is not None


@pytest.mark.parametrize("name", ["name", "sex", "extra"])
def test_refusal_of_a_person_tells_nothing_of_it(name: str) -> None:
    """Why a person is bad is said without any of its values: they would end up in logs."""
    held = wire.read(_birth_line())
    person: Any = json.loads(held.person_bytes or b"")
    person["record"][name] = SECRET if name != "name" else [SECRET]
    bad = wire.hold(held.event_bytes, json.dumps(person, sort_keys=True, separators=(",", ":")).encode())
    assert bad.person_fault is not None
    assert not any(word in bad.person_fault for word in (*SECRET.split(), SECRET))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_byte_can_be_changed_unseen(data: st.DataObject) -> None:
    """A line with any byte changed is malformed, another event, or without its person; never the same one."""
    line = _birth_line()
    held = wire.read(line)
    place = data.draw(st.integers(0, len(line) - 1))
    changed = line[:place] + bytes([data.draw(st.integers(0, 255))]) + line[place + 1 :]
    if changed == line:
        return
    try:
        other = wire.read(changed)
    except Malformed as refused:
        assert refused.code == "malformed"
        assert SECRET not in refused.message
        return
    assert other.hash != held.hash or other.person is None
