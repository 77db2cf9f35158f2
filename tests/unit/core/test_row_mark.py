"""Marks of rows: equal for the same row, of no use to whoever lacks the key."""

from hypothesis import given
from hypothesis import strategies as st

from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.row_mark import FIELD_BYTES, changed_fields, field_marks, key_mark, nik_mark, row_mark

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
TPS = "9404012001003"
RECORD: dict[str, str | None] = {name: f"{name}-0" for name in RECORD_FIELDS}
IDENTITY = ("nik", "name", "birth_date")

texts = st.none() | st.text(max_size=20)


@given(st.fixed_dictionaries({name: texts for name in RECORD_FIELDS if name not in IDENTITY}))
def test_only_five_things_make_a_row(others: dict[str, str | None]) -> None:
    """A row is the same by village, TPS, NIK, name and birth date, whatever else is on it."""
    assert row_mark(KEY, TPS, {**RECORD, **others}) == row_mark(KEY, TPS, RECORD)


def test_each_of_the_five_makes_another_row() -> None:
    """Another village, TPS, NIK, name or birth date, another occurrence, or another key: another mark."""
    marks = [row_mark(KEY, TPS, RECORD), row_mark(KEY, TPS, RECORD, 2), row_mark(OTHER_KEY, TPS, RECORD)]
    marks += [row_mark(KEY, "9404012002003", RECORD), row_mark(KEY, "9404012001004", RECORD)]
    marks += [row_mark(KEY, TPS, {**RECORD, name: "other"}) for name in IDENTITY]
    assert len(set(marks)) == len(marks)


def test_case_and_spacing_of_a_name_make_no_other_row() -> None:
    """MARIA  WAKIMO is Maria Wakimo."""
    assert row_mark(KEY, TPS, {**RECORD, "name": "MARIA  WAKIMO"}) == row_mark(
        KEY, TPS, {**RECORD, "name": "Maria Wakimo"}
    )


@given(
    st.fixed_dictionaries(dict.fromkeys(RECORD_FIELDS, texts)),
    st.fixed_dictionaries(dict.fromkeys(RECORD_FIELDS, texts)),
)
def test_the_changed_fields_are_those_that_differ(before: dict[str, str | None], after: dict[str, str | None]) -> None:
    """Comparing the marks names exactly the fields whose values differ; null and empty differ."""
    row = b"r" * 16
    named = changed_fields(field_marks(KEY, row, before), field_marks(KEY, row, after))
    assert named == tuple(name for name in RECORD_FIELDS if before[name] != after[name])


def test_equal_values_do_not_show_as_equal() -> None:
    """The marks of a field differ between rows and between fields, though the values are one."""
    same: dict[str, str | None] = dict.fromkeys(RECORD_FIELDS, "L")
    one, other = field_marks(KEY, b"1" * 16, same), field_marks(KEY, b"2" * 16, same)
    parts = [marks[i : i + FIELD_BYTES] for marks in (one, other) for i in range(0, len(marks), FIELD_BYTES)]
    assert len(set(parts)) == 2 * len(RECORD_FIELDS)


def test_no_nik_has_no_mark() -> None:
    """Rows without a NIK do not share one."""
    assert nik_mark(KEY, {**RECORD, "nik": None}) == b"" == nik_mark(KEY, {**RECORD, "nik": ""})
    assert nik_mark(KEY, RECORD) != nik_mark(OTHER_KEY, RECORD) and key_mark(KEY) != key_mark(OTHER_KEY)
