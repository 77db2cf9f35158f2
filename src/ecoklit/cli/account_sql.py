"""`ecoklit account sql`: a login of the database for an account, bound to its areas."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ecoklit.cli.command import Commands, add_command, area_code
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError
from ecoklit.settings import read_settings

if TYPE_CHECKING:
    from ecoklit.adapters.postgres_sql_people import PostgresSqlPeople
    from ecoklit.settings import Settings

DAYS = 30


def add_sql(commands: Commands) -> None:
    command = add_command(
        commands,
        "sql",
        sql,
        "Beri orang jalan masuk SQL: hanya view yang didokumentasikan, hanya wilayahnya, nomor identitas ditutup. "
        "· Let a person in with SQL: the documented views, the rows of its areas, numbers masked.",
        "ecoklit account sql rina --area 94.04.01 --days 30 < password.txt",
        "one object: login, areas and until; with --list one for each login",
    )
    command.add_argument(
        "login", metavar="LOGIN", nargs="?", help="the account's login; the database's role is so called"
    )
    command.add_argument(
        "--area", action="append", type=area_code, default=[], metavar="AREA",
        help="part of the account's areas, again for several (default: all of them)",
    )  # fmt: skip
    command.add_argument("--days", type=int, default=DAYS, metavar="N", help=f"how long it is good (default: {DAYS})")
    chosen = command.add_mutually_exclusive_group()
    chosen.add_argument("--drop", action="store_true", help="take the login away")
    chosen.add_argument("--list", action="store_true", help="show every login")


def sql(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.postgres_sql_people import PostgresSqlPeople

    settings = read_settings(os.environ)
    people = PostgresSqlPeople(settings.database(), schema=settings.schema)
    if arguments.list:
        return asyncio.run(_list(people, arguments.json))
    if arguments.login is None:
        raise EcoklitError("bad_argument", "Whose login? Give the account's: 'ecoklit account sql LOGIN', or --list.")
    if arguments.drop:
        return asyncio.run(_drop(people, arguments.login, arguments.json))
    return asyncio.run(_open(people, arguments, _password(), settings))


async def _list(people: PostgresSqlPeople, as_json: bool) -> Exit:
    from ecoklit.cli.output import print_json, print_table

    rows = [
        {"login": one.login, "areas": list(one.areas), "until": one.until and one.until.strftime("%Y-%m-%dT%H:%M:%SZ")}
        for one in await people.logins()
    ]
    if as_json:
        print_json(*rows)
    else:
        print_table("SQL", {"login": "Nama\nlogin", "areas": "Wilayah\nareas", "until": "Sampai\nuntil"}, rows)
    return Exit.OK


async def _drop(people: PostgresSqlPeople, login: str, as_json: bool) -> Exit:
    from ecoklit.cli.output import print_json, print_line

    await people.close_to(login)
    if as_json:
        print_json({"login": login, "areas": [], "until": None})
    else:
        print_line(f"{login}: jalan masuk SQL dicabut · its login for SQL is gone")
    return Exit.OK


async def _open(people: PostgresSqlPeople, arguments: argparse.Namespace, password: str, settings: Settings) -> Exit:
    from ecoklit.bootstrap import open_accounts
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.services.sql_people import open_sql

    now = datetime.now(UTC)
    async with open_accounts(settings) as office:
        areas, until = await open_sql(
            people, arguments.login, arguments.area, password, arguments.days, now, office.store
        )
    told = {"login": arguments.login, "areas": list(areas), "until": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if arguments.json:
        print_json(told)
    else:
        print_line(f"{arguments.login}: SQL, {' '.join(areas)}, sampai · until {told['until']}")
    if left := await people.left_open():
        print(
            f"Masih terbuka bagi semua orang · still open to everybody: {', '.join(left)}; "
            "minta administrator menjalankan · have an administrator run projections/close.sql",
            file=sys.stderr,
        )
    return Exit.OK


def _password() -> str:
    """From standard input, never from an argument: those stand in the list of processes and in the shell's history."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Kata sandi SQL · the password for SQL: ")
    if getpass.getpass("Sekali lagi · once more: ") != first:
        raise EcoklitError("bad_passphrase", "The two passwords differ, nothing was made: run the command again.")
    return first
