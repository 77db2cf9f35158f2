"""A log that is built from a journal: all of it, once, in order, whatever happens to the process or to the files."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ecoklit.adapters.log_folder import LogFolder, LogFolderFault
from ecoklit.adapters.log_source import FolderSource
from ecoklit.core.merkle import leaf_hash, tree_head
from ecoklit.core.signing import key_from_seed
from ecoklit.errors import EcoklitError
from ecoklit.services import log_builder
from ecoklit.services.log_builder import LogBuilder, Rolled
from ecoklit.services.log_check import LogError, LogReader, check_tree
from ecoklit.services.log_compare import compare
from ecoklit.tlog.checkpoint import Checkpoint, opened
from ecoklit.tlog.entry import Kind, kind_of, read_digests
from ecoklit.tlog.fault import LogFault
from ecoklit.tlog.note import cosign, log_key, read_note
from ecoklit.tlog.proof import consistency, is_consistent
from ecoklit.tlog.tile import ENTRIES, row_of

KEY = key_from_seed("ed25519", bytes(31) + b"\1")
ORIGIN = "ecoklit.example/pilkada-2024/9404"
LOG = log_key(ORIGIN, KEY)
STREAM = "ECOKLIT-pilkada-2024-9404"


class Message(NamedTuple):
    sequence: int
    payload: bytes


class Journal:
    def __init__(self, count: int = 0) -> None:
        self.payloads: list[bytes] = []
        self.grow(count)

    def grow(self, count: int) -> None:
        self.payloads += [b'{"at":"%d","clock":{}}' % (len(self.payloads) + nth) for nth in range(count)]

    async def read(self, after: int, limit: int) -> Sequence[Message]:
        return [Message(after + 1 + nth, payload) for nth, payload in enumerate(self.payloads[after : after + limit])]


def builder(folder: LogFolder, journal: Journal) -> LogBuilder:
    return LogBuilder(folder, ORIGIN, KEY, journal.read, election="pilkada-2024", regency="9404")


def rolled(position: int, digest: bytes = bytes(32)) -> Rolled:
    return Rolled(position, {STREAM: position, f"{STREAM}-registry": 1}, {"9404": digest})


async def build(folder: Path, journal: Journal, *rolls: Rolled | None, **opening: Any) -> Checkpoint:
    """Build as one run of the command does: a step for each of `rolls`, or one."""
    with LogFolder(folder).opened() as store:
        built = builder(store, journal)
        await built.open(**opening)
        for roll in rolls or (None,):
            await built.step(roll)
    return published(folder)


def published(folder: Path) -> Checkpoint:
    return opened((folder / "public" / "checkpoint").read_bytes(), LOG)[0]


def entries_of(folder: Path, size: int) -> list[bytes]:
    reader = LogReader(FolderSource(folder / "bundles"))
    return [entry for bundle in row_of(size, ENTRIES) for entry in reader.entries(bundle)]


def errors_of(folder: Path) -> list[LogError]:
    return check_tree(published(folder), FolderSource(folder / "public"), FolderSource(folder / "bundles"))


# --- what a log has --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grows", [(0,), (1,), (255, 1, 1), (256, 0, 300), (700, 1_500)], ids=str)
async def test_a_log_has_all_of_its_journal_in_order(tmp_path: Path, grows: tuple[int, ...]) -> None:
    """However much arrives between two steps, root, tiles and bundles are those of the journal's bytes."""
    journal = Journal()
    for grow in grows:
        journal.grow(grow)
        checkpoint = await build(tmp_path, journal, None, None)
        assert checkpoint.size == len(journal.payloads)
        assert checkpoint.root == tree_head([leaf_hash(payload) for payload in journal.payloads])
        assert errors_of(tmp_path) == []
    assert entries_of(tmp_path, checkpoint.size) == journal.payloads


async def test_digests_stand_between_the_events(tmp_path: Path) -> None:
    """Each state of the roll once, after every event that it counts, told apart from events by its first key."""
    journal = Journal(5)
    await build(tmp_path, journal, rolled(3), rolled(3), rolled(9))
    journal.grow(4)
    checkpoint = await build(tmp_path, journal, rolled(9))
    entries = entries_of(tmp_path, checkpoint.size)
    stated = [(at, read_digests(entry)) for at, entry in enumerate(entries) if kind_of(entry) is Kind.DIGESTS]
    assert [(at, digests.position[STREAM]) for at, digests in stated] == [(5, 3), (10, 9)]
    assert [entry for entry in entries if kind_of(entry) is Kind.EVENT] == journal.payloads
    assert errors_of(tmp_path) == []


async def test_nothing_new_signs_nothing(tmp_path: Path) -> None:
    """A quiet journal leaves the checkpoint as it is, byte for byte; the empty log has one too."""
    journal = Journal(0)
    await build(tmp_path, journal)
    empty = (tmp_path / "public" / "checkpoint").read_bytes()
    await build(tmp_path, journal, None, None)
    assert (tmp_path / "public" / "checkpoint").read_bytes() == empty
    assert published(tmp_path) == Checkpoint(ORIGIN, 0, hashlib.sha256().digest())


async def test_parts_of_a_full_tile_are_thrown_away(tmp_path: Path) -> None:
    journal = Journal(200)
    for grow in (30, 30):
        await build(tmp_path, journal)
        journal.grow(grow)
    parts = [path.name for path in (tmp_path / "public" / "tile" / "0").rglob("*") if path.is_file()]
    assert sorted(parts) == ["200", "230"]
    await build(tmp_path, journal)
    assert not list((tmp_path / "public" / "tile" / "0").glob("000.p"))
    assert not list((tmp_path / "bundles" / "tile" / "entries").glob("000.p"))


async def test_bundles_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Raw events are for accredited auditors (SPEC §1.11): what a web server publishes holds none."""
    await build(tmp_path / "log", Journal(300))
    assert (tmp_path / "log" / "bundles").stat().st_mode & 0o077 == 0
    assert not list((tmp_path / "log" / "public").rglob("*entries*"))


async def test_two_cannot_build_one_log(tmp_path: Path) -> None:
    with LogFolder(tmp_path).opened(), pytest.raises(LogFolderFault, match="Another ecoklit"):
        await build(tmp_path, Journal(1))


async def test_cosignatures_come_while_the_log_is_built(tmp_path: Path) -> None:
    """Somebody else may hand them in: those of the current tree stand under it, those of an earlier one beside it."""
    witness = key_from_seed("ed25519", bytes(31) + b"\2")
    journal = Journal(3)
    with LogFolder(tmp_path).opened() as store:
        built = builder(store, journal)
        await built.open()
        await built.step()
        earlier = read_note((tmp_path / "public" / "checkpoint").read_bytes())
        journal.grow(1)
        await built.step()
        current = read_note((tmp_path / "public" / "checkpoint").read_bytes())
        for note in (current, earlier):
            LogFolder(tmp_path).cosigned(note.with_signatures([cosign(note.text, "w", witness, 7)]))
    names = {
        name: [line.name for line in read_note((tmp_path / "public" / name).read_bytes()).signatures]
        for name in ("checkpoint", "checkpoint.cosigned")
    }
    assert names == {"checkpoint": [ORIGIN, "w"], "checkpoint.cosigned": [ORIGIN, "w"]}
    assert published(tmp_path).size == 4
    await build(tmp_path, journal)  # opening renews nothing: the tree is the same
    assert len(read_note((tmp_path / "public" / "checkpoint").read_bytes()).signatures) == 2


# --- journals that changed -------------------------------------------------------------------------------------------


async def test_a_journal_that_was_changed_is_signed_by_nobody(tmp_path: Path) -> None:
    """Where the log ended there must stand what it logged; else nothing is signed, and the log stays as it is."""
    journal = Journal(10)
    before = await build(tmp_path, journal)
    changed = Journal(9)
    changed.payloads.append(b'{"at":"x","clock":{}}')
    for other in (changed, Journal(4)):
        with pytest.raises(EcoklitError, match="is not what"):
            await build(tmp_path, other)
    assert published(tmp_path) == before


async def test_a_restored_journal_goes_on_in_the_same_log(tmp_path: Path) -> None:
    """What is logged stays and is not logged twice; what a restore lost and phones did not bring stays to be seen."""
    journal = Journal(300)
    before = await build(tmp_path, journal)
    restored = Journal()
    restored.payloads = [*journal.payloads[:200], *reversed(journal.payloads[210:]), b'{"at":"new","clock":{}}']
    after = await build(tmp_path, restored, None, None, is_restored=True)
    assert after.size == before.size + 1
    assert entries_of(tmp_path, after.size) == [*journal.payloads, restored.payloads[-1]]
    proof = consistency(before.size, after.size, LogFolder(tmp_path).read)
    assert is_consistent(before.size, before.root, after.size, after.root, proof)
    restored.grow(5)
    assert (await build(tmp_path, restored)).size == after.size + 5


async def test_a_restored_journal_that_is_read_in_parts_is_not_logged_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the middle, and taken up without being told again: what the log had is still known."""
    journal = Journal(300)
    before = await build(tmp_path, journal)
    restored = Journal()
    restored.payloads = [b'{"at":"new %d","clock":{}}' % nth for nth in range(60)] + journal.payloads
    monkeypatch.setattr(log_builder, "STEP_ENTRIES_MAX", 50)
    assert (await build(tmp_path, restored, is_restored=True)).size == before.size + 50
    assert (await build(tmp_path, restored, None, None)).size == before.size + 60
    restored.payloads.append(journal.payloads[0])  # no journal does that; a log does not judge it
    assert (await build(tmp_path, restored)).size == before.size + 61


@pytest.mark.parametrize("restored", [False, True])
async def test_what_was_changed_in_a_journal_since_stands_out(tmp_path: Path, restored: bool) -> None:
    """Exchanged, removed, put in, at any place: the log names the position, and the entry that is missing."""
    journal = Journal(600)
    await build(tmp_path, journal, rolled(600))
    if restored:
        journal.payloads = [*journal.payloads[300:], *journal.payloads[:300]]
        await build(tmp_path, journal, None, None, is_restored=True)
    journal.grow(20)
    size = (await build(tmp_path, journal, rolled(620))).size

    async def found() -> tuple[int, int, list[int], list[int]]:
        reader = LogReader(FolderSource(tmp_path / "public")), LogReader(FolderSource(tmp_path / "bundles"))
        return tuple(await compare(journal.read, 620, size, *reader))

    assert await found() == (620, 2, [], [])
    entries = entries_of(tmp_path, size)
    chance = random.Random(9404)
    for place in (0, 255, 256, 619, *(chance.randrange(620) for _ in range(20))):
        whole = list(journal.payloads)
        journal.payloads[place] = b'{"at":"changed","clock":{}}'
        assert await found() == (619, 2, [place + 1], [entries.index(whole[place])])
        journal.payloads = whole[:place] + whole[place + 1 :]
        assert await found() == (619, 2, [], [entries.index(whole[place])])
        journal.payloads = whole


async def test_damaged_tiles_are_not_built_upon(tmp_path: Path) -> None:
    """The edge is held against the signed root before anything is added: nobody signs what a bad disk says."""
    await build(tmp_path, Journal(300))
    part = tmp_path / "public" / "tile" / "0" / "001.p" / "44"
    part.write_bytes(bytes(44 * 32))
    with pytest.raises(EcoklitError, match="nothing was signed"):
        await build(tmp_path, Journal(301))


# --- crashes ---------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """As kill -9: no handler of ours runs but `finally`, and the disk is left as it was."""


class Disk:
    """Counts what a step does to the disk, in order, and kills at one of these."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kill_at: int | None = None) -> None:
        self.done: list[tuple[str, str]] = []
        self._kill_at = kill_at
        self._lock = threading.Lock()
        write, replace, rmtree = Path.write_bytes, Path.replace, shutil.rmtree

        def synced(descriptor: int) -> None:
            self._do("sync", os.readlink(f"/proc/self/fd/{descriptor}"), lambda: None)  # a kill does not ask the disk

        def written(path: Path, data: bytes) -> None:
            self._do("write", path, lambda: write(path, data), lambda: write(path, data[: len(data) // 2]))

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(Path, "write_bytes", written)
        monkeypatch.setattr(Path, "replace", lambda path, to: self._do("name", to, lambda: replace(path, to)))
        monkeypatch.setattr(shutil, "rmtree", lambda path, **how: self._do("drop", path, lambda: rmtree(path, **how)))

    def _do(
        self, what: str, path: object, act: Callable[[], object], act_in_part: Callable[[], object] = lambda: None
    ) -> None:
        with self._lock:
            if self._kill_at is not None and len(self.done) >= self._kill_at:
                if len(self.done) == self._kill_at:
                    act_in_part()
                raise Killed
            self.done.append((what, str(path)))
        act()


async def test_a_step_that_is_killed_anywhere_is_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a kill at each thing that a step does to the disk: no fork, nothing lost, nothing twice.

    What is there is sound; the next run goes on to the whole journal, though the roll has moved on meanwhile and the
    entries after the last checkpoint are others; and every checkpoint that anybody can have seen is continued.
    """
    journal = Journal(250)
    await build(tmp_path / "start", journal, rolled(250))
    journal.grow(10)
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        shutil.copytree(tmp_path / "start", tmp_path / "counted")
        await build(tmp_path / "counted", journal, rolled(255))
    assert {what for what, _ in disk.done} == {"write", "sync", "name", "drop"}
    for kill_at in range(len(disk.done)):
        folder = tmp_path / f"killed-{kill_at}"
        shutil.copytree(tmp_path / "start", folder)
        seen = [published(folder)]
        with monkeypatch.context() as patch:
            Disk(patch, kill_at)
            with pytest.raises(Killed):
                await build(folder, journal, rolled(255))
        seen.append(published(folder))
        with LogFolder(folder).opened():
            seen.append(published(folder))
            assert errors_of(folder) == []
        seen.append(await build(folder, journal, rolled(257, b"\1" * 32) if kill_at % 2 else None))
        assert errors_of(folder) == []
        events = [entry for entry in entries_of(folder, seen[-1].size) if kind_of(entry) is Kind.EVENT]
        assert events == journal.payloads
        for earlier in seen:
            proof = consistency(earlier.size, seen[-1].size, LogFolder(folder).read)
            assert is_consistent(earlier.size, earlier.root, seen[-1].size, seen[-1].root, proof)
        shutil.rmtree(folder)


async def test_a_step_that_a_full_disk_ends_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same program, once there is room, though the roll has moved on: sound and whole, and never two trees."""
    journal = Journal(250)
    with LogFolder(tmp_path).opened() as store:
        built = builder(store, journal)
        await built.open()
        await built.step(rolled(250))
        journal.grow(300)
        seen = [published(tmp_path)]
        for room in range(12):
            with monkeypatch.context() as patch:
                left = iter(range(room))
                write = Path.write_bytes

                def full(path: Path, data: bytes, left: Iterator[int] = left, write: Any = write) -> int:
                    if next(left, None) is None:
                        raise OSError(28, "No space left on device", str(path))
                    written: int = write(path, data)
                    return written

                patch.setattr(Path, "write_bytes", full)  # of tiles, of the state, of the checkpoint after it
                try:
                    await built.step(rolled(550, bytes([room]) * 32))
                except OSError:
                    seen.append(published(tmp_path))
        await built.step(rolled(550))
        assert errors_of(tmp_path) == []
    last = published(tmp_path)
    for earlier in seen:
        proof = consistency(earlier.size, last.size, LogFolder(tmp_path).read)
        assert is_consistent(earlier.size, earlier.root, last.size, last.root, proof)
    assert [entry for entry in entries_of(tmp_path, last.size) if kind_of(entry) is Kind.EVENT] == journal.payloads


async def test_what_a_checkpoint_speaks_of_is_on_the_disk_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before `state` is named, every tile is synced, and after it was written the folders that lead to it: so a power
    cut leaves no checkpoint without its tiles. The public checkpoint comes after."""
    log = tmp_path / "log"
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        await build(log, Journal(600))
    at = {(what, path): place for place, (what, path) in enumerate(disk.done)}
    commit = at["name", str(log / "state")]
    tiles = [path for what, path in disk.done if what == "write" and "/tile/" in path]
    assert len(tiles) == 3 + 3 + 1
    for path in tiles:
        for there in (path, *(str(above) for above in Path(path).parents if above.is_relative_to(log))):
            assert at["write", path] < at["sync", there] < commit or there == str(log), there
    assert at["sync", str(log / "aside" / "state")] < commit < at["name", str(log / "public" / "checkpoint")]


# --- manipulations ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with full tiles, a level above them, and a part that was left in place."""
    import asyncio

    folder: Path = tmp_path_factory.mktemp("whole") / "log"
    journal = Journal(600)
    asyncio.run(build(folder, journal))
    journal.grow(17)
    asyncio.run(build(folder, journal, rolled(610)))
    return folder


def manipulate(path: Path, how: str, chance: random.Random, others: Sequence[Path]) -> None:
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data))
    if how == "flip":
        data[at] ^= 1 << chance.randrange(8)
    elif how == "drop":
        del data[at : at + chance.choice((1, 32))]
    elif how == "insert":
        data[at:at] = chance.randbytes(chance.choice((1, 32)))
    elif how == "truncate":
        del data[at:]
    elif how == "swap hashes":
        first, second = chance.sample(range(len(data) // 32), 2)
        a, b = slice(first * 32, first * 32 + 32), slice(second * 32, second * 32 + 32)
        data[a], data[b] = data[b], data[a]
    elif how == "double":
        data += data[-32:]
    elif how == "another file":
        data = bytearray(chance.choice(others).read_bytes())
    elif how == "remove":
        path.unlink()
        return
    path.write_bytes(data)


MANIPULATIONS = 300 if os.environ.get("ECOKLIT_LAWS") == "deep" else 60
"""Of each kind."""
HOWS = ("flip", "drop", "insert", "truncate", "swap hashes", "double", "another file", "remove")


@pytest.fixture
def spoilt(whole: Path, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "log"
    shutil.copytree(whole, folder)
    yield folder


@pytest.mark.parametrize("how", HOWS)
def test_every_manipulation_is_found_and_its_place_named(spoilt: Path, how: str) -> None:
    """Tiles, parts of tiles and bundles, manipulated by chance from a seed: none is missed, and the file is named."""
    chance = random.Random(f"9404 {how}")
    files = sorted(path for path in spoilt.rglob("tile/**/*") if path.is_file())
    checkpoint = published(spoilt)
    sources = FolderSource(spoilt / "public"), FolderSource(spoilt / "bundles")
    assert check_tree(checkpoint, *sources) == []
    needed = [path for path in files if not (path.parent.name.endswith(".p") and path.name == "88")]
    for _ in range(MANIPULATIONS):
        path = chance.choice(needed if how == "remove" else files)
        before = path.read_bytes()
        manipulate(path, how, chance, files)
        if not path.exists() or path.read_bytes() != before:
            found = check_tree(checkpoint, *sources)
            name = path.relative_to(spoilt).as_posix().split("/", 1)[1]
            assert name in {error.path for error in found}, (how, name, found)
        path.write_bytes(before)


def test_an_entry_that_is_exchanged_everywhere_is_found(spoilt: Path) -> None:
    """Bundle and leaf hash changed alike: the level above, or the root, does not commit to them."""
    bundle, tile = spoilt / "bundles/tile/entries/001", spoilt / "public/tile/0/001"
    data = bundle.read_bytes()
    changed = data.replace(b'"256"', b'"652"')
    bundle.write_bytes(changed)
    hashes = bytearray(tile.read_bytes())
    hashes[:32] = leaf_hash(b'{"at":"652","clock":{}}')
    tile.write_bytes(hashes)
    assert changed != data
    assert [error.path for error in errors_of(spoilt)] == ["tile/0/001"]


def test_no_bit_of_a_checkpoint_can_be_changed(whole: Path) -> None:
    raw = (whole / "public" / "checkpoint").read_bytes()
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(LogFault):
            opened(bytes(changed), LOG)


def test_strange_files_are_named(spoilt: Path) -> None:
    (spoilt / "public/tile/0/000.bak").write_bytes(b"x")
    assert [error.path for error in errors_of(spoilt)] == ["tile/0/000.bak"]
