"""`POST /v1/push` as an application of its own, in front of the framework's: a push in, a receipt out (SPEC §7).

Most requests are small pushes, and the framework's way to a handler takes 60 µs, an eighth of what one costs.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from ecoklit import problems
from ecoklit.core.limits import PUSH_BYTES_MAX
from ecoklit.door.gate import Gate
from ecoklit.door.take import take
from ecoklit.errors import EcoklitError
from ecoklit.http.address import address_of
from ecoklit.limits import BODY_SECONDS_MAX
from ecoklit.ports import Service
from ecoklit.problems import Problem, ProblemError
from ecoklit.services.nonce import Nonces

NDJSON: Final = "application/x-ndjson"
NONCE_HEADER: Final = "Ecoklit-Nonce"
TOO_LARGE: Final = "The body is larger than one push may be: send at most 1000 events and 900,000 bytes at once."
PATH: Final = "/v1/push"

Headers = dict[bytes, bytes]


class PushRoute:
    """Answers pushes to `service`, within `gate`; each receipt brings a fresh nonce."""

    def __init__(self, *, service: Service, gate: Gate, nonces: Nonces) -> None:
        self._service = service
        self._gate = gate
        self._nonces = nonces

    def before(self, app: ASGIApp) -> ASGIApp:
        """Pushes are answered here, and everything else by `app`."""

        async def route(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == ScopeType.HTTP and scope["method"] == "POST" and scope["path"] == PATH:
                await self.answer(scope, receive, send)
            else:
                await app(scope, receive, send)

        return route

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a push whole or not at all. The receipt says that the log is held, durably; again changes nothing."""
        try:
            receipt = await self._receipt(scope, receive)
        except _Gone:
            return
        except EcoklitError as error:
            await _send(send, problems.problem_of(error), problems.headers_of(error))
        except Exception as error:
            # Neither the answer nor the log may quote the error: its text can hold a voter's particulars.
            structlog.get_logger().error("fault", route="POST /v1/push", error=type(error).__name__)
            await _send(send, problems.fault(), {})
        else:
            await _send(send, receipt, {NONCE_HEADER: self._nonces.issue()})

    async def _receipt(self, scope: Scope, receive: Receive) -> bytes:
        headers: Headers = dict(scope["headers"])  # of one that comes twice the last counts: a proxy appends its own
        _demand_ndjson(headers)
        client = scope.get("client")
        address = address_of(client[0] if client else None, _text(headers, b"x-forwarded-for"))
        with self._gate.entered(address):
            sent = await _body(headers, receive)
            self._gate.weigh(address, len(sent))
            return await take(self._service, self._gate, sent, _text(headers, b"content-encoding"))


class _Gone(Exception):
    """Whoever asked is there no more."""


def _text(headers: Headers, name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


def _demand_ndjson(headers: Headers) -> None:
    if _text(headers, b"content-type").partition(";")[0].strip().lower() != NDJSON:
        raise ProblemError(
            "unsupported_media_type",
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"A push is {NDJSON}, one line for each event: send it so.",
        )


async def _body(headers: Headers, receive: Receive) -> bytes:
    """The body as it came. Raises ProblemError too_large, too_slow, and _Gone."""
    length = headers.get(b"content-length", b"0")
    announced = int(length) if length.isdigit() else PUSH_BYTES_MAX + 1
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            if announced > PUSH_BYTES_MAX:
                await _pass_over(receive)
                raise _too_large()
            return await _read(receive)
    except TimeoutError:
        raise ProblemError(
            "too_slow",
            HTTPStatus.REQUEST_TIMEOUT,
            f"The body took more than {BODY_SECONDS_MAX:.0f} seconds to arrive: send smaller pushes.",
        ) from None


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > PUSH_BYTES_MAX:
            await _pass_over(receive)
            raise _too_large()
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _pass_over(receive: Receive) -> None:
    """Take in the rest of a body that is too large, as much as a push may be: who is cut off while sending may never
    read why."""
    passed = 0
    while passed <= PUSH_BYTES_MAX:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
        passed += len(message.get("body", b""))


def _too_large() -> ProblemError:
    return ProblemError("too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)


async def _send(send: Send, answer: bytes | Problem, more: dict[str, str]) -> None:
    if isinstance(answer, Problem):
        status, media_type, body = answer.status, problems.MEDIA_TYPE, msgspec.json.encode(answer)
    else:
        status, media_type, body = HTTPStatus.OK, "application/json", answer
    headers = {"content-type": media_type, "content-length": str(len(body)), **more}
    await send(
        {
            "type": "http.response.start",
            "status": int(status),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
