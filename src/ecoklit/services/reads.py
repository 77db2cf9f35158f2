"""Pulls and the registry as requests of a message's size, for doors that have no headers to sign by (SPEC §9.8)."""

from __future__ import annotations

from typing import Final

import msgspec

from ecoklit.core.admission import Refused
from ecoklit.errors import EcoklitError
from ecoklit.limits import PAGE_VOTERS_MAX, REGISTRY_PAGE_LINES_MAX
from ecoklit.ports import RegistryJournal
from ecoklit.services.pull import Pull, Puller

_POSITION_MAX: Final = 2**53 - 1


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    nonce: str
    signature: str
    tps: str
    cursor: str = ""
    limit: int = PAGE_VOTERS_MAX


class _After(msgspec.Struct, forbid_unknown_fields=True):
    after: int = 0


class Reads:
    """`ports.Reads` by the service's puller and its registry's journal."""

    def __init__(self, puller: Puller, registry: RegistryJournal) -> None:
        self._puller = puller
        self._registry = registry

    def nonce(self) -> str:
        return self._puller.nonces.issue()

    async def pull(self, device: str, body: bytes, bytes_max: int) -> bytes:
        """Of fewer voters, where a page of those that were asked for is too large."""
        ask = read_ask(device, body)
        while len(page := await self._puller.pull(ask)) > bytes_max:
            if ask.limit == 1:
                raise Refused("too_large", "one voter's history is more than a message holds; pull this TPS over HTTP")
            ask = msgspec.structs.replace(ask, limit=ask.limit // 2)
        return page

    async def registry(self, body: bytes, bytes_max: int) -> bytes:
        """Lines as many as fit."""
        lines = await self._registry.read(read_after(body), REGISTRY_PAGE_LINES_MAX)
        answer, size = [], 0
        for line in lines:
            size += len(line.payload) + 1
            if size > bytes_max:
                break
            answer.append(line.payload + b"\n")
        return b"".join(answer)


def read_ask(device: str, body: bytes) -> Pull:
    """What `device` asks for in a request's body. Raises EcoklitError bad_argument."""
    try:
        asked = msgspec.json.decode(body, type=_Asked)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise EcoklitError(
            "bad_argument", 'A pull is {"cursor","limit","nonce","signature","tps"}: ask again as SPEC §9.8 says.'
        ) from None
    limit = min(max(asked.limit, 1), PAGE_VOTERS_MAX)
    return Pull(device, asked.nonce, asked.signature, asked.tps, asked.cursor, limit)


def read_after(body: bytes) -> int:
    """The registry position beyond which a request's body asks for lines. Raises EcoklitError bad_argument."""
    try:
        after = msgspec.json.decode(body, type=_After).after
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        after = -1
    if not 0 <= after <= _POSITION_MAX:
        raise EcoklitError("bad_argument", 'The registry is asked for by {"after": the position that is known}.')
    return after
