"""Keys and signed claims as NATS has them: what a nats-server in operator mode lets somebody in by.

A key (nkey) is an Ed25519 pair, written in base32 with a letter for its kind and a checksum. Claims are a JWT: the
operator signs an account, the account's signing keys sign users. A user proves itself by signing the server's nonce.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import nkeys

from ecoklit.core.ids import is_nkey
from ecoklit.errors import EcoklitError

OPERATOR: Final[int] = nkeys.PREFIX_BYTE_OPERATOR
ACCOUNT: Final[int] = nkeys.PREFIX_BYTE_ACCOUNT
USER: Final[int] = nkeys.PREFIX_BYTE_USER

_HEADER: Final = b'{"alg":"ed25519-nkey","typ":"JWT"}'
_CHECKSUM_BYTES: Final = 2


class CredentialFault(EcoklitError):
    """Something that no credentials can be made of. Codes: bad_name, bad_nkey, bad_credentials."""


class BrokerKey:
    """A private key of an operator, account or user at the broker. Its seed is never shown by `repr`."""

    def __init__(self, seed: str) -> None:
        try:
            self._pair = nkeys.from_seed(bytearray(seed.strip().encode("ascii")))
            self.public: str = self._pair.public_key.decode("ascii")
        except (nkeys.NkeysError, ValueError, TypeError):
            raise CredentialFault(
                "bad_credentials", "A key of the broker cannot be read: restore it, or its folder, from the backup."
            ) from None
        self.seed = seed.strip()

    @classmethod
    def fresh(cls, kind: int) -> BrokerKey:
        """A new key of `kind`: OPERATOR, ACCOUNT or USER."""
        return cls(nkeys.encode_seed(os.urandom(32), kind).decode("ascii"))

    def sign(self, message: bytes) -> bytes:
        signature: bytes = self._pair.sign(message)
        return signature

    def __repr__(self) -> str:
        return f"BrokerKey({self.public})"


def is_user_key(text: str) -> bool:
    """Whether `text` is the public key of a user, its checksum included."""
    if not is_nkey(text):
        return False
    try:
        raw = base64.b32decode(text)
    except binascii.Error:
        return False
    body, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    return body[0] == USER and int.from_bytes(checksum, "little") == nkeys.crc16(bytearray(body))


def claims(
    signer: BrokerKey, subject: str, name: str, nats: Mapping[str, Any], issued_at: int, until: int | None = None
) -> str:
    """The JWT by which `signer` says `nats` of `subject`, at `issued_at` and `until` then (seconds since 1970).

    Without `until` for good. The broker goes by its own clock, and cuts a live connection when the time is up.
    """
    said = {"iat": issued_at, "iss": signer.public, "name": name, "nats": {**nats, "version": 2}, "sub": subject}
    if until is not None:
        said["exp"] = until
    said["jti"] = base64.b32encode(hashlib.sha256(_json(said)).digest()).rstrip(b"=").decode("ascii")
    signed = b".".join((_base64url(_HEADER), _base64url(_json(said))))
    return b".".join((signed, _base64url(signer.sign(signed)))).decode("ascii")


def credentials(jwt: str, user: BrokerKey) -> str:
    """The text of a credentials file (`.creds`), as every NATS client reads it: who it is for, and its seed."""
    return f"{claims_file(jwt)}\n-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"


def claims_file(jwt: str) -> str:
    """The first half of a credentials file: its user puts its seed after it, which never left its machine."""
    return f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n"


def _json(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
