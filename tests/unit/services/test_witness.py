"""A witness remembers before it answers, refuses a fork, and keeps a proof of it that needs nobody's word."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecoklit.adapters.log_source import ask_witness
from ecoklit.adapters.witness_folder import WitnessFault, WitnessFolder
from ecoklit.core.merkle import leaf_hash
from ecoklit.core.signing import key_from_seed
from ecoklit.http.serve import served
from ecoklit.http.witness import WitnessDoor, answer_to
from ecoklit.services.witness import Witness
from ecoklit.tlog.checkpoint import Checkpoint
from ecoklit.tlog.fault import LogFault
from ecoklit.tlog.note import log_key, read_note, read_signatures, verified, witness_key
from ecoklit.tlog.policy import judge, read_policy
from ecoklit.tlog.proof import consistency
from ecoklit.tlog.tile import row_of
from ecoklit.tlog.tree import Edge
from ecoklit.tlog.witness import Request, demand_fork, read_fork

LOG_KEY = key_from_seed("ed25519", bytes(31) + b"\1")
WITNESS_KEY = key_from_seed("ed25519", bytes(31) + b"\2")
ORIGIN, OTHER, NAME = "log.example/9404", "log.example/9404/registry", "bawaslu.example/w1"
LOG = log_key(ORIGIN, LOG_KEY)
NOW = 1_732_000_000


class Log:
    """A made-up log, and a source of what it publishes. `lie` makes its leaves others from there on."""

    def __init__(self, lie: int = 10_000, origin: str = ORIGIN) -> None:
        self.origin, self.lie = origin, lie
        self.edge = Edge()
        self.files: dict[str, bytes] = {}

    def grown(self, size: int) -> Log:
        leaves = [leaf_hash(b"%d" % at if at < self.lie else b"lie %d" % at) for at in range(self.edge.size, size)]
        self.edge, tiles = self.edge.grown(leaves)
        self.files |= {tile.path: data for tile, data in tiles}
        self.files["checkpoint"] = Checkpoint(self.origin, size, self.edge.head).signed(LOG_KEY).written
        return self

    def fetch(self, path: str) -> bytes | None:
        return self.files.get(path)

    def paths(self) -> Iterator[str]:
        return iter(())

    def request(self, old: int) -> Request:
        path = consistency(old, self.edge.size, lambda tile: self.files[tile.path])
        return Request(old, tuple(path), read_note(self.files["checkpoint"]))


@pytest.fixture
def folder(tmp_path: Path) -> WitnessFolder:
    found = WitnessFolder(tmp_path / "witness")
    found.make(NAME, WITNESS_KEY)
    found.watch(LOG.vkey, "https://log.example/9404")
    return found


def witness(folder: WitnessFolder) -> Witness:
    return Witness(folder.name, folder.key, folder.logs.logs, folder, lambda: NOW)


# --- visits ----------------------------------------------------------------------------------------------------------


def test_a_log_that_grows_is_cosigned_each_time(folder: WitnessFolder) -> None:
    """From nothing to its last tree, over runs of the program; a policy that asks for this witness takes the notes."""
    policy = read_policy(f"log {LOG.vkey}\nwitness w {witness_key(NAME, WITNESS_KEY).vkey}\nquorum w\n".encode())
    log, before = Log(), 0
    for size in (0, 3, 3, 256, 300, 1_000):
        with folder.opened():
            visited = witness(folder).visit(LOG, log.grown(size))
        assert (visited.before, visited.checkpoint.size) == (before, size)
        assert judge(policy, visited.note).cosigned == {"w": NOW}
        before = size
    assert len(folder.records()) == 5  # what was seen before is not written down again


def test_a_fork_is_refused_and_its_proof_is_kept(folder: WitnessFolder) -> None:
    """Of one size or another: nothing is cosigned, and the kept file convinces whoever has the log's key."""
    for number, size in enumerate((40, 50, 700), 1):
        with folder.opened():
            bearing = witness(folder)
            bearing.visit(LOG, Log().grown(40))
            with pytest.raises(LogFault, match="is forked"):
                bearing.visit(LOG, Log(lie=25).grown(size))
            assert bearing.latest[ORIGIN].checkpoint.size == 40
        assert len(folder.forks()) == number
    for path in folder.forks():
        earlier, later = demand_fork(read_fork(path.read_bytes()), LOG)
        assert earlier.size <= later.size


def test_a_log_that_was_turned_back_is_refused(folder: WitnessFolder) -> None:
    """A smaller tree may be a stale copy, or the other side of a fork: alone it proves neither, and is not cosigned."""
    with folder.opened():
        bearing = witness(folder)
        bearing.visit(LOG, Log().grown(40))
        for stale in (Log().grown(30), Log(lie=5).grown(20)):
            with pytest.raises(LogFault, match="turned back"):
                bearing.visit(LOG, stale)
        assert folder.forks() == []
        bearing.visit(LOG, Log().grown(50))
        with pytest.raises(LogFault, match="is forked"):  # it leaves out what was cosigned earlier, at 40
            bearing.visit(LOG, Log(lie=5).grown(45))
    demand_fork(read_fork(folder.forks()[0].read_bytes()), LOG)


def test_damaged_tiles_are_no_fork(folder: WitnessFolder) -> None:
    """Where the tiles do not lead to the log's own root nothing can be said, and nobody is accused."""
    with folder.opened():
        bearing = witness(folder)
        bearing.visit(LOG, Log().grown(40))
        damaged = Log().grown(300)
        (tile,) = (tile for tile in row_of(300, 0) if tile.is_full)
        damaged.files[tile.path] = bytes(len(damaged.files[tile.path]))
        with pytest.raises(LogFault, match="not those of its checkpoint"):
            bearing.visit(LOG, damaged)
        del damaged.files[tile.path]
        with pytest.raises(LogFault, match="is not there"):
            bearing.visit(LOG, damaged)
    assert folder.forks() == []


# --- the history -----------------------------------------------------------------------------------------------------


def built_history(folder: WitnessFolder) -> bytes:
    log = Log()
    with folder.opened():
        bearing = witness(folder)
        for size in (3, 40, 300, 301):
            bearing.visit(LOG, log.grown(size))
    return (folder.folder / "history").read_bytes()


def test_a_record_that_a_crash_cut_off_was_never_answered(folder: WitnessFolder) -> None:
    """Cut anywhere: the whole records stay, the rest is dropped, and the witness goes on from there."""
    history = built_history(folder)
    ends = list(itertools.accumulate(len(record) + 1 for record in folder.records()))
    assert ends[-1] == len(history)
    log = Log().grown(400)
    for cut in range(0, len(history), 17):
        (folder.folder / "history").write_bytes(history[:cut])
        with folder.opened():
            whole = sum(end <= cut for end in ends)
            assert len(folder.records()) == whole
            assert witness(folder).visit(LOG, log).before == (0, 3, 40, 300, 301)[whole]


def test_a_history_that_was_changed_is_no_memory(folder: WitnessFolder) -> None:
    """Flipped, dropped, doubled, exchanged: a witness that cannot trust its memory cosigns nothing, and says where."""
    history = built_history(folder)
    chance = random.Random(9404)
    path, records = folder.folder / "history", [record + b"\n" for record in folder.records()]
    orders = [[0, 2, 3], [1, 2, 3], [0, 1, 1, 2, 3], [0, 2, 1, 3], [1, 0, 2, 3]]
    changed = [b"".join(records[at] for at in order) for order in orders]
    for _ in range(300):
        raw = bytearray(history)
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        changed.append(bytes(raw))
    for data in changed:
        path.write_bytes(data)
        try:
            with folder.opened():
                witness(folder)
        except LogFault as fault:
            assert "of the history" in fault.message
        else:  # the flip took the end off the last record, as a crash does
            assert data[:-2] == history[:-2] and len(folder.records()) == 3


def test_one_history_has_one_witness(folder: WitnessFolder) -> None:
    with folder.opened(), pytest.raises(WitnessFault, match="Another ecoklit"), WitnessFolder(folder.folder).opened():
        pass


def test_a_full_disk_cosigns_nothing(folder: WitnessFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be written down is not answered, and the history is as before."""
    before = built_history(folder)
    with folder.opened(), monkeypatch.context() as patch:
        bearing = witness(folder)

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(os, "fsync", full)
        assert answer_to(bearing, Log().grown(400).request(301).written)[0] == 503
        assert bearing.latest[ORIGIN].checkpoint.size == 301
    assert (folder.folder / "history").read_bytes() == before


KILLED = """
import sys, itertools
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_witness as t
folder = t.WitnessFolder(Path(sys.argv[1]))
with folder.opened():
    bearing, log = t.witness(folder), t.Log(lie=int(sys.argv[3]))
    start = bearing.latest[t.ORIGIN].checkpoint.size if bearing.latest else 0
    log.grown(start)
    for size in itertools.count(start + 1):
        print(bearing.visit(t.LOG, log.grown(size)).checkpoint.size, flush=True)
"""


def test_what_was_answered_outlives_kill_9(folder: WitnessFolder) -> None:
    """Killed in the middle of its work, again and again: each size that it told of is in its history."""
    for _ in range(3):
        command = [sys.executable, "-c", KILLED, str(folder.folder), str(Path(__file__).parent), "10000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = [int(line) for line in itertools.islice(process.stdout, 8)]
            process.kill()
            told += [int(line) for line in process.stdout if line.endswith("\n")]
        with folder.opened():
            assert witness(folder).latest[ORIGIN].checkpoint.size >= told[-1]


# --- over HTTP -------------------------------------------------------------------------------------------------------


async def test_add_checkpoint_answers_as_its_specification_says(folder: WitnessFolder) -> None:
    """Statuses, content types and bodies of tlog-witness, by a real server and a real client."""
    import asyncio

    log = Log().grown(40)
    with folder.opened():
        async with served(WitnessDoor(witness(folder)), "127.0.0.1", 0) as url:

            def ask(request: Request) -> tuple[int, bytes]:
                return ask_witness(url, request)

            status, body = await asyncio.to_thread(ask, log.request(0))
            note = read_note(log.files["checkpoint"]).with_signatures(read_signatures(body.decode()))
            assert (status, len(verified(note, [witness_key(NAME, WITNESS_KEY)]))) == (200, 1)
            assert await asyncio.to_thread(ask, log.grown(50).request(0)) == (409, b"40\n")
            assert (await asyncio.to_thread(ask, log.request(40)))[0] == 200
            assert (await asyncio.to_thread(ask, Log(lie=20).grown(50).request(50)))[0] == 409
            assert (await asyncio.to_thread(ask, Log(lie=20).grown(60).request(50)))[0] == 422
            assert (await asyncio.to_thread(ask, Log(origin=OTHER).grown(5).request(0)))[0] == 404
            assert await asyncio.to_thread(raw, f"{url}/add-checkpoint", b"x" * 100_000) == (400, "text/plain")
            assert await asyncio.to_thread(raw, f"{url}/elsewhere", b"") == (404, "text/plain")
            assert await asyncio.to_thread(raw, f"{url}/add-checkpoint", log.request(0).written) == (
                409, "text/x.tlog.size",
            )  # fmt: skip
    assert len(folder.forks()) == 1


def raw(url: str, body: bytes) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=10) as answer:
            return answer.status, answer.headers.get_content_type()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get_content_type()


def test_of_two_sides_that_come_at_once_one_is_cosigned(folder: WitnessFolder) -> None:
    """Judging and remembering are one: no race signs both sides of a fork."""
    sides = [Log().grown(40).request(0).written, Log(lie=5).grown(40).request(0).written]
    with folder.opened():
        bearing = witness(folder)
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda body=body: statuses.append(answer_to(bearing, body)[0]))
            for body in sides * 8
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses.count(200) == 1 and len(folder.records()) == 1


# --- the folder ------------------------------------------------------------------------------------------------------


def test_a_folder_is_one_witness_for_good(folder: WitnessFolder, tmp_path: Path) -> None:
    with pytest.raises(WitnessFault, match="is a witness already"):
        folder.make(NAME, WITNESS_KEY)
    with pytest.raises(WitnessFault, match="no name of a witness"):
        WitnessFolder(tmp_path / "other").make("two words", WITNESS_KEY)
    with pytest.raises(WitnessFault, match="is no witness"), WitnessFolder(tmp_path / "none").opened():
        pass
    with pytest.raises(LogFault, match="there already"):
        folder.watch(LOG.vkey, "https://elsewhere.example")
    with pytest.raises(LogFault, match="other kind"):
        folder.watch(witness_key(NAME, WITNESS_KEY).vkey, "https://elsewhere.example")
    assert (folder.folder / "witness.key").stat().st_mode & 0o077 == 0
    assert json.loads((folder.folder / "witness.key").read_bytes())["algorithm"] == "ed25519"
