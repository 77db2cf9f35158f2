"""docs/ASVS.md has every requirement of levels 1 and 2 once, and points to nothing that is not there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "ASVS.md").read_text()
ROWS: Final = re.findall(r"^\| (\d+\.\d+\.\d+) \| ([^|]*) \| ([^|]*) \| (.*) \|$", PAGE, re.M)
NAMED: Final = re.compile(r"`((?:tests|docs|src|events|projections)/[^`]+|SECURITY\.md|uv\.lock)`")
STATES: Final = {"yes", "part", "no", "office", "–"}
UP_TO: Final = {
    1: {1: 2, 2: 9, 3: 11, 4: 3, 5: 2}, 2: {1: 3, 2: 3, 3: 4, 4: 1}, 3: {2: 2, 3: 4, 4: 6, 5: 5, 7: 2},
    4: {1: 3, 2: 1, 3: 2, 4: 4}, 5: {1: 1, 2: 3, 3: 2, 4: 3}, 6: {1: 3, 2: 12, 3: 4, 4: 4, 5: 5, 6: 3, 8: 4},
    7: {1: 3, 2: 4, 3: 2, 4: 5, 5: 2, 6: 2}, 8: {1: 2, 2: 3, 3: 1, 4: 1}, 9: {1: 3, 2: 4},
    10: {1: 2, 2: 2, 3: 4, 4: 11, 5: 5, 6: 2, 7: 3}, 11: {1: 2, 2: 3, 3: 3, 4: 4, 5: 1, 6: 1}, 12: {1: 3, 2: 2, 3: 4},
    13: {1: 1, 2: 5, 3: 2, 4: 5}, 14: {1: 2, 2: 4, 3: 3}, 15: {1: 3, 2: 3, 3: 7},
    16: {1: 1, 2: 5, 3: 4, 4: 3, 5: 3}, 17: {1: 1, 2: 4, 3: 2},
}  # fmt: skip
"""Of ASVS 5.0.0: how many requirements of levels 1 and 2 each section has. Those of level 3 are numbered after them."""


def test_every_requirement_stands_once_and_in_order() -> None:
    """The 253 of levels 1 and 2: none is left out, and none is ours alone."""
    asked = [f"{v}.{s}.{n}" for v, parts in UP_TO.items() for s, most in parts.items() for n in range(1, most + 1)]
    assert [number for number, *_ in ROWS] == asked
    assert len(asked) == 253


def test_every_line_says_how_it_is_kept() -> None:
    """Each has a state and says how; every test, page and file that it names is there."""
    assert [
        number for number, asks, state, how in ROWS if not asks.strip() or state not in STATES or not how.strip()
    ] == []
    assert [(number, name) for number, _, _, how in ROWS for name in NAMED.findall(how) if not _is_there(name)] == []


def _is_there(name: str) -> bool:
    path, _, test = name.partition("::")
    return (ROOT / path).exists() and (not test or test in _tests_of(path))


@cache
def _tests_of(path: str) -> frozenset[str]:
    return frozenset(re.findall(r"^(?:async )?def (test_\w+)", (ROOT / path).read_text(), re.M))


def test_most_of_what_is_kept_has_a_test() -> None:
    """Of the lines that say yes, at most a fifth rest on words or a page alone."""
    kept = [how for _, _, state, how in ROWS if state == "yes"]
    assert sum("`tests/" in how for how in kept) > 0.8 * len(kept) > 80
