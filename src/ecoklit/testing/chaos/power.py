"""The power fails: everything is frozen, the disk under all stores is copied, and the house starts from the copy.

The stores of broker, database and phones lie on one small disk of our own. A round lets phones work, freezes all of it
at a random moment, takes what the disk holds, kills everything, and starts from that. Whatever was receipted, and
whatever a phone had shown as saved, must be there. Nothing is flushed for the test's sake.

The control runs the same with a broker that answers before its disk has the event, which is the broker's own default,
and a database without fsync: it must lose, or the test could not fail.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

from ecoklit.adapters.embedded_nats import EmbeddedNatsError
from ecoklit.errors import EcoklitError
from ecoklit.testing.chaos.disk import cut_power, demand_loop, make_image, mounted
from ecoklit.testing.chaos.house import BROKER, DATABASE, PARTS, REGENCY, House, temporary_folder
from ecoklit.testing.chaos.load import Load
from ecoklit.testing.chaos.options import Options
from ecoklit.testing.chaos.table import Row, control, judged
from ecoklit.testing.chaos.verdict import Audit, Closing

ROUNDS: Final = 15
ROUNDS_QUICK: Final = 1
CONTROL_ROUNDS: Final = 3
DISK_MIB: Final = 768
EVENTS_MIN: Final = 100
"""That are receipted before the power may fail."""

MOMENT_SECONDS_MAX: Final = 2.0


def run(options: Options) -> list[Row]:
    demand_loop()
    rows = [_row(options)]
    return rows + _control_rows(options)


class Machine:
    """A house whose stores, and those of its phones, lie on a disk that can lose its power."""

    def __init__(self, folder: Path, *, phones: int, seed: int, is_safe: bool = True) -> None:
        self.folder = folder
        self.image = make_image(folder / "disk0", DISK_MIB)
        self.at = folder / "disk"
        self.house = House(
            folder,
            phones=[f"phone{nth:02}" for nth in range(phones)],
            stores=self.at,
            seed=seed,
            sync_always=is_safe,
            fsync=is_safe,
        )
        self.load = Load(self.house, stores=self.at)
        self.cuts = 0

    async def cut(self) -> None:
        """Freeze all, take what the disk holds, and let everything die."""
        self.load.freeze()
        self.house.freeze()
        self.cuts += 1
        copy = await asyncio.to_thread(cut_power, self.image, self.folder / f"disk{self.cuts}")
        self.load.close()
        for part in PARTS:
            await self.house.kill(part)
        self.image.unlink()  # it stays until it is unmounted
        self.image = copy


# --- what must hold --------------------------------------------------------------------------------------------------


def _row(options: Options) -> Row:
    rounds = ROUNDS_QUICK if options.quick else ROUNDS
    with temporary_folder() as folder:
        machine = Machine(folder, phones=12 if options.quick else 60, seed=options.seed)
        return asyncio.run(_cuts(machine, rounds, Random(f"power {options.seed}")))


async def _cuts(machine: Machine, rounds: int, random: Random) -> Row:
    house, audit, cuts, projected, behind = machine.house, Audit(), 0, 0, 0
    load, against = machine.load, list[str]()
    while True:
        async with _running_on(machine):
            await house.start_stores()
            if cuts:
                seen = await audit.look(house, load)
                against += [f"cut {cuts}: {one}" for one in (*seen.against, *audit.phones(load, drained=False))]
                # It commits without waiting for its disk, since the journal is the copy: rows and checkpoint together.
                behind = max(behind, projected - await _projected(house))
            if cuts == rounds or against:
                closing = await _last(house, load, audit)
                break
            await house.start_service()
            load.start()
            await load.more(EVENTS_MIN)
            await asyncio.sleep(random.random() * MOMENT_SECONDS_MAX)
            projected = await _projected(house)
            await machine.cut()
            cuts += 1
    return judged(
        "power cut",
        cuts,
        {"power cut": cuts},
        closing.seen.counts,
        digests=closing.digests,
        against=[*against, *closing.seen.against],
        seen=f"{closing.seen.held:,} events; the roll came back at most {behind} events behind, and caught up",
    )


async def _last(house: House, load: Load, audit: Audit) -> Closing:
    await house.start_service()
    load.start()
    await load.drain()
    return await audit.closing(house, load)


@asynccontextmanager
async def _running_on(machine: Machine) -> AsyncIterator[House]:
    """The house, while its disk is there. Whatever happens, nothing runs on the disk afterwards."""
    with mounted(machine.image, machine.at):
        try:
            yield machine.house
        finally:
            machine.load.close()
            await machine.house.kill_all()


async def _projected(house: House) -> int:
    """How many events of the journal the database has committed as projected; 0 when it says nothing."""
    try:
        async with house.reader() as reader:
            return (await reader.as_of(REGENCY)).events
    except EcoklitError:
        return 0


# --- what must not ---------------------------------------------------------------------------------------------------


def _control_rows(options: Options) -> list[Row]:
    rounds = 1 if options.quick else CONTROL_ROUNDS
    acknowledged = lost = projected = forgotten = 0
    random = Random(f"control {options.seed}")
    for nth in range(rounds):
        with temporary_folder() as folder:
            machine = Machine(folder, phones=12, seed=options.seed + nth, is_safe=False)
            found = asyncio.run(_unsafe_cut(machine, random))
        acknowledged, lost = acknowledged + found[0], lost + found[1]
        projected, forgotten = projected + found[2], forgotten + found[3]
    faults = {"power cut": rounds}
    return [
        control("control: broker's default sync_interval", rounds, faults, acknowledged, lost),
        control(
            "control: database with fsync off", rounds, faults, projected, forgotten, "rows, not events: projected"
        ),
    ]


async def _unsafe_cut(machine: Machine, random: Random) -> tuple[int, int, int, int]:
    """(acknowledged, lost, projected, no longer projected) of one cut."""
    house, load = machine.house, machine.load
    async with _running_on(machine):
        await house.start()
        load.start()
        await load.more(EVENTS_MIN)
        await asyncio.sleep(random.random() * MOMENT_SECONDS_MAX)
        projected = await _projected(house)
        await machine.cut()
    async with _running_on(machine):
        acknowledged, lost = await _lost_after(house, load)
        left = await _projected_after(house)
        await house.close()
    return acknowledged, lost, projected, max(0, projected - left)


async def _lost_after(house: House, load: Load) -> tuple[int, int]:
    """(acknowledged, lost); all is lost with a broker that does not come up from what the disk holds."""
    try:
        await house.restart(BROKER)
    except EmbeddedNatsError:
        return load.acknowledged(), load.acknowledged()
    seen = await Audit().look(house, load)
    return seen.acknowledged, seen.lost


async def _projected_after(house: House) -> int:
    try:
        await house.restart(DATABASE)
    except EcoklitError:
        return 0  # it does not even start
    return await _projected(house)
