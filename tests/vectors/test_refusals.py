"""A push is taken whole, or refused by the first name that fits (SPEC §7.4)."""

from __future__ import annotations

from typing import Any

import pytest

from ecoklit.core import admission, ids, wire
from ecoklit.testing.vectors import keys, shelf
from ecoklit.testing.vectors.bytes_and_names import head_message

REFUSALS = shelf.read("refusals.json")
DEVICES = {device["device"]: device for device in REFUSALS["devices"]}


@pytest.mark.parametrize("case", REFUSALS["cases"], ids=lambda case: case["note"])
def test_a_push_is_taken_or_refused_by_name(case: dict[str, Any]) -> None:
    """The first refusal in the contract's order is the one that is named; otherwise what is new is taken."""
    try:
        outcome = _push(case)
    except admission.Refused as refused:
        outcome = {"code": refused.code}
        if "expected" in case["expect"]:
            assert f"from {case['expect']['expected']} on" in refused.message
    assert outcome == {key: value for key, value in case["expect"].items() if key != "expected"}


def _push(case: dict[str, Any]) -> dict[str, Any]:
    body = "".join(line + "\n" for line in case["push"]).encode() * case["times"]
    push = admission.read_push(body, REFUSALS["election"])
    # The registry and its keys stand between what a push says and what is held; here the vectors' own do.
    if push.device not in DEVICES:
        return {"code": admission.UNKNOWN_DEVICE}
    if not _is_signed(push, DEVICES[push.device], case["signature"]):
        return {"code": admission.BAD_SIGNATURE}
    log = [held for line in case["held"] if (held := wire.read(line.encode())).device == push.device]
    known = admission.Known(max((one.seq for one in log), default=0), {one.seq: one.hash for one in log})
    taken = admission.admit(push, known)
    return {"taken": len(taken), "seq": max(known.seq, push.last)}


def _is_signed(push: admission.Push, device: dict[str, str], signature: str) -> bool:
    last = push.held[-1]
    message = head_message(REFUSALS["election"], push.device, last.seq, ids.to_base64url(last.hash))
    return keys.verify(device["algorithm"], bytes.fromhex(device["public_key"]), message, ids.from_base64url(signature))
