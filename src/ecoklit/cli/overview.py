"""What `ecoklit --help` shows: the commands by the work that they are for, each in a clause of both languages."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Mapping
from typing import Final

WORK: Final = (
    (
        "Membuka pemilihan; kantor, petugas, akun · Opening an election; offices, officers, accounts",
        ("init", "join", "enrol", "assign", "revoke", "lost", "lists", "registry", "reader", "account"),
    ),
    ("Menetapkan aturan · Setting the rules", ("window", "policy", "tps")),
    ("Menjalankan layanan · Running the service", ("up", "serve", "import", "push", "project", "rebuild", "mend")),
    (
        "Membaca daftar dan angka · Reading lists and figures",
        (
            "roll", "recap", "conflicts", "history", "find", "movers", "families", "large", "duplicates", "progress",
            "reports", "late", "devices", "advice",
        ),
    ),
    (
        "Memutuskan; tahap daftar · Deciding; stages of the list",
        ("rule", "remap", "stage", "diff", "windows", "marks", "returned", "pairs"),
    ),
    (
        "Kertas, berkas, hak pemilih · Paper, files, rights of voters",
        ("paper", "export", "trace", "correct", "subject-report", "breach-report", "erase"),
    ),
    ("Menutup coklit · Closing coklit", ("reconcile", "closing", "quarantine")),
    (
        "Membuktikan · Proving",
        ("inspect", "audit", "why", "verify", "whatif", "sample", "journal", "log", "witness", "fold"),
    ),
    ("HP petugas, peragaan · An officer's phone, the demonstration", ("phone", "demo")),
)  # fmt: skip
"""Every command once, under the work that it is for, in the order in which an election needs it."""

COLUMNS_MIN: Final = 60
NAME_COLUMNS: Final = 18


def overview(about: Mapping[str, str]) -> str:
    """The list of commands; `about` says of each, by name, what it does: in Bahasa Indonesia, ' · ', in English."""
    width = max(COLUMNS_MIN, shutil.get_terminal_size().columns - 2)
    return "\n".join(
        f"{title}\n" + "".join(_lines(name, about[name], width) for name in names if name in about)
        for title, names in WORK
    )


def _clause(told: str) -> str:
    """The first clause of a sentence: the rest is in the command's own help."""
    return re.split(r"[.;:] (?=[^\d])|\.$", told)[0]


def _lines(name: str, what: str, width: int) -> str:
    bahasa, english = map(_clause, what.split(" · "))
    margin = " " * NAME_COLUMNS
    first = textwrap.fill(bahasa, width, initial_indent=f"  {name:<{NAME_COLUMNS - 2}}", subsequent_indent=margin)
    second = textwrap.fill(english, width, initial_indent=margin, subsequent_indent=margin)
    return f"{first}\n{second}\n"
