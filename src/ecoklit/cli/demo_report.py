"""How the demonstration is shown: Bahasa Indonesia first, in a hundred columns, with and without a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, pairwise, zip_longest
from pathlib import Path
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress, TaskID
from rich.table import Table

from ecoklit.cli.demo_proof import Proof, adds_up
from ecoklit.cli.output import print_json, progress

COLUMNS: Final = 100
STEPS: Final = 9
TICKS: Final = 200
"""A bar moves in so many steps: telling it of every row would cost more than the row."""

AGAINST_SHOWN_MAX: Final = 6
DIGEST_SHOWN: Final = 20

WORDS: Final = {
    "verdict": "hasil · verdict",
    "tps": "tempat · TPS",
    "confirmed": "terbukti · confirmed",
    "unvisited": "belum · unvisited",
    "deceased": "meninggal · deceased",
    "moved_away": "pindah · moved away",
    "disqualified/unknown": "tak dikenal · unknown",
    "disqualified/duplicate": "ganda · duplicate",
    "disqualified/military": "TNI · military",
    "disqualified/police": "Polri · police",
    "listed": "terdaftar · listed",
    "new": "baru · new",
    "found": "ditemui · found",
    "moved": "pindah · moved",
    "disqualified": "TMS · disqualified",
    "not_met": "tak ditemui · not met",
    "reopened": "dibuka · reopened",
    "ruled": "diputus · ruled",
}
"""The contract's words, for people."""

WAYS: Final = {
    "once": "sekali · once",
    "twice": "dua kali · twice",
    "from_two_places": "dari dua tempat sekaligus · from two places at once",
    "answer_lost": "jawaban hilang, diulang · answer lost, said again",
    "too_early": "terlalu dini, ditolak, diulang · too early, refused, sent again",
    "from_the_start": "seluruh log dari awal · the whole log again",
}
ROLL: Final = {
    "no": "No",
    "name": "Nama\nname",
    "nik": "NIK",
    "nkk": "NKK",
    "sex": "L/P\nsex",
    "birth_date": "Lahir\nborn",
    "rt_rw": "RT/RW",
    "remark": "Ket\nremark",
    "note": "Catatan\nnote",
}
RECAP: Final = {
    "area": "Wilayah\narea",
    "tps_count": "TPS",
    "listed": "Awal\nlisted",
    "new": "+Baru\nnew",
    "arrived": "+Masuk\narrived",
    "departed": "−Keluar\ndeparted",
    "removed": "−TMS\nremoved",
    "on_list": "=Pemilih\non list",
    "sums": "",
    "visited": "Dicoklit\nvisited",
    "proposed": "Usulan\nproposed",
    "in_conflict": "Konflik\nconflict",
}
NOT_WHEN_NARROW: Final = ("nkk", "rt_rw", "tps_count", "visited", "proposed", "in_conflict")
"""Columns that a terminal of less than a hundred has no room for; --json has them all."""

FOLDED: Final = ("name", "note")


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
        name = f"{self._steps}/{STEPS} {indonesian} · {english}"
        began = time.monotonic()
        with progress() as bar:
            step = Step(bar, bar.add_task(name, total=total), total)
            yield step
        if not self._as_json:
            self._say(f"{name}  {time.monotonic() - began:.1f} s")
            self._say(step.said, indent=4)

    def show(self, outcome: Mapping[str, Any]) -> None:
        if self._as_json:
            print_json(outcome)
            return
        self._show_day(outcome["day"], outcome["sync"])
        self._show_roll(outcome["roll"])
        self._show_recap(outcome["recap"], outcome["total"])
        self._show_conflicts(outcome["conflicts"])
        self._show_proposals(outcome["proposals"])
        self._show_proof(outcome["proof"])
        self._say(f"{outcome['seconds']} detik · seconds, memori puncak · peak memory {outcome['memory_mb']} MB")

    def show_folder(self, kept: Path) -> None:
        if not self._as_json:
            self._say(f"Folder disimpan · kept: {kept}")
            self._say(f"lihat lagi · look again: ECOKLIT_DATA={kept} ecoklit up", indent=4)

    def _say(self, text: str, indent: int = 0) -> None:
        self._console.print(Padding(text, (0, 0, 0, indent), expand=False))

    def _title(self, text: str) -> None:
        self._console.print()
        self._console.print(text, style="bold")

    # --- tables ------------------------------------------------------------------------------------------------------

    def _show_day(self, day: Mapping[str, Any], sync: Mapping[str, Any]) -> None:
        self._title("Yang dicatat alat · what the devices recorded")
        self._say(_counts(day["types"], WORDS), indent=4)
        self._title("Cara log dikirim, bagian demi bagian · how the logs were sent, part by part")
        self._say(_counts(sync["pushes"], WAYS), indent=4)
        self._say(
            f"{sync['waited_for_cause']:,} peristiwa mendahului sebabnya, menunggu, lalu terhitung sendiri "
            f"· events came ahead of their cause, waited, and were counted by themselves",
            indent=4,
        )

    def _show_roll(self, roll: Mapping[str, Any]) -> None:
        voters = roll["voters"]
        self._title(
            f"Daftar pemilih terkini TPS {_dotted(roll['tps'])}: {len(voters):,} pemilih "
            "· current voter list of the TPS"
        )
        rows = ({**voter, "no": number, **_shown(voter)} for number, voter in enumerate(voters, start=1))
        self._table(ROLL, rows, len(voters), numbers=("no",))
        self._say(f"digest {roll['digest']}")

    def _show_recap(self, recap: Sequence[Mapping[str, Any]], total: Mapping[str, Any]) -> None:
        self._title("Rekapitulasi per desa/kelurahan · recap by village")
        # The total is the database's own row of the area; the proof compares it with the sum of the rows.
        tps_count = sum(row["tps_count"] for row in recap)
        rows = [*recap, {**total, "tps_count": tps_count}]
        numbers = [name for name in RECAP if name not in ("area", "sums")]
        shown = ({**row, "area": _dotted(row["area"]), "sums": "✓" if adds_up(row) else "✗"} for row in rows)
        self._table(RECAP, shown, None, numbers=numbers, has_total=True)

    def _show_conflicts(self, sides: Sequence[Mapping[str, Any]]) -> None:
        conflicts = [list(group) for _, group in groupby(sides, key=lambda row: (row["voter"], row["register"]))]
        self._title(f"Konflik terbuka, kedua sisi: {len(conflicts):,} · open conflicts, both sides (✓ berlaku · wins)")
        headings = ("Pemilih, tentang\nvoter, about", "Kata satu pihak\none side says", "Petugas, TPS\nofficer, TPS",
                    "Peristiwa\nevent", "Jam alat\ndevice's clock")  # fmt: skip
        table = _table(headings)
        for conflict in conflicts[: self._rows]:
            first = conflict[0]
            about = (first["tps"], _short(first["voter"]), WORDS.get(first["register"], first["register"]))
            for label, said in zip_longest(about, map(_side, conflict), fillvalue=None):
                table.add_row(label or "", *(said or ("", "", "", "")))
            table.add_section()
        self._console.print(table)
        self._say_rest(len(conflicts))

    def _show_proposals(self, proposals: Sequence[Mapping[str, Any]]) -> None:
        self._title(f"Usulan yang menunggu putusan: {len(proposals):,} · proposals that wait for a ruling")
        table = _table(("TPS", "Pemilih\nvoter", "Usulan\nproposal", "Bukti\nevidence", "Hasil kini\nverdict now"))
        for row in proposals[: self._rows]:
            table.add_row(
                row["tps"], _short(row["voter"]), _word(row["proposal"]), row["evidence"] or "–", _word(row["verdict"])
            )
        self._console.print(table)
        self._say_rest(len(proposals))

    def _show_proof(self, proof: Proof) -> None:
        self._title("Bukti · proof")
        claims = Table.grid(padding=(0, 1))
        for claim in proof.claims:
            claims.add_row("✓" if claim.holds else "✗", f"{claim.indonesian} · {claim.english}")
            if not claim.holds:
                more = len(claim.against) - AGAINST_SHOWN_MAX
                against = ", ".join(claim.against[:AGAINST_SHOWN_MAX]) + (f" … +{more}" if more > 0 else "")
                claims.add_row("", f"tidak · not: {against}")
        self._console.print(claims)
        self._title(f"Digest {proof.areas:,} TPS dan wilayah dibandingkan · digests compared")
        table = _table(
            ("Wilayah\narea", "Proyeksi langsung\nlive", "Putar ulang 1\nreplay 1", "Putar ulang 2\nreplay 2")
        )
        for code in [code for code in proof.live if len(code) <= 4]:
            table.add_row(code, *(one.get(code, "–")[:DIGEST_SHOWN] for one in (proof.live, *proof.replays)))
        self._console.print(table)
        if proof.holds:
            self._say("TERBUKTI: dua putar ulang dan proyeksi sama · PROVED: two replays and the projection agree.")
        else:
            self._say("TIDAK TERBUKTI: lihat ✗ di atas · NOT PROVED: see ✗ above.")

    def _table(
        self,
        headings: Mapping[str, str],
        rows: Iterable[Mapping[str, Any]],
        count: int | None,
        *,
        numbers: Iterable[str],
        has_total: bool = False,
    ) -> None:
        """Rows as a table; of `count` rows only the first, of None all, the last as a total with `has_total`."""
        is_narrow = self._console.width < COLUMNS
        shown = [name for name in headings if not (is_narrow and name in NOT_WHEN_NARROW)]
        table = _table(())
        for name in shown:
            justify = "right" if name in numbers else "left"
            table.add_column(headings[name], justify=justify, no_wrap=name not in FOLDED, overflow="fold")  # type: ignore[arg-type]
        lines = list(rows)
        for place, row in enumerate(lines if count is None else lines[: self._rows]):
            if has_total and place == len(lines) - 1:
                table.add_section()
            table.add_row(*(_cell(row[name]) for name in shown))
        self._console.print(table)
        if count is not None:
            self._say_rest(count)

    def _say_rest(self, total: int) -> None:
        if self._rows is not None and total > self._rows:
            self._say(f"… {self._rows} dari · of {total:,}; semua · all: --rows 0, --json", indent=4)


def _table(headings: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _cell(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _counts(counts: Mapping[str, int], words: Mapping[str, str]) -> str:
    return "; ".join(f"{words.get(name, name)} {count:,}" for name, count in counts.items())


def _shown(voter: Mapping[str, Any]) -> dict[str, str]:
    moved = voter["first_tps"] != voter["tps"]
    notes = [
        *(["konflik · conflict"] if voter["conflicts"] else []),
        *(["usulan · proposal"] if voter["proposed"] else []),
        *([f"dari · from {voter['first_tps'][6:10]}.{voter['first_tps'][10:]}"] if moved else []),
        *([f"{voter['attempts']}× tak ditemui · not met"] if voter["attempts"] and voter["remark"] == "belum" else []),
    ]
    return {"rt_rw": f"{voter['rt']}/{voter['rw']}", "note": ", ".join(notes)}


def _side(side: Mapping[str, Any]) -> tuple[str, str, str, str]:
    value = "(kosong · empty)" if side["value"] is None else str(side["value"])
    said = _word(value) if side["register"] == "verdict" else value
    letter = side["officer"].rpartition("-")[2] if side["role"] == "pantarlih" else ""
    who = f"{side['role']}{'-' if letter else ''}{letter} {side['at_tps'][6:10]}.{side['at_tps'][10:]}"
    return f"{'✓' if side['wins'] else ' '} {said}", who, _word(side["type"]), side["at"][:16].replace("T", " ")


def _word(value: str) -> str:
    return WORDS.get(value, value)


def _short(voter: object) -> str:
    return str(voter)[:13] + "…"


def _dotted(code: str) -> str:
    """As people write it: 94.04.03.1001.001."""
    return ".".join(code[a:b] for a, b in pairwise((0, 2, 4, 6, 10, 13)) if code[a:b])
