"""Checkpoints: what a log says of its tree, in three lines that it signs (c2sp.org/tlog-checkpoint)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import NamedTuple

from ecoklit.core.ids import HASH_BYTES
from ecoklit.core.signing import Key
from ecoklit.tlog.fault import BAD_CHECKPOINT, LogFault
from ecoklit.tlog.note import Note, VerifierKey, read_note, sign, verified
from ecoklit.tlog.tile import SIZE_MAX

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}").fullmatch


class Checkpoint(NamedTuple):
    """A log's tree: which log, how many leaves, and the root hash. `extensions` are lines that nobody here reads."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in (self.origin, self.size, to_base64(self.root), *self.extensions))

    def signed(self, key: Key) -> Note:
        """As the log publishes it, whose name is its origin."""
        return Note(self.text, (sign(self.text, self.origin, key),))


def read_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that a note's text is; raises LogFault bad_checkpoint."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise _bad("it has not three lines")
    origin, size, root, *extensions = lines[:-1]
    number = read_number(size)
    if number is None:
        raise _bad("its second line is no number of leaves")
    hash = read_hash(root)
    if hash is None:
        raise _bad("its third line is no root hash")
    return Checkpoint(origin, number, hash, tuple(extensions))


def opened(data: bytes, key: VerifierKey) -> tuple[Checkpoint, Note]:
    """The checkpoint in these bytes, signed by this key of its log. Raises LogFault bad_note, unsigned_note, and
    bad_checkpoint when it is another log's."""
    note = read_note(data)
    verified(note, [key])
    checkpoint = read_checkpoint(note.text)
    if checkpoint.origin != key.name:
        raise _bad(f"it is one of {checkpoint.origin}, and the key that of {key.name}")
    return checkpoint, note


def _bad(why: str) -> LogFault:
    return LogFault(BAD_CHECKPOINT, f"This is no checkpoint to go by, for {why}: fetch it from its own log.")


# --- as numbers and hashes are written -------------------------------------------------------------------------------


def read_number(text: str) -> int | None:
    """A number of leaves in decimal, without leading zeros; None for anything else."""
    return int(text) if _NUMBER(text) and int(text) <= SIZE_MAX else None


def to_base64(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")


def read_hash(text: str) -> bytes | None:
    """32 bytes in base64, written in the only way; None for anything else."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if len(raw) == HASH_BYTES and to_base64(raw) == text else None
