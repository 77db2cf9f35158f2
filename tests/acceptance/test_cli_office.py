"""The office as people use it: an election on a running `up`, offices and phones enrolled over HTTP and by stick."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Folder, fresh_folder, serving

VILLAGE, TPS, OTHER_TPS = "9404012001", "9404012001001", "9404012001002"


class Office(Folder):
    """An office's data folder."""

    def refused(self, *argv: str) -> str:
        done = self.run(*argv)
        assert done.returncode != 0
        assert done.stderr.count("\n") == 1
        return done.stderr.removeprefix("ecoklit: ")

    def rights(self) -> dict[str, list[str]]:
        """device → the areas of its rights that were not taken away."""
        found: dict[str, list[str]] = {}
        for line in self.said("registry"):
            right = line.get("right")
            if right and right["device"] and not right["ended"]:
                found.setdefault(right["device"], []).append(right["area"])
        return found


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with fresh_folder() as name:
        yield name


@pytest.fixture(scope="module")
def names(folder: Path) -> dict[str, str]:
    """An election opened in the kpu's folder, before any server runs: the ids of its keys."""
    return Office(folder / "kpu").init()


@pytest.fixture(scope="module")
def kpu(folder: Path, names: dict[str, str]) -> Iterator[Office]:
    """The kpu's office, with the service running on its folder."""
    office = Office(folder / "kpu")
    with serving(office):
        yield office


@pytest.fixture(scope="module")
def pps(folder: Path, kpu: Office) -> Office:
    """A village's office on another machine, joined by a code over HTTP; it remembers the service."""
    (made,) = kpu.said("enrol", "--officer", "pps-1", "--area", VILLAGE)
    office = Office(folder / "pps")
    (joined,) = office.said("join", made["invitation"])
    assert (joined["role"], joined["area"], joined["officer"]) == ("pps", VILLAGE, "pps-1")
    again = Office(folder / "late").refused("join", made["invitation"])
    assert again.startswith("used_code: ") and joined["device"] in again
    return office


def test_up_takes_the_opening_in(kpu: Office, names: dict[str, str]) -> None:
    """What init signed before any server ran is in the registry once the service runs, and waits no more."""
    shown = kpu.said("registry")
    assert shown[-1]["root"] == names["root"] and shown[-1]["waiting"] == 0
    assert kpu.rights()[names["office"]] == ["9404"]


def test_a_phone_by_a_code(pps: Office, kpu: Office, folder: Path) -> None:
    """An officer's phone enrols itself by the code of its village's office; everybody's registry shows it."""
    (made,) = pps.said("enrol", "--officer", "siti", "--tps", TPS)
    home = ("--home", str(folder / "siti"))
    (phone,) = pps.said("phone enrol", made["invitation"], *home)
    assert pps.run("phone", "sync", *home).returncode == 0
    assert kpu.rights()[phone["device"]] == [TPS]
    born = ("--how", "in_person", "--document", "ktp_el", "--set", "name=WARGA BARU", "--set", "sex=L")
    pps.said("phone new", *born, *home)
    assert pps.run("phone", "sync", *home).returncode == 0
    late = pps.run("phone", "enrol", made["code"], "--home", str(folder / "thief"))
    assert late.returncode != 0


def test_a_phone_by_stick(pps: Office, kpu: Office, folder: Path) -> None:
    """A phone without a network shows its key, takes a file, and its first sync brings its enrolment."""
    home = ("--home", str(folder / "ani"))
    (shown,) = pps.said("phone enrol", "--offline", *home)
    away = Office(folder / "pps", ECOKLIT_SERVICE_URL="http://127.0.0.1:9")
    file = str(folder / "ani.ndjson")
    (signed,) = away.said("enrol", shown["key_line"], "--officer", "ani", "--tps", OTHER_TPS, "--out", file)
    assert signed["waiting"] == 2
    away.said("phone enrol", file, *home)
    assert shown["device"] not in kpu.rights()
    synced = pps.run("phone", "sync", "--service", kpu.service_url, *home)
    assert synced.returncode == 0, synced.stderr
    assert kpu.rights()[shown["device"]] == [OTHER_TPS]
    assert pps.said("registry sync")[-1]["waiting"] == 0


def test_a_list_by_stick(pps: Office, folder: Path) -> None:
    """What the office fetched of a TPS where it had a network goes with the enrolment to a phone that has none."""
    (fetched,) = pps.said("lists", TPS)
    assert fetched["events"] == 1
    home = ("--home", str(folder / "eko"))
    (shown,) = pps.said("phone enrol", "--offline", *home)
    file = str(folder / "eko.ndjson")
    (signed,) = pps.said("enrol", shown["key_line"], "--officer", "eko", "--tps", TPS, "--out", file)
    assert signed["events"] == 1
    (enrolled,) = Office(folder / "nowhere").said("phone enrol", file, *home)
    assert enrolled["voters"] == {TPS: 1}


def test_a_new_phone_and_the_old_one(pps: Office, kpu: Office, folder: Path) -> None:
    """Re-linked: the old phone's right ends at the seq that the office states, the new one has the same officer's."""
    old, new = (str(folder / name) for name in ("budi-old", "budi-new"))
    (made,) = pps.said("enrol", "--officer", "budi", "--tps", TPS)
    (first,) = pps.said("phone enrol", made["invitation"], "--home", old)
    assert pps.run("phone", "sync", "--home", old).returncode == 0
    options = ("--officer", "budi", "--tps", TPS, "--replaces", first["device"], "--from", "5")
    (made,) = pps.said("enrol", *options)
    (second,) = pps.said("phone enrol", made["invitation"], "--home", new)
    assert pps.run("phone", "sync", "--home", new).returncode == 0
    rights = kpu.rights()
    assert first["device"] not in rights
    assert rights[second["device"]] == [TPS]


def test_the_registry_leaves_the_house(kpu: Office, pps: Office, folder: Path, names: dict[str, str]) -> None:
    """An export of all lines is verified by somebody with nothing but the root's id."""
    file = str(folder / "registry.ndjson")
    pps.said("registry export", file)
    auditor = Office(folder / "auditor").said("registry verify", file, "--root", names["root"])
    assert auditor[-1]["position"] == kpu.said("registry")[-1]["position"]
    assert not [line for line in auditor if "void" in line]


def test_a_lost_office_comes_back(kpu: Office, folder: Path, names: dict[str, str]) -> None:
    """From the printed kit the kpu's office comes back on a new machine, waits for the registry, and then signs."""
    kit = folder / "ecoklit-kit-pilkada-2024-9404.html"
    restored = Office(folder / "restored")
    passphrase = ("--passphrase-file", str(folder / "passphrase"))
    assert restored.said("init", "--restore", str(kit), *passphrase)[0]["office"] == names["office"]
    assert restored.refused("assign", "siti", "--tps", OTHER_TPS).startswith("registry_unknown: ")
    done = restored.run("assign", "siti", "--tps", OTHER_TPS, ECOKLIT_SERVICE_URL=kpu.service_url)
    assert done.returncode == 0, done.stderr
    assert [
        line["right"]["officer"]
        for line in kpu.said("registry")
        if "right" in line and line["right"]["by"] == names["office"] and line["right"]["area"] == OTHER_TPS
    ] == ["siti"]
