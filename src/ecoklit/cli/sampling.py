"""`ecoklit sample`: a random sample of voters that anybody can draw again, with the form to check them by."""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.command import Commands, add_command, area_code
from ecoklit.cli.exits import Exit
from ecoklit.cli.past import add_at
from ecoklit.errors import EcoklitError
from ecoklit.settings import read_settings

if TYPE_CHECKING:
    from ecoklit.services.as_of import Past

ROWS: Final = {
    "number": "No",
    "tps": "TPS",
    "voter": "Pemilih\nvoter",
    "name": "Nama\nname",
    "address": "Alamat\naddress",
    "rt": "RT",
    "rw": "RW",
    "remark": "Ket\nremark",
}
PDF, CSV = ".pdf", ".csv"


def add_commands(commands: Commands) -> None:
    sample = add_command(
        commands,
        "sample",
        lambda arguments: asyncio.run(draw(arguments)),
        "Ambil sampel acak pemilih yang dapat diulang siapa pun, dengan formulir A.DP-1. "
        "· Draw a random sample of voters that anybody can draw again, with the A.DP-1 check form.",
        "ecoklit sample 94.04.01 --n 20 --seed 2-5-3-6-1-4 --out sampel.pdf",
        "one object: as_of, area, digest, seed, of, voters",
    )
    sample.add_argument("area", metavar="AREA", type=area_code, help="regency, district, village or TPS; dots allowed")
    sample.add_argument("--n", dest="count", type=int, required=True, metavar="N", help="how many voters")
    sample.add_argument(
        "--seed", required=True, help="what was thrown in public after the list's digest was announced, such as dice"
    )
    sample.add_argument("--out", type=Path, metavar="FILE", help="write the form: FILE.pdf or FILE.csv")
    sample.add_argument("--recipient", default="Bawaslu", metavar="WHO", help="for whom the form is (default: Bawaslu)")
    add_at(sample)


async def draw(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_reader
    from ecoklit.cli.explaining import moment_of
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.cli.reading import said_of, written_down
    from ecoklit.services.sample import drawn

    settings, area = read_settings(os.environ), arguments.area
    if not area.startswith(settings.regency):
        raise EcoklitError("unknown_area", f"That is no area of {settings.regency}: name it, or one in it.")
    demand_out(arguments.out)
    async with open_reader(settings) as reader:
        there = await moment_of(reader, settings, area, arguments)
        listed = {
            one.row.voter: one.row.tps
            async for one in there.voters(area)
            if one.state.decision.on_list and one.row.tps.startswith(area)
        }
        digest = await there.digest(area)
        as_of = there.moment.as_of
        chosen = drawn(settings.election, area, digest, arguments.seed, listed, arguments.count)
        rows = await rows_of(there, chosen, listed)
    told = {"as_of": as_of, "area": area, "digest": digest.hex(), "seed": arguments.seed, "of": len(listed)}
    await written_down("sample", as_of.events, len(rows), area=area)
    if arguments.out is not None:
        write_form(arguments, rows, as_of.events, digest)
    if arguments.json:
        print_json({**told, "voters": rows})
        return Exit.OK
    print_table(f"Sampel {area} · sample", ROWS, rows)
    print_line(
        f"{len(rows)} dari · of {len(listed)} pemilih · voters; intisari · digest {digest.hex()}; "
        f"benih · seed {arguments.seed}; {said_of(as_of)}"
    )
    return Exit.OK


def demand_out(out: Path | None) -> None:
    if out is None:
        return
    if out.suffix not in (PDF, CSV):
        raise EcoklitError("bad_argument", f"The form is written as {PDF} or {CSV}: end the file's name so.")
    if out.exists():
        raise EcoklitError("file_exists", f"{out} is there already: name another.")


async def rows_of(there: Past, chosen: list[str], listed: dict[str, str]) -> list[dict[str, Any]]:
    """The drawn voters as their rolls show them, masked, in the order in which they were drawn."""
    from ecoklit.services.disclose import disclosed

    known = {}
    for tps in sorted({listed[voter] for voter in chosen}):
        known.update({str(row["voter"]): disclosed(row) for row in (await there.roll(tps)).rows})
    return [{**known[voter], "number": number} for number, voter in enumerate(chosen, 1)]


def write_form(arguments: argparse.Namespace, rows: list[dict[str, Any]], position: int, digest: bytes) -> None:
    from ecoklit.cli.stages import cell_of
    from ecoklit.paper.sample import HEADS, cells_of, sample_document
    from ecoklit.paper.sheet import pdf

    if arguments.out.suffix == PDF:
        told = [
            f"{arguments.area} · per posisi jurnal {position} · intisari {digest.hex()}",
            f"Benih: {arguments.seed} · diulang dengan: ecoklit sample {arguments.area} --n {arguments.count}",
        ]
        made = pdf(sample_document(rows, arguments.area, told, arguments.recipient))
    else:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(HEADS)
        writer.writerows([cell_of(cell) for cell in cells] for cells in cells_of(rows))
        made = text.getvalue().encode()
    descriptor = os.open(arguments.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # people are in it
    with os.fdopen(descriptor, "wb") as file:
        file.write(made)
