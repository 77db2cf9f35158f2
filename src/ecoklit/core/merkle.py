"""The Merkle tree of RFC 6962 §2.1: one digest over a list of leaf inputs, in order."""

from collections.abc import Sequence
from typing import Final

from ecoklit.core.ids import sha256

EMPTY_HEAD: Final = sha256(b"")


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\0" + leaf)


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right)


def tree_head(leaf_hashes: Sequence[bytes]) -> bytes:
    """The head over leaves of these hashes; of none, the hash of nothing."""
    if not leaf_hashes:
        return EMPTY_HEAD
    level = list(leaf_hashes)
    # Pairing level by level, an odd last node carried up, gives RFC 6962's split at the largest power of two.
    while len(level) > 1:
        paired = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]
