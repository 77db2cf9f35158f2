"""RFC 8785 JSON, with integers as the only numbers (SPEC §1).

Without fractions no twin has to print floating-point numbers; and bytes that are not canonical are nobody's event, so
there are no duplicate keys, no lone surrogates and no two spellings of one event.
"""

from typing import Annotated, Any, Final

import msgspec

from ecoklit.core.limits import INTEGER_MAX, NESTING_MAX

Integer = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
"""Any number of the contract, for types that decode bytes without passing through here."""

_DECODER: Final = msgspec.json.Decoder()
_ENCODER: Final = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    """`value` (None, bool, int, str, list, dict) as canonical bytes; ValueError for any other number or key."""
    return _ENCODER.encode(_ordered(value))


def decode(data: bytes) -> Any:
    """The value of canonical `data`; ValueError when the bytes are not the canonical form of anything."""
    try:
        value = _DECODER.decode(data)
        canonical = encode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ValueError(str(error)) from error
    if canonical != data:
        raise ValueError("the bytes are not the canonical form (RFC 8785) of their value")
    return value


def _ordered(value: Any, room: int = NESTING_MAX) -> Any:
    if value is None or isinstance(value, str):  # nearly every value is one of these: asked first
        return value
    if isinstance(value, dict | list | tuple) and room == 0:
        raise ValueError(f"the value nests deeper than {NESTING_MAX}")
    if isinstance(value, dict):
        # RFC 8785 §3.2.3 sorts by UTF-16 code units, which differs from code points beyond U+FFFF.
        return {key: _ordered(value[key], room - 1) for key in sorted(value, key=_utf16)}
    if isinstance(value, list | tuple):
        return [_ordered(item, room - 1) for item in value]
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and -INTEGER_MAX <= value <= INTEGER_MAX:
        return value
    raise ValueError("a number is not an integer within ±(2^53 − 1)")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")
