"""Tables as CSV and XLSX: a title for each column, and above them what it is, as of when and for whom."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import xlsxwriter

from ecoklit.ports import ListHead, ListRow

_FORMULA: Final = tuple("=+-@\t\r")
_BEFORE_FORMULA: Final = "\u00a0"
"""A cell that a spreadsheet would compute begins with a space that shows as one, as in a list of voters."""

SHEET_ROWS_MAX: Final = 1_000_000


def lines_above(head: ListHead) -> list[tuple[str, str]]:
    at = head.as_of
    return [
        ("Daftar · list", head.what),
        ("Wilayah · area", head.area),
        ("Per · as of", f"{at.election} {at.regency}, posisi · position {at.events}"),
        ("Untuk · for", head.recipient),
        ("Ekspor · export", f"{head.export}, {head.asked_at}"),
    ]


def cell_of(value: Any) -> str:
    """A value as text: several words with spaces between, and nothing for what is not known."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        text = " ".join(str(one) for one in value)
    elif isinstance(value, Mapping):
        text = msgspec.json.encode(value).decode()
    else:
        text = str(value)
    return _BEFORE_FORMULA + text if text.startswith(_FORMULA) and not isinstance(value, (int, float)) else text


class CsvTable:
    """`ports.ListFile` of a table as CSV (UTF-8 with a mark, as spreadsheets know it)."""

    def __init__(self, path: Path, head: ListHead) -> None:
        self._text = path.open("w", encoding="utf-8-sig", newline="")
        self._rows = csv.writer(self._text)
        self._rows.writerows([*lines_above(head), (), [column.name for column in head.columns]])

    def write(self, tps: str, digest: bytes, rows: Sequence[ListRow]) -> None:
        self._rows.writerows([cell_of(value) for value in row] for row in rows)

    def close(self, digest: bytes) -> None:
        self._text.close()


class XlsxTable:
    """`ports.ListFile` of a table as an XLSX workbook: numbers are numbers, identity numbers are text."""

    def __init__(self, path: Path, head: ListHead) -> None:
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": str(path.parent),
                "strings_to_numbers": False,
                "strings_to_formulas": False,
                "strings_to_urls": False,
            },
        )
        self._book.set_properties({"title": f"{head.what} {head.area}", "comments": head.export})
        self._bold = self._book.add_format({"bold": True})
        self._head = head
        self._sheets = 0
        self._begin()

    def write(self, tps: str, digest: bytes, rows: Sequence[ListRow]) -> None:
        for row in rows:
            if self._at >= SHEET_ROWS_MAX:
                self._begin()
            for column, value in enumerate(row):
                if isinstance(value, (int, float)) and not isinstance(value, bool):
                    self._sheet.write_number(self._at, column, value)
                elif value is not None:
                    self._sheet.write_string(self._at, column, cell_of(value))
            self._at += 1

    def close(self, digest: bytes) -> None:
        self._book.close()

    def _begin(self) -> None:
        self._sheets += 1
        self._sheet: Any = self._book.add_worksheet(self._head.what if self._sheets == 1 else f"({self._sheets})")
        above = lines_above(self._head)
        for number, line in enumerate(above):
            for column, text in enumerate(line):
                self._sheet.write_string(number, column, text)
        for column, one in enumerate(self._head.columns):
            self._sheet.write_string(len(above) + 1, column, one.name, self._bold)
        self._at = len(above) + 2
