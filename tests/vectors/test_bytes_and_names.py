"""Canonical bytes, names, trees and signatures are those of the contract (SPEC §1.2–§1.4, §6.5, §6.6, §7.2)."""

from __future__ import annotations

from typing import Any

import pytest

from ecoklit.core import canonical, ids, merkle, roll
from ecoklit.testing.vectors import keys, shelf
from ecoklit.testing.vectors.bytes_and_names import head_message

CANONICAL = shelf.read("canonical.json")
NAMES = shelf.read("names.json")
DIGESTS = shelf.read("digests.json")

FORMS = {
    "device": ids.is_device,
    "hash": ids.is_hash,
    "mark": ids.is_mark,
    "voter": ids.is_voter,
    "tps": ids.is_tps,
    "area": ids.is_area,
    "word": ids.is_word,
}


def _note(case: dict[str, Any]) -> str:
    return str(case["note"])


@pytest.mark.parametrize("case", CANONICAL["valid"], ids=_note)
def test_a_value_has_one_form(case: dict[str, Any]) -> None:
    """A value is written as exactly these bytes, which are read back as the value."""
    raw = bytes.fromhex(case["hex"])
    assert canonical.encode(case["value"]) == raw
    assert canonical.decode(raw) == case["value"]
    assert ids.sha256(raw).hex() == case["sha256"]


@pytest.mark.parametrize("case", CANONICAL["invalid"], ids=_note)
def test_other_bytes_are_the_form_of_nothing(case: dict[str, Any]) -> None:
    """Bytes that are not canonical are refused, never repaired."""
    with pytest.raises(ValueError):
        canonical.decode(bytes.fromhex(case["hex"]))


@pytest.mark.parametrize("case", NAMES["devices"], ids=lambda case: case["device"])
def test_a_device_is_named_by_its_key(case: dict[str, str]) -> None:
    """The name of a device follows from its public key alone."""
    assert ids.device_id(case["algorithm"], bytes.fromhex(case["public_key"])) == case["device"]


@pytest.mark.parametrize("case", NAMES["invalid"]["key"], ids=_note)
def test_no_key_no_device(case: dict[str, str]) -> None:
    """A key of the wrong kind or length names no device."""
    with pytest.raises(ValueError):
        ids.device_id(case["algorithm"], bytes.fromhex(case["public_key"]))


def test_a_voter_is_named_by_its_birth() -> None:
    """Election, device, seq and person each change the voter's id, and nothing else does."""
    for case in NAMES["voters"]:
        assert ids.birth_id(case["election"], case["device"], case["seq"], case["person"]) == case["voter"]
    assert len({case["voter"] for case in NAMES["voters"]}) == len(NAMES["voters"])


def test_hashes_are_written_in_base64url() -> None:
    """A hash has 43 characters and a mark the first 22 of 16 bytes, without padding."""
    for case in NAMES["hashes"]:
        digest = ids.sha256(case["text"].encode())
        assert ids.to_base64url(digest) == case["hash"]
        assert ids.to_base64url(digest[: ids.MARK_BYTES]) == case["mark"]
        assert ids.from_base64url(case["hash"]) == digest


@pytest.mark.parametrize(("form", "text"), [(form, text) for form in FORMS for text in NAMES["invalid"][form]])
def test_misspelt_names_fit_no_form(form: str, text: str) -> None:
    """Nothing passes for a name that is spelt in a second way."""
    assert not FORMS[form](text)


@pytest.mark.parametrize("case", [*DIGESTS["trees"], *DIGESTS["of_one_leaf"], DIGESTS["order_matters"]],
                         ids=lambda case: str(len(case["inputs"])))  # fmt: skip
def test_a_tree_has_one_head(case: dict[str, Any]) -> None:
    """The head is that of RFC 6962, for any number of leaves, none included."""
    leaves = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in case["inputs"]]
    assert merkle.tree_head(leaves).hex() == case["head"]


def test_areas_have_the_heads_of_their_children() -> None:
    """Every area above a roll has a digest, and no other has."""
    rolled = [
        (tps, f"{number:03d}", merkle.leaf_hash(bytes.fromhex(leaf)))
        for tps, leaves in DIGESTS["areas"]["rolls"].items()
        for number, leaf in enumerate(leaves)
    ]
    found = {code: digest.hex() for code, digest in roll.digests(rolled).items()}
    assert found == DIGESTS["areas"]["digests"]


@pytest.mark.parametrize("case", shelf.read("signatures.json")["cases"],
                         ids=lambda case: f"{case['algorithm']}: {case['note']}")  # fmt: skip
def test_a_head_signature_says_the_whole_head(case: dict[str, Any]) -> None:
    """A signature holds for one election, device, seq and hash, and for one key."""
    message = head_message(case["election"], case["device"], case["seq"], case["hash"])
    signature = ids.from_base64url(case["signature"])
    assert keys.verify(case["algorithm"], bytes.fromhex(case["public_key"]), message, signature) is case["valid"]
