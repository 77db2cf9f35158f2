"""Where an area stands: its counts, how fast it goes on, and which parts need a look. Figures only, nobody's name.

The pace is of the last days on which anybody there worked, by the devices' own clocks: evidence, as every date of a
phone is. It says how many such days more are needed, not whether that is in time: the registry knows no end
before it is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec

PACE_DAYS: Final = 3
NEVER: Final = datetime.min.replace(tzinfo=UTC)
VISITS: Final = frozenset({"sesuai", "ubah", "baru", "moved", "deceased", "disqualified"})
"""Kinds of entries by which a voter of the list is visited (view `progress`)."""


class Part(msgspec.Struct, frozen=True):
    """A part of an area. `a_day`: voters visited on each of its last days of work; `days_left`: as many such days more
    until everybody is visited, None while nobody was."""

    area: str
    on_list: int
    visited: int
    to_visit: int
    sesuai: int
    ubah: int
    baru: int
    removed: int
    waiting: int
    a_day: float
    days_left: int | None

    @property
    def share(self) -> float:
        """Visited, of all who stand there, on the list or off it: 0 to 1."""
        return self.visited / (self.visited + self.to_visit) if self.visited + self.to_visit else 1.0


class Silent(msgspec.Struct, frozen=True):
    """A device that was not heard from: its last contact as the service knows it, None for never."""

    device: str
    officer: str
    last_heard: datetime | None


def parts_of(recap: Sequence[Mapping[str, Any]], progress: Sequence[Mapping[str, Any]]) -> list[Part]:
    """The parts of an area by their code, from the rows of `recap` and `progress` about the same level."""
    days: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for row in progress:
        if row["kind"] in VISITS:
            days[row["area"]][_day(row["day"])] += row["n"]
    return [_part(row, days.get(row["area"], {})) for row in sorted(recap, key=lambda row: str(row["area"]))]


def whole_of(area: str, parts: Sequence[Part]) -> Part:
    """The sum of an area's parts, whose days left are those of the part that needs most."""
    needed = [part.days_left for part in parts if part.to_visit]
    counts = {
        name: sum(getattr(part, name) for part in parts)
        for name in ("on_list", "visited", "to_visit", "sesuai", "ubah", "baru", "removed", "waiting", "a_day")
    }
    days_left = None if None in needed else max((days for days in needed if days is not None), default=0)
    return Part(area=area, **counts, days_left=days_left)


def silent_of(devices: Sequence[Mapping[str, Any]], since: datetime) -> list[Silent]:
    """The devices in use that were not heard from since a moment, the longest silent first."""
    silent = [
        Silent(row["device"], row["officer"], row["last_heard"])
        for row in devices
        if row["revoked_from"] is None and row["lost_after"] is None and (row["last_heard"] or NEVER) < since
    ]
    return sorted(silent, key=lambda one: (one.last_heard or NEVER, one.device))


def _part(row: Mapping[str, Any], days: Mapping[date, int]) -> Part:
    last = sorted(days)[-1] if days else None
    visits = 0 if last is None else sum(n for day, n in days.items() if day > last - timedelta(days=PACE_DAYS))
    a_day = visits / PACE_DAYS
    to_visit = row["on_list"] + row["removed"] - row["visited"]
    return Part(
        area=row["area"],
        on_list=row["on_list"],
        visited=row["visited"],
        to_visit=to_visit,
        sesuai=row["sesuai"],
        ubah=row["ubah"],
        baru=row["baru"],
        removed=row["removed"],
        waiting=row["proposed"] + row["in_conflict"],
        a_day=a_day,
        days_left=0 if not to_visit else None if not visits else -(-to_visit * PACE_DAYS // visits),
    )


def _day(day: date | str) -> date:
    return day if isinstance(day, date) else date.fromisoformat(day)
