"""Proofs that a leaf is in a tree and that one tree continues another, made from tiles and checked without them.

The paths are those of RFC 6962 §2.1.1 and §2.1.2, the checks those of RFC 9162 §2.1.3.2 and §2.1.4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ecoklit.core.merkle import EMPTY_HEAD, node_hash
from ecoklit.tlog.tree import ReadTile, Tree

PATH_HASHES_MAX = 63


def inclusion(index: int, size: int, read: ReadTile) -> list[bytes]:
    """The path from leaf `index` to the root of the tree of `size` leaves; ValueError when it is not in it."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    return Tree(size, read).heads(_beside(index, size))


def consistency(old: int, size: int, read: ReadTile) -> list[bytes]:
    """What shows that the tree of `size` leaves begins with that of `old`; ValueError when it is smaller."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} does not continue one of {old}")
    return Tree(size, read).heads(_between(old, size))


def _split(length: int) -> int:
    """The largest power of two below `length`."""
    return 1 << (length - 1).bit_length() - 1


def _beside(index: int, size: int) -> Iterable[tuple[int, int]]:
    """The ranges whose heads are PATH(index, D[size]), from the leaf up."""
    start, end, ranges = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return reversed(ranges)


def _between(old: int, size: int) -> Iterable[tuple[int, int]]:
    """The ranges whose heads are PROOF(old, D[size]), from the bottom up."""
    if old in (0, size):
        return ()
    start, end, ranges = 0, size, []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return reversed(ranges if start == 0 else [*ranges, (start, end)])


# --- checking --------------------------------------------------------------------------------------------------------


def is_included(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` shows that the leaf stands at `index` in the tree of `size` leaves with this root."""
    if not 0 <= index < size:
        return False
    at, last, head = index, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            head = node_hash(sibling, head)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            head = node_hash(head, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and head == root


def is_consistent(old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` shows that the tree of `size` leaves begins with the one of `old` leaves, both by their roots."""
    if not 0 <= old <= size:
        return False
    if old == size:
        return not path and old_root == root
    if old == 0:
        return not path and old_root == EMPTY_HEAD
    hashes = [*([old_root] if old & (old - 1) == 0 else []), *path]
    if not hashes:
        return False
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and (first, second) == (old_root, root)
