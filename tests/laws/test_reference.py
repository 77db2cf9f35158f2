"""The reference is worth comparing with: it gives what the contract's three example histories give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reference import POLICY_2024_1
from strategies import core, slow

from ecoklit import contract

EXAMPLES = Path(__file__).parent / "examples"


@pytest.mark.parametrize("program", [slow, core], ids=["reference", "core"])
@pytest.mark.parametrize("name", ["plain", "hostile", "without-persons"])
def test_example(name: str, program: object) -> None:
    """An example's lines give its states and digests, to the byte."""
    lines = (EXAMPLES / f"{name}.ndjson").read_bytes().split(b"\n")[:-1]
    outcome = program(lines)  # type: ignore[operator]
    assert b"".join(state + b"\n" for state in outcome.states) == (EXAMPLES / f"{name}.states.ndjson").read_bytes()
    digests = "".join(f"{code} {digest}\n" for code, digest in outcome.digests.items())
    assert digests == (EXAMPLES / f"{name}.digests.txt").read_text()


def test_policy_is_the_published_one() -> None:
    """The reference's own copy of policy 2024-1 says what the data in events/policies says."""
    published = json.loads(contract.data_path("events", "policies", "2024-1.json").read_bytes())["removals"]
    rows = {removal.removeprefix("disqualified/"): row for removal, row in published.items()}
    assert {removal: row["accepted"] for removal, row in rows.items()} == POLICY_2024_1["accepted"]
    known = {removal: row["never_enough"] for removal, row in rows.items() if row["never_enough"]}
    assert known == POLICY_2024_1["known"]
