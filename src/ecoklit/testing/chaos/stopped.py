"""The broker stands still for minutes, and then the database: phones wait for the one, and not for the other."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from ecoklit.testing.chaos.house import BROKER, DATABASE, House, temporary_folder
from ecoklit.testing.chaos.load import Load
from ecoklit.testing.chaos.options import Options
from ecoklit.testing.chaos.probe import Probe
from ecoklit.testing.chaos.table import Row, judged
from ecoklit.testing.chaos.verdict import Audit

STOPPED_SECONDS: Final = 150.0
STOPPED_SECONDS_QUICK: Final = 1.0
"""At least: it also lasts until the service has said that it takes nothing, and phones have saved more meanwhile."""

EVENTS_MIN: Final = 40
WAITED_SECONDS_MAX: Final = 60.0
PROBE: Final = "probe"


def run(options: Options) -> list[Row]:
    with temporary_folder() as folder:
        return [asyncio.run(_run(folder, options))]


async def _run(folder: Path, options: Options) -> Row:
    phones = [f"phone{nth:02}" for nth in range(24 if options.quick else 60)]
    house, audit = House(folder, phones=[*phones, PROBE], seed=options.seed), Audit()
    seconds = STOPPED_SECONDS_QUICK if options.quick else STOPPED_SECONDS
    async with house:
        with Load(house, phones=phones, pause_seconds=0.1 if options.quick else 0.5) as load:
            await load.more(EVENTS_MIN)
            stopped, against = await _broker_stopped(house, load, seconds)
            await load.more(EVENTS_MIN)
            against += await _database_stopped(house, load)
            await load.more(EVENTS_MIN)
            await load.drain()
            closing = await audit.closing(house, load, rebuild=not options.quick)
    return judged(
        "broker and database stopped", 1, {"broker stopped": 1, "database stopped": 1}, closing.seen.counts,
        digests=closing.digests, against=[*against, *closing.seen.against],
        seen=f"{closing.seen.held:,} events; the broker stood still for {stopped:.0f} s",
    )  # fmt: skip


async def _broker_stopped(house: House, load: Load, seconds: float) -> tuple[float, list[str]]:
    """How long it stood, and what was not as promised: 503 and Retry-After, not ready, phones that keep all."""
    against, since = list[str](), time.monotonic()
    house.freeze(BROKER)
    try:
        answer = await Probe(house, PROBE).until_asked_to_wait(WAITED_SECONDS_MAX)
        if not answer.asks_to_wait:
            against.append(f"the broker stands still, and the service answers {answer}")
        health = await house.health()
        if health is None or health.status != 503:
            against.append(f"the broker stands still, and /health/ready says {health}")
        await load.more_saved(EVENTS_MIN)
        await asyncio.sleep(max(0.0, since + seconds - time.monotonic()))
    finally:
        house.thaw()
    return time.monotonic() - since, against


async def _database_stopped(house: House, load: Load) -> list[str]:
    """What was not as promised: pushes are receipted all the same, and the service says that they are."""
    house.freeze(DATABASE)
    try:
        await load.more(EVENTS_MIN)
        health = await house.health()
    finally:
        house.thaw()
    if health is None or health.status != 200:
        return [f"the database stands still, and /health/ready says {health}"]
    return []
