"""The office's registry in its data folder: nothing signed is ever lost or said twice."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from ecoklit.adapters.office_registry import FILE, OfficeFault, OfficeRegistry
from ecoklit.core import ids
from ecoklit.core.registry_event import RegistryLog, SignedRegistry
from ecoklit.core.signing import ED25519, key_from_seed

KEY = key_from_seed(ED25519, b"\1" * 32)
OTHER = key_from_seed(ED25519, b"\2" * 32)
AT = "2024-06-25T09:00:00+09:00"


def closings(count: int, key: object = KEY, area: str = "9404") -> list[SignedRegistry]:
    log = RegistryLog(key, election="pilkada-2024", regency="9404", officer="kpu", role="kpu")  # type: ignore[arg-type]
    return [log.append("window_closed", at=AT, area=area) for _ in range(count)]


def refusal(call: object, *arguments: object) -> str:
    with pytest.raises(OfficeFault) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def test_what_was_signed_waits_until_it_is_known(tmp_path: Path) -> None:
    """What was signed survives the program, in order, and waits until the registry is seen to hold it."""
    lines = closings(3)
    with OfficeRegistry.make(tmp_path, KEY.device, lines[:1]) as office:
        office.say(lines[1:])
    with OfficeRegistry(tmp_path) as office:
        assert office.root == KEY.device
        assert office.unsent() == [line.line for line in lines]
        office.learn([(1, lines[0].line), (2, closings(1, OTHER)[0].line)])
        assert office.unsent() == [line.line for line in lines[1:]]
        assert office.position == 2
    with OfficeRegistry(tmp_path) as office:
        assert [position for position, _ in office.known()] == [1, 2]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """The file is for its owner alone, its write-ahead log too."""
    with OfficeRegistry.make(tmp_path / "office", KEY.device, closings(1)):
        modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "office").iterdir()}
    assert modes == {0o600}


def test_an_office_is_made_once(tmp_path: Path) -> None:
    """A second office in one folder is refused by name, and the first is as it was."""
    OfficeRegistry.make(tmp_path, KEY.device, closings(2)).close()
    assert refusal(OfficeRegistry.make, tmp_path, OTHER.device) == "office_exists"
    with OfficeRegistry(tmp_path) as office:
        assert (office.root, len(office.unsent())) == (KEY.device, 2)


def test_no_office(tmp_path: Path) -> None:
    """A folder without an office, or where making one was cut off, is said to have none, and one can be made there."""
    assert refusal(OfficeRegistry, tmp_path) == "no_office"
    (tmp_path / FILE).touch()
    assert refusal(OfficeRegistry, tmp_path) == "no_office"
    OfficeRegistry.make(tmp_path, KEY.device).close()


def test_two_programs_do_not_sign_at_once(tmp_path: Path) -> None:
    """While one program has it open, another is refused: both would give one name to two events."""
    with OfficeRegistry.make(tmp_path, KEY.device):
        assert refusal(OfficeRegistry, tmp_path) == "office_in_use"
    OfficeRegistry(tmp_path).close()


def test_a_key_used_elsewhere_is_told(tmp_path: Path) -> None:
    """The registry holding another event under a name that was signed here is refused, and nothing is learned."""
    with OfficeRegistry.make(tmp_path, KEY.device, closings(2)) as office:
        other = closings(1, area="940401")[0]
        assert refusal(office.learn, [(1, closings(1, OTHER)[0].line), (2, other.line)]) == "out_of_step"
        assert (office.position, len(office.unsent())) == (0, 2)


def test_a_restored_registry_is_healed_from_here(tmp_path: Path) -> None:
    """What a registry lost when it was restored from an older copy waits here to be sent again, others' lines too."""
    mine, others = closings(3), closings(2, OTHER)
    with OfficeRegistry.make(tmp_path, KEY.device, mine) as office:
        office.learn([(1, others[0].line), (2, mine[0].line), (3, others[1].line), (4, mine[1].line)])
        office.relearn([(1, others[0].line), (2, mine[0].line)])
        assert office.known() == [(1, others[0].line), (2, mine[0].line)]
        assert office.unsent() == [others[1].line, mine[1].line, mine[2].line]


def test_a_newer_or_damaged_file(tmp_path: Path) -> None:
    """A file of a newer version, or one that is no database, is refused by name and left as it is."""
    OfficeRegistry.make(tmp_path, KEY.device).close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("pragma user_version = 99")
    db.close()
    assert refusal(OfficeRegistry, tmp_path) == "office_newer"
    (tmp_path / FILE).write_bytes(os.urandom(4096))
    assert refusal(OfficeRegistry, tmp_path) == "office_damaged"


def test_a_refused_line_keeps_the_others_out(tmp_path: Path) -> None:
    """Two lines are kept both or not at all."""
    first, second = closings(2)
    with OfficeRegistry.make(tmp_path, KEY.device) as office:
        with pytest.raises(OfficeFault):
            office.say([first, second, first])
        assert office.unsent() == []
        assert ids.from_base64url(second.prev) == first.hash
