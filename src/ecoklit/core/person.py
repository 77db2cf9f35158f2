"""The personal part of an event: whether a copy is the one that the event commits to, and fits it (SPEC §1).

A wrong copy is a fault of that copy, never of the event: it is dropped, and the event counts as if it were absent, so
that an erasure can never change a decision.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ecoklit.core import canonical, ids
from ecoklit.core.canonical import Integer
from ecoklit.core.event import (
    RECORD_FIELDS,
    AnyEvent,
    Deceased,
    Found,
    Listed,
    Malformed,
    New,
    Reopened,
    Ruled,
    is_date,
)

Marital = Literal["B", "S", "P"]
Sex = Literal["L", "P"]
Disability = Literal["physical", "intellectual", "mental", "speech", "hearing", "visual"]
Ektp = Literal["S", "B"]
LATITUDE_E6_MAX: Final = 90_000_000
LONGITUDE_E6_MAX: Final = 180_000_000


class Record(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A voter's twelve particulars; null where nothing is known."""

    address: str | None
    birth_date: str | None
    birth_place: str | None
    disability: Disability | None
    ektp: Ektp | None
    marital: Marital | None
    name: str | None
    nik: str | None
    nkk: str | None
    rt: str | None
    rw: str | None
    sex: Sex | None


class Changes(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """The particulars that an event changes; the others are absent."""

    address: str | UnsetType | None = UNSET
    birth_date: str | UnsetType | None = UNSET
    birth_place: str | UnsetType | None = UNSET
    disability: Disability | UnsetType | None = UNSET
    ektp: Ektp | UnsetType | None = UNSET
    marital: Marital | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    nik: str | UnsetType | None = UNSET
    nkk: str | UnsetType | None = UNSET
    rt: str | UnsetType | None = UNSET
    rw: str | UnsetType | None = UNSET
    sex: Sex | UnsetType | None = UNSET


class Location(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Where the phone was: millionths of a degree, and metres."""

    accuracy_m: Integer
    lat_e6: Integer
    lon_e6: Integer


class Visit(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """What was seen and left at the door; `photos` are SHA-256 hashes."""

    photos: list[str] | UnsetType = UNSET
    place: Location | UnsetType = UNSET
    slip: bool | UnsetType = UNSET
    sticker: bool | UnsetType = UNSET


class Person(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """The personal part: always a salt, the rest by the event's type."""

    salt: str
    changes: Changes | UnsetType = UNSET
    death_date: str | UnsetType = UNSET
    note: str | UnsetType = UNSET
    record: Record | UnsetType = UNSET
    visit: Visit | UnsetType = UNSET


_DECODER: Final = msgspec.json.Decoder(Person)
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


def parse(data: bytes, event: AnyEvent | None, person_hash: bytes) -> tuple[Person | None, str | None]:
    """The person in `data` and None; or None and why it is a bad person for `event`. Raises Malformed.

    `event` is None for a bad event, of which no person is known to fit; `person_hash` is the hash of `data`.
    """
    try:
        person = _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        _demand_canonical(data)
        return None, _without_values(error)
    # Every key of a Person is ASCII, so sorted code points are the canonical order here.
    if _ENCODER.encode(person) != data:
        _demand_canonical(data)
        return None, "the person is not the canonical form of its value"
    if event is None or event.person is UNSET:
        return None, "the event commits to no person"
    if ids.to_base64url(person_hash) != event.person:
        return None, "the person is not the one that the event commits to"
    fault = _misfit(person, event)
    return (None, fault) if fault else (person, None)


_TEXT: Final = b'(?:null|"[ !#-\\[\\]-~]*")'
_CLOSED: Final = {
    "disability": b'(?:null|"(?:physical|intellectual|mental|speech|hearing|visual)")',
    "ektp": b'(?:null|"[SB]")',
    "marital": b'(?:null|"[BSP]")',
    "sex": b'(?:null|"[LP]")',
}


@lru_cache(maxsize=1 << len(RECORD_FIELDS))
def _plain(holder: bytes, fields: tuple[str, ...]) -> Callable[[bytes], re.Match[bytes] | None]:
    members = b",".join([b'"%b":%b' % (name.encode(), _CLOSED.get(name, _TEXT)) for name in fields])
    return re.compile(rb'\{"%b":(\{%b\}),"salt":"([A-Za-z0-9_-]{21}[AQgw])"\}' % (holder, members)).fullmatch


_BIRTH: Final = _plain(b"record", RECORD_FIELDS)


def plain_birth(data: bytes) -> tuple[bytes, bytes] | None:
    """The canonical record and the salt in a birth's person of plain ASCII; None where `data` takes a closer look."""
    birth = _BIRTH(data)
    return None if birth is None else (birth[1], birth[2])


def plain_changes(data: bytes, changed: tuple[str, ...]) -> tuple[bytes, bytes] | None:
    """The same of the canonical changes, in a person of plain ASCII that has nothing else."""
    changes = _plain(b"changes", changed)(data)
    return None if changes is None else (changes[1], changes[2])


def _demand_canonical(data: bytes) -> None:
    try:
        canonical.decode(data)
    except ValueError as error:
        raise Malformed("the person is not canonical JSON") from error


def _without_values(error: Exception) -> str:
    # msgspec quotes the offending value for closed words; a person's values never go into a message.
    return "the person has not the form of one" + (
        " - at " + str(error).rpartition(" - at ")[2] if " - at `" in str(error) else ""
    )


def _misfit(person: Person, event: AnyEvent) -> str | None:
    if not ids.is_mark(person.salt):
        return "salt is not 16 bytes in base64url"
    if (person.record is not UNSET) != isinstance(event, Listed | New):
        return "record goes with listed and new, and only with them"
    # Empty changes are none that an event could name, so they fit nothing.
    if changed_of(person.changes) != _changed(event) or person.changes == Changes():
        return "the keys of changes are not the event's changed"
    if person.death_date is not UNSET and not (isinstance(event, Deceased) and is_date(person.death_date)):
        return "death_date is a date, and goes with deceased only"
    return None if person.visit is UNSET else _misfit_of_visit(person.visit)


def changed_of(changes: Changes | UnsetType) -> tuple[str, ...]:
    """The keys that `changes` has, sorted."""
    if changes is UNSET:
        return ()
    return tuple(name for name in RECORD_FIELDS if getattr(changes, name) is not UNSET)


def _changed(event: AnyEvent) -> tuple[str, ...]:
    if isinstance(event, Found | Reopened | Ruled) and event.changed is not UNSET:
        return tuple(event.changed)
    return ()


def _misfit_of_visit(visit: Visit) -> str | None:
    if visit.photos is not UNSET and not all(map(ids.is_hash, visit.photos)):
        return "photos are not hashes of 32 bytes in base64url"
    place = visit.place
    if place is not UNSET and not (
        abs(place.lat_e6) <= LATITUDE_E6_MAX and abs(place.lon_e6) <= LONGITUDE_E6_MAX and place.accuracy_m >= 0
    ):
        return "place is nowhere on earth"
    return None
