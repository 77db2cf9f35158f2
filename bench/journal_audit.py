"""How fast a whole journal is audited, and in how much memory: `python bench/journal_audit.py [--quick]`.

A made-up journal, every push signed, is made once and kept beside the results. Each audit is a process of its own; what
it read is the whole of it: files, registry, chains, heads, persons, admission, fold and every digest. Rates are of the
processor's time, since the machine may do much else; a row is {name, value, unit, against, ratio, goal, met}.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from ecoklit import contract
from ecoklit.adapters.journal_folder import JournalFolder
from ecoklit.bootstrap import collect_seldom
from ecoklit.core import wire
from ecoklit.core.bulk import fold_lines
from ecoklit.core.segment import EVENTS, PERSONS, messages_of
from ecoklit.ports.journal_source import JournalSource
from ecoklit.services.journal_export import export
from ecoklit.testing import mimika
from ecoklit.testing.made_up_journal import day_of_coklit
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

VOTERS, QUICK_VOTERS = 100_000, 10_000
AGAIN = 5
"""So many more visits of everybody in the long journal."""
DISPUTED = 0.02
"""Of a hundred voters so many are ruled on or in dispute; their fold is the general one."""
RATE_GOAL = 65_000
LINEAR_GOAL = 1.6
MEMORY_RATIO_GOAL = 1.5
OUT = Path(__file__).parent / "out"

CHILD = """
import json, sys, time
from pathlib import Path
from ecoklit.bootstrap import collect_seldom
from ecoklit.bootstrap.auditing import audit_folder
if __name__ == "__main__":
    collect_seldom()
    started, cpu = time.perf_counter(), time.process_time()
    audit = audit_folder(sys.argv[1], jobs=int(sys.argv[2]))
    found = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}
    # Not ru_maxrss: a child inherits that from the process that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(json.dumps({**found, "sound": audit.is_sound, "kib": int(status["VmHWM"].split()[0])}))
"""


async def made(folder: Path, voters: int, again: int = 0) -> int:
    """The events of the export in `folder`, made if it is not there."""
    store = JournalFolder(folder)
    if store.index_or_none() is None:
        journal, registry = MemoryJournal(strict=False), MemoryRegistryJournal()
        await day_of_coklit(journal, registry, voters, villages=200, disputed=DISPUTED, again=again)
        with store.opened():
            await export(JournalSource("pilkada-2024", mimika.REGENCY, journal, registry, True), store)
    return store.index().ends[EVENTS]


def audited(folder: Path, jobs: int) -> dict[str, Any]:
    script = OUT / "audit_child.py"
    script.write_text(CHILD)
    done = subprocess.run([sys.executable, str(script), str(folder), str(jobs)], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["sound"]
    return found


def folded(folder: Path) -> float:
    """Events a second of a processor that `core.bulk` folds of the same journal: without any of the rest."""
    store = JournalFolder(folder)
    bodies = [one[3] for part in store.index().of(EVENTS) for one in messages_of(store.read(part))]
    people = {one[1:3]: one[3] for part in store.index().of(PERSONS) for one in messages_of(store.read(part))}
    named = msgspec.json.Decoder(Named)
    dots = [(event.device, event.seq) for event in map(named.decode, bodies)]
    lines = [wire.write(body, people.get(dot)) for body, dot in zip(bodies, dots, strict=True)]
    collect_seldom()
    started = time.process_time()
    fold_lines(lines, contract.policies())
    return len(lines) / (time.process_time() - started)


class Named(msgspec.Struct):
    device: str
    seq: int


def row(
    name: str, value: float, unit: str, against: str = "", ratio: float | None = None, goal: Any = None, met: Any = None
) -> None:
    shown = {"name": name, "value": round(value, 1), "unit": unit, "against": against, "ratio": ratio}
    print(json.dumps({**shown, "goal": goal, "met": met}), flush=True)


def main() -> None:
    OUT.mkdir(exist_ok=True)
    voters = QUICK_VOTERS if "--quick" in sys.argv else VOTERS
    short, long = OUT / f"audited-{voters}", OUT / f"audited-{voters}-again"
    few, many = asyncio.run(made(short, voters)), asyncio.run(made(long, voters, AGAIN))
    plain = folded(short)
    small, one, two = audited(short, 1), audited(long, 1), audited(long, 2)
    for events, found in ((few, small), (many, one)):
        rate = events / found["cpu"]
        name = f"audit of {events:,} events, 1 process"
        row(name, rate, "events/s per core", "the fold alone", round(rate / plain, 2), RATE_GOAL, rate >= RATE_GOAL)
    speedup = round(one["seconds"] / two["seconds"], 2)
    rate = many / two["seconds"]
    row("the same by 2 processes", rate, "events/s", "1 process", speedup, LINEAR_GOAL, speedup >= LINEAR_GOAL)
    growth = round(one["kib"] / small["kib"], 2)
    against, memory = f"{few:,} events", one["kib"] / 1024
    row(f"memory for {many:,} events", memory, "MB", against, growth, MEMORY_RATIO_GOAL, growth <= MEMORY_RATIO_GOAL)


if __name__ == "__main__":
    main()
