"""The slow reference of tests/laws, which was written without sight of the vectors, says what they say."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ecoklit.testing.vectors import shelf

HISTORIES = list(shelf.histories())


@cache
def _reference() -> ModuleType:
    path = Path(__file__).parents[1] / "laws" / "reference.py"
    spec = importlib.util.spec_from_file_location("ecoklit_reference", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def _policies(story: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = dict(_reference().POLICIES)
    for policy in story["policies"]:
        rows = {removal.removeprefix("disqualified/"): row for removal, row in policy["removals"].items()}
        known[policy["policy"]] = {
            "accepted": {removal: row["accepted"] for removal, row in rows.items()},
            "known": {removal: row["never_enough"] for removal, row in rows.items()},
        }
    return known


@pytest.mark.parametrize(("folder", "name"), HISTORIES, ids=[name.removesuffix(".json") for _, name in HISTORIES])
def test_the_reference_tells_the_same_story(folder: str, name: str) -> None:
    """States, digests and the name of every line are the same, in a scrambled order with repetitions."""
    story = shelf.read(folder, name)
    order = story["orders"][2]
    outcome = _reference().fold([story["events"][place]["line"].encode() for place in order], _policies(story))
    assert [state.decode() for state in outcome.states] == story["states"]
    assert outcome.digests == story["digests"]
    told = [story["events"][place] for place in order]
    expected = [event["line_fault"] or ("parked" if event["standing"] == "parked" else None) for event in told]
    assert list(outcome.names) == expected


@pytest.mark.parametrize("file", ["lines.json", "events.json", "persons.json", "clocks.json"])
def test_the_reference_names_the_same_faults(file: str) -> None:
    """Each wrong line alone has the same name, and each right one none of those names."""
    # A line that is read may still hold a bad event: that is for the other files.
    wrong = {"malformed"} if file == "lines.json" else {"malformed", "bad_event", "bad_clock"}
    for key, cases in shelf.read(file).items():
        if key in ("about", "covers"):
            continue
        for case in cases:
            line = case["line"].encode() if "line" in case else bytes.fromhex(case["hex"])
            name = _reference().fold([line]).names[0]
            assert (name not in wrong) if key == "valid" else (name == key), case["note"]
