"""The data folder of `ecoklit up`: one program at a time, of one version, and what it runs can be found by the others.

VERSION       the layout's number; raised when a program can no longer read what an older one wrote
lock          held (flock) while a program works on the folder; freed by the kernel, however it ends
election.json  of which election and regency it is, once that was opened or joined here
running.json  where its servers are, for the other commands; without meaning unless the lock is held
epoch         which life of the journal this is, once it was made anew by `ecoklit mend`
nats/ postgres/ office/   the journal, the projections, the office device that imports lists
keys/     the private keys of the office, of the service and of the logs, for the owner of the folder alone
tlog/     the transparency logs (adapters/log_folder.py)
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ecoklit.core import ids
from ecoklit.core.signing import Key, key_from_seed
from ecoklit.errors import EcoklitError

LAYOUT: Final = 1
VERSION_FILE: Final = "VERSION"
LOCK_FILE: Final = "lock"
RUNNING_FILE: Final = "running.json"
ELECTION_FILE: Final = "election.json"
EPOCH_FILE: Final = "epoch"
BESIDE: Final = "nats-beside"


class DataFolderFault(EcoklitError):
    """The folder cannot be used as it is; nothing in it was changed.

    Codes: data_in_use, data_newer, data_older, data_unreadable, no_key, bad_key, key_exists.
    """


@contextmanager
def opened(folder: Path) -> Iterator[Path]:
    """Hold `folder`, made if it is absent, for this process alone. Raises DataFolderFault."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DataFolderFault(
            "data_unreadable", f"{folder} cannot be used ({error.strerror}): set ECOKLIT_DATA to a folder that can."
        ) from error
    try:
        _demand_lock(folder, lock)
        _demand_version(folder)
        (folder / RUNNING_FILE).unlink(missing_ok=True)  # left by a program that was killed
        restore_store(folder)
        yield folder
        (folder / RUNNING_FILE).unlink(missing_ok=True)
    finally:
        os.close(lock)


def announce(folder: Path, running: Mapping[str, str]) -> None:
    """Say where the servers are, to the owner of the folder only: an address can hold a password."""
    aside = folder / f"{RUNNING_FILE}.new"
    aside.touch(mode=0o600)
    aside.write_text(json.dumps(running, indent=2) + "\n")
    aside.replace(folder / RUNNING_FILE)


def read_running(folder: Path) -> dict[str, str]:
    """What the program that holds `folder` announced; {} when none holds it."""
    try:
        found = json.loads((folder / RUNNING_FILE).read_bytes())
        with (folder / LOCK_FILE).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return {}  # nobody held the lock
    except BlockingIOError:
        return {key: value for key, value in found.items() if isinstance(value, str)}
    except (OSError, ValueError):
        return {}


def remember_election(folder: Path, election: str, regency: str, service_url: str | None = None) -> None:
    """Make `folder` one of this election and regency, whose service is at `service_url` when that is elsewhere."""
    found = {"election": election, "regency": regency}
    text = json.dumps(found if service_url is None else {**found, "service_url": service_url})
    write_durably(folder / ELECTION_FILE, text.encode() + b"\n")


def read_election(folder: Path) -> dict[str, str]:
    """What `remember_election` said of `folder`; {} when no election was opened or joined there."""
    try:
        found = json.loads((folder / ELECTION_FILE).read_bytes())
        return {"election": found["election"], "regency": found["regency"]} | {
            name: found[name] for name in ("service_url",) if name in found
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def remember_epoch(folder: Path, epoch: int) -> None:
    """Make the journal in `folder` one of this epoch: it was made anew or restored, and nobody is to forget it."""
    write_durably(folder / EPOCH_FILE, f"{epoch}\n".encode())


def read_epoch(folder: Path) -> dict[str, str]:
    """What `remember_epoch` said of `folder`; {} when nothing was ever made anew there."""
    try:
        return {"epoch": (folder / EPOCH_FILE).read_text(errors="replace").strip()}
    except OSError:
        return {}


# --- a journal made anew ---------------------------------------------------------------------------------------------


def empty_beside(folder: Path) -> Path:
    """An empty folder for a broker beside the folder's own; what an earlier attempt left there is thrown away."""
    beside = folder.resolve() / BESIDE
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o700)
    return beside


def exchange_store(folder: Path) -> Path:
    """Let the store of the broker beside take the place of the folder's own, which is kept; where that is now.

    Neither broker may run. A crash between the two renames leaves no store in its place: `restore_store` is called
    before a broker starts.
    """
    own, nth = folder / "nats", 1
    while (kept := own / f"store-damaged-{nth}").exists():
        nth += 1
    (own / "store").rename(kept)
    restore_store(folder)
    return kept


def restore_store(folder: Path) -> None:
    """Finish an exchange that a crash cut off: the new store is whole, and the old one has left its place."""
    own, fresh = folder / "nats", folder / BESIDE / "store"
    if fresh.is_dir() and not (own / "store").exists() and any(own.glob("store-damaged-*")):
        fresh.rename(own / "store")
        shutil.rmtree(folder / BESIDE, ignore_errors=True)


def keep_left_over(folder: Path, name: str, lines: Sequence[bytes]) -> Path:
    """Keep lines that hold particulars, for the owner of the folder alone; durable on return."""
    left = folder / "left-over"
    left.mkdir(mode=0o700, exist_ok=True)
    path = left / f"{name}.ndjson"
    write_durably(path, b"".join(line + b"\n" for line in lines))
    return path


def _demand_lock(folder: Path, lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataFolderFault(
            "data_in_use",
            f"Another ecoklit runs in {folder}: stop it, or set ECOKLIT_DATA to another folder.",
        ) from None


def _demand_version(folder: Path) -> None:
    path = folder / VERSION_FILE
    if not path.exists():
        write_durably(path, f"{LAYOUT}\n".encode())
        return
    text = path.read_text(errors="replace").strip()
    if not (text.isascii() and text.isdigit()):
        raise DataFolderFault(
            "data_unreadable",
            f"{path} holds no version: put {LAYOUT} there if ecoklit made the folder, else use another.",
        )
    if int(text) > LAYOUT:
        raise DataFolderFault(
            "data_newer", f"{folder} was written by a newer ecoklit (layout {text}, this knows {LAYOUT}): use that one."
        )
    if int(text) < LAYOUT:
        raise DataFolderFault(
            "data_older",
            f"{folder} was written by an older ecoklit (layout {text}) and cannot be converted: start with a new "
            "folder and push the devices' logs again.",
        )


# --- keys ------------------------------------------------------------------------------------------------------------


def key_folder(data: Path, election: str, regency: str) -> Path:
    """Where the private keys of one election and regency lie in the data folder `data`."""
    return data / "keys" / f"{election}-{regency}"


def save_key(folder: Path, name: str, key: Key) -> None:
    """Keep `key` as `name` in `folder`, for its owner alone; durable on return. Saving the same key again is free.

    Raises DataFolderFault key_exists for another key of that name: what it signed could never be signed again.
    """
    path = _key_file(folder, name)
    if path.exists():
        if load_key(folder, name) == key:
            return
        raise DataFolderFault("key_exists", f"{path} holds another key: move it away first, and keep it.")
    text = json.dumps({"algorithm": key.algorithm, "device": key.device, "seed": ids.to_base64url(key.seed)})
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(path, text.encode() + b"\n")
    except OSError as error:
        raise DataFolderFault(
            "data_unreadable", f"{path} cannot be written ({error.strerror}): make room or mend its folder."
        ) from error


def load_key(folder: Path, name: str) -> Key:
    """The key that `save_key` kept; raises DataFolderFault no_key or bad_key."""
    path = _key_file(folder, name)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataFolderFault(
            "no_key",
            f"{path} is not there: make it with 'ecoklit init', or restore it from the recovery kit.",
        ) from None
    except OSError as error:
        raise DataFolderFault("bad_key", f"{path} cannot be read ({error.strerror}): mend it.") from error
    try:
        found = json.loads(raw)
        key = key_from_seed(found["algorithm"], ids.from_base64url(found["seed"]))
        if key.device != found["device"]:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        # Nothing of what was read is repeated: it may be most of a key.
        raise DataFolderFault("bad_key", f"{path} holds no key: restore it from the election's recovery kit.") from None
    return key


def remember_root(folder: Path, device: str) -> None:
    """Which root key the election of a key folder is under: the only one that may open it here. It is no key itself."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_durably(_root_file(folder), device.encode("ascii") + b"\n")


def read_root(folder: Path) -> str | None:
    """The device of the root key that was remembered; None where none was."""
    try:
        root = _root_file(folder).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    return root if ids.is_device(root) else None


def _root_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.root")


def _key_file(folder: Path, name: str) -> Path:
    if not ids.is_word(name):
        raise ValueError(f"not a name of a key: {name!r}")
    return folder / f"{name}.key"


def write_durably(path: Path, data: bytes) -> None:
    """Make `path` hold `data`, for its owner alone: on the disk on return, and never a part of it. Raises OSError."""
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
