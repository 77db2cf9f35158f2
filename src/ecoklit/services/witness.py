"""A witness: it cosigns each tree of a log that continues what it cosigned before, and nothing else.

It answers requests (c2sp.org/tlog-witness), or visits logs by itself. It remembers before it answers, so that no crash
makes it sign both sides of a fork; and of a fork it makes a proof that needs nobody's word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import NamedTuple, Protocol

from ecoklit.core.signing import Key
from ecoklit.services.log_check import CHECKPOINT, LogReader, Source
from ecoklit.tlog.checkpoint import Checkpoint, opened, read_checkpoint
from ecoklit.tlog.fault import BAD_TILE, LogFault
from ecoklit.tlog.history import Seen, record_of, replay
from ecoklit.tlog.note import Note, Signature, VerifierKey, cosign, witness_key
from ecoklit.tlog.proof import is_consistent
from ecoklit.tlog.witness import OTHER_ROOT, SMALLER, Fork, Request, continued, demand_fork, judge_request, read_request


class Memory(Protocol):
    """What a witness remembers. `append` is on the disk when it returns, or raises OSError and changed nothing."""

    def records(self) -> Sequence[bytes]: ...
    def append(self, record: bytes) -> None: ...
    def keep_fork(self, proof: bytes) -> object: ...


class Visited(NamedTuple):
    """A visit: the checkpoint, with our cosignature under it, and how many leaves it had when we last saw it."""

    checkpoint: Checkpoint
    note: Note
    before: int


class Witness:
    """One witness over the logs of these keys. Concurrent calls are safe: one request is judged and kept at a time."""

    def __init__(
        self, name: str, key: Key, logs: Mapping[str, VerifierKey], memory: Memory, clock: Callable[[], float]
    ) -> None:
        """Raises LogFault bad_history when the memory is not what this witness wrote."""
        self._name, self._key, self._logs = name, key, logs
        self._memory, self._clock = memory, clock
        self._lock = Lock()
        self._seen: dict[str, list[Seen]] = {}
        for seen in replay(memory.records(), witness_key(name, key), logs.values()):
            self._seen.setdefault(seen.checkpoint.origin, []).append(seen)

    @property
    def latest(self) -> dict[str, Seen]:
        """What was cosigned last of each log that was ever seen."""
        return {origin: seen[-1] for origin, seen in self._seen.items()}

    def add(self, body: bytes) -> Signature:
        """The cosignature over the checkpoint in a request. Raises LogFault with a code of `tlog.witness.STATUS`, and
        OSError when it could not be remembered: then nothing was cosigned."""
        request = read_request(body)
        origin = read_checkpoint(request.note.text).origin
        with self._lock:
            seen = self.latest.get(origin)
            try:
                checkpoint = judge_request(self._logs.get(origin), None if seen is None else seen.checkpoint, request)
            except LogFault as fault:
                if fault.code == OTHER_ROOT and seen is not None:
                    self._keep_fork(Fork(read_checkpoint(request.note.text).root, (), seen.note, request.note))
                raise
            signature = cosign(request.note.text, self._name, self._key, int(self._clock()))
            taken = request._replace(note=request.note.with_signatures([signature]))
            if seen is None or checkpoint != seen.checkpoint:  # what was seen before is remembered
                self._memory.append(record_of(taken))
                self._seen.setdefault(origin, []).append(Seen(checkpoint, taken.note))
        return signature

    def size_of(self, body: bytes) -> int:
        """How many leaves the log that a request is about had when it was last cosigned here."""
        seen = self.latest.get(read_checkpoint(read_request(body).note.text).origin)
        return 0 if seen is None else seen.checkpoint.size

    def visit(self, key: VerifierKey, source: Source) -> Visited:
        """Cosign what a log shows now, if it continues what was cosigned here.

        Raises LogFault forked_log (the proof is kept), smaller_checkpoint (a stale copy, or one that was turned back),
        bad_tile (the tiles are not those of the checkpoint, so nothing can be said), and as `opened`.
        """
        data = source.fetch(CHECKPOINT)
        if data is None:
            raise LogFault(BAD_TILE, f"{key.name} shows no checkpoint there: mend the address, or try later.")
        checkpoint, note = opened(data, key)
        seen = self._seen.get(key.name, [])
        before = seen[-1].checkpoint.size if seen else 0
        if seen:
            self._demand_continued(seen, Seen(checkpoint, note), LogReader(source))
        path = continued(before, checkpoint.size, LogReader(source).read)[1]
        own = Note(note.text, tuple(filter(key.made, note.signatures)))
        signature = self.add(Request(before, tuple(path), own).written)
        return Visited(checkpoint, note.with_signatures([signature]), before)

    def _demand_continued(self, seen: Sequence[Seen], now: Seen, reader: LogReader) -> None:
        """`now` continues all that was seen. A smaller tree never does, but may still be proved to be a fork."""
        if now.checkpoint.size >= seen[-1].checkpoint.size:
            self._demand_no_fork(seen[-1], now, reader)
            return
        smaller = [one for one in seen if one.checkpoint.size <= now.checkpoint.size][-1:]
        for earlier, later in (*((one, now) for one in smaller), (now, seen[-1])):
            with suppress(_CannotSay):
                self._demand_no_fork(earlier, later, reader)
        raise LogFault(
            SMALLER,
            f"{now.checkpoint.origin} shows {now.checkpoint.size} leaves, and {seen[-1].checkpoint.size} were cosigned "
            "here: it is a stale copy, or the log was turned back.",
        )

    def _demand_no_fork(self, earlier: Seen, later: Seen, reader: LogReader) -> None:
        """Raises LogFault forked_log, once the proof is kept, and bad_tile when the tiles do not tell."""
        old, new = earlier.checkpoint, later.checkpoint
        try:
            root, path = (new.root, []) if old.size == new.size else continued(old.size, new.size, reader.read)
        except LogFault as fault:
            raise _CannotSay(fault.code, fault.message) from None
        if not is_consistent(old.size, root, new.size, new.root, path):
            raise _CannotSay(
                BAD_TILE,
                f"The tiles of {new.origin} are not those of its checkpoint: have them restored, then visit again.",
            )
        if root != old.root:
            self._keep_fork(Fork(root, tuple(path), earlier.note, later.note))
            raise LogFault(
                OTHER_ROOT,
                f"{new.origin} is forked: it signed a tree of {old.size} leaves that its tree of {new.size} does not "
                "continue. The proof is kept; show it to whoever relies on the log.",
            )

    def _keep_fork(self, fork: Fork) -> None:
        demand_fork(fork, self._logs[read_checkpoint(fork.later.text).origin])
        self._memory.keep_fork(fork.written)


class _CannotSay(LogFault):
    """The tiles that are shown do not tell whether one tree continues the other."""
