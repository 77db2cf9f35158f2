"""A transparency log: the tree over a journal, as files (c2sp.org/tlog-tiles)."""

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from ecoklit.tlog.tile import Tile


class LogState(msgspec.Struct, frozen=True):
    """How far a log is: its leaves; the stream sequence up to which the journal is in it, with the SHA-256 of what
    stands there (hex, "" before the first); and its checkpoint, as signed. `digested` is the last position of the
    events whose digests it states. `known` says, while a journal that was made anew is read, among how many leaves of
    the log a message may be already."""

    size: int
    position: int
    hash: str
    digested: int
    note: str
    known: int = 0


@runtime_checkable
class LogStore(Protocol):
    """What a log is kept in. One writer at a time; readers of what is published need no lock.

    Crash-safe: after a crash at any moment the store is at the last `commit` that returned, or at the one that was
    under way; tiles of no commit are as if they had never been written.
    """

    def state(self) -> LogState | None: ...

    def read(self, tile: Tile) -> bytes:
        """The bytes of a tile or bundle of the committed tree, or of the full one that it is a part of."""
        ...

    def recover(self) -> None:
        """Throw away what was written and not committed, and publish what was committed."""
        ...

    def write(self, tiles: Sequence[tuple[Tile, bytes]]) -> None:
        """Keep tiles and bundles; durable on return. What is not committed next is thrown away by `recover`."""
        ...

    def commit(self, state: LogState, full: Iterable[Tile]) -> None:
        """Make `state` the log's and publish its checkpoint; durable on return. Parts of `full` tiles may go."""
        ...
