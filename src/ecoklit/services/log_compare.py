"""Holding a journal against its log: what is in one and not in the other.

A log cannot be rewritten unnoticed; so whatever was changed in the journal, removed from it or put into it since it was
logged stands out, also where its device signed again.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ecoklit.core.merkle import leaf_hash
from ecoklit.services.log_builder import Read
from ecoklit.services.log_check import LogReader
from ecoklit.tlog.entry import Kind, kind_of
from ecoklit.tlog.tile import ENTRIES, WIDTH, row_of, tile_of

READ_MAX: Final = 5_000


class Compared(NamedTuple):
    """How many messages of the journal are in the log, and how many statements of digests stand beside them; the
    positions of messages that are not in the log, and the numbers of entries that are not in the journal."""

    messages: int
    stated: int
    not_logged: list[int]
    not_held: list[int]


async def compare(read: Read, position: int, size: int, log: LogReader, bundles: LogReader) -> Compared:
    """Everything up to `position`, which is how far the log of `size` entries goes. Memory: some 150 bytes an entry.

    The order is not compared: after a restore it is another one. Each device's order is held by its chain.
    Raises LogFault bad_tile and bad_bundle, JournalError.
    """
    entries = {
        hash: tile.number * WIDTH + at for tile in row_of(size, 0) for at, hash in enumerate(log.hashes(tile))
    }  # of entries that are equal, the last: no journal holds two
    matched, after, not_logged = 0, 0, list[int]()
    while after < position and (messages := await read(after, min(READ_MAX, position - after))):
        for message in messages:
            if entries.pop(leaf_hash(message.payload), None) is None:
                not_logged.append(message.sequence)
            else:
                matched += 1
        after = messages[-1].sequence
    others = sorted(entries.values())
    not_held = [number for number in others if _kind(number, size, bundles) is not Kind.DIGESTS]
    return Compared(matched, len(others) - len(not_held), not_logged, not_held)


def _kind(number: int, size: int, bundles: LogReader) -> Kind:
    bundle = tile_of(size, ENTRIES, number // WIDTH)
    assert bundle is not None
    return kind_of(bundles.entries(bundle)[number % WIDTH])
