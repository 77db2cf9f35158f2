"""Watched by strace: the disk has it before anybody is told.

The broker: whenever a publish acknowledgement of a stream goes into a socket, everything that was written to the
blocks of that stream has been fsynced. The phone: whenever it tells that an entry is saved, or that it has a receipt,
its log of writes (SQLite's WAL) has been synced. One phone pushes alone, so that nothing else may be on its way.

The control is the broker's own default, which must be seen to answer first.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from ecoklit.testing.chaos.house import BROKER, House, HouseFault, temporary_folder
from ecoklit.testing.chaos.load import Load
from ecoklit.testing.chaos.options import CannotRun, Options
from ecoklit.testing.chaos.table import Row, control, judged

ENTRIES: Final = 120
ENTRIES_QUICK: Final = 12
CALLS: Final = "trace=write,writev,pwrite64,pwritev,fsync,fdatasync,sendto,sendmsg"
STRACE: Final = ("strace", "-f", "-tt", "-y", "-s", "300", "-e", CALLS)
ATTACH_SECONDS_MAX: Final = 20.0

_CALL: Final = re.compile(r"(\d+) +[\d:.]+ (?:<\.\.\. )?(\w+)(?: resumed>|\(\d+<([^>]*)>)(.*)")
_ACKED_STREAM: Final = re.compile(r'\{\\"stream\\":\\"([\w-]+)\\"')
_BLOCK_OF: Final = re.compile(r"/streams/([\w-]+)/msgs/\d+\.blk$")
_SYNCS: Final = ("fsync", "fdatasync")


def run(options: Options) -> list[Row]:
    if shutil.which("strace") is None:
        raise CannotRun("there is no strace here.")
    entries = ENTRIES_QUICK if options.quick else ENTRIES
    safe = asyncio.run(_watch(options.seed, entries, is_safe=True))
    unsafe = asyncio.run(_watch(options.seed, entries, is_safe=False))
    return [
        _row("order: broker's fsync, then its answer", safe.broker),
        _row("order: phone's fsync, then 'saved'", safe.phone),
        control(
            "control: broker's default sync_interval", 1, {"answer watched": len(unsafe.broker)}, len(unsafe.broker),
            sum(one.is_early for one in unsafe.broker), "answers: lost is what left before the fsync",
        ),
    ]  # fmt: skip


def _row(part: str, told: list[Told]) -> Row:
    early = [one for one in told if one.is_early]
    return judged(
        part, 1, {"answer watched": len(told)}, (len(told), len(early), 0),
        against=[f"{one.what} was told before the disk had it" for one in early[:2]],
        seen="answers, not events",
    )  # fmt: skip


class Told(NamedTuple):
    """Something that was told; `is_early` when what it promises was not on the disk yet."""

    what: str
    is_early: bool


class Watched(NamedTuple):
    broker: list[Told]
    phone: list[Told]


async def _watch(seed: int, entries: int, *, is_safe: bool) -> Watched:
    with temporary_folder() as folder:
        house = House(folder, phones=["phone00"], seed=seed, sync_always=is_safe)
        of_broker, of_phone = folder / "broker.strace", folder / "phone.strace"
        async with house, _traced(house.pid(BROKER), of_broker):
            load = Load(
                house, processes=1, at_once=1, entries=2, entries_max=entries, prefix=[*STRACE, "-o", str(of_phone)]
            )
            with load:
                await load.ended()
        return Watched(
            list(told_early(of_broker.read_text(errors="replace").splitlines(), _block, _acked)),
            list(told_early(of_phone.read_text(errors="replace").splitlines(), _wal, _witnessed)),
        )


@asynccontextmanager
async def _traced(pid: int, out: Path) -> AsyncIterator[None]:
    """strace on a process that runs, while the block does."""
    with (out.with_suffix(".log")).open("w+") as said:
        command = [*STRACE, "-o", str(out), "-p", str(pid)]
        process = subprocess.Popen(command, stderr=said, stdin=subprocess.DEVNULL)  # noqa: ASYNC220 - it only begins here
        try:
            await asyncio.to_thread(_await_attached, process, out.with_suffix(".log"))
            yield
        finally:
            process.terminate()
            process.wait()


def _await_attached(process: subprocess.Popen[bytes], said: Path) -> None:
    for _ in range(int(ATTACH_SECONDS_MAX / 0.05)):
        if "attached" in said.read_text():
            return
        if process.poll() is not None:
            raise CannotRun(f"strace may not watch a process here ({said.read_text().strip()}).")
        time.sleep(0.05)
    raise HouseFault("strace did not attach")


# --- reading what strace wrote ---------------------------------------------------------------------------------------


class Call(NamedTuple):
    """A line: a call that begins, or ends, or both. `path` is what its file descriptor names; "" at a later end."""

    thread: str
    name: str
    path: str
    rest: str

    @property
    def begins(self) -> bool:
        return bool(self.path)

    @property
    def ends(self) -> bool:
        return not self.rest.endswith("<unfinished ...>")


Stored = Callable[[str], str]
Telling = Callable[[Call], list[str]]


def told_early(lines: Iterable[str], stored: Stored, telling: Telling) -> Iterator[Told]:
    """Everything that was told, in order. `stored` names what a path keeps, `telling` what a call tells of.

    A write counts from its beginning, a sync from its end and only for what was written before it began, and what is
    told counts from its beginning.
    """
    written, synced = defaultdict[str, int](int), defaultdict[str, int](int)
    syncing: dict[str, tuple[str, int]] = {}
    for line in lines:
        call = _read(line)
        if call is None:
            continue
        kept = stored(call.path)
        if call.begins and call.name in _SYNCS and kept:
            syncing[call.thread] = (kept, written[kept])
        if call.ends and call.name in _SYNCS and call.thread in syncing:
            what, upto = syncing.pop(call.thread)
            synced[what] = max(synced[what], upto)
        if call.begins and call.name not in _SYNCS:
            if kept:
                written[kept] += 1
            for what in telling(call):
                yield Told(what, synced[what] < written[what])


def _read(line: str) -> Call | None:
    found = _CALL.match(line)
    return None if found is None else Call(found[1], found[2], found[3] or "", found[4])


def _block(path: str) -> str:
    found = _BLOCK_OF.search(path)
    return "" if found is None else found[1]


def _acked(call: Call) -> list[str]:
    is_socket = call.path.startswith(("TCP", "socket"))
    return _ACKED_STREAM.findall(call.rest) if is_socket else []


def _wal(path: str) -> str:
    return "wal" if path.endswith("phone.sqlite-wal") else ""


def _witnessed(call: Call) -> list[str]:
    is_told = "/witness/" in call.path and ("saved" in call.rest or "acked" in call.rest)
    return ["wal"] if is_told else []
