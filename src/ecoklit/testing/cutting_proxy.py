"""A TCP proxy in front of a server that loses answers on demand, as a network does at the worst moment."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType


class CuttingProxy:
    """Listens at `url` and passes bytes on to the server on `server_port` of this machine.

    `lose_answer_with(mark)`: the next time that the server says something with `mark` in it, those bytes are dropped
    and every connection is cut: the request was carried out, and whoever asked cannot know.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._marks: list[bytes] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self.cuts = 0

    @property
    def url(self) -> str:
        assert self._listener is not None
        return f"nats://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"

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
        for pipe in (self._pass(from_client, to_server, False), self._pass(from_server, to_client, True)):
            task = asyncio.create_task(pipe)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                if answers and self._marks and self._marks[0] in data:
                    self._marks.pop(0)
                    self.cut()
                    return
                sink.write(data)
                await sink.drain()
        self._writers.discard(sink)
        sink.transport.abort()
