"""`ecoklit fold`: wire events in, states out; needs no server, no keys and no registry."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ecoklit.cli.command import Commands, add_command
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.core.bulk import BulkFold
    from ecoklit.core.policy import Policy


def add_commands(commands: Commands) -> None:
    command = add_command(
        commands,
        "fold",
        run,
        "Keadaan tiap pemilih dari peristiwa NDJSON di masukan standar. "
        "· One state per voter from the wire events (NDJSON) on standard input.",
        "ecoklit fold --digests < events.ndjson",
        "digests and faults as JSON lines (states always are)",
    )
    command.add_argument("--digests", action="store_true", help="print 'code digest' of every TPS and area instead")
    command.add_argument(
        "--policy", action="append", default=[], type=Path, metavar="FILE", help="one more policy to judge events under"
    )


def run(arguments: argparse.Namespace) -> Exit:
    from ecoklit import contract

    policies = {**contract.policies(), **read_policies(arguments.policy)}
    gc.disable()  # all that is made here lives until it is printed: looking for garbage took a fifth of the time
    try:
        return fold_input(policies, arguments)
    finally:
        gc.enable()


def fold_input(policies: Mapping[str, Policy], arguments: argparse.Namespace) -> Exit:
    from ecoklit.core.bulk import fold_lines

    folded = fold_lines(lines_of(sys.stdin.buffer.read()), policies)
    if arguments.digests:
        write(digest_lines(folded, arguments.json))
    else:
        write(entry.line for entry in folded.entries)
    report(folded, arguments.json)
    return Exit.DIFFERS if folded.faults else Exit.OK


def lines_of(ndjson: bytes) -> list[bytes]:
    return ndjson.removesuffix(b"\n").split(b"\n") if ndjson else []


def read_policies(files: Iterable[Path]) -> dict[str, Policy]:
    """The policies in `files`, by name; the last of a name holds."""
    from ecoklit.core.policy import parse_policy

    policies = {}
    for file in files:
        try:
            policy = parse_policy(file.read_bytes())
        except OSError as error:
            raise EcoklitError("bad_argument", f"--policy {file}: {error.strerror}; name a policy's file.") from error
        policies[policy.name] = policy
    return policies


def digest_lines(folded: BulkFold, as_json: bool) -> Iterator[bytes]:
    from ecoklit.core import roll
    from ecoklit.core.merkle import leaf_hash

    leaves = ((entry.tps, entry.voter, leaf_hash(entry.decision_bytes)) for entry in folded.entries)
    for code, digest in roll.digests(leaves).items():
        yield (json.dumps({"code": code, "digest": digest.hex()}) if as_json else f"{code} {digest.hex()}").encode()


def write(lines: Iterable[bytes]) -> None:
    output = sys.stdout.buffer
    output.writelines(line + b"\n" for line in lines)
    output.flush()


def report(folded: BulkFold, as_json: bool) -> None:
    for fault in folded.faults:
        shown = {"line": fault.number, "name": fault.name, "why": fault.why}
        print(json.dumps(shown) if as_json else "line {line}: {name}: {why}".format(**shown), file=sys.stderr)
    parked, elections = folded.parked_count, folded.elections
    if as_json:
        print(json.dumps({"parked": parked}), file=sys.stderr)
    elif parked:
        print(f"{parked} parked: each waits for an event that is not here; give that one too.", file=sys.stderr)
    if len(elections) > 1:
        names = ", ".join(elections)
        said = f"these are events of {names}: fold one election at a time."
        print(json.dumps({"elections": elections}) if as_json else said, file=sys.stderr)
