"""The lists as frames, through whichever door."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Final, Protocol, Self

from ecoklit.core import ids
from ecoklit.errors import EcoklitError
from ecoklit.ports import AsOf

try:
    import polars as pl
except ImportError as error:
    raise EcoklitError("not_installed", "Frames need the extra 'analyst': pip install 'ecoklit[analyst]'.") from error

ADDRESS: Final = "ECOKLIT_ANALYST_URL"
SCHEMA: Final = "ECOKLIT_ANALYST_SCHEMA"
TOKEN: Final = "ECOKLIT_TOKEN"
LEVELS: Final = {4: "district", 6: "village", 10: "tps", 13: "tps"}
"""Digits of an area → its parts."""


class Door(Protocol):
    """What answers: each question is one moment, which `as_of` is afterwards."""

    as_of: AsOf | None

    def voters(self, area: str) -> pl.DataFrame: ...

    def recap(self, area: str, level: str) -> pl.DataFrame: ...

    def progress(self, area: str, level: str) -> pl.DataFrame: ...

    def about(self, name: str, area: str) -> pl.DataFrame:
        """movers, conflicts, proposals, families or late."""
        ...

    def sql(self, statement: str, *arguments: object) -> pl.DataFrame: ...

    def close(self) -> None: ...


class Lists:
    """Lists and figures as Polars frames. Areas are codes of 4, 6, 10 or 13 digits; dots are allowed."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._door.close()

    @property
    def as_of(self) -> AsOf | None:
        """Which moment the last answer speaks of; None before the first, and after `sql`."""
        return self._door.as_of

    def voters(self, area: str) -> pl.DataFrame:
        """Who stands on the lists of a TPS, or of every TPS of an area, as in the view voter_list."""
        return self._door.voters(_area(area))

    def recap(self, area: str, level: str | None = None) -> pl.DataFrame:
        """The counts of each part of an area (regency, district, village or tps), as in the view recap."""
        area = _area(area)
        return self._door.recap(area, level or LEVELS[len(area)])

    def progress(self, area: str, level: str | None = None) -> pl.DataFrame:
        """Entries that count, by part (district, village or tps), day and kind: columns area, day, kind, n."""
        area = _area(area)
        return self._door.progress(area, level or LEVELS[len(area)])

    def movers(self, area: str) -> pl.DataFrame:
        """Who moved from or to the area, left it, or is said to have left, as in the view movers."""
        return self._door.about("movers", _area(area))

    def conflicts(self, area: str) -> pl.DataFrame:
        """Each side of every open conflict, as in the view open_conflicts."""
        return self._door.about("conflicts", _area(area))

    def proposals(self, area: str) -> pl.DataFrame:
        """Removals that wait for a ruling, as in the view proposals."""
        return self._door.about("proposals", _area(area))

    def families(self, area: str) -> pl.DataFrame:
        """Families on the lists of several TPS, as in the view split_families."""
        return self._door.about("families", _area(area))

    def late(self, area: str) -> pl.DataFrame:
        """Entries that came when coklit of their area was closed, as in the view late_entries."""
        return self._door.about("late", _area(area))

    def sql(self, statement: str, *arguments: object) -> pl.DataFrame:
        """Whatever docs/DATA_DICTIONARY.md has, in SQL; $1, $2 … are the arguments. The database's door alone."""
        return self._door.sql(statement, *arguments)


def connect(address: str | None = None, *, token: str | None = None, schema: str | None = None) -> Lists:
    """The lists at `address`: postgresql://… with a login for SQL, or https://… with a token.

    Unless given, they are ECOKLIT_ANALYST_URL and ECOKLIT_TOKEN of the environment; `schema` is that of the projection,
    ECOKLIT_ANALYST_SCHEMA or ecoklit. Raises EcoklitError bad_argument, and what the door raises: database_refused,
    roll_unavailable, service_unavailable.
    """
    address = address or os.environ.get(ADDRESS) or ""
    if address.startswith(("postgresql://", "postgres://")):
        from ecoklit.analyst.database import Database

        return Lists(Database(address, schema or os.environ.get(SCHEMA) or "ecoklit"))
    if address.startswith(("https://", "http://")):
        from ecoklit.analyst.service import Service

        return Lists(Service(address, token or os.environ.get(TOKEN) or ""))
    raise EcoklitError("bad_argument", f"Where? Give postgresql://… or https://…, or set {ADDRESS}.")


def _area(code: str) -> str:
    digits = code.replace(".", "")
    if len(digits) not in LEVELS or not (ids.is_area(digits) or ids.is_tps(digits)):
        raise EcoklitError(
            "unknown_area", "That is no area: give a regency (4 digits), district (6), village (10) or TPS (13)."
        )
    return digits
