"""What an officer enters at the door: one command for each kind of entry, all of one shape."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, get_args

from ecoklit.cli.command import area_code, tps_code, word
from ecoklit.cli.exits import Exit
from ecoklit.cli.phone.enrolling import read_bytes
from ecoklit.cli.phone.row import OPTION_TPS, Option, Row, opened, option
from ecoklit.core.event import Document, How, NotMet, Reason, is_date
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.field.phone import Phone, Said

WAYS: Final = get_args(How)
WHYS: Final = ("absent", "refused", "unreachable")
SAID: Final = "one object: seq, voter, number, standing, held"

Entering = Callable[["Phone", argparse.Namespace], "Said"]


# --- one entry -------------------------------------------------------------------------------------------------------


def saving(run: Entering) -> Callable[[argparse.Namespace], Exit]:
    """A command that saves what `run` says."""

    def saved(arguments: argparse.Namespace) -> Exit:
        with opened(arguments) as phone:
            return show_said(phone, run(phone, arguments), arguments)

    return saved


def show_said(phone: Phone, said: Said, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line

    held = said.held
    number = phone.outbox.numbers().get(held.voter)
    if number is None:
        phone.roll(held.tps)
        number = phone.outbox.numbers().get(held.voter)
    status = phone.status()
    if arguments.json:
        print_json(
            {
                "device": held.device,
                "held": status.held,
                "number": number,
                "seq": held.seq,
                "standing": said.standing.name,
                "voter": held.voter,
            }
        )
        return Exit.OK
    kind = "" if held.event is None else held.event.kind
    print_line(
        f"Tersimpan di HP · saved on the phone: entri · entry {held.seq}, {kind}, no {number}. "
        f"{status.unsent} belum terkirim · not sent yet."
    )
    return Exit.OK


def said(phone: Phone, type: str, arguments: argparse.Namespace, voter: str | None, **fields: Any) -> Said:
    """One entry, with what every entry may have."""
    person = {
        name: value
        for name, value in (
            ("changes", fields.pop("changes", None)),
            ("record", fields.pop("record", None)),
            ("death_date", fields.pop("death_date", None)),
            ("note", arguments.note),
        )
        if value
    }
    own = {"visited": arguments.visited, "entry": "paper" if arguments.paper else None, **fields}
    return phone.say(
        type,
        voter,
        tps=arguments.tps,
        officer=arguments.officer,
        person=person or None,
        **{name: value for name, value in own.items() if value is not None},
    )


def found(phone: Phone, arguments: argparse.Namespace) -> Said:
    return said(phone, "found", arguments, phone.voter(arguments.who), how=arguments.how, changes=dict(arguments.set))


def moved(phone: Phone, arguments: argparse.Namespace) -> Said:
    fields = {"to": arguments.to, "to_area": arguments.to_area, "evidence": arguments.evidence}
    return said(phone, "moved", arguments, phone.voter(arguments.who), **fields)


def deceased(phone: Phone, arguments: argparse.Namespace) -> Said:
    fields = {"evidence": arguments.evidence, "death_date": arguments.date}
    return said(phone, "deceased", arguments, phone.voter(arguments.who), **fields)


def disqualified(phone: Phone, arguments: argparse.Namespace) -> Said:
    voter, other = phone.voter(arguments.who), None
    if arguments.duplicate_of is not None:
        other = phone.voter(arguments.duplicate_of)
        voter, other = max(voter, other), min(voter, other)  # SPEC §2.5
    fields = {"reason": arguments.reason, "evidence": arguments.evidence, "duplicate_of": other}
    return said(phone, "disqualified", arguments, voter, **fields)


def new(phone: Phone, arguments: argparse.Namespace) -> Said:
    from ecoklit.core.event import RECORD_FIELDS

    record = {**dict.fromkeys(RECORD_FIELDS), **read_record(arguments.record), **dict(arguments.set)}
    if not record["name"]:
        raise EcoklitError("bad_argument", "Say at least the name: --set name=… or a --record with one.")
    return said(phone, "new", arguments, None, how=arguments.how, document=arguments.document, record=record)


def read_record(name: str | None) -> Mapping[str, str | None]:
    import msgspec

    if name is None:
        return {}
    data = read_bytes(name)
    if data is None:
        raise EcoklitError("bad_argument", f"{name} is no file: name a JSON object of particulars, or - for the input.")
    try:
        return msgspec.json.decode(data, type=dict[str, str | None])
    except msgspec.DecodeError:
        # The error quotes what it read.
        raise EcoklitError(
            "bad_argument", f"{name} is no JSON object of strings: see SPEC §2.7 for its keys."
        ) from None


def not_met(phone: Phone, arguments: argparse.Namespace) -> Said:
    return said(phone, NotMet.kind, arguments, phone.voter(arguments.who), why=arguments.why)


def undo(phone: Phone, arguments: argparse.Namespace) -> Said:
    return phone.undo(phone.voter(arguments.who), officer=arguments.officer)


# --- their options ---------------------------------------------------------------------------------------------------


def date(text: str) -> str:
    if not is_date(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no date: YYYY-MM-DD")
    return text


def particular(text: str) -> tuple[str, str | None]:
    from ecoklit.core.event import RECORD_FIELDS

    name, equals, value = text.partition("=")
    if not equals or name not in RECORD_FIELDS:
        # Not what stood behind the sign: it may be somebody's number.
        raise argparse.ArgumentTypeError(
            f"'{name}' is no particular: FIELD=VALUE with one of {', '.join(RECORD_FIELDS)}"
        )
    return name, value or None


def where_to(command: argparse.ArgumentParser) -> None:
    where = command.add_mutually_exclusive_group(required=True)
    where.add_argument("--to", metavar="TPS", type=tps_code, help="a TPS of the regency")
    where.add_argument("--to-area", metavar="CODE", type=area_code, help="a place beyond the regency, 2 to 10 digits")


def setting(what: str) -> Option:
    return option("--set", metavar="FIELD=VALUE", action="append", default=[], type=particular, help=what)


WHO: Final = option("who", metavar="WHO", help="the voter's number in the list, or a part of the id")
HOW: Final = option("--how", choices=WAYS, default="in_person", help="default: in_person")
EVIDENCE: Final = option("--evidence", metavar="WORD", help="what proves it, a word of the policy; without: a proposal")
OF_ANY: Final = (
    OPTION_TPS,
    option("--officer", metavar="ID", type=word, help="who stood at the door, when somebody else types"),
    option("--visited", metavar="DATE", type=date, help="the day of the visit, YYYY-MM-DD"),
    option("--paper", action="store_true", help="typed from a paper form"),
    option("--note", metavar="TEXT", help="a note, kept with the voter's particulars"),
)
"""What every entry may have."""


COMMANDS: Final = (
    Row(
        "found",
        "Pemilih ditemui dan sesuai, bila perlu dengan perbaikan. · The voter was met and is confirmed, with "
        "corrections if need be.",
        "ecoklit phone found 17 --how in_person --set rt=003",
        SAID,
        saving(found),
        (WHO, *OF_ANY, HOW, setting("a corrected particular; an empty VALUE is 'not known'")),
    ),
    Row(
        "moved",
        "Pemilih pindah. · The voter moved.",
        "ecoklit phone moved 17 --to 94.04.01.2001.002",
        SAID,
        saving(moved),
        (WHO, *OF_ANY, where_to, EVIDENCE),
    ),
    Row(
        "deceased",
        "Pemilih meninggal. · The voter died.",
        "ecoklit phone deceased 17 --evidence death_certificate",
        SAID,
        saving(deceased),
        (
            WHO,
            *OF_ANY,
            EVIDENCE,
            option("--date", metavar="DATE", type=date, help="the day of the death, YYYY-MM-DD"),
        ),
    ),
    Row(
        "disqualified",
        "Pemilih tidak memenuhi syarat. · The person may not be on the list.",
        "ecoklit phone disqualified 17 --reason duplicate --duplicate-of 4",
        SAID,
        saving(disqualified),
        (
            WHO,
            *OF_ANY,
            option("--reason", choices=get_args(Reason), required=True),
            EVIDENCE,
            option("--duplicate-of", metavar="WHO", help="the other entry of the same person; the larger id is struck"),
        ),
    ),
    Row(
        "new",
        "Pemilih baru yang belum ada dalam daftar. · Somebody who is not on the list.",
        "ecoklit phone new --document ktp_el --record person.json",
        SAID,
        saving(new),
        (
            *OF_ANY,
            HOW,
            option("--document", choices=get_args(Document), required=True, help="what was shown"),
            option(
                "--record",
                metavar="FILE",
                help="the particulars as a JSON object; - is standard input, which no history keeps",
            ),
            setting("one particular"),
        ),
    ),
    Row(
        "not-met",
        "Tidak ada yang ditemui. · Nobody was met.",
        "ecoklit phone not-met 17 --why absent",
        SAID,
        saving(not_met),
        (WHO, *OF_ANY, option("--why", choices=WHYS, required=True)),
    ),
    Row(
        "undo",
        "Batalkan entri terakhir HP ini tentang seorang pemilih. · Take back this phone's last entry about a voter.",
        "ecoklit phone undo 17",
        SAID,
        saving(undo),
        (WHO, option("--officer", metavar="ID", type=word, help="who takes it back, when somebody else types")),
    ),
)
