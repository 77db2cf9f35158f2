"""Whose rate a request by HTTP is charged to."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from ecoklit.limits import CALLER_CHARACTERS_MAX


def address_of(peer: str | None, forwarded_for: str | None) -> str | None:
    """Whose rate a request is charged to; None for this machine.

    Only a proxy on this machine is believed, and of what it says only the last entry, which it added itself. Of an IPv6
    address the network of 64 bits counts: who has one address there has them all.
    """
    if peer is None or _is_loopback(peer):
        peer = (forwarded_for or "").rpartition(",")[2].strip()
    if not peer or _is_loopback(peer):
        return None
    try:
        address = ip_address(peer)
    except ValueError:
        return peer[:CALLER_CHARACTERS_MAX]
    return str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)


def _is_loopback(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False
