"""`ecoklit up` and `ecoklit serve`: the service, with servers of its own or against given ones."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ecoklit.adapters import data_folder
from ecoklit.cli.command import Commands, add_allow_unsafe, add_command, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.settings import Settings


def add_commands(commands: Commands) -> None:
    add_command(
        commands,
        "up",
        up,
        "Jalankan layanan dengan server sendiri, data dalam satu folder. "
        "· Run the service with servers of its own, its data in one folder (ECOKLIT_DATA, default .ecoklit).",
        "ECOKLIT_REGENCY=94.04 ecoklit up",
        "print the addresses as one JSON object when ready",
    )
    command = add_command(
        commands,
        "serve",
        serve,
        "Jalankan layanan pada NATS dan PostgreSQL yang ada. · Run the service against the NATS and PostgreSQL given.",
        "ECOKLIT_NATS_URL=nats://127.0.0.1:4222 ECOKLIT_NATS_MONITOR_URL=http://127.0.0.1:8222 "
        "ECOKLIT_DATABASE_URL=postgresql://ecoklit@127.0.0.1/ecoklit ecoklit serve",
        "print the address as one JSON object when ready",
    )
    command.add_argument(
        "--no-project", action="store_true", help="leave the roll to another process: 'ecoklit project --follow'"
    )
    add_allow_unsafe(command)


def up(arguments: argparse.Namespace) -> Exit:
    settings = settings_of(arguments, running=False)
    with data_folder.opened(settings.data):
        return run_until_stopped(up_until_stopped(settings, arguments.json))


def serve(arguments: argparse.Namespace) -> Exit:
    settings = settings_of(arguments, running=False)
    return run_until_stopped(serve_until_stopped(settings, arguments.json, project=not arguments.no_project))


def run_until_stopped(serving: Coroutine[Any, Any, Exit]) -> Exit:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(serving)
        except asyncio.CancelledError:  # a second signal, while the first one's closing was under way
            raise KeyboardInterrupt from None


async def up_until_stopped(settings: Settings, as_json: bool) -> Exit:
    async with own_servers(settings) as found:
        return await serve_until_stopped(found, as_json, announce=True)


@asynccontextmanager
async def own_servers(settings: Settings) -> AsyncIterator[Settings]:
    """A nats-server and a PostgreSQL in the data folder, while the block runs; the settings that reach them."""
    from ecoklit.adapters.embedded_postgres import EmbeddedPostgres

    async with own_broker(settings) as found, EmbeddedPostgres(settings.data / "postgres") as postgres:
        yield replace(found, database_url=postgres.dsn)


@asynccontextmanager
async def own_broker(settings: Settings) -> AsyncIterator[Settings]:
    """The nats-server of the data folder alone, while the block runs; the settings that reach it."""
    from ecoklit.adapters.embedded_nats import STORE_KEY_FILE, EmbeddedNats
    from ecoklit.adapters.nats_accounts import BrokerAccounts

    folder = settings.data.resolve() / "nats"
    accounts = BrokerAccounts(folder / "keys")
    nats = await EmbeddedNats.start(
        folder,
        port=settings.nats_port,
        accounts=accounts,
        websocket_port=settings.websocket_port,
        key_file=folder / "keys" / STORE_KEY_FILE,
    )
    async with nats:
        yield replace(
            settings,
            nats_url=nats.url,
            nats_creds=accounts.service_credentials,
            nats_keys=folder / "keys",
            websocket_url=nats.websocket_url,
            monitor_url=nats.monitor_url,
        )


async def serve_until_stopped(settings: Settings, as_json: bool, announce: bool = False, project: bool = True) -> Exit:
    """Serve, and project if this process is to, until SIGINT or SIGTERM; then what is under way ends, and everything is
    closed in order."""
    from ecoklit.bootstrap import follow, keep_erasing, keep_out, open_house
    from ecoklit.http.app import make_app
    from ecoklit.http.serve import served
    from ecoklit.telemetry import configure_logging

    configure_logging(as_json=not sys.stderr.isatty())
    stop = stop_on_signals()
    async with open_house(settings) as house, served(make_app(house), settings.host, settings.port) as url:
        where = {**addresses(settings), "service_url": url}
        if announce:
            data_folder.announce(settings.data, where)
        report(where, as_json)
        working = [
            asyncio.create_task(keep_out(house, stop), name="broker"),
            asyncio.create_task(house.digests.keep(stop), name="digests"),
            asyncio.create_task(keep_erasing(house.eraser, house.registrar, stop), name="eraser"),
        ]
        if project:
            working.append(asyncio.create_task(follow(house, stop), name="projector"))
        await stop.wait()
        await asyncio.gather(*working)
    return Exit.OK


def stop_on_signals() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM. A second one cuts short what the first has begun."""
    stop, task = asyncio.Event(), asyncio.current_task()

    def on_signal() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop


def addresses(settings: Settings) -> dict[str, str]:
    found = {
        "election": settings.election,
        "regency": settings.regency,
        "nats_url": settings.nats_url,
        "nats_creds": None if settings.nats_creds is None else str(settings.nats_creds.resolve()),
        "websocket_url": settings.websocket_url,
        "monitor_url": settings.monitor_url,
        "database_url": settings.database_url,
    }
    return {name: value for name, value in found.items() if value is not None}


def report(where: dict[str, str], as_json: bool) -> None:
    if as_json:
        print(json.dumps(where), flush=True)
        return
    print(
        f"ecoklit siap: {where['election']}, kabupaten/kota {where['regency']} · ready\n"
        f"  layanan · service  {where['service_url']}  (/openapi.json, /health/ready)\n"
        f"  pesan · messages   {' '.join(_shown(where))}\n"
        "  hentikan dengan Ctrl-C · stop with Ctrl-C",
        flush=True,
    )


def _shown(where: dict[str, str]) -> list[str]:
    """The broker's addresses, without what may be a password."""
    named = (where[name] for name in ("nats_url", "websocket_url") if name in where)
    urls = (urlsplit(url) for several in named for url in several.split(","))
    return [f"{url.scheme}://{url.hostname}" + (f":{url.port}" if url.port else "") for url in urls]
