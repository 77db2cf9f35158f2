"""The registry: who may do what, as it follows from its signed events, in their one order (SPEC §8).

Every right comes down from the root key. An event whose author had no right at its place is *void*: it is held, it is
listed with its reason, it does nothing, and it never blocks the log that it stands in. A replay of the events gives
the same registry again, so nothing about rights lives only in a database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import UNSET

from ecoklit.core import ids
from ecoklit.core.admission import (
    BAD_SIGNATURE,
    BROKEN_CHAIN,
    EQUIVOCATION,
    GAP,
    UNKNOWN_DEVICE,
    WRONG_ELECTION,
    Refused,
)
from ecoklit.core.event import Malformed
from ecoklit.core.registry_event import (
    AnyRegistryEvent,
    Assigned,
    Cloned,
    DeviceEnrolled,
    DotsLost,
    ElectionOpened,
    Erased,
    LogKeySet,
    PolicySet,
    Readmitted,
    Revoked,
    SignedRegistry,
    StageSet,
    TpsReported,
    TpsSet,
    Vouched,
    WindowClosed,
    WindowExtended,
    WindowOpened,
    read_line,
)
from ecoklit.core.signing import PublicKey

NOT_ENTITLED: Final = "not_entitled"
REVOKED_DEVICE: Final = "revoked_device"
BAD_EVENT: Final = "bad_event"
DAMAGED: Final = (UNKNOWN_DEVICE, BAD_SIGNATURE, BROKEN_CHAIN, WRONG_ELECTION, "malformed")
"""Names of voids that admission never lets in: a registry that has one was written by others, or damaged."""

ROLES_GIVEN_BY: Final = {
    "kpu": ("pantarlih", "pps", "ppk", "kpu", "operator"),
    "ppk": ("pantarlih", "pps", "operator"),
    "pps": ("pantarlih", "operator"),
}
"""The roles that each office may give, within its own area."""


class RegistryFault(Exception):
    """Lines that are no registry of this election and regency, or not under the root key that was expected."""


class Enrolled(msgspec.Struct, frozen=True):
    """A device that the registry knows: its key, who holds it, and its user key at the broker if it has one."""

    device: str
    key: PublicKey
    holder: str
    nkey: str | None
    position: int


class Grant(msgspec.Struct, frozen=True):
    """An officer's right: `role` in `area`, with the device `to_device`, or with any that the officer holds.

    An `operator`'s device may enter for the officers of its area; `officer` is then who types.
    """

    officer: str
    role: str
    area: str
    to_device: str | None
    position: int
    by: str


class Voucher(msgspec.Struct, frozen=True):
    """A key that may enrol one device, once, for these terms (SPEC §8.5). No fold reads `until`."""

    key: PublicKey
    officer: str
    role: str
    area: str
    until: str
    position: int
    by: str
    used_by: str | None = None


class Revocation(msgspec.Struct, frozen=True):
    """A device's right ends with its voter event `from_seq`: all of it, or that within `area`."""

    device: str
    from_seq: int
    area: str | None
    position: int


class Readmission(msgspec.Struct, frozen=True):
    """What somebody with a right in `areas` lets count although it was quarantined."""

    position: int
    areas: tuple[str, ...]
    event: Readmitted


class Window(msgspec.Struct, frozen=True):
    """From `position` on, events from `area` are in time (`is_open`), or late, as `event` says."""

    position: int
    area: str
    is_open: bool
    event: WindowOpened | WindowExtended | WindowClosed


class Clone(msgspec.Struct, frozen=True):
    """A device whose key signed two different events with one seq, as the service or an office said."""

    position: int
    event: Cloned


class Report(msgspec.Struct, frozen=True):
    """An officer's final report of a TPS."""

    position: int
    event: TpsReported


class Frozen(msgspec.Struct, frozen=True):
    """A list that was frozen as a stage."""

    position: int
    event: StageSet


class Erasure(msgspec.Struct, frozen=True):
    """From `position` on nobody is shown the persons of a voter: `event.voter`, or everybody when it names none."""

    position: int
    event: Erased


class LogKey(msgspec.Struct, frozen=True):
    """Whose signature is under the checkpoints of a transparency log, as an office with the right said."""

    position: int
    event: LogKeySet


class Void(msgspec.Struct, frozen=True):
    """A registry event that does nothing, by name, and in a clause why."""

    position: int
    device: str
    seq: int
    type: str
    name: str
    why: str


class LogEnd(msgspec.Struct, frozen=True):
    """The last event of a device's log in the registry: its seq, and its hash."""

    seq: int
    hash: bytes


class Registry:
    """What the registry says up to `position`. A value: `extended` gives the next one and leaves this as it is."""

    def __init__(self, election: str, regency: str) -> None:
        self.election: Final = election
        self.regency: Final = regency
        self.position = 0
        self.root: PublicKey | None = None
        self.services: dict[str, PublicKey] = {}
        self.devices: dict[str, Enrolled] = {}
        self.vouchers: dict[str, Voucher] = {}
        self._grants: list[Grant] = []
        self._grants_to: dict[str, tuple[Grant, ...]] = {}
        self._grants_of: dict[str, tuple[Grant, ...]] = {}
        self._granters: set[str] = set()
        self._revocations: list[Revocation] = []
        self._revoked: dict[str, tuple[Revocation, ...]] = {}
        self.readmissions: tuple[Readmission, ...] = ()
        self.windows: tuple[Window, ...] = ()
        self.policies: tuple[tuple[int, PolicySet], ...] = ()
        self.clones: dict[str, Clone] = {}
        self.reports: dict[tuple[str, str], Report] = {}
        """(tps, officer) → the last report: several officers may share a TPS, and each reports a phone of their own."""
        self.stages: tuple[Frozen, ...] = ()
        self.erasures: tuple[Erasure, ...] = ()
        self._erased: frozenset[str] = frozenset()
        self.is_ended = False
        """Whether the persons of everybody were ordered to be erased: the election is over (SPEC §8.7)."""
        self.log_keys: tuple[LogKey, ...] = ()
        self.tps: frozenset[str] = frozenset()
        self.lost: dict[str, int] = {}
        self.losses: tuple[tuple[int, DotsLost], ...] = ()
        self.logs: dict[str, LogEnd] = {}
        self._voids: list[Void] = []
        self.judged: dict[Any, Any] = {}
        """A memory of `core.entitlement`: what this very registry says of one device, officer, role and tps."""

    def extended(self, position: int, line: SignedRegistry) -> Registry:
        """The registry with one event more, at `position`, which lies above its own."""
        return extended(self, [(position, line)])

    @property
    def grants(self) -> tuple[Grant, ...]:
        """Every right ever given, in the order in which they were."""
        return tuple(self._grants)

    @property
    def revocations(self) -> tuple[Revocation, ...]:
        return tuple(self._revocations)

    @property
    def voids(self) -> tuple[Void, ...]:
        return tuple(self._voids)

    def key_of(self, device: str) -> PublicKey | None:
        """The key of whoever may sign registry lines: root, service, enrolled device or voucher; else None."""
        if self.root is not None and device == self.root_device:
            return self.root
        if device in self.services:
            return self.services[device]
        enrolled = self.devices.get(device)
        if enrolled is not None:
            return enrolled.key
        voucher = self.vouchers.get(device)
        return None if voucher is None else voucher.key

    def device_key(self, device: str) -> PublicKey | None:
        """The key of an enrolled device, whose voter events may be admitted; None for every other."""
        enrolled = self.devices.get(device)
        return None if enrolled is None else enrolled.key

    @property
    def root_device(self) -> str | None:
        return None if self.root is None else self.root.device

    def grants_of(self, device: str) -> Iterator[Grant]:
        """The rights that a device can use as its holder, revoked ones left out."""
        enrolled = self.devices.get(device)
        own = self._grants_to.get(device, ())
        if enrolled is not None:
            own = tuple(sorted((*own, *self._grants_of.get(enrolled.holder, ())), key=_position))
        for grant in own:
            if not self.ended(device, grant):
                yield grant

    def ended(self, device: str, grant: Grant) -> bool:
        """Whether a later revocation took this right from the device, from whatever seq on."""
        return any(revocation.position > grant.position for revocation in self.revocations_of(device, grant))

    def revocations_of(self, device: str, grant: Grant) -> Iterator[Revocation]:
        """The revocations that take `grant` from `device`: a later grant is not touched by an earlier revocation."""
        for one in self.revocations_from(device):
            if one.area is None or (grant.area.startswith(one.area) and one.position > grant.position):
                yield one

    def revocations_from(self, device: str) -> tuple[Revocation, ...]:
        """What was ever taken from a device, in the order in which it was."""
        return self._revoked.get(device, ())

    def lost_at(self, position: int) -> dict[str, int]:
        """`lost` as it was at `position`, which is not beyond this registry's."""
        lost: dict[str, int] = {}
        for at, event in self.losses:
            if at <= position:
                lost[event.lost] = min(event.after, lost.get(event.lost, event.after))
        return lost

    def is_revoked(self, device: str) -> bool:
        """Whether the whole device is revoked, from whatever seq on."""
        return any(one.area is None for one in self.revocations_from(device))

    def is_erased(self, voter: str) -> bool:
        """Whether the voter's persons are nobody's to see, to keep or to take any more (SPEC §8.7)."""
        return self.is_ended or voter in self._erased

    def log_key_of(self, log: str) -> LogKey | None:
        """The key of a transparency log (`voters`, `registry`), as it was said last."""
        return next((one for one in reversed(self.log_keys) if one.event.log == log), None)

    def _copy(self) -> Registry:
        copy = Registry(self.election, self.regency)
        copy.__dict__.update(self.__dict__)
        copy._grants = list(self._grants)
        copy._grants_to = dict(self._grants_to)
        copy._grants_of = dict(self._grants_of)
        copy._granters = set(self._granters)
        copy._revocations = list(self._revocations)
        copy._revoked = dict(self._revoked)
        copy._voids = list(self._voids)
        copy.services = dict(self.services)
        copy.devices = dict(self.devices)
        copy.vouchers = dict(self.vouchers)
        copy.clones = dict(self.clones)
        copy.reports = dict(self.reports)
        copy.lost = dict(self.lost)
        copy.logs = dict(self.logs)
        copy.judged = {}
        return copy


def fold_registry(election: str, regency: str, lines: Iterable[tuple[int, bytes]], root: str | None = None) -> Registry:
    """The registry that (position, line) give; `root` is the device id of the root key that it must be under.

    Raises RegistryFault when its first event does not open this election in this regency, or another root does.
    """
    registry = extended(Registry(election, regency), _read(lines))
    if registry.root is None and registry.position:
        raise RegistryFault(f"the registry's first event does not open {election} in {regency}")
    if root is not None and registry.root is not None and registry.root_device != root:
        raise RegistryFault(f"the registry is under the root key {registry.root_device}, not {root}")
    return registry


def extended(registry: Registry, lines: Iterable[tuple[int, SignedRegistry | Void]]) -> Registry:
    """The registry with these events more, in the order of their positions."""
    copy = registry._copy()
    for position, line in lines:
        copy.position = position
        void = line if isinstance(line, Void) else _take(copy, position, line)
        if void is not None:
            copy._voids.append(void)
    return copy


def _read(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, SignedRegistry | Void]]:
    for position, line in lines:
        try:
            yield position, read_line(line)
        except Malformed as error:
            yield position, Void(position, "", 0, "", "malformed", error.message)


def erased_of(registry: Registry, position: int | None = None) -> tuple[Erasure, ...]:
    """What was ordered to be erased up to a registry `position`, all of it by default, in the order in which it was.

    Of each: when and by whose right (`event.at`, `.officer`, `.device`), of whom (`.voter`, UNSET for everybody), and
    the hash of the order's document (`.order`).
    """
    return tuple(one for one in registry.erasures if position is None or one.position <= position)


# --- at the door (SPEC §7.4) -----------------------------------------------------------------------------------------


def _faults_at_the_door(registry: Registry, line: SignedRegistry) -> Iterator[Refused]:
    name = f"registry event {line.seq} of {line.device}"
    if (line.election, line.regency) != (registry.election, registry.regency):
        yield Refused(WRONG_ELECTION, f"{name} is of {line.election} in {line.regency}")
    key = _signer(registry, line)
    if key is None:
        yield Refused(UNKNOWN_DEVICE, f"{name} is signed by nobody whom the registry knows")
    elif not line.signed_by(key):
        yield Refused(BAD_SIGNATURE, f"{name} is not signed by its device's key")
    seq, event_hash = _end(registry, line.device)
    if line.seq <= seq:
        yield Refused(EQUIVOCATION, f"{name} is held already, and is another one")
    if line.seq > seq + 1:
        yield Refused(GAP, f"after registry event {seq} of {line.device} comes {seq + 1}; send from there on", seq + 1)
    if line.prev != ids.to_base64url(event_hash):
        code = EQUIVOCATION if seq else BROKEN_CHAIN
        yield Refused(code, f"prev of {name} is not the hash of the event that is held before it")


def _signer(registry: Registry, line: SignedRegistry) -> PublicKey | None:
    if registry.root is None:
        # Nothing is known yet: the event that opens the election names its own author's key.
        event = line.event
        return event.root if isinstance(event, ElectionOpened) else None
    return registry.key_of(line.device)


def _end(registry: Registry, device: str) -> tuple[int, bytes]:
    end = registry.logs.get(device)
    return (0, ids.ZERO_HASH) if end is None else (end.seq, end.hash)


# --- the fold --------------------------------------------------------------------------------------------------------


def _take(registry: Registry, position: int, line: SignedRegistry) -> Void | None:
    """Let the event do what it says; or the Void, when its author had no right to say it."""
    for fault in _faults_at_the_door(registry, line):
        # A copy of the journal's own is checked as at the door: whoever reads need not trust whoever wrote.
        return _void(position, line, fault.code, fault.message)
    registry.logs[line.device] = LogEnd(line.seq, line.hash)
    if line.event is None:
        return _void(position, line, BAD_EVENT, line.fault or "")
    if registry.is_revoked(line.device):
        return _void(position, line, REVOKED_DEVICE, "its device was revoked before it came")
    why = _why_not(registry, line.device, line.event)
    if why is not None:
        return _void(position, line, NOT_ENTITLED, why)
    _apply(registry, position, line.device, line.event)
    return None


def _void(position: int, line: SignedRegistry, name: str, why: str) -> Void:
    kind = "" if line.event is None else str(line.event.__struct_config__.tag)
    return Void(position, line.device, line.seq, kind, name, why)


def _why_not(registry: Registry, device: str, event: AnyRegistryEvent) -> str | None:
    """Why `device` had no right to say `event` at this place; None when it had (SPEC §8.4)."""
    if isinstance(event, ElectionOpened):
        return "the election is open already" if registry.root is not None else None
    if isinstance(event, DeviceEnrolled) and registry.key_of(event.enrolled) is not None:
        return f"{event.enrolled} has a place in the registry already: a key is enrolled once"
    if isinstance(event, Vouched) and registry.key_of(event.voucher) is not None:
        return f"{event.voucher} has a place in the registry already: a code is made once"
    if device == registry.root_device:
        return None
    if device in registry.services:
        return None if isinstance(event, Cloned) else "a service's key says only who was cloned"
    if device in registry.vouchers:
        return _why_not_by_voucher(registry, device, event)
    return _why_not_by_office(registry, device, event)


def _why_not_by_voucher(registry: Registry, device: str, event: AnyRegistryEvent) -> str | None:
    voucher = registry.vouchers[device]
    if isinstance(event, DeviceEnrolled):
        if voucher.used_by is not None:
            return f"the code was used by {voucher.used_by}"
        return None if event.holder == voucher.officer else f"the code was made for {voucher.officer}"
    if isinstance(event, Assigned):
        if device in registry._granters:
            # Or whoever has kept the code would take back a right that was ended since.
            return f"the code was used by {voucher.used_by}"
        asked = (event.to_device, event.officer_assigned, event.role_assigned, event.area)
        given = (voucher.used_by, voucher.officer, voucher.role, voucher.area)
        return None if asked == given else "the code gives another right"
    return "a code enrols one device and gives it its right, nothing else"


def _why_not_by_office(registry: Registry, device: str, event: AnyRegistryEvent) -> str | None:
    own = list(registry.grants_of(device))
    if isinstance(event, TpsReported):
        allowed = any(grant.officer == event.officer and grant.area == event.tps for grant in own)
        return None if allowed else f"its author is no officer of {event.tps}"
    areas = [
        one.area for one in own if one.role == event.role and one.officer == event.officer and one.role in _OFFICES
    ]
    if not areas:
        return f"its author is no {event.role} named {event.officer}"
    if event.role == "kpu":
        return None
    if isinstance(event, Assigned | Vouched):
        if event.role_assigned not in ROLES_GIVEN_BY[event.role]:
            return f"a {event.role} does not make a {event.role_assigned}"
        return None if _within(event.area, areas) else f"{event.area} lies outside {', '.join(areas)}"
    if isinstance(event, Revoked):
        held = [event.area] if event.area is not UNSET else _areas_of(registry, event.revoked)
        return None if all(_within(area, areas) for area in held) else f"the device works outside {', '.join(areas)}"
    if isinstance(event, DeviceEnrolled | Readmitted):
        return None
    return f"a {event.role} does not say {event.__struct_config__.tag}"


def _areas_of(registry: Registry, device: str) -> list[str]:
    """Where a device works, or a code would let one work."""
    voucher = registry.vouchers.get(device)
    return [one.area for one in registry.grants_of(device)] + ([] if voucher is None else [voucher.area])


_OFFICES: Final = ("pps", "ppk", "kpu")


def _within(area: str, areas: Iterable[str]) -> bool:
    return any(area.startswith(one) for one in areas)


def _apply(registry: Registry, position: int, device: str, event: AnyRegistryEvent) -> None:
    match event:
        case ElectionOpened():
            registry.root = event.root
            registry.services = {service.device: service for service in event.services}
        case TpsSet():
            registry.tps |= frozenset(event.tps)
        case DeviceEnrolled():
            nkey = None if event.nkey is UNSET else event.nkey
            registry.devices[event.enrolled] = Enrolled(event.enrolled, event.key, event.holder, nkey, position)
            if device in registry.vouchers:
                used = msgspec.structs.replace(registry.vouchers[device], used_by=event.enrolled)
                registry.vouchers[device] = used
        case Assigned():
            to_device = None if event.to_device is UNSET else event.to_device
            grant = Grant(event.officer_assigned, event.role_assigned, event.area, to_device, position, device)
            _give(registry, grant)
        case Vouched():
            registry.vouchers[event.voucher] = Voucher(
                event.key, event.officer_assigned, event.role_assigned, event.area, event.until, position, device
            )
        case Revoked():
            area = None if event.area is UNSET else event.area
            revocation = Revocation(event.revoked, event.from_seq, area, position)
            registry._revocations.append(revocation)
            registry._revoked[event.revoked] = (*registry.revocations_from(event.revoked), revocation)
        case Readmitted():
            readmission = Readmission(position, _areas(registry, device, event), event)
            registry.readmissions = (*registry.readmissions, readmission)
        case Cloned():
            # The first says from where on; a second proof of the same changes nothing.
            registry.clones.setdefault(event.cloned, Clone(position, event))
        case WindowOpened() | WindowExtended() | WindowClosed():
            window = Window(position, event.area, not isinstance(event, WindowClosed), event)
            registry.windows = (*registry.windows, window)
        case PolicySet():
            registry.policies = (*registry.policies, (position, event))
        case TpsReported():
            registry.reports[event.tps, event.officer] = Report(position, event)
        case DotsLost():
            registry.losses = (*registry.losses, (position, event))
            registry.lost[event.lost] = min(event.after, registry.lost.get(event.lost, event.after))
        case StageSet():
            registry.stages = (*registry.stages, Frozen(position, event))
        case Erased():
            registry.erasures = (*registry.erasures, Erasure(position, event))
            if event.voter is UNSET:
                registry.is_ended = True
            else:
                registry._erased |= {event.voter}
        case LogKeySet():
            registry.log_keys = (*registry.log_keys, LogKey(position, event))


def _give(registry: Registry, grant: Grant) -> None:
    # By whom it concerns, too: a regency has thousands, and whoever asks wants a device's few.
    registry._grants.append(grant)
    registry._granters.add(grant.by)
    if grant.to_device is None:
        registry._grants_of[grant.officer] = (*registry._grants_of.get(grant.officer, ()), grant)
    else:
        registry._grants_to[grant.to_device] = (*registry._grants_to.get(grant.to_device, ()), grant)


def _position(grant: Grant) -> int:
    return grant.position


def _areas(registry: Registry, device: str, event: Readmitted) -> tuple[str, ...]:
    if device == registry.root_device:
        return (registry.regency,)
    grants = registry.grants_of(device)
    return tuple(one.area for one in grants if one.role == event.role and one.officer == event.officer)
