"""Keys and signatures: who signs, what exactly is signed, and what counts as signed (SPEC §1.3, §7.2).

Ed25519 libraries disagree on edge cases (small-order points, unreduced scalars), so exactly one verifies here,
libsodium, and its verdicts are kept as vectors. P-256 is there for phones whose browser has no Ed25519.
"""

from functools import cached_property, lru_cache
from typing import Final

import msgspec
import nacl.bindings
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from nacl.exceptions import CryptoError

from ecoklit.core import ids

ED25519: Final = "ed25519"
P256: Final = "p256"
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class PublicKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The public half of a key as on the wire: `public_key` is base64url of 32 bytes (ed25519) or 65 (p256)."""

    algorithm: str
    public_key: str

    @property
    def raw(self) -> bytes:
        return ids.from_base64url(self.public_key)

    @property
    def device(self) -> str:
        """The id that this key gives its device; ValueError when it is no key."""
        return ids.device_id(self.algorithm, self.raw)

    def verifies(self, message: bytes, signature: str) -> bool:
        """Whether `signature` (base64url) is this key's over `message`."""
        return verify(self.algorithm, self.raw, message, _signature(signature))


class Key(msgspec.Struct, frozen=True, dict=True):
    """Both halves of a key. `seed` is the secret: 32 bytes, the ed25519 seed or the p256 scalar. It is never shown."""

    algorithm: str
    seed: bytes

    def __repr__(self) -> str:
        return f"Key({self.algorithm}, {self.device})"

    @cached_property
    def public_key(self) -> bytes:
        if self.algorithm == ED25519:
            return bytes(nacl.bindings.crypto_sign_seed_keypair(self.seed)[0])
        return self._scalar.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @cached_property
    def device(self) -> str:
        return ids.device_id(self.algorithm, self.public_key)

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.algorithm, ids.to_base64url(self.public_key))

    def sign(self, message: bytes) -> bytes:
        """64 bytes: RFC 8032, or r ‖ s of ECDSA with SHA-256."""
        if self.algorithm == ED25519:
            return bytes(nacl.bindings.crypto_sign(message, self.seed + self.public_key)[:SIGNATURE_BYTES])
        r, s = decode_dss_signature(self._scalar.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def signature(self, message: bytes) -> str:
        """The signature as it stands on the wire."""
        return ids.to_base64url(self.sign(message))

    @cached_property
    def _scalar(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(int.from_bytes(self.seed, "big"), ec.SECP256R1())


def key_from_seed(algorithm: str, seed: bytes) -> Key:
    """The key of 32 secret bytes; ValueError for an unknown algorithm, or bytes that are no key of it."""
    if algorithm not in ids.KEY_BYTES:
        raise ValueError(f"{algorithm} is no algorithm of {', '.join(ids.KEY_BYTES)}")
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
    if algorithm == P256 and not 0 < int.from_bytes(seed, "big") < _P256_ORDER:
        raise ValueError("the seed is no scalar of p256")
    return Key(algorithm, seed)


def verify(algorithm: str, public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is that key's over `message`; False for a key or a signature that is none."""
    if len(signature) != SIGNATURE_BYTES or ids.KEY_BYTES.get(algorithm) != len(public_key):
        return False
    if algorithm == ED25519:
        try:
            nacl.bindings.crypto_sign_open(signature + message, public_key)
        except CryptoError:
            return False
        return True
    return _verify_p256(public_key, message, signature)


def _verify_p256(public_key: bytes, message: bytes, signature: bytes) -> bool:
    point = _point(public_key)
    if point is None:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        point.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=4096)  # checking that a point lies on the curve costs as much as a signature
def _point(public_key: bytes) -> ec.EllipticCurvePublicKey | None:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    except ValueError:
        return None


def _signature(text: str) -> bytes:
    try:
        return ids.from_base64url(text)
    except ValueError:
        return b""


# --- what is signed --------------------------------------------------------------------------------------------------


def head_message(election: str, device: str, seq: int, event_hash: bytes) -> bytes:
    """What a device signs of its log, by its last event (SPEC §7.2)."""
    return _message("ecoklit-head-v1", election, device, str(seq), ids.to_base64url(event_hash))


def registry_message(election: str, regency: str, device: str, seq: int, registry_hash: bytes) -> bytes:
    """What a device signs of one registry event (SPEC §8.1)."""
    return _message("ecoklit-registry-v1", election, regency, device, str(seq), ids.to_base64url(registry_hash))


def receipt_message(receipt_hash: bytes) -> bytes:
    """What the service signs of a receipt (SPEC §7.9)."""
    return _message("ecoklit-receipt-v1", ids.to_base64url(receipt_hash))


def pull_message(election: str, device: str, nonce: str, tps: str, cursor: str) -> bytes:
    """What a device signs to be given the voters of a TPS (SPEC §7.11)."""
    return _message("ecoklit-pull-v1", election, device, nonce, tps, cursor)


def _message(*words: str) -> bytes:
    # Each word is ended by a line break, and none can hold one: so no two messages have the same bytes.
    return "".join(f"{word}\n" for word in words).encode()
