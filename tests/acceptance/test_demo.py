"""`ecoklit demo` as a person runs it: what it shows, that its proof can fail, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from commands import ECOKLIT, Done, begun, fresh_folder, processes_of, wait_until

from ecoklit.bootstrap import House
from ecoklit.cli import demo
from ecoklit.cli.exits import Exit
from ecoklit.cli.main import main
from ecoklit.core.policy import Policy
from ecoklit.testing import replay as replays
from ecoklit.testing.replay import Replay

AREA = "94.04.02"  # Agimuga: 8 villages, 8 TPS, 813 voters
VOTERS = 813
RUN_SECONDS_MAX = 240


def command(folder: Path, *options: str, **environ: str) -> dict[str, Any]:
    return {
        "args": [ECOKLIT, "demo", "--area", AREA, *options],
        "env": {**os.environ, "TMPDIR": str(folder), **environ},
        "cwd": folder,
    }


def run(folder: Path, *options: str, **environ: str) -> Done:
    return subprocess.run(
        **command(folder, *options, **environ), capture_output=True, text=True, check=False, timeout=RUN_SECONDS_MAX
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    with fresh_folder() as name:
        yield name


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[dict[str, Any], Path]]:
    """What one run says to a program, and the folder that it worked in."""
    with fresh_folder() as folder:
        done = run(folder, "--json")
        assert (done.returncode, done.stderr) == (Exit.OK, "")
        yield json.loads(done.stdout), folder


@pytest.fixture(scope="module")
def shown() -> str:
    """What another run of the same seed shows to a person, through a pipe."""
    with fresh_folder() as folder:
        done = run(folder, "--rows", "0")
    assert (done.returncode, done.stderr) == (Exit.OK, "")
    return done.stdout


def test_the_proof_holds_and_is_no_empty_one(told: tuple[dict[str, Any], Path]) -> None:
    """Every claim holds, and the digests of both replays and of the live projection are there to be compared."""
    proof = told[0]["proof"]
    assert proof["holds"] and all(claim["against"] == [] for claim in proof["claims"])
    assert proof["live"] == proof["replays"][0] == proof["replays"][1]
    assert len(proof["live"]) == proof["areas"] == 8 + 8 + 4
    assert told[0]["sync"]["refused"].keys() <= {"gap"}
    assert sum(told[0]["sync"]["pushes"].values()) > told[0]["sync"]["pushes"]["once"]


def test_the_sums_add_up(told: tuple[dict[str, Any], Path]) -> None:
    """listed + new + arrived − departed − removed = on the list, in every village and in the district."""
    found, _ = told
    assert len(found["recap"]) == 8
    for row in (*found["recap"], found["total"]):
        present = row["listed"] + row["new"] + row["arrived"] - row["departed"] - row["removed"]
        assert present == row["on_list"]
    for name in ("listed", "new", "arrived", "departed", "removed", "on_list", "in_conflict", "proposed"):
        assert sum(row[name] for row in found["recap"]) == found["total"][name]
    assert found["total"]["listed"] == VOTERS == found["imported"]["rows"]["listed"]
    assert found["total"]["arrived"] == found["total"]["departed"] > 0
    of_tps = next(row for row in found["recap"] if found["roll"]["tps"].startswith(row["area"]))
    assert len(found["roll"]["voters"]) == of_tps["on_list"]


def test_every_conflict_has_two_sides_and_one_winner(told: tuple[dict[str, Any], Path]) -> None:
    """Both sides of each conflict are shown, of which exactly one applies."""
    sides: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in told[0]["conflicts"]:
        sides.setdefault((row["voter"], row["register"]), []).append(row)
    assert sides and told[0]["proposals"]
    for conflict in sides.values():
        assert len({side["value"] for side in conflict}) > 1
        assert sum(side["wins"] for side in conflict) == 1


def test_no_number_is_shown_whole(told: tuple[dict[str, Any], Path], shown: str) -> None:
    """NIK and NKK show six digits and ten stars, to programs and to people."""
    for voter in told[0]["roll"]["voters"]:
        assert all(re.fullmatch(r"\d{6}\*{9,10}", voter[name]) for name in ("nik", "nkk") if voter[name])
    assert re.search(r"\d{6}\*{10}", shown)
    for text in (json.dumps(told[0]), shown):
        assert not re.search(r"(?<![0-9a-f])\d{15,16}(?![0-9a-f])", text)


def test_one_seed_gives_one_proof(told: tuple[dict[str, Any], Path], shown: str) -> None:
    """Two runs of one seed end with the same digests, although their phones came in another order."""
    live = told[0]["proof"]["live"]
    assert [line.split()[0] for line in shown.splitlines() if live["00"][:20] in line] == ["00"]
    assert live["9404"][:20] in shown and told[0]["roll"]["digest"] in shown


def test_it_is_shown_to_people(told: tuple[dict[str, Any], Path], shown: str) -> None:
    """List, recap, conflicts, proposals and proof, Bahasa Indonesia first, within a hundred columns of a pipe."""
    order = [
        f"Daftar pemilih terkini TPS {'.'.join(re.findall('(..)(..)(..)(....)(...)', told[0]['roll']['tps'])[0])}",
        "Rekapitulasi per desa/kelurahan · recap by village",
        "Konflik terbuka, kedua sisi",
        "Usulan yang menunggu putusan",
        "Bukti · proof",
        "TERBUKTI",
    ]
    places = [shown.index(words) for words in order]
    assert places == sorted(places)
    assert max(map(len, shown.splitlines())) <= 100
    assert "✗" not in shown and "…/" not in shown and "\x1b" not in shown
    numbered = re.findall(r"^ *(\d+) \S.*\*{9}", shown, re.MULTILINE)
    assert list(map(int, numbered)) == list(range(1, len(told[0]["roll"]["voters"]) + 1))


def test_nothing_is_left(told: tuple[dict[str, Any], Path]) -> None:
    """No folder and no server outlive a demonstration."""
    assert list(told[1].iterdir()) == [] and processes_of(told[1]) == []


# --- the proof can fail ----------------------------------------------------------------------------------------------


def tampering(statement: str) -> Any:
    """`catch_up`, and then somebody changes the database."""
    caught_up = demo.catch_up

    async def catch_up(house: House, screen: Any) -> None:
        await caught_up(house, screen)
        connection = await asyncpg.connect(house.settings.database())
        try:
            assert await connection.execute(statement) == "UPDATE 1"
        finally:
            await connection.close()

    return catch_up


REMOVE = """
update ecoklit.voter set decision =
    convert_to(replace(convert_from(decision, 'UTF8'), '"on_list":true', '"on_list":false'), 'UTF8')
where voter = (select min(voter::text)::uuid from ecoklit.voter where on_list)
"""
HIDE = """
update ecoklit.voter set verdict = 'deceased'
where voter = (select min(voter::text)::uuid from ecoklit.voter where on_list)
"""


@pytest.mark.parametrize(("statement", "failed"), [(REMOVE, {"live_agrees"}), (HIDE, {"sums", "lists"})])
def test_a_changed_row_fails_the_proof(
    statement: str, failed: set[str], monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """One voter's row changed behind the service's back: exit 1, and the TPS is named."""
    monkeypatch.setattr(demo, "catch_up", tampering(statement))
    assert main(["demo", "--area", AREA, "--json"]) == Exit.DIFFERS
    proof = json.loads(capsysbinary.readouterr().out)["proof"]
    against = {claim["name"]: claim["against"] for claim in proof["claims"] if claim["against"]}
    assert not proof["holds"] and against.keys() <= {*failed, "totals"} and against.keys() & failed
    assert any(code.startswith("940402") for codes in against.values() for code in codes)


def test_a_lost_event_fails_the_proof(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A replay that lacks one event agrees with nothing: exit 1, shown in words."""
    whole = replays.replay

    def lacking(lines: list[bytes], policies: dict[str, Policy], seed: int) -> Replay:
        return whole(lines[1:] if seed == demo.SEED + 2 else lines, policies, seed)

    monkeypatch.setattr(replays, "replay", lacking)
    assert main(["demo", "--area", AREA, "--rows", "1"]) == Exit.DIFFERS
    said = capsysbinary.readouterr().out.decode()
    assert "✗ dua putar ulang" in said and "TIDAK TERBUKTI" in said and "PROVED: two" not in said


# --- wrong input, and stopping ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("area", ["94.05", "94.04.99", "94.04.02.2001.001", "94", "xx", ""])
def test_an_unknown_area_is_named(
    area: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An area that Mimika does not have: one sentence, exit 2, nothing was started."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["demo", "--area", area]) == Exit.USAGE
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("ecoklit: unknown_area: ") and said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--data names a new folder: one that holds anything is refused, and stays as it was."""
    (tmp_path / "mine").write_text("mine")
    assert main(["demo", "--area", AREA, "--data", str(tmp_path)]) == Exit.USAGE
    assert "bad_argument" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_no_room_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk without room: how much is free and how much is needed, exit 5, no folder."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 5_000_000})())
    assert main(["demo", "--area", AREA]) == Exit.LATER
    assert re.search(r"disk_full: .* 5 MB free and about \d+ MB are needed", capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_in_use_is_named(folder: Path, busy_port: int) -> None:
    """The port that ECOKLIT_PORT asks for is another program's: said so, exit 4, nothing is left."""
    done = run(folder, ECOKLIT_PORT=str(busy_port))
    assert done.returncode == Exit.UNFIT and f"port_in_use: Port {busy_port}" in done.stderr
    assert list(folder.iterdir()) == [] and processes_of(folder) == []


@pytest.mark.parametrize(("number", "after"), [(signal.SIGINT, "1/9"), (signal.SIGTERM, "3/9"), (signal.SIGINT, "6/9")])
def test_it_can_be_stopped_at_any_point(number: int, after: str, folder: Path) -> None:
    """Ctrl-C or SIGTERM in the middle: one sentence, exit 130, no server and no folder left."""
    going = begun(**command(folder), text=True)
    assert going.stdout is not None
    for line in going.stdout:
        if line.startswith(after):
            break
    going.send_signal(number)
    _, complained = going.communicate(timeout=RUN_SECONDS_MAX)
    assert (going.returncode, complained) == (
        Exit.STOPPED,
        "ecoklit: dihentikan, tidak ada yang hilang · stopped, nothing is lost.\n",
    )
    assert list(folder.iterdir()) == []
    wait_until(lambda: not processes_of(folder), "no server outlives it")
