"""The nine events of coklit, and what can be wrong with one by itself (SPEC §1, §2).

`parse` is the only way in. Bytes that are nobody's event are `Malformed`; everything else is held, and an event that
breaks a rule of its own is held as a bad event, by the six fields that place it in its device's log.
"""

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ecoklit.core import canonical, ids
from ecoklit.core.canonical import Integer
from ecoklit.core.limits import ATTEMPTS_MAX
from ecoklit.errors import EcoklitError

Role = Literal["pantarlih", "pps", "ppk", "kpu"]
How = Literal["in_person", "family", "video_call", "document"]
Document = Literal["ktp_el", "ikd", "family_card", "biodata"]
Reason = Literal["duplicate", "underage", "foreign", "military", "police", "revoked", "unknown", "entry_error"]
Verdict = Literal["confirmed", "unvisited", "moved_away", "deceased", "disqualified"]
RecordField = Literal[
    "address", "birth_date", "birth_place", "disability", "ektp", "marital",
    "name", "nik", "nkk", "rt", "rw", "sex",
]  # fmt: skip
RECORD_FIELDS: Final[tuple[RecordField, ...]] = (
    "address", "birth_date", "birth_place", "disability", "ektp", "marital",
    "name", "nik", "nkk", "rt", "rw", "sex",
)  # fmt: skip


class Malformed(EcoklitError):
    """Bytes that are nobody's event: not canonical, or without what places an event in a device's log."""

    def __init__(self, message: str) -> None:
        super().__init__("malformed", message)


class Event(
    msgspec.Struct,
    kw_only=True,
    frozen=True,
    gc=False,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="type",
):
    """What every event says; an absent field is UNSET, and `clock` maps device → seq."""

    kind: ClassVar[str]
    """The event's `type` on the wire."""

    at: str
    clock: dict[str, Integer]
    device: str
    election: str
    entry: Literal["phone", "paper"] | UnsetType = UNSET
    officer: str
    person: str | UnsetType = UNSET
    policy: str
    prev: str
    role: Role
    saw: list[str] | UnsetType = UNSET
    seq: Integer
    tps: str
    v: Literal[1]
    visited: str | UnsetType = UNSET
    voter: str


class Listed(Event, kw_only=True, frozen=True, tag="listed"):
    source: str


class New(Event, kw_only=True, frozen=True, tag="new"):
    document: Document
    how: How


class Found(Event, kw_only=True, frozen=True, tag="found"):
    changed: list[RecordField] | UnsetType = UNSET
    how: How


class Moved(Event, kw_only=True, frozen=True, tag="moved"):
    evidence: str | UnsetType = UNSET
    to: str | UnsetType = UNSET
    to_area: str | UnsetType = UNSET


class Deceased(Event, kw_only=True, frozen=True, tag="deceased"):
    evidence: str | UnsetType = UNSET


class Disqualified(Event, kw_only=True, frozen=True, tag="disqualified"):
    duplicate_of: str | UnsetType = UNSET
    evidence: str | UnsetType = UNSET
    reason: Reason


class NotMet(Event, kw_only=True, frozen=True, tag="not_met"):
    nth: Integer
    why: Literal["absent", "refused", "unreachable"]


class Reopened(Event, kw_only=True, frozen=True, tag="reopened"):
    changed: list[RecordField] | UnsetType = UNSET
    to: str | UnsetType = UNSET


class Ruled(Event, kw_only=True, frozen=True, tag="ruled"):
    changed: list[RecordField] | UnsetType = UNSET
    duplicate_of: str | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    to: str | UnsetType = UNSET
    verdict: Verdict | UnsetType = UNSET


AnyEvent = Listed | New | Found | Moved | Deceased | Disqualified | NotMet | Reopened | Ruled
EVENT_TYPES: Final[tuple[type[AnyEvent], ...]] = (
    Listed, New, Found, Moved, Deceased, Disqualified, NotMet, Reopened, Ruled,
)  # fmt: skip
for _type in EVENT_TYPES:
    _type.kind = str(_type.__struct_config__.tag)


class Place(msgspec.Struct, frozen=True, gc=False):
    """The six fields that every held event has: its place in a device's log, and the voter that it is about."""

    clock: dict[str, int]
    device: str
    prev: str
    seq: int
    tps: str
    voter: str


_DECODER: Final = msgspec.json.Decoder(AnyEvent)
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


Parsed = tuple[Place | AnyEvent, AnyEvent | None, str | None]
"""The place of an event in its device's log; the event; or, instead of a bad event, what is wrong with it."""


def parse(data: bytes) -> Parsed:
    """The event in canonical `data`; raises Malformed when it is nobody's."""
    try:
        event = _DECODER.decode(data)
        if _ENCODER.encode(event) == data and _is_plain(event):
            fault = _fault_of_type(event)
            return event, None if fault else event, fault
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        pass
    return _parse_slowly(data)


def encode(event: AnyEvent) -> bytes:
    """The canonical bytes of a well-formed event."""
    return _ENCODER.encode(event)


def _parse_slowly(data: bytes) -> Parsed:
    # In words, for everything that `_is_plain` did not recognise at a glance.
    try:
        value = canonical.decode(data)
    except ValueError as error:
        raise Malformed(f"the event is not canonical JSON: {error}") from error
    place = _place(value)
    try:
        event = msgspec.convert(value, AnyEvent)
    except msgspec.ValidationError as error:
        return place, None, _without_values(error)
    fault = _fault_of_words(event) or _fault_of_type(event)
    return place, None if fault else event, fault


def _place(value: Any) -> Place:
    try:
        place = msgspec.convert(value, Place)
    except msgspec.ValidationError as error:
        raise Malformed(f"the event has no well-formed place: {error}") from error
    for name, well_formed in (
        ("device", ids.is_device(place.device)),
        ("seq", place.seq >= 1),
        ("prev", ids.is_hash(place.prev)),
        ("voter", ids.is_voter(place.voter)),
        ("tps", ids.is_tps(place.tps)),
    ):
        if not well_formed:
            raise Malformed(f"the event's {name} is not well formed")
    return place


def _without_values(error: Exception) -> str:
    # msgspec quotes the value that is no closed word, and the name of a field that it does not know. Faults are shown,
    # and what stands in the wrong place may be a voter's name or number.
    return "the event has not the form of its type" + (
        " - at " + str(error).rpartition(" - at ")[2] if " - at `" in str(error) else ""
    )


_HASH = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_CLOCK_TIME = r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_TIME = re.compile(_CLOCK_TIME).fullmatch
_WIDE = re.compile(f"{_HASH} {_UUID} {_CLOCK_TIME}(?: {_HASH})?").fullmatch


def _is_plain(event: AnyEvent) -> bool:
    """Whether every word is well formed, at a glance: one match over the wide ones, since each match has its cost."""
    wide = f"{event.prev} {event.voter} {event.at[10:]}"
    if event.person is not UNSET:
        wide = f"{wide} {event.person}"
    return (
        _WIDE(wide) is not None
        and event.seq >= 1
        and is_date(event.at[:10])
        and ids.is_tps(event.tps)
        and ids.is_word(event.officer)
        and ids.is_word(event.policy)
        and ids.is_word(event.election)
        and ids.is_device(event.device)
        and event.visited is UNSET
        and (
            (len(event.clock) == 1 and event.saw is UNSET and event.device in event.clock)
            or (all(map(ids.is_device, event.clock)) and (event.saw is UNSET or all(map(ids.is_mark, event.saw))))
        )
    )


def _fault_of_words(event: AnyEvent) -> str | None:
    for name in ("election", "officer", "policy"):
        if not ids.is_word(getattr(event, name)):
            return f"{name} is no word of 1 to 32 characters a-z, 0-9, _ and -"
    if not is_time(event.at):
        return "at is no RFC 3339 time with whole seconds and an offset"
    if event.visited is not UNSET and not is_date(event.visited):
        return "visited is no date YYYY-MM-DD"
    if event.person is not UNSET and not ids.is_hash(event.person):
        return "person is no hash of 32 bytes in base64url"
    if event.saw is not UNSET and not all(map(ids.is_mark, event.saw)):
        return "saw holds something that is not 16 bytes in base64url"
    return None


def is_time(text: str) -> bool:
    """A moment as RFC 3339, with whole seconds, upper-case T and Z or an offset."""
    return is_date(text[:10]) and _TIME(text[10:]) is not None


def moment_of(text: str) -> int:
    """What `is_time` says is one, as seconds on one scale, so that two offsets can be compared."""
    hours, minutes, seconds = int(text[11:13]), int(text[14:16]), int(text[17:19])
    offset = 0 if text[19] == "Z" else (int(text[20:22]) * 60 + int(text[23:25])) * (1 if text[19] == "+" else -1)
    return (date.fromisoformat(text[:10]).toordinal() * 1440 + hours * 60 + minutes - offset) * 60 + seconds


@lru_cache(maxsize=4096)
def is_date(text: str) -> bool:
    """A day that the calendar has, as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


# --- the rules of each type (SPEC §2) ------------------------------------------------------------------------------


def _fault_of_type(event: AnyEvent) -> str | None:
    return _RULES[type(event)](event)


def _listed(event: Listed) -> str | None:
    if event.role != "kpu":
        return "only kpu lists voters"
    if not ids.is_word(event.source):
        return "source is no word of 1 to 32 characters a-z, 0-9, _ and -"
    return _no_person(event)


def _new(event: New) -> str | None:
    if event.person is UNSET:
        return _no_person(event)
    # Always a birth: nobody can make one on someone else's voter (SPEC §1).
    if event.voter != ids.birth_id(event.election, event.device, event.seq, event.person):
        return "voter is not the id that this birth gives"
    return None


def _found(event: Found) -> str | None:
    return _changes(event)


def _moved(event: Moved) -> str | None:
    if (event.to is UNSET) == (event.to_area is UNSET):
        return "moved has exactly one of to and to_area"
    if event.to_area is not UNSET and not _is_beyond(event.to_area, ids.regency_of(event.tps)):
        return "to_area is no area outside the regency of tps"
    return _destination(event) or _evidence(event)


def _deceased(event: Deceased) -> str | None:
    return _evidence(event)


def _disqualified(event: Disqualified) -> str | None:
    return _duplicate(event) or _evidence(event)


def _not_met(event: NotMet) -> str | None:
    return None if 1 <= event.nth <= ATTEMPTS_MAX else f"nth is not within 1 and {ATTEMPTS_MAX}"


def _reopened(event: Reopened) -> str | None:
    return _destination(event) or _changes(event)


def _ruled(event: Ruled) -> str | None:
    if event.role == "pantarlih":
        return "a pantarlih does not rule"
    if event.verdict is UNSET and event.to is UNSET and event.changed is UNSET:
        return "ruled names none of verdict, to and changed"
    if (event.verdict == "disqualified") != (event.reason is not UNSET):
        return "reason goes with the verdict disqualified, and only with it"
    return _duplicate(event) or _destination(event) or _changes(event)


_RULES: Final[dict[type, Callable[[Any], str | None]]] = {
    Listed: _listed, New: _new, Found: _found, Moved: _moved, Deceased: _deceased,
    Disqualified: _disqualified, NotMet: _not_met, Reopened: _reopened, Ruled: _ruled,
}  # fmt: skip


def _no_person(event: Listed | New) -> str | None:
    return f"{event.kind} commits to no person" if event.person is UNSET else None


def _changes(event: Found | Reopened | Ruled) -> str | None:
    if event.changed is UNSET:
        return None
    if not event.changed or any(a >= b for a, b in pairwise(event.changed)):
        return "changed is not sorted, without doubles and not empty"
    return "changed needs the person that holds the changes" if event.person is UNSET else None


def _destination(event: Moved | Reopened | Ruled) -> str | None:
    if event.to is UNSET:
        return None
    if not (ids.is_tps(event.to) and ids.regency_of(event.to) == ids.regency_of(event.tps)):
        return "to is no tps in the regency of tps"
    return None


def _is_beyond(area: str, regency: str) -> bool:
    return ids.is_area(area) and not area.startswith(regency) and not regency.startswith(area)


def _duplicate(event: Disqualified | Ruled) -> str | None:
    if (event.reason == "duplicate") != (event.duplicate_of is not UNSET):
        return "duplicate_of goes with the reason duplicate, and only with it"
    if event.duplicate_of is UNSET:
        return None
    # The larger id is struck, whoever rules: so two rulings never remove both (SPEC §2).
    if not (ids.is_voter(event.duplicate_of) and event.duplicate_of < event.voter):
        return "duplicate_of is no voter id smaller than the voter's"
    return None


def _evidence(event: Moved | Deceased | Disqualified) -> str | None:
    if event.evidence is not UNSET and not ids.is_word(event.evidence):
        return "evidence is no word of 1 to 32 characters a-z, 0-9, _ and -"
    return None
