"""What the command says about itself, and what the documents say about it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ecoklit.cli.exits import MEANINGS, Exit, exit_of
from ecoklit.cli.main import main, parser
from ecoklit.cli.overview import WORK

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
OPERATING = ROOT / "docs" / "OPERATING.md"
COMMANDS = [
    "init", "join", "enrol", "assign", "revoke", "lost", "window", "policy", "tps", "lists", "registry", "reader",
    "account",
    "up", "serve", "import", "push", "project", "rebuild", "inspect", "mend", "audit", "why", "verify", "whatif",
    "sample", "journal", "log", "witness",
    "roll", "recap", "conflicts", "history", "find", "movers", "families", "large", "duplicates", "progress",
    "reports", "late",
    "devices", "advice",
    "rule", "remap", "stage", "diff", "windows", "marks", "returned", "pairs",
    "paper", "export", "trace", "correct", "subject-report", "breach-report", "erase",
    "reconcile", "closing", "quarantine",
    "phone", "fold", "demo",
]  # fmt: skip


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("NO_COLOR", "1")


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main([command, "--help"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_an_example_and_json(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command's --help shows an example of calling it, and offers --json."""
    text = help_of(command, capsys)
    assert re.search(rf"example:\n  .*ecoklit {command}\b", text)
    assert "--json" in text


def test_the_commands_are_those_of_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    """README's table lists exactly the commands that there are."""
    actions = [action for action in parser()._actions if action.choices and isinstance(action.choices, dict)]
    assert sorted(actions[0].choices) == sorted(COMMANDS)
    assert re.findall(r"^\| `([\w-]+)` \|", README, re.M) == COMMANDS


def test_every_command_stands_once_in_the_overview(capsys: pytest.CaptureFixture[str]) -> None:
    """`ecoklit --help` names each command exactly once, under the work that it is for, in both languages."""
    assert sorted(name for _, names in WORK for name in names) == sorted(COMMANDS)
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out.partition("exit codes:")[0]
    assert re.findall(r"^  ([a-z-]+) ", shown, re.M) == [name for _, names in WORK for name in names]
    assert all(" · " in command.description for command in parser().commands.values())


def test_the_manual_prints_every_help_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/OPERATING.md ends with the --help of every command, word for word (ECOKLIT_WRITE_DOCS=1 writes it anew)."""
    written = OPERATING.read_text().partition("## Commands\n")
    helps = "\n".join(f"### {name}\n\n{indented(help_of(name, capsys))}" for name in COMMANDS)
    if os.environ.get("ECOKLIT_WRITE_DOCS") == "1":
        OPERATING.write_text(f"{written[0]}## Commands\n\n{helps}")
    # Where lines break is the interpreter's business: it changes between versions of Python.
    assert written[2].split() == helps.split()


def indented(text: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in text.rstrip().splitlines())


def test_every_exit_code_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    """`ecoklit --help` and the manual list every exit code, and no other."""
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [int(code) for code in re.findall(r"^ +(\d+)  \S", shown.partition("exit codes:")[2], re.M)] == list(Exit)
    listed = OPERATING.read_text().partition("## Exit codes")[2].partition("## HTTP")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", listed, re.M)] == list(Exit)
    assert set(MEANINGS) == set(Exit)


def test_every_setting_is_documented() -> None:
    """The manual's table lists every variable that the program reads, and no other."""
    sources = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    read = set(re.findall(r"environ\.get\(\s*\"(ECOKLIT_\w+)\"|(?:value|url)\(\s*\"(ECOKLIT_\w+)\"", sources))
    table = OPERATING.read_text().partition("## Settings")[2].partition("## Exit codes")[0]
    assert {name for pair in read for name in pair if name} == set(re.findall(r"`(ECOKLIT_\w+)`", table))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "required: COMMAND"),
        (["nothing"], "invalid choice"),
        (["roll"], "required: TPS"),
        (["roll", "12"], "'12' is no TPS"),
        (["recap", "x"], "'x' is no area"),
        (["history", "budi"], "'budi' is no voter id"),
        (["fold", "--nothing"], "unrecognized arguments"),
        (["import"], "required: FILE"),
        (["lost", "abcdefghijklmnop"], "required: --after"),
        (["lost", "abcdefghijklmnop", "--after", "-1"], "--after"),
        (["lost", "abcdefghijklmnop", "--after", "9" * 20], "is no number of an entry"),
        (["lost", "siti", "--after", "1"], "'siti' is no device"),
        (["policy", "2024-1"], "required: --area"),
    ],
)
def test_a_wrong_call_is_one_sentence(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A call that cannot be understood ends with code 2 and one line that says where the help is."""
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "--help" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "exit"),
    [
        ("bad_setting", Exit.USAGE),
        ("journal_unavailable", Exit.UNREACHABLE),
        ("database_unavailable", Exit.UNREACHABLE),
        ("data_newer", Exit.UNFIT),
        ("journal_full", Exit.LATER),
        ("equivocation", Exit.DIFFERS),
    ],
)
def test_an_error_exits_by_its_name(code: str, exit: Exit) -> None:
    """The exit code follows from the error's stable name; what is about the input exits with 1."""
    assert exit_of(code) == exit
