"""Faults that a cut of the power left behind, each as it was found."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ecoklit.adapters import data_folder
from ecoklit.adapters.embedded_nats import EmbeddedNats

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
