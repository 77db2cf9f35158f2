"""The listing index in one SQLite file of the office device's folder, and the key beside it.

The file holds keyed marks only: without `listing.key` nothing in it can be matched with a person, except
the outbox, which holds whole events until the journal has them.
"""

import os
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ecoklit.core import ids, row_mark
from ecoklit.errors import EcoklitError
from ecoklit.ports import KnownRow, LogEnd, Position

KEY_FILE: Final = "listing.key"
INDEX_FILE: Final = "listing.sqlite"
SCHEMA_VERSION: Final = 1

_SCHEMA: Final = """
create table office (
    only integer primary key check (only = 1),
    key_mark blob not null,
    device text not null,
    seq integer not null,
    hash blob not null,
    events integer not null,
    persons integer not null
) strict;
create table known_row (
    row blob primary key,
    tps text not null,
    voter text not null,
    device text not null,
    seq integer not null,
    nik blob not null,
    fields blob not null
) strict, without rowid;
create index known_row_tps on known_row (tps);
create index known_row_nik on known_row (nik) where nik <> x'';
create table outbox (
    seq integer primary key,
    line blob not null
) strict;
"""
_KNOWN: Final = "row, tps, voter, device, seq, nik, fields"
_PARAMETERS_MAX: Final = 900
"""Values in one statement: below what every SQLite build takes (999)."""


class IndexFault(EcoklitError):
    """The office device's folder cannot be used as it is; what was in it stays as it was."""


def office_key(folder: Path) -> bytes:
    """The key of the marks, kept in `folder` for its owner alone; made at the first call.

    Raises IndexFault bad_key, or no_key when an index stands there without its key.
    """
    path = folder / KEY_FILE
    if not path.exists():
        if (folder / INDEX_FILE).exists():
            raise IndexFault(
                "no_key",
                f"{KEY_FILE} is missing in {folder}: put it back, or move {INDEX_FILE} away to learn it again.",
            )
        _write_aside(path, secrets.token_bytes(row_mark.KEY_BYTES))
    key = path.read_bytes()
    if len(key) != row_mark.KEY_BYTES:
        raise IndexFault("bad_key", f"{path} is not a key of {row_mark.KEY_BYTES} bytes: put the right one back.")
    return key


def _write_aside(path: Path, data: bytes) -> None:
    # Renamed when it is whole, so that a crash never leaves half a key under the name of one.
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, data)
        os.fsync(file)
    finally:
        os.close(file)
    aside.rename(path)


def _not_opened(path: Path, error: sqlite3.DatabaseError) -> IndexFault:
    if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
        return IndexFault("index_in_use", f"{path} is in use: wait until the other import has ended.")
    if isinstance(error, sqlite3.OperationalError):
        return IndexFault("no_index", f"{path} cannot be opened ({error}): check its folder, its rights and its disk.")
    return IndexFault("bad_index", f"{path} is damaged ({error}): move it away, it is learned from the journal again.")


class SqliteListingIndex:
    """A `ListingIndex` in `folder`, of one device and under one key. A context manager; closing it lets
    others in.
    """

    def __init__(self, folder: Path, device: str, key: bytes) -> None:
        """Raises IndexFault: index_in_use, no_index, bad_index, newer_index, other_key, other_device."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / INDEX_FILE
        try:
            self._db = sqlite3.connect(self._path, timeout=0, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise _not_opened(self._path, error) from error
        try:
            self._open(device, row_mark.key_mark(key))
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise _not_opened(self._path, error) from error
        except IndexFault:
            self._db.close()
            raise

    def _open(self, device: str, key_mark: bytes) -> None:
        # Two imports with one log would write two events with one name, so the lock is held while it is open.
        self._db.execute("pragma locking_mode = exclusive")
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")  # the outbox is durable before anything is pushed
        self._db.execute("pragma secure_delete = on")  # a released line holds a person, and is to be gone
        with self._transaction():
            (version,) = self._db.execute("pragma user_version").fetchone()
            if version == 0:
                self._create(device, key_mark)
            elif version > SCHEMA_VERSION:
                raise IndexFault("newer_index", f"{self._path} was written by a newer ecoklit: install that one.")
        self._demand_own(device, key_mark)

    def _create(self, device: str, key_mark: bytes) -> None:
        for statement in _SCHEMA.split(";"):
            self._db.execute(statement)
        self._db.execute("insert into office values (1, ?, ?, 0, ?, 0, 0)", (key_mark, device, ids.ZERO_HASH))
        self._db.execute(f"pragma user_version = {SCHEMA_VERSION}")

    def _demand_own(self, device: str, key_mark: bytes) -> None:
        held_key, held_device = self._db.execute("select key_mark, device from office").fetchone()
        if held_key != key_mark:
            raise IndexFault(
                "other_key", f"{self._path} was made with another {KEY_FILE}: put that one back, or move both away."
            )
        if held_device != device:
            raise IndexFault("other_device", f"{self._path} belongs to device {held_device}, not to {device}.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        except BaseException:
            # A full disk may have rolled it back already.
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._transaction():
                yield
        except sqlite3.OperationalError as error:
            raise IndexFault(
                "index_not_written",
                f"{self._path} could not be written ({error}): make room on the disk and import the list again; "
                "what was imported is kept.",
            ) from error

    # --- what it holds ---------------------------------------------------------------------------------

    def log_end(self) -> LogEnd:
        return LogEnd(*self._db.execute("select seq, hash from office").fetchone())

    def position(self) -> Position:
        return Position(*self._db.execute("select events, persons from office").fetchone())

    def known(self, tps: str) -> dict[bytes, KnownRow]:
        rows = self._db.execute(f"select {_KNOWN} from known_row where tps = ?", (tps,))
        return {row[0]: KnownRow(*row) for row in rows}

    def rows_by_tps(self, village: str) -> dict[str, int]:
        counted = "select tps, count(*) from known_row where tps glob ? group by tps order by tps"
        return dict(self._db.execute(counted, (f"{village}*",)).fetchall())

    def with_nik(self, niks: Sequence[bytes]) -> dict[bytes, list[KnownRow]]:
        found: defaultdict[bytes, list[KnownRow]] = defaultdict(list)
        for first in range(0, len(niks), _PARAMETERS_MAX):
            some = niks[first : first + _PARAMETERS_MAX]
            asked = ", ".join("?" * len(some))
            # `nik <> x''` lets SQLite use the partial index.
            rows = self._db.execute(
                f"select {_KNOWN} from known_row where nik <> x'' and nik in ({asked}) order by row", some
            )
            for row in rows:
                found[row[5]].append(KnownRow(*row))
        return dict(found)

    def waiting(self, limit: int) -> list[bytes]:
        return [line for (line,) in self._db.execute("select line from outbox order by seq limit ?", (limit,))]

    # --- what it is told -------------------------------------------------------------------------------

    def hold(self, rows: Sequence[KnownRow], lines: Sequence[bytes], end: LogEnd) -> None:
        first = end.seq - len(lines) + 1
        with self._writing():
            self._remember(rows)
            self._db.executemany("insert into outbox values (?, ?)", enumerate(lines, start=first))
            self._db.execute("update office set seq = ?, hash = ?", (end.seq, end.hash))

    def release(self, seq: int) -> None:
        with self._writing():
            self._db.execute("delete from outbox where seq <= ?", (seq,))

    def learn(self, rows: Sequence[KnownRow], end: LogEnd, position: Position) -> None:
        with self._writing():
            self._remember(rows)
            self._db.execute(
                "update office set seq = ?, hash = ?, events = ?, persons = ?",
                (end.seq, end.hash, position.events, position.persons),
            )

    def _remember(self, rows: Sequence[KnownRow]) -> None:
        self._db.executemany(
            "insert or replace into known_row values (?, ?, ?, ?, ?, ?, ?)",
            [(row.row, row.tps, row.voter, row.device, row.seq, row.nik, row.fields) for row in rows],
        )
