"""The phone's store: what it acknowledged is on disk, whatever happens when."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecoklit.core import ids, wire
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.wire import Held
from ecoklit.field import outbox as outboxes
from ecoklit.field.outbox import STORE_FILE, About, Outbox, Page
from ecoklit.field.trouble import PhoneFault
from ecoklit.testing.dying_connection import Dying, PowerLost
from ecoklit.testing.made_up_keys import made_up_key

KEY = made_up_key(1, "phone")
ELECTION = "pilkada-2024"
TPS = "9404012001001"
ABOUT = About(ELECTION, "9404", KEY.device, "", "p-1", "pantarlih", "2024-1", KEY.device, 0)


def log_of(count: int) -> list[Held]:
    log = DeviceLog(ELECTION, KEY.device, officer="p-1", role="pantarlih", policy="2024-1")
    return [
        log.append(
            "new",
            tps=TPS,
            at="2024-06-25T09:00:00+09:00",
            how="in_person",
            document="ktp_el",
            person={"record": RECORD, "salt": ids.to_base64url(nth.to_bytes(16, "big"))},
        )
        for nth in range(count)
    ]


RECORD = dict.fromkeys(
    ("address", "birth_date", "birth_place", "disability", "ektp", "marital", "name", "nik", "nkk", "rt", "rw", "sex")
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "phone"


def enrolled(home: Path, connection: type[sqlite3.Connection] = sqlite3.Connection) -> Outbox:
    outbox = Outbox(home, make=True, connection=connection)
    if outbox.identity() is None:
        outbox.make_identity(KEY)
        outbox.enrol(ABOUT, [TPS], [], [])
    return outbox


def seqs(home: Path) -> list[int]:
    with Outbox(home) as outbox:
        return [one.seq for one in outbox.own(KEY.device)]


def test_what_is_saved_is_there_when_it_is_opened_again(home: Path) -> None:
    """A store gives back the very bytes of its log, its key and where it belongs."""
    said = log_of(3)
    with enrolled(home) as outbox:
        for one in said:
            outbox.append(one)
    with Outbox(home) as outbox:
        assert outbox.own(KEY.device) == said
        assert outbox.identity() is not None and outbox.identity().key == KEY  # type: ignore[union-attr]
        assert outbox.about() == ABOUT
        assert outbox.end(KEY.device) == (3, said[-1].hash)


def test_an_entry_that_does_not_follow_the_last_one_is_refused(home: Path) -> None:
    """Of two programs that append after the same entry one is told to try again, so one name never has two entries."""
    first, second, third = log_of(3)
    with enrolled(home) as one, Outbox(home) as other:
        one.append(first)
        for late in (first, third):
            with pytest.raises(PhoneFault) as refused:
                other.append(late)
            assert refused.value.code == "phone_in_use"
        other.append(second)
    assert seqs(home) == [1, 2]


def test_another_program_that_writes_is_seen(home: Path) -> None:
    """The version of the store changes for a program exactly when another one has written."""
    first, second = log_of(2)
    with enrolled(home) as one, Outbox(home) as other:
        before = other.version()
        assert other.version() == before
        one.append(first)
        assert other.version() != before
        before = other.version()
        other.append(second)
        assert other.version() == before


def test_only_one_program_syncs(home: Path) -> None:
    """A second sync of one phone is refused by name, and entries are saved meanwhile."""
    with enrolled(home) as one, Outbox(home) as other:
        with one.syncing():
            with pytest.raises(PhoneFault) as refused, other.syncing():
                pass
            other.append(log_of(1)[0])
        with other.syncing():
            pass
    assert refused.value.code == "phone_in_use"
    assert seqs(home) == [1]


def test_a_long_transaction_of_another_program_is_in_use(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that another program keeps locked is in use: nothing is said of damage, and nothing was saved."""
    monkeypatch.setattr(outboxes, "BUSY_SECONDS", 0.05)
    with enrolled(home) as outbox:
        blocker = sqlite3.connect(home / STORE_FILE, isolation_level=None)
        blocker.execute("begin immediate")
        with pytest.raises(PhoneFault) as refused:
            outbox.append(log_of(1)[0])
        blocker.execute("rollback")
        blocker.close()
    assert refused.value.code == "phone_in_use"
    assert seqs(home) == []


def test_the_files_are_the_owners_alone(home: Path) -> None:
    """Nobody but its owner can read the store, which holds the key, nor the files that SQLite puts beside it."""
    with enrolled(home) as outbox:
        outbox.append(log_of(1)[0])
        beside = sorted(home.iterdir())
        assert [path.name for path in beside] == [STORE_FILE, f"{STORE_FILE}-shm", f"{STORE_FILE}-wal"]
        assert {stat.S_IMODE(path.stat().st_mode) for path in beside} == {0o600}
        assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_every_commit_waits_for_the_disk(home: Path) -> None:
    """The store is in WAL with synchronous=FULL: saved means on disk."""
    with enrolled(home) as outbox:
        (mode,) = outbox._db.execute("pragma journal_mode").fetchone()
        (synchronous,) = outbox._db.execute("pragma synchronous").fetchone()
    assert (mode, synchronous) == ("wal", 2)


def test_a_copy_without_its_person_takes_nothing_away(home: Path) -> None:
    """What was pulled with its person keeps it when a copy without comes, and gets it when one with comes."""
    whole = log_of(1)[0]
    bare = wire.hold(whole.event_bytes, None)
    with enrolled(home) as outbox:
        for copies in ([bare], [whole], [bare]):
            outbox.take_page(TPS, Page(copies, [], [], "g-1", "", 1, False))
        assert outbox.held() == [whole]


# --- versions ----------------------------------------------------------------------------------------------------


def test_an_older_store_is_brought_up_with_all_that_it_holds(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of an earlier version gets the scripts that it lacks, in one transaction, and keeps its log."""
    with enrolled(home) as outbox:
        outbox.append(log_of(1)[0])
    monkeypatch.setattr(outboxes, "MIGRATIONS", [*outboxes.MIGRATIONS, "create table later (n integer); select 1"])
    with Outbox(home) as outbox:
        assert outbox._db.execute("select count(*) from later").fetchone() == (0,)
    assert seqs(home) == [1]


def test_a_migration_that_fails_leaves_the_older_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a migration is none: the store is still of its version, with all that it holds."""
    with enrolled(home) as outbox:
        outbox.append(log_of(1)[0])
    with monkeypatch.context() as later:
        later.setattr(outboxes, "MIGRATIONS", [*outboxes.MIGRATIONS, "create table later (n integer); create nonsense"])
        with pytest.raises(PhoneFault):
            Outbox(home)
    assert seqs(home) == [1]


def test_a_newer_store_is_refused_and_left_as_it_is(home: Path) -> None:
    """A store of a later version is not touched."""
    with enrolled(home) as outbox:
        outbox._db.execute("pragma user_version = 99")
    before = (home / STORE_FILE).read_bytes()
    with pytest.raises(PhoneFault) as refused:
        Outbox(home)
    assert refused.value.code == "phone_newer"
    assert (home / STORE_FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"not a database" * 100, "phone_damaged"),
        (None, "no_phone"),
    ],
)
def test_what_is_no_store_is_refused_by_name(home: Path, content: bytes | None, code: str) -> None:
    """A folder without a phone, and a file that is no store, are told apart."""
    if content is not None:
        home.mkdir()
        (home / STORE_FILE).write_bytes(content)
    with pytest.raises(PhoneFault) as refused:
        Outbox(home)
    assert refused.value.code == code


def test_another_programs_database_is_not_taken_over(home: Path) -> None:
    """An SQLite file of somebody else's is refused, and gets no tables."""
    home.mkdir()
    stranger = sqlite3.connect(home / STORE_FILE)
    stranger.execute("create table theirs (n)")
    stranger.commit()
    stranger.close()
    with pytest.raises(PhoneFault):
        Outbox(home)
    stranger = sqlite3.connect(home / STORE_FILE)
    assert stranger.execute("select name from sqlite_schema").fetchall() == [("theirs",)]
    stranger.close()


# --- power lost ----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def power() -> Iterator[None]:
    Dying.reset()
    yield
    Dying.reset()


def work(home: Path, acknowledged: list[int]) -> None:
    """A phone's morning: made, enrolled, four entries, a number for each voter."""
    with enrolled(home, Dying) as outbox:
        for one in log_of(4)[outbox.end(KEY.device)[0] :]:
            outbox.append(one)
            acknowledged.append(one.seq)
        outbox.number(one.voter for one in log_of(4))


def test_power_lost_before_any_statement_loses_nothing_acknowledged(memory_folder: Path) -> None:
    """Whichever statement is the last one, the store opens again with all that was acknowledged, and goes on."""
    work(memory_folder / "whole", [])
    statements = Dying.taken
    assert statements > 40
    for left in range(statements):
        home, acknowledged = memory_folder / f"{left}", []
        Dying.reset(left)
        with pytest.raises(PowerLost):
            work(home, acknowledged)
        Dying.reset()
        work(home, [])
        with Outbox(home) as outbox:
            assert outbox.own(KEY.device) == log_of(4)
            assert set(acknowledged) <= {one.seq for one in outbox.own(KEY.device)}
            assert sorted(outbox.numbers().values()) == [1, 2, 3, 4]
        shutil.rmtree(home)


def test_files_as_they_are_at_any_moment_hold_what_was_acknowledged(tmp_path: Path) -> None:
    """A copy of the files before any statement opens to a chained log that has every entry acknowledged by then."""
    home, copies, acknowledged = tmp_path / "phone", [], []

    def look() -> None:
        if (home / STORE_FILE).exists() and (home / STORE_FILE).stat().st_size > 0:
            copies.append((copy(home, tmp_path / f"copy{len(copies)}"), len(acknowledged)))

    Dying.reset(look=look)
    work(home, acknowledged)
    Dying.reset()
    assert len(copies) > 20
    for place, saved in copies:
        try:
            found = seqs(place)
        except PhoneFault as error:  # as yet without its tables
            assert saved == 0 and error.code == "phone_damaged"
            continue
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= saved


def copy(home: Path, to: Path) -> Path:
    to.mkdir()
    for path in home.iterdir():
        if not path.name.endswith("-shm"):  # it lives in memory, and is gone with the power
            shutil.copy(path, to / path.name)
    return to


def test_a_commit_that_is_torn_anywhere_is_whole_or_none(home: Path, tmp_path: Path) -> None:
    """Cut off in the middle of a commit, the write-ahead log gives the entries before it, and never half of one."""
    said = log_of(3)
    wal = home / f"{STORE_FILE}-wal"
    with enrolled(home) as outbox:
        outbox.append(said[0])
        outbox.append(said[1])
        before = wal.stat().st_size
        outbox.append(said[2])
        after = wal.stat().st_size
        torn = copy(home, tmp_path / "torn")
    whole = (torn / wal.name).read_bytes()
    assert before < after == len(whole)
    for cut in sorted({*range(before, after, 509), after - 1, after}):
        place = tmp_path / f"cut{cut}"
        place.mkdir()
        shutil.copy(torn / STORE_FILE, place / STORE_FILE)
        (place / wal.name).write_bytes(whole[:cut])
        assert seqs(place) == ([1, 2, 3] if cut == after else [1, 2])
        shutil.rmtree(place)


WRITER = """
    import sys
    from pathlib import Path
    from ecoklit.field.outbox import Outbox
    sys.path.insert(0, sys.argv[2])
    from test_outbox import enrolled, log_of
    with enrolled(Path(sys.argv[1])) as outbox:
        for one in log_of(400):
            outbox.append(one)
            print(one.seq, flush=True)
"""


@pytest.mark.parametrize("entries", [1, 7, 30])
def test_kill_9_loses_nothing_that_was_acknowledged(home: Path, entries: int) -> None:
    """A process that is killed while it saves leaves every entry that it had called saved."""
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(home), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(entries)]
    writer.kill()
    acknowledged += [int(line) for line in writer.stdout.read().splitlines()]
    writer.wait()
    found = seqs(home)
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= acknowledged[-1]


def test_a_full_disk_is_named_and_leaves_what_was_saved(home: Path) -> None:
    """An entry that does not fit on the disk is refused with what to do, and the ones before it are kept."""
    with enrolled(home) as outbox:
        outbox.append(log_of(1)[0])
        (pages,) = outbox._db.execute("pragma page_count").fetchone()
        outbox._db.execute(f"pragma max_page_count = {pages}")
        with pytest.raises(PhoneFault) as refused:
            for one in log_of(200)[1:]:
                outbox.append(one)
        saved = outbox.end(KEY.device)[0]
    assert refused.value.code == "phone_not_written"
    assert "make room" in refused.value.message
    assert seqs(home) == list(range(1, saved + 1))
