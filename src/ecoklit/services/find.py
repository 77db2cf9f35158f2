"""Finding a voter's id: by a part of the name, or by a NIK, which comes and goes by no list of processes and no log."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from ecoklit.errors import EcoklitError

FOUND_MAX: Final = 50
NAME_CHARACTERS_MIN: Final = 3
NAME_CHARACTERS_MAX: Final = 100
_NIK = re.compile(r"[0-9]{15,16}").fullmatch  # lists hold 15-digit ones too
_SPACES = re.compile(r"\s+")


class Sought(NamedTuple):
    """Who is looked for: by a whole NIK, or by a part of a name; the other is None."""

    nik: str | None
    name: str | None


class Finder(Protocol):
    """Whoever can look into the records of a regency."""

    async def find(
        self, regency: str, area: str, nik: str | None, name: str | None, voters_max: int
    ) -> list[dict[str, Any]]:
        """Those with this NIK, or this part of a name, on a list or off, by name; the numbers are whole.

        A row has voter, tps, verdict, reason, name, nik, sex, birth_date, address, rt, rw. Raises RollError.
        """
        ...


def sought_in(text: str) -> Sought:
    """What a line of input asks for. Raises EcoklitError bad_argument, which repeats nothing of it."""
    asked = _SPACES.sub(" ", text).strip()
    if _NIK(asked):
        return Sought(asked, None)
    if not NAME_CHARACTERS_MIN <= len(asked) <= NAME_CHARACTERS_MAX or "\0" in asked:
        raise EcoklitError(
            "bad_argument",
            f"Give a NIK of 15 or 16 digits, or {NAME_CHARACTERS_MIN} to {NAME_CHARACTERS_MAX} characters of a name.",
        )
    if any(character.isdigit() for character in asked):
        raise EcoklitError("bad_argument", "A name has no digits, and a NIK has 15 or 16: give one of the two whole.")
    return Sought(None, asked)


def demand_few(rows: Sequence[Mapping[str, Any]]) -> None:
    """EcoklitError unknown_voter when nobody was found, too_many when more than are shown."""
    if not rows:
        raise EcoklitError("unknown_voter", "Nobody there is so named or numbered: look in a larger area, or by NIK.")
    if len(rows) > FOUND_MAX:
        raise EcoklitError("too_many", f"More than {FOUND_MAX} are so named: give more of the name, or a smaller area.")
