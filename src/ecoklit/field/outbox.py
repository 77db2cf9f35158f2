"""The phone's store: who it is, all that it said, all that it was told, and what a service proved to hold.

One SQLite file, WAL, `synchronous=FULL`: a call that returned is on disk. Every change is one transaction, so that
power lost anywhere leaves the state before it or the state after it:

    append    an entry is in the log, or it was never said; only what returned is shown as saved
    receipt   kept with the mark `held` that follows from it; a crash before it means that the push is sent again
    page      kept with its cursor; a crash before it means that the page is asked for again
    reissue   the new key and all that is said again under it, or neither

Two programs may have it open: an officer saves an entry while a sync waits for the network. SQLite lets one write at a
time, and whoever appends says which event it appends after. Syncing is for one at a time (`syncing`).

The key lies in the same file, which only its owner may read, since key and log must never part: a key with an older
log writes two events of one name. The file is not sealed by a PIN.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from ecoklit.core import ids, wire
from ecoklit.core.policy import Policy, parse_policy, write_policy
from ecoklit.core.receipt import SignedReceipt, read_receipt
from ecoklit.core.signing import Key, key_from_seed
from ecoklit.core.wire import Held
from ecoklit.field import soundness
from ecoklit.field.trouble import PhoneFault

STORE_FILE: Final = "phone.sqlite"
SYNC_LOCK_FILE: Final = "sync.lock"
APPLICATION_ID: Final = 0x65636F6B  # "ecok": SQLite keeps it in the file's head
BUSY_SECONDS: Final = 5.0
"""How long an entry waits for another program's transaction: each lasts milliseconds."""

MIGRATIONS: Final[list[str]] = [
    """
    create table phone (
        only integer primary key check (only = 1),
        election text not null, regency text not null, root text not null, service text not null,
        officer text not null, role text not null, policy text not null,
        device text not null, epoch integer not null
    ) strict;
    insert into phone values (1, '', '', '', '', '', '', '', '', 0);
    create table identity (
        nth integer primary key, device text not null unique, algorithm text not null, seed blob not null,
        held integer not null, introduced integer not null, stuck text not null, why text not null
    ) strict;
    create table own (
        device text not null, seq integer not null, hash blob not null, event blob not null, person blob,
        said_again integer not null,
        primary key (device, seq)
    ) strict, without rowid;
    create table pulled (
        hash blob primary key, device text not null, seq integer not null, event blob not null, person blob
    ) strict, without rowid;
    create index pulled_dot on pulled (device, seq);
    create table standing (
        teller text not null, device text not null, seq integer not null, name text not null, why text not null,
        primary key (teller, device, seq)
    ) strict, without rowid;
    create table receipt (
        device text not null, log text not null, epoch integer not null, seq integer not null, line blob not null,
        primary key (device, log, epoch, seq)
    ) strict, without rowid;
    create table registry_line (
        nth integer primary key, hash blob not null unique, device text not null, seq integer not null,
        line blob not null
    ) strict;
    create table place (
        tps text primary key, cursor text not null, digest text not null, position integer not null
    ) strict, without rowid;
    create table numbered (voter text primary key, number integer not null unique) strict, without rowid;
    create table lost (device text primary key, after integer not null) strict, without rowid;
    """,
    # In which epoch of the journal a pull brought the event last.
    "alter table pulled add column epoch integer not null default 0",
    # The broker and who is let in there; the registry as it is, line by line; a policy for each place, and as data.
    """
    alter table phone add column nats text not null default '';
    alter table identity add column jwt text not null default '';
    alter table place add column policy text not null default '';
    create table registry_known (position integer primary key, line blob not null) strict;
    create table policy (name text primary key, body blob not null) strict, without rowid
    """,
    # What each table came to when it was written (`soundness`).
    "create table tally (name text primary key, total blob not null) strict, without rowid",
]
"""One script for each version of the store; a version's script is never changed once it is out."""

FROM_FILE: Final = 0
"""In place of an epoch: no pull brought the event yet, so no service ever showed to hold it."""
GONE: Final = -1
"""In place of an epoch: a service that was restored no longer holds the event."""

FROM_RECEIPT: Final = "receipt"
FROM_PULL: Final = "pull"


class Identity(NamedTuple):
    """A key of this phone and what is known of its log: `held`, the seq up to which a receipt proved that the service
    holds it; `introduced`, whether the service showed that it knows the key; `stuck`, why the log is not taken."""

    key: Key
    held: int
    introduced: bool
    stuck: str
    why: str

    @property
    def device(self) -> str:
        return self.key.device


class About(NamedTuple):
    """Where the phone belongs; every field is empty until it is enrolled, `service` until it was told one."""

    election: str
    regency: str
    root: str
    service: str
    officer: str
    role: str
    policy: str
    device: str
    epoch: int


class Told(NamedTuple):
    """A standing that the service told: by a receipt (of own events) or by a pull (of any)."""

    device: str
    seq: int
    name: str
    why: str


class Place(NamedTuple):
    """A TPS that the phone works on: how far it was pulled, and the roll's digest and position as last told."""

    tps: str
    cursor: str
    digest: str
    position: int


class Page(NamedTuple):
    """What one answer to a pull brought; `more` says that the cursor is not at the end yet. `registry` is the registry
    position that it speaks of, and `policies` are those that were set for the TPS."""

    held: Sequence[Held]
    standings: Sequence[Told]
    lost: Sequence[tuple[str, int]]
    cursor: str
    digest: str
    position: int
    more: bool
    registry: int = 0
    policies: Sequence[Policy] = ()


class Outbox:
    """The store in the folder `home`. A context manager; closing it twice changes nothing.

    `connection` is sqlite3's class of connections: a test gives one that fails. Raises PhoneFault.
    """

    def __init__(
        self, home: Path, *, make: bool = False, connection: type[sqlite3.Connection] = sqlite3.Connection
    ) -> None:
        self.home = home
        self._path = home / STORE_FILE
        if make:
            self._make()
        elif not self._path.exists():
            raise PhoneFault("no_phone", f"No phone is in {home}: make one with 'ecoklit phone enrol'.")
        with self._named_faults("phone_damaged"):
            self._db = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, factory=connection, check_same_thread=False
            )
        try:
            with self._named_faults("phone_damaged"):
                self._open()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def _make(self) -> None:
        # For its owner alone from the first byte on: SQLite gives the files beside it the same rights.
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            _sync_folder(self.home)
        except OSError as error:
            raise PhoneFault(
                "phone_not_written", f"{self.home} cannot be written ({error.strerror}): name another folder by --home."
            ) from error

    def _open(self) -> None:
        self._demand_own()
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")  # saved means on disk
        self._db.execute("pragma secure_delete = on")
        if self._stored_version() < len(MIGRATIONS):
            with self._transaction():
                self._migrate()
        if found := soundness.faults(self._db):
            raise self._damaged(", ".join(table or "its pages" for table in found))
        soundness.watch(self._db)

    def _demand_own(self) -> None:
        version, (mark,) = self._stored_version(), self._db.execute("pragma application_id").fetchone()
        if version > len(MIGRATIONS):
            raise PhoneFault("phone_newer", f"{self._path} was written by a newer ecoklit: install that one.")
        is_empty = version == 0 and self._db.execute("select 1 from sqlite_schema").fetchone() is None
        if mark != APPLICATION_ID and not is_empty:
            raise PhoneFault("phone_damaged", f"{self._path} is no store of a phone: move it away, or name another.")

    def _migrate(self) -> None:
        self.make_tables(self._db, self._stored_version())  # again, now that nobody else can write
        self._db.execute(f"pragma application_id = {APPLICATION_ID}")
        self._db.execute(f"pragma user_version = {len(MIGRATIONS)}")
        soundness.seal(self._db)

    @staticmethod
    def make_tables(db: sqlite3.Connection, version: int = 0) -> None:
        """Make the tables of a store, or those that came after this version of it."""
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                db.execute(statement)

    def restore(self, tables: Mapping[str, Iterable[Sequence[object]]]) -> None:
        """Hold these rows and no others: what could be read of another store."""
        with self._writing():
            for table, rows in tables.items():
                self._db.execute(f"delete from {table}")
                marks = ", ".join("?" for _ in soundness.columns(self._db, table))
                self._db.executemany(f"insert or ignore into {table} values ({marks})", list(rows))

    def lacks_own(self, device: str) -> bool:
        """Whether entries of this log are not there that were: a recovery could not read them."""
        count, last = self._db.execute("select count(*), max(seq) from own where device = ?", (device,)).fetchone()
        identity = self.identity()
        return bool(count < max(last or 0, identity.held if identity is not None else 0))

    def fill_own(self, device: str) -> None:
        """Take the entries that are not there from what the service told of them."""
        with self._writing():
            self._db.execute(
                "insert or ignore into own select device, seq, hash, event, person, 0 from pulled"
                " where device = ? and epoch != ? and seq not in (select seq from own where device = ?)",
                (device, GONE, device),
            )

    def _stored_version(self) -> int:
        return int(self._db.execute("pragma user_version").fetchone()[0])

    # --- transactions --------------------------------------------------------------------------------------------

    @contextmanager
    def _named_faults(self, code: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._fault(code, error) from error
        except UnicodeDecodeError as error:  # of SQLite's own words, which quote what is damaged
            raise self._damaged("its schema") from error

    def _fault(self, code: str, error: sqlite3.DatabaseError) -> PhoneFault:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            return PhoneFault("phone_in_use", f"{self._path} is in use by another program: close it and try again.")
        if isinstance(error, sqlite3.OperationalError):
            return PhoneFault(
                "phone_not_written",
                f"{self._path} could not be written ({error}): make room on the disk, check its rights and try again; "
                "what was saved before is kept.",
            )
        return self._damaged(str(error))

    def _damaged(self, what: str) -> PhoneFault:
        return PhoneFault(
            "phone_damaged",
            f"{self._path} is damaged ({what}): run 'ecoklit phone recover', which keeps all that can be read and "
            "says what cannot; the next sync brings the rest.",
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:  # a full disk may have rolled it back already
                self._db.execute("rollback")
            raise

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._named_faults("phone_damaged"), self._transaction():
            yield

    @contextmanager
    def syncing(self) -> Iterator[None]:
        """Hold the right to sync, for one program at a time. Raises PhoneFault phone_in_use."""
        lock = os.open(self.home / SYNC_LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise PhoneFault("phone_in_use", "Another program is syncing this phone: let it finish.") from None
        try:
            yield
        finally:
            os.close(lock)

    # --- what it holds -------------------------------------------------------------------------------------------

    def version(self) -> int:
        """A number that changes when another connection has written."""
        return int(self._db.execute("pragma data_version").fetchone()[0])

    def about(self) -> About:
        row = self._db.execute(
            "select election, regency, root, service, officer, role, policy, device, epoch from phone"
        ).fetchone()
        return About(*row)

    def identity(self) -> Identity | None:
        """The key that the phone writes with now; None before its first one."""
        row = self._db.execute(
            "select algorithm, seed, held, introduced, stuck, why from identity order by nth desc limit 1"
        ).fetchone()
        return None if row is None else Identity(key_from_seed(row[0], row[1]), row[2], bool(row[3]), row[4], row[5])

    def devices(self) -> list[str]:
        """The ids of all keys that this phone ever had, oldest first."""
        return [device for (device,) in self._db.execute("select device from identity order by nth")]

    def end(self, device: str) -> tuple[int, bytes]:
        """(seq, hash) of the last event of the device's log; (0, zeros) for none."""
        row = self._db.execute("select seq, hash from own where device = ? order by seq desc limit 1", (device,))
        return row.fetchone() or (0, ids.ZERO_HASH)

    def own(self, device: str, *, after: int = 0, upto: int | None = None) -> list[Held]:
        """The device's log beyond seq `after`, in order, up to `upto`."""
        rows = self._db.execute(
            "select event, person from own where device = ? and seq > ? and seq <= ? order by seq",
            (device, after, upto if upto is not None else 2**53),
        )
        return [wire.hold(event, person) for event, person in rows]

    def said_again(self) -> set[tuple[str, int]]:
        """The dots of own events that were said again under a later key: kept, and no part of the roll."""
        return set(self._db.execute("select device, seq from own where said_again = 1"))

    def held(self) -> list[Held]:
        """Every event that the phone folds: its own but those said again, and what it was told and is not `gone`."""
        own = self._db.execute("select event, person from own where said_again = 0 order by device, seq").fetchall()
        told = self._db.execute("select event, person from pulled where epoch != ? order by hash", (GONE,)).fetchall()
        return [wire.hold(event, person) for event, person in (*own, *told)]

    def gone(self) -> list[Held]:
        """What was pulled once, and is lost to the service since it was restored: not folded, and not forgotten, since
        what the phone said names it."""
        rows = self._db.execute("select event, person from pulled where epoch = ? order by hash", (GONE,))
        return [wire.hold(event, person) for event, person in rows]

    def pulled_hashes(self, device: str) -> set[bytes]:
        """The hashes of the events of `device` that a service showed to hold."""
        rows = self._db.execute("select hash from pulled where device = ? and epoch != ?", (device, GONE))
        return {event_hash for (event_hash,) in rows}

    def standings(self, teller: str) -> list[Told]:
        rows = self._db.execute(
            "select device, seq, name, why from standing where teller = ? order by device, seq", (teller,)
        )
        return [Told(*row) for row in rows]

    def lost(self) -> dict[str, int]:
        return dict(self._db.execute("select device, after from lost order by device").fetchall())

    def receipts(self, device: str, log: str = "voters") -> list[SignedReceipt]:
        """The verified receipts of a log, by seq; of each seq the first that came, whatever the epoch."""
        rows = self._db.execute(
            "select line from receipt where device = ? and log = ? order by seq, epoch", (device, log)
        )
        found: dict[int, SignedReceipt] = {}
        for (line,) in rows:
            signed = read_receipt(line)
            found.setdefault(signed.receipt.seq, signed)
        return list(found.values())

    def latest_receipt(self, device: str, log: str = "voters") -> SignedReceipt | None:
        row = self._db.execute(
            "select line from receipt where device = ? and log = ? order by epoch desc, seq desc limit 1", (device, log)
        ).fetchone()
        return None if row is None else read_receipt(row[0])

    def is_unsent(self) -> bool:
        """Whether something was said that no receipt names yet."""
        identity = self.identity()
        if identity is None:
            return False
        reported = self.latest_receipt(identity.device, "registry")
        return self.end(identity.device)[0] > identity.held or self.registry_end(identity.device)[0] > (
            0 if reported is None else reported.receipt.seq
        )

    def registry(self) -> list[bytes]:
        """The registry lines that the phone was enrolled with, and its own, in the order in which they came."""
        return [line for (line,) in self._db.execute("select line from registry_line order by nth")]

    def registry_known(self) -> list[bytes]:
        """The registry as a service showed it: the line at position n is the nth. [] before the first sync."""
        return [line for (line,) in self._db.execute("select line from registry_known order by position")]

    def policy_at(self, tps: str) -> str:
        """The policy that is worked under at a TPS, as last learned; "" when nothing was."""
        row = self._db.execute("select policy from place where tps = ?", (tps,)).fetchone()
        return "" if row is None else str(row[0])

    def policies(self) -> dict[str, Policy]:
        """The policies that came with pulls, by name."""
        return {name: parse_policy(body) for name, body in self._db.execute("select name, body from policy")}

    def nats(self) -> str:
        """The broker that the phone syncs by, "" when it syncs over HTTP."""
        return str(self._db.execute("select nats from phone").fetchone()[0])

    def credentials(self, device: str) -> str:
        """The JWT that lets a key of the phone in at the broker; "" when none was fetched."""
        row = self._db.execute("select jwt from identity where device = ?", (device,)).fetchone()
        return "" if row is None else str(row[0])

    def registry_end(self, device: str) -> tuple[int, bytes]:
        """(seq, hash) of the device's last registry event; (0, zeros) for none."""
        row = self._db.execute(
            "select seq, hash from registry_line where device = ? order by seq desc limit 1", (device,)
        )
        return row.fetchone() or (0, ids.ZERO_HASH)

    def registry_own(self, device: str, after: int) -> list[bytes]:
        rows = self._db.execute(
            "select line from registry_line where device = ? and seq > ? order by seq", (device, after)
        )
        return [line for (line,) in rows]

    def places(self) -> list[Place]:
        return [Place(*row) for row in self._db.execute("select tps, cursor, digest, position from place order by tps")]

    def numbers(self) -> dict[str, int]:
        """voter → its number in the list: given once, and never to another."""
        return dict(self._db.execute("select voter, number from numbered order by number").fetchall())

    # --- what it is told -----------------------------------------------------------------------------------------

    def make_identity(self, key: Key) -> None:
        """The phone's first key."""
        with self._writing():
            self._insert_identity(key)

    def enrol(
        self, about: About, places: Iterable[str], registry: Iterable[RegistryLine], held: Iterable[Held]
    ) -> None:
        """Take an enrolment: where the phone belongs, its rights as lines, and the events that came with it."""
        with self._writing():
            self._db.execute(
                "update phone set election = ?, regency = ?, root = ?, service = ?, officer = ?, role = ?, policy = ?,"
                " device = ?",
                about[:8],
            )
            self._insert_places(places)
            self._insert_registry(registry)
            self._insert_pulled(held, FROM_FILE)
            self._db.execute(
                "update identity set introduced = 0, stuck = '', why = '' where device = ?", (about.device,)
            )

    def add_place(self, tps: str) -> None:
        """One more TPS to work on; it is pulled from its beginning."""
        with self._writing():
            self._insert_places([tps])

    def set_service(self, url: str) -> None:
        with self._writing():
            self._db.execute("update phone set service = ?", (url,))

    def set_nats(self, url: str) -> None:
        """From now on sync by this broker; "" is over HTTP."""
        with self._writing():
            self._db.execute("update phone set nats = ?", (url,))

    def set_credentials(self, device: str, jwt: str) -> None:
        with self._writing():
            self._db.execute("update identity set jwt = ? where device = ?", (jwt, device))

    def learn(
        self, lines: Sequence[bytes], *, after: int, about: About, places: Iterable[str], policies: Mapping[str, str]
    ) -> None:
        """Keep registry lines as those beyond position `after`, and what they say of this phone."""
        with self._writing():
            self._db.execute("delete from registry_known where position > ?", (after,))
            self._db.executemany("insert into registry_known values (?, ?)", list(enumerate(lines, start=after + 1)))
            self._db.execute("update phone set role = ?, policy = ?", (about.role, about.policy))
            self._insert_places(places)
            self._db.executemany("update place set policy = ? where tps = ?", [(p, tps) for tps, p in policies.items()])

    def erase(self, is_erased: Callable[[str], bool]) -> int:
        """Hold no person of these voters, neither of what was told nor of what was said here; how many that were.

        On return they are in none of the store's files.
        """
        erased = 0
        with self._writing():
            for table, key in (("own", "device = ? and seq = ?"), ("pulled", "hash = ?")):
                columns = "device, seq" if table == "own" else "hash"
                rows = self._db.execute(f"select {columns}, event from {table} where person is not null").fetchall()
                gone = [tuple(row[:-1]) for row in rows if is_erased(wire.hold(row[-1], None).voter)]
                self._db.executemany(f"update {table} set person = null where {key}", gone)
                erased += len(gone)
        if erased:
            with self._named_faults("phone_damaged"):
                self._db.execute("pragma wal_checkpoint(truncate)")
        return erased

    def append(self, held: Held) -> None:
        """The next event of the phone's log. Raises PhoneFault phone_in_use when another program was faster."""
        with self._writing():
            if self.end(held.device)[0] != held.seq - 1:
                raise PhoneFault("phone_in_use", "Another program has just saved an entry: try again.")
            self._insert_own([held])

    def append_registry(self, line: RegistryLine) -> None:
        """The next registry event of the phone's own."""
        with self._writing():
            if self.registry_end(line.device)[0] != line.seq - 1:
                raise PhoneFault("phone_in_use", "Another program has just made a report: try again.")
            self._insert_registry([line])

    def number(self, voters: Iterable[str]) -> None:
        """Give each of these voters the next number, unless it has one."""
        with self._writing():
            (last,) = self._db.execute("select coalesce(max(number), 0) from numbered").fetchone()
            known = self.numbers()
            fresh = [voter for voter in voters if voter not in known]
            self._db.executemany("insert into numbered values (?, ?)", zip(fresh, range(last + 1, 2**31), strict=False))

    def take_receipt(self, signed: SignedReceipt) -> None:
        """A receipt that was verified: what it proves is held, and the standings that it tells."""
        receipt = signed.receipt
        with self._writing():
            self._db.execute(
                "insert or ignore into receipt values (?, ?, ?, ?, ?)",
                (receipt.device, receipt.log, receipt.epoch, receipt.seq, signed.line),
            )
            self._begin_epoch(receipt.epoch)
            if receipt.log == "voters":
                self._db.execute(
                    "update identity set held = ?, introduced = 1, stuck = '', why = '' where device = ?",
                    (receipt.seq, receipt.device),
                )
                told = [
                    Told(receipt.device, one.seq, one.standing, one.why if isinstance(one.why, str) else "")
                    for one in receipt.standings
                ]
                self._db.execute("delete from standing where teller = ? and device = ?", (FROM_RECEIPT, receipt.device))
                self._insert_standings(FROM_RECEIPT, told)

    def settle_epoch(self) -> None:
        """Every TPS was pulled to its end in this epoch: what earlier ones brought and this one did not is gone."""
        with self._writing():
            self._db.execute(
                "update pulled set epoch = ? where epoch > ? and epoch < ?", (GONE, FROM_FILE, self.about().epoch)
            )

    def introduce(self, device: str, epoch: int) -> None:
        """The service, in this epoch of its journal, showed that it knows the device."""
        with self._writing():
            self._begin_epoch(epoch)
            self._db.execute("update identity set introduced = 1, stuck = '', why = '' where device = ?", (device,))

    def forget_introduction(self, device: str) -> None:
        """The service does not know the device: the enrolment is to go along again."""
        with self._writing():
            self._db.execute("update identity set introduced = 0 where device = ?", (device,))

    def withdraw(self, device: str, held: int) -> None:
        """The service holds the device's log only up to `held`: the rest is to be sent again."""
        with self._writing():
            self._db.execute("update identity set held = min(held, ?) where device = ?", (held, device))

    def set_stuck(self, device: str, code: str, why: str) -> None:
        with self._writing():
            self._db.execute("update identity set stuck = ?, why = ? where device = ?", (code, why, device))

    def take_page(self, tps: str, page: Page) -> None:
        """A page of a pull, and its cursor."""
        with self._writing():
            self._insert_pulled(page.held, self.about().epoch)
            self._db.executemany(
                "delete from standing where teller = ? and device = ? and seq = ?",
                [(FROM_PULL, *dot) for dot in _dots(page)],
            )
            self._insert_standings(FROM_PULL, [one for one in page.standings if one.name != "counted"])
            self._db.executemany("insert or replace into lost values (?, ?)", page.lost)
            # A published policy is never changed (SPEC §2.6): the first copy stays.
            self._db.executemany(
                "insert or ignore into policy values (?, ?)", [(one.name, write_policy(one)) for one in page.policies]
            )
            self._db.execute(
                "update place set cursor = ?, digest = ?, position = ? where tps = ?",
                (page.cursor, page.digest, page.position, tps),
            )

    def reissue(self, key: Key, held: Sequence[Held], again: Iterable[tuple[str, int]]) -> None:
        """A new key and its log, which says again what the dots `again` said."""
        with self._writing():
            self._insert_identity(key)
            self._insert_own(held)
            self._db.executemany("update own set said_again = 1 where device = ? and seq = ?", list(again))

    # --- rows ----------------------------------------------------------------------------------------------------

    def _begin_epoch(self, epoch: int) -> None:
        """In a new one the journal was restored: all is pulled anew, each TPS from its beginning."""
        if epoch > self.about().epoch:
            self._db.execute("update phone set epoch = ?", (epoch,))
            self._db.execute("delete from registry_known")
            self._db.execute("update place set cursor = ''")

    def _insert_identity(self, key: Key) -> None:
        self._db.execute(
            "insert into identity (device, algorithm, seed, held, introduced, stuck, why)"
            " values (?, ?, ?, 0, 0, '', '')",
            (key.device, key.algorithm, key.seed),
        )
        self._db.execute("update phone set device = ?", (key.device,))

    def _insert_places(self, places: Iterable[str]) -> None:
        self._db.executemany(
            "insert or ignore into place (tps, cursor, digest, position) values (?, '', '', 0)",
            [(tps,) for tps in places],
        )

    def _insert_own(self, held: Iterable[Held]) -> None:
        self._db.executemany(
            "insert into own values (?, ?, ?, ?, ?, 0)",
            [(one.device, one.seq, one.hash, one.event_bytes, one.person_bytes) for one in held],
        )

    def _insert_pulled(self, held: Iterable[Held], epoch: int) -> None:
        # A copy without its person never takes the place of one that has it.
        self._db.executemany(
            "insert into pulled values (?, ?, ?, ?, ?, ?) on conflict (hash) do update"
            " set person = coalesce(excluded.person, person), epoch = max(excluded.epoch, epoch)",
            [(one.hash, one.device, one.seq, one.event_bytes, one.person_bytes, epoch) for one in held],
        )

    def _insert_standings(self, teller: str, told: Iterable[Told]) -> None:
        self._db.executemany("insert or replace into standing values (?, ?, ?, ?, ?)", [(teller, *one) for one in told])

    def _insert_registry(self, lines: Iterable[RegistryLine]) -> None:
        self._db.executemany(
            "insert or ignore into registry_line (hash, device, seq, line) values (?, ?, ?, ?)", list(lines)
        )


class RegistryLine(NamedTuple):
    """A registry line as stored."""

    hash: bytes
    device: str
    seq: int
    line: bytes


def _dots(page: Page) -> list[tuple[str, int]]:
    # What comes again without a standing counts by now, as far as the registry goes.
    return [one.dot for one in page.held] + [(one.device, one.seq) for one in page.standings]


def _sync_folder(folder: Path) -> None:
    # The name of a new file is in its folder, which has to reach the disk too.
    for place in (folder, folder.parent):
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
