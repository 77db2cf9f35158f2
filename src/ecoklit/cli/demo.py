"""`ecoklit demo`: the main job, end to end, on made-up voters, and the proof that every way of reading it agrees.

Servers, import, service, projector and fold are the real ones; made up are the people and their day.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ecoklit.adapters import data_folder
from ecoklit.cli.command import Commands, add_command
from ecoklit.cli.demo_proof import Evidence, Reading, prove
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError
from ecoklit.settings import Settings, read_settings

if TYPE_CHECKING:
    from ecoklit.bootstrap import House
    from ecoklit.cli.demo_report import Screen
    from ecoklit.core.signing import Key
    from ecoklit.core.wire import Held
    from ecoklit.ports import Journal, RegistryJournal
    from ecoklit.testing.day import VillageDay
    from ecoklit.testing.made_up_registry import MadeUpElection
    from ecoklit.testing.phone import Phone
    from ecoklit.testing.replay import Replay
    from ecoklit.testing.sync import Outbox, Synced

ELECTION: Final = "pilkada-2024"
REGENCY: Final = "9404"
AREA: Final = "940403"
SEED: Final = 2024
ROWS: Final = 30
IMPORTED_AT: Final = "2024-06-20T08:00:00+09:00"
XLSX_ROWS_MAX: Final = 1_000
"""Larger lists are written as CSV, which takes a fifth of the time; the import reads both."""

DISK_BYTES: Final = 400_000_000
DISK_BYTES_PER_VOTER: Final = 10_000
LOOK_SECONDS: Final = 0.1
LEVELS: Final = {4: "regency", 6: "district", 10: "village"}
AREA_DIGITS: Final = {"pantarlih": 13, "pps": 10, "ppk": 6}


def add_commands(commands: Commands) -> None:
    command = add_command(
        commands,
        "demo",
        run,
        "Peragaan: impor, kerja luring, sinkronisasi dan bukti, dengan pemilih rekaan. "
        "· The main job on made-up voters: import, offline work, sync, and the proof that replays agree.",
        "ecoklit demo --area 94.04",
        "what the demonstration found, as one object",
    )
    command.add_argument(
        "--area",
        metavar="AREA",
        default=AREA,
        help="a district or village of Mimika, or 94.04 for all (default: 94.04.03)",
    )
    command.add_argument("--seed", metavar="N", type=int, default=SEED, help="another day of the same people")
    command.add_argument("--rows", metavar="N", type=rows, default=ROWS, help="rows shown of each table (0: all)")
    command.add_argument("--data", metavar="DIR", type=Path, help="work in this new folder, and keep it")
    command.add_argument("--keep", action="store_true", help="keep the temporary folder")


def rows(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of rows: 0 shows all")
    return int(text) or None


def run(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.demo_report import Screen

    area = demand_area(arguments.area)
    with folder_of(arguments.data, arguments.keep, area) as folder:
        settings = settings_in(folder)
        screen = Screen(arguments.rows, arguments.json)
        with data_folder.opened(folder):
            holds = run_until_stopped(demonstrate(settings, area, arguments.seed, screen))
        if arguments.data or arguments.keep:
            screen.show_folder(folder)
    return Exit.OK if holds else Exit.DIFFERS


# --- where it happens ------------------------------------------------------------------------------------------------


def demand_area(text: str) -> str:
    """The digits of a regency, district or village of Mimika; raises EcoklitError unknown_area."""
    from ecoklit.testing import mimika

    area = text.replace(".", "")
    if len(area) not in (4, 6, 10) or not mimika.villages(area):
        raise EcoklitError(
            "unknown_area",
            f"Mimika has no district or village {text}: give one such as 94.04.03, or 94.04 for all 18 districts.",
        )
    return area


def settings_in(folder: Path) -> Settings:
    """Servers and data in `folder`, the service on any free port unless ECOKLIT_PORT names one."""
    environ = {"ECOKLIT_DATA": str(folder), "ECOKLIT_ELECTION": ELECTION, "ECOKLIT_REGENCY": REGENCY}
    return read_settings({**environ, "ECOKLIT_PORT": os.environ.get("ECOKLIT_PORT") or "0"}, running=False)


@contextmanager
def folder_of(named: Path | None, keep: bool, area: str) -> Iterator[Path]:
    """A folder with room for the servers' data; a temporary one goes afterwards, whatever happened, unless `keep`."""
    if named is not None:
        if named.exists() and any(named.iterdir()):
            raise EcoklitError("bad_argument", f"{named} is not empty: name a new folder for the demonstration.")
        named.mkdir(parents=True, exist_ok=True)
    folder = (named or Path(tempfile.mkdtemp(prefix="ecoklit-demo-"))).absolute()
    try:
        demand_room(folder, area)
        yield folder
    finally:
        if named is None and not keep:
            with unbroken():
                shutil.rmtree(folder, ignore_errors=True)


def demand_room(folder: Path, area: str) -> None:
    from ecoklit.testing import mimika

    needed = DISK_BYTES + DISK_BYTES_PER_VOTER * mimika.voters(area)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EcoklitError(
            "disk_full",
            f"{folder} has {free // 1_000_000} MB free and about {needed // 1_000_000} MB are needed: "
            "make room, or name a folder elsewhere with --data or TMPDIR.",
        )


@contextmanager
def unbroken() -> Iterator[None]:
    """A second Ctrl-C must not leave half a folder behind."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def run_until_stopped(demonstration: Any) -> bool:
    """Run it in a loop of its own; Ctrl-C, a lost terminal or a SIGTERM cancel it, and everything closes in order."""
    import uvloop

    async def stoppable() -> bool:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return bool(await demonstration)

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(stoppable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


@asynccontextmanager
async def service(settings: Settings) -> AsyncIterator[tuple[House, Settings]]:
    """The servers, the HTTP service and the projector, while the block runs; the settings say where they are."""
    from ecoklit.bootstrap import follow, open_house
    from ecoklit.cli.serving import own_servers
    from ecoklit.http.app import make_app
    from ecoklit.http.serve import served
    from ecoklit.telemetry import configure_logging

    configure_logging(as_json=not sys.stderr.isatty())
    async with (
        own_servers(settings) as found,
        open_house(found) as house,
        served(make_app(house), found.host, found.port) as url,
    ):
        stop = asyncio.Event()
        following = asyncio.create_task(follow(house, stop), name="projector")
        try:
            yield house, replace(found, service_url=url)
        finally:
            stop.set()
            await following


# --- the day ---------------------------------------------------------------------------------------------------------


async def demonstrate(settings: Settings, area: str, seed: int, screen: Screen) -> bool:
    """The whole demonstration; whether everything that it claims holds."""
    began = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        with screen.step("Menyalakan server", "starting the servers") as step:
            house, settings = await stack.enter_async_context(service(settings))
            step.done(f"nats-server, PostgreSQL, {settings.service_url}")
        election = await open_election(settings, house.registry, screen)
        imported = await import_lists(settings, area, screen)
        boxes = await work_offline(settings, house.journal, area, seed, screen)
        outboxes, day = boxes.outboxes, boxes.said()
        await enrol(election, boxes, house.registry, screen)
        synced = await sync_phones(settings, outboxes, seed, screen)
        await catch_up(house, screen)
        replays, waited, events = await replay_twice(house.journal, seed, screen)
        found = await read_back(house, area)
    proof = prove(evidence(found, imported, day, synced, outboxes, replays, events))
    screen.show(
        {
            "area": area,
            "election": settings.election,
            "seed": seed,
            "imported": imported,
            "day": day,
            "sync": {
                "pushes": dict(sorted(synced.ways.items())),
                "refused": dict(sorted(synced.refused.items())),
                "waited_for_cause": waited,
            },
            **found.shown,
            "proof": proof,
            "seconds": round(time.monotonic() - began, 1),
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
    )
    return proof.holds


async def open_election(settings: Settings, registry: RegistryJournal, screen: Screen) -> MadeUpElection:
    """Open a made-up election, and let this folder's office import its lists."""
    from ecoklit.testing.made_up_registry import MadeUpElection

    # One seed must give one history, so the keys, and below the salts, are made up as well.
    election = MadeUpElection(settings.election, settings.regency)
    folder = data_folder.key_folder(settings.data, settings.election, settings.regency)
    with screen.step("Membuka pemilihan", "opening the election") as step:
        data_folder.save_key(folder, "service", election.service)
        data_folder.save_key(folder, "office", election.device("kpu"))
        await election.store(registry)
        step.done(f"{settings.election}, {settings.regency}")
    return election


async def enrol(election: MadeUpElection, boxes: Boxes, registry: RegistryJournal, screen: Screen) -> None:
    """Enrol the day's devices, each for the area of its officer: only now do they meet a network."""
    with screen.step("Mendaftarkan alat", "enrolling the devices", len(boxes.phones)) as step:
        for key, officer, role, tps in boxes.phones:
            election.assign(key, officer, role, tps[: AREA_DIGITS[role]])
        await election.store(registry)
        step.done(f"{len(boxes.phones)} alat · devices")


async def import_lists(settings: Settings, area: str, screen: Screen) -> dict[str, Any]:
    """Write each village's list as a file, as an office would be sent it, and import the files as that office."""
    from ecoklit.adapters.spreadsheet import read_rows
    from ecoklit.bootstrap import open_office
    from ecoklit.cli.pushing import read_codebook
    from ecoklit.services.listing import Import, RowReport, village_of
    from ecoklit.testing import mimika
    from ecoklit.testing.phone import POLICY

    book, lists = read_codebook("2024"), settings.data / "lists"
    lists.mkdir()
    files: list[Path] = []
    with screen.step("Menulis daftar Model A", "writing the lists", mimika.voters(area)) as step:
        for village in mimika.villages(area):
            is_small = mimika.voters(village.code) <= XLSX_ROWS_MAX
            write = mimika.write_xlsx if is_small else mimika.write_csv
            files.append(lists / mimika.file_name(village.code, ".xlsx" if is_small else ".csv"))
            step.advance(await asyncio.to_thread(write, files[-1], village.code, book))
        kinds = Counter(file.suffix[1:].upper() for file in files)
        step.done(", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    outcomes, warnings = Counter[str](), Counter[str]()
    with screen.step("Mengimpor daftar", "importing the lists", mimika.voters(area)) as step:
        async with open_office(settings, book, "kpu", POLICY, salts()) as office:

            def on_row(_: RowReport) -> None:
                step.advance(1)

            for file in files:
                what = Import(village_of(file.name, None, settings.regency), "dp4-2024", IMPORTED_AT)
                summary = await office.import_list(read_rows(file), what, on_row)
                outcomes.update(summary.outcomes)
                warnings.update(summary.warnings)
        step.done(f"{outcomes['listed']:,} pemilih · voters, {sum(warnings.values()):,} peringatan · warnings")
    return {"files": len(files), "rows": dict(outcomes), "warnings": dict(sorted(warnings.items()))}


def salts() -> Callable[[], bytes]:
    from ecoklit.core.ids import MARK_BYTES, sha256

    given = iter(range(sys.maxsize))
    return lambda: sha256(b"list %d" % next(given))[:MARK_BYTES]


async def work_offline(settings: Settings, journal: Journal, area: str, seed: int, screen: Screen) -> Boxes:
    """Every village's day on its phones: what each phone wrote lies in its outbox afterwards, and nowhere else."""
    from ecoklit import contract
    from ecoklit.testing import mimika
    from ecoklit.testing.day import Plan, district_day, village_day
    from ecoklit.testing.phone import DAY

    plan = Plan(settings.election, seed, mimika.tps_codes(area), contract.policies())
    boxes = Boxes(settings.data / "phones", DAY.year)
    contested: dict[str, list[list[Held]]] = {}
    with screen.step("Coklit luring", "officers work offline", mimika.voters(area)) as step:
        async for village, lists in morning_lists(journal):
            day: VillageDay = await asyncio.to_thread(village_day, plan, village, lists)
            contested.setdefault(village[:6], []).extend(day.contested)
            for phone in day.phones:
                boxes.take(phone)
            step.advance(sum(map(len, lists.values())))
        for district in sorted(contested):
            boxes.take(await asyncio.to_thread(district_day, plan, district, contested[district]))
        said = boxes.said()
        step.done(
            f"{said['events']:,} peristiwa · events, {said['devices']} alat · devices, "
            f"{said['wrong_clocks']} berjam salah tahunan · with clocks years wrong"
        )
    return boxes


class Boxes:
    """The outboxes of the day's phones, and what was said in all of them."""

    def __init__(self, folder: Path, year: int) -> None:
        folder.mkdir()
        self.outboxes: list[Outbox] = []
        self.phones: list[tuple[Key, str, str, str]] = []
        self._folder = folder
        self._year = f"{year}-"
        self._types = Counter[str]()
        self._roles = Counter[str]()
        self._wrong_clocks = 0

    def take(self, phone: Phone) -> None:
        from ecoklit.testing.sync import Outbox

        if not phone.said:
            return
        path = self._folder / f"{phone.log.officer}.ndjson"
        self.outboxes.append(Outbox(path, phone.log.election, phone.key, phone.said))
        self.phones.append((phone.key, phone.log.officer, phone.log.role, phone.tps))
        events = [held.event for held in phone.said if held.event is not None]
        self._types.update(event.kind for event in events)
        self._roles[phone.log.role] += 1
        self._wrong_clocks += not events[0].at.startswith(self._year)

    def said(self) -> dict[str, Any]:
        return {
            "devices": len(self.outboxes),
            "roles": dict(sorted(self._roles.items())),
            "wrong_clocks": self._wrong_clocks,
            "events": self._types.total(),
            "types": dict(sorted(self._types.items())),
        }


async def morning_lists(journal: Journal) -> AsyncIterator[tuple[str, dict[str, list[Held]]]]:
    """village → TPS → what its phones pull in the morning; the lists stand in the journal village by village."""
    from ecoklit.core import ids, wire
    from ecoklit.testing.replay import journal_events

    village, lists = "", dict[str, list[Any]]()
    async for events in journal_events(journal):
        for event in events:
            held = wire.hold(event.event_bytes, event.person_bytes)
            if ids.village_of(held.tps) != village:
                if lists:
                    yield village, lists
                village, lists = ids.village_of(held.tps), {}
            lists.setdefault(held.tps, []).append(held)
    if lists:
        yield village, lists


async def sync_phones(settings: Settings, outboxes: list[Outbox], seed: int, screen: Screen) -> Synced:
    """All phones at once, in a scrambled order and with doubles, through the service's own door."""
    from ecoklit.bootstrap import open_service
    from ecoklit.testing.sync import sync

    total = sum(outbox.events for outbox in outboxes)
    with screen.step("Sinkronisasi acak dengan ulangan", "scrambled sync with doubles", total) as step:
        async with open_service(settings) as door:
            synced = await sync(door, outboxes, seed, step.advance)
        more = synced.ways.total() - synced.ways["once"]
        step.done(f"{synced.ways.total():,} bagian · parts, {more:,} berulang atau terlalu dini · twice or too early")
    return synced


async def catch_up(house: House, screen: Screen) -> None:
    """Wait until the roll shows all that the journal holds; raises what keeps the projector from it."""
    last = await house.journal.last()
    with screen.step("Menunggu proyeksi", "the roll catches up", last.events) as step:
        shown = 0
        while True:
            if house.trouble is not None:
                raise house.trouble
            as_of = await house.reader.as_of(house.settings.regency)
            step.advance(as_of.events - shown)
            shown = as_of.events
            if (as_of.events, as_of.persons) >= (last.events, last.persons):
                break
            await asyncio.sleep(LOOK_SECONDS)
        step.done(f"{last.events:,} peristiwa · events")


async def replay_twice(journal: Journal, seed: int, screen: Screen) -> tuple[list[Replay], int, int]:
    """Two replays of the journal in two orders; how many events arrived before their cause; and of how many."""
    from ecoklit import contract
    from ecoklit.testing.replay import Waits, journal_events, replay

    lines: list[bytes] = []
    waits = Waits()
    with screen.step("Memutar ulang jurnal dua kali", "two replays of the journal", 2) as step:
        async for events in journal_events(journal):
            waits.see(events)
            lines += [event.line for event in events]
        replays = []
        for nth in (1, 2):
            replays.append(await asyncio.to_thread(replay, lines, contract.policies(), seed + nth))
            step.advance(1)
        step.done(f"{len(lines):,} peristiwa · events, {waits.waited:,} mendahului sebabnya · ahead of their cause")
    return replays, waits.waited, len(lines)


class Found(NamedTuple):
    """What the service shows now: for people under `shown`, the rest for the proof."""

    shown: dict[str, Any]
    digests: dict[str, bytes]
    on_list: dict[str, int]
    standings: dict[str, int]


async def read_back(house: House, area: str) -> Found:
    from ecoklit.services.disclose import disclosed

    reader, regency = house.reader, house.settings.regency
    by_tps = (await reader.recap(area, "tps")).rows
    # The smallest list that shows a conflict: long enough to see, short enough to read.
    tps = min(by_tps, key=lambda row: (not row["in_conflict"], row["on_list"], row["area"]))["area"]
    listed = await reader.roll(tps)
    _, digests = await reader.digests(regency)
    shown = {
        "roll": {"tps": tps, "digest": listed.digest.hex(), "voters": [disclosed(row) for row in listed.rows]},
        "recap": (await reader.recap(area, "village")).rows,
        "total": (await reader.recap(area, LEVELS[len(area)])).rows[0],
        "conflicts": [disclosed(row) for row in (await reader.conflicts(area)).rows],
        "proposals": (await reader.proposals(area)).rows,
    }
    on_list = {row["area"]: row["on_list"] for row in by_tps if row["on_list"]}
    return Found(shown, digests, on_list, await reader.standings(regency))


def evidence(
    found: Found,
    imported: dict[str, Any],
    day: dict[str, Any],
    synced: Synced,
    outboxes: list[Outbox],
    replays: list[Replay],
    events: int,
) -> Evidence:
    return Evidence(
        listed=imported["rows"]["listed"],
        said=day["events"],
        new=day["types"].get("new", 0),
        written={box.device: box.events for box in outboxes},
        receipted={device: receipt.seq for device, receipt in synced.receipts.items()},
        in_journal=events,
        standings=found.standings,
        recap=found.shown["recap"],
        total=found.shown["total"],
        live=Reading(found.digests, found.on_list),
        replays=[Reading(one.digests, one.on_list) for one in replays],
        faults=[{**one.faults, **({"parked": one.parked} if one.parked else {})} for one in replays],
    )
