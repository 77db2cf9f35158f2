"""An office's registry in its data folder: what the registry held when last seen, and what was signed here since.

What this office signs is on disk before anybody is shown it, because a chain cannot be said twice: two events of one
name would cost the office its key. So signing works without a network, and what was signed goes out with the next sync.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from ecoklit.core.registry_event import SignedRegistry, read_line
from ecoklit.errors import EcoklitError

FILE: Final = "registry.sqlite"
LAYOUT: Final = 1


class OfficeFault(EcoklitError):
    """The office's registry cannot be used as it is; nothing in it was changed.

    Codes: office_in_use, no_office, office_exists, office_newer, office_damaged, out_of_step.
    """


class OfficeRegistry:
    """A context manager; while it is open, no other program signs for this office."""

    root: str
    """The device id of the root key, from which all rights come down."""

    def __init__(self, folder: Path) -> None:
        """The registry in `folder`. Raises OfficeFault."""
        self._path = folder / FILE
        if not self._path.exists():
            raise _no_office(folder)
        self._db = _connect(self._path)
        found = self._db.execute("select root from about").fetchone()
        if found is None:  # a program that was killed before it had made anything
            self._db.close()
            raise _no_office(folder)
        self.root = found[0]

    @classmethod
    def make(cls, folder: Path, root: str, lines: Sequence[SignedRegistry] = ()) -> OfficeRegistry:
        """A new registry in `folder` that holds `lines`, signed here; durable on return, whole or not at all.

        Raises OfficeFault office_exists.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / FILE
        path.touch(mode=0o600)
        db = _connect(path)
        with closing(db), _transaction(db, path):
            if db.execute("select root from about").fetchone() is not None:
                raise OfficeFault(
                    "office_exists", f"{folder} holds an office already: nothing was made; use another ECOKLIT_DATA."
                )
            db.execute("insert into about values (?)", (root,))
            for line in lines:
                _keep(db, line)
        return cls(folder)

    def __enter__(self) -> OfficeRegistry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    @property
    def position(self) -> int:
        """The registry position up to which everything is known; 0 before the first sync."""
        return int(self._db.execute("select coalesce(max(position), 0) from known").fetchone()[0])

    def known(self) -> list[tuple[int, bytes]]:
        """What the registry held when last seen: (position, line), in order."""
        return self._db.execute("select position, line from known order by position").fetchall()

    def unsent(self) -> list[bytes]:
        """The lines signed here that the registry was not seen to hold, in the order in which they were signed."""
        return [line for (line,) in self._db.execute("select line from own order by rowid")]

    def learn(self, lines: Iterable[tuple[int, bytes]]) -> None:
        """Keep what the registry holds: (position, line), each position above all known ones.

        Raises OfficeFault out_of_step when it holds another event than the one signed here under its name.
        """
        with _transaction(self._db, self._path):
            for position, line in lines:
                self._learn(position, read_line(line))

    def _learn(self, position: int, line: SignedRegistry) -> None:
        name = (line.device, line.seq)
        mine = self._db.execute("select line from own where device = ? and seq = ?", name).fetchone()
        if mine is not None and read_line(mine[0]).hash != line.hash:
            raise OfficeFault(
                "out_of_step",
                f"The registry holds another event {line.device}:{line.seq} than this office signed: its key was used "
                "elsewhere, so revoke it and enrol this office anew.",
            )
        self._db.execute("insert into known values (?, ?)", (position, line.line))
        self._db.execute("delete from own where device = ? and seq = ?", name)

    def relearn(self, lines: Iterable[tuple[int, bytes]], signers: Collection[str] = ()) -> None:
        """Take `lines` for all that the registry holds, as after it was restored from an older copy.

        What it lost waits here to be sent again: every line is signed by itself, so anyone may bring it. Of a log that
        went on otherwise there since, as a service's does, the rest is given up; that of one of `signers`, who sign
        here, is OfficeFault out_of_step.
        """
        lines = list(lines)
        with _transaction(self._db, self._path):
            before = _without_forks(self.known(), lines, signers)
            self._db.execute("delete from known")
            self._db.execute("create temporary table waiting as select * from own order by rowid")
            self._db.execute("delete from own")
            for _, line in before:
                _keep(self._db, read_line(line))
            self._db.execute("insert or ignore into own select * from waiting order by rowid")
            self._db.execute("drop table waiting")
            for position, line in lines:
                self._learn(position, read_line(line))

    def say(self, lines: Sequence[SignedRegistry]) -> None:
        """Keep what was signed here; durable on return, all of it or nothing."""
        with _transaction(self._db, self._path):
            for line in lines:
                _keep(self._db, line)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        with _transaction(db, path, "pragma locking_mode = exclusive", "pragma journal_mode = wal"):
            (layout,) = db.execute("pragma user_version").fetchone()
            if layout > LAYOUT:
                raise OfficeFault("office_newer", f"{path} was written by a newer ecoklit: use that one.")
            if layout == 0:
                db.execute("create table about (root text)")
                db.execute("create table known (position integer primary key, line blob not null)")
                db.execute("create table own (device text, seq integer, line blob, primary key (device, seq))")
                db.execute(f"pragma user_version = {LAYOUT}")
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def _transaction(db: sqlite3.Connection, path: Path, *first: str) -> Iterator[None]:
    try:
        for statement in (*first, "pragma synchronous = full", "begin immediate"):
            db.execute(statement)
        yield
        db.execute("commit")
    except BaseException as error:
        if db.in_transaction:
            db.execute("rollback")
        if isinstance(error, sqlite3.DatabaseError):
            raise _fault(path, error) from error
        raise


def _without_forks(
    known: Iterable[tuple[int, bytes]], lines: Iterable[tuple[int, bytes]], signers: Collection[str]
) -> list[tuple[int, bytes]]:
    """`known` without what follows, in the log of each device but `signers`, from where `lines` hold another event."""
    held = {(line.device, line.seq): line.hash for line in (read_line(line) for _, line in lines)}
    forked: set[str] = set()
    kept = []
    for position, line_bytes in known:
        line = read_line(line_bytes)
        if line.device not in signers and held.get((line.device, line.seq), line.hash) != line.hash:
            forked.add(line.device)
        if line.device not in forked:
            kept.append((position, line_bytes))
    return kept


def _keep(db: sqlite3.Connection, line: SignedRegistry) -> None:
    db.execute("insert into own values (?, ?, ?)", (line.device, line.seq, line.line))


def _no_office(folder: Path) -> OfficeFault:
    return OfficeFault(
        "no_office",
        f"No office is in {folder}: make the election with 'ecoklit init', or join one with 'ecoklit join'.",
    )


def _fault(path: Path, error: sqlite3.DatabaseError) -> OfficeFault:
    if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
        return OfficeFault("office_in_use", f"{path} is in use: wait until the other command has ended.")
    if isinstance(error, sqlite3.OperationalError):
        return OfficeFault("office_damaged", f"{path} cannot be used ({error}): check its folder, rights and disk.")
    return OfficeFault("office_damaged", f"{path} is damaged ({error}): restore the office from its recovery kit.")
