"""Pictures of the lists, from the frames of `Lists`; each gives a figure of matplotlib, to be shown or saved.

Titles and words are Bahasa Indonesia first. Colours can be told apart without red and green.
"""

from __future__ import annotations

from typing import Final

import polars as pl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from ecoklit.ports import AsOf

REASONS: Final = {
    "deceased": "Meninggal · deceased",
    "moved_away": "Pindah domisili · moved away",
    "duplicate": "Ganda · duplicate",
    "underage": "Di bawah umur · underage",
    "foreign": "WNA · foreign",
    "military": "TNI · military",
    "police": "Polri · police",
    "revoked": "Hak pilih dicabut · right revoked",
    "unknown": "Tidak dikenal · unknown",
    "entry_error": "Salah entri · entry error",
}
"""A reason of removal as the recap has it, and what stands beside its bar."""

_COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#555555")
_OUT: Final = "keluar · out"
_GAP: Final = 0.02  # of the height, between two parts of a side
_BAR: Final = 0.03  # of the width


def progress(frame: pl.DataFrame, as_of: AsOf | None = None, parts_max: int = 8) -> Figure:
    """Entries over time, added up, a line for each part: of the frame that `Lists.progress` gives.

    Beyond `parts_max` the smallest parts are one line.
    """
    by_day = frame.group_by("area", "day").agg(pl.col("n").sum()).sort("day")
    totals = by_day.group_by("area").agg(pl.col("n").sum()).sort(["n", "area"], descending=[True, False])
    largest = totals["area"].head(parts_max).to_list()
    by_day = (
        by_day.with_columns(
            pl.when(pl.col("area").is_in(largest)).then(pl.col("area")).otherwise(pl.lit("lain · others"))
        )
        .group_by("area", "day")
        .agg(pl.col("n").sum())
        .sort("day")
    )
    figure, axes = _figure(9, 5)
    names = [*largest, *(["lain · others"] if len(totals) > parts_max else [])]
    for place, name in enumerate(names):
        part = by_day.filter(pl.col("area") == name)
        colour = _COLOURS[place % len(_COLOURS)]
        axes.step(part["day"].to_list(), part["n"].cum_sum().to_list(), where="post", color=colour, label=name)
    locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.margins(x=0.02)
    axes.set_ylabel("entri · entries")
    axes.set_ylim(bottom=0)
    if names:
        axes.legend(frameon=False, fontsize=8, loc="upper left")
    _entitled(figure, "Kemajuan coklit · progress of coklit", as_of)
    return figure


def removals(recap: pl.DataFrame, as_of: AsOf | None = None) -> Figure:
    """Who was taken off the list, by reason: of the frame that `Lists.recap` gives."""
    counts = {said: int(recap[name].sum() or 0) for name, said in REASONS.items()}
    shown = sorted(((n, said) for said, n in counts.items() if n), reverse=True)
    figure, axes = _figure(9, max(2.5, 0.45 * len(shown) + 1.4))
    places = range(len(shown))
    axes.barh(list(places), [n for n, _ in shown], color=_COLOURS[0], height=0.65)
    axes.set_yticks(list(places), [said for _, said in shown])
    axes.invert_yaxis()
    for place, (n, _) in zip(places, shown, strict=True):
        axes.annotate(f"{n:,}", (n, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("pemilih · voters")
    _entitled(figure, "Tersaring menurut sebab · removed, by reason", as_of)
    return figure


def flow(movers: pl.DataFrame, as_of: AsOf | None = None, digits: int = 6) -> Figure:
    """Movers as a flow from where they were (left) to where they are (right), a ribbon for each pair of areas.

    `movers` is the frame of `Lists.movers`; areas are of so many `digits` (6: district, 10: village, 13: TPS). Who left
    the regency, or is on no list any more, goes out.
    """
    pairs = (
        movers.filter(pl.col("state") != "proposed")
        .with_columns(
            pl.col("from_tps").str.slice(0, digits).alias("source"),
            pl.col("to_tps").str.slice(0, digits).fill_null(_OUT).alias("target"),
        )
        .group_by("source", "target")
        .len()
        .sort("source", "target")
    )
    figure, axes = _figure(9, 6)
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)
    left, right = _stacked(pairs, "source"), _stacked(pairs, "target")
    total = sum(pairs["len"]) or 1
    colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(left)}
    for side, names, x, align in ((left, left, 0.22, "right"), (right, right, 0.78, "left")):
        for name in names:
            top, bottom = side[name]
            colour = colours.get(name, "#999999") if side is left else "#444444"
            axes.add_patch(Rectangle((x - (_BAR if align == "right" else 0), top), _BAR, bottom - top, color=colour))
            count = round((bottom - top) * total / _room(side))
            beside = x - _BAR - 0.01 if align == "right" else x + _BAR + 0.01
            axes.text(beside, (top + bottom) / 2, f"{name}  ({count:,})", ha=align, va="center", fontsize=8)
    starts = {("left", name): top for name, (top, _) in left.items()} | {
        ("right", name): top for name, (top, _) in right.items()
    }
    for source, target, n in pairs.iter_rows():
        on_left, on_right = n / total * _room(left), n / total * _room(right)
        y0, y1 = starts["left", source], starts["right", target]
        starts["left", source] += on_left
        starts["right", target] += on_right
        axes.add_patch(_ribbon(0.22, y0, on_left, 0.78, y1, on_right, colours[source]))
    _entitled(figure, "Pemilih pindah · movers, from (left) to (right)", as_of)
    return figure


def _stacked(pairs: pl.DataFrame, side: str) -> dict[str, tuple[float, float]]:
    """Each part of a side with its top and bottom; those who go out last."""
    sums = pairs.group_by(side).agg(pl.col("len").sum()).sort(pl.col(side) == _OUT, side)
    total = sum(sums["len"]) or 1
    room = 1 - _GAP * max(0, len(sums) - 1)
    found, top = {}, 0.0
    for name, n in sums.iter_rows():
        height = n / total * room
        found[str(name)] = (top, top + height)
        top += height + _GAP
    return found


def _room(side: dict[str, tuple[float, float]]) -> float:
    return 1 - _GAP * max(0, len(side) - 1)


def _ribbon(x0: float, y0: float, h0: float, x1: float, y1: float, h1: float, colour: str) -> PathPatch:
    middle = (x0 + x1) / 2
    points = [
        (x0, y0), (middle, y0), (middle, y1), (x1, y1), (x1, y1 + h1), (middle, y1 + h1), (middle, y0 + h0),
        (x0, y0 + h0), (x0, y0),
    ]  # fmt: skip
    curve = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return PathPatch(Path(points, curve), facecolor=colour, alpha=0.45, edgecolor="none")


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _entitled(figure: Figure, title: str, as_of: AsOf | None) -> None:
    figure.suptitle(title, fontsize=12)
    if as_of is not None:
        said = f"per posisi · as of position {as_of.events:,} ({as_of.election}, {as_of.regency})"
        figure.supxlabel(said, fontsize=8, color="#555555")
