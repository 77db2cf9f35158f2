"""Reaching a database, and saying in one sentence why that failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from asyncpg import exceptions

from ecoklit.ports import RollError, RollUnavailable

CONNECT_SECONDS_MAX: Final = 10.0
STATEMENT_SECONDS_MAX: Final = 300.0
READERS_MAX: Final = 8

_LOST: Final = (
    OSError,
    TimeoutError,
    exceptions.PostgresConnectionError,
    exceptions.OperatorInterventionError,
    exceptions.TooManyConnectionsError,
    exceptions.InterfaceError,
    exceptions.InternalClientError,
)
_REFUSED: Final = (
    exceptions.InvalidAuthorizationSpecificationError,
    exceptions.InvalidCatalogNameError,
    exceptions.InsufficientPrivilegeError,
    exceptions.ClientConfigurationError,
)
# A value or a call that the driver refuses before it asks the database: our fault, and to try again would not help.
_OURS: Final = (ValueError, exceptions.UnsupportedClientFeatureError)
_FULL: Final = (exceptions.DiskFullError, exceptions.OutOfMemoryError)
_DAMAGED: Final = (exceptions.DataCorruptedError, exceptions.IndexCorruptedError)


class RollRefused(RollError):
    """The database is there and will not have us: a wrong password, no such database, no right."""

    def __init__(self, message: str) -> None:
        super().__init__("database_refused", message)


class RollFault(RollError):
    """The database could not carry out a statement: a fault of ecoklit or of the schema, not of what was asked."""

    def __init__(self, message: str) -> None:
        super().__init__("database_fault", message)


class RollDamaged(RollError):
    """A page of the database is not what was written. The journal is the copy: the roll is made anew from it."""

    def __init__(self, message: str) -> None:
        super().__init__("database_damaged", message)


class Lent(asyncpg.Connection):
    """A pool's connection. Whoever has it sets nothing for longer than a transaction, and that ends at the latest when
    they give it back: so nothing is asked of the database to put it right for the next one.
    """

    def get_reset_query(self) -> str:
        return ""


@contextmanager
def translated() -> Iterator[None]:
    """The driver's errors as RollUnavailable, RollRefused, RollDamaged and RollFault."""
    try:
        yield
    except _REFUSED as error:
        raise RollRefused(
            f"The database refuses us ({cause(error)}): check the role, the password and the name in its URL."
        ) from error
    except _DAMAGED as error:
        # Which page of which file: no value stands in it.
        raise RollDamaged(
            f"The database is damaged ({cause(error)}): `ecoklit rebuild` makes the roll anew from the journal; "
            f"`ecoklit inspect` says which tables, and the disk wants looking at."
        ) from error
    except _FULL as error:
        raise RollUnavailable(
            f"The database has no room left ({cause(error)}): nothing of this step was applied and nothing is lost; "
            f"make room, and the projector goes on from its checkpoint."
        ) from error
    except _LOST as error:
        if isinstance(error, _OURS):
            raise
        raise RollUnavailable(
            f"The database does not answer ({cause(error)}): start it or mend its URL; nothing is lost, "
            f"and the projector goes on from its checkpoint."
        ) from error
    except asyncpg.PostgresError as error:
        # What the database says can quote a value, and a value can be personal: only the kind of error is repeated.
        raise RollFault(
            f"The database could not carry out a statement ({type(error).__name__}): nothing of this step was applied; "
            f"`ecoklit rebuild` makes the schema anew from the journal, and the fault wants reporting."
        ) from error


async def open_connection(dsn: str, **settings: str) -> asyncpg.Connection:
    """A connection with these session settings. Raises RollUnavailable or RollRefused."""
    with translated():
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_SECONDS_MAX,
            command_timeout=STATEMENT_SECONDS_MAX,
            server_settings=_settings(settings),
        )


async def open_pool(dsn: str, **settings: str) -> asyncpg.Pool:
    """A pool of connections with these session settings. Raises RollUnavailable or RollRefused."""
    with translated():
        return await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=READERS_MAX,
            timeout=CONNECT_SECONDS_MAX,
            command_timeout=STATEMENT_SECONDS_MAX,
            server_settings=_settings(settings),
            connection_class=Lent,
        )


def cause(error: BaseException) -> str:
    """What the database or the system said, in one line."""
    text = str(error).split("\n", 1)[0].strip().rstrip(".")
    return text or type(error).__name__


def _settings(settings: dict[str, str]) -> dict[str, str]:
    return {"application_name": "ecoklit", "client_min_messages": "error", **settings}
