"""A login for SQL: for which accounts there is one, and within which bounds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from ecoklit.errors import EcoklitError
from ecoklit.ports import Reading, ReadLog, SqlPeople
from ecoklit.services.guessing import is_easy
from ecoklit.services.viewer import ANALYST, KPU, PPK, PPS

ROLES: Final = (ANALYST, KPU, PPK, PPS)
"""Those whose people see the lists with birth dates, as the views show them: a supervisor sees ages only."""
DAYS_MAX: Final = 366
PASSWORD_CHARACTERS: Final = (15, 128)

# A role's name: what an account's login may be, but for the database's own names and ours.
_ROLE_NAME: Final = re.compile(r"(?!pg_|ecoklit|postgres$|public$|none$)[a-z0-9][a-z0-9._@-]{2,62}").fullmatch
_PRINTABLE: Final = re.compile(r"[ -~]+").fullmatch


class SqlRefused(EcoklitError):
    """There is no login for SQL on these terms; nothing was changed."""

    def __init__(self, message: str) -> None:
        super().__init__("sql_refused", message)


async def open_sql(
    people: SqlPeople,
    login: str,
    areas: Sequence[str],
    password: str,
    days: int,
    now: datetime,
    log: ReadLog | None = None,
) -> tuple[tuple[str, ...], datetime]:
    """Give the account `login` a login of the database for `days`, bound to `areas` (none: all of the account's).

    The areas it was bound to, and until when. What is asked by it nobody writes down, so the `log` has first whom it
    lets read: everybody on the lists of each area. Raises SqlRefused, and EcoklitError `unknown_account`,
    `login_taken`.
    """
    _refuse_terms(login, password, days)
    account = await people.account(login)
    if account is None:
        raise EcoklitError("unknown_account", f"No open account is called {login}: make it first, 'account add'.")
    if account.role not in ROLES:
        raise SqlRefused(
            f"A {account.role} sees less of a voter than the views show, so it has no SQL: "
            f"its lists come over HTTP and as exports; SQL is for {', '.join(ROLES)}."
        )
    bound = tuple(sorted(set(areas or account.areas)))
    if outside := [area for area in bound if not area.startswith(account.areas)]:
        raise SqlRefused(f"{outside[0]} is no part of the account's areas ({', '.join(account.areas)}): leave it out.")
    until = now.astimezone(UTC) + timedelta(days=days)
    if log is not None:
        until_day = f"until {until:%Y-%m-%d}"
        await log.write(
            [
                Reading(
                    account.account,
                    "sql",
                    area,
                    None,
                    await people.voters_within(area),
                    (),
                    until_day,
                    0,
                    "shell",
                    "",
                    0,
                )
                for area in bound
            ]
        )
    await people.open_to(login, bound, password, until)
    return bound, until


def _refuse_terms(login: str, password: str, days: int) -> None:
    if _ROLE_NAME(login) is None:
        raise SqlRefused(
            "This login can be no role of the database: 3 to 63 characters a-z, 0-9, . _ - @, not beginning with pg_ "
            "or ecoklit."
        )
    least, most = PASSWORD_CHARACTERS
    if not least <= len(password) <= most or _PRINTABLE(password) is None:
        raise SqlRefused(f"A password for SQL has {least} to {most} characters of ASCII, spaces too: choose another.")
    if is_easy(password, login):
        raise SqlRefused("The password is made of what everybody tries first: take random words.")
    if not 1 <= days <= DAYS_MAX:
        raise SqlRefused(f"A login for SQL is good for 1 to {DAYS_MAX} days: say how many, then make it anew.")
