"""Model A-Daftar Pemilih and A-Rekap as sheets, from what a roll and a recap answer.

The columns of A-Daftar Pemilih are the commission's thirteen. What columns its A-Rekap has is in no source that is
public: here it has what published recaps have (parts, TPS, men, women, together), then what coklit found, and the rest.
Marks are those of one election's code book, as on its paper.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from ecoklit.core.codebook import Codebook
from ecoklit.core.suppression import COLUMNS as DISABILITIES
from ecoklit.paper.sheet import Column, Document, Grid, Sheet
from ecoklit.ports import Answer, AsOf, RollAnswer

LEFT_OUT: Final = "*"
"""Stands for a count that is not told (core/suppression.py)."""
PLACES: Final = (("Provinsi", 2), ("Kabupaten/Kota", 4), ("Kecamatan/Distrik", 6), ("Desa/Kelurahan", 10), ("TPS", 13))
SIGNERS: Final = {
    13: ("Pantarlih", "Ketua PPS"),
    10: ("Ketua PPS", "Anggota PPS", "Anggota PPS"),
    6: ("Ketua PPK", "Anggota PPK", "Anggota PPK", "Anggota PPK", "Anggota PPK"),
    4: ("Ketua KPU", "Anggota KPU", "Anggota KPU", "Anggota KPU", "Anggota KPU"),
}
"""Digits of an area → who signs there."""
PERSONAL: Final = "memuat data pribadi (UU 27/2022): jangan diteruskan"
REMARKS: Final = {"belum": "", "sesuai": "✓", "ubah": "U", "baru": "Baru"}

WHOLE: Final = (
    ("nkk", Column("Nomor KK", 68, mono=True)),
    ("nik", Column("NIK", 68, mono=True)),
    ("name", Column("Nama")),
    ("birth_place", Column("Tempat lahir", 62, word_max=12)),
    ("birth_date", Column("Tanggal lahir", 46, word_max=10)),
    ("marital", Column("Kawin", 28, word_max=4)),
    ("sex", Column("L/P", 20, word_max=3)),
    ("address", Column("Jalan/Dukuh")),
    ("rt", Column("RT", 22, word_max=4)),
    ("rw", Column("RW", 22, word_max=4)),
    ("disability", Column("Disabilitas", 42, word_max=7)),
    ("ektp", Column("KTP-el", 30, word_max=5)),
    ("remark", Column("Ket.", 34, word_max=6)),
)
SUPERVISED: Final = (
    ("name", Column("Nama")),
    ("sex", Column("L/P", 24, word_max=3)),
    ("age", Column("Usia", 30, is_number=True)),
    ("address", Column("Jalan/Dukuh")),
    ("rt", Column("RT", 30, word_max=4)),
    ("rw", Column("RW", 30, word_max=4)),
    ("remark", Column("Ket.", 40, word_max=6)),
)
"""The seven elements that supervisors and parties are given."""

COUNTED: Final = (
    ("tps_count", "TPS"),
    ("male", "L"),
    ("female", "P"),
    ("sex_unknown", "L/P ?"),
    ("on_list", "Jumlah pemilih"),
    ("listed", "Daftar awal"),
    ("new", "+ Baru"),
    ("arrived", "+ Masuk"),
    ("departed", "− Keluar"),
    ("removed", "− Tersaring"),
    ("visited", "Dicoklit"),
    ("sesuai", "Sesuai"),
    ("ubah", "Ubah"),
    ("unvisited", "Belum"),
    ("ektp", "KTP-el sudah"),
    ("ektp_none", "KTP-el belum"),
)
REASONS: Final = (
    ("deceased", "Meninggal", "deceased"),
    ("duplicate", "Ganda", "disqualified/duplicate"),
    ("underage", "Di bawah umur", "disqualified/underage"),
    ("moved_away", "Pindah", "moved_away"),
    ("foreign", "WNA", "disqualified/foreign"),
    ("unknown", "Tidak dikenal", "disqualified/unknown"),
    ("military", "TNI", "disqualified/military"),
    ("police", "Polri", "disqualified/police"),
    ("revoked", "Hak pilih dicabut", "disqualified/revoked"),
    ("entry_error", "Salah entri", "disqualified/entry_error"),
)
"""Column of a recap, its heading, its word in the code books."""
NAMES: Final = {
    "physical": "Fisik",
    "intellectual": "Intelektual",
    "mental": "Mental",
    "speech": "Wicara",
    "hearing": "Rungu",
    "visual": "Netra",
}


def roll_document(
    rolls: Sequence[RollAnswer], book: Codebook, *, recipient: str, when: str, is_spaced: bool, supervised: bool
) -> Document:
    """Model A-Daftar Pemilih of each roll, whose rows are as they may be shown to the recipient.

    `when` is a time as it shall be printed. With `is_spaced`, an empty row under each voter takes corrections by hand.
    """
    columns = SUPERVISED if supervised else WHOLE
    sheets = [
        Sheet(
            title=f"DAFTAR PEMILIH TPS {roll.tps[10:]}",
            form="MODEL A-DAFTAR PEMILIH",
            places=_places(roll.tps),
            grids=[
                Grid(
                    [Column("No", 24, is_number=True), *(column for _, column in columns)],
                    [
                        [str(number), *(_marked(book, name, row[name]) for name, _ in columns)]
                        for number, row in enumerate(roll.rows, 1)
                    ],
                    is_spaced=is_spaced,
                )
            ],
            signers=SIGNERS[13],
            foot=_foot(roll.as_of, roll.tps, roll.digest, f"{recipient} · dibuat {when} · {PERSONAL}"),
            notes=[_sexes(roll.rows), f"Kode menurut buku kode {book.name}. Ket.: ✓ sesuai, U data berubah."],
        )
        for roll in rolls
    ]
    return Document("Model A-Daftar Pemilih", recipient, sheets)


def recap_document(answer: Answer, area: str, digest: bytes, book: Codebook, *, recipient: str, when: str) -> Document:
    """Model A-Rekap of an area by its parts, with whom coklit took off the list and who has a disability.

    `digest` is the area's. Counts of few people are left out already (None).
    """
    part = Column("Wilayah", 74, word_max=20)
    sums = [(name, Column(head, is_number=True)) for name, head in COUNTED]
    reasons = [
        (name, Column(f"{head} ({book.write('tms', word) or '–'})", is_number=True)) for name, head, word in REASONS
    ]
    disabled = [
        (name, Column(f"{NAMES[name]} ({book.write('disability', name) or '–'})", is_number=True))
        for name in DISABILITIES
    ]
    hidden = any(row[name] is None for row in answer.rows for name in DISABILITIES)
    notes = [
        "Jumlah Pemilih = daftar awal + baru + masuk − keluar − tersaring.",
        f"Kode menurut buku kode {book.name}; – tanpa kode.",
    ]
    if hidden:
        notes.append(f"{LEFT_OUT} tidak ditampilkan: sedikit orang, atau terhitung dari angka lain.")
    sheet = Sheet(
        title="REKAPITULASI DAFTAR PEMILIH",
        form="MODEL A-REKAP",
        places=_places(area),
        grids=[
            _summed(part, sums, answer.rows, ""),
            _summed(part, reasons, answer.rows, "Tersaring menurut sebab (kode)"),
            _summed(part, disabled, answer.rows, "Pemilih dengan disabilitas (kode)"),
        ],
        signers=SIGNERS[min(len(area), 10)],
        foot=_foot(answer.as_of, area, digest, f"{recipient} · dibuat {when}"),
        notes=notes,
    )
    return Document("Model A-Rekap", recipient, [sheet])


def _places(area: str) -> list[tuple[str, str]]:
    """The area and those around it, each by the digits that its level adds, as on the commission's forms."""
    ends = [0, *(digits for _, digits in PLACES)]
    return [(label, area[start:end]) for (label, end), start in zip(PLACES, ends, strict=False) if len(area) >= end]


def _foot(as_of: AsOf, area: str, digest: bytes, recipient: str) -> list[str]:
    return [
        f"{_dotted(area)} · {as_of.election} · per posisi jurnal {as_of.events} · intisari {digest.hex()}",
        f"Untuk: {recipient}",
    ]


def _marked(book: Codebook, name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "remark":
        return REMARKS[value]
    if name == "disability":
        # A word that this election's book has no digit for stays a word.
        return book.write("disability", value) or value
    return str(value)


def _sexes(rows: Sequence[Mapping[str, Any]]) -> str:
    men, women = (sum(row["sex"] == sex for row in rows) for sex in ("L", "P"))
    return f"Laki-laki {men} + perempuan {women} + tidak tercatat {len(rows) - men - women} = {len(rows)} pemilih."


def _summed(part: Column, columns: Sequence[tuple[str, Column]], rows: Sequence[Mapping[str, Any]], title: str) -> Grid:
    totals = [_total([row[name] for row in rows]) for name, _ in columns]
    return Grid(
        [part, *(column for _, column in columns)],
        [[_dotted(row["area"]), *(_count(row[name]) for name, _ in columns)] for row in rows],
        ["Jumlah", *totals],
        title,
    )


def _total(counts: Sequence[int | None]) -> str:
    # The sum of those that are shown would be taken for the sum of all.
    return LEFT_OUT if None in counts else str(sum(count for count in counts if count is not None))


def _count(value: int | None) -> str:
    return LEFT_OUT if value is None else str(value)


def _dotted(area: str) -> str:
    ends = (0, 2, 4, 6, 10, 13)
    return ".".join(area[start:end] for start, end in pairwise(ends) if len(area) >= end)
