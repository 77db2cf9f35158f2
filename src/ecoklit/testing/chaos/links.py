"""Phones behind a link of their own, which is put down in the middle of what they say.

They live in a network namespace, joined to the service by a pair of virtual links. Needs root and `ip`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from ecoklit.testing.chaos.house import House, HouseFault, temporary_folder
from ecoklit.testing.chaos.load import Load
from ecoklit.testing.chaos.options import CannotRun, Options
from ecoklit.testing.chaos.table import Row, judged
from ecoklit.testing.chaos.verdict import Audit

ROUNDS: Final = 20
ROUNDS_QUICK: Final = 2
EVENTS_MIN: Final = 25
DOWN_SECONDS_MAX: Final = 3.0
ANSWER_SECONDS_MAX: Final = 2.0
BUSY_SECONDS_MAX: Final = 20.0
_ESTABLISHED: Final = "01"


class Link(NamedTuple):
    """A namespace for phones, this side's end of its link with its address, and the address there."""

    namespace: str
    device: str
    here: str
    there: str

    def put(self, state: str) -> None:
        """`up` or `down`: the other side loses its carrier too."""
        _ip("link", "set", self.device, state)


def run(options: Options) -> list[Row]:
    with temporary_folder() as folder, linked() as link:
        return [asyncio.run(_run(folder, link, options))]


@contextmanager
def linked() -> Iterator[Link]:
    """Raises CannotRun where this machine gives no namespaces. All is taken away afterwards."""
    if os.geteuid() != 0:
        raise CannotRun("a network namespace needs root.")
    if shutil.which("ip") is None:
        raise CannotRun("there is no ip (iproute2) here.")
    own = os.getpid() % 60_000
    subnet = f"10.{200 + own // 12_000}.{own // 50 % 240}"
    link = Link(f"ecoklit-chaos-{own}", f"eck{own}a", f"{subnet}.1", f"{subnet}.2")
    peer = f"eck{own}b"
    try:
        try:
            _ip("netns", "add", link.namespace)
            _ip("link", "add", link.device, "type", "veth", "peer", "name", peer)
            _ip("link", "set", peer, "netns", link.namespace)
            _ip("addr", "add", f"{link.here}/24", "dev", link.device)
            _ip("link", "set", link.device, "up")
            _ip("-n", link.namespace, "addr", "add", f"{link.there}/24", "dev", peer)
            _ip("-n", link.namespace, "link", "set", peer, "up")
        except subprocess.CalledProcessError as error:
            raise CannotRun(f"no link of our own can be made here ({error.stderr.decode().strip()}).") from error
        yield link
    finally:
        subprocess.run(["ip", "link", "del", link.device], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", link.namespace], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


async def _run(folder: Path, link: Link, options: Options) -> Row:
    rounds, random = ROUNDS_QUICK if options.quick else ROUNDS, Random(f"links {options.seed}")
    phones = [f"phone{nth:02}" for nth in range(24 if options.quick else 60)]
    house, audit, caught = House(folder, phones=phones, seed=options.seed, host=link.here), Audit(), 0
    async with house:
        prefix = ["ip", "netns", "exec", link.namespace]
        with Load(house, prefix=prefix, answer_seconds_max=ANSWER_SECONDS_MAX) as load:
            for _ in range(rounds):
                await load.more(EVENTS_MIN)
                before = load.broken_off()
                await _until_busy(house)
                try:
                    link.put("down")
                    await asyncio.sleep(ANSWER_SECONDS_MAX + random.random() * DOWN_SECONDS_MAX)
                finally:
                    link.put("up")
                await load.more(EVENTS_MIN)
                caught += load.broken_off() - before
            await load.drain()
            closing = await audit.closing(house, load, rebuild=not options.quick)
    return judged(
        "link down", rounds, {"link down": rounds}, closing.seen.counts, digests=closing.digests,
        against=[*([] if caught >= rounds else ["no request was broken off"]), *closing.seen.against],
        seen=f"{closing.seen.held:,} events; {caught} syncs broke off",
    )  # fmt: skip


async def _until_busy(house: House) -> None:
    """Wait until a phone is in the middle of a request. Raises HouseFault when none ever is."""
    deadline = time.monotonic() + BUSY_SECONDS_MAX
    while not _is_connected(house.port):
        if time.monotonic() > deadline:
            raise HouseFault("no phone speaks with the service")
        await asyncio.sleep(0.001)


def _is_connected(port: int) -> bool:
    """Whether somebody has a connection to this port of ours: a phone makes one for each request."""
    end = f":{port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(row[1].endswith(end) and row[3] == _ESTABLISHED for row in rows)
