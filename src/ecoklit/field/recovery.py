"""A damaged store made whole again: what is sound or can be mended is kept, and the rest is named.

A bit that was flipped in a row is found by the table's tally, in an entry by the entry's own hash. What cannot be
mended comes again from the service, when it holds it; what only this phone had, and cannot be read, is lost, and is
said by its number. The damaged file stays beside the new one. The key must be sound: without it nothing of the log
could be sent any more.

A crash before the last rename leaves the damaged store as it was.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from ecoklit.core import ids, wire
from ecoklit.core.event import Malformed
from ecoklit.core.receipt import read_receipt
from ecoklit.core.registry_event import read_line
from ecoklit.core.signing import key_from_seed
from ecoklit.field import soundness
from ecoklit.field.outbox import STORE_FILE, Outbox
from ecoklit.field.soundness import Row
from ecoklit.field.trouble import PhoneFault

ASIDE: Final = "recovering"
BESIDE: Final = ("-wal", "-shm")
_HEAD: Final = ((0, 24), (44, 48), (56, 64), (68, 72))
"""Of the file's head what never changes: what it is, its pages, the versions, its text and its mark."""

_UNREADABLE: Final = (sqlite3.DatabaseError, UnicodeError)
"""What SQLite says of a damaged file may be no text itself."""

_TOLD: Final = ("pulled", "standing", "lost", "policy", "registry_known")
"""What the service told, and tells again when it is asked from the beginning."""

_BY_HASH: Final = ("own", "pulled")
"""What has its own hash in each row."""

Table = list[dict[str, soundness.Value]]


class Recovered(NamedTuple):
    """What became of a damaged store: the tables that were mended whole, those that the service tells again at the next
    sync, and the seqs of own entries that are not there: `coming` when the service holds them, `lost` when not."""

    kept: Path
    mended: list[str]
    again: list[str]
    entries: int
    coming: list[int]
    lost: list[int]


def recover(home: Path) -> Recovered | None:
    """Make the store in `home` whole; None when nothing is wrong with it. Raises PhoneFault when its key is gone."""
    if _is_sound(home):
        return None
    aside = home / ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    with Outbox(aside, make=True) as fresh:
        found, mended, again = _read(_readable(home, aside))
        device = _demand_key(found)
        kept = _keep(home)
        fresh.restore({table: [tuple(row.values()) for row in rows] for table, rows in found.items()})
        # What a key's own row says of it may be lost with it; receipts say the same.
        marks = [_int(row["held"]) for row in found["identity"] if row["device"] == device]
        held = max([*marks, *(one.receipt.seq for one in fresh.receipts(device))])
        have = {one.seq for one in fresh.own(device)}
    # From here on the new store is whole and on disk, and the damaged one is kept under another name.
    (aside / STORE_FILE).replace(home / STORE_FILE)
    shutil.rmtree(aside, ignore_errors=True)
    missing = [seq for seq in range(1, max(have, default=0) + 1) if seq not in have]
    missing += range(max(have, default=0) + 1, held + 1)
    coming = [seq for seq in missing if seq <= held]
    return Recovered(kept, mended, again, len(have), coming, [seq for seq in missing if seq > held])


def _is_sound(home: Path) -> bool:
    try:
        Outbox(home).close()
    except PhoneFault as fault:
        if fault.code in ("no_phone", "phone_in_use"):
            raise
        return False
    return True


def _keep(home: Path) -> Path:
    """The damaged file under another name; all that was in the files beside it is in it."""
    nth = 1
    while (kept := home / f"damaged-{nth}.sqlite").exists():
        nth += 1
    shutil.copy2(home / STORE_FILE, kept)
    for beside in BESIDE:
        # It is in the copy that was read. With a new store it would have no meaning, and SQLite would give it one.
        if (home / f"{STORE_FILE}{beside}").exists():
            (home / f"{STORE_FILE}{beside}").replace(home / f"{kept.name}{beside}")
    return kept


# --- a copy that can be read -----------------------------------------------------------------------------------------


def _readable(home: Path, aside: Path) -> Path:
    """A copy of the damaged file whose head and whose schema are those of a fresh store, which lies in `aside`.

    A bit in either would hide all tables, and neither says anything that is not known.
    """
    copy = aside / "copy.sqlite"
    for beside in ("", *BESIDE[:1]):
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(home / f"{STORE_FILE}{beside}", aside / f"{copy.name}{beside}")
    with copy.open("r+b") as damaged, (aside / STORE_FILE).open("rb") as fresh:
        for first, last in _HEAD:
            fresh.seek(first)
            damaged.seek(first)
            damaged.write(fresh.read(last - first))
    with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as db, contextlib.suppress(*_UNREADABLE):
        db.execute("pragma writable_schema = on")
        names = {str(name) for (name,) in db.execute("select name from sqlite_schema")}
        for name, sql in _statements(aside):
            if name not in names:
                db.execute("update sqlite_schema set name = ?, tbl_name = ? where sql = ?", (name, name, sql))
            db.execute("update sqlite_schema set sql = ?, type = 'table', tbl_name = name where name = ?", (sql, name))
    return copy


def _statements(aside: Path) -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(aside / STORE_FILE)) as db:
        return db.execute("select name, sql from sqlite_schema where type = 'table'").fetchall()


# --- what can be read ------------------------------------------------------------------------------------------------


def _read(file: Path) -> tuple[dict[str, Table], list[str], list[str]]:
    """Every table as far as it is sound or could be mended; those that were, and those that are to be told again."""
    found: dict[str, Table] = {}
    mended: list[str] = []
    again: list[str] = []
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("pragma writable_schema = on")  # what of the schema is still damaged hides its own table only
        db.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        told = {str(row[0]): row[1] for row in _rows(db, soundness.TALLY, ["name", "total"])}
        for table, names in _schema().items():
            rows = _rows(db, table, names)
            total = told.get(table)
            if isinstance(total, bytes) and soundness.total_of(table, rows) == total:
                found[table] = [dict(zip(names, row, strict=True)) for row in rows]
                continue
            whole = soundness.mended(table, rows, total) if isinstance(total, bytes) and table not in _BY_HASH else None
            if whole is not None:
                mended.append(table)
                found[table] = [dict(zip(names, row, strict=True)) for row in whole]
                continue
            found[table] = _sound(table, [dict(zip(names, row, strict=True)) for row in rows])
            if table in _BY_HASH and _total(table, found[table]) == total:
                mended.append(table)
            elif table in _TOLD:
                again.append(table)
    _begin_anew(found, again)
    return found, mended, again


def _total(table: str, rows: Table) -> bytes:
    return soundness.total_of(table, [tuple(row.values()) for row in rows])


def _schema() -> Mapping[str, list[str]]:
    """The tables and columns of a store, from a fresh one in memory: the damaged one may not know its own."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        Outbox.make_tables(db)
        return {table: soundness.columns(db, table) for table in soundness.tables(db)}


def _rows(db: sqlite3.Connection, table: str, names: Sequence[str]) -> list[Row]:
    """What can be read of a table, from both ends: one damaged page hides what lies behind it."""
    found: dict[Row, None] = {}
    first = names[0]
    for order in ("", f" order by {first} asc", f" order by {first} desc"):
        with contextlib.suppress(*_UNREADABLE):
            for row in db.execute(f"select {', '.join(names)} from {table}{order}"):
                found[tuple(row)] = None
            if not order:
                break  # it was read to its end
    return list(found)


# --- what is sound ---------------------------------------------------------------------------------------------------


def _sound(table: str, rows: Table) -> Table:
    """The rows of a damaged table that show by themselves that they are sound, or can be mended by themselves."""
    if table == "own":
        return _entries(rows)
    if table == "pulled":
        return [row for row in (_event(row) for row in rows) if row is not None]
    if table == "identity":
        return [row for row in (_identity(row) for row in rows) if row is not None]
    if table == "receipt":
        return [row for row in rows if _is_receipt(row["line"])]
    if table == "registry_line":
        return [row for row in rows if _is_line(row)]
    if table == "place":
        return [row for row in rows if ids.is_tps(str(row["tps"]))]
    return rows if table == "phone" else []


def _entries(rows: Table) -> Table:
    """Own entries, each by its own hash; where that is what was changed, by the next one's, which names it."""
    named: dict[tuple[object, int], bytes] = {}
    for row in rows:
        with contextlib.suppress(Malformed, ValueError, TypeError):
            held = wire.hold(_bytes(row["event"]), None)
            named[held.device, held.seq - 1] = ids.from_base64url(held.prev)
    found: dict[tuple[str, int], dict[str, soundness.Value]] = {}
    for row in rows:
        whole = _event(row) or _event({**row, "hash": named.get((row["device"], _seq(row)))})
        if whole is not None:
            found[str(whole["device"]), _seq(whole)] = whole
    return [found[dot] for dot in sorted(found)]


def _event(row: dict[str, soundness.Value]) -> dict[str, soundness.Value] | None:
    """The row with its event as the hash says that it was, its name from there, and its person if that is right."""
    wanted, event = row["hash"], row["event"]
    if not (isinstance(wanted, bytes) and isinstance(event, bytes)):
        return None
    right = soundness.one_bit_back(event, lambda data: ids.sha256(data) == wanted)
    if right is None:
        return None
    try:
        held = wire.hold(right, None)
    except Malformed:
        return None
    return {
        **row, "device": held.device, "seq": held.seq, "event": right, "person": _person(held, row.get("person")),
    }  # fmt: skip


def _person(held: wire.Held, person: soundness.Value) -> bytes | None:
    commitment = getattr(held.event, "person", None)
    if not (isinstance(person, bytes) and isinstance(commitment, str)):
        return None
    wanted = ids.from_base64url(commitment)
    return soundness.one_bit_back(person, lambda data: ids.sha256(data) == wanted)


def _identity(row: dict[str, soundness.Value]) -> dict[str, soundness.Value] | None:
    """A key whose seed gives the device's name; what is said of its log is asked of the service again."""
    seed, algorithm = row["seed"], str(row["algorithm"])
    if not isinstance(seed, bytes):
        return None

    def is_right(data: bytes) -> bool:
        with contextlib.suppress(Exception):
            return key_from_seed(algorithm, data).device == row["device"]
        return False

    right = soundness.one_bit_back(seed, is_right)
    return None if right is None else {**row, "seed": right, "held": 0, "introduced": 0, "stuck": "", "why": ""}


def _is_receipt(line: soundness.Value) -> bool:
    try:
        read_receipt(_bytes(line))
    except (Malformed, TypeError):
        return False
    return True


def _is_line(row: dict[str, soundness.Value]) -> bool:
    try:
        return read_line(_bytes(row["line"])).hash == row["hash"]
    except (Malformed, TypeError):
        return False


def _bytes(value: soundness.Value) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError
    return value


def _seq(row: Mapping[str, soundness.Value]) -> int:
    return _int(row["seq"])


def _int(value: soundness.Value) -> int:
    return value if isinstance(value, int) else 0


def _begin_anew(found: dict[str, Table], again: Iterable[str]) -> None:
    """Have everything told again when anything of it is missing."""
    if list(again):
        for row in found["place"]:
            row["cursor"] = ""


def _demand_key(found: Mapping[str, Table]) -> str:
    """The device that the phone writes as now. Raises PhoneFault when its key, or where it belongs, is gone."""
    identities = sorted(found["identity"], key=lambda row: _int(row["nth"]))
    if not identities or not found["phone"]:
        raise PhoneFault(
            "phone_damaged",
            "The key of this phone cannot be read any more, so nothing of it can be sent: move the folder away, keep "
            "it, and enrol this phone anew; what was sent is with the service.",
        )
    return str(identities[-1]["device"])
