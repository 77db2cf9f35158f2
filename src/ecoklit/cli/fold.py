"""`ecoklit fold`: wire events in, states out; needs no server, no keys and no registry."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ecoklit import contract
from ecoklit.cli.command import Commands, add_command
from ecoklit.cli.exits import Exit
from ecoklit.core import causality, roll, wire
from ecoklit.core.event import Malformed
from ecoklit.core.policy import Policy, parse_policy
from ecoklit.core.replica import Replica, fold
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError

BAD_PERSON = "bad_person"
IN_ORDER = (causality.COUNTED, causality.PARKED)
"""The standings that are no fault of a line."""


class Uncounted(NamedTuple):
    """What cannot count on a line: the line's number (from 1), the fault's stable name, and a clause why."""

    line: int
    name: str
    why: str


class Read(NamedTuple):
    """An event that could be held, and the number of its line."""

    line: int
    held: Held


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
    policies = {**contract.policies(), **read_policies(arguments.policy)}
    gc.disable()  # all that is made here lives until it is printed: looking for garbage took a fifth of the time
    try:
        return fold_input(policies, arguments)
    finally:
        gc.enable()


def fold_input(policies: Mapping[str, Policy], arguments: argparse.Namespace) -> Exit:
    readable, malformed = read_lines(sys.stdin.buffer.read())
    replica = fold((one.held for one in readable), policies)
    if arguments.digests:
        write(digest_lines(replica, arguments.json))
    else:
        write(state.line for state in replica.states())
    uncounted = sorted([*malformed, *faults(readable, replica)])
    report(uncounted, replica.parked_count(), arguments.json)
    return Exit.DIFFERS if uncounted else Exit.OK


def read_policies(files: Iterable[Path]) -> dict[str, Policy]:
    """The policies in `files`, by name; the last of a name holds."""
    policies = {}
    for file in files:
        try:
            policy = parse_policy(file.read_bytes())
        except OSError as error:
            raise EcoklitError("bad_argument", f"--policy {file}: {error.strerror}; name a policy's file.") from error
        policies[policy.name] = policy
    return policies


def read_lines(ndjson: bytes) -> tuple[list[Read], list[Uncounted]]:
    """The events that can be held, and the lines that are nobody's event."""
    readable: list[Read] = []
    malformed: list[Uncounted] = []
    for number, line in enumerate(ndjson.removesuffix(b"\n").split(b"\n") if ndjson else (), start=1):
        try:
            readable.append(Read(number, wire.read(line)))
        except Malformed as error:
            malformed.append(Uncounted(number, error.code, error.message))
    return readable, malformed


def faults(readable: Iterable[Read], replica: Replica) -> Iterator[Uncounted]:
    """Every line that cannot count, each by one name; a bad person is named where the event itself is in order."""
    for line, held in readable:
        standing = replica.standing(held.hash)
        if standing.name not in IN_ORDER:
            yield Uncounted(line, standing.name, standing.why)
        elif held.person_fault is not None:
            yield Uncounted(line, BAD_PERSON, held.person_fault)


def digest_lines(replica: Replica, as_json: bool) -> Iterator[bytes]:
    for code, digest in roll.digests(roll.leaves(replica.states())).items():
        yield (json.dumps({"code": code, "digest": digest.hex()}) if as_json else f"{code} {digest.hex()}").encode()


def write(lines: Iterable[bytes]) -> None:
    output = sys.stdout.buffer
    output.writelines(line + b"\n" for line in lines)
    output.flush()


def report(uncounted: Iterable[Uncounted], parked: int, as_json: bool) -> None:
    for fault in uncounted:
        said = json.dumps(fault._asdict()) if as_json else f"line {fault.line}: {fault.name}: {fault.why}"
        print(said, file=sys.stderr)
    if as_json:
        print(json.dumps({"parked": parked}), file=sys.stderr)
    elif parked:
        print(f"{parked} parked: each waits for an event that is not here; give that one too.", file=sys.stderr)
