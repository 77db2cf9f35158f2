"""The sheets of a list: where each table begins, and which lines are voters.

Every line that is not blank, a header or a numbering of columns is given on as a voter, or counted in a
notice: nothing is passed over in silence.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice
from typing import Final, NamedTuple

from ecoklit.core.list_row import (
    HEADER_LINES_MAX,
    Header,
    HeaderFault,
    SourceRow,
    is_blank,
    is_numbering,
    place,
    read_header,
)

_NIK: Final = 1
"""The place of NIK in COLUMNS: the one cell that tells a voter from a header at a glance."""


class Notice(NamedTuple):
    """Something about a file as a whole: its code, its severity (error: rows were not listed), one sentence
    each.
    """

    code: str
    severity: str
    bahasa: str
    english: str

    def text(self, language: str = "id") -> str:
        return self.bahasa if language == "id" else self.english


class Voter(NamedTuple):
    """A line that is a voter, and the header that it stands under."""

    row: SourceRow
    header: Header


def read_sheets(rows: Iterable[SourceRow]) -> Iterator[Voter | Notice]:
    """The voters in `rows`, sheet by sheet, and what must be said about the sheets."""
    header: Header | None = None
    for sheet, lines in groupby(rows, key=lambda row: row.sheet):
        inside = iter(lines)
        head = list(islice(inside, HEADER_LINES_MAX))
        above, found = _find_header(head)
        below = chain(head[above:], inside)
        if isinstance(found, Header):
            header = found
            if found.ignored:
                yield _ignored(sheet, found)
            yield from _voters(below, found)
        elif found is None and header is not None and _has_voters(head):
            yield _without_header(sheet)
            yield from _voters(below, header)
        else:
            yield from _unread(sheet, below, found)


def _find_header(head: list[SourceRow]) -> tuple[int, Header | HeaderFault | None]:
    """The header in the first lines of a sheet, and how many lines are above its voters: with none, none are."""
    for above, row in enumerate(head, start=1):
        found = read_header(row.cells)
        if isinstance(found, Header):
            return above, found
        if found is not None:
            return 0, found
    return 0, None


def _has_voters(head: list[SourceRow]) -> bool:
    return any(not is_blank(row.cells) for row in head)


def _voters(rows: Iterator[SourceRow], header: Header) -> Iterator[Voter | Notice]:
    nik = header.places[_NIK]
    for row in rows:
        cells = row.cells
        # A voter's NIK is digits, and more than three of them: only other lines are looked at closely.
        if len(cells) > nik and len(cells[nik]) > 3 and cells[nik][0].isdigit():
            yield Voter(row, header)
        elif is_blank(cells) or is_numbering(cells):
            continue
        elif (again := read_header(cells)) is None:
            yield Voter(row, header)
        elif again != header:
            yield from _unread(row.sheet, chain([row], rows), HeaderFault((), ()))


def _unread(sheet: str, rows: Iterable[SourceRow], fault: HeaderFault | None) -> Iterator[Notice]:
    lines = [row.number for row in rows if not is_blank(row.cells)]
    if lines:
        yield _not_read(sheet, lines[0], len(lines), fault)


def _not_read(sheet: str, first: int, lines: int, fault: HeaderFault | None) -> Notice:
    where = place(sheet, first)
    return Notice(
        "sheet_not_read",
        "error",
        f"{where}: {lines} baris tidak dibaca: {_why_unread(fault, 'id')}.",
        f"{where}: {lines} lines were not read: {_why_unread(fault, 'en')}.",
    )


def _why_unread(fault: HeaderFault | None, language: str) -> str:
    bahasa = language == "id"
    if fault is None:
        return "tidak ada baris judul kolom (NKK, NIK, Nama …)" if bahasa else "there is no header (NKK, NIK, Nama …)"
    if fault.missing:
        return ("judul kolom tidak ada: " if bahasa else "columns are missing: ") + ", ".join(fault.missing)
    if fault.doubled:
        return ("judul kolom berulang: " if bahasa else "columns stand twice: ") + ", ".join(fault.doubled)
    return (
        "judul kolom lain di tengah lembar; pindahkan ke lembar sendiri"
        if bahasa
        else ("another header begins in the middle of the sheet; move that table to a sheet of its own")
    )


def _without_header(sheet: str) -> Notice:
    return Notice(
        "sheet_without_header",
        "warning",
        f"{sheet}: tanpa baris judul; dibaca dengan judul lembar sebelumnya.",
        f"{sheet}: has no header; it was read with that of the sheet before.",
    )


def _ignored(sheet: str, header: Header) -> Notice:
    where, titles = sheet or "-", ", ".join(header.ignored)
    return Notice(
        "columns_ignored",
        "warning",
        f"{where}: kolom yang tidak dikenal tidak dibaca: {titles}.",
        f"{where}: unknown columns were not read: {titles}.",
    )
