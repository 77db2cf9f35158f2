"""The benches: what their figures are made from, and how they are shown (bench/)."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ecoklit import contract
from ecoklit.core.bulk import fold_lines

BENCH = Path(__file__).parents[2] / "bench"
ROW = {"name": "a", "value": 1, "unit": "s", "against": None, "ratio": None, "goal": ">= 2 s", "met": False}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The bench module of a name, as its scripts see it."""
    monkeypatch.syspath_prepend(str(BENCH))

    def module(name: str) -> ModuleType:
        return importlib.import_module(name)

    return module


def parts(bench: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> tuple[ModuleType, list[str]]:
    """bench/main.py with these parts in place of the real ones, and the words that keep its output here."""
    main = bench("main")
    for name, text in scripts.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(main, "HERE", folder)
    monkeypatch.setattr(main, "PARTS", tuple(scripts))
    return main, ["--out", str(folder / "out" / "main.json")]


def test_a_goal_that_is_not_met_is_shown_and_no_failure(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows are written one JSON object a line, and exit is 0 although a goal was missed."""
    main, words = parts(bench, tmp_path, monkeypatch, slow=f"print({json.dumps(json.dumps(ROW))})")
    assert main.main(words) == 0
    assert [json.loads(line) for line in (tmp_path / "out" / "main.json").read_text().splitlines()] == [ROW]
    assert "NO" in capsys.readouterr().out


@pytest.mark.parametrize(
    "script", ["raise SystemExit('the broker is down')", "print('{}')", "print('hello')", "pass"], ids=str
)
def test_a_failing_part_is_said_and_the_others_still_run(
    bench: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
) -> None:
    """Exit is 1, the failing part is named, and the rows of the next one are written."""
    good = f"print({json.dumps(json.dumps(ROW))})"
    main, words = parts(bench, tmp_path, monkeypatch, broken=script, good=good)
    assert main.main(words) == 1
    assert "broken failed:" in capsys.readouterr().out
    assert (tmp_path / "out" / "main.json").read_text().count("\n") == 1


def test_only_the_named_parts_run(bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--only leaves the others alone, and --quick is passed on."""
    good = f"import sys; assert '--quick' in sys.argv; print({json.dumps(json.dumps(ROW))})"
    main, words = parts(bench, tmp_path, monkeypatch, other="raise SystemExit(1)", good=good)
    assert main.main([*words, "--only", "good", "--quick"]) == 0


def test_every_part_has_its_script(bench: Any) -> None:
    """`make bench` names no part that is not there."""
    for name in bench("main").PARTS:
        assert (BENCH / f"{name}.py").is_file(), name


def test_the_history_is_one_listed_and_one_or_two_visits_a_voter(bench: Any) -> None:
    """Every event counts, every voter has a state, and the same seed gives the same bytes."""
    history = bench("visits").history
    events = history(300)
    assert [held.line for held in events] == [held.line for held in history(300)]
    folded = fold_lines([held.line for held in events], contract.policies())
    assert (len(folded.entries), folded.faults, folded.parked_count) == (300, [], 0)
    by_voter: dict[str, list[str]] = {}
    for held in events:
        by_voter.setdefault(held.voter, []).append(held.event.kind)
    assert all(kinds[0] == "listed" and len(kinds) in (2, 3) for kinds in by_voter.values())
    assert {kind for kinds in by_voter.values() for kind in kinds} == {
        "listed", "found", "not_met", "moved", "deceased"
    }  # fmt: skip


def test_the_libraries_come_to_the_same_list(bench: Any) -> None:
    """Each way that the fold is held against gives each voter the verdict and tps that the fold gives it."""
    pytest.importorskip("pycrdt", reason="the libraries to compare with come with `make bench`")
    pytest.importorskip("loro", reason="the libraries to compare with come with `make bench`")
    fold, maps = bench("fold"), bench("maps")
    events = bench("visits").history(120)
    expected = fold.fold([held.line for held in events])
    assert len(expected) == 120
    for way in maps.WAYS:
        if not way.is_slow:
            merged = way.merge(fold._updates(way, events))
            assert [fold.others(read(merged), expected) for read in way.reads.values()] == [[]] * len(way.reads)
