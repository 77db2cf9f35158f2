"""Five thousand phones connected at once, by HTTP, by NATS and by its WebSocket, and the memory that takes:
`python bench/sync_phones.py`.

Every phone opens a connection, keeps it, and pushes what it has; over NATS it comes in by credentials of its own.
Memory is resident memory (what is shared counts in proportion), before and while all are connected. The three ways
follow each other on one service, with the same phones: each pushes a third of its log by each.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import math
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sync_servers as servers
import sync_world
from sync_load import Plan
from sync_load_nats import NatsPlan, User

from ecoklit.adapters.nats_credentials import USER, BrokerKey

PHONES = 5000
VOTERS_EACH = 6
WAYS = ("HTTP", "NATS", "WebSocket")
PUSHES_PER_SECOND = 200
HOLD_SECONDS = 5.0

Row = dict[str, Any]


def run(quick: bool) -> list[Row]:
    """Rows {name, value, unit, against, ratio, goal, met}."""
    return asyncio.run(_run(PHONES // 10 if quick else PHONES))


async def _run(phones: int) -> list[Row]:
    _tell("making up voters and phones, and signing …")
    world = sync_world.make(phones, VOTERS_EACH)
    folder = Path(tempfile.mkdtemp(prefix="ecoklit-bench-"))
    rows: list[Row] = []
    try:
        async with servers.ecoklit(folder, [world], accounts=True) as running:
            parts = [log.pushes(math.ceil(len(log.held) / len(WAYS))) for log in world.devices]
            for nth, way in enumerate(WAYS):
                plan, load = _plan(running, way, world, [pushes[nth] for pushes in parts])
                rows += await _measure(running, way, plan, load)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return rows


async def _measure(running: servers.Running, way: str, plan: Plan, load: str) -> list[Row]:
    phones = len(plan.sessions)
    memory = [running.rss_mib()]
    connected: list[int] = []

    def on_hold(count: int) -> None:
        connected.append(count)
        memory.append(running.rss_mib())

    idle = dataclasses.replace(plan, sessions=[[] for _ in range(phones)], per_second=None)
    await servers.play(idle, on_hold, load)
    told = await servers.play(plan, on_hold, load)
    waited = [(answered - due) * 1000 for due, answered in zip(told.due, told.answered, strict=True)]
    _tell(f"{way}: {told.statuses}, {connected}, {memory}")
    receipted = told.statuses.get("200", 0)
    return [
        {
            "name": f"phones connected at once by {way}, {receipted} pushes receipted",
            "value": min(connected),
            "unit": "phones",
            "against": f"p99 {servers.percentile(waited, 0.99):.0f} ms at {PUSHES_PER_SECOND} pushes/s, all connected",
            "ratio": None,
            "goal": f">= {phones} phones",
            "met": min(connected) >= phones and receipted == len(waited),
        },
        *(_memory(part, way, memory, phones) for part in memory[0]),
    ]


def _plan(running: servers.Running, way: str, world: sync_world.World, bodies: Sequence[bytes]) -> tuple[Plan, str]:
    """One push of each phone at the pace of all, and the load process that knows the way."""
    if way == "HTTP":
        sessions = [[servers.request("/v1/push", body, servers.NDJSON, nth)] for nth, body in enumerate(bodies)]
        return Plan("127.0.0.1", running.port, sessions, PUSHES_PER_SECOND, HOLD_SECONDS), "sync_load.py"
    where = urlsplit(running.websocket_url if way == "WebSocket" else running.nats_url)
    users = [_user(running, log.device) for log in world.devices]
    plan = NatsPlan(
        where.hostname or "", where.port or 0, [[body] for body in bodies], PUSHES_PER_SECOND, HOLD_SECONDS, users,
        way == "WebSocket",
    )  # fmt: skip
    return plan, "sync_load_nats.py"


def _user(running: servers.Running, device: str) -> User:
    assert running.accounts is not None
    key = BrokerKey.fresh(USER)
    return User(device, running.accounts.issue_device(device, key.public), key.seed)


def _memory(part: str, way: str, memory: list[dict[str, float]], phones: int) -> Row:
    before, idle, pushed = (taken[part] for taken in memory)
    return {
        "name": f"memory of the {part} with {phones} phones connected by {way} that have pushed",
        "value": round(pushed),
        "unit": "MiB",
        "against": f"before {before:.0f}, all idle {idle:.0f}: {(idle - before) * 1024 / phones:.1f} KiB each",
        "ratio": None,
        "goal": None,
        "met": None,
    }


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    for row in run(parser.parse_args().quick):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
