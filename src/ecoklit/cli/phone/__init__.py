"""`ecoklit phone …`: an officer's phone on the command line, with its own store and its own key.

One module for each thing that an officer does; each has the rows of its commands, and here they stand in one table.
"""

from __future__ import annotations

import argparse
from typing import Final

from ecoklit.cli.command import Commands
from ecoklit.cli.phone import carrying, enrolling, listing, recovering, reporting, syncing, visiting
from ecoklit.cli.phone.row import Row, add_row

COMMANDS: Final[tuple[Row, ...]] = (
    enrolling.ENROL,
    listing.LIST,
    *visiting.COMMANDS,
    syncing.SYNC,
    reporting.STATUS,
    reporting.REPORT,
    carrying.EXPORT,
    enrolling.REISSUE,
    recovering.RECOVER,
)
"""In the order of an officer's work."""


def add_commands(commands: Commands) -> None:
    what = "HP petugas: coklit tanpa jaringan, lalu kirim. · An officer's phone: coklit without a network, then sync."
    top = commands.add_parser(
        "phone",
        help=what,
        description=what,
        epilog="contoh · example:\n  ecoklit phone found 17 --how in_person\n\n"
        "Each has a --help of its own, and --json.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    phone = top.add_subparsers(metavar="COMMAND", required=True, parser_class=type(top))
    for row in COMMANDS:
        add_row(phone, row)
