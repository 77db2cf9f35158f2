"""`ecoklit phone`, as an officer uses it: from the enrolment to the final report, and with what goes wrong between."""

from __future__ import annotations

import gzip
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ecoklit.cli.main import main
from ecoklit.cli.phone import add_commands
from ecoklit.contract import policies
from ecoklit.core import ids, sealing
from ecoklit.core.admission import Refused
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.enrolment import code_of, read_key_line, voucher_key
from ecoklit.core.push_file import sign_pushes, split_pushes
from ecoklit.core.signing import PublicKey
from ecoklit.field.transport import Ask, NonceNeeded
from ecoklit.testing import mimika
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_door import MemoryDoor, MemoryTransport

TPS = "9404012001001"
AT = "2024-06-01T08:00:00+09:00"
PEOPLE = mimika.people(mimika.tps_codes("940401")[0])[:12]


class Office:
    """An election, its list of one TPS, and its service in memory behind HTTP."""

    def __init__(self) -> None:
        self.election = MadeUpElection("pilkada-2024")
        self.kpu = self.election.device("kpu")
        self.listed = self._list()
        self.door = MemoryDoor("pilkada-2024", "9404", self.election.service, policies(), self.election.lines)
        for body in sign_pushes(self.kpu, "pilkada-2024", self.listed):
            self.door.push(body)
        self.way = MemoryTransport(self.door)
        self.is_away = False
        self.url = ""

    def _list(self) -> list[Any]:
        log = DeviceLog("pilkada-2024", self.kpu.device, officer="kpu", role="kpu", policy="2024-1")
        return [
            log.append(
                "listed",
                tps=TPS,
                at=AT,
                source="dp4",
                person={"record": person.record(), "salt": ids.to_base64url(nth.to_bytes(16, "big"))},
            )
            for nth, person in enumerate(PEOPLE)
        ]

    def say(self, type: str, **fields: Any) -> None:
        self.election.say(self.election.root, type, **fields)
        for line in self.election.lines:
            self.door.admit_line(line)

    def enrol(self, key: PublicKey, officer: str = "p-1") -> bytes:
        """The file that an office makes of a phone's key; the service hears of it from the phone."""
        lines = [
            self.election.say(
                self.election.root, "device_enrolled", enrolled=key.device, holder=officer, key=key
            ),
            self.election.say(
                self.election.root, "assigned", area=TPS, officer_assigned=officer, role_assigned="pantarlih",
                to_device=key.device,
            ),
        ]  # fmt: skip
        assert lines
        return b"".join(line + b"\n" for line in (*self.election.registry, *(one.line for one in self.listed)))


def handler_of(office: Office) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(lambda: office.way.push(body))

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            asked = dict(part.partition("=")[::2] for part in query.split("&"))
            if path == "/v1/registry":
                self._answer(lambda: office.way.registry(int(asked["after"])))
                return
            named = {name: self.headers[f"Ecoklit-{name.title()}"] for name in ("device", "nonce", "signature")}
            ask = Ask(**named, tps=asked["tps"], cursor=asked["cursor"], limit=int(asked["limit"]))
            self._answer(lambda: office.way.pull(ask))

        def _answer(self, what: Callable[[], bytes]) -> None:
            if office.is_away:
                self._send(503, b'{"code":"journal_busy","detail":"later"}', {"Retry-After": "7"})
                return
            try:
                self._send(200, what(), {})
            except Refused as refused:
                problem = {"code": refused.code, "detail": refused.message, "expected": refused.expected}
                self._send(409, json.dumps(problem).encode(), {})
            except NonceNeeded as needed:
                self._send(401, b'{"code":"nonce_needed"}', {"Ecoklit-Nonce": needed.nonce})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    return Handler


@pytest.fixture
def office() -> Iterator[Office]:
    office = Office()
    http = HTTPServer(("127.0.0.1", 0), handler_of(office))
    office.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield office
    http.shutdown()
    http.server_close()


class Ran(NamedTuple):
    code: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("ECOKLIT_PHONE", str(tmp_path / "phone"))
    monkeypatch.setenv("NO_COLOR", "1")

    def ecoklit_phone(*words: str, entered: str = "") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(entered.encode())))
        code = main(["phone", *words])
        said = capfd.readouterr()
        return Ran(code, said.out, said.err)

    return ecoklit_phone


@pytest.fixture
def phone(run: Run, office: Office, tmp_path: Path) -> Run:
    """A phone that was enrolled without a network and knows where its service is."""
    key = read_key_line(run("enrol", "--offline", "--json").json["key_line"]).key
    (tmp_path / "p-1.ecoklit").write_bytes(office.enrol(key))
    enrolled = run("enrol", str(tmp_path / "p-1.ecoklit"), "--service", office.url, "--json").json
    assert (enrolled["officer"], enrolled["role"], enrolled["voters"]) == ("p-1", "pantarlih", {TPS: len(PEOPLE)})
    return run


def test_a_day_from_the_enrolment_to_the_report(phone: Run, office: Office) -> None:
    """Enrolled from a file, an officer visits, corrects, adds, undoes and syncs; both sides agree."""
    assert len(phone("list", "--json").rows) == len(PEOPLE)
    assert phone("found", "1", "--set", "rt=007", "--note", "pagar hijau").code == 0
    assert phone("moved", "2", "--to", "94.04.01.2001.002").code == 0
    assert phone("deceased", "3", "--evidence", "death_certificate", "--date", "2024-05-01").code == 0
    assert phone("not-met", "4", "--why", "absent").code == 0
    assert phone("disqualified", "5", "--reason", "duplicate", "--duplicate-of", "6").code == 0
    record = json.dumps({"name": "Maria Baru", "nik": "9404812507051234"})
    said = phone("new", "--document", "ktp_el", "--record", "-", "--json", entered=record).json
    assert said["number"] == len(PEOPLE) + 1
    assert phone("found", "7").code == 0
    assert phone("undo", "7").code == 0
    assert "8 belum terkirim" in phone("status").out
    synced = phone("sync")
    assert synced.code == 0
    assert "8 terkirim · sent" in synced.out
    assert "sama · the same" in synced.out
    assert "All 8 entries are held by the server" in phone("status").out
    assert phone("report").code == 0
    assert phone("sync").code == 0
    reports = [line.event for line in office.door.registry_lines if "tps_reported" in str(line.registry_bytes)]
    assert [(one.last, one.totals["on_list"]) for one in reports] == [(8, len(PEOPLE) + 1 - 2)]  # type: ignore[union-attr]


def test_the_list_shows_no_whole_number(phone: Run) -> None:
    """NIK are masked on screen and in JSON; whoever is to be visited stands under a number."""
    phone("found", "1")
    for shown in (phone("list"), phone("list", "--json")):
        assert not any(person.nik and person.nik in shown.out for person in PEOPLE)
        assert f"{PEOPLE[0].nik[:6]}**********" in shown.out  # type: ignore[index]
    assert {row["number"] for row in phone("list", "--unvisited", "--json").rows} == set(range(2, len(PEOPLE) + 1))


def test_status_says_held_only_when_a_receipt_proves_it(phone: Run, office: Office) -> None:
    """Before a sync, and after one that failed, nothing is called held."""
    phone("found", "1")
    office.is_away = True
    failed = phone("sync")
    assert failed.code == 5
    assert "7 s" in failed.error
    assert (phone("status", "--json").json["proved"], phone("status", "--json").json["held"]) == (False, 0)
    office.is_away = False
    phone("sync")
    status = phone("status", "--json").json
    assert (status["proved"], status["saved"], status["held"], status["stuck"]) == (True, 1, 1, None)
    (place,) = status["places"]
    assert (place["same"], place["visited"], place["totals"]["on_list"]) == (True, 1, len(PEOPLE))


def test_what_is_set_aside_is_shown_with_its_reason(phone: Run, office: Office) -> None:
    """An entry that the registry keeps out of the count ends status and sync with code 1, by its name."""
    office.say("window_opened", area="9404")
    office.say("window_closed", area="9404")
    phone("found", "1")
    assert phone("sync").code == 1
    status = phone("status", "--json")
    assert status.code == 1
    assert [(one["seq"], one["fate"], one["name"]) for one in status.json["outside"]] == [(1, "quarantined", "late")]
    assert "late" in phone("status").out


def test_an_enrolment_by_code(run: Run, office: Office) -> None:
    """With a network a code is enough: the phone finds its rights, signs its own enrolment, and pulls its list."""
    code = code_of(bytes(range(15)))
    voucher = voucher_key(code, "pilkada-2024", "9404")
    office.say(
        "vouched", area=TPS, key=voucher.public, officer_assigned="p-7", role_assigned="pantarlih",
        until="2030-01-01T00:00:00Z", voucher=voucher.device,
    )  # fmt: skip
    enrolled = run("enrol", code.lower(), "--service", office.url, "--json")
    assert (enrolled.json["officer"], enrolled.json["places"]) == ("p-7", [TPS])
    first = run("enrol", code, "--service", office.url)
    assert first.code == 0, "a code that was not used yet may be typed again"
    assert run("sync").code == 0
    assert len(run("list", "--json").rows) == len(PEOPLE)
    run("found", "1")
    assert run("sync").code == 0
    assert run("enrol", code, "--json").code == 0, "the same phone may use its code again"


def test_an_operator_types_for_the_officers_of_an_area(run: Run, office: Office, tmp_path: Path) -> None:
    """An operator's device takes any TPS of its area, and enters for the officer who stood at the door."""
    key = read_key_line(run("enrol", "--json").json["key_line"]).key
    for type, fields in (
        ("device_enrolled", {"enrolled": key.device, "holder": "op-1", "key": key}),
        (
            "assigned",
            {"area": TPS[:10], "officer_assigned": "op-1", "role_assigned": "operator", "to_device": key.device},
        ),
        ("assigned", {"area": TPS, "officer_assigned": "p-5", "role_assigned": "pantarlih"}),
    ):
        office.say(type, **fields)
    (tmp_path / "op").write_bytes(b"".join(line + b"\n" for line in office.election.registry))
    assert run("enrol", str(tmp_path / "op"), "--service", office.url, "--json").json["role"] == "operator"
    assert run("list").code == 2
    assert run("list", "--tps", "94.04.02.2001.001").code == 2
    assert run("sync", "--tps", TPS).code == 0
    assert run("found", "1", "--officer", "p-5", "--paper", "--visited", "2024-06-25").code == 0
    assert run("sync").code == 0
    event = office.door.stored[-1].held.event
    assert event is not None
    assert (event.officer, event.entry, event.visited) == ("p-5", "paper", "2024-06-25")
    assert run("status", "--json").json["outside"] == []
    run("found", "2")
    assert run("sync").code == 1
    (outside,) = run("status", "--json").json["outside"]
    assert outside["name"] == "not_entitled", "an operator is no officer"


def test_a_code_that_nobody_made_enrols_nobody(run: Run, office: Office, tmp_path: Path) -> None:
    """A wrong code, one of another's phone, and one without a service are refused by name."""
    assert "no enrolment code" in run("enrol", "AAAA", "--service", office.url).error
    assert "no such code" in run("enrol", code_of(bytes(15)), "--service", office.url).error
    assert "--service" in run("enrol", code_of(bytes(15)), "--home", str(tmp_path / "other")).error


def test_an_export_is_carried_and_opened(phone: Run, office: Office, tmp_path: Path) -> None:
    """The unsent entries go to a file, which is not written over and whose sealed form only the service opens."""
    phone("found", "1")
    plain, closed = tmp_path / "plain", tmp_path / "sealed"
    assert phone("export", str(plain), "--json").json["entries"] == 1
    assert phone("export", str(plain)).code == 2
    assert phone("export", "--sealed", str(closed)).code == 0
    opened = sealing.open_with_key(closed.read_bytes(), office.election.service)
    assert opened == plain.read_bytes()
    for body in split_pushes(opened):
        office.door.push(body)
    assert phone("status", "--json").json["held"] == 0
    assert phone("sync").code == 0
    assert phone("status", "--json").json["proved"] is True


def test_a_copied_phone_says_all_again_under_a_new_key(
    phone: Run, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of two copies is stuck by name; reissue, enrol and sync bring its entries in."""
    import shutil

    phone("found", "1")
    phone("sync")
    shutil.copytree(tmp_path / "phone", tmp_path / "copy")
    phone("found", "2")
    phone("sync")
    monkeypatch.setenv("ECOKLIT_PHONE", str(tmp_path / "copy"))
    phone("found", "3")
    stuck = phone("sync")
    assert stuck.code == 1
    assert "reissue" in stuck.error
    assert phone("status", "--json").json["stuck"]["code"] == "equivocation"
    again = phone("reissue", "--json").json
    assert again["entries"] == 1
    (tmp_path / "again.ecoklit").write_bytes(office.enrol(read_key_line(again["key_line"]).key))
    assert phone("enrol", str(tmp_path / "again.ecoklit")).code == 0
    assert phone("sync").code == 0
    assert phone("status", "--json").json["proved"] is True


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["found", "99"], 2, "unknown_voter"),
        (["found", "budi"], 2, "unknown_voter"),
        (["found", "1", "--set", "hair=red"], 2, "no particular"),
        (["found", "1", "--visited", "yesterday"], 2, "no date"),
        (["found", "1", "--tps", "94.04.02.2001.001"], 2, "no_tps"),
        (["moved", "1"], 2, "required"),
        (["moved", "1", "--to-area", "94"], 1, "bad_entry"),
        (["moved", "1", "--to", "91.71.01.1001.001"], 1, "bad_entry"),
        (["deceased", "1", "--evidence", "rumour"], 1, "would_not_count"),
        (["disqualified", "1", "--reason", "duplicate"], 1, "bad_entry"),
        (["new", "--document", "ktp_el"], 2, "name"),
        (["new", "--document", "ktp_el", "--set", "name=X", "--set", "sex=Q"], 1, "bad_entry"),
        (["new", "--document", "ktp_el", "--record", "/nowhere"], 2, "no file"),
        (["undo", "1"], 1, "not_undone"),
        (["enrol", "not a code"], 2, "bad_code"),
        (["sync", "--service", "ftp://x"], 2, "no address"),
        (["export", "/nowhere/at/all"], 2, "export_not_written"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_saves_nothing(phone: Run, words: list[str], code: int, said: str) -> None:
    """Each wrong input is named with what to do, quotes no particulars, and leaves the log as it was."""
    ran = phone(*words)
    assert ran.code == code
    assert said in ran.error
    assert ran.error.count("\n") == 1
    assert phone("status", "--json").json["saved"] == 0


@pytest.mark.parametrize("words", [["list"], ["found", "1"], ["sync"], ["status"], ["export", "x"], ["reissue"]])
def test_a_folder_without_a_phone_is_named(run: Run, words: list[str]) -> None:
    """Without a phone every command but enrol says how to make one, and makes none."""
    ran = run(*words)
    assert ran.code == 2
    assert "no_phone" in ran.error


def test_files_that_enrol_nobody(run: Run, office: Office, tmp_path: Path) -> None:
    """A file for another phone, one that is damaged, and one of another root key are refused; nothing is taken."""
    run("enrol", "--json")
    file = tmp_path / "file"
    other = MadeUpElection("pilkada-2029")
    good = office.enrol(read_key_line(run("enrol", "--json").json["key_line"]).key)
    for content, said in (
        (
            b"".join(line + b"\n" for line in other.registry),
            "another phone",
        ),
        (b"", "no enrolment"),
        (good[:-50], "damaged"),
        (good.split(b"\n", 1)[1], "does not hold"),
    ):
        file.write_bytes(content)
        ran = run("enrol", str(file))
        assert (ran.code, said in ran.error) == (1, True), ran.error
    file.write_bytes(good)
    assert run("enrol", str(file)).code == 0


def test_every_command_has_a_help_with_an_example(run: Run) -> None:
    """Each command of the phone explains itself, and docs/PHONES.md shows each."""
    import argparse

    top = argparse.ArgumentParser().add_subparsers()
    add_commands(top)
    names = list(top.choices["phone"]._subparsers._group_actions[0].choices)  # type: ignore[union-attr,call-overload]
    manual = (Path(__file__).parents[2] / "docs" / "PHONES.md").read_text()
    for name in names:
        ran = run(name, "--help")
        assert ran.code == 0
        assert f"example:\n  ecoklit phone {name}" in ran.out
        assert "--json" in ran.out
        assert f"ecoklit phone {name}" in manual
