"""Whether a phone's store is as it was written: a tally of each table, kept in the transaction that changes it.

SQLite has no checksums: a bit that the flash changed would be read as if somebody had said so. The tally of a table is
the xor of its rows' hashes, so that a changed row costs two hashes, however many there are. Triggers keep it; they are
the connection's own, so that whatever changes a row behind the program's back leaves the tally as it was, and shows.

A row that one flipped bit has changed is found again by its tally: of all rows that differ from it in one bit only the
right one has the hash that the tally lacks. Entries need no tally for that, since each commits to its own hash.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Final

TALLY_BYTES: Final = 16
TALLY: Final = "tally"
TRIALS_MAX: Final = 400_000
"""Hashes that are tried for one table: half a second."""

Value = int | str | bytes | None
Row = tuple[Value, ...]
_ZERO: Final = bytes(TALLY_BYTES)


def watch(db: sqlite3.Connection) -> None:
    """Let every change that this connection makes from now on go into the tallies; for a store that has them."""
    db.create_function("with_row", -1, _with_row, deterministic=True)
    db.execute("pragma temp_store = memory")  # the triggers are written anew each time
    db.execute("pragma recursive_triggers = on")  # or what a `replace` takes out would not be told
    for table in tables(db):
        names = columns(db, table)
        new, old = (", ".join(f"{when}.{name}" for name in names) for when in ("new", "old"))
        for kind, total in (
            ("insert", f"with_row(total, '{table}', {new})"),
            ("delete", f"with_row(total, '{table}', {old})"),
            ("update", f"with_row(with_row(total, '{table}', {old}), '{table}', {new})"),
        ):
            db.execute(
                f"create temp trigger tally_{table}_{kind} after {kind} on main.{table} begin"
                f" update {TALLY} set total = {total} where name = '{table}'; end"
            )


def seal(db: sqlite3.Connection) -> None:
    """Tally every table anew: after a migration, which changes what rows there are."""
    for table in tables(db):
        db.execute(f"insert or replace into {TALLY} values (?, ?)", (table, total_of(table, rows(db, table))))


def faults(db: sqlite3.Connection) -> list[str]:
    """The tables that are not as they were written, "" for the file itself; [] for a sound store."""
    found: list[str] = []
    db.execute("begin")
    try:
        # Of pages that no row is in nobody reads, and the tallies say more of the others.
        if db.execute("pragma quick_check(1)").fetchone() != ("ok",):
            found.append("")
        told = dict(db.execute(f"select name, total from {TALLY}").fetchall())
        for table in tables(db):
            if total_of(table, rows(db, table)) != told.pop(table, None):
                found.append(table)
        found += sorted(str(name) for name in told)
    except (sqlite3.DatabaseError, ValueError):
        found.append("")
    finally:
        if db.in_transaction:
            db.execute("rollback")
    return found


def tables(db: sqlite3.Connection) -> list[str]:
    found = db.execute("select name from main.sqlite_schema where type = 'table' and name not like 'sqlite%'")
    return sorted(name for (name,) in found if name != TALLY)


def columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in db.execute(f"pragma table_info({table})")]


def rows(db: sqlite3.Connection, table: str) -> Iterator[Row]:
    return iter(db.execute(f"select {', '.join(columns(db, table))} from {table}"))


def total_of(table: str, some: Iterable[Row]) -> bytes:
    """The tally of a table that holds these rows."""
    total = _ZERO
    for row in some:
        total = _xor(total, _hash(table, row))
    return total


# --- one bit back ----------------------------------------------------------------------------------------------------


def mended(table: str, some: Sequence[Row], total: bytes) -> list[Row] | None:
    """The rows as they were when they had this tally, if one bit of one of them was flipped since; else None."""
    has = total_of(table, some)
    if has == total:
        return list(some)
    trials = TRIALS_MAX
    for at, row in enumerate(some):
        wanted = _xor(_xor(total, has), _hash(table, row))
        for candidate in one_bit_from(row):
            trials -= 1
            if trials < 0:
                return None
            if _hash(table, candidate) == wanted:
                return [*some[:at], candidate, *some[at + 1 :]]
    return None


def one_bit_from(row: Row) -> Iterator[Row]:
    """Every row that differs from this one in one bit of one value."""
    for at, value in enumerate(row):
        for other in _one_bit_from(value):
            yield (*row[:at], other, *row[at + 1 :])


def _one_bit_from(value: Value) -> Iterator[Value]:
    if isinstance(value, int):
        yield from (value ^ 1 << bit for bit in range(48))
        yield from (1 - value,) if value in (0, 1) else ()
    elif isinstance(value, bytes):
        yield from flipped(value)
    elif isinstance(value, str):
        # A text that is none any more was read with what stands for lost bytes.
        for candidate in flipped(value.encode("utf-8", "surrogateescape")):
            try:
                yield candidate.decode("utf-8")
            except UnicodeDecodeError:
                continue


def flipped(data: bytes) -> Iterator[bytes]:
    """Every string of bytes that differs from `data` in one bit."""
    for at in range(len(data)):
        for bit in range(8):
            yield data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def one_bit_back(data: bytes, is_right: Callable[[bytes], bool]) -> bytes | None:
    """`data`, or what differs from it in one bit, whichever is right; None when neither is."""
    if is_right(data):
        return data
    return next((candidate for candidate in flipped(data) if is_right(candidate)), None)


# --- hashes ----------------------------------------------------------------------------------------------------------


def _with_row(total: bytes, *row: Value) -> bytes:
    return _xor(total, _digest(row))


def _hash(table: str, row: Row) -> bytes:
    return _digest((table, *row))


def _digest(row: Sequence[Value]) -> bytes:
    # What a value is, how long it is, and itself: two rows never give the same bytes.
    digest = blake2b(digest_size=TALLY_BYTES)
    for value in row:
        kind, data = _bytes_of(value)
        digest.update(b"%b%d:" % (kind, len(data)))
        digest.update(data)
    return digest.digest()


def _bytes_of(value: Value) -> tuple[bytes, bytes]:
    if value is None:
        return b"n", b""
    if isinstance(value, bytes):
        return b"b", value
    if isinstance(value, str):
        return b"t", value.encode("utf-8", "surrogateescape")
    return b"i", b"%d" % value


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(TALLY_BYTES, "big")
