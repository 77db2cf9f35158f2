"""`ecoklit log show` and `log prove`: what the logs are, and what is in them."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ecoklit.cli.command import Commands, add_command, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.cli.log.places import LOGS, folder_of, key_of, origin_of
from ecoklit.cli.log.trust import entry_in
from ecoklit.core import ids
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.settings import Settings


def add_show(actions: Commands) -> None:
    add_command(
        actions,
        "show",
        show,
        "Kunci, ukuran dan folder kedua log, untuk diumumkan. · Both logs' keys, sizes and folders, to be published.",
        "ecoklit log show",
        "one object for each log: origin, key, size, root, cosigned, public, bundles",
    )


def show(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.log_folder import LogFolder
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.tlog.checkpoint import opened
    from ecoklit.tlog.note import log_key, read_note

    settings = settings_of(arguments)
    for log in LOGS:
        folder = LogFolder(folder_of(settings, log))
        data = folder.checkpoint()
        key = log_key(origin_of(folder, settings, log, None), key_of(folder, settings, log))
        checkpoint, _ = opened(data, key)
        cosigned = {}
        with suppress(EcoklitError):
            seen = read_note(folder.checkpoint("checkpoint.cosigned"))
            cosigned = {line.name: opened(seen.written, key)[0].size for line in seen.signatures if not key.made(line)}
        if arguments.json:
            line = {"origin": key.name, "key": key.vkey, "size": checkpoint.size, "root": checkpoint.root.hex()}
            print_json({**line, "cosigned": cosigned, "public": str(folder.public), "bundles": str(folder.bundles)})
            continue
        print_line(f"{key.name}: {checkpoint.size} entri · entries")
        print_line(f"  kunci · key        {key.vkey}")
        print_line(f"  akar · root        {checkpoint.root.hex()}")
        for name, size in cosigned.items():
            print_line(f"  saksi · witness    {name} ({size})")
        print_line(f"  umumkan · publish  {folder.public}")
        print_line(f"  auditor saja · accredited auditors only  {folder.bundles}")
    return Exit.OK


# --- prove -----------------------------------------------------------------------------------------------------------


def add_prove(actions: Commands) -> None:
    command = add_command(
        actions,
        "prove",
        lambda arguments: prove(settings_of(arguments), arguments),
        "Tulis bukti bahwa suatu peristiwa ada dalam log; berkasnya berdiri sendiri. "
        "· Write the proof that an event is in a log, as a file that stands alone.",
        "ecoklit log prove lsc2dridoin6rajc:12 --to bukti.tlog-proof",
        "one object: file, origin, entry, size",
    )
    command.add_argument(
        "event",
        metavar="DEVICE:SEQ|FILE",
        help="an event of the journal, or a file with a wire line or an entry's bytes",
    )
    command.add_argument("--from", dest="source", metavar="LOG", help="folder or address of a log (default: our own)")
    command.add_argument("--to", type=Path, metavar="FILE", help="where it goes (default: DEVICE-SEQ.tlog-proof)")


def prove(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.log_source import source_of
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.services.log_prove import proof_of
    from ecoklit.tlog.checkpoint import read_checkpoint
    from ecoklit.tlog.entry import Kind, kind_of
    from ecoklit.tlog.note import read_note
    from ecoklit.tlog.proof_file import SUFFIX

    entry = _entry(settings, arguments.event)
    log = "registry" if kind_of(entry) is Kind.REGISTRY else "voters"
    source = source_of(arguments.source or str(folder_of(settings, log)))
    notes = [read_note(data) for data in map(source.fetch, ("checkpoint.cosigned", "checkpoint")) if data is not None]
    if not notes:
        raise EcoklitError(
            "no_log", "There is no checkpoint there: build the log first, or name its folder or address."
        )
    proof = proof_of(entry, notes, source)
    file = arguments.to or Path(f"{Path(arguments.event).name.replace(':', '-')}{SUFFIX}")
    if file.exists():
        raise EcoklitError("file_exists", f"{file} is there already: name another with --to.")
    file.write_bytes(proof.written)
    checkpoint = read_checkpoint(proof.note.text)
    if arguments.json:
        line = {"file": str(file), "origin": checkpoint.origin, "entry": proof.number, "size": checkpoint.size}
        print_json({**line, "bytes": len(proof.written)})
    else:
        print_line(
            f"{file}: entri {proof.number} dari {checkpoint.size} pada {checkpoint.origin} "
            f"· entry {proof.number} of {checkpoint.size} ({len(proof.written)} bytes)"
        )
    return Exit.OK


def _entry(settings: Settings, what: str) -> bytes:
    """The bytes of an event: as a file gives them, or the journal."""
    device, _, seq = what.partition(":")
    if Path(what).is_file():
        return entry_in(Path(what).read_bytes())
    if not (ids.is_device(device) and seq.isascii() and seq.isdigit()):
        raise EcoklitError("no_file", f"{what} is neither DEVICE:SEQ nor a file: name one of the two.")
    return asyncio.run(_logged(settings, device, int(seq)))


async def _logged(settings: Settings, device: str, seq: int) -> bytes:
    from ecoklit.bootstrap import open_journal
    from ecoklit.cli.replaying import reached

    async with reached(settings) as found, open_journal(found) as journal:
        held = await journal.event(device, seq)
    if held is None:
        raise EcoklitError(
            "unknown_event", f"The journal holds no event {device}:{seq}: look it up with 'ecoklit history'."
        )
    return held.payload
