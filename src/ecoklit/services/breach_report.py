"""What a notice of a breach has to say, for a window of time (UU 27/2022 Art. 46): which data, when and how, and what
is done about it.

The first and the second follow from what the service wrote down before it answered: what left in the window, to whom.
How it happened and what is done, people must say; the notice leaves room for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from ecoklit.errors import EcoklitError
from ecoklit.ports import AlertRaised, ExportMade, ReadingsMade, SessionSeen, SqlReader, Trail

NOTICE_HOURS: Final = 72
"""How long after its discovery a breach may be unknown to the voters and the authority."""


class BreachReport(msgspec.Struct, frozen=True):
    """`voters_max` is how many voters at most were shown: rows, of whom some may be the same people more than once.

    `areas` are those that were read or exported, `whole` the particulars that were shown unmasked. `sql` are logins
    whose reading the service does not see.
    """

    since: datetime
    until: datetime
    found_at: datetime
    due_at: datetime
    voters_max: int
    areas: list[str]
    whole: list[str]
    readings: list[ReadingsMade]
    exports: list[ExportMade]
    sessions: list[SessionSeen]
    alerts: list[AlertRaised]
    sql: list[SqlReader]


async def breach_report(trail: Trail, since: datetime, until: datetime, found_at: datetime) -> BreachReport:
    """What left the service from `since` until before `until`. Raises EcoklitError bad_argument."""
    if not since < until:
        raise EcoklitError("bad_argument", "The window ends before it begins: give --from before --to.")
    if found_at < since:
        raise EcoklitError("bad_argument", "It was found before it began: give --found after --from.")
    readings = await trail.readings_within(since, until)
    exports = await trail.exports_within(since, until)
    areas = {one.area for one in readings if one.area} | {one.area for one in exports}
    whole = {field for one in readings for field in one.fields}
    if any(one.unmasked for one in exports):
        whole |= {"nik", "nkk"}
    return BreachReport(
        since,
        until,
        found_at,
        found_at + timedelta(hours=NOTICE_HOURS),
        sum(one.rows for one in readings) + sum(one.rows for one in exports),
        sorted(areas),
        sorted(whole),
        readings,
        exports,
        await trail.sessions_within(since, until),
        await trail.alerts_within(since, until),
        await trail.sql_readers(),
    )
