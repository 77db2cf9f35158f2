"""How a command shows what it found: tables for people, one JSON object a line for programs, progress on long work."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

TABLE_CHARACTERS_MAX = 1000
"""Of a table that goes into a pipe or a file: there it is as wide as what it says."""


def print_json(*values: object) -> None:
    sys.stdout.buffer.writelines(msgspec.json.encode(value) + b"\n" for value in values)
    sys.stdout.buffer.flush()


def print_line(text: str) -> None:
    """A line as it is, however narrow the terminal."""
    print(text, flush=True)


def print_table(
    title: str, columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]], totals: bool = False
) -> None:
    """Rows as a table: `columns` maps a row's key to its heading. With `totals`, numbers add up in a last line."""
    shown = list(rows)
    table = Table(title=title, title_justify="left", show_footer=totals, box=SIMPLE_HEAD)
    for key, heading in columns.items():
        values = [row[key] for row in shown]
        is_number = bool(values) and all(type(value) is int for value in values)
        total = str(sum(values)) if totals and is_number else ""
        side: JustifyMethod = "right" if is_number else "left"
        # An id that is broken over two lines cannot be copied.
        table.add_column(heading, footer=total, justify=side, overflow="fold", no_wrap=key == "voter")
    for row in shown:
        table.add_row(*(cell(row[key]) for key in columns))
    console(TABLE_CHARACTERS_MAX).print(table)


def cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "ya" if value else ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def console(piped_characters: int = 200) -> Console:
    # Not into a pipe: a table that is cut to 80 columns would lose what it shows.
    width = None if sys.stdout.isatty() else piped_characters
    return Console(width=width, highlight=False, markup=False)


def progress() -> Progress:
    """Bars on standard error; nothing where nobody watches."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


def listing(values: Sequence[object], most: int) -> str:
    """At most `most` values, and how many more there are."""
    more = f" … +{len(values) - most}" if len(values) > most else ""
    return ", ".join(map(str, values[:most])) + more
