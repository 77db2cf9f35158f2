"""A device's log of well-formed, chained events that mean nothing: for what treats events as bytes."""

from __future__ import annotations

import hashlib
from base64 import b32encode

from ecoklit.core import canonical
from ecoklit.core.ids import ZERO_HASH, sha256, to_base64url
from ecoklit.ports import Push

_TPS = "9404010001001"
_VOTER = "00000000-0000-8000-8000-000000000000"


def device_name(number: int) -> str:
    """The `number`th made-up device."""
    return b32encode(hashlib.sha256(b"device %d" % number).digest()[:10]).decode("ascii").lower()


class OpaqueLog:
    """One device's log: `take(n)` continues it by n events of about `event_bytes` bytes each."""

    def __init__(self, device: str, *, event_bytes: int = 300) -> None:
        self.device = device
        self.seq = 0
        self._prev = ZERO_HASH
        self._filler = "x" * max(0, event_bytes - 280)

    def take(self, count: int) -> tuple[bytes, ...]:
        return tuple(self._next() for _ in range(count))

    def push(self, count: int, after: int, *, persons: bool = False) -> Push:
        """A push of the next `count` events, with a person each if wanted."""
        first = self.seq + 1
        events = self.take(count)
        people = tuple((seq, b'{"salt":"%d"}' % seq) for seq in range(first, first + count)) if persons else ()
        return Push(self.device, after, events, people)

    def _next(self) -> bytes:
        self.seq += 1
        event = {
            "clock": {self.device: self.seq},
            "device": self.device,
            "entry": self._filler,
            "prev": to_base64url(self._prev),
            "seq": self.seq,
            "tps": _TPS,
            "type": "opaque",
            "voter": _VOTER,
        }
        event_bytes = canonical.encode(event)
        self._prev = sha256(event_bytes)
        return event_bytes
