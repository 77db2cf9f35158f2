"""Opening an election: its first registry events, signed by the root key, which is then put away (SPEC §8.3)."""

from __future__ import annotations

from collections.abc import Sequence

from ecoklit.core.limits import REGISTRY_TPS_MAX
from ecoklit.core.recovery_kit import KeptKeys
from ecoklit.core.registry_event import RegistryLog, SignedRegistry


def opening_lines(keys: KeptKeys, *, officer: str, at: str, tps: Sequence[str] = ()) -> list[SignedRegistry]:
    """The election opened under `keys`, its office enrolled as the regency's kpu for `officer`, and the polling places.

    `tps` are 13-digit codes; none given leaves every polling place of the regency known.
    """
    log = RegistryLog(keys.root, election=keys.election, regency=keys.regency, officer=officer, role="kpu")
    return [
        log.append("election_opened", at=at, root=keys.root.public, services=[keys.service.public]),
        log.append(
            "device_enrolled", at=at, enrolled=keys.office.device, holder=officer, key=keys.office.public
        ),
        log.append(
            "assigned",
            at=at,
            area=keys.regency,
            officer_assigned=officer,
            role_assigned="kpu",
            to_device=keys.office.device,
        ),
        *(log.append("tps_set", at=at, tps=list(part)) for part in tps_parts(tps)),
    ]  # fmt: skip


def tps_parts(tps: Sequence[str]) -> list[list[str]]:
    """The codes, sorted and without doubles, as many in each part as one event may name."""
    codes = sorted(set(tps))
    return [codes[start : start + REGISTRY_TPS_MAX] for start in range(0, len(codes), REGISTRY_TPS_MAX)]
