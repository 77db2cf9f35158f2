"""The fuzzer's corpus: of each target the few inputs that together reach all that was ever reached, one file of base64.

`fuzz` goes on from there, each target in a process of its own; `tests/hostile/test_corpus.py` runs every input again.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Final, NamedTuple

from ecoklit.testing.hostile.targets import TARGETS

INPUT_BYTES_MAX: Final = 4096
RUN_SECONDS_MAX: Final = 20
MEMORY_MIB_MAX: Final = 2048
_RUNS = re.compile(r"(?:stat::number_of_executed_units:|Done) *([0-9]+)").search
_REACHED = re.compile(r"cov: ([0-9]+)").findall


class Fuzzed(NamedTuple):
    """How one target fared: inputs run, how much of the program they reached, and what failed, "" for nothing."""

    target: str
    runs: int
    reached: int
    failure: str


def read(folder: Path, target: str) -> list[bytes]:
    """The kept inputs of a target."""
    file = folder / f"{target}.txt"
    return [base64.b64decode(line) for line in file.read_text("ascii").splitlines()] if file.exists() else []


def write(folder: Path, target: str, inputs: list[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = sorted({base64.b64encode(one).decode("ascii") for one in inputs}, key=lambda line: (len(line), line))
    (folder / f"{target}.txt").write_text("".join(line + "\n" for line in lines), "ascii")


def fuzz(folder: Path, target: str, seconds: int, *, keep: bool = False) -> Fuzzed:
    """Fuzz one target for `seconds` from its corpus in `folder`; with `keep`, what reaches more becomes the corpus."""
    with tempfile.TemporaryDirectory(prefix="ecoklit-fuzz-") as name:
        work = Path(name)
        known, grown = work / "known", work / "grown"
        for one in (known, grown):
            one.mkdir()
        for data in (*TARGETS[target].seeds(), *read(folder, target)):
            (known / hashlib.sha256(data).hexdigest()).write_bytes(data)
        said = _run(
            target, work, f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES_MAX}", f"-timeout={RUN_SECONDS_MAX}",
            f"-rss_limit_mb={MEMORY_MIB_MAX}", "-print_final_stats=1", "-verbosity=1", str(grown), str(known),
        )  # fmt: skip
        failed = sorted(path for path in work.iterdir() if path.name.startswith(("crash-", "timeout-", "oom-")))
        if keep and not failed:
            _keep(folder, target, work, (known, grown))
        runs, reached = _RUNS(said), _REACHED(said)
        failure = "".join(_story(path, said) for path in failed)
        if not runs and not failure:
            failure = f"it did not run:\n{textwrap.indent(said[-2000:], '  ')}"
        return Fuzzed(target, int(runs[1]) if runs else 0, int(reached[-1]) if reached else 0, failure)


def _keep(folder: Path, target: str, work: Path, found: tuple[Path, ...]) -> None:
    """The smallest set of inputs that reaches the same."""
    kept = work / "kept"
    kept.mkdir()
    _run(target, work, "-merge=1", f"-timeout={RUN_SECONDS_MAX}", str(kept), *map(str, found))
    inputs = [path.read_bytes() for path in kept.iterdir()]
    if inputs:
        write(folder, target, inputs)


def _run(target: str, work: Path, *options: str) -> str:
    program = work / "fuzz"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m ecoklit.testing.hostile.fuzz {target} "$@"\n')
    program.chmod(0o700)
    done = subprocess.run(
        [program, f"-artifact_prefix={work}/", *options],
        env={**os.environ, "ECOKLIT_FUZZ_PROGRAM": str(program)},
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    if "No module named 'atheris'" in said:
        raise SystemExit("The fuzzer needs atheris: run 'uv sync --group fuzz' (Linux on x86_64 only).")
    return said


def _story(path: Path, said: str) -> str:
    at = said.find("=== Uncaught Python exception: ===")
    shown = base64.b64encode(path.read_bytes()).decode("ascii")
    return f"{path.name}\n{textwrap.indent(said[max(at, 0) : max(at, 0) + 3000], '  ')}\n  input, base64: {shown}\n"
