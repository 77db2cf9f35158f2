"""The journals of an election and a regency, and the registry that is folded from them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from ecoklit.adapters import data_folder
from ecoklit.adapters.http_registry import HttpRegistry
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.jetstream_registry import JetStreamRegistry
from ecoklit.adapters.office_registry import FILE as OFFICE_FILE
from ecoklit.adapters.office_registry import OfficeFault, OfficeRegistry
from ecoklit.bootstrap.office import has_office_key, office_folder, office_key_of
from ecoklit.core.limits import PUSH_REGISTRY_LINES_MAX
from ecoklit.core.push_file import lines_of
from ecoklit.core.registry import Registry, RegistryFault, fold_registry
from ecoklit.core.registry_event import read_line
from ecoklit.errors import EcoklitError
from ecoklit.ports import RegistryJournal
from ecoklit.services.as_of import RegistryAt, registry_until
from ecoklit.services.desk import RegistryLink
from ecoklit.services.desk import learn as learn_registry
from ecoklit.services.registry import Registrar
from ecoklit.settings import Settings

REGISTRY_LINES_MAX: Final = 1000  # of one read
ANSWER_SECONDS_MAX: Final = 10.0  # a broker's restart takes a few; a phone that waits longer gives up by itself

Logs = TypeVar("Logs", JetStreamJournal, JetStreamRegistry)


@asynccontextmanager
async def open_journal(settings: Settings) -> AsyncIterator[JetStreamJournal]:
    """The journal of the settings' election and regency."""
    async with await _opened(JetStreamJournal, settings) as journal:
        yield journal


@asynccontextmanager
async def open_registry(settings: Settings) -> AsyncIterator[RegistryJournal]:
    """The registry's journal of the settings' election and regency."""
    async with await _opened(JetStreamRegistry, settings) as registry:
        yield registry


async def _opened(kind: type[Logs], settings: Settings) -> Logs:
    return await kind.open(
        settings.nats(),
        replicas=settings.replicas,
        election=settings.election,
        regency=settings.regency,
        monitor_url=settings.monitor_url,
        allow_unsafe=settings.allow_unsafe,
        answer_seconds_max=ANSWER_SECONDS_MAX,
        credentials=settings.nats_creds,
    )


def make_registrar(settings: Settings, registry: RegistryJournal) -> Registrar:
    """The live registry. Only the office whose root key made this data folder may open the election here."""
    folder = data_folder.key_folder(settings.data, settings.election, settings.regency)
    return Registrar(
        election=settings.election,
        regency=settings.regency,
        journal=registry,
        root=lambda: data_folder.read_root(folder),
    )


async def bring_office_lines(settings: Settings, registrar: Registrar, registry: RegistryJournal) -> None:
    """Take into the registry what this folder's office signed while no service ran, and what it knows of a registry
    that was restored from an older copy; again changes nothing."""
    folder = office_folder(settings)
    if not (folder / OFFICE_FILE).exists():
        return
    await registrar.refreshed()  # which refuses the registry of another election
    with OfficeRegistry(folder) as office:
        signer = office_key_of(settings).device if has_office_key(settings) else office.root
        try:
            await learn_registry(office, JournalLink(registrar, registry), signer)
        except OfficeFault as error:
            if error.code != "out_of_step":
                raise
            return  # a matter of the office, whose next command says so: phones are served all the same
        lines = office.unsent()
    for start in range(0, len(lines), PUSH_REGISTRY_LINES_MAX):
        await registrar.admit([read_line(line) for line in lines[start : start + PUSH_REGISTRY_LINES_MAX]])


def registry_reader(settings: Settings, registrar: Registrar, registry: RegistryJournal) -> RegistryAt:
    """Gives the registry as it was at a position."""

    async def at(position: int) -> Registry:
        if position == 0:
            return Registry(settings.election, settings.regency)
        lines = await JournalLink(registrar, registry).registry(0)
        return registry_until(settings.election, settings.regency, lines, position)

    return at


@asynccontextmanager
async def open_registry_link(settings: Settings) -> AsyncIterator[RegistryLink]:
    """The registry where everybody sees it: over HTTP when the service's URL is known, else in the journal itself."""
    if settings.service_url is not None:
        yield HttpRegistry(settings.service_url)
        return
    async with open_registry(settings) as registry:
        yield JournalLink(make_registrar(settings, registry), registry)


async def read_registry(settings: Settings) -> Registry:
    """The registry as everybody sees it now. Raises EcoklitError bad_registry when it is none of this election."""
    async with open_registry_link(settings) as link:
        lines = await link.registry(0)
    try:
        return fold_registry(settings.election, settings.regency, lines)
    except RegistryFault as error:
        raise EcoklitError("bad_registry", f"What is there is no registry of this election: {error}.") from error


class JournalLink:
    """A `RegistryLink` to a registry's journal, through the door into it."""

    def __init__(self, registrar: Registrar, registry: RegistryJournal) -> None:
        self._registrar = registrar
        self._registry = registry

    async def push(self, body: bytes) -> object:
        return await self._registrar.admit([read_line(line) for line in lines_of(body)])

    async def registry(self, after: int) -> list[tuple[int, bytes]]:
        lines: list[tuple[int, bytes]] = []
        while messages := await self._registry.read(lines[-1][0] if lines else after, REGISTRY_LINES_MAX):
            lines.extend((message.sequence, message.payload) for message in messages)
        return lines
