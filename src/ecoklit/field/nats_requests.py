"""A phone at the broker, over TCP or WebSocket: `field.nats_transport.Requests` by nats-py.

A phone's calls block, and a connection must answer the broker's pings meanwhile: so it lives in a thread of its own,
and is made anew by the first request that finds it gone.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from ecoklit.core.broker_names import inbox_of
from ecoklit.core.signing import Key
from ecoklit.field.nats_transport import Reply
from ecoklit.field.trouble import Away, NotEntitled, TryLater, WrongService

CONNECT_SECONDS_MAX: Final = 10.0
ANSWER_SECONDS_MAX: Final = 60.0
SCHEMES: Final = ("nats", "tls", "ws", "wss")
RETRY_SECONDS: Final = 5.0

T = TypeVar("T")


class _NotLetIn(Exception):
    """The broker is there, and does not take these credentials."""


class NatsRequests:
    """`device` at the broker at `url`, proved by its user key. A context manager; closing it twice changes nothing.

    `credentials` gives the JWT that lets it in; asked for a fresh one (True) after the broker refused the known one.
    """

    def __init__(
        self,
        url: str,
        device: str,
        user: Key,
        credentials: Callable[[bool], str],
        *,
        seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise WrongService(f"'{url}' is no address of a broker: it looks like nats://coklit.example:4222")
        self.shown = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
        self._url = url
        self._device = device
        self._user = user
        self._credentials = credentials
        self._seconds_max = seconds_max
        self._client: Client | None = None
        self._gone = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ecoklit-nats", daemon=True)
        self._thread.start()

    def __enter__(self) -> NatsRequests:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker."""
        if self._loop.is_closed():
            return
        self._run(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def request(self, subject: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        self._connect()
        try:
            answer = self._run(self._request(subject, body, headers))
        except nats.errors.NoRespondersError as error:
            raise TryLater(
                "service_unavailable",
                f"No service listens at the broker {self.shown}: everything is kept here.",
                RETRY_SECONDS,
            ) from error
        except (TimeoutError, OSError, nats.errors.Error) as error:
            # It may be connected to a network that is gone: the next request connects anew.
            self._run(self._leave())
            raise self._away() from error
        return Reply(answer.headers or {}, answer.data)

    def _connect(self) -> None:
        if self._client is not None and self._client.is_connected:
            return
        for is_fresh in (False, True):
            jwt = self._credentials(is_fresh)
            try:
                self._run(self._open(jwt))
                return
            except _NotLetIn:
                continue
            except (TimeoutError, OSError, nats.errors.Error) as error:
                raise self._away() from error
            except (
                Exception
            ) as error:  # whatever answers there speaks something else, and its client says so in its own way
                raise WrongService(f"What answers at {self.shown} is no broker: mend its address.") from error
        raise NotEntitled(
            f"The broker {self.shown} does not let this phone in: its key may be revoked. Ask the office."
        )

    def _away(self) -> Away:
        return Away(f"No answer from the broker {self.shown}: everything is kept here; sync again with a network.")

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self, jwt: str) -> None:
        await self._leave()
        client = Client()
        self._gone = asyncio.Event()
        is_open = False

        async def on_error(error: Exception) -> None:
            if is_open:
                return  # it is said by `on_gone`, or concerns nobody
            if "authorization" in str(error).lower() or "authentication" in str(error).lower():
                raise _NotLetIn from error
            raise error  # one failure is enough; nats-py would try again for minutes

        async def on_gone() -> None:
            self._gone.set()

        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                await client.connect(
                    self._url,
                    name="ecoklit-phone",
                    user_jwt_cb=lambda: bytearray(jwt.encode()),
                    signature_cb=self._proof,
                    inbox_prefix=inbox_of(self._device),
                    error_cb=on_error,
                    disconnected_cb=on_gone,
                    closed_cb=on_gone,
                    allow_reconnect=False,
                    max_reconnect_attempts=0,
                )
        except BaseException:
            with contextlib.suppress(Exception):
                await client.close()
            raise
        is_open = True
        self._client = client

    def _proof(self, nonce: str) -> bytes:
        return base64.b64encode(self._user.sign(nonce.encode()))

    async def _request(self, subject: str, body: bytes, headers: Mapping[str, str]) -> Msg:
        client = self._client
        if client is None:
            raise nats.errors.ConnectionClosedError
        asking = asyncio.ensure_future(
            client.request(subject, body, timeout=self._seconds_max, headers=dict(headers) or None)
        )
        gone = asyncio.ensure_future(self._gone.wait())
        # nats-py lets a request wait for its whole time when the connection is gone meanwhile.
        await asyncio.wait((asking, gone), return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not asking.done():
            asking.cancel()
            raise nats.errors.ConnectionClosedError
        return await asking

    async def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                await client.close()
