"""`python -m ecoklit.testing.hostile api` and `… fuzz`: the long form of what `make test` does in short."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.testing.hostile import api
from ecoklit.testing.hostile.besieged import besieged
from ecoklit.testing.made_up_registry import MadeUpElection

EXAMPLES = 200


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ecoklit.testing.hostile", description=__doc__)
    parts = parser.add_subparsers(required=True)
    part = parts.add_parser("api", help="every operation of the API under schemathesis")
    part.add_argument("--examples", type=int, default=EXAMPLES, help="requests for each operation, at most")
    part.add_argument("--seconds", type=int, help="for all of it, at most")
    part.add_argument("--seed", type=int, default=1)
    part.set_defaults(run=run_api)
    arguments = parser.parse_args(argv)
    return int(arguments.run(arguments))


def run_api(arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    attacked = asyncio.run(attack_api(arguments.examples, arguments.seconds, arguments.seed))
    print(attacked.report)
    print(f"{attacked.requests} requests to {attacked.operations} operations in {time.monotonic() - began:.0f} s")
    return 0 if attacked.passed else 1


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
