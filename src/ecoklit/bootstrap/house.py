"""A running service: all of its parts, and the loops that keep it going."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.adapters.nats_door import NatsDoor
from ecoklit.adapters.nats_exclusion import NatsExclusion
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.adapters.postgres_analyst import PostgresAnalyst
from ecoklit.adapters.postgres_office import PostgresOffice
from ecoklit.adapters.postgres_sync import PostgresStandings
from ecoklit.bootstrap.doors import bring_office_log, make_puller, open_admission
from ecoklit.bootstrap.erasing import make_eraser
from ecoklit.bootstrap.exports import open_export_desk
from ecoklit.bootstrap.journals import bring_office_lines, make_registrar, open_journal, open_registry, registry_reader
from ecoklit.bootstrap.people import make_administration, make_office_sign_in, make_readings, open_accounts
from ecoklit.bootstrap.projection import open_projector
from ecoklit.bootstrap.reading import make_answers, make_retrospect, numbers_for, open_reader
from ecoklit.core.registry import Registry
from ecoklit.door.gate import Gate
from ecoklit.errors import EcoklitError
from ecoklit.ports import AnalystReader, Journal, OfficeReader, RegistryJournal, RollReader, Service
from ecoklit.services.access import shut_out
from ecoklit.services.accounts import Accounts
from ecoklit.services.administration import Administration
from ecoklit.services.answers import Answers
from ecoklit.services.approvals import Approvals
from ecoklit.services.counts import Counts
from ecoklit.services.digests import AreaDigests
from ecoklit.services.erasure import Eraser
from ecoklit.services.export_desk import ExportDesk
from ecoklit.services.group_commit import GroupCommit
from ecoklit.services.office_sign_in import OfficeSignIn
from ecoklit.services.patience import PatientJournal
from ecoklit.services.project import Projector
from ecoklit.services.pull import Puller
from ecoklit.services.read_log import Ledger
from ecoklit.services.readings import Readings
from ecoklit.services.reads import Reads
from ecoklit.services.registry import Registrar
from ecoklit.services.retrospect import Retrospect
from ecoklit.services.sign_in import Sessions
from ecoklit.services.unmask import Unmask
from ecoklit.settings import Settings

IDLE_SECONDS: Final = 0.1  # how far the roll trails a quiet journal
RETRY_SECONDS: Final = 1.0


@dataclass(kw_only=True)
class House:
    """The parts of a running service. `trouble` is what keeps the projector from going on, None while all is well.

    `accounts` and `exclusion` are there when this service has the keys of its broker; `commit_trouble` is the code of
    what keeps pushes from being stored, None while all is well.
    """

    settings: Settings
    journal: Journal
    registry: RegistryJournal
    registrar: Registrar
    service: Service
    reader: RollReader
    analyst: AnalystReader
    office: OfficeReader
    puller: Puller
    projector: Projector
    door: NatsDoor
    gate: Gate
    answers: Answers
    digests: AreaDigests
    counts: Counts
    accounts_store: PostgresOfficeDesk
    account_desk: Accounts
    administration: Administration
    sessions: Sessions
    ledger: Ledger
    readings: Readings
    approvals: Approvals
    unmask: Unmask
    retrospect: Retrospect
    exports: ExportDesk
    eraser: Eraser
    oidc: OfficeSignIn | None = field(default=None)
    accounts: BrokerAccounts | None = field(default=None)
    exclusion: NatsExclusion | None = field(default=None)
    trouble: EcoklitError | None = field(default=None)
    commit_trouble: Callable[[], str | None] = field(default=lambda: None)


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Everything that a service is made of."""
    gate = Gate()
    async with (
        open_journal(settings) as journal,
        open_registry(settings) as registry,
        open_reader(settings) as reader,
        open_accounts(settings) as people,
        open_projector(settings, PatientJournal(journal, lambda: gate.in_flight), registry) as projector,
    ):
        registrar = make_registrar(settings, registry)
        await bring_office_lines(settings, registrar, registry)
        commits, counts = GroupCommit(journal), Counts(time.monotonic)
        accounts = BrokerAccounts(settings.nats_keys) if settings.nats_keys is not None else None
        puller = make_puller(settings, reader, registrar, journal)
        digests = AreaDigests(reader, settings.regency, time.monotonic)
        async with (
            open_admission(
                settings, journal, registrar, PostgresStandings(reader, settings.regency), commits, counts
            ) as admission,
            await NatsDoor.open(
                settings.nats(), admission, settings.nats_creds, reads=Reads(puller, registry), gate=gate
            ) as door,
            open_export_desk(settings, people, reader, registry_reader(settings, registrar, registry)) as exports,
        ):
            await bring_office_log(settings, journal, admission)
            yield House(
                settings=settings,
                journal=journal,
                registry=registry,
                registrar=registrar,
                service=admission,
                reader=reader,
                analyst=PostgresAnalyst(reader),
                office=PostgresOffice(reader),
                puller=puller,
                projector=projector,
                door=door,
                gate=gate,
                answers=make_answers(settings, reader, registrar, registry, digests, people.ledger),
                digests=digests,
                counts=counts,
                accounts_store=people.store,
                account_desk=people.accounts,
                administration=make_administration(people),
                sessions=people.sessions,
                ledger=people.ledger,
                readings=make_readings(settings, people),
                approvals=Approvals(people.store),
                oidc=make_office_sign_in(settings, people.store),
                unmask=Unmask(settings.regency, numbers_for(reader), people.ledger),
                exports=exports,
                eraser=make_eraser(settings, journal, reader),
                retrospect=make_retrospect(settings, reader, registrar, registry, people.ledger),
                accounts=accounts,
                exclusion=NatsExclusion(settings.nats(), accounts) if accounts is not None else None,
                commit_trouble=commits.trouble,
            )


async def follow(house: House, stop: asyncio.Event) -> None:
    """Project until `stop` is set. What the projector cannot go past keeps it waiting, in sight, while pushes go on."""
    while not stop.is_set():
        try:
            await house.projector.run_until_caught_up(progress=lambda end: house.counts.projected(end.events))
            house.trouble, pause = None, IDLE_SECONDS
        except EcoklitError as error:
            _wait_out(house, error)
            pause = RETRY_SECONDS
        except Exception as error:
            # A fault of ours must not end the projector unseen; its text can hold a voter's particulars.
            _wait_out(house, EcoklitError("projector_fault", f"The projector has a fault ({type(error).__name__})."))
            pause = RETRY_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)


async def keep_out(house: House, stop: asyncio.Event) -> None:
    """Shut the devices that the registry revokes out of the broker, within a second or two, until `stop` is set."""
    done: Registry | None = None
    while house.exclusion is not None and not stop.is_set():
        try:
            registry = await house.registrar.current()
            if registry is not done:
                await house.exclusion.shut_out(shut_out(registry))
                done = registry
        except EcoklitError as error:
            import structlog

            # Their events are quarantined all the same, and the next round tries again.
            structlog.get_logger().warning("revoked_not_cut", code=error.code, message=error.message)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), RETRY_SECONDS)


def _wait_out(house: House, trouble: EcoklitError) -> None:
    """Show what keeps the projector waiting, and log it once for as long as it lasts."""
    import structlog  # only a service logs, and this takes longer to load than all the rest

    known, house.trouble = house.trouble, trouble
    if known is None or known.code != trouble.code:
        structlog.get_logger().error("projector_waits", code=trouble.code, message=trouble.message)
