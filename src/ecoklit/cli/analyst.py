"""`ecoklit movers`, `families`, `large`, `duplicates`, `progress`, `reports`, `late`, `devices` and `advice`."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.command import Commands, add_command, area_code
from ecoklit.cli.exits import Exit
from ecoklit.cli.past import add_at, past
from ecoklit.cli.reading import said_of, written_down
from ecoklit.services.disclose import disclosed
from ecoklit.settings import read_settings

if TYPE_CHECKING:
    from ecoklit.core.registry import Registry
    from ecoklit.ports import AsOf, FiguresReader

    Show = Callable[[FiguresReader, argparse.Namespace], Awaitable[Exit]]

MOVERS: Final = {
    "voter": "Pemilih\nvoter",
    "from_tps": "Dari TPS\nfrom",
    "to_tps": "Ke TPS\nto",
    "to_area": "Ke luar\nout to",
    "state": "Keadaan\nstate",
    "is_disputed": "Sengketa\ndisputed",
    "evidence": "Bukti\nevidence",
    "officer": "Petugas\nofficer",
    "role": "Peran\nrole",
    "device": "Alat\ndevice",
    "seq": "seq",
}
FAMILIES: Final = {
    "nkk": "NKK\nfamily card",
    "voters": "Pemilih\nvoters",
    "tps": "TPS",
    "members": "Anggota\nmembers",
}
LARGE: Final = {"tps": "TPS", "on_list": "Pemilih\non the list", "over": "Lebih\nover the limit"}
DUPLICATES: Final = {
    "cluster": "Kelompok\ngroup",
    "kind": "Sama dalam\nalike in",
    "likeness": "Kemiripan\nlikeness",
    "tps": "TPS",
    "name": "Nama\nname",
    "birth_date": "Tgl lahir\nborn",
    "sex": "L/P\nsex",
    "nik": "NIK",
    "voter": "Pemilih\nvoter",
}
KINDS: Final = {
    "sesuai": "Sesuai\nunchanged",
    "ubah": "Ubah\nchanged",
    "baru": "Baru\nnew",
    "moved": "Pindah\nmoved",
    "deceased": "Meninggal\ndeceased",
    "disqualified": "TMS lain\ndisqualified",
    "not_met": "Tak ditemui\nnot met",
    "reopened": "Dibuka lagi\nreopened",
    "ruled": "Diputus\nruled",
}
REPORTS: Final = {
    "officer": "Petugas\nofficer",
    "tps": "TPS",
    "since": "Sejak\nsince",
    "until": "Sampai\nuntil",
    "a_received": "A Diterima\nreceived",
    "b_new": "B Baru\nnew",
    "c_filtered": "C Tersaring\nfiltered",
    "d_corrected": "D Ubah\ncorrected",
    "e_disabled": "E Disabilitas\ndisabled",
    "not_met": "Tak ditemui\nnot met",
}
LATE: Final = {
    "position": "Posisi\nposition",
    "tps": "TPS",
    "voter": "Pemilih\nvoter",
    "type": "Peristiwa\nevent",
    "officer": "Petugas\nofficer",
    "role": "Peran\nrole",
    "at": "Waktu alat\ndevice's clock",
    "device": "Alat\ndevice",
    "seq": "seq",
}
DEVICES: Final = {
    "device": "Alat\ndevice",
    "officer": "Petugas\nofficer",
    "rights": "Hak\nrights",
    "held": "Entri\nheld",
    "position": "Kontak akhir\nlast contact",
    "last_heard": "Terdengar\nlast heard",
    "behind": "Sejak itu\nsince then",
    "parked": "Tertahan\nparked",
    "quarantined": "Karantina\nquarantined",
    "late": "Terlambat\nlate",
    "remark": "Ket\nremark",
}
ADVICE: Final = {
    "kind": "Perlu dilihat\nto look at",
    "device": "Alat\ndevice",
    "officer": "Petugas\nofficer",
    "first_seq": "Dari seq\nfrom",
    "last_seq": "Sampai seq\nto",
    "amount": "Ukuran\namount",
}
STATES: Final = {
    "awaited": "ditunggu di TPS baru · awaited",
    "met": "ditemui · met",
    "removed": "tersaring kemudian · removed",
    "gone": "pindah keluar · gone",
    "proposed": "usulan pindah · proposed",
}
ALIKE: Final = {
    "nik": "NIK",
    "name_and_birth": "nama dan tgl lahir · name and birth",
    "similar": "nama mirip, tgl lahir sama · similar name, same birth",
}
SEEN: Final = {
    "hurried": "banyak rumah dalam semenit · homes in a minute",
    "impossible_travel": "jarak mustahil, km · impossible travel, km",
    "at_night": "hampir semua malam hari · entries at night",
    "others_phone": "HP orang lain · entries on someone else's phone",
}
AREA_HELP: Final = "regency, district, village or TPS; dots allowed"
ROWS: Final = "one object: as_of, area, rows"


def add_commands(commands: Commands) -> None:
    add_lists(commands)
    add_work(commands)
    add_devices(commands)


def add_lists(commands: Commands) -> None:
    add_about(
        commands,
        "movers",
        show_movers,
        "Pemilih pindah dari atau ke suatu wilayah. · Voters who moved from or to an area, at both ends.",
        "ecoklit movers 94.04.01",
    )
    add_about(
        commands,
        "families",
        show_families,
        "Keluarga yang terpisah di beberapa TPS. · Families split over several TPS.",
        "ecoklit families 94.04.01.2001",
    )
    large = add_about(
        commands,
        "large",
        show_large,
        "TPS dengan pemilih melampaui batas. · TPS with more voters than the limit.",
        "ecoklit large 94.04 --limit 600",
    )
    large.add_argument("--limit", type=int, metavar="VOTERS", help="the most voters of a TPS: 600 unless given")
    duplicates = add_about(
        commands,
        "duplicates",
        show_duplicates,
        "Pemilih yang mungkin ganda; orang yang memutuskan. · Voters who may be one person; a person decides.",
        "ecoklit duplicates 94.04.01 --likeness 0.6",
    )
    duplicates.add_argument(
        "--likeness", type=float, metavar="SHARE", help="least likeness of names, 0.3 to 1: 0.6 unless given"
    )


def add_work(commands: Commands) -> None:
    progress = add_about(
        commands,
        "progress",
        show_progress,
        "Kemajuan coklit menurut bagian wilayah. · The progress of coklit by the parts of an area.",
        "ecoklit progress 94.04 --daily",
        "one object: as_of, area, rows (one for each part, day and kind)",
    )
    progress.add_argument("--level", choices=("district", "village", "tps"), help="the parts: the next below AREA")
    progress.add_argument("--daily", action="store_true", help="a line for each day")
    reports = add_about(
        commands,
        "reports",
        show_reports,
        "Laporan petugas, baris A sampai E. · Officers' reports, lines A to E.",
        "ecoklit reports 94.04.01.2001 --span ten_days --start 2024-06-24",
    )
    reports.add_argument(
        "--span", choices=("daily", "ten_days", "final"), default="final", help="of a day, of ten days, or of all"
    )
    reports.add_argument(
        "--start", type=day, metavar="DAY", help="first day of coklit, as in 2024-06-24; unless given, of any entry"
    )
    add_about(
        commands,
        "late",
        show_late,
        "Entri yang datang setelah coklit ditutup. · Entries that came when coklit was closed.",
        "ecoklit late 94.04",
    )


def add_devices(commands: Commands) -> None:
    add_about(
        commands,
        "devices",
        show_devices,
        "Kesehatan alat: kontak akhir, entri, tertahan, karantina. · Devices: last contact, entries, parked, kept out.",
        "ecoklit devices 94.04.01",
    )
    add_about(
        commands,
        "advice",
        show_advice,
        "Kunjungan yang perlu dilihat lagi; saran saja. · Visits that deserve a second look; advice only.",
        "ecoklit advice 94.04.01.2001",
    )


def add_about(
    commands: Commands, name: str, show: Show, what: str, example: str, json: str = ROWS
) -> argparse.ArgumentParser:
    """A command about an area, answered from the database."""
    command = add_command(commands, name, asking(show), what, example, json)
    command.add_argument("area", metavar="AREA", type=area_code, help=AREA_HELP)
    add_at(command)
    return command


def asking(show: Show) -> Callable[[argparse.Namespace], Exit]:
    async def ask(arguments: argparse.Namespace) -> Exit:
        from ecoklit.adapters.postgres_analyst import PostgresAnalyst
        from ecoklit.bootstrap import open_reader
        from ecoklit.services.past_work import PastAnalyst

        async with open_reader(read_settings(os.environ)) as reader:
            if arguments.at is None:
                return await show(PostgresAnalyst(reader), arguments)
            return await show(PastAnalyst(await past(reader, arguments.area, arguments.at)), arguments)

    return lambda arguments: asyncio.run(ask(arguments))


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no day: write it as in 2024-06-24") from None


# --- lists -----------------------------------------------------------------------------------------------------------


async def show_movers(reader: FiguresReader, arguments: argparse.Namespace) -> Exit:
    answer = await reader.movers(arguments.area)
    rows = [disclosed(row) for row in answer.rows]
    await written_down("movers", answer.as_of.events, len(rows), area=arguments.area)
    return show_rows(arguments, answer.as_of, rows, "Pemilih pindah · movers", MOVERS, {"state": STATES})


async def show_families(reader: FiguresReader, arguments: argparse.Namespace) -> Exit:
    answer = await reader.split_families(arguments.area)
    rows = [disclosed(row) for row in answer.rows]
    await written_down("split_families", answer.as_of.events, len(rows), area=arguments.area)
    return show_rows(arguments, answer.as_of, rows, "Keluarga terpisah · split families", FAMILIES)


async def show_large(reader: FiguresReader, arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.figures import TPS_VOTERS_MAX, large_tps

    limit = TPS_VOTERS_MAX if arguments.limit is None else arguments.limit
    answer = await large_tps(reader, arguments.area, limit)
    return show_rows(arguments, answer.as_of, answer.rows, f"TPS di atas batas {limit} · above the limit", LARGE)


async def show_duplicates(reader: FiguresReader, arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.figures import LIKENESS, duplicates

    answer = await duplicates(reader, arguments.area, LIKENESS if arguments.likeness is None else arguments.likeness)
    await written_down("duplicates", answer.as_of.events, len(answer.rows), area=arguments.area)
    title = "Mungkin ganda · possible duplicates"
    return show_rows(arguments, answer.as_of, answer.rows, title, DUPLICATES, {"kind": ALIKE})


# --- work ------------------------------------------------------------------------------------------------------------


async def show_progress(reader: FiguresReader, arguments: argparse.Namespace) -> Exit:
    answer = await reader.progress(arguments.area, arguments.level or level_below(arguments.area))
    if arguments.json:
        return show_rows(arguments, answer.as_of, answer.rows, "", {})
    days = {"day": "Hari\nday"} if arguments.daily else {}
    columns = {"area": "Wilayah\narea", **days, **KINDS, "all": "Jumlah\nall"}
    rows = by_part(answer.rows, daily=arguments.daily)
    return show_rows(arguments, answer.as_of, rows, "Kemajuan coklit · progress", columns, totals=True)


def level_below(area: str) -> str:
    return {4: "district", 6: "village"}.get(len(area), "tps")


def by_part(rows: Iterable[Mapping[str, Any]], *, daily: bool) -> list[dict[str, Any]]:
    """One row for each part (and day), in their order, with the entries of each kind as columns."""
    parts: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = (row["area"], row["day"]) if daily else (row["area"],)
        part = parts.setdefault(key, {"area": row["area"], "day": row["day"], **dict.fromkeys(KINDS, 0), "all": 0})
        part[row["kind"]] += row["n"]
        part["all"] += row["n"]
    return [parts[key] for key in sorted(parts)]


async def show_reports(reader: FiguresReader, arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.figures import officers_reports, rows_disclosed

    as_of, lines = await officers_reports(reader, arguments.area, arguments.span, arguments.start)
    title = "Laporan petugas · officers' reports"
    return show_rows(arguments, as_of, rows_disclosed(lines), title, REPORTS, totals=True)


async def show_late(reader: FiguresReader, arguments: argparse.Namespace) -> Exit:
    answer = await reader.late(arguments.area)
    rows = [disclosed(row) for row in answer.rows]
    await written_down("late", answer.as_of.events, len(rows), area=arguments.area)
    return show_rows(arguments, answer.as_of, rows, "Entri terlambat · late entries", LATE)


# --- devices ---------------------------------------------------------------------------------------------------------


async def show_devices(reader: FiguresReader, arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.figures import devices_health

    as_of, health = await devices_health(reader, await registry_for(reader), arguments.area)
    rows = [disclosed(row) for row in health]
    if not arguments.json:
        rows = [{**row, "rights": rights_of(row), "remark": remark_of(row)} for row in rows]
    return show_rows(arguments, as_of, rows, "Alat · devices", DEVICES)


def rights_of(row: Mapping[str, Any]) -> list[str]:
    return [f"{right.role} {right.area}" for right in row["rights"] if right.ended_from is None]


def remark_of(row: Mapping[str, Any]) -> list[str]:
    words = {"revoked_from": "dicabut · revoked", "cloned_at": "kunci ganda · cloned", "lost_after": "hilang · lost"}
    return [word for name, word in words.items() if row[name] is not None]


async def show_advice(reader: FiguresReader, arguments: argparse.Namespace) -> Exit:
    from ecoklit.services.figures import rows_disclosed, visits_advice

    as_of, advice = await visits_advice(reader, await registry_for(reader), arguments.area)
    title = "Perlu dilihat lagi · to look at again"
    return show_rows(arguments, as_of, rows_disclosed(advice), title, ADVICE, {"kind": SEEN})


async def registry_for(reader: FiguresReader) -> Registry:
    """The registry as it is, or as it was at the moment of which `reader` tells."""
    from ecoklit.bootstrap import read_registry
    from ecoklit.services.past_work import PastAnalyst

    if isinstance(reader, PastAnalyst):
        return reader.registry
    return await read_registry(read_settings(os.environ))


def show_rows(
    arguments: argparse.Namespace,
    as_of: AsOf,
    rows: list[dict[str, Any]],
    title: str,
    columns: Mapping[str, str],
    words: Mapping[str, Mapping[str, str]] | None = None,
    *,
    totals: bool = False,
) -> Exit:
    """An answer as --json, or as a table; `words` says a column's values in the words of the field."""
    from ecoklit.cli.output import print_json, print_line, print_table

    if arguments.json:
        print_json({"as_of": as_of, "area": arguments.area, "rows": rows})
        return Exit.OK
    said = [{**row, **{name: known.get(row[name], row[name]) for name, known in (words or {}).items()}} for row in rows]
    print_table(f"{title} {arguments.area}", columns, said, totals=totals)
    print_line(f"{len(rows)} baris · rows; {said_of(as_of)}")
    return Exit.OK
