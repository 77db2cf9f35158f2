"""What every part of chaos is given, and how it says that a machine cannot run it."""

from __future__ import annotations

from typing import NamedTuple

from ecoklit.errors import EcoklitError


class Options(NamedTuple):
    """`seed` gives the moments and the victims; `quick` is a short form, as `make test` has it."""

    seed: int = 1
    quick: bool = False


class CannotRun(EcoklitError):
    """This machine lacks what a part needs; `message` names it."""

    def __init__(self, message: str) -> None:
        super().__init__("cannot_run", message)
