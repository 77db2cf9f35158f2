"""The broker's disk is full: phones are told to wait, keep what they have, and send it once when there is room again.

The disk is a small one of our own (48 MiB), and what fills it is a file beside the broker's store.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Final

from ecoklit.testing.chaos.disk import demand_loop, make_image, mounted
from ecoklit.testing.chaos.house import BROKER, House, HouseFault, temporary_folder
from ecoklit.testing.chaos.load import Load
from ecoklit.testing.chaos.options import Options
from ecoklit.testing.chaos.probe import Probe
from ecoklit.testing.chaos.table import Row, judged
from ecoklit.testing.chaos.verdict import Audit

ROUNDS: Final = 3
DISK_MIB: Final = 48
EVENTS_MIN: Final = 60
WAITED_SECONDS_MAX: Final = 60.0
"""Until the service says that it takes nothing: the broker's own time-outs come before it."""

PROBE: Final = "probe"


def run(options: Options) -> list[Row]:
    demand_loop()
    with temporary_folder() as folder:
        image = make_image(folder / "small-disk", DISK_MIB)
        with mounted(image, folder / "small") as small:
            return [asyncio.run(_run(folder, small, options))]


async def _run(folder: Path, small: Path, options: Options) -> Row:
    phones = [f"phone{nth:02}" for nth in range(24)]
    house = House(folder, phones=[*phones, PROBE], broker_store=small / "nats", seed=options.seed)
    rounds, against, restarts, audit = 1 if options.quick else ROUNDS, list[str](), 0, Audit()
    async with house:
        probe = Probe(house, PROBE)
        with Load(house, phones=phones) as load:
            for _ in range(rounds):
                await load.more(EVENTS_MIN)
                filler = _fill(small / "filler")
                try:
                    against += await _while_full(house, load, probe)
                finally:
                    filler.unlink()
                restarts += await _recovered(house, load)
            await load.drain()
            closing = await audit.closing(house, load, rebuild=not options.quick)
    return judged(
        "disk full", rounds, {"disk full": rounds}, closing.seen.counts, digests=closing.digests,
        against=[*against, *closing.seen.against],
        seen=f"{closing.seen.held:,} events; 503 and Retry-After each time; broker restarted {restarts}×",
    )  # fmt: skip


def _fill(file: Path) -> Path:
    """Take all the room that there is."""
    block = os.urandom(1 << 16)
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as filler:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    filler.write(block[:size])
        os.fsync(filler.fileno())
    return file


async def _while_full(house: House, load: Load, probe: Probe) -> list[str]:
    """What is not as promised: 503 with Retry-After, not ready, and phones that keep all they say."""
    against = []
    answer = await probe.until_asked_to_wait(WAITED_SECONDS_MAX)
    if not answer.asks_to_wait:
        against.append(f"full, and the service answers {answer}")
    health = await house.health()
    if health is None or health.status != 503:
        against.append(f"full, and /health/ready says {health}")
    await load.more_saved(EVENTS_MIN)
    return against


async def _recovered(house: House, load: Load) -> int:
    """With room again, the broker goes on by itself, or once it is started anew: how often that was needed."""
    with contextlib.suppress(HouseFault):
        await load.more(1)
        return 0
    await house.kill(BROKER)
    await house.restart(BROKER)
    await house.ready()
    await load.more(1)
    return 1
