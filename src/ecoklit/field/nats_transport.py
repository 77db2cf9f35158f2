"""The service over NATS, as a phone meets it: each push and each page is one request at the broker (SPEC §9.7, §9.8).

Nothing here knows a driver: `Requests` is what a client of the broker does for it.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

import msgspec

from ecoklit.core import ids
from ecoklit.core.broker_names import pull_subject, push_subject, registry_subject, user_nkey
from ecoklit.core.signing import ED25519, Key, key_from_seed
from ecoklit.field.packed import unpacked
from ecoklit.field.problem import named, read_problem
from ecoklit.field.transport import Ask
from ecoklit.field.trouble import Away

NONCE: Final = "Ecoklit-Nonce"
ERROR_CODE: Final = "Nats-Service-Error-Code"
RETRY_AFTER: Final = "Retry-After"
ENCODING: Final = "Content-Encoding"
_PACKED: Final = {ENCODING: "gzip"}
_ACCEPTS: Final = {"Accept-Encoding": "gzip"}


class Reply(NamedTuple):
    """The answer to a request, as it came."""

    headers: Mapping[str, str]
    body: bytes


class Requests(Protocol):
    """A client of one broker, let in as one device.

    Nothing is promised of the answer but that the broker brought it. Raises Away when none came, TryLater when the
    service does not listen, NotEntitled when the broker does not let the device in.
    """

    shown: str
    """The broker, as a person is told of it."""

    def request(self, subject: str, body: bytes, headers: Mapping[str, str]) -> Reply: ...


class NatsTransport:
    """`Transport` as `device`, by `requests` at its broker."""

    def __init__(self, device: str, requests: Requests) -> None:
        self._device = device
        self._requests = requests
        self.nonce = ""

    def push(self, body: bytes) -> bytes:
        return self._ask(push_subject(self._device), gzip.compress(body, mtime=0), _PACKED)

    def pull(self, ask: Ask) -> bytes:
        asked = {
            "cursor": ask.cursor, "limit": ask.limit, "nonce": ask.nonce, "signature": ask.signature, "tps": ask.tps,
        }  # fmt: skip
        return self._ask(pull_subject(self._device), msgspec.json.encode(asked), _ACCEPTS)

    def registry(self, after: int) -> bytes:
        return self._ask(registry_subject(self._device), msgspec.json.encode({"after": after}), _ACCEPTS)

    def _ask(self, subject: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        reply = self._requests.request(subject, body, headers)
        self.nonce = reply.headers.get(NONCE) or self.nonce
        status = reply.headers.get(ERROR_CODE)
        if status is None:
            return self._unpacked(reply)
        raise named(
            read_problem(reply.body),
            int(status) if status.isdecimal() else 0,
            self._requests.shown,
            retry_after=reply.headers.get(RETRY_AFTER),
            nonce=self.nonce,
        )

    def _unpacked(self, reply: Reply) -> bytes:
        try:
            return unpacked(reply.body, reply.headers.get(ENCODING))
        except ValueError as error:
            raise Away(f"The answer of {self._requests.shown} was cut off: everything is kept here.") from error


def broker_key(key: Key) -> Key:
    """The user key (nkey) of the device whose key this is: one secret makes both, so that neither is lost alone."""
    return key_from_seed(ED25519, ids.sha256(b"ecoklit-nkey-v1\n" + key.seed))


def nkey_of(key: Key) -> str:
    """The public user key that the enrolment of `key` names."""
    return user_nkey(broker_key(key).public_key)
