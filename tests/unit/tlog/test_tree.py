"""The tree and its tiles against a plain second reading of RFC 6962, and against published figures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.core.merkle import leaf_hash
from ecoklit.tlog.fault import LogFault
from ecoklit.tlog.proof import consistency, inclusion, is_consistent, is_included
from ecoklit.tlog.tile import ENTRIES, SIZE_MAX, Tile, bundled, edge_of, entries_in, levels_of, part_of, row_of, tile_at
from ecoklit.tlog.tree import Edge, edge_from

# --- RFC 6962 §2.1 as it is written, recursion and all ---------------------------------------------------------------


def plain_root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = plain_split(len(leaves))
    return hashlib.sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


def plain_split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def plain_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = plain_split(len(leaves))
    if m < k:
        return [*plain_path(m, leaves[:k]), plain_root(leaves[k:])]
    return [*plain_path(m - k, leaves[k:]), plain_root(leaves[:k])]


def plain_proof(m: int, leaves: Sequence[bytes], complete: bool = True) -> list[bytes]:
    if m == len(leaves):
        return [] if complete else [plain_root(leaves)]
    k = plain_split(len(leaves))
    if m <= k:
        return [*plain_proof(m, leaves[:k], complete), plain_root(leaves[k:])]
    return [*plain_proof(m - k, leaves[k:], False), plain_root(leaves[:k])]


# --- a log in memory -------------------------------------------------------------------------------------------------


def made_up(count: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(count)]


def tiles_by_definition(leaves: Sequence[bytes]) -> dict[Tile, bytes]:
    """tlog-tiles' own formula, hash by hash."""
    found = {}
    for level in range(3):
        span = 256**level
        hashes = [plain_root(leaves[at : at + span]) for at in range(0, len(leaves) // span * span, span)]
        for number in range(0, len(hashes), 256):
            row = hashes[number : number + 256]
            found[Tile(level, number // 256, len(row))] = b"".join(row)
    return found


def grown_in(leaves: Sequence[bytes], cuts: Sequence[int]) -> tuple[Edge, dict[Tile, bytes]]:
    edge, tiles = Edge(), {}
    bounds = [0, *sorted(min(cut, len(leaves)) for cut in cuts), len(leaves)]
    for start, end in pairwise(bounds):
        edge, new = edge.grown(leaves[start:end])
        tiles.update(new)
    return edge, tiles


LEAVES = made_up(70_000)


def test_the_published_tree_of_eight_leaves_has_its_published_roots() -> None:
    """The eight leaves by which Certificate Transparency's implementations test themselves give their roots."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
    edge = Edge()
    assert edge.head.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for text, root in zip(inputs, roots, strict=True):
        edge = edge.grown([leaf_hash(bytes.fromhex(text))]).edge
        assert edge.head.hex() == root


@given(size=st.integers(0, 700), cuts=st.lists(st.integers(0, 700), max_size=4))
def test_a_tree_is_the_same_however_it_grew(size: int, cuts: list[int]) -> None:
    """Root and tiles follow from the leaves alone, and are those of the definitions."""
    edge, tiles = grown_in(LEAVES[:size], cuts)
    wanted = tiles_by_definition(LEAVES[:size])
    assert edge.head == plain_root(LEAVES[:size])
    assert {tile: tiles[tile] for tile in wanted} == wanted
    again = edge_from(size, wanted.__getitem__)
    assert (again.size, again.head) == (size, edge.head)


def test_seventy_thousand_leaves_have_the_tiles_that_the_specification_counts() -> None:
    """tlog-tiles' own example: 273 full and one of 112, one full and one of 17, one of 1."""
    rows = {level: list(row_of(70_000, level)) for level in levels_of(70_000)}
    assert [len(rows[level]) for level in rows] == [274, 2, 1]
    assert edge_of(70_000) == [rows[0][-1], rows[1][-1], rows[2][-1]]
    assert [tile.width for tile in edge_of(70_000)] == [112, 17, 1]
    assert edge_of(256) == [Tile(1, 0, 1)]
    edge, tiles = grown_in(LEAVES, [256, 65_536])
    assert set(tiles) >= {tile for row in rows.values() for tile in row}
    assert edge.head == plain_root(LEAVES)


@given(st.data())
def test_proofs_are_those_of_the_rfc_and_prove(data: st.DataObject) -> None:
    """Inclusion and consistency from tiles alone are the RFC's own, and hold."""
    size = data.draw(st.integers(1, 600))
    leaf, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    leaves = LEAVES[:size]
    edge, tiles = grown_in(leaves, [])
    path, link = inclusion(leaf, size, tiles.__getitem__), consistency(old, size, tiles.__getitem__)
    assert path == plain_path(leaf, leaves)
    assert link == (plain_proof(old, leaves) if old else [])
    assert is_included(leaves[leaf], leaf, size, path, edge.head)
    assert is_consistent(old, plain_root(leaves[:old]), size, edge.head, link)


@given(st.data())
def test_nothing_else_is_proved(data: st.DataObject) -> None:
    """Another leaf, place, size, root or path proves nothing: whatever one changes in a proof, it stops holding."""
    size = data.draw(st.integers(2, 300))
    leaf, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size - 1))
    leaves = LEAVES[:size]
    edge, tiles = grown_in(leaves, [])
    root, old_root = edge.head, plain_root(leaves[:old])
    path, link = inclusion(leaf, size, tiles.__getitem__), consistency(old, size, tiles.__getitem__)
    for changed in spoilt(data, path):
        assert not is_included(leaves[leaf], leaf, size, changed, root)
    for changed in spoilt(data, link):
        assert not is_consistent(old, old_root, size, root, changed)
    other = data.draw(st.integers(-2, size + 2).filter(lambda at: at != leaf))
    assert not is_included(leaves[leaf], other, size, path, root)
    assert not is_included(bytes(32), leaf, size, path, root)
    assert not is_consistent(old, bytes(32), size, root, link)
    assert not is_consistent(old, old_root, size, bytes(32), link)
    assert not is_consistent(size + 1, old_root, size, root, link)


def spoilt(data: st.DataObject, path: list[bytes]) -> list[list[bytes]]:
    """A path with a hash flipped, dropped, doubled, and one too many."""
    changed = [[*path, bytes(32)]]
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        flipped = bytes([path[at][0] ^ 1]) + path[at][1:]
        changed += [[*path[:at], flipped, *path[at + 1 :]], path[:at] + path[at + 1 :], path[: at + 1] + path[at:]]
    return changed


def test_a_tree_begins_and_ends_somewhere() -> None:
    """What lies outside a tree has no proof, and is refused before any tile is read."""
    for leaf, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(ValueError, match="not in a tree"):
            inclusion(leaf, size, {}.__getitem__)
    with pytest.raises(ValueError, match="does not continue"):
        consistency(4, 3, {}.__getitem__)
    assert is_consistent(0, Edge().head, 3, bytes(32), [])
    assert not is_consistent(0, bytes(32), 3, bytes(32), [])


# --- where tiles lie -------------------------------------------------------------------------------------------------


def test_tiles_lie_where_the_specification_says() -> None:
    assert Tile(3, 1_234_067).path == "tile/3/x001/x234/067"
    assert Tile(0, 273, 112).path == "tile/0/273.p/112"
    assert Tile(ENTRIES, 1_000, 1).path == "tile/entries/x001/000.p/1"


@given(st.integers(-1, 63), st.integers(0, SIZE_MAX), st.integers(1, 256))
def test_a_tile_is_found_where_it_lies(level: int, number: int, width: int) -> None:
    tile = Tile(level, number, width)
    assert tile_at(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    ["tile/0/1", "tile/00/001", "tile/64/000", "tile/0/x000/001", "tile/0/001.p/0", "tile/0/001.p/256",
     "tile/0/001.p/01", "tile/0/001/002", "tile/0/x01/002", "checkpoint", "tile/0/001.new", "tile/entries/../000"],
)  # fmt: skip
def test_nothing_else_is_a_tile(path: str) -> None:
    """One tile, one path: no second spelling, and no way out of the folder."""
    assert tile_at(path) is None


# --- bundles ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=256))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    bundle = Tile(ENTRIES, 0, len(entries))
    assert entries_in(bundle, bundled(entries)) == entries


def test_a_part_is_the_beginning_of_the_whole() -> None:
    """A partial bundle may be gone once the full one is there: readers take its first entries."""
    whole = [b"%d" % number for number in range(256)]
    part = Tile(ENTRIES, 0, 3)
    assert entries_in(part, part_of(part, bundled(whole))) == whole[:3]
    assert part_of(Tile(0, 0, 2), bytes(256 * 32)) == bytes(64)


@pytest.mark.parametrize("data", [b"\0", b"\0\2a", b"\0\1a", b"\0\1a\0\1b\0\1c", b""])
def test_a_bundle_that_breaks_off_is_named(data: bytes) -> None:
    with pytest.raises(LogFault, match=r"tile/entries/000.p/2"):
        entries_in(Tile(ENTRIES, 0, 2), data)


def test_a_bundle_has_bounds() -> None:
    with pytest.raises(ValueError, match="256"):
        bundled([b""] * 257)
    with pytest.raises(ValueError, match="65,535"):
        bundled([bytes(65_536)])
