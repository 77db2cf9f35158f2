"""What the fuzzer once found worth keeping, run again: every promise of testing/hostile/targets.py holds for it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ecoklit.testing.hostile import corpus
from ecoklit.testing.hostile.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
SPOILED = 3


@pytest.mark.parametrize("target", TARGETS)
def test_every_kept_input_holds(target: str) -> None:
    """Each kept input of each target, and each good beginning with a few bytes changed, breaks no promise."""
    inputs = [*corpus.read(CORPUS, target), *TARGETS[target].seeds()]
    chance = random.Random(target)
    for data in inputs:
        TARGETS[target].run(data)
        for _ in range(SPOILED if len(inputs) < 100 else 0):
            TARGETS[target].run(spoiled(data, chance))


def spoiled(data: bytes, chance: random.Random) -> bytes:
    other = bytearray(data or b" ")
    for _ in range(chance.randint(1, 3)):
        other[chance.randrange(len(other))] = chance.getrandbits(8)
    return bytes(other)


def test_the_corpus_is_of_these_targets() -> None:
    """No target is without a corpus, and none was forgotten in it."""
    assert {path.stem for path in CORPUS.iterdir()} == set(TARGETS)


@pytest.mark.parametrize("target", ["value", "line", "packed"])
def test_a_target_can_fail(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that takes what it must not is found out by the target's own comparison."""
    from ecoklit.testing.hostile import targets

    if target == "packed":
        monkeypatch.setattr(targets, "decoded", lambda data, name, most: data[:1])
    else:
        monkeypatch.setattr(targets, "_canonical_by_json", lambda data: False)
    with pytest.raises(AssertionError):
        for data in TARGETS[target].seeds():
            TARGETS[target].run(data)
