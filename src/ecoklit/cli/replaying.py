"""`ecoklit project` and `ecoklit rebuild`: from the journal to the roll, on or anew."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ecoklit.cli.command import Commands, add_allow_unsafe, add_command, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.settings import Settings

if TYPE_CHECKING:
    from ecoklit.ports import Checkpoint, Journal
    from ecoklit.services.project import Projector
    from ecoklit.services.rebuild import Rebuilt

CODES_SHOWN_MAX = 20


def add_commands(commands: Commands) -> None:
    project = add_command(
        commands,
        "project",
        run_project,
        "Bawa daftar dalam basis data sampai ke ujung jurnal. · Bring the roll in the database up to the journal.",
        "ecoklit project --follow",
        "one object: regency, events, persons",
    )
    project.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    add_allow_unsafe(project)
    rebuild = add_command(
        commands,
        "rebuild",
        run_rebuild,
        "Bangun ulang daftar dari jurnal, bandingkan digest, lalu tukar. "
        "· Make the roll anew from the journal, compare the digests, and swap it in.",
        "ecoklit rebuild",
        "one object: positions, compared, differences, swapped",
    )
    rebuild.add_argument("--accept", action="store_true", help="swap it in also when digests differ")
    add_allow_unsafe(rebuild)


@asynccontextmanager
async def reached(settings: Settings) -> AsyncIterator[Settings]:
    """The settings, where a journal and a database are known; else the servers of an idle data folder, started."""
    from ecoklit.adapters import data_folder
    from ecoklit.cli.serving import own_servers

    known = settings.nats_url is not None or settings.database_url is not None
    if known or not (settings.data / "nats").is_dir():
        yield settings
        return
    with data_folder.opened(settings.data):
        async with own_servers(settings) as found:
            yield found


# --- project ---------------------------------------------------------------------------------------------------------


def run_quickly(replaying: Coroutine[Any, Any, Exit]) -> Exit:
    """In a loop that serves the database while a thread makes the next batch ready."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(replaying)


def run_project(arguments: argparse.Namespace) -> Exit:
    return run_quickly(project(settings_of(arguments), arguments))


async def project(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_journal, open_projector, open_registry
    from ecoklit.cli.serving import stop_on_signals

    async with (
        reached(settings) as found,
        open_journal(found) as journal,
        open_registry(found) as registry,
        open_projector(found, journal, registry) as projector,
    ):
        checkpoint = await project_in_sight(journal, projector)
        if arguments.follow:
            await projector.run_forever(stop_on_signals())
            checkpoint = await projector.run_until_caught_up()
    report_projected(settings.regency, checkpoint, arguments.json)
    return Exit.OK


async def project_in_sight(journal: Journal, projector: Projector) -> Checkpoint:
    """Project all that the journal holds, with a bar that shows how far it is."""
    from ecoklit.cli.output import progress

    last = await journal.last()
    with progress() as bar:
        task = bar.add_task("proyeksi · projecting", total=last.events)
        return await projector.run_until_caught_up(
            progress=lambda checkpoint: bar.update(task, completed=checkpoint.events)
        )


def report_projected(regency: str, checkpoint: Checkpoint, as_json: bool) -> None:
    from ecoklit.cli.output import print_json, print_line

    if as_json:
        print_json({"regency": regency, "events": checkpoint.events, "persons": checkpoint.persons})
    else:
        print_line(f"{regency}: {checkpoint.events} peristiwa diproyeksikan · events projected")


# --- rebuild ---------------------------------------------------------------------------------------------------------


def run_rebuild(arguments: argparse.Namespace) -> Exit:
    return run_quickly(rebuild_rolls(settings_of(arguments), arguments))


async def rebuild_rolls(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import rebuild_all

    async with reached(settings) as found:
        rebuilt = await rebuild_all(found, accept=arguments.accept)
    report_rebuilt(rebuilt, arguments.json)
    return Exit.DIFFERS if rebuilt.differences else Exit.OK


def report_rebuilt(rebuilt: Rebuilt, as_json: bool) -> None:
    from ecoklit.cli.output import listing, print_json, print_line

    differences = [
        {"code": one.code, "live": hex_of(one.live), "rebuilt": hex_of(one.rebuilt)} for one in rebuilt.differences
    ]
    if as_json:
        shown = {"positions": rebuilt.positions, "compared": rebuilt.compared, "swapped": rebuilt.swapped}
        print_json({**shown, "differences": differences})
        return
    for regency, position in rebuilt.positions.items():
        print_line(f"{regency}: {position.events} peristiwa diputar ulang · events replayed")
    if differences:
        codes = listing([str(one["code"]) for one in differences], CODES_SHOWN_MAX)
        print_line(f"digest berbeda · digests differ: {codes}")
    elif rebuilt.compared:
        print_line("semua digest sama · all digests are equal")
    print_line(
        "daftar baru dipakai · the new roll is in place"
        if rebuilt.swapped
        else "daftar lama tetap dipakai; --accept menukarnya · the old roll stays; --accept swaps it"
    )


def hex_of(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()
