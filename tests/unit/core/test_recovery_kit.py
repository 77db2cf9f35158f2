"""The recovery kit: from keys to paper and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.core import recovery_kit
from ecoklit.core.recovery_kit import BadKit, KeptKeys
from ecoklit.core.sealing import NotOpened
from ecoklit.core.signing import ED25519, key_from_seed

PASSPHRASE = "lima kata yang tidak akan ditebak"
KEPT = KeptKeys("pilkada-2024", "9404", *(key_from_seed(ED25519, bytes([number]) * 32) for number in (1, 2, 3)))
SEALED = recovery_kit.seal_kit(KEPT, PASSPHRASE, bytes(16), 1)
LINES = recovery_kit.lines_of_kit(SEALED)


def why(text: str) -> str:
    with pytest.raises(BadKit) as caught:
        recovery_kit.read_kit(text)
    return caught.value.message


def test_typed_back_from_paper() -> None:
    """What is typed from the lines, in any case, order and look-alikes, gives the same keys."""
    typed = "\n".join(reversed(LINES)).lower().replace("0", "o").replace(" 1", " l")
    assert recovery_kit.open_kit(recovery_kit.read_kit(typed), PASSPHRASE) == KEPT


def test_whatever_stands_around_the_lines() -> None:
    """A page with other text around the lines is read; so is the QR code's text."""
    page = "\n".join(["<html><pre>Pilkada 2024 · 9404", *(f"   {line}  " for line in LINES), "</pre>12 kata"])
    assert recovery_kit.read_kit(page) == SEALED
    assert recovery_kit.read_kit(recovery_kit.text_of_qr(SEALED)) == SEALED
    assert recovery_kit.read_kit(recovery_kit.text_of_qr(SEALED).lower() + "\n") == SEALED


@given(st.binary(min_size=1, max_size=250))
def test_any_bytes_come_back(sealed: bytes) -> None:
    """The lines hold any bytes, whatever their length."""
    assert recovery_kit.read_kit("\n".join(recovery_kit.lines_of_kit(sealed))) == sealed


@given(st.data())
def test_a_mistake_names_its_line(data: st.DataObject) -> None:
    """One symbol mistyped is refused with the number of its line."""
    number = data.draw(st.integers(0, len(LINES) - 1))
    place = data.draw(st.sampled_from([i for i, symbol in enumerate(LINES[number]) if i > 6 and symbol != " "]))
    symbol = data.draw(st.sampled_from([other for other in "0123456789ABC" if other != LINES[number][place]]))
    wrong = LINES[number][:place] + symbol + LINES[number][place + 1 :]
    said = why("\n".join([*LINES[:number], wrong, *LINES[number + 1 :]]))
    assert said.startswith(f"Line {number + 1:02} of the kit has a mistake")


def test_what_is_missing_is_named() -> None:
    """A line left out, also the last, is named; so are lines that changed their numbers, and no line at all."""
    assert "Line 03 of the kit's 12 is missing" in why("\n".join(LINES[:2] + LINES[3:]))
    assert "Line 12 of the kit's 12 is missing" in why("\n".join(LINES[:-1]))
    swapped = [LINES[0][:5] + LINES[1][5:], LINES[1][:5] + LINES[0][5:], *LINES[2:]]
    assert "Line 01 of the kit has a mistake" in why("\n".join(swapped))
    assert "No line of a recovery kit" in why("halo")
    assert "'U'" in why(LINES[0][:-1] + "U")
    assert "QR code" in why("ECOKLIT-KIT:AU")
    assert "too many or too few" in why("ECOKLIT-KIT:A")


def test_the_wrong_passphrase_opens_no_kit() -> None:
    """One clear sentence for a wrong passphrase."""
    with pytest.raises(NotOpened) as caught:
        recovery_kit.open_kit(SEALED, "lima kata yang lain sama sekali")
    assert caught.value.code == "wrong_passphrase"


def test_keys_are_never_shown() -> None:
    """Neither the lines nor the name of a key shows a seed."""
    assert KEPT.root.seed.hex() not in repr(KEPT) + "\n".join(LINES)
