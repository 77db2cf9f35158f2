"""A broker of three nodes, and what a service makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ecoklit.adapters.embedded_nats import Cluster, EmbeddedNats
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.ports import JournalUnsafe
from ecoklit.testing.chaos import brokers
from ecoklit.testing.chaos.house import free_ports
from ecoklit.testing.chaos.options import Options
from ecoklit.testing.opaque_log import OpaqueLog, device_name

WHERE: dict[str, Any] = {"election": "brokers-2024", "regency": "9404"}


def test_two_of_three_nodes_lose_nothing() -> None:
    """Nodes that are killed, lose their disk and are cut off one at a time, under load: what was receipted is held,
    once, on all three in the end, and live projection, fold and rebuild have one digest."""
    (row,) = brokers.run(Options(quick=True))
    assert row.holds, row
    assert set(row.faults) == set(brokers.FAULTS_QUICK)
    assert (row.lost, row.doubled, row.digests) == (0, 0, "equal")


@pytest.fixture
async def two_nodes(tmp_path: Path) -> AsyncIterator[list[EmbeddedNats]]:
    """The first of them fsyncs before it answers, the second does not."""
    ports = free_ports(2)
    routes = tuple(f"nats://127.0.0.1:{port}" for port in ports)
    starting = (
        EmbeddedNats.start(
            tmp_path / f"node{node}", sync_always=node == 0, cluster=Cluster(f"node{node}", ports[node], routes)
        )
        for node in range(2)
    )
    nodes = await asyncio.gather(*starting)
    yield nodes
    for node in nodes:
        await node.kill()


async def test_every_node_must_have_it_on_its_disk(two_nodes: list[EmbeddedNats]) -> None:
    """A broker is refused when one of its nodes answers before its disk has the event, whichever this service is
    connected to; a node that does not answer is no reason."""
    urls = ",".join(node.url for node in two_nodes)
    monitors = ",".join(node.monitor_url for node in two_nodes)
    with pytest.raises(JournalUnsafe, match="before its disk has the event"):
        await JetStreamJournal.open(urls, monitor_url=monitors, **WHERE)
    with pytest.raises(JournalUnsafe, match="belongs to another broker"):
        await JetStreamJournal.open(two_nodes[0].url, monitor_url=two_nodes[1].monitor_url, **WHERE)


async def test_a_stream_with_too_few_replicas_is_refused(nats_server: EmbeddedNats) -> None:
    """Whoever asks for three replicas is not given a stream that has one."""
    log = OpaqueLog(device_name(1))
    async with await JetStreamJournal.open(nats_server.url, monitor_url=nats_server.monitor_url, **WHERE) as journal:
        await journal.append([log.push(1, 0)])
    with pytest.raises(JournalUnsafe, match="ECOKLIT_NATS_REPLICAS says 3"):
        await JetStreamJournal.open(nats_server.url, monitor_url=nats_server.monitor_url, replicas=3, **WHERE)
