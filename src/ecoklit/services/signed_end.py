"""Where a device signed its log at or after one of its events: what proves that the author said it (SPEC §7.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, Protocol

from ecoklit.core import ids, wire
from ecoklit.core.event import Malformed
from ecoklit.core.limits import PUSH_EVENTS_MAX
from ecoklit.core.signing import PublicKey, head_message
from ecoklit.core.wire import Held
from ecoklit.ports import HEAD_HEADER, EventMessage
from ecoklit.services.voter_proof import SignedEnd

AFTER_MAX: Final = PUSH_EVENTS_MAX - 1
"""An event lies within a push, whose last event bears the head."""


class Events(Protocol):
    """The part of a `Journal` that is asked here."""

    async def read_events(self, after: int, limit: int) -> list[EventMessage]:
        """As `Journal.read_events`."""
        ...


async def signed_end(
    journal: Events, election: str, key: PublicKey | None, held: Held, position: int, after_max: int
) -> SignedEnd | None:
    """The first signed end of the device's log at this event, which stands at `position` in the journal, or at most
    `after_max` events later; its signature and the chain up to it are checked. None where there is none.

    Raises as `Journal.read_events`.
    """
    after: list[bytes] = []
    last: Held | None = None
    async for message in _from(journal, position, after_max + 1):
        if last is None:
            last = held if message.payload == held.event_bytes else None
        else:
            last = _following(last, message.payload)
            after.append(message.payload)
        if last is None or key is None:
            return None
        signature = dict(message.headers).get(HEAD_HEADER)
        if signature is not None:
            signed = key.verifies(head_message(election, last.device, last.seq, last.hash), signature)
            return SignedEnd(after, signature) if signed else None
    return None


async def _from(journal: Events, position: int, events_max: int) -> AsyncIterator[EventMessage]:
    """What stands in the journal from `position` on: a push, in one piece."""
    left = events_max
    while left and (messages := await journal.read_events(position - 1, left)):
        for message in messages:
            yield message
        position, left = messages[-1].sequence + 1, left - len(messages)


def _following(last: Held, payload: bytes) -> Held | None:
    """The event in these bytes, if the device's chain leads from `last` to it."""
    try:
        following = wire.hold(payload, None)
    except Malformed:
        return None
    follows = following.dot == (last.device, last.seq + 1) and following.prev == ids.to_base64url(last.hash)
    return following if follows else None
