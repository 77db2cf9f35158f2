"""`ecoklit journal`: the whole journal into a folder that proves itself, and back into an empty broker."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ecoklit.cli.command import Commands, add_allow_unsafe, add_command, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError
from ecoklit.settings import Settings

if TYPE_CHECKING:
    from ecoklit.services.journal_export import Progress


def add_commands(commands: Commands) -> None:
    top: argparse.ArgumentParser = commands.add_parser(
        "journal",
        help="Ekspor seluruh jurnal, atau pulihkan. · Export the whole journal, or restore it.",
        description="Ekspor seluruh jurnal ke folder, atau pulihkan ke broker kosong. "
        "· Export the whole journal into a folder, or restore it into an empty broker.",
        epilog="contoh · example:\n  ecoklit journal export arsip\n\nEach has a --help of its own, and --json.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = top.add_subparsers(metavar="ACTION", required=True, parser_class=type(top))
    out = add_command(
        actions,
        "export",
        lambda arguments: asyncio.run(export(settings_of(arguments), arguments)),
        "Tulis seluruh jurnal ke folder; dijalankan lagi, hanya yang baru ditambahkan. "
        "· Write the whole journal into a folder; run again, it adds only what is new.",
        "ecoklit journal export arsip",
        "one object: folder, added, ends, has_persons",
    )
    out.add_argument("folder", metavar="DIR", type=Path, help="where it goes; made if it is absent")
    out.add_argument(
        "--without-persons", action="store_true", help="for an auditor who may not see them; everything still verifies"
    )
    add_allow_unsafe(out)
    back = add_command(
        actions,
        "import",
        lambda arguments: asyncio.run(restore(settings_of(arguments), arguments)),
        "Pulihkan jurnal yang diekspor ke broker yang masih kosong. "
        "· Restore an exported journal into a broker that is still empty.",
        "ecoklit journal import arsip",
        "one object: ends, has_persons",
    )
    back.add_argument("source", metavar="DIR|URL", help="an exported journal")
    add_allow_unsafe(back)


async def export(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import export_journal
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.cli.replaying import reached

    folder: Path = arguments.folder
    async with reached(settings) as found:
        with in_sight() as progress:
            done = await export_journal(found, folder, without_persons=arguments.without_persons, progress=progress)
    if arguments.json:
        shown = {"added": done.added, "ends": done.holds.positions, "has_persons": done.holds.has_persons}
        print_json({"folder": str(folder), **shown})
        return Exit.OK
    for stream, end in done.holds.positions.items():
        print_line(f"{stream}: {end} (+{done.added[stream]})")
    kept = "dengan data pribadi, jaga seperti jurnal · with persons, keep it as you keep the journal"
    print_line(kept if done.holds.has_persons else "tanpa data pribadi · without persons")
    return Exit.OK


async def restore(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.journal_folder import segments_at
    from ecoklit.bootstrap import import_journal
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.cli.replaying import reached

    index = segments_at(arguments.source).index()
    if (index.election, index.regency) != (settings.election, settings.regency):
        raise EcoklitError(
            "other_election",
            f"This is the journal of {index.election} in {index.regency}: set ECOKLIT_ELECTION and ECOKLIT_REGENCY.",
        )
    async with reached(settings) as found:
        with in_sight() as progress:
            await import_journal(found, arguments.source, progress=progress)
    if arguments.json:
        print_json({"ends": index.positions, "has_persons": index.has_persons})
        return Exit.OK
    for stream, end in index.positions.items():
        print_line(f"{stream}: {end} dipulihkan · restored")
    return Exit.OK


@contextmanager
def in_sight() -> Iterator[Progress]:
    """A line that counts, on a terminal."""
    from ecoklit.cli.output import progress

    with progress() as bar:
        tasks = {}

        def show(stream: str, position: int) -> None:
            if stream not in tasks:
                tasks[stream] = bar.add_task(stream, total=None)
            bar.update(tasks[stream], completed=position)

        yield show
