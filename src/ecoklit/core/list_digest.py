"""What a list says, as one digest, whatever events brought its voters there.

The digest of a roll (core.roll) is of the very events; a list that is written to a file and imported elsewhere has
other events, and must have the same people. Its digest is the RFC 6962 tree head over what stands in the rows of each
TPS, in the order of their hashes; above a TPS it is made as the digests of areas are.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ecoklit.core.list_row import clean, neighbourhood, number, read_birth_date
from ecoklit.core.merkle import leaf_hash, tree_head

FIELDS: Final = (
    "nkk", "nik", "name", "birth_place", "birth_date", "marital", "sex", "address", "rt", "rw", "disability", "ektp",
)  # fmt: skip
"""The particulars of a row, in the order of Model A-Daftar Pemilih."""

_BETWEEN: Final = "\x1f"


def row_leaf(values: Sequence[str | None]) -> bytes:
    """The hash of one row, whose `values` are those of FIELDS, as words."""
    texts = [value or "" for value in values]
    row = _BETWEEN.join(texts)
    if _stands(row):
        return leaf_hash(row.encode("ascii"))
    if not _are_clean(texts):
        texts = [clean(text) for text in texts]
    nkk, nik, name, birth_place, birth_date, marital, sex, address, rt, rw, disability, ektp = texts
    said = (
        number(nkk), number(nik), name, birth_place, read_birth_date(birth_date) or birth_date, marital, sex, address,
        neighbourhood(rt) or "", neighbourhood(rw) or "", disability, ektp,
    )  # fmt: skip
    return leaf_hash(_BETWEEN.join(said).encode("utf-8", "surrogatepass"))


_DIGITS: Final = "[0-9*]*"
_WORDS: Final = "(?:[!-~]+(?: [!-~]+)*)?"
_NEIGHBOURHOOD: Final = "(?:[0-9]{3,})?"
_FORMS: Final = {
    "nkk": _DIGITS,
    "nik": _DIGITS,
    "birth_date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "rt": _NEIGHBOURHOOD,
    "rw": _NEIGHBOURHOOD,
}
_stands: Final = re.compile(_BETWEEN.join(_FORMS.get(field, _WORDS) for field in FIELDS)).fullmatch
"""Matches a row that is said as it stands: most are, and one look tells it."""


def _are_clean(texts: Sequence[str]) -> bool:
    """Whether `clean` would leave all of them as they are: looked at together, for most rows are."""
    text = _BETWEEN.join(texts)
    return (
        text.isascii()
        and "  " not in text
        and f"{_BETWEEN} " not in text
        and f" {_BETWEEN}" not in text
        and text.replace(_BETWEEN, "").isprintable()
        and text.count(_BETWEEN) == len(texts) - 1
        and text == text.strip(" ")
    )


def list_head(leaves: Iterable[bytes]) -> bytes:
    """The digest of the list of one TPS from the hashes of its rows, in whatever order."""
    return tree_head(sorted(leaves))
