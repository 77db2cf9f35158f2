"""`ecoklit export` and `ecoklit trace`: lists as files, and whose a leaked part is."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecoklit.cli.command import Commands, add_command, area_code
from ecoklit.cli.exits import Exit
from ecoklit.cli.past import add_at
from ecoklit.cli.pushing import read_codebook
from ecoklit.errors import EcoklitError
from ecoklit.settings import read_settings

if TYPE_CHECKING:
    from ecoklit.adapters.export_folder import ExportFolder
    from ecoklit.adapters.postgres_reader import PostgresReader
    from ecoklit.ports import ExportSource
    from ecoklit.services.as_of import Past
    from ecoklit.services.export import Export
    from ecoklit.services.exporting import Ask, Exporting, Traced
    from ecoklit.services.tables import Table
    from ecoklit.services.viewer import Viewer
    from ecoklit.settings import Settings

TRACED: Final = {
    "login": "Untuk\nfor",
    "area": "Wilayah\narea",
    "format": "Bentuk\nformat",
    "asked_at": "Diminta\nasked for",
    "agree": "Cocok\nagree",
    "texts": "dari\nof",
    "chance_max": "Kebetulan\nby chance",
    "is_named": "Sumber\nnamed",
    "export": "Ekspor\nexport",
}
WHATS: Final = (
    "roll", "recap", "movers", "conflicts", "proposals", "duplicates", "families", "large", "progress", "late",
)  # fmt: skip
SUSPECTED_MAX: Final = 5
"""Exports that are shown when none is named."""


def add_commands(commands: Commands) -> None:
    add_export(commands)
    add_trace(commands)


# --- export ----------------------------------------------------------------------------------------------------------


def add_export(commands: Commands) -> None:
    command = add_command(
        commands,
        "export",
        lambda arguments: asyncio.run(export(arguments)),
        "Daftar suatu wilayah sebagai berkas; perintah yang sama melanjutkan yang terputus. "
        "· An area's lists as files; the same command goes on with one that broke.",
        "ecoklit export 94.04.01.2001 --for siti --format xlsx --out daftar --reason 'pleno PPS 1 Agustus'",
        "one object: what export.json in FOLDER says",
    )
    command.add_argument("area", metavar="AREA", type=area_code, help="regency, district, village or TPS; dots allowed")
    command.add_argument(
        "--for", dest="recipient", required=True, metavar="LOGIN",
        help="whose it is: an account with the right 'export' in AREA",
    )  # fmt: skip
    command.add_argument(
        "--format", required=True, choices=("csv", "xlsx", "parquet", "arrow", "pdf"),
        help="csv or xlsx: Model A-Daftar Pemilih, a file for each village; pdf: its pages, for each TPS; parquet or "
        "arrow: for each district",
    )  # fmt: skip
    command.add_argument(
        "--out", required=True, type=Path, metavar="FOLDER", help="a new folder, or that of a broken one"
    )
    command.add_argument(
        "--reason", required=True, metavar="TEXT", help="why, in 10 to 200 characters: it stands in the read log"
    )
    command.add_argument(
        "--codebook", default="2024", metavar="YEAR", help="2018, 2023 or 2024 (default): of csv, xlsx and pdf"
    )
    command.add_argument("--unmasked", action="store_true", help="whole identity numbers: takes the right 'unmask'")
    command.add_argument(
        "--what", default="roll", choices=WHATS,
        help="the voters' lists (roll, unless given), or another list of AREA as one table",
    )  # fmt: skip
    add_at(command)


async def export(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import export_folder, make_exporting, open_accounts, open_reader
    from ecoklit.cli.output import print_json
    from ecoklit.services.accounts import viewer_of
    from ecoklit.services.exporting import Ask

    settings = replace(read_settings(os.environ), regency=arguments.area[:4])
    ask = Ask(
        arguments.area, arguments.format, arguments.codebook, arguments.unmasked, arguments.reason, arguments.what,
        arguments.at,
    )  # fmt: skip
    files = export_folder(arguments.out, ask.format)
    files.demand_ours()
    async with open_accounts(settings) as people, open_reader(settings) as reader:
        viewer = viewer_of(await people.accounts.of(arguments.recipient))
        made = await Making(make_exporting(people), reader, viewer, settings).made(ask, files)
    if arguments.json:
        print_json(made)
    else:
        report(made, arguments.out)
    return Exit.OK


class Making:
    """An export on its way into a folder."""

    def __init__(self, exporting: Exporting, reader: PostgresReader, viewer: Viewer, settings: Settings) -> None:
        self._exporting = exporting
        self._reader = reader
        self._viewer = viewer
        self._settings = settings

    async def made(self, ask: Ask, files: ExportFolder) -> Export:
        """The export that was asked for, whole. Raises EcoklitError bad_argument when the folder has another one."""
        known = await self._exporting.known(self._viewer, files)
        if known is None:
            return await self._new(ask, files)
        demand_alike(known, ask)
        if known.is_done:
            return known
        async with self._again(known) as source:
            return await self._written(known, source, files)

    async def _new(self, ask: Ask, files: ExportFolder) -> Export:
        from ecoklit.bootstrap import open_lists

        read_codebook(ask.codebook)  # which may not be there: said before anything is written down
        self._exporting.demand(self._viewer, ask)
        async with open_lists(self._reader, self._viewer, ask, partial(self._past, ask)) as source:
            voters = await source.voters(ask.area)
            begun = await self._exporting.begin(self._viewer, ask, source, voters)
            return await self._written(begun, source, files)

    async def _past(self, ask: Ask) -> Past:
        from ecoklit.cli.past import past

        assert ask.at is not None
        return await past(self._reader, ask.area, ask.at)

    def _again(self, known: Export) -> AbstractAsyncContextManager[ExportSource | Table]:
        from ecoklit.bootstrap import open_lists_again
        from ecoklit.cli.past import registry_at

        return open_lists_again(self._reader, registry_at(self._settings), self._viewer, known)

    async def _written(self, export: Export, source: ExportSource | Table, files: ExportFolder) -> Export:
        from ecoklit.cli.output import progress
        from ecoklit.services.tables import Table

        if isinstance(source, Table):
            return await self._exporting.carry_on(export, source, files, read_codebook(export.codebook))
        with progress() as bar:
            tps = await source.tps(export.area)
            task = bar.add_task(f"{export.area} {export.format}", total=len(tps), completed=0)

            def on_part(so_far: Export) -> None:
                last = so_far.parts[-1].area
                bar.update(task, completed=sum(code[: len(last)] <= last for code in tps))

            return await self._exporting.carry_on(export, source, files, read_codebook(export.codebook), on_part)


def demand_alike(known: Export, ask: Ask) -> None:
    """Raises EcoklitError bad_argument when the folder's export is another one than is asked for."""
    is_moment = not isinstance(ask.at, int) or ask.at == known.as_of.events
    theirs = (known.what, known.area, known.format, known.unmasked)
    if theirs != (ask.what, ask.area, ask.format, ask.unmasked) or not is_moment:
        whole = "whole" if known.unmasked else "masked"
        raise EcoklitError(
            "bad_argument",
            f"That folder has the {known.what} of {known.area} as {known.format} as of {known.as_of.events}, numbers "
            f"{whole}: name a new folder.",
        )


def report(made: Export, out: Path) -> None:
    from ecoklit.cli.output import print_line
    from ecoklit.cli.reading import said_of

    rows = "pemilih · voters" if made.what == "roll" else "baris · rows"
    digest = f"; digest {made.digest[:16]}…" if made.digest else ""
    print_line(f"{made.rows} {rows}, {len(made.parts)} berkas · files: {out}")
    print_line(f"  untuk · for {made.recipient}; {said_of(made.as_of)}{digest}")
    if made.list_digest:
        print_line(f"  isi daftar · what the list says: {made.list_digest[:16]}…")
    if made.uncoded:
        print_line(
            f"  {made.uncoded} sel tanpa kode di buku {made.codebook}, ditulis sebagai kata · cells have no code"
        )


# --- trace -----------------------------------------------------------------------------------------------------------


def add_trace(commands: Commands) -> None:
    command = add_command(
        commands,
        "trace",
        lambda arguments: asyncio.run(trace(arguments)),
        "Dari ekspor mana bagian daftar yang bocor berasal. · From which export a part of a list that got out came.",
        "ecoklit trace bocor.csv",
        "one object for each export, the likeliest first",
    )
    command.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        type=Path,
        help="XLSX or CSV, in any layout; every other file is read as text",
    )


async def trace(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import make_exporting, open_accounts
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.core.watermark import FALSELY_NAMED_MAX, texts_in

    cells = {cell for file in arguments.files for cell in cells_of(file)}
    async with open_accounts(read_settings(os.environ)) as people:
        found = await make_exporting(people).traced(None, cells)
    rows = [row_of(one) for one in found]
    if arguments.json:
        print_json(*rows)
        return Exit.OK
    named = [row for row in rows if row["is_named"]]
    print_table("Jejak · trace", TRACED, named or rows[:SUSPECTED_MAX])
    if named:
        print_line(f"Keliru paling sering · wrong at most once in {1 / FALSELY_NAMED_MAX:,.0f}")
    elif not any(texts_in(cells).values()):
        print_line(
            "Tak ada tanda: diketik ulang, atau spasinya diseragamkan · no mark: typed anew, or all spaces alike"
        )
    else:
        print_line("Terlalu sedikit untuk menyebut nama · too little to name anybody; see the read log")
    return Exit.OK if named else Exit.DIFFERS


def cells_of(file: Path) -> Iterator[str]:
    """Every text in a file, as it stands there. Raises EcoklitError no_file, and what a damaged list raises."""
    from ecoklit.adapters.spreadsheet import read_rows

    if file.suffix.lower() in (".xlsx", ".csv"):
        for row in read_rows(file):
            yield from row.cells
        return
    try:
        text = file.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise EcoklitError("no_file", f"{file.name} cannot be opened ({error.strerror}): check its path.") from error
    for line in text.splitlines():
        yield from line.split("\t")


def row_of(one: Traced) -> dict[str, object]:
    job, found = one.job, one.suspicion
    return {
        "export": job.export,
        "login": job.login,
        "area": job.area,
        "format": job.format,
        "asked_at": job.asked_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "texts": found.texts,
        "agree": found.agree,
        "chance_max": float(f"{found.chance_max:.3g}"),
        "is_named": found.is_named,
    }
