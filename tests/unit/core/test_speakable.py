"""What people read aloud and type: symbols and their check."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.core import speakable

SYMBOLS = st.text(speakable.ALPHABET, min_size=1, max_size=speakable.CHECKED_SYMBOLS_MAX)


@given(st.binary(max_size=200))
def test_bytes_come_back(raw: bytes) -> None:
    """Bytes survive being spelled, grouped, lower-cased and typed with look-alikes."""
    symbols = speakable.symbols_of(raw)
    typed = speakable.grouped(symbols, 4).lower().replace("0", "o").replace("1", "l")
    assert speakable.bytes_of(speakable.heard(typed)) == raw


@given(SYMBOLS)
def test_every_wrong_symbol_is_told(symbols: str) -> None:
    """No single symbol can be replaced unseen, whichever it is and wherever it stands."""
    good = speakable.with_check(symbols)
    for place, symbol in enumerate(good):
        for other in speakable.ALPHABET.replace(symbol, ""):
            with pytest.raises(ValueError):
                speakable.checked(good[:place] + other + good[place + 1 :])


@given(SYMBOLS)
def test_every_swap_is_told(symbols: str) -> None:
    """No two different symbols can change places unseen, however far apart."""
    good = speakable.with_check(symbols)
    for left, right in combinations(range(len(good)), 2):
        if good[left] != good[right]:
            swapped = list(good)
            swapped[left], swapped[right] = good[right], good[left]
            with pytest.raises(ValueError):
                speakable.checked("".join(swapped))


@pytest.mark.parametrize("text", ["ABCU", "A*B", "é"])
def test_other_symbols_are_named(text: str) -> None:
    """A symbol that no code holds is refused by itself."""
    with pytest.raises(ValueError, match="is in no code"):
        speakable.heard(text)


@pytest.mark.parametrize("symbols", ["0", "ZZZ", "000Z"])
def test_no_bytes(symbols: str) -> None:
    """Symbols that no bytes give are refused, so two spellings never open one secret."""
    with pytest.raises(ValueError, match="no whole bytes"):
        speakable.bytes_of(symbols)


def test_a_check_needs_something_to_check() -> None:
    """A lone symbol, or more than the weights reach, is not checked."""
    with pytest.raises(ValueError):
        speakable.checked("0")
    with pytest.raises(ValueError):
        speakable.with_check("0" * (speakable.CHECKED_SYMBOLS_MAX + 1))
