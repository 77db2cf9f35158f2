"""The servers that the sync benches measure, each as its own processes, made to fsync before they answer."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import math
import os
import pickle
import resource
import signal
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sync_load import Plan, Told
from sync_world import ELECTION, REGENCY, SEED, Log, World

from ecoklit.adapters import data_folder
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.jetstream_registry import JetStreamRegistry
from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.testing.made_up_registry import MadeUpElection

HERE = Path(__file__).parent
READY_SECONDS_MAX = 60.0
NDJSON = {"Content-Type": "application/x-ndjson"}


@dataclasses.dataclass
class Running:
    """A server that answers at `url`; the processes that it is made of, by name."""

    url: str
    pids: dict[str, int]
    dsn: str = ""
    nats_url: str = ""
    websocket_url: str = ""
    accounts: BrokerAccounts | None = None

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def rss_mib(self) -> dict[str, float]:
        """Resident memory by process, MiB, its children with it."""
        return {name: round(sum(_rss_kib(one) for one in _tree(pid)) / 1024, 1) for name, pid in self.pids.items()}

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time so far by process, its children with it."""
        return {name: sum(_cpu(one) for one in _tree(pid)) for name, pid in self.pids.items()}


@asynccontextmanager
async def ecoklit(
    folder: Path,
    listed: Sequence[World],
    enrolled: Sequence[World] = (),
    *,
    accounts: bool = False,
    before: Callable[[str], Awaitable[None]] | None = None,
) -> AsyncIterator[Running]:
    """`ecoklit serve` on a nats-server and a PostgreSQL of its own.

    The devices of all these worlds are in the registry, and the lists of those `listed` in the roll already. With
    `accounts` the broker knows its users, as that of `ecoklit up`, and is there by WebSocket too. `before` is done to
    the database, by its URL, before the service starts.
    """
    users = BrokerAccounts(folder / "nats" / "keys") if accounts else None
    async with (
        await EmbeddedNats.start(folder / "nats", accounts=users, websocket_port=None if users is None else 0) as nats,
        EmbeddedPostgres(folder / "postgres") as postgres,
    ):
        environ = {
            **os.environ,
            "ECOKLIT_DATA": str(folder),
            "ECOKLIT_ELECTION": ELECTION,
            "ECOKLIT_REGENCY": REGENCY,
            "ECOKLIT_NATS_URL": nats.url,
            "ECOKLIT_NATS_MONITOR_URL": nats.monitor_url,
            "ECOKLIT_DATABASE_URL": postgres.dsn,
            "ECOKLIT_PORT": "0",
        }
        if users is not None:
            environ["ECOKLIT_NATS_CREDS"] = str(users.service_credentials)
        await _open_election(folder, nats, [*listed, *enrolled], users)
        if before is not None:
            await before(postgres.dsn)
        command = [str(Path(sys.executable).with_name("ecoklit")), "serve", "--json"]
        async with _process(command, environ, folder / "serve.log") as process:
            url = (await _first_line(process, folder / "serve.log"))["service_url"]
            running = Running(
                url,
                {"service": process.pid, "broker": nats.pid, "database": _postmaster(folder / "postgres")},
                postgres.dsn,
                nats.url,
                nats.websocket_url or "",
                users,
            )
            if listed:
                await play(push_plan(running, [world.office for world in listed], 1000))
                await settled(running)
            yield running


async def _open_election(
    folder: Path, nats: EmbeddedNats, worlds: Sequence[World], users: BrokerAccounts | None
) -> None:
    """Put the registry into the journal, and the service's key where the service looks for it."""
    election = MadeUpElection(ELECTION, REGENCY, SEED)
    for world in worlds:
        world.enrol(election)
    registry = await JetStreamRegistry.open(
        nats.url, election=ELECTION, regency=REGENCY, monitor_url=nats.monitor_url,
        credentials=None if users is None else users.service_credentials,
    )  # fmt: skip
    async with registry:
        await election.store(registry)
    keys = data_folder.key_folder(folder, ELECTION, REGENCY)
    data_folder.remember_root(keys, election.root.device)
    data_folder.save_key(keys, "service", election.service)


@asynccontextmanager
async def eventsourcing(folder: Path, way: str) -> AsyncIterator[Running]:
    """`sync_eventsourcing.py` on a PostgreSQL of its own."""
    async with EmbeddedPostgres(folder / "postgres") as postgres:
        where = urlsplit(postgres.dsn)
        query = parse_qs(where.query)
        environ = {
            **os.environ,
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": where.path.strip("/"),
            "POSTGRES_HOST": query["host"][0] if "host" in query else where.hostname or "",
            "POSTGRES_PORT": query["port"][0] if "port" in query else str(where.port or 5432),
            "POSTGRES_USER": unquote(where.username or ""),
            "POSTGRES_PASSWORD": unquote(where.password or "none"),
            "POSTGRES_POOL_SIZE": "8",
            "POSTGRES_ENABLE_DB_FUNCTIONS": "y",
        }
        command = [sys.executable, str(HERE / "sync_eventsourcing.py"), way]
        async with _process(command, environ, folder / "serve.log") as process:
            url = (await _first_line(process, folder / "serve.log"))["service_url"]
            yield Running(url, {"service": process.pid, "database": _postmaster(folder / "postgres")})


@asynccontextmanager
async def pouchdb(folder: Path, *, fsync: bool) -> AsyncIterator[Running]:
    """pouchdb-server with LevelDB; with `fsync` every write is on the disk before it is answered."""
    port = _free_port()
    home = HERE / "sync_pouchdb"
    config = folder / "config.json"
    config.write_text(json.dumps({"log": {"level": "error", "file": str(folder / "log.txt")}}))
    command = ["node", str(home / "node_modules" / ".bin" / "pouchdb-server"), "--port", str(port)]
    command += ["--dir", str(folder / "data"), "--config", str(config), "--no-stdout-logs"]
    if fsync:
        command += ["--level-backend", str(home / "leveldown_sync.js")]
    async with _process(command, {**os.environ, "NODE_ENV": "production"}, folder / "serve.log") as process:
        url = f"http://127.0.0.1:{port}"
        await _answering(url, folder / "serve.log")
        await asyncio.to_thread(_put, f"{url}/events")
        yield Running(url, {"service": process.pid})


async def replicate(url: str, phones: list[list[dict[str, Any]]], batch: int) -> dict[str, float]:
    """PouchDB's own replication of these phones' documents to a database, `batch` at once: {seconds, docs}."""
    with tempfile.NamedTemporaryFile("w", prefix="ecoklit-phones-") as file:
        file.writelines(json.dumps(docs) + "\n" for docs in phones)
        file.flush()
        process = await asyncio.create_subprocess_exec(
            "node",
            str(HERE / "sync_pouchdb" / "replicate.js"),
            url,
            file.name,
            str(batch),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    if process.returncode != 0:
        raise SystemExit("the replication failed: see above")
    told: dict[str, float] = json.loads(out)
    return told


async def _first_line(process: asyncio.subprocess.Process, log: Path) -> Any:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS_MAX)
    if not line:
        raise _not_started(log)
    return json.loads(line)


async def _answering(url: str, log: Path) -> None:
    for _ in range(int(READY_SECONDS_MAX / 0.1)):
        with contextlib.suppress(OSError):
            await asyncio.to_thread(get, url)
            return
        await asyncio.sleep(0.1)
    raise _not_started(log)


def _not_started(log: Path) -> SystemExit:
    return SystemExit(f"the server did not start:\n{log.read_text()[-2000:]}")


def _put(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=10) as answer:
        assert answer.status == 201


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def _process(command: list[str], environ: dict[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *command, env=environ, stdout=asyncio.subprocess.PIPE, stderr=said, preexec_fn=_many_files
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.communicate(), 30)
            except TimeoutError:
                process.kill()
                await process.communicate()


def _many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


async def settled(running: Running) -> float:
    """Wait until the roll shows all that the journal holds; how many seconds that took."""
    started = time.perf_counter()
    while True:
        with contextlib.suppress(OSError):
            answer = await asyncio.to_thread(get, f"{running.url}/health/ready")
            if answer["lag_events"] == 0 and answer["lag_persons"] == 0:
                return time.perf_counter() - started
        await asyncio.sleep(0.05)


async def play(
    plan: Plan, on_hold: Callable[[int], object] = lambda connected: None, load: str = "sync_load.py"
) -> Told:
    """Let the `load` process play `plan`; while it holds its connections, `on_hold` is told how many they are."""
    with tempfile.NamedTemporaryFile(prefix="ecoklit-plan-") as file:
        file.write(pickle.dumps(plan))
        file.flush()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(HERE / load),
            file.name,
            stdout=asyncio.subprocess.PIPE,
            preexec_fn=_many_files,
            limit=2**26,
        )
        assert process.stdout is not None
        if plan.hold_seconds and (line := await process.stdout.readline()):
            on_hold(json.loads(line)["connected"])
        out, _ = await process.communicate()
    if process.returncode != 0:
        raise SystemExit("the load failed: see above")
    told = Told(**json.loads(out))
    if others := set(told.statuses) - {"200", "201", "429", "503"}:
        raise SystemExit(f"answers other than yes or wait: {sorted(others)} of {told.statuses}")
    return told


def push_plan(running: Running, logs: Sequence[Log], events: int, per_second: float | None = None) -> Plan:
    """Every log in pushes of so many events, each log by a phone of its own."""
    requests = [
        [request("/v1/push", body, NDJSON, phone) for body in log.pushes(events)] for phone, log in enumerate(logs)
    ]
    return Plan("127.0.0.1", running.port, requests, per_second)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def request(path: str, body: bytes, headers: Mapping[str, str], phone: int = 0) -> bytes:
    """An HTTP/1.1 POST as ready bytes, from the address of this phone as a proxy in front of the service tells it."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines.append(f"X-Forwarded-For: 10.{phone >> 16 & 255}.{phone >> 8 & 255}.{phone & 255}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _postmaster(folder: Path) -> int:
    (found,) = folder.rglob("postmaster.pid")
    return int(found.read_text().split()[0])


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += _tree(int(child))
    return found


def _rss_kib(pid: int) -> int:
    """Resident, but what is shared with others (PostgreSQL's buffers) only in proportion."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _cpu(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
