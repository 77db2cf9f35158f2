"""How fast the office's lists and figures are read from a million voters: `python bench/office_reading.py`.

One regency has a million made-up voters (`office_world.py`). Beside them are the counts of a province of ten million.

1. What row-level security costs: the same questions as somebody with areas asks them, and over the same views without
   it, in turns on one connection each.
2. The recap of the province, through the same reader as the service's.
3. The whole list as Parquet, by a process of its own; and that of a tenth, to show that memory does not grow.
4. People at the HTTP service: 50 connections, each with one request at a time and the next one at once, while nothing
   else happens, and while phones push 2,000 events a second. Then as many as come at a pace of their own, one by one or
   all 50 in the same moment every half second; there a request counts from when it was due. They look at any list of
   the million, which is read for them, or all at some 20 that others of them look at too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import asyncpg
import office_world
import sync_servers as servers
import sync_world
from office_world import PROVINCE
from sync_load import Plan
from sync_servers import Running
from sync_world import REGENCY, Log

from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.adapters.postgres_analyst import PostgresAnalyst
from ecoklit.adapters.postgres_reader import PostgresReader, Seen, seen_as
from ecoklit.adapters.postgres_schema import VIEWS, query
from ecoklit.contract import data_path
from ecoklit.testing.made_up_accounts import signed_in

VOTERS = 1_000_000
QUICK_VOTERS = 20_000
ASKING = 50
ASKED_EACH = 12
LOOKED_AT = 20
PACES: dict[str, tuple[float | None, int]] = {
    f"{ASKING} at once": (None, 1),
    "20 a second": (20, 1),
    f"100 a second, {ASKING} in one moment": (100, ASKING),
}
"""How they come → so many a second, of which so many in one moment."""
READ_MS_GOAL = 50
EVENTS_PER_SECOND = 2_000
PHONES = 2_400
PHONE_VOTERS = 36  # about four pushes of ten events
PUSH_EVENTS = 10
PROVINCE_MS_GOAL = 100
PROVINCE_TURNS = 15
SECURITY_TURNS = 60
SECURITY_RATIO_GOAL = 1.15
EXPORT_SECONDS_GOAL = 30
EXPORT_GROWTH_GOAL = 1.25

Row = dict[str, Any]
Done = TypeVar("Done")
Question = tuple[str, tuple[object, ...]]
"""A query's name and its arguments."""


def run(quick: bool) -> list[Row]:
    """Rows {name, value, unit, against, ratio, goal, met}."""
    return asyncio.run(_run(QUICK_VOTERS if quick else VOTERS, 10 if quick else 1))


async def _run(voters: int, part: int) -> list[Row]:
    _tell("making up phones, and signing …")
    phones = sync_world.make(PHONES // part, PHONE_VOTERS)
    folder = Path(tempfile.mkdtemp(prefix="ecoklit-bench-"))
    rows: list[Row] = []

    async def before(dsn: str) -> None:
        rows.append(await _filled(dsn, voters))
        in_province = await office_world.fill_province(dsn)
        _tell("what row-level security costs …")
        rows.extend(await _security(dsn, part))
        _tell("the recap of a province …")
        rows.append(await _province(dsn, in_province))
        _tell("a list as Parquet …")
        rows.extend(await _exports(dsn, voters, folder))

    try:
        async with servers.ecoklit(folder, [phones], before=before) as running:
            rows += await _people(running, phones.devices, voters, part)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return rows


async def _filled(dsn: str, voters: int) -> Row:
    _tell(f"{voters:,} voters into the database …")
    started = time.perf_counter()
    await office_world.fill(dsn, voters)
    seconds = time.perf_counter() - started
    return _row(f"{voters} voters made up and written", round(voters / seconds), "voters/s", f"{seconds:.0f} s in all")


# --- row-level security ----------------------------------------------------------------------------------------------


async def _security(dsn: str, part: int) -> list[Row]:
    """The views are made a second time by the tables' owner, whom row-level security does not bind."""
    with_it, without = await _opened(dsn, "ecoklit"), await _opened(dsn, "bare, ecoklit")
    try:
        await without.execute("create schema bare")
        await without.execute("set search_path = bare, ecoklit")
        for view in VIEWS:
            await without.execute(data_path("projections", "views", f"{view}.sql").read_text())
        draw = Random(1)
        codes = [row["tps"] for row in await with_it.fetch(query("export_tps"), REGENCY, REGENCY)]
        voters = [str(row["voter"]) for row in await with_it.fetch("select voter from voter limit 2000")]
        questions: dict[str, Callable[[], Question]] = {
            "list of a TPS": lambda: ("roll", (REGENCY, draw.choice(codes))),
            "recap of the regency": lambda: ("recap", (REGENCY, REGENCY, "district")),
            "recap of a district, by TPS": lambda: ("recap", (REGENCY, draw.choice(codes)[:6], "tps")),
            "one voter of the list": lambda: ("numbers", (REGENCY, draw.choice(voters))),
        }
        return [await _dearer(name, ask, with_it, without, SECURITY_TURNS // part) for name, ask in questions.items()]
    finally:
        await without.execute("drop schema bare cascade")
        await with_it.close()
        await without.close()


async def _opened(dsn: str, path: str) -> asyncpg.Connection:
    """Its transactions are as those of the service (`PostgresReader`)."""
    settings = {"search_path": path, "ecoklit.areas": "*", "default_transaction_isolation": "repeatable read"}
    return await asyncpg.connect(dsn, server_settings=settings)


async def _dearer(
    name: str, ask: Callable[[], Question], with_it: asyncpg.Connection, without: asyncpg.Connection, turns: int
) -> Row:
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns + 2):
        question = ask()
        ways = [(times[0], with_it, True), (times[1], without, False)]
        for kept, connection, is_bound in ways if turn % 2 else reversed(ways):
            seconds, rows = await _answered(connection, question, is_bound=is_bound)
            if turn >= 2:  # plans are made and kept
                kept.append(seconds)
        assert rows, f"{question} has no answer"
    ratio = statistics.median(bound / free for bound, free in zip(*times, strict=True))
    bound, free = (statistics.median(kept) * 1000 for kept in times)
    return _row(
        f"row-level security: {name}", round(bound, 2), "ms", f"without it: {free:.2f} ms", ratio, SECURITY_RATIO_GOAL
    )


async def _answered(connection: asyncpg.Connection, question: Question, *, is_bound: bool) -> tuple[float, int]:
    """Seconds of one transaction, as the service reads; the rows of its answer."""
    name, arguments = question
    started = time.perf_counter()
    async with seen_as(connection, Seen((REGENCY,))) if is_bound else connection.transaction():
        rows = await connection.fetch(query(name), *arguments)
    return time.perf_counter() - started, len(rows)


# --- a province ------------------------------------------------------------------------------------------------------


async def _province(dsn: str, voters: int) -> Row:
    regencies = tuple(f"{PROVINCE}{nth:02}" for nth in range(1, office_world.PROVINCE_REGENCIES + 1))
    times: list[float] = []
    async with PostgresReader(dsn) as reader:
        analyst = PostgresAnalyst(reader.seen_by(Seen(regencies)))
        for _ in range(PROVINCE_TURNS + 2):
            started = time.perf_counter()
            _, rows = await analyst.province(PROVINCE, "regency")
            times.append((time.perf_counter() - started) * 1000)
            assert len(rows) == len(regencies)
    p50 = statistics.median(times[2:])
    return _row(
        f"recap of a province of {voters} voters, {len(regencies)} regencies", round(p50), "ms",
        f"slowest {max(times[2:]):.0f} ms", p50 / PROVINCE_MS_GOAL, 1, f"< {PROVINCE_MS_GOAL} ms",
    )  # fmt: skip


# --- exports ---------------------------------------------------------------------------------------------------------

# Only one process counts: it prints the seconds from the first read to the last file, and its peak memory.
EXPORTING = """
import asyncio, json, sys, time
from functools import partial
from pathlib import Path
import uvloop
from ecoklit.adapters.export_arrow import ArrowFile
from ecoklit.adapters.export_folder import ExportFolder
from ecoklit.adapters.export_source import open_live_lists
from ecoklit.adapters.postgres_reader import PostgresReader, Seen
from ecoklit.cli.pushing import read_codebook
from ecoklit.services.export import Export, carried_on

def peak_kib():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0])

async def main(dsn, area, folder):
    async with PostgresReader(dsn) as reader, open_live_lists(reader.seen_by(Seen((area,))), area[:4]) as source:
        started, before = time.perf_counter(), peak_kib()
        asked = Export(
            "bench", "siti", area, "parquet", "2024", False, source.as_of, source.registry, "2024-07-24T00:00:00Z"
        )
        files = ExportFolder(Path(folder), partial(ArrowFile, stream=False))
        done = await carried_on(asked, bytes(32), source, files, read_codebook("2024"))
        seconds, peak = time.perf_counter() - started, peak_kib()
    size = sum(part.bytes for part in done.parts)
    print(json.dumps({"seconds": seconds, "rows": done.rows, "bytes": size, "peak_kib": peak, "before_kib": before}))

uvloop.run(main(*sys.argv[1:]))
"""


async def _exports(dsn: str, voters: int, folder: Path) -> list[Row]:
    tenth = await _exported(dsn, await _area_of(dsn, voters // 10), folder / "tenth")
    whole = await _exported(dsn, REGENCY, folder / "whole")
    growth = whole["peak_kib"] / tenth["peak_kib"]
    return [
        _row(
            f"{whole['rows']} rows to Parquet", round(whole["seconds"], 1), "s",
            f"{whole['rows'] / whole['seconds']:.0f} rows/s, {whole['bytes'] / 2**20:.0f} MiB",
            whole["seconds"] / EXPORT_SECONDS_GOAL, 1, f"< {EXPORT_SECONDS_GOAL} s",
        ),
        _row(
            f"peak memory of that export, {whole['rows']} rows", round(whole["peak_kib"] / 1024), "MiB",
            f"{tenth['rows']} rows: {tenth['peak_kib'] / 1024:.0f} MiB", growth, EXPORT_GROWTH_GOAL,
        ),
    ]  # fmt: skip


async def _area_of(dsn: str, voters: int) -> str:
    """The district that has nearest to so many voters."""
    connection = await _opened(dsn, "ecoklit")
    try:
        statement = (
            "select area from recap where level = 'district' and regency = $1 order by abs(on_list - $2) limit 1"
        )
        return str(await connection.fetchval(statement, REGENCY, voters))
    finally:
        await connection.close()


async def _exported(dsn: str, area: str, folder: Path) -> dict[str, Any]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", EXPORTING, dsn, area, str(folder), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    if child.returncode != 0:
        raise SystemExit("the export failed: see above")
    told: dict[str, Any] = json.loads(out)
    return told


# --- people ----------------------------------------------------------------------------------------------------------


async def _people(running: Running, phones: Sequence[Log], voters: int, part: int) -> list[Row]:
    codes = office_world.codes(voters)
    asks: dict[str, Callable[[Random], str]] = {
        "list of a TPS": lambda draw: f"/v1/rolls/{draw.choice(codes)}",
        f"one of {LOOKED_AT} lists": lambda draw: f"/v1/rolls/{draw.choice(codes[:LOOKED_AT])}",
        "recap of the regency": lambda draw: f"/v1/recap/{REGENCY}",
    }
    rows = []
    for name, path in asks.items():
        asking = _asking(running, await _signed_in(running), path, ASKED_EACH // part + 1)
        told, spent = await _spending(running, servers.play(asking))
        where = ", ".join(f"{part} {seconds / len(told.due) * 1000:.1f} ms" for part, seconds in spent.items())
        rows.append(_read(f"{name}, {ASKING} at once", told.due, told.answered, f"; CPU of an answer: {where}"))
    turns = [(name, path, how) for name, path in asks.items() for how in PACES]
    for nth, (name, path, how) in enumerate(turns):
        _tell(f"{name}, {how}, while events come …")
        asking = _asking(running, await _signed_in(running), path, ASKED_EACH, *PACES[how])
        rows.append(await _while_pushing(running, phones[nth :: len(turns)], f"{name}, {how}", asking))
    return rows


async def _signed_in(running: Running) -> list[dict[str, str]]:
    """Accounts that have read nothing today: one that goes on would be locked beyond its day's budget."""
    async with PostgresOfficeDesk(running.dsn) as desk:
        return [(await signed_in(desk, REGENCY)).headers for _ in range(ASKING)]


async def _while_pushing(running: Running, phones: Sequence[Log], name: str, asking: Plan) -> Row:
    """Of the requests only those count that were due between the first push and the answer to the last."""
    pushing = servers.push_plan(running, phones, PUSH_EVENTS)
    events = sum(len(log.held) for log in phones)
    pushing.per_second = EVENTS_PER_SECOND * sum(map(len, pushing.sessions)) / events
    (pushed, asked), spent = await _spending(running, asyncio.gather(servers.play(pushing), servers.play(asking)))
    await servers.settled(running)
    first, last = min(pushed.due), max(pushed.answered)
    counted = [nth for nth, due in enumerate(asked.due) if first <= due <= last]
    total = pushed.seconds
    where = ", ".join(f"{part} {seconds / total * 100:.0f} %" for part, seconds in spent.items())
    return _read(
        f"{name}, {events / total:.0f} events/s come",
        [asked.due[nth] for nth in counted],
        [asked.answered[nth] for nth in counted],
        f"; CPU of a core: {where}",
    )


async def _spending(running: Running, doing: Awaitable[Done]) -> tuple[Done, dict[str, float]]:
    """What it gives, and the CPU seconds that the parts of the service spent meanwhile."""
    before = running.cpu_seconds()
    done = await doing
    return done, {part: seconds - before[part] for part, seconds in running.cpu_seconds().items()}


def _asking(
    running: Running,
    people: Sequence[dict[str, str]],
    path: Callable[[Random], str],
    each: int,
    per_second: float | None = None,
    at_once: int = 1,
) -> Plan:
    draw = Random(2)
    asks = [[_get(path(draw), headers) for _ in range(each)] for headers in people]
    return Plan("127.0.0.1", running.port, asks, per_second, at_once=at_once)


def _get(path: str, headers: dict[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _read(name: str, due: Sequence[float], answered: Sequence[float], where: str = "") -> Row:
    waited = [(at - begun) * 1000 for begun, at in zip(due, answered, strict=True)]
    p99 = servers.percentile(waited, 0.99)
    rate = len(waited) / (max(answered) - min(due))
    said = f"median {servers.percentile(waited, 0.5):.0f} ms, {len(waited)} answers, {rate:.0f}/s{where}"
    return _row(f"{name}, p99", round(p99), "ms", said, p99 / READ_MS_GOAL, 1, f"< {READ_MS_GOAL} ms")


def _row(
    name: str, value: float, unit: str, against: str,
    ratio: float | None = None, ratio_max: float | None = None, goal: str | None = None,
) -> Row:  # fmt: skip
    """A row whose goal is met when its ratio is at most `ratio_max`."""
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "against": against,
        "ratio": None if ratio is None else round(ratio, 2),
        "goal": None if ratio_max is None else goal or f"ratio <= {ratio_max:g}",
        "met": None if ratio is None or ratio_max is None else ratio <= ratio_max,
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
