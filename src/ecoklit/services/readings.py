"""The read log for those whom it is kept for: auditors, and the office that answers for an area.

They see who was shown what of their areas, and wider lists that theirs are part of; whether the log holds together they
check as a whole. That somebody read the log is an entry in it.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final, NamedTuple

import msgspec

from ecoklit.core import ids
from ecoklit.errors import EcoklitError
from ecoklit.ports import LogEntry, ReadingsWanted, ReadLog
from ecoklit.services.cursors import Cursor, Cursors
from ecoklit.services.read_log import Ledger, Shown, verify
from ecoklit.services.viewer import AUDITOR, KPU, Viewer

READERS: Final = (AUDITOR, KPU)
ENTRIES_MAX: Final = 1000
_WORD_CHARACTERS_MAX: Final = 64


class Noted(NamedTuple):
    """The number and the hash of an entry, as somebody wrote them down before."""

    entry: int
    hash: bytes


class Page(NamedTuple):
    """Entries, the latest first, and the cursor of the page after them; None after the last."""

    entries: list[LogEntry]
    cursor: str | None


class Checked(NamedTuple):
    """How many entries hold together, the hash of the last of them, the first that does not (None: all do), and whether
    what was noted is still there (None: nothing was given)."""

    entries: int
    hash: bytes
    broken: int | None
    has_noted: bool | None


class Readings:
    """Answers who may read the log."""

    def __init__(self, log: ReadLog, cursors: Cursors, ledger: Ledger) -> None:
        self._log = log
        self._cursors = cursors
        self._ledger = ledger
        self._checking = asyncio.Lock()

    async def page(
        self,
        viewer: Viewer,
        area: str,
        *,
        login: str | None = None,
        action: str | None = None,
        voter: str | None = None,
        entries_max: int = ENTRIES_MAX,
        cursor: str = "",
        request: str = "",
    ) -> Page:
        """What was shown of an area: of it or a part of it, of a wider area, or of a voter who stands there.

        Raises EcoklitError unknown_area, not_your_area, not_your_right, bad_argument.
        """
        if len(area) < 4 or not (ids.is_area(area) or ids.is_tps(area)):
            raise EcoklitError("unknown_area", "That is no area here: give 4, 6, 10 or 13 digits, as in 94.04.01.")
        viewer.demand(area)
        _demand_reader(viewer)
        if voter is not None and not ids.is_voter(voter):
            raise EcoklitError("bad_argument", "voter is no voter's id: give a UUID of version 8, as lists do.")
        if max(len(login or ""), len(action or "")) > _WORD_CHARACTERS_MAX:
            raise EcoklitError("bad_argument", f"login and action have {_WORD_CHARACTERS_MAX} characters at most.")
        question = _mark(area, login, action, voter)
        before = self._cursors.open(cursor, question).after[0] if cursor else None
        wanted = ReadingsWanted(area, login, action, voter, before, entries_max + 1)
        found = await self._log.readings(wanted)
        await self._ledger.disclose(viewer, Shown("readings", area, 0, 0, request, voter), granted=True)
        shown = found[:entries_max]
        following = Cursor(question, "", 0, 0, (shown[-1].entry,)) if len(found) > entries_max else None
        return Page(shown, None if following is None else self._cursors.seal(following))

    async def end(self, viewer: Viewer) -> LogEntry | None:
        """The last entry of the whole log. Raises EcoklitError not_your_right."""
        _demand_reader(viewer)
        return await self._log.last_entry()

    async def check(self, viewer: Viewer, noted: Noted | None) -> Checked:
        """Whether the whole log holds together, and still has what was `noted`; one check at a time.

        Raises EcoklitError not_your_right, service_busy.
        """
        _demand_reader(viewer)
        if self._checking.locked():
            raise EcoklitError("service_busy", "The log is being checked for somebody: ask again after Retry-After.")
        async with self._checking:
            found = await verify(self._log)
            has_noted = None if noted is None else await self._has(noted)
        return Checked(found.entries, found.hash, found.broken, has_noted)

    async def _has(self, noted: Noted) -> bool:
        there = await self._log.entries(noted.entry - 1, 1)
        return bool(there) and (there[0].entry, there[0].hash) == noted


def _demand_reader(viewer: Viewer) -> None:
    """Raises EcoklitError not_your_right."""
    if viewer.role not in READERS:
        raise EcoklitError("not_your_right", f"The read log is for accounts of the roles {' and '.join(READERS)}.")


def _mark(*question: str | None) -> str:
    """Tells one question from another, for cursors."""
    return ids.to_base64url(hashlib.sha256(msgspec.json.encode(["readings", *question])).digest()[:12])
