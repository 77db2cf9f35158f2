"""Shutting users out of a running broker: it is told the account's new claims, and cuts who is revoked by them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

import msgspec
import nats
import nats.errors
from nats.aio.client import RawCredentials

from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.core.broker_names import inbox_of, servers_of
from ecoklit.errors import EcoklitError

ANSWER_SECONDS_MAX: Final = 5.0
_SUBJECT: Final = "$SYS.REQ.CLAIMS.UPDATE"


class BrokerUnavailable(EcoklitError):
    """The broker did not take the new claims. They are kept, and told it by the next call or at its next start."""

    def __init__(self, message: str) -> None:
        super().__init__("broker_unavailable", message)


class _Error(msgspec.Struct):
    description: str = ""


class _Update(msgspec.Struct):
    error: _Error | None = None


class NatsExclusion:
    """Who is shut out at the broker at `url`, which was started with `accounts`."""

    def __init__(self, url: str, accounts: BrokerAccounts) -> None:
        self._url = url
        self._accounts = accounts
        self._told: frozenset[str] | None = None  # what it was told before, it may have forgotten

    async def shut_out(self, nkeys: Collection[str]) -> None:
        """Shut these users out for good. On return that is durable, and their live connections are cut.

        May be called again and again with everybody who is out. Raises BrokerUnavailable: who is to go is kept, and
        the next call tells the broker.
        """
        self._accounts.revoke(nkeys)
        out = self._accounts.revoked
        if out != self._told:
            await self._tell()
            self._told = out

    async def _tell(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):  # nats-py itself would try to connect for two minutes
                update = await self._told_by(self._accounts.account_claims().encode("ascii"))
        except (OSError, TimeoutError, nats.errors.Error, msgspec.DecodeError) as error:
            raise BrokerUnavailable(
                f"The broker was not told who is shut out ({type(error).__name__}): see that it runs, and wait."
            ) from error
        if update.error is not None:
            raise BrokerUnavailable(
                f"The broker did not take who is shut out ({update.error.description}): see its log."
            )

    async def _told_by(self, claims: bytes) -> _Update:
        client = await nats.connect(
            servers_of(self._url),
            name="ecoklit-claims",
            user_credentials=RawCredentials(self._accounts.system_credentials()),
            inbox_prefix=inbox_of("claims"),
            allow_reconnect=False,
            error_cb=_fail,
        )
        try:
            reply = await client.request(_SUBJECT, claims, timeout=ANSWER_SECONDS_MAX)
            return msgspec.json.decode(reply.data, type=_Update)
        finally:
            await client.close()


async def _fail(error: Exception) -> None:
    """One failure is enough; nats-py would try again for minutes."""
    raise error
