"""Rot: bits flipped in the broker's blocks, in the database's pages and in a phone's store, one at a time.

Of each bit it is asked what was lost by it, by comparing with what was there before, and whether the product names
exactly that; a miss is a loss in the table. Then some bits at once, and everything has to become what it was: from the
projection's copies, or with no help of it from the phones alone.

A broker that was stopped loses the one message that the bit is in, and goes on counting it. One that was killed
cuts its last block off at the bit, when it starts again: everything behind it is gone, and nothing says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from ecoklit import contract
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.jetstream_registry import JetStreamRegistry
from ecoklit.adapters.postgres_copies import PostgresCopies
from ecoklit.core.event import RECORD_FIELDS, Malformed
from ecoklit.core.wire import hold
from ecoklit.errors import EcoklitError
from ecoklit.field import soundness
from ecoklit.field.outbox import STORE_FILE, Outbox
from ecoklit.field.phone import Phone
from ecoklit.field.recovery import recover
from ecoklit.field.trouble import PhoneFault
from ecoklit.ports import Journal
from ecoklit.services.inspect import PERSON_MISSING, UNREADABLE, Inspected, Inspector, Proof, inspect, over_holes
from ecoklit.testing.chaos.house import (
    BROKER,
    DATABASE,
    ELECTION,
    PROJECTOR,
    REGENCY,
    SERVICE,
    House,
    HouseFault,
    temporary_folder,
)
from ecoklit.testing.chaos.load import AT, Hand, Load, Plan
from ecoklit.testing.chaos.options import Options
from ecoklit.testing.chaos.table import DIFFER, EQUAL, Row, judged
from ecoklit.testing.chaos.verdict import Audit

BITS: Final = 200
BITS_QUICK: Final = 10
HEALED_BITS: Final = 4
WAYS: Final = (("killed", True), ("killed", False), ("stopped", True), ("stopped", False))
"""Which image is healed, and whether the projection's copies help."""

PAGE_BYTES: Final = 8192
SYNCS_MAX: Final = 40

Dot = tuple[str, int]


class Held(NamedTuple):
    """What a journal gives: events and persons by their dots, as they are."""

    events: dict[Dot, bytes]
    persons: dict[Dot, bytes]


class RottingHouse(House):
    """A house whose journal begins new epochs, and whose commands can be kept from its database."""

    epoch = 1
    has_database = True

    def environ(self) -> dict[str, str]:
        environ = {**super().environ(), "ECOKLIT_EPOCH": str(self.epoch)}
        if not self.has_database:
            del environ["ECOKLIT_DATABASE_URL"]
        return environ


def run(options: Options) -> list[Row]:
    with temporary_folder() as folder:
        phones = [f"phone{nth:02}" for nth in range(4 if options.quick else 8)]
        house = RottingHouse(folder, phones=phones, seed=options.seed)
        return asyncio.run(_run(house, options))


async def _run(house: RottingHouse, options: Options) -> list[Row]:
    random = Random(f"rot {options.seed}")
    async with house:
        with Load(house, entries_max=12 if options.quick else 60) as load:
            while load.working:  # noqa: ASYNC110  # other processes, which set no event
                await asyncio.sleep(0.1)
            await load.drain()
            await house.settled()
            images = await _images(house)
            found = await _found_in_blocks(house, images, random, BITS_QUICK if options.quick else BITS)
            ways = WAYS[1:3] if options.quick else WAYS
            healed = await _healed_journal(house, load, images, ways, random)
            await house.restart(SERVICE)
            await house.restart(PROJECTOR)
            await house.ready()
            stores = await asyncio.to_thread(_found_in_stores, load, random, BITS_QUICK if options.quick else BITS)
            for part in (PROJECTOR, SERVICE):
                await house.stop(part)
            pages = await _found_in_pages(house, load, random, BITS_QUICK if options.quick else BITS)
    return [found, healed, stores, pages]


def flip(file: Path, at: int, bit: int) -> None:
    """Change one bit of a file, and nothing else; again, and it is as before."""
    with file.open("r+b") as there:
        there.seek(at)
        byte = there.read(1)[0]
        there.seek(at)
        there.write(bytes([byte ^ 1 << bit]))


class Bit(NamedTuple):
    """One bit, somewhere in one of the files."""

    file: Path
    at: int
    bit: int

    def flip(self) -> None:
        flip(*self)


def chosen(files: Iterable[Path], random: Random) -> Bit:
    """A bit of all that there are in these files, each as likely as the next."""
    sized = [(file, file.stat().st_size) for file in sorted(files)]
    at = random.randrange(sum(size for _, size in sized))
    for file, size in sized:
        if at < size:
            return Bit(file, at, random.randrange(8))
        at -= size
    raise AssertionError("no such bit")


# --- the broker's blocks ---------------------------------------------------------------------------------------------


async def _images(house: House) -> dict[str, Path]:
    """The broker's store as a kill leaves it, and as an orderly stop does."""
    for part in (PROJECTOR, SERVICE):
        await house.stop(part)
    images = {}
    await house.kill(BROKER)
    images["killed"] = Path(shutil.copytree(house.stores / "nats" / "store", house.folder / "killed"))
    await house.restart(BROKER)
    assert house.nats is not None
    await house.nats.stop()
    images["stopped"] = Path(shutil.copytree(house.stores / "nats" / "store", house.folder / "stopped"))
    return images


def _blocks(store: Path) -> list[Path]:
    """The blocks of the events and of the persons."""
    return [
        file for name in ("", "-persons") for file in store.glob(f"**/ECOKLIT-{ELECTION}-{REGENCY}{name}/msgs/*.blk")
    ]


class _Journals(NamedTuple):
    journal: JetStreamJournal
    registry: JetStreamRegistry


class _Opened:
    """The journals of one broker, while the block runs."""

    def __init__(self, broker: EmbeddedNats) -> None:
        self._broker = broker

    async def __aenter__(self) -> _Journals:
        where: dict[str, Any] = {"election": ELECTION, "regency": REGENCY, "monitor_url": self._broker.monitor_url}
        self._opened = _Journals(
            await JetStreamJournal.open(self._broker.url, **where),
            await JetStreamRegistry.open(self._broker.url, **where),
        )
        return self._opened

    async def __aexit__(self, *_: object) -> None:
        for one in self._opened:
            await one.close()


async def _held(journal: Journal) -> Held:
    last, held = await journal.last(), Held({}, {})
    async for events in over_holes(journal.read_events, last.events):
        for event in events if not isinstance(events, int) else ():
            with contextlib.suppress(Malformed):  # a broker may give what is no event
                held.events[hold(event.payload, None).dot] = event.payload
    async for persons in over_holes(journal.read_persons, last.persons):
        for person in persons if not isinstance(persons, int) else ():
            held.persons[person.device, person.seq] = person.payload
    return held


async def _inspected(there: _Journals, copies: PostgresCopies) -> Inspected:
    """As `ecoklit inspect` does it."""
    proofs = [Proof(device, seq, hash, "the projection") for device, seq, hash in await copies.ends(REGENCY)]
    inspector = Inspector(ELECTION, REGENCY, proofs=proofs)
    await inspect(inspector, *there)
    holes = [fault.position for fault in inspector.found().faults if fault.name == UNREADABLE]
    return inspector.found(await copies.named_at(REGENCY, holes))


async def _found_in_blocks(house: House, images: dict[str, Path], random: Random, bits: int) -> Row:
    copies = PostgresCopies(house.reader())
    folder, faults, against = house.folder / "round", Counter[str](), list[str]()
    lost, put_right, missed = Counter[str](), Counter[str](), 0
    before = await _on(folder, images["stopped"], None, copies)
    if before.inspected.faults:
        against.append(f"faults before any bit was flipped: {before.inspected.faults[:3]}")
    for nth in range(bits):
        image = random.choice(sorted(images))
        try:
            after = await _on(folder, images[image], random, copies)
        except EcoklitError as error:
            raise HouseFault(f"{image}, bit {nth}: {error.code}, {error.message}") from error
        faults[f"bits, {image}"] += 1
        events = _differing(before.held.events, after.held.events)
        persons = _differing(before.held.persons, after.held.persons)
        lost[image] += len(events) + len(persons)
        unnamed = _unnamed(after.inspected, events, persons)
        missed += len(unnamed)
        if not (events or persons):
            put_right[image] += 1
            if after.inspected.faults:
                against.append(f"{image}, {after.bit}: nothing is lost, and {after.inspected.faults[:1]}")
        if unnamed:
            against.append(f"{image}, {after.bit}: {len(unnamed)} not named, such as {sorted(unnamed)[:1]}")
    await copies._reader.close()
    seen = "; ".join(
        f"{image}: {faults[f'bits, {image}']} bits lose {lost[image]}, {put_right[image]} of them nothing"
        for image in sorted(images)
    )
    counts = (len(before.held.events), missed, 0)
    return judged("rot: blocks, named", bits, faults, counts, against=against[:3], seen=seen)


class _Looked(NamedTuple):
    held: Held
    inspected: Inspected
    bit: Bit | None


async def _on(folder: Path, image: Path, random: Random | None, copies: PostgresCopies) -> _Looked:
    """What a broker gives that starts on this image with one bit flipped."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(image, folder / "store")
    bit = None if random is None else chosen(_blocks(folder), random)
    if bit is not None:
        bit.flip()
    async with await EmbeddedNats.start(folder) as broker, _Opened(broker) as there:
        return _Looked(await _held(there.journal), await _inspected(there, copies), bit)


def _differing(before: dict[Dot, bytes], after: dict[Dot, bytes]) -> set[Dot]:
    return {dot for dot in {*before, *after} if before.get(dot) != after.get(dot)}


def _unnamed(inspected: Inspected, events: set[Dot], persons: set[Dot]) -> set[Dot]:
    """What is lost and in no fault's words. An event that is gone takes its person's name along."""
    named = {
        (fault.device, seq)
        for fault in inspected.faults
        if fault.device and fault.name != PERSON_MISSING
        for seq in range(fault.seq, fault.last + 1)
    }
    return (events - named) | (persons - named - set(inspected.absent))


# --- healing it ------------------------------------------------------------------------------------------------------


async def _healed_journal(
    house: RottingHouse, load: Load, images: dict[str, Path], ways: Sequence[tuple[str, bool]], random: Random
) -> Row:
    """Some bits at once, in either image, mended with the projection's copies and without: phones bring the rest."""
    faults, against, seen = Counter[str](), list[str](), list[str]()
    closing = None
    for image, has_database in ways:
        await _put(house, images[image])
        for _ in range(HEALED_BITS):
            chosen(_blocks(house.stores / "nats"), random).flip()
            faults[f"bits, {image}"] += 1
        await house.restart(BROKER)
        told = await house.said("inspect")
        if not told["faults"]:
            against.append(f"{image}: an inspection finds nothing wrong")
        seen.append(f"{len(told['faults'])} faults, {await _mended(house, has_database)} copied")
        await _synced(load)
        closing = await Audit().closing(house, load)
        against += [f"{image}, {'with' if has_database else 'without'} copies: {one}" for one in closing.seen.against]
        if closing.digests != EQUAL:
            against.append(f"{image}: digests differ")
        for part in (SERVICE, PROJECTOR):
            await house.stop(part)
        assert house.nats is not None
        await house.nats.stop()
    assert closing is not None
    await house.restart(BROKER)
    return judged(
        "rot: blocks, healed", len(ways), faults, closing.seen.counts, digests=closing.digests,
        against=against[:3], seen="; ".join(seen),
    )  # fmt: skip


async def _put(house: House, image: Path) -> None:
    """Let the broker, which does not run, have this image for its store."""
    shutil.rmtree(house.stores / "nats" / "store")
    shutil.copytree(image, house.stores / "nats" / "store")


async def _mended(house: RottingHouse, has_database: bool) -> int:
    """`ecoklit mend` into a fresh broker, whose store becomes the house's, and all that an operator does then; how many
    events came from the projection."""
    beside = house.stores / "beside"
    shutil.rmtree(beside, ignore_errors=True)
    house.has_database = has_database
    async with await EmbeddedNats.start(beside) as fresh:
        told = await house.said("mend", "--to", fresh.url, "--to-monitor", fresh.monitor_url)
    house.has_database = True
    assert house.nats is not None
    await house.nats.stop()
    await _put(house, beside / "store")
    await house.restart(BROKER)
    house.epoch = told["epoch"]
    await house.said("rebuild", "--accept")
    await house.restart(SERVICE)
    await house.restart(PROJECTOR)
    await house.ready()
    copied: int = told["copied"]
    return copied


async def _synced(load: Load) -> None:
    """Every phone syncs, until all that it has is sent and both digests are one. Raises HouseFault."""
    plan = msgspec.json.decode((load.folder / "load0.json").read_bytes(), type=Plan)
    failed: list[str] = []

    def sync(names: Sequence[str]) -> None:
        registry = Path(plan.registry).read_bytes()
        hands = [Hand(plan, name, registry) for name in names]
        try:
            # Twice round: what the last of them brought, the first has to pull.
            for hand in (*hands, *hands):
                if not any(_is_settled(hand) for _ in range(SYNCS_MAX)):
                    failed.append(hand.tps)
        finally:
            for hand in hands:
                hand.close()

    worker = threading.Thread(target=sync, args=(load.phones,))
    worker.start()
    await asyncio.to_thread(worker.join)
    if failed:
        raise HouseFault(f"phones of {failed} do not come to the service's digest")


def _is_settled(hand: Hand) -> bool:
    synced = hand.sync()
    return synced is not None and not hand.outbox.is_unsent() and all(one.same for one in synced.compared)


# --- a phone's store -------------------------------------------------------------------------------------------------


class _Store(NamedTuple):
    """All that a phone's store holds, by table, and its own log by seq."""

    rows: dict[str, list[soundness.Row]]
    log: dict[int, bytes]


def _found_in_stores(load: Load, random: Random, bits: int) -> Row:
    """Each bit by itself in a copy of a phone's store, a third of whose entries are unsent: either nothing that it
    holds has changed, or it says so; then it recovers, and syncs."""
    plan = msgspec.json.decode((load.folder / "load0.json").read_bytes(), type=Plan)
    home = load.folder / "rotting"
    name = plan.phones[0]
    faults, seen, against = Counter[str](), Counter[str](), list[str]()
    shutil.copytree(Path(plan.folder) / name, home / name)
    with Outbox(home / name) as outbox:
        _say_more(outbox)
    before = _store(home / name)
    missed = 0
    for _ in range(bits):
        shutil.rmtree(home / "round", ignore_errors=True)
        shutil.copytree(home / name, home / "round")
        bit = chosen([home / "round" / STORE_FILE], random)
        bit.flip()
        faults["bits"] += 1
        try:
            after = _store(home / "round")
        except PhoneFault:
            seen[_recovered(home / "round", before, against, bit)] += 1
            continue
        seen["harmless"] += 1
        if after != before:
            missed += 1
            against.append(f"{bit}: something changed, and nothing said so")
    plan.folder = str(home)
    last = _synced_by(Hand(plan, name, Path(plan.registry).read_bytes()))
    if last is not None:
        against.append(last)
    told = ", ".join(f"{count} {what}" for what, count in sorted(seen.items()))
    return judged("rot: phone", bits, faults, (len(before.log), missed, 0), against=against[:3], seen=told)


def _say_more(outbox: Outbox) -> None:
    """Some more entries, which nobody has sent."""
    phone = Phone(outbox, contract.policies(), now=lambda: AT, entropy=os.urandom)
    for nth in range(1 + outbox.end(outbox.about().device)[0] // 2):
        person = {"record": dict.fromkeys(RECORD_FIELDS) | {"name": f"WARGA belum {nth}"}}
        phone.say("new", None, how="in_person", document="ktp_el", person=person)


def _store(home: Path) -> _Store:
    """Raises PhoneFault when the store says that it is damaged."""
    with Outbox(home) as outbox, contextlib.closing(sqlite3.connect(home / STORE_FILE)) as db:
        rows = {table: sorted(soundness.rows(db, table), key=repr) for table in soundness.tables(db)}
        return _Store(rows, {one.seq: one.hash for one in outbox.own(outbox.about().device)})


def _recovered(home: Path, before: _Store, against: list[str], bit: Bit) -> str:
    """What `ecoklit phone recover` makes of a damaged store; what speaks against it goes into `against`."""
    try:
        made = recover(home)
    except PhoneFault as fault:
        return f"{fault.code}, its key is gone"
    if made is None:
        against.append(f"{bit}: damaged, and nothing to recover")
        return "nothing to recover"
    after = _store(home)
    named = {*made.coming, *made.lost}
    if {seq for seq, hash in before.log.items() if after.log.get(seq) != hash} != named:
        against.append(f"{bit}: entries are gone that were not named: {made}")
    if after.rows == before.rows:
        return "mended by itself"
    return f"{len(made.lost)} entries lost, and named" if made.lost else "to be told again"


def _synced_by(hand: Hand) -> str | None:
    """What speaks against the phone being as good as new, once it has synced."""
    try:
        if any(_is_settled(hand) for _ in range(SYNCS_MAX)):
            return None
        return f"{hand.tps}: the phone does not come to the service's digest"
    finally:
        hand.close()


# --- the database's pages --------------------------------------------------------------------------------------------


async def _found_in_pages(house: RottingHouse, load: Load, random: Random, bits: int) -> Row:
    """Each bit by itself: found by the page's checksum. Then some at once: named by table, and rebuilt."""
    async with house.reader() as reader:
        _, before = await reader.digests(REGENCY)
    files = await _files(house)
    await _stop_database(house)
    database = EmbeddedPostgres(house.stores / "postgres")
    faults, against, missed = Counter[str](), list[str](), 0
    if await database.damaged_pages():
        against.append("damaged before any bit was flipped")
    for _ in range(bits):
        bit = chosen(files, random)
        bit.flip()
        pages = await database.damaged_pages()
        bit.flip()
        faults["bits"] += 1
        if [(Path(page.file).name, page.block) for page in pages] != [(bit.file.name, bit.at // PAGE_BYTES)]:
            missed += 1
            against.append(f"{bit}: {pages}")
    damaged = [chosen(files, random) for _ in range(HEALED_BITS)]
    for bit in damaged:
        bit.flip()
    pages = await database.damaged_pages()
    await house.restart(DATABASE)
    tables = {await house.postgres.table_of(page) for page in pages}
    told = await house.said("rebuild")
    async with house.reader() as reader:
        _, after = await reader.digests(REGENCY)
    events = sum(len(own) for _, own in load.outboxes())
    await _stop_database(house)
    if await database.damaged_pages():
        against.append("a rebuild left damaged pages")
    if not tables or "" in tables:
        against.append(f"not every table is named: {sorted(tables)}")
    await house.restart(DATABASE)
    return judged(
        "rot: pages", bits + 1, faults, (events, missed, 0), digests=EQUAL if before == after else DIFFER,
        against=against[:3], seen=f"{', '.join(sorted(tables))}; compared {told['compared']}",
    )  # fmt: skip


async def _stop_database(house: House) -> None:
    await house.postgres.stop()


async def _files(house: House) -> list[Path]:
    """The files of all tables and indexes of the roll, and of what is kept apart for them."""
    async with house.reader() as reader, reader.connection() as connection:
        rows = await connection.fetch(
            """with own as (select oid, reltoastrelid from pg_class where relnamespace = 'ecoklit'::regnamespace)
            select pg_relation_filepath(oid) as path from own
            union select pg_relation_filepath(reltoastrelid) from own where reltoastrelid <> 0"""
        )
    data = house.stores / "postgres" / "data"
    files = [data / row["path"] for row in rows if row["path"] is not None]
    return [file for file in files if file.exists() and file.stat().st_size]
