"""The load of phones at the broker, by TCP or WebSocket, as its own process: `python bench/sync_load_nats.py PLAN`.

As `sync_load.py`, with another wire: a phone comes in by its credentials, hears its own inbox, and pushes by a request.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import os
import pickle
import random
import re
import sys
import time
from pathlib import Path
from typing import NamedTuple

import nkeys
import sync_load
from sync_load import CONNECTS_AT_ONCE, POSITION, Load, Plan, Session, Told

CODE = re.compile(rb"(?i)\r\nnats-service-error-code: *([0-9]+)\r\n")
WAIT = re.compile(rb"(?i)\r\nretry-after: *([0-9]+)\r\n")
BINARY, CLOSE, PING, PONG = 0x82, 0x88, 0x89, 0x8A


class User(NamedTuple):
    """One phone at the broker: its device, its JWT, and the seed of its key."""

    device: str
    jwt: str
    seed: str


@dataclasses.dataclass
class NatsPlan(Plan):
    """`users` has one for each session, whose requests are push bodies."""

    users: list[User] = dataclasses.field(default_factory=list)
    websocket: bool = False


class NatsSession(Session):
    """One phone's connection, as the client protocol of NATS has it, perhaps in frames of a WebSocket."""

    def __init__(self, requests: list[bytes], load: Load, user: User, websocket: bool) -> None:
        super().__init__(requests, load)
        self.user = user
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.websocket = websocket
        self.upgraded = not websocket
        self.frames = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.websocket:
            key = base64.b64encode(os.urandom(16)).decode()
            self._raw(
                f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(SystemExit(f"the broker let {self.user.device} not in: {error}"))
        super().connection_lost(error)

    def _raw(self, data: bytes) -> None:
        assert self.transport is not None
        self.load.bytes_sent += len(data)
        self.transport.write(data)

    def _say(self, data: bytes) -> None:
        self._raw(frame(BINARY, data) if self.websocket else data)

    def _send(self) -> None:
        assert self.sending is not None
        body, device = self.requests[self.sending[0]], self.user.device
        head = f"PUB ecoklit.push.{device} _INBOX_{device}.1 {len(body)}\r\n"
        self._say(head.encode() + body + b"\r\n")

    def data_received(self, data: bytes) -> None:
        self.load.bytes_received += len(data)
        if not self.websocket:
            self.buffer += data
        else:
            self.frames += data
            self._unframe()
        while self._take():
            pass

    def _unframe(self) -> None:
        if not self.upgraded:
            head, found, rest = self.frames.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.load.fail(f"no WebSocket: {head[:80]!r}")
            self.upgraded, self.frames = True, rest
        while (one := first_frame(self.frames)) is not None:
            kind, payload, length = one
            self.frames = self.frames[length:]
            if kind == CLOSE:
                self.load.fail(f"the broker closed a WebSocket: {payload!r}")
            elif kind == PING:
                self._raw(frame(PONG, payload))
            elif kind != PONG:
                self.buffer += payload

    def _take(self) -> bool:
        """Take one operation off the buffer; whether there was a whole one."""
        line, found, rest = self.buffer.partition(b"\r\n")
        if not found:
            return False
        words = line.split()
        if words[0] in (b"MSG", b"HMSG"):
            length = int(words[-1])
            if len(rest) < length + 2:
                return False
            self.buffer = rest[length + 2 :]
            self._answered(rest[:length], int(words[-2]) if words[0] == b"HMSG" else 0)
            return True
        self.buffer = rest
        if words[0] == b"INFO" and (nonce := json.loads(line[5:]).get("nonce")):  # more of them come later, without
            self._come_in(nonce.encode())
        elif words[0] == b"PING":
            self._say(b"PONG\r\n")
        elif words[0] == b"PONG" and not self.ready.done():
            self.ready.set_result(None)
        elif words[0] == b"-ERR":
            self.load.fail(f"the broker said {line.decode()}")
        return True

    def _come_in(self, nonce: bytes) -> None:
        signature = nkeys.from_seed(bytearray(self.user.seed.encode())).sign(nonce)
        options = {
            "jwt": self.user.jwt, "sig": base64.urlsafe_b64encode(signature).rstrip(b"=").decode(), "verbose": False,
            "pedantic": False, "headers": True, "no_responders": True, "protocol": 1, "lang": "bench", "version": "1",
        }  # fmt: skip
        self._say(f"CONNECT {json.dumps(options)}\r\nSUB _INBOX_{self.user.device}.> 1\r\nPING\r\n".encode())

    def _answered(self, answer: bytes, head: int) -> None:
        headers = answer[:head]
        code = CODE.search(headers)
        status = code[1].decode() if code else "503" if b"NATS/1.0 503" in headers else "200"
        self.load.statuses[status] += 1
        if status in ("429", "503"):
            told = WAIT.search(headers)
            wait = float(told[1]) if told else sync_load.BUSY_SECONDS
            asyncio.get_running_loop().call_later(wait * random.uniform(1, 1.5), self._send)
            return
        self._done(answer[head:])

    def _done(self, body: bytes) -> None:
        assert self.sending is not None
        which, due = self.sending
        self.due[which], self.answered[which] = due, time.time()
        if named := POSITION.search(body):
            self.positions[which] = int(named[1])
        self.sending = None
        self.load.done()
        self._next()


class NatsLoad(Load):
    def __init__(self, plan: NatsPlan) -> None:
        super().__init__(plan)
        self.nats = plan

    def fail(self, why: str) -> None:
        print(why, file=sys.stderr, flush=True)  # what follows from it may come first
        super().fail(why)

    async def _connect(self) -> list[Session]:
        loop = asyncio.get_running_loop()
        at_once = asyncio.Semaphore(CONNECTS_AT_ONCE)

        async def connect(requests: list[bytes], user: User) -> Session:
            async with at_once:
                _, session = await loop.create_connection(
                    lambda: NatsSession(requests, self, user, self.nats.websocket), self.plan.host, self.plan.port
                )
                await session.ready
                return session

        return await asyncio.gather(*map(connect, self.plan.sessions, self.nats.users))


def frame(kind: int, payload: bytes) -> bytes:
    """One frame as a client sends it: masked, by zeros, which leave the payload as it is."""
    length = len(payload)
    if length < 126:
        head = bytes([kind, 0x80 | length])
    elif length < 65536:
        head = bytes([kind, 0x80 | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([kind, 0x80 | 127]) + length.to_bytes(8, "big")
    return head + bytes(4) + payload


def first_frame(data: bytes) -> tuple[int, bytes, int] | None:
    """(kind, payload, length of the whole) of the first frame that a server sent; None while it is not whole."""
    if len(data) < 2:
        return None
    length, begin = data[1] & 0x7F, 2
    if length >= 126:
        begin += 2 if length == 126 else 8
        if len(data) < begin:
            return None
        length = int.from_bytes(data[2:begin], "big")
    if len(data) < begin + length:
        return None
    return data[0], data[begin : begin + length], begin + length


def main() -> None:
    import uvloop

    sys.modules["sync_load_nats"] = sys.modules["__main__"]  # whoever pickled the plan imported this file by its name
    plan = pickle.loads(Path(sys.argv[1]).read_bytes())

    async def run() -> Told:
        return await NatsLoad(plan).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(dataclasses.asdict(runner.run(run()))))


if __name__ == "__main__":
    main()
