"""`ecoklit erase`: a lawful order to destroy a voter's particulars, or everybody's at the end (SPEC §8.7)."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.command import Commands, add_command, settings_of, voter_id
from ecoklit.cli.exits import Exit
from ecoklit.cli.rights import add_signing, opened_desk, synced
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.core.registry import Registry
    from ecoklit.services.desk import Desk
    from ecoklit.services.erasure import Erased
    from ecoklit.settings import Settings

LOOK_SECONDS: Final = 0.2
BEHIND_SECONDS_MAX: Final = 60.0
"""How long the roll is waited for; a running service carries the order out in any case."""


def add_commands(commands: Commands) -> None:
    command = add_command(
        commands,
        "erase",
        erase,
        "Musnahkan data diri seorang pemilih atas perintah yang sah; entri dan bukti tetap. Tanpa pemilih: daftarnya. "
        "· Destroy a voter's particulars by a lawful order; entries and proofs stay. Without a voter: the orders.",
        "ecoklit erase 0b7cf2c4-6b70-8f3e-9d0a-3f1f0c2f9a11 --order putusan-12.pdf --yes",
        "one object: erased (voter, order, at, officer, device, position), persons, kept, done",
    )
    command.add_argument("voter", nargs="?", metavar="VOTER", type=voter_id, help="whose; an id, as lists show it")
    command.add_argument(
        "--election-ended",
        action="store_true",
        help="everybody's in the regency: the election and its disputes are over",
    )
    order = command.add_mutually_exclusive_group()
    order.add_argument("--order", metavar="FILE", type=Path, help="the order's document; its hash alone is kept")
    order.add_argument("--order-text", metavar="TEXT", help="what identifies the order; its hash alone is kept")
    command.add_argument("--yes", action="store_true", help="sign it and carry it out: nobody can undo that")
    add_signing(command)


def erase(arguments: argparse.Namespace) -> Exit:
    is_order = arguments.voter is not None or arguments.election_ended
    if arguments.voter is not None and arguments.election_ended:
        raise EcoklitError("bad_argument", "Name a voter or say --election-ended, not both: the latter is everybody.")
    if is_order and arguments.order is None and arguments.order_text is None:
        raise EcoklitError("bad_argument", "An erasure needs the order it follows: give --order FILE or --order-text.")
    settings = settings_of(arguments)
    with opened_desk(settings, arguments) as desk:
        return asyncio.run(erase_at(desk, settings, arguments) if is_order else listed(desk, settings, arguments))


async def listed(desk: Desk, settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line

    await synced(settings, desk)
    orders = orders_of(desk.registry)
    if arguments.json:
        print_json({"erased": orders})
    elif not orders:
        print_line("Belum ada yang dimusnahkan · nothing was ordered to be erased")
    for one in [] if arguments.json else orders:
        print_line(
            f"{one['at']}  {one['voter'] or 'semua pemilih · every voter'}  oleh · by {one['officer']}, "
            f"perintah · order {one['order']}"
        )
    return Exit.OK


async def erase_at(desk: Desk, settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json

    fields: dict[str, Any] = {"order": order_hash(arguments)}
    if arguments.voter is not None:
        fields["voter"] = arguments.voter
        await demand_voter(settings, arguments.voter)
    await synced(settings, desk)
    registry = desk.registry
    is_said = registry.is_ended or (arguments.voter is not None and registry.is_erased(arguments.voter))
    if arguments.yes and not is_said:
        desk.say(("erased", fields))
    away = await synced(settings, desk) if arguments.yes else None
    erased = await carried_out(settings, desk.registry) if arguments.yes and away is None else None
    if arguments.json:
        done = {"persons": 0, "kept": 0} if erased is None else erased._asdict()
        print_json({"erased": orders_of(desk.registry), **done, "done": erased is not None})
    else:
        report(arguments, away, erased, is_said)
    return Exit.LATER if arguments.yes and erased is None else Exit.OK


async def demand_voter(settings: Settings, voter: str) -> None:
    """Refuse an id that no entry is about: an order about nobody would stand in the registry for ever."""
    from ecoklit.bootstrap import open_office_reader

    if settings.database_url is None:
        return
    async with open_office_reader(settings) as reader:
        if not await reader.events_about(settings.regency, [voter]):
            raise EcoklitError("unknown_voter", "No entry about this voter is held here: check the id.")


async def carried_out(settings: Settings, registry: Registry) -> Erased | None:
    """Carry out what is ordered here and now; None when the roll did not get there, or no database is known here."""
    from ecoklit.bootstrap import make_eraser, open_journal, open_reader

    if settings.database_url is None:
        return None
    async with open_journal(settings) as journal, open_reader(settings) as reader:
        eraser, until = make_eraser(settings, journal, reader), time.monotonic() + BEHIND_SECONDS_MAX
        while True:
            erased = await eraser.carry_out(registry)
            if erased is not None or time.monotonic() >= until:
                return erased
            await asyncio.sleep(LOOK_SECONDS)


def order_hash(arguments: argparse.Namespace) -> str:
    from ecoklit.core import ids

    if arguments.order_text is not None:
        return ids.to_base64url(ids.sha256(arguments.order_text.encode()))
    try:
        return ids.to_base64url(ids.sha256(arguments.order.read_bytes()))
    except OSError as error:
        raise EcoklitError(
            "no_file", f"{arguments.order} cannot be read ({error.strerror}): name the order's document."
        ) from None


def orders_of(registry: Registry) -> list[dict[str, Any]]:
    from msgspec import UNSET

    from ecoklit.core.registry import erased_of

    return [
        {
            "voter": None if one.event.voter is UNSET else one.event.voter,
            "order": one.event.order,
            "at": one.event.at,
            "officer": one.event.officer,
            "device": one.event.device,
            "position": one.position,
        }
        for one in erased_of(registry)
    ]


def report(arguments: argparse.Namespace, away: str | None, erased: Erased | None, is_said: bool) -> None:
    from ecoklit.cli.output import print_line

    whom = arguments.voter or "semua pemilih · every voter"
    if not arguments.yes:
        print_line(
            f"{whom}: data diri akan dimusnahkan untuk selamanya, juga di HP; ulangi dengan --yes "
            "· particulars will be destroyed for good, on phones too; run it again with --yes"
        )
        return
    print_line(f"{whom}: " + ("sudah diperintahkan · ordered already" if is_said else "diperintahkan · ordered"))
    if erased is None:
        why = away or "daftar belum sampai ke sana · the roll is not there yet"
        print_line(
            f"  Belum dilaksanakan · not carried out yet: {why}; layanan melanjutkan · the service goes on with it"
        )
        return
    print_line(
        f"  Dimusnahkan · destroyed: {erased.persons} di jurnal · in the journal, {erased.kept} dalam kiriman yang "
        "disimpan · in pushes that are kept; berkas basis data ditulis ulang · the database's files are written anew\n"
        "  Salinan lama (ekspor, kertas, cadangan) tidak terjangkau: musnahkan sendiri "
        "· older copies (exports, paper, backups) are out of reach: destroy them yourself"
    )
