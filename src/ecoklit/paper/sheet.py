"""Sheets of paper as data, and their PDF.

The same sheets give the same bytes, on any machine: the fonts are those that come with typst, and the only time in it
is what the sheets say.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.resources import files
from types import ModuleType
from typing import Any, Final

import msgspec

from ecoklit.errors import EcoklitError

UNPRINTABLE: Final = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
"""Categories of characters without a shape of their own, some of which would turn the words around them."""
JOINERS: Final = "\u200c\u200d"  # which scripts need between letters
BREAK: Final = "\u200b"
PPI: Final = 110


class NoPaper(EcoklitError):
    """The program that makes the pages is not installed. Code: no_paper."""

    def __init__(self) -> None:
        super().__init__("no_paper", "Pages are made by typst, which is not installed: pip install 'ecoklit[paper]'.")


class Column(msgspec.Struct, frozen=True):
    """A column: its heading, its width in points (0: what is left), and how its values stand."""

    head: str
    width: float = 0
    is_number: bool = False
    mono: bool = False
    word_max: int = 18
    """The longest word that fits; a longer one goes on in the next line."""


class Grid(msgspec.Struct, frozen=True):
    """A table. With `is_spaced`, an empty row stands under each, to write in. No totals: ()."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    totals: Sequence[str] = ()
    title: str = ""
    is_spaced: bool = False


class Sheet(msgspec.Struct, frozen=True):
    """What begins on a page of its own: a form about one place, with the tables and whoever signs below them."""

    title: str
    form: str
    places: Sequence[tuple[str, str]]
    grids: Sequence[Grid]
    signers: Sequence[str]
    foot: Sequence[str]
    notes: Sequence[str] = ()


class Document(msgspec.Struct, frozen=True):
    """Sheets for one recipient, whose name stands under the text of every page."""

    title: str
    recipient: str
    sheets: Sequence[Sheet]


def pdf(document: Document) -> bytes:
    """The document as PDF. Raises NoPaper."""
    # Without tags: those of the cells would make the pages of a village of 5,000 fifteen times as large.
    made: bytes = _typst().compile(_template(), ignore_system_fonts=True, sys_inputs=_inputs(document), pdf_tags=False)
    return made


def images(document: Document) -> list[bytes]:
    """The document's pages as PNG, to be looked at. Raises NoPaper."""
    made: bytes | list[bytes] = _typst().compile(
        _template(), format="png", ppi=PPI, ignore_system_fonts=True, sys_inputs=_inputs(document)
    )
    return [made] if isinstance(made, bytes) else made


def printable(text: str) -> str:
    """The text with U+FFFD for whatever has no shape, or would turn its neighbours around."""
    return "".join(
        "\ufffd" if unicodedata.category(letter) in UNPRINTABLE and letter not in JOINERS else letter for letter in text
    )


def folded(text: str, most: int) -> str:
    """The text with places to break in words of more than `most` characters: no column is as wide as some words."""
    return " ".join(
        BREAK.join(word[start : start + most] for start in range(0, len(word), most)) for word in text.split(" ")
    )


def demand_typst() -> None:
    """Raises NoPaper when no page can be made here."""
    _typst()


def _typst() -> ModuleType:
    try:
        return import_module("typst")
    except ImportError:
        raise NoPaper from None


def _inputs(document: Document) -> dict[str, str]:
    plain = _printable(msgspec.to_builtins(document))
    for sheet in plain["sheets"]:
        for grid in sheet["grids"]:
            widths = [column["word_max"] for column in grid["columns"]]
            grid["rows"] = [[folded(one, most) for one, most in zip(row, widths, strict=True)] for row in grid["rows"]]
    return {"data": msgspec.json.encode(plain).decode()}


def _printable(value: Any) -> Any:
    """Plain data whose texts are all printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {name: _printable(one) for name, one in value.items()}
    return [_printable(one) for one in value] if isinstance(value, list | tuple) else value


@cache
def _template() -> bytes:
    return files("ecoklit.paper").joinpath("sheet.typ").read_bytes()
