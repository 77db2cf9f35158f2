"""Every operation of the API under schemathesis: it makes up requests by the document, and by what answers lead to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from ecoklit.testing.hostile.besieged import Besieged
from ecoklit.testing.made_up_registry import MadeUpElection

HOOKS: Final = "ecoklit.testing.hostile.api_hooks"
CONFIG: Final = Path(__file__).parent / "schemathesis.toml"
PHASES: Final = "examples,coverage,fuzzing,stateful"
PHASES_QUICK: Final = "fuzzing,stateful"
"""Without every value at the edge of each parameter's form, which are some thousand requests."""

_CASES = re.compile(r"([0-9]+) generated").search
_OPERATIONS = re.compile(r"Tested: ([0-9]+)").search


class Attacked(NamedTuple):
    """How a run ended: whether nothing was found, how many requests of how many operations were sent, and its words."""

    passed: bool
    requests: int
    operations: int
    report: str


def enrol_phones(election: MadeUpElection) -> None:
    """Let the devices that the hooks push for into the election's registry."""
    from ecoklit.testing.hostile.api_hooks import TPS, phone_names

    for name in phone_names():
        election.device(name)
    election.say(election.root, "tps_set", tps=[TPS])


def attack(
    service: Besieged, examples: int, *, seconds: int | None = None, seed: int = 1, phases: str = PHASES
) -> Attacked:
    """Send at most `examples` made-up requests to each operation, and chains of them; `seconds` bounds it all."""
    bounds = [] if seconds is None else ["--max-time", str(seconds)]
    done = subprocess.run(
        [
            Path(sys.executable).parent / "st", "--config-file", CONFIG, "--no-color", "run",
            f"{service.url}/openapi.json", "--max-examples", str(examples), "--seed", str(seed),
            "--phases", phases, *bounds,
        ],
        env={
            **os.environ, "SCHEMATHESIS_HOOKS": HOOKS, "ECOKLIT_HOSTILE_ELECTION": service.election.election,
            "ECOKLIT_HOSTILE_READERS": " ".join(one["Authorization"].split()[1] for one in service.readers),
        },
        cwd=service.log.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    report = done.stdout + done.stderr
    cases, operations = _CASES(report), _OPERATIONS(report)
    return Attacked(
        done.returncode == 0, int(cases[1]) if cases else 0, int(operations[1]) if operations else 0, report
    )
