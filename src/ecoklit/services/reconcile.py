"""Why a phone's total is not the service's, from what the service holds (core/reconcile.py has the arithmetic)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import UNSET

from ecoklit.core import wire
from ecoklit.core.causality import PARKED
from ecoklit.core.entitlement import QUARANTINES
from ecoklit.core.policy import Policy
from ecoklit.core.reconcile import (
    Arrived,
    Bridge,
    Fate,
    Place,
    Terms,
    bridge_of,
    places_on_phone,
    terms_of,
)
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.ports import OfficeReader, PlacedVoter, StoredEvent


class PhoneHalf(msgspec.Struct, frozen=True):
    """One phone's list of the TPS as of its last contact: when it sent its event `last`, at journal `position`.

    `said` is the total that the phone shows itself, when that is known: what it has beyond `bridge.on_phone` is unsent,
    and only the phone knows the names.
    """

    device: str
    officer: str
    position: int
    last: int
    bridge: Bridge
    said: int | None

    @property
    def unsent_net(self) -> int | None:
        return None if self.said is None else self.said - self.bridge.on_phone


class Reconciled(msgspec.Struct, frozen=True):
    """Both sums of a TPS; `voters` tells every voter that a term names apart."""

    terms: Terms
    phones: list[PhoneHalf]
    voters: dict[str, PlacedVoter]


async def reconcile(
    reader: OfficeReader,
    policies: Mapping[str, Policy],
    tps: str,
    *,
    device: str | None = None,
    said: int | None = None,
) -> Reconciled:
    """Both sums of `tps`, for every phone that worked on it or for `device` alone.

    `said` is the total on that one phone. Raises EcoklitError no_phone when there is none such, or several.
    """
    rows, events = await reader.voters_at(tps), await reader.events_at(tps)
    arrived = [Arrived(_held(one), one.position, one.standing) for one in events]
    web = [Place(row.voter, row.tps, row.first_tps, row.on_list, row.was_listed) for row in rows]
    devices = _phones(arrived, tps)
    if device is not None:
        devices = [one for one in devices if one == device]
    if (device is not None and not devices) or (said is not None and len(devices) != 1):
        raise EcoklitError(
            "no_phone",
            f"Of {len(devices)} phones of {tps} one must be meant: name it with --device ({', '.join(devices)}).",
        )
    phones = [_half(one, arrived, web, policies, tps, said) for one in devices]
    known = {row.voter: row for row in rows}
    return Reconciled(terms_of(web, tps), phones, {**_strangers(arrived, known, phones), **known})


def _held(event: StoredEvent) -> Held:
    return wire.hold(event.body, event.person)


def _phones(arrived: Iterable[Arrived], tps: str) -> list[str]:
    """The devices that pantarlih used to work on the roll of the TPS."""
    events = (one.held.event for one in arrived)
    return sorted({one.device for one in events if one is not None and one.role == "pantarlih" and one.tps == tps})


def _half(
    device: str,
    arrived: Sequence[Arrived],
    web: Sequence[Place],
    policies: Mapping[str, Policy],
    tps: str,
    said: int | None,
) -> PhoneHalf:
    own = [one for one in arrived if one.held.device == device]
    latest = max(own, key=lambda one: one.position)
    phone = places_on_phone(arrived, device, latest.position, policies)
    fates = [(one.held.voter, fate) for one in own if (fate := _fate(one.standing)) is not None]
    officer = "" if latest.held.event is None else latest.held.event.officer
    return PhoneHalf(
        device, officer, latest.position, latest.held.seq, bridge_of(phone, web, fates, tps), said
    )  # fmt: skip


def _fate(standing: str) -> Fate | None:
    if standing == PARKED:
        return "parked"
    return "quarantined" if standing in QUARANTINES else None


def _strangers(
    arrived: Iterable[Arrived], known: Mapping[str, PlacedVoter], phones: Iterable[PhoneHalf]
) -> dict[str, PlacedVoter]:
    """Voters of a phone's list that the service has on no roll here, by what was said at their birth."""
    named = {voter for one in phones for voter in _named(one.bridge)}
    found: dict[str, PlacedVoter] = {}
    for one in arrived:
        held, person = one.held, one.held.person
        if held.voter in named and held.voter not in known and person is not None and person.record is not UNSET:
            record = person.record
            found.setdefault(
                held.voter,
                PlacedVoter(held.voter, held.tps, held.tps, False, False, one.standing, None, record.name, record.nik),
            )
    return found


def _named(bridge: Bridge) -> list[str]:
    apart = (bridge.unsent, bridge.quarantined, bridge.parked, bridge.since_contact)
    return [voter for one in apart for voter in (*one.more, *one.fewer)]
