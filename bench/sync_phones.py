"""Five thousand phones connected at once, and the memory that takes: `python bench/sync_phones.py`.

Every phone opens a connection, keeps it, and pushes what it has; memory is resident memory (what is shared counts in
proportion), before and while all are connected.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import sync_servers as servers
import sync_world
from sync_load import Plan

PHONES = 5000
VOTERS_EACH = 2
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
    try:
        async with servers.ecoklit(folder, [world]) as running:
            memory = [running.rss_mib()]
            connected: list[int] = []

            def on_hold(count: int) -> None:
                connected.append(count)
                memory.append(running.rss_mib())

            idle = Plan("127.0.0.1", running.port, [[] for _ in range(phones)], hold_seconds=HOLD_SECONDS)
            await servers.play(idle, on_hold)
            plan = servers.push_plan(running, world.devices, 1000, PUSHES_PER_SECOND)
            plan.hold_seconds = HOLD_SECONDS
            told = await servers.play(plan, on_hold)
            waited = [(answered - due) * 1000 for due, answered in zip(told.due, told.answered, strict=True)]
            _tell(f"{told.statuses}, {connected}, {memory}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [
        {
            "name": f"phones connected at once by HTTP, {told.statuses.get('200', 0)} pushes receipted",
            "value": min(connected),
            "unit": "phones",
            "against": f"p99 {servers.percentile(waited, 0.99):.0f} ms at {PUSHES_PER_SECOND} pushes/s, all connected",
            "ratio": None,
            "goal": f">= {phones} phones",
            "met": min(connected) >= phones and told.statuses.get("200", 0) == len(waited),
        },
        *(_memory(part, memory, phones) for part in memory[0]),
    ]


def _memory(part: str, memory: list[dict[str, float]], phones: int) -> Row:
    before, idle, pushed = (taken[part] for taken in memory)
    return {
        "name": f"memory of the {part} with {phones} phones connected that have pushed",
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
