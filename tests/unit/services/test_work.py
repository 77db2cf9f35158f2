"""Reports say each entry once, in its line and its span, and spans add up."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.errors import EcoklitError
from ecoklit.services.work import Disabled, Lines, Worked, reports

START = date(2024, 6, 24)
MARIA, TPS = "o-maria", "9404012001001"
KINDS = ("sesuai", "ubah", "baru", "moved", "deceased", "disqualified", "not_met", "reopened")


def worked(kind: str, n: int = 1, *, day: date = START, role: str = "pantarlih") -> Worked:
    return Worked(MARIA, role, TPS, day, kind, n)


def test_the_lines_of_a_day() -> None:
    """A is what was received from the list: matched, corrected and filtered; then its parts, and what is new."""
    day = [
        worked("sesuai", 40),
        worked("ubah", 3),
        worked("baru", 2),
        worked("moved"),
        worked("deceased", 2),
        worked("not_met", 5),
    ]
    assert reports(day, [Disabled(MARIA, "pantarlih", TPS, START, 1)], "daily", start=START) == [
        Lines(MARIA, TPS, START, START, 46, 2, 3, 3, 1, 5)
    ]


def test_ten_days_begin_with_coklit() -> None:
    """The eleventh day begins the second ten; a day before the first, of a wrong clock, is in the first."""
    days = [worked("sesuai", day=START + timedelta(days=after)) for after in (-400, 0, 9, 10, 30)]
    assert [(one.since, one.until, one.a_received) for one in reports(days, [], "ten_days", start=START)] == [
        (START, date(2024, 7, 3), 3),
        (date(2024, 7, 4), date(2024, 7, 13), 1),
        (date(2024, 7, 24), date(2024, 8, 2), 1),
    ]


def test_offices_make_no_officers_report() -> None:
    """A ruling or a listing is nobody's coklit."""
    assert reports([worked("ruled", role="pps")], [], "final", start=START) == []


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 9), st.integers(0, 30))))
def test_every_span_adds_up_to_the_same(entries: list[tuple[str, int, int]]) -> None:
    """The days of a report, its ten days and the whole have the same sums, line by line."""
    drawn = [worked(kind, n, day=START + timedelta(days=after)) for kind, n, after in entries]
    totals = set()
    for span in ("daily", "ten_days", "final"):
        lines = reports(drawn, [], span, start=START)  # type: ignore[arg-type]
        totals.add(
            tuple(
                sum(getattr(one, name) for one in lines)
                for name in ("a_received", "b_new", "c_filtered", "d_corrected", "not_met")
            )
        )
    assert len(totals) == 1


def test_another_span_is_refused() -> None:
    """A span that is none is named."""
    with pytest.raises(EcoklitError, match="weekly is no report"):
        reports([], [], "weekly", start=START)  # type: ignore[arg-type]
