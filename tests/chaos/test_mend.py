"""What an operator does about rot on one machine: `inspect`, `mend`, `rebuild`, as commands on a data folder."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ecoklit.adapters import data_folder
from ecoklit.cli.exits import Exit
from ecoklit.cli.main import main
from ecoklit.contract import policies
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.field import enrolment
from ecoklit.field.client import Client, Synced
from ecoklit.field.export import export
from ecoklit.field.http_transport import HttpTransport
from ecoklit.field.outbox import Outbox
from ecoklit.field.phone import Phone
from ecoklit.testing.chaos.rot import flip

TPS = "9404012001001"
AT = "2024-06-25T09:00:00+09:00"
PAGE_BYTES = 8192


class Office:
    """A data folder, `up` on it, and one phone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None
        self.phone = Phone(
            Outbox(folder / "phone", make=True), policies(), now=lambda: datetime.fromisoformat(AT), entropy=os.urandom
        )

    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ECOKLIT_")}
        return {**kept, "ECOKLIT_DATA": str(self.data), "ECOKLIT_PORT": "0"}

    def said(self, command: str, *words: str, code: int = 0) -> Any:
        """What a command prints last, as JSON."""
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        with mock.patch.dict(os.environ, self.environ(), clear=True), contextlib.redirect_stdout(out):
            ended = main([*command.split(), *words, "--json"])
        lines = out.buffer.getvalue().splitlines()  # type: ignore[attr-defined]
        assert ended == code, lines
        return json.loads(lines[-1]) if lines else None

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        ecoklit = Path(sys.executable).with_name("ecoklit")
        process = subprocess.Popen([ecoklit, "up", "--json"], env=self.environ(), stdout=subprocess.PIPE)
        assert process.stdout is not None
        try:
            self.url = json.loads(process.stdout.readline())["service_url"]
            yield
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0

    def enrol(self) -> None:
        code = self.said("enrol", "--officer", "ani", "--tps", TPS)["code"]
        way, key = HttpTransport(self.url), self.phone.identity().key
        taken = enrolment.by_code(code, key, way, at=AT, kept=self.phone.outbox.registry())
        enrolment.take(self.phone.outbox, taken, service=self.url)
        self.phone.reload()

    def born(self, name: str) -> None:
        person = {"record": dict.fromkeys(RECORD_FIELDS) | {"name": name}}
        self.phone.say("new", None, how="in_person", document="ktp_el", person=person)

    def sync(self) -> Synced:
        services = enrolment.services_of(self.phone.outbox)
        return Client(self.phone, HttpTransport(self.url), services, sleep=time.sleep).sync()

    def agrees(self) -> bool:
        return self.phone.status().unsent == 0 and [one.same for one in self.sync().compared] == [True]

    def block(self, name: str) -> Path:
        (block,) = (self.data / "nats" / "store").glob(f"**/ECOKLIT-*9404{name}/msgs/*.blk")
        return block


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """Not in pytest's own folder: another run closes that to PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="ecoklit-chaos-", ignore_cleanup_errors=True) as name:
        office = Office(Path(name))
        (office.folder / "passphrase").write_text("lima kata yang tidak tertebak")
        office.said("init", "--kit", name, "--passphrase-file", str(office.folder / "passphrase"))
        with office.up():
            office.enrol()
            for nth in range(3):
                office.born(f"WARGA {nth}")
                office.sync()
            assert office.agrees()
        yield office
        office.phone.outbox.close()


def test_a_flipped_bit_is_named_and_mended(office: Office) -> None:
    """`inspect` names the event by position, device and seq, from the projection and from a phone's export; `mend`
    makes the journal anew with the projection's copy, keeps the old one, and `up` goes on in a new epoch."""
    device = office.phone.identity().device
    assert office.said("inspect") | {"events": 3, "persons": 3, "devices": 1, "faults": [], "roll": []} == (
        office.said("inspect")
    )
    block = office.block("")
    flip(block, block.stat().st_size // 2, 0)  # of three alike, encrypted: in the second
    made = export(office.phone.outbox, whole=True)
    (office.folder / "ani.ndjson").write_bytes(made.data)
    told = office.said("inspect", str(office.folder / "ani.ndjson"), code=Exit.UNFIT)
    named = [(one["name"], one["position"], one["device"], one["seq"]) for one in told["faults"]]
    assert named == [("unreadable", 2, device, 2), ("missing", 0, device, 2)]

    told = office.said("mend")
    assert (told["events"], told["copied"], told["left"], told["epoch"]) == (3, 1, [], 2)
    assert list((office.data / "nats").glob("store-damaged-1"))
    assert office.said("inspect")["faults"] == []
    with office.up():
        assert office.agrees()
        assert office.phone.outbox.about().epoch == 2


def test_a_person_that_is_lost_comes_from_the_phone(office: Office) -> None:
    """When neither the stream nor the projection has it: an inspection names whose, and the phone brings it."""
    block = office.block("-persons")
    assert b"WARGA" not in block.read_bytes()  # it is encrypted
    flip(block, block.stat().st_size // 2, 1)
    told = office.said("inspect", code=Exit.DIFFERS)
    assert [(one["name"], one["seq"]) for one in told["faults"]] == [("person_missing", 2)]
    shutil.rmtree(office.data / "postgres")
    data_folder.remember_epoch(office.data, 3)
    office.said("rebuild")
    with office.up():
        office.sync()
    assert office.said("inspect")["faults"] == []


def test_a_damaged_table_is_named_and_made_anew(office: Office) -> None:
    """A page of a table and one of an index: `inspect` names the tables, `rebuild` replaces them."""
    data = office.data / "postgres" / "data" / "base"
    files = sorted(
        (file for file in data.glob("*/*") if file.name.isdigit() and b"WARGA" in file.read_bytes()),
        key=lambda file: file.stat().st_size,
    )
    for file in files:
        flip(file, file.read_bytes().index(b"WARGA"), 2)
    told = office.said("inspect", code=Exit.UNFIT)
    assert told["faults"] == [] and len(told["roll"]) == len(files) > 0
    assert all(one.startswith("damaged ") and "system" not in one for one in told["roll"]), told["roll"]
    office.said("rebuild")
    assert office.said("inspect")["roll"] == []
    with office.up():
        assert office.agrees()


def test_a_crash_between_two_stores_is_made_good(tmp_path: Path) -> None:
    """Of an exchange that was cut off after the old store had left its place, whoever opens the folder next makes the
    rest; where nothing was exchanged, nothing is touched."""
    beside = data_folder.empty_beside(tmp_path)
    (beside / "store").mkdir()
    (beside / "store" / "new").touch()
    (tmp_path / "nats" / "store").mkdir(parents=True)
    data_folder.restore_store(tmp_path)
    assert not (tmp_path / "nats" / "store" / "new").exists()
    (tmp_path / "nats" / "store").rename(tmp_path / "nats" / "store-damaged-1")
    with data_folder.opened(tmp_path):
        assert (tmp_path / "nats" / "store" / "new").exists() and not beside.exists()
