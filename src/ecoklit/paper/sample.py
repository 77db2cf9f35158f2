"""The check form of a sample of voters, to be filled in at their doors (Bawaslu's A.DP-1)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ecoklit.paper.forms import PERSONAL
from ecoklit.paper.sheet import Column, Document, Grid, Sheet

FORM: Final = "MODEL A.DP-1"
CHECKS: Final = ("Dicoklit, stiker", "Dicoklit, tanpa stiker", "Belum dicoklit, stiker", "Belum dicoklit, tanpa stiker")
COLUMNS: Final = (
    ("tps", Column("TPS", 70, mono=True)),
    ("name", Column("Nama")),
    ("sex", Column("L/P", 24, word_max=3)),
    ("address", Column("Jalan/Dukuh")),
    ("rt", Column("RT", 24, word_max=4)),
    ("rw", Column("RW", 24, word_max=4)),
)
HEADS: Final = ("no", *(name for name, _ in COLUMNS), "voter", *CHECKS, "catatan")
"""Of the form as a table."""


def cells_of(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The form as a table: who is to be visited, and empty columns for what was seen there."""
    blank = [""] * (len(CHECKS) + 1)
    return [
        [str(number), *(str(row[name] or "") for name, _ in COLUMNS), str(row["voter"]), *blank]
        for number, row in enumerate(rows, 1)
    ]


def sample_document(rows: Sequence[Mapping[str, Any]], area: str, told: Sequence[str], recipient: str) -> Document:
    """The form on paper; `told` says how the sample was drawn, so that anybody can draw it again."""
    columns = [Column("No", 24, is_number=True), *(column for _, column in COLUMNS)]
    checks = [Column(check, 62, word_max=12) for check in CHECKS]
    shown = [[*cells[: len(columns)], *([""] * len(CHECKS))] for cells in cells_of(rows)]
    sheet = Sheet(
        title="UJI PETIK PENCOKLITAN",
        form=FORM,
        places=[("Wilayah", area)],
        grids=[Grid([*columns, *checks], shown, is_spaced=True)],
        signers=("Pengawas", "Saksi"),
        foot=[*told, f"Untuk: {recipient} · {PERSONAL}"],
        notes=["Beri tanda pada satu kolom untuk setiap pemilih; tulis catatan di baris di bawahnya."],
    )
    return Document(FORM, recipient, [sheet])
