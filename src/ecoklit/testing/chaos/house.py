"""A whole house of separate processes: broker, database, service, projector, each of them to be killed by itself.

The broker and the database are the real ones, the service and the projector are the product's own commands
(`ecoklit serve`, `ecoklit project`), all on loopback, on ports and in folders of their own, and all end with the
process that started them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from ecoklit.adapters import data_folder
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.jetstream_registry import JetStreamRegistry
from ecoklit.adapters.postgres_reader import PostgresReader
from ecoklit.errors import EcoklitError
from ecoklit.ports import Journal
from ecoklit.testing.made_up_registry import MadeUpElection

ELECTION: Final = "chaos-2024"
REGENCY: Final = "9404"
VILLAGE: Final = "9404012001"

BROKER: Final = "broker"
DATABASE: Final = "database"
SERVICE: Final = "service"
PROJECTOR: Final = "projector"
PARTS: Final = (BROKER, DATABASE, SERVICE, PROJECTOR)

HEALTH_SECONDS_MAX: Final = 30.0
"""It answers in two when it has the processor; that it does is no promise on a machine of others."""
READY_SECONDS_MAX: Final = 90.0
"""A service that starts while its broker does, on a busy machine."""

BROKER_SECONDS_MAX: Final = 60.0
UNSAFE_BROKER_SECONDS_MAX: Final = 5.0
"""One that has lost what it had acknowledged may find no stream whole, and then is never ready."""

STOP_SECONDS_MAX: Final = 30.0
LOG_BYTES_SHOWN: Final = 2000
_POLL_SECONDS: Final = 0.05
_PR_SET_PDEATHSIG: Final = 1


class HouseFault(EcoklitError):
    """The house does not come to where it must: what is shown is the end of a process's log."""

    def __init__(self, message: str) -> None:
        super().__init__("house_fault", message)


class Health(NamedTuple):
    """What /health/ready says, with its status; the lags are None when they are not known."""

    status: int
    journal: str
    lag_events: int | None
    lag_persons: int | None


class House:
    """`async with House(folder, phones=["p1"]) as house:` runs all four parts until the block ends.

    `stores` is where the broker and the database keep theirs, `folder` where the rest is: keys, evidence, logs. Every
    phone is a made-up device, enrolled and assigned in a TPS of its own village (`tps_of`). Ports stay the same over
    restarts. Must be used from a thread that lives as long as the house.
    """

    def __init__(
        self,
        folder: Path,
        *,
        phones: Sequence[str],
        stores: Path | None = None,
        broker_store: Path | None = None,
        seed: int = 1,
        sync_always: bool = True,
        fsync: bool = True,
        host: str = "127.0.0.1",
    ) -> None:
        """`broker_store` is where the broker keeps its own, when that is not among the `stores`."""
        self.folder = folder
        self.stores = stores or folder
        self.phones = tuple(phones)
        self.seed = seed
        self.host = host
        self.election = MadeUpElection(ELECTION, REGENCY, seed)
        self.fell: Counter[str] = Counter()
        self.nats: EmbeddedNats | None = None
        self._broker_store = broker_store or self.stores / "nats"
        self._sync_always = sync_always
        self._fsync = fsync
        self._postgres: EmbeddedPostgres | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._frozen: list[int] = []
        self._nats_port, self._monitor_port, self._port = free_ports(3)
        self.proxy_url: str | None = None
        """Where the service and the projector find the broker, when there is something in between."""

        for name in phones:
            self.election.device(name, "pantarlih", tps_of(self.phones, name))

    # --- where it is -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The service's address."""
        return f"http://{self.host}:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    @property
    def nats_port(self) -> int:
        return self._nats_port

    @property
    def nats_url(self) -> str:
        """The broker's own address, past any proxy."""
        return f"nats://127.0.0.1:{self._nats_port}"

    @property
    def monitor_url(self) -> str:
        return f"http://127.0.0.1:{self._monitor_port}"

    @property
    def postgres(self) -> EmbeddedPostgres:
        assert self._postgres is not None
        return self._postgres

    @property
    def dsn(self) -> str:
        return self.postgres.dsn

    def environ(self) -> dict[str, str]:
        """What the product's commands are to find; nothing of the outer ECOKLIT_ variables stays."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ECOKLIT_")}
        unsafe = {} if self._sync_always else {"ECOKLIT_ALLOW_UNSAFE": "1"}
        return {
            **kept,
            **unsafe,
            "ECOKLIT_DATA": str(self.folder / "data"),
            "ECOKLIT_ELECTION": ELECTION,
            "ECOKLIT_REGENCY": REGENCY,
            "ECOKLIT_NATS_URL": self.proxy_url or self.nats_url,
            "ECOKLIT_NATS_MONITOR_URL": self.monitor_url,
            "ECOKLIT_DATABASE_URL": self.dsn,
            "ECOKLIT_HOST": self.host,
            "ECOKLIT_PORT": str(self._port),
        }

    # --- starting and ending -----------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """All four parts, the election in the registry, the service ready."""
        await self.start_stores()
        await self.start_service()

    async def start_stores(self) -> None:
        """Broker and database alone."""
        await self.restart(BROKER)
        await self.restart(DATABASE)

    async def start_service(self) -> None:
        """On running stores: the election in the registry, the service ready, the projector at work."""
        await self.open_election()
        await self.restart(SERVICE)
        await self.restart(PROJECTOR)
        await self.ready()

    async def open_election(self) -> None:
        """What is in the registry already stays; the service's key goes where the service looks for it."""
        async with await JetStreamRegistry.open(
            self.nats_url,
            election=ELECTION,
            regency=REGENCY,
            monitor_url=self.monitor_url,
            allow_unsafe=not self._sync_always,
        ) as registry:
            await self.election.store(registry)
        keys = data_folder.key_folder(self.folder / "data", ELECTION, REGENCY)
        if data_folder.read_root(keys) is None:
            data_folder.remember_root(keys, self.election.root.device)
            data_folder.save_key(keys, "service", self.election.service)

    async def close(self) -> None:
        """Stop all in order; what does not stop is killed."""
        self.thaw()
        for name in (PROJECTOR, SERVICE):
            await self.stop(name)
        if self._postgres is not None:
            await self._postgres.stop()
            self._postgres = None
        if self.nats is not None:
            await self.nats.stop()
            self.nats = None

    async def kill_all(self) -> None:
        """SIGKILL to whatever still runs: for the way out of a part that failed."""
        self._frozen = []
        for part in PARTS:
            if self.runs(part):
                await self.kill(part)

    def runs(self, part: str) -> bool:
        """Whether the part was started and neither stopped nor killed."""
        if part == BROKER:
            return self.nats is not None
        if part == DATABASE:
            return self._postgres is not None and self._postgres.process is not None
        return part in self._processes

    async def restart(self, part: str) -> None:
        """Start a part that does not run. Of the service: it is not ready yet on return."""
        if part == BROKER:
            self.nats = await EmbeddedNats.start(
                self._broker_store,
                port=self._nats_port,
                monitor_port=self._monitor_port,
                sync_always=self._sync_always,
                ready_seconds_max=BROKER_SECONDS_MAX if self._sync_always else UNSAFE_BROKER_SECONDS_MAX,
            )
        elif part == DATABASE:
            self._postgres = EmbeddedPostgres(self.stores / "postgres", fsync=self._fsync)
            await self._postgres.start()
        else:
            self._processes[part] = self._spawn(part)

    def _spawn(self, part: str) -> subprocess.Popen[bytes]:
        words = {SERVICE: ["serve", "--no-project"], PROJECTOR: ["project", "--follow"]}[part]
        with self.log(part).open("ab") as log:
            return subprocess.Popen(
                [ecoklit_command(), *words, "--json"],
                env=self.environ(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    def log(self, part: str) -> Path:
        return self.folder / f"{part}.log"

    async def stop(self, part: str) -> None:
        """Ask the service or the projector to end, and wait."""
        process = self._processes.pop(part, None)
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    # --- what befalls it ---------------------------------------------------------------------------------------------

    def pid(self, part: str) -> int:
        """The process of a part; of the database, its postmaster."""
        if part == BROKER:
            assert self.nats is not None
            return self.nats.pid
        if part == DATABASE:
            assert self._postgres is not None and self._postgres.process is not None
            return self._postgres.process.pid
        return self._processes[part].pid

    async def kill(self, part: str) -> None:
        """SIGKILL to a part and its children, and wait until it is gone."""
        pids = tree(self.pid(part))
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if part == BROKER:
            assert self.nats is not None
            await self.nats.kill()
            self.nats = None
        elif part == DATABASE:
            assert self._postgres is not None and self._postgres.process is not None
            await asyncio.to_thread(self._postgres.process.wait)
            await asyncio.to_thread(_await_gone, pids)
            self._postgres.process = None
        else:
            await asyncio.to_thread(self._processes.pop(part).wait)

    def freeze(self, *parts: str) -> None:
        """SIGSTOP to these parts (all by default) and their children: nothing more is said or written by them."""
        for part in parts or PARTS:
            for pid in tree(self.pid(part)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    self._frozen.append(pid)

    def thaw(self) -> None:
        """SIGCONT to all that is frozen."""
        for pid in self._frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen = []

    async def mend(self) -> None:
        """Start a service or a projector that ended by itself, as whoever runs it would; `fell` counts them."""
        for part in (SERVICE, PROJECTOR):
            process = self._processes.get(part)
            if process is not None and process.poll() is not None:
                self.fell[part] += 1
                await self.restart(part)

    # --- what it says ------------------------------------------------------------------------------------------------

    async def health(self) -> Health | None:
        """What the service says of itself, None when it does not answer."""
        return await asyncio.to_thread(_health, f"{self.url}/health/ready")

    async def ready(self) -> None:
        """Wait until pushes are taken. Raises HouseFault."""
        await self._until(lambda health: health.status == 200, "the service is not ready")

    async def settled(self) -> None:
        """Wait until the roll shows all that the journal holds. Raises HouseFault."""
        await self._until(
            lambda health: (health.status, health.lag_events, health.lag_persons) == (200, 0, 0),
            "the roll does not come up to the journal",
        )

    async def _until(self, holds: Callable[[Health], bool], otherwise: str) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        health = None
        while time.monotonic() < deadline:
            health = await self.health()
            if health is not None and holds(health):
                return
            await self.mend()
            await asyncio.sleep(_POLL_SECONDS)
        raise HouseFault(f"After {READY_SECONDS_MAX:.0f} s {otherwise} ({health}):\n{self._last_words()}")

    def _last_words(self) -> str:
        return "\n".join(
            f"--- {part}\n{self.log(part).read_text(errors='replace')[-LOG_BYTES_SHOWN:]}"
            for part in (SERVICE, PROJECTOR)
            if self.log(part).exists()
        )

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[Journal]:
        """The journal as the broker holds it, past any proxy."""
        journal = await JetStreamJournal.open(
            self.nats_url,
            election=ELECTION,
            regency=REGENCY,
            monitor_url=self.monitor_url,
            allow_unsafe=not self._sync_always,
        )
        async with journal:
            yield journal

    def reader(self) -> PostgresReader:
        """The projection."""
        return PostgresReader(self.dsn)

    async def said(self, *words: str) -> Any:
        """What a command of the product prints as JSON, run on this house. Raises HouseFault when it fails."""
        done = await asyncio.to_thread(
            subprocess.run,
            [ecoklit_command(), *words, "--json"],
            env=self.environ(),
            capture_output=True,
            check=False,
            timeout=300,
        )
        if not done.stdout:
            raise HouseFault(f"ecoklit {' '.join(words)}: exit {done.returncode}\n{done.stderr.decode()}")
        return json.loads(done.stdout.splitlines()[-1])


def tps_of(phones: Sequence[str], name: str) -> str:
    """Where a phone works: two phones share each TPS."""
    return f"{VILLAGE}{1 + list(phones).index(name) // 2:03}"


# --- processes -------------------------------------------------------------------------------------------------------


def ecoklit_command() -> str:
    """The product's command in this environment."""
    return str(Path(sys.executable).with_name("ecoklit"))


def die_with_parent() -> Callable[[], None] | None:
    """For `preexec_fn`: the kernel kills the child when the thread that started it ends, however it ends."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # loaded here: between fork and exec nothing may be
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += tree(int(child))
    return found


def _await_gone(pids: Sequence[int]) -> None:
    while any(_lives(pid) for pid in pids):
        time.sleep(_POLL_SECONDS)


def _lives(pid: int) -> bool:
    """Whether it still can hold a file: a zombie, which nobody has asked for its end, cannot."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """So many ports on loopback that nobody has now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder with a short path, which PostgreSQL's own account may come to; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ecoklit-chaos-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _health(url: str) -> Health | None:
    try:
        with urllib.request.urlopen(url, timeout=HEALTH_SECONDS_MAX) as answer:
            return _read_health(answer.status, answer.read())
    except urllib.error.HTTPError as error:
        with error, contextlib.suppress(ValueError, KeyError, OSError):
            return _read_health(error.code, error.read())
        return None
    except (OSError, ValueError):
        return None


def _read_health(status: int, body: bytes) -> Health:
    told: Mapping[str, Any] = json.loads(body)
    return Health(status, told["journal"], told["lag_events"], told["lag_persons"])
