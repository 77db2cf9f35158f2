"""A receipt is believed for one reason alone: a service that the election names signed its very bytes (SPEC §7.9)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecoklit.core.event import Malformed
from ecoklit.core.receipt import read_receipt
from ecoklit.core.signing import PublicKey
from ecoklit.testing.vectors import shelf

RECEIPTS = shelf.read("receipts.json")
SERVICES = {key.device: key for key in (PublicKey(**one) for one in RECEIPTS["services"])}


def _note(case: dict[str, Any]) -> str:
    return str(case["note"])


@pytest.mark.parametrize("case", RECEIPTS["cases"], ids=_note)
def test_a_receipt_is_signed_by_a_service_or_proves_nothing(case: dict[str, Any], contract_schema: Any) -> None:
    """It is read, kept as it was sent, and holds only under the key of a service that the election names."""
    signed = read_receipt(case["line"].encode())
    assert (signed.line.decode(), signed.receipt.seq) == (case["line"], case["seq"])
    assert signed.signed_by(SERVICES) is case["valid"]
    contract_schema("receipt").validate(json.loads(case["line"]))


@pytest.mark.parametrize("case", RECEIPTS["invalid"], ids=_note)
def test_what_is_no_receipt_is_refused(case: dict[str, Any]) -> None:
    """Another spelling, a part of one, or a member of another form is none."""
    with pytest.raises(Malformed):
        read_receipt(case["line"].encode())
