"""A pull is signed, and a page is read, alike by every program (SPEC §7.11)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecoklit.core import ids, signing
from ecoklit.field.page import read_page
from ecoklit.field.trouble import Away, WrongService
from ecoklit.testing.vectors import pen, pulls, shelf

PULLS = shelf.read("pulls.json")


def _note(case: dict[str, Any]) -> str:
    return str(case["note"])


def body_of(case: dict[str, Any]) -> bytes:
    return b"".join(line.encode() + b"\n" for line in case["lines"])


@pytest.mark.parametrize("case", PULLS["asks"], ids=lambda case: f"{case['algorithm']} {case['note']}")
def test_a_question_is_signed_as_a_whole(case: dict[str, Any]) -> None:
    """A signature is over the election, the device, the nonce, the TPS and the cursor, and where each of them ends."""
    message = signing.pull_message(case["election"], case["device"], case["nonce"], case["tps"], case["cursor"])
    key, signature = bytes.fromhex(case["public_key"]), ids.from_base64url(case["signature"])
    assert signing.verify(case["algorithm"], key, message, signature) is case["valid"]


@pytest.mark.parametrize("case", PULLS["pages"], ids=_note)
def test_a_page_says_this(case: dict[str, Any], contract_schema: Any) -> None:
    """A reader takes exactly this of a page, each of whose known lines fits the schema."""
    page = read_page(body_of(case), pen.ELECTION, pulls.STREAM)
    assert [[one.device, one.seq, one.name, one.why] for one in page.standings] == case["standings"]
    assert [list(one) for one in page.lost] == case["lost"]
    assert [one.name for one in page.policies] == case["policies"]
    assert (page.digest, page.position, page.registry, page.cursor) == (case["digest"], 9, 4, pulls.CURSOR)
    for line in map(json.loads, case["lines"]):
        if "later" not in line:
            contract_schema("pull").validate(line)


@pytest.mark.parametrize("case", PULLS["invalid"], ids=_note)
def test_what_is_no_page_is_refused(case: dict[str, Any]) -> None:
    """Nothing of a page that was cut off, or that is none, is taken."""
    with pytest.raises((Away, WrongService)):
        read_page(body_of(case), pen.ELECTION, pulls.STREAM)
