"""`ecoklit lists`: an office fetches the lists of its TPS, to hand them over where there is no network."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ecoklit.cli.command import Commands, add_command, settings_of, tps_code
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.core.signing import Key
    from ecoklit.field.transport import Transport
    from ecoklit.settings import Settings

VOTERS_MAX = 1000
NONCES_MAX = 3


def add_commands(commands: Commands) -> None:
    command = add_command(
        commands,
        "lists",
        lists,
        "Ambil daftar TPS dari layanan, untuk dibawa ke tempat tanpa jaringan; 'enrol --out' menyertakannya. "
        "· Fetch the lists of TPS from the service, to carry them where there is no network; 'enrol --out' adds them.",
        "ecoklit lists 94.04.01.2001.001 94.04.01.2001.002",
        "one object for each TPS: its events, and the file they are in",
    )
    command.add_argument(
        "tps", metavar="TPS", nargs="+", type=tps_code, help="13 digits, dots allowed, in this office's area"
    )


def lists(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import office_key_of
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.field.http_transport import HttpTransport

    settings = settings_of(arguments)
    if settings.service_url is None:
        raise EcoklitError("service_unavailable", "No service is known: set ECOKLIT_SERVICE_URL, or join by a code.")
    transport, key = HttpTransport(settings.service_url), office_key_of(settings)
    for tps in arguments.tps:
        lines = fetch(transport, key, settings.election, tps)
        file = list_file(settings, tps)
        write_anew(file, lines)
        if arguments.json:
            print_json({"tps": tps, "events": len(lines), "file": str(file)})
        else:
            print_line(f"{tps}: {len(lines)} peristiwa · events, {file}")
    return Exit.OK


def fetch(transport: Transport, key: Key, election: str, tps: str) -> list[bytes]:
    """The wire lines of every voter that was ever placed on `tps`."""
    from ecoklit.field.page import read_page

    lines: list[bytes] = []
    cursor, more = "", True
    while more:
        page = read_page(ask(transport, key, election, tps, cursor), election, "")
        lines.extend(held.line for held in page.held)
        cursor, more = page.cursor, page.more
    return lines


def ask(transport: Transport, key: Key, election: str, tps: str, cursor: str) -> bytes:
    """One page, signed for with a nonce of the service's own."""
    from ecoklit.core.signing import pull_message
    from ecoklit.field.transport import Ask, NonceNeeded

    for _ in range(NONCES_MAX):
        nonce = transport.nonce
        signature = key.signature(pull_message(election, key.device, nonce, tps, cursor))
        try:
            return transport.pull(Ask(key.device, nonce, signature, tps, cursor, VOTERS_MAX))
        except NonceNeeded as needed:
            transport.nonce = needed.nonce
    raise EcoklitError(
        "service_unavailable", "The service takes none of its own nonces: mend its clock, then fetch again."
    )


def list_file(settings: Settings, tps: str) -> Path:
    """Where the office keeps the list of `tps`."""
    from ecoklit.bootstrap import office_folder

    return office_folder(settings) / "lists" / f"{tps}.ndjson"


def write_anew(path: Path, lines: list[bytes]) -> None:
    """Replace `path` whole, for its owner alone: it holds voters' particulars."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.writelines(line + b"\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
