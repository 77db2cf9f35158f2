"""What every command has: a help with an example, --json, and codes of places as people write them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

from ecoklit.cli.exits import Exit
from ecoklit.core import ids
from ecoklit.settings import Settings, read_settings

IDENTITY_DIGITS = 16
"""Of a NIK and an NKK."""

Commands = Any  # argparse keeps the type of add_subparsers() private


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], Exit], what: str, example: str, json: str
) -> argparse.ArgumentParser:
    """One command: `what` it does, an `example` of a call, and what --json prints."""
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=what,
        epilog=f"contoh · example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--json", action="store_true", help=json)
    command.set_defaults(run=run)
    return command


def add_allow_unsafe(command: argparse.ArgumentParser) -> None:
    """For a command that opens the journal itself."""
    command.add_argument(
        "--allow-unsafe", action="store_true", help="take a broker that answers before its disk has the event"
    )


def settings_of(arguments: argparse.Namespace, *, running: bool = True) -> Settings:
    """The settings of the environment, of a running `up` unless `running` is false, and of the command's options."""
    environ = dict(os.environ)
    if getattr(arguments, "allow_unsafe", False):
        environ["ECOKLIT_ALLOW_UNSAFE"] = "1"
    return read_settings(environ, running=running)


def word(text: str) -> str:
    """An id or another short word, never a NIK or NKK: words are in every event, and no event names a person so."""
    if not ids.is_word(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no word of 1 to 32 characters a-z, 0-9, _ and -")
    if text.isdigit() and len(text) == IDENTITY_DIGITS:
        raise argparse.ArgumentTypeError("16 digits are an identity number (NIK, NKK): give an id that is none")
    return text


def tps_code(text: str) -> str:
    """A polling place: 13 digits, dots allowed (94.04.01.2001.001)."""
    digits = text.replace(".", "")
    if not ids.is_tps(digits):
        raise argparse.ArgumentTypeError(f"'{text}' is no TPS: 13 digits, such as 94.04.01.2001.001")
    return digits


def area_code(text: str) -> str:
    """A TPS, village, district, regency or province; dots allowed (94.04.01)."""
    digits = text.replace(".", "")
    if not (ids.is_area(digits) or ids.is_tps(digits)):
        raise argparse.ArgumentTypeError(f"'{text}' is no area: 2, 4, 6, 10 or 13 digits, such as 94.04.01")
    return digits


def voter_id(text: str) -> str:
    if not ids.is_voter(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no voter id: it looks like 74100b01-af6e-88bf-ae05-5d4a729b6c2e")
    return text
