"""A transparency log as files, which any web server can publish.

public/checkpoint            what the log says of its tree now, with the cosignatures that came for it
public/checkpoint.cosigned   the last checkpoint that anybody cosigned
public/tile/…                the tree (c2sp.org/tlog-tiles); nobody can read an event from it
bundles/tile/entries/…       the entries themselves, for accredited auditors: a folder of mode 0700, never below public/
aside/                       the next `state` and checkpoint, while they are written
state                        how far the journal is logged, and the checkpoint: the one file that commits a step
lock, publishing             held (flock) by whoever builds; for a moment, by whoever publishes a checkpoint

A step writes bundles and tiles where they belong, syncs them and the folders above them at once, and then replaces
`state`. What was written and not committed is thrown away by the next opening or step: no checkpoint ever spoke of it,
and the next tree may be another. A crash after the commit leaves an older `checkpoint`, which opening renews.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from ecoklit.errors import EcoklitError
from ecoklit.ports import LogState
from ecoklit.tlog.fault import LogFault
from ecoklit.tlog.note import Note, read_note
from ecoklit.tlog.tile import ENTRIES, HEIGHT, Tile, levels_of, part_of, tile_at, tile_of

PUBLIC: Final = "public"
BUNDLES: Final = "bundles"
STATE: Final = "state"
ASIDE: Final = "aside"
CHECKPOINT: Final = "checkpoint"
COSIGNED: Final = "checkpoint.cosigned"
SYNCS_AT_ONCE_MAX: Final = 16
ROW_TILES_MAX: Final = 256
"""Tiles of one level in one step: so far beyond the committed tree is looked for what a crash left."""


class LogFolderFault(EcoklitError):
    """The folder cannot be used as it is; nothing in it was changed. Codes: log_in_use, log_damaged, no_log."""


class LogFolder:
    """The files of one log. Keeps `ports.LogStore`; only whoever holds `opened` may call `write` and `commit`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.public = folder / PUBLIC
        self.bundles = folder / BUNDLES
        self._aside = folder / ASIDE
        # The disk puts the syncs of a moment into one commit of its own: twelve cost little more than one.
        self._syncs = ThreadPoolExecutor(SYNCS_AT_ONCE_MAX, thread_name_prefix="sync")

    @contextmanager
    def opened(self) -> Iterator[LogFolder]:
        """Hold the folder, made if it is absent, for this process alone. Raises LogFolderFault."""
        self.public.mkdir(parents=True, exist_ok=True)
        self.bundles.mkdir(mode=0o700, exist_ok=True)
        self._aside.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._demand_lock(lock)
            self.recover()
            yield self
        finally:
            os.close(lock)

    def _demand_lock(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LogFolderFault(
                "log_in_use", f"Another ecoklit builds the log in {self.folder}: stop it, or let it go on."
            ) from None

    # --- reading -------------------------------------------------------------------------------------------------

    def state(self) -> LogState | None:
        """How far the log is; None when nothing was ever logged here. Raises LogFolderFault log_damaged."""
        try:
            return msgspec.json.decode((self.folder / STATE).read_bytes(), type=LogState)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:
            raise LogFolderFault(
                "log_damaged",
                f"{self.folder / STATE} is no state of a log: restore the folder, and have a witness confirm it.",
            ) from None

    def read(self, tile: Tile) -> bytes:
        """The bytes of a tile or bundle, if need be out of the full one. Raises LogFolderFault log_damaged."""
        for there in dict.fromkeys((tile, tile.whole)):
            try:
                data = self._path(there).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                continue
            return data if there == tile else part_of(tile, data)
        raise LogFolderFault(
            "log_damaged", f"{self._path(tile)} is not there: restore the folder from its newest copy."
        )

    def checkpoint(self, name: str = CHECKPOINT) -> bytes:
        """The published checkpoint; raises LogFolderFault no_log."""
        try:
            return (self.public / name).read_bytes()
        except FileNotFoundError:
            raise LogFolderFault(
                "no_log", f"There is no {name} in {self.public}: build the log first, or name its folder."
            ) from None

    # --- writing -------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Throw away what a step wrote and did not commit; publish what it committed and did not publish."""
        self._discard()
        self._renew_checkpoint()

    def write(self, tiles: Sequence[tuple[Tile, bytes]]) -> None:
        """Put tiles and bundles where they belong; durable on return, and not yet spoken of."""
        if max(Counter(tile.level for tile, _ in tiles).values(), default=0) > ROW_TILES_MAX:
            raise ValueError(f"more than {ROW_TILES_MAX} tiles of one level in one step")
        paths = [self._path(tile) for tile, _ in tiles]
        for path, (_, data) in zip(paths, tiles, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        list(self._syncs.map(_sync, [*paths, *sorted({above for path in paths for above in self._above(path)})]))

    def commit(self, state: LogState, full: Iterable[Tile]) -> None:
        """Make `state` the log's, and publish its checkpoint. The parts of tiles that are `full` now are thrown away,
        which tlog-tiles allows: who looks for one takes the whole."""
        with self._publishing():
            self._replace(self.folder / STATE, msgspec.json.encode(state), 0o600)
            # Not synced: `state` is, and opening publishes again what a power cut took.
            aside = self._aside / CHECKPOINT
            aside.write_bytes(state.note.encode())
            aside.replace(self.public / CHECKPOINT)
        for tile in full:
            path = self._path(tile)
            shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)

    def cosigned(self, note: Note) -> None:
        """Publish a checkpoint of this log with what witnesses put under it; the current one stays the current one."""
        with self._publishing():
            state = self.state()
            if state is not None and read_note(state.note.encode()).text == note.text:
                self._publish(CHECKPOINT, note.written)
            self._publish(COSIGNED, note.written)

    @contextmanager
    def _publishing(self) -> Iterator[None]:
        """One at a time: cosignatures come while somebody else builds, and must not bring back an older checkpoint."""
        lock = os.open(self.folder / "publishing", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _discard(self) -> None:
        state = self.state()
        size = 0 if state is None else state.size
        for level in (ENTRIES, *range(len(levels_of(size)) + 2)):
            first = size >> (HEIGHT * (max(level, 0) + 1))
            top = self.bundles if level == ENTRIES else self.public
            folders = {self._path(Tile(level, number)).parent for number in (first, first + ROW_TILES_MAX)}
            for path in [path for folder in folders for path in (*folder.glob("*"), *folder.glob("*.p/*"))]:
                tile = tile_at(path.relative_to(top).as_posix())
                now = None if tile is None else tile_of(size, level, tile.number)
                if tile is not None and (now is None or tile.width > now.width):
                    path.unlink()

    def _renew_checkpoint(self) -> None:
        state = self.state()
        if state is None:
            return
        try:
            published = read_note(self.checkpoint()).text
        except (LogFault, LogFolderFault):
            published = ""
        if published != read_note(state.note.encode()).text:
            self._publish(CHECKPOINT, state.note.encode())

    def _publish(self, name: str, data: bytes) -> None:
        self._replace(self.public / name, data, 0o644)

    def _replace(self, path: Path, data: bytes, mode: int) -> None:
        aside = self._aside / path.name
        aside.touch(mode=mode)
        aside.write_bytes(data)
        _sync(aside)
        aside.replace(path)
        _sync(path.parent)

    def _path(self, tile: Tile) -> Path:
        return (self.bundles if tile.level == ENTRIES else self.public) / tile.path

    def _above(self, path: Path) -> list[Path]:
        """The folders by whose entries a tile is reached: a new one is lost with its name in any of them."""
        return [folder for folder in path.parents if folder.is_relative_to(self.folder)]


def _sync(path: Path) -> None:
    """Have the disk keep what `path` is: a file's bytes, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
