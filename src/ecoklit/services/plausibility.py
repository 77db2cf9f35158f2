"""What in the course of the visits deserves a second look. Advice for people only: no merge ever reads it (SPEC §5).

Clocks of phones can be wrong and a family is entered at one go; so each kind of advice says what was seen, and leaves
the judgement to whoever knows the place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from math import asin, cos, radians, sin, sqrt
from typing import Final, NamedTuple

import msgspec

from ecoklit.core.event import moment_of

HOMES_A_MINUTE_MAX: Final = 9
"""Ten homes in a minute were never visited one by one, however small the village."""
MINUTE: Final = 60
SPEED_KMH_MAX: Final = 200.0
"""Faster than any car or boat; a helicopter to the mountains of Mimika lands without visits in between."""
DISTANCE_KM_MIN: Final = 2.0
"""Below, the error of a cheap phone's position can make any speed."""
NIGHT_FROM_HOUR: Final = 22
NIGHT_UNTIL_HOUR: Final = 5
NIGHT_SHARE_MIN: Final = 0.8
NIGHT_ENTRIES_MIN: Final = 20
EARTH_KM: Final = 6371.0

HURRIED: Final = "hurried"
IMPOSSIBLE_TRAVEL: Final = "impossible_travel"
AT_NIGHT: Final = "at_night"
OTHERS_PHONE: Final = "others_phone"


class Visit(NamedTuple):
    """An entry of field work that counts: `home` tells families apart, `at` is the phone's own clock, the place is
    in millionths of a degree."""

    device: str
    seq: int
    officer: str
    tps: str
    at: str
    home: str | None
    lat_e6: int | None
    lon_e6: int | None


class Advice(msgspec.Struct, frozen=True):
    """Something to look at: what was seen, on which device, from one entry of its log to another, and how much."""

    kind: str
    device: str
    officer: str
    first_seq: int
    last_seq: int
    amount: float


def advice_of(
    visits: Iterable[Visit], holders: Mapping[str, str], operators: frozenset[str] = frozenset()
) -> list[Advice]:
    """What deserves a second look in `visits`, which are in order of device and seq.

    `holders` maps device → the officer who holds it, `operators` are devices that may type for others.
    """
    found: list[Advice] = []
    for device, group in groupby(visits, key=lambda visit: visit.device):
        log = list(group)
        found += _hurried(log)
        found += _impossible(log)
        found += _at_night(log)
        if device not in operators:
            found += _of_another(log, holders.get(device))
    return found


def _hurried(log: Sequence[Visit]) -> Iterator[Advice]:
    """Stretches in which more homes were entered within a minute than anybody can visit; each stretch once."""
    first, stretch = 0, None
    for last, visit in enumerate(log):
        while moment_of(visit.at) - moment_of(log[first].at) > MINUTE or moment_of(visit.at) < moment_of(log[first].at):
            first += 1
        homes = len({one.home for one in log[first : last + 1] if one.home is not None})
        if homes > HOMES_A_MINUTE_MAX:
            begun, most = (first, homes) if stretch is None else stretch
            stretch = (begun, max(most, homes))
        elif stretch is not None:
            yield _advice(HURRIED, log[stretch[0]], log[last - 1], stretch[1])
            stretch = None
    if stretch is not None:
        yield _advice(HURRIED, log[stretch[0]], log[-1], stretch[1])


def _impossible(log: Sequence[Visit]) -> Iterator[Advice]:
    placed = [visit for visit in log if visit.lat_e6 is not None and visit.lon_e6 is not None]
    for before, after in pairwise(placed):
        distance = distance_km(before, after)
        hours = max(moment_of(after.at) - moment_of(before.at), 1) / 3600
        if distance >= DISTANCE_KM_MIN and distance / hours > SPEED_KMH_MAX:
            yield _advice(IMPOSSIBLE_TRAVEL, before, after, round(distance, 1))


def _at_night(log: Sequence[Visit]) -> Iterator[Advice]:
    at_night = [visit for visit in log if not NIGHT_UNTIL_HOUR <= int(visit.at[11:13]) < NIGHT_FROM_HOUR]
    if len(log) >= NIGHT_ENTRIES_MIN and len(at_night) >= NIGHT_SHARE_MIN * len(log):
        yield _advice(AT_NIGHT, log[0], log[-1], len(at_night))


def _of_another(log: Sequence[Visit], holder: str | None) -> Iterator[Advice]:
    """Runs of entries in the name of an officer who does not hold the phone; who holds it is the registry's word."""
    if holder is None:
        return
    for officer, run in groupby(log, key=lambda visit: visit.officer):
        entries = list(run)
        if officer != holder:
            yield _advice(OTHERS_PHONE, entries[0], entries[-1], len(entries))


def _advice(kind: str, first: Visit, last: Visit, amount: float) -> Advice:
    return Advice(kind, first.device, first.officer, first.seq, last.seq, float(amount))


def distance_km(one: Visit, other: Visit) -> float:
    """The great circle between two visits that both have a place."""
    assert one.lat_e6 is not None and one.lon_e6 is not None and other.lat_e6 is not None and other.lon_e6 is not None
    latitude, longitude = radians(one.lat_e6 / 1e6), radians(one.lon_e6 / 1e6)
    north, east = radians(other.lat_e6 / 1e6) - latitude, radians(other.lon_e6 / 1e6) - longitude
    chord = sin(north / 2) ** 2 + cos(latitude) * cos(latitude + north) * sin(east / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(chord)))
