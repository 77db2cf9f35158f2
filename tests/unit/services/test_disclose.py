"""What leaves the service of a voter's identity numbers."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.services.disclose import disclosed, masked, shown

NIK = "9404014107900001"


@given(st.text(alphabet="0123456789", max_size=20))
def test_no_digit_after_the_sixth_is_shown(number: str) -> None:
    """Of any number the first six digits stay and the length; a star stands for each of the others."""
    said = masked(number)
    assert said == number[:6] + "*" * len(number[6:])


@pytest.mark.parametrize(
    "row",
    [
        {"nik": NIK, "nkk": NIK, "name": "Contoh"},
        {"register": "nik", "value": NIK},
        {"register": "nkk", "value": NIK},
        {"source": NIK, "name": "Contoh"},
        {"event": {"officer": NIK, "saw": [NIK]}},
    ],
)
def test_no_row_shows_a_number(row: dict[str, str]) -> None:
    """Neither a list, nor a side of a conflict about the number itself, nor a word that is one shows it."""
    assert NIK not in str(disclosed(row))


def test_the_rest_of_a_row_stays_as_it_is() -> None:
    """Names, other conflicts, and numbers that are absent are untouched."""
    row = {"nik": None, "name": "Contoh", "register": "name", "value": "Contoh Panjang", "voter": "v"}
    assert disclosed(row) == row


def test_a_supervisor_is_not_told_that_a_disability_changed() -> None:
    """In a change list, the names of particulars that they are not given are left out; the voter stays."""
    row = {"voter": "v", "kind": "corrected", "corrected": ["address", "disability", "nik"]}
    assert shown(row, "kpu", date(2024, 7, 1)) == row
    assert shown(row, "supervisor", date(2024, 7, 1)) == row | {"corrected": ["address"]}


def test_a_supervisor_counts_no_few() -> None:
    """Who does not see disabilities by name does not get an officer's number of them either."""
    row = {"officer": "siti", "a_received": 40, "e_disabled": 1}
    assert shown(row, "kpu", date(2024, 7, 1)) == row
    assert shown(row, "supervisor", date(2024, 7, 1)) == {"officer": "siti", "a_received": 40}
