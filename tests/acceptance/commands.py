"""Commands as people give them, on a data folder, and the service that answers them.

`Folder.run` runs a command in this process, which spares each the second that a new interpreter takes to load. What a
process of its own has besides (its exit code, signals, a closed pipe, servers that must end with it) is for
`Folder.launch` and `Folder.begin`.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.cli.main import main
from ecoklit.testing.made_up_accounts import signed_in

ECOKLIT = Path(sys.executable).parent / "ecoklit"
PASSPHRASE = "lima kata yang tidak tertebak"
SECONDS_MAX = 180
"""How long a command may take on a machine that does much else; it takes one."""

Done = subprocess.CompletedProcess[str]


class Folder:
    """A data folder, and commands on it, in an environment that has no other setting."""

    def __init__(self, data: Path, **more: str) -> None:
        self.data = data
        self.more = more

    def environ(self, **more: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ECOKLIT_")}
        ours = {"ECOKLIT_DATA": str(self.data), "ECOKLIT_PORT": "0", "COLUMNS": "200"}
        return {**inherited, **ours, **self.more, **more}

    def run(self, *argv: str | Path, **more: str) -> Done:
        """A command in this process: what it ends with, and what it says."""
        words = [str(word) for word in argv]
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with (
            mock.patch.dict(os.environ, self.environ(**more), clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = main(words)
        said, complained = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
        return Done(words, int(code), said, complained)

    def launch(self, *argv: str | Path, **more: str) -> Done:
        """A command as a process of its own."""
        return subprocess.run(
            [ECOKLIT, *argv],
            env=self.environ(**more), capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
        )  # fmt: skip

    def begin(self, *argv: str | Path, **more: str) -> subprocess.Popen[bytes]:
        """A command as a process of its own that goes on meanwhile."""
        return begun([ECOKLIT, *argv], env=self.environ(**more))

    def said(self, command: str, *argv: str | Path, code: int = 0) -> list[dict[str, Any]]:
        """The objects that a command prints, run in this process."""
        done = self.run(*command.split(), *argv, "--json")
        assert done.returncode == code, f"{command} {argv}: {done.stdout}{done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    def init(self) -> dict[str, Any]:
        """Open an election in the folder, its recovery kit beside it: the ids of its keys."""
        passphrase = self.data.parent / "passphrase"
        passphrase.write_text(PASSPHRASE)
        return self.said("init", "--kit", self.data.parent, "--passphrase-file", passphrase)[0]

    @property
    def service_url(self) -> str:
        """Where the running service of this folder answers."""
        url: str = json.loads((self.data / "running.json").read_bytes())["service_url"]
        return url

    def servers(self) -> list[str]:
        """The command lines of the servers that work on the folder."""
        return processes_of(self.data / "nats", self.data / "postgres")


class Up:
    """A running `ecoklit up`: its process, and what it said when it was ready."""

    def __init__(self, process: subprocess.Popen[bytes], where: dict[str, str]) -> None:
        self.process = process
        self.where = where

    @property
    def url(self) -> str:
        return self.where["service_url"]

    @cached_property
    def signed_in(self) -> dict[str, str]:
        """The headers of somebody who has signed in, for the whole regency."""

        async def made() -> dict[str, str]:
            async with PostgresOfficeDesk(self.where["database_url"]) as desk:
                return (await signed_in(desk, self.where["regency"])).headers

        with ThreadPoolExecutor(1) as beside:  # a test may have a loop of its own
            return beside.submit(asyncio.run, made()).result()

    def get(self, path: str) -> Any:
        """What the service answers to somebody who has signed in."""
        request = urllib.request.Request(self.url + path, headers=self.signed_in)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(SECONDS_MAX)


def start(folder: Folder, **more: str) -> Up:
    """`ecoklit up` on the folder, once it is ready. What it logs is in up.log beside the folder."""
    said = folder.data.parent / "up.log"
    with said.open("ab") as log:
        process = begun([ECOKLIT, "up", "--json"], env=folder.environ(**more), stderr=log)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, said.read_text()
    return Up(process, json.loads(line))


def begun(args: Sequence[str | Path], **options: Any) -> subprocess.Popen[Any]:
    """A process that hears Ctrl-C, also where the tests themselves were started deaf to it, in a shell's background."""

    def hear() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(args, **{**pipes, **options}, preexec_fn=hear)


@contextmanager
def up(folder: Folder, **more: str) -> Iterator[Up]:
    """`ecoklit up` on the folder; whoever does not stop it sees it killed."""
    running = start(folder, **more)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


@contextmanager
def serving(folder: Folder, **more: str) -> Iterator[Up]:
    """`ecoklit up` on the folder while the block runs; it must then end as it should."""
    with up(folder, **more) as running:
        yield running
        assert running.stop() == 0


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """A folder for data folders. Not in pytest's own: another run closes that to PostgreSQL's account."""
    with tempfile.TemporaryDirectory(prefix="ecoklit-") as name:
        yield Path(name)


def wait_until(true: Callable[[], Any], what: str = "it came") -> Any:
    """What `true` finds, once it finds anything."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError(f"never: {what}")


def processes_of(*folders: Path) -> list[str]:
    """The command lines that name something in one of the folders."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if any(str(folder) in line for folder in folders):
                found.append(line)
    return found
