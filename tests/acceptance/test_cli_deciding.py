"""An office decides, as people use it: on a running `up`, from a folder that reaches it over HTTP alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from commands import Folder, fresh_folder, serving, wait_until

from ecoklit.ports import ServiceUnavailable

VILLAGE, FIRST, SECOND = "9404012001", "9404012001001", "9404012001002"
BORN = ("--how", "in_person", "--document", "ktp_el", "--set", "sex=L")


@pytest.fixture(scope="module")
def kpu() -> Iterator[Folder]:
    with fresh_folder() as folder:
        office = Folder(folder / "kpu")
        office.init()
        with serving(office):
            yield office


@pytest.fixture(scope="module")
def pps(kpu: Folder) -> Folder:
    """A village's office: it reaches the service over HTTP alone."""
    (made,) = kpu.said("enrol", "--officer", "pps-1", "--area", VILLAGE)
    office = Folder(kpu.data.parent / "pps")
    office.said("join", made["invitation"])
    return office


class Phone:
    """An officer's phone at a TPS."""

    def __init__(self, office: Folder, officer: str, tps: str) -> None:
        self.office, self.tps = office, tps
        self.home = ("--home", str(office.data.parent / officer))
        (made,) = office.said("enrol", "--officer", officer, "--tps", tps)
        office.said("phone enrol", made["invitation"], *self.home)

    def says(self, command: str, *argv: str) -> dict[str, Any]:
        (said,) = self.office.said(f"phone {command}", *argv, *self.home)
        return said

    def born(self, name: str, *more: str) -> str:
        voter: str = self.says("new", *BORN, "--set", f"name={name}", *more)["voter"]
        return voter

    def sync(self) -> None:
        done = self.office.run("phone", "sync", *self.home)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def siti(pps: Folder) -> Phone:
    phone = Phone(pps, "siti", FIRST)
    phone.sync()
    return phone


def on_list(kpu: Folder, tps: str) -> set[str]:
    return {row["voter"] for row in kpu.said("roll", tps)[0]["voters"]}


def test_a_ruling_is_shown_before_it_is_said(pps: Folder, kpu: Folder, siti: Phone) -> None:
    """Without --yes nothing is signed; with it the voter is off the list, by the office's own key and right."""
    voter = siti.born("WARGA SATU")
    siti.sync()
    asked = ("--tps", FIRST, "--verdict", "deceased")
    shown, ended = pps.said("rule", voter, *asked)
    assert (shown["before"]["verdict"], shown["after"]["verdict"]) == ("confirmed", "deceased")
    assert ended == {"said": 0, "pushed": 0}
    assert pps.said("rule", voter, *asked, "--yes")[-1] == {"said": 1, "pushed": 1}
    wait_until(lambda: voter not in on_list(kpu, FIRST))
    last = kpu.said("history", voter)[-1]
    assert (last["type"], last["standing"]) == ("ruled", "counted")
    assert (last["event"]["officer"], last["event"]["role"]) == ("pps-1", "pps")


def test_both_sides_are_shown(pps: Folder, kpu: Folder, siti: Phone) -> None:
    """Two phones that did not know of each other disagree; the office sees who said what, and its ruling ends it."""
    voter = siti.born("WARGA DUA")
    siti.sync()
    ani = Phone(pps, "ani", FIRST)
    ani.sync()
    ani.says("moved", voter, "--to-area", "9103", "--evidence", "ktp_el")
    siti.says("deceased", voter, "--evidence", "death_certificate")
    for phone in (siti, ani):
        phone.sync()
    wait_until(lambda: kpu.said("conflicts", FIRST)[0]["conflicts"])
    shown, _ = pps.said("rule", voter, "--tps", FIRST, "--verdict", "moved_away", "--yes")
    assert {side["value"] for side in shown["sides"] if side["register"] == "verdict"} == {"deceased", "moved_away"}
    assert {side["officer"] for side in shown["sides"]} == {"siti", "ani"}
    assert shown["before"]["conflicts"] == ["verdict"] and shown["after"]["conflicts"] == []
    wait_until(lambda: not kpu.said("conflicts", FIRST)[0]["conflicts"])


def test_what_is_personal_comes_in_a_file(pps: Folder, kpu: Folder, siti: Phone, tmp_path: Path) -> None:
    """Corrections and the note travel with the voter's particulars; the output names the fields, not the values."""
    voter = siti.born("WARGA TIGA")
    siti.sync()
    personal = tmp_path / "personal.json"
    personal.write_text(json.dumps({"changes": {"name": "WARGA TIGA PULUH"}, "note": "akta dilihat"}))
    done = pps.run("rule", voter, "--tps", FIRST, "--personal", personal, "--yes")
    assert done.returncode == 0, done.stderr
    assert "name" in done.stdout and "TIGA PULUH" not in done.stdout and "akta" not in done.stdout
    named = wait_until(lambda: [row for row in kpu.said("roll", FIRST)[0]["voters"] if "PULUH" in row["name"]])
    assert [row["voter"] for row in named] == [voter]


def test_many_at_once(pps: Folder, kpu: Folder, siti: Phone, tmp_path: Path) -> None:
    """A file of rulings is said whole or, where one of them would not count, not at all."""
    voters = [siti.born(f"WARGA {nth}") for nth in ("EMPAT", "LIMA")]
    siti.sync()
    lines = [{"voter": voter, "tps": FIRST, "verdict": "disqualified", "reason": "unknown"} for voter in voters]
    file = tmp_path / "decisions.ndjson"
    stranger = {**lines[0], "voter": "20a136e2-4c5f-8ec7-a2f4-cde6e20457a0"}
    file.write_text("".join(json.dumps(one) + "\n" for one in (*lines, stranger)))
    refused = pps.run("rule", "--file", file, "--yes")
    assert refused.stderr.startswith("ecoklit: unknown_voter: ")
    assert set(voters) <= on_list(kpu, FIRST)
    file.write_text("".join(json.dumps(one) + "\n" for one in lines))
    assert pps.said("rule", "--file", file, "--yes")[-1] == {"said": 2, "pushed": 2}
    wait_until(lambda: not set(voters) & on_list(kpu, FIRST))


WRONG = {
    "nobody named": ((), "bad_argument"),
    "nothing ruled": (("{voter}", "--tps", FIRST), "bad_ruling"),
    "no reason": (("{voter}", "--tps", FIRST, "--verdict", "disqualified"), "bad_ruling"),
    "a reason for the dead": (
        ("{voter}", "--tps", FIRST, "--verdict", "deceased", "--reason", "unknown"),
        "bad_ruling",
    ),
    "a duplicate of nobody": (
        ("{voter}", "--tps", FIRST, "--verdict", "disqualified", "--reason", "duplicate"),
        "bad_ruling",
    ),
    "elsewhere": (("{voter}", "--tps", FIRST, "--to", "9103012001001"), "bad_ruling"),
    "not on that roll": (("{voter}", "--tps", SECOND, "--verdict", "deceased"), "unknown_voter"),
    "beyond the village": (("{voter}", "--tps", "9404022001001", "--verdict", "deceased"), "not_entitled"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_wrong_rulings(pps: Folder, siti: Phone, kpu: Folder, name: str) -> None:
    """Every wrong ruling is refused in one sentence, and nothing is signed."""
    argv, code = WRONG[name]
    voter = sorted(on_list(kpu, FIRST))[0] if on_list(kpu, FIRST) else siti.born("WARGA ENAM")
    done = pps.run("rule", *(one.format(voter=voter) for one in argv), "--yes")
    assert done.returncode != 0 and done.stdout == ""
    assert done.stderr.startswith(f"ecoklit: {code}: ") and done.stderr.count("\n") == 1


def test_another_village_rules_nothing_here(pps: Folder, kpu: Folder, siti: Phone) -> None:
    """The office of the next village gets no list of this one, so it has nobody to rule on."""
    (made,) = kpu.said("enrol", "--officer", "pps-2", "--area", "9404012002")
    other = Folder(kpu.data.parent / "other")
    other.said("join", made["invitation"])
    voter = sorted(on_list(kpu, FIRST))[0]
    done = other.run("rule", voter, "--tps", FIRST, "--verdict", "deceased", "--yes")
    assert done.stderr.startswith("ecoklit: not_entitled: ")


# --- stages ----------------------------------------------------------------------------------------------------------


def test_stages(pps: Folder, kpu: Folder, siti: Phone, tmp_path: Path) -> None:
    """A frozen list can be had again by its stage's name, is proved by its digest, and the change list to the next one
    names everybody who is new, removed, moved or corrected, and nobody else."""
    names = ("TETAP", "MATI", "GANTI", "PINDAH")
    stays, dies, changes, moves = (siti.born(f"TAHAP {name}") for name in names)
    siti.sync()
    wait_until(lambda: {stays, dies, changes, moves} <= on_list(kpu, FIRST))
    (shown,) = kpu.said("stage set", "9404", "DPS")
    assert not shown["said"] and kpu.said("stage list") == []
    (frozen,) = kpu.said("stage set", "9404", "DPS", "--yes")
    was = kpu.said("roll", FIRST)[0]

    newcomer = siti.born("TAHAP BARU")
    siti.says("deceased", dies, "--evidence", "death_certificate")
    siti.says("found", changes, "--set", "name=TAHAP GANTI NAMA", "--set", "rt=007")
    siti.says("moved", moves, "--to", SECOND)
    siti.sync()
    wait_until(lambda: newcomer in on_list(kpu, FIRST))
    kpu.said("stage set", "9404", "DPSHP", "--yes")

    listed = kpu.said("stage list")
    assert [one["stage"] for one in listed] == ["DPS", "DPSHP"]
    (proved,) = kpu.said("stage verify", "9404", "DPS")
    assert proved["digest"] == listed[0]["digest"] and proved["voters"] == frozen["voters"]
    then = kpu.said("roll", FIRST, "--at", "DPS")[0]
    assert (then["digest"], then["voters"]) == (was["digest"], was["voters"])

    file = tmp_path / "changes.csv"
    rows = {row["voter"]: row for row in kpu.said("diff", "DPS", "DPSHP", "--csv", file)}
    assert {voter: row["kind"] for voter, row in rows.items()} == {
        newcomer: "new", dies: "tms", changes: "corrected", moves: "moved",
    }  # fmt: skip
    assert rows[changes]["corrected"] == ["name", "rt"] and rows[dies]["reason"] == "deceased"
    assert (rows[moves]["before"], rows[moves]["after"]) == (FIRST, SECOND)
    assert len(file.read_text().splitlines()) == 5 and file.stat().st_mode & 0o077 == 0
    assert {row["kind"] for row in kpu.said("diff", "DPS", "now", "--area", SECOND)} == {"moved_in"}
    assert kpu.said("diff", "DPSHP", "DPSHP") == []
    assert {row["kind"] for row in kpu.said("diff", "0", "DPS")} == {"new"}


# --- remap -----------------------------------------------------------------------------------------------------------

THIRD, FOURTH = "9404012001003", "9404012001004"
FAMILY = "9404012345678901"


def ruled(kpu: Folder, voter: str) -> int:
    return sum(one["type"] == "ruled" for one in kpu.said("history", voter))


def test_an_interrupted_remap_goes_on(pps: Folder, kpu: Folder, tmp_path: Path) -> None:
    """A TPS is split by RT; a family goes as a whole, also where one of it lives in another RT. Cut off between signing
    and sending, the next run sends what was signed, and nobody is ruled twice."""
    phone = Phone(pps, "eko", THIRD)
    phone.sync()
    lives = {
        "SATU": ("--set", "rt=001", "--set", f"nkk={FAMILY}"),
        "DUA": ("--set", "rt=002", "--set", f"nkk={FAMILY}"),
        "TIGA": ("--set", "rt=002"),
        "EMPAT": ("--set", "rt=01"),
    }
    voters = {name: phone.born(f"RT {name}", *more) for name, more in lives.items()}
    phone.sync()
    wait_until(lambda: set(voters.values()) <= on_list(kpu, THIRD))
    file = tmp_path / "remap.csv"
    file.write_text(f"tps;to;rt\n94.04.01.2001.003;{FOURTH};1\n")
    *planned, shown = pps.said("remap", file)
    assert {one["voter"]: one["with_family"] for one in planned} == {
        voters["SATU"]: False, voters["DUA"]: True, voters["EMPAT"]: False,
    }  # fmt: skip
    sizes = [{"tps": THIRD, "before": 4, "after": 1}, {"tps": FOURTH, "before": 0, "after": 3}]
    assert shown == {"sizes": sizes, "idle": [], "said": 0, "pushed": 0}
    with mock.patch("ecoklit.adapters.http_service.HttpService.push", side_effect=ServiceUnavailable("gone")):
        cut_off = pps.run("remap", file, "--yes")
    assert cut_off.returncode == 3 and "signed and kept" in cut_off.stderr
    assert on_list(kpu, FOURTH) == set()
    (again,) = pps.said("remap", file, "--yes")
    assert (again["said"], again["idle"]) == (0, [2])
    assert on_list(kpu, FOURTH) == {voters[name] for name in ("SATU", "DUA", "EMPAT")}
    assert [ruled(kpu, voters[name]) for name in lives] == [1, 1, 0, 1]


def test_wrong_remaps(pps: Folder, kpu: Folder, tmp_path: Path) -> None:
    """A split family, a full TPS, a chain and a bad file are refused whole, and no cell of the file is repeated."""
    fifth = Phone(pps, "fajar", "9404012001005")
    fifth.sync()
    one, other = (fifth.born(f"KELUARGA {nth}", "--set", f"nkk={FAMILY}") for nth in ("A", "B"))
    fifth.sync()
    wait_until(lambda: {one, other} <= on_list(kpu, fifth.tps))
    for text, code, options in (
        (f"tps,to,voter\n{fifth.tps},{SECOND},{one}\n{fifth.tps},{FIRST},{other}\n", "family_split", ()),
        (f"tps,to,voter\n{fifth.tps},{SECOND},{one}\n{fifth.tps},{FIRST},{one}\n", "bad_remap", ()),
        (f"tps,to\n{fifth.tps},{SECOND}\n", "over_limit", ("--limit", "1")),
        (f"tps,to\n{fifth.tps},{SECOND}\n{SECOND},{FIRST}\n", "bad_remap", ()),
        (f"tps,to\n{fifth.tps},9103012001001\n", "bad_remap", ()),
        (f"tps,to,voter\n{fifth.tps},{SECOND},{FAMILY}\n", "bad_remap", ()),
        (f"tps,to,nik\n{fifth.tps},{SECOND},{FAMILY}\n", "bad_argument", ()),
        (f"tps,to,nkk\n{fifth.tps},{SECOND}\n", "bad_argument", ()),
        ("tps,to\n", "bad_argument", ()),
    ):
        file = tmp_path / "remap.csv"
        file.write_text(text)
        done = pps.run("remap", file, *options, "--yes")
        assert done.stderr.startswith(f"ecoklit: {code}: "), (text, done.stderr)
        assert FAMILY not in done.stderr + done.stdout and ruled(kpu, one) == 0


def test_wrong_stages(pps: Folder, kpu: Folder) -> None:
    """Only the kpu freezes; a stage that nobody froze, an area of another regency, and an empty one are refused."""
    for folder, argv, code in (
        (kpu, ("stage", "verify", "9404", "DPT"), "unknown_stage"),
        (kpu, ("diff", "DPHP", "now"), "unknown_stage"),
        (kpu, ("stage", "set", "9103", "DPS"), "unknown_area"),
        (kpu, ("stage", "set", "940499", "DPS"), "unknown_stage"),
        (pps, ("stage", "set", VILLAGE, "DPT", "--yes"), "not_entitled"),
    ):
        more = {} if folder is kpu else {"ECOKLIT_DATABASE_URL": database_of(kpu)}
        done = folder.run(*argv, **more)
        assert done.stderr.startswith(f"ecoklit: {code}: "), done.stderr


def database_of(office: Folder) -> str:
    url: str = json.loads((office.data / "running.json").read_bytes())["database_url"]
    return url


# --- marks -----------------------------------------------------------------------------------------------------------

TITLES = (
    "NKK,NIK,Nama,Tempat Lahir,Tgl Lahir,Status Kawin,Jenis Kelamin,Alamat,RT,RW,Disabilitas,Ektp,Keterangan,"
    "Sumber Data,TPS"
)


def test_the_dead_of_an_earlier_list(kpu: Folder, siti: Phone, tmp_path: Path) -> None:
    """An earlier election's list becomes marks, by its own code book; who was struck there and stands here is asked
    about, and the file of marks holds nothing of the list."""
    back = siti.born("BANGKIT KEMBALI", "--set", "birth_date=1950-05-05", "--set", "nik=9404010505500001")
    siti.sync()
    wait_until(lambda: back in on_list(kpu, FIRST))
    rows = (
        f"{TITLES}\n,9404010505500001,BANGKIT KEMBALI,TIMIKA,05-05-1950,S,L,JL,1,1,,S,1,DP4,1\n"
        ",9404010101600002,MASIH ADA,TIMIKA,01-01-1960,S,L,JL,1,1,,S,,DP4,1\n"
    )
    earlier, key, marks = (tmp_path / name for name in ("lama.csv", "bersama.key", "tersaring.ndjson"))
    earlier.write_text(rows)
    (made,) = kpu.said("marks removed", "9404", "--list", earlier, "--key", key, "--out", marks)
    assert made["marks"] == 1
    assert "BANGKIT" not in marks.read_text() and "9404010505500001" not in marks.read_text()
    assert all(file.stat().st_mode & 0o077 == 0 for file in (key, marks))
    (found,) = kpu.said("returned", "9404", "--with", marks, "--key", key)
    assert [(row["voter"], row["alike"], row["why"]) for row in found["rows"]] == [(back, "nik", "deceased")]
    assert kpu.said("pairs", "9404")[0]["rows"] == []


def test_wrong_marks(kpu: Folder, tmp_path: Path) -> None:
    """A file that is none, marks of another kind, a missing key and a file that is there are refused in a sentence."""
    key, marks = tmp_path / "k", tmp_path / "m"
    kpu.said("marks leaving", "9404", "--key", key, "--out", marks)
    empty = tmp_path / "empty"
    empty.write_text("")
    for argv, code in (
        (("marks", "leaving", "9404", "--key", key, "--out", marks), "bad_argument"),
        (("marks", "leaving", "9404", "--key", key, "--list", empty, "--out", tmp_path / "n"), "bad_argument"),
        (("marks", "leaving", "9103", "--key", key, "--out", tmp_path / "n"), "not_projected"),
        (("returned", "9404", "--with", marks, "--key", key), "bad_marks"),
        (("returned", "9404", "--with", empty, "--key", key), "bad_marks"),
        (("pairs", "9404", "--with", marks, "--key", empty), "bad_key"),
        (("pairs", "9404", "--with", marks), "bad_argument"),
    ):
        done = kpu.run(*argv)
        assert done.stderr.startswith(f"ecoklit: {code}: ") and done.stderr.count("\n") == 1, (argv, done.stderr)


# --- windows: the last, for it closes a village -----------------------------------------------------------------------


def test_the_window_and_what_came_late(kpu: Folder, pps: Folder) -> None:
    """Each word on an area's window is shown with who said it; what came when it was closed is counted by officer."""
    late = Phone(pps, "gita", "9404012001009")
    late.sync()
    early = late.born("TEPAT WAKTU")
    late.sync()
    (report,) = kpu.said("windows", VILLAGE)
    assert report["is_open"] and report["words"] == []
    kpu.said("window", "open", "9404")
    kpu.said("window", "close", VILLAGE)
    voter = late.born("TERLAMBAT SEKALI")
    assert pps.run("phone", "sync", *late.home).returncode == 1  # taken, and not counted
    report = wait_until(lambda: [one for one in kpu.said("windows", VILLAGE) if one["late"]])[0]
    assert [(one["what"], one["area"]) for one in report["words"]] == [("opened", "9404"), ("closed", VILLAGE)]
    assert not report["is_open"] and [(one["officer"], one["entries"]) for one in report["late"]] == [("gita", 1)]
    assert kpu.said("windows", "940402")[0]["is_open"]
    refused = pps.run("rule", voter, "--tps", late.tps, "--verdict", "confirmed", "--yes")
    assert refused.stderr.startswith("ecoklit: unknown_voter: ")
    closed = pps.run("rule", early, "--tps", late.tps, "--verdict", "deceased", "--yes")
    assert closed.stderr.startswith("ecoklit: late: ") and "window extend" in closed.stderr
