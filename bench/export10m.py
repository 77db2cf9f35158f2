"""The memory of an export of ten million voters: through the writers, the watermark and the digests of a real one.

Its rows do not come from a database: a source beside them makes them up, TPS by TPS, so that the figure is that of what
an export itself keeps. What a database's driver keeps of one TPS comes to it: `office_reading.py` measures both, at a
million.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvloop

from ecoklit.adapters.export_arrow import ArrowFile
from ecoklit.adapters.export_folder import ExportFolder
from ecoklit.cli.pushing import read_codebook
from ecoklit.ports import AsOf, ExportedRoll
from ecoklit.services.export import Export, carried_on

REGENCY: Final = "9404"
VOTERS_OF_TPS: Final = 500
TPS_OF_DISTRICT: Final = 400
DISTRICTS: Final = 50
"""Of ten million voters."""
GROWTH_GOAL: Final = "< 1.25"
_GIVEN: Final = ("Made", "Ona", "Siti", "Yosepha", "Amole", "Wilem", "Nus", "Tinus", "Maria", "Agus", "Dewi", "Rahel")
_KIN: Final = ("Magai", "Beanal", "Natkime", "Kum", "Omaleng", "Tsugumol", "Yanampa", "Uamang", "Mom", "Janampa")


class MadeUp:
    """`ports.ExportSource` of so many districts, whose rows are made when they are asked for."""

    def __init__(self, districts: int) -> None:
        self.as_of = AsOf(REGENCY, "pilkada-2024", 10**7, 10**7)
        self.registry = 0
        self._districts = districts

    async def tps(self, area: str) -> list[str]:
        return [
            f"{area}{district:02d}{2001 + tps // 20:04d}{tps % 20 + 1:03d}"
            for district in range(1, self._districts + 1)
            for tps in range(TPS_OF_DISTRICT)
        ]

    async def roll(self, tps: str) -> ExportedRoll:
        return ExportedRoll(tps.encode().ljust(32), [row(tps, number) for number in range(VOTERS_OF_TPS)])


def row(tps: str, number: int) -> list[Any]:
    """A voter's values of LIST_COLUMNS: a name, a number and an address that few others have."""
    one = int(tps[4:]) * VOTERS_OF_TPS + number
    name = f"{_GIVEN[one % 12]} {_GIVEN[one // 12 % 12]} {_KIN[one // 144 % 10]} {one // 1440 % 97}"
    born = f"{1940 + one % 66}-{one % 12 + 1:02d}-{one % 28 + 1:02d}"
    voter = f"{one:08x}-5a5a-8b5b-9c5c-{one:012x}"
    where = f"Jalan Yos Sudarso Gang {one // 7 % 5000}"
    return [
        voter, "940401**********", "940401**********", name, "Timika", born, "S", "L" if one % 2 else "P", where,
        f"{one % 9:03d}", "001", None, "S", "sesuai", "dp4", tps, tps, 0, None, None,
    ]  # fmt: skip


def peak_kib() -> int:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0])


async def said_of(so_far: Export) -> None:
    print(f"{so_far.rows} rows, peak {peak_kib() / 1024:.0f} MiB", file=sys.stderr)


async def exported(districts: int, folder: Path) -> dict[str, Any]:
    source = MadeUp(districts)
    asked = Export(
        "bench", "siti", REGENCY, "parquet", "2024", False, source.as_of, source.registry, "2024-07-24T00:00:00Z"
    )
    started, before = time.perf_counter(), peak_kib()
    files = ExportFolder(folder, partial(ArrowFile, stream=False))
    done = await carried_on(asked, bytes(32), source, files, read_codebook("2024"), said_of)
    size = sum(part.bytes for part in done.parts)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "rows": done.rows, "bytes": size, "peak_kib": peak_kib(), "before_kib": before}


def measured(districts: int) -> dict[str, Any]:
    """The export in a process of its own: no other's peak is in its own."""
    with tempfile.TemporaryDirectory(prefix="ecoklit-bench-") as folder:
        command = [sys.executable, __file__, "--districts", str(districts), "--folder", f"{folder}/out"]
        told: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--districts", type=int)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.districts:
        print(json.dumps(uvloop.run(exported(asked.districts, asked.folder))))
        return
    districts = 2 if asked.quick else DISTRICTS
    small, large = measured(max(1, districts // 10)), measured(districts)
    growth = large["peak_kib"] / small["peak_kib"]
    rows = [
        {
            "name": f"peak memory, {large['rows']} made-up rows to Parquet", "value": round(large["peak_kib"] / 1024),
            "unit": "MiB", "against": f"{small['rows']} rows: {small['peak_kib'] / 1024:.0f} MiB",
            "ratio": round(growth, 2), "goal": GROWTH_GOAL, "met": growth < float(GROWTH_GOAL[2:]),
        },
        {
            "name": f"{large['rows']} made-up rows to Parquet", "value": round(large["seconds"], 1), "unit": "s",
            "against": f"{large['rows'] / large['seconds']:.0f} rows/s, {large['bytes'] / 2**20:.0f} MiB",
            "ratio": None, "goal": None, "met": None,
        },
    ]  # fmt: skip
    for one in rows:
        print(json.dumps(one, ensure_ascii=False))


if __name__ == "__main__":
    main()
