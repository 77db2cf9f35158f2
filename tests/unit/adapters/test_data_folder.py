"""The data folder: one program at a time, and what it announces."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ecoklit.adapters.data_folder import DataFolderFault, announce, opened, read_running


def test_a_folder_is_held_by_one_program(tmp_path: Path) -> None:
    """A second program is refused while the first works, and let in when it has ended."""
    folder = tmp_path / "data"
    with opened(folder), pytest.raises(DataFolderFault) as refused, opened(folder):
        pass
    assert refused.value.code == "data_in_use"
    with opened(folder):
        pass


def test_what_runs_is_found_only_while_it_runs(tmp_path: Path) -> None:
    """An announcement that a killed program left behind says nothing."""
    assert read_running(tmp_path) == {}
    with opened(tmp_path):
        announce(tmp_path, {"nats_url": "nats://127.0.0.1:1"})
        assert read_running(tmp_path) == {"nats_url": "nats://127.0.0.1:1"}
        left = (tmp_path / "running.json").read_bytes()
    assert read_running(tmp_path) == {}
    (tmp_path / "running.json").write_bytes(left)
    assert read_running(tmp_path) == {}
    with opened(tmp_path):
        assert read_running(tmp_path) == {}


def test_an_announcement_is_for_the_owner_only(tmp_path: Path) -> None:
    """An address can hold a password: nobody else may read it."""
    with opened(tmp_path):
        announce(tmp_path, {"database_url": "postgresql://a:b@c/d"})
        assert stat.S_IMODE((tmp_path / "running.json").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Where a file stands in the way, the error says what to set."""
    (tmp_path / "file").touch()
    with pytest.raises(DataFolderFault) as refused, opened(tmp_path / "file" / "data"):
        pass
    assert refused.value.code == "data_unreadable"
    assert "ECOKLIT_DATA" in refused.value.message
