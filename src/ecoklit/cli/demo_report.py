"""How the demonstration is shown: Bahasa Indonesia first, in a hundred columns, with and without a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from ecoklit.cli.demo_proof import Proof, adds_up
from ecoklit.cli.output import print_json, progress

COLUMNS: Final = 100
STEPS: Final = 8
TICKS: Final = 200
"""A bar moves in so many steps: telling it of every row would cost more than the row."""

AGAINST_SHOWN_MAX: Final = 6
DIGEST_SHOWN: Final = 24

WORDS: Final = {
    "verdict": "hasil · verdict",
    "tps": "TPS",
    "confirmed": "terbukti · confirmed",
    "unvisited": "belum · unvisited",
    "deceased": "meninggal · deceased",
    "moved_away": "pindah · moved away",
    "disqualified/unknown": "tidak dikenal · unknown",
    "disqualified/duplicate": "ganda · duplicate",
    "disqualified/military": "TNI · military",
    "disqualified/police": "Polri · police",
}
SAID: Final = {
    "listed": "terdaftar · listed",
    "new": "baru · new",
    "found": "ditemui · found",
    "moved": "pindah · moved",
    "deceased": "meninggal · deceased",
    "disqualified": "TMS · disqualified",
    "not_met": "tidak ditemui · not met",
    "reopened": "dibuka lagi · reopened",
    "ruled": "diputus · ruled",
}
WAYS: Final = {
    "once": "sekali · once",
    "twice": "dua kali · twice",
    "from_two_places": "dari dua tempat sekaligus · from two places at once",
    "answer_lost": "jawaban hilang, diulang · answer lost, said again",
    "too_early": "terlalu dini, ditolak, diulang · too early, refused, sent again",
    "from_the_start": "seluruh log dari awal · the whole log again",
}


class Step:
    """One part of the demonstration while it runs."""

    def __init__(self, bar: Progress, task: TaskID, total: int | None) -> None:
        self.said = ""
        self._bar = bar
        self._task = task
        self._tick = 1 if total is None else max(1, total // TICKS)
        self._waiting = 0

    def advance(self, count: int) -> None:
        self._waiting += count
        if self._waiting >= self._tick:
            self._bar.advance(self._task, self._waiting)
            self._waiting = 0

    def done(self, said: str) -> None:
        """What came of it, in a few words."""
        self.said = said


class Screen:
    """Shows the demonstration as it goes on, and what it found; `rows` of each table, all when None."""

    def __init__(self, rows: int | None, as_json: bool) -> None:
        self._rows = rows
        self._as_json = as_json
        self._steps = 0
        # A pipe has no width of its own, and a table that is cut to 80 columns would lose what it shows.
        self._console = Console(width=None if sys.stdout.isatty() else COLUMNS, highlight=False, markup=False)

    @contextmanager
    def step(self, indonesian: str, english: str, total: int | None = None) -> Iterator[Step]:
        self._steps += 1
        began = time.monotonic()
        with progress() as bar:
            step = Step(bar, bar.add_task(f"{self._steps}/{STEPS} {indonesian} · {english}", total=total), total)
            yield step
        self._line(f"{self._steps}/{STEPS} {indonesian} · {english}: {step.said} ({time.monotonic() - began:.1f} s)")

    def show(self, outcome: Mapping[str, Any]) -> None:
        if self._as_json:
            print_json(outcome)
            return
        self._show_day(outcome)
        self._show_roll(outcome["roll"])
        self._show_recap(outcome["recap"], outcome["total"])
        self._show_conflicts(outcome["conflicts"])
        self._show_proposals(outcome["proposals"])
        self._show_proof(outcome["proof"])
        self._line(f"{outcome['seconds']} detik · seconds, memori puncak · peak memory {outcome['memory_mb']} MB")

    def close(self, kept: Path | None) -> None:
        if kept is not None:
            self._line(
                f"Folder disimpan · kept: {kept}\n"
                f"  ECOKLIT_DATA={kept} ecoklit up    # lihat lagi dari terminal lain · look again from another terminal"
            )

    def _line(self, text: str = "") -> None:
        if not self._as_json:
            self._console.print(text)

    # --- tables ------------------------------------------------------------------------------------------------------

    def _show_day(self, outcome: Mapping[str, Any]) -> None:
        day, sync = outcome["day"], outcome["sync"]
        self._line()
        self._line("Yang dicatat alat · what the devices recorded: " + _counts(day["types"], SAID))
        self._line("Cara dikirim · how it was sent: " + _counts(sync["pushes"], WAYS))
        self._line(
            f"Datang sebelum sebabnya, menunggu lalu terhitung sendiri · arrived before their cause, waited and were "
            f"counted by themselves: {sync['waited_for_cause']:,}"
        )

    def _show_roll(self, roll: Mapping[str, Any]) -> None:
        voters = roll["voters"]
        table = _table(
            f"\nDaftar pemilih terkini TPS {_dotted(roll['tps'])} · the current voter list ({len(voters):,} pemilih)",
            ["No", "Nama\nname", "NIK", "NKK", "L/P\nsex", "Tgl lahir\nborn", "RT/RW", "Ket\nremark", "Catatan\nnote"],
        )
        for number, voter in enumerate(voters[: self._rows], start=1):
            table.add_row(
                str(number), voter["name"], voter["nik"], voter["nkk"], voter["sex"], voter["birth_date"],
                f"{voter['rt']}/{voter['rw']}", voter["remark"], _note(voter),
            )  # fmt: skip
        self._table(table, len(voters))
        self._line(f"digest {roll['digest']}")

    def _show_recap(self, rows: Sequence[Mapping[str, Any]], total: Mapping[str, Any]) -> None:
        headings = {
            "listed": "Awal\nlisted",
            "new": "+Baru\nnew",
            "arrived": "+Masuk\narrived",
            "departed": "−Keluar\ndeparted",
            "removed": "−Tersaring\nremoved",
            "on_list": "=Pemilih\non list",
            "visited": "Dicoklit\nvisited",
            "proposed": "Usulan\nproposed",
            "in_conflict": "Konflik\nconflict",
        }
        table = _table("\nRekapitulasi per desa/kelurahan · recap by village", ["Wilayah\narea", "TPS"])
        for heading in headings.values():
            table.add_column(heading, justify="right")
        table.add_column("✓")
        for row in rows:
            table.add_row(*_recap(row, headings))
        table.add_section()
        table.add_row(*_recap({**total, "tps_count": sum(row["tps_count"] for row in rows)}, headings))
        self._console.print(table)

    def _show_conflicts(self, sides: Sequence[Mapping[str, Any]]) -> None:
        conflicts = [
            list(group) for _, group in groupby(sides, key=lambda row: (row["tps"], row["voter"], row["register"]))
        ]
        table = _table(
            f"\nKonflik terbuka, kedua sisi · open conflicts, both sides: {len(conflicts):,}",
            [
                "TPS, pemilih\nTPS, voter",
                "Tentang\nabout",
                "✓ berlaku\n✓ wins",
                "Kata siapa\nsaid by",
                "Jam alat\ndevice's clock",
            ],
        )
        for conflict in conflicts[: self._rows]:
            table.add_row(
                f"{conflict[0]['tps']}\n{_short(conflict[0]['voter'])}",
                WORDS.get(conflict[0]["register"], conflict[0]["register"]),
                "\n".join(f"{'✓' if side['wins'] else ' '} {_value(side)}" for side in conflict),
                "\n".join(f"{side['officer']}: {side['type']}" for side in conflict),
                "\n".join(_minute(side["at"]) for side in conflict),
            )
        self._table(table, len(conflicts))

    def _show_proposals(self, proposals: Sequence[Mapping[str, Any]]) -> None:
        table = _table(
            f"\nUsulan yang menunggu putusan · proposals that wait for a ruling: {len(proposals):,}",
            [
                "TPS",
                "Pemilih\nvoter",
                "Usulan\nproposal",
                "Bukti\nevidence",
                "Hasil kini\nverdict now",
                "Kata siapa\nsaid by",
            ],
        )
        for row in proposals[: self._rows]:
            table.add_row(
                row["tps"], _short(row["voter"]), _word(row["proposal"]), row["evidence"] or "–", _word(row["verdict"]),
                row["officer"],
            )  # fmt: skip
        self._table(table, len(proposals))

    def _show_proof(self, proof: Proof) -> None:
        self._line("\nBukti · proof")
        for claim in proof.claims:
            self._line(f"  {'✓' if claim.holds else '✗'} {claim.indonesian} · {claim.english}")
            if not claim.holds:
                more = len(claim.against) - AGAINST_SHOWN_MAX
                against = ", ".join(claim.against[:AGAINST_SHOWN_MAX]) + (f" … +{more}" if more > 0 else "")
                self._line(f"      tidak · not: {against}")
        columns = [
            "Wilayah\narea",
            "Proyeksi langsung\nlive projection",
            "Putar ulang 1\nreplay 1",
            "Putar ulang 2\nreplay 2",
        ]
        table = _table(f"\nDigest, {proof.areas:,} TPS dan wilayah dibandingkan · compared", columns)
        for code in [code for code in proof.live if len(code) <= 4]:
            table.add_row(code, *(one.get(code, "–")[:DIGEST_SHOWN] for one in (proof.live, *proof.replays)))
        self._console.print(table)
        self._line(
            "TERBUKTI · PROVED: putar ulang dan proyeksi sama · replays and projection agree."
            if proof.holds
            else "TIDAK TERBUKTI · NOT PROVED: lihat ✗ di atas · see ✗ above."
        )

    def _table(self, table: Table, total: int) -> None:
        self._console.print(table)
        if self._rows is not None and total > self._rows:
            self._line(f"  … {self._rows} dari · of {total:,}; semua · all: --rows 0, --json")


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _counts(counts: Mapping[str, int], words: Mapping[str, str]) -> str:
    return "; ".join(f"{words.get(name, name)} {count:,}" for name, count in counts.items())


def _recap(row: Mapping[str, Any], headings: Mapping[str, str]) -> list[str]:
    sums = "✓" if adds_up(row) else "✗"
    return [_dotted(row["area"]), f"{row['tps_count']:,}", *(f"{row[name]:,}" for name in headings), sums]


def _note(voter: Mapping[str, Any]) -> str:
    notes = [
        *(["konflik · conflict"] if voter["conflicts"] else []),
        *(["usulan · proposal"] if voter["proposed"] else []),
        *(["dari · from " + voter["first_tps"][6:]] if voter["first_tps"] != voter["tps"] else []),
        *([f"{voter['attempts']}× tidak ditemui"] if voter["attempts"] and voter["remark"] == "belum" else []),
    ]
    return ", ".join(notes)


def _value(side: Mapping[str, Any]) -> str:
    value = "(kosong · empty)" if side["value"] is None else side["value"]
    return _word(value) if side["register"] == "verdict" else str(value)


def _word(value: str) -> str:
    return WORDS.get(value, value)


def _short(voter: object) -> str:
    return str(voter)[:13] + "…"


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


def _dotted(code: str) -> str:
    """94.04.03.1001.001"""
    cuts = (0, 2, 4, 6, 10, 13)
    return ".".join(code[a:b] for a, b in zip(cuts, cuts[1:], strict=False) if code[a:b])
