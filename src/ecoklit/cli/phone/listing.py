"""`ecoklit phone list`: the voters of the phone's TPS."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.exits import Exit
from ecoklit.cli.phone.row import OPTION_TPS, Row, opened, option

if TYPE_CHECKING:
    from ecoklit.field.phone import Entry

COLUMNS: Final = {
    "number": "No",
    "name": "Nama\nname",
    "nik": "NIK",
    "sex": "L/P\nsex",
    "birth_date": "Tgl lahir\nborn",
    "address": "Alamat\naddress",
    "rt": "RT",
    "rw": "RW",
    "verdict": "Hasil\nverdict",
    "proposed": "Usulan\nproposals",
    "attempts": "Kunjungan gagal\nattempts",
    "conflicts": "Konflik\nconflicts",
}
VERDICTS: Final = {
    "unvisited": "belum dikunjungi · unvisited",
    "confirmed": "sesuai · confirmed",
    "moved_away": "pindah · moved away",
    "deceased": "meninggal · deceased",
    "disqualified": "tidak memenuhi syarat · disqualified",
}


def show_list(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_table

    with opened(arguments) as phone:
        tps = phone.place(arguments.tps)
        rows = [row_of(entry) for entry in phone.roll(tps) if is_shown(entry, arguments)]
    if arguments.json:
        print_json(*rows)
        return Exit.OK
    print_table(f"TPS {tps}", COLUMNS, [{**row, "verdict": VERDICTS[row["verdict"]]} for row in rows])
    return Exit.OK


def is_shown(entry: Entry, arguments: argparse.Namespace) -> bool:
    decision = entry.state.decision
    if arguments.unvisited:
        return decision.verdict == "unvisited" and not decision.proposed
    return decision.on_list or bool(arguments.all)


def row_of(entry: Entry) -> dict[str, Any]:
    from ecoklit.services.disclose import masked

    decision, record = entry.state.decision, entry.state.record
    fields = None if record is None else record.fields
    names = ("name", "sex", "birth_date", "address", "rt", "rw")
    return {
        "number": entry.number,
        **{name: None if fields is None else getattr(fields, name) for name in names},
        "nik": None if fields is None else masked(fields.nik),
        "verdict": decision.verdict,
        "proposed": decision.proposed,
        "attempts": decision.attempts,
        "conflicts": [*decision.conflicts, *(() if record is None else record.conflicts)],
        "tps": decision.tps,
        "voter": decision.voter,
    }


LIST: Final = Row(
    "list",
    "Daftar pemilih di HP ini, bernomor. · The voters of this phone's TPS, numbered.",
    "ecoklit phone list --unvisited",
    "one object for each voter",
    show_list,
    (
        OPTION_TPS,
        option("--unvisited", action="store_true", help="only who is still to be visited"),
        option("--all", action="store_true", help="also who is off the list"),
    ),
)
