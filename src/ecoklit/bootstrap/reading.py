"""Whoever answers questions about the lists, each under the rights of who asks."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime

from ecoklit import contract
from ecoklit.adapters.http_devices import HttpDevices
from ecoklit.adapters.postgres_analyst import PostgresAnalyst
from ecoklit.adapters.postgres_copies import PostgresCopies
from ecoklit.adapters.postgres_editions import PostgresEditions
from ecoklit.adapters.postgres_marks import PostgresPeople
from ecoklit.adapters.postgres_office import PostgresOffice
from ecoklit.adapters.postgres_past import PostgresPast
from ecoklit.adapters.postgres_reader import PostgresReader, Seen
from ecoklit.bootstrap.journals import registry_reader
from ecoklit.bootstrap.office import shared_secret
from ecoklit.core.row_mark import KEY_BYTES
from ecoklit.errors import EcoklitError
from ecoklit.ports import AnalystReader, Copies, LastHeld, NumbersReader, OfficeReader, RegistryJournal
from ecoklit.services.answers import Answers
from ecoklit.services.as_of import Moment, Past, past_at, past_of
from ecoklit.services.cursors import Cursors
from ecoklit.services.digests import AreaDigests
from ecoklit.services.read_log import Ledger
from ecoklit.services.registry import Registrar
from ecoklit.services.retrospect import Retrospect
from ecoklit.services.stages import stage_for
from ecoklit.services.unmask import NumbersFor
from ecoklit.services.viewer import Viewer
from ecoklit.settings import Settings


def make_retrospect(
    settings: Settings, reader: PostgresReader, registrar: Registrar, registry: RegistryJournal, ledger: Ledger
) -> Retrospect:
    """Whoever answers what people look back at: stages, change lists, windows, pairs of moves."""
    policies, registry_at = contract.policies(), registry_reader(settings, registrar, registry)

    async def past(at: int | datetime | Moment) -> Past:
        there = PostgresPast(reader)
        if isinstance(at, Moment):
            return await past_at(there, registry_at, policies, at)
        return await past_of(there, registry_at, policies, settings.regency, at)

    return Retrospect(
        regency=settings.regency,
        registry=registrar.current,
        reader_for=lambda viewer: PostgresAnalyst(reader.seen_by(Seen(viewer.areas))),
        past=past,
        people=PostgresPeople(reader),
        key=lambda: secrets.token_bytes(KEY_BYTES),
        today=date.today,
        disclose=ledger.disclose,
    )


def make_answers(
    settings: Settings,
    reader: PostgresReader,
    registrar: Registrar,
    registry: RegistryJournal,
    digests: AreaDigests,
    ledger: Ledger,
) -> Answers:
    """Whoever answers questions about the lists. Each reads the database under the rights of whoever asks."""
    policies = contract.policies()

    def reader_for(viewer: Viewer) -> AnalystReader:
        return PostgresAnalyst(reader.seen_by(Seen(viewer.areas)))

    registry_at = registry_reader(settings, registrar, registry)

    async def past(area: str, at: int | datetime | str) -> Past:
        regency, there = area[:4], PostgresPast(reader)
        if regency != settings.regency:
            raise EcoklitError(
                "not_projected", f"Earlier moments of {regency} are answered by its own service: ask there."
            )
        if isinstance(at, str):
            return await past_at(there, registry_at, policies, stage_for(await registrar.current(), at, area).moment)
        return await past_of(there, registry_at, policies, regency, at)

    return Answers(
        regency=settings.regency,
        reader_for=reader_for,
        registry=registrar.current,
        past=past,
        cursors=Cursors(shared_secret(settings)),
        digests=digests,
        today=date.today,
        disclose=ledger.disclose,
        editions=PostgresEditions(reader),
    )


def numbers_for(reader: PostgresReader) -> NumbersFor:
    """Gives the lists of the projection, one voter at a time, as a viewer may see them."""

    def of(viewer: Viewer, *, unmasked: bool) -> NumbersReader:
        return reader.seen_by(Seen(viewer.areas, unmasked))

    return of


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[PostgresReader]:
    """The read side of the settings' database."""
    async with PostgresReader(settings.database(), schema=settings.schema) as reader:
        yield reader


@asynccontextmanager
async def open_analyst(settings: Settings) -> AsyncIterator[AnalystReader]:
    """Lists and figures for analysts, from the settings' database."""
    async with PostgresReader(settings.database(), schema=settings.schema) as reader:
        yield PostgresAnalyst(reader)


@asynccontextmanager
async def open_office_reader(settings: Settings) -> AsyncIterator[OfficeReader]:
    """What the office asks about phones, from the settings' database."""
    async with PostgresReader(settings.database(), schema=settings.schema) as reader:
        yield PostgresOffice(reader)


@asynccontextmanager
async def open_copies(settings: Settings) -> AsyncIterator[Copies]:
    """The copies of what the journal held, in the settings' database."""
    async with PostgresReader(settings.database(), schema=settings.schema) as reader:
        yield PostgresCopies(reader)


async def read_last_held(settings: Settings, devices: Sequence[str]) -> dict[str, LastHeld]:
    """What is held of these devices, by the settings' database, else by the service over HTTP.

    Raises ServiceUnavailable, RollUnavailable, BadSetting when neither is known.
    """
    if settings.database_url is None and settings.service_url is not None:
        return await HttpDevices(settings.service_url).last_held(settings.regency)
    async with open_office_reader(settings) as reader:
        return await reader.last_held(settings.regency, devices)
