"""The service over NATS, also through the broker's WebSocket: a push as a request, its receipt as the answer (SPEC §7).

A device asks on `ecoklit.push.<its id>`, with a push as its body, whoever's log that is; every gateway listens, and one
takes it. What is refused is the problem that HTTP answers, and the headers of a NATS service's error (ADR-32) say so.
They are not `Status: 503`: that is how a broker says that nobody listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from ecoklit import problems
from ecoklit.adapters.nats_accounts import SERVICE
from ecoklit.core.broker_names import PUSH_PREFIX, inbox_of
from ecoklit.core.ids import is_device
from ecoklit.errors import EcoklitError
from ecoklit.ports import JournalBusy, JournalError, JournalUnavailable, Service
from ecoklit.problems import Problem

GATEWAYS: Final = "ecoklit"  # the queue group: of all gateways, one gets a request
CONNECT_SECONDS_MAX: Final = 5.0
RECONNECT_SECONDS: Final = 1
CLOSE_SECONDS_MAX: Final = 30.0
FLUSH_SECONDS_MAX: Final = 1  # a broker that has just gone takes ten to be missed
RETRY_SECONDS: Final = 5

REQUESTS_AT_ONCE_MAX: Final = 256
"""Pushes being judged and stored at once: two full group commits."""

REQUESTS_PER_DEVICE_MAX: Final = 4
"""A device has one log, which is stored in order: more at once only take the place of others."""

BYTES_AT_ONCE_MAX: Final = 64 * 1024 * 1024
"""Of all their bodies together: 71 of the largest pushes, or 256 of 250 KB."""

CONTENT_TYPE: Final = "Content-Type"
RETRY_AFTER: Final = "Retry-After"
ERROR: Final = "Nats-Service-Error"
ERROR_CODE: Final = "Nats-Service-Error-Code"
OK: Final = "ok"
AWAY: Final = "broker_unavailable"
REFUSED: Final = "broker_refused"


class _NotLetIn(Exception):
    """The broker is there, and wants other credentials."""


class NatsDoor:
    """`service` for whoever the broker at `url` lets in. `state` is `ok`, or the code of what keeps it shut."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._client = Client()
        self._subscription: Subscription | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._by_device: Counter[str] = Counter()
        self._bytes = 0
        self._ignored = 0
        self._opened = False
        self._refused = False

    @classmethod
    async def open(cls, url: str, service: Service, credentials: Path | None = None) -> NatsDoor:
        """Connect and listen. A broker that comes back later finds the door listening again. Raises JournalError."""
        door = cls(service)
        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                await door._client.connect(
                    url,
                    name="ecoklit-door",
                    user_credentials=None if credentials is None else str(credentials),
                    inbox_prefix=inbox_of(SERVICE),
                    error_cb=door._on_error,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_SECONDS,
                    ping_interval=5,
                )
                door._subscription = await door._client.subscribe(PUSH_PREFIX + "*", GATEWAYS, cb=door._on_request)
                await door._client.flush()
        except _NotLetIn:
            await door._client.close()
            raise JournalError(
                REFUSED, "The broker does not let this service in: set ECOKLIT_NATS_CREDS to its credentials file."
            ) from None
        except (TimeoutError, OSError, nats.errors.Error):
            await door._client.close()
            raise JournalUnavailable("No broker answers, so nothing can be pushed through it: start it.") from None
        door._opened = True
        return door

    @property
    def state(self) -> str:
        if not self._client.is_connected:
            return AWAY
        return REFUSED if self._refused else OK

    async def close(self) -> None:
        """Take no more requests, answer those under way, and leave."""
        with contextlib.suppress(nats.errors.Error, OSError):
            if self._subscription is not None:
                await self._subscription.unsubscribe()
        if self._requests:
            await asyncio.wait(self._requests, timeout=CLOSE_SECONDS_MAX)
        with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
            if self._client.is_connected:
                await self._client.flush(FLUSH_SECONDS_MAX)
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._client.close()

    async def __aenter__(self) -> NatsDoor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _on_error(self, error: Exception) -> None:
        # The broker says what it forbids; a client would otherwise only ever see that nothing comes.
        if not self._opened and "authorization" in str(error).lower():
            raise _NotLetIn
        if "permissions violation for subscription" in str(error).lower():
            self._refused = True
            _log("door_refused")

    # --- one request --------------------------------------------------------------------------------------------

    async def _on_request(self, message: Msg) -> None:
        device = message.subject.removeprefix(PUSH_PREFIX)
        if not _may_be_answered(device, message.reply):
            self._ignored += 1
            if self._ignored & (self._ignored - 1) == 0:  # the 1st, 2nd, 4th, 8th …: nobody floods the log
                _log("door_ignored", requests=self._ignored)
            return
        if self._has_no_room(device, len(message.data)):
            busy = JournalBusy("More is being pushed than can be taken: wait a few seconds, then push again.")
            await self._answer(message, problems.problem_of(busy))
            return
        request = asyncio.create_task(self._serve(message))
        self._requests.add(request)
        self._by_device[device] += 1
        self._bytes += len(message.data)
        request.add_done_callback(lambda done: self._served(done, device, len(message.data)))

    def _has_no_room(self, device: str, size: int) -> bool:
        return (
            len(self._requests) >= REQUESTS_AT_ONCE_MAX
            or self._by_device[device] >= REQUESTS_PER_DEVICE_MAX
            or self._bytes + size > BYTES_AT_ONCE_MAX
        )

    def _served(self, request: asyncio.Task[None], device: str, size: int) -> None:
        self._requests.discard(request)
        self._by_device[device] -= 1
        self._by_device += Counter()  # forgets those with none
        self._bytes -= size

    async def _serve(self, message: Msg) -> None:
        try:
            await self._answer(message, await self._push(message))
        except EcoklitError as error:
            await self._answer(message, problems.problem_of(error))
        except Exception as error:
            _log("fault", error=type(error).__name__)
            await self._answer(message, problems.fault())

    async def _push(self, message: Msg) -> bytes | Problem:
        encoding = (message.headers or {}).get("Content-Encoding", "identity")
        if encoding != "identity":
            detail = "Over NATS a push is sent as it is: leave the Content-Encoding out."
            return problems.named("unsupported_media_type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
        return await self._service.push(message.data)

    async def _answer(self, message: Msg, answer: bytes | Problem) -> None:
        if isinstance(answer, Problem):
            body, headers = msgspec.json.encode(answer), _headers_of(answer)
        else:
            body, headers = answer, {CONTENT_TYPE: "application/json"}
        # An answer that gets lost is asked for again: a push that is held already is receipted again.
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._client.publish(message.reply, body, headers=headers)


def _may_be_answered(device: str, reply: str) -> bool:
    # The answer goes out by the service's rights, to where the asker says. Anywhere but in its own inbox, and it would
    # have the service write into the journal, or tell the broker to do something, for it.
    return is_device(device) and reply.startswith(inbox_of(device) + ".")


def _headers_of(problem: Problem) -> dict[str, str]:
    headers = {CONTENT_TYPE: problems.MEDIA_TYPE, ERROR: problem.code, ERROR_CODE: str(problem.status)}
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        # Chance of no consequence: it only spreads those who wait.
        headers[RETRY_AFTER] = str(math.ceil(random.uniform(RETRY_SECONDS, 2 * RETRY_SECONDS)))
    return headers


def _log(event: str, **what: str | int) -> None:
    import structlog  # only a service logs, and this takes longer to load than all the rest

    structlog.get_logger().error(event, door="nats", **what)
