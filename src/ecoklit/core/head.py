"""The signed head: the end of a device's log, which ends a push and vouches for all before it (SPEC §7.2)."""

from typing import Final

import msgspec

from ecoklit.core import ids
from ecoklit.core.canonical import Integer
from ecoklit.core.event import Malformed
from ecoklit.core.signing import Key, PublicKey, head_message


class SignedHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device's last event by its seq and hash, and the device's signature, which nobody has checked yet."""

    device: str
    hash: str
    seq: Integer
    signature: str

    @property
    def line(self) -> bytes:
        """The line as it is sent, without its line break."""
        return b'{"head":{"device":"%b","hash":"%b","seq":%d},"signature":"%b"}' % (
            self.device.encode(),
            self.hash.encode(),
            self.seq,
            self.signature.encode(),
        )

    def signed_by(self, key: PublicKey, election: str) -> bool:
        message = head_message(election, self.device, self.seq, ids.from_base64url(self.hash))
        return key.verifies(message, self.signature)


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    device: str
    hash: str
    seq: Integer


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    head: _Head
    signature: str


_DECODER: Final = msgspec.json.Decoder(_Line)


def sign_head(key: Key, election: str, seq: int, event_hash: bytes) -> SignedHead:
    """The head of `key`'s log in `election`, whose last event has this seq and hash."""
    message = head_message(election, key.device, seq, event_hash)
    return SignedHead(key.device, ids.to_base64url(event_hash), seq, key.signature(message))


def read_head(line: bytes) -> SignedHead:
    """The head on one line, its signature unchecked; Malformed when it is none."""
    try:
        parts = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Malformed('the line is not {"head":…,"signature":…}') from error
    head = SignedHead(parts.head.device, parts.head.hash, parts.head.seq, parts.signature)
    if not (ids.is_device(head.device) and ids.is_hash(head.hash) and head.seq >= 1):
        raise Malformed("the head's device, hash and seq are not well formed")
    if not ids.is_signature(head.signature) or head.line != line:
        raise Malformed("the head is not canonical JSON with a signature of 64 bytes")
    return head
