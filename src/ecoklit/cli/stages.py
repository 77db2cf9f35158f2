"""`ecoklit stage`, `diff` and `windows`: when lists were frozen and coklit was open, and what changed and came late."""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.command import Commands, add_command, area_code, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.cli.past import moment, past, registry_at
from ecoklit.cli.rights import add_signing, opened_desk, report_signed, synced
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.adapters.postgres_past import PostgresPast
    from ecoklit.services.as_of import Moment, Past
    from ecoklit.services.diff import Change
    from ecoklit.services.stages import Freeze
    from ecoklit.settings import Settings

STAGES: Final = ("DPHP", "DPS", "DPSHP", "DPT")
NOW: Final = "now"
SET: Final = {
    "stage": "Tahap\nstage",
    "area": "Wilayah\narea",
    "at": "Ditetapkan\nfrozen at",
    "officer": "Oleh\nby",
    "events": "Posisi\nposition",
    "registry": "Registri\nregistry",
    "digest": "Digest",
}
KINDS: Final = {
    "new": "baru · new",
    "returned": "kembali · returned",
    "moved_in": "pindah masuk · moved in",
    "moved": "pindah TPS · moved",
    "moved_out": "pindah keluar · moved out",
    "tms": "TMS · removed",
    "corrected": "ubah · corrected",
    "gone": "tak dihitung lagi · no longer counted",
}
CHANGED: Final = {
    "kind": "Perubahan\nchange",
    "name": "Nama\nname",
    "sex": "L/P\nsex",
    "before": "TPS semula\nbefore",
    "after": "TPS kini\nafter",
    "reason": "Sebab\nreason",
    "corrected": "Diubah\ncorrected",
    "voter": "Pemilih\nvoter",
}
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would run instead of show."""


WHATS: Final = {"opened": "dibuka · opened", "extended": "diperpanjang · extended", "closed": "ditutup · closed"}
WORDS: Final = {
    "area": "Wilayah\narea",
    "what": "Jendela coklit\nwindow",
    "at": "Menurut jam kantor\nby the office's clock",
    "officer": "Oleh\nby",
    "position": "Registri\nregistry",
}
LATE: Final = {
    "tps": "TPS",
    "officer": "Petugas\nofficer",
    "entries": "Entri terlambat\nlate entries",
    "last": "Terakhir, jam alat\nlast, device's clock",
}


def add_commands(commands: Commands) -> None:
    add_stage(commands)
    add_diff(commands)
    windows = add_command(
        commands,
        "windows",
        show_windows,
        "Kapan coklit suatu wilayah dibuka dan ditutup, dan entri siapa yang terlambat. "
        "· When coklit of an area was opened and closed, and whose entries came late.",
        "ecoklit windows 94.04.01",
        "one object: as_of, area, is_open, words, late",
    )
    add_area(windows)


def add_stage(commands: Commands) -> None:
    what = (
        "Tahap daftar: tetapkan, lihat, buktikan DPHP, DPS, DPSHP, DPT. "
        "· Stages of the list: freeze, show and prove DPHP, DPS, DPSHP and DPT."
    )
    stage: argparse.ArgumentParser = commands.add_parser(
        "stage",
        help=what,
        description=what,
        epilog="contoh · example:\n  ecoklit stage set 94.04 DPS --yes\n\nEach has a --help of its own, and --json.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = stage.add_subparsers(metavar="ACTION", required=True, parser_class=type(stage))
    freeze = add_command(
        actions,
        "set",
        freeze_stage,
        "Tetapkan daftar suatu wilayah sebagai satu tahap; tanpa --yes hanya menunjukkan apa yang akan ditetapkan. "
        "· Freeze the list of an area as a stage; without --yes it only shows what would be frozen.",
        "ecoklit stage set 94.04 DPS --yes",
        "one object: stage, area, moment, digest, voters, in_conflict, proposed, said",
    )
    add_area(freeze)
    freeze.add_argument("stage", metavar="STAGE", choices=STAGES, help=", ".join(STAGES))
    freeze.add_argument("--yes", action="store_true", help="sign it, after showing what is frozen")
    add_signing(freeze)
    add_command(
        actions,
        "list",
        list_stages,
        "Tahap yang telah ditetapkan. · The stages that were frozen.",
        "ecoklit stage list",
        "one object for each stage",
    )
    verify = add_command(
        actions,
        "verify",
        verify_stage,
        "Lipat ulang daftar suatu tahap dari jurnal dan cocokkan digest-nya. "
        "· Fold a stage's list again from the journal, and compare its digest.",
        "ecoklit stage verify 94.04 DPS",
        "one object: stage, area, digest, voters",
    )
    add_area(verify)
    verify.add_argument("stage", metavar="STAGE", choices=STAGES, help=", ".join(STAGES))


def add_area(command: argparse.ArgumentParser) -> None:
    command.add_argument("area", metavar="AREA", type=area_code, help="regency, district, village or TPS; dots allowed")


def add_diff(commands: Commands) -> None:
    command = add_command(
        commands,
        "diff",
        diff,
        "Perubahan daftar antara dua tahap: baru, keluar, TMS, ubah. "
        "· What changed on the list between two stages: new, removed, TMS, corrected.",
        "ecoklit diff DPS DPSHP --area 94.04.01 --csv perubahan.csv",
        "one object for each voter: kind, before, after, reason, name, sex, corrected, voter",
    )
    for name, help in (("earlier", "a stage, a position or a time"), ("later", f"the same, or {NOW}")):
        command.add_argument(name, metavar=name.upper(), type=moment_or_now, help=help)
    command.add_argument("--area", type=area_code, metavar="CODE", help="a part of the regency (default: all of it)")
    command.add_argument("--csv", type=Path, metavar="FILE", help="write the change list to a new file")


def moment_or_now(text: str) -> Any:
    return NOW if text == NOW else moment(text)


# --- freezing --------------------------------------------------------------------------------------------------------


def freeze_stage(arguments: argparse.Namespace) -> Exit:
    return asyncio.run(freeze_at(of_area(settings_of(arguments), arguments.area), arguments))


async def freeze_at(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.postgres_office import PostgresOffice
    from ecoklit.adapters.postgres_past import PostgresPast
    from ecoklit.bootstrap import open_reader
    from ecoklit.cli.output import print_json
    from ecoklit.services.stages import fields_of, verified

    with opened_desk(settings, arguments) as desk:
        await synced(settings, desk)
        async with open_reader(settings) as reader:
            freeze = await found(PostgresPast(reader), PostgresOffice(reader), arguments.stage, arguments.area)
            voters = await verified(await at(settings, PostgresPast(reader), freeze.moment), freeze.area, freeze.digest)
        away = None
        if arguments.yes:
            desk.say(("stage_set", fields_of(freeze)))
            away = await synced(settings, desk)
        if arguments.json:
            row = {**fields_of(freeze), "voters": voters, "in_conflict": freeze.in_conflict}
            print_json({**row, "proposed": freeze.proposed, "said": arguments.yes, "waiting": desk.waiting})
            return Exit.OK
        report_freeze(freeze, voters, said=arguments.yes)
        report_signed(desk, away)
    return Exit.OK


async def found(reader: PostgresPast, office: Any, stage: str, area: str) -> Freeze:
    """What would be frozen of the area now."""
    from ecoklit.services.as_of import Moment
    from ecoklit.services.stages import Freeze, demand_area

    as_of, registry, digests = await reader.rolls(area[:4])
    digest = demand_area(area, digests)
    rolls = await office.open_at(area)
    in_conflict, proposed = (sum(getattr(one, name) for one in rolls.values()) for name in ("in_conflict", "proposed"))
    return Freeze(stage, area, Moment(as_of, registry), digest, in_conflict, proposed)


def report_freeze(freeze: Freeze, voters: int, *, said: bool) -> None:
    from ecoklit.cli.output import print_line

    as_of = freeze.moment.as_of
    print_line(
        f"{freeze.stage} {freeze.area}: {voters} pemilih · voters, digest {freeze.digest.hex()}\n"
        f"  posisi · position {as_of.events}, {as_of.persons}; registri · registry {freeze.moment.registry}"
    )
    if freeze.in_conflict or freeze.proposed:
        print_line(
            f"  Masih terbuka · still open: {freeze.in_conflict} sengketa · conflicts, "
            f"{freeze.proposed} usulan · proposals"
        )
    print_line(
        "  Ditetapkan dan ditandatangani · frozen and signed"
        if said
        else "  Belum ditandatangani: ulangi dengan --yes · not signed yet: run it again with --yes"
    )


def of_area(settings: Settings, area: str) -> Settings:
    """The settings, which must be those of the area's regency."""
    if area[:4] != settings.regency:
        raise EcoklitError(
            "unknown_area", f"This office is of regency {settings.regency}: give an area of it, of 4 to 13 digits."
        )
    return settings


# --- what was frozen -------------------------------------------------------------------------------------------------


def list_stages(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import read_registry
    from ecoklit.cli.output import print_json, print_table
    from ecoklit.services.stages import rows_of, stages_of

    settings = settings_of(arguments)
    rows = rows_of(stages_of(asyncio.run(read_registry(settings))))
    if arguments.json:
        print_json(*rows)
    else:
        print_table(f"Tahap daftar · stages of the list {settings.regency}", SET, rows)
    return Exit.OK


def verify_stage(arguments: argparse.Namespace) -> Exit:
    return asyncio.run(verify_at(of_area(settings_of(arguments), arguments.area), arguments))


async def verify_at(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.postgres_past import PostgresPast
    from ecoklit.bootstrap import open_reader, read_registry
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.services.stages import stage_for, verified

    stage = stage_for(await read_registry(settings), arguments.stage, arguments.area)
    async with open_reader(settings) as reader:
        voters = await verified(await at(settings, PostgresPast(reader), stage.moment), stage.area, stage.digest)
    if arguments.json:
        print_json({"stage": stage.stage, "area": stage.area, "digest": stage.digest.hex(), "voters": voters})
    else:
        print_line(
            f"{stage.stage} {stage.area}: {voters} pemilih · voters, digest {stage.digest.hex()} terbukti · proved, "
            f"ditetapkan oleh · frozen by {stage.officer}, {stage.at}"
        )
    return Exit.OK


async def at(settings: Settings, reader: PostgresPast, moment: Moment) -> Past:
    from ecoklit import contract
    from ecoklit.services.as_of import past_at

    return await past_at(reader, registry_at(settings), contract.policies(), moment)


# --- the change list -------------------------------------------------------------------------------------------------


def diff(arguments: argparse.Namespace) -> Exit:
    settings = settings_of(arguments)
    area = arguments.area or settings.regency
    if arguments.csv is not None and arguments.csv.exists():
        raise EcoklitError("bad_argument", f"{arguments.csv} is there already: name another file.")
    return asyncio.run(diff_at(of_area(settings, area), area, arguments))


async def diff_at(settings: Settings, area: str, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import log_at_the_shell, open_reader
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.services.diff import changes

    async with open_reader(settings) as reader:
        here = (await reader.as_of(settings.regency)).events
        earlier, later = [
            await past(reader, area, here if asked == NOW else asked) for asked in (arguments.earlier, arguments.later)
        ]
        rows = [row_of(change) async for change in changes(earlier, later, area)]
    await log_at_the_shell(settings, "changes", area=area, rows=len(rows), as_of=later.moment.as_of.events)
    if arguments.csv is not None:
        write_csv(arguments.csv, rows)
    if arguments.json:
        print_json(*rows)
        return Exit.OK
    shown = [{**row, "kind": KINDS[row["kind"]]} for row in rows]
    title = f"Perubahan daftar {area} · changes, {arguments.earlier} → {arguments.later}"
    print_table(title, CHANGED, shown)
    totals = {label: sum(row["kind"] == kind for row in rows) for kind, label in KINDS.items()}
    print_line("; ".join(f"{count} {label}" for label, count in totals.items() if count) or "tidak ada · none")
    return Exit.OK


def row_of(change: Change) -> dict[str, Any]:
    from msgspec import structs

    from ecoklit.services.disclose import disclosed

    return disclosed(structs.asdict(change))


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """A new file for its owner alone: it names voters."""
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline=""
    ) as file:
        writer = csv.writer(file)
        writer.writerow(CHANGED)
        writer.writerows([cell_of(row[name]) for name in CHANGED] for row in rows)


def cell_of(value: Any) -> str:
    text = "" if value is None else " ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


# --- windows ---------------------------------------------------------------------------------------------------------


def show_windows(arguments: argparse.Namespace) -> Exit:
    return asyncio.run(show_windows_at(of_area(settings_of(arguments), arguments.area), arguments))


async def show_windows_at(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from msgspec import structs

    from ecoklit.bootstrap import open_analyst, read_registry
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.cli.reading import said_of
    from ecoklit.services.windows import window_report

    registry = await read_registry(settings)
    async with open_analyst(settings) as reader:
        report = await window_report(reader, registry, arguments.area)
    words, late = ([structs.asdict(one) for one in some] for some in (report.words, report.late))
    if arguments.json:
        row = {"as_of": report.as_of, "area": report.area, "is_open": report.is_open}
        print_json({**row, "words": words, "late": late})
        return Exit.OK
    print_table(f"Jendela coklit · window {report.area}", WORDS, [{**one, "what": WHATS[one["what"]]} for one in words])
    print_table("Terlambat · late", LATE, late, totals=True)
    print_line(f"{'terbuka · open' if report.is_open else 'tertutup · closed'}; {said_of(report.as_of)}")
    return Exit.OK
