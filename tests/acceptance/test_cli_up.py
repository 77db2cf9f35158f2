"""`ecoklit up` and the commands around it, as people use them: processes, a data folder, and things that go wrong."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ecoklit.adapters.data_folder import key_folder, remember_root, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.office_registry import OfficeRegistry
from ecoklit.contract import data_path
from ecoklit.core import ids
from ecoklit.core.codebook import parse_codebook
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.testing import mimika
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push

ECOKLIT = Path(sys.executable).parent / "ecoklit"
ELECTION, REGENCY = "pilkada-2024", "9404"
TPS = "9404022001001"
VILLAGE = "9404022001"
AT = "2024-06-25T09:00:00+09:00"
START_SECONDS_MAX = 120


class Up:
    """A running `ecoklit up`: its process, and what it said when it was ready."""

    def __init__(self, process: subprocess.Popen[bytes], where: dict[str, str]) -> None:
        self.process = process
        self.where = where

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder that does not exist yet. Not in pytest's own: another run closes that to PostgreSQL's account."""
    with tempfile.TemporaryDirectory(prefix="ecoklit-") as folder:
        yield Path(folder) / "data"


@pytest.fixture
def run(data: Path) -> Run:
    """Runs a command on the data folder, in an environment that has no other setting."""

    def ecoklit(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ECOKLIT, *arguments],
            env=environment(data, **environ),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return ecoklit


def environment(data: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ECOKLIT_")}
    return {**inherited, "ECOKLIT_DATA": str(data), "ECOKLIT_PORT": "0", **more}


@contextmanager
def up(data: Path, **environ: str) -> Iterator[Up]:
    with (data.parent / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [ECOKLIT, "up", "--json"], env=environment(data, **environ), stdout=subprocess.PIPE, stderr=log
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (data.parent / "up.log").read_text()
        yield Up(process, json.loads(line))
    finally:
        process.kill()
        process.wait()


def wait_until(true: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.1)
    raise AssertionError(what)


def get(running: Up, path: str) -> Any:
    with urllib.request.urlopen(running.where["service_url"] + path, timeout=30) as answer:
        return json.loads(answer.read())


def shown(running: Up, events: int) -> bool:
    ready = get(running, "/health/ready")
    return bool(ready["lag_events"] == 0 and get(running, f"/v1/recap/{VILLAGE}")["as_of"]["events"] == events)


def listing_of_one_village(folder: Path) -> tuple[Path, int]:
    book = parse_codebook(data_path("events", "codebooks", "2024.json").read_bytes())
    rows = list(mimika.model_a_rows(VILLAGE, book))
    file = folder / mimika.file_name(VILLAGE, ".xlsx")
    mimika.write_workbook(file, rows)
    return file, len(rows)


def open_election(data: Path) -> None:
    """What `ecoklit init` leaves in the data folder, with made-up keys, and some more offices enrolled."""
    made_up = MadeUpElection(ELECTION, REGENCY)
    office = made_up.device("kpu")
    for name in "abk":
        made_up.device(name, officer="o")
    folder = key_folder(data, ELECTION, REGENCY)
    save_key(folder, "service", made_up.service)
    save_key(folder, "office", office)
    remember_root(folder, made_up.root.device)
    OfficeRegistry.make(data / "office" / f"{ELECTION}-{REGENCY}", made_up.root.device, made_up.lines).close()


def pushes_of(count: int, name: str, size: int = 1000) -> list[bytes]:
    """The signed pushes of an office that lists `count` voters."""
    log = DeviceLog(ELECTION, made_up_device(1, name), officer="o", role="kpu", policy="2024-1")
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
    held = [log.append("listed", tps=TPS, at=AT, source="dp4", person=person) for _ in range(count)]
    return [signed_push(held[first : first + size]) for first in range(0, count, size)]


def office_file(folder: Path, count: int, name: str = "k") -> Path:
    """A file of them, the last push first."""
    file = folder / f"{name}.ndjson"
    file.write_bytes(b"".join(reversed(pushes_of(count, name, 2))))
    return file


def test_a_list_and_a_push_become_the_roll_and_survive_a_restart(data: Path, run: Run, tmp_path: Path) -> None:
    """What is imported and pushed is on the roll, the same after a clean stop, a kill and a rebuild."""
    file, rows = listing_of_one_village(tmp_path)
    open_election(data)
    with up(data) as running:
        imported = run("import", "--json", file)
        assert imported.returncode == 0, imported.stderr
        assert json.loads(imported.stdout.splitlines()[-1])["outcomes"]["listed"] == rows
        pushed = run("push", office_file(tmp_path, 5))
        assert (pushed.returncode, pushed.stderr) == (0, "")
        wait_until(lambda: shown(running, rows + 5), "the roll shows all")
        roll = json.loads(run("roll", "--json", TPS).stdout)
        assert len(roll["voters"]) == rows + 5
        assert running.stop() == 0
    assert not (data / "running.json").exists()

    with up(data) as running:
        again = run("import", "--json", file)
        assert json.loads(again.stdout.splitlines()[-1])["outcomes"] == {
            "listed": 0, "changed": 0, "unchanged": rows, "refused": 0,
        }  # fmt: skip
        assert json.loads(run("roll", "--json", TPS).stdout) == roll
        recap = json.loads(run("recap", "--json", "94.04").stdout)["rows"]
        assert [(row["listed"], row["on_list"]) for row in recap] == [(rows + 5, rows + 5)]
        history = run("history", "--json", roll["voters"][0]["voter"])
        assert [json.loads(line)["standing"] for line in history.stdout.splitlines()] == ["counted"]
        running.process.kill()
        running.process.wait()

    rebuilt = run("rebuild", "--json")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert json.loads(rebuilt.stdout) == {
        "positions": {"9404": {"events": rows + 5, "persons": rows + 5}},
        "compared": True, "swapped": True, "differences": [],
    }  # fmt: skip
    with up(data) as running:
        assert json.loads(run("roll", "--json", TPS).stdout) == roll
        assert running.where["websocket_url"].startswith("ws://127.0.0.1:")
        assert Path(running.where["nats_creds"]).stat().st_mode & 0o777 == 0o600
        assert running.stop(signal.SIGTERM) == 0


def test_what_a_push_may_meet(data: Path, run: Run, tmp_path: Path) -> None:
    """Refused logs and lines that nobody signed are named, exit 1, and the others are held."""
    open_election(data)
    with up(data):
        good, other = office_file(tmp_path, 3, "a"), office_file(tmp_path, 4, "b")
        torn = tmp_path / "torn.ndjson"
        torn.write_bytes(good.read_bytes() + pushes_of(4, "b", 2)[1] + b"garbage")
        pushed = run("push", "--json", torn)
        assert pushed.returncode == 1
        answers = [json.loads(line) for line in pushed.stdout.splitlines()]
        assert sorted(str(answer["refusal"]) for answer in answers) == ["None", "gap", "unsigned"]
        assert [answer["line"] for answer in answers if answer["refusal"] == "unsigned"] == [9]
        whole = run("push", good)
        assert whole.returncode == 0
        assert run("push", other).returncode == 0
        second = run("up")
        assert (second.returncode, second.stderr.count("\n")) == (4, 1)
        assert second.stderr.startswith("ecoklit: data_in_use: ")


def test_an_import_that_is_stopped_goes_on_where_it_was(data: Path, run: Run, tmp_path: Path) -> None:
    """Ctrl-C in the middle of an import loses no row and doubles none: importing again lists the rest."""
    book = parse_codebook(data_path("events", "codebooks", "2024.json").read_bytes())
    large = max(mimika.villages(), key=lambda village: len(mimika.tps_codes(village.code))).code
    rows = list(mimika.model_a_rows(large, book))
    file = tmp_path / mimika.file_name(large, ".csv")
    mimika.write_rows(file, rows)
    open_election(data)
    with up(data) as running:
        command = [ECOKLIT, "import", "--json", file]
        process = subprocess.Popen(command, env=environment(data), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline()  # the first thousand are in the journal
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
        assert process.returncode == 130, (process.returncode, said)
        assert b"Traceback" not in said
        assert b'"village"' not in out
        again = json.loads(run("import", "--json", file).stdout.splitlines()[-1])
        assert again["outcomes"]["listed"] + again["outcomes"]["unchanged"] == len(rows)
        assert again["outcomes"]["unchanged"] >= 1000
        wait_until(lambda: get(running, "/health/ready")["lag_events"] == 0, "the roll shows all")
        recap = json.loads(run("recap", "--json", "94.04").stdout)["rows"]
        assert sum(row["listed"] for row in recap) == len(rows)


# --- what goes wrong -------------------------------------------------------------------------------------------------


def assert_sentence(done: subprocess.CompletedProcess[str], code: int, name: str) -> None:
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith(f"ecoklit: {name}: "), done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("import", "9404012001.csv"), ("push", "p.ndjson"), ("project",), ("rebuild",), ("roll", TPS)]
)
def test_without_a_service_every_command_says_how_to_start_one(
    data: Path, run: Run, tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing runs and nothing is set, the error says what to set or start, and no folder is made."""
    monkeypatch.chdir(tmp_path)
    for name in ("9404012001.csv", "p.ndjson"):
        (tmp_path / name).touch()
    assert_sentence(run(*arguments), 2, "bad_setting")
    assert not data.exists()


def test_a_broker_or_database_that_is_down_is_named(data: Path, run: Run, tmp_path: Path) -> None:
    """`serve` with a broker, a database or a service that does not answer ends with code 3 and one sentence."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        port = nobody.getsockname()[1]
        down = {
            "ECOKLIT_NATS_URL": f"nats://127.0.0.1:{port}",
            "ECOKLIT_NATS_MONITOR_URL": f"http://127.0.0.1:{port}",
            "ECOKLIT_DATABASE_URL": f"postgresql://ecoklit@127.0.0.1:{port}/ecoklit",
            "ECOKLIT_SERVICE_URL": f"http://127.0.0.1:{port}",
        }
        assert_sentence(run("serve", **down), 3, "journal_unavailable")
        assert_sentence(run("roll", TPS, **down), 3, "database_unavailable")
        assert_sentence(run("push", office_file(tmp_path, 1), **down), 3, "service_unavailable")


async def test_a_broker_that_does_not_fsync_is_refused(data: Path, run: Run, tmp_path: Path) -> None:
    """A broker that acknowledges before its disk has it is refused with code 4, and taken with --allow-unsafe."""
    async with await EmbeddedNats.start(tmp_path / "nats", sync_always=False) as server:
        found = {"ECOKLIT_NATS_URL": server.url, "ECOKLIT_NATS_MONITOR_URL": server.monitor_url}
        file = office_file(tmp_path, 2)
        open_election(data)
        refused = await asyncio.to_thread(run, "push", file, **found)
        assert_sentence(refused, 4, "journal_unsafe")
        assert "sync_interval" in refused.stderr
        taken = await asyncio.to_thread(run, "push", "--allow-unsafe", file, **found)
        assert (taken.returncode, taken.stderr) == (0, "")


def test_a_port_in_use_is_named_before_anything_is_served(data: Path, run: Run) -> None:
    """`up` on a port that another program has ends with code 4, and stops what it had started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("up", ECOKLIT_PORT=str(taken.getsockname()[1]))
    assert_sentence(done, 4, "port_in_use")
    assert not servers_of(data)


@pytest.mark.parametrize(
    ("version", "name"),
    [("2", "data_newer"), ("0", "data_older"), ("mawar", "data_unreadable"), ("", "data_unreadable")],
)
def test_a_data_folder_of_another_version_is_left_as_it_is(data: Path, run: Run, version: str, name: str) -> None:
    """A folder that a newer, an older or no ecoklit wrote is refused by name, and nothing in it is changed."""
    data.mkdir()
    (data / "VERSION").write_text(version)
    (data / "journal").write_text("kept")
    assert_sentence(run("up"), 4, name)
    assert (data / "VERSION").read_text() == version
    assert sorted(path.name for path in data.iterdir()) == ["VERSION", "journal", "lock"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ECOKLIT_REGENCY", "Mimika"), ("ECOKLIT_ELECTION", "Pilkada 2024"), ("ECOKLIT_PORT", "http"),
        ("ECOKLIT_SCHEMA", "a;drop"), ("ECOKLIT_EPOCH", "0"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named(data: Path, run: Run, variable: str, value: str) -> None:
    """A wrong setting ends with code 2 and one sentence that names the variable."""
    done = run("up", **{variable: value})
    assert_sentence(done, 2, "bad_setting")
    assert variable in done.stderr


def test_a_password_in_an_address_is_never_repeated(data: Path, run: Run) -> None:
    """An address that cannot be used is named by its variable, without what stands in it."""
    done = run("serve", ECOKLIT_NATS_URL="wrong://ecoklit:rahasia@127.0.0.1")
    assert_sentence(done, 2, "bad_setting")
    assert "rahasia" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("pause", [0.5, 1.5])
def test_a_signal_while_it_starts_leaves_nothing_running(data: Path, run: Run, number: int, pause: float) -> None:
    """Ctrl-C or SIGTERM at any point of the start ends it, its servers too, without a traceback; it starts again."""
    process = subprocess.Popen(
        [ECOKLIT, "up", "--json"], env=environment(data), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(pause)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (0, 130, -signal.SIGTERM, -signal.SIGINT)
    assert b"Traceback" not in said
    wait_until(lambda: not servers_of(data), "no server outlives it")
    with up(data) as running:
        assert running.stop() == 0


def servers_of(data: Path) -> list[str]:
    """The command lines of processes that work on the data folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(data / "nats") in command or str(data / "postgres") in command:
            found.append(command)
    return found
