"""Secrets that people read aloud, write down and type: Crockford's base 32, with a check symbol.

Thirty-two symbols without I, L, O and U: what looks like another symbol is read as it (O as 0, I and L as 1), and no
word can appear. The check symbol is a weighted sum over GF(32): it tells every single wrong symbol and every two that
changed places, in up to 30 symbols.
"""

from collections.abc import Iterator
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CHECKED_SYMBOLS_MAX: Final = 30
"""The weights repeat after 31 symbols, and two that stand so far apart could change places unseen."""

_VALUES: Final = {symbol: value for value, symbol in enumerate(ALPHABET)}
_LOOKALIKES: Final = str.maketrans("OIL", "011")
_POLYNOMIAL: Final = 0b100101  # x⁵ + x² + 1: its root has all 31 powers


def symbols_of(raw: bytes) -> str:
    """`raw` in symbols of five bits, the last one filled up with zeros."""
    count = -(-len(raw) * 8 // 5)
    number = int.from_bytes(raw, "big") << (count * 5 - len(raw) * 8)
    return "".join(ALPHABET[number >> (5 * place) & 31] for place in reversed(range(count)))


def bytes_of(symbols: str) -> bytes:
    """The bytes that `symbols` were made of; ValueError when no bytes are spelled so."""
    number, size = 0, len(symbols) * 5 // 8
    for symbol in symbols:
        number = number << 5 | _VALUES[symbol]
    raw = (number >> (len(symbols) * 5 - size * 8)).to_bytes(size, "big")
    if symbols_of(raw) != symbols:
        raise ValueError("no whole bytes are spelled so")
    return raw


def with_check(symbols: str) -> str:
    """`symbols` and the symbol that checks them."""
    if len(symbols) > CHECKED_SYMBOLS_MAX:
        raise ValueError(f"one symbol checks at most {CHECKED_SYMBOLS_MAX}")
    return symbols + _check(symbols)


def checked(symbols: str) -> str:
    """`symbols` without their last one, which checks the others; ValueError when it does not fit."""
    if len(symbols) < 2 or _check(symbols[:-1]) != symbols[-1]:
        raise ValueError("a symbol is wrong, missing, or in another's place")
    return symbols[:-1]


def grouped(symbols: str, size: int, between: str = "-") -> str:
    """`symbols` in groups of `size`, as they are shown and read aloud."""
    return between.join(symbols[start : start + size] for start in range(0, len(symbols), size))


def heard(text: str) -> str:
    """The symbols that a person meant: case, blanks, hyphens and look-alikes do not matter. ValueError for others."""
    symbols = "".join(_meant(text.upper()))
    for symbol in symbols:
        if symbol not in _VALUES:
            raise ValueError(f"'{symbol}' is in no code")
    return symbols


def _meant(text: str) -> Iterator[str]:
    return (symbol for symbol in text.translate(_LOOKALIKES) if not (symbol.isspace() or symbol in "-·–"))


def _check(symbols: str) -> str:
    total = 0
    for symbol in symbols:
        total = (total ^ _VALUES[symbol]) << 1
        total ^= _POLYNOMIAL if total > 31 else 0
    return ALPHABET[total]
