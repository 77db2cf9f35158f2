"""The office's commands without any network: every right is given, taken and checked from files alone."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ecoklit.cli.main import main
from ecoklit.core.enrolment import read_invitation, read_key_line, write_key_line
from ecoklit.core.push_file import kind_of
from ecoklit.services.joining import read_lines, registry_of
from ecoklit.testing.made_up_keys import made_up_device, made_up_key

PASSPHRASE = "lima kata yang tidak tertebak"
VILLAGE, TPS, OTHER_TPS = "94.04.01.2001", "94.04.01.2001.001", "94.04.01.2001.002"
PHONE = made_up_key(3, "phone")
KEY_LINE = write_key_line(PHONE.public)


class Offices:
    """Offices, each with a data folder of its own, whose commands run one after another."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        names = json.loads((folder / "names").read_bytes())
        self.root, self.kpu = names["root"], names["office"]

    @property
    def kit(self) -> tuple[str, ...]:
        kit = self.folder / "ecoklit-kit-pilkada-2024-9404.txt"
        return "--kit", str(kit), "--passphrase-file", str(self.folder / "passphrase")

    def run(self, office: str, *argv: str) -> int:
        self.monkeypatch.setenv("ECOKLIT_DATA", str(self.folder / office))
        return main([*argv])

    def said(self, office: str, command: str, *argv: str) -> list[dict[str, Any]]:
        assert self.run(office, command, "--json", *argv) == 0, self.capsys.readouterr().err
        return [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]

    def refused(self, office: str, *argv: str) -> str:
        assert self.run(office, *argv) != 0
        error = self.capsys.readouterr().err
        assert error.count("\n") == 1
        return error.removeprefix("ecoklit: ")

    def join_pps(self) -> str:
        """The office of a village, joined without a network; its device."""
        key = self.said("pps", "join", "--show")[0]["key"]
        out = str(self.folder / "pps.ndjson")
        self.said("kpu", "enrol", key, "--officer", "pps-1", "--area", VILLAGE, "--out", out)
        joined = self.said("pps", "join", "--take", out, "--root", self.root)[0]
        assert (joined["officer"], joined["role"], joined["area"]) == ("pps-1", "pps", "9404012001")
        return read_key_line(key).key.device

    def rights(self, office: str) -> list[tuple[str, str, str, str | None]]:
        rows = [line["right"] for line in self.said(office, "registry") if "right" in line]
        return [(row["officer"], row["role"], row["area"], row["ended"]) for row in rows]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an election opened in it, once: sealing a kit is slow on purpose."""
    folder = tmp_path_factory.mktemp("opened")
    (folder / "passphrase").write_text(PASSPHRASE)
    argv = ["init", "--json", "--kit", str(folder), "--passphrase-file", str(folder / "passphrase")]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ECOKLIT_")}
    done = subprocess.run(
        [Path(sys.executable).parent / "ecoklit", *argv],
        env={**environ, "ECOKLIT_DATA": str(folder / "kpu")},
        capture_output=True,
        check=True,
    )
    (folder / "names").write_bytes(done.stdout)
    return folder


@pytest.fixture
def offices(
    opened: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Offices:
    shutil.copytree(opened, tmp_path, dirs_exist_ok=True)
    for name in ("ECOKLIT_ELECTION", "ECOKLIT_REGENCY", "ECOKLIT_SERVICE_URL", "ECOKLIT_NATS_URL"):
        monkeypatch.delenv(name, raising=False)
    return Offices(tmp_path, monkeypatch, capsys)


def test_a_phone_is_enrolled_by_stick(offices: Offices, tmp_path: Path) -> None:
    """From the root to a phone without any network: the file for the phone proves its right to whoever has the root."""
    offices.join_pps()
    (tmp_path / "key").write_text(KEY_LINE + "\n")
    out = tmp_path / "siti.ndjson"
    offices.said("pps", "enrol", str(tmp_path / "key"), "--officer", "siti", "--tps", TPS, "--out", str(out))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    lines = out.read_bytes().splitlines()
    assert {kind_of(line) for line in lines} == {"registry"}
    found = registry_of(read_lines(lines), offices.root)
    assert found.voids == ()
    assert [(one.officer, one.area) for one in found.grants_of(PHONE.device)] == [("siti", "9404012001001")]


def test_a_list_goes_along(offices: Offices, tmp_path: Path) -> None:
    """The wire lines of a list follow the enrolment in the file; a line that is none is named, nothing is signed."""
    wire_line = (Path(__file__).parents[2] / "laws/examples/plain.ndjson").read_bytes().splitlines()[0]
    (tmp_path / "list").write_bytes(wire_line + b"\n")
    (tmp_path / "bad").write_bytes(wire_line + b"\nhalo\n")
    argv = ("enrol", KEY_LINE, "--officer", "siti", "--tps", TPS)
    assert "bad, line 2" in offices.refused("kpu", *argv, "--out", str(tmp_path / "a"), "--list", str(tmp_path / "bad"))
    offices.said("kpu", *argv, "--out", str(tmp_path / "b"), "--list", str(tmp_path / "list"))
    lines = (tmp_path / "b").read_bytes().splitlines()
    assert lines[-1] == wire_line
    assert not (tmp_path / "a").exists()
    assert len([right for right in offices.rights("kpu") if right[0] == "siti"]) == 1


def test_a_code_is_made(offices: Offices, tmp_path: Path) -> None:
    """A code comes with its invitation and a page to print; the registry lists it without the code itself."""
    page = tmp_path / "page.html"
    (made,) = offices.said("kpu", "enrol", "--officer", "siti", "--tps", TPS, "--page", str(page))
    invitation = read_invitation(made["invitation"])
    assert (invitation.code, invitation.root, invitation.election) == (made["code"], offices.root, "pilkada-2024")
    assert made["code"] in page.read_text() and "<svg" in page.read_text() and "http" not in made["invitation"]
    shown = offices.said("kpu", "registry")
    (code,) = [line["code"] for line in shown if "code" in line]
    assert (code["officer"], code["role"], code["used_by"], code["ended"]) == ("siti", "pantarlih", None, False)
    assert made["code"] not in json.dumps(shown)
    for file in (tmp_path / "kpu").rglob("*"):
        assert file.is_dir() or made["code"].encode() not in file.read_bytes()
    offices.said("kpu", "revoke", code["voucher"], "--from", "1")
    assert [line["code"]["ended"] for line in offices.said("kpu", "registry") if "code" in line] == [True]


def test_an_office_for_the_person_who_reads(offices: Offices) -> None:
    """Without --json a code is shown large, with its QR code; the registry as a table; what waits is said."""
    assert offices.run("kpu", "enrol", "--officer", "siti", "--tps", TPS) == 0
    shown = offices.capsys.readouterr().out
    assert "█" in shown and "siti, pantarlih 9404012001001" in shown and "waiting to be sent: 4" in shown
    assert offices.run("kpu", "registry") == 0
    shown = offices.capsys.readouterr().out
    assert "siti" in shown and offices.root in shown and "Kode · codes" in shown


def test_a_new_phone_another_tps_an_operator(offices: Offices) -> None:
    """Re-link, reassignment and operators: each is one command, and the registry shows what holds."""
    new, typist = (write_key_line(made_up_key(3, name).public) for name in ("new", "typist"))
    offices.said("kpu", "enrol", KEY_LINE, "--officer", "siti", "--tps", TPS)
    offices.said("kpu", "enrol", new, "--officer", "siti", "--tps", TPS, "--replaces", PHONE.device, "--from", "144")
    offices.said("kpu", "assign", "siti", "--tps", OTHER_TPS)
    offices.said("kpu", "enrol", typist, "--officer", "typist-3", "--area", VILLAGE, "--operator")
    offices.said("kpu", "window", "close", VILLAGE)
    rights = offices.rights("kpu")
    assert ("siti", "pantarlih", "9404012001001", "seq 144") in rights
    assert ("siti", "pantarlih", "9404012001001", None) in rights
    assert ("siti", "pantarlih", "9404012001002", None) in rights
    assert ("typist-3", "operator", "9404012001", None) in rights


def test_the_root_signs_from_its_kit(offices: Offices) -> None:
    """When the office's key is in wrong hands, the root revokes it from the kit and makes a new office."""
    offices.said("kpu", "revoke", offices.kpu, "--from", "1", *offices.kit)
    assert offices.refused("kpu", "assign", "siti", "--tps", TPS).startswith("not_entitled: ")
    offices.said("kpu", "enrol", KEY_LINE, "--officer", "kpu-2", "--area", "94.04", *offices.kit)
    assert ("kpu-2", "kpu", "9404", None) in offices.rights("kpu")


def test_the_registry_is_checked_from_the_root_alone(offices: Offices, tmp_path: Path) -> None:
    """An export verifies on any machine; a changed, missing or added line, or another root, does not, and is named."""
    offices.join_pps()
    file = tmp_path / "registry.ndjson"
    offices.said("pps", "registry", "export", str(file))
    verify = ("registry", "verify", str(file), "--root", offices.root)
    assert offices.run("nowhere", *verify) == 0
    offices.capsys.readouterr()
    lines = file.read_bytes().splitlines()
    for spoiled in (
        [*lines[:-1], lines[-1].replace(b"pps-1", b"pps-2")],
        lines[:1] + lines[2:],
        [*lines, lines[-1]],
    ):
        file.write_bytes(b"\n".join(spoiled))
        assert offices.run("nowhere", *verify) == 1
        offices.capsys.readouterr()
    file.write_bytes(b"\n".join(lines))
    other = ("registry", "verify", str(file), "--root", made_up_device(3, "phone"))
    assert offices.refused("nowhere", *other).startswith("other_root: ")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("enrol", "--officer", "siti", "--area", "94"), "bad_argument: --area is a TPS"),
        (("enrol", "--officer", "siti", "--tps", TPS, "--hours", "0"), "bad_argument: --hours"),
        (("enrol", "--officer", "siti", "--tps", TPS, "--replaces", PHONE.device), "bad_argument: --replaces"),
        (("enrol", "--officer", "siti", "--tps", TPS, "--out", "x"), "bad_argument: --out is for a device"),
        (("enrol", "{}", "--officer", "siti", "--tps", TPS), "bad_key_line: "),
        (("enrol", "/nowhere", "--officer", "siti", "--tps", TPS), "bad_argument: /nowhere"),
        (("enrol", "--officer", "siti", "--tps", "95.01.01.2001.001"), "bad_right: "),
        (("assign", "siti", "--area", VILLAGE, "--operator"), "bad_argument: --operator needs"),
        (("window", "close", "95.01"), "bad_right: "),
        (("tps", "/nowhere"), "bad_argument: /nowhere"),
        (("revoke", PHONE.device, "--from", "1"), f"bad_argument: The registry has no {PHONE.device}"),
        (("assign", "siti", "--tps", TPS, "--device", PHONE.device), "bad_argument: The registry has no"),
        (
            ("enrol", "--officer", "siti", "--tps", TPS, "--replaces", PHONE.device, "--from", "2"),
            "bad_argument: The registry has no",
        ),
        (("policy", "2023-9", "--area", "94.04"), "bad_argument: There is no policy '2023-9' here: give 2024-1"),
        (("policy", "2024-1", "--area", "95.01"), "bad_right: "),
        (("lost", PHONE.device, "--after", "3"), "bad_setting: ECOKLIT_DATABASE_URL is not set"),
        (("registry", "devices", "kwamki"), "bad_argument: 'kwamki' is no area"),
        (("registry", "devices", "95.01"), "unknown_area: 9501 is no area of regency 9404"),
        (("registry", "verify"), "bad_argument: 'verify' and 'export'"),
        (("registry", "export", "{passphrase}"), "bad_argument: "),
        (("join",), "bad_argument: Give a CODE"),
        (("join", "K7QX", "--service", "http://127.0.0.1:1"), "office_exists: "),
    ],
)
def test_a_wrong_input_is_one_sentence(offices: Offices, argv: tuple[str, ...], said: str) -> None:
    """Each wrong input is one sentence by its name, and nothing was signed."""
    given = [word.replace("{passphrase}", str(offices.folder / "passphrase")) for word in argv]
    before = offices.said("kpu", "registry")
    assert offices.refused("kpu", *given).startswith(said)
    assert offices.said("kpu", "registry") == before


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("registry",), "no_office: "),
        (("enrol", "--officer", "siti", "--tps", TPS), "no_office: "),
        (("join", "K7QX", "--service", "http://127.0.0.1:1"), "bad_code: "),
        (("join", "0000-0000-0000-0000"), "bad_argument: --service URL is missing"),
        (("join", "0000-0000-0000-0000", "--service", "http://127.0.0.1:1"), "service_unavailable: "),
        (("join", '{"invitation":{}}'), "bad_invitation: "),
        (("join", "--take", "{passphrase}"), "bad_argument: --root ID is missing"),
        (("join", "--take", "{passphrase}", "--root", PHONE.device), "bad_registry: "),
        (("join", "--take", "/nowhere", "--root", PHONE.device), "bad_argument: /nowhere"),
    ],
)
def test_no_office_yet(offices: Offices, argv: tuple[str, ...], said: str) -> None:
    """Where no office is, each command says so, or what is wrong with what it was given; no office is made."""
    given = [word.replace("{passphrase}", str(offices.folder / "passphrase")) for word in argv]
    assert offices.refused("new", *given).startswith(said)
    assert not list((offices.folder / "new").rglob("registry.sqlite"))


def test_an_enrolment_for_another_key_is_not_taken(offices: Offices, tmp_path: Path) -> None:
    """A file that enrols another key than this office's is refused, and so is one under another root."""
    out = str(tmp_path / "out")
    offices.said("kpu", "enrol", KEY_LINE, "--officer", "pps-1", "--area", VILLAGE, "--out", out)
    assert offices.refused("pps", "join", "--take", out, "--root", offices.root).startswith("not_entitled: ")
    assert offices.refused("pps", "join", "--take", out, "--root", PHONE.device).startswith("other_root: ")


def test_devices_are_listed_without_a_network(offices: Offices) -> None:
    """Each device with its officer, rights and what the registry says of its end; what arrived of it is not known here,
    and that is said, not taken for nothing."""
    pps = offices.join_pps()
    offices.said("kpu", "enrol", KEY_LINE, "--officer", "siti", "--tps", TPS)
    offices.said("kpu", "assign", "siti", "--tps", OTHER_TPS)
    offices.said("kpu", "revoke", PHONE.device, "--from", "7", "--tps", TPS)
    (siti,) = offices.said("kpu", "registry", "devices", OTHER_TPS)
    assert (siti["device"], siti["officer"], siti["held"], siti["position"]) == (PHONE.device, "siti", None, None)
    assert [(one["area"], one["ended_from"]) for one in siti["rights"]] == [
        ("9404012001001", 7),
        ("9404012001002", None),
    ]
    offices.said("kpu", "revoke", PHONE.device, "--from", "9")
    rows = offices.said("kpu", "registry", "devices")
    assert [(row["device"], row["revoked_from"]) for row in rows] == [
        (offices.kpu, None),
        (pps, None),
        (PHONE.device, 9),
    ]
    assert [row["device"] for row in offices.said("kpu", "registry", "devices", VILLAGE)] == [pps, PHONE.device]
    assert offices.run("kpu", "registry", "devices") == 0
    shown = offices.capsys.readouterr().out
    assert "pantarlih 9404012001001 (s.d. · until 6)" in shown and "not asked: ECOKLIT_DATABASE_URL" in shown


def test_a_policy_is_set(offices: Offices) -> None:
    """A policy is set for the regency by its office, and not by one of a village below."""
    (said,) = offices.said("kpu", "policy", "2024-1", "--area", "94.04")
    assert [line["device"] for line in said["said"]] == [offices.kpu]
    offices.join_pps()
    refused = offices.refused("pps", "policy", "2024-1", "--area", VILLAGE)
    assert refused.startswith("not_entitled: This office may not say 'policy_set' there")


def test_places_are_said(offices: Offices, tmp_path: Path) -> None:
    """Polling places are said from a file, doubles and dots allowed, and the registry counts them."""
    (tmp_path / "tps").write_text(f"{TPS}\n{OTHER_TPS}\n9404012001001\n")
    offices.said("kpu", "tps", str(tmp_path / "tps"))
    assert offices.said("kpu", "registry")[-1]["tps"] == 2
