"""`ecoklit join`: this data folder becomes an office of an election, by a code or without a network (SPEC §8.5)."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UNSET

from ecoklit.cli.command import Commands, add_command, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.cli.office import demand_this_election, now, read_text
from ecoklit.cli.rights import device_id
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.core.registry import Registry
    from ecoklit.core.registry_event import SignedRegistry
    from ecoklit.settings import Settings


def add_commands(commands: Commands) -> None:
    command = add_command(
        commands,
        "join",
        join,
        "Jadikan folder data ini kantor PPS, PPK atau KPU di sebuah pemilihan, dengan kode dari kantor di atasnya. "
        "· Make this data folder an office (pps, ppk or kpu) of an election, by a code from the office above.",
        "ecoklit join K7QX-3MPA-9TRW-D0EF --service https://coklit.example",
        "one object: the device, its officer and area; or the key to show",
    )
    command.add_argument("code", metavar="CODE", nargs="?", help="the code, its QR code's text, or a file with that")
    command.add_argument("--service", metavar="URL", help="where the service is, if the QR code does not say it")
    command.add_argument(
        "--show", action="store_true", help="without a network: show this office's key, to be enrolled"
    )
    command.add_argument(
        "--take", metavar="FILE", help="without a network: take the enrolment that was made for the key"
    )
    command.add_argument(
        "--root", type=device_id, metavar="ID", help="the root key's id, to hold the enrolment against"
    )


def join(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters import data_folder
    from ecoklit.bootstrap import office_exists

    if sum((arguments.code is not None, arguments.show, arguments.take is not None)) != 1:
        raise EcoklitError("bad_argument", "Give a CODE, or --show, or --take FILE: one of the three.")
    settings = settings_of(arguments, running=False)
    if office_exists(settings) and not arguments.show:
        raise EcoklitError(
            "office_exists", f"{settings.data} is an office already: 'ecoklit registry sync' sends what it has to send."
        )
    with data_folder.opened(settings.data):
        if arguments.show:
            return show_key(settings, arguments)
        if arguments.take is not None:
            return take_enrolment(settings, arguments)
        return asyncio.run(join_by_code(settings, arguments))


def show_key(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import office_key_of
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.cli.qr import terminal_qr
    from ecoklit.core.enrolment import write_key_line

    line = write_key_line(office_key_of(settings).public)
    if arguments.json:
        print_json({"key": line})
    else:
        print_line(f"{terminal_qr(line)}\n{line}\n  kantor di atas · the office above: ecoklit enrol KEY … --out FILE")
    return Exit.OK


def take_enrolment(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import join_office, office_key_of
    from ecoklit.core.push_file import kind_of, lines_of
    from ecoklit.services.joining import read_lines, registry_of

    if arguments.root is None:
        raise EcoklitError(
            "bad_argument", "--root ID is missing: ask for the root key's id by another way than the file."
        )
    file = lines_of(read_text(arguments.take).encode())
    lines = read_lines(line for line in file if kind_of(line) == "registry")
    settings = of_lines(settings, lines)
    joined = joined_as(registry_of(lines, arguments.root), office_key_of(settings).device)
    join_office(settings, arguments.root, lines)
    report_joined(settings, joined, arguments.json)
    return Exit.OK


async def join_by_code(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import join_office, office_key_of, open_desk, open_registry_link
    from ecoklit.core.enrolment import redeem, voucher_key
    from ecoklit.services.joining import demand_terms, read_lines, registry_of

    code, root, service = read_asked(arguments)
    async with open_registry_link(replace(settings, service_url=service)) as link:
        lines = read_lines(line for _, line in await link.registry(0))
        settings = replace(of_lines(settings, lines), service_url=service)
        registry = registry_of(lines, root)
        key = office_key_of(settings)
        voucher = voucher_key(code, settings.election, settings.regency)
        terms = demand_terms(registry, voucher.device)
        said = redeem(voucher, terms, key.public, election=settings.election, regency=settings.regency, at=now())
        join_office(settings, str(registry.root_device), said)
        with open_desk(settings, now) as desk:
            await desk.sync(link)
            joined = joined_as(desk.registry, key.device)
    report_joined(settings, joined, arguments.json)
    return Exit.OK


def read_asked(arguments: argparse.Namespace) -> tuple[str, str | None, str]:
    """The code, the root's id if it is known, and the service's address, from an invitation or from the options."""
    from ecoklit.core.enrolment import is_invitation, read_code, read_invitation

    text, root, service = code_text(arguments.code), arguments.root, arguments.service
    if is_invitation(text):
        invitation = read_invitation(text)
        text, root = invitation.code, root or invitation.root
        service = service or (None if invitation.service is UNSET else invitation.service)
    code = read_code(text)
    if service is None:
        raise EcoklitError("bad_argument", "--service URL is missing: say where the election's service is.")
    return code, root, service


def code_text(text: str) -> str:
    """A code, an invitation, or what a file holds of one."""
    if text.lstrip().startswith("{") or not Path(text).is_file():
        return text.strip()
    return read_text(text).strip()


def of_lines(settings: Settings, lines: Sequence[SignedRegistry]) -> Settings:
    """The settings of the election and regency that the lines are of, unless others were set."""
    if not lines:
        raise EcoklitError(
            "bad_registry", "No registry line is there: the election is not open, or the file is another."
        )
    found = replace(settings, election=lines[0].election, regency=lines[0].regency)
    asked = {name: os.environ.get(name, "").replace(".", "") for name in ("ECOKLIT_ELECTION", "ECOKLIT_REGENCY")}
    if (asked["ECOKLIT_ELECTION"] or found.election, asked["ECOKLIT_REGENCY"] or found.regency) != (
        found.election,
        found.regency,
    ):
        raise EcoklitError(
            "other_election",
            f"The registry is of {found.election} in {found.regency}: set ECOKLIT_ELECTION and ECOKLIT_REGENCY so, or "
            "leave them unset.",
        )
    demand_this_election(found)
    return found


def joined_as(registry: Registry, device: str) -> dict[str, str]:
    """What this office may do now; refused when the registry gives its key nothing."""
    rights = list(registry.grants_of(device))
    if not rights:
        why = next((void.why for void in reversed(registry.voids)), "nobody enrolled it")
        raise EcoklitError("not_entitled", f"The registry gives this office's key {device} no right: {why}.")
    right = rights[-1]
    return {"device": device, "officer": right.officer, "role": right.role, "area": right.area}


def report_joined(settings: Settings, joined: dict[str, str], as_json: bool) -> None:
    from ecoklit.cli.output import print_json, print_line

    if as_json:
        print_json({**joined, "election": settings.election, "regency": settings.regency})
        return
    print_line(
        f"Kantor ini {joined['role']} {joined['area']}, petugas · officer {joined['officer']}, "
        f"alat · device {joined['device']}, {settings.election}"
    )
