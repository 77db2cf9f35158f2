"""What changed on the list of an area between two moments: the change list of a stage.

Both moments are folded from the journal and walked side by side by voter, so that no more than a few thousand voters
are in memory, however large the area.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from ecoklit.core.event import RECORD_FIELDS
from ecoklit.services.as_of import Past, Voter

NEW: Final = "new"
RETURNED: Final = "returned"
MOVED_IN: Final = "moved_in"
MOVED: Final = "moved"
MOVED_OUT: Final = "moved_out"
TMS: Final = "tms"
CORRECTED: Final = "corrected"
GONE: Final = "gone"
KINDS: Final = (NEW, RETURNED, MOVED_IN, MOVED, MOVED_OUT, TMS, CORRECTED, GONE)


class Change(msgspec.Struct, frozen=True):
    """One voter whom the later list shows otherwise.

    `kind`: on the list for the first time (new), or again after a removal (returned); by a move into the area
    (moved_in), within it (moved) or out of it to another list of the regency (moved_out); off the list by a removal
    (tms, `reason` which); with other particulars (corrected); or gone: no event about the voter counts any more.
    `corrected` names the fields that differ, whatever the kind, where both are known; the name is the later one.
    """

    voter: str
    kind: str
    before: str | None
    after: str | None
    reason: str | None
    name: str | None
    sex: str | None
    corrected: list[str]


async def changes(earlier: Past, later: Past, area: str) -> AsyncIterator[Change]:
    """Everybody in the area whose place on the list, or whose particulars on it, differ; by voter id."""
    async for was, now in _side_by_side(earlier.voters(area), later.voters(area)):
        change = _change(was, now, area)
        if change is not None:
            yield change


def _change(was: Voter | None, now: Voter | None, area: str) -> Change | None:
    before, after = _place(was, area), _place(now, area)
    if before is None and after is None:
        return None
    kind, corrected = _kind(was, now, before, after), _corrected(was, now)
    if kind is None and not corrected:
        return None
    known = [one.state.record.fields for one in (now, was) if one is not None and one.state.record is not None]
    return Change(
        _voter(was, now),
        kind or CORRECTED,
        before,
        after,
        _reason(now) if kind == TMS else None,
        known[0].name if known else None,
        known[0].sex if known else None,
        corrected,
    )


def _voter(was: Voter | None, now: Voter | None) -> str:
    one = now or was
    assert one is not None  # a pair has one of them
    return one.row.voter


def _place(voter: Voter | None, area: str) -> str | None:
    """The TPS of the area on whose list the voter is; None for on none."""
    if voter is None or not voter.state.decision.on_list or not voter.row.tps.startswith(area):
        return None
    return voter.row.tps


def _kind(was: Voter | None, now: Voter | None, before: str | None, after: str | None) -> str | None:
    if before is None:
        if was is None:
            return NEW
        return MOVED_IN if was.state.decision.on_list else RETURNED
    if after is None:
        if now is None:
            return GONE
        return MOVED_OUT if now.state.decision.on_list else TMS
    return MOVED if before != after else None


def _reason(now: Voter | None) -> str | None:
    return None if now is None else now.row.reason or now.row.verdict


def _corrected(was: Voter | None, now: Voter | None) -> list[str]:
    if was is None or now is None or was.state.record is None or now.state.record is None:
        return []
    old, new = was.state.record.fields, now.state.record.fields
    return sorted(name for name in RECORD_FIELDS if getattr(old, name) != getattr(new, name))


async def _side_by_side(
    first: AsyncIterator[Voter], second: AsyncIterator[Voter]
) -> AsyncIterator[tuple[Voter | None, Voter | None]]:
    """Both, which come by voter id, with the voters of one id together."""
    one, other = await anext(first, None), await anext(second, None)
    while one is not None or other is not None:
        left = one is not None and (other is None or one.row.voter <= other.row.voter)
        right = other is not None and (one is None or other.row.voter <= one.row.voter)
        yield (one if left else None), (other if right else None)
        if left:
            one = await anext(first, None)
        if right:
            other = await anext(second, None)
