"""Vectors of enrolment codes and of what people type of a recovery kit (SPEC §8.5), worked out apart from the core."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from nacl.signing import SigningKey

from ecoklit.core import ids

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SECRETS: Final = ("000000000000000", "ZZZZZZZZZZZZZZZ", "K7QX3MPA9TRWD0E", "000000000000001")
PLACES: Final = (("pilkada-2024", "9404"), ("pemilu-2029", "7371"))


def codes() -> dict[str, Any]:
    return {
        "about": "SPEC §8.5: a code, as people write it, and the voucher's key that it stands for in one regency",
        "valid": [valid(secret, *PLACES[number % 2]) for number, secret in enumerate(SECRETS)],
        "same": same(shown(SECRETS[2])),
        "invalid": invalid(shown(SECRETS[2])),
    }


def valid(secret: str, election: str, regency: str) -> dict[str, str]:
    salt = f"ecoklit-voucher-v1\n{election}\n{regency}\n".encode()
    seed = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, 100_000)
    public_key = bytes(SigningKey(seed).verify_key)
    return {
        "code": shown(secret),
        "election": election,
        "regency": regency,
        "seed": seed.hex(),
        "public_key": ids.to_base64url(public_key),
        "device": ids.device_id("ed25519", public_key),
    }


def same(code: str) -> list[dict[str, str]]:
    """What a person may type for `code`."""
    return [
        {"code": code, "typed": typed, "note": note}
        for typed, note in (
            (code.lower(), "lower case"),
            (code.replace("-", ""), "without hyphens"),
            (f" {code.replace('-', ' ')}\n", "blanks for hyphens"),
            (code.replace("0", "O"), "the letter O for a zero"),
            (code.replace("0", "o").lower(), "the same in lower case"),
        )
    ]


def invalid(code: str) -> list[dict[str, str]]:
    return [
        {"typed": typed, "note": note}
        for typed, note in (
            ("", "nothing"),
            (code[:-1], "a symbol missing"),
            (f"{code}0", "a symbol too many"),
            (f"7K{code[2:]}", "two symbols that changed places"),
            (f"K8{code[2:]}", "one wrong symbol"),
            (f"U7{code[2:]}", "U is no symbol"),
            (f"{code[:-1]}*", "nor is a sign"),
        )
    ]


def shown(secret: str) -> str:
    symbols = secret + check(secret)
    return "-".join(symbols[start : start + 4] for start in range(0, 16, 4))


def check(symbols: str) -> str:
    """The sum of value(i) times 2 to the power of (length − i), in GF(32) by x⁵ + x² + 1: each product by itself."""
    total = 0
    for power, symbol in zip(range(len(symbols), 0, -1), symbols, strict=True):
        product = ALPHABET.index(symbol)
        for _ in range(power):
            product = product << 1 if product < 16 else (product << 1 & 31) ^ 0b00101
        total ^= product
    return ALPHABET[total]
