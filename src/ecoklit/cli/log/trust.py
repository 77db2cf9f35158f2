"""Whom a command takes at their word, and how what they signed is shown."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.tlog.policy import Judged, Policy


def add_trust(command: argparse.ArgumentParser) -> None:
    trust = command.add_mutually_exclusive_group(required=True)
    trust.add_argument(
        "--policy", metavar="FILE", type=Path, help="whose logs and cosignatures count (c2sp.org/tlog-policy)"
    )
    trust.add_argument("--key", metavar="KEY", help="the log's key alone, without witnesses")


def shown(judged: Judged) -> dict[str, object]:
    checkpoint = judged.checkpoint
    line = {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()}
    return {**line, "cosigned": judged.cosigned}


def print_judged(judged: Judged) -> None:
    from datetime import UTC, datetime

    from ecoklit.cli.output import print_line

    print_line(f"{judged.checkpoint.origin}: {judged.checkpoint.size} entri · entries, {judged.checkpoint.root.hex()}")
    for name, seconds in judged.cosigned.items():
        print_line(f"  saksi · witness {name}: {datetime.fromtimestamp(seconds, UTC).isoformat()}")
    if not judged.cosigned:
        print_line("  tanpa saksi · without a witness")


def trusted(arguments: argparse.Namespace) -> Policy:
    """The policy of the command: a file, or a log's key alone."""
    from ecoklit.tlog.note import SIGNS, read_vkey
    from ecoklit.tlog.policy import NONE, Policy

    if arguments.policy is not None:
        return policy_in(arguments.policy)
    key = read_vkey(arguments.key)
    if key.kind != SIGNS:
        raise EcoklitError("bad_argument", "That is a witness's key: give the log's, as 'ecoklit log show' prints it.")
    return Policy({key.name: key}, {}, {}, NONE, {})


def policy_in(path: Path) -> Policy:
    from ecoklit.tlog.policy import read_policy

    return read_policy(read_file(path))


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EcoklitError(
            "no_file", f"{path} cannot be read ({error.strerror}): name a file that is there."
        ) from error


def entry_in(data: bytes) -> bytes:
    """Of a wire line its `event` bytes, which are what is logged; of anything else all, without a line break."""
    from ecoklit.core import wire
    from ecoklit.core.event import Malformed

    line = data.removesuffix(b"\n")
    try:
        return wire.read(line).event_bytes
    except Malformed:
        return line
