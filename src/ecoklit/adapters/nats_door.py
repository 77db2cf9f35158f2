"""The service over NATS, also through the broker's WebSocket: a push as a request, its receipt as the answer (SPEC §7).

A device asks on `ecoklit.push.<its id>`, with a push as its body, whoever's log that is; on `ecoklit.pull.<its id>`
for the voters of a TPS, and on `ecoklit.registry.<its id>` for the registry (SPEC §9.7, §9.8). Every gateway listens,
and one takes it. What is refused is the problem that HTTP answers, and the headers of a NATS service's error (ADR-32)
say so. They are not `Status: 503`: that is how a broker says that nobody listens.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from ecoklit.core.broker_names import PULL_PREFIX, PUSH_PREFIX, REGISTRY_PREFIX, inbox_of, servers_of
from ecoklit.core.ids import is_device
from ecoklit.door.encoding import packed
from ecoklit.door.gate import Gate, service_busy
from ecoklit.door.take import take
from ecoklit.errors import EcoklitError
from ecoklit.limits import BYTES_IN_FLIGHT_MAX, IN_FLIGHT_PER_DEVICE_MAX
from ecoklit.ports import JournalError, JournalUnavailable, Reads, Service
from ecoklit.problems import Problem

GATEWAYS: Final = "ecoklit"  # the queue group: of all gateways, one gets a request
CONNECT_SECONDS_MAX: Final = 5.0
RECONNECT_SECONDS: Final = 1
CLOSE_SECONDS_MAX: Final = 30.0
FLUSH_SECONDS_MAX: Final = 1  # a broker that has just gone takes ten to be missed
ANSWER_HEADERS_BYTES_MAX: Final = 1024

CONTENT_TYPE: Final = "Content-Type"
ENCODING: Final = "Content-Encoding"
NONCE: Final = "Ecoklit-Nonce"
ERROR: Final = "Nats-Service-Error"
ERROR_CODE: Final = "Nats-Service-Error-Code"
OK: Final = "ok"
AWAY: Final = "broker_unavailable"
REFUSED: Final = "broker_refused"


class _NotLetIn(Exception):
    """The broker is there, and wants other credentials."""


class NatsDoor:
    """`service` for whoever the broker at `url` lets in. `state` is `ok`, or the code of what keeps it shut."""

    def __init__(self, service: Service, reads: Reads | None = None, gate: Gate | None = None) -> None:
        self._service = service
        self._reads = reads
        self._gate = gate or Gate()
        self._client = Client()
        self._subscriptions: list[Subscription] = []
        self._requests: set[asyncio.Task[None]] = set()
        self._bytes = 0
        self._ignored = 0
        self._opened = False
        self._refused = False

    @classmethod
    async def open(
        cls,
        url: str,
        service: Service,
        credentials: Path | None = None,
        *,
        reads: Reads | None = None,
        gate: Gate | None = None,
    ) -> NatsDoor:
        """Connect and listen, with `reads` to pulls too; `gate` is that of the house's other door: both keep one rate.

        A broker that comes back later finds the door listening again. Raises JournalError.
        """
        door = cls(service, reads, gate)
        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                await door._client.connect(
                    servers_of(url),
                    name="ecoklit-door",
                    user_credentials=None if credentials is None else str(credentials),
                    inbox_prefix=inbox_of(SERVICE),
                    error_cb=door._on_error,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_SECONDS,
                    ping_interval=5,
                )
                await door._listen()
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

    async def _listen(self) -> None:
        for prefix in (PUSH_PREFIX, *(() if self._reads is None else (PULL_PREFIX, REGISTRY_PREFIX))):
            self._subscriptions.append(await self._client.subscribe(prefix + "*", GATEWAYS, cb=self._on_request))

    @property
    def state(self) -> str:
        if not self._client.is_connected:
            return AWAY
        return REFUSED if self._refused else OK

    async def close(self) -> None:
        """Take no more requests, answer those under way, and leave."""
        with contextlib.suppress(nats.errors.Error, OSError):
            for subscription in self._subscriptions:
                await subscription.unsubscribe()
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
        device = message.subject.rpartition(".")[2]
        if not _may_be_answered(device, message.reply):
            self._ignored += 1
            if self._ignored & (self._ignored - 1) == 0:  # the 1st, 2nd, 4th, 8th …: nobody floods the log
                _log("door_ignored", requests=self._ignored)
            return
        try:
            self._enter(device, len(message.data))
        except EcoklitError as full:
            await self._answer(message, full)
            return
        request = asyncio.create_task(self._serve(message))
        self._requests.add(request)
        request.add_done_callback(lambda done: self._served(done, device, len(message.data)))

    def _enter(self, device: str, size: int) -> None:
        """Raises ProblemError too_many or service_busy: what HTTP answers for the same."""
        if self._bytes + size > BYTES_IN_FLIGHT_MAX:
            raise service_busy()
        self._gate.enter(device, IN_FLIGHT_PER_DEVICE_MAX)
        self._gate.weigh(device, size)
        self._bytes += size

    def _served(self, request: asyncio.Task[None], device: str, size: int) -> None:
        self._requests.discard(request)
        self._gate.leave(device)
        self._bytes -= size

    async def _serve(self, message: Msg) -> None:
        try:
            await self._answer(message, await self._take(message))
        except EcoklitError as error:
            await self._answer(message, error)
        except Exception as error:
            _log("fault", error=type(error).__name__)
            await self._answer(message, problems.fault())

    async def _take(self, message: Msg) -> bytes | Problem:
        if self._reads is None or message.subject.startswith(PUSH_PREFIX):
            return await take(self._service, self._gate, message.data, (message.headers or {}).get(ENCODING, ""))
        bytes_max = self._client.max_payload - ANSWER_HEADERS_BYTES_MAX
        if message.subject.startswith(PULL_PREFIX):
            return await self._reads.pull(message.subject.removeprefix(PULL_PREFIX), message.data, bytes_max)
        return await self._reads.registry(message.data, bytes_max)

    async def _answer(self, message: Msg, answer: bytes | Problem | EcoklitError) -> None:
        if isinstance(answer, EcoklitError):
            problem = problems.problem_of(answer)
            body, headers = msgspec.json.encode(problem), _headers_of(problem) | problems.headers_of(answer)
        elif isinstance(answer, Problem):
            body, headers = msgspec.json.encode(answer), _headers_of(answer)
        else:
            body, headers = _written(message, answer)
        if self._reads is not None:
            headers[NONCE] = self._reads.nonce()
        # An answer that gets lost is asked for again: a push that is held already is receipted again.
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._client.publish(message.reply, body, headers=headers)


def _written(message: Msg, answer: bytes) -> tuple[bytes, dict[str, str]]:
    if message.subject.startswith(PUSH_PREFIX):
        return answer, {CONTENT_TYPE: "application/json"}
    body, headers = packed(answer, (message.headers or {}).get("Accept-Encoding", ""))
    return body, {CONTENT_TYPE: "application/x-ndjson", **headers}


def _may_be_answered(device: str, reply: str) -> bool:
    # The answer goes out by the service's rights, to where the asker says. Anywhere but in its own inbox, and it would
    # have the service write into the journal, or tell the broker to do something, for it.
    return is_device(device) and reply.startswith(inbox_of(device) + ".")


def _headers_of(problem: Problem) -> dict[str, str]:
    return {CONTENT_TYPE: problems.MEDIA_TYPE, ERROR: problem.code, ERROR_CODE: str(problem.status)}


def _log(event: str, **what: str | int) -> None:
    import structlog  # only a service logs, and this takes longer to load than all the rest

    structlog.get_logger().error(event, door="nats", **what)
