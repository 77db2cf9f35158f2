"""Rolls and their digests: of a TPS, and of every area above it (SPEC §6)."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

from ecoklit.core.ids import NATION
from ecoklit.core.merkle import leaf_hash, tree_head
from ecoklit.core.voter import State

TPS_DIGITS: Final = 13
PARENT_DIGITS: Final = {13: 10, 10: 6, 6: 4, 4: 2}


def leaves(states: Iterable[State]) -> Iterator[tuple[str, str, bytes]]:
    """(tps, voter, leaf hash) of each state."""
    for state in states:
        yield state.decision.tps, state.decision.voter, leaf_hash(state.decision_bytes)


def digests(rolled: Iterable[tuple[str, str, bytes]]) -> dict[str, bytes]:
    """code → digest for every TPS that holds one of these (tps, voter, leaf hash), and for every area above it.

    Every voter whose winning tps it is counts, on the list or off, so that a removal cannot hide in a digest.
    """
    by_tps = groupby(sorted(rolled), key=lambda leaf: leaf[0])
    return areas({tps: tree_head([leaf for _, _, leaf in roll]) for tps, roll in by_tps})


def areas(rolls: Mapping[str, bytes]) -> dict[str, bytes]:
    """The digests of `rolls` (tps → digest) and of every area above them, sorted by code."""
    found = dict(rolls)
    level = dict(rolls)
    while level:
        level = {parent: tree_head(children) for parent, children in _children(level)}
        found.update(level)
        level = {} if NATION in level else level
    return dict(sorted(found.items()))


def _children(level: Mapping[str, bytes]) -> Iterator[tuple[str, list[bytes]]]:
    for parent, group in groupby(sorted(level.items()), key=lambda child: parent_of(child[0])):
        yield parent, [leaf_hash(code.encode("ascii") + digest) for code, digest in group]


def parent_of(code: str) -> str:
    """The area that an area or TPS lies in; the nation, `00`, above the provinces."""
    digits = PARENT_DIGITS.get(len(code))
    return NATION if digits is None else code[:digits]
