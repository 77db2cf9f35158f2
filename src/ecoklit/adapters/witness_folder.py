"""What a witness keeps: its key, whose logs it watches, all that it cosigned, and every fork that it found.

name         how its cosignatures are signed
logs         the logs that it knows, as lines of a policy (c2sp.org/tlog-policy)
witness.key  the secret, for its owner alone
history      every request that it took, with its cosignature; only ever appended to, and synced before an answer
forks/       proofs that a log signed two trees that do not fit
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ecoklit.adapters import data_folder
from ecoklit.core import ids
from ecoklit.core.signing import Key
from ecoklit.errors import EcoklitError
from ecoklit.tlog.history import records_in
from ecoklit.tlog.note import witness_key
from ecoklit.tlog.policy import Policy, read_policy

KEY: Final = "witness"
QUORUM: Final = b"quorum none\n"


class WitnessFault(EcoklitError):
    """The folder cannot be used as it is. Codes: no_witness, witness_exists, witness_in_use, bad_name."""


class WitnessFolder:
    """The folder of one witness. Only whoever holds `opened` may append."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._history = -1

    def make(self, name: str, key: Key) -> None:
        """Begin a witness here. Raises WitnessFault witness_exists or bad_name."""
        if (self.folder / "name").exists():
            raise WitnessFault("witness_exists", f"{self.folder} is a witness already: choose another folder.")
        try:
            witness_key(name, key)
        except ValueError:
            raise WitnessFault(
                "bad_name", f"'{name}' is no name of a witness: take one like an address, without spaces and plus."
            ) from None
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        data_folder.save_key(self.folder, KEY, key)
        data_folder.write_durably(self.folder / "logs", QUORUM)
        data_folder.write_durably(self.folder / "name", f"{name}\n".encode())

    @property
    def name(self) -> str:
        try:
            return (self.folder / "name").read_text().strip()
        except FileNotFoundError:
            raise WitnessFault(
                "no_witness", f"{self.folder} is no witness: make one with 'ecoklit witness init'."
            ) from None

    @property
    def key(self) -> Key:
        return data_folder.load_key(self.folder, KEY)

    @property
    def logs(self) -> Policy:
        """Whose checkpoints are cosigned here, and where they are. Raises LogFault bad_policy."""
        return read_policy((self.folder / "logs").read_bytes())

    def watch(self, vkey: str, where: str) -> None:
        """Know one more log. Raises LogFault bad_policy when it is known, or no log's key."""
        lines = f"log {vkey} {where}\n".encode() + (self.folder / "logs").read_bytes()
        read_policy(lines)
        data_folder.write_durably(self.folder / "logs", lines)

    @contextmanager
    def opened(self) -> Iterator[WitnessFolder]:
        """Hold the history for this process alone. A record that a crash cut off is dropped. Raises WitnessFault."""
        _ = self.name
        self._history = os.open(self.folder / "history", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._demand_lock()
            os.ftruncate(self._history, records_in((self.folder / "history").read_bytes())[1])
            yield self
        finally:
            os.close(self._history)
            self._history = -1

    def _demand_lock(self) -> None:
        try:
            fcntl.flock(self._history, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WitnessFault(
                "witness_in_use", f"Another ecoklit is this witness ({self.folder}): stop it, or ask that one."
            ) from None

    def records(self) -> list[bytes]:
        """All that was cosigned here, in order."""
        try:
            return records_in((self.folder / "history").read_bytes())[0]
        except FileNotFoundError:
            return []

    def append(self, record: bytes) -> None:
        """Remember one more; on the disk when it returns. Raises OSError, and then the record is not in the history."""
        size = os.fstat(self._history).st_size
        try:
            if os.write(self._history, record) != len(record):
                raise OSError("the disk took a part of a record")
            os.fsync(self._history)
        except OSError:
            os.ftruncate(self._history, size)
            raise

    def keep_fork(self, proof: bytes) -> Path:
        """Keep the proof of a fork, under a name of its own."""
        folder = self.folder / "forks"
        folder.mkdir(exist_ok=True)
        path = folder / f"{ids.sha256(proof).hex()[:16]}.fork"
        data_folder.write_durably(path, proof)
        return path

    def forks(self) -> list[Path]:
        return sorted((self.folder / "forks").glob("*.fork"))
