"""What the phone tells its officer: each standing in a sentence, Bahasa Indonesia first."""

from __future__ import annotations

import json

import pytest

from ecoklit.cli.phone.reporting import SENTENCES, sentence_of
from ecoklit.contract import data_path
from ecoklit.core import wire
from ecoklit.core.entitlement import QUARANTINES
from ecoklit.field.phone import OwnEntry
from ecoklit.testing.vectors import shelf


def test_every_standing_has_a_sentence() -> None:
    """Whatever a receipt or a pull can name is said in words, and nothing else is."""
    schema = json.loads(data_path("events", "schemas", "receipt.schema.json").read_bytes())
    standing = schema["properties"]["receipt"]["properties"]["standings"]["items"]["properties"]["standing"]
    assert {*standing["enum"], *QUARANTINES, "unsent"} == set(SENTENCES)


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_is_bilingual_and_says_what_is_known(name: str) -> None:
    """Bahasa Indonesia stands first, English second, and the clause that was told behind them."""
    indonesian, _, english = SENTENCES[name].partition(" · ")
    assert indonesian and english and indonesian != english
    held = wire.read(shelf.read("events.json")["valid"][0]["line"].encode())
    assert sentence_of(OwnEntry(held, "parked", name, "")) == SENTENCES[name]
    assert sentence_of(OwnEntry(held, "parked", name, "waits for x:1")) == f"{SENTENCES[name]} (waits for x:1)"
