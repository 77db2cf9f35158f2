"""Lists that took long to find are kept whole for the pages that follow, as long as nothing was projected since.

So what was erased is gone from here by the step that erased it; while events keep coming in, nothing is kept in effect.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Final

import msgspec

from ecoklit.ports import AsOf, Edition

ROWS_MAX: Final = 20_000
"""Rows that are kept in all, some 30 MB; a longer list is found anew for each page."""


class WholeList(msgspec.Struct, frozen=True):
    """All rows of a list, in any order; `edition` is what the projection was while they were read."""

    edition: Edition
    as_of: AsOf
    rows: list[dict[str, Any]]
    digest: bytes | None


class WholeLists:
    """Whole lists by key, the longest unasked forgotten first. The key names all that an answer depends on."""

    def __init__(self, rows_max: int = ROWS_MAX) -> None:
        self._rows_max = rows_max
        self._rows = 0
        self._kept: OrderedDict[Hashable, WholeList] = OrderedDict()

    def find(self, key: Hashable, now: Edition) -> WholeList | None:
        """What is kept, if the projection is still the same `now`; else it is forgotten."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.edition[1:] != now[1:]:
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def keep(self, key: Hashable, whole: WholeList) -> None:
        self._forget(key)
        if len(whole.rows) > self._rows_max:
            return
        self._kept[key] = whole
        self._rows += len(whole.rows)
        while self._rows > self._rows_max:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Hashable) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._rows -= len(gone.rows)
