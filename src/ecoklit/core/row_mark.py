"""How an office knows a row of its list again, without keeping what stands in it.

A NIK has so few possible values that a plain hash of it is guessed in minutes: every mark is a keyed one,
under a key that stays with the office device. The marks of a row's fields are bound to the row, so that
equal values do not show as equal.
"""

from collections.abc import Mapping
from hashlib import blake2b
from hmac import digest
from typing import Final

from ecoklit.core.event import RECORD_FIELDS

KEY_BYTES: Final = 32
ROW_BYTES: Final = 16
NIK_BYTES: Final = 12
FIELD_BYTES: Final = 6
"""A changed field stays unnoticed once in 2^48."""

Record = Mapping[str, str | None]


def row_mark(key: bytes, tps: str, record: Record, nth: int = 1) -> bytes:
    """Which row this is: by village and TPS (both in `tps`), NIK, name and birth date.

    `nth` tells rows apart of which these are the same and no NIK says that they are one person. Case and
    spacing of the name do not matter: correcting them makes no other person.
    """
    name = " ".join((record["name"] or "").casefold().split())
    said = f"row\n{tps}\n{record['nik'] or ''}\n{name}\n{record['birth_date'] or ''}\n{nth}"
    return _mark(key, said.encode())[:ROW_BYTES]


def nik_mark(key: bytes, record: Record) -> bytes:
    """Which NIK this is, b"" for none: to find rows that share it."""
    nik = record["nik"]
    return _mark(key, f"nik\n{nik}".encode())[:NIK_BYTES] if nik else b""


def person_mark(key: bytes, record: Record) -> bytes:
    """Who this may be, wherever they are listed: by name and birth date; b"" where one of them is missing.

    Twins of one name are one to it, so that it only asks a person to look.
    """
    name = " ".join((record["name"] or "").casefold().split())
    if not name or not record["birth_date"]:
        return b""
    return _mark(key, f"person\n{name}\n{record['birth_date']}".encode())[:NIK_BYTES]


def field_marks(key: bytes, row: bytes, record: Record) -> bytes:
    """What stands in the 12 fields of a row, FIELD_BYTES for each in the order of RECORD_FIELDS."""
    # Keyed BLAKE2b here: twelve HMACs of a row would be the dearest thing in an import.
    begun = blake2b(b"ecoklit-listing-v1\nfield\n" + row, key=key, digest_size=FIELD_BYTES)
    parts = []
    for number, field in enumerate(RECORD_FIELDS):
        value, mark = record[field], begun.copy()
        # None and "" are different values.
        mark.update(b"%c" % number if value is None else b"%c=%b" % (number, value.encode()))
        parts.append(mark.digest())
    return b"".join(parts)


def changed_fields(before: bytes, after: bytes) -> tuple[str, ...]:
    """The fields, sorted, that differ between two results of `field_marks` for one row."""
    return tuple(
        field
        for number, field in enumerate(RECORD_FIELDS)
        if before[number * FIELD_BYTES :][:FIELD_BYTES] != after[number * FIELD_BYTES :][:FIELD_BYTES]
    )


def key_mark(key: bytes) -> bytes:
    """Which key this is: marks made under another one say nothing."""
    return _mark(key, b"key")[:ROW_BYTES]


def _mark(key: bytes, said: bytes) -> bytes:
    return digest(key, b"ecoklit-listing-v1\n" + said, "sha256")
