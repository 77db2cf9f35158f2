"""How fast a list becomes listed voters: `python bench/importing.py`.

100,000 rows of made-up lists, as the files that an office has, go through everything that an import does: they are
read, checked, marked, written as events, held in the outbox, admitted, and stored by a broker that fsyncs first.
"""

from __future__ import annotations

import asyncio
import json
import resource
import secrets
import shutil
import statistics
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ecoklit import ports
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.listing_index import SqliteListingIndex, office_key
from ecoklit.adapters.spreadsheet import read_rows
from ecoklit.contract import data_path
from ecoklit.core.codebook import parse_codebook
from ecoklit.core.wire import Held
from ecoklit.ports import Journal
from ecoklit.services.listing import Import, Office, Push, Summary, office_log, signed_push
from ecoklit.services.listing_journal import events_about, learn
from ecoklit.testing import mimika
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OFFICE = made_up_key(1, "office")
ROWS = 100_000
PART_ROWS = 10_000
TURNS = 3
SECONDS_MAX = 60
AT = "2024-06-25T09:00:00+09:00"
BOOK = parse_codebook(data_path("events", "codebooks", "2024.json").read_bytes())

Row = dict[str, object]
Files = list[tuple[str, Path]]


def run() -> list[Row]:
    """Rows {name, value, unit, against, ratio, goal, met}."""
    folder = Path(tempfile.mkdtemp(prefix="ecoklit-bench-"))
    try:
        return asyncio.run(_run(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(folder: Path) -> list[Row]:
    made, seconds = _made_up()
    list_of_all = _write(folder / "all", ".xlsx", ROWS)
    part = _write(folder / "part", ".csv", PART_ROWS)
    async with await EmbeddedNats.start(folder / "nats") as server:
        whole, election = await _timed(server, folder / "office", list_of_all, ROWS)
        again, _ = await _timed(server, folder / "office", list_of_all, ROWS, election)
        turns = [
            [(await _timed(where, folder / secrets.token_hex(4), part, PART_ROWS))[0] for where in (None, server)]
            for _ in range(TURNS)
        ]
    alone, stored = (PART_ROWS / statistics.median(taken) for taken in zip(*turns, strict=True))
    rows = [
        _seconds("import of 100,000 rows, XLSX to journal", whole),
        _seconds("the same XLSX again, which adds nothing", again),
        _speed("CSV rows to held events, no journal", alone, "with journal", stored),
        _speed("made-up people", made / seconds, "XLSX rows imported", ROWS / whole),
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    rows.append(
        {"name": "memory of the import, peak", "value": peak, "unit": "MiB", "against": "100,000 rows", "ratio": None}
        | {"goal": None, "met": None}
    )
    return rows


def _made_up() -> tuple[int, float]:
    started = time.perf_counter()
    made = sum(len(mimika.people(tps)) for tps in mimika.tps_codes("940401"))
    return made, time.perf_counter() - started


def _write(folder: Path, suffix: str, left: int) -> Files:
    """Lists of villages, `left` rows in all; the last one is cut to fit."""
    folder.mkdir()
    files: Files = []
    for village in mimika.villages():
        rows = list(mimika.model_a_rows(village.code, BOOK))[:left]
        path = folder / mimika.file_name(village.code, suffix)
        (mimika.write_workbook if suffix == ".xlsx" else mimika.write_rows)(path, rows)
        files.append((village.code, path))
        left -= len(rows)
        if not left:
            break
    return files


async def _timed(
    server: EmbeddedNats | None, office: Path, files: Files, expected: int, election: str | None = None
) -> tuple[float, str]:
    """Seconds for an office to import `files`, and the election that it did it in."""
    election = election or f"bench-{secrets.token_hex(6)}"
    async with _open(server, election) as (journal, push):
        started = time.perf_counter()
        rows = 0
        device, key = OFFICE.device, office_key(office)
        with SqliteListingIndex(office, device, key) as index:
            if journal is not None:
                await learn(journal, index, device=device, key=key)
            log = office_log(index, election=election, device=device, officer="kpu-mimika", policy="2024-1")

            async def seen(voters: Collection[str]) -> Mapping[str, Sequence[Held]]:
                return {} if journal is None else await events_about(journal, voters)

            desk = Office(log, index, key=key, book=BOOK, salt=_salt, push=push, seen=seen)
            for village, path in files:
                rows += _checked(await desk.import_list(read_rows(path), Import(village, "dp4-2024", AT)))
        assert rows == expected
        return time.perf_counter() - started, election


def _salt() -> bytes:
    return secrets.token_bytes(16)


def _checked(summary: Summary) -> int:
    assert not summary.has_errors and not summary.gone and not summary.outcomes["changed"], summary
    return summary.rows


@asynccontextmanager
async def _open(server: EmbeddedNats | None, election: str) -> AsyncIterator[tuple[Journal | None, Push]]:
    async def nowhere(lines: list[bytes]) -> None:
        assert lines

    if server is None:
        yield None, nowhere
        return
    async with await JetStreamJournal.open(
        server.url, election=election, regency=mimika.REGENCY, monitor_url=server.monitor_url
    ) as journal:

        async def submit(push: ports.Push) -> ports.Stored | ports.Stale:
            return (await journal.append([push]))[0]

        made_up = MadeUpElection(election, mimika.REGENCY)
        made_up.assign(OFFICE, "kpu-mimika", "kpu", mimika.REGENCY)
        door = await made_up.door(journal, MemoryRegistryJournal(), submit)

        async def push(lines: list[bytes]) -> None:
            await door.push(signed_push(OFFICE, election, lines))

        yield journal, push


def _seconds(name: str, value: float) -> Row:
    return {
        "name": name,
        "value": round(value, 1),
        "unit": "s",
        "against": f"{ROWS / value:.0f} rows/s",
        "ratio": round(value / SECONDS_MAX, 2),
        "goal": f"<= {SECONDS_MAX} s",
        "met": value <= SECONDS_MAX,
    }


def _speed(name: str, value: float, against: str, other: float) -> Row:
    return {
        "name": name,
        "value": round(value),
        "unit": "rows/s",
        "against": f"{against}: {other:.0f}",
        "ratio": round(value / other, 2),
        "goal": None,
        "met": None,
    }


def main() -> None:
    for row in run():
        print(json.dumps(row))


if __name__ == "__main__":
    main()
