"""Rows of Model A: headers in any shape, and every fault by its name."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.contract import data_path
from ecoklit.core import wire
from ecoklit.core.codebook import parse_codebook
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.limits import LINE_BYTES_MAX
from ecoklit.core.list_row import (
    COLUMNS,
    FINDINGS,
    TITLES,
    Finding,
    Header,
    HeaderFault,
    ListRow,
    SourceRow,
    check,
    is_numbering,
    nik_date,
    nik_sex,
    read_birth_date,
    read_header,
)

BOOK = parse_codebook(data_path("events", "codebooks", "2024.json").read_bytes())
VILLAGE = "9404012001"
GOOD = {
    "nkk": "9404810101150001", "nik": "9404815203900001", "name": "Maria Wakimo", "birth_place": "Timika",
    "birth_date": "12-03-1990", "marital": "S", "sex": "P", "address": "Jl. Nuri No. 3", "rt": "1", "rw": "002",
    "disability": "0", "ektp": "S", "remarks": "0", "source": "dp4", "tps": "003",
}  # fmt: skip


def header() -> Header:
    found = read_header(tuple(TITLES.values()))
    assert isinstance(found, Header)
    return found


@dataclass
class Cells:
    """A row that is good but for what a test says."""

    said: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    def checked(self) -> ListRow:
        cells = tuple({**GOOD, **self.said}[name] for name in COLUMNS)
        kinds = tuple((COLUMNS.index(name), kind) for name, kind in self.kinds.items())
        return check(SourceRow("A", 7, cells, kinds), header(), BOOK, VILLAGE, "dpt")


def checked(**said: str) -> ListRow:
    return Cells(said).checked()


def codes(row: ListRow) -> list[str]:
    return [finding.code for finding in row.findings]


def test_a_good_row_has_no_findings_and_says_all() -> None:
    """A good row is read into the contract's words, with a birth date in ISO form and RT and RW in three digits."""
    row = checked()
    assert row.findings == () and row.tps == "9404012001003" and row.source == "dp4" and row.note is None
    assert row.record == {
        "nkk": "9404810101150001", "nik": "9404815203900001", "name": "Maria Wakimo", "birth_place": "Timika",
        "birth_date": "1990-03-12", "marital": "S", "sex": "P", "address": "Jl. Nuri No. 3", "rt": "001", "rw": "002",
        "disability": None, "ektp": "S",
    }  # fmt: skip


# --- headers ---------------------------------------------------------------------------------------------------------


@given(st.permutations(list(TITLES.values())), st.data())
def test_a_header_is_known_in_any_order_case_and_spacing(titles: list[str], data: st.DataObject) -> None:
    """Order, case, spaces, dots and underscores of the titles do not matter."""
    change = st.sampled_from([str.upper, str.lower, str.title, lambda t: t.replace(" ", "_"), lambda t: f"  {t}. "])
    cells = tuple(data.draw(change)(title) for title in titles)
    found = read_header(cells)
    assert isinstance(found, Header)
    assert [titles[place] for place in found.places] == list(TITLES.values())


def test_titles_that_offices_use_instead_are_known() -> None:
    """Printed forms say Tanggal Lahir, Status Perkawinan, L/P, KTP-el, Ket."""
    other = {
        "NKK": "No. KK", "Tgl Lahir": "Tanggal Lahir", "Status Kawin": "Status Perkawinan", "Jenis Kelamin": "L/P",
        "Ektp": "KTP-el", "Keterangan": "Ket.", "TPS": "No TPS",
    }  # fmt: skip
    assert isinstance(read_header(tuple(other.get(title, title) for title in TITLES.values())), Header)


def test_a_header_without_a_column_names_it() -> None:
    """A missing column is named; so is one that stands there twice."""
    titles = list(TITLES.values())
    assert read_header(tuple(titles[:-1])) == HeaderFault(("TPS",), ())
    assert read_header((*titles, "nik")) == HeaderFault((), ("NIK",))


def test_unknown_columns_are_named_and_row_numbers_are_not() -> None:
    """A column that is not read is said to be ignored; a column of running numbers is nobody's loss."""
    found = read_header(("No.", *TITLES.values(), "Telepon"))
    assert isinstance(found, Header) and found.ignored == ("Telepon",) and found.width == 17


@pytest.mark.parametrize("cells", [(), ("DAFTAR PEMILIH",), ("NKK", "NIK", "Nama"), tuple(GOOD.values())])
def test_other_lines_are_no_header(cells: tuple[str, ...]) -> None:
    """Titles of a document and voters are not taken for a header."""
    assert read_header(cells) is None


def test_a_line_of_column_numbers_is_known() -> None:
    """Forms number their columns under the header; a voter is never taken for that line."""
    assert is_numbering(tuple(str(n) for n in range(1, 16))) and is_numbering(tuple(f"({n})" for n in range(1, 16)))
    assert not is_numbering(tuple(GOOD.values()))


# --- what is wrong with a row ----------------------------------------------------------------------------------------

FAULTS = [
    ({"name": "  "}, "no_name"),
    ({"tps": ""}, "no_tps"),
    ({"tps": "000"}, "bad_tps"),
    ({"tps": "0001"}, "bad_tps"),
    ({"tps": "A1"}, "bad_tps"),
    ({"tps": "-1"}, "bad_tps"),
    ({"tps": "٣"}, "bad_tps"),
    ({"tps": "9404012001000"}, "bad_tps"),
    ({"tps": "9404012002001"}, "village_elsewhere"),
    ({"nik": "940481**********"}, "number_masked"),
    ({"nkk": "940401*********"}, "number_masked"),
    ({"address": "a" * 7_000}, "row_too_long"),
    ({"nik": ""}, "nik_missing"),
    ({"nik": "940481520390001"}, "nik_15_digits"),
    ({"nik": "94048152039000011"}, "nik_length"),
    ({"nik": "94048152039OOO01"}, "nik_not_digits"),
    ({"nik": "٩٤٠٤٨١٥٢٠٣٩٠٠٠٠١"}, "nik_not_digits"),
    ({"nik": "9404815303900001"}, "nik_birth_date"),
    ({"nik": "9404819903900001"}, "nik_birth_date"),
    ({"nik": "9404811203900001"}, "nik_sex"),
    ({"sex": "L"}, "nik_sex"),
    ({"nkk": ""}, "nkk_missing"),
    ({"nkk": "940481010115000"}, "nkk_length"),
    ({"birth_date": ""}, "birth_date_missing"),
    ({"birth_date": "31-02-1990"}, "birth_date_unreadable"),
    ({"birth_date": "00-00-1990"}, "birth_date_unreadable"),
    ({"birth_date": "12-03-90"}, "birth_date_unreadable"),
    ({"birth_date": "12-03/1990"}, "birth_date_unreadable"),
    ({"birth_date": "12-03-1190"}, "birth_date_unreadable"),
    ({"sex": "X"}, "unknown_mark"),
    ({"marital": "K"}, "unknown_mark"),
    ({"ektp": "Y"}, "unknown_mark"),
    ({"disability": "7"}, "unknown_mark"),
    ({"sex": ""}, "mark_missing"),
    ({"ektp": "-"}, "mark_missing"),
    ({"remarks": "1"}, "struck_in_source"),
    ({"remarks": "rumah kosong"}, "remark_kept"),
    ({"source": "DP 4 / 2024"}, "bad_source"),
]


@pytest.mark.parametrize(("said", "code"), FAULTS)
def test_every_fault_is_found_by_name(said: dict[str, str], code: str) -> None:
    """One thing wrong with a good row is found, and nothing else is."""
    assert codes(checked(**said)) == [code]


def test_every_finding_is_found_somewhere() -> None:
    """No finding is dead: each is one of the faults above, or one of those that need more than a row's own text."""
    elsewhere = {
        "column_count", "row_repeated", "row_repeated_without_nik", "nik_shared", "nik_known", "digits_lost",
        "not_text", "mark_without_word", "clock_full",
    }  # fmt: skip
    assert {code for _, code in FAULTS} | elsewhere == set(FINDINGS)


def test_only_errors_keep_a_row_from_being_listed() -> None:
    """A warning never refuses a row, an error always does."""
    for said, code in FAULTS:
        assert checked(**said).is_refused == (FINDINGS[code][0] == "error")


@pytest.mark.parametrize("cells", [tuple(GOOD.values())[:-1], (*GOOD.values(), "x")])
def test_a_row_of_another_width_is_refused(cells: tuple[str, ...]) -> None:
    """An unquoted comma in an address shifts every cell after it: such a row is refused, not guessed at."""
    row = check(SourceRow("", 2, cells), header(), BOOK, VILLAGE, "dpt")
    assert row.is_refused and codes(row) == ["column_count"]


def test_empty_cells_beyond_the_header_are_no_fault() -> None:
    """Spreadsheets pad rows with empty cells."""
    row = check(SourceRow("", 2, (*GOOD.values(), "", " ")), header(), BOOK, VILLAGE, "dpt")
    assert row.findings == ()


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_a_nik_is_kept_as_it_stands() -> None:
    """A damaged NIK stays a string, digit for digit; only spaces and the apostrophe of spreadsheets are dropped."""
    assert checked(nik="940481520390001").record["nik"] == "940481520390001"
    assert checked(nik="'9404 8152 0390 0001").record["nik"] == "9404815203900001"
    assert checked(nik="9404815203900001").record["nik"] == "9404815203900001"


@pytest.mark.parametrize(
    ("column", "text", "kind"),
    [("nik", "9404815203900000", "number"), ("nkk", "9404810101150000", "number"), ("nik", "9.40482E+15", "text")],
)
def test_a_number_that_lost_its_digits_is_warned_of(column: str, text: str, kind: str) -> None:
    """A spreadsheet number keeps 15 digits: a NIK that was one has lost its last, and is listed with a warning."""
    kinds = {column: kind} if kind != "text" else {}
    row = Cells({column: text}, kinds).checked()
    assert Finding("digits_lost", column) in row.findings and not row.is_refused


def test_cells_that_are_no_text_are_read_as_shown() -> None:
    """A date cell and a number cell are read, with a warning for each."""
    row = Cells({"birth_date": "1990-03-12", "rt": "1", "tps": "3"}, {"birth_date": "date", "tps": "number"}).checked()
    assert row.record["birth_date"] == "1990-03-12" and row.tps == "9404012001003"
    assert [(one.code, one.column) for one in row.findings] == [("not_text", "birth_date"), ("not_text", "tps")]


@pytest.mark.parametrize("text", ["12-03-1990", "12/03/1990", "12|03|1990", "12.3.1990", "12 03 1990", "1990-03-12"])
def test_birth_dates_are_read_in_the_forms_that_lists_have(text: str) -> None:
    """Day first with any of five separators, or ISO."""
    assert read_birth_date(text) == "1990-03-12"


def test_an_unreadable_birth_date_is_kept_as_text() -> None:
    """Nothing is dropped: 00-00-1990 stays what it is."""
    assert checked(birth_date="00-00-1990").record["birth_date"] == "00-00-1990"


def test_an_unknown_mark_is_kept_as_a_note() -> None:
    """A mark that no book explains goes into the note with its column and its book."""
    row = checked(disability="7", remarks="rumah kosong")
    assert row.record["disability"] is None and row.note == "Disabilitas=7 (2024); Keterangan=rumah kosong (2024)"


def test_a_digit_of_two_meanings_is_kept_as_a_note() -> None:
    """Disability 3 of 2018 is hearing or speech: noted, not guessed."""
    old = parse_codebook(data_path("events", "codebooks", "2018.json").read_bytes())
    row = check(SourceRow("", 2, tuple({**GOOD, "disability": "3"}.values())), header(), old, VILLAGE, "dpt")
    assert codes(row) == ["mark_without_word"] and row.note == "Disabilitas=3 (2018)"


def test_a_row_without_a_source_has_that_of_the_import() -> None:
    """An empty source is the import's; one in words of its own is made one word."""
    assert checked(source="").source == "dpt" and checked(source="DP4 2024").source == "dp4-2024"


def test_nothing_personal_is_in_a_report() -> None:
    """Texts of findings hold no NIK, NKK, name, date or address, whatever is wrong with them."""
    personal = {"nik": "12345", "nkk": "678", "birth_date": "99-99-1901", "name": "", "address": "secret" * 2_000}
    row = checked(**personal)
    printed = " ".join(finding.text(language) for finding in row.findings for language in ("id", "en"))
    assert printed and not any(value and value in printed for value in personal.values())


@given(st.lists(st.text(max_size=60), min_size=15, max_size=15))
def test_a_row_that_is_not_refused_can_always_be_said(cells: list[str]) -> None:
    """Whatever stands in the cells: a row without an error is a good event, and fits one wire line."""
    text = {name: cell.encode("utf-8", "replace").decode() for name, cell in zip(COLUMNS, cells, strict=True)}
    row = checked(**{**text, "tps": "003"})
    assert row.is_refused == (not row.record["name"])
    if not row.is_refused:
        _said(row)


@pytest.mark.parametrize("character", ["a", '"', "\\", "é", "😀", "\x7f", "\u2028"])
def test_the_longest_row_fits_one_wire_line(character: str) -> None:
    """The bound on a row's text holds for characters that need escaping, too."""
    length = 1
    while not checked(address=character * length, remarks="1").is_refused and length < 10_000:
        length *= 2
    longest = max(size for size in (length // 2, length) if not checked(address=character * size).is_refused)
    _said(checked(address=character * longest))


def _said(row: ListRow) -> None:
    log = DeviceLog("pilkada-2024", "a" * 16, officer="o" * 32, role="kpu", policy="2024-1")
    person = {"record": row.record, "salt": "A" * 22, **({"note": row.note} if row.note else {})}
    held = log.append("listed", tps=row.tps, at="2024-06-25T09:00:00+09:00", person=person, source=row.source)
    assert held.fault is None and len(held.line) <= LINE_BYTES_MAX and wire.read(held.line) == held


@given(st.dates(), st.sampled_from("LP"), st.integers(1, 9999))
def test_a_nik_says_the_birth_date_and_the_sex(born: object, sex: str, serial: int) -> None:
    """Forty is added to a woman's day of birth, and only there."""
    iso = str(born)
    day = int(iso[8:]) + (40 if sex == "P" else 0)
    nik = f"940481{day:02d}{iso[5:7]}{iso[2:4]}{serial:04d}"
    assert (nik_sex(nik), nik_date(nik)) == (sex, iso[2:])
