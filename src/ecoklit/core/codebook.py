"""The digits and letters of one election's paper, and the words they stand for.

The same digit meant other things in 2018, 2023 and 2024, so a bare digit is never stored: it is read here
on import and written here on export (contract §2). The books are data, in events/codebooks/.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from ecoklit.errors import EcoklitError

MARKED_COLUMNS: Final = ("marital", "sex", "disability", "ektp")
NOTHING: Final = frozenset({"", "-", "0"})
"""What offices write into a cell of codes to say that there is nothing to say."""


class CodebookFault(EcoklitError):
    """A file is no code book; nothing was imported with it."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_codebook", message)


class _Mark(msgspec.Struct, frozen=True):
    label: str
    means: str | None
    one_of: tuple[str, ...] = ()


class _Book(msgspec.Struct, frozen=True):
    codebook: str
    tms: dict[str, _Mark]
    disability: dict[str, _Mark]
    sex: dict[str, _Mark]
    marital: dict[str, _Mark]
    ektp: dict[str, _Mark]
    remarks: dict[str, _Mark]


class Reading(NamedTuple):
    """What a mark on paper means: a word of the contract, or none, and whether the book knows the mark at
    all.
    """

    word: str | None
    known: bool


class Codebook:
    """One election's marks: `read` from paper to words, `write` from words to paper."""

    def __init__(self, name: str, marks: Mapping[str, Mapping[str, str | None]]) -> None:
        self.name = name
        self._words = {column: dict(words) for column, words in marks.items()}
        self._marks = {
            column: {word: mark for mark, word in reversed(words.items()) if word is not None}
            for column, words in self._words.items()
        }

    def read(self, column: str, mark: str) -> Reading:
        """The word for `mark` in `column` (marital, sex, disability, ektp, tms, remarks), in either case of
        letters.
        """
        words = self._words[column]
        key = mark.strip().upper()
        if key in words:
            return Reading(words[key], True)
        return Reading(None, key in NOTHING)

    def write(self, column: str, word: str | None) -> str | None:
        """The mark for `word`: "" for none, None when this election's book has no mark for it."""
        if word is None:
            return ""
        return self._marks[column].get(word)


def parse_codebook(data: bytes) -> Codebook:
    """The code book in `data`, a file of events/codebooks/; CodebookFault when it is none."""
    try:
        book = msgspec.json.decode(data, type=_Book)
    except msgspec.MsgspecError as error:
        raise CodebookFault(f"This is no code book: {error}. Take one from events/codebooks/.") from error
    columns = {
        "tms": book.tms,
        "remarks": book.remarks,
        **{name: getattr(book, name) for name in MARKED_COLUMNS},
    }
    return Codebook(
        book.codebook,
        {name: {mark: entry.means for mark, entry in marks.items()} for name, marks in columns.items()},
    )


def decoded_remark(book: Codebook, remark: str) -> tuple[str, str | None]:
    """What the remarks column says: ("none" | "changed" | "struck" | "unknown", the removal where it is
    known).
    """
    said = book.read("remarks", remark)
    if said.known:
        return (said.word or "none", None)
    struck = book.read("tms", remark)
    return ("struck", struck.word) if struck.known else ("unknown", None)
