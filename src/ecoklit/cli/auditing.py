"""`ecoklit audit`: a whole journal verified from its root key, folded again, and held against what was published."""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ecoklit.cli.command import Commands, add_allow_unsafe, add_command, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError
from ecoklit.settings import Settings

if TYPE_CHECKING:
    from ecoklit.bootstrap.auditing import Stated
    from ecoklit.services.audit import Audit, Compared, Published

SHOWN_MAX: Final = 10


def add_commands(commands: Commands) -> None:
    command = add_command(
        commands,
        "audit",
        lambda arguments: asyncio.run(audit(settings_of(arguments), arguments)),
        "Periksa seluruh jurnal dari kunci akar, hitung ulang, dan bandingkan dengan yang diumumkan. "
        "· Verify a whole journal from the root key down, fold it again, and compare with what was published.",
        "ecoklit audit arsip --root r5ugqfkqf4eh7hxu --log tlog/pilkada-2024-9404",
        "one object: what was checked, faults, not_counted, compared",
    )
    command.add_argument(
        "source",
        nargs="?",
        metavar="DIR|URL",
        help="an exported journal (default: the live one, and the roll beside it)",
    )
    command.add_argument(
        "--at",
        metavar="POSITION|TIME",
        type=_moment,
        help="as of an event of the journal; a time with its offset needs the live service",
    )
    command.add_argument("--root", metavar="DEVICE", help="the root key that the registry must come down from")
    command.add_argument(
        "--log", metavar="DIR", help="a transparency log with its entries, whose last digests must come out"
    )
    command.add_argument(
        "--jobs", type=int, metavar="N", default=os.cpu_count() or 1, help="processes (default: cores)"
    )
    command.add_argument("--scratch", type=Path, metavar="DIR", help="where to sort; needs the journal's size unpacked")
    add_allow_unsafe(command)


def _moment(text: str) -> int | datetime:
    from ecoklit.services.as_of import moment_in

    try:
        return moment_in(text)
    except EcoklitError as error:
        raise argparse.ArgumentTypeError(error.message) from error


async def audit(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap.auditing import audit_folder

    if arguments.jobs < 1:
        raise EcoklitError("bad_argument", "An audit needs at least one process: give --jobs 1 or more.")
    stated = None if arguments.log is None else _log_at(arguments.log)
    common = {"jobs": arguments.jobs, "stated": stated, "scratch": arguments.scratch}
    if arguments.source is not None:
        if isinstance(arguments.at, datetime):
            raise EcoklitError(
                "bad_argument", "An exported journal knows no times: give --at a position of its events."
            )
        found = audit_folder(arguments.source, at=arguments.at, root=arguments.root, **common)
    else:
        found = await _audit_live(settings, arguments, common)
    report(found, arguments.json, has_root=arguments.root is not None)
    return Exit.OK if found.is_sound else Exit.UNFIT


async def _audit_live(settings: Settings, arguments: argparse.Namespace, common: dict[str, Any]) -> Audit:
    """The live journal, copied first: an audit that takes its time must not see it grow."""
    from ecoklit.adapters import data_folder
    from ecoklit.bootstrap import export_journal
    from ecoklit.bootstrap.auditing import audit_folder
    from ecoklit.cli.replaying import reached

    root = arguments.root or data_folder.read_root(
        data_folder.key_folder(settings.data, settings.election, settings.regency)
    )
    with tempfile.TemporaryDirectory(prefix="journal-", dir=arguments.scratch) as copy:
        async with reached(settings) as found:
            published = await _shown(found)
            at = arguments.at
            if isinstance(at, datetime):
                at = await _at_time(found, at)
            await export_journal(found, Path(copy))
        return audit_folder(copy, at=at, published=published if at is None else (), root=root, **common)


async def _shown(settings: Settings) -> Sequence[Published]:
    """What the live roll shows, where there is one."""
    from ecoklit.adapters.postgres_digests import shown_roll
    from ecoklit.bootstrap import open_reader
    from ecoklit.core import roll
    from ecoklit.services.audit import Published

    if settings.database_url is None:
        return ()
    try:
        async with open_reader(settings) as reader:
            now = await shown_roll(reader, settings.regency)
    except EcoklitError as error:
        if error.code in ("not_projected", "database_unavailable"):
            return ()
        raise
    return (Published("daftar · the roll", now.events, now.registry, roll.digests(now.leaves), True, now.leaves),)


async def _at_time(settings: Settings, time: datetime) -> tuple[int, int]:
    from ecoklit.adapters.postgres_past import PostgresPast
    from ecoklit.bootstrap import open_reader

    async with open_reader(settings) as reader:
        mark = await PostgresPast(reader).mark_when(settings.regency, time)
    if mark is None:
        raise EcoklitError("not_projected", "Nothing was projected by then: ask for a later time, or for a position.")
    return mark.events, mark.registry


def _log_at(folder: str) -> Stated:
    """Gives the last digests that a log states; `folder` has its public part and its bundles."""
    from ecoklit.adapters.log_folder import BUNDLES
    from ecoklit.adapters.log_source import FolderSource
    from ecoklit.core.registry import Registry
    from ecoklit.services.log_check import CHECKPOINT, LogReader
    from ecoklit.services.stated_digests import stated_in_log
    from ecoklit.tlog.checkpoint import read_checkpoint
    from ecoklit.tlog.note import read_note

    data = FolderSource(Path(folder)).fetch(CHECKPOINT)
    bundles = Path(folder) / BUNDLES
    if data is None or not bundles.is_dir():
        raise EcoklitError(
            "no_log", f"{folder} has no checkpoint, or no bundles beside it: name a log's folder with its entries."
        )
    size = read_checkpoint(read_note(data).text).size

    def stated(registry: Registry, until: int) -> list[Published]:
        found = stated_in_log(size, LogReader(FolderSource(bundles)), registry, until)
        return [] if found is None else [found]

    return stated


# --- the page --------------------------------------------------------------------------------------------------------


def report(audit: Audit, as_json: bool, *, has_root: bool) -> None:
    from ecoklit.cli.output import print_json, print_line

    if as_json:
        print_json({"sound": audit.is_sound, **msgspec.to_builtins(audit)})
        return
    print_line(
        f"{audit.election} {audit.regency}, s.d. · up to: peristiwa · event {audit.events}, registry {audit.registry}"
    )
    expected = (
        "seperti diharapkan · as expected" if has_root else "bandingkan dengan undangan · compare with the invitation"
    )
    print_line(f"  kunci akar · root key  {audit.root} ({expected})")
    print_line(f"  log · logs             {audit.devices}, {audit.heads} tanda tangan · signed heads")
    print_line(f"  pemilih · voters       {audit.voters}, digest {audit.digest}")
    if audit.persons is None:
        print_line("  data pribadi · persons tidak ikut diekspor · not exported")
    else:
        told = audit.persons
        print_line(
            f"  data pribadi · persons {told.right} cocok · match, {told.absent} tidak ada · absent, {told.erased} "
            f"dihapus atas perintah · erased by order, {told.orphans} tanpa peristiwa · of no event"
        )
    for order in audit.erasures[:SHOWN_MAX]:
        whose = order.voter or "semua · everybody"
        print_line(f"  dihapus · erased       {whose}: {order.at} {order.officer}, perintah · order {order.order}")
    _report_not_counted(audit)
    for one in audit.compared:
        _report_compared(one)
    for fault in audit.faults[:SHOWN_MAX]:
        print_line(f"  {fault.name}: {fault.stream} {fault.position} {fault.device}:{fault.seq}: {fault.why}")
    if len(audit.faults) > SHOWN_MAX:
        print_line(f"  … +{len(audit.faults) - SHOWN_MAX} (--json)")
    print_line("utuh · sound" if audit.is_sound else "ADA YANG SALAH · SOMETHING IS WRONG")


def _report_not_counted(audit: Audit) -> None:
    from ecoklit.cli.output import print_line

    for name, count in audit.standings.items():
        first = next(one for one in audit.not_counted if one.name == name)
        print_line(
            f"  tidak dihitung · not counted: {name} {count}; pertama · first: {first.position} "
            f"{first.device}:{first.seq} {first.why}"
        )


def _report_compared(one: Compared) -> None:
    from ecoklit.cli.output import listing, print_line

    if not one.differences:
        print_line(f"  {one.by} @ {one.events}: {one.areas} digest sama · digests equal")
        return
    codes = listing([found.code for found in one.differences], SHOWN_MAX)
    print_line(f"  {one.by} @ {one.events}: BEDA · DIFFERS: {codes}")
    if one.first is not None:
        print_line(f"    peristiwa pertama · first event: {one.first[0]} {one.first[1]}")
    for voter in one.voters[:SHOWN_MAX]:
        print_line(f"    {voter.voter}: {voter.published} → {voter.folded}")
    if len(one.voters) > SHOWN_MAX:
        print_line(f"    … +{len(one.voters) - SHOWN_MAX} pemilih · voters (--json)")
