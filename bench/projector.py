"""How fast the projector is, and how much memory it takes: `python bench/projector.py`.

The whole of Mimika, 224,514 listed (with a person each) and one visit each, is put into a real journal and projected
into an empty database, by a process of its own as in service. A second such process projects a tenth of the voters, to
show that memory does not grow with them. fsync is on everywhere.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.wire import Held
from ecoklit.ports import Position, Push, Stored
from ecoklit.testing import mimika

ELECTION = "bench-projector"
REGENCY = mimika.REGENCY
AT = "2024-06-25T09:00:00+09:00"
PUSH_EVENTS = 900
SECONDS_GOAL = 30
RATE_GOAL = 25_000
MEMORY_RATIO_GOAL = 1.25

Row = dict[str, object]

# Only one process counts: what it prints is the time from the first read to the last commit, and its peak memory.
CHILD = """
import json, resource, sys, time
from pathlib import Path
import uvloop
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.bootstrap import collect_seldom
from ecoklit.contract import policies
from ecoklit.ports import Position
from ecoklit.services.project import Projector

async def main(nats, monitor, dsn, schema, election, regency, *stops):
    collect_seldom()
    store = PostgresRoll(dsn, election=election, regency=regency, schema=schema)
    await store.checkpoint()
    async with await JetStreamJournal.open(nats, election=election, regency=regency, monitor_url=monitor) as journal:
        projector = Projector(journal, store, policies(), election=election, regency=regency)
        seconds, peaks_kib = [], []
        for stop in stops:
            started = time.perf_counter()
            await projector.run_until_caught_up(Position(*json.loads(stop)))
            seconds.append(time.perf_counter() - started)
            # Not ru_maxrss: a child inherits that from the process that started it.
            status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
            peaks_kib.append(int(status["VmHWM"].split()[0]))
    await store.close()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "peaks_kib": peaks_kib}))

uvloop.run(main(*sys.argv[1:]))
"""


class Measured(NamedTuple):
    """Seconds of each stretch, CPU seconds of the process in all, and its peak memory at the end of each stretch."""

    seconds: list[float]
    cpu: float
    peaks_kib: list[int]


def run() -> list[Row]:
    """Rows {name, value, unit, against, ratio, goal, met}."""
    return asyncio.run(_run())


async def _run() -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="ecoklit-bench-"))
    try:
        async with (
            await EmbeddedNats.start(folder / "nats") as broker,
            EmbeddedPostgres(folder / "postgres") as database,
        ):
            _tell("making up Mimika and filling the journal …")
            voters, events = await _fill(broker)
            _tell(f"{events:,} events of {voters:,} voters; projecting a tenth, then all …")
            tenth = await _project(broker, database, "tenth", [Position(voters // 10, voters // 10)])
            whole = await _project(broker, database, "whole", [Position(voters, voters), Position(events, voters)])
            return _rows(voters, events, tenth, whole)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rows(voters: int, events: int, tenth: Measured, whole: Measured) -> list[Row]:
    seconds, listed, found = sum(whole.seconds), *whole.seconds
    rate = events / seconds
    growth = whole.peaks_kib[0] / tenth.peaks_kib[0]
    return [
        {
            "name": "projector, journal to committed rows",
            "value": round(rate),
            "unit": "events/s",
            "against": f"listed {voters / listed:.0f}, visits {voters / found:.0f}",
            "ratio": round(rate / RATE_GOAL, 2),
            "goal": f">= {RATE_GOAL} events/s",
            "met": rate >= RATE_GOAL,
        },
        {
            "name": f"the whole of Mimika from empty, {events} events",
            "value": round(seconds, 1),
            "unit": "s",
            "against": f"{whole.cpu:.1f} s of CPU in the projector",
            "ratio": round(seconds / SECONDS_GOAL, 2),
            "goal": f"< {SECONDS_GOAL} s",
            "met": seconds < SECONDS_GOAL,
        },
        {
            "name": f"projector's peak memory, {voters} listed",
            "value": round(whole.peaks_kib[0] / 1024),
            "unit": "MiB",
            "against": f"{voters // 10} listed: {tenth.peaks_kib[0] / 1024:.0f} MiB; "
            f"with visits {whole.peaks_kib[1] / 1024:.0f} MiB",
            "ratio": round(growth, 2),
            "goal": f"ratio <= {MEMORY_RATIO_GOAL}",
            "met": growth <= MEMORY_RATIO_GOAL,
        },
    ]


async def _project(broker: EmbeddedNats, database: EmbeddedPostgres, schema: str, stops: list[Position]) -> Measured:
    arguments = [broker.url, broker.monitor_url, database.dsn, schema, ELECTION, REGENCY]
    arguments += [json.dumps([stop.events, stop.persons]) for stop in stops]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    if child.returncode != 0:
        raise SystemExit("the projector failed: see above")
    return Measured(**json.loads(out))


async def _fill(broker: EmbeddedNats) -> tuple[int, int]:
    """Put the lists and the visits into the journal; how many voters and events there are."""
    async with await JetStreamJournal.open(
        broker.url, election=ELECTION, regency=REGENCY, monitor_url=broker.monitor_url
    ) as journal:
        heads: dict[str, int] = {}
        listed: list[tuple[str, Held]] = []
        for events in (_lists(listed), _visits(listed)):
            for push in _pushes(events):
                (outcome,) = await journal.append([Push(push[0].device, heads.get(push[0].device, 0), *_parts(push))])
                assert isinstance(outcome, Stored)
                heads[push[0].device] = outcome.last
        return len(listed), (await journal.last()).events


def _parts(push: list[Held]) -> tuple[tuple[bytes, ...], tuple[tuple[int, bytes], ...]]:
    events = tuple(held.event_bytes for held in push)
    return events, tuple((held.seq, held.person_bytes) for held in push if held.person_bytes is not None)


def _pushes(events: Iterable[Held]) -> Iterator[list[Held]]:
    for _, log in groupby(events, key=lambda held: held.device):
        push: list[Held] = []
        for held in log:
            push.append(held)
            if len(push) == PUSH_EVENTS:
                yield push
                push = []
        if push:
            yield push


def _log(role: str, draw: random.Random) -> DeviceLog:
    device = ids.device_id("ed25519", draw.randbytes(32))
    return DeviceLog(ELECTION, device, officer=f"o-{device[:6]}", role=role, policy="2024-1")


def _lists(listed: list[tuple[str, Held]]) -> Iterator[Held]:
    draw = random.Random(1)
    office = _log("kpu", draw)
    for tps in mimika.tps_codes():
        for made_up in mimika.people(tps):
            person = {"record": made_up._asdict(), "salt": ids.to_base64url(draw.randbytes(16))}
            held = office.append("listed", tps=tps, at=AT, source="dp4-2024", person=person)
            listed.append((tps, held))
            yield held


def _visits(listed: list[tuple[str, Held]]) -> Iterator[Held]:
    draw = random.Random(2)
    for tps, roll in groupby(listed, key=lambda entry: entry[0]):
        phone = _log("pantarlih", draw)
        for _, held in roll:
            yield phone.append("found", tps=tps, at=AT, how="in_person", voter=held.voter, seen=[held])


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    started = time.perf_counter()
    for row in run():
        print(json.dumps(row))
    _tell(f"{time.perf_counter() - started:.0f} s in all")
