"""Somebody else's program reads what we write, and comes to the same: PyPI's `aics-tlog` (Python 3.12 and later).

It is no dependency: where it is not installed these are skipped. Nothing here needs more than `ecoklit.tlog`:

    pip install aics-tlog pytest pynacl cryptography msgspec
    PYTHONPATH=src pytest --noconftest --import-mode=importlib tests/unit/tlog/test_second_program.py
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from ecoklit.core.merkle import leaf_hash
from ecoklit.core.signing import key_from_seed
from ecoklit.tlog.checkpoint import Checkpoint
from ecoklit.tlog.note import Note, cosign, log_key, read_note, verified, witness_key
from ecoklit.tlog.proof import consistency, inclusion, is_consistent, is_included
from ecoklit.tlog.tile import ENTRIES, Tile, bundled
from ecoklit.tlog.tree import Edge

aics: Any = pytest.importorskip("aics_tlog", reason="a second program for the log's formats: pip install aics-tlog")

LOG = key_from_seed("ed25519", bytes(31) + b"\1")
WITNESS = key_from_seed("ed25519", bytes(31) + b"\2")
ORIGIN, NAME = "log.example/9404", "bawaslu.example/w1"
CHECKPOINTS, STEP = 100, 703


class Written:
    """A log of a hundred steps, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries = [b"entry %d" % number for number in range(CHECKPOINTS * STEP)]
        self.roots: dict[int, bytes] = {}
        edge, tiles = Edge(), dict[Tile, bytes]()
        for start in range(0, len(self.entries), STEP):
            edge, new = edge.grown(list(map(leaf_hash, self.entries[start : start + STEP])))
            tiles.update(new)
            self.roots[edge.size] = edge.head
        self.size, self.root = edge.size, edge.head
        for start in range(0, self.size, 256):
            some = self.entries[start : start + 256]
            tiles[Tile(ENTRIES, start // 256, len(some))] = bundled(some)
        self.tiles = tiles
        for tile, data in tiles.items():
            path = folder / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("log"))


def test_it_takes_every_tile_and_every_entry(log: Written) -> None:
    reader = aics.FileSystemTileReader(log.folder)
    aics.audit_tiles(reader, log.size, log.root, entries=True)
    assert aics.tree_root_from_tiles(reader, log.size) == log.root


def test_it_finds_our_checkpoints_and_cosignatures_signed() -> None:
    """Its reading of our vkeys, notes and cosignatures; and ours of what it signs with the same keys."""
    checkpoint = Checkpoint(ORIGIN, 7, leaf_hash(b""))
    note = checkpoint.signed(LOG)
    note = note.with_signatures([cosign(note.text, NAME, WITNESS, 1_732_000_000)])
    keys = aics.parse_vkey(log_key(ORIGIN, LOG).vkey), aics.parse_vkey(witness_key(NAME, WITNESS).vkey)
    found = aics.verify_checkpoint(
        aics.parse_note(note.written.decode()), keys[0], [keys[1]], 1, now=1_732_000_000, max_future_seconds=60
    )
    assert found.ok, found.error
    assert (found.origin, found.size, found.root, found.witnesses) == (ORIGIN, 7, checkpoint.root, [NAME])
    wrong = Note(note.text.replace("7", "8"), note.signatures)
    assert not aics.verify_checkpoint(aics.parse_note(wrong.written.decode()), keys[0]).ok
    assert len(verified(read_note(note.written), [log_key(ORIGIN, LOG), witness_key(NAME, WITNESS)])) == 2


def test_it_proves_to_us_and_we_to_it(log: Written) -> None:
    """Paths are the same hashes in the same order; each program's checks take the other's."""
    reader = aics.FileSystemTileReader(log.folder)
    for number in (0, 1, 255, 256, 65_535, 65_536, log.size - 1):
        path = inclusion(number, log.size, log.tiles.__getitem__)
        assert path == aics.inclusion_proof_from_tiles(reader, number, log.size)
        assert aics.verify_inclusion(leaf_hash(log.entries[number]), number, log.size, path, log.root)
        assert is_included(leaf_hash(log.entries[number]), number, log.size, path, log.root)


def test_of_a_hundred_checkpoints_each_continues_each_before(log: Written) -> None:
    """All 4,950 pairs, proved from tiles by us and checked by both."""
    assert len(log.roots) == CHECKPOINTS
    for old, size in combinations(log.roots, 2):
        path = consistency(old, size, log.tiles.__getitem__)
        assert aics.verify_consistency(old, size, log.roots[old], log.roots[size], path)
        assert is_consistent(old, log.roots[old], size, log.roots[size], path)
        assert not aics.verify_consistency(old, size, log.roots[size], log.roots[old], path)
