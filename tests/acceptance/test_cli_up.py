"""`ecoklit up` and the commands around it, as people use them: processes, a data folder, and things that go wrong."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import socket
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import SECONDS_MAX, Done, Folder, Up, fresh_folder, up, wait_until

from ecoklit.adapters.data_folder import key_folder, remember_root, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.office_registry import OfficeRegistry
from ecoklit.cli import serving
from ecoklit.contract import data_path
from ecoklit.core import ids
from ecoklit.core.codebook import parse_codebook
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.testing import mimika
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push

ELECTION, REGENCY = "pilkada-2024", "9404"
TPS = "9404022001001"
VILLAGE = "9404022001"
AT = "2024-06-25T09:00:00+09:00"


@pytest.fixture
def folder() -> Iterator[Folder]:
    """A data folder that does not exist yet."""
    with fresh_folder() as name:
        yield Folder(name / "data")


def shown(running: Up, events: int) -> bool:
    ready = running.get("/health/ready")
    return bool(ready["lag_events"] == 0 and running.get(f"/v1/recap/{VILLAGE}")["as_of"]["events"] == events)


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


def test_a_list_and_a_push_become_the_roll_and_survive_a_restart(folder: Folder, tmp_path: Path) -> None:
    """What is imported and pushed is on the roll, the same after a clean stop, a kill and a rebuild."""
    file, rows = listing_of_one_village(tmp_path)
    open_election(folder.data)
    with up(folder) as running:
        imported = folder.run("import", "--json", file)
        assert imported.returncode == 0, imported.stderr
        assert json.loads(imported.stdout.splitlines()[-1])["outcomes"]["listed"] == rows
        pushed = folder.run("push", office_file(tmp_path, 5))
        assert (pushed.returncode, pushed.stderr) == (0, "")
        wait_until(lambda: shown(running, rows + 5), "the roll shows all")
        roll = json.loads(folder.run("roll", "--json", TPS).stdout)
        assert len(roll["voters"]) == rows + 5
        assert running.stop() == 0
    assert not (folder.data / "running.json").exists()

    with up(folder) as running:
        again = folder.run("import", "--json", file)
        assert json.loads(again.stdout.splitlines()[-1])["outcomes"] == {
            "listed": 0, "changed": 0, "unchanged": rows, "refused": 0,
        }  # fmt: skip
        assert json.loads(folder.run("roll", "--json", TPS).stdout) == roll
        recap = json.loads(folder.run("recap", "--json", "94.04").stdout)["rows"]
        assert [(row["listed"], row["on_list"]) for row in recap] == [(rows + 5, rows + 5)]
        history = folder.run("history", "--json", roll["voters"][0]["voter"])
        assert [json.loads(line)["standing"] for line in history.stdout.splitlines()] == ["counted"]
        running.process.kill()
        running.process.wait()

    rebuilt = folder.run("rebuild", "--json")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert json.loads(rebuilt.stdout) == {
        "positions": {"9404": {"events": rows + 5, "persons": rows + 5}},
        "compared": True, "swapped": True, "differences": [],
    }  # fmt: skip
    with up(folder) as running:
        assert json.loads(folder.run("roll", "--json", TPS).stdout) == roll
        assert running.where["websocket_url"].startswith("ws://127.0.0.1:")
        assert Path(running.where["nats_creds"]).stat().st_mode & 0o777 == 0o600
        assert running.stop(signal.SIGTERM) == 0


def test_what_a_push_may_meet(folder: Folder, tmp_path: Path) -> None:
    """Refused logs and lines that nobody signed are named, exit 1, and the others are held."""
    open_election(folder.data)
    with up(folder):
        good, other = office_file(tmp_path, 3, "a"), office_file(tmp_path, 4, "b")
        torn = tmp_path / "torn.ndjson"
        torn.write_bytes(good.read_bytes() + pushes_of(4, "b", 2)[1] + b"garbage")
        pushed = folder.run("push", "--json", torn)
        assert pushed.returncode == 1
        answers = [json.loads(line) for line in pushed.stdout.splitlines()]
        assert sorted(str(answer["refusal"]) for answer in answers) == ["None", "gap", "unsigned"]
        assert [answer["line"] for answer in answers if answer["refusal"] == "unsigned"] == [9]
        whole = folder.run("push", good)
        assert whole.returncode == 0
        assert folder.run("push", other).returncode == 0
        second = folder.launch("up")
        assert (second.returncode, second.stderr.count("\n")) == (4, 1)
        assert second.stderr.startswith("ecoklit: data_in_use: ")


def test_an_import_that_is_stopped_goes_on_where_it_was(folder: Folder, tmp_path: Path) -> None:
    """Ctrl-C in the middle of an import loses no row and doubles none: importing again lists the rest."""
    book = parse_codebook(data_path("events", "codebooks", "2024.json").read_bytes())
    large = max(mimika.villages(), key=lambda village: len(mimika.tps_codes(village.code))).code
    rows = list(mimika.model_a_rows(large, book))
    file = tmp_path / mimika.file_name(large, ".csv")
    mimika.write_rows(file, rows)
    open_election(folder.data)
    with up(folder) as running:
        process = folder.begin("import", "--json", file)
        assert process.stdout is not None
        assert process.stdout.readline()  # the first thousand are in the journal
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
        assert process.returncode == 130, (process.returncode, said)
        assert b"Traceback" not in said
        assert b'"village"' not in out
        again = json.loads(folder.run("import", "--json", file).stdout.splitlines()[-1])
        assert again["outcomes"]["listed"] + again["outcomes"]["unchanged"] == len(rows)
        assert again["outcomes"]["unchanged"] >= 1000
        wait_until(lambda: running.get("/health/ready")["lag_events"] == 0, "the roll shows all")
        recap = json.loads(folder.run("recap", "--json", "94.04").stdout)["rows"]
        assert sum(row["listed"] for row in recap) == len(rows)


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What should be refused is a fault, and no service that runs for ever in this process, where it is not."""

    def refuse(started: Coroutine[Any, Any, Any]) -> None:
        started.close()
        raise AssertionError("it was started")

    monkeypatch.setattr(serving, "run_until_stopped", refuse)


# --- what goes wrong -------------------------------------------------------------------------------------------------


def assert_sentence(done: Done, code: int, name: str) -> None:
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith(f"ecoklit: {name}: "), done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("import", "9404012001.csv"), ("push", "p.ndjson"), ("project",), ("rebuild",), ("roll", TPS)]
)
def test_without_a_service_every_command_says_how_to_start_one(
    folder: Folder, tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing runs and nothing is set, the error says what to set or start, and no folder is made."""
    monkeypatch.chdir(tmp_path)
    for name in ("9404012001.csv", "p.ndjson"):
        (tmp_path / name).touch()
    assert_sentence(folder.run(*arguments), 2, "bad_setting")
    assert not folder.data.exists()


def test_a_broker_or_database_that_is_down_is_named(folder: Folder, tmp_path: Path) -> None:
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
        assert_sentence(folder.launch("serve", **down), 3, "journal_unavailable")
        assert_sentence(folder.run("roll", TPS, **down), 3, "database_unavailable")
        assert_sentence(folder.run("push", office_file(tmp_path, 1), **down), 3, "service_unavailable")


async def test_a_broker_that_does_not_fsync_is_refused(folder: Folder, tmp_path: Path) -> None:
    """A broker that acknowledges before its disk has it is refused with code 4, and taken with --allow-unsafe."""
    async with await EmbeddedNats.start(tmp_path / "nats", sync_always=False) as server:
        found = {"ECOKLIT_NATS_URL": server.url, "ECOKLIT_NATS_MONITOR_URL": server.monitor_url}
        file = office_file(tmp_path, 2)
        open_election(folder.data)
        refused = await asyncio.to_thread(folder.run, "push", file, **found)
        assert_sentence(refused, 4, "journal_unsafe")
        assert "sync_interval" in refused.stderr
        taken = await asyncio.to_thread(folder.run, "push", "--allow-unsafe", file, **found)
        assert (taken.returncode, taken.stderr) == (0, "")


def test_a_port_in_use_is_named_before_anything_is_served(folder: Folder) -> None:
    """`up` on a port that another program has ends with code 4, and stops what it had started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = folder.launch("up", ECOKLIT_PORT=str(taken.getsockname()[1]))
    assert_sentence(done, 4, "port_in_use")
    assert not folder.servers()


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize(
    ("version", "name"),
    [("2", "data_newer"), ("0", "data_older"), ("mawar", "data_unreadable"), ("", "data_unreadable")],
)
def test_a_data_folder_of_another_version_is_left_as_it_is(folder: Folder, version: str, name: str) -> None:
    """A folder that a newer, an older or no ecoklit wrote is refused by name, and nothing in it is changed."""
    folder.data.mkdir()
    (folder.data / "VERSION").write_text(version)
    (folder.data / "journal").write_text("kept")
    assert_sentence(folder.run("up"), 4, name)
    assert (folder.data / "VERSION").read_text() == version
    assert sorted(path.name for path in folder.data.iterdir()) == ["VERSION", "journal", "lock"]


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ECOKLIT_REGENCY", "Mimika"), ("ECOKLIT_ELECTION", "Pilkada 2024"), ("ECOKLIT_PORT", "http"),
        ("ECOKLIT_SCHEMA", "a;drop"), ("ECOKLIT_EPOCH", "0"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named(folder: Folder, variable: str, value: str) -> None:
    """A wrong setting ends with code 2 and one sentence that names the variable."""
    done = folder.run("up", **{variable: value})
    assert_sentence(done, 2, "bad_setting")
    assert variable in done.stderr


@pytest.mark.usefixtures("nothing_starts")
def test_a_password_in_an_address_is_never_repeated(folder: Folder) -> None:
    """An address that cannot be used is named by its variable, without what stands in it."""
    done = folder.run("serve", ECOKLIT_NATS_URL="wrong://ecoklit:rahasia@127.0.0.1")
    assert_sentence(done, 2, "bad_setting")
    assert "rahasia" not in done.stderr


def test_a_signal_while_it_starts_leaves_nothing_running(folder: Folder) -> None:
    """Ctrl-C or SIGTERM at any point of the start ends it, its servers too, without a traceback; it starts again."""
    for number, pause in itertools.product((signal.SIGINT, signal.SIGTERM), (0.5, 1.5)):
        process = folder.begin("up", "--json")
        time.sleep(pause)
        process.send_signal(number)
        _, said = process.communicate(timeout=SECONDS_MAX)
        assert process.returncode in (0, 130, -signal.SIGTERM, -signal.SIGINT), said
        assert b"Traceback" not in said
        wait_until(lambda: not folder.servers(), "no server outlives it")
    with up(folder) as running:
        assert running.stop() == 0
