"""Building a transparency log from a journal: read what is new, put it into the tree, sign what the tree is now.

Entries are the journal's own bytes, in its order, so that whoever has both can compare them; between them stand the
digests of the roll (`tlog.entry`). A step is all or nothing, and two steps are at least a second apart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from ecoklit.core.ids import sha256
from ecoklit.core.merkle import leaf_hash
from ecoklit.core.signing import Key
from ecoklit.errors import EcoklitError
from ecoklit.ports import LogState, LogStore
from ecoklit.tlog.checkpoint import Checkpoint, opened
from ecoklit.tlog.entry import digests_entry
from ecoklit.tlog.note import log_key
from ecoklit.tlog.tile import ENTRIES, WIDTH, Tile, bundled, entries_in, hashes_in, row_of, tile_of
from ecoklit.tlog.tree import Edge, edge_from

READ_MAX: Final = 5_000
STEP_ENTRIES_MAX: Final = 50_000
"""Entries of one step: some 30 MB, and as many as a step of a second can take."""
STEP_SECONDS_MIN: Final = 1.0


class Message(Protocol):
    """What both journals give: a place in the stream, and the bytes that stand there."""

    @property
    def sequence(self) -> int: ...
    @property
    def payload(self) -> bytes: ...


Read = Callable[[int, int], Awaitable[Sequence[Message]]]
"""(after, limit) → the next messages of a stream, as `Journal.read_events` and `RegistryJournal.read`."""


class Rolled(NamedTuple):
    """The roll's digests by code, and the position that they are of: stream → sequence; `events` is that of the
    events."""

    events: int
    position: Mapping[str, int]
    digests: Mapping[str, bytes]


class Stepped(NamedTuple):
    """A step: how many entries it added, and the checkpoint."""

    entries: int
    checkpoint: Checkpoint


class LogBuilder:
    """One log, of the election's regency, whose name is `origin`, from what `read` gives. `store` is held by us."""

    def __init__(self, store: LogStore, origin: str, key: Key, read: Read, *, election: str, regency: str) -> None:
        self._store = store
        self._origin = origin
        self._key = key
        self._read = read
        self._election, self._regency = election, regency
        self._edge = Edge()
        self._tail: list[bytes] = []  # the entries of the bundle that is not full
        self._state = LogState(0, 0, "", 0, "")
        self._is_open = False
        self._known: set[bytes] = set()  # leaf hashes, after the journal was made anew

    async def open(self, *, is_restored: bool = False) -> LogState:
        """Take the log up where it was left.

        Raises LogFolderFault log_damaged, LogFault bad_tile, unsigned_note or bad_checkpoint when it is not what it
        was; EcoklitError log_out_of_step when the journal is another one at the log's position. With `is_restored`
        the journal is known to have been made anew: it is read from its beginning, and what the log has is not logged
        again.
        """
        self._store.recover()
        state = self._store.state()
        if state is not None:
            await self._take_up(state, is_restored)
        self._is_open = True
        return self._state

    async def _take_up(self, state: LogState, is_restored: bool) -> None:
        checkpoint, _ = opened(state.note.encode(), log_key(self._origin, self._key))
        self._edge = edge_from(state.size, self._store.read)
        if (state.size, self._edge.head) != (checkpoint.size, checkpoint.root):
            raise EcoklitError(
                "log_damaged",
                f"The tiles of {self._origin} are not those of its checkpoint of {checkpoint.size} leaves: restore the "
                "folder from a copy; nothing was signed.",
            )
        bundle = tile_of(state.size, ENTRIES, state.size // WIDTH)
        self._tail = [] if bundle is None else entries_in(bundle, self._store.read(bundle))
        self._state = state
        if is_restored:
            self._state = LogState(state.size, 0, "", 0, state.note, state.size)
        else:
            await self._demand_same_journal()
        self._known = self._leaves(self._state.known)

    def _leaves(self, count: int) -> set[bytes]:
        """The first `count` leaf hashes."""
        tiles = row_of(count, 0)
        return {hash for tile in tiles for hash in hashes_in(tile, self._store.read(tile))}

    async def _demand_same_journal(self) -> None:
        if self._state.position == 0:
            return
        there = await self._read(self._state.position - 1, 1)
        if not there or sha256(there[0].payload).hex() != self._state.hash:
            raise EcoklitError(
                "log_out_of_step",
                f"At position {self._state.position} the journal is not what {self._origin} logged: if it was restored "
                "or mended say --journal-restored, else find out who changed it before anything is signed.",
            )

    async def step(self, rolled: Rolled | None = None) -> Stepped | None:
        """Log what the journal has now, up to a bound, then these digests; None when there was nothing new.

        Raises JournalError, and OSError when the disk fails: then the step is there whole or not at all, and the next
        one takes the log up from what is there.
        """
        if not self._is_open:
            await self.open()
        entries, position, hash, known = await self._fresh()
        digested = self._state.digested
        if rolled is not None and digested < rolled.events <= position:
            entries.append(digests_entry(self._election, self._regency, rolled.position, rolled.digests))
            digested = rolled.events
        if not entries and self._state.note:
            if position > self._state.position:  # read, and known already
                self._state = LogState(self._state.size, position, hash, digested, self._state.note, known)
                self._store.commit(self._state, ())
            return None
        edge, tiles = self._edge.grown([leaf_hash(entry) for entry in entries])
        tail, bundles = _bundles(self._edge.size, self._tail, entries)
        checkpoint = Checkpoint(self._origin, edge.size, edge.head)
        state = LogState(edge.size, position, hash, digested, checkpoint.signed(self._key).written.decode(), known)
        self._is_open = False  # until all of it went well
        self._store.write([*bundles, *tiles])
        self._store.commit(state, [tile for tile, _ in (*bundles, *tiles) if tile.is_full])
        self._edge, self._tail, self._state, self._is_open = edge, tail, state, True
        return Stepped(len(entries), checkpoint)

    async def _fresh(self) -> tuple[list[bytes], int, str, int]:
        """What the journal has beyond the log, with the position and hash of its last; and how many leaves the next
        message may be among: none, once a journal that was made anew has been read to its end."""
        entries: list[bytes] = []
        position, hash = self._state.position, self._state.hash
        while len(entries) < STEP_ENTRIES_MAX:
            messages = await self._read(position, min(READ_MAX, STEP_ENTRIES_MAX - len(entries)))
            if not messages:
                self._known = set()
                return entries, position, hash, 0
            entries += [
                message.payload
                for message in messages
                if not self._known or leaf_hash(message.payload) not in self._known
            ]
            position, hash = messages[-1].sequence, sha256(messages[-1].payload).hex()
        return entries, position, hash, self._state.known


def _bundles(
    size: int, tail: Sequence[bytes], entries: Sequence[bytes]
) -> tuple[list[bytes], list[tuple[Tile, bytes]]]:
    """The bundles that `entries` fill or begin after `size` others, of which `tail` fill none; and the new tail."""
    rest, number, bundles = [*tail, *entries], size // WIDTH, []
    while len(rest) >= WIDTH:
        bundles.append((Tile(ENTRIES, number), bundled(rest[:WIDTH])))
        rest, number = rest[WIDTH:], number + 1
    if rest and entries:
        bundles.append((Tile(ENTRIES, number, len(rest)), bundled(rest)))
    return rest, bundles
