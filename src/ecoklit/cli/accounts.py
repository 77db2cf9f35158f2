"""`ecoklit account …`: who may sign in, for whoever has the service's own database."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.account_sql import add_sql
from ecoklit.cli.command import Commands, add_command, area_code, settings_of, word
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.bootstrap import People
    from ecoklit.settings import Settings

Work = Callable[["People", argparse.Namespace], Awaitable[Exit]]

LOGIN: Final = {"login": "Nama\nlogin"}
ACCOUNTS: Final = LOGIN | {
    "role": "Peran\nrole", "areas": "Wilayah\nareas", "rights": "Hak\nrights", "officer": "Petugas\nofficer",
    "made_by": "Dibuat oleh\nmade by", "closed": "Ditutup\nclosed",
}  # fmt: skip
SESSIONS: Final = LOGIN | {
    "kind": "Jenis\nkind",
    "began": "Mulai\nbegan",
    "seen": "Terakhir\nseen",
    "ends": "Sampai\nuntil",
}
LOG: Final = {
    "entry": "No", "at": "Waktu\nat", "login": "Siapa\nwho", "action": "Apa\nwhat", "area": "Wilayah\narea",
    "voter": "Pemilih\nvoter", "rows": "Baris\nrows", "fields": "Terbuka\nwhole", "reason": "Alasan\nreason",
}  # fmt: skip
ALERTS: Final = {
    "alert": "No",
    "at": "Waktu\nat",
    "kind": "Jenis\nkind",
    "login": "Siapa\nwho",
    "area": "Wilayah\narea",
    "says": "Isi\nsays",
}
APPROVALS: Final = {
    "approval": "Id", "kind": "Jenis\nkind", "area": "Wilayah\narea", "says": "Alasan\nreason",
    "asked_by": "Diminta\nasked by", "granted": "Jawaban\nanswer", "ends": "Sampai\nuntil",
}  # fmt: skip


def add_commands(commands: Commands) -> None:
    what = (
        "Akun: siapa boleh masuk, sebagai apa, di wilayah mana, dan apa yang telah dibacanya. "
        "· Accounts: who may sign in, as what, where, and what they were shown."
    )
    top = commands.add_parser(
        "account",
        help=what,
        description=what,
        epilog="contoh · example:\n  ecoklit account add siti --role kpu --area 94.04\n\n"
        "Each has a --help of its own, and --json.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    account = top.add_subparsers(metavar="COMMAND", required=True, parser_class=type(top))
    add_add(account)
    add_simple(account)
    add_rights(account)
    add_log(account)
    add_approve(account)
    add_sql(account)


def add_add(commands: Commands) -> None:
    from ecoklit.services.viewer import OWN_RIGHTS, RIGHTS

    command = add_command(
        commands,
        "add",
        partial(run, add),
        "Buat akun; kata sandi diketik atau dari masukan baku. Kode sekali pakai ditunjukkan satu kali. "
        "· Make an account; its password is typed or comes on standard input. Its one-time codes are shown once.",
        "ecoklit account add siti --role kpu --area 94.04 < password.txt",
        "one object: login, role, areas, rights, totp (what the authenticator app reads; null with --subject)",
    )
    command.add_argument("login", metavar="LOGIN", help="3 to 64 characters a-z, 0-9, . _ - @; no identity number")
    command.add_argument("--role", required=True, choices=tuple(OWN_RIGHTS), help="what it is")
    command.add_argument(
        "--area", required=True, action="append", type=area_code, metavar="AREA",
        help="what it sees, 4 to 13 digits; again for several",
    )  # fmt: skip
    command.add_argument(
        "--right", action="append", choices=RIGHTS, default=[], metavar="RIGHT",
        help=f"beyond those of the role: {', '.join(RIGHTS)}; again for several",
    )  # fmt: skip
    command.add_argument("--officer", type=word, metavar="ID", help="its officer's id in events (default: the login)")
    command.add_argument(
        "--subject", metavar="'ISSUER SUBJECT'", help="it signs in at the office's own provider, and has no password"
    )


def add_simple(commands: Commands) -> None:
    """Those that are about one account, or all."""
    rows: tuple[tuple[str, Work, str, str, str, str | None], ...] = (
        ("list", list_accounts, "Semua akun. · Every account.", "list", "one object for each account", None),
        (
            "close", close, "Tutup akun: semua sesinya berakhir. · Close an account: all its sessions end.",
            "close siti", "one object: login", "the account's login",
        ),
        (
            "password", password, "Ganti kata sandi; semua sesinya berakhir. · Another password; all its sessions end.",
            "password siti < password.txt", "one object: login", "the account's login",
        ),
        (
            "totp", totp, "Kode sekali pakai yang baru; yang lama berakhir. · New one-time codes; the old ones end.",
            "totp siti", "one object: login, totp", "the account's login",
        ),
        (
            "token", token, "Token untuk program; berakhir sesudah 15 menit tanpa permintaan, paling lama 12 jam. "
            "· A token for a program; it ends after 15 minutes without a request, and after 12 hours.",
            "token rina", "one object: login, token, until", "the account's login",
        ),
        ("sessions", sessions, "Sesi yang terbuka. · Open sessions.", "sessions", "one object for each session", None),
        (
            "revoke", revoke, "Akhiri semua sesi satu akun. · End every session of an account.",
            "revoke siti", "one object: login, ended", "the account's login",
        ),
        (
            "unlock", unlock, "Buka kunci akun: masuk dan baca. · Open an account's locks: signing in, and reading.",
            "unlock siti", "one object: login, opened", "the account's login",
        ),
        (
            "alerts", alerts, "Yang perlu dilihat: bacaan massal, kunci, permintaan. "
            "· What wants looking at: bulk reading, locks, what waits for a second person.",
            "alerts", "one object for each alert", None,
        ),
        (
            "approvals", approvals, "Yang menunggu orang kedua. · What waits for a second person, or was granted.",
            "approvals", "one object for each", None,
        ),
    )  # fmt: skip
    for name, work, what, example, json, about in rows:
        command = add_command(commands, name, partial(run, work), what, f"ecoklit account {example}", json)
        if about is not None:
            command.add_argument("login", metavar="LOGIN", help=about)
        if work is alerts:
            command.add_argument("--seen", action="store_true", help="and do not show these again")


def add_rights(commands: Commands) -> None:
    from ecoklit.services.viewer import RIGHTS

    command = add_command(
        commands,
        "rights",
        partial(run, rights),
        "Ganti hak akun di luar hak perannya; berlaku seketika. "
        "· Other rights of an account beyond its role's; they hold at once.",
        "ecoklit account rights rina --right export",
        "one object: login, rights",
    )
    command.add_argument("login", metavar="LOGIN", help="the account's login")
    command.add_argument(
        "--right", action="append", choices=RIGHTS, default=[], metavar="RIGHT",
        help=f"each that it is to have: {', '.join(RIGHTS)}; none takes all away",
    )  # fmt: skip


def add_log(commands: Commands) -> None:
    command = add_command(
        commands,
        "log",
        partial(run, show_log),
        "Siapa melihat apa, kapan dan mengapa. · Who was shown what, when and why.",
        "ecoklit account log --area 94.04.01 --verify",
        "one object for each entry; with --verify one: entries, hash, broken",
    )
    command.add_argument("--area", type=area_code, metavar="AREA", help="only what was asked about inside this area")
    command.add_argument("--login", metavar="LOGIN", help="only what this account was shown")
    command.add_argument(
        "--verify", action="store_true",
        help="only check that no entry was changed or taken out; note the number and the hash of the last elsewhere: "
        "beside them a cut end shows too",
    )  # fmt: skip


def add_approve(commands: Commands) -> None:
    command = add_command(
        commands,
        "approve",
        partial(run, approve),
        "Jawab sebagai orang kedua; kata sandi dan kode diketik atau dari masukan baku, dua baris. "
        "· Answer as the second person; password and code are typed or come on standard input, two lines.",
        "ecoklit account approve 0b7b8f0e-2d5c-4f5e-9d7e-0d4f7c1f9a51 --by siti",
        "one object: approval, granted",
    )
    command.add_argument("approval", metavar="ID", help="its id, of 'ecoklit account approvals'")
    command.add_argument("--by", required=True, metavar="LOGIN", help="whose answer it is")
    command.add_argument("--refuse", action="store_true", help="the answer is no")


def run(work: Work, arguments: argparse.Namespace) -> Exit:
    return asyncio.run(_run(work, arguments, settings_of(arguments)))


async def _run(work: Work, arguments: argparse.Namespace, settings: Settings) -> Exit:
    from ecoklit.bootstrap import open_accounts

    async with open_accounts(settings) as people:
        return await work(people, arguments)


# --- accounts --------------------------------------------------------------------------------------------------------


async def add(people: People, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.services.accounts import demand_login
    from ecoklit.services.administration import said_of
    from ecoklit.services.viewer import areas_of, rights_of

    demand_login(arguments.login)
    password = None if arguments.subject is not None else new_password()
    areas, given = areas_of(arguments.role, arguments.area), rights_of(arguments.role, arguments.right)
    await noted(people, "add", areas, said_of(arguments.login, arguments.role, areas, given, arguments.subject))
    made, secret = await people.accounts.add(
        arguments.login,
        arguments.role,
        arguments.area,
        arguments.right,
        officer=arguments.officer or arguments.login,
        password=password,
        subject=arguments.subject,
    )
    uri = None if secret is None else enrolment_of(secret, made.login, arguments)
    rights = sorted(rights_of(made.role, made.rights))
    if arguments.json:
        told = {"login": made.login, "role": made.role, "areas": list(made.areas), "rights": rights, "totp": uri}
        print_json(told)
        return Exit.OK
    print_line(f"{made.login}: {made.role}, {' '.join(made.areas)}; hak · rights: {', '.join(rights) or '-'}")
    show_codes(uri)
    return Exit.OK


async def list_accounts(people: People, arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.viewer import rights_of

    rows = [
        {
            "login": one.login, "role": one.role, "areas": list(one.areas),
            "rights": sorted(rights_of(one.role, one.rights)), "officer": one.officer, "subject": one.subject,
            "made_by": one.made_by, "made": stamp(one.made_at), "closed": one.closed_at and stamp(one.closed_at),
        }
        for one in await people.store.all()
    ]  # fmt: skip
    return show("Akun · accounts", ACCOUNTS, rows, arguments.json)


async def close(people: People, arguments: argparse.Namespace) -> Exit:
    await noted_of(people, "close", arguments.login)
    await people.accounts.close(arguments.login)
    return tell({"login": arguments.login}, f"{arguments.login}: ditutup · closed", arguments.json)


async def password(people: People, arguments: argparse.Namespace) -> Exit:
    typed = new_password()
    await noted_of(people, "password", arguments.login)
    await people.accounts.set_password(arguments.login, typed)
    said = f"{arguments.login}: kata sandi diganti, sesinya berakhir · another password, its sessions have ended"
    return tell({"login": arguments.login}, said, arguments.json)


async def totp(people: People, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json

    await noted_of(people, "totp", arguments.login)
    uri = enrolment_of(await people.accounts.renew_codes(arguments.login), arguments.login, arguments)
    if arguments.json:
        print_json({"login": arguments.login, "totp": uri})
    else:
        show_codes(uri)
    return Exit.OK


async def rights(people: People, arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.administration import words_of
    from ecoklit.services.viewer import rights_of

    account = await people.accounts.of(arguments.login)
    given = sorted(rights_of(account.role, arguments.right))
    await noted_of(people, "rights", arguments.login, words_of(given))
    await people.accounts.set_rights(arguments.login, arguments.right)
    said = f"{arguments.login}: hak · rights: {', '.join(given) or '-'}"
    return tell({"login": arguments.login, "rights": given}, said, arguments.json)


# --- sessions and locks ----------------------------------------------------------------------------------------------


async def token(people: People, arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.sign_in import PROGRAM

    await noted_of(people, "token", arguments.login)
    opened = await people.sessions.open(await people.accounts.of(arguments.login), PROGRAM)
    until = stamp(opened.ends_at)
    return tell({"login": arguments.login, "token": opened.token, "until": until}, opened.token, arguments.json)


async def sessions(people: People, arguments: argparse.Namespace) -> Exit:
    rows = [
        {
            "login": one.account.login, "kind": one.kind, "began": stamp(one.made_at), "seen": stamp(one.seen_at),
            "ends": stamp(one.ends_at),
        }
        for one in await people.store.sessions()
    ]  # fmt: skip
    return show("Sesi · sessions", SESSIONS, rows, arguments.json)


async def revoke(people: People, arguments: argparse.Namespace) -> Exit:
    await noted_of(people, "revoke", arguments.login)
    ended = await people.store.end_all((await people.accounts.of(arguments.login)).account)
    said = f"{arguments.login}: {ended} sesi berakhir · sessions ended"
    return tell({"login": arguments.login, "ended": ended}, said, arguments.json)


async def unlock(people: People, arguments: argparse.Namespace) -> Exit:
    await noted_of(people, "unlock", arguments.login)
    opened = await people.store.unlock((await people.accounts.of(arguments.login)).login)
    said = f"{arguments.login}: {opened} kunci dibuka · locks opened"
    return tell({"login": arguments.login, "opened": opened}, said, arguments.json)


async def alerts(people: People, arguments: argparse.Namespace) -> Exit:
    rows = [{**one, "at": stamp(one["at"])} for one in await people.store.alerts()]
    if arguments.seen:
        from ecoklit.services.accounts import SHELL

        await people.store.looked_at([one["alert"] for one in rows], SHELL)
    return show("Peringatan · alerts", ALERTS, rows, arguments.json)


# --- the read log ----------------------------------------------------------------------------------------------------


async def show_log(people: People, arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.read_log import entries_of

    if arguments.verify:
        return await verify_log(people, arguments.json)
    rows = [
        {
            "entry": one.entry, "at": stamp(one.at), "login": one.login, "action": one.action, "area": one.area,
            "voter": one.voter, "rows": one.rows, "fields": list(one.fields), "reason": one.reason,
            "as_of": one.as_of, "request": one.request,
        }
        async for one in entries_of(people.store)
        if (arguments.area is None or (one.area or "").startswith(arguments.area))
        and (arguments.login is None or one.login == arguments.login)
    ]  # fmt: skip
    return show("Log baca · read log", LOG, rows, arguments.json)


async def verify_log(people: People, as_json: bool) -> Exit:
    from ecoklit.services.read_log import verify

    found = await verify(people.store)
    told = {"entries": found.entries, "hash": found.hash.hex(), "broken": found.broken}
    if found.broken is None:
        return tell(told, f"{found.entries} catatan utuh · entries hold together; {found.hash.hex()}", as_json)
    said = f"catatan {found.broken} bukan yang ditulis · entry {found.broken} is not what was written"
    tell(told, f"{said}; {found.entries} sebelumnya utuh · before it hold together", as_json)
    return Exit.DIFFERS


# --- the second person -----------------------------------------------------------------------------------------------


async def approvals(people: People, arguments: argparse.Namespace) -> Exit:
    logins = {one.account: one.login for one in await people.store.all()}
    rows = [
        {
            "approval": one.approval, "kind": one.kind, "area": one.area, "says": one.says,
            "asked_by": logins[one.asked_by], "granted": one.granted, "ends": stamp(one.ends_at),
        }
        for one in await people.store.open_approvals()
    ]  # fmt: skip
    return show("Orang kedua · a second person", APPROVALS, rows, arguments.json)


async def approve(people: People, arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.accounts import viewer_of
    from ecoklit.services.approvals import Approvals
    from ecoklit.services.sign_in import Attempt

    password, code = typed_password_and_code()
    account = await people.sessions.confirm(Attempt(arguments.by, password, code, None))
    done = await Approvals(people.store).answer(viewer_of(account), arguments.approval, not arguments.refuse)
    answer = "ditolak · refused" if arguments.refuse else "disetujui · granted"
    return tell({"approval": done.approval, "granted": done.granted}, f"{done.approval}: {answer}", arguments.json)


# --- what was done, in the log before it is ---


async def noted_of(people: People, act: str, login: str, said: str = "") -> None:
    """Note an act on an open account. Raises EcoklitError unknown_account."""
    account = await people.accounts.of(login)
    await noted(people, act, account.areas, f"{login} {said}".rstrip())


async def noted(people: People, act: str, areas: Sequence[str], said: str) -> None:
    from ecoklit.services.administration import at_the_shell

    await people.store.write([at_the_shell(act, areas, said)])


# --- what is typed and shown -----------------------------------------------------------------------------------------


def new_password() -> str:
    """From the terminal, twice, or from standard input: arguments stand in the list of processes and the history."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Kata sandi, 15 huruf atau lebih · password, 15 characters or more: ")
    if getpass.getpass("Sekali lagi · once more: ") != first:
        raise EcoklitError("bad_password", "The two passwords differ, nothing was changed: run the command again.")
    return first


def typed_password_and_code() -> tuple[str, str]:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n"), sys.stdin.readline().strip()
    return getpass.getpass("Kata sandi · password: "), getpass.getpass("Kode · code: ")


def enrolment_of(secret: bytes, login: str, arguments: argparse.Namespace) -> str:
    from ecoklit.services.accounts import enrolment_uri

    return enrolment_uri(secret, login, settings_of(arguments).election)


def show_codes(uri: str | None) -> None:
    from ecoklit.cli.output import print_line

    if uri is None:
        return
    print_line(
        "  Kode sekali pakai: pindai dengan aplikasi autentikator, sekarang; tidak ditunjukkan lagi.\n"
        "  · One-time codes: scan it with an authenticator app, now; it is not shown again."
    )
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        from ecoklit.cli.qr import terminal_qr

        print_line(terminal_qr(uri))
    print_line(f"  {uri}")


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def tell(told: dict[str, Any], said: str, as_json: bool) -> Exit:
    from ecoklit.cli.output import print_json, print_line

    if as_json:
        print_json(told)
    else:
        print_line(said)
    return Exit.OK


def show(title: str, columns: dict[str, str], rows: list[dict[str, Any]], as_json: bool) -> Exit:
    from ecoklit.cli.output import print_json, print_table

    if as_json:
        print_json(*rows)
    else:
        print_table(title, columns, rows)
    return Exit.OK
