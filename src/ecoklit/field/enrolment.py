"""How a phone comes to its rights: by the office's file, or by a code that it redeems itself (SPEC §8.5).

Either way it holds the registry's lines against the root key, and carries them: its first push shows them to whatever
service it reaches.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Final, NamedTuple, TypeGuard

from ecoklit.core import enrolment, wire
from ecoklit.core.enrolment import BadEnrolment, Terms
from ecoklit.core.event import Malformed
from ecoklit.core.limits import PUSH_REGISTRY_LINES_MAX
from ecoklit.core.push_file import kind_of, lines_of
from ecoklit.core.registry import Grant, Registry, RegistryFault, fold_registry
from ecoklit.core.registry_event import (
    AnyRegistryEvent,
    Assigned,
    DeviceEnrolled,
    SignedRegistry,
    Vouched,
    read_line,
)
from ecoklit.core.signing import Key, PublicKey
from ecoklit.core.wire import Held
from ecoklit.field.nats_transport import nkey_of
from ecoklit.field.outbox import About, Outbox, RegistryLine
from ecoklit.field.transport import Transport
from ecoklit.field.trouble import WrongService

POLICY: Final = "2024-1"
"""What a phone's officer works under where the registry sets no other."""

_TPS_DIGITS: Final = 13
_NARROWEST: Final = {"pantarlih": 0, "operator": 1, "pps": 2, "ppk": 3, "kpu": 4}


class Taken(NamedTuple):
    """An enrolment that was checked: where the phone belongs, the lines that prove it, and the events with them."""

    about: About
    places: list[str]
    registry: list[SignedRegistry]
    held: list[Held]


def read(data: bytes, key: Key, *, root: str = "") -> Taken:
    """The enrolment of `key` in the office's file: registry lines and the list. Raises BadEnrolment.

    `root` is the root key's id when it is known from elsewhere. Lines of other kinds are passed over.
    """
    try:
        lines = [read_line(line) for line in _of_kind(data, "registry")]
        held = [wire.read(line) for line in _of_kind(data, "event")]
    except Malformed as error:
        raise BadEnrolment("bad_enrolment", f"The file is damaged ({error.message}): copy it again.") from error
    if not lines:
        raise BadEnrolment("bad_enrolment", "That is no enrolment of the office's: give the file that the PPS made.")
    return _taken(_folded(lines, root), lines, held, key)


def by_code(code: str, key: Key, transport: Transport, *, at: str, root: str = "", kept: Iterable[bytes] = ()) -> Taken:
    """The enrolment of `key` by a code that the office gave, made here and not yet shown to anybody.

    `kept` are the registry lines that the phone has: what it said by the code before is not said in other words again.

    Raises BadEnrolment; Away, TryLater and WrongService of the transport.
    """
    lines = _fetched(transport)
    if not lines:
        raise BadEnrolment("bad_enrolment", "No election is open at that service yet: ask the office.")
    registry = _folded(lines, root)
    voucher = enrolment.voucher_key(code, registry.election, registry.regency)
    given = registry.vouchers.get(voucher.device)
    if given is None:
        raise BadEnrolment("bad_enrolment", "The office made no such code for this election: ask for another.")
    if given.used_by not in (None, key.device):
        raise BadEnrolment("bad_enrolment", f"The code was used by {given.used_by} already: ask for another.")
    own = [line for line in map(read_line, kept) if line.device == voucher.device]
    if given.used_by is None and own:
        lines += own
    elif given.used_by is None:
        terms = Terms(given.officer, given.role, given.area, given.until)
        lines += enrolment.redeem(
            voucher, terms, key.public, election=registry.election, regency=registry.regency, at=at, nkey=nkey_of(key)
        )
    return _taken(_folded(lines, root), lines, [], key)


def _fetched(transport: Transport) -> list[SignedRegistry]:
    """The whole registry, page after page."""
    lines: list[SignedRegistry] = []
    while True:
        try:
            page = [read_line(line) for line in lines_of(transport.registry(len(lines)))]
        except Malformed as error:
            raise WrongService("What answers there is no registry: mend the service's address.") from error
        if not page:
            return lines
        lines += page


def take(outbox: Outbox, taken: Taken, *, service: str | None = None) -> None:
    """Keep an enrolment. Raises BadEnrolment when the phone belongs to another election or root key."""
    known = outbox.about()
    about = taken.about._replace(service=service if service is not None else known.service, epoch=known.epoch)
    if known.election and (known.election, known.regency) != (about.election, about.regency):
        raise BadEnrolment(
            "other_election",
            f"This phone belongs to {known.election} in {known.regency}, and a key is of one election and regency for "
            "life: use another --home.",
        )
    if known.root and known.root != about.root:
        raise BadEnrolment(
            "other_election", f"The file is under another root key ({about.root}) than this phone's: ask the office."
        )
    outbox.enrol(about, taken.places, [_stored(line) for line in taken.registry], taken.held)


def services_of(outbox: Outbox) -> dict[str, PublicKey]:
    """The service keys that the root key named: device id → key. {} before the phone is enrolled.

    They stand in the registry's first line, and there only: nobody names others later (SPEC §8.2).
    """
    return _registry_of(outbox, outbox.registry()[:1]).services


def areas_of(outbox: Outbox) -> list[str]:
    """Where the phone has a right, as far as it knows: 13 digits for a TPS, fewer for a whole area."""
    device = outbox.about().device
    registry = _registry_of(outbox, outbox.registry_known())
    if device not in registry.devices:  # no service showed to know it yet
        registry = _registry_of(outbox, outbox.registry())
    return sorted({grant.area for grant in registry.grants_of(device)})


def _registry_of(outbox: Outbox, lines: Iterable[bytes]) -> Registry:
    about = outbox.about()
    return fold_registry(
        about.election, about.regency, enumerate(lines, start=1) if about.election else (), root=about.root
    )


def _of_kind(data: bytes, kind: str) -> Iterable[bytes]:
    return (line for line in lines_of(data) if kind_of(line) == kind)


def _folded(lines: Sequence[SignedRegistry], root: str) -> Registry:
    first = lines[0]
    try:
        return fold_registry(
            first.election, first.regency, [(nth, line.line) for nth, line in enumerate(lines, start=1)], root or None
        )
    except RegistryFault as error:
        raise BadEnrolment("bad_enrolment", f"The registry does not hold ({error}): ask the office.") from error


def _taken(registry: Registry, lines: Sequence[SignedRegistry], held: list[Held], key: Key) -> Taken:
    enrolled = registry.devices.get(key.device)
    if enrolled is None:
        raise BadEnrolment(
            "bad_enrolment",
            f"The office's file enrols another phone than this one ({key.device}): show the office this phone's key.",
        )
    if registry.is_revoked(key.device):
        raise BadEnrolment("bad_enrolment", "The office has revoked this phone: ask for an enrolment of a new one.")
    grants = sorted(registry.grants_of(key.device), key=narrowest)
    if not grants:
        raise BadEnrolment("bad_enrolment", f"The office gave {enrolled.holder} no TPS: ask it to assign one.")
    places = sorted({grant.area for grant in grants if len(grant.area) == _TPS_DIGITS} | _places(grants, held))
    about = About(
        registry.election,
        registry.regency,
        registry.root_device or "",
        "",
        enrolled.holder,
        grants[0].role,
        policy_of(registry, grants[0].area),
        key.device,
        0,
    )
    return Taken(about, places, [read_line(line) for line in _chain(lines, key)], held)


def narrowest(grant: Grant) -> tuple[int, int, int]:
    """An officer who has several roles works at the door first of all."""
    return (_NARROWEST[grant.role], -len(grant.area), grant.position)


def _places(grants: Sequence[Grant], held: Iterable[Held]) -> set[str]:
    """Where a right is in a whole area, as an operator's: the TPS whose list came with the file."""
    return {one.tps for one in held if any(one.tps.startswith(grant.area) for grant in grants)}


def policy_of(registry: Registry, area: str) -> str:
    """The policy that is worked under in an area: the last one that was set for it."""
    named = [event.policy for _, event in registry.policies if area.startswith(event.area)]
    return named[-1] if named else POLICY


def _chain(lines: Sequence[SignedRegistry], key: Key) -> list[bytes]:
    return enrolment.chain_of((line.line for line in lines), key.device)


def _levels(lines: Sequence[SignedRegistry], device: str) -> list[list[str]]:
    """Who gave the device a right; who gave those one; and so on up to the root."""
    known: dict[str, None] = {device: None}
    names = {device}
    levels: list[list[str]] = []
    while True:
        names |= {line.event.holder for line in lines if _enrols(line.event, names)}
        level = dict.fromkeys(line.device for line in lines if _gives(line.event, names) and line.device not in known)
        if not level:
            return levels
        levels.append(list(level))
        known.update(level)
        names |= set(level)


def ahead(outbox: Outbox, device: str) -> list[bytes]:
    """The registry lines that go ahead of a push by `device`: the logs nearest to it, as many as one push may bring.

    A log is brought whole where it fits, since a service that lacks its beginning refuses its end; of one that does
    not fit the end is brought, because whoever writes so much syncs by itself.
    """
    lines = [read_line(line) for line in outbox.registry()]
    chosen: dict[str, int] = {}
    room = PUSH_REGISTRY_LINES_MAX
    for author in (author for level in _levels(lines, device) for author in level):
        last = max(line.seq for line in lines if line.device == author)
        count = sum(line.device == author for line in lines)
        if room == 0 or (chosen and count > room):
            break
        chosen[author] = last - min(count, room)
        room -= min(count, room)
    return [line.line for line in lines if line.device in chosen and line.seq > chosen[line.device]]


def _enrols(event: AnyRegistryEvent | None, names: Container[str]) -> TypeGuard[DeviceEnrolled]:
    return isinstance(event, DeviceEnrolled) and event.enrolled in names


def _gives(event: AnyRegistryEvent | None, names: Container[str]) -> bool:
    """Whether the event gives a key or a right to one of these devices and officers."""
    if isinstance(event, Assigned):
        return (event.to_device if isinstance(event.to_device, str) else event.officer_assigned) in names
    return _enrols(event, names) or (isinstance(event, Vouched) and event.voucher in names)


def _stored(line: SignedRegistry) -> RegistryLine:
    return RegistryLine(line.hash, line.device, line.seq, line.line)
