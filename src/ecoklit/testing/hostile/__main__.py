"""`python -m ecoklit.testing.hostile api` and `… fuzz`: the long form of what `make test` does in short."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.testing.hostile import api, corpus
from ecoklit.testing.hostile.besieged import besieged
from ecoklit.testing.hostile.targets import TARGETS
from ecoklit.testing.made_up_registry import MadeUpElection

EXAMPLES = 200
SECONDS = 600
CORPUS = Path("tests/hostile/corpus")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ecoklit.testing.hostile", description=__doc__)
    parts = parser.add_subparsers(required=True)
    part = parts.add_parser("api", help="every operation of the API under schemathesis")
    part.add_argument("--examples", type=int, default=EXAMPLES, help="requests for each operation, at most")
    part.add_argument("--seconds", type=int, help="for all of it, at most")
    part.add_argument("--seed", type=int, default=1)
    part.set_defaults(run=run_api)
    part = parts.add_parser("fuzz", help="the coverage-guided fuzzer, from the kept corpus")
    part.add_argument("--seconds", type=int, default=SECONDS, help="for all targets together")
    part.add_argument("--target", action="append", choices=TARGETS, help="one of them; all when it is not given")
    part.add_argument("--corpus", type=Path, default=CORPUS)
    part.add_argument("--keep", action="store_true", help="let the corpus grow by what reaches more")
    part.set_defaults(run=run_fuzz)
    arguments = parser.parse_args(argv)
    return int(arguments.run(arguments))


def run_api(arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    attacked = asyncio.run(attack_api(arguments.examples, arguments.seconds, arguments.seed))
    print(attacked.report)
    print(f"{attacked.requests} requests to {attacked.operations} operations in {time.monotonic() - began:.0f} s")
    return 0 if attacked.passed else 1


def run_fuzz(arguments: argparse.Namespace) -> int:
    failed = 0
    print(f"{'target':<14}{'inputs':>10}{'reached':>10}  found")
    for one in fuzz_all(arguments.corpus, arguments.seconds, arguments.target, keep=arguments.keep):
        failed += bool(one.failure)
        print(f"{one.target:<14}{one.runs:>10}{one.reached:>10}  {one.failure or 'nothing'}", flush=True)
    return 1 if failed else 0


def fuzz_all(
    folder: Path, seconds: int, targets: Sequence[str] | None = None, *, keep: bool = False
) -> Iterator[corpus.Fuzzed]:
    """Fuzz these targets, all when none is named, one after the other; they share the `seconds`."""
    named = targets or list(TARGETS)
    for target in named:
        share = max(1, seconds * _weight(target) // sum(map(_weight, named)))
        yield corpus.fuzz(folder, target, share, keep=keep)


def _weight(target: str) -> int:
    """A target that folds a history runs a hundred times as long as one that reads a line."""
    return 4 if target in ("door", "fold", "registry") else 1


async def attack_api(examples: int, seconds: int | None, seed: int) -> api.Attacked:
    """A service of its own, attacked. What its log calls a fault is a failure too."""
    election = MadeUpElection("hostile-2024")
    api.enrol_phones(election)
    with tempfile.TemporaryDirectory(prefix="ecoklit-") as folder:
        async with (
            EmbeddedPostgres(Path(folder) / "postgres", fsync=False) as postgres,
            besieged(Path(folder) / "data", postgres.dsn, election) as service,
        ):
            attacked = await asyncio.to_thread(api.attack, service, examples, seconds=seconds, seed=seed)
            faults = service.log.read_text()
    return attacked if "fault" not in faults else attacked._replace(passed=False, report=attacked.report + faults)


if __name__ == "__main__":
    sys.exit(main())
