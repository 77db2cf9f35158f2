"""When coklit was open in an area, as the registry says, and what came when it was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ecoklit.core.registry import Registry, Window
from ecoklit.ports import AnalystReader, AsOf
from ecoklit.services.disclose import disclosed


class Spoken(msgspec.Struct, frozen=True):
    """A word on the window: of which area, opened, extended or closed, by whom and when by their clock, and at which
    registry position, which alone counts."""

    area: str
    what: str
    at: str
    officer: str
    position: int


class LateAt(msgspec.Struct, frozen=True):
    """How many entries of an officer at a TPS came late, and the last of them by the device's clock."""

    tps: str
    officer: str
    entries: int
    last: str


class WindowReport(msgspec.Struct, frozen=True):
    """The words on an area's window, in their order; whether it `is_open` now; and what came late.

    Words on a part of the area are among them, and speak of that part alone. Without any word it is open.
    """

    as_of: AsOf
    area: str
    is_open: bool
    words: list[Spoken]
    late: list[LateAt]


async def window_report(reader: AnalystReader, registry: Registry, area: str) -> WindowReport:
    """The window of an area, with what came late in it. Raises as `reader`."""
    answer = await reader.late(area)
    words = [one for one in registry.windows if one.area.startswith(area) or area.startswith(one.area)]
    over = [one.is_open for one in words if area.startswith(one.area)]
    return WindowReport(answer.as_of, area, not over or over[-1], [_spoken(one) for one in words], _late(answer.rows))


def _spoken(window: Window) -> Spoken:
    kind = str(window.event.__struct_config__.tag).removeprefix("window_")
    return Spoken(window.area, kind, window.event.at, _word(window.event.officer), window.position)


def _word(officer: str) -> str:
    # An id has room for an identity number.
    return str(disclosed({"officer": officer})["officer"])


def _late(rows: Iterable[Mapping[str, Any]]) -> list[LateAt]:
    entries: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], str] = {}
    for row in rows:
        key = (row["tps"], _word(row["officer"] or ""))
        entries[key] += 1
        last[key] = max(last.get(key, ""), str(row["at"]))
    return [LateAt(*key, count, last[key]) for key, count in sorted(entries.items())]
