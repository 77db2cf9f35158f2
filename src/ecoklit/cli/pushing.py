"""`ecoklit import` and `ecoklit push`: lists and devices' logs into the journal."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ecoklit.cli.command import Commands, add_allow_unsafe, add_command, settings_of, word
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError
from ecoklit.settings import Settings

if TYPE_CHECKING:
    from ecoklit.core.codebook import Codebook
    from ecoklit.services.deliver import Delivered, Unread
    from ecoklit.services.listing import Office, RowReport, Summary

ROWS_SHOWN_MAX = 40
NAMES_SHOWN_MAX = 5


def add_commands(commands: Commands) -> None:
    add_import(commands)
    add_push(commands)


# --- import ----------------------------------------------------------------------------------------------------------


def add_import(commands: Commands) -> None:
    command = add_command(
        commands,
        "import",
        import_lists,
        "Impor Model A-Daftar Pemilih (XLSX atau CSV) sebagai peristiwa 'listed'. "
        "· Import lists (Model A-Daftar Pemilih, XLSX or CSV) as 'listed' events of this office's device.",
        "ecoklit import --codebook 2024 --source dp4-2024 9404012001.xlsx",
        "one object for every row, then one summary for each file",
    )
    command.add_argument("files", metavar="FILE", nargs="+", type=Path, help="one file for each village")
    command.add_argument(
        "--village", metavar="CODE", help="the village (10 digits) when the file's name does not say it"
    )
    command.add_argument("--codebook", default="2024", metavar="YEAR", help="2018, 2023 or 2024 (default)")
    command.add_argument(
        "--source", default="model-a", type=word, metavar="WORD", help="what rows without a source came from"
    )
    command.add_argument("--officer", default="kpu", type=word, metavar="ID", help="who imports, an id (default: kpu)")
    command.add_argument(
        "--policy", default="2024-1", type=word, metavar="NAME", help="the policy that the office works under"
    )
    add_allow_unsafe(command)


def import_lists(arguments: argparse.Namespace) -> Exit:
    settings = settings_of(arguments)
    if arguments.village is not None and len(arguments.files) > 1:
        raise EcoklitError("bad_argument", "--village names the village of one file: import the others by themselves.")
    for file in arguments.files:
        if not file.is_file():
            raise EcoklitError("bad_argument", f"{file} is no file that can be read: name an XLSX or CSV file.")
    return asyncio.run(import_files(settings, arguments))


async def import_files(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_office

    book = read_codebook(arguments.codebook)
    worst = Exit.OK
    async with open_office(settings, book, arguments.officer, arguments.policy) as office:
        for file in arguments.files:
            summary = await import_file(office, file, settings.regency, arguments)
            worst = Exit.DIFFERS if summary.has_errors else worst
    return worst


def read_codebook(name: str) -> Codebook:
    from ecoklit.contract import codebook

    return codebook(name)


async def import_file(office: Office, file: Path, regency: str, arguments: argparse.Namespace) -> Summary:
    from ecoklit.adapters.spreadsheet import read_rows
    from ecoklit.cli.output import print_json, progress
    from ecoklit.services.listing import Import, village_of

    village = village_of(file.name, arguments.village, regency)
    shown = Shown([], [])
    with progress() as bar:
        task = bar.add_task(file.name, total=None)

        def on_row(row: RowReport) -> None:
            bar.advance(task)
            if arguments.json:
                print_json({"file": file.name, **row_as_json(row)})
            else:
                shown.take(row)

        what = Import(village, arguments.source, datetime.now().astimezone().isoformat(timespec="seconds"))
        summary = await office.import_list(read_rows(file), what, on_row)
    if arguments.json:
        print_json({"file": file.name, **msgspec.to_builtins(summary), "rows": summary.rows})
    else:
        report_import(file, summary, shown)
    return summary


class Shown(NamedTuple):
    """The first rows with findings: errors apart, so that no number of warnings hides one."""

    errors: list[RowReport]
    warnings: list[RowReport]

    def take(self, row: RowReport) -> None:
        rows = self.errors if any(finding.severity == "error" for finding in row.findings) else self.warnings
        if row.findings and len(rows) <= ROWS_SHOWN_MAX:
            rows.append(row)


def row_as_json(row: RowReport) -> dict[str, Any]:
    findings = [{**finding._asdict(), "severity": finding.severity} for finding in row.findings]
    return {**row._asdict(), "findings": findings}


def report_import(file: Path, summary: Summary, shown: Shown) -> None:
    from ecoklit.cli.output import listing, print_line

    outcomes = summary.outcomes
    print_line(
        f"{file.name}: {summary.rows} baris · rows; {outcomes['listed']} didaftar · listed, "
        f"{outcomes['changed']} berubah · changed, {outcomes['unchanged']} tetap · unchanged, "
        f"{outcomes['refused']} ditolak · refused, {len(summary.gone)} tidak ada lagi · gone"
    )
    for notice in summary.notices:
        print_line(f"  {notice.severity}: {notice.text('id')} · {notice.text('en')}")
    report_rows("Kesalahan, tidak didaftar · errors, not listed", shown.errors)
    report_rows("Peringatan, tetap didaftar · warnings, listed all the same", shown.warnings)
    if summary.gone:
        gone = [f"{row.voter} ({row.tps})" for row in summary.gone]
        print_line(f"  tidak ada lagi, tidak dihapus · gone, not removed: {listing(gone, NAMES_SHOWN_MAX)}")


def report_rows(title: str, rows: list[RowReport]) -> None:
    from ecoklit.cli.output import print_line

    if rows:
        print_line(f"  {title}:")
    for row in rows[:ROWS_SHOWN_MAX]:
        said = "; ".join(f"{finding.text('id')} · {finding.text('en')}" for finding in row.findings)
        print_line(f"    {row.place}: {row.outcome}: {said}")
    if len(rows) > ROWS_SHOWN_MAX:
        print_line("    … selebihnya dengan --json · the rest with --json")


# --- push ------------------------------------------------------------------------------------------------------------


def add_push(commands: Commands) -> None:
    command = add_command(
        commands,
        "push",
        push,
        "Kirim berkas berisi kiriman bertanda tangan dari alat mana pun, berurutan atau tidak. "
        "· Push a file of signed pushes (NDJSON) of any devices, in any order, to the service.",
        "ecoklit push phone.ndjson",
        "one object for each device, and one for each line that was not read",
    )
    command.add_argument(
        "file", metavar="FILE", help="pushes one after another, each ended by its signed head; - is standard input"
    )
    command.add_argument(
        "--service", metavar="URL", help="where the service is (default: ECOKLIT_SERVICE_URL, or 'up')"
    )
    add_allow_unsafe(command)


def push(arguments: argparse.Namespace) -> Exit:
    settings = settings_of(arguments)
    if arguments.service is not None:
        settings = replace(settings, service_url=arguments.service)
    return asyncio.run(push_file(settings, unsealed(settings, read_file(arguments.file)), arguments.json))


def read_file(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise EcoklitError("bad_argument", f"{name}: {error.strerror}; name a file of signed pushes.") from error


def unsealed(settings: Settings, data: bytes) -> bytes:
    """The pushes in `data`; a file that a phone sealed to the service is opened by the service's key, kept here."""
    from ecoklit.core import sealing

    if not sealing.is_sealed(data):
        return data
    from ecoklit.bootstrap import service_key

    key = service_key(settings)()
    return b"".join(sealing.open_with_key(line, key) for line in data.splitlines())


async def push_file(settings: Settings, data: bytes, as_json: bool) -> Exit:
    from ecoklit.bootstrap import open_service
    from ecoklit.cli.output import progress
    from ecoklit.services.deliver import deliver, parcels_of

    parcels = parcels_of(data)
    events = sum(parcel.events for log in (parcels.registry, *parcels.by_device.values()) for parcel in log)
    async with open_service(settings) as service:
        with progress() as bar:
            task = bar.add_task("mengirim · pushing", total=events)
            delivered = await deliver(service, parcels, lambda held: bar.advance(task, held))
    report_push(delivered, parcels.unread, as_json)
    refused = parcels.unread or any(one.refusal for one in delivered)
    return Exit.DIFFERS if refused else Exit.OK


def report_push(delivered: list[Delivered], unread: list[Unread], as_json: bool) -> None:
    from ecoklit.cli.output import print_json, print_line

    if as_json:
        print_json(*delivered, *({"line": line, "refusal": "unsigned", "why": why} for line, why in unread))
        return
    for line, why in unread:
        print(f"line {line}: unsigned: {why}", file=sys.stderr)
    for one in delivered:
        if one.refusal is not None:
            print(f"{one.device}: {one.refusal}: {one.why}", file=sys.stderr)
    held = [one for one in delivered if one.refusal is None]
    names = Counter(one.refusal for one in delivered if one.refusal is not None)
    print_line(
        f"{sum(one.events for one in held)} peristiwa · events, {len(held)} alat · devices: diterima · held"
        + "".join(f"; {count} {name}" for name, count in sorted(names.items()))
    )
