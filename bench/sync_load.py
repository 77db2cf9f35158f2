"""The load of the sync benches, as a process of its own: `python bench/sync_load.py PLAN`.

PLAN is a pickled `Plan` whose requests are ready bytes, so that next to nothing is computed while the clock runs; what
it prints is one `Told` as JSON. A session is one phone: one connection, one request at a time, the next one when the
answer to the last is there.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import pickle
import random
import re
import resource
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import cast

BUSY_SECONDS = 5.0
"""What a phone that is told to wait waits where the answer says no time. Its request counts from when it was due."""
CONNECTS_AT_ONCE = 200
RETRY_AFTER = re.compile(rb"(?i)\r\nretry-after: *([0-9]+)\r\n")
POSITION = re.compile(rb'"ECOKLIT-[^"]*":([0-9]+)')
QUIET_SECONDS_MAX = 120.0


@dataclasses.dataclass
class Plan:
    """What to send: per session its requests. `per_second` is the pace of all sessions together, None as fast as can
    be; then a request counts from the moment that it was due, and so many are due `at_once`. `hold_seconds` keeps every
    connection open at the end, and a first line {"connected"} is printed when that begins."""

    host: str
    port: int
    sessions: list[list[bytes]]
    per_second: float | None = None
    hold_seconds: float = 0.0
    at_once: int = dataclasses.field(default=1, kw_only=True)


@dataclasses.dataclass
class Told:
    """`seconds` from the first byte sent to the last answer; `cpu` seconds of this process; answers by status. By
    request, sessions one after another: when it was `due` and `answered` in the clock of time.time(), and the journal's
    `positions` that the answer names, 0 for none."""

    seconds: float
    cpu: float
    due: list[float]
    answered: list[float]
    positions: list[int]
    statuses: dict[str, int]
    bytes_sent: int
    bytes_received: int
    connected: int


class Session(asyncio.Protocol):
    """One phone's connection. Reads no more of an answer than where it ends."""

    def __init__(self, requests: list[bytes], load: Load) -> None:
        self.requests = requests
        self.load = load
        self.waiting: deque[tuple[int, float]] = deque()  # (which, due)
        self.sending: tuple[int, float] | None = None
        self.buffer = b""
        self.due = [0.0] * len(requests)
        self.answered = [0.0] * len(requests)
        self.positions = [0] * len(requests)
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def connection_lost(self, error: Exception | None) -> None:
        if self.sending or self.waiting:
            self.load.fail(f"a connection was lost in the middle: {error}")

    def begin(self, which: int, due: float) -> None:
        self.waiting.append((which, due))
        if self.sending is None:
            self._next()

    def _next(self) -> None:
        if self.waiting:
            self.sending = self.waiting.popleft()
            self._send()

    def _send(self) -> None:
        assert self.transport is not None and self.sending is not None
        request = self.requests[self.sending[0]]
        self.load.bytes_sent += len(request)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.load.bytes_received += len(data)
        self.buffer += data
        length = answer_length(self.buffer)
        if length is None or len(self.buffer) < length:
            return
        answer, self.buffer = self.buffer[:length], self.buffer[length:]
        status = answer[9:12].decode()
        self.load.statuses[status] += 1
        if status in ("429", "503"):
            told = RETRY_AFTER.search(answer)
            wait = float(told[1]) if told else BUSY_SECONDS
            asyncio.get_running_loop().call_later(wait * random.uniform(1, 1.5), self._send)
            return
        assert self.sending is not None
        which, due = self.sending
        self.due[which], self.answered[which] = due, time.time()
        if named := POSITION.search(answer):
            self.positions[which] = int(named[1])
        self.sending = None
        self.load.done()
        if self.load.plan.per_second is None and which + 1 < len(self.requests):
            self.begin(which + 1, time.time())
        else:
            self._next()


def answer_length(buffer: bytes) -> int | None:
    """How long the answer that begins `buffer` is, head and body; None while that cannot be told."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = buffer[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        return end + 4 + int(head[at + 17 :].split(b"\r\n", 1)[0])
    if b"transfer-encoding: chunked" in head:
        last = buffer.find(b"0\r\n\r\n", end + 4)
        return None if last < 0 else last + 5
    return end + 4


class Load:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.left = sum(map(len, plan.sessions))
        self.statuses: Counter[str] = Counter()
        self.bytes_sent = self.bytes_received = 0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self.left:
            self.finished.set_result(None)

    def done(self) -> None:
        self.left -= 1
        if not self.left and not self.finished.done():
            self.finished.set_result(None)

    def fail(self, why: str) -> None:
        if not self.finished.done():
            self.finished.set_exception(SystemExit(why))

    async def run(self) -> Told:
        sessions = await self._connect()
        gc.collect()
        gc.freeze()
        cpu, started = _cpu(), time.time()
        if self.plan.per_second is None:
            for session in sessions:
                if session.requests:
                    session.begin(0, time.time())
        else:
            await self._pace(sessions, self.plan.per_second, started)
        await asyncio.wait_for(self.finished, QUIET_SECONDS_MAX)
        told = Told(
            seconds=time.time() - started,
            cpu=_cpu() - cpu,
            due=[due for session in sessions for due in session.due],
            answered=[at for session in sessions for at in session.answered],
            positions=[position for session in sessions for position in session.positions],
            statuses=dict(self.statuses),
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            connected=sum(1 for one in sessions if one.transport is not None and not one.transport.is_closing()),
        )
        if self.plan.hold_seconds:
            print(json.dumps({"connected": told.connected}), flush=True)
            await asyncio.sleep(self.plan.hold_seconds)
        for session in sessions:
            assert session.transport is not None
            session.transport.close()
        return told

    async def _connect(self) -> list[Session]:
        loop = asyncio.get_running_loop()
        at_once = asyncio.Semaphore(CONNECTS_AT_ONCE)

        async def connect(requests: list[bytes]) -> Session:
            async with at_once:
                _, session = await loop.create_connection(
                    lambda: Session(requests, self), self.plan.host, self.plan.port
                )
                return session

        return await asyncio.gather(*map(connect, self.plan.sessions))

    async def _pace(self, sessions: list[Session], per_second: float, started: float) -> None:
        """Begin request after request when it is due, the sessions in turns."""
        rounds = max(map(len, self.plan.sessions))
        turns = [(which, one) for which in range(rounds) for one in sessions if which < len(one.requests)]
        for nth, (which, session) in enumerate(turns):
            due = started + (nth - nth % self.plan.at_once) / per_second
            if (ahead := due - time.time()) > 0:
                await asyncio.sleep(ahead)
            session.begin(which, due)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    import uvloop

    sys.modules["sync_load"] = sys.modules["__main__"]  # whoever pickled the plan imported this file by its name
    plan = pickle.loads(Path(sys.argv[1]).read_bytes())

    async def run() -> Told:
        return await Load(plan).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(dataclasses.asdict(runner.run(run()))))


if __name__ == "__main__":
    main()
