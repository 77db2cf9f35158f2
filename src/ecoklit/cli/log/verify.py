"""`ecoklit log verify`: a whole log, or one proof, held against what its signers say."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecoklit.cli.command import Commands, add_command
from ecoklit.cli.exits import Exit
from ecoklit.cli.log.trust import add_trust, entry_in, print_judged, read_file, shown, trusted
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.adapters.log_source import FolderSource, UrlSource
    from ecoklit.services.log_check import LogError
    from ecoklit.tlog.checkpoint import Checkpoint
    from ecoklit.tlog.policy import Policy

ERRORS_SHOWN_MAX: Final = 50


def add_verify(actions: Commands) -> None:
    command = add_command(
        actions,
        "verify",
        verify,
        "Periksa seluruh log, atau satu bukti; sebut berkas yang salah. Tidak perlu layanan. "
        "· Check a whole log, or one proof, without the service; name every file that is wrong.",
        "ecoklit log verify https://log.example.id/9404 --policy policy.txt",
        "one object: origin, size, root, cosigned, and errors or entry",
    )
    command.add_argument("source", metavar="LOG|FILE", help="folder or address of a log, or a .tlog-proof file")
    add_trust(command)
    command.add_argument("--bundles", metavar="FOLDER", help="the entry bundles too, for whoever has them")
    command.add_argument("--entry", metavar="FILE", type=Path, help="what a proof is of, where it does not come along")
    command.add_argument(
        "--after", metavar="FILE", type=Path, help="a checkpoint from before, which the log must continue"
    )


def verify(arguments: argparse.Namespace) -> Exit:
    policy = trusted(arguments)
    path = Path(arguments.source)
    if path.is_file():
        return verify_proof(path, policy, arguments)
    return verify_log(policy, arguments)


def verify_proof(path: Path, policy: Policy, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.tlog.entry import kind_of
    from ecoklit.tlog.proof_file import prove, read_proof

    proof = read_proof(path.read_bytes())
    entry = proof.extra if arguments.entry is None else entry_in(read_file(arguments.entry))
    if entry is None:
        raise EcoklitError("bad_argument", "The proof does not bring its entry along: name it with --entry FILE.")
    judged = prove(policy, proof, entry)
    kind = kind_of(entry).name.lower()
    if arguments.json:
        print_json({**shown(judged), "entry": proof.number, "kind": kind, "bytes": entry.decode("utf-8", "replace")})
        return Exit.OK
    print_judged(judged)
    print_line(f"terbukti · proved: entri · entry {proof.number} ({kind})")
    print_line(f"  {entry.decode('utf-8', 'replace')}")
    return Exit.OK


def verify_log(policy: Policy, arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.log_folder import BUNDLES
    from ecoklit.adapters.log_source import FolderSource, source_of
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.services.log_check import CHECKPOINT, check_tree
    from ecoklit.tlog.fault import LogFault
    from ecoklit.tlog.note import read_note
    from ecoklit.tlog.policy import judge

    source = source_of(arguments.source)
    own = Path(arguments.source) / BUNDLES
    bundles = arguments.bundles or (str(own) if own.is_dir() else None)
    data = source.fetch(CHECKPOINT)
    if data is None:
        raise EcoklitError("no_log", f"There is no checkpoint in {arguments.source}: name a log's folder or address.")
    try:
        judged = judge(policy, read_note(data))
    except LogFault as fault:
        seen = source.fetch("checkpoint.cosigned")
        if fault.code != "no_quorum" or seen is None:
            raise
        judged = judge(policy, read_note(seen))  # the current one is too young to be cosigned
    errors = check_tree(judged.checkpoint, source, None if bundles is None else FolderSource(Path(bundles)))
    errors += [] if arguments.after is None else _continued(policy, judged.checkpoint, source, arguments.after)
    if arguments.json:
        print_json({**shown(judged), "errors": [error._asdict() for error in errors]})
    else:
        print_judged(judged)
        for error in errors[:ERRORS_SHOWN_MAX]:
            print_line(f"  {error.path}{'' if error.number is None else f' [{error.number}]'}: {error.why}")
        if len(errors) > ERRORS_SHOWN_MAX:
            print_line(f"  … +{len(errors) - ERRORS_SHOWN_MAX}")
        checked = "ubin dan entri · tiles and entries" if bundles else "ubin · tiles"
        print_line(f"{checked}: {'utuh · sound' if not errors else 'ADA YANG SALAH · SOMETHING IS WRONG'}")
    return Exit.UNFIT if errors else Exit.OK


def _continued(policy: Policy, checkpoint: Checkpoint, source: FolderSource | UrlSource, after: Path) -> list[LogError]:
    """What is wrong between a checkpoint that somebody kept and the one that the log shows now."""
    from ecoklit.services.log_check import CHECKPOINT, LogError, LogReader
    from ecoklit.tlog.note import read_note
    from ecoklit.tlog.policy import judge
    from ecoklit.tlog.proof import consistency, is_consistent

    logs_alone = policy._replace(quorum="none")  # it was good enough for whoever kept it
    kept = judge(logs_alone, read_note(read_file(after))).checkpoint
    if kept.origin != checkpoint.origin:
        raise EcoklitError(
            "bad_argument", f"{after} is a checkpoint of {kept.origin}: name one of {checkpoint.origin}."
        )
    if kept.size > checkpoint.size:
        return [LogError(CHECKPOINT, None, f"{after} has {kept.size} leaves, more than this: the log was turned back")]
    path = consistency(kept.size, checkpoint.size, LogReader(source).read)
    if is_consistent(kept.size, kept.root, checkpoint.size, checkpoint.root, path):
        return []
    return [LogError(CHECKPOINT, None, f"it does not continue {after}: the log is forked, or its tiles are damaged")]
