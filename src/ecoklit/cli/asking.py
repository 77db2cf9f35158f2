"""`ecoklit reconcile`, `closing` and `quarantine`: what the office asks about phones, and what it readmits."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from ecoklit.cli.command import Commands, add_command, area_code, settings_of, tps_code
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError
from ecoklit.settings import Settings

if TYPE_CHECKING:
    from ecoklit.ports import OfficeReader, PlacedVoter
    from ecoklit.services.desk import Desk
    from ecoklit.services.quarantine import Preview, Seen
    from ecoklit.services.reconcile import PhoneHalf, Reconciled

WORDS: Final = {
    "listed": "daftar awal · listed",
    "new": "baru · new",
    "arrived": "masuk · arrived",
    "departed": "keluar · departed",
    "removed": "tersaring · removed",
    "on_list": "dalam daftar · on the list",
    "unsent": "belum terkirim · unsent",
    "quarantined": "karantina · quarantined",
    "parked": "tertahan · parked",
    "since_contact": "sejak kontak terakhir · since contact",
}
TERMS: Final = ("listed", "new", "arrived", "departed", "removed", "on_list")
APART: Final = ("unsent", "quarantined", "parked", "since_contact")
OPENED: Final = {
    "name": "Nama\nname",
    "nik": "NIK",
    "tps": "TPS kini\nTPS now",
    "first_tps": "TPS awal\nfirst TPS",
    "verdict": "Hasil\nverdict",
    "side": "Di\non",
    "voter": "Pemilih\nvoter",
}


def add_commands(commands: Commands) -> None:
    add_reconcile(commands)
    add_closing(commands)
    add_quarantine(commands)


# --- reconcile -------------------------------------------------------------------------------------------------------


def add_reconcile(commands: Commands) -> None:
    command = add_command(
        commands,
        "reconcile",
        show_reconcile,
        "Mengapa jumlah di HP dan di web berbeda, satu TPS. · Why a TPS has one total on the phone and another here.",
        "ecoklit reconcile 94.04.01.2001.001 --open since_contact",
        "one object: tps, terms, phones, voters (those that an opened term names)",
    )
    command.add_argument("tps", metavar="TPS", type=tps_code, help="13 digits, dots allowed")
    command.add_argument("--device", metavar="DEVICE", help="one phone only, by its 16 characters")
    command.add_argument("--phone", metavar="N", type=total, help="the total that this phone shows itself")
    command.add_argument(
        "--open", metavar="TERM", choices=(*TERMS, *APART), help=f"the names behind a term: {', '.join(TERMS + APART)}"
    )


def total(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of voters")
    return int(text)


def show_reconcile(arguments: argparse.Namespace) -> Exit:
    return asyncio.run(reconcile_tps(arguments))


async def reconcile_tps(arguments: argparse.Namespace) -> Exit:
    from ecoklit import contract
    from ecoklit.bootstrap import open_office_reader
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.services.reconcile import reconcile

    async with open_office_reader(settings_of(arguments)) as reader:
        done = await reconcile(
            reader, contract.policies(), arguments.tps, device=arguments.device, said=arguments.phone
        )
    opened = opened_rows(done, arguments.open) if arguments.open else []
    if arguments.json:
        print_json({"tps": arguments.tps, "terms": done.terms, "phones": done.phones, "voters": opened})
        return Exit.OK
    print_line(f"TPS {arguments.tps}: {said_of_terms(done)}")
    for half in done.phones:
        print_line(f"HP · phone {half.device} ({half.officer}, {half.last} ⇒ #{half.position}): {said_of_half(half)}")
    if arguments.open:
        print_table(WORDS[arguments.open], OPENED, opened)
    return Exit.OK


def said_of_terms(done: Reconciled) -> str:
    signs = dict(zip(TERMS, ("", " + ", " + ", " − ", " − ", " = "), strict=True))
    return "".join(f"{signs[name]}{len(getattr(done.terms, name))} {WORDS[name]}" for name in TERMS)


def said_of_half(half: PhoneHalf) -> str:
    bridge = half.bridge
    said = bridge.on_phone if half.said is None else half.said
    unsent = "?" if half.unsent_net is None else str(half.unsent_net)
    taken = "".join(f" − {getattr(bridge, name).net} {WORDS[name]}" for name in ("quarantined", "parked"))
    since = -bridge.since_contact.net
    return (
        f"{said} di HP · on the phone − {unsent} {WORDS['unsent']}{taken}"
        f" {'−' if since < 0 else '+'} {abs(since)} {WORDS['since_contact']} = {bridge.on_web} di web · on the web"
    )


def opened_rows(done: Reconciled, term: str) -> list[dict[str, Any]]:
    """The voters that a term counts, numbers masked; of a term between phone and web, on which list each stands."""
    if term in TERMS:
        return list(told_apart(done.voters, getattr(done.terms, term), ""))
    rows: list[dict[str, Any]] = []
    for half in done.phones:
        apart = getattr(half.bridge, term)
        rows += told_apart(done.voters, apart.more, f"HP {half.device}")
        rows += told_apart(done.voters, apart.fewer, "web")
    return rows


def told_apart(known: Mapping[str, PlacedVoter], voters: Sequence[str], side: str) -> Iterable[dict[str, Any]]:
    from ecoklit.services.disclose import disclosed

    for voter in voters:
        row: dict[str, Any] = dict.fromkeys(OPENED) | {"voter": voter, "side": side}
        if voter in known:
            row |= disclosed(known[voter]._asdict())
        yield {key: row[key] for key in OPENED}


# --- closing ---------------------------------------------------------------------------------------------------------

MISSING: Final = {
    "no_report": "laporan akhir belum ada · no final report",
    "unsent": "peristiwa belum terkirim · events not sent yet",
    "outdated": "bekerja lagi sesudah laporan · worked on after the report",
    "differs": "daftar berbeda dari laporan · the roll is not the reported one",
    "parked": "peristiwa tertahan · events parked",
    "quarantined": "peristiwa dikarantina · events quarantined",
    "conflicts": "konflik terbuka · open conflicts",
    "proposals": "usulan · proposals",
}
CLOSING: Final = {"tps": "TPS", "what": "Belum beres\nmissing", "count": "Banyak\ncount", "whose": "Siapa\nwhose"}


def add_closing(commands: Commands) -> None:
    command = add_command(
        commands,
        "closing",
        show_closing,
        "Apa yang belum beres di tiap TPS sebelum ditutup. · What is missing at each TPS before it can be closed.",
        "ecoklit closing 94.04.01.2001",
        "one object for each TPS: tps, missing, changed_since",
    )
    command.add_argument("area", metavar="AREA", type=area_code, help="regency, district, village or TPS; dots allowed")


def show_closing(arguments: argparse.Namespace) -> Exit:
    return asyncio.run(close_area(arguments))


async def close_area(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_office_reader, read_registry
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.services.closing import closing, duties_of, is_closed

    settings = settings_of(arguments)
    registry = await read_registry(settings)
    async with open_office_reader(settings) as reader:
        found = await closing(reader, arguments.area, duties_of(registry))
    if arguments.json:
        print_json(*found)
    else:
        rows = [
            {"tps": one.tps, "what": MISSING[lack.name], "count": lack.count, "whose": " ".join(lack.whose)}
            for one in found
            for lack in one.missing
        ]
        print_table(f"Belum beres {arguments.area} · missing", CLOSING, rows)
        done = sum(not one.missing for one in found)
        print_line(f"{done} dari {len(found)} TPS siap ditutup · {done} of {len(found)} TPS can be closed")
    return Exit.OK if is_closed(found) else Exit.DIFFERS


# --- quarantine ------------------------------------------------------------------------------------------------------

REASONS: Final = ("revoked_device", "not_entitled", "equivocation", "unknown_tps", "unknown_policy", "late")
ASIDE: Final = {
    "standing": "Sebab\nreason",
    "tps": "TPS",
    "type": "Peristiwa\nevent",
    "officer": "Petugas\nofficer",
    "role": "Peran\nrole",
    "at": "Waktu alat\ndevice's clock",
    "device": "Alat\ndevice",
    "seq": "seq",
    "why": "Penjelasan\nwhy",
}
BEHIND: Final = {"position": "Posisi\nposition", "type": "Dalam registri\nin the registry", "says": "Isi\nsays"}
EFFECTS: Final = {"voter": "Pemilih\nvoter", "before": "Sebelum\nbefore", "after": "Sesudah\nafter"}
RELEASES: Final = {
    "assign": "penugasan ('ecoklit assign') melepasnya · an assignment releases it",
    "tps": "tetapkan TPS itu ('ecoklit tps') · say that there is that TPS",
    "readmit": "atau terima kembali ('ecoklit quarantine readmit') · or readmit it",
    "wait": "lepas sendiri bila peristiwa yang ditunggu datang · released by itself when what it names arrives",
}


def add_quarantine(commands: Commands) -> None:
    top: argparse.ArgumentParser = commands.add_parser(
        "quarantine",
        help="Peristiwa yang dikarantina: daftar, penjelasan, penerimaan kembali. "
        "· Events that are kept out: list, explain, readmit.",
        description="Peristiwa yang dikarantina: daftar, penjelasan, penerimaan kembali. "
        "· Events that the registry keeps out of the count: list, explain, readmit.",
        epilog="contoh · example:\n  ecoklit quarantine list 94.04 --reason not_entitled\n\n"
        "Each has a --help of its own, and --json.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = top.add_subparsers(metavar="ACTION", required=True, parser_class=type(top))
    add_quarantine_list(actions)
    add_explain(actions)
    add_readmit(actions)


def add_quarantine_list(actions: Commands) -> None:
    command = add_command(
        actions,
        "list",
        lambda arguments: asyncio.run(list_quarantine(arguments)),
        "Peristiwa yang dikarantina di suatu wilayah. · The events of an area that are kept out.",
        "ecoklit quarantine list 94.04.01 --officer siti",
        "one object for each event",
    )
    command.add_argument("area", metavar="AREA", type=area_code, help="regency, district, village or TPS; dots allowed")
    command.add_argument("--officer", metavar="ID", help="only this officer's")
    command.add_argument("--reason", choices=REASONS, help=f"only for one reason: {', '.join(REASONS)}")


async def list_quarantine(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_office_reader, read_registry
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.services.quarantine import listed

    settings = settings_of(arguments)
    registry = await read_registry(settings)
    async with open_office_reader(settings) as reader:
        found = await listed(reader, registry, arguments.area, officer=arguments.officer, reason=arguments.reason)
    if arguments.json:
        print_json(*found)
        return Exit.OK
    print_table(f"Karantina {arguments.area} · quarantine", ASIDE, [structs.asdict(one) for one in found])
    print_line(f"{len(found)} peristiwa · events; satu per satu · one by one: ecoklit quarantine explain DEVICE:SEQ")
    return Exit.OK


def add_explain(actions: Commands) -> None:
    command = add_command(
        actions,
        "explain",
        lambda arguments: asyncio.run(explain(arguments)),
        "Mengapa satu peristiwa dihitung atau tidak. · Why one event counts, or does not.",
        "ecoklit quarantine explain abcdefghijklmnop:17",
        "one object: event, clause, behind, releases",
    )
    command.add_argument("event", metavar="DEVICE:SEQ", type=dot, help="the device, and the event's number in its log")


def dot(text: str) -> tuple[str, int]:
    from ecoklit.core import ids

    device, _, seq = text.partition(":")
    if not (ids.is_device(device) and seq.isascii() and seq.isdigit() and 0 < int(seq) < 2**53):
        raise argparse.ArgumentTypeError(f"'{text}' names no event: 16 characters, a colon and a number from 1")
    return device, int(seq)


async def explain(arguments: argparse.Namespace) -> Exit:
    from ecoklit import contract
    from ecoklit.bootstrap import open_office_reader, read_registry
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.services.quarantine import explained

    settings = settings_of(arguments)
    registry = await read_registry(settings)
    async with open_office_reader(settings) as reader:
        told = await explained(reader, registry, contract.policies(), *arguments.event)
    if arguments.json:
        print_json(told)
        return Exit.OK
    event = told.event
    print_line(f"{event.device}:{event.seq} {event.type} ({event.officer}, {event.role}) di · at {event.tps}")
    why = f": {event.why}" if event.why else ""
    print_line(f"  {event.standing}{why} (SPEC §{told.clause}; posisi registri · registry position {event.stamp})")
    for release in told.releases:
        print_line(f"  {RELEASES[release]}")
    if told.behind:
        rows = [
            {
                "position": one.position,
                "type": one.type,
                "says": ", ".join(f"{key} {value}" for key, value in one.says.items()),
            }
            for one in told.behind
        ]
        print_table("Registri · registry", BEHIND, rows)
    return Exit.OK


def add_readmit(actions: Commands) -> None:
    from ecoklit.cli.rights import add_signing, device_id

    command = add_command(
        actions,
        "readmit",
        readmit,
        "Terima kembali peristiwa yang dikarantina; tanpa --yes hanya menunjukkan akibatnya. "
        "· Readmit events that are kept out; without --yes it only shows what that would still change.",
        "ecoklit quarantine readmit --officer siti --tps 94.04.01.2001.001 --yes",
        "one object: counted, left, effects, said",
    )
    command.add_argument("--event", metavar="DEVICE:SEQ", type=dot, action="append", help="this event; may be repeated")
    command.add_argument("--officer", metavar="ID", help="what this officer said")
    command.add_argument("--device", metavar="DEVICE", type=device_id, help="what this device wrote")
    command.add_argument("--tps", metavar="TPS", type=tps_code, help="what was said of this TPS")
    command.add_argument("--since", metavar="DATE", type=day, help="said on or after this day, by the device's clock")
    command.add_argument("--until", metavar="DATE", type=day, help="said on or before this day, by the device's clock")
    command.add_argument("--yes", action="store_true", help="sign it, after showing what it changes")
    add_signing(command)


def day(text: str) -> str:
    from ecoklit.core.event import is_date

    if not is_date(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no date: YYYY-MM-DD")
    return text


def readmit(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.rights import opened_desk

    settings = settings_of(arguments)
    with opened_desk(settings, arguments) as desk:
        return asyncio.run(readmit_at(desk, settings, arguments))


async def readmit_at(desk: Desk, settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit import contract
    from ecoklit.bootstrap import open_office_reader
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.cli.rights import report_signed, synced
    from ecoklit.services.quarantine import preview

    await synced(settings, desk)
    async with open_office_reader(settings) as reader:
        chosen = await chosen_by(reader, settings.regency, arguments)
        shown = await preview(reader, desk.registry, contract.policies(), desk.device, chosen)
    said, away = [], None
    reaches = bool(shown.counted) or any(one.standing == "parked" for one in shown.left)
    if arguments.yes and reaches:
        said = desk.say(("readmitted", chosen))
        away = await synced(settings, desk)
    if arguments.json:
        print_json({**structs.asdict(shown), "said": [{"device": line.device, "seq": line.seq} for line in said]})
        return Exit.OK
    report_preview(shown)
    if said:
        print_line(f"{len(shown.counted)} peristiwa diterima kembali · events readmitted")
        report_signed(desk, away)
    elif reaches:
        print_line("Belum ditandatangani: ulangi dengan --yes · not signed yet: run it again with --yes")
    return Exit.OK


async def chosen_by(reader: OfficeReader, regency: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of the readmission. Raises EcoklitError bad_argument when none is given, unknown_event."""
    from ecoklit.core import ids

    chosen: dict[str, Any] = {
        "of_device": arguments.device,
        "of_officer": arguments.officer,
        "of_tps": arguments.tps,
        "since": arguments.since,
        "until": arguments.until,
    }
    hashes = []
    for device, seq in arguments.event or ():
        stored = await reader.event_named(regency, device, seq)
        if stored is None:
            raise EcoklitError("unknown_event", f"No event {seq} of {device} is projected here: check both.")
        hashes.append(ids.to_base64url(ids.sha256(stored.body)))
    chosen = {name: value for name, value in chosen.items() if value is not None}
    if hashes:
        chosen["events"] = sorted(set(hashes))
    if not chosen:
        raise EcoklitError(
            "bad_argument", "Say what to readmit: --event, --officer, --device, --tps, --since or --until."
        )
    return chosen


def report_preview(shown: Preview) -> None:
    from ecoklit.cli.output import print_line, print_table

    print_table("Akan dihitung · would count", ASIDE, [structs.asdict(one) for one in shown.counted])
    if shown.left:
        print_table("Tetap tidak · still would not", ASIDE, [structs.asdict(one) for one in shown.left])
    effects = [
        {"voter": one.voter, "before": words_of(one.before), "after": words_of(one.after)} for one in shown.effects
    ]
    print_table("Pemilih yang berubah · voters that change", EFFECTS, effects)
    unchanged = "" if shown.effects else "tidak ada yang berubah · nothing changes; "
    print_line(f"{unchanged}{len(shown.counted)} peristiwa · events, {len(effects)} pemilih · voters")


def words_of(seen: Seen) -> str:
    return f"{seen.verdict} {seen.tps}" if seen.tps else "-"
