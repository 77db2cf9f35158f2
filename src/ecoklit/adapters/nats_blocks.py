"""The broker's stored blocks, looked over before it starts: a number that its neighbours contradict is put right.

A record begins with its length and its sequence. nats-server 2.15 believes the sequence before it looks at the record's
checksum: one flipped bit, and it notes every sequence up to there as deleted, which took gigabytes and did not end
(28th bit), or it drops all records behind it (8th). Nothing else in a block can do that, and nothing else is touched:
what the broker drops otherwise, `ecoklit inspect` names.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_HEAD: Final = struct.Struct("<IQqH")  # length, sequence, time, bytes of the subject
_SEQUENCE: Final = struct.Struct("<Q")
_LENGTH_MASK: Final = (1 << 31) - 1  # the highest bit says that there are headers
_ERASED: Final = 1 << 63
_DELETION: Final = 1 << 62  # the record marks a deletion: its sequence says nothing of the order
JUMP_MIN: Final = 1 << 20
"""At a block's ends, where only one neighbour speaks: fewer may have been erased in between."""

_CHECKSUM_BYTES: Final = 8
_LENGTH_BYTES: Final = 4


class Mended(NamedTuple):
    """A sequence that was put right: in which file, and what stood there."""

    file: Path
    sequence: int
    found: int


class _Record(NamedTuple):
    at: int
    sequence: int
    is_erased: bool


def put_right(store: Path) -> list[Mended]:
    """Put right the sequences in all blocks of a store that no broker uses; what was done is on disk on return.

    The blocks of an encrypted stream say nothing to whoever has no key of theirs, and are left alone.
    """
    return [
        mended
        for folder in sorted(store.glob("**/msgs"))
        if not (folder.parent / "meta.key").exists()
        for file in sorted(folder.glob("*.blk"))
        for mended in _mended(file)
    ]


def _mended(file: Path) -> list[Mended]:
    wrong = list(_wrong(list(_records(file.read_bytes()))))
    if wrong:
        with file.open("r+b") as there:
            for record, right in wrong:
                there.seek(record.at + _LENGTH_BYTES)
                there.write(_SEQUENCE.pack(right))
            there.flush()
            os.fsync(there.fileno())
    return [Mended(file, right, record.sequence) for record, right in wrong]


def _records(block: bytes) -> Iterator[_Record]:
    """The records as far as their lengths lead, without those that mark a deletion."""
    at = 0
    while at + _HEAD.size + _CHECKSUM_BYTES <= len(block):
        length, sequence, _, subject = _HEAD.unpack_from(block, at)
        length &= _LENGTH_MASK
        if length < _HEAD.size + subject + _CHECKSUM_BYTES or at + length > len(block):
            return
        if not sequence & _DELETION:
            yield _Record(at, sequence & ~_ERASED, bool(sequence & _ERASED))
        at += length


def _wrong(records: list[_Record]) -> Iterator[tuple[_Record, int]]:
    """Each record whose sequence differs in one bit from the one that its neighbours leave for it.

    The ends come last: their only neighbour may have been wrong itself.
    """
    known = [record.sequence for record in records]
    for nth in (*range(1, len(records) - 1), *((0, len(records) - 1) if len(records) > 1 else ())):
        record, right = records[nth], _between(known, nth)
        if right is not None and (right ^ record.sequence).bit_count() == 1 and not record.is_erased:
            known[nth] = right
            yield record, right


def _between(known: list[int], nth: int) -> int | None:
    """The sequence that must be the `nth`; None where that cannot be told."""
    if 0 < nth < len(known) - 1:
        return known[nth - 1] + 1 if known[nth + 1] == known[nth - 1] + 2 else None
    right = known[1] - 1 if nth == 0 else known[nth - 1] + 1
    return right if abs(known[nth] - right) >= JUMP_MIN else None
