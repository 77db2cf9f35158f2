"""`ecoklit verify`: a proof of one voter's status, checked without any service."""

from __future__ import annotations

import argparse
from pathlib import Path

from ecoklit.cli.command import Commands, add_command
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError


def add_commands(commands: Commands) -> None:
    verify = add_command(
        commands,
        "verify",
        run_verify,
        "Periksa bukti status seorang pemilih, tanpa layanan. "
        "· Check the proof of a voter's status, without the service.",
        "ecoklit verify bukti.voter-proof --root q7zq4ebvd2xdwvka --policy policy.txt",
        "one object: voter, status, origin, size, root, cosigned, events",
    )
    verify.add_argument("file", metavar="FILE", nargs="?", type=Path, help="what 'ecoklit why --to' wrote")
    verify.add_argument("--root", metavar="DEVICE", help="the id of the election's root key, as it was announced")
    trust = verify.add_mutually_exclusive_group()
    trust.add_argument("--policy", metavar="FILE", type=Path, help="whose logs and cosignatures count")
    trust.add_argument("--key", metavar="KEY", help="the log's key alone, without witnesses")
    trust.add_argument(
        "--alone", action="store_true", help="print the verifier that needs no ecoklit, one file to read and to run"
    )


def run_verify(arguments: argparse.Namespace) -> Exit:
    from ecoklit import contract
    from ecoklit.cli.log.trust import print_judged, read_file, shown, trusted
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.services import voter_proof
    from ecoklit.services.story import event_told, status_told

    if arguments.alone:
        print_line(alone().rstrip("\n"))
        return Exit.OK
    if arguments.file is None or arguments.root is None or (arguments.policy is None and arguments.key is None):
        raise EcoklitError(
            "bad_argument", "Name a proof's FILE, --root, and --policy or --key: whom it is held against."
        )
    proof = voter_proof.read(read_file(arguments.file))
    found = voter_proof.verify(proof, arguments.root, trusted(arguments), contract.policies())
    status = found.found.status
    assert status is not None, "a verified proof has a status"
    events = [
        {
            "event": f"{held.device}:{held.seq}",
            "signed": signed,
            "says": None if held.event is None else event_told(held.event),
        }
        for held, signed in zip(found.events, found.signed, strict=True)
    ]
    if arguments.json:
        line = {"voter": proof.voter, "status": status._asdict(), **shown(found.judged)}
        print_json({**line, "registry_lines": len(proof.registry), "events": events})
        return Exit.OK
    print_judged(found.judged)
    print_line(f"Pemilih · voter {proof.voter}\n{status_told(status)}")
    for one in events:
        signed = "ditandatangani · signed by its author" if one["signed"] else "tercatat dalam log · logged"
        print_line(f"  {one['event']} ({signed})\n    {one['says']}")
    print_line("terbukti · proved")
    return Exit.OK


def alone() -> str:
    """The source of the verifier that stands alone."""
    from importlib.resources import files

    return files("ecoklit").joinpath("verify_alone.py").read_text()
