"""What a witness is asked, when it says no, and how a fork of a log is proved (c2sp.org/tlog-witness)."""

from __future__ import annotations

from typing import Final, NamedTuple

from ecoklit.core.merkle import EMPTY_HEAD
from ecoklit.tlog.checkpoint import Checkpoint, opened, read_checkpoint, read_hash, read_number, to_base64
from ecoklit.tlog.fault import BAD_PROOF, BAD_REQUEST, LogFault
from ecoklit.tlog.note import NOTE_BYTES_MAX, Note, VerifierKey, read_note, verified
from ecoklit.tlog.proof import PATH_HASHES_MAX, consistency, is_consistent
from ecoklit.tlog.tree import ReadTile, Tree

REQUEST_BYTES_MAX: Final = NOTE_BYTES_MAX + 8 * 1024
FORK_LINE: Final = "ecoklit-log-fork-v1"

UNKNOWN_ORIGIN: Final = "unknown_origin"
NOT_SIGNED: Final = "not_signed"
SMALLER: Final = "smaller_checkpoint"
OTHER_SIZE: Final = "other_size"
OTHER_ROOT: Final = "forked_log"
NOT_CONSISTENT: Final = "not_consistent"

STATUS: Final = {
    BAD_REQUEST: 400,
    SMALLER: 400,
    NOT_SIGNED: 403,
    UNKNOWN_ORIGIN: 404,
    OTHER_SIZE: 409,
    OTHER_ROOT: 409,
    NOT_CONSISTENT: 422,
}
"""The HTTP status of each refusal."""


class Request(NamedTuple):
    """add-checkpoint: a checkpoint, and what shows that it continues the one of `old` leaves."""

    old: int
    path: tuple[bytes, ...]
    note: Note

    @property
    def written(self) -> bytes:
        return "\n".join([f"old {self.old}", *map(to_base64, self.path), "", ""]).encode() + self.note.written


def read_request(data: bytes) -> Request:
    """The request in a body; raises LogFault bad_request."""
    if len(data) > REQUEST_BYTES_MAX:
        raise _bad(f"it has {len(data)} bytes, and at most {REQUEST_BYTES_MAX} are read")
    head, empty, rest = data.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
        note = read_note(rest)
        read_checkpoint(note.text)
    except UnicodeDecodeError:
        raise _bad("its first lines are not in ASCII") from None
    except LogFault as fault:
        raise _bad(fault.message.rstrip(".")) from None
    old = read_number(first.removeprefix("old ")) if first.startswith("old ") else None
    if not empty or old is None:
        raise _bad("it does not begin with the old size")
    path = [hash for hash in map(read_hash, lines) if hash is not None]
    if len(path) != len(lines) or len(path) > PATH_HASHES_MAX:
        raise _bad(f"its proof is not at most {PATH_HASHES_MAX} lines of one hash")
    return Request(old, tuple(path), note)


def judge_request(key: VerifierKey | None, latest: Checkpoint | None, request: Request) -> Checkpoint:
    """The checkpoint, if a witness that saw `latest` last may cosign it. `key` is that of the log that it names.

    Raises LogFault unknown_origin, not_signed, smaller_checkpoint, other_size, forked_log, not_consistent, in the order
    in which tlog-witness has them.
    """
    checkpoint = read_checkpoint(request.note.text)
    if key is None or key.name != checkpoint.origin:
        raise LogFault(UNKNOWN_ORIGIN, f"This witness knows no log {checkpoint.origin}: its policy must name it first.")
    try:
        verified(request.note, [key])
    except LogFault as fault:
        raise LogFault(NOT_SIGNED, fault.message) from None
    size = 0 if latest is None else latest.size
    if request.old > checkpoint.size:
        raise LogFault(SMALLER, f"A checkpoint of {checkpoint.size} leaves cannot continue one of {request.old}.")
    if request.old != size:
        raise LogFault(OTHER_SIZE, f"The last checkpoint that was cosigned here has {size} leaves: prove from there.")
    if latest is not None and checkpoint.size == size and checkpoint.root != latest.root:
        raise LogFault(
            OTHER_ROOT, f"{checkpoint.origin} signed two trees of {size} leaves: it is forked. Keep both checkpoints."
        )
    old_root = EMPTY_HEAD if latest is None else latest.root
    if not is_consistent(size, old_root, checkpoint.size, checkpoint.root, request.path):
        raise LogFault(
            NOT_CONSISTENT,
            f"The proof does not lead from the {size} leaves that were cosigned here to this tree of "
            f"{checkpoint.size}: the proof is wrong, or {checkpoint.origin} is forked.",
        )
    return checkpoint


def _bad(why: str) -> LogFault:
    return LogFault(BAD_REQUEST, f"This is no request to a witness, for {why}: send it as c2sp.org/tlog-witness says.")


# --- a fork ----------------------------------------------------------------------------------------------------------


class Fork(NamedTuple):
    """That a log signed two trees of which neither continues the other.

    `root` is what the later tree has at the size of the earlier, as `path` shows; the log signed another one there.
    Whoever knows the log's key needs nothing else, and no word of whoever found it.
    """

    root: bytes
    path: tuple[bytes, ...]
    earlier: Note
    later: Note

    @property
    def written(self) -> bytes:
        lines = [FORK_LINE, to_base64(self.root), *map(to_base64, self.path), "", ""]
        return "\n".join(lines).encode() + self.earlier.written + b"\n" + self.later.written


def continued(old: int, size: int, read: ReadTile) -> tuple[bytes, list[bytes]]:
    """What the tree of `size` leaves had for its root at `old`, and what shows that. True if the tree's own root is."""
    return Tree(size, read).head(0, old), consistency(old, size, read)


def read_fork(data: bytes) -> Fork:
    """The proof in a file; raises LogFault bad_proof or bad_note."""
    parts = data.split(b"\n\n")
    if len(parts) != 5:
        raise _no_fork("it has not the five parts")
    first, *lines = parts[0].decode("ascii", "replace").split("\n")
    hashes = [hash for hash in map(read_hash, lines) if hash is not None]
    if first != FORK_LINE or not hashes or len(hashes) != len(lines):
        raise _no_fork("its first lines are others")
    earlier, later = (read_note(text + b"\n\n" + lines) for text, lines in ((parts[1], parts[2] + b"\n"), parts[3:]))
    return Fork(hashes[0], tuple(hashes[1:]), earlier, later)


def demand_fork(fork: Fork, key: VerifierKey) -> tuple[Checkpoint, Checkpoint]:
    """The two trees, when the proof holds against the log of this key. Raises LogFault bad_proof, and as `opened`."""
    (earlier, _), (later, _) = opened(fork.earlier.written, key), opened(fork.later.written, key)
    if fork.root == earlier.root:
        raise _no_fork("the later tree begins with the earlier")
    if not is_consistent(earlier.size, fork.root, later.size, later.root, fork.path):
        raise _no_fork("it does not show what the later tree had there")
    return earlier, later


def _no_fork(why: str) -> LogFault:
    return LogFault(BAD_PROOF, f"This proves no fork of a log, for {why}.")


def same_size_fork(earlier: Note, later: Note) -> Fork:
    """The proof that two signed trees of one size are."""
    return Fork(read_checkpoint(later.text).root, (), earlier, later)
