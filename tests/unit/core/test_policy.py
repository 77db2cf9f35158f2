"""Policies are data, and wrong data is refused with a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecoklit import contract
from ecoklit.core.policy import NO_STRENGTH, PolicyFault, parse_policy


def test_strength_is_the_place_in_the_row() -> None:
    """The weakest accepted word has 0; a word of another row, or one that is never enough, has no strength."""
    policy = contract.policies()["2024-1"]
    assert policy.strength("deceased", "village_letter") == 0
    assert policy.strength("deceased", "death_certificate") == 2
    assert policy.strength("moved_away", "transfer_letter") == 4
    for removal, word in (("deceased", "grave_photo"), ("deceased", "passport"), ("disqualified/unknown", "ktp_el")):
        assert policy.strength(removal, word) == NO_STRENGTH


def test_removal_without_a_row_accepts_nothing() -> None:
    """A policy need not name every removal."""
    policy = parse_policy(b'{"policy":"x","removals":{}}')
    assert policy.strength("deceased", "death_certificate") == NO_STRENGTH


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b'{"policy":"x"}',
        b'{"policy":"X","removals":{}}',
        b'{"policy":"x","removals":{"deceased":{"accepted":["A b"]}}}',
        b'{"policy":"x","removals":{"deceased":{"accepted":["a","a"]}}}',
        b'{"policy":"x","removals":{"deceased":{"accepted":["a"],"never":[]}}}',
        b'{"policy":"x","removals":{},"more":1}',
        b"\xff",
    ],
)
def test_what_is_no_policy_is_refused(data: bytes) -> None:
    """Each of these is refused by the name bad_policy, with a reason, and not half read."""
    with pytest.raises(PolicyFault) as refused:
        parse_policy(data)
    assert refused.value.code == "bad_policy"
    assert refused.value.message


def test_order_of_words_is_their_strength() -> None:
    """The same words in another order are another policy."""
    row: Any = {"accepted": ["b", "a"]}
    policy = parse_policy(json.dumps({"policy": "x", "removals": {"deceased": row}}).encode())
    assert (policy.strength("deceased", "b"), policy.strength("deceased", "a")) == (0, 1)
