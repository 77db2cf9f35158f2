"""The receipt: what the service answers for, signed: a phone says "held" because it verified that (SPEC §7.9)."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ecoklit.core import canonical, ids
from ecoklit.core.canonical import Integer
from ecoklit.core.event import Malformed
from ecoklit.core.signing import Key, PublicKey, receipt_message


class Stood(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event of the device that does not count, by its standing, and in a clause why."""

    seq: Integer
    standing: str
    why: str | UnsetType = UNSET


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The service holds this device's log up to `seq`, durably; `head` is the hash of that event.

    `log` says which log: of voters, or the registry's. `position` maps each stream to that event's sequence there;
    `registry` is the registry position that was judged by. `standings` are the device's events that do not count, as
    the projection had them at events position `as_of` (absent when it was away), and what the registry says at once.
    `erased` are the seqs of the push whose person was not taken (SPEC §8.7).
    Readers ignore members that they do not know.
    """

    as_of: Integer | UnsetType = UNSET
    device: str
    election: str
    epoch: Integer
    erased: list[Integer] | UnsetType = UNSET
    head: str
    log: Literal["voters", "registry"] = "voters"
    position: dict[str, Integer]
    regency: str
    registry: Integer
    seq: Integer
    standings: list[Stood]
    v: Literal[1] = 1


class SignedReceipt(msgspec.Struct, frozen=True):
    """A receipt as it was sent: its exact bytes, the service's key by its id, and the signature, unchecked."""

    receipt: Receipt
    receipt_bytes: bytes
    service: str
    signature: str

    @property
    def line(self) -> bytes:
        """The line as it is sent and kept, without its line break."""
        return b'{"receipt":%b,"service":"%b","signature":"%b"}' % (
            self.receipt_bytes,
            self.service.encode(),
            self.signature.encode(),
        )

    def signed_by(self, services: Mapping[str, PublicKey]) -> bool:
        """Whether one of the election's `services` (device id → key) signed it."""
        key = services.get(self.service)
        return key is not None and key.verifies(receipt_message(ids.sha256(self.receipt_bytes)), self.signature)


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    receipt: msgspec.Raw
    service: str
    signature: str


_DECODER: Final = msgspec.json.Decoder(_Line)
_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_RECEIPT: Final = msgspec.json.Decoder(Receipt)


def sign_receipt(key: Key, receipt: Receipt) -> SignedReceipt:
    """The receipt under the service's key."""
    # Sorted as RFC 8785 sorts: every key of a receipt is ASCII.
    receipt_bytes = _ENCODER.encode(receipt)
    return SignedReceipt(receipt, receipt_bytes, key.device, key.signature(receipt_message(ids.sha256(receipt_bytes))))


def read_receipt(line: bytes) -> SignedReceipt:
    """The receipt on one line, its signature unchecked; Malformed when it is none."""
    try:
        parts = _DECODER.decode(line.removesuffix(b"\n"))
        receipt_bytes = bytes(parts.receipt)
        canonical.decode(receipt_bytes)
        receipt = _RECEIPT.decode(receipt_bytes)
    except (ValueError, RecursionError) as error:  # msgspec's errors and canonical's are ValueErrors
        raise Malformed("that is no receipt of this service") from error
    if not (ids.is_device(receipt.device) and ids.is_hash(receipt.head) and ids.is_device(parts.service)):
        raise Malformed("the receipt's device, head and service are not well formed")
    signed = SignedReceipt(receipt, receipt_bytes, parts.service, parts.signature)
    # Or a second `signature`, which other readers would take for the one, would be read over.
    if not ids.is_signature(parts.signature) or signed.line != line.removesuffix(b"\n"):
        raise Malformed("the receipt is not canonical JSON with a signature of 64 bytes")
    return signed
