"""What the registry says of the voters of a step, and whom a change of the registry can change.

Most events are beyond doubt: their author has the right, no window was ever closed before them, and nobody cloned the
device. Those are told at a glance; a voter with any other event is judged from all events about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from ecoklit.core import entitlement
from ecoklit.core.entitlement import Admitted
from ecoklit.core.event import Malformed
from ecoklit.core.plain import Row
from ecoklit.core.registry import Registry, Void, extended
from ecoklit.core.registry_event import (
    Assigned,
    Cloned,
    DeviceEnrolled,
    DotsLost,
    ElectionOpened,
    Erased,
    PolicySet,
    Readmitted,
    Revoked,
    SignedRegistry,
    TpsSet,
    WindowClosed,
    WindowExtended,
    WindowOpened,
    read_line,
)
from ecoklit.core.wire import Dot, Held
from ecoklit.ports import Affected, RegistryMessage

_NEVER: Final = 2**53


class Judge:
    """The registry at one position, asked about many events. `stamps` must know every event that it is asked about."""

    def __init__(self, registry: Registry, stamps: Mapping[Dot, int]) -> None:
        self._registry = registry
        self._stamps = stamps
        self._is_silent = registry.root is None
        self._closed_from = min((one.position for one in registry.windows if not one.is_open), default=_NEVER)
        self._policies_of: dict[tuple[str, str], bool] = {}

    @property
    def lost(self) -> Mapping[str, int]:
        return self._registry.lost

    @property
    def is_ended(self) -> bool:
        """Whether nobody's persons are to be kept."""
        return self._registry.is_ended

    def erased(self, voters: Iterable[str]) -> frozenset[str]:
        """Those of whom no person is to be kept (SPEC §8.7)."""
        if not self._registry.erasures:
            return frozenset()
        return frozenset(filter(self._registry.is_erased, voters))

    def passes(self, row: Row) -> bool:
        """Whether the event is beyond doubt, whatever else is held about its voter, if all of that is too."""
        if self._is_silent:
            return True
        registry, kind, (device, seq) = self._registry, row.kind, row.dot
        revoked, entitled = entitlement.limits_of(registry, device, row.officer, kind.role, row.tps)
        return (
            seq < revoked
            and seq < entitled
            and not (registry.tps and row.tps not in registry.tps)
            and device not in registry.clones
            and (self._closed_from == _NEVER or self._stamps[row.dot] < self._closed_from)
            and (not registry.policies or self._is_set(kind.policy, row.tps))
        )

    def _is_set(self, policy: str, tps: str) -> bool:
        """Whether no other policy was ever set for the TPS: then its stamp does not matter."""
        known = self._policies_of.get((policy, tps))
        if known is None:
            known = all(one.policy == policy for _, one in self._registry.policies if tps.startswith(one.area))
            self._policies_of[policy, tps] = known
        return known

    def quarantine(self, about: Iterable[Sequence[Held]]) -> dict[bytes, str]:
        """Event hash → name, of all that the registry keeps out of the count among all events about each voter."""
        found: dict[bytes, str] = {}
        if not self._is_silent:
            for held in about:
                admitted = [Admitted(one, self._stamps[one.dot]) for one in held]
                found.update(entitlement.names_of(entitlement.quarantine_of(self._registry, admitted)))
        return found


# --- a change of the registry ----------------------------------------------------------------------------------------


class Change(msgspec.Struct, frozen=True):
    """The registry with some lines more, and what of the roll these lines can change."""

    registry: Registry
    affected: Affected


def changed(registry: Registry, lines: Sequence[RegistryMessage]) -> Change:
    """`registry` with the next `lines` of its journal."""
    read = [(line.sequence, _read(line)) for line in lines]
    after = extended(registry, read)
    void = {one.position for one in after.voids}
    affected = _affected(registry, [(at, one) for at, one in read if at not in void])
    return Change(after, affected)


def _read(line: RegistryMessage) -> SignedRegistry | Void:
    try:
        return read_line(line.payload)
    except Malformed as error:
        return Void(line.sequence, "", 0, "", "malformed", error.message)


def _affected(before: Registry, lines: Iterable[tuple[int, SignedRegistry | Void]]) -> Affected:
    """Rather too much than too little: whoever is refolded without need comes out the same."""
    everything = releases = False
    stamped: int | None = None
    logs: list[tuple[str, int]] = []
    lost: list[tuple[str, int]] = []
    voters: list[str] = []
    for position, line in lines:
        event = None if isinstance(line, Void) else line.event
        match event:
            case ElectionOpened():
                everything = True
            case TpsSet():
                # The first one makes every other polling place unknown; a later one only adds.
                everything |= not before.tps
                releases = True
            case DeviceEnrolled() | Assigned() | Readmitted():
                releases = True
            case Revoked():
                logs.append((event.revoked, event.from_seq))
            case Cloned() | PolicySet() | WindowOpened() | WindowExtended() | WindowClosed():
                stamped = position if stamped is None else min(stamped, position)
            case DotsLost():
                lost.append((event.lost, event.after))
            case Erased():
                if event.voter is UNSET:
                    everything = True
                else:
                    voters.append(event.voter)
            case _:
                pass  # nothing else has a say in what counts
    return Affected(everything=everything, released=releases, stamped=stamped, logs=logs, lost=lost, voters=voters)
