"""Refused pushes as files: one folder for each device, one file for each push, for the owner of the folder alone.

Keeps the promises of `ecoklit.ports.Evidence`. The files are named by the hash of what is in them, so that the same
bytes are there once, whoever brings them.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from ecoklit.core import ids
from ecoklit.core.limits import EVIDENCE_BYTES_MAX, EVIDENCE_BYTES_PER_DEVICE_MAX
from ecoklit.core.push_file import without_persons
from ecoklit.ports.erasure import IsErased

SUFFIX = ".ndjson"


class EvidenceFolder:
    """The proofs in `folder`, which is made when the first one comes."""

    def __init__(
        self,
        folder: Path,
        *,
        bytes_max: int = EVIDENCE_BYTES_MAX,
        bytes_per_device_max: int = EVIDENCE_BYTES_PER_DEVICE_MAX,
    ) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._bytes_per_device_max = bytes_per_device_max
        self._one_at_a_time = asyncio.Lock()  # or two would both find the same room

    async def keep(self, device: str, body: bytes) -> bool:
        async with self._one_at_a_time:
            try:
                return await asyncio.to_thread(self._keep, device, body)
            except OSError:  # a full or broken disk: the refusal is the same without its proof
                return False

    def of_device(self, device: str) -> list[bytes]:
        """What is kept of one device, in no order."""
        return [path.read_bytes() for path in sorted((self._folder / device).glob(f"*{SUFFIX}"))]

    def erase(self, is_erased: IsErased) -> int:
        """Keep the proofs without the persons of these voters; how many persons that were. Durable on return."""
        erased = 0
        for path in sorted(self._folder.glob(f"*/*{SUFFIX}")):
            body, count = without_persons(path.read_bytes(), is_erased)
            if count:
                _write(path.parent / f"{ids.sha256(body).hex()}{SUFFIX}", body)
                path.unlink()
                erased += count
        return erased

    def _keep(self, device: str, body: bytes) -> bool:
        folder = self._folder / device
        path = folder / f"{ids.sha256(body).hex()}{SUFFIX}"
        if path.exists():
            return True
        kept_of_device = sum(file.stat().st_size for file in folder.glob(f"*{SUFFIX}"))
        if kept_of_device + len(body) > self._bytes_per_device_max:
            return False
        if sum(file.stat().st_size for file in self._folder.glob(f"*/*{SUFFIX}")) + len(body) > self._bytes_max:
            return False
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, body)
        return True


def _write(path: Path, body: bytes) -> None:
    aside = path.with_suffix(".new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
