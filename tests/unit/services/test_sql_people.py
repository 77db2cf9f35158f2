"""Who gets a login for SQL, within which bounds, and what is said to whoever does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from ecoklit.adapters.postgres_sql_people import scram_verifier
from ecoklit.errors import EcoklitError
from ecoklit.ports import SqlAccount, SqlLogin, SqlPeople
from ecoklit.services.sql_people import SqlRefused, open_sql
from ecoklit.services.viewer import OWN_RIGHTS

NOW = datetime(2024, 7, 1, tzinfo=UTC)
PASSWORD = "five words that are enough"


class MemoryPeople:
    """The accounts of a dictionary; what was opened is in `opened`."""

    def __init__(self, **accounts: tuple[str, ...]) -> None:
        self.accounts = {login: SqlAccount(login, role, areas, login) for login, (role, *areas) in accounts.items()}  # type: ignore[arg-type]
        self.opened: dict[str, SqlLogin] = {}

    async def account(self, login: str) -> SqlAccount | None:
        found = self.accounts.get(login)
        return found and found._replace(areas=tuple(found.areas))

    async def logins(self) -> list[SqlLogin]:
        return list(self.opened.values())

    async def voters_within(self, area: str) -> int:
        return len(area)

    async def open_to(self, login: str, areas: Sequence[str], password: str, until: datetime) -> None:
        self.opened[login] = SqlLogin(login, tuple(areas), until)

    async def close_to(self, login: str) -> None:
        del self.opened[login]

    async def left_open(self) -> list[str]:
        return []


async def test_a_login_has_the_areas_of_its_account_or_fewer() -> None:
    """Without areas it has all of the account's; named ones must lie in them; it ends after its days."""
    people = MemoryPeople(rina=("analyst", "940401", "9404021001"))
    assert isinstance(people, SqlPeople)
    areas, until = await open_sql(people, "rina", (), PASSWORD, 30, NOW)
    assert areas == ("940401", "9404021001") and until == datetime(2024, 7, 31, tzinfo=UTC)
    areas, _ = await open_sql(people, "rina", ("9404012001", "9404021001001"), PASSWORD, 1, NOW)
    assert areas == ("9404012001", "9404021001001") == people.opened["rina"].areas


@pytest.mark.parametrize(
    ("login", "areas", "password", "days", "code"),
    [
        ("rina", ("9404",), PASSWORD, 30, "sql_refused"),
        ("rina", ("940402",), PASSWORD, 30, "sql_refused"),
        ("rina", (), "short", 30, "sql_refused"),
        ("rina", (), "sandi dengan huruf é dan ü", 30, "sql_refused"),
        ("rina", (), "a line\nand another line", 30, "sql_refused"),
        ("rina", (), PASSWORD, 0, "sql_refused"),
        ("rina", (), PASSWORD, 367, "sql_refused"),
        ("nobody", (), PASSWORD, 30, "unknown_account"),
        ("pg_read_all_data", (), PASSWORD, 30, "sql_refused"),
        ("ecoklit_reader", (), PASSWORD, 30, "sql_refused"),
        ("postgres", (), PASSWORD, 30, "sql_refused"),
        ('rina"; drop role x; --', (), PASSWORD, 30, "sql_refused"),
    ],
)
async def test_what_is_refused_changes_nothing(
    login: str, areas: tuple[str, ...], password: str, days: int, code: str
) -> None:
    """Areas outside the account's, weak passwords, names of the database's own and unknown accounts are refused."""
    people = MemoryPeople(rina=("analyst", "940401"))
    with pytest.raises(EcoklitError) as refused:
        await open_sql(people, login, areas, password, days, NOW)
    assert refused.value.code == code and not people.opened
    assert password not in refused.value.message


@pytest.mark.parametrize("role", sorted(OWN_RIGHTS))
async def test_who_sees_less_of_a_voter_has_no_sql(role: str) -> None:
    """Views show birth dates: roles that see ages, one TPS or the log only get no login."""
    people = MemoryPeople(somebody=(role, "9404012001001"))
    if role in ("analyst", "kpu", "ppk", "pps"):
        await open_sql(people, "somebody", (), PASSWORD, 30, NOW)
        assert people.opened
    else:
        with pytest.raises(SqlRefused, match=f"A {role} sees less"):
            await open_sql(people, "somebody", (), PASSWORD, 30, NOW)


def test_the_verifier_is_that_of_the_standard() -> None:
    """RFC 7677 §3: the password `pencil` with that salt gives the server's signature of its example."""
    import base64
    import hmac

    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    verifier = scram_verifier("pencil", salt=salt, iterations=4096)
    assert verifier.startswith("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")
    server_key = base64.b64decode(verifier.rpartition(":")[2])
    exchange = (
        "n=user,r=rOprNGfwEbeRWgbNEkqO,"
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    signed = base64.b64encode(hmac.digest(server_key, exchange.encode(), "sha256")).decode()
    assert signed == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
