"""`ecoklit inspect` and `ecoklit mend`: what a journal lacks, by name, and a sound one in its place."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ecoklit.cli.command import Commands, add_allow_unsafe, add_command, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError
from ecoklit.settings import BadSetting, Settings

if TYPE_CHECKING:
    from ecoklit.ports import Journal, RegistryJournal, StoredEvent
    from ecoklit.services.inspect import Fault, Inspected, Proof
    from ecoklit.services.mend import Mended

FAULTS_SHOWN_MAX = 50


def add_commands(commands: Commands) -> None:
    inspect = add_command(
        commands,
        "inspect",
        run_inspect,
        "Periksa seluruh jurnal: rantai, tanda tangan dan data pribadi; sebut apa yang hilang atau rusak. "
        "· Read the whole journal and name what is missing in it or damaged.",
        "ecoklit inspect siti.ndjson",
        "one object: events, persons, lines, devices, faults, roll",
    )
    inspect.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        type=Path,
        help="exports of phones, whose receipts the journal must bear out",
    )
    add_allow_unsafe(inspect)
    mend = add_command(
        commands,
        "mend",
        run_mend,
        "Buat jurnal baru dari semua yang utuh pada jurnal yang rusak; sisanya dikirim lagi oleh ponsel. Hentikan 'up' "
        "dulu. · Make a damaged journal anew from all that is sound in it; phones send the rest. Stop 'up' first.",
        "ecoklit mend",
        "one object: events, persons, lines, copied, left, epoch",
    )
    mend.add_argument(
        "--to", metavar="URL", help="an empty broker that takes the new journal (default: the folder's own)"
    )
    mend.add_argument("--to-monitor", metavar="URL", help="its monitoring address")
    mend.add_argument("--to-creds", metavar="FILE", type=Path, help="the service's credentials there")
    add_allow_unsafe(mend)


# --- inspect ---------------------------------------------------------------------------------------------------------


def run_inspect(arguments: argparse.Namespace) -> Exit:
    return asyncio.run(inspect_journal(settings_of(arguments), arguments))


async def inspect_journal(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_journal, open_registry

    async with (
        _reached(settings) as (found, roll),
        open_journal(found) as journal,
        open_registry(found) as registry,
    ):
        proofs, trouble = await _proofs(found, registry, arguments.files)
        inspected = await _inspect(found, journal, registry, proofs)
    report_inspected(inspected, [*roll, *([] if trouble is None else [trouble.message])], arguments.json)
    if any(fault.name != "person_missing" for fault in inspected.faults) or roll or trouble:
        return Exit.UNFIT
    return Exit.DIFFERS if inspected.faults else Exit.OK


@asynccontextmanager
async def _reached(settings: Settings) -> AsyncIterator[tuple[Settings, list[str]]]:
    """The settings of what runs; else the servers of an idle data folder, started, without a database that does not
    start. With them, what is wrong with the database."""
    from ecoklit.adapters import data_folder
    from ecoklit.cli.serving import own_broker, own_servers

    if settings.nats_url is not None or not (settings.data / "nats").is_dir():
        yield settings, []
        return
    with data_folder.opened(settings.data):
        try:
            roll = await _damaged_tables(settings)
        except EcoklitError as error:
            async with own_broker(settings) as found:
                yield found, [error.message]
            return
        async with own_servers(settings) as found:
            yield found, roll


async def _damaged_tables(settings: Settings) -> list[str]:
    """A sentence for each damaged page of the data folder's database. Raises DatabaseUnavailable."""
    from ecoklit.adapters.embedded_postgres import EmbeddedPostgres

    if not (settings.data / "postgres").is_dir():
        return []
    database = EmbeddedPostgres(settings.data / "postgres")
    pages = await database.damaged_pages()
    async with database:
        return [
            f"damaged {await database.table_of(page) or 'system'}: page {page.block} of {page.file}, 'ecoklit rebuild'"
            for page in pages
        ]


async def _proofs(
    settings: Settings, registry: RegistryJournal, files: Sequence[Path]
) -> tuple[list[Proof], EcoklitError | None]:
    """What the projection and these files prove; and why the projection could not be asked, when it could not."""
    from ecoklit.bootstrap import open_copies
    from ecoklit.services.inspect import Proof, proofs_in, registry_of

    known = await registry_of(settings.election, settings.regency, registry)
    proofs = [proof for file in files for proof in proofs_in(_read(file), known)]
    if settings.database_url is None:
        return proofs, None
    try:
        async with open_copies(settings) as copies:
            ends = await copies.ends(settings.regency)
    except EcoklitError as error:
        return proofs, None if error.code == "not_projected" else error
    return [*proofs, *(Proof(device, seq, hash, "the projection") for device, seq, hash in ends)], None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise EcoklitError("no_file", f"{file} cannot be read ({error.strerror}): name a phone's export.") from error


async def _inspect(
    settings: Settings, journal: Journal, registry: RegistryJournal, proofs: Sequence[Proof]
) -> Inspected:
    from ecoklit.cli.output import progress
    from ecoklit.services.inspect import UNREADABLE, Inspector, inspect

    inspector = Inspector(settings.election, settings.regency, proofs=proofs)
    last = await journal.last()
    with progress() as bar:
        task = bar.add_task("pemeriksaan · inspecting", total=last.events)
        await inspect(inspector, journal, registry, lambda position: bar.update(task, completed=position))
    holes = [fault.position for fault in inspector.found().faults if fault.name == UNREADABLE]
    return inspector.found(await _named(settings, holes))


async def _named(settings: Settings, positions: Sequence[int]) -> dict[int, tuple[str, int]]:
    """Which events stood there, as far as the projection can say."""
    from ecoklit.bootstrap import open_copies

    if not positions or settings.database_url is None:
        return {}
    try:
        async with open_copies(settings) as copies:
            return await copies.named_at(settings.regency, positions)
    except EcoklitError:
        return {}


def report_inspected(inspected: Inspected, roll: Sequence[str], as_json: bool) -> None:
    from ecoklit.cli.output import print_json, print_line

    if as_json:
        shown = {"events": inspected.events, "persons": inspected.persons, "lines": inspected.lines}
        print_json({**shown, "devices": len(inspected.sound), "faults": inspected.faults, "roll": roll})
        return
    print_line(
        f"{inspected.events} peristiwa, {inspected.persons} data pribadi, {inspected.lines} baris registri, "
        f"{len(inspected.sound)} alat · events, persons, registry lines, devices"
    )
    for fault in inspected.faults[:FAULTS_SHOWN_MAX]:
        print_line(f"  {sentence(fault)}")
    if len(inspected.faults) > FAULTS_SHOWN_MAX:
        print_line(f"  … +{len(inspected.faults) - FAULTS_SHOWN_MAX}")
    for trouble in roll:
        print_line(f"  {trouble}")
    print_line(
        "ada yang hilang atau rusak: hentikan 'up', lalu 'ecoklit mend' · something is missing or damaged: stop 'up', "
        "then 'ecoklit mend'"
        if inspected.faults
        else "jurnal utuh · the journal is sound"
    )


def sentence(fault: Fault) -> str:
    """A fault in a line: its name, where it is and which events it is about."""
    where = f" {fault.stream}:{fault.position}" if fault.position else f" {fault.stream}"
    which = f" {fault.device}:{fault.seq}" if fault.seq else (f" {fault.device}" if fault.device else "")
    upto = f"–{fault.last}" if fault.last > fault.seq else ""
    return f"{fault.name}{where}{which}{upto}: {fault.why}"


# --- mend ------------------------------------------------------------------------------------------------------------


def run_mend(arguments: argparse.Namespace) -> Exit:
    settings = settings_of(arguments)
    if arguments.to is None and settings.nats_url is not None:
        raise BadSetting("Mending needs the data folder for itself, or --to: stop 'up' first, or name an empty broker.")
    if arguments.to is None and not (settings.data / "nats" / "store").is_dir():
        raise BadSetting(f"{settings.data} holds no journal: set ECOKLIT_DATA, or name brokers by --to.")
    return asyncio.run(_mend_into(settings, arguments) if arguments.to else _mend_own(settings, arguments))


async def _mend_into(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Into the broker that was named; the service is then pointed to it, in a new epoch."""
    fresh = replace(settings, nats_url=arguments.to, monitor_url=arguments.to_monitor, nats_creds=arguments.to_creds)
    mended, left = await _mend(settings, fresh)
    report_mended(mended, left, settings.epoch + 1, arguments.json, "atur · set ECOKLIT_NATS_URL")
    return Exit.OK


async def _mend_own(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """In the data folder: a broker beside its own takes the new journal, whose store then takes the old one's place."""
    from ecoklit.adapters import data_folder
    from ecoklit.adapters.embedded_nats import STORE_KEY_FILE, EmbeddedNats
    from ecoklit.adapters.nats_accounts import BrokerAccounts
    from ecoklit.bootstrap import rebuild_all
    from ecoklit.cli.serving import own_servers

    with data_folder.opened(settings.data):
        beside = data_folder.empty_beside(settings.data)
        async with own_servers(settings) as old:
            accounts = BrokerAccounts(settings.data.resolve() / "nats" / "keys")
            key_file = settings.data.resolve() / "nats" / "keys" / STORE_KEY_FILE
            async with await EmbeddedNats.start(beside, accounts=accounts, key_file=key_file) as broker:
                fresh = replace(old, nats_url=broker.url, monitor_url=broker.monitor_url)
                mended, left = await _mend(old, fresh)
        # Both journals are whole and at rest. A crash from here on leaves the old one in its place, its epoch too high,
        # which costs phones a pull; or the new one, which whoever opens the folder next puts into its place.
        data_folder.remember_epoch(settings.data, settings.epoch + 1)
        data_folder.exchange_store(settings.data)
        async with own_servers(settings) as found:
            await rebuild_all(found, accept=True)
    report_mended(mended, left, settings.epoch + 1, arguments.json, "jalankan · run 'ecoklit up'")
    return Exit.OK


async def _mend(settings: Settings, fresh: Settings) -> tuple[Mended, list[Path]]:
    from ecoklit.bootstrap import open_journal, open_registry
    from ecoklit.services.inspect import Inspector, inspect
    from ecoklit.services.mend import mend

    async with (
        open_journal(settings) as journal,
        open_registry(settings) as registry,
        open_journal(fresh) as new_journal,
        open_registry(fresh) as new_registry,
    ):
        if (await new_journal.last()).events or await new_registry.last():
            raise BadSetting("The broker that is to take the new journal has one already: name an empty one.")
        first = await _inspect(settings, journal, registry, ())
        copies = await _copies(settings, [*first.gaps, *first.absent])
        inspector = Inspector(settings.election, settings.regency, copies=copies)
        await inspect(inspector, journal, registry)
        mended = await mend((journal, registry), (new_journal, new_registry), inspector.found(), copies)
    return mended, _keep_left(settings, mended)


async def _copies(settings: Settings, dots: Sequence[tuple[str, int]]) -> dict[tuple[str, int], StoredEvent]:
    """What the projection has of these events; nothing when it cannot be read, since phones have the same."""
    from ecoklit.bootstrap import open_copies

    if not dots or settings.database_url is None:
        return {}
    try:
        async with open_copies(settings) as copies:
            return await copies.copies(settings.regency, dots)
    except EcoklitError:
        return {}


def _keep_left(settings: Settings, mended: Mended) -> list[Path]:
    """The pushes that are left over, a file for each device, for the folder's owner alone: they hold particulars."""
    from ecoklit.adapters import data_folder

    return [
        data_folder.keep_left_over(settings.data, f"{device}-{settings.epoch}", lines)
        for device, lines in mended.left.items()
    ]


def report_mended(mended: Mended, left: Sequence[Path], epoch: int, as_json: bool, then: str) -> None:
    from ecoklit.cli.output import print_json, print_line

    if as_json:
        counts = {"events": mended.events, "persons": mended.persons, "lines": mended.lines, "copied": mended.copied}
        print_json({**counts, "left": [str(file) for file in left], "epoch": epoch})
        return
    print_line(
        f"{mended.events} peristiwa, {mended.persons} data pribadi, {mended.lines} baris registri ada dalam jurnal "
        f"baru; {mended.copied} diambil dari basis data · are in the new journal, so many taken from the database"
    )
    for file in left:
        print_line(f"  sisa, ponselnya mengirim lagi · left over, its phone sends it again: {file}")
    print_line(f"{then}, ECOKLIT_EPOCH={epoch}")
