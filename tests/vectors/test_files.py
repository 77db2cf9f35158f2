"""The vector files are what their author writes, and together they are what the contract promises of them."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from ecoklit.contract import data_path
from ecoklit.testing.vectors import shelf
from ecoklit.testing.vectors.__main__ import written
from ecoklit.testing.vectors.files import files
from ecoklit.testing.vectors.stories import STORIES

FILES = files()
INVALID_KEYS = ("invalid", "malformed", "bad_event", "bad_person", "bad_clock")


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_what_its_author_writes(name: str) -> None:
    """`python -m ecoklit.testing.vectors events/vectors` would change nothing."""
    assert shelf.text(*name.split("/")) == written(FILES[name])


def test_no_file_is_left_over() -> None:
    """Every vector comes from its author, but the long histories, which are kept as they were given."""
    on_shelf = {*shelf.names(), *(f"stories/{name}" for name in shelf.names("stories"))}
    assert on_shelf == set(FILES)
    assert shelf.names("histories") == ["hostile.json", "plain.json", "without-persons.json"]


def test_every_story_has_a_name_of_its_own() -> None:
    """Two stories of one name would overwrite each other's file unseen."""
    names = [story.name for story in STORIES]
    assert len(set(names)) == len(names)
    assert len(names) >= 40


def test_invalid_cases_outnumber_valid_ones() -> None:
    """Most that can be got wrong is in refusing."""
    count: Counter[str] = Counter()
    for name in shelf.names():
        for key, cases in _leaves(shelf.read(name)):
            count["invalid" if key in INVALID_KEYS else "valid"] += cases
    assert count["invalid"] > count["valid"]


def test_every_fault_of_a_bare_fold_has_a_story() -> None:
    """No name of §3.8 is without an example."""
    told = {event["line_fault"] or event["standing"] for name in shelf.names("stories")
            for event in shelf.read("stories", name)["events"]}  # fmt: skip
    assert told == {
        "counted", "parked", "bad_event", "bad_clock", "bad_person", "unknown_policy", "wrong_cause",
        "not_on_roll", "equivocation",
    }  # fmt: skip


def test_every_refusal_has_a_case() -> None:
    """No code of §7.4 is without an example."""
    codes = set(re.findall(r"^\| `([a-z_]+)` \| .* \| \d{3} \|$", _spec(), re.MULTILINE))
    assert codes == {case["expect"].get("code") for case in shelf.read("refusals.json")["cases"]} - {None}


def test_every_clause_that_is_cited_exists() -> None:
    """A vector's reason can be looked up."""
    clauses = set(re.findall(r"^\*\*(\d+\.\d+)\b", _spec(), re.MULTILINE))
    sections = set(re.findall(r"^## (\d+)\.", _spec(), re.MULTILINE))
    everything = "".join(shelf.read("stories", name)["why"] for name in shelf.names("stories"))
    everything += "".join(shelf.read(name)["about"] for name in shelf.names())
    cited = set(re.findall(r"§(\d+(?:\.\d+)*)", everything.replace("RFC 6962 §2.1", "")))
    assert cited <= clauses | sections
    assert len(cited) > 30


def test_the_example_histories_have_three_orders() -> None:
    """Each history is told in several orders, with at least one that is not sorted."""
    for folder, name in shelf.histories():
        orders = shelf.read(folder, name)["orders"]
        assert len(orders) == 3
        assert all(set(order) == set(orders[0]) for order in orders)


def _spec() -> str:
    return data_path("events", "SPEC.md").read_text(encoding="utf-8")


def _leaves(content: dict[str, Any]) -> list[tuple[str, int]]:
    found = []
    for key, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            if key == "cases":
                wrong = sum(1 for case in value if case.get("valid") is False or "code" in case.get("expect", {}))
                found += [("invalid", wrong), ("valid", len(value) - wrong)]
            else:
                found.append((key, len(value)))
        elif key == "invalid":
            found.append((key, sum(len(cases) for cases in value.values())))
    return found
