"""kill -9 of broker, database, service, projector and phones at random moments of one load.

A round waits for a moment, kills one part, or two at once, starts it again, waits until the house takes pushes, and
looks whether everything that was receipted by then is in the journal, once.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from random import Random
from typing import Final

from ecoklit.testing.chaos.house import BROKER, DATABASE, PROJECTOR, SERVICE, House, temporary_folder, tree
from ecoklit.testing.chaos.load import PROCESSES, Load
from ecoklit.testing.chaos.options import Options
from ecoklit.testing.chaos.table import Row, judged
from ecoklit.testing.chaos.verdict import Audit

ROUNDS: Final = 120
ROUNDS_QUICK: Final = 6
PHONE: Final = "phone"
BACKEND: Final = "one backend"
"""One of the database's processes: its postmaster then stops all the others, and recovers by itself."""

VICTIMS: Final = (BROKER, SERVICE, PROJECTOR, DATABASE, PHONE, BACKEND)
TWO_AT_ONCE: Final = 0.2
MOMENT_SECONDS_MAX: Final = 1.2


def run(options: Options) -> list[Row]:
    with temporary_folder() as folder:
        phones = [f"phone{nth:02}" for nth in range(24 if options.quick else 120)]
        house = House(folder, phones=phones, seed=options.seed)
        return [asyncio.run(_run(house, options, ROUNDS_QUICK if options.quick else ROUNDS))]


async def _run(house: House, options: Options, rounds: int) -> Row:
    random = Random(f"kill {options.seed}")
    audit, faults, against = Audit(), Counter[str](), list[str]()
    async with house:
        with Load(house) as load:
            for nth, victims in enumerate(chosen(random, rounds), start=1):
                await asyncio.sleep(random.random() * MOMENT_SECONDS_MAX)
                for victim in victims:
                    await strike(house, load, victim, random)
                    faults[victim] += 1
                await rise(house, load, victims)
                seen = await audit.look(house, load)
                if not load.working:
                    against.append(f"round {nth}: all phones have said their share, so nothing was under load")
                    break
                if seen.lost or seen.doubled or seen.against:
                    against += [f"round {nth} ({', '.join(victims)}): {one}" for one in seen.against]
                    break
            await load.drain()
            closing = await audit.closing(house, load)
    against += closing.seen.against
    fell = ", ".join(f"{part} ended by itself {count}×" for part, count in house.fell.items())
    return judged(
        "kill -9", nth, faults, closing.seen.counts, digests=closing.digests, against=against[:3],
        seen=f"{closing.seen.held:,} events; {fell or 'nothing else fell'}",
    )  # fmt: skip


def chosen(random: Random, rounds: int) -> list[tuple[str, ...]]:
    """The victims of each round: everyone has its turn, in an order that the seed gives; some rounds have two."""
    turns = [victim for _ in range(-(-rounds // len(VICTIMS))) for victim in random.sample(VICTIMS, len(VICTIMS))]
    found: list[tuple[str, ...]] = []
    for victim in turns[:rounds]:
        other = random.choice([one for one in (BROKER, SERVICE, PROJECTOR, PHONE) if one != victim])
        found.append((victim, other) if random.random() < TWO_AT_ONCE else (victim,))
    return found


async def strike(house: House, load: Load, victim: str, random: Random) -> None:
    if victim == PHONE:
        await load.kill(random.randrange(PROCESSES))
    elif victim == BACKEND:
        os.kill(random.choice(tree(house.pid(DATABASE))[1:]), signal.SIGKILL)
    else:
        await house.kill(victim)


async def rise(house: House, load: Load, victims: tuple[str, ...]) -> None:
    """Start again what was killed, in the order in which a machine would."""
    for part in (BROKER, DATABASE, SERVICE, PROJECTOR):
        if part in victims:
            await house.restart(part)
    load.restart_killed()
    await house.ready()
    await house.mend()
