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
from pathlib import Path
from typing import Any

from ecoklit.adapters.journal_folder import JournalFolder
from ecoklit.core.segment import EVENTS
from ecoklit.ports.journal_source import JournalSource
from ecoklit.services.journal_export import export
from ecoklit.testing import mimika
from ecoklit.testing.made_up_journal import day_of_coklit
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

VOTERS, QUICK_VOTERS = 100_000, 10_000
DISPUTED = 0.02
"""Of a hundred voters so many are ruled on or in dispute; their fold is the general one."""
RATE_GOAL = 65_000
LINEAR_GOAL = 1.6
MEMORY_RATIO_GOAL = 1.5
OUT = Path(__file__).parent / "out"

CHILD = """
import json, resource, sys, time
from ecoklit.bootstrap.auditing import audit_folder
if __name__ == "__main__":
    started = time.perf_counter()
    audit = audit_folder(sys.argv[1], jobs=int(sys.argv[2]))
    seconds = time.perf_counter() - started
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    peak = max(own.ru_maxrss, others.ru_maxrss)
    print(json.dumps({"sound": audit.is_sound, "events": audit.events, "cpu": cpu, "seconds": seconds, "kib": peak}))
"""


async def made(folder: Path, voters: int) -> int:
    """The events of the export in `folder`, made if it is not there."""
    store = JournalFolder(folder)
    if store.index_or_none() is None:
        journal, registry = MemoryJournal(strict=False), MemoryRegistryJournal()
        await day_of_coklit(journal, registry, voters, villages=200, disputed=DISPUTED)
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


def row(name: str, value: float, unit: str, against: str = "", ratio: float | None = None, met: Any = None) -> None:
    goal = {"events/s per core": RATE_GOAL}.get(unit)
    met = value >= goal if goal is not None else met
    shown = {"name": name, "value": round(value, 1), "unit": unit, "against": against, "ratio": ratio}
    print(json.dumps({**shown, "goal": goal, "met": met}), flush=True)


def main() -> None:
    OUT.mkdir(exist_ok=True)
    small = asyncio.run(made(OUT / f"audited-{QUICK_VOTERS}", QUICK_VOTERS))
    few = audited(OUT / f"audited-{QUICK_VOTERS}", 1)
    if "--quick" in sys.argv:
        row(f"audit of {small:,} events, 1 process", small / few["cpu"], "events/s per core")
        row("memory", few["kib"] / 1024, "MB")
        return
    folder = OUT / f"audited-{VOTERS}"
    events = asyncio.run(made(folder, VOTERS))
    one, two = audited(folder, 1), audited(folder, 2)
    row(f"audit of {events:,} events, 1 process", events / one["cpu"], "events/s per core")
    row(f"audit of {events:,} events, 2 processes", events / two["cpu"], "events/s per core")
    speedup = round(one["seconds"] / two["seconds"], 2)
    row("the same on the clock", events / two["seconds"], "events/s", "1 process", speedup, speedup >= LINEAR_GOAL)
    growth = round(one["kib"] / few["kib"], 2)
    against = f"{small:,} events"
    row(f"memory of {events:,} events", one["kib"] / 1024, "MB", against, growth, growth <= MEMORY_RATIO_GOAL)


if __name__ == "__main__":
    main()
