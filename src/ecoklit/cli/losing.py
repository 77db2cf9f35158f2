"""`ecoklit lost`: a phone is gone for good, and what waited for its entries goes on without them (SPEC §3.4)."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from ecoklit.cli.command import Commands, add_command, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.cli.rights import add_signing, device_id, opened_desk, report_signed, synced

if TYPE_CHECKING:
    from ecoklit.services.desk import Desk
    from ecoklit.services.quarantine import Preview
    from ecoklit.settings import Settings

LAST_SEQ_MAX = 2**53 - 1


def add_commands(commands: Commands) -> None:
    command = add_command(
        commands,
        "lost",
        lost,
        "HP hilang untuk selamanya: yang menunggu entrinya dilepas. Tanpa --yes hanya menunjukkan akibatnya. "
        "· A phone is gone for good: what waits for its entries is let go. Without --yes it only shows what that does.",
        "ecoklit lost k5whgtgokxzcgtbx --after 143 --yes",
        "one object: counted, left, effects, said",
    )
    command.add_argument("device", metavar="DEVICE", type=device_id, help="as 'ecoklit registry devices' lists it")
    command.add_argument(
        "--after",
        type=last_seq,
        required=True,
        metavar="SEQ",
        help="its last entry that is held or can still come, on a stick perhaps; 0: none of it",
    )
    command.add_argument("--yes", action="store_true", help="sign it, after showing what it changes")
    add_signing(command)


def last_seq(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= LAST_SEQ_MAX):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of an entry: give its last one, or 0")
    return int(text)


def lost(arguments: argparse.Namespace) -> Exit:
    settings = settings_of(arguments)
    with opened_desk(settings, arguments) as desk:
        return asyncio.run(lost_at(desk, settings, arguments))


async def lost_at(desk: Desk, settings: Settings, arguments: argparse.Namespace) -> Exit:
    from msgspec import structs

    from ecoklit import contract
    from ecoklit.bootstrap import open_office_reader
    from ecoklit.cli.output import print_json
    from ecoklit.services.devices import preview_lost

    await synced(settings, desk)
    registry, device, after = desk.registry, arguments.device, arguments.after
    async with open_office_reader(settings) as reader:
        shown = await preview_lost(reader, registry, contract.policies(), device, after)
    is_said = registry.lost.get(device, after + 1) <= after
    said = desk.say(("dots_lost", {"after": after, "lost": device})) if arguments.yes and not is_said else []
    away = await synced(settings, desk) if said else None
    if arguments.json:
        print_json({**structs.asdict(shown), "said": [{"device": line.device, "seq": line.seq} for line in said]})
        return Exit.OK
    report_lost(shown, device, after, is_said, bool(said))
    if said:
        report_signed(desk, away)
    if not registry.is_revoked(device):
        print_hint(device, after)
    return Exit.OK


def report_lost(shown: Preview, device: str, after: int, is_said: bool, is_signed: bool) -> None:
    from ecoklit.cli.asking import report_preview
    from ecoklit.cli.output import print_line

    report_preview(shown)
    if is_said:
        print_line(f"{device}: sudah dinyatakan, tidak ada yang berubah · said already, nothing changes")
    elif is_signed:
        print_line(f"{device}: tidak ada lagi sesudah entri · nothing more after entry {after}")
    else:
        print_line("Belum ditandatangani: ulangi dengan --yes · not signed yet: run it again with --yes")


def print_hint(device: str, after: int) -> None:
    from ecoklit.cli.output import print_line

    print_line(
        "  Alat ini masih boleh mengirim; bila jatuh ke tangan lain · it may still send; if others have it: "
        f"ecoklit revoke {device} --from {after + 1}"
    )
