"""The data folder: one program at a time, and what it announces."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ecoklit.adapters.data_folder import (
    DataFolderFault,
    announce,
    load_key,
    opened,
    read_root,
    read_running,
    remember_root,
    save_key,
)
from ecoklit.core.signing import P256, key_from_seed
from ecoklit.testing.made_up_keys import made_up_key


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


def test_a_key_comes_back_and_is_for_the_owner_only(tmp_path: Path) -> None:
    """A kept key of either algorithm is read again, from a file that nobody else may read."""
    for name, key in (("office", made_up_key(1, "office")), ("service", key_from_seed(P256, b"\x01" * 32))):
        save_key(tmp_path / "keys", name, key)
        assert load_key(tmp_path / "keys", name) == key
        assert stat.S_IMODE((tmp_path / "keys" / f"{name}.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """Saving the same key again changes nothing; another one of its name is refused, and the first stays."""
    key = made_up_key(1, "office")
    save_key(tmp_path, "office", key)
    save_key(tmp_path, "office", key)
    with pytest.raises(DataFolderFault) as refused:
        save_key(tmp_path, "office", made_up_key(2, "office"))
    assert refused.value.code == "key_exists"
    assert load_key(tmp_path, "office") == key


@pytest.mark.parametrize("spoilt", [b"", b"{}", b"[]", b'{"algorithm":"ed25519","device":"x","seed":"AAAA"}', b"\xff"])
def test_what_is_no_key_is_named_and_not_repeated(tmp_path: Path, spoilt: bytes) -> None:
    """A missing key says how to make one, a spoilt one how to bring it back; neither error holds what was read."""
    with pytest.raises(DataFolderFault) as refused:
        load_key(tmp_path, "office")
    assert refused.value.code == "no_key"
    assert "ecoklit init" in refused.value.message
    (tmp_path / "office.key").write_bytes(spoilt)
    with pytest.raises(DataFolderFault) as refused:
        load_key(tmp_path, "office")
    assert refused.value.code == "bad_key"
    assert "seed" not in refused.value.message


def test_a_key_that_is_not_its_device_is_no_key(tmp_path: Path) -> None:
    """A flipped character of the secret is noticed before anything is signed with it."""
    key = made_up_key(1, "office")
    save_key(tmp_path, "office", key)
    path = tmp_path / "office.key"
    path.write_text(path.read_text().replace(key.device, made_up_key(2, "x").device))
    with pytest.raises(DataFolderFault) as refused:
        load_key(tmp_path, "office")
    assert refused.value.code == "bad_key"


def test_the_root_is_remembered_by_its_device(tmp_path: Path) -> None:
    """Only what looks like a device is a root: a spoilt file is none, and so nobody may open the election."""
    assert read_root(tmp_path / "keys") is None
    device = made_up_key(1, "root").device
    remember_root(tmp_path / "keys", device)
    assert read_root(tmp_path / "keys") == device
    (tmp_path / "keys.root").write_bytes(b"\xff*")
    assert read_root(tmp_path / "keys") is None
