"""Sealing with a passphrase and to a key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import SealedBox
from nacl.signing import SigningKey

from ecoklit.core import ids, sealing
from ecoklit.core.sealing import NotOpened
from ecoklit.core.signing import ED25519, P256, Key, key_from_seed

PASSPHRASE = "lima kata yang tidak akan ditebak"
SALT = bytes(range(16))
QUICK = 1
"""A cost for tests only."""


def key(number: int) -> Key:
    return key_from_seed(ED25519, bytes([number]) * 32)


def refusal(call: object, *arguments: object) -> str:
    with pytest.raises(NotOpened) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


@given(st.binary(max_size=300))
def test_a_passphrase_opens_what_it_sealed(plain: bytes) -> None:
    """What a passphrase sealed comes back, and nothing of it can be seen."""
    sealed = sealing.with_passphrase(plain, PASSPHRASE, SALT, QUICK)
    assert sealing.open_with_passphrase(sealed, PASSPHRASE) == plain
    assert len(plain) < 4 or plain not in sealed


def test_the_shipped_cost_opens() -> None:
    """What is sealed at the cost that is shipped is opened, the cost being read from the seal."""
    sealed = sealing.with_passphrase(b"seed", PASSPHRASE, SALT)
    assert sealed[3] == sealing.COST_LOG2
    assert sealing.open_with_passphrase(sealed, PASSPHRASE) == b"seed"


@pytest.mark.parametrize("typed", [f"  {PASSPHRASE}\n", PASSPHRASE.replace(" ", "  ")])
def test_blanks_do_not_matter(typed: str) -> None:
    """Blanks at the ends, and how many stand between words, open or shut nothing."""
    sealed = sealing.with_passphrase(b"seed", PASSPHRASE, SALT, QUICK)
    assert sealing.open_with_passphrase(sealed, typed) == b"seed"


def test_one_letter_has_one_meaning() -> None:
    """A letter as one code point or as two is the same letter: keyboards differ."""
    sealed = sealing.with_passphrase(b"seed", "caf\u00e9 au lait toujours", SALT, QUICK)
    assert sealing.open_with_passphrase(sealed, "cafe\u0301 au lait toujours") == b"seed"


def test_every_wrong_bit_shuts_it() -> None:
    """No bit of a seal can be changed: not of its cost, its salt, its body or its tag."""
    sealed = sealing.with_passphrase(b"seed", PASSPHRASE, SALT, QUICK)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        if 4 < changed[3] <= sealing.COST_LOG2_MAX:
            continue  # it would be refused, after much work
        assert refusal(sealing.open_with_passphrase, bytes(changed), PASSPHRASE) in {"bad_seal", "wrong_passphrase"}


def test_the_wrong_passphrase_is_named() -> None:
    """A passphrase that differs by one letter opens nothing and is told apart from a damaged seal."""
    sealed = sealing.with_passphrase(b"seed", PASSPHRASE, SALT, QUICK)
    assert refusal(sealing.open_with_passphrase, sealed, PASSPHRASE + "s") == "wrong_passphrase"
    assert refusal(sealing.open_with_passphrase, sealed[:30], PASSPHRASE) == "bad_seal"
    assert refusal(sealing.open_with_passphrase, b"", PASSPHRASE) == "bad_seal"


def test_a_seal_cannot_demand_all_memory() -> None:
    """A seal that claims a cost beyond the bound is refused before any work."""
    sealed = bytearray(sealing.with_passphrase(b"seed", PASSPHRASE, SALT, QUICK))
    sealed[3] = sealing.COST_LOG2_MAX + 1
    assert refusal(sealing.open_with_passphrase, bytes(sealed), PASSPHRASE) == "bad_seal"


@pytest.mark.parametrize("short", ["", "a" * 14, "a" + " " * 30 + "b"])
def test_a_short_passphrase_is_refused(short: str) -> None:
    """Fourteen characters are too few, and blanks are not counted twice."""
    assert refusal(sealing.with_passphrase, b"seed", short, SALT, QUICK) == "bad_passphrase"


@given(st.binary(max_size=300))
def test_a_key_opens_what_was_sealed_to_it(plain: bytes) -> None:
    """Only the named key opens the line; any other, and any change, is refused by name."""
    line = sealing.to_key(plain, key(1).public, b"e" * 32)
    assert sealing.is_sealed(line)
    assert sealing.open_with_key(line + b"\n", key(1)) == plain
    assert refusal(sealing.open_with_key, line, key(2)) == "other_key"
    assert refusal(sealing.open_with_key, line.replace(key(1).device.encode(), key(2).device.encode()), key(2)) == (
        "bad_seal"
    )


def test_it_is_libsodiums_sealed_box() -> None:
    """Another program with libsodium opens it with the same seed, and we open what it seals."""
    theirs = SigningKey(key(1).seed).to_curve25519_private_key()
    line = sealing.to_key(b"events", key(1).public, b"e" * 32)
    box = ids.from_base64url(line.decode().split('"')[3])
    assert SealedBox(theirs).decrypt(box) == b"events"
    other = ids.to_base64url(SealedBox(theirs.public_key).encrypt(b"other events"))
    sealed = b'{"sealed":"%b","to":"%b"}' % (other.encode(), key(1).device.encode())
    assert sealing.open_with_key(sealed, key(1)) == b"other events"


@pytest.mark.parametrize("line", [b"", b"{}", b'{"sealed":"","to":""}', b'{"sealed":"!","to":"x"}', b"[" * 50])
def test_no_sealed_line(line: bytes) -> None:
    """What is no sealed line is said to be none, or to be for another key, never a fault."""
    assert refusal(sealing.open_with_key, line, key(1)) in {"bad_seal", "other_key"}


def test_only_ed25519_is_sealed_to() -> None:
    """A p256 key has no box, which its caller must know."""
    with pytest.raises(ValueError, match="ed25519"):
        sealing.to_key(b"", key_from_seed(P256, b"\1" * 32).public, b"e" * 32)
