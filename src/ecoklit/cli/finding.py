"""`ecoklit find`: a voter's id, by name or by NIK."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import Final

from ecoklit.cli.command import Commands, add_command, area_code
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError
from ecoklit.settings import read_settings

FOUND: Final = {
    "voter": "Pemilih\nvoter",
    "name": "Nama\nname",
    "nik": "NIK",
    "sex": "L/P\nsex",
    "address": "Alamat\naddress",
    "rt": "RT",
    "rw": "RW",
    "tps": "TPS",
    "verdict": "Hasil\nverdict",
}


def add_commands(commands: Commands) -> None:
    find = add_command(
        commands,
        "find",
        lambda arguments: asyncio.run(show_found(arguments)),
        "Cari id pemilih: nama atau NIK dibaca dari masukan baku, tidak pernah dari perintah. "
        "· Find a voter's id: a name or NIK is read from standard input, never from the command.",
        "ecoklit find 94.04.01",
        "one object for each voter: voter, tps, verdict, reason, name, nik, sex, address, …",
    )
    find.add_argument("area", metavar="AREA", type=area_code, help="regency, district, village or TPS; dots allowed")


async def show_found(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.postgres_find import PostgresFinder
    from ecoklit.bootstrap import open_reader
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.cli.reading import said_of, written_down
    from ecoklit.services.disclose import disclosed
    from ecoklit.services.find import FOUND_MAX, demand_few, sought_in

    settings, area = read_settings(os.environ), arguments.area
    if not area.startswith(settings.regency):
        raise EcoklitError("unknown_area", f"That is no area of {settings.regency}: name it, or one in it.")
    if sys.stdin.isatty():
        print_line("Nama atau NIK · name or NIK:")
    sought = sought_in(sys.stdin.readline())
    async with open_reader(settings) as reader:
        as_of = await reader.as_of(settings.regency)
        rows = await PostgresFinder(reader).find(settings.regency, area, *sought, FOUND_MAX + 1)
    demand_few(rows)
    await written_down("search", as_of.events, len(rows), area=area)
    found = [disclosed(row) for row in rows]
    if arguments.json:
        print_json(*found)
        return Exit.OK
    print_table(f"Ditemukan · found ({area})", FOUND, found)
    print_line(said_of(as_of))
    return Exit.OK
