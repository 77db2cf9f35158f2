"""What of a voter's particulars leaves the service, and for whom.

Identity numbers are masked unless somebody with the right to whole ones said why. Six digits and ten stars is the
commission's own practice: with only the last four hidden, the birth date and 9,999 guesses give the number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

SHOWN_DIGITS: Final = 6
NUMBER_DIGITS: Final = 16
MASKED: Final = ("nik", "nkk")
_NUMBER: Final = re.compile(rf"[0-9]{{{NUMBER_DIGITS}}}").fullmatch
SUPERVISOR: Final = "supervisor"
NOT_SUPERVISED: Final = ("nik", "nkk", "birth_place", "birth_date", "marital", "disability", "ektp", "e_disabled")
"""What a supervisor is not given of a voter; the copy for them has name, sex, age, address, RT, RW and remark. Nor line
E of an officer's report, which counts few people: who sees disabilities by name counts them anyway."""
SUPERVISED_ONLY: Final = ("age",)


def masked(number: str | None) -> str | None:
    """The first six characters, and a star for each of the others."""
    return None if number is None else number[:SHOWN_DIGITS] + "*" * max(0, len(number) - SHOWN_DIGITS)


def disclosed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a view as it may be shown: identity numbers masked wherever they stand, the rest as it is."""
    # A side of a conflict names its register, and says the number as its value.
    hidden = (*MASKED, "value") if row.get("register") in MASKED else MASKED
    return {name: masked(value) if name in hidden else _without_numbers(value) for name, value in row.items()}


def shown(row: Mapping[str, Any], role: str, today: date) -> dict[str, Any]:
    """A row as somebody of that role may be shown it: as `disclosed`, and for supervisors an age for a birth date.

    `age` is in whole years on `today`; None where no date is known.
    """
    known = disclosed(row)
    if role != SUPERVISOR:
        return known
    if row.get("register") in NOT_SUPERVISED:
        known["value"] = None
    if "corrected" in row:  # the names of what differs between two lists
        known["corrected"] = [name for name in known["corrected"] if name not in NOT_SUPERVISED]
    if "birth_date" in row:
        known["age"] = _age(row["birth_date"], today)
    return {name: value for name, value in known.items() if name not in NOT_SUPERVISED}


def _age(birth_date: str | None, today: date) -> int | None:
    try:
        born = date.fromisoformat(birth_date or "")
    except ValueError:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _without_numbers(value: Any) -> Any:
    # A word of an event (an officer's id, a source) has room for an identity number, so somebody will put one there.
    # A list has ten thousand cells, and what is quickest told apart comes first.
    if isinstance(value, str):
        return masked(value) if len(value) == NUMBER_DIGITS and _NUMBER(value) else value
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, Mapping):
        return {name: _without_numbers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_numbers(one) for one in value]
    return value
