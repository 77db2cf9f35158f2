"""One command of the phone as a row, and what all of them have: the folder of the phone, opened."""

from __future__ import annotations

import argparse
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ecoklit.cli.command import Commands, add_command, tps_code
from ecoklit.cli.exits import Exit

if TYPE_CHECKING:
    from ecoklit.field.phone import Phone

HOME: Final = ".ecoklit-phone"

Option = Callable[[argparse.ArgumentParser], object]


class Row(NamedTuple):
    """A command: its name, what it does, an example, what --json prints, what runs, and the options that it has."""

    name: str
    what: str
    example: str
    json: str
    run: Callable[[argparse.Namespace], Exit]
    options: tuple[Option, ...] = ()


def add_row(commands: Commands, row: Row) -> None:
    command = add_command(commands, row.name, row.run, row.what, row.example, row.json)
    for option in row.options:
        option(command)
    option_home(command)


def option(*names: str, **settings: object) -> Option:
    """An option as argparse takes it, for a row."""
    return lambda command: command.add_argument(*names, **settings)  # type: ignore[arg-type]


def option_home(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--home", metavar="DIR", type=Path, help=f"the phone's folder (default: ECOKLIT_PHONE, or {HOME})"
    )


OPTION_TPS: Final = option(
    "--tps",
    metavar="TPS",
    type=tps_code,
    help="which TPS, when the phone has several; an operator's may be any of its area",
)


def home_of(arguments: argparse.Namespace) -> Path:
    home: Path | None = arguments.home
    return home if home is not None else Path(os.environ.get("ECOKLIT_PHONE") or HOME)


@contextmanager
def opened(arguments: argparse.Namespace, *, make: bool = False) -> Iterator[Phone]:
    """The phone in its folder; with `make`, a new one where there is none."""
    from ecoklit.contract import policies
    from ecoklit.field.outbox import Outbox
    from ecoklit.field.phone import Phone

    with Outbox(home_of(arguments), make=make) as outbox:
        yield Phone(outbox, policies(), now=now, entropy=secrets.token_bytes)


def now() -> datetime:
    return datetime.now().astimezone()
