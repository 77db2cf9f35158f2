"""What the driver says, in the words of the ports."""

from __future__ import annotations

import asyncpg
import pytest
from asyncpg import exceptions

from ecoklit.adapters.postgres_connection import RollFault, RollRefused, open_connection, translated
from ecoklit.ports import RollUnavailable


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "refused"),
        TimeoutError(),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.AdminShutdownError("terminating"),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.TooManyConnectionsError("too many"),
        asyncpg.DiskFullError("No space left on device"),
    ],
)
def test_what_may_pass_is_unavailable(error: Exception) -> None:
    """A database that is away, starting, stopping or full is one to wait for: one sentence, one code."""
    with pytest.raises(RollUnavailable) as caught, translated():
        raise error
    assert caught.value.code == "database_unavailable"
    assert "\n" not in caught.value.message
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InvalidPasswordError("password authentication failed"),
        asyncpg.InvalidCatalogNameError('database "x" does not exist'),
        asyncpg.InsufficientPrivilegeError("permission denied"),
    ],
)
def test_what_will_not_pass_is_refused(error: Exception) -> None:
    """A wrong password, a missing database or right is for a person to mend, and not to be tried again."""
    with pytest.raises(RollRefused), translated():
        raise error


def test_a_statement_that_fails_names_no_value() -> None:
    """What the database quotes may be personal: the error names the kind of failure only."""
    with pytest.raises(RollFault) as caught, translated():
        raise asyncpg.UniqueViolationError('duplicate key value "Siti" violates')
    assert caught.value.code == "database_fault"
    assert "UniqueViolationError" in caught.value.message and "Siti" not in caught.value.message


def test_our_own_faults_are_not_taken_for_an_absent_database() -> None:
    """A value that the driver cannot encode would fail for ever: it is raised as it is."""
    error = exceptions._base.DataError("invalid input for query argument $1")
    with pytest.raises(type(error)), translated():
        raise error


async def test_a_url_that_is_none_is_refused() -> None:
    """A URL that cannot be understood is named as such."""
    with pytest.raises(RollRefused, match="URL"):
        await open_connection("http://127.0.0.1/ecoklit")
