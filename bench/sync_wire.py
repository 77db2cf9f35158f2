"""What an event costs on the network, plain and compressed: `python bench/sync_wire.py`.

Bytes of a push's body by its events, signed head and persons included; every form is pushed once, so that none is
counted that the service would not take. HTTP's own heads and the receipt come to each push, and have a row.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sync_servers as servers
import sync_world
from sync_load import Plan

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SIZES = (1, 10, 100, 1000)
PHONES = 4
VOTERS_EACH = 900

Row = dict[str, Any]
FORMS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, 6),
    "zstd": lambda body: zstd.compress(body, 3),
}
"""As phones would: the levels that their libraries take by themselves."""


def run() -> list[Row]:
    """Rows {name, value, unit, against, ratio, goal, met}."""
    return asyncio.run(_run())


async def _run() -> list[Row]:
    world = sync_world.make(PHONES, VOTERS_EACH)
    folder = Path(tempfile.mkdtemp(prefix="ecoklit-bench-"))
    try:
        async with servers.ecoklit(folder, [world]) as running:
            return [
                row
                for log, events in zip(world.devices, SIZES, strict=True)
                for row in await _size(running, log, events)
            ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _size(running: servers.Running, log: sync_world.Log, events: int) -> list[Row]:
    """The plain row, and one for each form: a phone that sends one form after the other."""
    bodies = log.pushes(events)[: 300 if events == 1 else None]
    some = sum(body.count(b"\n") - 1 for body in bodies)  # the last line is the head
    plain = sum(map(len, bodies)) / some
    told = await servers.play(_plan(running, bodies, {}))
    around = (told.bytes_sent - sum(map(len, bodies)) + told.bytes_received) / len(bodies)
    rows = [
        _row(f"an event on the wire, pushes of {events}, plain", plain, None),
        _row(f"a push's heads and receipt, pushes of {events}", around, None, "bytes a push"),
    ]
    for form, pack in FORMS.items():
        packed = [pack(body) for body in bodies]
        await servers.play(_plan(running, packed, {"Content-Encoding": form}))
        rows.append(_row(f"an event on the wire, pushes of {events}, {form}", sum(map(len, packed)) / some, plain))
    return rows


def _plan(running: servers.Running, bodies: list[bytes], headers: dict[str, str]) -> Plan:
    requests = [servers.request("/v1/push", body, {**servers.NDJSON, **headers}) for body in bodies]
    return Plan("127.0.0.1", running.port, [requests])


def _row(name: str, value: float, plain: float | None, unit: str = "bytes an event") -> Row:
    return {
        "name": name,
        "value": round(value),
        "unit": unit,
        "against": None if plain is None else f"plain: {plain:.0f}",
        "ratio": None if plain is None else round(value / plain, 2),
        "goal": None,
        "met": None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")  # it is quick already
    parser.parse_args()
    for row in run():
        print(json.dumps(row))


if __name__ == "__main__":
    main()
