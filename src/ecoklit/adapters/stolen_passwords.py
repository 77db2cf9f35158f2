"""Passwords that are known to be stolen, as far as an office has a list of them: it is offline, and asks nobody."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from ecoklit.errors import EcoklitError

_DIGITS: Final = 40
_LINE: Final = re.compile(rb"[0-9A-Fa-f]{40}[:\r\n]").match


class StolenPasswords:
    """A file of SHA-1 in hex, one a line and in order, what follows a colon passed over: as Pwned Passwords come.

    Such a file has tens of gigabytes: it is searched where it lies, with some forty reads. Raises EcoklitError
    bad_setting for a file that does not begin so.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            if _LINE(file.readline(_DIGITS + 2)) is None:
                raise EcoklitError(
                    "bad_setting",
                    "ECOKLIT_STOLEN_PASSWORDS names no list of stolen passwords: give a file that has the SHA-1 of one "
                    "on each line, 40 hexadecimal digits, in order.",
                )

    def has(self, password: str) -> bool:
        # SHA-1 is how such lists come; it keeps nothing secret here.
        wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
        with self._path.open("rb") as file:
            begin, end = 0, file.seek(0, 2)
            while begin < end:  # the line is one of those that begin in [begin, end)
                middle = (begin + end) // 2
                if middle > 0:
                    file.seek(middle - 1)
                    file.readline()  # to the first line that begins at the middle or after
                else:
                    file.seek(0)
                if file.tell() >= end:
                    end = middle
                    continue
                found = file.readline()[:_DIGITS].upper()
                if found == wanted:
                    return True
                begin, end = (file.tell(), end) if found < wanted else (begin, middle)
        return False
