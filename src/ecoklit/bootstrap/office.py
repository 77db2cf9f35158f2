"""The office of a data folder: its keys, and its registry before there is a service."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from ecoklit.adapters import data_folder
from ecoklit.adapters.office_registry import FILE as OFFICE_FILE
from ecoklit.adapters.office_registry import OfficeFault, OfficeRegistry
from ecoklit.core import enrolment, sealing
from ecoklit.core.recovery_kit import KeptKeys
from ecoklit.core.registry_event import SignedRegistry
from ecoklit.core.signing import ED25519, SEED_BYTES, Key, key_from_seed
from ecoklit.errors import EcoklitError
from ecoklit.services.desk import Desk
from ecoklit.settings import Settings


def service_key(settings: Settings) -> Callable[[], Key]:
    """Gives the key that signs receipts, read when it is first needed: an election may be opened while a service runs.

    Raises DataFolderFault no_key or bad_key at that call.
    """
    folder = data_folder.key_folder(settings.data, settings.election, settings.regency)
    return cache(lambda: data_folder.load_key(folder, "service"))


def shared_secret(settings: Settings) -> bytes:
    """What all processes of one service know and nobody else does: the seed of its key."""
    try:
        return service_key(settings)().seed
    except EcoklitError:
        return secrets.token_bytes(SEED_BYTES)  # not opened yet: this process has one of its own


def office_folder(settings: Settings) -> Path:
    """Where the office device of the settings' election and regency lives."""
    return settings.data / "office" / f"{settings.election}-{settings.regency}"


def fresh_keys(settings: Settings) -> KeptKeys:
    """Three new keys for the settings' election and regency; they are nowhere yet but in memory."""
    root, service, office = (key_from_seed(ED25519, secrets.token_bytes(SEED_BYTES)) for _ in range(3))
    return KeptKeys(settings.election, settings.regency, root, service, office)


def fresh_salt() -> bytes:
    return secrets.token_bytes(sealing.SALT_BYTES)


def office_exists(settings: Settings) -> bool:
    """Whether the data folder has an office of the settings' election."""
    return (office_folder(settings) / OFFICE_FILE).exists()


def has_office_key(settings: Settings) -> bool:
    """Whether an office was on its way here: its key may have been shown to somebody."""
    folder = data_folder.key_folder(settings.data, settings.election, settings.regency)
    return (folder / "office.key").exists()


def make_office(settings: Settings, keys: KeptKeys, lines: Sequence[SignedRegistry]) -> None:
    """A new office and its service in the data folder, without the root key. Raises OfficeFault office_exists."""
    # The registry before the keys: killed in between, `restore_office` completes it, and nothing signed is lost.
    OfficeRegistry.make(office_folder(settings), keys.root.device, lines).close()
    _save_keys(settings, keys)


def restore_office(settings: Settings, keys: KeptKeys) -> None:
    """The keys of a kit, back in the data folder; an office there is completed. Raises OfficeFault other_office."""
    folder = office_folder(settings)
    if not (folder / OFFICE_FILE).exists():
        OfficeRegistry.make(folder, keys.root.device).close()
    with OfficeRegistry(folder) as office:
        if office.root != keys.root.device:
            raise OfficeFault("other_office", f"{folder} is another election's office: use another ECOKLIT_DATA.")
    _save_keys(settings, keys)


def _save_keys(settings: Settings, keys: KeptKeys) -> None:
    folder = data_folder.key_folder(settings.data, settings.election, settings.regency)
    data_folder.remember_root(folder, keys.root.device)
    data_folder.save_key(folder, "service", keys.service)
    data_folder.save_key(folder, "office", keys.office)
    data_folder.remember_election(settings.data, settings.election, settings.regency)


def fresh_code_entropy() -> bytes:
    return secrets.token_bytes(enrolment.CODE_ENTROPY_BYTES)


def office_key_of(settings: Settings) -> Key:
    """The office's key of the data folder; made at the first call."""
    folder = data_folder.key_folder(settings.data, settings.election, settings.regency)
    try:
        return data_folder.load_key(folder, "office")
    except data_folder.DataFolderFault as error:
        if error.code != "no_key":
            raise
    data_folder.save_key(folder, "office", key_from_seed(ED25519, secrets.token_bytes(SEED_BYTES)))
    return data_folder.load_key(folder, "office")


def join_office(settings: Settings, root: str, lines: Sequence[SignedRegistry]) -> None:
    """An office under `root`, whose key the data folder holds; `lines` wait to be sent. Raises OfficeFault."""
    data_folder.remember_root(data_folder.key_folder(settings.data, settings.election, settings.regency), root)
    OfficeRegistry.make(office_folder(settings), root, lines).close()
    data_folder.remember_election(settings.data, settings.election, settings.regency, settings.service_url)


@contextmanager
def open_desk(settings: Settings, clock: Callable[[], str], key: Key | None = None) -> Iterator[Desk]:
    """The data folder's office at work on the registry, under its own key or, for one act, the root's."""
    with OfficeRegistry(office_folder(settings)) as store:
        if key is None:
            folder = data_folder.key_folder(settings.data, settings.election, settings.regency)
            key = data_folder.load_key(folder, "office")
        elif key.device != store.root:
            raise OfficeFault("other_office", "The kit is not this election's: give the kit that was made with it.")
        yield Desk(store, key, election=settings.election, regency=settings.regency, clock=clock)
