"""Lists in the layout of Model A-Daftar Pemilih, as CSV and XLSX: what `ecoklit import` reads.

Above the titles stands what the list is: of which area, as of which moment, for whom. All cells are text: an identity
number has more digits than a spreadsheet's number keeps.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from ecoklit.core.list_row import TITLES
from ecoklit.ports import ListHead, ListRow

SHEET_ROWS_MAX: Final = 1000
"""Voters of one sheet: what the commission's own loader takes."""

_DIGEST_ROOM: Final = "0" * 64
_WIDTHS: Final = (18, 18, 28, 16, 11, 7, 7, 30, 5, 5, 7, 5, 9, 12, 5)  # in characters, by column


def _lines(head: ListHead, area: str, digest: str) -> list[tuple[str, ...]]:
    at = head.as_of
    return [
        ("Model A-Daftar Pemilih",),
        ("Wilayah · area", area),
        ("Per · as of", f"{at.election} {at.regency}, posisi · position {at.events}"),
        ("Digest", digest),
        ("Untuk · for", head.recipient),
        ("Ekspor · export", f"{head.export}, {head.asked_at}"),
    ]


class CsvFile:
    """`ports.ListFile` as CSV (UTF-8 with a mark, as spreadsheets know it)."""

    def __init__(self, path: Path, head: ListHead) -> None:
        self._bytes = path.open("wb")
        self._text = io.TextIOWrapper(self._bytes, encoding="utf-8-sig", newline="")
        self._rows = csv.writer(self._text)
        # The digest follows from the rows, and stands above them: its place is kept for it.
        lines = _lines(head, head.area, _DIGEST_ROOM)
        self._rows.writerows(lines[:3])
        self._text.flush()
        self._digest_at = self._bytes.tell() + len("Digest,")
        self._rows.writerows([*lines[3:], (), tuple(TITLES.values())])

    def write(self, tps: str, digest: bytes, rows: Sequence[ListRow]) -> None:
        self._rows.writerows(rows)

    def close(self, digest: bytes) -> None:
        with self._text:
            self._text.flush()
            self._bytes.seek(self._digest_at)
            self._bytes.write(digest.hex().encode("ascii"))


class XlsxFile:
    """`ports.ListFile` as an XLSX workbook: a sheet for each TPS, and another when it has over a thousand voters."""

    def __init__(self, path: Path, head: ListHead) -> None:
        # Row by row to the disk: the workbook is never in memory. Beside the file, for elsewhere others might look.
        self._aside = path.with_name(f"{path.name.removesuffix('.part')}.sheets.part")
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir(mode=0o700)
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "tmpdir": str(self._aside),
                "constant_memory": True,
                "strings_to_numbers": False,
                "strings_to_formulas": False,
                "strings_to_urls": False,
            },
        )
        self._book.set_properties({"title": f"Model A-Daftar Pemilih {head.area}", "comments": f"{head.export}"})
        self._bold = self._book.add_format({"bold": True})
        self._head = head
        self._is_empty = True

    def write(self, tps: str, digest: bytes, rows: Sequence[ListRow]) -> None:
        for number, first in enumerate(range(0, len(rows), SHEET_ROWS_MAX), start=1):
            name = f"TPS {tps[10:]}" if number == 1 else f"TPS {tps[10:]} ({number})"
            self._sheet(name, tps, digest, rows[first : first + SHEET_ROWS_MAX])

    def close(self, digest: bytes) -> None:
        if self._is_empty:
            self._sheet(self._head.area, self._head.area, digest, [])
        self._book.close()
        shutil.rmtree(self._aside)

    def _sheet(self, name: str, area: str, digest: bytes, rows: Sequence[ListRow]) -> None:
        self._is_empty = False
        sheet: Any = self._book.add_worksheet(name)
        for column, width in enumerate(_WIDTHS):
            sheet.set_column(column, column, width)
        above = _lines(self._head, area, digest.hex())
        for number, line in enumerate(above):
            _fill(sheet, number, line)
        titles = len(above) + 1
        for column, title in enumerate(TITLES.values()):
            sheet.write_string(titles, column, title, self._bold)
        for number, row in enumerate(rows, start=titles + 1):
            _fill(sheet, number, row)


def _fill(sheet: Any, number: int, cells: Sequence[str]) -> None:
    for column, cell in enumerate(cells):
        if cell:
            sheet.write_string(number, column, cell)
