"""The phone's way to the service, as a promise; nothing here knows what it is made of."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Ask(NamedTuple):
    """What a device asks for, and its signature over it (SPEC §7.11)."""

    device: str
    nonce: str
    signature: str
    tps: str
    cursor: str
    limit: int


class NonceNeeded(Exception):
    """The nonce was none of the service's, or too old; `nonce` is a fresh one."""

    def __init__(self, nonce: str) -> None:
        super().__init__("a fresh nonce is needed")
        self.nonce = nonce


class Transport(Protocol):
    """A way to one service.

    Nothing is promised of it: an answer may be lost when the request arrived, a request may arrive twice, and whoever
    answers may be somebody else. Every call may raise Away, TryLater and WrongService, and
    admission.Refused with the contract's name. Calls block.
    """

    nonce: str
    """The last nonce that an answer brought, "" before the first."""

    def push(self, body: bytes) -> bytes:
        """The answer to a push: a receipt line, if it comes from the service."""
        ...

    def pull(self, ask: Ask) -> bytes:
        """The answer to a pull, as lines. Raises NonceNeeded and NotEntitled too."""
        ...

    def registry(self, after: int) -> bytes:
        """Registry lines beyond position `after`, in order and without a hole; none when there are no more."""
        ...
