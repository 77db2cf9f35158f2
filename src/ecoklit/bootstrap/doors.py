"""The ways in: admission into an open journal, and the answers to pulls."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ecoklit import contract
from ecoklit.adapters.evidence_folder import EvidenceFolder
from ecoklit.adapters.http_service import HttpService
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.office_log import OfficeLog
from ecoklit.adapters.postgres_reader import PostgresReader
from ecoklit.adapters.postgres_sync import PostgresSync
from ecoklit.bootstrap.journals import bring_office_lines, make_registrar, open_journal, open_registry
from ecoklit.bootstrap.office import has_office_key, office_folder, office_key_of, service_key, shared_secret
from ecoklit.core.admission import Refused
from ecoklit.ports import Journal, Service, Standings
from ecoklit.services.admit import Admission
from ecoklit.services.counts import Counts
from ecoklit.services.group_commit import GroupCommit
from ecoklit.services.listing_journal import send_again
from ecoklit.services.nonce import Nonces
from ecoklit.services.pull import Puller
from ecoklit.services.registry import Registrar
from ecoklit.settings import BadSetting, Settings


async def bring_office_log(settings: Settings, journal: Journal, service: Service) -> bool:
    """Push again what this folder's office said and a restored journal holds no longer; whether it lacked anything."""
    if not has_office_key(settings):
        return False
    key = office_key_of(settings)
    log = OfficeLog(office_folder(settings), key)
    try:
        return await send_again(journal, service, log.pushes(), device=key.device, end=log.end())
    except Refused:
        return True  # its log does not go on there: the next import says what that means


def evidence_folder(settings: Settings) -> Path:
    """Where refused pushes are kept as proof."""
    return settings.data / "evidence" / f"{settings.election}-{settings.regency}"


def make_puller(settings: Settings, reader: PostgresReader, registrar: Registrar, journal: Journal) -> Puller:
    """Whoever answers pulls. All processes of one service have its key, and so know each other's nonces."""
    return Puller(
        election=settings.election,
        regency=settings.regency,
        reader=PostgresSync(reader),
        registry=registrar.current,
        nonces=Nonces(shared_secret(settings), time.time),
        policies=contract.policies(),
        journal=journal,
        clock=time.monotonic,
    )


@asynccontextmanager
async def open_admission(
    settings: Settings,
    journal: Journal,
    registrar: Registrar,
    standings: Standings | None = None,
    commits: GroupCommit | None = None,
    counts: Counts | None = None,
) -> AsyncIterator[Service]:
    """The door of an open journal, in this process. What waits is committed before it closes."""
    commits, counts = commits or GroupCommit(journal), counts or Counts(time.monotonic)
    try:
        admission = Admission(
            election=settings.election,
            regency=settings.regency,
            epoch=settings.epoch,
            journal=journal,
            submit=counts.counted_submit(commits.submit),
            registrar=registrar,
            service_key=service_key(settings),
            standings=standings,
            evidence=EvidenceFolder(evidence_folder(settings)),
            life=lambda: journal.life if isinstance(journal, JetStreamJournal) else 0,
        )
        yield counts.counted_service(admission)
    finally:
        await commits.close()


@asynccontextmanager
async def open_door(settings: Settings, journal: Journal) -> AsyncIterator[Service]:
    """The door of an open journal for one command, with its own connection to the registry."""
    async with open_registry(settings) as registry:
        registrar = make_registrar(settings, registry)
        await bring_office_lines(settings, registrar, registry)
        async with open_admission(settings, journal, registrar) as admission:
            yield admission


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Whoever takes pushes: the service over HTTP when its URL is known, else admission into the journal from here."""
    if settings.service_url is not None:
        yield HttpService(settings.service_url)
    elif settings.nats_url is not None:
        async with open_journal(settings) as journal, open_door(settings, journal) as admission:
            yield admission
    else:
        raise BadSetting("No service is known: start 'ecoklit up' in this folder, or set ECOKLIT_SERVICE_URL.")
