"""`ecoklit paper`: Model A-Daftar Pemilih and A-Rekap as PDF."""

from __future__ import annotations

import argparse
import asyncio
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecoklit.cli.command import Commands, add_command, area_code
from ecoklit.cli.exits import Exit
from ecoklit.cli.past import add_at, past
from ecoklit.errors import EcoklitError
from ecoklit.settings import read_settings

if TYPE_CHECKING:
    from ecoklit.adapters.postgres_reader import PostgresReader
    from ecoklit.paper.sheet import Document
    from ecoklit.ports import Answer, AsOf, RollAnswer
    from ecoklit.services.as_of import Past

RECIPIENT_MAX: Final = 60
MOMENTS_MAX: Final = 5  # how often one and the same moment is looked for
WRITTEN: Final = "one object: out, bytes, sha256, as_of, recipient, and voters or parts"


def add_commands(commands: Commands) -> None:
    what = (
        "Formulir di atas kertas (PDF): daftar pemilih dan rekapitulasi. "
        "· Forms on paper (PDF): the voter list and the recap."
    )
    top: argparse.ArgumentParser = commands.add_parser(
        "paper",
        help=what,
        description=what,
        epilog="contoh · example:\n  ecoklit paper roll 94.04.01.2001 --for 'PPS Kwamki' --out daftar.pdf\n\n"
        "Each has a --help of its own, and --json.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = top.add_subparsers(metavar="ACTION", required=True, parser_class=type(top))
    roll = add_form(
        actions,
        "roll",
        write_roll,
        "Model A-Daftar Pemilih satu TPS, atau tiap TPS satu desa. "
        "· Model A-Daftar Pemilih of a TPS, or of each TPS of a village; identity numbers are masked.",
        "ecoklit paper roll 94.04.01.2001.001 --for 'Pantarlih Siti' --out daftar.pdf --spaced",
    )
    roll.add_argument("--spaced", action="store_true", help="an empty row under each voter, for corrections by hand")
    roll.add_argument(
        "--supervised",
        action="store_true",
        help="the copy for supervisors: name, sex, age, address, RT, RW and remark",
    )
    add_at(roll)
    recap = add_form(
        actions,
        "recap",
        write_recap,
        "Model A-Rekap suatu wilayah menurut bagiannya. · Model A-Rekap of an area by its parts.",
        "ecoklit paper recap 94.04.01.2001 --for 'PPK Mimika Baru' --out rekap.pdf",
    )
    add_at(recap)


def add_form(actions: Commands, name: str, write: object, what: str, example: str) -> argparse.ArgumentParser:
    command = add_command(actions, name, lambda arguments: asyncio.run(write(arguments)), what, example, WRITTEN)  # type: ignore[operator]
    command.add_argument("area", metavar="AREA", type=area_code, help="dots allowed")
    command.add_argument("--out", required=True, type=Path, metavar="FILE", help="write this PDF; it must not be there")
    command.add_argument(
        "--for",
        dest="recipient",
        required=True,
        type=recipient,
        metavar="NAME",
        help="who gets it: stands under the text of every page",
    )
    command.add_argument("--codebook", default="2024", metavar="YEAR", help="whose marks: 2018, 2023 or 2024 (default)")
    return command


def recipient(text: str) -> str:
    if not 0 < len(text.strip()) <= RECIPIENT_MAX:
        raise argparse.ArgumentTypeError(f"say who gets it, in 1 to {RECIPIENT_MAX} characters")
    return text.strip()


async def write_roll(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import log_at_the_shell, open_reader
    from ecoklit.cli.pushing import read_codebook
    from ecoklit.paper.forms import roll_document

    if len(arguments.area) not in (10, 13):
        raise EcoklitError("unknown_area", "A list on paper is of a TPS (13 digits) or of a village (10): name one.")
    refuse_existing(arguments.out)
    book = read_codebook(arguments.codebook)
    settings = read_settings(os.environ)
    async with open_reader(settings) as reader:
        there = reader if arguments.at is None else await past(reader, arguments.area, arguments.at)
        rolls = [shown(roll, supervised=arguments.supervised) for roll in await rolls_of(there, arguments.area)]
    document = roll_document(
        rolls,
        book,
        recipient=arguments.recipient,
        when=now(),
        is_spaced=arguments.spaced,
        supervised=arguments.supervised,
    )
    voters, as_of = sum(len(roll.rows) for roll in rolls), rolls[0].as_of
    # Written down before it leaves, with whom it is for.
    why = f"paper for {arguments.recipient}"
    await log_at_the_shell(settings, "paper", area=arguments.area, rows=voters, as_of=as_of.events, reason=why)
    return report(arguments, document, as_of, {"voters": voters}, f"{voters} pemilih · voters")


async def rolls_of(there: PostgresReader | Past, area: str) -> list[RollAnswer]:
    """The roll of the TPS, or of each TPS of the village that has a list. Each says as of when it is."""
    if len(area) == 13:
        return [await there.roll(area)]
    parts = [row["area"] for row in (await there.recap(area, "tps")).rows]
    if not parts:
        raise EcoklitError("unknown_area", "No TPS of this village has a list here: check the code.")
    return [await there.roll(tps) for tps in parts]


def shown(roll: RollAnswer, *, supervised: bool) -> RollAnswer:
    """The roll as it may leave: numbers masked; for supervisors, the seven elements."""
    from msgspec import structs

    from ecoklit.services.disclose import SUPERVISOR, disclosed
    from ecoklit.services.disclose import shown as shown_to

    today = date.today()  # noqa: DTZ011  # an age is by the calendar on the wall
    rows = [shown_to(row, SUPERVISOR, today) if supervised else disclosed(row) for row in roll.rows]
    return structs.replace(roll, rows=rows)


async def write_recap(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_reader
    from ecoklit.cli.pushing import read_codebook
    from ecoklit.paper.forms import recap_document

    if len(arguments.area) < 4:
        raise EcoklitError("unknown_area", "A recap on paper is of a regency or a part of one: give 4 digits or more.")
    refuse_existing(arguments.out)
    book = read_codebook(arguments.codebook)
    async with open_reader(read_settings(os.environ)) as reader:
        if arguments.at is None:
            answer, digest = await recap_of(reader, arguments.area)
        else:
            then = await past(reader, arguments.area, arguments.at)
            answer, digest = await then.recap(arguments.area), await then.digest(arguments.area)
    document = recap_document(answer, arguments.area, digest, book, recipient=arguments.recipient, when=now())
    parts = len(answer.rows)
    return report(arguments, document, answer.as_of, {"parts": parts}, f"{parts} bagian · parts")


async def recap_of(reader: PostgresReader, area: str) -> tuple[Answer, bytes]:
    """The recap, and the digest of the area at the same moment. Raises EcoklitError roll_behind when there is none."""
    from ecoklit.core.merkle import EMPTY_HEAD

    for _ in range(MOMENTS_MAX):
        answer = await reader.recap(area)
        as_of, digests = await reader.digests(area[:4])
        if as_of == answer.as_of:
            return answer, digests.get(area, EMPTY_HEAD)
    raise EcoklitError(
        "roll_behind", "The roll changes faster than its digest can be had: run it again a little later."
    )


def refuse_existing(out: Path) -> None:
    if out.exists():
        raise EcoklitError("file_exists", f"{out} is there already: name another.")


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def report(arguments: argparse.Namespace, document: Document, as_of: AsOf, counts: dict[str, int], said: str) -> Exit:
    """Write the PDF, and say what is in it."""
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.cli.reading import said_of
    from ecoklit.core import ids
    from ecoklit.paper.sheet import pdf

    made = pdf(document)
    descriptor = os.open(arguments.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # people are in it
    with os.fdopen(descriptor, "wb") as file:
        file.write(made)
    told = {"out": str(arguments.out), "bytes": len(made), "sha256": ids.sha256(made).hex(), "as_of": as_of}
    if arguments.json:
        print_json({**told, "recipient": arguments.recipient, **counts})
        return Exit.OK
    print_line(f"{arguments.out}: {said}; {said_of(as_of)}; sha256 {told['sha256']}")
    print_line(
        f"  untuk · for {arguments.recipient}; hanya pemilik berkas dapat membacanya · readable by its owner only"
    )
    return Exit.OK
