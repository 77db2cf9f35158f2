"""The only place that knows every part: adapters are made from settings and given to services."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Final

from ecoklit import contract
from ecoklit.adapters import data_folder
from ecoklit.adapters.argon2_passwords import Argon2Passwords
from ecoklit.adapters.evidence_folder import EvidenceFolder
from ecoklit.adapters.export_folder import ExportFolder, Writer
from ecoklit.adapters.export_jobs import PostgresExportJobs
from ecoklit.adapters.export_source import LiveLists, open_live_lists
from ecoklit.adapters.http_devices import HttpDevices
from ecoklit.adapters.http_registry import HttpRegistry
from ecoklit.adapters.http_service import HttpService
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.jetstream_registry import JetStreamRegistry
from ecoklit.adapters.listing_index import SqliteListingIndex, office_key
from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.adapters.nats_door import NatsDoor
from ecoklit.adapters.nats_exclusion import NatsExclusion
from ecoklit.adapters.office_log import OfficeLog
from ecoklit.adapters.office_registry import FILE as OFFICE_FILE
from ecoklit.adapters.office_registry import OfficeFault, OfficeRegistry
from ecoklit.adapters.oidc import OidcClient, OidcProvider
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.adapters.postgres_analyst import PostgresAnalyst
from ecoklit.adapters.postgres_copies import PostgresCopies
from ecoklit.adapters.postgres_marks import PostgresPeople
from ecoklit.adapters.postgres_office import PostgresOffice
from ecoklit.adapters.postgres_past import PostgresPast
from ecoklit.adapters.postgres_reader import PostgresReader, Seen
from ecoklit.adapters.postgres_requests import PostgresRequests
from ecoklit.adapters.postgres_rolls import PostgresRolls
from ecoklit.adapters.postgres_sign_ins import PostgresSignIns
from ecoklit.adapters.postgres_sync import PostgresStandings, PostgresSync
from ecoklit.core import enrolment, sealing
from ecoklit.core.admission import Refused
from ecoklit.core.codebook import Codebook
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.limits import PUSH_REGISTRY_LINES_MAX
from ecoklit.core.push_file import lines_of
from ecoklit.core.recovery_kit import KeptKeys
from ecoklit.core.registry import Registry, RegistryFault, fold_registry
from ecoklit.core.registry_event import SignedRegistry, read_line
from ecoklit.core.row_mark import KEY_BYTES
from ecoklit.core.signing import ED25519, SEED_BYTES, Key, key_from_seed
from ecoklit.core.wire import Held
from ecoklit.door.gate import Gate
from ecoklit.errors import EcoklitError
from ecoklit.ports import (
    AccountStore,
    AnalystReader,
    Copies,
    ExportSource,
    Journal,
    LastHeld,
    NumbersReader,
    OfficeReader,
    Reading,
    RegistryJournal,
    RollReader,
    Service,
    Standings,
)
from ecoklit.services.access import shut_out
from ecoklit.services.accounts import Accounts, CodeSecrets, viewer_of
from ecoklit.services.admit import Admission
from ecoklit.services.answers import Answers
from ecoklit.services.approvals import Approvals
from ecoklit.services.as_of import Moment, Past, RegistryAt, past_at, past_of, registry_until
from ecoklit.services.counts import Counts
from ecoklit.services.cursors import Cursors
from ecoklit.services.desk import Desk, RegistryLink
from ecoklit.services.desk import learn as learn_registry
from ecoklit.services.digests import AreaDigests
from ecoklit.services.export import Export, PastLists
from ecoklit.services.export_desk import ExportDesk
from ecoklit.services.exporting import Exporting
from ecoklit.services.group_commit import GroupCommit
from ecoklit.services.listing import Office, Push, office_log, signed_push
from ecoklit.services.listing_journal import events_about, learn, send_again
from ecoklit.services.nonce import Nonces
from ecoklit.services.office_sign_in import OfficeSignIn
from ecoklit.services.patience import PatientJournal
from ecoklit.services.project import Projector
from ecoklit.services.pull import Puller
from ecoklit.services.read_log import Ledger
from ecoklit.services.reads import Reads
from ecoklit.services.rebuild import Rebuilt, rebuild
from ecoklit.services.registry import Registrar
from ecoklit.services.retrospect import Retrospect
from ecoklit.services.ruling import demand_whole
from ecoklit.services.sign_in import Sessions
from ecoklit.services.stages import stage_for
from ecoklit.services.unmask import NumbersFor, Unmask
from ecoklit.services.viewer import Viewer
from ecoklit.settings import BadSetting, Settings

SALT_BYTES: Final = 16
REGISTRY_LINES_MAX: Final = 1000  # of one read
ANSWER_SECONDS_MAX: Final = 10.0  # a broker's restart takes a few; a phone that waits longer gives up by itself
IDLE_SECONDS: Final = 0.1  # how far the roll trails a quiet journal
RETRY_SECONDS: Final = 1.0
NEW_OBJECTS_MIN: Final = 100_000  # before garbage is looked for


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
    sessions: Sessions
    ledger: Ledger
    approvals: Approvals
    unmask: Unmask
    retrospect: Retrospect
    exports: ExportDesk
    oidc: OfficeSignIn | None = field(default=None)
    accounts: BrokerAccounts | None = field(default=None)
    exclusion: NatsExclusion | None = field(default=None)
    trouble: EcoklitError | None = field(default=None)
    commit_trouble: Callable[[], str | None] = field(default=lambda: None)


@asynccontextmanager
async def open_journal(settings: Settings) -> AsyncIterator[Journal]:
    """The journal of the settings' election and regency."""
    journal = await JetStreamJournal.open(
        settings.nats(),
        replicas=settings.replicas,
        election=settings.election,
        regency=settings.regency,
        monitor_url=settings.monitor_url,
        allow_unsafe=settings.allow_unsafe,
        answer_seconds_max=ANSWER_SECONDS_MAX,
        credentials=settings.nats_creds,
    )
    async with journal:
        yield journal


@asynccontextmanager
async def open_registry(settings: Settings) -> AsyncIterator[RegistryJournal]:
    """The registry's journal of the settings' election and regency."""
    registry = await JetStreamRegistry.open(
        settings.nats(),
        replicas=settings.replicas,
        election=settings.election,
        regency=settings.regency,
        monitor_url=settings.monitor_url,
        allow_unsafe=settings.allow_unsafe,
        answer_seconds_max=ANSWER_SECONDS_MAX,
        credentials=settings.nats_creds,
    )
    async with registry:
        yield registry


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


def registry_reader(settings: Settings, registrar: Registrar, registry: RegistryJournal) -> RegistryAt:
    """Gives the registry as it was at a position."""

    async def at(position: int) -> Registry:
        if position == 0:
            return Registry(settings.election, settings.regency)
        lines = await JournalLink(registrar, registry).registry(0)
        return registry_until(settings.election, settings.regency, lines, position)

    return at


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
    )


def numbers_for(reader: PostgresReader) -> NumbersFor:
    """Gives the lists of the projection, one voter at a time, as a viewer may see them."""

    def of(viewer: Viewer, *, unmasked: bool) -> NumbersReader:
        return reader.seen_by(Seen(viewer.areas, unmasked))

    return of


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
    evidence = settings.data / "evidence" / f"{settings.election}-{settings.regency}"
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
            evidence=EvidenceFolder(evidence),
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


def collect_seldom() -> None:
    """Have garbage looked for once in a hundred thousand new objects, and not among what is there already.

    A batch makes that many rows and messages, which hold no cycles and are gone with it: to look among them every 700
    took a seventh of the projector's time.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS_MIN, *gc.get_threshold()[1:])


@asynccontextmanager
async def open_projector(settings: Settings, journal: Journal, registry: RegistryJournal) -> AsyncIterator[Projector]:
    """The projector from an open journal, judged by its registry, into the settings' database."""
    collect_seldom()
    store = PostgresRoll(
        settings.database(), election=settings.election, regency=settings.regency, schema=settings.schema
    )
    try:
        yield Projector(
            journal,
            store,
            contract.policies(),
            election=settings.election,
            regency=settings.regency,
            registry=registry,
        )
    finally:
        await store.close()


async def rebuild_all(settings: Settings, *, accept: bool) -> Rebuilt:
    """Make every roll of the settings' schema anew, each from the journal of its regency."""
    collect_seldom()
    rolls = PostgresRolls(settings.database(), election=settings.election, schema=settings.schema)
    regencies = sorted({settings.regency, *await rolls.regencies()})
    async with contextlib.AsyncExitStack() as stack:
        journals, registries = {}, {}
        for regency in regencies:
            there = replace(settings, regency=regency)
            journals[regency] = await stack.enter_async_context(open_journal(there))
            registries[regency] = await stack.enter_async_context(open_registry(there))
        return await rebuild(
            rolls,
            journals,
            contract.policies(),
            election=settings.election,
            registries=registries,
            accept=accept,
        )


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[PostgresReader]:
    """The read side of the settings' database."""
    async with PostgresReader(settings.database(), schema=settings.schema) as reader:
        yield reader


@dataclass(frozen=True)
class People:
    """Accounts, their sessions, and what they were shown."""

    store: PostgresOfficeDesk
    accounts: Accounts
    sessions: Sessions
    ledger: Ledger


@asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncIterator[People]:
    """The accounts beside the settings' projection."""
    code_secrets = CodeSecrets(lambda: service_key(settings)().seed, secrets.token_bytes)
    passwords = Argon2Passwords()
    async with PostgresOfficeDesk(settings.database(), schema=settings.schema) as store:
        ledger = Ledger(store)
        try:
            yield People(
                store,
                Accounts(store, passwords, code_secrets),
                Sessions(store, passwords, code_secrets, secrets.token_bytes, time.time),
                ledger,
            )
        finally:
            await ledger.close()
            passwords.close()


@asynccontextmanager
async def open_requests(settings: Settings) -> AsyncIterator[PostgresRequests]:
    """Requests of voters, and who was shown what, beside the settings' projection."""
    async with PostgresRequests.open(settings.database(), schema=settings.schema) as requests:
        yield requests


async def log_at_the_shell(
    settings: Settings,
    action: str,
    *,
    area: str | None = None,
    voter: str | None = None,
    rows: int,
    as_of: int,
    fields: tuple[str, ...] = (),
    reason: str | None = None,
) -> None:
    """Write down what somebody with the service's own database is about to be shown: durable on return."""
    reading = Reading(None, action, area, voter, rows, fields, reason, as_of, "shell", within="", budget=0)
    async with PostgresOfficeDesk(settings.database(), schema=settings.schema) as store:
        await store.write([reading])


def make_office_sign_in(settings: Settings, store: AccountStore) -> OfficeSignIn | None:
    """Signing in at the settings' own provider; None without one."""
    if settings.oidc is None:
        return None
    given = settings.oidc
    client = OidcClient(
        issuer=given.issuer,
        client_id=given.client,
        redirect_uri=given.redirect,
        client_secret=None if given.secret is None else given.secret.read_text().strip(),
        acr=given.acr,
    )
    sign_ins = PostgresSignIns(settings.database(), schema=settings.schema)
    return OfficeSignIn(OidcProvider(client), sign_ins, store)


def make_exporting(people: People) -> Exporting:
    """The office's exports: whoever has them made, and whose a leak is."""
    return Exporting(
        PostgresExportJobs(people.store),
        people.ledger,
        Approvals(people.store),
        secrets.token_bytes,
        lambda: datetime.now(UTC),
    )


@asynccontextmanager
async def open_export_desk(
    settings: Settings, people: People, reader: PostgresReader, registry_at: RegistryAt
) -> AsyncIterator[ExportDesk]:
    """The exports of a running service; what an earlier one left unfinished goes on."""

    async def viewer(login: str) -> Viewer:
        return viewer_of(await people.accounts.of(login))

    desk = ExportDesk(
        make_exporting(people),
        PostgresExportJobs(people.store),
        files=lambda export, kind: export_folder(settings.data / "exports" / export, kind),
        lists_now=lambda viewer, area, unmasked: lists_now(reader, viewer, area, unmasked),
        lists_again=lambda viewer, export: open_lists_again(reader, registry_at, viewer, export),
        book=contract.codebook,
        viewer=viewer,
        clock=lambda: datetime.now(UTC),
        trouble=_say_broken,
    )
    # A database that is away keeps nobody from pushing; an export goes on when its owner looks.
    with contextlib.suppress(EcoklitError):
        await desk.resume()
    try:
        yield desk
    finally:
        await desk.close()


def export_folder(path: Path, format: str) -> ExportFolder:
    """A folder for an export of that format. Raises EcoklitError not_installed."""
    return ExportFolder(path, _list_writer(format))


def _list_writer(format: str) -> Writer:
    # What writes them takes long to load, and not everybody has it.
    if format in ("csv", "xlsx"):
        from ecoklit.adapters.export_sheets import CsvFile, XlsxFile

        return CsvFile if format == "csv" else XlsxFile
    from ecoklit.adapters.export_arrow import ArrowFile

    return partial(ArrowFile, stream=format == "arrow")


def lists_now(
    reader: PostgresReader, viewer: Viewer, area: str, unmasked: bool
) -> AbstractAsyncContextManager[LiveLists]:
    """The lists of an area's regency as they are now, as a viewer may see them."""
    return open_live_lists(reader.seen_by(Seen(viewer.areas, unmasked)), area[:4])


@asynccontextmanager
async def open_lists_again(
    reader: PostgresReader, registry_at: RegistryAt, viewer: Viewer, export: Export
) -> AsyncIterator[ExportSource]:
    """The lists as of an export's own moment: from the roll while it is still there, else from the journal's events."""
    async with open_live_lists(reader.seen_by(Seen(viewer.areas, export.unmasked)), export.area[:4]) as lists:
        if (lists.as_of, lists.registry) == (export.as_of, export.registry):
            yield lists
            return
    # Whoever stood there then may stand elsewhere now: the area was asked about, and is the viewer's.
    there = PostgresPast(reader)
    past = await past_at(there, registry_at, contract.policies(), Moment(export.as_of, export.registry))
    yield PastLists(past, there, unmasked=export.unmasked)


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
                sessions=people.sessions,
                ledger=people.ledger,
                approvals=Approvals(people.store),
                oidc=make_office_sign_in(settings, people.store),
                unmask=Unmask(settings.regency, numbers_for(reader), people.ledger),
                exports=exports,
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


def _say_broken(code: str) -> None:
    import structlog

    structlog.get_logger().warning("export_broke_off", code=code)


def _wait_out(house: House, trouble: EcoklitError) -> None:
    """Show what keeps the projector waiting, and log it once for as long as it lasts."""
    import structlog  # only a service logs, and this takes longer to load than all the rest

    known, house.trouble = house.trouble, trouble
    if known is None or known.code != trouble.code:
        structlog.get_logger().error("projector_waits", code=trouble.code, message=trouble.message)
