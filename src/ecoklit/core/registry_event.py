"""Registry events: enrolment and authority, each signed by itself, in one chain for each device (SPEC §8).

A registry line is `{"registry":{…},"signature":"…"}`. It carries its own signature because it travels by itself, in a
QR code, ahead of a push, on a stick, and because a replay must be able to check it without asking anyone.
"""

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ecoklit.core import canonical, ids
from ecoklit.core.canonical import Integer
from ecoklit.core.event import Malformed, is_date, is_time
from ecoklit.core.head import SignedHead
from ecoklit.core.limits import LINE_BYTES_MAX, REGISTRY_TPS_MAX
from ecoklit.core.signing import ED25519, Key, PublicKey, registry_message

OfficeRole = Literal["pantarlih", "pps", "ppk", "kpu"]
AssignedRole = Literal["pantarlih", "pps", "ppk", "kpu", "operator"]
Stage = Literal["DPHP", "DPS", "DPSHP", "DPT"]
LoggedStream = Literal["voters", "registry"]

SERVICES_MAX: Final = 8


class RegistryEvent(
    msgspec.Struct,
    kw_only=True,
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="type",
):
    """What every registry event says: its place in the log that `device` keeps in the registry of `regency`, and who
    acted (`officer` an id, `role` the right that was used; the root key acts as kpu)."""

    at: str
    device: str
    election: str
    officer: str
    prev: str
    regency: str
    role: OfficeRole
    seq: Integer
    v: Literal[1]


class ElectionOpened(RegistryEvent, kw_only=True, frozen=True, tag="election_opened"):
    root: PublicKey
    services: list[PublicKey]


class TpsSet(RegistryEvent, kw_only=True, frozen=True, tag="tps_set"):
    tps: list[str]


class DeviceEnrolled(RegistryEvent, kw_only=True, frozen=True, tag="device_enrolled"):
    enrolled: str
    holder: str
    key: PublicKey
    nkey: str | UnsetType = UNSET


class Assigned(RegistryEvent, kw_only=True, frozen=True, tag="assigned"):
    area: str
    officer_assigned: str
    role_assigned: AssignedRole
    to_device: str | UnsetType = UNSET


class Vouched(RegistryEvent, kw_only=True, frozen=True, tag="vouched"):
    """The key of an enrolment code (`core.enrolment`) may enrol and assign one device in these terms. No fold reads
    `until`: a device does not use the code after it, and the office then revokes what nobody used."""

    area: str
    key: PublicKey
    officer_assigned: str
    role_assigned: AssignedRole
    until: str
    voucher: str


class Revoked(RegistryEvent, kw_only=True, frozen=True, tag="revoked"):
    area: str | UnsetType = UNSET
    from_seq: Integer
    revoked: str


class Readmitted(RegistryEvent, kw_only=True, frozen=True, tag="readmitted"):
    events: list[str] | UnsetType = UNSET
    of_device: str | UnsetType = UNSET
    of_officer: str | UnsetType = UNSET
    of_tps: str | UnsetType = UNSET
    since: str | UnsetType = UNSET
    until: str | UnsetType = UNSET


class Cloned(RegistryEvent, kw_only=True, frozen=True, tag="cloned"):
    at_seq: Integer
    cloned: str
    head: SignedHead
    held: str
    other: str


class WindowOpened(RegistryEvent, kw_only=True, frozen=True, tag="window_opened"):
    area: str


class WindowExtended(RegistryEvent, kw_only=True, frozen=True, tag="window_extended"):
    area: str


class WindowClosed(RegistryEvent, kw_only=True, frozen=True, tag="window_closed"):
    area: str


class PolicySet(RegistryEvent, kw_only=True, frozen=True, tag="policy_set"):
    area: str
    policy: str


class TpsReported(RegistryEvent, kw_only=True, frozen=True, tag="tps_reported"):
    digest: str
    last: Integer
    totals: dict[str, Integer]
    tps: str


class StageSet(RegistryEvent, kw_only=True, frozen=True, tag="stage_set"):
    area: str
    digest: str
    position: dict[str, Integer]
    stage: Stage


class DotsLost(RegistryEvent, kw_only=True, frozen=True, tag="dots_lost"):
    after: Integer
    lost: str


class Erased(RegistryEvent, kw_only=True, frozen=True, tag="erased"):
    """By an order whose document has the hash `order`; without a `voter` it is about everybody of the regency."""

    order: str
    voter: str | UnsetType = UNSET


class LogKeySet(RegistryEvent, kw_only=True, frozen=True, tag="log_key"):
    """A transparency log of this registry's regency: whose entries, its name for good, and the key that signs it."""

    key: PublicKey
    log: LoggedStream
    origin: str


AnyRegistryEvent = (
    ElectionOpened | TpsSet | DeviceEnrolled | Assigned | Vouched | Revoked | Readmitted | Cloned | WindowOpened
    | WindowExtended | WindowClosed | PolicySet | TpsReported | StageSet | DotsLost | Erased | LogKeySet
)  # fmt: skip


class _RegistryPlace(msgspec.Struct, frozen=True):
    """What every registry event that is held must have, whatever else is wrong with it."""

    device: str
    election: str
    prev: str
    regency: str
    seq: int


class SignedRegistry(msgspec.Struct, frozen=True):
    """One registry event as held: its exact bytes, their hash, and the signature, which nobody has checked yet.

    `event` is None for a bad event, and `fault` says what is wrong with it: like every other, it is held (SPEC §7.7).
    """

    registry_bytes: bytes
    hash: bytes
    signature: str
    device: str
    seq: int
    prev: str
    election: str
    regency: str
    event: AnyRegistryEvent | None
    fault: str | None

    @property
    def line(self) -> bytes:
        """The line as it is stored and sent, without its line break."""
        return b'{"registry":%b,"signature":"%b"}' % (self.registry_bytes, self.signature.encode())

    @property
    def message(self) -> bytes:
        """What the signature is over."""
        return registry_message(self.election, self.regency, self.device, self.seq, self.hash)

    def signed_by(self, key: PublicKey) -> bool:
        return key.verifies(self.message, self.signature)


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    registry: msgspec.Raw
    signature: str


_DECODER: Final = msgspec.json.Decoder(_Line)


def read_line(line: bytes) -> SignedRegistry:
    """The registry event on one line, its signature unchecked; Malformed when it is nobody's."""
    if len(line) > LINE_BYTES_MAX:
        raise Malformed(f"the line has {len(line)} bytes, more than {LINE_BYTES_MAX}")
    try:
        parts = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Malformed('the line is not {"registry":…,"signature":…}') from error
    signed = hold(bytes(parts.registry), parts.signature)
    if not ids.is_signature(parts.signature):
        raise Malformed("the signature is not 64 bytes in base64url")
    if signed.line != line:
        raise Malformed("the line is not canonical JSON")
    return signed


def hold(registry_bytes: bytes, signature: str) -> SignedRegistry:
    """The registry event as held, from its two parts; Malformed when it is nobody's."""
    try:
        value = canonical.decode(registry_bytes)
    except ValueError as error:
        raise Malformed(f"the registry event is not canonical JSON: {error}") from error
    place = _place(value)
    event, fault = _event(value)
    return SignedRegistry(
        registry_bytes, ids.sha256(registry_bytes), signature, place.device, place.seq, place.prev, place.election,
        place.regency, event, fault,
    )  # fmt: skip


def _place(value: Any) -> _RegistryPlace:
    try:
        place = msgspec.convert(value, _RegistryPlace)
    except msgspec.ValidationError as error:
        raise Malformed(f"the registry event has no well-formed place: {error}") from error
    for name, well_formed in (
        ("device", ids.is_device(place.device)),
        ("election", ids.is_word(place.election)),
        ("prev", ids.is_hash(place.prev)),
        ("regency", ids.is_regency(place.regency)),
        ("seq", place.seq >= 1),
    ):
        if not well_formed:
            raise Malformed(f"the registry event's {name} is not well formed")
    return place


def _event(value: Any) -> tuple[AnyRegistryEvent | None, str | None]:
    try:
        event = msgspec.convert(value, AnyRegistryEvent)
    except msgspec.ValidationError as error:
        return None, str(error)
    fault = _fault_of_words(event) or _RULES[type(event)](event)
    return (None, fault) if fault else (event, None)


# --- the rules of each type (SPEC §8.2) ------------------------------------------------------------------------------


def _fault_of_words(event: AnyRegistryEvent) -> str | None:
    if not ids.is_word(event.officer):
        return "officer is no word of 1 to 32 characters a-z, 0-9, _ and -"
    return None if is_time(event.at) else "at is no RFC 3339 time with whole seconds and an offset"


def _key(key: PublicKey, device: str) -> str | None:
    try:
        return None if key.device == device else f"the key is not that of {device}"
    except ValueError:
        return "the key is no public key"


def _opened(event: ElectionOpened) -> str | None:
    if event.seq != 1:
        return "an election is opened by the first event of its root key"
    devices = []
    for service in event.services:
        try:
            devices.append(service.device)
        except ValueError:
            return "services holds something that is no public key"
    if not 1 <= len(devices) <= SERVICES_MAX or len(set(devices)) < len(devices):
        return f"services are 1 to {SERVICES_MAX} different keys"
    return _key(event.root, event.device)


def _tps_set(event: TpsSet) -> str | None:
    if not 1 <= len(event.tps) <= REGISTRY_TPS_MAX or not _rises(event.tps):
        return f"tps are 1 to {REGISTRY_TPS_MAX} codes, sorted, without doubles"
    if not all(ids.is_tps(tps) and ids.regency_of(tps) == event.regency for tps in event.tps):
        return "tps holds something that is no tps of the regency"
    return None


def _enrolled(event: DeviceEnrolled) -> str | None:
    if not ids.is_word(event.holder):
        return "holder is no word of 1 to 32 characters a-z, 0-9, _ and -"
    if event.nkey is not UNSET and not ids.is_nkey(event.nkey):
        return "nkey is no public key of a broker's user"
    return _key(event.key, event.enrolled)


AREA_DIGITS_OF: Final = {"pantarlih": (13,), "pps": (10,), "ppk": (6,), "kpu": (4,), "operator": (4, 6, 10, 13)}
"""How many digits the area of each role has: a tps, a village, a district, a regency."""


def _assigned(event: Assigned) -> str | None:
    if event.role_assigned == "operator" and event.to_device is UNSET:
        return "an operator is assigned to a device"
    if event.to_device is not UNSET and not ids.is_device(event.to_device):
        return "to_device is no device"
    return _right(event)


def _right(event: Assigned | Vouched) -> str | None:
    if not ids.is_word(event.officer_assigned):
        return "officer_assigned is no word of 1 to 32 characters a-z, 0-9, _ and -"
    if len(event.area) not in AREA_DIGITS_OF[event.role_assigned]:
        return f"area is no area of a {event.role_assigned}"
    return _area(event.area, event.regency)


def _vouched(event: Vouched) -> str | None:
    if not is_time(event.until):
        return "until is no RFC 3339 time with whole seconds and an offset"
    return _key(event.key, event.voucher) or _right(event)


def _revoked(event: Revoked) -> str | None:
    if not ids.is_device(event.revoked):
        return "revoked is no device"
    if event.from_seq < 1:
        return "from_seq is not a seq"
    return None if event.area is UNSET else _area(event.area, event.regency)


def _readmitted(event: Readmitted) -> str | None:
    chosen = (event.events, event.of_device, event.of_officer, event.of_tps, event.since, event.until)
    if all(one is UNSET for one in chosen):
        return "readmitted names none of events, of_device, of_officer, of_tps, since and until"
    if event.events is not UNSET and not (
        event.events and _rises(event.events) and all(map(ids.is_hash, event.events))
    ):
        return "events are hashes, sorted, without doubles and not none"
    if event.of_device is not UNSET and not ids.is_device(event.of_device):
        return "of_device is no device"
    if event.of_officer is not UNSET and not ids.is_word(event.of_officer):
        return "of_officer is no word of 1 to 32 characters a-z, 0-9, _ and -"
    if any(day is not UNSET and not is_date(day) for day in (event.since, event.until)):
        return "since and until are dates YYYY-MM-DD"
    return None if event.of_tps is UNSET else _tps(event.of_tps, event.regency)


def _cloned(event: Cloned) -> str | None:
    if not ids.is_device(event.cloned) or event.head.device != event.cloned:
        return "cloned and the head's device are not one device"
    if not all(map(ids.is_hash, (event.held, event.other, event.head.hash))) or event.head.seq < 1:
        return "held, other and the head's hash are not all hashes"
    if not ids.is_signature(event.head.signature):
        return "the head has no signature of 64 bytes"
    if event.held == event.other:
        return "held and other are one event"
    return None if 1 <= event.at_seq <= event.head.seq else "at_seq is no seq that the head covers"


def _of_area(event: WindowOpened | WindowExtended | WindowClosed) -> str | None:
    return _area(event.area, event.regency)


def _policy_set(event: PolicySet) -> str | None:
    if not ids.is_word(event.policy):
        return "policy is no word of 1 to 32 characters a-z, 0-9, _ and -"
    return _area(event.area, event.regency)


def _tps_reported(event: TpsReported) -> str | None:
    if event.last < 0:
        return "last is no seq"
    if not all(map(ids.is_word, event.totals)):
        return "totals have names of 1 to 32 characters a-z, 0-9, _ and -"
    if not ids.is_hash(event.digest):
        return "digest is no hash"
    return _tps(event.tps, event.regency)


def _stage_set(event: StageSet) -> str | None:
    if not ids.is_hash(event.digest):
        return "digest is no hash"
    return _area(event.area, event.regency)


def _dots_lost(event: DotsLost) -> str | None:
    if not ids.is_device(event.lost):
        return "lost is no device"
    return None if event.after >= 0 else "after is no seq"


def _erased(event: Erased) -> str | None:
    if not ids.is_hash(event.order):
        return "order is no hash"
    return None if event.voter is UNSET or ids.is_voter(event.voter) else "voter is no voter"


def _log_key(event: LogKeySet) -> str | None:
    if _ORIGIN(event.origin) is None:
        return "origin is no name of 1 to 255 characters from ! to ~ without +"
    try:
        is_of_a_log = event.key.algorithm == ED25519 and bool(event.key.device)
    except ValueError:
        return "the key is no public key"
    return None if is_of_a_log else "a transparency log is signed by an ed25519 key"


_ORIGIN: Final = re.compile(r"[!-*,-~]{1,255}").fullmatch


_RULES: Final[dict[type, Callable[[Any], str | None]]] = {
    ElectionOpened: _opened, TpsSet: _tps_set, DeviceEnrolled: _enrolled, Assigned: _assigned, Vouched: _vouched,
    Revoked: _revoked, Readmitted: _readmitted, Cloned: _cloned, WindowOpened: _of_area, WindowExtended: _of_area,
    WindowClosed: _of_area, PolicySet: _policy_set, TpsReported: _tps_reported, StageSet: _stage_set,
    DotsLost: _dots_lost, Erased: _erased, LogKeySet: _log_key,
}  # fmt: skip


def _rises(words: Iterable[str]) -> bool:
    return all(before < after for before, after in pairwise(words))


def _area(area: str, regency: str) -> str | None:
    if not (ids.is_tps(area) or ids.is_area(area)) or not area.startswith(regency):
        return "area is no area of the regency"
    return None


def _tps(tps: str, regency: str) -> str | None:
    if not ids.is_tps(tps) or ids.regency_of(tps) != regency:
        return "the tps is no tps of the regency"
    return None


# --- the author's side -----------------------------------------------------------------------------------------------


class RegistryLog:
    """One device's log in the registry of one regency, at its end: it appends, chains and signs."""

    def __init__(
        self,
        key: Key,
        *,
        election: str,
        regency: str,
        officer: str,
        role: OfficeRole,
        seq: int = 0,
        prev: str = ids.to_base64url(ids.ZERO_HASH),
    ) -> None:
        self.key = key
        self.election = election
        self.regency = regency
        self.officer = officer
        self.role = role
        self.seq = seq
        self.prev = prev

    def append(self, type: str, *, at: str, **own_fields: Any) -> SignedRegistry:
        """The next event, signed; ValueError when it would be bad by itself. Keys may be given as `PublicKey`."""
        body = {
            "at": at,
            "device": self.key.device,
            "election": self.election,
            "officer": self.officer,
            "prev": self.prev,
            "regency": self.regency,
            "role": self.role,
            "seq": self.seq + 1,
            "type": type,
            "v": 1,
            **own_fields,
        }
        registry_bytes = canonical.encode(msgspec.to_builtins(body))
        unsigned = hold(registry_bytes, "")
        if unsigned.fault is not None:
            raise ValueError(f"{type} would be no good registry event: {unsigned.fault}")
        signed = hold(registry_bytes, self.key.signature(unsigned.message))
        if len(signed.line) > LINE_BYTES_MAX:
            raise ValueError(f"{type} would have more than {LINE_BYTES_MAX} bytes: say it in several events")
        self.seq, self.prev = signed.seq, ids.to_base64url(signed.hash)
        return signed
