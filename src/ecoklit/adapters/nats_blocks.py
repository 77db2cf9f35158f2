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
_FLAGS: Final = 3 << 62  # erased, deleted: those records say nothing of the order
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


def put_right(store: Path) -> list[Mended]:
    """Put right the sequences in all blocks of a store that no broker uses; what was done is on disk on return."""
    return [
        mended
        for folder in sorted(store.glob("**/msgs"))
        for file in sorted(folder.glob("*.blk"))
        for mended in _mended(file)
    ]


def _mended(file: Path) -> list[Mended]:
    found = [Mended(file, right, record.sequence) for record, right in _wrong(list(_records(file.read_bytes())))]
    if not found:
        return []
    with file.open("r+b") as there:
        for record, right in _wrong(list(_records(file.read_bytes()))):
            there.seek(record.at + _LENGTH_BYTES)
            there.write(_SEQUENCE.pack(right))
        there.flush()
        os.fsync(there.fileno())
    return found


def _records(block: bytes) -> Iterator[_Record]:
    """The records as far as their lengths lead; those that are erased or mark a deletion are left out."""
    at = 0
    while at + _HEAD.size + _CHECKSUM_BYTES <= len(block):
        length, sequence, _, subject = _HEAD.unpack_from(block, at)
        length &= _LENGTH_MASK
        if length < _HEAD.size + subject + _CHECKSUM_BYTES or at + length > len(block):
            return
        if not sequence & _FLAGS:
            yield _Record(at, sequence)
        at += length


def _wrong(records: list[_Record]) -> Iterator[tuple[_Record, int]]:
    """Each record whose sequence differs in one bit from the one that stands between its neighbours'."""
    for nth, record in enumerate(records):
        before = records[nth - 1].sequence if nth else None
        after = records[nth + 1].sequence if nth + 1 < len(records) else None
        right = _between(before, after)
        if right is not None and right != record.sequence and (right ^ record.sequence).bit_count() == 1:
            yield record, right


def _between(before: int | None, after: int | None) -> int | None:
    """What stands between these two; beside one of them where it is the block's first or last."""
    if before is None:
        return None if after is None else after - 1
    if after is None or after == before + 2:
        return before + 1
    return None
