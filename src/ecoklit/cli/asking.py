"""`ecoklit reconcile`, `closing` and `quarantine`: what the office asks about phones, and what it readmits."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.command import Commands, add_command, tps_code
from ecoklit.cli.exits import Exit
from ecoklit.settings import read_settings

if TYPE_CHECKING:
    from ecoklit.ports import PlacedVoter
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

    async with open_office_reader(read_settings(os.environ)) as reader:
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
