"""How fast a history becomes states on one core, beside two libraries for replicated data: `python bench/fold.py`.

The history (`visits.py`): each voter listed with a person, then one or two field events by a phone, 21,000 events of
10,000 voters, all wire lines shuffled. `fold` reads the bytes, checks every word and hash, finds causes and alive
writes, and gives every state in its canonical bytes, as `ecoklit fold` does.

pycrdt and loro (`maps.py`) are given the same writes as updates of maps and only merge: no checks, no hashes, no
standing, the last writer wins. Each is tried in the ways that come naturally to it, and the fold is held against the
best of them, also where that way is given its updates in causal order and the fold is not. A way that is slower by
the square of its updates is tried once, on a fifth of the voters, and never the one that the fold is held against; of
it we also show of how many voters it has another verdict or tps than the fold, since pycrdt 0.14 forgets some changes
that wait for their causes. All other ways must agree with the fold on every voter.

Time is processor time of this one thread, so that a busy machine disturbs less; collection of garbage is off for all.
Each turn runs all of them one after the other; speeds are medians of the turns, ratios medians of each turn's ratio.
Memory is what the process grows by at its peak, each in a process of its own that holds only the input.
"""

from __future__ import annotations

import gc
import json
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import maps
import visits

from ecoklit import contract
from ecoklit.core import replica, wire
from ecoklit.core.bulk import fold_lines
from ecoklit.core.wire import Held

VOTERS = 10_000
SLOW_VOTERS = 2_000
TURNS = 5
QUICK_VOTERS = 1_000
QUICK_TURNS = 1
FOLD_SPEED_MIN = 80_000
MERGE_RATIO_MIN = 0.5
MERGE_AND_READ_RATIO_MIN = 3

FOLD = "fold"
PLAIN = "plain fold"
Row = dict[str, object]
Speeds = dict[str, float]
"""Events per second of processor time, by what was done."""


def run(*, quick: bool = False) -> list[Row]:
    """Rows {name, value, unit, against, ratio, goal, met}."""
    events = visits.history(QUICK_VOTERS if quick else VOTERS)
    few = visits.history(min(SLOW_VOTERS, QUICK_VOTERS if quick else VOTERS))
    lines = [held.line for held in _shuffled(events)]
    updates = {_called(way): _updates(way, few if way.is_slow else events) for way in maps.WAYS}
    memory = {FOLD: _peak_mib(FOLD, lines), PLAIN: _peak_mib(PLAIN, lines)}
    memory |= {name: _peak_mib(name, updates[name]) for name in map(_called, _ways(is_slow=False))}
    gc.disable()
    try:
        expected = fold(lines)
        expected_of_few = fold([held.line for held in few])
        slow = [_slow_row(way, updates, expected_of_few) for way in _ways(is_slow=True)]
        turns = [_turn(lines, updates, expected) for _ in range(QUICK_TURNS if quick else TURNS)]
    finally:
        gc.enable()
    return [*_fold_rows(turns), *_library_rows(turns), *slow, *_memory_rows(memory, len(lines))]


def _shuffled(events: Sequence[Any]) -> list[Any]:
    return Random(2).sample(events, len(events))


def _ways(*, is_slow: bool) -> list[maps.Way]:
    return [way for way in maps.WAYS if way.is_slow == is_slow]


def _called(way: maps.Way) -> str:
    return f"{way.library}, {way.name}"


def _updates(way: maps.Way, events: Sequence[Held]) -> list[maps.Update]:
    updates = way.make(events)
    return _shuffled(updates) if way.is_shuffled else updates


# --- what is measured ------------------------------------------------------------------------------------------------


def fold(lines: Sequence[bytes]) -> maps.Voters:
    """Verdict and tps of each voter, from the states that the fold by columns prints."""
    return _told([entry.decision_bytes for entry in fold_lines(lines, contract.policies()).entries])


def _told(decisions: Sequence[bytes]) -> maps.Voters:
    read = map(json.loads, decisions)
    return {one["voter"]: {"verdict": _opinion(one), "tps": one["tps"]} for one in read}


def _opinion(decision: Mapping[str, Any]) -> str:
    return "/".join(filter(None, (decision["verdict"], decision["reason"])))


def _plain(lines: Sequence[bytes]) -> object:
    return [state.line for state in replica.fold(map(wire.read, lines), contract.policies()).states()]


def _turn(lines: Sequence[bytes], updates: Mapping[str, Sequence[maps.Update]], expected: maps.Voters) -> Speeds:
    policies = contract.policies()
    speeds = {
        FOLD: len(lines) / _timed(lambda: fold_lines(lines, policies))[1],
        PLAIN: len(lines) / _timed(lambda: _plain(lines))[1],
    }
    for way in _ways(is_slow=False):
        speeds |= _try(way, updates, expected)
    return speeds


def _try(way: maps.Way, updates: Mapping[str, Sequence[maps.Update]], expected: maps.Voters) -> Speeds:
    """The speed of merging, and of merging and reading out, by each way to read."""
    name = _called(way)
    count = len(updates[name])
    merged, merging = _timed(lambda: way.merge(updates[name]))
    speeds = {name: count / merging}
    for how, read in way.reads.items():
        voters, reading = _timed(lambda read=read: read(merged))
        speeds[f"{name}; {how}"] = count / (merging + reading)
        assert not others(voters, expected), f"{name} comes to another list"
    return speeds


def others(voters: maps.Voters, expected: maps.Voters) -> list[str]:
    """The voters whose verdict or tps is not as the fold has them."""
    return [
        voter for voter, told in expected.items() if {name: voters.get(voter, {}).get(name) for name in told} != told
    ]


def _timed(job: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    made = job()
    return made, time.process_time() - started


# --- memory ----------------------------------------------------------------------------------------------------------


def _peak_mib(name: str, given: object) -> float | None:
    """MiB that a process grows by at its peak while it does this; None where the system does not tell."""
    if not Path("/proc/self/status").exists():
        return None
    with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
        pickle.dump(given, file)
        file.flush()
        command = [sys.executable, __file__, "--memory", name, file.name]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _grow(name: str, path: Path) -> float:
    given = pickle.loads(path.read_bytes())
    jobs: dict[str, Callable[[Any], object]] = {
        FOLD: lambda lines: fold_lines(lines, contract.policies()),
        PLAIN: _plain,
        **{_called(way): way.merge for way in maps.WAYS},
    }
    gc.disable()
    before = _status_kib("VmRSS")
    made = jobs[name](given)
    grown = _status_kib("VmHWM") - before
    assert made is not None
    return grown / 1024


def _status_kib(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise LookupError(name)


# --- rows ------------------------------------------------------------------------------------------------------------


def _fold_rows(turns: Sequence[Speeds]) -> list[Row]:
    speed = _median(turns, FOLD)
    row = _row("fold from bytes to states", turns, "the plain fold", PLAIN, None)
    return [row | {"goal": f">= {FOLD_SPEED_MIN} events/s", "met": speed >= FOLD_SPEED_MIN}]


def _library_rows(turns: Sequence[Speeds]) -> list[Row]:
    fold = "fold from bytes to states"
    by_library = {library: _best(turns, library, "") for library in ("pycrdt", "loro")}
    to_py = _best(turns, "pycrdt", maps.TO_PY)
    as_json = _best(turns, "pycrdt", maps.AS_JSON)
    deep = _best(turns, "loro", maps.DEEP_VALUE)
    return [
        _row(fold, turns, "merge of " + by_library["pycrdt"], by_library["pycrdt"], MERGE_RATIO_MIN),
        _row(fold, turns, "merge and read-out of " + to_py, to_py, MERGE_AND_READ_RATIO_MIN),
        _row(fold, turns, "merge and read-out of " + as_json, as_json, None),
        _row(fold, turns, "merge of " + by_library["loro"], by_library["loro"], None),
        _row(fold, turns, "merge and read-out of " + deep, deep, None),
    ]


def _best(turns: Sequence[Speeds], library: str, read: str) -> str:
    names = [name for name in turns[0] if name.startswith(library) and name.partition("; ")[2] == read]
    return max(names, key=lambda name: _median(turns, name))


def _median(turns: Sequence[Speeds], name: str) -> float:
    return statistics.median(speeds[name] for speeds in turns)


def _row(name: str, turns: Sequence[Speeds], against: str, other: str, ratio_min: float | None) -> Row:
    ratio = statistics.median(speeds[FOLD] / speeds[other] for speeds in turns)
    return {
        "name": name,
        "value": round(_median(turns, FOLD)),
        "unit": "events/s",
        "against": f"{against}: {_median(turns, other):.0f}",
        "ratio": round(ratio, 2),
        "goal": None if ratio_min is None else f"ratio >= {ratio_min:g}",
        "met": None if ratio_min is None else ratio >= ratio_min,
    }


def _slow_row(way: maps.Way, updates: Mapping[str, Sequence[maps.Update]], expected: maps.Voters) -> Row:
    name = _called(way)
    merged, merging = _timed(lambda: way.merge(updates[name]))
    wrong = len(others(next(iter(way.reads.values()))(merged), expected))
    return {
        "name": f"merge of {name}, {len(expected)} voters",
        "value": round(len(updates[name]) / merging),
        "unit": "events/s",
        "against": f"voters that differ: {wrong}",
        "ratio": None,
        "goal": None,
        "met": None,
    }


def _memory_rows(memory: Mapping[str, float | None], events: int) -> list[Row]:
    rows: list[Row] = []
    for name, grown in memory.items():
        if grown is not None and memory[FOLD]:
            rows.append(
                {"name": f"memory of {name}, {events} events", "value": round(grown, 1), "unit": "MiB"}
                | {"against": f"fold: {memory[FOLD]:.1f}", "ratio": round(grown / memory[FOLD], 2)}
                | {"goal": None, "met": None}
            )
    return rows


def main() -> None:
    if "--memory" in sys.argv:
        print(_grow(sys.argv[2], Path(sys.argv[3])))
        return
    for row in run(quick="--quick" in sys.argv):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
