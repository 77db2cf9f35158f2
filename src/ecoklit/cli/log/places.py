"""Where a regency's logs are kept, what they are called, and the keys that sign them."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecoklit.errors import EcoklitError
from ecoklit.settings import Settings

if TYPE_CHECKING:
    from ecoklit.adapters.log_folder import LogFolder
    from ecoklit.core.signing import Key

LOGS: Final = ("voters", "registry")


def folder_of(settings: Settings, log: str) -> Path:
    """Where a log of the settings' election and regency is kept."""
    name = f"{settings.election}-{settings.regency}"
    return settings.data / "tlog" / (name if log == "voters" else f"{name}-{log}")


def origin_of(folder: LogFolder, settings: Settings, log: str, asked: str | None) -> str:
    """The log's name: that of its last checkpoint, and of a new one as asked."""
    from ecoklit.core.signing import key_from_seed
    from ecoklit.tlog.checkpoint import read_checkpoint
    from ecoklit.tlog.note import log_key, read_note

    base = asked or f"ecoklit/{settings.election}/{settings.regency}"
    name = base if log == "voters" else f"{base}/{log}"
    state = folder.state()
    if state is not None:
        known = read_checkpoint(read_note(state.note.encode()).text).origin
        if asked is not None and known != name:
            raise EcoklitError("bad_argument", f"The log is named {known} for good: leave --origin away.")
        return known
    try:
        log_key(name, key_from_seed("ed25519", bytes(32)))
    except ValueError:
        raise EcoklitError(
            "bad_argument", f"'{base}' is no name of a log: take one like an address, without spaces and plus."
        ) from None
    return name


def key_of(folder: LogFolder, settings: Settings, log: str, *, is_new: bool = False) -> Key:
    """The log's key, from the key folder; `is_new` makes one when there is none, and takes one whose log is gone.

    Raises EcoklitError log_lost when the key is there and what it signed is not: whoever builds the log a second time
    signs another tree of the same size, and every witness will call it forked.
    """
    from ecoklit.adapters import data_folder
    from ecoklit.core.signing import ED25519, SEED_BYTES, key_from_seed

    keys = data_folder.key_folder(settings.data, settings.election, settings.regency)
    name = "log" if log == "voters" else f"log-{log}"
    try:
        key = data_folder.load_key(keys, name)
    except data_folder.DataFolderFault as fault:
        if fault.code != "no_key" or folder.state() is not None:
            raise
        key = key_from_seed(ED25519, secrets.token_bytes(SEED_BYTES))
        data_folder.save_key(keys, name, key)
        return key
    if folder.state() is None and not is_new:
        raise EcoklitError(
            "log_lost",
            f"The key of this log is there, and {folder.folder} holds no log: restore the folder; or say --anew, with "
            "another --origin when anybody has seen the old one.",
        )
    return key
