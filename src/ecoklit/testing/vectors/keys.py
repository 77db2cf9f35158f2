"""Signing keys of made-up phones, by the text of RFC 8032 and RFC 6979: slow, and good for vectors only.

Written out so that the vectors need no library, and so that every run writes the same signatures.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple


class Key(NamedTuple):
    """A private key that a name gives; the names stand in the vectors, so anybody can make the keys again."""

    algorithm: str
    secret: bytes
    public: bytes

    def sign(self, message: bytes) -> bytes:
        return _ed25519_sign(self.secret, message) if self.algorithm == "ed25519" else _p256_sign(self.secret, message)


def ed25519(name: str) -> Key:
    secret = hashlib.sha256(b"ecoklit vector key " + name.encode()).digest()
    scalar = _clamped(hashlib.sha512(secret).digest())
    return Key("ed25519", secret, _ed_bytes(_ed_times(scalar, _ED_BASE)))


def p256(name: str) -> Key:
    secret = hashlib.sha256(b"ecoklit vector key " + name.encode()).digest()
    x, y = _p_affine(_p_times(int.from_bytes(secret) % _P_ORDER, _P_BASE))
    return Key("p256", secret, b"\x04" + x.to_bytes(32) + y.to_bytes(32))


# Ed25519 (RFC 8032 §5.1), points as (x, y) on -x² + y² = 1 + d·x²·y².

_ED_PRIME = 2**255 - 19
_ED_ORDER = 2**252 + 27742317777372353535851937790883648493
_ED_D = -121665 * pow(121666, -1, _ED_PRIME) % _ED_PRIME
_ED_BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)

_Point = tuple[int, int]


def _ed_add(a: _Point, b: _Point) -> _Point:
    product = _ED_D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, -1, _ED_PRIME)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, _ED_PRIME)
    return x % _ED_PRIME, y % _ED_PRIME


def _ed_times(scalar: int, point: _Point) -> _Point:
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = _ed_add(total, point)
        point = _ed_add(point, point)
        scalar >>= 1
    return total


def _ed_bytes(point: _Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def _clamped(digest: bytes) -> int:
    return int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254


def _ed25519_sign(secret: bytes, message: bytes) -> bytes:
    digest = hashlib.sha512(secret).digest()
    scalar = _clamped(digest)
    public = _ed_bytes(_ed_times(scalar, _ED_BASE))
    nonce = int.from_bytes(hashlib.sha512(digest[32:] + message).digest(), "little") % _ED_ORDER
    commitment = _ed_bytes(_ed_times(nonce, _ED_BASE))
    challenge = int.from_bytes(hashlib.sha512(commitment + public + message).digest(), "little") % _ED_ORDER
    return commitment + ((nonce + challenge * scalar) % _ED_ORDER).to_bytes(32, "little")


# ECDSA on P-256 with SHA-256 and the deterministic nonce of RFC 6979, points as (x, y) or None for infinity.

_P_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def _p_add(a: _Point | None, b: _Point | None) -> _Point | None:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % _P_PRIME == 0:
        return None
    if a == b:
        slope = 3 * (a[0] * a[0] - 1) * pow(2 * a[1], -1, _P_PRIME)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P_PRIME)
    x = (slope * slope - a[0] - b[0]) % _P_PRIME
    return x, (slope * (a[0] - x) - a[1]) % _P_PRIME


def _p_times(scalar: int, point: _Point | None) -> _Point | None:
    total: _Point | None = None
    while scalar:
        if scalar & 1:
            total = _p_add(total, point)
        point = _p_add(point, point)
        scalar >>= 1
    return total


def _p_affine(point: _Point | None) -> _Point:
    if point is None:
        raise ValueError("a key of zero")
    return point


def _p256_sign(secret: bytes, message: bytes) -> bytes:
    scalar = int.from_bytes(secret) % _P_ORDER
    digest = hashlib.sha256(message).digest()
    nonce = _nonce(scalar, digest)
    r = _p_affine(_p_times(nonce, _P_BASE))[0] % _P_ORDER
    s = pow(nonce, -1, _P_ORDER) * (int.from_bytes(digest) + r * scalar) % _P_ORDER
    return r.to_bytes(32) + s.to_bytes(32)


def _nonce(scalar: int, digest: bytes) -> int:
    seed = scalar.to_bytes(32) + (int.from_bytes(digest) % _P_ORDER).to_bytes(32)
    key, value = bytes(32), b"\x01" * 32
    for mark in (b"\x00", b"\x01"):
        key = hmac.digest(key, value + mark + seed, "sha256")
        value = hmac.digest(key, value, "sha256")
    value = hmac.digest(key, value, "sha256")
    # The chance that this first nonce is out of range is 2**-32, and the vectors are written once.
    nonce = int.from_bytes(value)
    if not 0 < nonce < _P_ORDER:
        raise ValueError("choose another name for this key")
    return nonce


def verify(algorithm: str, public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is one of `message` by the key (SPEC §7.2); good enough to check the vectors by."""
    if len(signature) != 64:
        return False
    return _VERIFY[algorithm](public, message, signature)


def _ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    commitment, key = _ed_point(signature[:32]), _ed_point(public)
    scalar = int.from_bytes(signature[32:], "little")
    if commitment is None or key is None or scalar >= _ED_ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _ED_ORDER
    return _ed_times(scalar, _ED_BASE) == _ed_add(commitment, _ed_times(challenge, key))


def _ed_point(raw: bytes) -> _Point | None:
    number = int.from_bytes(raw, "little")
    y, odd = number & (1 << 255) - 1, number >> 255
    square = (y * y - 1) * pow(_ED_D * y * y + 1, -1, _ED_PRIME) % _ED_PRIME
    x = pow(square, (_ED_PRIME + 3) // 8, _ED_PRIME)
    if x * x % _ED_PRIME != square:
        x = x * pow(2, (_ED_PRIME - 1) // 4, _ED_PRIME) % _ED_PRIME
    if x * x % _ED_PRIME != square or y >= _ED_PRIME:
        return None
    return (_ED_PRIME - x if x & 1 != odd else x), y


def _p256_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    if not (0 < r < _P_ORDER and 0 < s < _P_ORDER):
        return False
    point = (int.from_bytes(public[1:33]), int.from_bytes(public[33:]))
    inverse = pow(s, -1, _P_ORDER)
    digest = int.from_bytes(hashlib.sha256(message).digest())
    total = _p_add(_p_times(digest * inverse % _P_ORDER, _P_BASE), _p_times(r * inverse % _P_ORDER, point))
    return total is not None and total[0] % _P_ORDER == r


_VERIFY = {"ed25519": _ed25519_verify, "p256": _p256_verify}
