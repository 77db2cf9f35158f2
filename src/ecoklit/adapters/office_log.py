"""What the office's device has said, kept beside its key until the list is closed (SPEC §7.10).

A journal that is restored from an older copy holds the end of no log any more, and nobody but its author can sign it
again. A list's particulars are in it, so every push is sealed to the office's own key.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ecoklit.core import sealing
from ecoklit.core.event import Malformed
from ecoklit.core.push_file import kind_of, without_persons
from ecoklit.core.receipt import Receipt, read_receipt
from ecoklit.core.signing import Key
from ecoklit.errors import EcoklitError
from ecoklit.ports.erasure import IsErased

FILE: Final = "log.sealed"
PACKED_LEVEL: Final = 1  # a tenth of its size, in a hundredth of a second


class OfficeLogFault(EcoklitError):
    """The office's log cannot be kept. Code: log_not_written."""


class OfficeLog:
    """The pushes of the office device `key` in `folder`, one after another, each followed by its receipt."""

    def __init__(self, folder: Path, key: Key) -> None:
        self._path = folder / FILE
        self._key = key

    def keep(self, push: bytes) -> None:
        """Keep a push before it is sent; on disk when this returns. Raises OfficeLogFault."""
        self._append(self._sealed(push))

    def keep_receipt(self, receipt: bytes) -> None:
        """Keep the receipt of the push that was kept last: it proves when that was admitted."""
        self._append(receipt.removesuffix(b"\n"))

    def end(self) -> int:
        """The seq up to which a service receipted this log; 0 for none."""
        return max((receipt.seq for receipt in self._receipts()), default=0)

    def position(self, stream: str) -> int:
        """How far `stream` was when a service receipted this log last; 0 when none did."""
        return max((receipt.position.get(stream, 0) for receipt in self._receipts()), default=0)

    def pushes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Every push as it was sent, oldest first, with its receipt if it had one. Raises sealing.NotOpened."""
        push: bytes | None = None
        for line in self._lines():
            if kind_of(line) == "receipt":
                if push is not None:
                    yield push, line
                push = None
            else:
                if push is not None:
                    yield push, None
                push = zlib.decompress(sealing.open_with_key(line, self._key))
        if push is not None:
            yield push, None

    def erase(self, is_erased: IsErased) -> int:
        """Keep every push without the persons of these voters; how many persons that were. Raises OfficeLogFault."""
        with self._alone():
            lines, erased = [], 0
            for push, receipt in self.pushes():
                body, count = without_persons(push, is_erased)
                lines.append(self._sealed(body))
                lines += [] if receipt is None else [receipt]
                erased += count
            if erased:
                self._replace(b"".join(line + b"\n" for line in lines))
        return erased

    def _sealed(self, push: bytes) -> bytes:
        packed = zlib.compress(push, PACKED_LEVEL)
        return sealing.to_key(packed, self._key.public, secrets.token_bytes(sealing.EPHEMERAL_BYTES))

    def _replace(self, content: bytes) -> None:
        aside = self._path.with_suffix(".new")
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self._path)
        except OSError as error:
            raise self._fault(error) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else writes meanwhile: what is appended to a file that is being replaced would be lost."""
        try:
            lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._fault(error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _fault(self, error: OSError) -> OfficeLogFault:
        return OfficeLogFault(
            "log_not_written",
            f"{self._path} cannot be written ({error.strerror}): check its folder, rights and disk.",
        )

    def _receipts(self) -> Iterator[Receipt]:
        return (read_receipt(line).receipt for line in self._lines() if kind_of(line) == "receipt")

    def _lines(self) -> Iterator[bytes]:
        if self._path.exists():
            with self._path.open("rb") as file:
                # A line that was torn by a lost power was never sent, and the next one begins on a line of its own.
                yield from (line[:-1] for line in file if _is_whole(line))

    def _append(self, line: bytes) -> None:
        with self._alone():
            self._append_alone(line)

    def _append_alone(self, line: bytes) -> None:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                is_torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
                file.write((b"\n" if is_torn else b"") + line + b"\n")
                os.fsync(descriptor)
        except OSError as error:
            raise self._fault(error) from error


def _is_whole(line: bytes) -> bool:
    if not (line.startswith(b"{") and line.endswith(b"}\n")):
        return False
    return kind_of(line) != "receipt" or _is_receipt(line)


def _is_receipt(line: bytes) -> bool:
    try:
        read_receipt(line)
    except Malformed:
        return False
    return True
