"""Finding an entry in a published log, and proving that it is there."""

from __future__ import annotations

from ecoklit.core.merkle import leaf_hash
from ecoklit.services.log_check import LogReader, Source
from ecoklit.tlog.checkpoint import Checkpoint, read_checkpoint
from ecoklit.tlog.fault import BAD_TILE, NOT_LOGGED, LogFault
from ecoklit.tlog.note import Note
from ecoklit.tlog.proof import inclusion, is_included
from ecoklit.tlog.proof_file import LogProof
from ecoklit.tlog.tile import WIDTH, row_of


def find(entry: bytes, checkpoint: Checkpoint, reader: LogReader) -> int | None:
    """Where `entry` stands, first, in a tree; None when it is not in it. Raises LogFault bad_tile.

    It is looked for by its hash in all tiles of level 0: 320 MB for ten million entries. So whoever has an event needs
    no index of ours to find it.
    """
    hash = leaf_hash(entry)
    for tile in row_of(checkpoint.size, 0):
        hashes = reader.hashes(tile)
        if hash in hashes:
            return tile.number * WIDTH + hashes.index(hash)
    return None


def proof_of(entry: bytes, notes: list[Note], source: Source) -> LogProof:
    """The proof that `entry` is in a log, under the first of these checkpoints that has it; the entry comes along.

    Raises LogFault not_logged, and bad_tile when the tiles are not those of the checkpoint.
    """
    reader = LogReader(source)
    for note in notes:
        checkpoint = read_checkpoint(note.text)
        number = find(entry, checkpoint, reader)
        if number is None:
            continue
        path = inclusion(number, checkpoint.size, reader.read)
        if not is_included(leaf_hash(entry), number, checkpoint.size, path, checkpoint.root):
            raise LogFault(
                BAD_TILE,
                f"The tiles of {checkpoint.origin} do not lead to its root: have them restored, 'ecoklit log verify' "
                "says which.",
            )
        return LogProof(number, tuple(path), note, entry)
    raise LogFault(NOT_LOGGED, "The log does not have that entry: build it further, or ask for the event's own bytes.")
