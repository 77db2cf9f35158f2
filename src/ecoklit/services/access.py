"""Who comes in by the broker, as the registry says: a device enrolled with a user key of it, until it is revoked."""

from __future__ import annotations

from typing import Protocol

from ecoklit.core.ids import is_device
from ecoklit.core.registry import Registry
from ecoklit.errors import EcoklitError


class NoAccess(EcoklitError):
    """No credentials for this device. Codes: unknown_device, not_entitled, no_nkey, no_broker."""


class Issuer(Protocol):
    """Whoever has the key that makes devices at the broker."""

    def issue_device(self, device: str, nkey: str) -> str:
        """The JWT that lets the holder of user key `nkey` push as `device`. Raises EcoklitError bad_name, bad_nkey."""
        ...


def shut_out(registry: Registry) -> frozenset[str]:
    """The user keys of the revoked devices, but for those that a device in good standing was enrolled with too.

    Else whoever enrols with somebody else's key, and is revoked, would take the other one with him.
    """
    enrolled = [one for one in registry.devices.values() if one.nkey is not None]
    inside = {one.nkey for one in enrolled if not registry.is_revoked(one.device)}
    return frozenset(one.nkey for one in enrolled if one.nkey is not None and one.nkey not in inside)


def credentials_of(registry: Registry, device: str, issuer: Issuer | None) -> str:
    """The JWT of an enrolled device. It is no secret: without the user key's seed, which never left the device, it is
    of no use. Raises NoAccess.
    """
    if issuer is None:
        raise NoAccess(
            "no_broker", "This service lets nobody in at its broker: push over HTTP, or ask the broker's owner."
        )
    enrolled = registry.devices.get(device)
    if enrolled is None:
        named = device if is_device(device) else "such a device"  # what else it is may be somebody's number
        raise NoAccess("unknown_device", f"The registry does not know {named}: have it enrolled first.")
    if registry.is_revoked(device):
        raise NoAccess("not_entitled", f"{device} is revoked: enrol a new key.")
    if enrolled.nkey is None:
        raise NoAccess("no_nkey", f"{device} was enrolled without a user key of the broker: push over HTTP.")
    return issuer.issue_device(device, enrolled.nkey)
