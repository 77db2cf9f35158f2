"""A PostgreSQL of one's own: it starts anywhere, stops in order, and says what is wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from ecoklit.adapters import embedded_postgres
from ecoklit.adapters.embedded_postgres import (
    DatabaseUnavailable,
    DataFolderInUse,
    DataFolderVersion,
    EmbeddedPostgres,
    PortInUse,
    running_dsn,
)

PARENT = """
import asyncio, sys
from pathlib import Path
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]), fsync=False)
    await server.start()
    print(server.process.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def ask(dsn: str, question: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_what_is_committed_is_there_after_a_restart(postgres_folder: Path) -> None:
    """Stopped and started again on one folder, the server has its data; stopping and starting twice change nothing."""
    server = EmbeddedPostgres(postgres_folder / "a", fsync=False)
    await server.start()
    await server.start()
    await ask(server.dsn, "create table kept as select 42 as answer")
    assert running_dsn(postgres_folder / "a") == server.dsn
    await server.stop()
    await server.stop()
    assert running_dsn(postgres_folder / "a") is None
    async with EmbeddedPostgres(postgres_folder / "a", fsync=False) as again:
        assert await ask(again.dsn, "select answer from kept") == 42


async def test_it_is_set_up_as_promised(postgres_folder: Path) -> None:
    """fsync is on, nothing listens on the network, the application is no superuser, and order is by code point."""
    async with EmbeddedPostgres(postgres_folder / "b") as server:
        assert await ask(server.dsn, "show fsync") == "on"
        assert await ask(server.dsn, "show listen_addresses") == ""
        assert await ask(server.dsn, "select rolsuper from pg_roles where rolname = current_user") is False
        assert await ask(server.dsn, "select array(select unnest(array['b', 'a', 'Z']) as x order by x)") == [
            "Z",
            "a",
            "b",
        ]
        assert (postgres_folder / "b").stat().st_mode & 0o077 == 0


async def test_a_path_too_long_for_a_socket_works(postgres_folder: Path) -> None:
    """A Unix socket's path is short; a folder with a long one is served all the same."""
    folder = postgres_folder / ("long" * 25)
    async with EmbeddedPostgres(folder, fsync=False) as server:
        assert await ask(server.dsn, "select 1") == 1
        assert running_dsn(folder) == server.dsn


async def test_a_port_in_use_is_named(postgres_folder: Path) -> None:
    """A taken port is refused before anything is started; a free one serves loopback, and only with a password."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=str(port)):
            await EmbeddedPostgres(postgres_folder / "c", port=port, fsync=False).start()
    async with EmbeddedPostgres(postgres_folder / "c", port=port, fsync=False) as server:
        assert await ask(server.dsn, "select 1") == 1
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(f"postgresql://ecoklit:guess@127.0.0.1:{port}/ecoklit")


@pytest.mark.parametrize("version", ["17", "19"])
async def test_a_folder_of_another_version_is_named(postgres_folder: Path, version: str) -> None:
    """Data of an older or a newer PostgreSQL is left alone, with what to do."""
    data = postgres_folder / "d" / "data"
    data = postgres_folder / "d" / "data"
    os.makedirs(data)
    (data / "PG_VERSION").write_text(f"{version}\n")
    with pytest.raises(DataFolderVersion, match=f"PostgreSQL {version}.*rebuild"):
        await EmbeddedPostgres(postgres_folder / "d").start()


async def test_a_folder_in_use_is_named(postgres_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers never work on one folder: the second is refused, and the first goes on."""
    monkeypatch.setattr(embedded_postgres, "LOCK_SECONDS_MAX", 0.2)
    async with EmbeddedPostgres(postgres_folder / "e", fsync=False) as first:
        with pytest.raises(DataFolderInUse, match="stop it first"):
            await EmbeddedPostgres(postgres_folder / "e", fsync=False).start()
        assert await ask(first.dsn, "select 1") == 1


async def test_a_server_that_cannot_start_says_why(postgres_folder: Path) -> None:
    """What the server itself said is in the error, and its log is named."""
    async with EmbeddedPostgres(postgres_folder / "f", fsync=False):
        pass
    (postgres_folder / "f" / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(DatabaseUnavailable, match=r"no_such_setting.*postgres\.log|FATAL"):
        await EmbeddedPostgres(postgres_folder / "f", fsync=False).start()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_that_cannot_be_written_is_named(postgres_folder: Path) -> None:
    """A folder that is not ours: one sentence."""
    os.chmod(postgres_folder, 0o500)
    with pytest.raises(DatabaseUnavailable, match="choose a folder"):
        await EmbeddedPostgres(postgres_folder / "g").start()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's promise is Linux's")
async def test_it_does_not_outlive_its_parent(postgres_folder: Path) -> None:
    """The parent is killed with SIGKILL: the server shuts down by itself, and the folder can be used again."""
    folder = postgres_folder / "h"
    assert running_dsn(folder) is None
    parent = subprocess.Popen(  # noqa: ASYNC220 - to be killed, not spoken with
        [sys.executable, "-c", PARENT, str(folder)], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    server_pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    # PostgreSQL itself lets nobody onto a folder that another server still works on.
    async with EmbeddedPostgres(folder, fsync=False) as server:
        assert server.process is not None and server.process.pid != server_pid
        assert await ask(server.dsn, "select 1") == 1
