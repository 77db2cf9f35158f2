"""The application on a port, in the event loop of the program that starts it."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from litestar.types import ASGIApp

from ecoklit.errors import EcoklitError
from ecoklit.limits import BACKLOG_CONNECTIONS_MAX, CONNECTIONS_MAX

STOP_SECONDS_MAX: Final = 10.0
OTHER_FILES_MAX: Final = 256
"""Open files besides the connections: the broker, the database, logs."""


@asynccontextmanager
async def served(app: ASGIApp, host: str, port: int) -> AsyncIterator[str]:
    """Serve `app` while the block runs; gives its URL. Port 0 is any free one. Raises EcoklitError port_in_use."""
    port = _free_port(host, port)
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG_CONNECTIONS_MAX,
        backpressure=_connections_max(),  # of connections, idle ones too, and not of requests
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve(), name="http")
    try:
        await _listening(host, port, serving)
        yield f"http://{host}:{port}"
    finally:
        server.stop()  # type: ignore[no-untyped-call]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(serving), STOP_SECONDS_MAX)


def _connections_max() -> int:
    """As many as this process may have files open for, once it has asked for as many as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + OTHER_FILES_MAX
    if resource.RLIM_INFINITY != soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return max(1, min(CONNECTIONS_MAX, soft - OTHER_FILES_MAX))


def _free_port(host: str, port: int) -> int:
    """`port`, or a free one for 0. Asked first, because the server would share a port that another one has."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            raise EcoklitError(
                "port_in_use",
                f"Port {port} on {host} cannot be used ({getattr(error, 'strerror', error)}): stop what listens there, "
                "or set ECOKLIT_PORT to another (0 for any free one).",
            ) from error
        free: int = probe.getsockname()[1]
        return free


async def _listening(host: str, port: int, serving: asyncio.Task[None]) -> None:
    while True:
        if serving.done():
            serving.result()
            raise EcoklitError("port_in_use", f"Nothing could be served on {host}:{port}: set ECOKLIT_PORT to another.")
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
