"""The last evening as an office has it: two totals explained, what is kept out readmitted, the TPS closed."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import Folder, fresh_folder, serving, wait_until

TPS = "9404012001001"
BORN = ("--how", "in_person", "--document", "ktp_el", "--set", "sex=L", "--set", "nik=9404014107900001")


class Place(Folder):
    """A data folder, and phones in the folder beside it."""

    @property
    def folder(self) -> Path:
        return self.data.parent

    def phone(self, command: str, *argv: str) -> list[dict[str, Any]]:
        return self.said(f"phone {command}", *argv, "--home", str(self.folder / "phone"))


@pytest.fixture(scope="module")
def folder() -> Iterator[Place]:
    """An election on a running service."""
    with fresh_folder() as name:
        folder = Place(name / "kpu")
        folder.init()
        with serving(folder):
            yield folder


def is_counted(folder: Place, tps: str, voters: int) -> bool:
    return len(folder.said("reconcile", tps)[0]["terms"]["on_list"]) == voters


def test_the_last_evening(folder: Place) -> None:
    """An officer records two voters and reports; the phone is revoked by mistake from its second entry on; the office
    sees which voter is missing and why, readmits the entry after seeing what that does, and the TPS can be closed."""
    (made,) = folder.said("enrol", "--officer", "siti", "--tps", TPS)
    (phone,) = folder.phone("enrol", made["invitation"])
    device = phone["device"]
    for name in ("WARGA SATU", "WARGA DUA"):
        folder.phone("new", *BORN, "--set", f"name={name}")
    folder.phone("sync")
    wait_until(lambda: folder.said("reconcile", TPS)[0]["terms"]["on_list"][1:])
    assert [lack["name"] for lack in folder.said("closing", TPS, code=1)[0]["missing"]] == ["no_report"]

    folder.said("revoke", device, "--from", "2")
    (aside,) = wait_until(lambda: folder.said("quarantine list", "9404"))
    assert (aside["device"], aside["seq"], aside["standing"]) == (device, 2, "revoked_device")
    assert folder.said("quarantine list", "9404", "--officer", "budi") == []
    (told,) = folder.said("quarantine explain", f"{device}:2")
    assert told["clause"] == "7.8" and told["behind"][0]["type"] == "revoked"

    (found,) = folder.said("reconcile", TPS, "--phone", "2", "--open", "quarantined")
    (half,) = found["phones"]
    assert (half["bridge"]["on_phone"], half["bridge"]["on_web"]) == (2, 1)
    assert [(one["name"], one["nik"]) for one in found["voters"]] == [("WARGA DUA", "940401**********")]
    shown = folder.run("reconcile", TPS, "--phone", "2").stdout
    assert "2 di HP · on the phone − 0 belum terkirim · unsent − 1 karantina · quarantined" in shown
    assert "= 1 di web · on the web" in shown

    (seen,) = folder.said("quarantine readmit", "--device", device)
    assert [one["seq"] for one in seen["counted"]] == [2] and seen["said"] == []
    assert [one["after"]["verdict"] for one in seen["effects"]] == ["confirmed"]
    assert folder.said("quarantine list", "9404")
    (done,) = folder.said("quarantine readmit", "--event", f"{device}:2", "--yes")
    assert len(done["said"]) == 1
    wait_until(lambda: not folder.said("quarantine list", "9404"))
    wait_until(lambda: folder.said("reconcile", TPS)[0]["terms"]["on_list"][1:])


def test_a_tps_is_closed_by_its_report(folder: Place) -> None:
    """A TPS whose officer has reported what the service holds, and where nothing waits, closes with exit code 0."""
    tps = "9404012001002"
    home = ("--home", str(folder.folder / "ani"))
    (made,) = folder.said("enrol", "--officer", "ani", "--tps", tps)
    folder.said("phone enrol", made["invitation"], *home)
    folder.said("phone new", *BORN, "--set", "name=WARGA TIGA", *home)
    folder.said("phone sync", *home)
    wait_until(lambda: folder.said("reconcile", tps)[0]["terms"]["on_list"])
    folder.said("phone sync", *home)
    folder.said("phone report", *home)
    folder.said("phone sync", *home)
    closed = folder.run("closing", tps)
    assert closed.returncode == 0, closed.stdout + closed.stderr
    assert "1 dari 1 TPS siap ditutup" in closed.stdout


def test_a_code_alone_is_enough_beside_the_service(folder: Place) -> None:
    """On the service's own machine a phone finds it by itself, and has its list as soon as it is enrolled; the office
    sees how far each phone has come, here and from another machine."""
    tps = "9404012001003"
    for officer in ("dewi", "eko"):
        home = ("--home", str(folder.folder / officer))
        (made,) = folder.said("enrol", "--officer", officer, "--tps", tps)
        (phone,) = folder.said("phone enrol", made["code"], *home)
        assert phone["voters"] == {tps: int(officer == "eko")}
        folder.said("phone new", *BORN, "--set", f"name=WARGA {officer.upper()}", *home)
        folder.said("phone sync", *home)
        wait_until(functools.partial(is_counted, folder, tps, 1 + (officer == "eko")))
    here = folder.said("registry devices", tps)
    assert [(one["officer"], one["held"]) for one in here] == [("dewi", 1), ("eko", 1)]
    assert here[0]["position"] < here[1]["position"]
    elsewhere = Place(folder.folder / "elsewhere")
    for name in ("office", "keys"):
        shutil.copytree(folder.folder / "kpu" / name, folder.folder / "elsewhere" / name)
    fresh = ("--home", str(folder.folder / "fresh"))
    assert "--service" in elsewhere.run("phone", "enrol", "0000-0000-0000-0000", *fresh).stderr
    elsewhere.more["ECOKLIT_SERVICE_URL"] = folder.service_url
    assert elsewhere.said("registry devices", tps) == here
    elsewhere.more["ECOKLIT_SERVICE_URL"] = "http://127.0.0.1:9"
    assert [one["held"] for one in elsewhere.said("registry devices", tps)] == [None, None]
    assert "not asked: No ecoklit answers" in elsewhere.run("registry", "devices").stdout


def test_a_lost_phone_lets_go(folder: Place) -> None:
    """Of a lost phone is shown what its loss lets go; it is signed when asked, and said once only."""
    (made,) = folder.said("enrol", "--officer", "feri", "--tps", "9404012001004")
    (phone,) = folder.said("phone enrol", made["code"], "--home", str(folder.folder / "feri"))
    device = phone["device"]
    (shown,) = folder.said("lost", device, "--after", "0")
    assert (shown["counted"], shown["effects"], shown["said"]) == ([], [], [])
    assert "not signed yet" in folder.run("lost", device, "--after", "0").stdout
    done = folder.run("lost", device, "--after", "0", "--yes")
    assert done.returncode == 0 and f"ecoklit revoke {device} --from 1" in done.stdout
    (again,) = folder.said("lost", device, "--after", "0", "--yes")
    assert again["said"] == []
    (row,) = folder.said("registry devices", "9404012001004")
    assert row["lost_after"] == 0


def test_wrong_questions_are_one_sentence(folder: Place) -> None:
    """Wrong codes, names and dates are told in one sentence that says what to do."""
    for argv, code in (
        (("reconcile", "94.04"), 2),
        (("reconcile", TPS, "--phone", "many"), 2),
        (("reconcile", TPS, "--device", "a" * 16), 2),
        (("closing", "12"), 2),
        (("quarantine", "explain", "siti:1"), 2),
        (("quarantine", "explain", "abcdefghijklmnop:9"), 2),
        (("quarantine", "list", "9404", "--reason", "bad"), 2),
        (("quarantine", "readmit"), 2),
        (("quarantine", "readmit", "--since", "kemarin"), 2),
        (("quarantine", "readmit", "--event", "abcdefghijklmnop:9"), 2),
        (("lost", "a" * 16, "--after", "1"), 2),
    ):
        done = folder.run(*argv)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), (argv, done)
