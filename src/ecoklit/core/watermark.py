"""The mark of an exported list, by which a part of it that got out names the export that it came from.

Nobody is added to a list and nobody left out, and every word stays what it is: in half of the texts (a name, an
address), the first space is a no-break one. A secret of the export says in which. Nobody sees it in print, copying
keeps it, and an import reads all spaces alike. It is decided by the text alone: rows may be shuffled, columns dropped,
and no list is needed to read the mark.

Each text says one bit, so that some forty are enough. Whoever types the list anew, or makes all spaces alike, takes the
mark out. That it then names nobody is all that is promised: it names a wrong export in less than one of
`1 / FALSELY_NAMED_MAX` leaks.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from math import exp, log
from typing import Final, NamedTuple

from ecoklit.core.list_row import clean

SECRET_BYTES: Final = 32
FALSELY_NAMED_MAX: Final = 1e-9
"""How often, at most, a leak names an export that it did not come from, whatever the number of exports."""

NO_BREAK: Final = "\u00a0"


TEXTS_MAX: Final = 2_000
"""Texts with, and without, a mark that are looked at: so many name anybody, and a whole regency takes no longer."""

_TRUE: Final = (0.98, 0.75, 0.5)
_TRUE_WITHOUT: Final = (0.98, 0.5, 0.0)
"""Which part of what is marked, and of what is not, may be as the export had it: lists get mixed, or washed in part."""


class Suspicion(NamedTuple):
    """How an export fits a leak: in `agree` of `texts` the mark is where its secret puts it.

    `chance_max` bounds how likely a leak that did not come from it fits as well, for any of all exports. `is_named`:
    too unlikely.
    """

    export: str
    texts: int
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
    """Whether this export has the mark in `text`, a cleaned one: one of two has it."""
    return blake2b(text.encode("utf-8", "surrogatepass"), key=secret, digest_size=1).digest()[0] & 1 == 1


def texts_in(cells: Iterable[str]) -> dict[str, bool]:
    """The distinct texts of several words among `cells`, cleaned, and whether they carry a mark anywhere."""
    found: dict[str, bool] = {}
    for cell in cells:
        text = clean(cell)
        if " " in text:
            found[text] = found.get(text, False) or NO_BREAK in cell.strip()
    return found


def suspicions(texts: Mapping[str, bool], secrets: Mapping[str, bytes]) -> list[Suspicion]:
    """Every export by its secret, the likeliest first. `texts` are the leak's, as `texts_in` gives them."""
    with_mark = sorted(text for text, is_marked in texts.items() if is_marked)[:TEXTS_MAX]
    without = sorted(text for text, is_marked in texts.items() if not is_marked)[:TEXTS_MAX]
    suspected = []
    for export, secret in sorted(secrets.items()):
        there = sum(is_chosen(secret, text) for text in with_mark)
        not_there = sum(not is_chosen(secret, text) for text in without)
        chance = min(1.0, len(secrets) * _chance_max(len(with_mark), there, len(without), not_there))
        suspected.append(Suspicion(export, len(with_mark) + len(without), there + not_there, chance))
    return sorted(suspected, key=lambda one: (one.chance_max, -one.agree, one.export))


def _chance_max(with_mark: int, there: int, without: int, not_there: int) -> float:
    """A bound on how likely an export fits as well whose secret has nothing to do with the leak.

    Of such a secret each text is chosen by a fair coin. Whatever part of the texts may be true (q), a text that agrees
    weighs 1 + q and one that does not 1 - q: one on average. So does the product over all texts, and the mean of
    several such products; and what is one on average is w or more at most once in w times (Markov's inequality).
    """
    logs = [
        _log_weight(q, there, with_mark) + _log_weight(q_without, not_there, without)
        for q in _TRUE
        for q_without in _TRUE_WITHOUT
    ]
    top = max(logs)
    log_mean = top + log(sum(exp(one - top) for one in logs) / len(logs))
    return exp(-max(0.0, log_mean))


def _log_weight(q: float, agree: int, texts: int) -> float:
    return agree * log(1 + q) + (texts - agree) * log(1 - q)
