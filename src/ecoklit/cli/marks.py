"""`ecoklit marks`, `returned` and `pairs`: knowing somebody again on another list, without keeping either."""

from __future__ import annotations

import argparse
import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.command import Commands, add_command, area_code, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.cli.office import write_private
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.ports import ListPerson, PeopleReader
    from ecoklit.services.marks import Mark, Match
    from ecoklit.settings import Settings

MATCHED: Final = {
    "alike": "Sama dalam\nalike in",
    "name": "Nama\nname",
    "tps": "TPS kini\nTPS now",
    "remark": "Ket\nremark",
    "why": "Pada daftar itu\non that list",
    "from_tps": "TPS di sana\nTPS there",
    "to_area": "Tujuan\nsaid to go to",
    "voter": "Pemilih\nvoter",
    "other": "Pemilih di sana\nvoter there",
}
ALONE: Final = {
    "tps": "Dari TPS\nfrom",
    "to_area": "Tujuan\nsaid to go to",
    "why": "Keadaan\nstate",
    "voter": "Pemilih\nvoter",
}
ALIKE: Final = {"nik": "NIK", "name_and_birth": "nama dan tgl lahir · name and birth"}
KINDS: Final = {"removed": "tersaring · removed", "leaving": "pindah keluar · leaving"}


def add_commands(commands: Commands) -> None:
    marks = add_command(
        commands,
        "marks",
        make_marks,
        "Buat berkas tanda berkunci dari yang tersaring atau pindah keluar, tanpa data pribadi di dalamnya. "
        "· Make a file of keyed marks of those who were removed or left, with no particulars in it.",
        "ecoklit marks removed 94.04 --key bersama.key --out tersaring.ndjson",
        "one object: kind, area, marks, file",
    )
    marks.add_argument("kind", metavar="KIND", choices=tuple(KINDS), help="removed or leaving")
    marks.add_argument("area", metavar="AREA", type=area_code, help="regency, district, village or TPS; dots allowed")
    add_key(marks, "made when it is not there")
    marks.add_argument("--out", required=True, type=Path, metavar="FILE", help="the new file of marks")
    marks.add_argument(
        "--list",
        type=Path,
        metavar="FILE",
        help="of a spreadsheet instead, such as an earlier election's list: its rows whose remark strikes them",
    )
    marks.add_argument("--codebook", metavar="YEAR", default="2024", help="how --list is written (default: 2024)")
    returned = add_command(
        commands,
        "returned",
        show_returned,
        "Pemilih di daftar ini yang dahulu tersaring, misalnya meninggal; orang yang memutuskan. "
        "· Voters on this list who were struck off an earlier one, such as the dead; a person decides.",
        "ecoklit returned 94.04.01 --with tersaring.ndjson --key bersama.key",
        "one object: as_of, area, rows",
    )
    returned.add_argument(
        "area", metavar="AREA", type=area_code, help="regency, district, village or TPS; dots allowed"
    )
    returned.add_argument("--with", dest="other", required=True, type=Path, metavar="FILE", help="marks of removed")
    add_key(returned, "under which they were made")
    pairs = add_command(
        commands,
        "pairs",
        show_pairs,
        "Pasangan pindah antar kabupaten/kota: keluar di sana, tercatat di sini; orang yang memutuskan. "
        "· Halves of moves between regencies that may be one: left there, recorded here; a person decides.",
        "ecoklit pairs 94.04 --with pindah-9103.ndjson --key bersama.key",
        "one object: as_of, area, rows, alone",
    )
    pairs.add_argument("area", metavar="AREA", type=area_code, help="regency, district, village or TPS; dots allowed")
    pairs.add_argument(
        "--with",
        dest="other",
        type=Path,
        metavar="FILE",
        help="marks of leaving of another regency (default: the regencies that are projected in the same database)",
    )
    add_key(pairs, "under which they were made", required=False)


def add_key(command: argparse.ArgumentParser, what: str, *, required: bool = True) -> None:
    command.add_argument(
        "--key", type=Path, metavar="FILE", required=required, help=f"the key that both sides share, {what}"
    )


# --- making ----------------------------------------------------------------------------------------------------------


def make_marks(arguments: argparse.Namespace) -> Exit:
    if arguments.out.exists():
        raise EcoklitError("bad_argument", f"{arguments.out} is there already: name another file.")
    if arguments.list is not None and arguments.kind != "removed":
        raise EcoklitError("bad_argument", "--list is of those who were removed: give 'marks removed'.")
    return asyncio.run(make_marks_at(settings_of(arguments), arguments))


async def make_marks_at(settings: Settings, arguments: argparse.Namespace) -> Exit:
    import msgspec

    from ecoklit.cli.output import print_json, print_line
    from ecoklit.services.marks import about, marked

    regency = arguments.area[:4]
    key = key_of(arguments.key, make=True)
    if arguments.list is not None:
        marks = [marked(key, regency, one) for one in struck_in(arguments.list, arguments.codebook)]
    else:
        async with people(settings) as reader:
            await reader.as_of(regency)
            some = reader.removed if arguments.kind == "removed" else reader.leaving
            marks = [marked(key, regency, one) async for one in some(arguments.area)]
    lines = [about(arguments.kind, settings.election, arguments.area, key), *marks]
    write_private(arguments.out, "".join(f"{msgspec.json.encode(line).decode()}\n" for line in lines))
    if arguments.json:
        print_json(
            {"kind": arguments.kind, "area": arguments.area, "marks": len(marks), "file": str(arguments.out)}
        )  # fmt: skip
    else:
        print_line(f"{len(marks)} tanda · marks, {KINDS[arguments.kind]} {arguments.area}: {arguments.out}")
    return Exit.OK


def struck_in(file: Path, codebook: str) -> Iterator[ListPerson]:
    """The rows of a spreadsheet in the layout of Model A whose remark strikes them, by that year's code book."""
    from ecoklit.adapters.spreadsheet import read_rows
    from ecoklit.cli.pushing import read_codebook
    from ecoklit.core.list_row import read_struck
    from ecoklit.core.list_sheet import Voter, read_sheets
    from ecoklit.ports import ListPerson

    book, has_rows = read_codebook(codebook), False
    for one in read_sheets(read_rows(file)):
        if isinstance(one, Voter):
            has_rows = True
            struck = read_struck(one.row, one.header, book)
            if struck is not None:
                yield ListPerson("", struck.tps, struck.why, None, struck.nik, struck.name, struck.birth_date)
    if not has_rows:
        raise EcoklitError("unknown_format", f"{file} has no list in the layout of Model A: see docs/OPERATING.md.")


def key_of(file: Path, *, make: bool = False) -> bytes:
    """The shared key in a file of one line. Raises EcoklitError bad_key."""
    from ecoklit.core import ids
    from ecoklit.core.row_mark import KEY_BYTES

    if make and not file.exists():
        write_private(file, f"{ids.to_base64url(secrets.token_bytes(KEY_BYTES))}\n")
    try:
        key = ids.from_base64url(file.read_text().strip())
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise EcoklitError("bad_key", f"{file} holds no key of marks: give the file that 'ecoklit marks' made.")
    return key


@asynccontextmanager
async def people(settings: Settings) -> AsyncIterator[PeopleReader]:
    from ecoklit.adapters.postgres_marks import PostgresPeople
    from ecoklit.bootstrap import open_reader

    async with open_reader(settings) as reader:
        yield PostgresPeople(reader)


# --- asking ----------------------------------------------------------------------------------------------------------


def show_returned(arguments: argparse.Namespace) -> Exit:
    return asyncio.run(show_returned_at(settings_of(arguments), arguments))


async def show_returned_at(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import log_at_the_shell
    from ecoklit.services.marks import REMOVED, Known, read_marks, returned

    key = key_of(arguments.key)
    _, marks = read_marks(lines_of(arguments.other), REMOVED, key)
    async with people(settings) as reader:
        as_of = await reader.as_of(arguments.area[:4])
        found = await returned(Known(marks, key), reader.listed(arguments.area))
    await log_at_the_shell(settings, "returned", area=arguments.area, rows=len(found), as_of=as_of.events)
    return show(arguments, as_of, found, None, "Dahulu tersaring, kini di daftar · removed before, on the list now")


def show_pairs(arguments: argparse.Namespace) -> Exit:
    if (arguments.other is None) != (arguments.key is None):
        raise EcoklitError("bad_argument", "--with FILE and --key FILE belong together: give both or none.")
    return asyncio.run(show_pairs_at(settings_of(arguments), arguments))


async def show_pairs_at(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import log_at_the_shell
    from ecoklit.core.row_mark import KEY_BYTES
    from ecoklit.services.marks import LEAVING, Known, arrived, pairs, read_marks

    title = "Pasangan pindah · pairs of moves"
    async with people(settings) as reader:
        as_of = await reader.as_of(arguments.area[:4])
        if arguments.other is None:
            both = await pairs(reader, arguments.area, secrets.token_bytes(KEY_BYTES))
            found, alone = both.pairs, both.alone
        else:
            key = key_of(arguments.key)
            _, marks = read_marks(lines_of(arguments.other), LEAVING, key)
            found, alone = await arrived(Known(marks, key), reader.listed(arguments.area)), None
    named = 2 * len(found) + len(alone or ())
    await log_at_the_shell(settings, "pairs", area=arguments.area, rows=named, as_of=as_of.events)
    return show(arguments, as_of, found, alone, title)


def lines_of(file: Path) -> list[bytes]:
    try:
        return file.read_bytes().splitlines()
    except OSError as error:
        raise EcoklitError("bad_argument", f"{file}: {error.strerror}; name a file that can be read.") from error


def show(
    arguments: argparse.Namespace, as_of: Any, found: Sequence[Match], alone: Sequence[Mark] | None, title: str
) -> Exit:
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.cli.reading import said_of
    from ecoklit.services.disclose import disclosed
    from ecoklit.services.marks import alone_of, row_of

    rows = [disclosed(row_of(match)) for match in found]
    left = [alone_of(mark) for mark in alone or ()]
    if arguments.json:
        more = {} if alone is None else {"alone": left}
        print_json({"as_of": as_of, "area": arguments.area, "rows": rows, **more})
        return Exit.OK
    print_table(f"{title} {arguments.area}", MATCHED, [{**row, "alike": ALIKE[row["alike"]]} for row in rows])
    if left:
        print_table("Belum ada pasangannya · without another half", ALONE, left)
    print_line(f"{len(rows)} baris · rows; {said_of(as_of)}")
    return Exit.OK
