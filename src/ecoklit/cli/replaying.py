"""`ecoklit project` and `ecoklit rebuild`: from the journal to the roll, again or anew."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import TYPE_CHECKING

from ecoklit.cli.command import Commands, add_command
from ecoklit.cli.exits import Exit
from ecoklit.ports import Position
from ecoklit.settings import Settings, read_settings

if TYPE_CHECKING:
    from ecoklit.ports import Checkpoint, Journal
    from ecoklit.services.project import Projector

STEP_EVENTS = 40_000
"""Events between two looks at the bar: about a second's work."""


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


def run_project(arguments: argparse.Namespace) -> Exit:
    return asyncio.run(project(read_settings(os.environ), arguments))


async def project(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_journal, open_projector
    from ecoklit.cli.serving import stop_on_signals

    async with open_journal(settings) as journal, open_projector(settings, journal) as projector:
        checkpoint = await project_in_sight(journal, projector)
        if arguments.follow:
            await projector.run_forever(stop_on_signals())
            checkpoint = await projector.run_until_caught_up()
    report(settings.regency, checkpoint, arguments.json)
    return Exit.OK


async def project_in_sight(journal: Journal, projector: Projector) -> Checkpoint:
    """Project all that the journal holds, with a bar that shows how far it is."""
    from ecoklit.cli.output import progress

    last = await journal.last()
    with progress() as bar:
        task = bar.add_task("proyeksi · projecting", total=last.events)
        checkpoint = await projector.run_until_caught_up(Position(0, 0))
        while checkpoint.events < last.events:
            bar.update(task, completed=checkpoint.events)
            step = min(checkpoint.events + STEP_EVENTS, last.events)
            checkpoint = await projector.run_until_caught_up(Position(step, last.persons))
        return await projector.run_until_caught_up()


def report(regency: str, checkpoint: Checkpoint, as_json: bool) -> None:
    from ecoklit.cli.output import print_json, print_line

    if as_json:
        print_json({"regency": regency, "events": checkpoint.events, "persons": checkpoint.persons})
    else:
        print_line(f"{regency}: {checkpoint.events} peristiwa diproyeksikan · events projected")
