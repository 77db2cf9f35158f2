"""An enrolment code stands for the same key in every program (SPEC §8.5)."""

from __future__ import annotations

from typing import Any

import pytest

from ecoklit.core import enrolment
from ecoklit.core.enrolment import BadEnrolment
from ecoklit.testing.vectors import shelf

CODES = shelf.read("codes.json")


def _note(case: dict[str, Any]) -> str:
    return str(case["note"])


@pytest.mark.parametrize("case", CODES["valid"], ids=lambda case: case["code"])
def test_a_code_is_one_key(case: dict[str, str]) -> None:
    """A code gives this key in this election and regency, and its symbols check each other."""
    key = enrolment.voucher_key(case["code"], case["election"], case["regency"])
    assert (key.seed.hex(), key.public.public_key, key.device) == (case["seed"], case["public_key"], case["device"])
    assert enrolment.read_code(case["code"]) == case["code"]


@pytest.mark.parametrize("case", CODES["same"], ids=_note)
def test_what_a_person_types_is_understood(case: dict[str, str]) -> None:
    """Case, pauses and look-alikes do not matter."""
    assert enrolment.read_code(case["typed"]) == case["code"]


@pytest.mark.parametrize("case", CODES["invalid"], ids=_note)
def test_a_mistake_is_told(case: dict[str, str]) -> None:
    """A code with a mistake is refused before anybody is asked."""
    with pytest.raises(BadEnrolment):
        enrolment.read_code(case["typed"])
