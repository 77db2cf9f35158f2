"""What is wrong with one event, person or clock by itself has the contract's name for it (SPEC §1, §2, §3.9)."""

from __future__ import annotations

from typing import Any

import pytest

from ecoklit.contract import policies
from ecoklit.core import columns
from ecoklit.core.bulk import fold_lines
from ecoklit.core.causality import BAD_CLOCK, BAD_EVENT, COUNTED, NOT_ON_ROLL, PARKED, UNKNOWN_POLICY, covers
from ecoklit.core.event import Malformed
from ecoklit.core.replica import fold
from ecoklit.core.wire import Held, read, write
from ecoklit.testing.vectors import shelf

SOUND = {COUNTED, PARKED, NOT_ON_ROLL, UNKNOWN_POLICY}
"""What one event alone can be without a fault of its own: nobody holds its causes."""


def _cases(name: str, key: str) -> Any:
    cases = shelf.read(name)[key]
    return pytest.mark.parametrize("line", [_bytes(case) for case in cases], ids=[case["note"] for case in cases])


def _bytes(case: dict[str, str]) -> bytes:
    return case["line"].encode() if "line" in case else bytes.fromhex(case["hex"])


def _alone(line: bytes) -> tuple[Held, str]:
    held = read(line)
    return held, fold([held], policies()).standing(held.hash).name


@_cases("lines.json", "valid")
def test_a_canonical_line_is_read_and_written_back(line: bytes) -> None:
    """A line that is read keeps its bytes, but for a person that is not the right one."""
    held = read(line)
    assert write(held.event_bytes, held.person_bytes) == (
        line if held.person_fault is None else write(held.event_bytes, None)
    )


@_cases("lines.json", "malformed")
def test_a_line_that_is_not_canonical_is_malformed(line: bytes) -> None:
    """No line has two spellings."""
    with pytest.raises(Malformed):
        read(line)


@_cases("events.json", "malformed")
def test_an_event_without_a_place_is_malformed(line: bytes) -> None:
    """An event that has no place in a device's log is nobody's."""
    with pytest.raises(Malformed):
        read(line)


@_cases("events.json", "valid")
def test_a_right_event_has_no_fault(line: bytes) -> None:
    """What the types allow is allowed."""
    held, standing = _alone(line)
    assert standing in SOUND
    assert held.fault is None and held.person_fault is None


@_cases("events.json", "bad_event")
def test_a_bad_event_is_held_and_named(line: bytes) -> None:
    """Any single fault makes an event bad, and leaves it its place in the log."""
    held, standing = _alone(line)
    assert standing == BAD_EVENT
    assert held.seq >= 1


@_cases("persons.json", "valid")
def test_a_right_person_is_kept(line: bytes) -> None:
    """What a person may hold is kept, byte for byte."""
    held, standing = _alone(line)
    assert standing in SOUND
    assert held.person is not None and held.line == line


@_cases("persons.json", "bad_person")
def test_a_bad_person_is_dropped_and_its_event_judged_without(line: bytes) -> None:
    """A person that does not fit is a fault of the copy, never of the event."""
    held, standing = _alone(line)
    assert standing in SOUND
    assert held.person is None and held.person_bytes is None and held.person_fault


@_cases("persons.json", "bad_person")
def test_a_bad_person_says_nothing_in_its_fault(line: bytes) -> None:
    """The reason never quotes a value of the person."""
    fault = read(line).person_fault or ""
    assert "Maria" not in fault and "91090" not in fault and "0812" not in fault


@_cases("clocks.json", "valid")
def test_a_right_clock_is_no_fault(line: bytes) -> None:
    """A clock of up to 64 devices, each with its saw, is sound."""
    assert _alone(line)[1] in SOUND


@_cases("clocks.json", "bad_clock")
def test_a_wrong_clock_is_named(line: bytes) -> None:
    """What is wrong with a clock by itself is a bad clock, not a bad event."""
    assert _alone(line)[1] == BAD_CLOCK


@pytest.mark.parametrize("file", ["lines.json", "events.json", "persons.json", "clocks.json"])
def test_the_quick_fold_names_the_same_faults(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read by columns where it can be, a wrong line has the name of its list."""
    monkeypatch.setattr(columns, "ROWS_MIN", 1)
    content = shelf.read(file)
    for key in set(content) & {"malformed", "bad_event", "bad_person", "bad_clock"}:
        for case in content[key]:
            faults = fold_lines([_bytes(case)], policies()).faults
            assert [(fault.number, fault.name) for fault in faults] == [(1, key)], case["note"]


@pytest.mark.parametrize("case", shelf.read("clocks.json")["covers"], ids=lambda case: case["note"])
def test_covering_is_knowing_at_least_as_much(case: dict[str, Any]) -> None:
    """f covers e when it knows all that e knew, and the two differ."""
    assert covers(case["f"], case["e"]) is case["covers"]
    assert not (covers(case["f"], case["e"]) and covers(case["e"], case["f"]))
