"""An officer's reports: daily, of ten days, and final, in the lines A to E of Model A-Laporan Hasil Coklit.

    A  received from the list (A-Daftar Pemilih): matched, corrected and filtered
    B  new voters (A-Daftar Potensial Pemilih)
    C  filtered (tersaring, TMS)
    D  corrected (ubah)
    E  voters with a disability

Lines count entries that count; a voter entered twice on a day is two. What stands on the list is the recap's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

import msgspec

from ecoklit.errors import EcoklitError

Span = Literal["daily", "ten_days", "final"]
TEN_DAYS: Final = 10
REMOVALS: Final = ("moved", "deceased", "disqualified")


class Worked(NamedTuple):
    """How many entries of one kind (`day_count.kind`) an officer made in a TPS on a day."""

    officer: str
    role: str
    tps: str
    day: date
    kind: str
    n: int


class Disabled(NamedTuple):
    """How many voters with a disability an officer did coklit of in a TPS on a day."""

    officer: str
    role: str
    tps: str
    day: date
    n: int


class Lines(msgspec.Struct, frozen=True):
    """The lines of one report, of one officer in one TPS, for the days from `since` to `until`, both included."""

    officer: str
    tps: str
    since: date
    until: date
    a_received: int
    b_new: int
    c_filtered: int
    d_corrected: int
    e_disabled: int
    not_met: int


def reports(worked: Iterable[Worked], disabled: Iterable[Disabled], span: Span, *, start: date) -> list[Lines]:
    """The reports of every officer and TPS: one for each day, for each ten days from `start`, or one in all.

    Days before `start`, which is the first of coklit, belong to the first ten days: a wrong clock loses no work.
    Raises EcoklitError bad_argument for another span.
    """
    if span not in ("daily", "ten_days", "final"):
        raise EcoklitError("bad_argument", f"{span} is no report: ask for daily, ten_days or final.")
    counted = [one for one in worked if one.role == "pantarlih"]
    of_disabled = [one for one in disabled if one.role == "pantarlih"]
    days = [one.day for one in counted]
    if not days:
        return []
    whole = (min(days), max(days))
    sums: dict[tuple[str, str, date, date], dict[str, int]] = {}
    for one in counted:
        _add(sums, one, _span_of(one.day, span, start, whole), one.kind)
    for other in of_disabled:
        _add(sums, other, _span_of(other.day, span, start, whole), "disabled")
    return [_lines(*key, kinds) for key, kinds in sorted(sums.items())]


def _span_of(day: date, span: Span, start: date, whole: tuple[date, date]) -> tuple[date, date]:
    if span == "daily":
        return day, day
    if span == "final":
        return whole
    passed = max(0, (day - start).days) // TEN_DAYS
    since = start + timedelta(days=passed * TEN_DAYS)
    # A phone's clock may say the last day that there is.
    return since, since + timedelta(days=min(TEN_DAYS - 1, (date.max - since).days))


def _add(
    sums: dict[tuple[str, str, date, date], dict[str, int]],
    one: Worked | Disabled,
    days: tuple[date, date],
    kind: str,
) -> None:
    kinds = sums.setdefault((one.officer, one.tps, *days), {})
    kinds[kind] = kinds.get(kind, 0) + one.n


def _lines(officer: str, tps: str, since: date, until: date, kinds: Mapping[str, int]) -> Lines:
    filtered = sum(kinds.get(kind, 0) for kind in REMOVALS)
    corrected = kinds.get("ubah", 0)
    return Lines(
        officer,
        tps,
        since,
        until,
        a_received=kinds.get("sesuai", 0) + corrected + filtered,
        b_new=kinds.get("baru", 0),
        c_filtered=filtered,
        d_corrected=corrected,
        e_disabled=kinds.get("disabled", 0),
        not_met=kinds.get("not_met", 0),
    )
