"""`POST /add-checkpoint` of a witness (c2sp.org/tlog-witness): the only thing that it serves."""

from __future__ import annotations

import asyncio
from typing import Final

from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from ecoklit.limits import BODY_SECONDS_MAX
from ecoklit.services.witness import Witness
from ecoklit.tlog.fault import BAD_REQUEST, LogFault
from ecoklit.tlog.witness import OTHER_SIZE, REQUEST_BYTES_MAX, STATUS

PATH: Final = "/add-checkpoint"
TEXT: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"

Answer = tuple[int, str, bytes]
"""Status, content type, body."""


class WitnessDoor:
    """An application that answers for one witness."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            return
        if (scope["method"], scope["path"]) != ("POST", PATH):
            answer: Answer = (404, TEXT, f"A witness takes POST {PATH} and nothing else.\n".encode())
        else:
            body = await _body(receive)
            if body is None:
                answer = (400, TEXT, b"The request is too large or too slow: send it as c2sp.org/tlog-witness says.\n")
            else:
                answer = await asyncio.to_thread(answer_to, self._witness, body)
        status, kind, text = answer
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text, "more_body": False})


def answer_to(witness: Witness, body: bytes) -> Answer:
    """What a witness answers to the body of a request."""
    try:
        return 200, TEXT, witness.add(body).line.encode()
    except LogFault as fault:
        if fault.code == OTHER_SIZE:  # the one answer that a log reads: from which size it is to prove
            return STATUS[fault.code], SIZE, b"%d\n" % witness.size_of(body)
        return STATUS.get(fault.code, STATUS[BAD_REQUEST]), TEXT, f"{fault.message}\n".encode()
    except OSError:
        return 503, TEXT, b"The witness could not write down what it saw, so it cosigned nothing: try again later.\n"


async def _body(receive: Receive) -> bytes | None:
    """The body of a request, None when it is too large or does not come."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                body += message["body"]
                if len(body) > REQUEST_BYTES_MAX:
                    return None
                if not message["more_body"]:
                    return bytes(body)
    except TimeoutError:
        return None
