"""Passwords that everybody tries first are refused, however long they are made."""

from __future__ import annotations

from itertools import islice, product

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from ecoklit.errors import EcoklitError
from ecoklit.services.accounts import PASSWORD_CHARACTERS, demand_password
from ecoklit.services.guessing import LAND_WORDS, OFFICE_WORDS, is_easy

COMMONEST = FREQUENCY_LISTS["passwords"][:3000]
LEAST = PASSWORD_CHARACTERS[0]


def refused(password: str) -> bool:
    try:
        demand_password(password, "siti")
    except EcoklitError as error:
        assert error.code == "bad_password" and password not in error.message
        return True
    return False


def test_none_of_the_3000_commonest_passwords_is_taken_however_it_is_made_long_enough() -> None:
    """Every third of them, said over and over until it is long enough, and some before another."""
    for n, common in enumerate(COMMONEST[::3]):
        said = common * (LEAST // len(common) + 1)
        assert refused(said), said
        if n % 10 == 0 and len(pair := common + " " + COMMONEST[-n]) >= LEAST:
            assert refused(pair), pair


def test_no_leaked_password_that_is_long_enough_is_taken() -> None:
    """Of the 30,000 that were leaked most often, none."""
    long_ones = [one for one in FREQUENCY_LISTS["passwords"] if len(one) >= LEAST]
    assert len(long_ones) > 20 and all(map(refused, long_ones))


def test_two_words_of_the_office_and_a_year_are_none() -> None:
    """What an office calls itself, twice or with a year, is the first thing that a neighbour tries."""
    words = [word for word in (*OFFICE_WORDS, *LAND_WORDS[:40]) if len(word) > 3]
    for one, other in islice(product(words, words), 0, None, 101):
        for said in (f"{one}{other}2024", f"{one} {other} 2024", f"{one.title()}{other.title()}123!"):
            if len(said) >= LEAST:
                assert refused(said), said


@pytest.mark.parametrize(
    "password",
    ["passwordpassword", "qwertyuiopasdfgh", "P4ssw0rd12345678", "123456789012345678", "siti siti siti siti", "!" * 20],
)
def test_what_only_looks_long_is_refused(password: str) -> None:
    """Twice the same, along the keyboard, with digits for letters, in order, one's own name."""
    assert refused(password)


@pytest.mark.parametrize(
    "password",
    ["kuda hijau lima gunung tenang", "correct horse battery staple", "x8#Kq!2mVz@9rLw", "sembilan payung tua menari",
     "kopi susu café ku", "a" * 20 + "kuda hijau gunung tenang sekali"],
)  # fmt: skip
def test_random_words_and_random_characters_are_taken(password: str) -> None:
    """Four or five words that do not belong together, or fifteen characters of chance."""
    assert not refused(password)


def test_ones_own_words_count() -> None:
    """What would do for somebody else does not for whom it is about."""
    assert is_easy("wahyuningsih wahyuningsih", "wahyuningsih") and is_easy("wahyuningsih1999", "wahyuningsih")
    assert not is_easy("wahyuningsih tertawa lepas")
