"""A registry from some of its lines: what is signed and rightful among them, though lines between them are missing.

Every signature, every right and the order in each author's log are checked as in the whole (SPEC §8.4). What an excerpt
cannot show is what it leaves out: whoever wants to know that nothing was taken away later reads the whole registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ecoklit.core import ids
from ecoklit.core.event import Malformed
from ecoklit.core.registry import LogEnd, Registry
from ecoklit.core.registry_event import SignedRegistry, read_line

_BEFORE_ALL: Final = LogEnd(0, ids.ZERO_HASH)


class ExcerptFault(Exception):
    """A line that no registry under the expected root has at this place: its number, from 1, and why."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number}: {why}")
        self.number = number
        self.why = why


def fold_excerpt(
    election: str, regency: str, lines: Sequence[bytes], root: str, kinds: tuple[type, ...] = (object,)
) -> Registry:
    """What these lines say, in their order; `root` is the device id of the root key that opens the election, and
    `kinds` are the registry events that may be there.

    Positions are the numbers of the lines in the excerpt, from 1. Raises ExcerptFault.
    """
    registry = Registry(election, regency)
    for number, line in enumerate(lines, 1):
        try:
            signed = read_line(line)
        except Malformed as error:
            raise ExcerptFault(number, error.message) from None
        if number == 1 and signed.device != root:
            raise ExcerptFault(1, f"the election was opened by {signed.device}, not by the root key {root}")
        if not isinstance(signed.event, kinds):
            raise ExcerptFault(number, "an excerpt has no lines of its type")
        registry = _extended(registry, number, signed)
    if registry.root is None:
        raise ExcerptFault(1, "nothing opens the election")
    return registry


def _extended(registry: Registry, number: int, signed: SignedRegistry) -> Registry:
    end = registry.logs.get(signed.device, _BEFORE_ALL)
    if signed.seq > end.seq + 1:
        # As if what lies between had been read: the line itself says what comes before it.
        registry.logs[signed.device] = LogEnd(signed.seq - 1, ids.from_base64url(signed.prev))
    further = registry.extended(number, signed)
    if further.voids:
        raise ExcerptFault(number, further.voids[-1].why)
    return further
