"""The tree heads of RFC 6962 §2.1."""

from __future__ import annotations

import pytest

from ecoklit.core import ids, merkle


def _head_by_the_book(leaves: list[bytes]) -> bytes:
    """MTH as the RFC defines it: split at the largest power of two smaller than n."""
    if len(leaves) == 1:
        return ids.sha256(b"\0" + leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return ids.sha256(b"\1" + _head_by_the_book(leaves[:split]) + _head_by_the_book(leaves[split:]))


def test_head_of_nothing() -> None:
    """The head over no leaf is the hash of nothing."""
    assert merkle.tree_head([]) == ids.sha256(b"")


@pytest.mark.parametrize("count", [*range(1, 36), 63, 64, 65, 127, 128, 129, 1000])
def test_head_is_that_of_the_book(count: int) -> None:
    """Pairing level by level gives the head that splitting at powers of two gives."""
    leaves = [b"leaf %d" % number for number in range(count)]
    assert merkle.tree_head([merkle.leaf_hash(leaf) for leaf in leaves]) == _head_by_the_book(leaves)


def test_leaf_is_no_node() -> None:
    """A leaf that looks like a node has another hash: nobody can pass a subtree off as a voter."""
    left, right = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)
