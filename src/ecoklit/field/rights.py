"""What the registry says of this phone, learned at each sync: its rights, its policy, what was taken from it (SPEC §8).

The enrolment's own lines are carried by the phone and shown to whoever does not know it. What is learned here is the
registry itself, line by line in its order, every signature held against the root key; nobody is believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ecoklit.core.entitlement import QUARANTINES, fault_of
from ecoklit.core.event import Malformed
from ecoklit.core.push_file import lines_of
from ecoklit.core.registry import DAMAGED, Grant, Registry, RegistryFault, extended, fold_registry
from ecoklit.core.registry_event import read_line
from ecoklit.core.wire import Held
from ecoklit.field import enrolment
from ecoklit.field.outbox import About, Outbox
from ecoklit.field.transport import Transport
from ecoklit.field.trouble import WrongService

_TPS_DIGITS: Final = 13
_ERASED: Final = b'"type":"erased"'


class Rights(NamedTuple):
    """What a registry gives a device: who it is, where it works, and by which policy in each place."""

    about: About
    places: list[str]
    policies: dict[str, str]


def learn(outbox: Outbox, transport: Transport, told: int | None) -> list[str]:
    """Take the registry lines that the phone lacks, and say what they change for it, a sentence for each.

    `told` is the registry's position as a page of a pull named it; None when none did. Nothing is asked for where
    the phone knows as much. Raises WrongService when what comes is not this election's registry.
    """
    known = outbox.registry_known()
    if told == len(known):
        return _erased(outbox, known)
    # One that knows fewer lines was restored from an older copy: what it lost is no longer known here either.
    after = 0 if told is not None and told < len(known) else len(known)
    fresh = _fetched(transport, after)
    if not fresh:
        return _erased(outbox, known)
    about = outbox.about()
    places = [place.tps for place in outbox.places()]
    before = _folded(about, known) or _folded(about, outbox.registry())
    now = _extended(before, after, fresh) if after and before else _folded(about, fresh)
    if now is None or about.device not in now.devices:
        return []  # it does not know the phone yet, which shows its enrolment with its next push
    rights = rights_of(now, about, places)
    outbox.learn(fresh, after=after, about=rights.about, places=rights.places, policies=rights.policies)
    return [
        *([] if before is None else changes(before, now, about.device, places)),
        *_erased(outbox, outbox.registry_known()),
    ]


def _erased(outbox: Outbox, lines: Sequence[bytes]) -> list[str]:
    """Hold no person of whoever the registry of these lines erases, and say how many that were (SPEC §8.7).

    A file or a late entry may have brought one since the order came.
    """
    if not any(_ERASED in line for line in lines):
        return []
    registry = _folded(outbox.about(), lines)
    count = 0 if registry is None else outbox.erase(registry.is_erased)
    if not count:
        return []
    return [
        f"Data diri pada {count} entri dimusnahkan atas perintah; entrinya tetap. "
        f"· The particulars of {count} entries were erased by an order; the entries stay."
    ]


def _fetched(transport: Transport, after: int) -> list[bytes]:
    lines: list[bytes] = []
    while True:
        body = transport.registry(after + len(lines))
        page = lines_of(body)
        try:
            for line in page:
                read_line(line)
        except Malformed as error:
            raise WrongService("What answers there is no registry: mend the service's address.") from error
        if not page:
            return lines
        lines += page


def _folded(about: About, lines: Sequence[bytes]) -> Registry | None:
    """The registry of these lines, held against the root key; None for none."""
    if not lines:
        return None
    try:
        registry = fold_registry(about.election, about.regency, enumerate(lines, start=1), root=about.root)
    except RegistryFault as error:
        raise WrongService(f"That is not this election's registry ({error}): mend the service's address.") from error
    return _sound(registry)


def _extended(known: Registry, after: int, fresh: Iterable[bytes]) -> Registry:
    """The registry that is known with the lines beyond position `after`: what was checked is not checked again."""
    return _sound(extended(known, enumerate(map(read_line, fresh), start=after + 1)))


def _sound(registry: Registry) -> Registry:
    broken = next((void for void in registry.voids if void.name in DAMAGED), None)
    if broken is not None:
        raise WrongService(
            f"Line {broken.position} of the service's registry does not hold ({broken.why}): nothing of it was taken; "
            "tell the office."
        )
    return registry


def rights_of(registry: Registry, about: About, places: Iterable[str]) -> Rights:
    """What the registry gives the device now. One without any right stays where it was, for what it still has to send.

    Its policy is judged for each place by itself.
    """
    grants = sorted(registry.grants_of(about.device), key=enrolment.narrowest)
    at = sorted({*places, *(grant.area for grant in grants if len(grant.area) == _TPS_DIGITS)})
    role = grants[0].role if grants else about.role
    area = grants[0].area if grants else (at[0] if at else about.regency)
    policies = {tps: enrolment.policy_of(registry, tps) for tps in at}
    return Rights(about._replace(role=role, policy=enrolment.policy_of(registry, area)), at, policies)


def why_of(outbox: Outbox, held: Held, name: str) -> str:
    """In a clause, what the registry says against an own entry that is quarantined as `name`; "" when nothing."""
    if name not in QUARANTINES:
        return ""
    registry = _folded(outbox.about(), outbox.registry_known())
    if registry is None:
        return ""
    receipts = [one.receipt for one in outbox.receipts(held.device) if one.receipt.seq >= held.seq]
    fault = fault_of(registry, held, receipts[0].registry if receipts else registry.position)
    return fault.why if fault is not None and fault.name == name else ""


# --- what changed, in sentences --------------------------------------------------------------------------------------


def changes(before: Registry, after: Registry, device: str, places: Iterable[str]) -> Iterator[str]:
    """What an officer should hear of, one sentence each, Bahasa Indonesia first."""
    if after.is_revoked(device):
        if not before.is_revoked(device):
            yield _revoked(after, device)
        return  # nothing else concerns it any more
    held, now = _rights(before, device), _rights(after, device)
    for role, area in sorted(now - held):
        yield f"Tugas baru: {role} di {area}. · A new right: {role} in {area}."
    for role, area in sorted(held - now):
        yield (
            f"Tugas {role} di {area} berakhir: entri baru di sana tidak dihitung. "
            f"· The right of a {role} in {area} ended: new entries there do not count."
        )
    for tps in places:
        yield from _changes_at(before, after, tps)
    if device in after.clones and device not in before.clones:
        yield (
            "Kunci HP ini terpakai di tempat lain: jalankan 'ecoklit phone reissue'. "
            "· This phone's key was used elsewhere: run 'ecoklit phone reissue'."
        )


def _revoked(registry: Registry, device: str) -> str:
    first = min(one.from_seq for one in registry.revocations if one.device == device and one.area is None)
    return (
        f"HP ini dicabut mulai entri {first}: entri sesudahnya tidak dihitung; hubungi PPS. "
        f"· This phone is revoked from entry {first} on: later entries do not count; ask the office."
    )


def _changes_at(before: Registry, after: Registry, tps: str) -> Iterator[str]:
    was, policy = enrolment.policy_of(before, tps), enrolment.policy_of(after, tps)
    if policy != was:
        yield (
            f"Kebijakan di {tps} kini {policy}, sebelumnya {was}: entri berikut memakainya. "
            f"· The policy in {tps} is {policy} now, it was {was}: later entries follow it."
        )
    was_open, is_open = _is_open(before, tps), _is_open(after, tps)
    if was_open and not is_open:
        yield f"Coklit di {tps} ditutup: entri baru terlambat. · Coklit in {tps} is closed: new entries are late."
    if is_open and not was_open:
        yield f"Coklit di {tps} dibuka lagi. · Coklit in {tps} is open again."


def _rights(registry: Registry, device: str) -> set[tuple[str, str]]:
    grants: Iterator[Grant] = registry.grants_of(device)
    return {(grant.role, grant.area) for grant in grants}


def _is_open(registry: Registry, tps: str) -> bool:
    of_tps = [window.is_open for window in registry.windows if tps.startswith(window.area)]
    return of_tps[-1] if of_tps else True
