"""An export as a folder of the disk: `ports.ExportFiles`.

A file is written aside (`.part`), for its owner alone, and comes in sight whole: after a crash at any moment each file
is there as it should be, or not at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ecoklit.errors import EcoklitError
from ecoklit.ports import FinishedFile, ListFile, ListHead

ABOUT: Final = "export.json"
BLOCK_BYTES: Final = 1 << 20

Writer = Callable[[Path, ListHead], ListFile]
"""Begins a file of some format at a path where there is none."""


class ExportFolder:
    """`ports.ExportFiles` in `path`, which is made when it is not there; `writer` is that of the export's format."""

    def __init__(self, path: Path, writer: Writer) -> None:
        self.path = path
        self._writer = writer

    @contextmanager
    def held(self) -> Iterator[None]:
        self._make()
        folder = os.open(self.path, os.O_RDONLY)  # the lock is the folder's own: nothing more stands in it
        try:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EcoklitError(
                    "export_in_use", f"{self.path} is being written by another program: wait for it, or end it."
                ) from None
            yield
        finally:
            os.close(folder)

    def about(self) -> bytes | None:
        try:
            return (self.path / ABOUT).read_bytes()
        except FileNotFoundError:
            return None

    def demand_ours(self) -> None:
        """Raises EcoklitError bad_argument when the folder holds something, and no export."""
        if self.path.is_dir() and self.about() is None and any(not _is_aside(one) for one in self.path.iterdir()):
            raise EcoklitError("bad_argument", f"{self.path} is not empty, and no export: name a new folder.")

    def keep(self, about: bytes) -> None:
        self._make()
        aside = _aside(self.path / ABOUT)
        aside.unlink(missing_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(about)
            file.flush()
            os.fsync(file.fileno())
        self._show(self.path / ABOUT)

    def begin(self, name: str, head: ListHead) -> ListFile:
        self._make()
        aside = _aside(self.path / name)
        aside.unlink(missing_ok=True)
        # Made here, so that it is its owner's before the first row is in it; the writer finds it empty.
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return self._writer(aside, head)

    def finished(self, name: str) -> FinishedFile:
        aside = _aside(self.path / name)
        digest, size = hashlib.sha256(), 0
        with aside.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
                size += len(block)
            os.fsync(file.fileno())
        self._show(self.path / name)
        return FinishedFile(size, digest.hexdigest())

    def read(self, name: str, start: int, bytes_max: int) -> bytes:
        with (self.path / name).open("rb") as file:
            file.seek(start)
            return file.read(bytes_max)

    def forget(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def _make(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _show(self, path: Path) -> None:
        _aside(path).replace(path)
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _is_aside(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(".part")
