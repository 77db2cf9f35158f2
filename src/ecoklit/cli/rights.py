"""`ecoklit enrol`, `assign`, `revoke`, `window`, `policy`, `tps`: who may do what, said by an office (SPEC §8)."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import UNSET

from ecoklit.cli.command import Commands, add_command, area_code, settings_of, word
from ecoklit.cli.exits import Exit
from ecoklit.cli.office import (
    add_passphrase,
    now,
    old_passphrase,
    read_text,
    read_tps,
    write_private,
)
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.services.desk import Act, Desk
    from ecoklit.settings import Settings

ROLES: Final = ("pantarlih", "pps", "ppk", "kpu", "operator")
WINDOWS: Final = {"open": "window_opened", "extend": "window_extended", "close": "window_closed"}
HOURS_MAX: Final = 24 * 14
"""A code that lies about for longer is forgotten, and found by somebody else."""


def add_commands(commands: Commands) -> None:
    add_enrol(commands)
    add_assign(commands)
    add_revoke(commands)
    add_window(commands)
    add_policy(commands)
    add_tps(commands)


# --- what the commands share -----------------------------------------------------------------------------------------


def add_area(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--area",
        "--tps",
        required=True,
        type=area_code,
        metavar="CODE",
        help="a TPS for a pantarlih, a village for a pps, a district for a ppk, the regency for a kpu",
    )
    command.add_argument(
        "--operator", action="store_true", help="the device enters for the officers of that area, under their names"
    )


def add_signing(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--kit", metavar="FILE", help="sign with the root key of this recovery kit instead of the office's"
    )
    add_passphrase(command)


def role_of(arguments: argparse.Namespace) -> str:
    """The role that an area gives, by its digits."""
    if arguments.operator:
        return "operator"
    role = {13: "pantarlih", 10: "pps", 6: "ppk", 4: "kpu"}.get(len(arguments.area))
    if role is None:
        raise EcoklitError("bad_argument", "--area is a TPS, a village, a district or the regency: give one of these.")
    return role


def seq_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of an event: 1 takes out all of the device's")
    return int(text)


def device_id(text: str) -> str:
    from ecoklit.core import ids

    if not ids.is_device(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no device: 16 characters, as 'ecoklit registry' lists them")
    return text


@contextmanager
def opened_desk(settings: Settings, arguments: argparse.Namespace) -> Iterator[Desk]:
    """The desk of the data folder's office, or of the root key of a kit for this one act."""
    from ecoklit.bootstrap import open_desk
    from ecoklit.core.recovery_kit import open_kit, read_kit

    if getattr(arguments, "kit", None) is None:
        with open_desk(settings, now) as desk:
            yield desk
        return
    keys = open_kit(read_kit(read_text(arguments.kit)), old_passphrase(arguments.passphrase_file))
    with open_desk(settings, now, keys.root) as desk:
        yield desk


def demand_known(desk: Desk, device: str) -> None:
    """Refuse a device or code that the registry does not have: a typing error would be signed for ever."""
    if desk.registry.key_of(device) is None:
        raise EcoklitError(
            "bad_argument",
            f"The registry has no {device}: 'ecoklit registry devices' lists devices, 'ecoklit registry' the codes.",
        )


async def synced(settings: Settings, desk: Desk) -> str | None:
    """Bring the desk and the registry together, if a network is there; else in a sentence why not."""
    from ecoklit.bootstrap import open_registry_link

    if settings.service_url is None and settings.nats_url is None:
        return "belum ada layanan · no service is known yet"
    try:
        async with open_registry_link(settings) as link:
            await desk.sync(link)
    except EcoklitError as error:
        if error.code not in ("service_unavailable", "journal_unavailable", "journal_busy", "journal_full"):
            raise
        return error.message
    return None


def report_signed(desk: Desk, away: str | None) -> None:
    from ecoklit.cli.output import print_line

    if desk.waiting:
        print_line(
            f"  Tersimpan di sini, menunggu dikirim · kept here, waiting to be sent: {desk.waiting}; {away}; "
            "lalu · then: ecoklit registry sync"
        )


# --- enrol -----------------------------------------------------------------------------------------------------------


def add_enrol(commands: Commands) -> None:
    command = add_command(
        commands,
        "enrol",
        enrol,
        "Daftarkan alat seorang petugas: dengan kode sekali pakai, atau dari kunci yang ditunjukkan alat. "
        "· Enrol an officer's device: by a code that is good once, or from the key that a device shows.",
        "ecoklit enrol --officer siti --tps 94.04.01.2001.001",
        "one object: the code and its invitation, or the device that was enrolled",
    )
    command.add_argument(
        "key",
        metavar="KEY",
        nargs="?",
        help='the line {"enrol":…} that the device shows, or a file with it; none: a code',
    )
    command.add_argument("--officer", required=True, type=word, metavar="ID", help="whose device it is, an id, no name")
    add_area(command)
    command.add_argument(
        "--hours", type=int, default=24, metavar="N", help=f"how long the code is good, 1 to {HOURS_MAX} (default: 24)"
    )
    command.add_argument(
        "--page", type=Path, metavar="FILE", help="write the code as a page to print, with its QR code"
    )
    command.add_argument(
        "--out", type=Path, metavar="FILE", help="write the enrolment for the device: what it takes with 'phone enrol'"
    )
    command.add_argument(
        "--list", type=Path, metavar="FILE", help="wire events to add to --out (default: what 'lists' fetched)"
    )
    command.add_argument(
        "--replaces", type=device_id, metavar="DEVICE", help="revoke the officer's old device by the same act"
    )
    command.add_argument(
        "--from",
        dest="from_seq",
        type=seq_number,
        metavar="SEQ",
        help="the old device's first event that does not count",
    )
    add_signing(command)


def enrol(arguments: argparse.Namespace) -> Exit:
    settings = settings_of(arguments)
    role = role_of(arguments)
    if not 1 <= arguments.hours <= HOURS_MAX:
        raise EcoklitError("bad_argument", f"--hours is 1 to {HOURS_MAX}: a code that lies about is found by others.")
    if (arguments.replaces is None) != (arguments.from_seq is None):
        raise EcoklitError(
            "bad_argument", "--replaces DEVICE and --from SEQ belong together: say which of its events still count."
        )
    if arguments.key is None and (arguments.out is not None or arguments.list is not None):
        raise EcoklitError("bad_argument", "--out is for a device that shows its key: give its KEY too.")
    for file in (arguments.out, arguments.page):
        if file is not None and file.exists():
            raise EcoklitError("bad_argument", f"{file} is there already: name another.")
    with opened_desk(settings, arguments) as desk:
        return asyncio.run(enrol_at(desk, settings, arguments, role))


async def enrol_at(desk: Desk, settings: Settings, arguments: argparse.Namespace, role: str) -> Exit:
    from ecoklit.services.desk import revoked

    await synced(settings, desk)
    if arguments.replaces is not None:
        demand_known(desk, arguments.replaces)
    old = () if arguments.replaces is None else (revoked(arguments.replaces, arguments.from_seq),)
    if arguments.key is None:
        return await enrol_by_code(desk, settings, arguments, role, old)
    return await enrol_by_key(desk, settings, arguments, role, old)


async def enrol_by_code(
    desk: Desk, settings: Settings, arguments: argparse.Namespace, role: str, first: Sequence[Act]
) -> Exit:
    from ecoklit.bootstrap import fresh_code_entropy
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.cli.qr import terminal_qr
    from ecoklit.core.enrolment import Invitation, write_invitation, write_link

    until = (datetime.now(UTC) + timedelta(hours=arguments.hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    code = desk.invite(arguments.officer, role, arguments.area, until=until, entropy=fresh_code_entropy(), first=first)
    service = settings.service_url if settings.service_url is not None else UNSET
    invited = Invitation(code, settings.election, settings.regency, desk.root, service)
    invitation, link = write_invitation(invited), write_link(invited)
    if arguments.page is not None:
        write_private(arguments.page, code_page(code, link or invitation, arguments.officer, arguments.area, until))
    away = await synced(settings, desk)
    if arguments.json:
        print_json({"code": code, "invitation": invitation, "link": link, "until": until, "waiting": desk.waiting})
        return Exit.OK
    opened = f"  buka di HP · open on the phone: {link}\n" if link else ""
    print_line(
        f"{terminal_qr(link or invitation)}\n"
        f"  {code}\n{opened}"
        f"  untuk · for {arguments.officer}, {role} {arguments.area}; sekali pakai, sampai · good once, until {until}\n"
        f"  akar · root {desk.root}"
    )
    report_signed(desk, away)
    return Exit.OK


async def enrol_by_key(
    desk: Desk, settings: Settings, arguments: argparse.Namespace, role: str, first: Sequence[Act]
) -> Exit:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.core.enrolment import chain_of, read_key_line

    line = read_key_line(arguments.key if arguments.key.lstrip().startswith("{") else read_text(arguments.key))
    device = line.key.device
    listed = read_list(given_list(settings, arguments))
    desk.enrol(line, arguments.officer, role, arguments.area, first=first)
    if arguments.out is not None:
        lines = [*chain_of(desk.lines(), device), *listed]
        write_private(arguments.out, "".join(line.decode() + "\n" for line in lines))
    away = await synced(settings, desk)
    if arguments.json:
        print_json(
            {
                "device": device,
                "out": str(arguments.out) if arguments.out else None,
                "events": len(listed),
                "waiting": desk.waiting,
            }
        )
        return Exit.OK
    print_line(f"{device} didaftarkan untuk · enrolled for {arguments.officer}, {role} {arguments.area}")
    if arguments.out is not None:
        print_line(f"  bawa ke alat · take it to the device: {arguments.out}, {len(listed)} peristiwa · events")
    report_signed(desk, away)
    return Exit.OK


def given_list(settings: Settings, arguments: argparse.Namespace) -> Path | None:
    """The list that goes along: the one that was named, else what 'ecoklit lists' fetched of that TPS."""
    from ecoklit.cli.lists import list_file

    named: Path | None = arguments.list
    if named is not None or arguments.out is None:
        return named
    fetched = list_file(settings, arguments.area)
    return fetched if fetched.exists() else None


def read_list(file: Path | None) -> list[bytes]:
    """Wire events of a list, to go along with an enrolment; a line that is none is named."""
    from ecoklit.core import wire
    from ecoklit.core.event import Malformed
    from ecoklit.core.push_file import kind_of, lines_of

    if file is None:
        return []
    lines = [line for line in lines_of(read_text(str(file)).encode()) if kind_of(line) != "head"]
    for number, line in enumerate(lines, 1):
        try:
            wire.read(line)
        except Malformed as error:
            raise EcoklitError(
                "bad_argument", f"{file}, line {number}: {error}; give wire events, one a line."
            ) from None
    return lines


def code_page(code: str, scanned: str, officer: str, area: str, until: str) -> str:
    from ecoklit.cli.qr import page, paragraph, preformatted, svg_qr

    return page(
        f"Kode alat · device code: {officer}, {area}",
        paragraph(f"Sekali pakai, sampai {until}. Pindai, atau ketik kodenya. · Good once: scan it, or type the code."),
        svg_qr(scanned, "invitation"),
        preformatted(code),
        paragraph("Siapa pun yang memegangnya lebih dulu dapat memakainya. · Whoever holds it first can use it."),
    )


# --- assign, revoke, window, tps -------------------------------------------------------------------------------------


def add_assign(commands: Commands) -> None:
    command = add_command(
        commands,
        "assign",
        assign,
        "Tugaskan petugas ke TPS atau wilayah lain; yang sudah terkirim dari sana ikut dihitung. "
        "· Assign an officer to another TPS or area; what was sent from there already begins to count by itself.",
        "ecoklit assign siti --tps 94.04.01.2001.002",
        "one object: the lines that wait to be sent",
    )
    command.add_argument("officer", metavar="OFFICER", type=word, help="whom, an id")
    add_area(command)
    command.add_argument(
        "--device",
        type=device_id,
        metavar="DEVICE",
        help="on this device only (an operator's always); none: on all theirs",
    )
    add_signing(command)


def assign(arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.desk import assigned

    role = role_of(arguments)
    if role == "operator" and arguments.device is None:
        raise EcoklitError("bad_argument", "--operator needs --device DEVICE: an operator enters on one device.")
    act = assigned(arguments.officer, role, arguments.area, arguments.device)
    return say(arguments, act, f"{arguments.officer}: {role} {arguments.area}", of_device=arguments.device)


def add_revoke(commands: Commands) -> None:
    command = add_command(
        commands,
        "revoke",
        revoke,
        "Cabut sebuah alat atau kode, mulai dari peristiwa yang disebut; yang sudah ada tetap terlihat. "
        "· Revoke a device or a code from one of its events on; what is held stays in sight and can be readmitted.",
        "ecoklit revoke k5whgtgokxzcgtbx --from 144",
        "one object: the lines that wait to be sent",
    )
    command.add_argument("device", metavar="DEVICE", type=device_id, help="as 'ecoklit registry devices' lists it")
    command.add_argument(
        "--from",
        dest="from_seq",
        type=seq_number,
        required=True,
        metavar="SEQ",
        help="its first event that does not count any more; 1: none of it",
    )
    command.add_argument("--area", "--tps", type=area_code, metavar="CODE", help="end only its right to this area")
    add_signing(command)


def revoke(arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.desk import revoked

    act = revoked(arguments.device, arguments.from_seq, arguments.area)
    said = f"{arguments.device}: dicabut sejak · revoked from {arguments.from_seq}"
    return say(arguments, act, said, of_device=arguments.device)


def add_window(commands: Commands) -> None:
    command = add_command(
        commands,
        "window",
        window,
        "Buka, perpanjang atau tutup masa coklit suatu wilayah; yang datang sesudahnya terlihat sebagai 'late'. "
        "· Open, extend or close the time of coklit in an area; what comes after the close is 'late', in sight.",
        "ecoklit window close 94.04.01",
        "one object: the lines that wait to be sent",
    )
    command.add_argument("what", metavar="WHAT", choices=tuple(WINDOWS), help="open, extend or close")
    command.add_argument("area", metavar="AREA", type=area_code, help="the regency, a district, a village or a TPS")
    add_signing(command)


def window(arguments: argparse.Namespace) -> Exit:
    return say(arguments, (WINDOWS[arguments.what], {"area": arguments.area}), f"{arguments.area}: {arguments.what}")


def add_policy(commands: Commands) -> None:
    command = add_command(
        commands,
        "policy",
        policy,
        "Tetapkan aturan bukti untuk suatu wilayah; sejak itu hanya yang ditetapkan yang berlaku di sana. "
        "· Set a policy (what proves a removal) for an area; from then on only those that were set hold there.",
        "ecoklit policy 2024-1 --area 94.04",
        "one object: the lines that wait to be sent",
    )
    command.add_argument("name", metavar="NAME", help="a policy of events/policies, such as 2024-1")
    command.add_argument(
        "--area",
        "--tps",
        required=True,
        type=area_code,
        metavar="CODE",
        help="the regency, a district, a village or a TPS",
    )
    add_signing(command)


def policy(arguments: argparse.Namespace) -> Exit:
    from ecoklit import contract

    known = sorted(contract.policies())
    if arguments.name not in known:
        # It would be signed for ever, and keep out every entry of the area: nobody here could fold under it.
        raise EcoklitError("bad_argument", f"There is no policy '{arguments.name}' here: give {' or '.join(known)}.")
    act = ("policy_set", {"area": arguments.area, "policy": arguments.name})
    return say(arguments, act, f"{arguments.area}: {arguments.name}")


def add_tps(commands: Commands) -> None:
    command = add_command(
        commands,
        "tps",
        tps,
        "Tetapkan TPS yang ada; peristiwa dari TPS lain terlihat sebagai 'unknown_tps'. "
        "· Say which polling places there are; events of any other are 'unknown_tps', until it is said too.",
        "ecoklit tps tps-9404.txt",
        "one object: how many were named, and the lines that wait to be sent",
    )
    command.add_argument("file", metavar="FILE", type=Path, help="13 digits a line, dots allowed")
    add_signing(command)


def tps(arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.opening import tps_parts

    settings = settings_of(arguments)
    codes = read_tps(arguments.file, settings.regency)
    acts: list[Act] = [("tps_set", {"tps": part}) for part in tps_parts(codes)]
    return say_all(settings, arguments, acts, f"{len(set(codes))} TPS")


def say(arguments: argparse.Namespace, act: Act, said: str, *, of_device: str | None = None) -> Exit:
    return say_all(settings_of(arguments), arguments, [act], said, of_device)


def say_all(
    settings: Settings, arguments: argparse.Namespace, acts: Sequence[Act], said: str, of_device: str | None = None
) -> Exit:
    with opened_desk(settings, arguments) as desk:
        return asyncio.run(say_at(desk, settings, acts, said, of_device, arguments.json))


async def say_at(
    desk: Desk, settings: Settings, acts: Sequence[Act], said: str, of_device: str | None, as_json: bool
) -> Exit:
    from ecoklit.cli.output import print_json, print_line

    await synced(settings, desk)
    if of_device is not None:
        demand_known(desk, of_device)
    lines = desk.say(*acts)
    away = await synced(settings, desk)
    if as_json:
        print_json({"said": [{"device": line.device, "seq": line.seq} for line in lines], "waiting": desk.waiting})
        return Exit.OK
    print_line(said)
    report_signed(desk, away)
    return Exit.OK
