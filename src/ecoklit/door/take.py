"""A push as it came, over whichever door: unpacked, within its device's rate, and taken."""

from __future__ import annotations

from typing import Final

from ecoklit.core.ids import is_device
from ecoklit.core.limits import PUSH_BYTES_MAX
from ecoklit.door.encoding import decoded
from ecoklit.door.gate import Gate
from ecoklit.ports import Service

_HEAD: Final = b'{"head":{"device":"'
_DEVICE_CHARACTERS: Final = 16


async def take(service: Service, gate: Gate, sent: bytes, encoding: str) -> bytes:
    """The receipt of the push that was `sent` in `encoding` (a Content-Encoding, "" for none).

    Raises ProblemError unsupported_media_type, bad_encoding, too_large or too_many, and what the service raises.
    """
    body = decoded(sent, encoding, PUSH_BYTES_MAX)
    device = device_of(body)
    gate.demand_device(device)
    receipt = await service.push(body)
    if device is not None:
        # Only now is it known to be the device's own: a stranger's forgery costs the device nothing.
        gate.devices.charge(device)
    return receipt


def device_of(body: bytes) -> str | None:
    """The device that the push says it is of, read at a glance from the head line that ends it."""
    at = body.rfind(_HEAD)
    name = body[at + len(_HEAD) : at + len(_HEAD) + _DEVICE_CHARACTERS].decode("ascii", "replace") if at >= 0 else ""
    return name if is_device(name) else None
