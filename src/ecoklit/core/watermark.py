"""The mark of an exported list, by which a part of it that got out names the export that it came from.

Nobody is added to a list and nobody left out, and every word stays what it is: in one of eight texts (a name, an
address), the first space is a no-break one. A secret of the export says in which. Nobody sees it in print, copying
keeps it, and an import reads all spaces alike. It is decided by the text alone: rows may be shuffled, columns dropped,
and no list is needed to read the mark.

Whoever types the list anew, or makes all spaces alike, takes the mark out. That it then names nobody is all that is
promised: it names a wrong export less than once in `1 / FALSELY_NAMED_MAX` leaks.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from math import exp, log
from typing import Final, NamedTuple

from ecoklit.core.list_row import clean

SECRET_BYTES: Final = 32
SHARE: Final = 8
"""One text of this many is chosen: ten chosen texts of one export, some eighty texts, are enough to name it."""

FALSELY_NAMED_MAX: Final = 1e-9
"""How often, at most, a leak names an export that it did not come from, whatever the number of exports."""

NO_BREAK: Final = "\u00a0"


class Suspicion(NamedTuple):
    """How an export fits a leak: of `marked` texts with the mark, `agree` are those that its secret chooses.

    `chance_max` bounds how likely as many would agree by chance, in any of all exports. `is_named`: too unlikely.
    """

    export: str
    marked: int
    agree: int
    chance_max: float

    @property
    def is_named(self) -> bool:
        return self.chance_max <= FALSELY_NAMED_MAX


def marked(secret: bytes, text: str) -> str:
    """`text` as it stands in the export of this secret."""
    if " " not in text:
        return text
    if NO_BREAK in text:
        text = text.replace(NO_BREAK, " ")  # as somebody typed it: it must not pass for a mark
    return text.replace(" ", NO_BREAK, 1) if is_chosen(secret, clean(text)) else text


def is_chosen(secret: bytes, text: str) -> bool:
    """Whether this export has the mark in `text`, a cleaned one."""
    return blake2b(text.encode("utf-8", "surrogatepass"), key=secret, digest_size=1).digest()[0] < 256 // SHARE


def texts_marked(cells: Iterable[str]) -> set[str]:
    """The distinct texts among `cells` that carry a mark, cleaned."""
    return {clean(cell) for cell in cells if NO_BREAK in cell.strip()}


def suspicions(texts: Iterable[str], secrets: Mapping[str, bytes]) -> list[Suspicion]:
    """Every export by its secret, the likeliest first. `texts` are the leak's, as `texts_marked` gives them."""
    found = set(texts)
    suspected = []
    for export, secret in sorted(secrets.items()):
        agree = sum(is_chosen(secret, text) for text in found)
        chance = min(1.0, len(secrets) * _chance_max(len(found), agree))
        suspected.append(Suspicion(export, len(found), agree, chance))
    return sorted(suspected, key=lambda one: (one.chance_max, one.export))


def _chance_max(texts: int, agree: int) -> float:
    """Chernoff's bound on how likely at least `agree` of `texts` are chosen, each once in SHARE, by chance."""
    share, found = 1 / SHARE, agree / texts if texts else 0.0
    if found <= share:
        return 1.0
    divergence = found * log(found / share)
    if found < 1:
        divergence += (1 - found) * log((1 - found) / (1 - share))
    return exp(-texts * divergence)
