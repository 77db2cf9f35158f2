"""What the registry keeps out of the count: judged apart from the merge law, by the registry alone (SPEC §7.8).

Rights are judged by the whole registry, so a later assignment releases what waited for it. Window and policy are judged
at the registry position that admission stamped on the event; for the window that of its latest cause counts too: a
withheld cause is no way to be late unseen.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from ecoklit.core import ids
from ecoklit.core.causality import EQUIVOCATION, UNKNOWN_POLICY, Standing
from ecoklit.core.event import AnyEvent
from ecoklit.core.limits import JUDGED_MAX
from ecoklit.core.registry import NOT_ENTITLED, REVOKED_DEVICE, Grant, Readmission, Registry
from ecoklit.core.wire import Dot, Held

UNKNOWN_TPS: Final = "unknown_tps"
LATE: Final = "late"

QUARANTINES: Final = (REVOKED_DEVICE, NOT_ENTITLED, EQUIVOCATION, UNKNOWN_TPS, UNKNOWN_POLICY, LATE)
"""In the order in which they are looked for: the first that fits is the one that is named."""

_NO_LIMIT: Final = 2**53
_NO_RIGHT: Final = 0
_BY_AREA: Final = "by area"


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """An event as the journal holds it, and the registry position that its admission judged by."""

    held: Held
    stamp: int


def quarantine_of(registry: Registry, admitted: Sequence[Admitted]) -> dict[bytes, Standing]:
    """Of all held events about one voter, those that the registry keeps out of the count: hash → why.

    An unopened registry says nothing about anybody: it is the door that lets nobody in then.
    """
    if registry.root is None:
        return {}
    ready = _ready_stamps(admitted) if registry.windows else {}
    found = {}
    for one in admitted:
        fault = _fault(registry, one.held, one.stamp, ready.get(one.held.hash, one.stamp))
        if fault is not None:
            found[one.held.hash] = fault
    return found


def fault_of(registry: Registry, held: Held, stamp: int) -> Standing | None:
    """What the registry says of one event by itself: what can be told at once, before its causes are known."""
    event = held.event
    if registry.root is None or event is None or held.seq < _free_until(registry, held, event, stamp):
        return None
    return _fault(registry, held, stamp, stamp)


def _free_until(registry: Registry, held: Held, event: AnyEvent, stamp: int) -> int:
    """The seq of the device's log below which the registry has nothing against such an event; asked once a push."""
    asked = (held.device, event.officer, event.role, held.tps, event.policy, stamp)
    free: int | None = registry.judged.get(asked)
    if free is None:
        is_free = (
            (not registry.tps or held.tps in registry.tps)
            and _fault_of_clone(registry, held, stamp) is None
            and _fault_of_policy(registry, held.tps, event.policy, stamp) is None
            and _fault_of_window(registry, held.tps, stamp) is None
        )
        free = min(limits_of(registry, held.device, event.officer, event.role, held.tps)) if is_free else 0
        _remember(registry, asked, free)
    return free


def _remember(registry: Registry, asked: tuple[object, ...], answer: object) -> None:
    # The words are the author's: somebody who invents an officer for each event must not fill our memory.
    if len(registry.judged) >= JUDGED_MAX:
        registry.judged.clear()
    registry.judged[asked] = answer


def _ready_stamps(admitted: Sequence[Admitted]) -> dict[bytes, int]:
    """hash → the registry position from which on all that the event names was held, itself included."""
    stamps: dict[Dot, int] = {}
    for one in admitted:
        stamps[one.held.dot] = max(one.stamp, stamps.get(one.held.dot, 0))
    return {one.held.hash: max(one.stamp, *(stamps.get(dot, 0) for dot in one.held.clock.items())) for one in admitted}


def _fault(registry: Registry, held: Held, stamp: int, ready: int) -> Standing | None:
    event = held.event
    if event is None:
        return None  # a bad event is named as one, and nothing releases it
    fault = _fault_of_right(registry, held, event) or _fault_of_clone(registry, held, stamp)
    policy = _fault_of_policy(registry, held.tps, event.policy, stamp)
    if fault is None and policy is None:
        fault = _fault_of_window(registry, held.tps, ready)
    if fault is None or any(_readmits(one, held, event, stamp) for one in registry.readmissions):
        return policy  # which nothing readmits
    return fault


# --- rights, by the whole registry -----------------------------------------------------------------------------------


def _fault_of_right(registry: Registry, held: Held, event: AnyEvent) -> Standing | None:
    revoked, entitled = limits_of(registry, held.device, event.officer, event.role, held.tps)
    if held.seq >= revoked:
        return Standing(REVOKED_DEVICE, f"the device was revoked from its event {revoked} on")
    if held.seq >= entitled:
        why = "had" if entitled == _NO_RIGHT else "has no longer"
        return Standing(
            NOT_ENTITLED, f"{held.device} {why} {'no' if why == 'had' else 'the'} right to say this of {held.tps}"
        )
    if registry.tps and held.tps not in registry.tps:
        return Standing(UNKNOWN_TPS, f"the registry has no {held.tps}")
    return None


def limits_of(registry: Registry, device: str, officer: str, role: str, tps: str) -> tuple[int, int]:
    """The seq of the device's log from which it is revoked, and the one from which it has no right to these words."""
    asked = (device, officer, role, tps)
    limits: tuple[int, int] | None = registry.judged.get(asked)
    if limits is None:
        limits = _limits(registry, *asked)
        _remember(registry, asked, limits)
    return limits


def _limits(registry: Registry, device: str, officer: str, role: str, tps: str) -> tuple[int, int]:
    revoked = min(
        (one.from_seq for one in registry.revocations_from(device) if one.area is None),
        default=_NO_LIMIT,
    )
    if device not in registry.devices or ids.regency_of(tps) != registry.regency:
        return revoked, _NO_RIGHT
    holder = registry.devices[device].holder
    right = operator = _NO_RIGHT
    is_assigned = False
    for grant in _grants_over(registry, tps):
        if grant.role == "operator":
            if grant.to_device == device:
                operator = max(operator, _until(registry, device, grant))
        elif grant.officer == officer and grant.role == role:
            is_assigned = True
            if grant.to_device == device or (grant.to_device is None and holder == officer):
                right = max(right, _until(registry, device, grant))
    return revoked, max(right, operator) if is_assigned else _NO_RIGHT


def _grants_over(registry: Registry, tps: str) -> Iterator[Grant]:
    """The grants of the areas that hold a TPS. A regency has thousands of grants, and every TPS its own few."""
    by_area: dict[str, list[Grant]] | None = registry.judged.get(_BY_AREA)
    if by_area is None:
        by_area = registry.judged[_BY_AREA] = {}
        for grant in registry.grants:
            by_area.setdefault(grant.area, []).append(grant)
    for digits in range(len(tps) + 1):
        yield from by_area.get(tps[:digits], ())


def _until(registry: Registry, device: str, grant: Grant) -> int:
    """The seq of the device's log from which this right no longer holds."""
    return min(
        (one.from_seq for one in registry.revocations_of(device, grant) if one.area is not None), default=_NO_LIMIT
    )


# --- by the stamp ----------------------------------------------------------------------------------------------------


def _fault_of_clone(registry: Registry, held: Held, stamp: int) -> Standing | None:
    clone = registry.clones.get(held.device)
    if clone is None or stamp < clone.position:
        return None
    return Standing(EQUIVOCATION, "its device's key was used elsewhere, and this came after that was known")


def _fault_of_window(registry: Registry, tps: str, ready: int) -> Standing | None:
    is_open = True
    for window in registry.windows:
        if window.position > ready:
            break
        if tps.startswith(window.area):
            is_open = window.is_open
    return None if is_open else Standing(LATE, "it came when coklit of its area was closed")


def _fault_of_policy(registry: Registry, tps: str, policy: str, stamp: int) -> Standing | None:
    set_so_far = [
        event.policy for position, event in registry.policies if position <= stamp and tps.startswith(event.area)
    ]
    if not set_so_far or policy in set_so_far:
        return None
    return Standing(UNKNOWN_POLICY, f"policy {policy} was not set for {tps}")


# --- readmission -----------------------------------------------------------------------------------------------------


def reaches(readmission: Readmission, held: Held, stamp: int) -> bool:
    """Whether a readmission means this event, whatever keeps that out."""
    return held.event is not None and _readmits(readmission, held, held.event, stamp)


def _readmits(readmission: Readmission, held: Held, event: AnyEvent, stamp: int) -> bool:
    """Whether the readmission reaches the event: it was admitted before, lies in its author's area, and is meant."""
    what = readmission.event
    return (
        stamp <= readmission.position
        and any(held.tps.startswith(area) for area in readmission.areas)
        and (what.events is UNSET or ids.to_base64url(held.hash) in what.events)
        and (what.of_device is UNSET or held.device == what.of_device)
        and (what.of_officer is UNSET or event.officer == what.of_officer)
        and (what.of_tps is UNSET or held.tps == what.of_tps)
        and (what.since is UNSET or event.at[:10] >= what.since)
        and (what.until is UNSET or event.at[:10] <= what.until)
    )


def names_of(quarantine: Mapping[bytes, Standing]) -> dict[bytes, str]:
    """The same by name alone, as the merge law asks for it (causality.World)."""
    return {event_hash: standing.name for event_hash, standing in quarantine.items()}


# --- reading ---------------------------------------------------------------------------------------------------------


def may_read(registry: Registry, device: str, tps: str) -> bool:
    """Whether a device may have the voters of a TPS: one in an area of its rights, by the registry as it is now.

    A pantarlih's device may have its whole village, in which voters move from one TPS to another (SPEC §7.11).
    """
    if device not in registry.devices or registry.is_revoked(device):
        return False
    return any(tps.startswith(grant.area[:_VILLAGE_DIGITS]) for grant in registry.grants_of(device))


_VILLAGE_DIGITS: Final = 10
