"""`ecoklit rule` and `remap`: an office decides, after it was shown what that changes."""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from ecoklit.cli.command import Commands, add_command, settings_of, tps_code, voter_id
from ecoklit.cli.exits import Exit
from ecoklit.cli.office import now, read_text
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.bootstrap import OwnLog
    from ecoklit.core.registry import Registry
    from ecoklit.core.wire import Dot, Held
    from ecoklit.field.transport import Transport
    from ecoklit.services.remap import Move, Plan
    from ecoklit.services.ruling import Prepared, Pulled, Roll, Ruling
    from ecoklit.settings import Settings

ROLL_SECONDS_MAX: Final = 30.0
"""How long a roll may take to show what the office said last; it takes a tenth of a second on a quiet service."""
ROLL_PAUSE_SECONDS: Final = 0.2
COUNTED: Final = "counted"
VERDICTS: Final = ("confirmed", "unvisited", "moved_away", "deceased", "disqualified")
REASONS: Final = ("duplicate", "underage", "foreign", "military", "police", "revoked", "unknown", "entry_error")
SIDES: Final = {
    "register": "Unsur\nregister",
    "value": "Nilai\nvalue",
    "wins": "Berlaku\nwins",
    "type": "Peristiwa\nevent",
    "officer": "Petugas\nofficer",
    "role": "Peran\nrole",
    "at": "Jam alat\ndevice's clock",
    "device": "Alat\ndevice",
    "seq": "seq",
}
CHANGES: Final = {
    "voter": "Pemilih\nvoter",
    "tps": "TPS",
    "verdict": "Sekarang\nnow",
    "after_tps": "TPS nanti\nTPS then",
    "after_verdict": "Nanti\nthen",
    "corrected": "Diperbaiki\ncorrected",
    "remark": "Ket\nremark",
}


REMAP_COLUMNS: Final = ("tps", "to", "voter", "nkk", "rt", "rw")
REMAP_BYTES_MAX: Final = 32 * 1024 * 1024
SIZES: Final = {"tps": "TPS", "before": "Pemilih kini\nvoters now", "after": "Nanti\nthen"}
LINES: Final = {
    "line": "Baris\nline",
    "tps": "Dari TPS\nfrom",
    "to": "Ke TPS\nto",
    "voters": "Pemilih\nvoters",
    "with_family": "Ikut keluarga\nwith their family",
}


def add_commands(commands: Commands) -> None:
    add_rule(commands)
    add_remap(commands)


# --- rule ------------------------------------------------------------------------------------------------------------


def add_rule(commands: Commands) -> None:
    command = add_command(
        commands,
        "rule",
        rule,
        "Putuskan seorang pemilih atas nama kantor ini; tanpa --yes hanya menunjukkan kedua sisi dan akibatnya. "
        "· Rule on a voter as this office; without --yes it only shows both sides and what the ruling changes.",
        "ecoklit rule 74100b01-af6e-88bf-ae05-5d4a729b6c2e --tps 94.04.01.2001.001 --verdict deceased --yes",
        "one object for each voter: before, after, corrected, sides; at the end one: said, pushed",
    )
    command.add_argument("voter", metavar="VOTER", nargs="?", type=voter_id, help="the id, as 'conflicts' shows it")
    command.add_argument("--tps", metavar="TPS", type=tps_code, help="the TPS on whose roll the voter stands")
    command.add_argument("--verdict", choices=VERDICTS, help="what is true of the voter")
    command.add_argument("--reason", choices=REASONS, help="why disqualified")
    command.add_argument("--duplicate-of", metavar="VOTER", type=voter_id, help="whose duplicate it is: the smaller id")
    command.add_argument("--to", metavar="TPS", type=tps_code, help="on whose roll the voter is to stand")
    command.add_argument(
        "--personal",
        metavar="FILE",
        help='a JSON object with "changes" (field: value, or null) and "note"; - is the input, so that nobody '
        "reads them in a list of commands",
    )
    command.add_argument(
        "--file", metavar="FILE", help="many rulings, one JSON object a line: voter, tps, verdict, reason, to, …"
    )
    command.add_argument("--yes", action="store_true", help="sign it, after showing what it changes")


def rule(arguments: argparse.Namespace) -> Exit:
    return asyncio.run(rule_at(settings_of(arguments), rulings_of(arguments), arguments))


async def rule_at(settings: Settings, rulings: Sequence[Ruling], arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import fresh_salt, open_own_log
    from ecoklit.services.ruling import prepared, tps_of

    registry = await registry_of(settings)
    with open_own_log(settings) as own:
        rolls = await rolls_of(settings, own, tps_of(rulings))
        found = prepared(own.log, rolls, registry, rulings, at=now(), salt=fresh_salt)
        show(found, arguments)
        return await say(own, found, arguments, {})


async def say(own: OwnLog, found: Sequence[Prepared], arguments: argparse.Namespace, more: Mapping[str, Any]) -> Exit:
    """With --yes, hold and push what was shown; `more` is what --json tells of it besides."""
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.services.listing import push_waiting
    from ecoklit.services.ruling import hold

    pushed = 0
    if arguments.yes and found:
        hold(own.index, found)
        try:
            pushed = await push_waiting(own.index, own.push)
        except EcoklitError as error:
            kept = "What was ruled is signed and kept: the next 'ecoklit rule', 'remap' or 'import' sends it first."
            raise EcoklitError(error.code, f"{error.message} {kept}") from error
    if arguments.json:
        print_json({**more, "said": len(found) if arguments.yes else 0, "pushed": pushed})
    elif arguments.yes:
        print_line(f"{len(found)} putusan ditandatangani dan terkirim · rulings signed and sent")
    elif found:
        print_line("Belum ditandatangani: ulangi dengan --yes · not signed yet: run it again with --yes")
    return Exit.OK


def show(found: Sequence[Prepared], arguments: argparse.Namespace) -> None:
    from ecoklit.cli.output import print_json, print_table
    from ecoklit.services.disclose import disclosed
    from ecoklit.services.ruling import corrected, seen

    rows = []
    for one in found:
        sides = [disclosed(structs.asdict(side)) for side in one.sides]
        before, after, fields = seen(one.before), seen(one.after), corrected(one.before, one.after)
        if arguments.json:
            row = {"voter": one.ruling.voter, "before": before, "after": after, "corrected": fields, "sides": sides}
            print_json(row)
            continue
        if sides:
            print_table(f"Terbuka · open: {one.ruling.voter}", SIDES, sides)
        rows.append(
            {
                "voter": one.ruling.voter,
                "tps": before["tps"],
                "verdict": before["verdict"],
                "after_tps": after["tps"],
                "after_verdict": after["verdict"],
                "corrected": fields,
                "remark": remark_of(before, after, fields),
            }
        )
    if not arguments.json:
        print_table("Akibat putusan · what the rulings change", CHANGES, rows)


def remark_of(before: Mapping[str, Any], after: Mapping[str, Any], fields: Sequence[str]) -> str:
    if after["conflicts"]:
        return f"masih sengketa · still in conflict: {', '.join(after['conflicts'])}"
    if before == after and not fields:
        return "tidak mengubah daftar · changes nothing on the list"
    return ""


# --- remap -----------------------------------------------------------------------------------------------------------


def add_remap(commands: Commands) -> None:
    command = add_command(
        commands,
        "remap",
        remap,
        "Pecah atau gabung TPS dengan putusan; keluarga tetap bersama. Tanpa --yes hanya menunjukkan rencananya. "
        "· Split or merge TPS by rulings; families stay together. Without --yes it only shows the plan.",
        "ecoklit remap pemetaan.csv --yes",
        "one object for each voter: voter, tps, to, line, with_family; at the end one: sizes, idle, said, pushed",
    )
    command.add_argument(
        "file",
        metavar="FILE",
        help=f"CSV with a header of {', '.join(REMAP_COLUMNS)}: whom of the list of tps to send to to, by what is not "
        "empty; - is the input",
    )
    command.add_argument("--limit", type=int, metavar="VOTERS", help="the most voters of a TPS: 600 unless given")
    command.add_argument("--yes", action="store_true", help="sign it, after showing the plan")


def remap(arguments: argparse.Namespace) -> Exit:
    return asyncio.run(remap_at(settings_of(arguments), read_moves(arguments.file), arguments))


async def remap_at(settings: Settings, moves: Sequence[Move], arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import fresh_salt, open_own_log
    from ecoklit.services.figures import TPS_VOTERS_MAX
    from ecoklit.services.remap import plan, rulings_of, tps_of
    from ecoklit.services.ruling import prepared

    registry = await registry_of(settings)
    with open_own_log(settings) as own:
        rolls = await rolls_of(settings, own, tps_of(moves))
        limit = TPS_VOTERS_MAX if arguments.limit is None else arguments.limit
        planned = plan(rolls, moves, known=registry.tps, limit=limit)
        found = prepared(own.log, rolls, registry, rulings_of(planned), at=now(), salt=fresh_salt)
        show_plan(planned, moves, arguments)
        return await say(own, found, arguments, {"sizes": planned.sizes, "idle": planned.idle})


def show_plan(plan: Plan, moves: Sequence[Move], arguments: argparse.Namespace) -> None:
    from ecoklit.cli.output import listing, print_json, print_line, print_table

    if arguments.json:
        print_json(*plan.planned)
        return
    rows = []
    for move in moves:
        own = [one for one in plan.planned if one.line == move.line]
        families = sum(one.with_family for one in own)
        rows.append(
            {"line": str(move.line), "tps": move.tps, "to": move.to, "voters": len(own), "with_family": families}
        )  # fmt: skip
    print_table("Rencana pemetaan · plan", LINES, rows, totals=True)
    print_table("Jumlah pemilih · voters", SIZES, [structs.asdict(size) for size in plan.sizes], totals=True)
    if plan.idle:
        print_line(f"Tak ada pemilih untuk baris · nobody fits line {listing(plan.idle, 20)}")


def read_moves(name: str) -> list[Move]:
    """The lines of the file, by its header. Raises EcoklitError bad_argument, which repeats no cell."""
    from ecoklit.services.remap import Move, demand_form

    text = read_text(name).removeprefix("\ufeff")
    if len(text) > REMAP_BYTES_MAX:
        raise EcoklitError("bad_argument", f"{name} is too large for a remap: make a file for each district.")
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if header.count(";") > header.count(",") else ",")
    columns = [column.strip().lower() for column in reader.fieldnames or ()]
    if not {"tps", "to"} <= set(columns) <= set(REMAP_COLUMNS):
        raise EcoklitError("bad_argument", f"{name} has another header: give columns of {', '.join(REMAP_COLUMNS)}.")
    reader.fieldnames = columns
    moves = []
    for row in reader:
        if None in row or None in row.values():
            raise EcoklitError("bad_argument", f"{name}, line {reader.line_num}: it has not the header's columns.")
        cells = {column: value.strip() for column, value in row.items()}
        places = {column: cells.pop(column).replace(".", "") for column in ("tps", "to")}
        moves.append(Move(line=reader.line_num, **places, **cells))
    if not moves:
        raise EcoklitError("bad_argument", f"{name} has no line below its header: say whom to send where.")
    demand_form(moves)
    return moves


# --- what is ruled ---------------------------------------------------------------------------------------------------


def rulings_of(arguments: argparse.Namespace) -> list[Ruling]:
    """The rulings of the arguments, or of --file. Raises EcoklitError bad_argument, RulingFault bad_ruling."""
    from ecoklit.services.ruling import Ruling, demand_form

    single = (arguments.voter, arguments.tps, arguments.verdict, arguments.reason, arguments.to, arguments.personal)
    if arguments.file is not None:
        if any(one is not None for one in single):
            raise EcoklitError("bad_argument", "--file has whole rulings: give it alone, or one VOTER without it.")
        return read_rulings(arguments.file)
    if arguments.voter is None or arguments.tps is None:
        raise EcoklitError("bad_argument", "Whom is it about: give a VOTER and --tps, or many in a --file.")
    personal = {} if arguments.personal is None else read_personal(arguments.personal)
    ruling = Ruling(
        voter=arguments.voter,
        tps=arguments.tps,
        verdict=arguments.verdict,
        reason=arguments.reason,
        duplicate_of=arguments.duplicate_of,
        to=arguments.to,
        **personal,
    )
    demand_form(ruling)
    return [ruling]


def read_rulings(name: str) -> list[Ruling]:
    import msgspec

    from ecoklit.services.ruling import Ruling, demand_form

    found = []
    for number, line in enumerate(read_text(name).splitlines(), 1):
        if not line.strip():
            continue
        try:
            ruling = msgspec.json.decode(line, type=Ruling)
        except (msgspec.DecodeError, RecursionError):
            # The error quotes what it read.
            raise EcoklitError(
                "bad_argument", f"{name}, line {number} is no ruling: a JSON object with voter, tps and what is ruled."
            ) from None
        demand_form(ruling)
        found.append(ruling)
    if not found:
        raise EcoklitError("bad_argument", f"{name} holds no ruling: give one JSON object a line.")
    return found


def read_personal(name: str) -> dict[str, Any]:
    import msgspec

    class Personal(msgspec.Struct, forbid_unknown_fields=True):
        changes: dict[str, str | None] | None = None
        note: str | None = None

    try:
        said = msgspec.json.decode(read_text(name), type=Personal)
    except (msgspec.DecodeError, RecursionError):
        raise EcoklitError(
            "bad_argument", f'{name} is not {{"changes":{{…}},"note":"…"}}: give one or both of these.'
        ) from None
    return {"changes": said.changes, "note": said.note}


# --- what it is ruled by ---------------------------------------------------------------------------------------------


async def registry_of(settings: Settings) -> Registry:
    """The registry as the office and the service know it together."""
    from ecoklit.bootstrap import open_desk
    from ecoklit.cli.rights import synced

    with open_desk(settings, now) as desk:
        away = await synced(settings, desk)
        if away is not None:
            raise EcoklitError("service_unavailable", f"A ruling needs the service: {away}")
        return desk.registry


async def rolls_of(settings: Settings, own: OwnLog, places: Iterable[str]) -> dict[str, Roll]:
    """The rolls of these TPS, with all that this office ever said; what waits in its outbox is sent first."""
    from ecoklit.field.http_transport import HttpTransport
    from ecoklit.services.listing import push_waiting

    await push_waiting(own.index, own.push)
    at_least = own.position()
    transport = HttpTransport(settings.service_url or "")
    return {tps: await asyncio.to_thread(roll_of, transport, own, settings, tps, at_least) for tps in places}


def roll_of(transport: Transport, own: OwnLog, settings: Settings, tps: str, at_least: int) -> Roll:
    """The roll of a TPS as of position `at_least`, which the projector may still have to reach."""
    from ecoklit import contract
    from ecoklit.services.ruling import Roll

    deadline = time.monotonic() + ROLL_SECONDS_MAX
    while (pulled := pulled_of(transport, own, settings, tps)).position < at_least:
        if time.monotonic() > deadline:
            raise EcoklitError(
                "roll_behind", f"The roll of {tps} does not show yet what this office said last: try again in a minute."
            )
        time.sleep(ROLL_PAUSE_SECONDS)
    return Roll(pulled, contract.policies())


def pulled_of(transport: Transport, own: OwnLog, settings: Settings, tps: str) -> Pulled:
    """One whole sweep of a TPS."""
    from ecoklit.cli.lists import ask
    from ecoklit.field.page import read_page
    from ecoklit.services.ruling import Pulled

    stream = f"ECOKLIT-{settings.election}-{settings.regency}"
    held: dict[bytes, Held] = {}
    kept_out: dict[Dot, str] = {}
    cursor, more = "", True
    while more:
        page = read_page(ask(transport, own.key, settings.election, tps, cursor), settings.election, stream)
        # A voter that changed in the middle of the sweep comes again, with its standings as they are then.
        for one in page.held:
            held[one.hash] = one
            kept_out.pop(one.dot, None)
        kept_out.update(((one.device, one.seq), one.name) for one in page.standings if one.name != COUNTED)
        cursor, more = page.cursor, page.more
    policies = {policy.name: policy for policy in page.policies}
    return Pulled(tps, list(held.values()), kept_out, dict(page.lost), page.digest, page.position, policies)
