"""Every story ends with the rolls, standings and digests that were reasoned for it, in any order (SPEC §3–§6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecoklit.contract import policies
from ecoklit.core import columns, roll
from ecoklit.core.bulk import fold_lines
from ecoklit.core.policy import Policy, parse_policy
from ecoklit.core.replica import Replica
from ecoklit.core.wire import Held, read
from ecoklit.testing.vectors import shelf

HISTORIES = list(shelf.histories())
each_history = pytest.mark.parametrize("history", HISTORIES, ids=[name.removesuffix(".json") for _, name in HISTORIES])


def _policies(story: dict[str, Any]) -> dict[str, Policy]:
    more = [parse_policy(json.dumps(policy).encode()) for policy in story["policies"]]
    return {**policies(), **{policy.name: policy for policy in more}}


def _held(story: dict[str, Any]) -> list[Held]:
    return [read(event["line"].encode()) for event in story["events"]]


def _assert_told(story: dict[str, Any], held: list[Held], replica: Replica) -> None:
    assert [state.line.decode() for state in replica.states()] == story["states"]
    digests = roll.digests(roll.leaves(replica.states()))
    assert {code: digest.hex() for code, digest in digests.items()} == story["digests"]
    assert [replica.standing(one.hash).name for one in held] == [event["standing"] for event in story["events"]]
    assert replica.parked_count() == story["parked"]


@each_history
def test_a_story_ends_as_told(history: tuple[str, str]) -> None:
    """All events at once give the states, standings and digests of the story."""
    story = shelf.read(*history)
    held = _held(story)
    replica = Replica(_policies(story))
    replica.receive(held)
    _assert_told(story, held, replica)


@each_history
def test_the_order_of_arrival_changes_nothing(history: tuple[str, str]) -> None:
    """One event after the other, in each order and with repetitions, ends with the same bytes."""
    story = shelf.read(*history)
    held = _held(story)
    for order in story["orders"]:
        replica = Replica(_policies(story))
        for place in order:
            replica.receive([held[place]])
        _assert_told(story, held, replica)


@each_history
def test_two_halves_joined_are_the_whole(history: tuple[str, str]) -> None:
    """Two that hold half of a story each, and then join, hold the story."""
    story = shelf.read(*history)
    held = _held(story)
    order = story["orders"][2]
    left, right = Replica(_policies(story)), Replica(_policies(story))
    left.receive([held[place] for place in order[::2]])
    right.receive([held[place] for place in order[1::2]])
    left.join(right)
    right.join(left)
    _assert_told(story, held, left)
    _assert_told(story, held, right)


@each_history
def test_a_line_has_one_name(history: tuple[str, str]) -> None:
    """A line is named by its event's fault, or else by its person's, where the event counts or waits."""
    story = shelf.read(*history)
    held = _held(story)
    replica = Replica(_policies(story))
    replica.receive(held)
    for one, event in zip(held, story["events"], strict=True):
        standing = replica.standing(one.hash).name
        fault = None if standing in ("counted", "parked") else standing
        assert (fault or ("bad_person" if one.person_fault else None)) == event["line_fault"]


@each_history
def test_the_quick_fold_tells_the_same_story(history: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Read by columns wherever a line can be, a story has the same states, and every line the same name."""
    monkeypatch.setattr(columns, "ROWS_MIN", 1)
    story = shelf.read(*history)
    for order in story["orders"]:
        told = [story["events"][place] for place in order]
        folded = fold_lines([event["line"].encode() for event in told], _policies(story))
        assert [entry.line.decode() for entry in folded.entries] == story["states"]
        expected = [(number, event["line_fault"]) for number, event in enumerate(told, start=1) if event["line_fault"]]
        assert [(fault.number, fault.name) for fault in folded.faults] == expected
        assert folded.parked_count == story["parked"]


def test_an_erasure_changes_no_digest() -> None:
    """The same events with and without their persons have one digest for every area."""
    erased, control = shelf.read("stories", "erased-persons.json"), shelf.read("stories", "erased-persons-control.json")
    assert [event["hash"] for event in erased["events"]] == [event["hash"] for event in control["events"]]
    assert erased["digests"] == control["digests"]
    assert erased["states"] != control["states"]
