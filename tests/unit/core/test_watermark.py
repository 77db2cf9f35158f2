"""The mark of an export: it changes no word, and a leaked part names the export that it came from, or nobody."""

from __future__ import annotations

from math import comb
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.core.list_row import clean
from ecoklit.core.watermark import (
    FALSELY_NAMED_MAX,
    NO_BREAK,
    SECRET_BYTES,
    _chance_max,
    is_chosen,
    marked,
    suspicions,
    texts_in,
)
from ecoklit.testing import mimika

SECRETS = {f"export-{number}": Random(number).randbytes(SECRET_BYTES) for number in range(40)}
PEOPLE = [person for tps in mimika.tps_codes("940401")[:8] for person in mimika.people(tps)]


def names(export: str, share: float, *, seed: int) -> list[str]:
    """A part of the names of an export, shuffled, without any other column."""
    chance = Random(seed)
    rows = chance.sample(PEOPLE, int(len(PEOPLE) * share))
    return [marked(SECRETS[export], person.name) for person in rows]


@given(st.text(), st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES))
def test_a_mark_changes_no_word(text: str, secret: bytes) -> None:
    """An import reads a marked text as the unmarked one; marking again changes nothing."""
    once = marked(secret, text)
    assert clean(once) == clean(text)
    assert marked(secret, once) == once or clean(text).count(" ") == 0


def test_one_text_of_two_is_chosen() -> None:
    """By each secret others: no text is favoured."""
    texts = sorted({person.name for person in PEOPLE} | {person.address for person in PEOPLE})
    for secret in list(SECRETS.values())[:5]:
        chosen = sum(is_chosen(secret, text) for text in texts)
        assert abs(chosen / len(texts) - 1 / 2) < 0.03


@pytest.mark.parametrize("leaker", ["export-0", "export-1", "export-2"])
def test_a_twentieth_of_the_names_alone_names_the_recipient(leaker: str) -> None:
    """Three recipients of one list; 5 % of the rows of one get out, shuffled, names only: that one, and no other."""
    assert 1_000 < len(PEOPLE) < 5_000
    three = {export: SECRETS[export] for export in ("export-0", "export-1", "export-2")}
    found = suspicions(texts_in(names(leaker, 0.05, seed=7)), three)
    assert [one.export for one in found if one.is_named] == [leaker]
    assert found[0].agree == found[0].texts > 40


def test_two_leaks_in_one_file_name_both() -> None:
    """Rows of two exports, shuffled into one file, name the two and none of the other forty."""
    mixed = names("export-3", 0.1, seed=1) + names("export-4", 0.1, seed=2)
    Random(3).shuffle(mixed)
    found = suspicions(texts_in(mixed), SECRETS)
    assert {one.export for one in found if one.is_named} == {"export-3", "export-4"}


def test_an_export_that_is_not_known_names_nobody() -> None:
    """Of forty recipients none is accused when the list came from a forty-first."""
    texts = texts_in(marked(b"x" * SECRET_BYTES, person.name) for person in PEOPLE)
    assert sum(texts.values()) > 100
    assert not any(one.is_named for one in suspicions(texts, SECRETS))


def test_what_was_washed_names_nobody() -> None:
    """All spaces made alike, or all made no-break: the mark is gone, and nobody is accused for it."""
    leak = names("export-5", 0.5, seed=4)
    for washed in ([clean(name) for name in leak], [name.replace(" ", NO_BREAK) for name in leak]):
        assert not any(one.is_named for one in suspicions(texts_in(washed), SECRETS))


def test_what_was_washed_in_part_still_names() -> None:
    """Where half of the marks were lost on the way, the other half says it."""
    leak = [name if number % 2 else clean(name) for number, name in enumerate(names("export-5", 0.5, seed=4))]
    assert [one.export for one in suspicions(texts_in(leak), SECRETS) if one.is_named] == ["export-5"]


def test_a_few_rows_name_nobody() -> None:
    """Too little is said to be too little: what a few texts say is chance among many exports."""
    few = texts_in(names("export-6", 0.5, seed=5)[:22])
    (first, *_) = suspicions(few, SECRETS)
    assert first.export == "export-6" and first.agree == first.texts and not first.is_named


@pytest.mark.parametrize(("with_mark", "without"), [(6, 5), (12, 0), (0, 12), (9, 7)])
def test_the_bound_is_a_bound(with_mark: int, without: int) -> None:
    """Nobody is accused more often than is said: over every way that fair coins fall, as exact numbers."""
    ways = {
        (there, not_there): comb(with_mark, there) * comb(without, not_there)
        for there in range(with_mark + 1)
        for not_there in range(without + 1)
    }
    total = 2 ** (with_mark + without)
    for there, not_there in ways:
        bound = _chance_max(with_mark, there, without, not_there)
        as_well = sum(
            n for (one, other), n in ways.items() if _chance_max(with_mark, one, without, other) <= bound * (1 + 1e-9)
        )
        assert as_well / total <= bound * (1 + 1e-9)


def test_marks_of_random_secrets_accuse_nobody() -> None:
    """A leak held against a thousand secrets that are not its own stays far from the bound."""
    texts = texts_in(names("export-7", 0.3, seed=6))
    others = {str(number): Random(1_000 + number).randbytes(SECRET_BYTES) for number in range(1_000)}
    assert min(one.chance_max for one in suspicions(texts, others)) > FALSELY_NAMED_MAX * 1_000
