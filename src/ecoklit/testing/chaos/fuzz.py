"""Made-up requests and made-up bytes: every operation of the API under schemathesis, then the coverage-guided fuzzer.

Nothing is acknowledged here, so nothing can be lost: a round is one input, and a row holds when no promise of
`testing/hostile/targets.py` broke, no answer was other than documented, and the service named no fault.
"""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Final

from ecoklit.testing.chaos.options import CannotRun, Options
from ecoklit.testing.chaos.table import HOLDS, NOT_COMPARED, Row

EXAMPLES: Final = 200
EXAMPLES_QUICK: Final = 5
FUZZ_SECONDS: Final = 600
FUZZ_SECONDS_QUICK: Final = 26
CORPUS: Final = Path("tests/hostile/corpus")


def run(options: Options) -> list[Row]:
    if importlib.util.find_spec("atheris") is None:
        raise CannotRun("the fuzzer needs atheris, which 'uv sync --group fuzz' brings (Linux on x86_64 only)")
    return [_api(options), *_fuzz(options)]


def _api(options: Options) -> Row:
    from ecoklit.testing.hostile.__main__ import attack_api

    attacked = asyncio.run(attack_api(EXAMPLES_QUICK if options.quick else EXAMPLES, None, options.seed))
    if not attacked.passed:
        print(attacked.report)
    seen = f"{attacked.requests} requests to {attacked.operations} operations"
    return _row("api", attacked.requests, "" if attacked.passed else "see the report above", seen)


def _fuzz(options: Options) -> list[Row]:
    from ecoklit.testing.hostile.__main__ import fuzz_all

    rows = []
    for fuzzed in fuzz_all(CORPUS, FUZZ_SECONDS_QUICK if options.quick else FUZZ_SECONDS):
        if fuzzed.failure:
            print(fuzzed.failure)
        rows.append(_row(f"fuzz {fuzzed.target}", fuzzed.runs, fuzzed.failure, f"{fuzzed.reached} edges reached"))
    return rows


def _row(part: str, rounds: int, failure: str, seen: str) -> Row:
    verdict = failure.partition("\n")[0] or HOLDS
    return Row(part, rounds, {}, 0, 0, 0, NOT_COMPARED, not failure, verdict, seen)
