"""Names and the codes that they hang on: devices, voters, polling places and areas (SPEC §1)."""

import base64
import hashlib
import re
from binascii import b2a_base64
from functools import lru_cache
from typing import Final

HASH_BYTES: Final = 32
MARK_BYTES: Final = 16
ZERO_HASH: Final = bytes(HASH_BYTES)
KEY_BYTES: Final = {"ed25519": 32, "p256": 65}
NATION: Final = "00"
AREA_DIGITS: Final = (2, 4, 6, 10)

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_HASH = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]").fullmatch
_SIGNATURE = re.compile(r"[A-Za-z0-9_-]{85}[AQgw]").fullmatch
_MARK = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]").fullmatch
_DEVICE = re.compile(r"[a-z2-7]{16}").fullmatch
_VOTER = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}").fullmatch
_WORD = re.compile(r"[a-z0-9_-]{1,32}").fullmatch
_TPS = re.compile(r"(?:1[1-9]|[2-9][0-9])[0-9]{11}").fullmatch
_REGENCY = re.compile(r"(?:1[1-9]|[2-9][0-9])[0-9]{2}").fullmatch
_NKEY = re.compile(r"U[A-Z2-7]{55}").fullmatch
_AREA = re.compile(r"(?:1[1-9]|[2-9][0-9])(?:[0-9]{2}|[0-9]{4}|[0-9]{8})?").fullmatch


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def to_base64url(raw: bytes) -> str:
    """`raw` as base64url without padding (SPEC §1)."""
    return b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """The bytes of unpadded base64url `text`; ValueError when it has padding or unused bits that are not zero."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if to_base64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


def is_hash(text: str) -> bool:
    """32 bytes as base64url: 43 characters, unused bits zero."""
    return _HASH(text) is not None


def is_mark(text: str) -> bool:
    """16 bytes as base64url: 22 characters, unused bits zero."""
    return _MARK(text) is not None


def is_signature(text: str) -> bool:
    """64 bytes as base64url: 86 characters, unused bits zero."""
    return _SIGNATURE(text) is not None


def is_voter(text: str) -> bool:
    return _VOTER(text) is not None


# The words below recur on almost every line, so a small memory of the last ones spares most of the matching.
@lru_cache(maxsize=4096)
def is_device(text: str) -> bool:
    return _DEVICE(text) is not None


@lru_cache(maxsize=4096)
def is_word(text: str) -> bool:
    return _WORD(text) is not None


@lru_cache(maxsize=4096)
def is_tps(text: str) -> bool:
    return _TPS(text) is not None


def is_area(text: str) -> bool:
    """A province, regency, district or village: 2, 4, 6 or 10 digits; provinces are 11 to 99."""
    return _AREA(text) is not None


def is_regency(text: str) -> bool:
    return _REGENCY(text) is not None


def is_nkey(text: str) -> bool:
    """The shape of a broker's user key: U and 55 characters of base32; its checksum is the broker's business."""
    return _NKEY(text) is not None


def regency_of(tps: str) -> str:
    return tps[:4]


def district_of(tps: str) -> str:
    return tps[:6]


def village_of(tps: str) -> str:
    return tps[:10]


def device_id(algorithm: str, public_key: bytes) -> str:
    """The 16 characters that name a key; ValueError for an unknown algorithm or a key of the wrong length."""
    if KEY_BYTES.get(algorithm) != len(public_key):
        raise ValueError(f"an {algorithm} key of {len(public_key)} bytes is none of {KEY_BYTES}")
    digest = sha256(algorithm.encode("ascii") + b"\0" + public_key)
    return base64.b32encode(digest[:10]).decode("ascii").lower()


def birth_id(election: str, device: str, seq: int, person_hash: str) -> str:
    """The voter id that this birth, and no other, gives (UUID v8); `person_hash` as it stands on the wire."""
    text = sha256(birth_claim(election.encode(), device.encode(), b"%d" % seq, person_hash.encode()))[:16].hex()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def birth_claim(election: bytes, device: bytes, seq: bytes, person_hash: bytes) -> bytes:
    """The bytes of whose SHA-256 a voter id is made."""
    return b"ecoklit-voter-v1\n%b\n%b\n%b\n%b\n" % (election, device, seq, person_hash)
