"""`ecoklit phone export`: what a dying phone hands on."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path
from typing import Final

from ecoklit.cli.exits import Exit
from ecoklit.cli.phone.row import Row, opened, option


def export(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.field import enrolment
    from ecoklit.field.export import export as exported
    from ecoklit.field.export import sealed, write_file

    with opened(arguments) as phone:
        made = exported(phone.outbox, whole=arguments.all)
        if arguments.sealed:
            made = sealed(made, enrolment.services_of(phone.outbox), secrets.token_bytes)
        write_file(arguments.file, made.data)
    if arguments.json:
        print_json(
            {"file": str(arguments.file), "entries": made.entries, "reports": made.reports, "bytes": len(made.data)}
        )
        return Exit.OK
    print_line(
        f"{made.entries} entri, {made.reports} laporan · entries, reports → {arguments.file}. Bawa, lalu · carry it, "
        f"then: ecoklit push {arguments.file}"
    )
    print_line("HP ini tetap menyimpannya sampai ada tanda terima. · This phone keeps them until there is a receipt.")
    return Exit.OK


EXPORT: Final = Row(
    "export",
    "Tulis entri yang belum terkirim ke berkas, untuk dibawa HP atau USB lain. "
    "· Write the unsent entries to a file that another device or a stick carries.",
    "ecoklit phone export --sealed /media/usb/p-17.ecoklit",
    "one object: file, entries, reports, bytes",
    export,
    (
        option("file", metavar="FILE", type=Path, help="a new file; 'ecoklit push FILE' takes it"),
        option("--sealed", action="store_true", help="only the service can open it"),
        option("--all", action="store_true", help="the whole log, not only what is unsent"),
    ),
)
