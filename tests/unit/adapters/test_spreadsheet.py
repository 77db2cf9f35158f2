"""Files as rows of text: what a spreadsheet holds arrives, and what cannot be read is refused by name."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import xlsxwriter

from ecoklit.adapters.spreadsheet import CELL_CHARACTERS_MAX, FileFault, read_rows
from ecoklit.core.list_row import SourceRow


def csv_file(folder: Path, data: bytes) -> Path:
    path = folder / "list.csv"
    path.write_bytes(data)
    return path


def cells(path: Path) -> list[tuple[str, ...]]:
    return [row.cells for row in read_rows(path)]


def workbook(path: Path) -> Path:
    with xlsxwriter.Workbook(path) as book:
        first = book.add_worksheet("Satu")
        first.write_string(1, 1, "9404815203900001")
        first.write_number(1, 2, 9404815203900001)
        first.write_datetime(
            2, 1, datetime(1990, 3, 12, tzinfo=UTC).replace(tzinfo=None), book.add_format({"num_format": "dd/mm/yyyy"})
        )
        first.write_boolean(2, 2, True)
        first.write_number(2, 3, 0.5)
        book.add_worksheet("Kosong")
        book.add_worksheet("Tiga").write_string(0, 0, "x")
    return path


def test_cells_arrive_with_their_places_and_kinds(tmp_path: Path) -> None:
    """Rows are numbered as the spreadsheet shows them, over all sheets, and cells that are no text are named."""
    rows = list(read_rows(workbook(tmp_path / "list.xlsx")))
    assert [(row.sheet, row.number) for row in rows] == [("Satu", 1), ("Satu", 2), ("Satu", 3), ("Tiga", 1)]
    # The last digit of the number is gone, as in every spreadsheet: that is what the kind is for.
    assert rows[1] == SourceRow("Satu", 2, ("", "9404815203900001", "9404815203900000", ""), ((2, "number"),))
    assert rows[2].cells == ("", "1990-03-12", "TRUE", "0.5")
    assert rows[2].unlike_text == ((1, "date"), (2, "boolean"), (3, "number"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_csv_is_read_in_the_forms_that_spreadsheets_write(
    tmp_path: Path, delimiter: str, mark: bytes, ends: str
) -> None:
    """Comma, semicolon or tab; with a byte order mark or without; either line end; the same rows."""
    lines = [["DAFTAR", "", ""], ["NIK", "Nama", "Alamat"], ["1", '"é"', '"a, b; c"']]
    text = ends.join(delimiter.join(line) for line in lines)
    read = cells(csv_file(tmp_path, mark + text.encode()))
    assert read == [("DAFTAR", "", ""), ("NIK", "Nama", "Alamat"), ("1", "é", "a, b; c")]


def test_rows_of_csv_have_the_number_of_their_first_line(tmp_path: Path) -> None:
    """A cell of two lines and a blank line do not shift the numbers that a report names."""
    rows = list(read_rows(csv_file(tmp_path, b'a,b\n"x\ny",1\n\nlast,2\n')))
    assert [(row.number, row.cells) for row in rows] == [
        (1, ("a", "b")),
        (2, ("x\ny", "1")),
        (4, ()),
        (5, ("last", "2")),
    ]


def test_an_empty_csv_has_no_rows(tmp_path: Path) -> None:
    """A file of no bytes is no fault of the reader."""
    assert cells(csv_file(tmp_path, b"")) == []


REFUSED = [
    ("list.csv", b"NIK,Nama\n1,Ren\xe9\n", "not_utf8", "line 2"),
    ("list.csv", "NIK,Nama\n".encode("utf-16"), "not_utf8", "UTF-8"),
    ("list.csv", b'NIK,Nama\n1,"Maria\n2,Marta\n', "bad_csv", "line 2"),
    ("list.csv", b'NIK,Nama\n1,"Ma"ria\n', "bad_csv", "quotation mark"),
    ("list.csv", b"," * 300, "bad_csv", "line 1"),
    ("list.csv", b"x" * (CELL_CHARACTERS_MAX + 1), "bad_csv", "line 1"),
    ("list.xlsx", b"", "bad_workbook", "list.xlsx"),
    ("list.xlsx", b"PK\x03\x04 and no more", "bad_workbook", "save it again"),
    ("list.xlsx", b"NIK,Nama\n", "bad_workbook", "no XLSX"),
    ("list.xls", b"", "unknown_format", "neither .xlsx nor .csv"),
    ("list", b"", "unknown_format", "neither .xlsx nor .csv"),
]


@pytest.mark.parametrize(("name", "data", "code", "says"), REFUSED)
def test_a_file_that_cannot_be_read_is_refused_by_name(
    tmp_path: Path, name: str, data: bytes, code: str, says: str
) -> None:
    """Each has a code and one sentence that names the file (without its folders) and says where or what to do."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FileFault) as fault:
        list(read_rows(tmp_path / name))
    assert fault.value.code == code and says in fault.value.message and str(tmp_path) not in fault.value.message


def test_a_file_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    """Before the first row is asked for."""
    with pytest.raises(FileFault) as fault:
        read_rows(tmp_path / "none.csv")
    assert fault.value.code == "no_file"


def test_a_workbook_with_a_part_cut_off_is_refused(tmp_path: Path) -> None:
    """A workbook that lost its end in a copy gives no rows at all."""
    whole = workbook(tmp_path / "list.xlsx").read_bytes()
    (tmp_path / "list.xlsx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileFault, match="no XLSX workbook"):
        list(read_rows(tmp_path / "list.xlsx"))


def test_a_sheet_wider_than_any_list_is_refused(tmp_path: Path) -> None:
    """A cell far to the right is a stray, and would make every row thousands of cells long."""
    with xlsxwriter.Workbook(tmp_path / "wide.xlsx") as book:
        book.add_worksheet("A").write_string(0, 400, "x")
    with pytest.raises(FileFault, match="wider than 256 columns"):
        list(read_rows(tmp_path / "wide.xlsx"))
