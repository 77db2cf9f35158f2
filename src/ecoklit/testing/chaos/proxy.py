"""A network that delays, cuts, truncates and repeats, between phones and service and between service and broker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Final

from ecoklit.testing.chaos.house import House, temporary_folder
from ecoklit.testing.chaos.load import Load
from ecoklit.testing.chaos.options import Options
from ecoklit.testing.chaos.table import Row, judged
from ecoklit.testing.chaos.verdict import Audit
from ecoklit.testing.cutting_proxy import MISHAPS, CuttingProxy, by_chance

EVENTS: Final = 3000
EVENTS_QUICK: Final = 250
PHONES: Final = 24
SHARE_BEFORE_SERVICE: Final = 0.06
SHARE_BEFORE_BROKER: Final = 0.01
"""Of the pieces of data that pass. The service speaks with its broker on few connections, for long."""

ANSWER_SECONDS_MAX: Final = 3.0


def run(options: Options) -> list[Row]:
    with temporary_folder() as folder:
        return [asyncio.run(_run(folder, options))]


async def _run(folder: Path, options: Options) -> Row:
    events = EVENTS_QUICK if options.quick else EVENTS
    phones = [f"phone{nth:02}" for nth in range(PHONES if options.quick else PHONES * 2)]
    house, audit, random = House(folder, phones=phones, seed=options.seed), Audit(), Random(f"proxy {options.seed}")
    async with CuttingProxy(house.nats_port) as before_broker, CuttingProxy(house.port) as before_service:
        house.proxy_url = before_broker.url
        async with house:
            before_broker.befall = by_chance(random, SHARE_BEFORE_BROKER)
            before_service.befall = by_chance(random, SHARE_BEFORE_SERVICE)
            url = f"http://127.0.0.1:{before_service.port}"
            with Load(house, url=url, answer_seconds_max=ANSWER_SECONDS_MAX) as load:
                await load.more(events)
                while not (_has_had_all(before_service) and _has_had_all(before_broker)):
                    await load.more(PHONES)
                before_broker.befall = before_service.befall = None
                broken_off = load.broken_off()
                await load.drain()
                closing = await audit.closing(house, load, rebuild=not options.quick)
    befallen = {**_named(before_service, "before the service"), **_named(before_broker, "before the broker")}
    return judged(
        "unruly network", 1, befallen, closing.seen.counts, digests=closing.digests, against=closing.seen.against,
        seen=f"{closing.seen.held:,} events; {broken_off} syncs broke off",
    )  # fmt: skip


def _has_had_all(proxy: CuttingProxy) -> bool:
    return all(proxy.befallen[mishap] for mishap in MISHAPS)


def _named(proxy: CuttingProxy, where: str) -> dict[str, int]:
    return {f"{mishap} {where}": proxy.befallen[mishap] for mishap in MISHAPS}
