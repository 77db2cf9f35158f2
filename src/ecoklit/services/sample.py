"""A random sample of voters that anybody can draw again: the seed is thrown in public after the list was fixed.

Each voter's ticket is a hash of the fixed list, the seed and the voter's id, and the smallest tickets are drawn. So
whoever knows the seed before the list is fixed could choose the list, and whoever fixes the list cannot choose the
sample: throw dice, or take a number that nobody has yet, when the digest has been announced or is in the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ecoklit.core import ids
from ecoklit.errors import EcoklitError

SAMPLE_MAX: Final = 10_000
_SEED = re.compile(r"[0-9A-Za-z_-]{1,64}").fullmatch


def ticket(election: str, area: str, digest: bytes, seed: str, voter: str) -> bytes:
    """A voter's ticket. `digest` is the area's, as published (SPEC §6.5, §6.6)."""
    lines = ("ecoklit-sample-v1", election, area, ids.to_base64url(digest), seed, voter)
    return ids.sha256("".join(f"{line}\n" for line in lines).encode())


def drawn(election: str, area: str, digest: bytes, seed: str, voters: Iterable[str], voters_max: int) -> list[str]:
    """The `voters_max` voters with the smallest tickets, in the order of their tickets; all when there are fewer.

    Raises EcoklitError bad_argument.
    """
    if _SEED(seed) is None:
        raise EcoklitError("bad_argument", "A seed has 1 to 64 of 0-9, A-Z, a-z, _ and -: give one, as it was thrown.")
    if len(seed) == 16 and seed.isdigit():
        raise EcoklitError("bad_argument", "16 digits are an identity number (NIK, NKK): give a seed that is none.")
    if not 1 <= voters_max <= SAMPLE_MAX:
        raise EcoklitError("bad_argument", f"A sample has 1 to {SAMPLE_MAX} voters: give --n within that.")
    tickets = sorted((ticket(election, area, digest, seed, voter), voter) for voter in voters)
    return [voter for _, voter in tickets[:voters_max]]
