"""The last evening: what is still missing at each TPS before its list can be closed.

A TPS is closed when every officer of it has reported, all that they reported has arrived, the roll is the one that they
saw or what changed it since is held here, and nothing waits: no event parked or quarantined, no conflict, no proposal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from ecoklit.core import ids, wire
from ecoklit.core.causality import PARKED
from ecoklit.core.entitlement import QUARANTINES
from ecoklit.core.registry import Grant, Registry
from ecoklit.ports import OfficeReader, OpenAt, StoredEvent

NO_REPORT: Final = "no_report"
UNSENT: Final = "unsent"
OUTDATED: Final = "outdated"
DIFFERS: Final = "differs"
PARKED_EVENTS: Final = "parked"
QUARANTINED_EVENTS: Final = "quarantined"
CONFLICTS: Final = "conflicts"
PROPOSALS: Final = "proposals"


class Report(msgspec.Struct, frozen=True):
    """An officer's final report of a TPS: the last event of the phone's log, and the digest of the roll it had."""

    officer: str
    device: str
    last: int
    digest: bytes


class Duty(msgspec.Struct, frozen=True):
    """A TPS by the registry: the officers assigned to it, and the last report of each device for it, in order."""

    officers: list[str]
    reports: list[Report]


class Missing(msgspec.Struct, frozen=True):
    """Something that keeps a TPS open: its name, how many, and who or from which event on."""

    name: str
    count: int
    whose: list[str] = []


class Closing(msgspec.Struct, frozen=True):
    """A TPS, and what is missing; `changed_since`: somebody else's events changed the roll after the last report."""

    tps: str
    missing: list[Missing]
    changed_since: bool


async def closing(reader: OfficeReader, area: str, duties: Mapping[str, Duty]) -> list[Closing]:
    """Every TPS of the area that the registry or a voter knows, by code."""
    regency = area[:4]
    rolls = await reader.open_at(area)
    waiting = _waiting_at(await reader.events_with(regency, [PARKED, *sorted(QUARANTINES)]))
    codes = sorted({*rolls, *(tps for tps in (*duties, *waiting) if tps.startswith(area))})
    devices = {one.device for tps in codes for one in duties.get(tps, _NOBODY).reports}
    ends = await reader.last_seqs(regency, sorted(devices))
    found = []
    for tps in codes:
        duty, roll = duties.get(tps, _NOBODY), rolls.get(tps, _EMPTY)
        differs, changed_since = await _differs(reader, tps, duty, roll)
        missing = [*_of_reports(duty, ends), *differs, *_of_events(waiting.get(tps, Counter())), *_of_roll(roll)]
        found.append(Closing(tps, missing, changed_since))
    return found


_NOBODY: Final = Duty([], [])
_EMPTY: Final = OpenAt(0, 0, b"")


def _waiting_at(events: Iterable[StoredEvent]) -> dict[str, Counter[str]]:
    """TPS → how many events that were made there are parked, and how many are quarantined."""
    waiting: dict[str, Counter[str]] = {}
    for one in events:
        name = PARKED_EVENTS if one.standing == PARKED else QUARANTINED_EVENTS
        waiting.setdefault(wire.hold(one.body, None).tps, Counter())[name] += 1
    return waiting


def _of_reports(duty: Duty, ends: Mapping[str, int]) -> list[Missing]:
    reported = {one.officer for one in duty.reports}
    absent = [officer for officer in duty.officers if officer not in reported]
    if not (duty.officers or duty.reports):
        return [Missing(NO_REPORT, 1)]
    unsent = [one for one in duty.reports if ends.get(one.device, 0) < one.last]
    outdated = [one for one in duty.reports if ends.get(one.device, 0) > one.last]
    return [
        *([Missing(NO_REPORT, len(absent), absent)] if absent else []),
        *(Missing(UNSENT, one.last - ends.get(one.device, 0), [one.officer, one.device]) for one in unsent),
        *(Missing(OUTDATED, ends[one.device] - one.last, [one.officer, one.device]) for one in outdated),
    ]


async def _differs(reader: OfficeReader, tps: str, duty: Duty, roll: OpenAt) -> tuple[list[Missing], bool]:
    """Whether the roll is not what the last report saw, for no reason that is held here, or for one that is."""
    if not duty.reports or not roll.digest or duty.reports[-1].digest == roll.digest:
        return [], False
    last = duty.reports[-1]
    end = await reader.event_named(ids.regency_of(tps), last.device, last.last) if last.last else None
    if end is None and last.last:
        return [], False  # what is unsent explains it, and is named
    reported_at = 0 if end is None else end.position
    since = [one for one in await reader.events_at(tps) if one.position > reported_at]
    others = [one for one in since if wire.hold(one.body, None).device != last.device]
    if others:
        return [], True
    return [Missing(DIFFERS, 1, [last.officer, last.device])], False


def _of_events(waiting: Mapping[str, int]) -> list[Missing]:
    return [Missing(name, waiting[name]) for name in (PARKED_EVENTS, QUARANTINED_EVENTS) if waiting.get(name)]


def _of_roll(roll: OpenAt) -> list[Missing]:
    counts = ((CONFLICTS, roll.in_conflict), (PROPOSALS, roll.proposed))
    return [Missing(name, count) for name, count in counts if count]


def is_closed(found: Sequence[Closing]) -> bool:
    return all(not one.missing for one in found)


def duties_of(registry: Registry) -> dict[str, Duty]:
    """What the registry says of each TPS that it knows: who works there, and what was reported, the latest last."""
    officers: dict[str, dict[str, None]] = {tps: {} for tps in sorted(registry.tps)}
    for grant in registry.grants:
        if grant.role == "pantarlih" and not _is_over(registry, grant):
            officers.setdefault(grant.area, {})[grant.officer] = None
    reports: dict[str, list[Report]] = {}
    for (tps, officer), one in sorted(registry.reports.items(), key=lambda item: item[1].position):
        event = one.event
        report = Report(officer, event.device, event.last, ids.from_base64url(event.digest))
        reports.setdefault(tps, []).append(report)
    return {tps: Duty(list(officers.get(tps, {})), reports.get(tps, [])) for tps in sorted({*officers, *reports})}


def _is_over(registry: Registry, grant: Grant) -> bool:
    """Whether no device can use the right any more: whoever had it was taken off this TPS."""
    devices = (
        [grant.to_device]
        if grant.to_device
        else [one.device for one in registry.devices.values() if one.holder == grant.officer]
    )
    return bool(devices) and all(registry.is_revoked(device) or registry.ended(device, grant) for device in devices)
