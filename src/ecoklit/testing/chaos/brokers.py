"""Three brokers that hold each event three times: one killed at a time, or cut off from the other two, under load.

A node that is killed comes back with what it had, or with an empty disk, which the others fill. One that is cut off
goes on running and listening, and hears from nobody: whoever is connected to it must get no acknowledgement that the
other two have not given. The ways between the nodes lead through gates of ours, which can be shut; clients reach every
node all the time.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
import urllib.request
from collections import Counter
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from ecoklit.adapters import data_folder
from ecoklit.adapters.embedded_nats import Cluster, EmbeddedNats
from ecoklit.adapters.jetstream_registry import JetStreamRegistry
from ecoklit.testing.chaos.house import BROKER, ELECTION, REGENCY, House, HouseFault, free_ports, temporary_folder
from ecoklit.testing.chaos.load import Load
from ecoklit.testing.chaos.options import Options
from ecoklit.testing.chaos.table import Row, judged
from ecoklit.testing.chaos.verdict import Audit

NODES: Final = 3
KILLED: Final = "node killed"
DISK_LOST: Final = "node killed, its disk lost"
CUT_OFF: Final = "node cut off"
FAULTS: Final = (KILLED, KILLED, KILLED, CUT_OFF, KILLED, KILLED, DISK_LOST)
FAULTS_QUICK: Final = (DISK_LOST, CUT_OFF)
ROUNDS: Final = 28

BETWEEN_SECONDS_MAX: Final = 2.0
CUT_OFF_SECONDS: Final = 8.0
"""Longer than the nodes wait before they choose another leader (four to nine seconds)."""

CURRENT_SECONDS_MAX: Final = 60.0
_POLL_SECONDS: Final = 0.1


class Gate:
    """A way to one node for another one: what comes to `port` goes to the node's, while it is open."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self.is_open = True

    @property
    def port(self) -> int:
        assert self._listener is not None
        return int(self._listener.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._let_in, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        self.shut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def shut(self) -> None:
        """Cut what is connected, and let nobody in."""
        self.is_open = False
        for writer in self._writers:
            writer.transport.abort()

    def open(self) -> None:
        self.is_open = True

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.transport.abort()
            return
        try:
            from_node, to_node = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, to_node}
        for source, sink in ((reader, to_node), (from_node, writer)):
            task = asyncio.create_task(self._pass(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
        self._writers.discard(sink)
        sink.transport.abort()


class ThreeNodes(House):
    """A house whose broker has three nodes, each of them to be killed or cut off by itself."""

    def __init__(self, folder: Path, **more: Any) -> None:
        super().__init__(folder, **more)
        self.nodes: list[EmbeddedNats | None] = [None] * NODES
        self._ports = free_ports(3 * NODES)
        self._gates: dict[tuple[int, int], Gate] = {}
        self._stack = contextlib.AsyncExitStack()

    @property
    def nats_url(self) -> str:
        return ",".join(f"nats://127.0.0.1:{port}" for port in self._ports[:NODES])

    @property
    def monitor_url(self) -> str:
        return ",".join(f"http://127.0.0.1:{port}" for port in self._ports[NODES : 2 * NODES])

    def environ(self) -> dict[str, str]:
        return {**super().environ(), "ECOKLIT_NATS_REPLICAS": str(NODES)}

    async def restart(self, part: str) -> None:
        if part != BROKER:
            await super().restart(part)
            return
        for one in range(NODES):
            for other in range(NODES):
                if one != other:
                    gate = Gate(self._ports[2 * NODES + other])
                    self._gates[one, other] = await self._stack.enter_async_context(gate)
        await asyncio.gather(*(self.rise(node) for node in range(NODES)))
        await self.current()

    async def open_election(self) -> None:
        where: dict[str, Any] = {"election": ELECTION, "regency": REGENCY, "monitor_url": self.monitor_url}
        async with await JetStreamRegistry.open(self.nats_url, replicas=NODES, **where) as registry:
            await self.election.store(registry)
        keys = data_folder.key_folder(self.folder / "data", ELECTION, REGENCY)
        data_folder.remember_root(keys, self.election.root.device)
        data_folder.save_key(keys, "service", self.election.service)

    async def close(self) -> None:
        await super().close()
        for node in self.nodes:
            if node is not None:
                await node.kill()
        await self._stack.aclose()

    # --- what befalls a node -----------------------------------------------------------------------------------------

    async def rise(self, node: int) -> None:
        """Start a node that does not run."""
        routes = tuple(f"nats://127.0.0.1:{self._gates[node, other].port}" for other in range(NODES) if other != node)
        self.nodes[node] = await EmbeddedNats.start(
            self.stores / f"node{node}",
            port=self._ports[node],
            monitor_port=self._ports[NODES + node],
            # Nobody is told of a way around the gates: where a node says that it is, nobody is.
            cluster=Cluster(f"node{node}", self._ports[2 * NODES + node], routes, advertise="127.0.0.1:1"),
        )

    async def strike(self, node: int) -> None:
        """SIGKILL to a node."""
        running = self.nodes[node]
        assert running is not None
        await running.kill()
        self.nodes[node] = None

    def cut_off(self, node: int) -> None:
        """Shut every way between a node and the others."""
        for ways, gate in self._gates.items():
            if node in ways:
                gate.shut()

    def let_back(self, node: int) -> None:
        for ways, gate in self._gates.items():
            if node in ways:
                gate.open()

    def monitor_of(self, node: int) -> str:
        return self.monitor_url.split(",")[node]

    async def current(self) -> None:
        """Wait until every node has all that there is. Raises HouseFault."""
        deadline = time.monotonic() + CURRENT_SECONDS_MAX
        while time.monotonic() < deadline:
            states = [await asyncio.to_thread(_is_current, port) for port in self._ports[NODES : 2 * NODES]]
            if all(states):
                return
            await asyncio.sleep(_POLL_SECONDS)
        raise HouseFault(f"the nodes do not come to the same: {states}")


class _Routes(msgspec.Struct):
    num_routes: int


def _fetch(url: str) -> _Routes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return msgspec.json.decode(answer.read(), type=_Routes)


def _is_current(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


# --- the rounds ------------------------------------------------------------------------------------------------------


def run(options: Options) -> list[Row]:
    with temporary_folder() as folder:
        phones = [f"phone{nth:02}" for nth in range(12 if options.quick else 90)]
        house = ThreeNodes(folder, phones=phones, seed=options.seed)
        return [asyncio.run(_run(house, options))]


async def _run(house: ThreeNodes, options: Options) -> Row:
    random = Random(f"brokers {options.seed}")
    rounds = len(FAULTS_QUICK) if options.quick else ROUNDS
    audit, faults, against = Audit(), Counter[str](), list[str]()
    async with house:
        with Load(house, entries_max=80 if options.quick else 400) as load:
            for nth in range(rounds):
                await asyncio.sleep(random.random() * BETWEEN_SECONDS_MAX)
                node = random.randrange(NODES)
                fault = FAULTS[nth % len(FAULTS)] if not options.quick else FAULTS_QUICK[nth]
                faults[fault] += 1
                if fault == CUT_OFF:
                    against += await _cut_off(house, node)
                else:
                    await house.strike(node)
                    if fault == DISK_LOST:
                        await asyncio.to_thread(shutil.rmtree, house.stores / f"node{node}")
                    await asyncio.sleep(random.random() * BETWEEN_SECONDS_MAX)
                    await house.rise(node)
                await house.current()
                await house.ready()
                seen = await audit.look(house, load)
                if seen.lost or seen.doubled or seen.against:
                    against += [f"round {nth + 1}, node {node}: {one}" for one in seen.against]
                    break
            await load.drain()
            closing = await audit.closing(house, load)
            against += [*closing.seen.against, *await _replicas(house)]
    return judged(
        "three brokers", nth + 1, faults, closing.seen.counts, digests=closing.digests, against=against[:3],
        seen=f"{closing.seen.held:,} events on {NODES} nodes",
    )  # fmt: skip


async def _cut_off(house: ThreeNodes, node: int) -> list[str]:
    """A minority of one, which goes on running, for longer than the others need to choose another leader."""
    house.cut_off(node)
    await asyncio.sleep(CUT_OFF_SECONDS)
    routes = (await asyncio.to_thread(_fetch, house.monitor_of(node) + "/routez")).num_routes
    house.let_back(node)
    return [f"node {node} was not cut off: {routes} ways were left"] if routes else []


async def _replicas(house: ThreeNodes) -> list[str]:
    """What speaks against every node having everything: each by itself says how much it holds."""
    against = []
    async with house.journal() as journal:
        last = (await journal.last()).events
    for node in range(NODES):
        url = f"{house.monitor_of(node)}/jsz?streams=true"
        held = await asyncio.to_thread(_messages, url, f"ECOKLIT-{ELECTION}-{REGENCY}")
        if held != last:
            against.append(f"node {node} holds {held} of {last} events")
    return against


class _State(msgspec.Struct):
    last_seq: int
    messages: int


class _Stream(msgspec.Struct):
    name: str
    state: _State


class _Account(msgspec.Struct):
    stream_detail: list[_Stream] = []


class _Streams(msgspec.Struct):
    account_details: list[_Account] = []


def _messages(url: str, stream: str) -> int:
    with urllib.request.urlopen(url, timeout=5) as answer:
        told = msgspec.json.decode(answer.read(), type=_Streams)
    return sum(
        one.state.messages for account in told.account_details for one in account.stream_detail if one.name == stream
    )
