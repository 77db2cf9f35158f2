"""`ecoklit roll`, `recap`, `conflicts` and `history`: what the roll says now, from the database."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.command import Commands, add_command, area_code, tps_code, voter_id
from ecoklit.cli.exits import Exit
from ecoklit.cli.past import add_at, past
from ecoklit.errors import EcoklitError
from ecoklit.ports import AsOf
from ecoklit.services.disclose import disclosed
from ecoklit.settings import read_settings

if TYPE_CHECKING:
    from ecoklit.adapters.postgres_reader import PostgresReader

if TYPE_CHECKING:
    from ecoklit.core.codebook import Codebook

ROLL: Final = {
    "name": "Nama\nname",
    "nik": "NIK",
    "sex": "L/P\nsex",
    "birth_date": "Tgl lahir\nborn",
    "address": "Alamat\naddress",
    "rt": "RT",
    "rw": "RW",
    "disability": "Disabilitas\ndisability",
    "remark": "Ket\nremark",
    "conflicts": "Konflik\nconflicts",
    "proposed": "Usulan\nproposals",
}
RECAP: Final = {
    "area": "Wilayah\narea",
    "tps_count": "TPS",
    "listed": "Daftar awal\nlisted",
    "new": "+ Baru\nnew",
    "arrived": "+ Masuk\narrived",
    "departed": "− Keluar\ndeparted",
    "removed": "− Tersaring\nremoved",
    "on_list": "= Pemilih\non the list",
    "visited": "Dicoklit\nvisited",
    "sesuai": "Sesuai\nunchanged",
    "ubah": "Ubah\nchanged",
    "proposed": "Usulan\nproposals",
    "in_conflict": "Konflik\nconflicts",
}
REASONS: Final = {
    "deceased": ("Meninggal\ndeceased", "deceased"),
    "moved_away": ("Pindah\nmoved away", "moved_away"),
    "duplicate": ("Ganda\nduplicate", "disqualified/duplicate"),
    "underage": ("Di bawah umur\nunderage", "disqualified/underage"),
    "foreign": ("WNA\nforeign", "disqualified/foreign"),
    "military": ("TNI\nmilitary", "disqualified/military"),
    "police": ("Polri\npolice", "disqualified/police"),
    "revoked": ("Hak pilih dicabut\nrevoked", "disqualified/revoked"),
    "unknown": ("Tidak dikenal\nunknown", "disqualified/unknown"),
    "entry_error": ("Salah entri\nentry error", "disqualified/entry_error"),
}
"""A reason of removal: its heading, and its word in the code books."""
LEFT_OUT: Final = "*"
"""Stands for a count that is not told (core/suppression.py)."""
WHO: Final = {
    "area": "Wilayah\narea",
    "male": "L\nmale",
    "female": "P\nfemale",
    "sex_unknown": "L/P ?\nunknown",
    "physical": "Fisik\nphysical",
    "intellectual": "Intelektual\nintellectual",
    "mental": "Mental\nmental",
    "speech": "Wicara\nspeech",
    "hearing": "Rungu\nhearing",
    "visual": "Netra\nvisual",
    "ektp": "KTP-el",
    "ektp_none": "Belum KTP-el\nnone yet",
    "ektp_unknown": "KTP-el ?\nunknown",
}
PROVINCE_DIGITS: Final = 2
CONFLICTS: Final = {
    "tps": "TPS",
    "voter": "Pemilih\nvoter",
    "register": "Tentang\nregister",
    "value": "Kata satu pihak\none side says",
    "wins": "Berlaku\nwins",
    "type": "Peristiwa\nevent",
    "role": "Peran\nrole",
    "officer": "Petugas\nofficer",
    "at": "Waktu alat\ndevice's clock",
    "device": "Alat\ndevice",
    "seq": "seq",
}
PROPOSALS: Final = {
    "tps": "TPS",
    "voter": "Pemilih\nvoter",
    "proposal": "Usulan\nproposal",
    "evidence": "Bukti\nevidence",
    "verdict": "Hasil kini\nverdict now",
    "role": "Peran\nrole",
    "officer": "Petugas\nofficer",
    "at": "Waktu alat\ndevice's clock",
    "device": "Alat\ndevice",
    "seq": "seq",
}
HISTORY: Final = {
    "position": "Posisi\nposition",
    "type": "Peristiwa\nevent",
    "standing": "Kedudukan\nstanding",
    "tps": "TPS",
    "role": "Peran\nrole",
    "officer": "Petugas\nofficer",
    "at": "Waktu alat\ndevice's clock",
    "device": "Alat\ndevice",
    "seq": "seq",
}


def add_commands(commands: Commands) -> None:
    roll = add_command(
        commands,
        "roll",
        run(show_roll),
        "Daftar pemilih terkini satu TPS. · The current voter list of one TPS.",
        "ecoklit roll 94.04.01.2001.001",
        "one object: as_of, tps, digest, voters",
    )
    roll.add_argument("tps", metavar="TPS", type=tps_code, help="13 digits, dots allowed")
    add_at(roll)
    recap = add_command(
        commands,
        "recap",
        run(show_recap),
        "Rekapitulasi suatu wilayah menurut bagiannya. · The recap of an area by its parts, with their sums.",
        "ecoklit recap 94.04.01",
        "one object: as_of, area, rows",
    )
    recap.add_argument(
        "area", metavar="AREA", type=area_code, help="province, regency, district, village or TPS; dots allowed"
    )
    add_at(recap)
    recap.add_argument("--level", choices=("regency", "district", "village", "tps"), help="the parts: the next below")
    recap.add_argument(
        "--codebook", default="2024", metavar="YEAR", help="whose numbers of reasons: 2018, 2023 or 2024 (default)"
    )
    conflicts = add_command(
        commands,
        "conflicts",
        run(show_conflicts),
        "Konflik terbuka dan usulan di suatu wilayah. · An area's open conflicts with both sides, and its proposals.",
        "ecoklit conflicts 94.04",
        "one object: as_of, area, conflicts, proposals",
    )
    conflicts.add_argument(
        "area", metavar="AREA", type=area_code, help="regency, district, village or TPS; dots allowed"
    )
    add_at(conflicts)
    history = add_command(
        commands,
        "history",
        run(show_history),
        "Riwayat satu pemilih: setiap peristiwa dan kedudukannya. · One voter's history: every event and its standing.",
        "ecoklit history 74100b01-af6e-88bf-ae05-5d4a729b6c2e",
        "one object for each event",
    )
    history.add_argument("voter", metavar="VOTER", type=voter_id, help="the voter's id")
    history.add_argument(
        "--story", action="store_true", help="in sentences: what each event says, by which rule, and who signed it"
    )
    add_at(history)


def run(show: Callable[[PostgresReader, argparse.Namespace], Awaitable[Exit]]) -> Callable[[argparse.Namespace], Exit]:
    async def reading(arguments: argparse.Namespace) -> Exit:
        from ecoklit.bootstrap import open_reader

        async with open_reader(read_settings(os.environ)) as reader:
            return await show(reader, arguments)

    return lambda arguments: asyncio.run(reading(arguments))


async def show_roll(reader: PostgresReader, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line, print_table

    there = reader if arguments.at is None else await past(reader, arguments.tps, arguments.at)
    answer = await there.roll(arguments.tps)
    voters = [disclosed(row) for row in answer.rows]
    await written_down("roll", answer.as_of.events, len(voters), area=answer.tps)
    if arguments.json:
        print_json({"as_of": answer.as_of, "tps": answer.tps, "digest": answer.digest.hex(), "voters": voters})
        return Exit.OK
    print_table(f"Daftar pemilih TPS {answer.tps} · voter list", ROLL, voters)
    print_line(f"{len(voters)} pemilih · voters; digest {answer.digest.hex()}; {said_of(answer.as_of)}")
    return Exit.OK


async def show_recap(reader: PostgresReader, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.cli.pushing import read_codebook

    book = read_codebook(arguments.codebook)
    moments, rows = await recap_of(reader, arguments)
    if arguments.json:
        as_of = moments if len(arguments.area) == PROVINCE_DIGITS else moments[0]
        print_json({"as_of": as_of, "area": arguments.area, "rows": rows})
        return Exit.OK
    print_table(f"Rekapitulasi {arguments.area} · recap", RECAP, rows, totals=True)
    print_table(f"Tersaring menurut sebab, nomor {book.name} · removed, by reason", reasons_in(book), rows, totals=True)
    who = [{name: LEFT_OUT if count is None else count for name, count in row.items()} for row in rows]
    print_table("Pemilih: jenis kelamin, disabilitas, KTP-el · who is on the list", WHO, who, totals=True)
    if any(LEFT_OUT in row.values() for row in who):
        print_line(
            f"{LEFT_OUT} sedikit orang, atau dapat dihitung dari yang lain · few people, or would follow from the rest"
        )
    for moment in moments:
        print_line(said_of(moment))
    return Exit.OK


async def recap_of(reader: PostgresReader, arguments: argparse.Namespace) -> tuple[list[AsOf], list[dict[str, Any]]]:
    """As of when, and the rows; a province has a moment for each of its regencies that are projected here."""
    area, level = arguments.area, arguments.level
    if len(area) == PROVINCE_DIGITS:
        from ecoklit.adapters.postgres_analyst import PostgresAnalyst

        if arguments.at is not None:
            raise EcoklitError("bad_argument", "--at is for a regency or a part of it: leave it out for a province.")
        return await PostgresAnalyst(reader).province(area, level or "regency")
    there = reader if arguments.at is None else await past(reader, area, arguments.at)
    answer = await there.recap(area, level)
    return [answer.as_of], answer.rows


def reasons_in(book: Codebook) -> dict[str, str]:
    """The reasons of removal as columns, each with its number in the code book; a dash where it has none."""
    headings = {name: f"{said}\n({book.write('tms', word) or '–'})" for name, (said, word) in REASONS.items()}
    return {"area": "Wilayah\narea", **headings}


async def show_conflicts(reader: PostgresReader, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line, print_table

    as_of, conflicts, proposals = await open_questions(reader, arguments)
    sides, proposed = ([disclosed(row) for row in rows] for rows in (conflicts, proposals))
    await written_down("conflicts", as_of.events, len(sides) + len(proposed), area=arguments.area)
    if arguments.json:
        print_json({"as_of": as_of, "area": arguments.area, "conflicts": sides, "proposals": proposed})
        return Exit.OK
    first = "terberat dahulu, lalu tertua · gravest first, then oldest"
    print_table(f"Konflik terbuka {arguments.area} · open conflicts ({first})", CONFLICTS, sides)
    print_table(f"Usulan {arguments.area} · proposals ({first})", PROPOSALS, proposed)
    print_line(
        f"{count(sides, 'register')} konflik · conflicts, {count(proposed, 'proposal')} usulan · proposals; "
        f"{said_of(as_of)}"
    )
    return Exit.OK


async def open_questions(
    reader: PostgresReader, arguments: argparse.Namespace
) -> tuple[AsOf, list[dict[str, Any]], list[dict[str, Any]]]:
    """As of when, the sides of the area's open conflicts, and its proposals, both in the order of the lists."""
    if arguments.at is None:
        return await reader.open_questions(arguments.area)
    then = await past(reader, arguments.area, arguments.at)
    conflicts, proposals = (await then.conflicts(arguments.area)).rows, (await then.proposals(arguments.area)).rows
    # As projections/queries/conflicts.sql and proposals.sql order them.
    by_side = ("weight", "opened", "tps", "voter", "register")
    conflicts.sort(key=lambda row: (*(row[name] for name in by_side), not row["wins"], row["device"], row["seq"]))
    proposals.sort(key=lambda row: (row["weight"], row["position"], row["voter"], row["proposal"]))
    return then.moment.as_of, conflicts, proposals


async def show_history(reader: PostgresReader, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_table
    from ecoklit.cli.telling import show_story

    if arguments.story:
        return await show_story(reader, read_settings(os.environ), arguments)
    events = [disclosed(event) for event in await history_of(reader, arguments)]
    if not events:
        raise EcoklitError("unknown_voter", "No event about this voter is projected here: check the id.")
    await written_down("history", events[-1]["position"], 1, voter=arguments.voter)
    if arguments.json:
        print_json(*events)
    else:
        print_table(f"Riwayat pemilih {arguments.voter} · history", HISTORY, events)
    return Exit.OK


async def history_of(reader: PostgresReader, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The voter's events; those of an earlier moment are of the regency that the settings name."""
    if arguments.at is None:
        return await reader.history(arguments.voter)
    from msgspec import json

    from ecoklit.services.past_work import PastAnalyst

    then = PastAnalyst(await past(reader, read_settings(os.environ).regency, arguments.at))
    rows = (await then.history(arguments.voter)).rows
    return [row | {"event": None if row["event"] is None else json.decode(row["event"])} for row in rows]


async def written_down(
    action: str, as_of: int, rows: int, *, area: str | None = None, voter: str | None = None
) -> None:
    """Note in the read log what is about to be shown of voters: durable on return, or nothing is shown."""
    from ecoklit.bootstrap import log_at_the_shell

    await log_at_the_shell(read_settings(os.environ), action, area=area, voter=voter, rows=rows, as_of=as_of)


def count(rows: Iterable[dict[str, Any]], what: str) -> int:
    """How many conflicts or proposals these rows speak of: a conflict has several sides."""
    return len({(str(row["voter"]), row[what]) for row in rows})


def said_of(as_of: AsOf) -> str:
    return f"per posisi · as of position {as_of.events} ({as_of.election}, {as_of.regency})"
