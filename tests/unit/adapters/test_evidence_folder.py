"""Refused pushes that are kept as proof."""

from __future__ import annotations

import stat
from pathlib import Path

from ecoklit.adapters.evidence_folder import EvidenceFolder
from ecoklit.core import wire
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_pushes import two_voters

DEVICE, OTHER = made_up_device(1, "k"), made_up_device(1, "x")


async def test_a_proof_is_kept_once_and_for_the_owner_only(tmp_path: Path) -> None:
    """The same bytes are there once, whole, in a file that nobody else may read."""
    folder = EvidenceFolder(tmp_path / "evidence")
    assert await folder.keep(DEVICE, b"one") and await folder.keep(DEVICE, b"one") and await folder.keep(DEVICE, b"two")
    assert sorted(folder.of_device(DEVICE)) == [b"one", b"two"]
    assert folder.of_device(OTHER) == []
    files = [path for path in (tmp_path / "evidence").rglob("*") if path.is_file()]
    assert len(files) == 2 and {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "evidence" / DEVICE).stat().st_mode) == 0o700


async def test_a_clone_cannot_fill_the_disk(tmp_path: Path) -> None:
    """Each device has its quota, and all have one together; what is kept stays."""
    folder = EvidenceFolder(tmp_path, bytes_max=25, bytes_per_device_max=10)
    assert await folder.keep(DEVICE, b"a" * 10)
    assert not await folder.keep(DEVICE, b"b")
    assert await folder.keep(OTHER, b"a" * 10)
    third = made_up_device(1, "y")
    assert not await folder.keep(third, b"c" * 6) and await folder.keep(third, b"c" * 5)
    assert folder.of_device(DEVICE) == [b"a" * 10] == folder.of_device(OTHER)


async def test_a_disk_that_takes_nothing_is_no_error(tmp_path: Path) -> None:
    """Where nothing can be written the proof is lost, and the push is refused all the same."""
    (tmp_path / "file").touch()
    assert not await EvidenceFolder(tmp_path / "file").keep(DEVICE, b"one")


async def test_a_proof_is_kept_without_whoever_is_erased(tmp_path: Path) -> None:
    """Of one voter the persons go and the others' stay; heads and events are the same bytes, so it proves as much."""
    held, body = two_voters()
    folder = EvidenceFolder(tmp_path)
    assert await folder.keep(DEVICE, body) and await folder.keep(OTHER, b"no push at all")
    assert folder.erase(lambda voter: voter == held[0].voter) == 1
    (kept,) = folder.of_device(DEVICE)
    assert kept == body.replace(held[0].line, wire.write(held[0].event_bytes, None)) != body
    assert folder.of_device(OTHER) == [b"no push at all"]
    assert folder.erase(lambda voter: voter == held[0].voter) == 0
