"""Devices as their office sees them: who holds each, how far its log has arrived, and what its loss lets go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from ecoklit.core.causality import PARKED, is_beyond
from ecoklit.core.ids import is_area, is_tps
from ecoklit.core.policy import Policy
from ecoklit.core.registry import Enrolled, Grant, Registry, extended
from ecoklit.errors import EcoklitError
from ecoklit.ports import LastHeld, OfficeReader
from ecoklit.services.quarantine import Preview, compared, held_once

NOTHING_HELD: Final = LastHeld(0, 0)


class Right(msgspec.Struct, frozen=True):
    """A right of a device; `ended_from` is the seq from which a revocation took it, None while it holds."""

    role: str
    area: str
    ended_from: int | None


class Device(msgspec.Struct, frozen=True):
    """An enrolled device, and who holds it.

    `held` is the seq of its last event in the journal and `position` where that stands, its last contact: 0 when it
    sent nothing yet, None when nobody could be asked. `revoked_from`, `cloned_at` and `lost_after` are seqs of its log,
    None when the registry says no such thing.
    """

    device: str
    officer: str
    rights: list[Right]
    held: int | None
    position: int | None
    revoked_from: int | None
    cloned_at: int | None
    lost_after: int | None


def devices_in(registry: Registry, area: str, ends: Mapping[str, LastHeld] | None) -> list[Device]:
    """The devices with a right within `area`, ended ones too, in the order of their enrolment.

    The whole regency has those without any right besides. `ends` is None when it is not known what arrived. Raises
    EcoklitError unknown_area.
    """
    if not area.startswith(registry.regency):
        named = area if is_area(area) or is_tps(area) else "That"  # what else it is may be somebody's number
        raise EcoklitError("unknown_area", f"{named} is no area of regency {registry.regency}: give one within it.")
    return [
        _device(registry, enrolled, ends)
        for enrolled in registry.devices.values()
        if area == registry.regency or any(grant.area.startswith(area) for grant in _grants(registry, enrolled))
    ]


def _device(registry: Registry, enrolled: Enrolled, ends: Mapping[str, LastHeld] | None) -> Device:
    device = enrolled.device
    end = None if ends is None else ends.get(device, NOTHING_HELD)
    clone = registry.clones.get(device)
    revoked = [one.from_seq for one in registry.revocations if one.device == device and one.area is None]
    return Device(
        device,
        enrolled.holder,
        [Right(grant.role, grant.area, _ended_from(registry, device, grant)) for grant in _grants(registry, enrolled)],
        None if end is None else end.seq,
        None if end is None else end.position,
        min(revoked, default=None),
        None if clone is None else clone.event.at_seq,
        registry.lost.get(device),
    )


def _grants(registry: Registry, enrolled: Enrolled) -> Iterator[Grant]:
    for grant in registry.grants:
        if grant.to_device == enrolled.device or (grant.to_device is None and grant.officer == enrolled.holder):
            yield grant


def _ended_from(registry: Registry, device: str, grant: Grant) -> int | None:
    return min((one.from_seq for one in registry.revocations_of(device, grant)), default=None)


async def preview_lost(
    reader: OfficeReader, registry: Registry, policies: Mapping[str, Policy], device: str, after: int
) -> Preview:
    """What is let go when no event of `device` beyond seq `after` will come any more (SPEC §3.4).

    Raises EcoklitError bad_argument when the registry has no such device, or more of it is held.
    """
    if device not in registry.devices:
        raise EcoklitError(
            "bad_argument", f"The registry has no device {device}: 'ecoklit registry devices' lists what it has."
        )
    held = (await reader.last_held(registry.regency, [device])).get(device, NOTHING_HELD).seq
    if after < held:
        raise EcoklitError("bad_argument", f"{held} events of {device} are held: say --after {held}, or more.")
    released = extended(registry, ())
    released.position += 1
    released.lost[device] = min(after, released.lost.get(device, after))
    parked = held_once(await reader.events_with(registry.regency, [PARKED]))
    reached = [one for one in parked if any(is_beyond(dot, {device: after}) for dot in one[0].clock.items())]
    return await compared(reader, registry, released, policies, reached)
