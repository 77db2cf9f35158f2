"""Exports from the real database: the list as it is at one moment, whole or not there, and the same list again."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pytest
import pytest_asyncio
from pyarrow import parquet

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.export_arrow import ArrowFile
from ecoklit.adapters.export_folder import ExportFolder, Writer
from ecoklit.adapters.export_sheets import CsvFile, XlsxFile
from ecoklit.adapters.export_source import open_live_lists
from ecoklit.adapters.listing_index import SqliteListingIndex, office_key
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_past import PostgresPast
from ecoklit.adapters.postgres_reader import PostgresReader, Seen
from ecoklit.adapters.spreadsheet import read_rows
from ecoklit.contract import data_path, policies
from ecoklit.core import wire
from ecoklit.core.codebook import parse_codebook
from ecoklit.core.list_row import TITLES, clean
from ecoklit.core.registry import Registry
from ecoklit.core.watermark import suspicions, texts_in
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.ports import ExportSource, FinishedFile, ListFile, ListHead, Push
from ecoklit.services.as_of import Moment, past_at
from ecoklit.services.export import Export, ExportFault, PastLists, carried_on, decoded
from ecoklit.services.listing import Import, Office, Summary, office_log, village_of
from ecoklit.services.project import Projector
from ecoklit.testing import mimika
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

BOOK = parse_codebook(data_path("events", "codebooks", "2024.json").read_bytes())
SECRET = b"s" * 32
DEVICE = "a" * 16
WRITERS: dict[str, Writer] = {
    "csv": CsvFile,
    "xlsx": XlsxFile,
    "parquet": lambda path, head: ArrowFile(path, head, stream=False),
    "arrow": lambda path, head: ArrowFile(path, head, stream=True),
}


class Place(NamedTuple):
    """A regency that is projected: its journal, and who reads it."""

    journal: MemoryJournal
    store: PostgresRoll
    reader: PostgresReader

    async def project(self) -> None:
        await Projector(self.journal, self.store, policies(), election=ELECTION, regency=REGENCY).run_until_caught_up()


@pytest_asyncio.fixture(loop_scope="session")
async def place(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[Place]:
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        yield Place(MemoryJournal(), store, reader)
    await store.close()


def asked(source: ExportSource, format: str, area: str = REGENCY) -> Export:
    return Export(
        str(secrets.token_hex(8)), "siti", area, format, "2024", True, source.as_of, source.registry,
        "2024-07-24T09:00:00Z",
    )  # fmt: skip


def whole(reader: PostgresReader) -> PostgresReader:
    return reader.seen_by(Seen((REGENCY,), unmasked=True))


async def exported(reader: PostgresReader, folder: Path, format: str, area: str = REGENCY) -> Export:
    return await exported_as(whole(reader), folder, format, SECRET, area)


async def exported_as(reader: PostgresReader, folder: Path, format: str, secret: bytes, area: str) -> Export:
    async with open_live_lists(reader, REGENCY) as source:
        return await carried_on(
            asked(source, format, area), secret, source, ExportFolder(folder, WRITERS[format]), BOOK
        )


def rows_of(folder: Path, format: str) -> list[dict[str, Any]]:
    if format == "parquet":
        return pl.concat([pl.read_parquet(one) for one in sorted(folder.glob("*.parquet"))]).to_dicts()
    return pl.concat([pl.read_ipc_stream(one) for one in sorted(folder.glob("*.arrows"))]).to_dicts()


# --- what stands in it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["parquet", "arrow"])
async def test_an_export_is_the_list(place: Place, tmp_path: Path, format: str) -> None:
    """Every row of the list with every column, and nobody else; the digests are those that the roll has."""
    await append_all(place.journal, RandomHistory(31, events=600).arrivals)
    await place.project()
    done = await exported(place.reader, tmp_path / "out", format)
    reader = whole(place.reader)
    listed = [row for tps in sorted(await tps_of(reader)) for row in (await reader.roll(tps)).rows]
    for row in listed:
        row.pop("regency")
        row["voter"] = str(row["voter"])
    rows = [
        {
            name: clean(value) if name in ("name", "birth_place", "address") and value else value
            for name, value in row.items()
        }
        for row in rows_of(tmp_path / "out", format)
    ]
    plain = [
        {
            name: clean(value) if name in ("name", "birth_place", "address") and value else value
            for name, value in row.items()
        }
        for row in listed
    ]
    assert rows == plain and len(rows) == done.rows > 20
    _, digests = await place.reader.digests(REGENCY)
    assert done.digest == digests[REGENCY].hex()
    assert {part.area: part.digest for part in done.parts} == {
        area: digests[area].hex() for area in digests if len(area) == 6 and area.startswith(REGENCY)
    }
    assert done.as_of == await place.reader.as_of(REGENCY)


async def tps_of(reader: PostgresReader) -> list[str]:
    return [row["area"] for row in (await reader.recap(REGENCY, "tps")).rows]


@pytest.mark.parametrize("format", list(WRITERS))
async def test_a_folder_holds_whole_files_for_its_owner(place: Place, tmp_path: Path, format: str) -> None:
    """export.json says how long every file is and what is in it; nothing else is there, and nobody else reads it."""
    await append_all(place.journal, RandomHistory(32, events=300).arrivals)
    await place.project()
    done = await exported(place.reader, tmp_path / "out", format)
    assert decoded((tmp_path / "out" / "export.json").read_bytes()) == done and done.is_done
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == sorted(
        ["export.json", *(part.file for part in done.parts)]
    )
    for part in done.parts:
        data = (tmp_path / "out" / part.file).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (part.bytes, part.sha256)
    assert {one.stat().st_mode & 0o777 for one in (tmp_path / "out").iterdir()} == {0o600}
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    assert done.rows == sum(part.rows for part in done.parts)


async def test_a_file_says_what_it_is(place: Place, tmp_path: Path) -> None:
    """For whom, of what, as of which moment and with which digest: over every list, in each format."""
    await append_all(place.journal, RandomHistory(33, events=300).arrivals)
    await place.project()
    for format in ("csv", "xlsx"):
        done = await exported(place.reader, tmp_path / format, format)
        for part in done.parts:
            said = {row.cells[0]: row.cells[1] for row in list(read_rows(tmp_path / format / part.file))[1:6]}
            assert said["Untuk · for"] == "siti" and str(done.as_of.events) in said["Per · as of"]
            assert done.export in said["Ekspor · export"]
            if format == "csv":
                assert (said["Wilayah · area"], said["Digest"]) == (part.area, part.digest)
    done = await exported(place.reader, tmp_path / "parquet", "parquet")
    (first, *_) = done.parts
    metadata = parquet.read_metadata(tmp_path / "parquet" / first.file).metadata
    assert metadata[b"ecoklit:for"] == b"siti" and metadata[b"ecoklit:digest"].decode() == first.digest
    done = await exported(place.reader, tmp_path / "arrow", "arrow")
    with pa.ipc.open_stream(tmp_path / "arrow" / done.parts[0].file) as stream:
        assert stream.schema.metadata[b"ecoklit:export"].decode() == done.export


async def test_numbers_are_masked_unless_somebody_may_see_them(place: Place, tmp_path: Path) -> None:
    """The database masks for whom it reads; and of another area there is nothing."""
    files = a_list(tmp_path)
    await imported(place.journal, tmp_path / "office", files)
    await place.project()
    masked = place.reader.seen_by(Seen((REGENCY,)))
    done = await exported_as(masked, tmp_path / "masked", "csv", SECRET, VILLAGE)
    text = (tmp_path / "masked" / done.parts[0].file).read_text()
    assert "**********" in text and not any(person.nik and person.nik in text for person in PEOPLE)
    (refused,) = await imported(MemoryJournal(), tmp_path / "other", [tmp_path / "masked" / done.parts[0].file])
    assert refused.outcomes["listed"] == 0 and refused.errors["number_masked"] > 600
    elsewhere = place.reader.seen_by(Seen(("9404022001",), unmasked=True))
    nobody = await exported_as(elsewhere, tmp_path / "elsewhere", "csv", SECRET, VILLAGE)
    assert (nobody.rows, nobody.parts) == (0, ())


# --- the same list again ---------------------------------------------------------------------------------------------

VILLAGE = "9404072001"
LARGE = "9404092003"
PEOPLE = [person for tps in mimika.tps_codes(VILLAGE) for person in mimika.people(tps)]


def a_list(folder: Path, village: str = VILLAGE) -> list[Path]:
    file = folder / mimika.file_name(village)
    mimika.write_xlsx(file, village, BOOK)
    return [file]


async def imported(journal: MemoryJournal, folder: Path, files: Sequence[Path]) -> list[Summary]:
    """Import lists as an office does, into a journal in memory."""
    key = office_key(folder)

    async def push(lines: list[bytes]) -> None:
        held = [wire.read(line) for line in lines]
        persons = tuple((one.seq, one.person_bytes) for one in held if one.person_bytes is not None)
        head = await journal.head(DEVICE)
        events = tuple(one.event_bytes for one in held)
        await journal.append([Push(DEVICE, head.sequence if head else 0, events, persons)])

    async def seen(voters: Collection[str]) -> Mapping[str, Sequence[Held]]:
        raise AssertionError("a list that was exported changes nobody")

    with SqliteListingIndex(folder, DEVICE, key) as index:
        log = office_log(index, election=ELECTION, device=DEVICE, officer="kpu", policy="2024-1")
        office = Office(log, index, key=key, book=BOOK, salt=lambda: secrets.token_bytes(16), push=push, seen=seen)
        return [
            await office.import_list(
                read_rows(file), Import(village_of(file.name, None, REGENCY), "dp4", "2024-06-20T09:00:00+09:00")
            )
            for file in files
        ]


@pytest.mark.parametrize("format", ["csv", "xlsx"])
async def test_what_was_exported_is_imported_to_the_same_list(
    place: Place, postgres_server: EmbeddedPostgres, schema: str, tmp_path: Path, format: str
) -> None:
    """In the same election nothing is new and the digests stay; in another one the list says the same."""
    await imported(place.journal, tmp_path / "office", a_list(tmp_path))
    await place.project()
    done = await exported(place.reader, tmp_path / "out", format, VILLAGE)
    files = [tmp_path / "out" / part.file for part in done.parts]
    assert done.rows == len(PEOPLE) > 600 and done.uncoded == 0

    before = await place.reader.digests(REGENCY)
    (again,) = await imported(place.journal, tmp_path / "office", files)
    assert again.outcomes["unchanged"] == len(PEOPLE) and again.pushed == 0 and not again.gone
    await place.project()
    assert await place.reader.digests(REGENCY) == before

    other = f"{schema}_rebuild"  # which the fixture drops
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=other)
    async with PostgresReader(postgres_server.dsn, schema=other) as reader:
        new = Place(MemoryJournal(), store, reader)
        (fresh,) = await imported(new.journal, tmp_path / "new office", files)
        assert fresh.outcomes["listed"] == len(PEOPLE) and not fresh.has_errors
        await new.project()
        there = await exported(reader, tmp_path / "again", format, VILLAGE)
    await store.close()
    assert there.list_digest == done.list_digest and there.digest != done.digest


# --- broken in the middle --------------------------------------------------------------------------------------------


class Broken(Exception):
    pass


class BreakingFolder(ExportFolder):
    """A folder whose process dies at the n-th step: before it, or after it and before anybody hears of it."""

    def __init__(self, path: Path, writer: Writer, steps: int, *, after: bool) -> None:
        super().__init__(path, writer)
        self._steps = steps
        self._after = after

    def keep(self, about: bytes) -> None:
        with self._step():
            super().keep(about)

    def begin(self, name: str, head: ListHead) -> ListFile:
        with self._step():
            return super().begin(name, head)

    def finished(self, name: str) -> FinishedFile:
        with self._step():
            return super().finished(name)

    @contextmanager
    def _step(self) -> Iterator[None]:
        self._steps -= 1
        if self._steps == 0 and not self._after:
            raise Broken
        yield
        if self._steps == 0 and self._after:
            raise Broken


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_broken_at_any_step_it_goes_on_to_the_same_files(place: Place, tmp_path: Path, after: bool) -> None:
    """Killed at any durable step, every file in sight is whole, what was named stays, and the end is the same bytes."""
    await append_all(place.journal, RandomHistory(34, events=300).arrivals)
    await place.project()
    async with open_live_lists(whole(place.reader), REGENCY) as source:
        export = asked(source, "csv")
        unbroken = await carried_on(export, SECRET, source, ExportFolder(tmp_path / "whole", CsvFile), BOOK)
        steps = 2 + 3 * len(unbroken.parts)
        assert len(unbroken.parts) == 3
        for step in range(1, steps + 1):
            folder = tmp_path / f"broken-{step}"
            with pytest.raises(Broken):
                await carried_on(export, SECRET, source, BreakingFolder(folder, CsvFile, step, after=after), BOOK)
            files = ExportFolder(folder, CsvFile)
            about = files.about()
            known = export if about is None else decoded(about)
            for part in known.parts:
                assert hashlib.sha256((folder / part.file).read_bytes()).hexdigest() == part.sha256
            done = await carried_on(known, SECRET, source, files, BOOK)
            assert done == unbroken
            assert contents(folder) == contents(tmp_path / "whole")


def contents(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()}


async def test_a_broken_export_goes_on_as_of_its_own_moment(place: Place, tmp_path: Path) -> None:
    """When the roll has moved on, what is missing comes from the journal: the files are those of an unbroken export."""
    history = RandomHistory(35, events=600)
    half = len(history.arrivals) // 2
    await append_all(place.journal, history.arrivals[:half])
    await place.project()
    async with open_live_lists(whole(place.reader), REGENCY) as source:
        export = asked(source, "csv")
        unbroken = await carried_on(export, SECRET, source, ExportFolder(tmp_path / "whole", CsvFile), BOOK)
        with pytest.raises(Broken):
            await carried_on(export, SECRET, source, BreakingFolder(tmp_path / "broken", CsvFile, 6, after=False), BOOK)
    await append_all(place.journal, history.arrivals[half:])
    await place.project()
    files = ExportFolder(tmp_path / "broken", CsvFile)
    known = decoded(files.about() or b"")
    assert 0 < len(known.parts) < len(unbroken.parts)
    async with open_live_lists(whole(place.reader), REGENCY) as now:
        with pytest.raises(ExportFault, match="another moment"):
            await carried_on(known, SECRET, now, files, BOOK)
    reader = PostgresPast(place.reader)
    past = await past_at(reader, no_registry, policies(), Moment(known.as_of, known.registry))
    done = await carried_on(known, SECRET, PastLists(past, reader, unmasked=True), files, BOOK)
    assert done == unbroken and contents(tmp_path / "broken") == contents(tmp_path / "whole")


async def no_registry(position: int) -> Registry:
    assert position == 0
    return Registry(ELECTION, REGENCY)


async def test_two_do_not_write_one_export(place: Place, tmp_path: Path) -> None:
    """Whoever comes second is told so, and the first one's files are whole."""
    await append_all(place.journal, RandomHistory(36, events=300).arrivals)
    await place.project()
    async with open_live_lists(whole(place.reader), REGENCY) as source:
        export, files = asked(source, "csv"), ExportFolder(tmp_path / "out", CsvFile)
        with files.held(), pytest.raises(EcoklitError) as refused:
            await carried_on(export, SECRET, source, ExportFolder(tmp_path / "out", CsvFile), BOOK)
        assert refused.value.code == "export_in_use" and list((tmp_path / "out").iterdir()) == []
        done = await carried_on(export, SECRET, source, files, BOOK)
        assert await carried_on(export, SECRET, source, files, BOOK) == done


async def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    """What is no export is never written into; what a crash left of one is."""
    (tmp_path / ".export.json.part").write_text("half")
    ExportFolder(tmp_path, CsvFile).demand_ours()
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(EcoklitError, match="name a new folder"):
        ExportFolder(tmp_path, CsvFile).demand_ours()


# --- whose it was ----------------------------------------------------------------------------------------------------


async def test_a_leaked_part_names_its_recipient(place: Place, tmp_path: Path) -> None:
    """Three have the list of a village; 5 % of the rows of one get out, shuffled, three columns of 15: that one."""
    await imported(place.journal, tmp_path / "office", a_list(tmp_path, LARGE))
    await place.project()
    recipients = {name: secrets.token_bytes(32) for name in ("andi", "budi", "citra")}
    for name, secret in recipients.items():
        done = await exported_as(whole(place.reader), tmp_path / name, "xlsx", secret, LARGE)
    assert done.rows > 1_000
    rows = [row.cells for row in read_rows(tmp_path / "budi" / done.parts[0].file) if len(row.cells) == len(TITLES)]
    leak = Random(5).sample(rows[1:], len(rows) // 20)
    found = suspicions(texts_in(cell for row in leak for cell in (row[2], row[3], row[7])), recipients)
    assert [one.export for one in found if one.is_named] == ["budi"]
