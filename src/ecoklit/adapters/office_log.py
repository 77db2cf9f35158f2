"""What the office's device has said, kept beside its key until the list is closed (SPEC §7.10).

A journal that is restored from an older copy holds the end of no log any more, and nobody but its author can sign it
again. A list's particulars are in it, so every push is sealed to the office's own key.
"""

from __future__ import annotations

import os
import secrets
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ecoklit.core import sealing
from ecoklit.core.event import Malformed
from ecoklit.core.push_file import kind_of
from ecoklit.core.receipt import Receipt, read_receipt
from ecoklit.core.signing import Key
from ecoklit.errors import EcoklitError

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
        packed = zlib.compress(push, PACKED_LEVEL)
        self._append(sealing.to_key(packed, self._key.public, secrets.token_bytes(sealing.EPHEMERAL_BYTES)))

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

    def _receipts(self) -> Iterator[Receipt]:
        return (read_receipt(line).receipt for line in self._lines() if kind_of(line) == "receipt")

    def _lines(self) -> Iterator[bytes]:
        if self._path.exists():
            with self._path.open("rb") as file:
                # A line that was torn by a lost power was never sent, and the next one begins on a line of its own.
                yield from (line[:-1] for line in file if _is_whole(line))

    def _append(self, line: bytes) -> None:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                is_torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
                file.write((b"\n" if is_torn else b"") + line + b"\n")
                os.fsync(descriptor)
        except OSError as error:
            raise OfficeLogFault(
                "log_not_written",
                f"{self._path} cannot be written ({error.strerror}): check its folder, rights and disk.",
            ) from error


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
