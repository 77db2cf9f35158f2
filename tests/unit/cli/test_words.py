"""Ids that people type: what is one, and what may never be one."""

from __future__ import annotations

import argparse

import pytest

from ecoklit.cli.command import word


@pytest.mark.parametrize("text", ["kpu", "siti-01", "ppk_940401", "123456789012345", "12345678901234567", "a" * 32])
def test_a_word_is_taken_as_it_is(text: str) -> None:
    """An id of 1 to 32 small letters, digits, _ and - is taken unchanged, whatever number of digits but 16."""
    assert word(text) == text


@pytest.mark.parametrize("text", ["", "Siti", "siti aminah", "a" * 33, "é"])
def test_what_is_no_word_is_refused(text: str) -> None:
    """Anything else is refused, and the refusal says what a word is."""
    with pytest.raises(argparse.ArgumentTypeError, match="1 to 32 characters"):
        word(text)


def test_an_identity_number_is_no_id() -> None:
    """16 digits are a NIK or an NKK: they would stand in every event, so they are refused, and not repeated."""
    number = "9404011507700001"
    with pytest.raises(argparse.ArgumentTypeError, match="identity number") as refused:
        word(number)
    assert number not in str(refused.value)
