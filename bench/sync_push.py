"""How many signed events a second get from many phones through HTTP to the disk: `python bench/sync_push.py`.

Beside it PouchDB-server and a service on the `eventsourcing` package get the same events in pushes of the same size
from the same load process, all servers up at once and measured in turns; the medians of the turns are shown. fsync is
on everywhere unless a row says otherwise. ecoklit does more meanwhile than is counted: it checks signatures, chains and
form, and keeps persons apart; the others only store. Its projector waits while the door is full (decision 0068): what
it still has to do when the last answer is there is told beside.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import sync_servers as servers
import sync_world
from sync_load import Plan, Told
from sync_servers import Running
from sync_world import Log

TURNS = 3
RATE_GOAL = 20_000
RATIO_GOAL = 5
JSON = {"Content-Type": "application/json"}

Row = dict[str, Any]


class Size(NamedTuple):
    """So many devices at once, each about so many voters, in pushes of so many events."""

    events: int
    devices: int
    voters_each: int


SIZES = (Size(1000, 20, 900), Size(100, 200, 90), Size(10, 400, 18))
QUICK_SIZES = (Size(1000, 4, 900), Size(100, 30, 90), Size(10, 60, 18))
REPLICATED_DEVICES = 0.25
"""The share of the devices that also replicate to PouchDB-server: their documents must not be there already."""


class Rival(NamedTuple):
    """Something to compare with: `plan` makes its requests from logs; `goal` is whether the ratio has one."""

    name: str
    running: Running
    plan: Callable[[Running, Sequence[Log], int], Plan]
    goal: bool


def run(quick: bool) -> list[Row]:
    """Rows {name, value, unit, against, ratio, goal, met}."""
    return asyncio.run(_run(QUICK_SIZES if quick else SIZES, 1 if quick else TURNS))


async def _run(sizes: Sequence[Size], turns: int) -> list[Row]:
    _tell("making up voters and phones, and signing …")
    worlds = [sync_world.make(size.devices * turns, size.voters_each, nth) for nth, size in enumerate(sizes)]
    folder = Path(tempfile.mkdtemp(prefix="ecoklit-bench-"))
    speed: dict[tuple[str, int], list[float]] = {}
    cpu: dict[int, list[str]] = {}
    try:
        async with contextlib.AsyncExitStack() as stack:
            own = await stack.enter_async_context(servers.ecoklit(_room(folder, "ecoklit"), worlds))
            rivals = await _rivals(stack, folder)
            for turn in range(turns):
                for size, world in zip(sizes, worlds, strict=True):
                    logs = world.devices[turn * size.devices : (turn + 1) * size.devices]
                    for rival in (Rival("ecoklit", own, servers.push_plan, True), *rivals):
                        rate, used = await _play(rival, logs, size.events)
                        speed.setdefault((rival.name, size.events), []).append(rate)
                        if rival.running is own:
                            cpu.setdefault(size.events, []).append(used)
                    rate = await _replicate(rivals, logs, size.events)
                    speed.setdefault((REPLICATION, size.events), []).append(rate)
            names = [(rival.name, rival.goal) for rival in rivals] + [(REPLICATION, True)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    medians = {key: statistics.median(rates) for key, rates in speed.items()}
    return [row for size in sizes for row in _rows(size, names, medians, cpu[size.events][-1])]


REPLICATION = "PouchDB replication, fsync"


async def _rivals(stack: contextlib.AsyncExitStack, folder: Path) -> list[Rival]:
    ways = {
        "eventsourcing, aggregates": ("aggregate", True),
        "eventsourcing, log": ("log", True),
        "eventsourcing, bare recorder": ("recorder", False),
    }
    rivals = [
        Rival(
            name,
            await stack.enter_async_context(servers.eventsourcing(_room(folder, way), way)),
            servers.push_plan,
            goal,
        )
        for name, (way, goal) in ways.items()
    ]
    for name, fsync in {"PouchDB _bulk_docs, fsync": True, "PouchDB _bulk_docs, as it comes (no fsync)": False}.items():
        running = await stack.enter_async_context(servers.pouchdb(_room(folder, f"pouchdb-{fsync}"), fsync=fsync))
        rivals.append(Rival(name, running, bulk_docs_plan, fsync))
    return rivals


async def _play(rival: Rival, logs: Sequence[Log], events: int) -> tuple[float, str]:
    before = rival.running.cpu_seconds()
    told = await servers.play(rival.plan(rival.running, logs, events))
    used = {name: seconds - before[name] for name, seconds in rival.running.cpu_seconds().items()}
    rate = sum(len(log.held) for log in logs) / told.seconds
    shown = ", ".join(f"{name} {seconds:.1f}" for name, seconds in {**used, "load": told.cpu}.items())
    _tell(f"{rival.name}, {events} a push: {rate:,.0f} events/s in {told.seconds:.1f} s; CPU {shown}{_waits(told)}")
    if "broker" in used:
        _tell(f"  the roll shows all of it {await servers.settled(rival.running):.1f} s later")
    return rate, shown


async def _replicate(rivals: Sequence[Rival], logs: Sequence[Log], events: int) -> float:
    """Phones of PouchDB's own replicate to the database that fsyncs. Their documents are others than `_bulk_docs` had:
    the same events under other names."""
    (running,) = [rival.running for rival in rivals if rival.name == "PouchDB _bulk_docs, fsync"]
    some = logs[: max(1, int(len(logs) * REPLICATED_DEVICES))]
    told = await servers.replicate(
        f"{running.url}/events", [[document(one, "again-") for one in log.held] for log in some], events
    )
    if told["docs"] != sum(len(log.held) for log in some):
        raise SystemExit(f"PouchDB replicated {told['docs']:.0f} of {sum(len(log.held) for log in some)} documents")
    rate = told["docs"] / told["seconds"]
    _tell(f"{REPLICATION}, {events} a push: {rate:,.0f} events/s in {told['seconds']:.1f} s")
    return rate


def bulk_docs_plan(running: Running, logs: Sequence[Log], events: int) -> Plan:
    def body(part: Sequence[Any]) -> bytes:
        return json.dumps({"docs": [document(one) for one in part]}, separators=(",", ":")).encode()

    requests = [[servers.request("/events/_bulk_docs", body(part), JSON) for part in log.parts(events)] for log in logs]
    return Plan("127.0.0.1", running.port, requests)


def document(held: Any, prefix: str = "") -> dict[str, Any]:
    """An event as PouchDB would have it: its name is its id, so that one sent twice is one."""
    document = {"_id": f"{prefix}{held.device}:{held.seq:07}", "event": json.loads(held.event_bytes)}
    if held.person_bytes is not None:
        document["person"] = json.loads(held.person_bytes)
    return document


def _waits(told: Told) -> str:
    waits = told.statuses.get("429", 0) + told.statuses.get("503", 0)
    return f"; told to wait {waits} times" if waits else ""


def _rows(size: Size, names: Sequence[tuple[str, bool]], speed: dict[tuple[str, int], float], cpu: str) -> list[Row]:
    own = speed["ecoklit", size.events]
    name = f"signed events by HTTP to the disk, {size.devices} phones, pushes of {size.events:,}"
    first = {
        "name": name,
        "value": round(own),
        "unit": "events/s",
        "against": f"CPU s: {cpu}",
        "ratio": round(own / RATE_GOAL, 2),
        "goal": f">= {RATE_GOAL} events/s",
        "met": own >= RATE_GOAL,
    }
    return [first] + [
        {
            "name": name,
            "value": round(own),
            "unit": "events/s",
            "against": f"{rival}: {speed[rival, size.events]:.0f}",
            "ratio": round(own / speed[rival, size.events], 2),
            "goal": f"ratio >= {RATIO_GOAL}" if goal else None,
            "met": own >= RATIO_GOAL * speed[rival, size.events] if goal else None,
        }
        for rival, goal in names
    ]


def _room(folder: Path, name: str) -> Path:
    room = folder / name
    room.mkdir()
    return room


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    for row in run(parser.parse_args().quick):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
