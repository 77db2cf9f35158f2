"""`ecoklit fold` against the published stories, and against what people do to a command."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from commands import ECOKLIT, begun

from ecoklit.cli.main import main
from ecoklit.contract import data_path
from ecoklit.core import canonical, ids
from ecoklit.core.device_log import DeviceLog

STORIES = sorted(
    (entry for entry in data_path("events", "vectors", "stories").iterdir() if entry.name.endswith(".json")),
    key=lambda entry: entry.name,
)
EXAMPLES = Path(__file__).parents[1] / "laws" / "examples"
TPS = "9404012001001"


@pytest.fixture
def fold(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Any:
    def run(ndjson: bytes, *options: str) -> tuple[int, bytes, list[str]]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ndjson)))
        code = main(["fold", *options])
        said = capsysbinary.readouterr()
        return code, said.out, said.err.decode().splitlines()

    return run


def births(count: int, election: str = "pilkada-2024") -> list[bytes]:
    device = ids.device_id("ed25519", b"k" * 32)
    log = DeviceLog(election, device, officer="o-1", role="kpu", policy="2024-1")
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD)}
    at = "2024-06-25T09:00:00+09:00"
    return [log.append("listed", tps=TPS, at=at, source="dp4-2024", person=person).line for _ in range(count)]


RECORD = (
    "address", "birth_date", "birth_place", "disability", "ektp", "marital",
    "name", "nik", "nkk", "rt", "rw", "sex",
)  # fmt: skip


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name.removesuffix(".json"))
def test_every_story_folds_to_its_states_digests_and_named_lines(fold: Any, story: Any, tmp_path: Path) -> None:
    """In every order of arrival a story prints its states and digests, and names the lines that cannot count."""
    told = json.loads(story.read_bytes())
    options = []
    for number, policy in enumerate(told["policies"]):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(policy))
        options += ["--policy", str(file)]
    for order in told["orders"]:
        events = [told["events"][place] for place in order]
        ndjson = b"".join(event["line"].encode() + b"\n" for event in events)
        code, states, said = fold(ndjson, *options)
        faults = [f"line {n}: {e['line_fault']}" for n, e in enumerate(events, start=1) if e["line_fault"]]
        assert states == b"".join(line.encode() + b"\n" for line in told["states"])
        assert [":".join(line.split(":")[:2]) for line in said if line.startswith("line ")] == faults
        assert [line for line in said if "parked" in line] == parked_line(told["parked"])
        assert code == (1 if faults else 0)
        _, digests, _ = fold(ndjson, "--digests", *options)
        assert digests.decode() == "".join(f"{code} {told['digests'][code]}\n" for code in sorted(told["digests"]))


def parked_line(parked: int) -> list[str]:
    return [f"{parked} parked: each waits for an event that is not here; give that one too."] if parked else []


@pytest.mark.parametrize("name", ["plain", "hostile", "without-persons"])
def test_the_example_histories_come_out_byte_for_byte(fold: Any, name: str) -> None:
    """A history with doubles and in scrambled order prints exactly the states and digests that were computed apart."""
    ndjson = (EXAMPLES / f"{name}.ndjson").read_bytes()
    assert fold(ndjson)[1] == (EXAMPLES / f"{name}.states.ndjson").read_bytes()
    assert fold(ndjson, "--digests")[1] == (EXAMPLES / f"{name}.digests.txt").read_bytes()


def test_nothing_folds_to_nothing(fold: Any) -> None:
    """An empty input is no error and prints nothing."""
    assert fold(b"") == (0, b"", [])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "an empty line"),
        (b"{}", "no event"),
        (b"\xff\xfe", "no text"),
        (b'{"event":{"a":1,"a":2}}', "a key twice"),
        (b"[" * 5000, "nesting without end"),
        (b'{"event":{"x":"' + b"a" * 17_000 + b'"}}', "over 16 KiB"),
        (b'{"event": {}}', "white space"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_malformed_line_is_named_and_the_rest_is_folded(fold: Any, line: bytes, why: str) -> None:
    """A line that is nobody's event is named by its number, with exit 1, and the others fold as without it."""
    good = births(2)
    alone = fold(b"\n".join(good) + b"\n")
    code, states, said = fold(b"\n".join([good[0], line, good[1]]) + b"\n")
    assert code == 1
    assert states == alone[1] != b""
    assert len(said) == 1
    assert said[0].startswith("line 2: malformed: ")


def test_a_carriage_return_is_no_part_of_a_line(fold: Any) -> None:
    """Lines with CRLF are not canonical: each is named, none is mended in silence."""
    code, states, said = fold(births(1)[0] + b"\r\n")
    assert (code, states) == (1, b"")
    assert said[0].startswith("line 1: malformed: ")


def test_the_last_line_needs_no_line_break(fold: Any) -> None:
    """A file that ends without a line break folds like one that has it."""
    line = births(1)[0]
    assert fold(line) == fold(line + b"\n")


def test_json_names_faults_as_objects(fold: Any) -> None:
    """With --json, faults, the count of the parked and digests are JSON, one object a line."""
    good = births(1)[0]
    code, digests, said = fold(b"nonsense\n" + good + b"\n", "--json", "--digests")
    assert code == 1
    fault, parked = map(json.loads, said)
    assert (fault["line"], fault["name"]) == (1, "malformed")
    assert parked == {"parked": 0}
    assert {json.loads(line)["code"] for line in digests.splitlines()} >= {TPS, "9404", "00"}


def test_a_policy_file_adds_a_policy(fold: Any, tmp_path: Path) -> None:
    """An event under an unknown policy is named, and counts once --policy gives its file."""
    event = json.loads(births(1)[0])
    event["event"]["policy"] = "bupati-2024"
    line = canonical.encode(event)
    code, states, said = fold(line)
    assert (code, states) == (1, b"")
    assert said[0].startswith("line 1: unknown_policy: ")
    policy = json.loads(data_path("events", "policies", "2024-1.json").read_bytes()) | {"policy": "bupati-2024"}
    file = tmp_path / "bupati.json"
    file.write_text(json.dumps(policy))
    assert fold(line, "--policy", str(file))[0] == 0


@pytest.mark.parametrize("content", [None, "{}", "no json"])
def test_a_policy_file_that_is_none_is_one_sentence(fold: Any, tmp_path: Path, content: str | None) -> None:
    """A --policy that is missing or no policy ends in one sentence, and nothing is printed."""
    file = tmp_path / "p.json"
    if content is not None:
        file.write_text(content)
    code, states, said = fold(births(1)[0], "--policy", str(file))
    assert code in (1, 2)
    assert states == b""
    assert len(said) == 1
    assert said[0].startswith("ecoklit: ")


# --- as a process ----------------------------------------------------------------------------------------------------


def test_a_reader_that_goes_away_is_no_complaint() -> None:
    """`ecoklit fold | head -1` ends without a word on standard error."""
    ndjson = b"\n".join(births(3000))
    command = subprocess.Popen([ECOKLIT, "fold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert command.stdin and command.stdout and command.stderr
    command.stdout.close()
    command.stdin.write(ndjson)
    command.stdin.close()
    assert command.stderr.read() == b""
    assert command.wait(60) == 141


def test_an_output_that_is_full_is_one_sentence() -> None:
    """On a full disk it ends with one sentence and a code, not as if all had been written."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([ECOKLIT, "fold"], input=births(1)[0], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 4
    assert done.stderr.decode().startswith("ecoklit: No space left on device")
    assert done.stderr.count(b"\n") == 1


def test_ctrl_c_is_one_sentence() -> None:
    """Ctrl-C while it waits for input ends it with one sentence and code 130."""
    command = begun([ECOKLIT, "fold"], stdin=subprocess.PIPE)
    wait_until_reading(command.pid)
    command.send_signal(signal.SIGINT)
    out, said = command.communicate(timeout=60)
    assert (command.returncode, out) == (130, b"")
    assert said.decode().count("\n") == 1
    assert "Traceback" not in said.decode()


def wait_until_reading(pid: int) -> None:
    """Until the process sleeps in a read of its input: it has come as far as it gets without any."""
    for _ in range(600):
        if "pipe" in Path(f"/proc/{pid}/wchan").read_text():
            return
        time.sleep(0.05)
    pytest.skip("this kernel does not say what a process waits for")
