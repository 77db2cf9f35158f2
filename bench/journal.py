"""How fast the journal takes events in, and gives them back: `python bench/journal.py`.

Every figure is measured beside what it is compared with, in one run and in turns, on a broker that fsyncs before it
answers; what is shown is the median of the turns.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import nats

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.ports import Push, Stored
from ecoklit.services.group_commit import GroupCommit
from ecoklit.testing.opaque_log import OpaqueLog, device_name

TURNS = 5
EVENT_BYTES = 600
BATCH_EVENTS = 500
BATCHES = 16
SINGLES = 300
DEVICES = 1000
PUSHES_EACH = 6
ALONE_PUSHES = 200
REPLAY_EVENTS = 40_000

Row = dict[str, object]
Job = Callable[[], Awaitable[float]]


def run() -> list[Row]:
    """Rows {name, value, unit, against, ratio, goal, met}."""
    return asyncio.run(_run())


async def _run() -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="ecoklit-bench-"))
    try:
        async with await EmbeddedNats.start(folder) as server:
            return await _measure(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(server: EmbeddedNats) -> list[Row]:
    jobs: dict[str, Job] = {
        "append": lambda: _append(server, persons=False),
        "append with persons": lambda: _append(server, persons=True),
        "raw": lambda: _raw_batches(server),
        "single": lambda: _one_by_one(server),
        "pushes": lambda: _pushes(server),
        "pushes alone": lambda: _pushes_alone(server),
        "replay": lambda: _replay(server),
    }
    turns: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(TURNS):
        for name, job in jobs.items():
            turns[name].append(await job())
    speed = {name: statistics.median(values) for name, values in turns.items()}
    return [
        _row(
            "journal append, 600-byte events in 500s",
            speed["append"],
            "events/s",
            "raw atomic batches",
            speed["raw"],
            0.8,
        ),
        _row("journal append, 600-byte events in 500s", speed["append"], "events/s", "one by one", speed["single"], 10),
        _row(
            "journal append with a person each",
            speed["append with persons"],
            "events/s",
            "without",
            speed["append"],
            None,
        ),
        _row(
            "two-event pushes from 1,000 devices",
            speed["pushes"],
            "pushes/s",
            "each its own batch",
            speed["pushes alone"],
            None,
        )
        | {"goal": ">= 8000 pushes/s", "met": speed["pushes"] >= 8000},
        _row("journal replay", speed["replay"], "events/s", "append", speed["append"], None)
        | {"goal": ">= 60000 events/s", "met": speed["replay"] >= 60_000},
    ]


def _row(name: str, value: float, unit: str, against: str, other: float, ratio_min: float | None) -> Row:
    ratio = value / other
    return {
        "name": name,
        "value": round(value),
        "unit": unit,
        "against": f"{against}: {other:.0f}",
        "ratio": round(ratio, 2),
        "goal": None if ratio_min is None else f"ratio >= {ratio_min:g}",
        "met": None if ratio_min is None else ratio >= ratio_min,
    }


async def _open(server: EmbeddedNats) -> JetStreamJournal:
    election = f"bench-{secrets.token_hex(6)}"
    return await JetStreamJournal.open(server.url, election=election, regency="9404", monitor_url=server.monitor_url)


def _batches(count: int) -> list[Push]:
    log = OpaqueLog(device_name(0), event_bytes=EVENT_BYTES)
    return [log.push(BATCH_EVENTS, BATCH_EVENTS * n, persons=True) for n in range(count)]


async def _append(server: EmbeddedNats, *, persons: bool) -> float:
    batches = [push if persons else Push(push.device, push.after, push.events) for push in _batches(BATCHES)]
    async with await _open(server) as journal:
        started = time.perf_counter()
        for push in batches:
            (outcome,) = await journal.append([push])
            assert isinstance(outcome, Stored)
        return BATCHES * BATCH_EVENTS / (time.perf_counter() - started)


async def _raw_stream(client: nats.NATS, name: str) -> None:
    config = {"name": name, "subjects": [f"{name}.>"], "storage": "file", "allow_atomic": True, "num_replicas": 1}
    answer = await client.request(f"$JS.API.STREAM.CREATE.{name}", json.dumps(config).encode(), timeout=10)
    assert "error" not in json.loads(answer.data)


async def _raw_batches(server: EmbeddedNats) -> float:
    """Atomic batches as the broker's documentation has them, and nothing else: one after the other on one subject."""
    payloads = [push.events for push in _batches(BATCHES)]
    name = f"raw-{secrets.token_hex(6)}"
    async with await nats.connect(server.url, pending_size=64 * 1024 * 1024, skip_subject_validation=True) as client:
        await _raw_stream(client, name)
        started = time.perf_counter()
        for events in payloads:
            batch = secrets.token_hex(8)
            for n, payload in enumerate(events[:-1], start=1):
                headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(n)}
                await client.publish(f"{name}.a", payload, headers=headers)
            headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(len(events)), "Nats-Batch-Commit": "1"}
            answer = await client.request(f"{name}.a", events[-1], timeout=10, headers=headers)
            assert "error" not in json.loads(answer.data)
        return BATCHES * BATCH_EVENTS / (time.perf_counter() - started)


async def _one_by_one(server: EmbeddedNats) -> float:
    events = OpaqueLog(device_name(0), event_bytes=EVENT_BYTES).take(SINGLES)
    name = f"single-{secrets.token_hex(6)}"
    async with await nats.connect(server.url) as client:
        await _raw_stream(client, name)
        started = time.perf_counter()
        for payload in events:
            await client.jetstream().publish(f"{name}.a", payload)
        return SINGLES / (time.perf_counter() - started)


async def _pushes(server: EmbeddedNats) -> float:
    logs = [OpaqueLog(device_name(n), event_bytes=EVENT_BYTES) for n in range(DEVICES)]
    events = [[log.take(2) for _ in range(PUSHES_EACH)] for log in logs]
    async with await _open(server) as journal:
        group = GroupCommit(journal)

        async def device(log: OpaqueLog, pushes: list[tuple[bytes, ...]]) -> None:
            after = 0
            for pair in pushes:
                outcome = await group.submit(Push(log.device, after, pair))
                assert isinstance(outcome, Stored)
                after = outcome.last

        started = time.perf_counter()
        await asyncio.gather(*(device(log, pushes) for log, pushes in zip(logs, events, strict=True)))
        return DEVICES * PUSHES_EACH / (time.perf_counter() - started)


async def _pushes_alone(server: EmbeddedNats) -> float:
    pushes = [OpaqueLog(device_name(n), event_bytes=EVENT_BYTES).push(2, 0) for n in range(ALONE_PUSHES)]
    async with await _open(server) as journal:
        started = time.perf_counter()
        for outcome in await asyncio.gather(*(journal.append([push]) for push in pushes)):
            assert isinstance(outcome[0], Stored)
        return ALONE_PUSHES / (time.perf_counter() - started)


async def _replay(server: EmbeddedNats) -> float:
    async with await _open(server) as journal:
        for push in _batches(REPLAY_EVENTS // BATCH_EVENTS):
            await journal.append([Push(push.device, push.after, push.events)])
        started = time.perf_counter()
        read = 0
        while events := await journal.read_events(read, 5000):
            read += len(events)
        assert read == REPLAY_EVENTS
        return REPLAY_EVENTS / (time.perf_counter() - started)


def main() -> None:
    for row in run():
        print(json.dumps(row))


if __name__ == "__main__":
    main()
