"""What an import tells a person: errors apart from warnings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecoklit.cli.pushing import ROWS_SHOWN_MAX, Shown, report_import
from ecoklit.core.list_row import Finding
from ecoklit.services.listing import RowReport, Summary


def row(place: str, code: str) -> RowReport:
    return RowReport(place, "refused" if code == "no_name" else "listed", "9404012001001", None, (), (Finding(code),))


def test_an_error_is_shown_behind_any_number_of_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    """However many rows have warnings, a row that could not be listed is named, in a part of its own before them."""
    shown = Shown([], [])
    for number in range(3 * ROWS_SHOWN_MAX):
        shown.take(row(f"S:{number}", "nik_15_digits"))
    shown.take(row("S:999", "no_name"))
    outcomes = {"listed": 120, "refused": 1, "changed": 0, "unchanged": 0}
    report_import(Path("9404012001.xlsx"), Summary("9404012001", outcomes, {}, {}, [], [], 120), shown)
    said = capsys.readouterr().out
    assert said.index("Kesalahan") < said.index("S:999") < said.index("Peringatan") < said.index("S:0:")
    assert said.count("NIK 15") == ROWS_SHOWN_MAX
