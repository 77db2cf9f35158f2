"""The transparency log as offices, witnesses and courts use it: built, published, watched, proved from, checked."""

from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import Folder, fresh_folder, serving, wait_until

from ecoklit.cli.pushing import read_codebook
from ecoklit.testing import mimika

VILLAGE, MORE, YET_MORE = "9404022001", "9404062012", "9404052001"


class House(Folder):
    office: str
    log: dict[str, dict[str, Any]]

    def refused(self, *argv: str | Path, code: int) -> str:
        done = self.run(*argv)
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
        return done.stderr

    def imported(self, village: str) -> int:
        file = self.data.parent / mimika.file_name(village, ".csv")
        mimika.write_csv(file, village, read_codebook("2024"))
        listed: int = self.said("import", file)[-1]["outcomes"]["listed"]
        return listed


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """An election with one village's list, its service running, and its logs built."""
    with fresh_folder() as folder:
        house = House(folder / "kpu")
        house.office = house.init()["office"]
        with serving(house) as running:
            listed = house.imported(VILLAGE)
            wait_until(lambda: running.get("/health/ready")["lag_events"] == 0, "the roll shows all")
            built = house.said("log build")
            assert sorted(step["position"] for step in built)[-1] == listed
            house.log = {shown["origin"]: shown for shown in house.said("log show")}
            yield house


@pytest.fixture
def voters(house: House) -> dict[str, Any]:
    return house.log["ecoklit/pilkada-2024/9404"]


def test_both_logs_are_sound_from_their_keys_alone(house: House, tmp_path: Path) -> None:
    """Whoever has the public folder and the key checks the tree; with the bundles, every entry."""
    assert set(house.log) == {"ecoklit/pilkada-2024/9404", "ecoklit/pilkada-2024/9404/registry"}
    for shown in house.log.values():
        shutil.copytree(shown["public"], tmp_path / "copy", dirs_exist_ok=True)
        for more in ((), ("--bundles", shown["bundles"])):
            (checked,) = house.said("log verify", tmp_path / "copy", "--key", shown["key"], *more)
            assert (checked["size"], checked["root"], checked["errors"]) == (shown["size"], shown["root"], [])
        shutil.rmtree(tmp_path / "copy")
    other = house.log["ecoklit/pilkada-2024/9404/registry"]
    shown = house.log["ecoklit/pilkada-2024/9404"]
    assert "unknown_log" in house.refused("log", "verify", shown["public"], "--key", other["key"], code=1)


def test_the_journal_is_what_was_logged_of_it(house: House) -> None:
    voters, registry = house.said("log compare")
    assert (voters["not_logged"], voters["not_held"], voters["stated"]) == ([], [], 1)
    assert voters["messages"] > 70 and registry["messages"] > 0 and registry["not_held"] == []


def test_a_file_that_was_changed_is_named(house: House, voters: dict[str, Any], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(voters["public"], copy)
    tile = next(path for path in sorted(copy.glob("tile/0/**/*")) if path.is_file())
    data = bytearray(tile.read_bytes())
    data[40] ^= 1
    tile.write_bytes(data)
    (checked,) = house.said("log verify", copy, "--key", voters["key"], code=4)
    assert [error["path"] for error in checked["errors"]] == [tile.relative_to(copy).as_posix()]


def test_the_rolls_digests_are_in_the_log(house: House, voters: dict[str, Any], tmp_path: Path) -> None:
    """What the service shows is stated where it cannot be taken back, with the positions that it is of."""
    bundles = sorted(path for path in Path(voters["bundles"]).rglob("*") if path.is_file())
    stated = bundles[-1].read_bytes()
    stated = stated[stated.index(b'{"digests":') :]
    found = json.loads(stated)["digests"]
    assert found["position"]["ECOKLIT-pilkada-2024-9404"] == voters["size"] - 1
    assert sorted(found["digests"]) == ["9404", VILLAGE[:6]]
    entry = tmp_path / "entry"
    entry.write_bytes(stated)
    house.said("log prove", entry, "--to", tmp_path / "digests.tlog-proof")
    (proved,) = house.said("log verify", tmp_path / "digests.tlog-proof", "--key", voters["key"])
    assert (proved["kind"], proved["entry"]) == ("digests", voters["size"] - 1)


def test_a_voters_status_is_explained_and_proved(house: House, voters: dict[str, Any], tmp_path: Path) -> None:
    """`why` says whence a status comes, and its file is taken by `verify` and by the verifier that stands alone; a
    changed one, and another root key, by neither."""
    voter = drawn(house)["voter"]
    file, root = tmp_path / "bukti.voter-proof", house.said("registry")[-1]["root"]
    why = house.said("why", voter, "--to", file, "--chain")[0]
    assert (why["status"]["verdict"], why["proof"]["signed"]) == ("unvisited", 1)
    assert [event["gives"] for event in why["events"]] == ["verdict, tps"]
    told = house.run("why", voter).stdout
    assert "Terdaftar di TPS" in told and "listed the voter from" in told
    verified = house.said("verify", file, "--root", root, "--key", voters["key"])[0]
    assert verified["status"] == why["status"]
    alone, policy = tmp_path / "verify.py", Path("events/policies/2024-1.json").resolve()
    alone.write_text(house.run("verify", "--alone").stdout)
    for written, whose, code in (
        (file.read_bytes(), root, 0),
        (file.read_bytes()[:-1], root, 1),
        (file.read_bytes(), "a" * 16, 1),
    ):
        file.write_bytes(written)
        done = subprocess.run(
            [sys.executable, alone, file, whose, policy, voters["key"]], capture_output=True, check=False
        )
        assert done.returncode == code, done
        assert house.run("verify", file, "--root", whose, "--key", voters["key"]).returncode == code


def drawn(house: House) -> dict[str, Any]:
    """A voter of the village, by chance that anybody can draw again."""
    found = house.said("sample", VILLAGE, "--n", "3", "--seed", "4-2-6")[0]
    again = house.said("sample", VILLAGE, "--n", "5", "--seed", "4-2-6")[0]
    assert [one["voter"] for one in again["voters"]][:3] == [one["voter"] for one in found["voters"]]
    return dict(found["voters"][0])


def test_a_voter_is_found_by_name_and_by_no_argument(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the name gives the voter's id, its number masked; nobody, too little, and digits are one sentence."""
    voter = drawn(house)

    def found(words: str, code: int = 0) -> list[dict[str, Any]]:
        monkeypatch.setattr("sys.stdin", io.StringIO(words))
        return house.said("find", VILLAGE, code=code)

    rows = found(f"{voter['name'].lower()}\n")
    assert voter["voter"] in [row["voter"] for row in rows] and rows[0]["nik"].endswith("*")
    (nik,) = [one.nik for one in mimika.people(voter["tps"]) if one.name == voter["name"]][:1]
    assert voter["voter"] in [row["voter"] for row in found(f"{nik}\n")]
    assert found("1234567890123456\n", code=2) == found("AB\n", code=2) == found("Siti 9404\n", code=2) == []


def test_what_hangs_on_a_device_is_listed(house: House, tmp_path: Path) -> None:
    """Without the office's device nobody of the village would be listed; without another, and under the same policy,
    nothing changes; a story says who signed; a form is written."""
    voter = drawn(house)["voter"]
    story = house.said("history", voter, "--story")[0]
    (event,) = story["events"]
    assert event["signed"].startswith(f"{event['device']}:")
    assert "signed, up to" in house.run("history", voter, "--story").stdout
    tps = event["tps"]
    changes = house.said("whatif", "--without-device", event["device"], "--area", tps)
    assert voter in [one["voter"] for one in changes] and all(one["then"] is None for one in changes)
    assert house.said("whatif", "--without-device", "a" * 16, "--area", tps) == []
    assert house.said("whatif", "--policy", Path("events/policies/2024-1.json").resolve(), "--area", tps) == []
    for form in (tmp_path / "sampel.csv", tmp_path / "sampel.pdf"):
        house.said("sample", tps, "--n", "2", "--seed", "1", "--out", form)
        assert form.stat().st_size > 200


def test_a_witness_by_files_makes_a_proof_that_a_court_can_check(
    house: House, voters: dict[str, Any], tmp_path: Path
) -> None:
    """Witness, cosignature, policy, proof: each handed over as a file; without the witness the policy takes nothing."""
    outside = Folder(tmp_path / "elsewhere")
    (made,) = outside.said("witness init", tmp_path / "saksi", "--name", "bawaslu.example/w1")
    outside.said("witness watch", tmp_path / "saksi", voters["key"], voters["public"])
    policy = tmp_path / "policy.txt"
    policy.write_text(f"log {voters['key']}\nwitness bawaslu {made['key']}\nquorum bawaslu\n")
    proof = tmp_path / "office-1.tlog-proof"
    assert "no_quorum" in house.refused("log", "verify", voters["public"], "--policy", policy, code=1)

    (visited,) = outside.said("witness visit", tmp_path / "saksi", "--to", tmp_path / "signed")
    assert (visited["before"], visited["size"], visited["cosigned"]) == (0, voters["size"], True)
    (signed,) = (tmp_path / "signed").iterdir()
    (taken,) = house.said("log cosigned", signed, "--policy", policy)
    assert list(taken["cosigned"]) == ["bawaslu"]
    (written,) = house.said("log prove", f"{house.office}:1", "--to", proof)
    assert written["bytes"] <= 4096

    (proved,) = outside.said("log verify", proof, "--policy", policy)
    assert (proved["kind"], list(proved["cosigned"])) == ("event", ["bawaslu"])
    event = json.loads(proved["bytes"])
    assert (event["device"], event["seq"], event["type"]) == (house.office, 1, "listed")
    spoilt = bytearray(proof.read_bytes())
    spoilt[60] ^= 1
    proof.write_bytes(spoilt)
    done = outside.run("log", "verify", proof, "--policy", policy)
    assert done.returncode == 1 and done.stderr.count("\n") == 1


def test_a_log_is_followed_and_cosigned_while_it_grows(house: House, tmp_path: Path) -> None:
    """A witness that answers, a builder that is killed and started again: the log goes on, and each checkpoint that
    anybody kept is continued by the last."""
    registry = house.log["ecoklit/pilkada-2024/9404/registry"]
    voters = house.log["ecoklit/pilkada-2024/9404"]
    outside, witness = Folder(tmp_path / "elsewhere"), tmp_path / "saksi"
    (made,) = outside.said("witness init", witness, "--name", "bawaslu.example/w2")
    for shown in (voters, registry):
        outside.said("witness watch", witness, shown["key"], shown["public"])
    kept = tmp_path / "kept"
    shutil.copy(Path(voters["public"]) / "checkpoint", kept)
    answering = outside.begin("witness", "serve", witness, "--port", "0", "--json")
    assert answering.stdout is not None
    url = json.loads(answering.stdout.readline())["url"]
    policy = tmp_path / "policy.txt"
    policy.write_text(f"log {voters['key']}\nlog {registry['key']}\nwitness w {made['key']} {url}\nquorum w\n")
    listed = 0
    try:
        for stop in (signal.SIGKILL, signal.SIGINT):
            following = house.begin("log", "build", "--follow", "--policy", policy, "--json")
            assert following.stdout is not None
            if stop == signal.SIGKILL:
                listed = house.imported(MORE)
                assert listed and json.loads(following.stdout.readline())["cosigned"] == 1
            else:
                wait_until(lambda: last_of(voters) >= voters["size"] + listed, "all is logged")  # noqa: B023
            following.send_signal(stop)
            following.communicate()
        (checked,) = house.said("log verify", voters["public"], "--policy", policy, "--after", kept)
        assert checked["errors"] == [] and list(checked["cosigned"]) == ["w"]
    finally:
        answering.send_signal(signal.SIGINT)
        answering.communicate()
    assert answering.returncode == 0
    (seen,) = outside.said("witness show", witness)
    assert set(seen["logs"]) >= {voters["origin"]}


def test_a_fork_convinces_whoever_has_the_key(house: House, voters: dict[str, Any], tmp_path: Path) -> None:
    """A log whose folder was lost and that is built a second time: nobody does that by mistake, a witness refuses it,
    and what the witness keeps proves it to whoever has the log's key."""
    outside, witness, shown = Folder(tmp_path / "elsewhere"), tmp_path / "saksi", tmp_path / "shown"
    outside.said("witness init", witness, "--name", "partai.example/w")
    outside.said("witness watch", witness, voters["key"], shown)
    shutil.copytree(voters["public"], shown)
    outside.said("witness visit", witness)

    tlog = house.data / "tlog"
    tlog.rename(tmp_path / "kept")
    try:
        house.imported(YET_MORE)
        assert "log_lost" in house.refused("log", "build", code=4)
        house.said("log build", "--anew")
        shutil.rmtree(shown)
        shutil.copytree(voters["public"], shown)
    finally:
        shutil.rmtree(tlog)
        (tmp_path / "kept").rename(tlog)
    (told,) = outside.said("witness visit", witness, code=4)
    assert (told["code"], told["cosigned"]) == ("forked_log", False)
    (seen,) = outside.said("witness show", witness, code=1)
    assert seen["records"] == 1
    (proof,) = seen["forks"]
    assert outside.said("witness fork", proof, "--key", voters["key"])[0]["origin"] == voters["origin"]


def last_of(voters: dict[str, Any]) -> int:
    size: int = json.loads((Path(voters["public"]).parent / "state").read_bytes())["size"]
    return size


WRONG = {
    "log verify": (["log", "verify", "nowhere", "--key", "x"], 2, "bad_log_key"),
    "no policy": (["log", "verify", "nowhere", "--policy", "none.txt"], 2, "no_file"),
    "prove": (["log", "prove", "neither"], 2, "no_file"),
    "no log": (["log", "show"], 2, "no_log"),
    "no witness": (["witness", "visit", "nowhere"], 2, "no_witness"),
    "witness name": (["witness", "init", "w", "--name", "two words"], 2, "bad_name"),
    "every": (["witness", "visit", "w", "--every", "0"], 2, "bad_argument"),
    "fork": (["witness", "fork", "none.fork", "--key", "x"], 2, "bad_log_key"),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_a_wrong_call_is_one_sentence(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    argv, code, name = WRONG[case]
    done = Folder(tmp_path / "data").run(*argv)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert done.stderr.startswith(f"ecoklit: {name}: ")


def test_the_whole_journal_is_taken_along_and_audited(house: House, tmp_path: Path) -> None:
    """An export verifies from the root key down and comes to the digests that the log states; live, to every digest of
    the roll. What is not there is refused, and a broker that holds a journal takes no other."""
    folder = tmp_path / "arsip"
    (exported,) = house.said("journal export", folder)
    assert exported["ends"] == exported["added"] and exported["ends"]["events"] > 50
    log = Path(house.log["ecoklit/pilkada-2024/9404"]["public"]).parent
    (audit,) = house.said("audit", folder, "--jobs", "1", "--log", log)
    assert audit["sound"] and audit["faults"] == []
    assert [(one["by"][:9], one["differences"]) for one in audit["compared"]] == [("log entry", [])]
    (live,) = house.said("audit --jobs 1")
    assert live["sound"] and live["digests"] == audit["digests"]
    assert live["compared"][0]["areas"] == len(live["digests"])
    (bare,) = house.said("journal export", tmp_path / "bare", "--without-persons")
    assert house.said("audit", tmp_path / "bare", "--jobs", "1")[0]["digests"] == audit["digests"]
    assert "persons" not in bare["ends"]
    assert "no_export" in house.refused("audit", tmp_path, code=2)
    assert "journal_not_empty" in house.refused("journal", "import", folder, code=4)
    done = house.run("audit", folder, "--jobs", "1", "--root", house.office)
    assert "other_root" in done.stdout and "SOMETHING IS WRONG" in done.stdout


def test_the_registry_says_whose_keys_sign_the_logs(house: House) -> None:
    """Names and keys come down from the root key, each said once; the registry's log then has the lines that say so."""
    first, again = house.said("log announce"), house.said("log announce")
    assert [(one["log"], one["said"]) for one in first] == [("voters", True), ("registry", True)]
    assert [one["origin"] for one in first] == sorted(house.log)
    assert [one | {"said": True} for one in again] == first and all(one["position"] for one in first)
    assert not any(one["said"] for one in again)
