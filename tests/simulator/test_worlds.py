"""Worlds from numbers: every promise is kept in them, every planted bug is found, and a number is a world."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from ecoklit.testing.simulator.__main__ import main
from ecoklit.testing.simulator.canaries import CANARIES
from ecoklit.testing.simulator.plan import KINDS, ORDINARY, plan_of
from ecoklit.testing.simulator.run import run, run_all, shortest

WORLDS = 44
FOUND_IN = {
    "ack-before-fsync": 1, "dropped-tail": 0, "double-count": 0, "receipt-too-high": 0, "any-signature": 1,
    "skipped-checkpoint": 2, "wall-clock": 11, "proposal-counts": 0, "parked-folded": 2, "names-the-dot": 116,
    "revoked-counts": 9, "cursor-too-far": 0, "standings-untold": 4, "held-when-sent": 0,
}  # fmt: skip
"""A world in which each planted bug is known to be found; `make sim ARGS=--canaries` looks for all of them anew."""


def test_every_promise_is_kept_in_a_range_of_worlds() -> None:
    """Safety holds after every deed, and then all comes to one digest; and each kind of fault did happen in them."""
    counts: Counter[str] = Counter()
    for outcome in run_all(range(WORLDS)):
        assert outcome.broken is None, f"make sim ARGS='--seed {outcome.plan.seed}' tells the story: {outcome.broken}"
        counts += outcome.counts
    never = [kind for kind in (*ORDINARY, *KINDS) if not counts[kind]]
    assert not never, "a fault that never happens is a fault that nothing is known of"


@pytest.mark.parametrize("name", CANARIES)
def test_a_planted_bug_is_found(name: str) -> None:
    """A world that is known for it finds the bug, and without the bug it keeps every promise."""
    assert run(plan_of(FOUND_IN[name]), canary=name).broken is not None


def test_the_worlds_that_find_bugs_are_sound_without_them() -> None:
    """It is the planted bug that a canary's world finds, and nothing else."""
    for seed in sorted({seed for seed in FOUND_IN.values() if seed >= WORLDS}):
        assert run(plan_of(seed)).broken is None


def test_a_number_is_a_world() -> None:
    """Two runs of one number have one trace, in another process with other hashes too."""
    here = run(plan_of(4)).trace
    assert here == run(plan_of(4)).trace
    program = "from ecoklit.testing.simulator.run import *; from ecoklit.testing.simulator.plan import plan_of\n"
    for hash_seed in ("1", "77"):
        there = subprocess.run(
            [sys.executable, "-c", program + "print(run(plan_of(4)).trace)"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert there.stdout.strip() == here
    assert run(plan_of(5)).trace != here


def test_a_failure_is_told_by_its_shortest_story(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed of a failing world is a smaller world that breaks the same promise, and how to see it again."""
    failed = run(plan_of(0), canary="proposal-counts")
    assert failed.broken is not None
    smaller = shortest(failed, canary="proposal-counts")
    assert smaller.broken is not None and smaller.broken.check == failed.broken.check
    assert len(smaller.plan.deeds) <= 3 < len(failed.plan.deeds)
    assert main(["--seed", "0", "--canary", "proposal-counts"]) == 1
    told = capsys.readouterr().out
    again = told.rpartition("simulator ")[2].split()
    assert main(again) == 1
    assert smaller.broken.sentence[:40] in " ".join(capsys.readouterr().out.split())


def test_help_lists_the_canaries(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks is told of every planted bug."""
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert all(f"  {name} " in told for name in CANARIES)
