"""Bytes, hashes and names as the contract spells them, in the plainest way: the ink of the vectors."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ELECTION = "pilkada-2024"
POLICY = "2024-1"
FIRST_PREV = "A" * 43
RECORD_FIELDS = (
    "address", "birth_date", "birth_place", "disability", "ektp", "marital",
    "name", "nik", "nkk", "rt", "rw", "sex",
)  # fmt: skip

_ESCAPED = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def canonical(value: Any) -> bytes:
    """`value` as RFC 8785 writes it, integers only (§1.3)."""
    return _canonical(value).encode("utf-8")


def _canonical(value: Any) -> str:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{_string(key)}:{_canonical(value[key])}" for key in keys) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_canonical(item) for item in value) + "]"
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    raise TypeError(f"the contract has no {type(value).__name__}")


def _string(text: str) -> str:
    return '"' + re.sub(r'["\\\x00-\x1f]', _escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[0], f"\\u{ord(match[0]):04x}")


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def hash_of(event_bytes: bytes) -> str:
    return base64url(sha256(event_bytes))


def mark_of(event_bytes: bytes) -> str:
    """The first 16 bytes of an event's hash, as `saw` quotes them (§3.3)."""
    return base64url(sha256(event_bytes)[:16])


def invented(text: str) -> str:
    """16 bytes that are the hash of nothing: a salt, or a `saw` that somebody made up."""
    return base64url(sha256(b"invented " + text.encode())[:16])


def device_id(algorithm: str, public_key: bytes) -> str:
    digest = sha256(algorithm.encode() + b"\x00" + public_key)
    return base64.b32encode(digest[:10]).decode("ascii").lower()


def birth_id(election: str, device: str, seq: int, person: str) -> str:
    digest = bytearray(sha256(f"ecoklit-voter-v1\n{election}\n{device}\n{seq}\n{person}\n".encode())[:16])
    digest[6] = 0x80 | digest[6] & 0x0F
    digest[8] = 0x80 | digest[8] & 0x3F
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def tree_head(inputs: Sequence[bytes]) -> bytes:
    """The Merkle tree head of RFC 6962 §2.1 over `inputs`, in their order."""
    if not inputs:
        return sha256(b"")
    if len(inputs) == 1:
        return sha256(b"\x00" + inputs[0])
    half = 1
    while half * 2 < len(inputs):
        half *= 2
    return sha256(b"\x01" + tree_head(inputs[:half]) + tree_head(inputs[half:]))


def area_digests(decisions: Iterable[tuple[str, str, bytes]]) -> dict[str, str]:
    """code → hex head for every TPS and area, from (tps, voter, decision bytes) of every voter (§6.5, §6.6)."""
    inputs: dict[str, list[bytes]] = {}
    for tps, _, decision in sorted(decisions):
        inputs.setdefault(tps, []).append(decision)
    level = {tps: tree_head(leaves) for tps, leaves in inputs.items()}
    heads = dict(level)
    for digits in (10, 6, 4, 2, 0):
        children: dict[str, list[bytes]] = {}
        for code in sorted(level):
            children.setdefault(code[:digits] or "00", []).append(code.encode("ascii") + level[code])
        level = {code: tree_head(leaves) for code, leaves in children.items()}
        heads.update(level)
    return {code: heads[code].hex() for code in sorted(heads)}


def person_of(record: Mapping[str, str | None] | None, salt: str, **more: Any) -> dict[str, Any]:
    return {"salt": salt, **({"record": dict(record)} if record is not None else {}), **more}
