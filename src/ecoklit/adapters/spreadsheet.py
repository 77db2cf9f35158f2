"""Lists as files: XLSX and CSV, as rows of text.

Nothing is judged here but the file itself: a file that cannot be read wholly is refused by name before its
first row, or at the row where it breaks. Cells that are no text are given as a spreadsheet shows them, and
named.
"""

import csv
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from ecoklit.core.list_row import HEADER_LINES_MAX, SourceRow
from ecoklit.errors import EcoklitError

FILE_BYTES_MAX: Final = 256 * 1024 * 1024
"""A regency of 300,000 voters is 30 MB as CSV; more is another kind of file."""

UNPACKED_BYTES_MAX: Final = 2 * 1024 * 1024 * 1024
"""What an XLSX may hold unpacked: its XML is twenty times its size, a bomb is a thousand times."""

COLUMNS_MAX: Final = 256
"""Cells of one row; the form has 15 columns, and a row that never ends is a damaged file."""

CELL_CHARACTERS_MAX: Final = 32_767
"""What a spreadsheet can hold in one cell. A CSV cell beyond it is an unclosed quotation mark."""


class FileFault(EcoklitError):
    """The file cannot be read: the message names it by its name alone, and says what to do."""


def read_rows(path: Path) -> Iterator[SourceRow]:
    """The rows of the XLSX or CSV file at `path`, blank ones included, in the order of its sheets.

    Raises FileFault: no_file, unknown_format, file_too_large, bad_workbook, locked_workbook, not_utf8,
    bad_csv.
    """
    suffix = path.suffix.lower()
    if suffix not in (".xlsx", ".csv"):
        raise FileFault("unknown_format", f"{path.name} is neither .xlsx nor .csv: save the list as one of these.")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise FileFault("no_file", f"{path.name} cannot be opened ({error.strerror}): check its path.") from error
    if size > FILE_BYTES_MAX:
        raise FileFault("file_too_large", f"{path.name} has {size:,} bytes: split it by village.")
    return _read_xlsx(path) if suffix == ".xlsx" else _read_csv(path)


# --- XLSX ---------------------------------------------------------------------------------------------------


def _read_xlsx(path: Path) -> Iterator[SourceRow]:
    workbook = _open_workbook(path)
    with workbook:
        for sheet in workbook.sheet_names:
            try:
                # Rows are numbered as the spreadsheet shows them, so the empty ones before the first cell
                # count too.
                rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            except CalamineError as error:
                raise FileFault("bad_workbook", f"Sheet {sheet} of {path.name} cannot be read: {error}.") from error
            for number, cells in enumerate(rows, start=1):
                yield _row_of_cells(path, sheet, number, cells)


def _open_workbook(path: Path) -> CalamineWorkbook:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError):
        unpacked = 0  # calamine says what it is instead: an encrypted workbook is no archive either
    if unpacked > UNPACKED_BYTES_MAX:
        raise FileFault("file_too_large", f"{path.name} unpacks to {unpacked:,} bytes: split it by village.")
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError as error:
        raise FileFault("locked_workbook", f"{path.name} is locked: save it without a password.") from error
    except (CalamineError, OSError) as error:
        raise FileFault(
            "bad_workbook", f"{path.name} is no XLSX workbook ({error}): open and save it again."
        ) from error


def _row_of_cells(path: Path, sheet: str, number: int, cells: Iterable[object]) -> SourceRow:
    texts: list[str] = []
    unlike_text: list[tuple[int, str]] = []
    for index, cell in enumerate(cells):
        if type(cell) is str:
            texts.append(cell)
        else:
            text, kind = _shown(cell)
            texts.append(text)
            unlike_text.append((index, kind))
    if len(texts) > COLUMNS_MAX:
        raise FileFault(
            "bad_workbook", f"Sheet {sheet} of {path.name} is wider than {COLUMNS_MAX} columns: clear them."
        )
    return SourceRow(sheet, number, tuple(texts), tuple(unlike_text))


def _shown(cell: object) -> tuple[str, str]:
    """A cell that is no text, as a spreadsheet shows it, and its kind."""
    if isinstance(cell, bool):
        return ("TRUE" if cell else "FALSE"), "boolean"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell)), "number"
    if isinstance(cell, datetime):
        return cell.date().isoformat(), "date"
    if isinstance(cell, date):
        return cell.isoformat(), "date"
    return str(cell), "number" if isinstance(cell, int | float) else "time"


# --- CSV ----------------------------------------------------------------------------------------------------


def _read_csv(path: Path) -> Iterator[SourceRow]:
    lines = _lines(path)
    head = list(islice(lines, HEADER_LINES_MAX))
    reader = csv.reader(chain(head, lines), delimiter=_delimiter(head), strict=True)
    start = 1
    try:
        for cells in reader:
            if len(cells) > COLUMNS_MAX or any(len(cell) > CELL_CHARACTERS_MAX for cell in cells):
                raise csv.Error("a row without end")
            yield SourceRow("", start, tuple(cells))
            start = reader.line_num + 1
    except csv.Error as error:
        raise FileFault(
            "bad_csv",
            f"{path.name} breaks at line {start} ({error}): look for an unclosed quotation mark. "
            "Rows before it are imported; import the mended file again.",
        ) from error


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                # A BOM is how some spreadsheets mark UTF-8; it belongs to no title.
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise FileFault(
                    "not_utf8",
                    f"{path.name} is not UTF-8 (line {number}): save it as “CSV UTF-8” and import it again.",
                ) from error


def _delimiter(head: list[str]) -> str:
    """The one of , ; and tab that one of the first lines holds most of: that is the header, and no title
    holds any.
    """
    return max(",;\t", key=lambda delimiter: max((line.count(delimiter) for line in head), default=0))
