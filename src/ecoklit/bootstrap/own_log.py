"""The office's own log: where it imports lists and rules, signed and pushed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from ecoklit.adapters import data_folder
from ecoklit.adapters.http_service import HttpService
from ecoklit.adapters.listing_index import SqliteListingIndex, office_key
from ecoklit.adapters.office_log import OfficeLog
from ecoklit.bootstrap.doors import bring_office_log, open_door
from ecoklit.bootstrap.journals import open_journal
from ecoklit.bootstrap.office import office_folder
from ecoklit.core.codebook import Codebook
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held
from ecoklit.services.listing import Office, Push, office_log, signed_push
from ecoklit.services.listing_journal import events_about, learn
from ecoklit.services.ruling import demand_whole
from ecoklit.settings import BadSetting, Settings

SALT_BYTES: Final = 16


def _salt() -> bytes:
    return secrets.token_bytes(SALT_BYTES)


@asynccontextmanager
async def open_office(
    settings: Settings, book: Codebook, officer: str, policy: str, salt: Callable[[], bytes] = _salt
) -> AsyncIterator[Office]:
    """The office device of the data folder, which imports lists and signs what it says; its index is brought up first.

    Raises DataFolderFault no_key where no election was opened or joined.

    `salt` gives 16 bytes at each call; only made-up voters may have it foreseeable.
    """
    folder = office_folder(settings)
    async with open_journal(settings) as journal, open_door(settings, journal) as admission:
        signer = data_folder.load_key(
            data_folder.key_folder(settings.data, settings.election, settings.regency), "office"
        )
        device, key, log = signer.device, office_key(folder), OfficeLog(folder, signer)

        async def push(lines: list[bytes]) -> None:
            body = signed_push(signer, settings.election, lines)
            log.keep(body)
            log.keep_receipt(await admission.push(body))

        async def seen(voters: Collection[str]) -> Mapping[str, Sequence[Held]]:
            return await events_about(journal, voters)

        with SqliteListingIndex(folder, device, key) as index:
            is_restored = await bring_office_log(settings, journal, admission)
            await learn(journal, index, device=device, key=key, is_restored=is_restored)
            author = office_log(index, election=settings.election, device=device, officer=officer, policy=policy)
            yield Office(author, index, key=key, book=book, salt=salt, push=push, seen=seen)


@dataclass(frozen=True)
class OwnLog:
    """The log of the data folder's office at its end, and the way to the service; one program at a time has it.

    `position` is how far the journal was when a service receipted it last: a roll of before lacks what it said.
    """

    log: DeviceLog
    index: SqliteListingIndex
    key: Key
    push: Push
    position: Callable[[], int]


@contextmanager
def open_own_log(settings: Settings) -> Iterator[OwnLog]:
    """The office's own log, to rule in. Raises DataFolderFault no_key, IndexFault, RulingFault, BadSetting."""
    if settings.service_url is None:
        raise BadSetting("No service is known: start 'ecoklit up' in this folder, or set ECOKLIT_SERVICE_URL.")
    folder, service = office_folder(settings), HttpService(settings.service_url)
    signer = data_folder.load_key(data_folder.key_folder(settings.data, settings.election, settings.regency), "office")
    kept = OfficeLog(folder, signer)

    async def push(lines: list[bytes]) -> None:
        body = signed_push(signer, settings.election, lines)
        kept.keep(body)
        kept.keep_receipt(await service.push(body))

    with SqliteListingIndex(folder, signer.device, office_key(folder)) as index:
        demand_whole(index, kept.end())
        log = office_log(index, election=settings.election, device=signer.device, officer="", policy="")
        stream = f"ECOKLIT-{settings.election}-{settings.regency}"
        yield OwnLog(log, index, signer, push, lambda: kept.position(stream))
