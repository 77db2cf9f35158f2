"""A transparency log as files, which any web server can publish.

public/checkpoint            what the log says of its tree now, with the cosignatures that came for it
public/checkpoint.cosigned   the last checkpoint that anybody cosigned
public/tile/…                the tree (c2sp.org/tlog-tiles); nobody can read an event from it
bundles/tile/entries/…       the entries themselves, for accredited auditors: a folder of mode 0700, never below public/
aside/                       what is being written, and a list of where it will go
state                        how far the journal is logged, and the checkpoint: the one file that commits a step
lock                         held (flock) by whoever builds

A step writes bundles and tiles aside, syncs them, names them, and then replaces `state`. What is named and not
committed is thrown away by the next step or opening: no checkpoint ever spoke of it, and the next tree may be another.
A crash after the commit leaves an older `checkpoint`, which opening renews.
"""

from __future__ import annotations

import fcntl
import os
import shutil
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
from ecoklit.tlog.tile import ENTRIES, Tile, part_of, tile_at, tile_of

PUBLIC: Final = "public"
BUNDLES: Final = "bundles"
STATE: Final = "state"
ASIDE: Final = "aside"
NAMED: Final = "named"
CHECKPOINT: Final = "checkpoint"
COSIGNED: Final = "checkpoint.cosigned"
SYNCS_AT_ONCE_MAX: Final = 16


class LogFolderFault(EcoklitError):
    """The folder cannot be used as it is; nothing in it was changed. Codes: log_in_use, log_damaged, no_log."""


class LogFolder:
    """The files of one log. Keeps `ports.LogStore`; only whoever holds `opened` may write."""

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
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._discard()
            self._renew_checkpoint()
            yield self
        except BlockingIOError:
            raise LogFolderFault(
                "log_in_use", f"Another ecoklit builds the log in {self.folder}: stop it, or let it go on."
            ) from None
        finally:
            os.close(lock)

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
        raise LogFolderFault("log_damaged", f"{self._path(tile)} is not there: restore the folder, or build it anew.")

    def checkpoint(self, name: str = CHECKPOINT) -> bytes:
        """The published checkpoint; raises LogFolderFault no_log."""
        try:
            return (self.public / name).read_bytes()
        except FileNotFoundError:
            raise LogFolderFault(
                "no_log", f"There is no {name} in {self.public}: build the log first, or name its folder."
            ) from None

    # --- writing -------------------------------------------------------------------------------------------------

    def write(self, tiles: Sequence[tuple[Tile, bytes]]) -> None:
        """Put tiles and bundles where they belong; durable on return, and not yet spoken of."""
        self._discard()
        paths = [self._path(tile) for tile, _ in tiles]
        for folder in {path.parent for path in paths}:
            folder.mkdir(parents=True, exist_ok=True)
        named = "".join(f"{tile.path}\n" for tile, _ in tiles).encode()
        aside = [self._aside / str(number) for number in range(len(tiles))]
        is_new = not (self._aside / NAMED).exists()
        list(self._syncs.map(_write, [self._aside / NAMED, *aside], [named, *(data for _, data in tiles)]))
        if is_new:  # the list keeps its name from then on; those of the others are given anew
            _sync_folder(self._aside)
        for written, path in zip(aside, paths, strict=True):
            written.replace(path)
        list(self._syncs.map(_sync_folder, sorted({folder for path in paths for folder in self._above(path)})))

    def commit(self, state: LogState, full: Iterable[Tile]) -> None:
        """Make `state` the log's, and publish its checkpoint. The parts of tiles that are `full` now are thrown away,
        which tlog-tiles allows: who looks for one takes the whole."""
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
        state = self.state()
        if state is not None and read_note(state.note.encode()).text == note.text:
            self._publish(CHECKPOINT, note.written)
        self._publish(COSIGNED, note.written)

    def _discard(self) -> None:
        """Throw away what a step named and did not commit."""
        try:
            named = (self._aside / NAMED).read_text().split()
        except FileNotFoundError:
            return
        state = self.state()
        for tile in filter(None, map(tile_at, named)):
            now = tile_of(0 if state is None else state.size, tile.level, tile.number)
            if now is None or tile.width > now.width:
                self._path(tile).unlink(missing_ok=True)

    def _renew_checkpoint(self) -> None:
        """A crash between the commit and its publishing left an older one, or none."""
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
        _write(aside, data, mode)
        aside.replace(path)
        _sync_folder(path.parent)

    def _path(self, tile: Tile) -> Path:
        return (self.bundles if tile.level == ENTRIES else self.public) / tile.path

    def _above(self, path: Path) -> list[Path]:
        """The folders by whose entries a tile is reached: a new one is lost with its name in any of them."""
        return [folder for folder in path.parents if folder.is_relative_to(self.folder)]


def _write(path: Path, data: bytes, mode: int = 0o644) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
