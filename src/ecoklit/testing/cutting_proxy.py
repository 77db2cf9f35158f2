"""A TCP proxy in front of a server that misbehaves on demand, as a network does at the worst moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine
from itertools import cycle
from random import Random
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple

Mishap = Literal["delay", "cut", "truncate", "repeat"]
MISHAPS: Final[tuple[Mishap, ...]] = ("delay", "cut", "truncate", "repeat")

DELAY_SECONDS_MAX: Final = 0.5
REPEAT_SECONDS_MAX: Final = 2.0
REPEAT_BYTES_MAX: Final = 1 << 20
"""So much of what a connection said is remembered; one that said more is not repeated."""

_CHUNK_BYTES: Final = 1 << 16


class CuttingProxy:
    """Listens at `url` and passes bytes on to the server on `server_port` of this machine.

    `lose_answer_with(mark)`: the next time that the server says something with `mark` in it, those bytes are dropped
    and every connection is cut: the request was carried out, and whoever asked cannot know.

    `befall`, when there is one, is asked for every piece of data what is to befall it:

        delay     it arrives late, and what follows with it
        cut       it is dropped, and its connection is broken off
        truncate  the first half arrives, and then the end of the connection
        repeat    it arrives, and all that the client has said on this connection is said once more on another; of the
                  server's answers to that nobody hears. What the server says is never repeated

    `befallen` counts them.
    """

    def __init__(self, server_port: int, befall: Callable[[], Mishap | None] | None = None) -> None:
        self._server_port = server_port
        self._marks: list[bytes] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self.befall = befall
        self.befallen = Counter[str]()
        self.cuts = 0

    @property
    def port(self) -> int:
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Of a broker behind it."""
        return f"nats://127.0.0.1:{self.port}"

    def lose_answer_with(self, *marks: bytes) -> None:
        self._marks.extend(marks)

    def cut(self) -> None:
        self.cuts += 1
        for writer in self._writers:
            writer.transport.abort()

    async def __aenter__(self) -> CuttingProxy:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            to_client.transport.abort()
            return
        self._writers |= {to_client, to_server}
        pair = (to_client, to_server)
        self._start(self._pass(_Way(from_client, to_server, pair, bytearray())))
        self._start(self._pass(_Way(from_server, to_client, pair, None)))

    def _start(self, pipe: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(pipe)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass(self, way: _Way) -> None:
        with contextlib.suppress(OSError):
            while data := await way.source.read(_CHUNK_BYTES):
                if way.said is None and self._marks and self._marks[0] in data:
                    self._marks.pop(0)
                    self.cut()
                    return
                if not await self._pass_on(data, way):
                    break
        self._writers.discard(way.sink)
        way.sink.transport.abort()

    async def _pass_on(self, data: bytes, way: _Way) -> bool:
        """Whether more may follow on this way."""
        mishap = self.befall() if self.befall is not None else None
        if mishap == "repeat" and (way.said is None or len(way.said) + len(data) > REPEAT_BYTES_MAX):
            mishap = None
        if mishap is not None:
            self.befallen[mishap] += 1
        if way.said is not None and len(way.said) <= REPEAT_BYTES_MAX:
            way.said.extend(data)
        if mishap == "cut":
            for writer in way.pair:
                writer.transport.abort()
            return False
        if mishap == "truncate":
            way.sink.write(data[: len(data) // 2])
            with contextlib.suppress(OSError):
                await way.sink.drain()
                way.sink.close()
            return False
        if mishap == "delay":
            await asyncio.sleep(DELAY_SECONDS_MAX)
        if mishap == "repeat" and way.said is not None:
            self._start(self._repeat(bytes(way.said)))
        way.sink.write(data)
        await way.sink.drain()
        return True

    async def _repeat(self, said: bytes) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(REPEAT_SECONDS_MAX):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._server_port)
                try:
                    writer.write(said)
                    await writer.drain()
                    while await reader.read(_CHUNK_BYTES):
                        pass
                finally:
                    writer.transport.abort()


class _Way(NamedTuple):
    """One direction of one connection; `said` is what went there so far, None on the way back from the server."""

    source: asyncio.StreamReader
    sink: asyncio.StreamWriter
    pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    said: bytearray | None


def by_chance(random: Random, share: float) -> Callable[[], Mishap | None]:
    """A mishap for so large a share of all pieces; the kinds take turns."""
    turns = cycle(MISHAPS)
    return lambda: next(turns) if random.random() < share else None
