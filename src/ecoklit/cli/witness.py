"""`ecoklit witness`: somebody else's eye on a log. It needs no service, no journal and no data folder."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecoklit.cli.command import Commands, add_command
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.adapters.witness_folder import WitnessFolder
    from ecoklit.services.witness import Witness
    from ecoklit.tlog.note import VerifierKey

VISIT_SECONDS: Final = 60
PORT: Final = 8585


def add_commands(commands: Commands) -> None:
    top: argparse.ArgumentParser = commands.add_parser(
        "witness",
        help="Saksi atas log transparansi, bagi Bawaslu dan partai. "
        "· A witness over transparency logs, for Bawaslu and parties.",
        description="Saksi atas log transparansi: memeriksa bahwa log hanya bertambah, menandatangani, menolak cabang. "
        "· A witness over transparency logs: checks that they only grow, cosigns, refuses a fork and keeps the proof.",
        epilog="contoh · example:\n  ecoklit witness init saksi --name bawaslu.example/w1\n\n"
        "Each has a --help of its own, and --json.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = top.add_subparsers(metavar="ACTION", required=True, parser_class=type(top))
    add_init(actions)
    add_watch(actions)
    add_visit(actions)
    add_serve(actions)
    add_show(actions)
    add_fork(actions)


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="FOLDER", type=Path, help="the witness's own folder")


# --- init, watch -----------------------------------------------------------------------------------------------------


def add_init(actions: Commands) -> None:
    command = add_command(
        actions,
        "init",
        init,
        "Buat saksi dengan kuncinya sendiri. · Make a witness with a key of its own.",
        "ecoklit witness init saksi --name bawaslu.example/w1",
        "one object: name, key",
    )
    _add_folder(command)
    command.add_argument("--name", required=True, help="its name, for good: like an address, without scheme")


def init(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.witness_folder import WitnessFolder
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.core.signing import ED25519, SEED_BYTES, key_from_seed
    from ecoklit.tlog.note import witness_key

    folder = WitnessFolder(arguments.folder)
    folder.make(arguments.name, key_from_seed(ED25519, secrets.token_bytes(SEED_BYTES)))
    key = witness_key(folder.name, folder.key)
    if arguments.json:
        print_json({"name": key.name, "key": key.vkey})
        return Exit.OK
    print_line(f"{key.name}: saksi di · witness in {folder.folder}")
    print_line(f"  kunci, untuk kebijakan · key, for policies: {key.vkey}")
    print_line("  berikutnya · next: ecoklit witness watch FOLDER KEY LOG")
    return Exit.OK


def add_watch(actions: Commands) -> None:
    command = add_command(
        actions,
        "watch",
        watch,
        "Amati satu log lagi. · Watch one more log.",
        "ecoklit witness watch saksi 'ecoklit/pilkada-2024/9404+5d1c…+AQ…' https://log.example.id/9404",
        "one object: origin, where",
    )
    _add_folder(command)
    command.add_argument(
        "key", metavar="KEY", help="the log's key, as 'ecoklit log show' prints it; get it by two ways"
    )
    command.add_argument("where", metavar="LOG", help="the log's address or folder")


def watch(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.witness_folder import WitnessFolder
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.tlog.note import read_vkey

    if arguments.where.split() != [arguments.where]:
        raise EcoklitError("bad_argument", "The log's address has spaces, or is none: give it as one word.")
    folder, key = WitnessFolder(arguments.folder), read_vkey(arguments.key)
    _ = folder.name
    folder.watch(key.vkey, arguments.where)
    if arguments.json:
        print_json({"origin": key.name, "where": arguments.where})
    else:
        print_line(f"{key.name}: diamati · watched, {arguments.where}")
    return Exit.OK


# --- visit -----------------------------------------------------------------------------------------------------------


def add_visit(actions: Commands) -> None:
    command = add_command(
        actions,
        "visit",
        visit,
        "Datangi setiap log, periksa, dan tanda tangani. · Visit each log, check it, and cosign it.",
        f"ecoklit witness visit saksi --every {VISIT_SECONDS} --to tertanda",
        "one object for each log: origin, size, before, cosigned, why",
    )
    _add_folder(command)
    command.add_argument("--every", metavar="SECONDS", type=int, help="go on until Ctrl-C, so often")
    command.add_argument(
        "--to", metavar="DIR", type=Path, help="put the cosigned checkpoints there, for the log to take"
    )


def visit(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.witness_folder import WitnessFolder

    if arguments.every is not None and arguments.every < 1:
        raise EcoklitError("bad_argument", "--every is a number of seconds of at least 1: give it so.")
    with WitnessFolder(arguments.folder).opened() as folder:
        witness = _witness(folder)
        while True:
            codes = [_visit(witness, folder, origin, arguments) for origin in folder.logs.logs]
            if arguments.every is None:
                return max(codes, default=Exit.OK)
            time.sleep(arguments.every)


def _witness(folder: WitnessFolder) -> Witness:
    from ecoklit.services.witness import Witness

    return Witness(folder.name, folder.key, folder.logs.logs, folder, time.time)


def _visit(witness: Witness, folder: WitnessFolder, origin: str, arguments: argparse.Namespace) -> Exit:
    """Visit one log; what keeps it from being cosigned is told, and the others are visited all the same."""
    from ecoklit.adapters import data_folder
    from ecoklit.adapters.log_source import source_of
    from ecoklit.cli.exits import exit_of
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.tlog.witness import OTHER_ROOT

    policy = folder.logs
    try:
        visited = witness.visit(policy.logs[origin], source_of(policy.urls[origin]))
    except EcoklitError as error:
        if arguments.json:
            print_json({"origin": origin, "cosigned": False, "code": error.code, "why": error.message})
        print(f"ecoklit: {error.code}: {error.message}", file=sys.stderr)
        if error.code == OTHER_ROOT:
            print(f"ecoklit: bukti · proof: {folder.forks()[-1].parent}", file=sys.stderr)
        return exit_of(error.code)
    if arguments.to is not None:
        arguments.to.mkdir(parents=True, exist_ok=True)
        data_folder.write_durably(arguments.to / f"{origin.replace('/', '_')}.checkpoint", visited.note.written)
    if arguments.json:
        print_json({"origin": origin, "size": visited.checkpoint.size, "before": visited.before, "cosigned": True})
    else:
        print_line(
            f"{origin}: {visited.before} → {visited.checkpoint.size} entri · entries, sambung dan ditandatangani "
            "· continued, and cosigned"
        )
    return Exit.OK


# --- serve -----------------------------------------------------------------------------------------------------------


def add_serve(actions: Commands) -> None:
    command = add_command(
        actions,
        "serve",
        lambda arguments: asyncio.run(serve(arguments)),
        "Jawab log yang meminta tanda tangan (c2sp.org/tlog-witness). "
        "· Answer logs that ask for a cosignature (c2sp.org/tlog-witness).",
        f"ecoklit witness serve saksi --port {PORT}",
        "one object: url, name",
    )
    _add_folder(command)
    command.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    command.add_argument("--port", type=int, default=PORT, help=f"the port, 0 for any free one (default: {PORT})")


async def serve(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.witness_folder import WitnessFolder
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.cli.serving import stop_on_signals
    from ecoklit.http.serve import served
    from ecoklit.http.witness import WitnessDoor

    with WitnessFolder(arguments.folder).opened() as folder:
        stop = stop_on_signals()
        async with served(WitnessDoor(_witness(folder)), arguments.host, arguments.port) as url:
            if arguments.json:
                print_json({"url": url, "name": folder.name})
            else:
                print_line(f"{folder.name}: {url}/add-checkpoint, Ctrl-C mengakhiri · ends it")
            await stop.wait()
    return Exit.OK


# --- show ------------------------------------------------------------------------------------------------------------


def add_show(actions: Commands) -> None:
    command = add_command(
        actions,
        "show",
        show,
        "Apa yang pernah ditandatangani saksi ini, diperiksa ulang dari awal; dan cabang yang ditemukan. "
        "· What this witness cosigned, checked again from the first record; and the forks that it found.",
        "ecoklit witness show saksi",
        "one object: name, key, records, logs, forks",
    )
    _add_folder(command)


def show(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.witness_folder import WitnessFolder
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.tlog.note import witness_key

    folder = WitnessFolder(arguments.folder)
    key = witness_key(folder.name, folder.key)
    seen = _witness(folder).latest
    logs = {origin: {"size": one.checkpoint.size, "root": one.checkpoint.root.hex()} for origin, one in seen.items()}
    forks = list(map(str, folder.forks()))
    if arguments.json:
        line = {"name": key.name, "key": key.vkey, "records": len(folder.records())}
        print_json({**line, "logs": logs, "forks": forks})
    else:
        print_line(f"{key.name}: {key.vkey}")
        print_line(f"  {len(folder.records())} catatan, semua cocok · records, all of them sound")
        for origin, one in seen.items():
            print_line(f"  {origin}: {one.checkpoint.size} entri · entries, {one.checkpoint.root.hex()}")
        for fork in forks:
            print_line(f"  CABANG · FORK: {fork}")
    return Exit.DIFFERS if forks else Exit.OK


# --- fork ------------------------------------------------------------------------------------------------------------


def add_fork(actions: Commands) -> None:
    command = add_command(
        actions,
        "fork",
        fork,
        "Periksa bukti bahwa sebuah log bercabang; cukup kunci log itu. "
        "· Check the proof that a log is forked; the log's key is enough.",
        "ecoklit witness fork saksi/forks/0f3c….fork --key 'ecoklit/pilkada-2024/9404+5d1c…+AQ…'",
        "one object: origin, earlier, later",
    )
    command.add_argument("file", metavar="FILE", type=Path, help="the proof")
    command.add_argument("--key", required=True, help="the log's key")


def fork(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.tlog.note import read_vkey
    from ecoklit.tlog.witness import demand_fork, read_fork

    key: VerifierKey = read_vkey(arguments.key)
    try:
        data = arguments.file.read_bytes()
    except OSError as error:
        raise EcoklitError(
            "no_file", f"{arguments.file} cannot be read ({error.strerror}): name a file that is there."
        ) from error
    earlier, later = demand_fork(read_fork(data), key)
    if arguments.json:
        print_json({"origin": key.name, "earlier": earlier.size, "later": later.size})
    else:
        print_line(
            f"{key.name} menandatangani dua pohon yang tidak cocok: {earlier.size} dan {later.size} entri. "
            f"· signed two trees that do not fit: of {earlier.size} and of {later.size} entries."
        )
    return Exit.OK
