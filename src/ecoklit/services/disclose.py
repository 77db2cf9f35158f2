"""What of a voter's particulars leaves the service before anybody can prove who they are.

Until accounts and scopes come, every shell shows the identity numbers masked. Six digits and ten stars is the
commission's own practice: with only the last four hidden, the birth date and 9,999 guesses give the number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

SHOWN_DIGITS: Final = 6
MASKED: Final = ("nik", "nkk")
_NUMBER: Final = re.compile(r"[0-9]{16}").fullmatch


def masked(number: str | None) -> str | None:
    """The first six characters, and a star for each of the others."""
    return None if number is None else number[:SHOWN_DIGITS] + "*" * max(0, len(number) - SHOWN_DIGITS)


def disclosed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a view as it may be shown: identity numbers masked wherever they stand, the rest as it is."""
    # A side of a conflict names its register, and says the number as its value.
    hidden = (*MASKED, "value") if row.get("register") in MASKED else MASKED
    return {name: masked(value) if name in hidden else _without_numbers(value) for name, value in row.items()}


def _without_numbers(value: Any) -> Any:
    # A word of an event (an officer's id, a source) has room for an identity number, so somebody will put one there.
    if isinstance(value, str):
        return masked(value) if _NUMBER(value) else value
    if isinstance(value, Mapping):
        return {name: _without_numbers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_numbers(one) for one in value]
    return value
