"""`ecoklit correct`, `subject-report` and `breach-report`: the rights of voters, and what a notice has to say."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.command import Commands, add_command, area_code, voter_id
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError
from ecoklit.settings import read_settings

if TYPE_CHECKING:
    from ecoklit.core.registry import Registry
    from ecoklit.ports import VoterRequest
    from ecoklit.services.breach_report import BreachReport
    from ecoklit.services.subject_report import SubjectReport
    from ecoklit.settings import Settings

SHELL: Final = "shell"
"""Who notes and answers requests here: somebody with the service's own database, as in the accounts."""

REQUESTS: Final = {
    "due_at": "Tenggat\ndue",
    "is_late": "Lewat\nlate",
    "kind": "Permintaan\nrequest",
    "tps": "TPS",
    "voter": "Pemilih\nvoter",
    "says": "Isi\nsays",
    "answer": "Jawaban\nanswer",
    "request": "Id",
}
ENTRIES: Final = {
    "position": "Posisi\nposition",
    "type": "Peristiwa\nevent",
    "standing": "Kedudukan\nstanding",
    "tps": "TPS",
    "officer": "Petugas\nofficer",
    "role": "Peran\nrole",
    "device": "Alat\ndevice",
    "holder": "Pemegang alat\nheld by",
    "at": "Waktu alat\ndevice's clock",
    "data": "Data",
}
READS: Final = {
    "at": "Waktu\nat",
    "login": "Akun\naccount",
    "action": "Dibaca sebagai\nread as",
    "area": "Daftar wilayah\nlist of",
    "alone": "Sendiri\nalone",
    "fields": "Utuh\nwhole",
    "reason": "Alasan\nreason",
}
EXPORTS: Final = {
    "asked_at": "Waktu\nat",
    "login": "Akun\naccount",
    "role": "Peran\nrole",
    "area": "Wilayah\narea",
    "what": "Apa\nwhat",
    "format": "Berkas\nfile",
    "unmasked": "NIK utuh\nwhole numbers",
    "state": "Keadaan\nstate",
    "rows": "Baris\nrows",
}
READINGS: Final = {
    "login": "Akun\naccount",
    "role": "Peran\nrole",
    "action": "Dibaca\nread",
    "area": "Wilayah\narea",
    "voters": "Pemilih satu-satu\nsingle voters",
    "fields": "Utuh\nwhole",
    "answers": "Jawaban\nanswers",
    "rows": "Baris\nrows",
    "first": "Pertama\nfirst",
    "last": "Terakhir\nlast",
}
SESSIONS: Final = {
    "login": "Akun\naccount",
    "role": "Peran\nrole",
    "kind": "Jenis\nkind",
    "made_at": "Mulai\nbegan",
    "seen_at": "Terakhir dipakai\nlast used",
    "ended_at": "Berakhir\nends",
}
ALERTS: Final = {
    "at": "Waktu\nat",
    "kind": "Peringatan\nalert",
    "login": "Akun\naccount",
    "area": "Wilayah\narea",
    "says": "Isi\nsays",
}
SQL: Final = {"login": "Login SQL", "areas": "Wilayah\nareas"}
KINDS: Final = {
    "correction": "perbaikan · correction",
    "access": "akses · access",
    "objection": "keberatan · objection",
    "erasure": "penghapusan · erasure",
}


def add_commands(commands: Commands) -> None:
    add_correct(commands)
    subject = add_command(
        commands,
        "subject-report",
        lambda arguments: asyncio.run(show_subject(arguments)),
        "Data seorang pemilih dan jejak pemrosesannya (UU 27/2022 Pasal 32). "
        "· A voter's data and the trail of their processing (Art. 32).",
        "ecoklit subject-report 74100b01-af6e-88bf-ae05-5d4a729b6c2e",
        "one object: voter, whole, states, entries, readings, exports, requests, …",
    )
    subject.add_argument("voter", metavar="VOTER", type=voter_id, help="the voter's id")
    subject.add_argument(
        "--whole", metavar="REASON", help="identity numbers whole, for this reason, which the read log keeps"
    )
    breach = add_command(
        commands,
        "breach-report",
        lambda arguments: asyncio.run(show_breach(arguments)),
        "Isi pemberitahuan kebocoran untuk suatu rentang waktu (UU 27/2022 Pasal 46). "
        "· The contents of a notice of a breach, for a window of time (Art. 46).",
        "ecoklit breach-report --from 2024-07-01T00:00+09:00 --to 2024-07-03T00:00+09:00",
        "one object: since, until, found_at, due_at, voters_max, areas, whole, readings, exports, sessions, …",
    )
    time = "a time with its offset, as in 2024-07-01T00:00+09:00"
    breach.add_argument("--from", dest="since", required=True, type=moment, metavar="TIME", help=time)
    breach.add_argument("--to", dest="until", required=True, type=moment, metavar="TIME", help=f"{time}; not included")
    breach.add_argument("--found", type=moment, metavar="TIME", help="when it was found out: now unless given")


def add_correct(commands: Commands) -> None:
    what = (
        "Permintaan pemilih atas datanya: catat, jawab, daftar yang jatuh tempo. "
        "· What voters ask about their data: note, answer, list what is due."
    )
    top: argparse.ArgumentParser = commands.add_parser(
        "correct",
        help=what,
        description=what,
        epilog="contoh · example:\n  ecoklit correct list 94.04\n\nEach has a --help of its own, and --json.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = top.add_subparsers(metavar="ACTION", required=True, parser_class=type(top))
    note = add_command(
        actions,
        "note",
        lambda arguments: asyncio.run(note_request(arguments)),
        "Catat permintaan seorang pemilih; jawabannya jatuh tempo dalam 3 × 24 jam. "
        "· Note what a voter asks for; its answer is due in 3 × 24 hours.",
        "echo 'nama saya YOHANA, bukan JOHANA' | ecoklit correct note 74100b01-af6e-88bf-ae05-5d4a729b6c2e",
        "one object: the request",
    )
    note.add_argument("voter", metavar="VOTER", type=voter_id, help="the voter's id")
    note.add_argument("--kind", choices=tuple(KINDS), default="correction", help="correction unless given")
    answer = add_command(
        actions,
        "answer",
        lambda arguments: asyncio.run(answer_request(arguments)),
        "Jawab suatu permintaan, satu kali. · Answer a request, once; a correction itself is an entry or a ruling.",
        "echo 'diperbaiki dengan putusan' | ecoklit correct answer 1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        "one object: the request",
    )
    answer.add_argument("request", metavar="REQUEST", help="its id, as 'correct list' shows it")
    for command in (note, answer):
        command.add_argument(
            "--says",
            metavar="TEXT",
            help="the words; without it they are read from the input, so that they stand in no list of processes",
        )
    listed = add_command(
        actions,
        "list",
        lambda arguments: asyncio.run(list_requests(arguments)),
        "Permintaan yang belum dijawab, tenggat terdekat dulu. · Requests without an answer, the first due first.",
        "ecoklit correct list 94.04",
        "one object for each request",
    )
    listed.add_argument("area", metavar="AREA", type=area_code, help="regency, district, village or TPS; dots allowed")
    listed.add_argument("--all", action="store_true", help="those with an answer too")


def moment(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no time with its offset: 2024-07-01T00:00+09:00")
    return time.astimezone(UTC)


# --- requests --------------------------------------------------------------------------------------------------------


async def note_request(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_reader, open_requests
    from ecoklit.services.voter_request import note

    settings, words = read_settings(os.environ), words_of(arguments)
    async with open_reader(settings) as reader, open_requests(settings) as requests:
        noted = await note(requests, reader, arguments.voter, arguments.kind, words, SHELL)
    return report_request(arguments, noted, f"dicatat, jawab sampai · noted, answer by {said_time(noted.due_at)}")


async def answer_request(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_requests
    from ecoklit.services.voter_request import answer

    async with open_requests(read_settings(os.environ)) as requests:
        answered = await answer(requests, arguments.request, words_of(arguments), SHELL)
    late = ", lewat tenggat · after it was due" if answered.is_late else ""
    return report_request(arguments, answered, f"dijawab · answered{late}")


async def list_requests(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_requests
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.services.voter_request import listed

    async with open_requests(read_settings(os.environ)) as requests:
        found = await listed(requests, arguments.area, answered=arguments.all)
    if arguments.json:
        print_json(*(one._asdict() for one in found))
    else:
        rows = [{**one._asdict(), "kind": KINDS[one.kind], "due_at": said_time(one.due_at)} for one in found]
        print_table(f"Permintaan pemilih {arguments.area} · voters' requests", REQUESTS, rows)
        late = sum(one.is_late for one in found)
        print_line(f"{len(found)} permintaan · requests; {late} lewat tenggat · late")
    return Exit.DIFFERS if any(one.is_late and one.answer is None for one in found) else Exit.OK


def words_of(arguments: argparse.Namespace) -> str:
    """The words of --says, or of the input."""
    return arguments.says if arguments.says is not None else sys.stdin.read()


def report_request(arguments: argparse.Namespace, request: VoterRequest, said: str) -> Exit:
    from ecoklit.cli.output import print_json, print_line

    if arguments.json:
        print_json(request._asdict())
    else:
        print_line(f"{request.request}: {KINDS[request.kind]}, pemilih · voter {request.voter}: {said}")
    return Exit.OK


# --- the report to a voter -------------------------------------------------------------------------------------------


async def show_subject(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.postgres_office import PostgresOffice
    from ecoklit.bootstrap import log_at_the_shell, open_reader, open_requests
    from ecoklit.services.read_log import demand_reason
    from ecoklit.services.subject_report import shown_whole, subject_report

    settings = read_settings(os.environ)
    reason = None if arguments.whole is None else demand_reason(arguments.whole)
    registry = await registry_or_none(settings)
    async with open_reader(settings) as reader, open_requests(settings) as trail:
        report = await subject_report(
            reader, PostgresOffice(reader), trail, trail, registry, arguments.voter, whole=reason is not None
        )
    # Written down before it leaves: what is shown is in the log, and perhaps more.
    await log_at_the_shell(
        settings,
        "subject_report",
        voter=arguments.voter,
        rows=1,
        as_of=report.position,
        fields=shown_whole(report),
        reason=reason,
    )
    report_subject(arguments, report)
    return Exit.OK


async def registry_or_none(settings: Settings) -> Registry | None:
    """The registry, where it can be asked: a voter's report waits for no broker."""
    from ecoklit.bootstrap import read_registry

    try:
        return await read_registry(settings)
    except EcoklitError:
        return None


def report_subject(arguments: argparse.Namespace, report: SubjectReport) -> None:
    from msgspec import structs

    from ecoklit.cli.output import print_json, print_line, print_table

    if arguments.json:
        print_json(structs.asdict(report) | named(report, ("exports", "requests")))
        return
    print_line(f"Laporan kepada pemilih {report.voter} · report to a voter (UU 27/2022 Pasal 32)")
    for state in report.states:
        print_line(f"  Keadaan · state: {said_fields(state['decision'])}")
        if state.get("record"):
            print_line(f"  Data: {said_fields(state['record'].get('fields', {}))}")
    entries = [{**structs.asdict(one), "data": said_fields(one.data or {})} for one in report.entries]
    print_table("Pemrosesan: setiap entri · processing: every entry", ENTRIES, entries)
    if not report.asked_registry:
        print_line("  Pemegang alat tidak diketahui: registri tidak terjangkau · the registry could not be asked")
    print_table("Siapa membaca · who read it", READS, [structs.asdict(one) for one in report.readings])
    print_table("Berkas yang memuat TPS-nya · files with its TPS", EXPORTS, dicts(report.exports))
    print_table("Permintaan pemilih · the voter's requests", REQUESTS, dicts(report.requests))
    print_line(
        f"{len(report.entries)} entri · entries, {len(report.readings)} kali dibaca · readings; "
        "yang dibaca lewat SQL tidak termasuk · what people with SQL read is not in it"
    )


# --- the notice of a breach ------------------------------------------------------------------------------------------


async def show_breach(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_requests
    from ecoklit.services.breach_report import breach_report

    found = arguments.found or datetime.now(UTC)
    async with open_requests(read_settings(os.environ)) as trail:
        report = await breach_report(trail, arguments.since, arguments.until, found)
    report_breach(arguments, report)
    return Exit.OK


def report_breach(arguments: argparse.Namespace, report: BreachReport) -> None:
    from msgspec import structs

    from ecoklit.cli.output import print_json, print_line, print_table

    if arguments.json:
        parts = ("readings", "exports", "sessions", "alerts", "sql")
        print_json(structs.asdict(report) | named(report, parts))
        return
    print_line("\n".join(notice(report)))
    print_table("Dibaca · read", READINGS, dicts(report.readings))
    print_table("Berkas keluar · files that left", EXPORTS, dicts(report.exports))
    print_table("Sesi terbuka · open sessions", SESSIONS, dicts(report.sessions))
    print_table("Peringatan · alerts", ALERTS, dicts(report.alerts))
    if report.sql:
        print_table("Orang dengan SQL: bacaannya tidak tercatat di sini · people with SQL", SQL, dicts(report.sql))


def notice(report: BreachReport) -> list[str]:
    """The notice, with room for what only people know."""
    whole = ", ".join(report.whole) or "tidak ada · none"
    return [
        "PEMBERITAHUAN KEGAGALAN PELINDUNGAN DATA PRIBADI · NOTICE OF A BREACH (UU 27/2022 Pasal 46)",
        f"Tertulis paling lambat · in writing by {said_time(report.due_at)} "
        f"(3 × 24 jam sejak diketahui · since it was found: {said_time(report.found_at)})",
        "",
        "1. Data yang terungkap · data that were disclosed",
        f"   pemilih paling banyak · voters at most: {report.voters_max}",
        f"   wilayah · areas: {', '.join(report.areas) or '-'}",
        f"   utuh, selebihnya disamarkan · whole, the rest masked: {whole}",
        "2. Kapan dan bagaimana · when and how",
        f"   antara · between {said_time(report.since)} dan · and {said_time(report.until)}",
        "   bagaimana · how: ............................................................",
        "3. Penanganan dan pemulihan · what is done about it",
        "   ............................................................",
        "",
    ]


# --- words -----------------------------------------------------------------------------------------------------------


def named(report: object, parts: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Parts that are tuples, as objects with names."""
    return {part: dicts(getattr(report, part)) for part in parts}


def dicts(rows: Iterable[Any]) -> list[dict[str, Any]]:
    return [dict(row._asdict()) for row in rows]


def said_time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def said_fields(fields: Mapping[str, Any]) -> str:
    return "; ".join(f"{name} {value}" for name, value in sorted(fields.items()) if value not in (None, [], {}))
