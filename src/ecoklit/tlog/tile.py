"""Tiles and entry bundles: which ones a tree has, where they lie, and how they are read (c2sp.org/tlog-tiles)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ecoklit.core.ids import HASH_BYTES
from ecoklit.tlog.fault import BAD_BUNDLE, BAD_TILE, LogFault

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
LEVEL_MAX: Final = 63
ENTRIES: Final = -1
"""The level of an entry bundle, which lies beside the tiles of level 0 and holds what their hashes are of."""
ENTRY_BYTES_MAX: Final = 0xFFFF
SIZE_MAX: Final = 2**63 - 1

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
).fullmatch


class Tile(NamedTuple):
    """`width` consecutive hashes of one level, the `number`-th such row; only the last one of a level is not full."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def is_full(self) -> bool:
        return self.width == WIDTH

    @property
    def whole(self) -> Tile:
        """The full tile that this one will once be."""
        return self._replace(width=WIDTH)

    @property
    def path(self) -> str:
        level = "entries" if self.level == ENTRIES else str(self.level)
        groups, rest = [f"{self.number % 1000:03}"], self.number // 1000
        while rest:
            groups.append(f"x{rest % 1000:03}")
            rest //= 1000
        return f"tile/{level}/{'/'.join(reversed(groups))}" + ("" if self.is_full else f".p/{self.width}")


def tile_at(path: str) -> Tile | None:
    """The tile or bundle that lies at `path` and nowhere else; None for any other path."""
    found = _PATH(path)
    if found is None:
        return None
    level = ENTRIES if found["level"] == "entries" else int(found["level"])
    index = int(found["index"].replace("x", "").replace("/", ""))
    tile = Tile(level, index, int(found["width"] or WIDTH))
    return tile if level <= LEVEL_MAX and tile.width <= WIDTH and tile.path == path else None


def row_of(size: int, level: int) -> Iterator[Tile]:
    """The tiles of one level (or the bundles) in a tree of `size` leaves, in order."""
    hashes = size >> (HEIGHT * max(level, 0))
    for index in range(hashes // WIDTH):
        yield Tile(level, index)
    if hashes % WIDTH:
        yield Tile(level, hashes // WIDTH, hashes % WIDTH)


def tile_of(size: int, level: int, number: int) -> Tile | None:
    """The tile (or bundle) of that level and number in a tree of `size` leaves; None when it has none."""
    width = min(WIDTH, (size >> (HEIGHT * max(level, 0))) - number * WIDTH)
    return Tile(level, number, width) if width > 0 else None


def levels_of(size: int) -> range:
    """The levels in which a tree of `size` leaves has tiles."""
    return range((max(size, 1).bit_length() - 1) // HEIGHT + (size > 0))


def edge_of(size: int) -> list[Tile]:
    """The tiles of the right edge that are not full, the lowest first: they are all that a tree needs to grow."""
    widths = [(level, (size >> (HEIGHT * level)) % WIDTH) for level in levels_of(size)]
    return [Tile(level, size >> (HEIGHT * (level + 1)), width) for level, width in widths if width]


def hashes_in(tile: Tile, data: bytes) -> list[bytes]:
    """The hashes of a tile; raises LogFault bad_tile when there are not as many as it is wide."""
    if len(data) != tile.width * HASH_BYTES:
        raise LogFault(
            BAD_TILE,
            f"{tile.path} has {len(data)} bytes and not {tile.width * HASH_BYTES}: fetch it again, or from elsewhere.",
        )
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def part_of(tile: Tile, whole: bytes) -> bytes:
    """What a part of a tile or bundle has, from the bytes of the whole one: the part may be gone once that is there.

    Raises LogFault bad_tile or bad_bundle.
    """
    if tile.level == ENTRIES:
        return bundled(entries_in(tile.whole, whole)[: tile.width])
    return b"".join(hashes_in(tile.whole, whole)[: tile.width])


# --- entry bundles ---------------------------------------------------------------------------------------------------


def bundled(entries: Sequence[bytes]) -> bytes:
    """A bundle of these entries, at most 256; ValueError for one of more than 65,535 bytes."""
    if len(entries) > WIDTH or any(len(entry) > ENTRY_BYTES_MAX for entry in entries):
        raise ValueError("a bundle has at most 256 entries, each of at most 65,535 bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def entries_in(bundle: Tile, data: bytes) -> list[bytes]:
    """The entries of a bundle; raises LogFault bad_bundle when it breaks off, or has not as many as it is wide."""
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + length]
        if len(data) - at < 2 or len(entry) < length:
            raise LogFault(
                BAD_BUNDLE, f"{bundle.path} breaks off inside entry {len(entries)}: fetch it again, or from elsewhere."
            )
        entries.append(entry)
        at += 2 + length
    if len(entries) != bundle.width:
        raise LogFault(
            BAD_BUNDLE,
            f"{bundle.path} has {len(entries)} entries and not {bundle.width}: fetch it again, or from elsewhere.",
        )
    return entries
