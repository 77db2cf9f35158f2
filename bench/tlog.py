"""The transparency log over ten million entries: a step of a thousand, and the proof of one event.

The tree is a real one, of made-up leaves, its tiles kept in memory; what is built upon it goes to a real folder, with
every sync that it needs. A row is {name, value, unit, against, ratio, goal, met}, as in bench/main.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import visits

from ecoklit.adapters.log_folder import LogFolder
from ecoklit.core.ids import sha256
from ecoklit.core.merkle import leaf_hash
from ecoklit.core.signing import Key, key_from_seed, verify
from ecoklit.ports import LogState
from ecoklit.services.log_builder import LogBuilder
from ecoklit.tlog.checkpoint import Checkpoint
from ecoklit.tlog.note import cosign, log_key, witness_key
from ecoklit.tlog.policy import Policy, read_policy
from ecoklit.tlog.proof import consistency, inclusion
from ecoklit.tlog.proof_file import LogProof, prove, read_proof
from ecoklit.tlog.tile import ENTRIES, WIDTH, Tile, bundled, edge_of, part_of
from ecoklit.tlog.tree import Edge
from ecoklit.tlog.witness import Request, judge_request, read_request

LEAVES, QUICK_LEAVES = 10_000_000, 200_000
CHUNK = 65_536
BATCH = 1_000
STEPS, PROOFS = 30, 200
ORIGIN = "log.example.id/pilkada-2024/9404"
LOG: Key = key_from_seed("ed25519", bytes(31) + b"\1")
WITNESSES = {
    f"w{nth}": (f"witness-{nth}.example.id", key_from_seed("ed25519", bytes(31) + bytes([nth]))) for nth in (2, 3, 4)
}


class Message(NamedTuple):
    sequence: int
    payload: bytes


class Journal:
    """`count` messages that nobody reads, and after them the events."""

    def __init__(self, count: int, events: Sequence[bytes]) -> None:
        self.count, self.events, self.ready = count, events, 0

    async def read(self, after: int, limit: int) -> Sequence[Message]:
        if after < self.count:  # what the log ends with
            return [Message(self.count, b"%d" % (self.count - 1))]
        start = after - self.count
        return [Message(after + nth, event) for nth, event in enumerate(self.events[start : self.ready][:limit], 1)]


def grown(count: int) -> tuple[Edge, dict[Tile, bytes]]:
    edge, tiles = Edge(), {}
    for start in range(0, count, CHUNK):
        edge, new = edge.grown([leaf_hash(b"%d" % leaf) for leaf in range(start, min(start + CHUNK, count))])
        tiles.update((tile, data) for tile, data in new if tile.is_full)
    tiles.update((tile, b"".join(edge.rows[tile.level])) for tile in edge_of(count))
    return edge, tiles


def timed(act: Callable[[], Any]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1_000


def row(name: str, value: float, unit: str, against: str = "", ratio: float | None = None, goal: Any = None) -> None:
    met = None if goal is None else value <= goal
    shown = {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "against": against,
        "ratio": ratio,
        "goal": goal,
        "met": met,
    }
    print(json.dumps(shown), flush=True)


async def steps(
    folder: Path, edge: Edge, tiles: dict[Tile, bytes], events: Sequence[bytes]
) -> tuple[list[float], LogFolder]:
    """Milliseconds of each step of a thousand events, on the disk, with every sync."""
    store = LogFolder(folder)
    journal = Journal(edge.size, events)
    with store.opened() as held:
        ends = edge_of(edge.size)
        tail = edge.size % WIDTH
        bundle = Tile(ENTRIES, edge.size // WIDTH, tail)
        entries = [b"%d" % leaf for leaf in range(edge.size - tail, edge.size)]
        held.write([(tile, tiles[tile]) for tile in ends] + [(bundle, bundled(entries))])
        note = Checkpoint(ORIGIN, edge.size, edge.head).signed(LOG).written.decode()
        last = sha256(b"%d" % (edge.size - 1)).hex()
        held.commit(LogState(edge.size, edge.size, last, 0, note), ())
        builder = LogBuilder(held, ORIGIN, LOG, journal.read, election="pilkada-2024", regency="9404")
        await builder.open()
        taken = []
        for _ in range(len(events) // BATCH):
            journal.ready += BATCH
            started = time.perf_counter()
            stepped = await builder.step()
            taken.append((time.perf_counter() - started) * 1_000)
            assert stepped is not None and stepped.entries == BATCH
    return taken, store


def without_disk(edge: Edge, events: Sequence[bytes]) -> list[float]:
    """The same, but for the disk: hashing, the tree, the signature."""
    taken = []
    for start in range(0, len(events), BATCH):
        some = events[start : start + BATCH]
        started = time.perf_counter()
        edge, _ = edge.grown([leaf_hash(event) for event in some])
        Checkpoint(ORIGIN, edge.size, edge.head).signed(LOG)
        taken.append((time.perf_counter() - started) * 1_000)
    return taken


def one_sync(folder: Path) -> float:
    """What this disk takes to keep one small file: milliseconds."""

    def sync() -> None:
        with (folder / "one").open("wb") as file:
            file.write(bytes(8192))
            file.flush()
            os.fsync(file.fileno())

    return median(timed(sync) for _ in range(STEPS))


def policy() -> Policy:
    lines = [f"log {log_key(ORIGIN, LOG).vkey}"]
    lines += [f"witness {word} {witness_key(name, key).vkey}" for word, (name, key) in WITNESSES.items()]
    return read_policy(
        "\n".join([*lines, f"group all-of-them all {' '.join(WITNESSES)}", "quorum all-of-them", ""]).encode()
    )


def main() -> None:
    count = QUICK_LEAVES if "--quick" in sys.argv else LEAVES
    events = [held.event_bytes for held in visits.history(STEPS * BATCH // 2)][: STEPS * BATCH]
    started = time.perf_counter()
    edge, tiles = grown(count)
    making = time.perf_counter() - started
    row(f"made a tree of {count:,} leaves", count / making, "leaves/s")

    folder = Path(tempfile.mkdtemp(prefix="tlog-", dir=Path(__file__).parent / "out"))
    try:
        on_disk, _ = asyncio.run(steps(folder, edge, tiles, events))
        synced = one_sync(folder)
    finally:
        shutil.rmtree(folder)
    pure = without_disk(edge, events)
    ratio = round(median(on_disk) / synced, 1)
    row("one file written and synced here, median", synced, "ms")
    row(f"step of {BATCH:,} over {count:,}, median", median(on_disk), "ms", "one synced file", ratio, 50)
    row(f"step of {BATCH:,} over {count:,}, 90 %", sorted(on_disk)[len(on_disk) * 9 // 10], "ms")
    row("the same without the disk, median", median(pure), "ms")

    largest = max(events, key=len)
    added, new = edge.grown([leaf_hash(event) for event in (*events[: BATCH - 1], largest)])
    tiles |= dict(new)

    def read(tile: Tile) -> bytes:
        return tiles[tile] if tile in tiles else part_of(tile, tiles[tile.whole])

    note = Checkpoint(ORIGIN, added.size, added.head).signed(LOG)
    note = note.with_signatures(cosign(note.text, name, key, 1_732_000_000) for name, key in WITNESSES.values())
    leaf, trust = added.size - 1, policy()
    making_one = [timed(lambda: inclusion(leaf, added.size, read)) for _ in range(PROOFS)]
    first = LogProof(0, tuple(inclusion(0, added.size, read)), note, largest).written
    row(
        "proof of one event, three witnesses",
        float(len(first)),
        "bytes",
        "the event",
        round(len(first) / len(largest), 1),
        4_096,
    )
    proof = LogProof(leaf, tuple(inclusion(leaf, added.size, read)), note, largest).written
    checking = [timed(lambda: prove(trust, read_proof(proof), largest)) for _ in range(PROOFS)]
    public, text = LOG.public_key, note.text.encode()
    signature = LOG.sign(text)
    one = median(timed(lambda: verify("ed25519", public, text, signature)) for _ in range(PROOFS))
    row("proof made, median", median(making_one), "ms")
    row("proof verified, median", median(checking), "ms", "one signature", round(median(checking) / one, 1), 5)

    path = consistency(count, added.size, read)
    request = Request(count, tuple(path), note).written
    seen = Checkpoint(ORIGIN, count, edge.head)
    judging = [timed(lambda: judge_request(log_key(ORIGIN, LOG), seen, read_request(request))) for _ in range(PROOFS)]
    row("witness judges a step, median", median(judging), "ms", "one signature", round(median(judging) / one, 1))
    row("memory at most, with all tiles in it", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")


if __name__ == "__main__":
    main()
