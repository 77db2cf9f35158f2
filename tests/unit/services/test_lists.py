"""A question about a list is read strictly: what is not of the list is named, with what there is instead."""

from __future__ import annotations

import pytest

from ecoklit.errors import EcoklitError
from ecoklit.http.examples import ROWS
from ecoklit.services.cursors import Cursor, Cursors
from ecoklit.services.disclose import SUPERVISED_ONLY
from ecoklit.services.lists import (
    CONFLICTS,
    DUPLICATES,
    HISTORY,
    LARGE,
    LISTS,
    MOVERS,
    PROGRESS,
    RECAP,
    REPORTS,
    ROLL,
    List,
    parameters_of,
    read_question,
)

TPS = "9404012001001"


def names_of(listed: List) -> list[str]:
    return [column.name for column in listed.columns]


def test_every_list_is_of_one_piece() -> None:
    """It is ordered by columns of its own, no two of its columns or parameters have one name, and by nothing that
    names a voter can rows be chosen."""
    for listed in LISTS:
        assert len(set(names_of(listed))) == len(listed.columns), listed.name
        assert {order.column for order in listed.order} <= set(names_of(listed)), listed.name
        assert len(set(parameters_of(listed))) == len(parameters_of(listed)), listed.name
        filters = {column.name for column in listed.columns if column.is_filter}
        assert not filters & {"name", "nik", "nkk", "birth_date", "birth_place", "address", "voter", "value", "members"}
    assert len({listed.name for listed in LISTS}) == len(LISTS)


def test_every_list_has_an_example_with_all_its_columns() -> None:
    """The document shows a row of each list as it is, but for the age that supervisors get."""
    for listed in LISTS:
        assert list(ROWS[listed.name]) == [name for name in names_of(listed) if name not in SUPERVISED_ONLY]
    assert set(ROWS) == {listed.name for listed in LISTS}


@pytest.mark.parametrize(
    ("listed", "subject", "said", "code", "told"),
    [
        (RECAP, "94", [], "unknown_area", "no area here"),
        (RECAP, "94x4", [], "unknown_area", "no area here"),
        (ROLL, "9404", [], "unknown_area", "13 digits"),
        (HISTORY, "9404", [], "unknown_voter", "36 characters"),
        (MOVERS, "9404", [("stat", "gone")], "bad_argument", "it takes from_tps, to_tps"),
        (MOVERS, "9404", [("nik", "9404014107900001")], "bad_argument", "no such parameter"),
        (MOVERS, "9404", [("state", "gone"), ("state", "met")], "bad_argument", "twice"),
        (MOVERS, "9404", [("state", "left")], "bad_argument", "awaited, met"),
        (MOVERS, "9404", [("is_disputed", "yes")], "bad_argument", "true or false"),
        (CONFLICTS, "9404", [("weight", "high")], "bad_argument", "whole number"),
        (CONFLICTS, "9404", [("officer", "o" * 65)], "bad_argument", "64 characters"),
        (CONFLICTS, "9404", [("officer", "\0")], "bad_argument", "64 characters"),
        (CONFLICTS, "9404", [("officer", ",".join("abc" * 50))], "bad_argument", "more than 100"),
        (CONFLICTS, "9404", [("fields", "tps,nik")], "bad_argument", "regency, tps, voter"),
        (CONFLICTS, "9404", [("fields", "")], "bad_argument", "fields are some of"),
        (CONFLICTS, "9404", [("limit", "0")], "bad_argument", "1 to 10000"),
        (CONFLICTS, "9404", [("limit", "10001")], "bad_argument", "1 to 10000"),
        (CONFLICTS, "9404", [("limit", "٣")], "bad_argument", "1 to 10000"),
        (RECAP, "9404", [("level", "street")], "bad_argument", "regency, district, village, tps"),
        (RECAP, "9404", [("as_of", "yesterday")], "bad_argument", "no moment"),
        (PROGRESS, "9404", [("level", "regency")], "bad_argument", "district, village, tps"),
        (LARGE, "9404", [("voters_max", "-1")], "bad_argument", "from 0 to 100000"),
        (DUPLICATES, "9404", [("likeness", "nan")], "bad_argument", "from 0.3 to 1"),
        (REPORTS, "9404", [("span", "weekly")], "bad_argument", "daily, ten_days, final"),
        (REPORTS, "9404", [("start", "9999-12-31")], "bad_argument", "from 2000-01-01"),
    ],
    ids=lambda value: value.name if isinstance(value, List) else ascii(value)[:40],
)
def test_what_is_not_asked_rightly_is_refused(
    listed: List, subject: str, said: list[tuple[str, str]], code: str, told: str
) -> None:
    """One sentence says what there is to give, and what was said instead is not in it: it may be somebody's number."""
    with pytest.raises(EcoklitError) as refused:
        read_question(listed, subject, said)
    assert refused.value.code == code and told in refused.value.message
    assert "9404014107900001" not in refused.value.message


def test_a_question_is_read_as_it_was_meant() -> None:
    """Dots of a code, commas between values, and what is meant where nothing is said."""
    question = read_question(
        MOVERS, "94.04.01", [("state", "gone,met"), ("fields", "voter,state,voter"), ("limit", "5")]
    )
    assert (question.subject, question.only[0].values, question.rows_max) == ("940401", ("gone", "met"), 5)
    assert question.fields == ("voter", "state")
    for area, level in (("9404", "district"), ("940401", "village"), ("9404012001", "tps"), (TPS, "tps")):
        assert read_question(RECAP, area, []).arguments == (level,)


def test_questions_are_told_apart() -> None:
    """Whatever is asked otherwise has another mark, and the page that is asked for has none in it."""
    asked = [
        read_question(listed, subject, said).mark
        for listed, subject, said in (
            (MOVERS, "9404", []),
            (MOVERS, "940401", []),
            (RECAP, "9404", []),
            (RECAP, "9404", [("level", "tps")]),
            (RECAP, "9404", [("as_of", "12")]),
            (MOVERS, "9404", [("state", "gone")]),
            (MOVERS, "9404", [("evidence", "gone")]),
            (MOVERS, "9404", [("fields", "voter")]),
            (MOVERS, "9404", [("limit", "5")]),
        )
    ]
    assert len(set(asked)) == len(asked)
    assert read_question(MOVERS, "9404", [("cursor", "x")]).mark == asked[0]


def test_cursors_of_two_services_are_not_exchanged() -> None:
    """What one service sealed another does not open; its own comes back as it was, whatever the list is ordered by."""
    cursor = Cursor("q", "g", 7, 1200, (False, "Ani\0ñ", -0.5, ["a", "b"], True, None))
    ours, theirs = Cursors(b"a"), Cursors(b"b")
    assert Cursors(b"a").open(ours.seal(cursor), "q") == cursor
    with pytest.raises(EcoklitError, match="none that a page of ours gave"):
        theirs.open(ours.seal(cursor), "q")
