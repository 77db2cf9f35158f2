"""Faults that hostile bytes found, each with what it was."""

from __future__ import annotations

import pytest

from ecoklit.core.policy import PolicyFault, parse_policy
from ecoklit.errors import EcoklitError
from ecoklit.field.page import read_page
from ecoklit.services.reads import read_after, read_ask

DEEP = b'{"x":' + b"[" * 100_000


@pytest.mark.parametrize("body", [DEEP, b'{"x":"\xff"}', DEEP + b'\n{"page":{"cursor":"","more":false}}', b"\x82\xff"])
def test_a_page_that_cannot_be_read_is_named(body: bytes) -> None:
    """An answer that nests without end, or is no UTF-8, ended a sync in a trace instead of a sentence."""
    with pytest.raises(EcoklitError):
        read_page(body, "pilkada-2024", "ECOKLIT-pilkada-2024-9404")


def test_a_question_that_nests_without_end_is_named() -> None:
    """Over NATS a pull or a question for the registry that nests without end was a fault of the service."""
    for asked in (lambda: read_ask("a" * 16, DEEP), lambda: read_after(DEEP)):
        with pytest.raises(EcoklitError) as refused:
            asked()
        assert refused.value.code == "bad_argument"


def test_a_policy_that_nests_without_end_is_none() -> None:
    """A policy in a page's line, or in a file, was read until the stack ended."""
    with pytest.raises(PolicyFault):
        parse_policy(DEEP)
