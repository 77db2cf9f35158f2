"""A proof as one file that needs nothing else: where an entry stands, the path to the root, and the checkpoint that
the log and its witnesses signed (c2sp.org/tlog-proof)."""

from __future__ import annotations

from base64 import b64decode
from typing import Final, NamedTuple

from ecoklit.core.merkle import leaf_hash
from ecoklit.tlog.checkpoint import read_checkpoint, read_hash, read_number, to_base64
from ecoklit.tlog.fault import BAD_PROOF, NOT_LOGGED, LogFault
from ecoklit.tlog.note import NOTE_BYTES_MAX, Note, read_note
from ecoklit.tlog.policy import Judged, Policy, judge
from ecoklit.tlog.proof import PATH_HASHES_MAX, is_included
from ecoklit.tlog.tile import ENTRY_BYTES_MAX

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
SUFFIX: Final = ".tlog-proof"
PROOF_BYTES_MAX: Final = NOTE_BYTES_MAX + 2 * ENTRY_BYTES_MAX


class LogProof(NamedTuple):
    """The place of an entry in a log. `extra` is the entry itself, where it comes along: it is worth what the path
    makes of it."""

    number: int
    path: tuple[bytes, ...]
    note: Note
    extra: bytes | None = None

    @property
    def written(self) -> bytes:
        extra = [] if self.extra is None else [f"extra {to_base64(self.extra)}"]
        lines = [FIRST_LINE, *extra, f"index {self.number}", *map(to_base64, self.path), "", ""]
        return "\n".join(lines).encode() + self.note.written


def prove(policy: Policy, proof: LogProof, entry: bytes) -> Judged:
    """That `entry` is in a log that the policy takes. Raises LogFault not_logged, and what `judge` raises."""
    judged = judge(policy, proof.note)
    checkpoint = judged.checkpoint
    if not is_included(leaf_hash(entry), proof.number, checkpoint.size, proof.path, checkpoint.root):
        raise LogFault(
            NOT_LOGGED,
            f"The proof does not lead from this entry to the root of {checkpoint.origin} at {checkpoint.size}: "
            "one of the two was changed, or they do not belong together.",
        )
    return judged


def read_proof(data: bytes) -> LogProof:
    """The proof in a file; raises LogFault bad_proof, bad_note or bad_checkpoint."""
    if len(data) > PROOF_BYTES_MAX:
        raise _bad(f"it has {len(data)} bytes, and at most {PROOF_BYTES_MAX} are read")
    head, empty, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise _bad("it is not in ASCII") from None
    if not empty or lines.pop(0) != FIRST_LINE:
        raise _bad(f"its first line is not {FIRST_LINE}")
    extra = _extra(lines.pop(0)) if lines and lines[0].startswith("extra ") else None
    number = read_number(lines.pop(0).removeprefix("index ")) if lines and lines[0].startswith("index ") else None
    if number is None:
        raise _bad("it does not say where the entry stands")
    path = tuple(map(_hash, lines))
    if len(path) > PATH_HASHES_MAX:
        raise _bad(f"its path has more than {PATH_HASHES_MAX} hashes")
    signed = read_note(note)
    read_checkpoint(signed.text)
    return LogProof(number, path, signed, extra)


def _extra(line: str) -> bytes:
    text = line.removeprefix("extra ")
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        raise _bad("what comes along is not base64") from None
    if to_base64(raw) != text:
        raise _bad("what comes along is not base64")
    return raw


def _hash(line: str) -> bytes:
    found = read_hash(line)
    if found is None:
        raise _bad("a line of its path is no hash")
    return found


def _bad(why: str) -> LogFault:
    return LogFault(BAD_PROOF, f"This is no proof of a log, for {why}: ask for it again.")
