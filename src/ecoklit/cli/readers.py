"""`ecoklit reader`: credentials by which an auditor reads events and registry at the broker, and nothing else."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ecoklit.cli.command import Commands, add_command, settings_of, word
from ecoklit.cli.exits import Exit
from ecoklit.cli.office import write_private
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.adapters.nats_accounts import BrokerAccounts
    from ecoklit.settings import Settings


def add_commands(commands: Commands) -> None:
    command = add_command(
        commands,
        "reader",
        reader,
        "Beri pemantau jalan masuk ke broker: peristiwa dan registri satu kabupaten/kota, tanpa data pribadi. "
        "· Let an auditor in at the broker: the events and the registry of one regency, without persons.",
        "ecoklit reader bawaslu UB4WPO6DZ... --out bawaslu.creds --days 30",
        "one object: the user, until when, the streams and the inbox prefix",
    )
    command.add_argument("name", metavar="NAME", type=word, help="who reads, an id; the broker's user is reader-NAME")
    command.add_argument(
        "nkey",
        metavar="NKEY",
        nargs="?",
        help="the public half of the user key (U…) that the auditor made; none: a key is made, and is in FILE",
    )
    command.add_argument("--out", required=True, type=Path, metavar="FILE", help="write the credentials file")
    command.add_argument("--days", type=int, default=30, metavar="N", help="how long they are good (default: 30)")


def reader(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.nats_accounts import reader_of, reader_streams
    from ecoklit.adapters.nats_credentials import USER, BrokerKey, claims_file, credentials
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.core.broker_names import inbox_of

    settings = settings_of(arguments)
    accounts = accounts_of(settings)
    if arguments.out.exists():
        raise EcoklitError("bad_argument", f"{arguments.out} is there already: name another.")
    own = None if arguments.nkey is not None else BrokerKey.fresh(USER)
    nkey = arguments.nkey if own is None else own.public
    until = datetime.now(UTC) + timedelta(days=arguments.days)
    jwt = accounts.issue_reader(arguments.name, nkey, settings.election, settings.regency, arguments.days)
    write_private(arguments.out, claims_file(jwt) if own is None else credentials(jwt, own))
    user = reader_of(arguments.name)
    told = {
        "user": user,
        "nkey": nkey,
        "until": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "streams": list(reader_streams(settings.election, settings.regency)),
        "inbox": inbox_of(user),
        "out": str(arguments.out),
    }
    if arguments.json:
        print_json(told)
        return Exit.OK
    print_line(
        f"{user}: sampai · until {told['until']}, {' '.join(told['streams'])}\n"
        f"  awalan kotak masuk klien · the client's inbox prefix: {told['inbox']}"
    )
    print_line(
        f"  {arguments.out} berisi kunci rahasia: serahkan langsung · holds a secret key: hand it over in person"
        if own is not None
        else f"  {arguments.out}: kunci rahasia ditambahkan pemantau sendiri · the auditor adds the secret key"
    )
    return Exit.OK


def accounts_of(settings: Settings) -> BrokerAccounts:
    """The accounts of the broker in the data folder, or of the folder ECOKLIT_NATS_KEYS; none is made here."""
    from ecoklit.adapters.nats_accounts import BrokerAccounts

    folder = settings.nats_keys or settings.data / "nats" / "keys"
    if not folder.is_dir():
        raise EcoklitError(
            "no_broker_keys",
            f"{folder} is not there, which has the broker's keys: run it where 'ecoklit up' ran, "
            "or set ECOKLIT_NATS_KEYS.",
        )
    return BrokerAccounts(folder)
