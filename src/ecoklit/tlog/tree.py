"""The tree of a log: how it grows at its right edge, and what its tiles say about any part of it (RFC 6962 §2.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import NamedTuple

from ecoklit.core.merkle import EMPTY_HEAD, node_hash, tree_head
from ecoklit.tlog.tile import HEIGHT, WIDTH, Tile, edge_of, hashes_in, levels_of

ReadTile = Callable[[Tile], bytes]
"""Gives the bytes of a tile (of a part that is gone, `tile.part_of` the whole). It may raise whatever it likes."""


class Grown(NamedTuple):
    """A tree after new leaves: its edge, and the tiles that are new, full ones and those that end a level."""

    edge: Edge
    tiles: list[tuple[Tile, bytes]]


class Edge:
    """What of a tree is needed to go on: its size, and of each level the hashes that fill no tile yet."""

    __slots__ = ("rows", "size")

    def __init__(self, size: int = 0, rows: Sequence[Sequence[bytes]] = ()) -> None:
        self.size = size
        self.rows = tuple(tuple(row) for row in rows)

    def grown(self, leaf_hashes: Sequence[bytes]) -> Grown:
        """The tree with these leaves added."""
        tiles: list[tuple[Tile, bytes]] = []
        rows: list[Sequence[bytes]] = []
        arrived: Sequence[bytes] = leaf_hashes
        for level in range(max(len(self.rows), len(levels_of(self.size + len(leaf_hashes))))):
            row = [*(self.rows[level] if level < len(self.rows) else ()), *arrived]
            index, above = self.size >> (HEIGHT * (level + 1)), []
            while len(row) >= WIDTH:
                full, row = row[:WIDTH], row[WIDTH:]
                tiles.append((Tile(level, index), b"".join(full)))
                above.append(tree_head(full))
                index += 1
            if row and arrived:
                tiles.append((Tile(level, index, len(row)), b"".join(row)))
            rows.append(row)
            arrived = above
        return Grown(Edge(self.size + len(leaf_hashes), rows), tiles)

    @property
    def head(self) -> bytes:
        """The root hash."""
        subtrees: list[bytes] = []  # the perfect ones that the tree falls into, the largest first
        for row in reversed(self.rows):
            start = 0
            for height in reversed(range(HEIGHT)):
                if len(row) >> height & 1:
                    subtrees.append(tree_head(row[start : start + (1 << height)]))
                    start += 1 << height
        return _joined(subtrees)


def edge_from(size: int, read: ReadTile) -> Edge:
    """The edge of a tree of `size` leaves, from its tiles. Raises LogFault bad_tile, and what `read` raises."""
    rows: list[Sequence[bytes]] = [() for _ in levels_of(size)]
    for tile in edge_of(size):
        rows[tile.level] = hashes_in(tile, read(tile))
    return Edge(size, rows)


class Tree:
    """A tree of `size` leaves, as its tiles give it; each is read once. What they say is true if the root is."""

    def __init__(self, size: int, read: ReadTile) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[Tile, list[bytes]] = {}

    def leaf(self, index: int) -> bytes:
        """The leaf hash at `index`."""
        return self._subtree(0, index)

    def head(self, start: int, end: int) -> bytes:
        """MTH(D[start:end]) of a range that RFC 6962 makes a node of. Raises LogFault bad_tile."""
        subtrees = []
        while start < end:
            height = (end - start).bit_length() - 1
            subtrees.append(self._subtree(height, start >> height))
            start += 1 << height
        return _joined(subtrees)

    def heads(self, ranges: Iterable[tuple[int, int]]) -> list[bytes]:
        return [self.head(start, end) for start, end in ranges]

    def _subtree(self, height: int, index: int) -> bytes:
        """The head over the 2^height leaves from index · 2^height on."""
        level, inner = divmod(height, HEIGHT)
        first = index << inner
        row = self._row(level, first // WIDTH)
        return tree_head(row[first % WIDTH : first % WIDTH + (1 << inner)])

    def _row(self, level: int, index: int) -> list[bytes]:
        hashes = self.size >> (HEIGHT * level)
        tile = Tile(level, index, min(WIDTH, hashes - index * WIDTH))
        if tile not in self._tiles:
            self._tiles[tile] = hashes_in(tile, self._read(tile))
        return self._tiles[tile]


def _joined(subtrees: Sequence[bytes]) -> bytes:
    """The head over perfect subtrees, the largest first."""
    if not subtrees:
        return EMPTY_HEAD
    return reduce(lambda right, left: node_hash(left, right), reversed(subtrees))
