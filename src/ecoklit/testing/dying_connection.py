"""Power lost at the nth statement of a store: a connection of sqlite3 that dies when a test says so."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, ClassVar


class PowerLost(BaseException):
    """No code of ours may catch this one, as none runs when the power is gone."""


class Dying(sqlite3.Connection):
    """A connection that takes `left` more statements, and none after that. Before each it may be looked at.

    Those count that begin with one of `only`: to die before a read leaves what the next write finds.
    """

    left: int = 2**31
    taken: int = 0
    only: ClassVar[tuple[str, ...]] = ("",)
    look: Callable[[], None] | None = None
    opened: ClassVar[list[sqlite3.Connection]] = []

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        Dying.opened.append(self)

    @classmethod
    def reset(cls, left: int = 2**31, look: Callable[[], None] | None = None, only: tuple[str, ...] = ("",)) -> None:
        """The process is gone, and with it what it had open; another one has so many statements."""
        cls.left, cls.taken, cls.look, cls.only = left, 0, look, only
        while cls.opened:
            cls.opened.pop().close()

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._count(str(arguments[0]))
        return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._count(str(arguments[0]))
        return super().executemany(*arguments)

    def _count(self, statement: str) -> None:
        if not statement.lstrip().startswith(Dying.only):
            return
        if Dying.look is not None:
            Dying.look()
        if Dying.left == 0:
            raise PowerLost
        Dying.left -= 1
        Dying.taken += 1
