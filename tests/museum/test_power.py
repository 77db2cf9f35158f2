"""Faults that a cut of the power left behind, each as it was found."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ecoklit.adapters import data_folder
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.contract import policies
from ecoklit.services.project import Projector
from ecoklit.testing.chaos.house import tree
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

MARK = "nats-server.version"


async def test_a_mark_that_the_power_cut_emptied_keeps_nobody_out(tmp_path: Path) -> None:
    """The broker's version was written anew at every start and never fsynced: a power cut left an empty file, and the
    broker, whose store was whole, did not start again (it asked for a reinstallation). An empty mark is none; it is
    written once, and is on the disk before the broker runs."""
    (tmp_path / MARK).touch()
    async with await EmbeddedNats.start(tmp_path):
        written = (tmp_path / MARK).stat()
    async with await EmbeddedNats.start(tmp_path):
        assert (tmp_path / MARK).stat().st_ino == written.st_ino


def remember_election(folder: Path) -> Path:
    data_folder.remember_election(folder, "pilwali-2024", "9171")
    return folder / data_folder.ELECTION_FILE


def remember_epoch(folder: Path) -> Path:
    data_folder.remember_epoch(folder, 2)
    return folder / data_folder.EPOCH_FILE


def open_folder(folder: Path) -> Path:
    with data_folder.opened(folder):
        return folder / data_folder.VERSION_FILE


@pytest.mark.parametrize("write", [remember_election, remember_epoch, open_folder])
def test_what_a_data_folder_remembers_is_on_the_disk(
    write: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Election, epoch and layout were written without fsync: after a power cut the folder could be one of another
    election, or of an epoch that phones refuse. Each file, whole, and its folder are synced before the call returns."""
    synced: list[str | int] = []

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced.append("folder" if stat.S_ISDIR(found.st_mode) else found.st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    path = write(tmp_path)
    assert synced == [path.stat().st_size, "folder"]


async def test_a_step_that_phones_may_have_seen_is_kept(postgres_folder: Path) -> None:
    """Steps were committed without waiting for the disk. A crash of the database took the last ones back, the projector
    made others under the same numbers, and a phone whose cursor named the old ones was never told of what was new in
    them: its roll stayed another than the service's. A step that was applied is there after kill -9."""
    journal = MemoryJournal()
    await append_all(journal, RandomHistory(1).arrivals)
    server = EmbeddedPostgres(postgres_folder / "postgres", fsync=False)
    await server.start()
    assert server.process is not None
    store = PostgresRoll(server.dsn, election=ELECTION, regency=REGENCY)
    projector = Projector(journal, store, policies(), election=ELECTION, regency=REGENCY, batch_events_max=5)
    applied = await projector.run_until_caught_up()
    for pid in tree(server.process.pid):
        os.kill(pid, signal.SIGKILL)
    server.process.wait()
    await store.close()
    async with EmbeddedPostgres(postgres_folder / "postgres", fsync=False) as again:
        store = PostgresRoll(again.dsn, election=ELECTION, regency=REGENCY)
        assert await store.checkpoint() == applied
        await store.close()
