"""Sealing: bytes that only a passphrase opens, and bytes that only one key opens.

Nothing here makes chance: salts and seeds come from outside. What is opened proves by itself that it was not changed
(Poly1305); one wrong bit, like one wrong letter of the passphrase, opens nothing.
"""

import unicodedata
from typing import Final

import msgspec
import nacl.bindings
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from nacl.exceptions import CryptoError

from ecoklit.core import canonical, ids
from ecoklit.core.signing import ED25519, Key, PublicKey
from ecoklit.errors import EcoklitError

SALT_BYTES: Final = 16
EPHEMERAL_BYTES: Final = 32
PASSPHRASE_LENGTH_MIN: Final = 15
"""Who finds the paper may guess for ever, on many machines; below 15 characters (NIST SP 800-63B-4) that pays."""

COST_LOG2: Final = 17
"""scrypt, N = 2^17, r = 8: 128 MiB and about half a second for each guess."""

COST_LOG2_MAX: Final = 20
"""1 GiB: what an opener is willing to spend, since it believes the cost before it can check anything."""

_BLOCK: Final = 8
_MAGIC: Final = b"EK1"
_HEAD_BYTES: Final = len(_MAGIC) + 1 + SALT_BYTES
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32
_NONCE: Final = bytes(12)  # a key of its own comes from each salt, so no nonce is ever used twice


class NotOpened(EcoklitError):
    """What was sealed stays shut. Codes: wrong_passphrase, bad_passphrase, bad_seal, other_key."""


def with_passphrase(plain: bytes, passphrase: str, salt: bytes, cost_log2: int = COST_LOG2) -> bytes:
    """`plain` sealed under `passphrase`; `salt` is 16 bytes of chance, new each time."""
    if len(_normal(passphrase)) < PASSPHRASE_LENGTH_MIN:
        raise NotOpened(
            "bad_passphrase",
            f"The passphrase is shorter than {PASSPHRASE_LENGTH_MIN} characters, and whoever finds the paper may guess "
            "for ever: take five words that nobody would put together.",
        )
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    head = _MAGIC + bytes([cost_log2]) + salt
    return head + ChaCha20Poly1305(_stretched(passphrase, salt, cost_log2)).encrypt(_NONCE, plain, head)


def open_with_passphrase(sealed: bytes, passphrase: str) -> bytes:
    """What `with_passphrase` sealed. Raises NotOpened: bad_seal, wrong_passphrase."""
    head, body = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES:]
    if not head.startswith(_MAGIC) or len(body) < _TAG_BYTES or not 1 <= head[len(_MAGIC)] <= COST_LOG2_MAX:
        raise NotOpened("bad_seal", "That was not sealed by ecoklit, or a part of it is missing: take the whole of it.")
    key = _stretched(passphrase, head[len(_MAGIC) + 1 :], head[len(_MAGIC)])
    try:
        return ChaCha20Poly1305(key).decrypt(_NONCE, body, head)
    except InvalidTag:
        raise NotOpened(
            "wrong_passphrase", "The passphrase is wrong, or the sealed bytes were changed: try the passphrase again."
        ) from None


def _stretched(passphrase: str, salt: bytes, cost_log2: int) -> bytes:
    return Scrypt(salt, _KEY_BYTES, 2**cost_log2, _BLOCK, 1).derive(_normal(passphrase).encode())


def _normal(passphrase: str) -> str:
    # One letter can be typed as one code point or as two, and a keyboard decides which.
    return " ".join(unicodedata.normalize("NFKC", passphrase).split())


# --- to a key --------------------------------------------------------------------------------------------------------


class _Sealed(msgspec.Struct, forbid_unknown_fields=True):
    sealed: str
    to: str


_DECODER: Final = msgspec.json.Decoder(_Sealed)


def to_key(plain: bytes, to: PublicKey, ephemeral: bytes) -> bytes:
    """One line that only the ed25519 key `to` opens (libsodium's sealed box); `ephemeral` is 32 bytes of chance.

    Whoever carries it can read nothing of it; who sealed it is not said, since what is inside is signed.
    """
    if to.algorithm != ED25519:
        raise ValueError("only to an ed25519 key can something be sealed")
    if len(ephemeral) != EPHEMERAL_BYTES:
        raise ValueError(f"an ephemeral seed has {EPHEMERAL_BYTES} bytes")
    theirs = nacl.bindings.crypto_sign_ed25519_pk_to_curve25519(to.raw)
    public, secret = nacl.bindings.crypto_box_seed_keypair(ephemeral)
    box = nacl.bindings.crypto_box(plain, _box_nonce(public, theirs), theirs, secret)
    return canonical.encode({"sealed": ids.to_base64url(public + box), "to": to.device})


def open_with_key(line: bytes, key: Key) -> bytes:
    """What `to_key` sealed. Raises NotOpened: bad_seal, other_key."""
    try:
        parts = _DECODER.decode(line.removesuffix(b"\n"))
        sealed = ids.from_base64url(parts.sealed)
    except ValueError as error:
        raise NotOpened("bad_seal", "That is no sealed file of ecoklit, or not the whole of it.") from error
    if parts.to != key.device:
        raise NotOpened("other_key", f"It is sealed to the key {parts.to}: open it where that key is kept.")
    secret = nacl.bindings.crypto_sign_ed25519_sk_to_curve25519(key.seed + key.public_key)
    public = nacl.bindings.crypto_sign_ed25519_pk_to_curve25519(key.public_key)
    try:
        return bytes(nacl.bindings.crypto_box_seal_open(sealed, public, secret))
    except (CryptoError, ValueError) as error:
        raise NotOpened("bad_seal", "The sealed file was changed on its way, or is not the whole of it.") from error


def is_sealed(data: bytes) -> bool:
    """Whether `data` looks like what `to_key` makes."""
    return data.startswith(b'{"sealed":')


def _box_nonce(public: bytes, theirs: bytes) -> bytes:
    return bytes(nacl.bindings.crypto_generichash_blake2b_salt_personal(public + theirs, digest_size=24))
