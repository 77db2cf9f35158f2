"""A phone's store that the flash has changed: it says so, and is made whole again."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ecoklit.field import soundness
from ecoklit.field.outbox import STORE_FILE, Outbox
from ecoklit.field.phone import Phone
from ecoklit.field.recovery import Recovered, recover
from ecoklit.field.trouble import PhoneFault
from ecoklit.testing.field_world import TPS, World, assert_whole, visit
from ecoklit.testing.memory_door import MemoryDoor

BITS = 120
SENT, UNSENT = (1, 2, 3, 4), (5, 6)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, MemoryDoor, voters=8)
    yield world
    world.close()


@pytest.fixture
def home(world: World) -> Path:
    """The store of a phone with entries that are sent and entries that are not; it is closed."""
    phone = world.phone("a")
    visit(phone, *SENT)
    world.sync(phone)
    visit(phone, *UNSENT)
    phone.outbox.close()
    return world.folder / "a"


def flip(home: Path, at: int, bit: int) -> None:
    file = home / STORE_FILE
    data = bytearray(file.read_bytes())
    data[at] ^= 1 << bit
    file.write_bytes(data)


def change(home: Path, statement: str, *values: Any) -> None:
    """Change the store behind its back, as a flash does that gives back other bytes."""
    with contextlib.closing(sqlite3.connect(home / STORE_FILE, isolation_level=None)) as db:
        db.execute(statement, values)


def rows(home: Path) -> dict[str, list[Any]]:
    with contextlib.closing(sqlite3.connect(home / STORE_FILE)) as db:
        return {table: sorted(soundness.rows(db, table), key=repr) for table in soundness.tables(db)}


def log(home: Path) -> dict[int, bytes]:
    with Outbox(home) as outbox:
        return {one.seq: one.hash for one in outbox.own(outbox.about().device)}


def recovered(home: Path) -> Recovered:
    """What is made of a store that says that it is damaged."""
    with pytest.raises(PhoneFault) as damaged:
        Outbox(home)
    assert damaged.value.code == "phone_damaged" and "phone recover" in damaged.value.message
    made = recover(home)
    assert made is not None and made.kept.exists()
    return made


def test_a_sound_store_is_left_as_it_is(home: Path) -> None:
    """There is nothing to recover, and nothing is changed."""
    before = (home / STORE_FILE).read_bytes()
    assert recover(home) is None
    assert (home / STORE_FILE).read_bytes() == before


def test_no_bit_changes_anything_unsaid(home: Path) -> None:
    """Of any flipped bit either nothing that the store holds has changed, or it says so; then nearly always all is
    mended, and whatever entry is not there is named."""
    before, own, size = rows(home), log(home), (home / STORE_FILE).stat().st_size
    random, seen = Random(1), Counter[str]()
    for nth in range(BITS):
        copy = home.parent / f"copy{nth}"
        shutil.copytree(home, copy)
        at, bit = random.randrange(size), random.randrange(8)
        flip(copy, at, bit)
        try:
            Outbox(copy).close()
        except PhoneFault:
            try:
                made = recover(copy)
            except PhoneFault as fault:
                assert "key" in fault.message
                seen["key gone"] += 1
                continue
            assert made is not None
            after = log(copy)
            gone = {seq for seq in own if after.get(seq) != own[seq]}
            assert gone == {*made.coming, *made.lost}, f"bit {bit} at {at}: {made}"
            seen["mended" if rows(copy) == before else "to be told again" if not made.lost else "lost, named"] += 1
        else:
            assert rows(copy) == before, f"bit {bit} at {at}"
            seen["harmless"] += 1
        shutil.rmtree(copy)
    assert seen["mended"] > BITS // 4 and seen["key gone"] + seen["lost, named"] < BITS // 10, seen


@pytest.mark.parametrize(
    "statement",
    [
        "update identity set held = held + 1",
        "update identity set seed = cast(x'01' || substr(seed, 2) as blob)",
        "update phone set epoch = epoch + 4",
        "update phone set service = 'lemory'",
        "update place set digest = 'x' || substr(digest, 2)",
        "update own set event = cast(replace(cast(event as text), '+09:00', '+09:10') as blob) where seq = 6",
        "update own set hash = cast(x'00' || substr(hash, 2) as blob) where seq = 2",
        "delete from pulled",
        "update numbered set number = number + 8 where number = 8",
        "delete from receipt",
    ],
)
def test_whatever_is_changed_behind_its_back_shows(home: Path, statement: str) -> None:
    """A mark, a text, an entry, a row that is gone: nothing is believed that was not written so."""
    before = rows(home)
    change(home, statement)
    assert rows(home) != before
    with pytest.raises(PhoneFault) as damaged:
        Outbox(home)
    assert damaged.value.code == "phone_damaged"


def test_one_bit_anywhere_in_a_row_is_mended(home: Path) -> None:
    """The mark of what is held, the service's address, an entry, its hash, a person: each is what it was."""
    before = rows(home)
    for statement in (
        "update identity set held = held | 64",
        "update phone set service = 'lemory'",
        "update own set event = cast(replace(cast(event as text), '\"seq\":6', '\"seq\":7') as blob) where seq = 6",
        "update own set seq = 4096 + seq where seq = 5",
        "update pulled set seq = seq | 64 where seq = (select max(seq) from pulled)",
    ):
        change(home, statement)
        made = recovered(home)
        assert rows(home) == before, statement
        assert (made.lost, made.coming, made.again) == ([], [], [])


def test_what_the_service_holds_comes_from_there(world: World, home: Path) -> None:
    """Entries that cannot be mended, and all that was ever pulled, come again with the next sync, and what was not sent
    goes up: phone and service hold the same."""
    own = log(home)
    change(home, "update own set event = x'00', hash = x'00' where seq in (2, 3)")
    change(home, "delete from pulled where seq % 2 = 0")
    made = recovered(home)
    assert (made.coming, made.lost) == ([2, 3], []) and "pulled" in made.again
    phone = opened(world, home)
    assert_whole(world, phone, confirmed_voters=len(SENT) + len(UNSENT))
    phone.outbox.close()
    assert log(home) == own


def test_an_unsent_entry_that_is_lost_is_named(world: World, home: Path) -> None:
    """The officer is told which one to enter again; what was sent is safe."""
    change(home, "update own set event = x'00', hash = x'00' where seq = 5")
    made = recovered(home)
    assert (made.coming, made.lost) == ([], [5])


def test_without_its_key_a_store_is_no_phone(home: Path) -> None:
    """Nothing can be sent any more: one sentence says what to do, and the file stays as it was."""
    change(home, "update identity set seed = x'00'")
    before = (home / STORE_FILE).read_bytes()
    with pytest.raises(PhoneFault, match="key of this phone cannot be read"):
        recover(home)
    assert (home / STORE_FILE).read_bytes() == before


def opened(world: World, home: Path) -> Phone:
    phone = world.open(home.name)
    assert phone.roll(TPS) is not None
    return phone
