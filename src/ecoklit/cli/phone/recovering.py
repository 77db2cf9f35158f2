"""`ecoklit phone recover`: a store that the flash has changed, made whole again."""

from __future__ import annotations

import argparse
from typing import Final

from ecoklit.cli.exits import Exit
from ecoklit.cli.phone.row import Row, home_of

ENTRIES_SHOWN_MAX: Final = 40


def recover(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import listing, print_json, print_line
    from ecoklit.field.recovery import recover as recovered

    made = recovered(home_of(arguments))
    if arguments.json:
        print_json(
            {"recovered": made is not None, **({} if made is None else made._asdict() | {"kept": str(made.kept)})}
        )
        return Exit.DIFFERS if made is not None and made.lost else Exit.OK
    if made is None:
        print_line("Penyimpanan HP ini utuh. · This phone's store is sound.")
        return Exit.OK
    print_line(f"{made.entries} entri utuh · entries are whole. Berkas lama · the damaged file: {made.kept}")
    if made.mended:
        print_line(f"  diperbaiki · mended: {', '.join(made.mended)}")
    if made.again or made.coming:
        coming = f" (entri · entries {listing(made.coming, ENTRIES_SHOWN_MAX)})" if made.coming else ""
        print_line(
            f"  dari layanan pada sinkron berikut · from the service at the next sync{coming}: ecoklit phone sync"
        )
    if made.lost:
        print_line(
            f"  hilang, catat lagi · lost, enter them again: {listing(made.lost, ENTRIES_SHOWN_MAX)}; yang sesudahnya "
            "perlu · what follows them needs: ecoklit phone reissue"
        )
        return Exit.DIFFERS
    return Exit.OK


RECOVER: Final = Row(
    "recover",
    "Pulihkan penyimpanan HP yang rusak; yang hilang disebut. · Make a damaged store whole; what is lost is named.",
    "ecoklit phone recover",
    "one object: recovered, kept, mended, again, entries, coming, lost",
    recover,
)
