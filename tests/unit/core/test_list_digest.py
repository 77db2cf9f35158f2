"""The digest of what a list says: the same for one list in whatever order and spelling, another for another list."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.core import list_digest
from ecoklit.core.list_digest import FIELDS, _are_clean, list_head, row_leaf
from ecoklit.core.list_row import clean

ROW = {
    "nkk": "9404010101010001", "nik": "9404014107900001", "name": "Ani Contoh", "birth_place": "Timika",
    "birth_date": "1990-07-01", "marital": "S", "sex": "P", "address": "Jl. Nuri No. 3", "rt": "001", "rw": "002",
    "disability": "visual", "ektp": "S",
}  # fmt: skip


def leaf(**other: str | None) -> bytes:
    said: dict[str, str | None] = {**ROW, **other}
    return row_leaf([said[field] for field in FIELDS])


@pytest.mark.parametrize(
    "other",
    [
        {"name": " Ani\u00a0Contoh "}, {"name": "Ani  Contoh"}, {"birth_date": "01-07-1990"}, {"rt": "1"},
        {"nik": "'9404 0141 0790 0001"},
    ],
)  # fmt: skip
def test_what_an_import_reads_alike_is_alike(other: dict[str, str]) -> None:
    """Spaces, the order of a date's parts and leading zeros are the file's, not the list's."""
    assert leaf(**other) == leaf()


@pytest.mark.parametrize("field", FIELDS)
def test_every_particular_counts(field: str) -> None:
    """Another value, and none, give another digest; empty and absent are one on paper."""
    assert len({leaf(), leaf(**{field: "9"}), leaf(**{field: None})}) == 3
    assert leaf(**{field: ""}) == leaf(**{field: None})


def test_what_stands_in_a_cell_cannot_pass_for_two() -> None:
    """A text that ends where the next begins is another row."""
    assert leaf(name="Ani", birth_place="Contoh Timika") != leaf(name="Ani Contoh", birth_place="Timika")
    assert leaf(name="Ani\x1fContoh", birth_place=None) != leaf(name="Ani", birth_place="Contoh")


@given(st.lists(st.text(st.sampled_from("a '1\x1f\u00a0\t"), max_size=4), min_size=12, max_size=12))
def test_what_is_clean_together_is_clean_one_by_one(values: list[str]) -> None:
    """The short way says what the long one says."""
    assert not _are_clean(values) or [clean(value) for value in values] == values
    assert row_leaf(values) == row_leaf([clean(value) for value in values])


@given(
    st.dictionaries(st.sampled_from(FIELDS), st.text(st.sampled_from("a1* '-./\x1f\u00a0"), max_size=11), max_size=2)
)
def test_a_row_that_stands_is_said_as_it_would_be_read(otherwise: dict[str, str]) -> None:
    """What one look takes for a row as it is said, reading cell by cell says too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(list_digest, "_stands", lambda row: None)
        expected = leaf(**otherwise)
    assert leaf(**otherwise) == expected


def test_order_does_not_count_and_numbers_do() -> None:
    """Rows in any order are one list; a row twice is another one."""
    leaves = [leaf(name=f"Ani {number}") for number in range(9)]
    shuffled = Random(1).sample(leaves, len(leaves))
    assert list_head(shuffled) == list_head(leaves)
    assert len({list_head(leaves), list_head(leaves[:-1]), list_head([*leaves, leaves[0]])}) == 3
