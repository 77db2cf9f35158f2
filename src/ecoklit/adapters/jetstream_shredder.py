"""Deleting from the journal's stream of persons: what no user of the broker may but this one, for an hour.

The broker overwrites a message that it deletes with bytes of chance, in its file, before it answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import nats
import nats.errors
from nats.aio.client import Client, RawCredentials

from ecoklit.adapters.nats_accounts import ERASER
from ecoklit.core.broker_names import inbox_of, servers_of
from ecoklit.errors import EcoklitError
from ecoklit.ports import JournalUnavailable

ANSWER_SECONDS_MAX: Final = 5.0
AT_ONCE_MAX: Final = 50
_GONE: Final = (10037, 10043)
"""No message of that sequence (any more)."""


class _Error(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _Deleted(msgspec.Struct):
    error: _Error | None = None


class JetStreamShredder:
    """`ports.PersonShredder` at the broker at `url`, as a user whose credentials are asked for at each call."""

    def __init__(self, url: str, election: str, regency: str, credentials: Callable[[], str | None]) -> None:
        self._url = url
        self._subject = f"$JS.API.STREAM.MSG.DELETE.ECOKLIT-{election}-{regency}-persons"
        self._credentials = credentials

    async def shred(self, sequences: Sequence[int]) -> None:
        if not sequences:
            return
        credentials = self._credentials()
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                client = await nats.connect(
                    servers_of(self._url),
                    user_credentials=None if credentials is None else RawCredentials(credentials),
                    inbox_prefix=inbox_of(ERASER),
                    allow_reconnect=False,
                )
        except (TimeoutError, OSError, nats.errors.Error):
            raise JournalUnavailable("No broker lets us in to erase: start it, then try again.") from None
        try:
            for start in range(0, len(sequences), AT_ONCE_MAX):
                await asyncio.gather(*(self._delete(client, one) for one in sequences[start : start + AT_ONCE_MAX]))
        finally:
            await client.close()

    async def _delete(self, client: Client, sequence: int) -> None:
        try:
            reply = await client.request(self._subject, b'{"seq":%d}' % sequence, timeout=ANSWER_SECONDS_MAX)
        except (nats.errors.Error, OSError):
            # A user without the right is not answered at all.
            raise EcoklitError(
                "not_let_erase",
                "The broker does not let us delete persons: run this where its keys are (ECOKLIT_NATS_KEYS), or let "
                f"this service publish to {self._subject}.",
            ) from None
        error = msgspec.json.decode(reply.data, type=_Deleted).error
        if error is not None and error.err_code not in _GONE:
            raise JournalUnavailable(f"The broker did not delete a person ({error.description}): try again later.")
