"""A phone in somebody's hand: the real store and the real client, whose power can go at any statement of the store."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from ecoklit.core.policy import Policy
from ecoklit.core.wire import Held
from ecoklit.field import enrolment
from ecoklit.field.client import Client, Synced
from ecoklit.field.outbox import STORE_FILE, Outbox
from ecoklit.field.phone import Phone
from ecoklit.testing.simulator.road import Road

FILES: Final = (STORE_FILE, f"{STORE_FILE}-wal", f"{STORE_FILE}-shm")


class PowerCut(BaseException):
    """The phone is dead: whatever it was doing is not done."""


class Power:
    """What becomes of the store's statements: the `left`th from now is its last, before or after it was done; or the
    disk is full from it on."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.is_done_first = False
        self.is_disk_full = False

    def fail_at(self, statement: int, *, is_done_first: bool, is_disk_full: bool = False) -> None:
        self.left, self.is_done_first, self.is_disk_full = statement, is_done_first, is_disk_full

    def mend(self) -> None:
        self.left, self.is_disk_full = None, False

    def is_due(self) -> bool:
        if self.left is None:
            return False
        self.left -= 1
        return self.left < 0


class _Connection(sqlite3.Connection):
    """SQLite's, with the power of the phone that it runs on."""

    power: Power

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        return self._powered(sql, lambda: super(_Connection, self).execute(sql, *args))

    def executemany(self, sql: str, *args: Any) -> sqlite3.Cursor:
        return self._powered(sql, lambda: super(_Connection, self).executemany(sql, *args))

    def _powered(self, sql: str, run: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        power = self.power
        if not power.is_due() or sql == "rollback":
            return run()
        if power.is_disk_full:
            if sql == "commit" or sql.startswith(("insert", "update", "delete")):
                raise sqlite3.OperationalError("database or disk is full")
            return run()
        power.mend()
        if power.is_done_first:
            run()
        raise PowerCut


class Hand:
    """Who holds a phone, and the phone. `random` is the chance of the deed that is being done; `seconds_off` is how
    far its clock is wrong."""

    def __init__(
        self, name: str, home: Path, road: Road, policies: Mapping[str, Policy], now: Callable[[], datetime]
    ) -> None:
        self.name = name
        self.home = home
        self.road = road
        self.random = Random(0)
        self.power = Power()
        self.days_off = 0
        self.officer = name.lower()
        self.role = "pantarlih"
        self.area = ""
        self.is_gone = False
        self.is_enrolled = False
        self.copy: Path | None = None
        self._policies = policies
        self._now = now
        self._connection = type("_Powered", (_Connection,), {"power": self.power})
        self.phone = self._open()

    def _open(self) -> Phone:
        self.power.mend()
        outbox = Outbox(self.home, make=True, connection=self._connection)
        return Phone(outbox, self._policies, now=self._clock, entropy=lambda count: self.random.randbytes(count))

    def _clock(self) -> datetime:
        return self._now() + timedelta(days=self.days_off)

    @property
    def outbox(self) -> Outbox:
        return self.phone.outbox

    @property
    def device(self) -> str:
        return self.phone.identity().device

    def reopen(self) -> None:
        """The phone was off, and is on again."""
        self.outbox.close()
        self.phone = self._open()

    def close(self) -> None:
        self.outbox.close()

    def sync(self, sleep: Callable[[float], object]) -> Synced:
        return Client(self.phone, self.road, enrolment.services_of(self.outbox), sleep=sleep).sync()

    def logs(self) -> list[Held]:
        """Every event that was said with a key of this phone, as its store has it."""
        return [one for device in self.outbox.devices() for one in self.outbox.own(device)]

    # --- copies of the whole phone -------------------------------------------------------------------------------

    def back_up(self, to: Path) -> None:
        """Copy the store as it lies on the disk."""
        self.outbox.close()
        _copy(self.home, to)
        self.copy = to
        self.phone = self._open()

    def restore(self) -> None:
        """The copy takes the store's place: the key with an older log."""
        assert self.copy is not None
        self.outbox.close()
        _copy(self.copy, self.home)
        self.phone = self._open()


def _copy(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for name in FILES:
        (target / name).unlink(missing_ok=True)
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
