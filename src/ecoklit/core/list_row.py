"""One row of Model A-Daftar Pemilih: its header, its checks, and what it says in the words of the contract.

A row that cannot be listed has an *error*; everything else that a person should look at is a *warning*, and
the row is listed as it stands. A finding names a column, never what stands in it (unless the column holds a
code): reports are printed, mailed and pinned to walls, and a NIK has no business there.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from ecoklit.core import ids
from ecoklit.core.codebook import Codebook, decoded_remark
from ecoklit.core.event import is_date

TITLES: Final = {
    "nkk": "NKK", "nik": "NIK", "name": "Nama", "birth_place": "Tempat Lahir", "birth_date": "Tgl Lahir",
    "marital": "Status Kawin", "sex": "Jenis Kelamin", "address": "Alamat", "rt": "RT", "rw": "RW",
    "disability": "Disabilitas", "ektp": "Ektp", "remarks": "Keterangan", "source": "Sumber Data",
    "tps": "TPS",
}  # fmt: skip
"""The columns of the form in their order, and the titles that stand over them."""

COLUMNS: Final = tuple(TITLES)

_OTHER_TITLES: Final = {
    "nokk": "nkk", "nomorkk": "nkk", "nomorkartukeluarga": "nkk", "namalengkap": "name",
    "namapemilih": "name", "tanggallahir": "birth_date", "statusperkawinan": "marital", "jk": "sex",
    "kelamin": "sex", "lp": "sex", "difabel": "disability", "ktpel": "ektp", "statusktpel": "ektp",
    "ket": "remarks", "sumber": "source", "notps": "tps", "nomortps": "tps",
}  # fmt: skip
_ROW_NUMBERS: Final = frozenset({"no", "nomor", "nourut"})
_HEADER_TITLES_MIN: Final = 8
"""A row with this many known titles is meant as the header: prose above a table never has so many."""

HEADER_LINES_MAX: Final = 20
"""The header stands within the first lines of a sheet: a logo, a few lines of title, and then the table."""

TEXT_BYTES_MAX: Final = 6_000
"""Text of one row: with every character escaped it still fits one wire line of 16 KiB."""

CODED: Final = ("marital", "sex", "ektp", "disability")

FINDINGS: Final = {
    # errors: the row cannot be listed
    "column_count": (
        "error",
        "jumlah kolom tidak sama dengan judul",
        "more or fewer cells than the header has",
    ),
    "no_name": ("error", "nama kosong", "there is no name"),
    "no_tps": ("error", "nomor TPS kosong", "there is no TPS number"),
    "bad_tps": ("error", "nomor TPS bukan tiga angka", "the TPS is not a number of three digits"),
    "village_elsewhere": (
        "error",
        "TPS di desa lain dari berkas ini",
        "the TPS lies in another village than the file",
    ),
    "number_masked": (
        "error",
        "angka disamarkan (*): impor daftar dengan nomor utuh",
        "the number is masked with stars: import a list that has it whole",
    ),
    "row_too_long": ("error", "isi baris terlalu panjang", "the row holds more text than one event can"),
    "row_repeated": (
        "error",
        "pemilih ini sudah ada di baris lain",
        "the same voter stands on an earlier row",
    ),
    "clock_full": (
        "error",
        "perubahan tidak dapat dicatat lagi dari perangkat ini",
        "this device has said all it may about this voter; another office device must list the change",
    ),
    # warnings: the row is listed as it stands
    "nik_missing": ("warning", "NIK kosong", "there is no NIK"),
    "nik_15_digits": ("warning", "NIK 15 angka", "the NIK has 15 digits"),
    "nik_length": ("warning", "NIK bukan 16 angka", "the NIK does not have 16 digits"),
    "nik_not_digits": ("warning", "NIK memuat selain angka", "the NIK holds something else than digits"),
    "nik_birth_date": (
        "warning",
        "NIK tidak cocok dengan tanggal lahir",
        "the NIK disagrees with the birth date",
    ),
    "nik_sex": ("warning", "NIK tidak cocok dengan jenis kelamin", "the NIK disagrees with the sex"),
    "nik_shared": ("warning", "NIK dipakai baris lain", "another row of the list has the same NIK"),
    "nik_known": (
        "warning",
        "NIK sudah terdaftar dengan nama, tanggal lahir atau TPS lain",
        "the NIK is on the list with another name, birth date or TPS",
    ),
    "nkk_missing": ("warning", "NKK kosong", "there is no NKK"),
    "nkk_length": ("warning", "NKK bukan 16 angka", "the NKK does not have 16 digits"),
    "digits_lost": (
        "warning",
        "sel berupa bilangan: angka terakhir hilang",
        "a cell that is a number has lost its last digits",
    ),
    "not_text": ("warning", "sel bukan teks", "the cell is no text, and was read as it is shown"),
    "birth_date_missing": ("warning", "tanggal lahir kosong", "there is no birth date"),
    "birth_date_unreadable": (
        "warning",
        "tanggal lahir tidak terbaca, disimpan apa adanya",
        "the birth date is unreadable, and is kept as text",
    ),
    "mark_missing": ("warning", "kode kosong", "the cell has no code"),
    "unknown_mark": (
        "warning",
        "kode tidak ada di buku kode, disimpan sebagai catatan",
        "the code book has no such code; it is kept as a note",
    ),
    "mark_without_word": (
        "warning",
        "kode tidak punya satu arti, disimpan sebagai catatan",
        "the code has no one meaning; it is kept as a note",
    ),
    "struck_in_source": (
        "warning",
        "sudah ditandai TMS di sumber; tetap didaftar untuk dicoklit",
        "struck in the source; it is listed, for coklit to judge",
    ),
    "remark_kept": ("warning", "keterangan disimpan sebagai catatan", "the remark is kept as a note"),
    "bad_source": (
        "warning",
        "sumber data bukan satu kata, dipakai sumber impor",
        "the source is no word; that of the import is used",
    ),
    "row_repeated_without_nik": (
        "warning",
        "nama dan tanggal lahir sama dengan baris lain, tanpa NIK",
        "name and birth date of an earlier row, and no NIK to tell them apart",
    ),
}
"""Every finding: its severity, and one clause for people, in Bahasa Indonesia and in English."""


class SourceRow(NamedTuple):
    """A row as a file holds it. `unlike_text` names the cells that were no text: (index, number | date |
    boolean).
    """

    sheet: str
    number: int
    cells: tuple[str, ...]
    unlike_text: tuple[tuple[int, str], ...] = ()


class Finding(NamedTuple):
    """What a person should look at. `value` is shown only for columns of codes; `other` is a place, like
    `Sheet1:7`.
    """

    code: str
    column: str | None = None
    value: str | None = None
    other: str | None = None

    @property
    def severity(self) -> str:
        return FINDINGS[self.code][0]

    def text(self, language: str = "id") -> str:
        """One clause in `language` (id, en), with the column's title and what may be shown of it."""
        clause = FINDINGS[self.code][1 if language == "id" else 2]
        title = f"{TITLES[self.column]}: " if self.column else ""
        value = f" ({self.value})" if self.value else ""
        other = f" [{self.other}]" if self.other else ""
        return f"{title}{clause}{value}{other}"


class Header(NamedTuple):
    """Where each column stands: `places[i]` is the cell of COLUMNS[i]; `width` cells in all."""

    places: tuple[int, ...]
    width: int
    ignored: tuple[str, ...]


class HeaderFault(NamedTuple):
    """A row that is meant as the header and cannot serve: columns that are missing, columns that stand
    there twice.
    """

    missing: tuple[str, ...]
    doubled: tuple[str, ...]


class ListRow(NamedTuple):
    """A row as checked. With an error among `findings`, `tps` and `record` may be empty and nothing is
    listed.
    """

    sheet: str
    number: int
    tps: str
    record: dict[str, str | None]
    source: str
    note: str | None
    findings: tuple[Finding, ...]

    @property
    def place(self) -> str:
        return place(self.sheet, self.number)

    @property
    def is_refused(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)


def place(sheet: str, number: int) -> str:
    return f"{sheet}:{number}" if sheet else str(number)


# --- the header ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def column_of(title: str) -> str | None:
    """The column that `title` names, whatever its case, spacing and punctuation."""
    bare = "".join(filter(str.isalnum, title.casefold()))
    return _TITLE_COLUMNS.get(bare) or _OTHER_TITLES.get(bare)


_TITLE_COLUMNS: Final = {"".join(filter(str.isalnum, title.casefold())): name for name, title in TITLES.items()}


def read_header(cells: tuple[str, ...]) -> Header | HeaderFault | None:
    """The header in `cells`, in any order; None when the row is not meant as one."""
    named = [column_of(cell) for cell in cells]
    found = [name for name in named if name]
    if len(set(found)) < _HEADER_TITLES_MIN:
        return None
    missing = tuple(TITLES[name] for name in COLUMNS if name not in found)
    doubled = tuple(TITLES[name] for name in COLUMNS if found.count(name) > 1)
    if missing or doubled:
        return HeaderFault(missing, doubled)
    width = max(index for index, cell in enumerate(cells) if cell.strip()) + 1
    return Header(tuple(named.index(name) for name in COLUMNS), width, _ignored(cells, named))


def _ignored(cells: tuple[str, ...], named: list[str | None]) -> tuple[str, ...]:
    return tuple(
        cell.strip()
        for cell, name in zip(cells, named, strict=True)
        if cell.strip() and name is None and cell.strip(" .").casefold() not in _ROW_NUMBERS
    )


def is_blank(cells: tuple[str, ...]) -> bool:
    return not any(cell and not cell.isspace() for cell in cells)


def is_numbering(cells: tuple[str, ...]) -> bool:
    """Whether the row only numbers the columns, 1 2 3 …, as the printed form does under its header."""
    digits = [cell.strip(" ()") for cell in cells if cell.strip()]
    return len(digits) >= _HEADER_TITLES_MIN and digits == [str(number) for number in range(1, len(digits) + 1)]


# --- a row --------------------------------------------------------------------------------------------------


def check(row: SourceRow, header: Header, book: Codebook, village: str, source: str) -> ListRow:
    """`row` in the words of the contract, with all that a person should look at.

    `village` is the 10-digit code of the file's village; `source` a word for rows that name no source of
    their own.
    """
    if len(row.cells) < header.width or not is_blank(row.cells[header.width :]):
        return ListRow(row.sheet, row.number, "", {}, source, None, (Finding("column_count"),))
    texts = dict(zip(COLUMNS, [clean(row.cells[index]) for index in header.places], strict=True))
    findings = _cell_kinds(row, header, texts)
    notes: list[str] = []
    tps = _tps(texts["tps"], village, findings)
    if not texts["name"]:
        findings.append(Finding("no_name", "name"))
    if sum(map(len, texts.values())) * 4 > TEXT_BYTES_MAX and _bytes(texts) > TEXT_BYTES_MAX:
        findings.append(Finding("row_too_long"))
    record: dict[str, str | None] = {name: texts[name] or None for name in ("name", "birth_place", "address")}
    record["rt"], record["rw"] = neighbourhood(texts["rt"]), neighbourhood(texts["rw"])
    for column in CODED:
        record[column] = _coded(book, column, texts[column], findings, notes)
    record["birth_date"] = _birth_date(texts["birth_date"], findings)
    record["nkk"] = _nkk(texts["nkk"], findings)
    record["nik"] = _nik(texts["nik"], record["birth_date"], record["sex"], findings)
    _remark(book, texts["remarks"], findings, notes)
    named_source = _source(texts["source"], source, findings)
    return ListRow(row.sheet, row.number, tps, record, named_source, "; ".join(notes) or None, tuple(findings))


class Struck(NamedTuple):
    """A row whose remark strikes it off its list: which removal, at which TPS as it is written, and who it was."""

    why: str
    tps: str
    nik: str | None
    name: str | None
    birth_date: str | None


def read_struck(row: SourceRow, header: Header, book: Codebook) -> Struck | None:
    """`row`, if its remark strikes it; None for every other, and for one without name and NIK."""
    if len(row.cells) < header.width:
        return None
    texts = dict(zip(COLUMNS, [clean(row.cells[index]) for index in header.places], strict=True))
    kind, removal = decoded_remark(book, texts["remarks"])
    if kind != "struck" or not (texts["name"] or texts["nik"]):
        return None
    birth = read_birth_date(texts["birth_date"]) or texts["birth_date"]
    nik = number(texts["nik"])
    whole = None if _MASKED(nik) else nik or None  # hundreds share what is left of a masked one
    return Struck(removal or "", texts["tps"], whole, texts["name"] or None, birth or None)


def clean(text: str) -> str:
    """`text` without what cannot be seen: outer, doubled and unbreakable spaces, line ends, control
    characters.
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join("".join(c if c.isprintable() or c.isspace() else "" for c in text).split())


def _bytes(texts: dict[str, str]) -> int:
    return sum(len(text.encode()) for text in texts.values())


_MASKED = re.compile(r"[0-9]{6}[*]{9,10}").fullmatch
"""As our own exports mask a number for whoever may not see it whole: taken for a list, all would be new voters."""
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+").fullmatch
_TPS_CELL = re.compile(r"(?:TPS)?[ .]*([0-9]{1,3})", re.IGNORECASE).fullmatch


def _cell_kinds(row: SourceRow, header: Header, texts: dict[str, str]) -> list[Finding]:
    kinds = dict(row.unlike_text)
    findings = []
    for column, index in zip(COLUMNS, header.places, strict=True):
        if column in ("nik", "nkk") and _has_lost_digits(texts[column], kinds.get(index)):
            findings.append(Finding("digits_lost", column))
        elif index in kinds:
            findings.append(Finding("not_text", column, kinds[index]))
    return findings


def _has_lost_digits(text: str, kind: str | None) -> bool:
    # A spreadsheet's number keeps 15 digits, and a NIK has 16.
    return (kind == "number" and len(text) > 15) or _SCIENTIFIC(text) is not None


def _tps(text: str, village: str, findings: list[Finding]) -> str:
    if not text:
        findings.append(Finding("no_tps", "tps"))
        return ""
    if len(text) == 13 and ids.is_tps(text) and text[10:] != "000":
        if ids.village_of(text) == village:
            return text
        findings.append(Finding("village_elsewhere", "tps", text))
        return ""
    match = _TPS_CELL(text)
    if match is None or int(match[1]) == 0:
        findings.append(Finding("bad_tps", "tps", text[:20]))
        return ""
    return village + match[1].zfill(3)


def neighbourhood(text: str) -> str | None:
    """RT and RW are numbers of three digits; what is no number is kept as it stands."""
    return text.zfill(3) if text.isascii() and text.isdigit() else text or None


def _coded(book: Codebook, column: str, text: str, findings: list[Finding], notes: list[str]) -> str | None:
    reading = book.read(column, text)
    if reading.word is not None:
        return reading.word
    if not text or (reading.known and text in ("0", "-")):
        # Nothing under disability is what most rows say; nothing under a letter is a gap.
        if column != "disability":
            findings.append(Finding("mark_missing", column))
        return None
    findings.append(Finding("mark_without_word" if reading.known else "unknown_mark", column, text[:20]))
    notes.append(f"{TITLES[column]}={text} ({book.name})")
    return None


def _remark(book: Codebook, text: str, findings: list[Finding], notes: list[str]) -> None:
    said, removal = decoded_remark(book, text)
    if said == "none":
        return
    if said == "struck":
        findings.append(Finding("struck_in_source", "remarks", f"{text}: {removal}" if removal else text))
    else:
        findings.append(Finding("remark_kept", "remarks"))
    notes.append(f"{TITLES['remarks']}={text} ({book.name})")


def _source(text: str, source: str, findings: list[Finding]) -> str:
    word = text.lower().replace(" ", "-")
    if not word:
        return source
    if ids.is_word(word):
        return word
    findings.append(Finding("bad_source", "source", text[:40]))
    return source


def _nkk(text: str, findings: list[Finding]) -> str | None:
    digits = number(text)
    if not digits:
        findings.append(Finding("nkk_missing", "nkk"))
    elif _MASKED(digits):
        findings.append(Finding("number_masked", "nkk"))
    elif len(digits) != 16 or not _is_digits(digits):
        findings.append(Finding("nkk_length", "nkk"))
    return digits or None


def _nik(text: str, birth_date: str | None, sex: str | None, findings: list[Finding]) -> str | None:
    """The NIK is evidence, never a key, and always a string: real lists hold shared, double and 15-digit
    ones.
    """
    digits = number(text)
    fault = "number_masked" if _MASKED(digits) else nik_fault(digits)
    if fault:
        findings.append(Finding(fault, "nik"))
        return digits or None
    if birth_date and _ISO_DATE(birth_date) and nik_date(digits) != birth_date[2:]:
        findings.append(Finding("nik_birth_date", "nik"))
    if sex and nik_sex(digits) != sex:
        findings.append(Finding("nik_sex", "nik"))
    return digits


def number(text: str) -> str:
    """Digits as typed, without the spaces and the apostrophe by which people make a spreadsheet keep them."""
    return text.replace(" ", "").lstrip("'`’")


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def nik_fault(nik: str) -> str | None:
    """What is wrong with the form of a NIK, by itself."""
    if not nik:
        return "nik_missing"
    if not _is_digits(nik):
        return "nik_not_digits"
    if len(nik) == 15:
        return "nik_15_digits"
    return "nik_length" if len(nik) != 16 else None


def nik_sex(nik: str) -> str:
    """L or P: a woman's day of birth stands in her NIK with 40 added."""
    return "P" if int(nik[6:8]) > 40 else "L"


def nik_date(nik: str) -> str:
    """The birth date in a NIK of 16 digits as YY-MM-DD; the century is not written in it."""
    day = int(nik[6:8])
    return f"{nik[10:12]}-{nik[8:10]}-{day - 40 if day > 40 else day:02d}"


# --- birth dates --------------------------------------------------------------------------------------------

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/|.])([0-9]{1,2})\2([0-9]{1,2})").fullmatch
_DAY_FIRST = re.compile(r"([0-9]{1,2})([-/|. ])([0-9]{1,2})\2([0-9]{4})").fullmatch
_YEAR_MIN: Final = 1880


@lru_cache(maxsize=65_536)
def read_birth_date(text: str) -> str | None:
    """`text` as YYYY-MM-DD, from DD-MM-YYYY or YYYY-MM-DD with - / | or . between; None when it is no such
    day.
    """
    if match := _DAY_FIRST(text):
        day, _, month, year = match.groups()
    elif match := _YEAR_FIRST(text):
        year, _, month, day = match.groups()
    else:
        return None
    read = f"{year}-{month:>02}-{day:>02}"
    return read if int(year) >= _YEAR_MIN and is_date(read) else None


def _birth_date(text: str, findings: list[Finding]) -> str | None:
    if not text:
        findings.append(Finding("birth_date_missing", "birth_date"))
        return None
    read = read_birth_date(text)
    if read is None:
        findings.append(Finding("birth_date_unreadable", "birth_date"))
        return text
    return read
