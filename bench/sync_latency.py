"""How long a phone waits, and how soon the roll shows it, with room to spare: `python bench/sync_latency.py`.

Requests are begun when they are due, whether or not earlier ones were answered, and count from then: so a pause of the
service is felt by every push that falls into it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from bisect import bisect_left
from pathlib import Path
from typing import Any

import sync_servers as servers
import sync_world
from sync_load import Told
from sync_servers import Running

from ecoklit.adapters.postgres_reader import PostgresReader

LARGE_EVENTS = 1000
LARGE_DEVICES = 80
LARGE_PER_SECOND = 4
LARGE_MS_GOAL = 250

SMALL_EVENTS = 10
SMALL_DEVICES = 400
SMALL_VOTERS = 45  # about five pushes of ten events
VISIBLE_EVENTS_PER_SECOND = 2000
VISIBLE_SECONDS_GOAL = 1.0
LOOK_SECONDS = 0.02

Row = dict[str, Any]


def run(quick: bool) -> list[Row]:
    """Rows {name, value, unit, against, ratio, goal, met}."""
    return asyncio.run(_run(8 if quick else 1))


async def _run(part: int) -> list[Row]:
    _tell("making up voters and phones, and signing …")
    large = sync_world.make(LARGE_DEVICES // part, 900, 0)
    small = sync_world.make(SMALL_DEVICES // part, SMALL_VOTERS, 1)
    folder = Path(tempfile.mkdtemp(prefix="ecoklit-bench-"))
    try:
        async with servers.ecoklit(folder, [small], [large]) as running:
            rows = []
            for name, logs in (
                ("a list, with a person each", [large.office]),
                ("visits", [log.first(LARGE_EVENTS) for log in large.devices]),
            ):
                told = await servers.play(servers.push_plan(running, logs, LARGE_EVENTS, LARGE_PER_SECOND))
                rows.append(_large(name, told))
                await servers.settled(running)
            return [*rows, *await _visible(running, small.devices)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _large(name: str, told: Told) -> Row:
    waited = [(answered - due) * 1000 for due, answered in zip(told.due, told.answered, strict=True)]
    p99 = servers.percentile(waited, 0.99)
    _tell(f"{len(waited)} pushes of {LARGE_EVENTS}, {name}: {told.statuses}")
    return {
        "name": f"p99 of a {LARGE_EVENTS}-event push of {name}, {LARGE_PER_SECOND} pushes/s",
        "value": round(p99),
        "unit": "ms",
        "against": f"median {servers.percentile(waited, 0.5):.0f} ms, {len(waited)} pushes",
        "ratio": round(p99 / LARGE_MS_GOAL, 2),
        "goal": f"< {LARGE_MS_GOAL} ms",
        "met": p99 < LARGE_MS_GOAL,
    }


async def _visible(running: Running, logs: list[sync_world.Log]) -> list[Row]:
    """A push is visible when the roll's checkpoint has come to the position that its receipt names."""
    plan = servers.push_plan(running, logs, SMALL_EVENTS)
    plan.per_second = VISIBLE_EVENTS_PER_SECOND * sum(map(len, plan.sessions)) / sum(len(log.held) for log in logs)
    seen: list[tuple[int, float]] = []
    looking = asyncio.create_task(_look(running, seen))
    told = await servers.play(plan)
    await servers.settled(running)
    looking.cancel()
    if not all(told.positions):
        raise SystemExit("a receipt names no position")
    positions = [position for position, _ in seen]
    shown = [seen[bisect_left(positions, position)][1] for position in told.positions]
    durable = [answered - due for due, answered in zip(told.due, told.answered, strict=True)]
    visible = [at - due for due, at in zip(told.due, shown, strict=True)]
    p99 = servers.percentile(visible, 0.99)
    rate = sum(len(log.held) for log in logs) / told.seconds
    return [
        {
            "name": f"push to visible in the roll, p99, {rate:.0f} events/s in pushes of {SMALL_EVENTS}",
            "value": round(p99, 2),
            "unit": "s",
            "against": f"median {servers.percentile(visible, 0.5):.2f} s, {len(visible)} pushes, {len(logs)} phones",
            "ratio": round(p99 / VISIBLE_SECONDS_GOAL, 2),
            "goal": f"< {VISIBLE_SECONDS_GOAL:g} s",
            "met": p99 < VISIBLE_SECONDS_GOAL,
        },
        {
            "name": f"push to receipt, p99, {rate:.0f} events/s in pushes of {SMALL_EVENTS}",
            "value": round(servers.percentile(durable, 0.99) * 1000),
            "unit": "ms",
            "against": f"median {servers.percentile(durable, 0.5) * 1000:.0f} ms",
            "ratio": None,
            "goal": None,
            "met": None,
        },
    ]


async def _look(running: Running, seen: list[tuple[int, float]]) -> None:
    async with PostgresReader(running.dsn, schema="ecoklit") as reader:
        while True:
            as_of = await reader.as_of(sync_world.REGENCY)
            if not seen or seen[-1][0] < as_of.events:
                seen.append((as_of.events, time.time()))
            await asyncio.sleep(LOOK_SECONDS)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    for row in run(parser.parse_args().quick):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
