"""Figures that take more than one view: officers' reports, advice on visits, the health of devices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from msgspec import structs

from ecoklit.core.registry import Registry
from ecoklit.errors import EcoklitError
from ecoklit.ports import Answer, AsOf, FiguresReader, LastHeld
from ecoklit.services.devices import devices_in
from ecoklit.services.disclose import disclosed
from ecoklit.services.plausibility import Advice, Visit, advice_of
from ecoklit.services.work import Disabled, Lines, Span, Worked, reports

TPS_VOTERS_MAX: Final = 600
"""The limit of voters of a TPS in the election of 2024, unless another is asked about."""
LIMIT_MAX: Final = 100_000
LIKENESS: Final = 0.6
LIKENESS_MIN: Final = 0.3
"""Below, two names have little in common, and a regency has more pairs of them than anybody can look at."""
FIRST_START: Final = date(2000, 1, 1)
LAST_START: Final = date(2999, 12, 31)


async def large_tps(reader: FiguresReader, area: str, limit: int = TPS_VOTERS_MAX) -> Answer:
    """TPS of the area with more than `limit` voters on their list. Raises EcoklitError bad_argument."""
    if not 0 <= limit <= LIMIT_MAX:
        raise EcoklitError("bad_argument", f"That is no limit of a TPS: give 0 to {LIMIT_MAX} voters.")
    return await reader.large_tps(area, limit)


async def duplicates(reader: FiguresReader, area: str, likeness: float = LIKENESS) -> Answer:
    """Groups of voters who may be one person, masked. Raises EcoklitError bad_argument."""
    if not LIKENESS_MIN <= likeness <= 1:
        raise EcoklitError("bad_argument", f"That is no likeness of names: give {LIKENESS_MIN} to 1.")
    answer = await reader.duplicates(area, likeness)
    return Answer(answer.as_of, [disclosed(row) for row in answer.rows])


async def officers_reports(
    reader: FiguresReader, area: str, span: Span, start: date | None = None
) -> tuple[AsOf, list[Lines]]:
    """The reports (`services.work`) of every officer in the area; ten days count from `start`, or from the first entry.

    As of the earlier of two snapshots: line E may be of a moment later. Raises EcoklitError bad_argument.
    """
    if start is not None and not FIRST_START <= start <= LAST_START:
        raise EcoklitError("bad_argument", "That is no first day of coklit: give it as in 2024-06-24.")
    answer = await reader.work(area)
    disabled = await reader.disabled_work(area)
    worked = [Worked(*(row[name] for name in Worked._fields)) for row in answer.rows]
    first = start or min((one.day for one in worked), default=FIRST_START)
    of_disabled = [Disabled(*(row[name] for name in Disabled._fields)) for row in disabled.rows]
    return answer.as_of, reports(worked, of_disabled, span, start=first)


async def visits_advice(reader: FiguresReader, registry: Registry, area: str) -> tuple[AsOf, list[Advice]]:
    """What of the visits in the area deserves a second look; the registry says who holds each device."""
    answer = await reader.visits(area)
    visits = [Visit(*(row[name] for name in Visit._fields)) for row in answer.rows]
    holders = {device: enrolled.holder for device, enrolled in registry.devices.items()}
    # A regency has hundreds of thousands of visits: whoever pushes meanwhile must not wait for them.
    return answer.as_of, await asyncio.to_thread(advice_of, visits, holders, _operators(registry))


async def devices_health(reader: FiguresReader, registry: Registry, area: str) -> tuple[AsOf, list[dict[str, Any]]]:
    """The devices with a right in the area, by name: who holds each, how far its log is held, what does not count.

    `behind` is how many events came to the journal since its last contact, `last_heard` when that was projected. Raises
    EcoklitError unknown_area.
    """
    answer = await reader.device_health(registry.regency)
    health = {row["device"]: row for row in answer.rows}
    ends = {device: LastHeld(row["seq"], row["position"]) for device, row in health.items()}
    return answer.as_of, [
        {
            **structs.asdict(device),
            "behind": answer.as_of.events - (device.position or 0),
            **{name: health.get(device.device, {}).get(name, 0) for name in ("parked", "quarantined", "late")},
            "last_heard": health.get(device.device, {}).get("last_heard"),
        }
        for device in sorted(devices_in(registry, area, ends), key=lambda device: device.device)
    ]


def rows_disclosed(values: Iterable[Lines | Advice]) -> list[dict[str, Any]]:
    """Lines or advice as rows, without identity numbers wherever somebody put one."""
    return [disclosed(structs.asdict(value)) for value in values]


def _operators(registry: Registry) -> frozenset[str]:
    """The devices that may enter for the officers of their area."""
    return frozenset(grant.to_device for grant in registry.grants if grant.role == "operator" and grant.to_device)
