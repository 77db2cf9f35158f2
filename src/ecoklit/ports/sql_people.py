"""People with SQL: logins of the database, each bound by the database itself to the areas of an account."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, runtime_checkable


class SqlAccount(NamedTuple):
    """What of an open account decides about a login for SQL."""

    login: str
    role: str
    areas: tuple[str, ...]
    account: str


class SqlLogin(NamedTuple):
    """A login of the database: its areas, and until when its password opens (None: for ever)."""

    login: str
    areas: tuple[str, ...]
    until: datetime | None


@runtime_checkable
class SqlPeople(Protocol):
    """Who may ask the projection in SQL. A change is one transaction; whoever is logged in is bound by it at once."""

    async def account(self, login: str) -> SqlAccount | None:
        """The open account of that login; None when there is none."""
        ...

    async def logins(self) -> list[SqlLogin]:
        """Every login made here."""
        ...

    async def voters_within(self, area: str) -> int:
        """How many voters stand on the lists of an area now: so many can be read there."""
        ...

    async def open_to(self, login: str, areas: Sequence[str], password: str, until: datetime) -> None:
        """Make the login of an account, or give it other areas and another password: it reads views of these areas.

        Raises EcoklitError `login_taken` when the database has such a role that was not made here.
        """
        ...

    async def close_to(self, login: str) -> None:
        """Take the login away. Raises EcoklitError `unknown_login` when it was not made here."""
        ...

    async def left_open(self) -> list[str]:
        """What everybody may still do in the database that people with SQL should not (projections/close.sql)."""
        ...
