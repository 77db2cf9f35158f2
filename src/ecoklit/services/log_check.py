"""Checking a whole published log, byte by byte, and saying where it is not what its checkpoint says.

The root in a signed checkpoint makes the tiles of the right edge true, or not; those make the tiles below them true,
and the leaf hashes the entries. So it can be said which file is at fault, as long as the edge holds; where it does not,
what lies below decides whether an edge tile or the checkpoint is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from ecoklit.core.merkle import leaf_hash, tree_head
from ecoklit.tlog.checkpoint import Checkpoint
from ecoklit.tlog.fault import LogFault
from ecoklit.tlog.tile import (
    ENTRIES,
    WIDTH,
    Tile,
    edge_of,
    entries_in,
    hashes_in,
    levels_of,
    part_of,
    row_of,
    tile_at,
    tile_of,
)
from ecoklit.tlog.tree import Edge

CHECKPOINT: Final = "checkpoint"
FAULTS_MAX: Final = 1_000


class Source(Protocol):
    """Files of a log by their path; None for what is not there."""

    def fetch(self, path: str) -> bytes | None: ...

    def paths(self) -> Iterator[str]:
        """Every path below `tile/`, where that can be known."""
        ...


class LogError(NamedTuple):
    """One thing that is wrong: in which file, at which hash or entry of it (None: as a whole), and why."""

    path: str
    number: int | None
    why: str


class LogReader:
    """The tiles of a source; of a tile that is a part, the whole one will do."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, tile: Tile) -> bytes:
        """Raises LogFault bad_tile when neither is there."""
        for there in dict.fromkeys((tile, tile.whole)):
            data = self._source.fetch(there.path)
            if data is not None:
                return data if there == tile else part_of(tile, data)
        raise LogFault("bad_tile", f"{tile.path} is not there: ask whoever publishes the log for it.")

    def hashes(self, tile: Tile) -> list[bytes]:
        return hashes_in(tile, self.read(tile))

    def entries(self, bundle: Tile) -> list[bytes]:
        return entries_in(bundle, self.read(bundle))


def check_tree(checkpoint: Checkpoint, source: Source, bundles: Source | None = None) -> list[LogError]:
    """All that is wrong with the tiles of a log against its checkpoint; with `bundles`, with its entries too.

    At most FAULTS_MAX are told. Memory does not grow with the log.
    """
    check = _Check(checkpoint, LogReader(source), None if bundles is None else LogReader(bundles))
    for step in (check.edge, check.levels, check.left_over):
        step(source, bundles)
        if len(check.errors) >= FAULTS_MAX:
            break
    return check.errors[:FAULTS_MAX]


class _Check:
    def __init__(self, checkpoint: Checkpoint, tiles: LogReader, bundles: LogReader | None) -> None:
        self.errors: list[LogError] = []
        self._checkpoint, self._tiles, self._bundles = checkpoint, tiles, bundles
        self._false: set[tuple[int, int]] = set()  # tiles that are known to be wrong, by level and number
        self._edge: dict[Tile, list[bytes]] = {}

    # --- the right edge ------------------------------------------------------------------------------------------

    def edge(self, *_: object) -> None:
        """Whether the edge has the root; if not, whether what lies below it has, which tells who is wrong."""
        size, root = self._checkpoint.size, self._checkpoint.root
        for tile in edge_of(size):
            hashes = self._hashes(tile)
            if hashes is None:
                self._false.add((tile.level, tile.number))
            else:
                self._edge[tile] = hashes
        if self._false or _head(size, self._edge) == root:
            return
        below = {tile: self._from_below(tile, hashes) for tile, hashes in self._edge.items()}
        if _head(size, below) == root:
            for tile, hashes in below.items():
                self._differences(tile, self._edge[tile], hashes, "it is not what the checkpoint's root commits to")
                self._edge[tile] = hashes
            return
        lowest = next(iter(self._edge))  # those above it are as the tiles below them say, and the root is signed
        self._error(lowest.path, None, f"with it, the tree of {size} leaves has not the checkpoint's root")

    def _from_below(self, tile: Tile, hashes: list[bytes]) -> list[bytes]:
        """The hashes that a tile of the edge should have by what is below it, as far as that can be read."""
        found = list(hashes)
        for at in range(len(hashes)) if tile.level else ():
            under = self._quietly(Tile(tile.level - 1, tile.number * WIDTH + at))
            found[at] = tree_head(under) if under is not None else hashes[at]
        if tile.level == 0 and self._bundles is not None:
            try:
                entries = self._bundles.entries(tile._replace(level=ENTRIES))
            except LogFault:
                return found
            found = [leaf_hash(entry) for entry in entries]
        return found

    # --- what lies below -------------------------------------------------------------------------------------------

    def levels(self, *_: object) -> None:
        """Each tile against its parent, from the top down; and each bundle against its tile."""
        size = self._checkpoint.size
        for level in reversed(levels_of(size)):
            for tile in row_of(size, level):
                if len(self.errors) >= FAULTS_MAX:
                    return
                hashes = self._edge.get(tile) if tile in self._edge else self._hashes(tile)
                if tile.is_full and hashes is not None:
                    self._against_parent(tile, hashes)
                if level == 0 and self._bundles is not None and hashes is not None:
                    self._against_entries(tile, hashes)

    def _against_parent(self, tile: Tile, hashes: list[bytes]) -> None:
        parent = self._parent(tile)
        if parent is None or tree_head(hashes) == parent:
            return
        self._false.add((tile.level, tile.number))
        if tile.level == 0 and self._bundles is not None and self._parent_of_entries(tile) == parent:
            return  # the bundle has what the tree commits to: `_against_entries` names the hashes that differ
        above = Tile(tile.level + 1, tile.number // WIDTH)
        blamed = "" if (above.level, above.number) not in self._false else f" (or {above.path} is wrong)"
        self._error(tile.path, None, f"the tree does not commit to it{blamed}")

    def _parent(self, tile: Tile) -> bytes | None:
        """The hash that the level above has for a tile; None when that cannot be read, which was told."""
        above = tile_of(self._checkpoint.size, tile.level + 1, tile.number // WIDTH)
        assert above is not None  # of a full tile
        hashes = self._edge.get(above) or self._quietly(above)
        return None if hashes is None else hashes[tile.number % WIDTH]

    def _parent_of_entries(self, tile: Tile) -> bytes | None:
        assert self._bundles is not None
        try:
            return tree_head([leaf_hash(entry) for entry in self._bundles.entries(tile._replace(level=ENTRIES))])
        except LogFault:
            return None

    def _against_entries(self, tile: Tile, hashes: list[bytes]) -> None:
        assert self._bundles is not None
        bundle = tile._replace(level=ENTRIES)
        try:
            leaves = [leaf_hash(entry) for entry in self._bundles.entries(bundle)]
        except LogFault as fault:
            self._error(bundle.path, None, fault.message)
            return
        is_tile_wrong = (tile.level, tile.number) in self._false
        path = tile.path if is_tile_wrong else bundle.path
        for number, (leaf, hash) in enumerate(zip(leaves, hashes, strict=True)):
            if leaf != hash:
                self._error(path, number, "entry and leaf hash differ")

    # --- files that no tree has --------------------------------------------------------------------------------------

    def left_over(self, source: Source, bundles: Source | None) -> None:
        """Parts of tiles may stay, if they are parts; nothing else may lie there."""
        for there, reader in ((source, self._tiles), (bundles, self._bundles)):
            if there is None or reader is None:
                continue
            for path in there.paths():
                self._left_over(path, there, reader)

    def _left_over(self, path: str, source: Source, reader: LogReader) -> None:
        tile = tile_at(path)
        if tile is None:
            self._error(path, None, "no tile of a log lies there")
            return
        now = tile_of(self._checkpoint.size, tile.level, tile.number)
        if now is None or tile.width > now.width:
            return  # of a step that a crash cut off, or newer than the checkpoint
        if tile == now:
            return
        part = source.fetch(path)
        try:
            fits = part is not None and reader.read(now).startswith(part) and bool(_items(tile, part))
        except LogFault:
            fits = False
        if not fits:
            self._error(path, None, f"it is no part of {now.path}")

    # --- telling -----------------------------------------------------------------------------------------------------

    def _hashes(self, tile: Tile) -> list[bytes] | None:
        try:
            return self._tiles.hashes(tile)
        except LogFault as fault:
            self._error(tile.path, None, fault.message)
            return None

    def _quietly(self, tile: Tile) -> list[bytes] | None:
        try:
            return self._tiles.hashes(tile)
        except LogFault:
            return None

    def _differences(self, tile: Tile, found: Sequence[bytes], wanted: Sequence[bytes], why: str) -> None:
        for number, (there, right) in enumerate(zip(found, wanted, strict=True)):
            if there != right:
                self._error(tile.path, number, why)

    def _error(self, path: str, number: int | None, why: str) -> None:
        self.errors.append(LogError(path, number, why))


def _items(tile: Tile, data: bytes) -> list[bytes]:
    """The hashes of a tile, or the entries of a bundle. Raises LogFault."""
    return entries_in(tile, data) if tile.level == ENTRIES else hashes_in(tile, data)


def _head(size: int, tiles: dict[Tile, list[bytes]]) -> bytes:
    rows: list[Sequence[bytes]] = [() for _ in levels_of(size)]
    for tile, hashes in tiles.items():
        rows[tile.level] = hashes
    return Edge(size, rows).head
