"""The verdicts of the one verifier for each algorithm, where libraries differ (SPEC §7.2)."""

from __future__ import annotations

from typing import Any

import pytest

from ecoklit.core import ids
from ecoklit.core.signing import Key, PublicKey, head_message, key_from_seed, verify
from ecoklit.testing.vectors import keys, shelf

FILE = shelf.read("verifiers.json")
HEADS = shelf.read("signatures.json")["cases"]


@pytest.mark.parametrize("case", FILE["cases"], ids=lambda case: f"{case['algorithm']}: {case['note']}")
def test_the_verifier_gives_the_contracts_verdict(case: dict[str, Any]) -> None:
    """A key or a signature on which libraries differ is taken or refused as the contract says."""
    public, message, signature = (
        bytes.fromhex(text) for text in (case["public_key"], FILE["message"], case["signature"])
    )
    assert verify(case["algorithm"], public, message, signature) is case["valid"]


@pytest.mark.parametrize("case", HEADS, ids=lambda case: f"{case['algorithm']}: {case['note']}")
def test_a_head_is_signed_or_not(case: dict[str, Any]) -> None:
    """Every vector of a head signature gets its verdict."""
    message = head_message(case["election"], case["device"], case["seq"], ids.from_base64url(case["hash"]))
    public = PublicKey(case["algorithm"], ids.to_base64url(bytes.fromhex(case["public_key"])))
    assert public.verifies(message, case["signature"]) is case["valid"]


@pytest.mark.parametrize("algorithm", ["ed25519", "p256"])
def test_what_one_program_signs_the_other_verifies(algorithm: str) -> None:
    """The library's signatures are those of the RFC's text, and its keys have the same ids."""
    written = getattr(keys, algorithm)("both")
    key = key_from_seed(algorithm, written.secret)
    message = b"both"
    assert key.public_key == written.public
    assert keys.verify(algorithm, key.public_key, message, key.sign(message))
    assert verify(algorithm, key.public_key, message, written.sign(message))
    assert not verify(algorithm, key.public_key, b"other", written.sign(message))


def test_a_key_is_never_shown() -> None:
    """What is printed of a key is its device, not its secret."""
    key = key_from_seed("ed25519", b"s" * 32)
    assert "ssss" not in repr(key) and str(key) == f"Key(ed25519, {key.device})"


@pytest.mark.parametrize(
    ("algorithm", "seed"),
    [("rsa", bytes(32)), ("ed25519", bytes(31)), ("p256", bytes(32)), ("p256", b"\xff" * 32)],
    ids=["another algorithm", "too short", "zero", "beyond the order"],
)
def test_bytes_that_are_no_key_are_refused(algorithm: str, seed: bytes) -> None:
    """Nobody gets a key that would sign nothing."""
    with pytest.raises(ValueError):
        key_from_seed(algorithm, seed)
    assert isinstance(key_from_seed("ed25519", bytes(32)), Key)
