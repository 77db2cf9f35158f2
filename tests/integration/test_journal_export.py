"""The whole journal into a folder and back: nothing is lost, nothing is doubled, and every wrong use is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.jetstream_registry import JetStreamRegistry
from ecoklit.adapters.journal_folder import JournalFolder, source_of
from ecoklit.errors import EcoklitError
from ecoklit.ports import Journal, Position, RegistryJournal
from ecoklit.ports.journal_source import JournalReader, JournalSource, RegistryReader
from ecoklit.services import journal_export
from ecoklit.services.journal_export import export, restore
from ecoklit.testing import mimika
from ecoklit.testing.made_up_journal import MadeUpJournal, day_of_coklit
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal


async def made(voters: int = 60, seed: int = 1) -> tuple[MadeUpJournal, JournalSource]:
    journal, registry = MemoryJournal(), MemoryRegistryJournal()
    day = await day_of_coklit(journal, registry, voters, seed)
    return day, JournalSource("pilkada-2024", mimika.REGENCY, journal, registry, True)


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.zst"))


async def everything(journal: JournalReader, registry: RegistryReader) -> tuple[list[Any], list[Any], list[Any]]:
    """All three streams, message by message."""
    read: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    for into, fetch in zip(read, (journal.read_events, journal.read_persons, registry.read), strict=True):
        while more := await fetch(into[-1].sequence if into else 0, 1_000):
            into += more
    return read


async def test_a_folder_reads_as_the_journal_does(tmp_path: Path) -> None:
    """Events with what rides on them, persons and registry lines come out of the folder as they stand in the journal,
    however the reads are cut."""
    _, source = await made()
    await export(source, JournalFolder(tmp_path))
    found = source_of(str(tmp_path))
    assert await everything(found.journal, found.registry) == await everything(source.journal, source.registry)
    assert await found.journal.last() == await source.journal.last()


async def test_a_second_run_adds_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was exported stays as it was, byte for byte; in the end the folder holds the same as the journal."""
    monkeypatch.setattr(journal_export, "SEGMENT_MESSAGES_MAX", 50)
    day, source = await made()
    store = JournalFolder(tmp_path)
    first = await export(source, store)
    before = {path: path.read_bytes() for path in files_of(tmp_path)}
    phone = day.device("late-officer", "pps", mimika.tps_codes(mimika.REGENCY)[0])
    voter, (born, *_) = next(iter(day.about.items()))
    day.say(phone, "found", tps=born.tps, voter=voter, how="in_person")
    await day.send(phone)
    second = await export(source, store)
    assert second.added == {"registry": 2, "events": 1, "persons": 0}
    assert {path: path.read_bytes() for path in before} == before
    assert first.holds.ends["events"] + 1 == second.holds.ends["events"]
    found = source_of(str(tmp_path))
    assert await everything(found.journal, found.registry) == await everything(source.journal, source.registry)
    assert (await export(source, store)).added == {"registry": 0, "events": 0, "persons": 0}


@pytest.mark.parametrize("act", range(0, 12, 3))
async def test_a_run_that_dies_anywhere_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: int
) -> None:
    """A crash before or after any write leaves an export that reads, and that the next run completes."""
    monkeypatch.setattr(journal_export, "SEGMENT_MESSAGES_MAX", 60)
    _, source = await made()
    store, left = JournalFolder(tmp_path), act // 2
    write = JournalFolder._write

    def dying(self: JournalFolder, name: str, data: bytes) -> None:
        nonlocal left
        if left == 0 and act % 2:
            write(self, name, data)
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        write(self, name, data)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(JournalFolder, "_write", dying)
        await export(source, store)
    if store.index_or_none() is not None:
        there = source_of(str(tmp_path))
        assert len((await everything(there.journal, there.registry))[0]) == (await there.journal.last()).events
    await export(source, store)
    found = source_of(str(tmp_path))
    assert await everything(found.journal, found.registry) == await everything(source.journal, source.registry)


async def test_without_persons_nothing_of_them_is_there(tmp_path: Path) -> None:
    """No file of persons; and no number, name or birth date of anybody on the list in any byte of the others."""
    day, source = await made()
    await export(source, JournalFolder(tmp_path), without_persons=True)
    found = source_of(str(tmp_path))
    events, persons, lines = await everything(found.journal, found.registry)
    assert (persons, found.has_persons, (tmp_path / "persons").exists()) == ([], False, False)
    shown = b"\n".join([one.payload for one in (*events, *lines)])
    records = [held.person.record for about in day.about.values() for held in about[:1] if held.person is not None]
    assert len(records) > 40
    for record in records:
        for value in (record.nik, record.nkk, record.name, record.birth_date):
            assert value is None or value.encode() not in shown


async def test_an_import_gives_everything_its_old_place(
    tmp_path: Path, nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real broker that was empty holds the same messages at the same sequences, also where persons were erased; a
    second import is refused, and changes nothing."""
    monkeypatch.setattr(journal_export, "SEGMENT_MESSAGES_MAX", 70)
    day, source = await made()
    assert isinstance(source.journal, MemoryJournal)
    gone = next(iter(day.about.values()))[0]
    source.journal.erase_person(gone.device, gone.seq)
    await export(source, JournalFolder(tmp_path))
    where = {"election": "pilkada-2024-restored", "regency": mimika.REGENCY, "monitor_url": nats_server.monitor_url}
    async with (
        await JetStreamJournal.open(nats_server.url, **where) as journal,
        await JetStreamRegistry.open(nats_server.url, **where) as registry,
    ):
        await restore(JournalFolder(tmp_path), journal, registry)
        events, persons, lines = await everything(journal, registry)
        was = await everything(source.journal, source.registry)
        assert (events, lines) == (was[0], was[2])
        assert [one for one in persons if one.payload != b"{}"] == was[1]
        assert await journal.last() == await source.journal.last()
        await refused("journal_not_empty", JournalFolder(tmp_path), journal, registry)
        assert await journal.last() == Position(len(events), len(persons))


async def refused(code: str, store: JournalFolder, journal: Journal, registry: RegistryJournal) -> None:
    with pytest.raises(EcoklitError) as error:
        await restore(store, journal, registry)
    assert error.value.code == code


async def test_wrong_folders_are_refused_by_name(tmp_path: Path) -> None:
    """Another journal, a restored one, a folder with persons for one without, no export, a second writer."""
    _, source = await made(20)
    store = JournalFolder(tmp_path / "one")
    with store.opened():
        await export(source, store)
    with pytest.raises(EcoklitError, match="name another folder") as error:
        await export(source, store, without_persons=True)
    assert error.value.code == "bad_argument"
    _, other = await made(20, seed=2)
    with pytest.raises(EcoklitError) as error:
        await export(other, store)
    assert error.value.code == "other_journal"
    with pytest.raises(EcoklitError) as error:
        await export(source._replace(election="pilkada-2029"), store)
    assert error.value.code == "other_journal"
    await refused("no_export", JournalFolder(tmp_path / "none"), MemoryJournal(), MemoryRegistryJournal())
    with store.opened(), pytest.raises(EcoklitError) as error, JournalFolder(tmp_path / "one").opened():
        pass
    assert error.value.code == "export_in_use"


async def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Any file that was cut, changed or taken away is refused by its name, whoever reads; and so is the index."""
    _, source = await made(20)
    store = JournalFolder(tmp_path)
    await export(source, store)
    for path in [*files_of(tmp_path), tmp_path / "index.json"]:
        whole = path.read_bytes()
        for spoiled in (whole[:-1], whole[:50] + bytes([whole[50] ^ 1]) + whole[51:], whole + b"\n"):
            path.write_bytes(spoiled)
            with pytest.raises(EcoklitError, match=path.name) as error:
                found = source_of(str(tmp_path))
                await everything(found.journal, found.registry)
            assert error.value.code == "export_damaged"
        path.write_bytes(whole)
