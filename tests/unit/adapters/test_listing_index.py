"""The listing index on disk: durable, for one import at a time, under its own key."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecoklit.adapters.listing_index import (
    INDEX_FILE,
    KEY_FILE,
    IndexFault,
    SqliteListingIndex,
    office_key,
)
from ecoklit.core.ids import ZERO_HASH
from ecoklit.ports import KnownRow, ListingIndex, LogEnd, Position

DEVICE, KEY = "a" * 16, b"k" * 32
TPS = "9404012001003"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[SqliteListingIndex]:
    with SqliteListingIndex(tmp_path, DEVICE, KEY) as opened:
        yield opened


def row(mark: int, tps: str = TPS, nik: bytes = b"", seq: int = 1) -> KnownRow:
    return KnownRow(bytes([mark]) * 16, tps, f"voter-{mark}", DEVICE, seq, nik, b"f" * 72)


def test_it_is_a_listing_index(index: SqliteListingIndex) -> None:
    """A new one knows nothing and stands at the beginning of everything."""
    assert isinstance(index, ListingIndex)
    assert (index.log_end(), index.position()) == (LogEnd(0, ZERO_HASH), Position(0, 0))
    assert index.known(TPS) == {} and index.waiting(10) == [] and index.with_nik([b"n"]) == {}


def test_what_is_held_is_there_after_closing(tmp_path: Path) -> None:
    """Rows, lines, the end of the log and the position survive."""
    with SqliteListingIndex(tmp_path, DEVICE, KEY) as index:
        index.hold([row(1), row(2)], [b"one", b"two"], LogEnd(2, b"h" * 32))
        index.learn([row(3)], LogEnd(2, b"h" * 32), Position(7, 5))
    with SqliteListingIndex(tmp_path, DEVICE, KEY) as index:
        assert index.log_end() == LogEnd(2, b"h" * 32) and index.position() == Position(7, 5)
        assert index.known(TPS) == {one.row: one for one in (row(1), row(2), row(3))}
        assert index.waiting(10) == [b"one", b"two"]


def test_the_outbox_keeps_the_order_of_the_log(index: SqliteListingIndex) -> None:
    """Lines come out by seq, and go when they are released, up to a seq."""
    index.hold([], [b"one", b"two"], LogEnd(2, b"h" * 32))
    index.hold([], [b"three"], LogEnd(3, b"i" * 32))
    assert index.waiting(2) == [b"one", b"two"]
    index.release(2)
    assert index.waiting(2) == [b"three"]
    index.release(2)
    assert index.waiting(2) == [b"three"]


def test_holding_is_all_or_nothing(index: SqliteListingIndex) -> None:
    """A line whose seq is taken leaves rows, outbox and the end of the log as they were."""
    index.hold([row(1)], [b"one", b"two"], LogEnd(2, b"h" * 32))
    with pytest.raises(sqlite3.IntegrityError):
        index.hold([row(2)], [b"other"], LogEnd(2, b"x" * 32))
    assert index.log_end() == LogEnd(2, b"h" * 32) and list(index.known(TPS)) == [row(1).row]


def test_a_row_is_known_once(index: SqliteListingIndex) -> None:
    """What is held or learned later replaces what was known of the row."""
    index.hold([row(1)], [b"one"], LogEnd(1, b"h" * 32))
    index.learn([row(1, seq=9)], LogEnd(1, b"h" * 32), Position(0, 0))
    assert [known.seq for known in index.known(TPS).values()] == [9]


def test_rows_are_counted_by_tps(index: SqliteListingIndex) -> None:
    """Only those of the village, by code."""
    rows = [row(1, TPS), row(2, TPS), row(3, "9404012001001"), row(4, "9404012002001")]
    index.learn(rows, LogEnd(0, ZERO_HASH), Position(0, 0))
    assert index.rows_by_tps("9404012001") == {"9404012001001": 1, TPS: 2}


def test_rows_are_found_by_nik(index: SqliteListingIndex) -> None:
    """All rows with one of many NIKs, also more than one statement can ask for; rows without a NIK never match."""
    rows = [row(1, nik=b"n1"), row(2, nik=b"n1"), row(3, nik=b"n2"), row(4)]
    index.learn(rows, LogEnd(0, ZERO_HASH), Position(0, 0))
    asked = [b"n1", b"n2", *[f"x{i}".encode() for i in range(2_000)]]
    assert index.with_nik(asked) == {b"n1": rows[:2], b"n2": [rows[2]]}


def test_two_imports_at_once_are_refused(tmp_path: Path, index: SqliteListingIndex) -> None:
    """Two writers of one log would give two events one name."""
    assert index.log_end().seq == 0
    with pytest.raises(IndexFault) as fault:
        SqliteListingIndex(tmp_path, DEVICE, KEY)
    assert fault.value.code == "index_in_use" and "wait" in fault.value.message


def test_after_closing_the_next_one_may(tmp_path: Path) -> None:
    """The lock goes with its holder."""
    for _ in range(2):
        with SqliteListingIndex(tmp_path, DEVICE, KEY) as index:
            assert index.log_end().seq == 0


def make(folder: Path) -> None:
    SqliteListingIndex(folder, DEVICE, KEY).close()


def test_another_key_or_device_is_refused(tmp_path: Path) -> None:
    """Marks of another key would make every row new; another device's log would fork."""
    make(tmp_path)
    for device, key, code in ((DEVICE, b"o" * 32, "other_key"), ("b" * 16, KEY, "other_device")):
        with pytest.raises(IndexFault) as fault:
            SqliteListingIndex(tmp_path, device, key)
        assert fault.value.code == code


def test_a_newer_index_is_refused_and_left_alone(tmp_path: Path) -> None:
    """A file of a newer ecoklit is not touched."""
    make(tmp_path)
    with sqlite3.connect(tmp_path / INDEX_FILE) as db:
        db.execute("pragma user_version = 99")
    db.close()
    for _ in range(2):
        with pytest.raises(IndexFault) as fault:
            SqliteListingIndex(tmp_path, DEVICE, KEY)
        assert fault.value.code == "newer_index"


def test_a_damaged_index_is_refused(tmp_path: Path) -> None:
    """A file that is no database is refused with what to do, not written over."""
    (tmp_path / INDEX_FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(IndexFault) as fault:
        SqliteListingIndex(tmp_path, DEVICE, KEY)
    assert fault.value.code == "bad_index" and "move it away" in fault.value.message
    assert (tmp_path / INDEX_FILE).read_bytes().startswith(b"not a database")


def test_an_index_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    """What is no file at all is not called damaged, nor in use."""
    (tmp_path / INDEX_FILE).mkdir()
    with pytest.raises(IndexFault) as fault:
        SqliteListingIndex(tmp_path, DEVICE, KEY)
    assert fault.value.code == "no_index" and "cannot be opened" in fault.value.message


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """The second call gives the same key; nobody else on the machine can read it."""
    key = office_key(tmp_path / "office")
    assert key == office_key(tmp_path / "office") and len(key) == 32
    assert (tmp_path / "office" / KEY_FILE).stat().st_mode & 0o077 == 0
    assert office_key(tmp_path / "other") != key


def test_a_lost_or_broken_key_is_said(tmp_path: Path) -> None:
    """An index without its key is not given a new one; a key of another length is none."""
    make(tmp_path)
    with pytest.raises(IndexFault, match="is missing"):
        office_key(tmp_path)
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(IndexFault, match="not a key"):
        office_key(tmp_path)


def test_a_full_disk_is_said_and_changes_nothing(tmp_path: Path) -> None:
    """A write that finds no room is refused in one sentence; the index goes on when there is room again."""
    with SqliteListingIndex(tmp_path, DEVICE, KEY) as index:
        index.hold([row(1)], [b"one"], LogEnd(1, b"h" * 32))
        index._db.execute("pragma max_page_count = 1")  # SQLite's own full disk
        with pytest.raises(IndexFault) as fault:
            index.hold([row(2)], [b"x" * 100_000], LogEnd(2, b"i" * 32))
        assert fault.value.code == "index_not_written" and "make room" in fault.value.message
        assert index.log_end().seq == 1 and list(index.known(TPS)) == [row(1).row] and index.waiting(5) == [b"one"]
        index._db.execute("pragma max_page_count = 1000000")
        index.hold([row(2)], [b"two"], LogEnd(2, b"i" * 32))
        assert index.waiting(5) == [b"one", b"two"]


def test_nothing_personal_is_in_the_file(tmp_path: Path) -> None:
    """Marks only: a released outbox line is not left in the file for anybody to find."""
    with SqliteListingIndex(tmp_path, DEVICE, KEY) as index:
        index.hold([row(1)], [b"canary-9404815203900001"], LogEnd(1, b"h" * 32))
        index.release(1)
    assert b"canary" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
