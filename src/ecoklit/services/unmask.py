"""Whole identity numbers: of one voter, by a right, for a reason that stands in the read log before they are read."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from ecoklit.errors import EcoklitError
from ecoklit.ports import AsOf, NumbersReader
from ecoklit.services.read_log import Ledger, Shown, demand_reason
from ecoklit.services.viewer import UNMASK, Viewer

FIELDS: Final = ("nik", "nkk")


class Unmasked(NamedTuple):
    """A voter's identity numbers, whole; None where the list has none."""

    as_of: AsOf
    voter: str
    tps: str
    nik: str | None
    nkk: str | None


class NumbersFor(Protocol):
    """Gives the lists as somebody may see them."""

    def __call__(self, viewer: Viewer, *, unmasked: bool) -> NumbersReader: ...


class Unmask:
    """Answers who has the right, about one voter at a time; whole lists leave as exports."""

    def __init__(self, regency: str, reader_for: NumbersFor, ledger: Ledger) -> None:
        self._regency = regency
        self._reader_for = reader_for
        self._ledger = ledger

    async def numbers(self, viewer: Viewer, voter: str, reason: str | None, request: str = "") -> Unmasked:
        """Raises EcoklitError not_your_right, no_reason, unknown_voter, not_found (nobody of its areas has that id),
        reading_locked.
        """
        if not viewer.may(UNMASK):
            raise EcoklitError("not_your_right", f"This account has no right '{UNMASK}': whoever made it can give it.")
        why = demand_reason(reason)
        known = await self._reader_for(viewer, unmasked=False).numbers(self._regency, voter)
        if known is None:
            raise EcoklitError("not_found", "No voter with this id stands on a list that this account sees.")
        as_of, held = known
        await self._ledger.disclose(viewer, Shown(UNMASK, held.tps, 1, as_of.events, request, voter, FIELDS, why))
        # A crash from here on leaves an entry about what nobody saw, and never the other way round.
        whole = await self._reader_for(viewer, unmasked=True).numbers(self._regency, voter)
        if whole is None:
            raise EcoklitError("not_found", "The voter left the list this very moment: ask where it stands now.")
        as_of, held = whole
        return Unmasked(as_of, voter, held.tps, held.nik, held.nkk)
