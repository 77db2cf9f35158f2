"""Sheets of a list: every line is a voter, is said to be unread, or says nothing."""

from ecoklit.core.list_row import TITLES, SourceRow
from ecoklit.core.list_sheet import Notice, Voter, read_sheets

HEAD = tuple(TITLES.values())


def voter(nik: str = "9404815203900001", tps: str = "003") -> tuple[str, ...]:
    return ("", nik, "Maria", *[""] * 11, tps)


def sheet(name: str, *lines: tuple[str, ...]) -> list[SourceRow]:
    return [SourceRow(name, number, line) for number, line in enumerate(lines, start=1)]


def read(*rows: SourceRow) -> tuple[list[str], list[str]]:
    """The places of the voters, and the codes of the notices."""
    found = list(read_sheets(rows))
    voters = [f"{one.row.sheet}:{one.row.number}" for one in found if isinstance(one, Voter)]
    return voters, [one.code for one in found if isinstance(one, Notice)]


def test_titles_above_and_numbering_below_the_header_are_no_voters() -> None:
    """Prose above the header, the numbering under it, blank lines and a repeated header are passed over."""
    numbering = tuple(str(n) for n in range(1, 16))
    lines = [("DAFTAR PEMILIH",), (), HEAD, numbering, voter(), (), ("", " "), HEAD, voter("")]
    assert read(*sheet("A", *lines)) == (["A:5", "A:9"], [])


def test_a_line_with_next_to_nothing_is_a_voter() -> None:
    """A line with one cell is judged as a voter, so that its faults are reported."""
    assert read(*sheet("A", HEAD, ("", "", "Maria"))) == (["A:2"], [])


def test_every_sheet_has_its_own_header() -> None:
    """Columns may stand in another order on every sheet."""
    turned = tuple(reversed(HEAD))
    rows = [*sheet("A", HEAD, voter()), *sheet("B", turned, tuple(reversed(voter())))]
    assert read(*rows) == (["A:2", "B:2"], [])
    found = [one for one in read_sheets(rows) if isinstance(one, Voter)]
    assert [one.row.cells[one.header.places[1]] for one in found] == ["9404815203900001"] * 2


def test_a_sheet_without_a_header_has_that_of_the_one_before() -> None:
    """A list that was cut into sheets goes on without a header, and that is said."""
    rows = [*sheet("A", HEAD, voter()), *sheet("B", voter(), voter())]
    assert read(*rows) == (["A:2", "B:1", "B:2"], ["sheet_without_header"])


def test_the_header_before_is_that_of_the_last_sheet() -> None:
    """A third sheet without a header goes on as the second did, not as the first."""
    turned = tuple(reversed(HEAD))
    onward = tuple(reversed(voter()))
    rows = [*sheet("A", HEAD, voter()), *sheet("B", turned, onward), *sheet("C", onward)]
    found = [one for one in read_sheets(rows) if isinstance(one, Voter)]
    assert [one.row.cells[one.header.places[1]] for one in found] == ["9404815203900001"] * 3


def test_an_empty_sheet_says_nothing() -> None:
    """Sheet2 and Sheet3 that every workbook once had are no notices."""
    assert read(*sheet("A", HEAD, voter()), *sheet("B", (), ("", ""))) == (["A:2"], [])


def test_lines_that_are_not_read_are_counted() -> None:
    """Without a header, or with a faulty one, the sheet's lines are counted in an error."""
    assert read(*sheet("A", voter(), voter())) == ([], ["sheet_not_read"])
    assert read(*sheet("A", HEAD[:-1], voter())) == ([], ["sheet_not_read"])
    (notice,) = [one for one in read_sheets(sheet("A", HEAD[:-1], voter())) if isinstance(one, Notice)]
    assert notice.severity == "error" and notice.english == "A:1: 2 lines were not read: columns are missing: TPS."


def test_another_header_in_the_middle_ends_the_sheet_aloud() -> None:
    """A second table with other columns is not read with the first one's header: its lines are counted."""
    turned = tuple(reversed(HEAD))
    rows = sheet("A", HEAD, voter(), turned, voter(), voter())
    assert read(*rows) == (["A:2"], ["sheet_not_read"])


def test_unknown_columns_are_said() -> None:
    """A column that is not read is named once."""
    assert read(*sheet("A", (*HEAD, "Telepon"), (*voter(), "x"))) == (["A:2"], ["columns_ignored"])
