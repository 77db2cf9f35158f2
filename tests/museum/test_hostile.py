"""Faults that hostile bytes found, each with what it was."""

from __future__ import annotations

import pytest

from ecoklit.core.event import Malformed
from ecoklit.core.policy import PolicyFault, parse_policy
from ecoklit.core.receipt import Receipt, read_receipt, sign_receipt
from ecoklit.door.encoding import decoded
from ecoklit.errors import EcoklitError
from ecoklit.field.page import read_page
from ecoklit.problems import ProblemError
from ecoklit.services.reads import read_after, read_ask
from ecoklit.testing.made_up_keys import made_up_key

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


def test_a_receipt_has_one_spelling() -> None:
    """A receipt's line with a second signature, or with white space, was read as if it were the service's own."""
    receipt = Receipt(
        device="a" * 16, election="pilkada-2024", epoch=1, head="A" * 43, position={}, regency="9404", registry=1,
        seq=1, standings=[],
    )  # fmt: skip
    line = sign_receipt(made_up_key(1, "service"), receipt).line
    assert read_receipt(line + b"\n").line == line
    for other in (line[:-1] + b',"signature":"' + b"A" * 86 + b'"}', line.replace(b'{"receipt"', b'{ "receipt"', 1)):
        with pytest.raises(Malformed):
            read_receipt(other)


def test_a_frame_is_as_long_as_it_says() -> None:
    """A zstd frame that declares more than it holds was unpacked as if it were whole."""
    with pytest.raises(ProblemError) as refused:
        decoded(bytes.fromhex("28b52ffd60f732010000"), "zstd", 4096)
    assert refused.value.code == "bad_encoding"
