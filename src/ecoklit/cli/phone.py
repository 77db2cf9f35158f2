"""`ecoklit phone …`: an officer's phone on the command line, with its own store and its own key."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from ecoklit.cli.command import Commands, add_command, area_code, tps_code
from ecoklit.cli.exits import Exit
from ecoklit.core.event import Document, How, NotMet, Reason, is_date
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.field.client import Client, Synced
    from ecoklit.field.phone import Entry, OwnEntry, Phone, Said, Status
    from ecoklit.field.transport import Transport

HOME: Final = ".ecoklit-phone"
WAYS: Final = get_args(How)
WHYS: Final = ("absent", "refused", "unreachable")
LIST: Final = {
    "number": "No",
    "name": "Nama\nname",
    "nik": "NIK",
    "sex": "L/P\nsex",
    "birth_date": "Tgl lahir\nborn",
    "address": "Alamat\naddress",
    "rt": "RT",
    "rw": "RW",
    "verdict": "Hasil\nverdict",
    "proposed": "Usulan\nproposals",
    "attempts": "Kunjungan gagal\nattempts",
    "conflicts": "Konflik\nconflicts",
}
OUTSIDE: Final = {
    "seq": "Entri\nentry",
    "number": "No",
    "type": "Peristiwa\nevent",
    "fate": "Keadaan\nfate",
    "name": "Kedudukan\nstanding",
    "why": "Sebab\nwhy",
}
VERDICTS: Final = {
    "unvisited": "belum dikunjungi · unvisited",
    "confirmed": "sesuai · confirmed",
    "moved_away": "pindah · moved away",
    "deceased": "meninggal · deceased",
    "disqualified": "tidak memenuhi syarat · disqualified",
}
FATES: Final = {
    "unsent": "belum terkirim · unsent",
    "parked": "tertahan · parked",
    "quarantined": "karantina · quarantined",
}


def add_commands(commands: Commands) -> None:
    what = "HP petugas: coklit tanpa jaringan, lalu kirim. · An officer's phone: coklit without a network, then sync."
    top = commands.add_parser(
        "phone",
        help=what,
        description=what,
        epilog="contoh · example:\n  ecoklit phone found 17 --how in_person\n\n"
        "Each has a --help of its own, and --json.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    phone = top.add_subparsers(metavar="COMMAND", required=True, parser_class=type(top))
    for add in (
        add_enrol, add_list, add_found, add_moved, add_deceased, add_disqualified, add_new, add_not_met, add_undo,
        add_sync, add_status, add_report, add_export, add_reissue,
    ):  # fmt: skip
        add_home(add(phone))


def add_home(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--home", metavar="DIR", type=Path, help=f"the phone's folder (default: ECOKLIT_PHONE, or {HOME})"
    )


def home_of(arguments: argparse.Namespace) -> Path:
    home: Path | None = arguments.home
    return home if home is not None else Path(os.environ.get("ECOKLIT_PHONE") or HOME)


@contextmanager
def opened(arguments: argparse.Namespace, *, make: bool = False) -> Iterator[Phone]:
    """The phone in its folder; with `make`, a new one where there is none."""
    from ecoklit.contract import policies
    from ecoklit.field.outbox import Outbox
    from ecoklit.field.phone import Phone

    with Outbox(home_of(arguments), make=make) as outbox:
        yield Phone(outbox, policies(), now=_now, entropy=secrets.token_bytes)


def _now() -> datetime:
    return datetime.now().astimezone()


# --- enrol -----------------------------------------------------------------------------------------------------------


def add_enrol(commands: Commands) -> argparse.ArgumentParser:
    command = add_command(
        commands,
        "enrol",
        enrol,
        "Daftarkan HP ini: dengan kode, atau tanpa jaringan dengan berkas. "
        "· Enrol this phone: by a code, or without a network by a file.",
        "ecoklit phone enrol --offline",
        "one object: device, key_line, election, officer, role, places, voters",
    )
    command.add_argument(
        "what", metavar="CODE|FILE", nargs="?", help="the office's code or invitation, or its file; - is standard input"
    )
    command.add_argument(
        "--offline",
        action="store_true",
        help="show this phone's key, for the office to sign (the default without CODE)",
    )
    command.add_argument("--service", metavar="URL", help="where the service is; it is remembered")
    return command


def enrol(arguments: argparse.Namespace) -> Exit:
    from ecoklit.field import enrolment

    with opened(arguments, make=True) as phone:
        if arguments.what is None or arguments.offline:
            return show_key(phone, arguments)
        data = read_bytes(arguments.what)
        if data is None:
            return enrol_by_code(phone, arguments)
        taken = enrolment.read(data, phone.identity().key)
        enrolment.take(phone.outbox, taken, service=arguments.service)
        phone.reload()
        return show_enrolment(phone, arguments)


def read_bytes(what: str) -> bytes | None:
    """What is in the file that `what` names, or on standard input; None when it names no file."""
    if what == "-":
        return sys.stdin.buffer.read()
    path = Path(what)
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise EcoklitError("bad_argument", f"{what}: {error.strerror}; name the office's file or code.") from error


def show_key(phone: Phone, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.cli.qr import terminal_qr
    from ecoklit.core.enrolment import write_key_line

    if arguments.service is not None:
        phone.outbox.set_service(_url(arguments.service))
    key = phone.identity().key
    line = write_key_line(key.public)
    if arguments.json:
        print_json({"device": key.device, "key_line": line})
        return Exit.OK
    print_line(terminal_qr(line))
    print_line(line)
    print_line(
        f"HP · device {key.device}. Tunjukkan ke PPS, lalu: · Show this to the PPS, then: ecoklit phone enrol FILE"
    )
    return Exit.OK


def enrol_by_code(phone: Phone, arguments: argparse.Namespace) -> Exit:
    from ecoklit.core.enrolment import read_invitation
    from ecoklit.field import enrolment

    text, service = arguments.what, arguments.service
    invitation = read_invitation(text) if text.lstrip().startswith("{") else None
    if invitation is not None:
        text = invitation.code
        service = service or (invitation.service if isinstance(invitation.service, str) else None)
    service = service or phone.outbox.about().service
    service = service or service_here()
    if not service:
        raise EcoklitError("bad_argument", "Say by --service where the service is: a code alone does not say it.")
    root = invitation.root if invitation is not None else ""
    taken = enrolment.by_code(
        text, phone.identity().key, transport_to(service), at=_stamp(), root=root, kept=phone.outbox.registry()
    )
    enrolment.take(phone.outbox, taken, service=service)
    phone.reload()
    return show_enrolment(phone, arguments, first_sync(phone, arguments))


def service_here() -> str | None:
    """The service of this machine: the one that is set, or a running `ecoklit up` in this data folder."""
    from ecoklit.settings import read_settings

    return read_settings(os.environ).service_url


def first_sync(phone: Phone, arguments: argparse.Namespace) -> str | None:
    """Send the enrolment and take the list while the network is there; else why not. The enrolment stands anyhow."""
    try:
        refused = client_of(phone, None).sync().refused
    except EcoklitError as error:
        return error.message
    return refused[0][1] if refused else None


def _stamp() -> str:
    return _now().isoformat(timespec="seconds")


def show_enrolment(phone: Phone, arguments: argparse.Namespace, why_empty: str | None = None) -> Exit:
    from ecoklit.cli.output import print_json, print_line

    about = phone.outbox.about()
    places = [place.tps for place in phone.outbox.places()]
    voters = {tps: len(phone.roll(tps)) for tps in places}
    if arguments.json:
        print_json(
            {
                "device": about.device,
                "election": about.election,
                "officer": about.officer,
                "places": places,
                "role": about.role,
                "root": about.root,
                "voters": voters,
            }
        )
        return Exit.OK
    print_line(
        f"Terdaftar · enrolled: {about.election}, petugas · officer {about.officer} ({about.role}), HP · device "
        f"{about.device}"
    )
    for tps in places:
        print_line(f"  TPS {tps}: {voters[tps]} pemilih · voters")
    print_line(f"  kunci akar, cocokkan dengan PPS · root key, compare it with the PPS: {about.root}")
    if why_empty is not None:
        print_line(f"  Belum disinkron · not synced yet: {why_empty}")
    print_line(f"  Selanjutnya · next: ecoklit phone {'list' if any(voters.values()) else 'sync'}")
    return Exit.OK


# --- list ------------------------------------------------------------------------------------------------------------


def add_list(commands: Commands) -> argparse.ArgumentParser:
    command = add_command(
        commands,
        "list",
        show_list,
        "Daftar pemilih di HP ini, bernomor. · The voters of this phone's TPS, numbered.",
        "ecoklit phone list --unvisited",
        "one object for each voter",
    )
    add_place(command)
    command.add_argument("--unvisited", action="store_true", help="only who is still to be visited")
    command.add_argument("--all", action="store_true", help="also who is off the list")
    return command


def add_place(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--tps",
        metavar="TPS",
        type=tps_code,
        help="which TPS, when the phone has several; an operator's may be any of its area",
    )


def show_list(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_table

    with opened(arguments) as phone:
        tps = phone.place(arguments.tps)
        rows = [row_of(entry) for entry in phone.roll(tps) if is_shown(entry, arguments)]
    if arguments.json:
        print_json(*rows)
        return Exit.OK
    print_table(f"TPS {tps}", LIST, [{**row, "verdict": VERDICTS[row["verdict"]]} for row in rows])
    return Exit.OK


def is_shown(entry: Entry, arguments: argparse.Namespace) -> bool:
    decision = entry.state.decision
    if arguments.unvisited:
        return decision.verdict == "unvisited" and not decision.proposed
    return decision.on_list or bool(arguments.all)


def row_of(entry: Entry) -> dict[str, Any]:
    from ecoklit.services.disclose import masked

    decision, record = entry.state.decision, entry.state.record
    fields = None if record is None else record.fields
    names = ("name", "sex", "birth_date", "address", "rt", "rw")
    return {
        "number": entry.number,
        **{name: None if fields is None else getattr(fields, name) for name in names},
        "nik": None if fields is None else masked(fields.nik),
        "verdict": decision.verdict,
        "proposed": decision.proposed,
        "attempts": decision.attempts,
        "conflicts": [*decision.conflicts, *(() if record is None else record.conflicts)],
        "tps": decision.tps,
        "voter": decision.voter,
    }


# --- entries ---------------------------------------------------------------------------------------------------------


def add_entry(
    commands: Commands, name: str, run: Callable[[Phone, argparse.Namespace], Said], what: str, example: str
) -> argparse.ArgumentParser:
    """A command that saves one entry; all but `new` are about a voter."""
    command = add_command(commands, name, save(run), what, example, "one object: seq, voter, number, standing, held")
    if name != "new":
        command.add_argument("who", metavar="WHO", help="the voter's number in the list, or a part of the id")
    add_place(command)
    command.add_argument("--officer", metavar="ID", help="who stood at the door, when somebody else types")
    command.add_argument("--visited", metavar="DATE", type=_date, help="the day of the visit, YYYY-MM-DD")
    command.add_argument("--paper", action="store_true", help="typed from a paper form")
    command.add_argument("--note", metavar="TEXT", help="a note, kept with the voter's particulars")
    return command


def _date(text: str) -> str:
    if not is_date(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no date: YYYY-MM-DD")
    return text


def save(run: Callable[[Phone, argparse.Namespace], Said]) -> Callable[[argparse.Namespace], Exit]:
    def saved(arguments: argparse.Namespace) -> Exit:
        with opened(arguments) as phone:
            said = run(phone, arguments)
            return show_said(phone, said, arguments)

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


def add_found(commands: Commands) -> argparse.ArgumentParser:
    command = add_entry(
        commands,
        "found",
        found,
        "Pemilih ditemui dan sesuai, bila perlu dengan perbaikan. · The voter was met and is confirmed, with "
        "corrections if need be.",
        "ecoklit phone found 17 --how in_person --set rt=003",
    )
    command.add_argument("--how", choices=WAYS, default="in_person", help="default: in_person")
    add_set(command, "a corrected particular; an empty VALUE is 'not known'")
    return command


def add_set(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("--set", metavar="FIELD=VALUE", action="append", default=[], type=_particular, help=what)


def _particular(text: str) -> tuple[str, str | None]:
    from ecoklit.core.event import RECORD_FIELDS

    name, equals, value = text.partition("=")
    if not equals or name not in RECORD_FIELDS:
        # Not what stood behind the sign: it may be somebody's number.
        raise argparse.ArgumentTypeError(
            f"'{name}' is no particular: FIELD=VALUE with one of {', '.join(RECORD_FIELDS)}"
        )
    return name, value or None


def found(phone: Phone, arguments: argparse.Namespace) -> Said:
    return said(phone, "found", arguments, phone.voter(arguments.who), how=arguments.how, changes=dict(arguments.set))


def add_moved(commands: Commands) -> argparse.ArgumentParser:
    command = add_entry(
        commands,
        "moved",
        moved,
        "Pemilih pindah. · The voter moved.",
        "ecoklit phone moved 17 --to 94.04.01.2001.002",
    )
    where = command.add_mutually_exclusive_group(required=True)
    where.add_argument("--to", metavar="TPS", type=tps_code, help="a TPS of the regency")
    where.add_argument("--to-area", metavar="CODE", type=area_code, help="a place beyond the regency, 2 to 10 digits")
    add_evidence(command)
    return command


def add_evidence(command: argparse.ArgumentParser) -> None:
    command.add_argument("--evidence", metavar="WORD", help="what proves it, a word of the policy; without: a proposal")


def moved(phone: Phone, arguments: argparse.Namespace) -> Said:
    fields = {"to": arguments.to, "to_area": arguments.to_area, "evidence": arguments.evidence}
    return said(phone, "moved", arguments, phone.voter(arguments.who), **fields)


def add_deceased(commands: Commands) -> argparse.ArgumentParser:
    command = add_entry(
        commands,
        "deceased",
        deceased,
        "Pemilih meninggal. · The voter died.",
        "ecoklit phone deceased 17 --evidence death_certificate",
    )
    add_evidence(command)
    command.add_argument("--date", metavar="DATE", type=_date, help="the day of the death, YYYY-MM-DD")
    return command


def deceased(phone: Phone, arguments: argparse.Namespace) -> Said:
    fields = {"evidence": arguments.evidence, "death_date": arguments.date}
    return said(phone, "deceased", arguments, phone.voter(arguments.who), **fields)


def add_disqualified(commands: Commands) -> argparse.ArgumentParser:
    command = add_entry(
        commands,
        "disqualified",
        disqualified,
        "Pemilih tidak memenuhi syarat. · The person may not be on the list.",
        "ecoklit phone disqualified 17 --reason duplicate --duplicate-of 4",
    )
    command.add_argument("--reason", choices=get_args(Reason), required=True)
    add_evidence(command)
    command.add_argument(
        "--duplicate-of", metavar="WHO", help="the other entry of the same person; the larger id is struck"
    )
    return command


def disqualified(phone: Phone, arguments: argparse.Namespace) -> Said:
    voter, other = phone.voter(arguments.who), None
    if arguments.duplicate_of is not None:
        other = phone.voter(arguments.duplicate_of)
        voter, other = max(voter, other), min(voter, other)  # SPEC §2.5
    fields = {"reason": arguments.reason, "evidence": arguments.evidence, "duplicate_of": other}
    return said(phone, "disqualified", arguments, voter, **fields)


def add_new(commands: Commands) -> argparse.ArgumentParser:
    command = add_entry(
        commands,
        "new",
        new,
        "Pemilih baru yang belum ada dalam daftar. · Somebody who is not on the list.",
        "ecoklit phone new --document ktp_el --record person.json",
    )
    command.add_argument("--how", choices=WAYS, default="in_person", help="default: in_person")
    command.add_argument("--document", choices=get_args(Document), required=True, help="what was shown")
    command.add_argument(
        "--record", metavar="FILE", help="the particulars as a JSON object; - is standard input, which no history keeps"
    )
    add_set(command, "one particular")
    return command


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


def add_not_met(commands: Commands) -> argparse.ArgumentParser:
    command = add_entry(
        commands,
        "not-met",
        not_met,
        "Tidak ada yang ditemui. · Nobody was met.",
        "ecoklit phone not-met 17 --why absent",
    )
    command.add_argument("--why", choices=WHYS, required=True)
    return command


def not_met(phone: Phone, arguments: argparse.Namespace) -> Said:
    return said(phone, NotMet.kind, arguments, phone.voter(arguments.who), why=arguments.why)


def add_undo(commands: Commands) -> argparse.ArgumentParser:
    command = add_command(
        commands,
        "undo",
        save(undo),
        "Batalkan entri terakhir HP ini tentang seorang pemilih. · Take back this phone's last entry about a voter.",
        "ecoklit phone undo 17",
        "one object: seq, voter, number, standing, held",
    )
    command.add_argument("who", metavar="WHO", help="the voter's number in the list, or a part of the id")
    command.add_argument("--officer", metavar="ID", help="who takes it back, when somebody else types")
    return command


def undo(phone: Phone, arguments: argparse.Namespace) -> Said:
    return phone.undo(phone.voter(arguments.who), officer=arguments.officer)


# --- sync ------------------------------------------------------------------------------------------------------------


def add_sync(commands: Commands) -> argparse.ArgumentParser:
    command = add_command(
        commands,
        "sync",
        sync,
        "Kirim yang belum terkirim, ambil yang baru, bandingkan. · Send what is unsent, take what is new, compare.",
        "ecoklit phone sync --follow",
        "one object for each sync: sent, held, pulled, compared, refused; or code and why",
    )
    add_place(command)
    command.add_argument("--service", metavar="URL", help="where the service is; it is remembered")
    command.add_argument("--follow", action="store_true", help="go on until Ctrl-C, also while there is no network")
    return command


def sync(arguments: argparse.Namespace) -> Exit:
    from ecoklit.field.trouble import TryLater

    with opened(arguments) as phone:
        if arguments.tps is not None:
            phone.place(arguments.tps)
        client = client_of(phone, arguments.service)
        if arguments.follow:
            go_on(phone, client, arguments)
        try:
            synced = client.sync()
        except TryLater as later:
            print(
                f"ecoklit: {later.code}: {later.message} Coba lagi dalam · try again in {later.seconds:.0f} s.",
                file=sys.stderr,
            )
            return Exit.LATER
        return show_synced(phone, synced, arguments)


def client_of(phone: Phone, service: str | None) -> Client:
    from ecoklit.field import enrolment
    from ecoklit.field.client import Client

    if service is not None:
        phone.outbox.set_service(_url(service))
    url = phone.outbox.about().service or service_here()
    if not url:
        raise EcoklitError("bad_argument", "No service is known: say by --service where it is, once.")
    return Client(phone, transport_to(url), enrolment.services_of(phone.outbox), sleep=time.sleep)


def transport_to(url: str) -> Transport:
    from ecoklit.field.http_transport import HttpTransport

    return HttpTransport(_url(url))


def _url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise EcoklitError("bad_argument", f"'{url}' is no address of a service: it looks like https://coklit.example")
    return url


def go_on(phone: Phone, client: Client, arguments: argparse.Namespace) -> None:
    from ecoklit.cli.output import print_json
    from ecoklit.field.client import Synced
    from ecoklit.field.follow import follow
    from ecoklit.field.waiting import Waiting

    def tell(outcome: Synced | EcoklitError) -> None:
        if isinstance(outcome, Synced):
            show_synced(phone, outcome, arguments)
        elif arguments.json:
            print_json({"code": outcome.code, "why": outcome.message})
        else:
            print(f"ecoklit: {outcome.code}: {outcome.message}", file=sys.stderr, flush=True)

    follow(
        client.sync,
        has_news=lambda: phone.outbox.is_unsent(),
        tell=tell,
        waiting=Waiting(secrets.SystemRandom().random),
        sleep=time.sleep,
    )


def show_synced(phone: Phone, synced: Synced, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line

    status = phone.status()
    set_aside = [one for one in status.outside if one.fate != "unsent"]
    same = all(one.same for one in synced.compared) and not synced.refused
    if arguments.json:
        print_json({**_synced(synced), "outside": [outside_row(phone, one) for one in status.outside]})
    else:
        print_line(f"{synced.sent} terkirim · sent, {synced.pulled} diambil · pulled. {held_line(status)}")
        for one in synced.compared:
            word = "sama · the same" if one.same else f"beda · different: {one.why}"
            print_line(f"  TPS {one.tps}: {word}")
        for tps, why in synced.refused:
            print_line(f"  TPS {tps}: tidak diberikan · not given: {why}")
        if set_aside:
            print_line(f"  {len(set_aside)} entri tidak dihitung · entries do not count: ecoklit phone status")
    return Exit.OK if same and not set_aside else Exit.DIFFERS


def _synced(synced: Synced) -> dict[str, Any]:
    return {
        "sent": synced.sent,
        "held": synced.held,
        "pulled": synced.pulled,
        "compared": [{**one._asdict(), "same": one.same} for one in synced.compared],
        "refused": [{"tps": tps, "why": why} for tps, why in synced.refused],
    }


# --- status ----------------------------------------------------------------------------------------------------------


def add_status(commands: Commands) -> argparse.ArgumentParser:
    return add_command(
        commands,
        "status",
        show_status,
        "Apa yang tersimpan, terkirim, diterima; jumlah per TPS. · What is saved, sent and held; totals of each TPS.",
        "ecoklit phone status",
        "one object: device, officer, saved, held, proved, stuck, outside, places",
    )


def show_status(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line, print_table

    with opened(arguments) as phone:
        status = phone.status()
        places = [place_row(phone, place.tps, place.digest) for place in phone.outbox.places()]
        outside = [outside_row(phone, one) for one in status.outside]
        late = clock_fell(phone, status)
    if arguments.json:
        print_json(
            {
                "device": status.device,
                "officer": status.about.officer,
                "saved": status.saved,
                "held": status.held,
                "proved": status.proved,
                "stuck": {"code": status.stuck, "why": status.why} if status.stuck else None,
                "outside": outside,
                "places": places,
            }
        )
    else:
        print_line(
            f"HP · device {status.device}, petugas · officer {status.about.officer} ({status.about.role}), "
            f"{status.about.election}"
        )
        print_line(held_line(status))
        if status.stuck:
            print_line(f"TERSENDAT · STUCK: {status.stuck}: {status.why}")
        if late:
            print_line(
                "Jam HP mundur; tidak ada yang hilang, urutan entri tetap. · The phone's clock went back; nothing is "
                "lost, and the order of entries stays."
            )
        for place in places:
            print_line(place_line(place))
        if outside:
            print_table(
                "Entri sendiri yang tidak dihitung di layanan · own entries outside the count", OUTSIDE, outside
            )
    held_back = status.stuck or any(one["fate"] != "unsent" for one in outside)
    return Exit.DIFFERS if held_back else Exit.OK


def held_line(status: Status) -> str:
    """What may be said of the log: "held" only where a verified receipt names its very end."""
    if status.saved == 0:
        return "Belum ada entri. · No entries yet."
    if status.proved:
        return (
            f"Semua {status.saved} entri ada di layanan. · All {status.saved} entries are held by the server "
            "(tanda terima terverifikasi · receipt verified)."
        )
    return (
        f"{status.saved} entri tersimpan, {status.held} ada di layanan, {status.unsent} belum terkirim. "
        f"· {status.saved} entries saved, {status.held} held by the server, {status.unsent} not sent yet."
    )


def outside_row(phone: Phone, one: OwnEntry) -> dict[str, Any]:
    return {
        "seq": one.held.seq,
        "device": one.held.device,
        "number": phone.outbox.numbers().get(one.held.voter),
        "voter": one.held.voter,
        "type": one.held.event.kind if one.held.event is not None else "",
        "fate": one.fate,
        "name": one.name,
        "why": one.why,
    }


def place_row(phone: Phone, tps: str, told: str) -> dict[str, Any]:
    from ecoklit.field.phone import totals_of

    totals = totals_of(phone.terms(tps))
    roll = phone.roll(tps)
    visited = sum(entry.state.decision.verdict != "unvisited" for entry in roll if entry.state.decision.on_list)
    digest = phone.digest(tps) or ""
    return {
        "tps": tps,
        "totals": totals,
        "visited": visited,
        "digest": digest,
        "same": digest == told if told else None,
    }


def place_line(place: Mapping[str, Any]) -> str:
    totals = place["totals"]
    return (
        f"TPS {place['tps']}: daftar awal · listed {totals['listed']} + baru · new {totals['new']} + masuk · arrived "
        f"{totals['arrived']} − keluar · departed {totals['departed']} − tersaring · removed {totals['removed']} = "
        f"{totals['on_list']} dalam daftar · on the list; {place['visited']} dikunjungi · visited"
    )


def clock_fell(phone: Phone, status: Status) -> bool:
    """Whether the wall clock stands before the last entry's: a hint for the officer, and nothing depends on it."""
    last = phone.outbox.own(status.device, after=max(0, status.saved - 1))
    if not last or last[0].event is None:
        return False
    return _now() < datetime.fromisoformat(last[0].event.at)


# --- the end ---------------------------------------------------------------------------------------------------------


def add_report(commands: Commands) -> argparse.ArgumentParser:
    command = add_command(
        commands,
        "report",
        report,
        "Laporan akhir satu TPS; sync berikut mengirimnya. · The final report of a TPS; the next sync sends it.",
        "ecoklit phone report",
        "one object: tps, seq, last, totals, digest, unvisited",
    )
    add_place(command)
    return command


def report(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.field.phone import totals_of

    with opened(arguments) as phone:
        tps = phone.place(arguments.tps)
        line = phone.report(tps)
        totals, digest = totals_of(phone.terms(tps)), phone.digest(tps)
        open_ = sum(one.state.decision.verdict == "unvisited" and one.state.decision.on_list for one in phone.roll(tps))
        status = phone.status()
    if arguments.json:
        print_json(
            {"tps": tps, "seq": line.seq, "last": status.saved, "totals": totals, "digest": digest, "unvisited": open_}
        )
        return Exit.OK
    print_line(
        f"Laporan akhir TPS {tps} tersimpan: {totals['on_list']} pemilih, {open_} belum dikunjungi. · Final report "
        f"saved: {totals['on_list']} voters, {open_} not visited."
    )
    print_line("Kirim dengan · send it with: ecoklit phone sync")
    return Exit.OK


def add_export(commands: Commands) -> argparse.ArgumentParser:
    command = add_command(
        commands,
        "export",
        export,
        "Tulis entri yang belum terkirim ke berkas, untuk dibawa HP atau USB lain. "
        "· Write the unsent entries to a file that another device or a stick carries.",
        "ecoklit phone export --sealed /media/usb/p-17.ecoklit",
        "one object: file, entries, reports, bytes",
    )
    command.add_argument("file", metavar="FILE", type=Path, help="a new file; 'ecoklit push FILE' takes it")
    command.add_argument("--sealed", action="store_true", help="only the service can open it")
    command.add_argument("--all", action="store_true", help="the whole log, not only what is unsent")
    return command


def export(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.field import enrolment
    from ecoklit.field.export import export as exported
    from ecoklit.field.export import sealed, write_file

    with opened(arguments) as phone:
        made = exported(phone.outbox, whole=arguments.all)
        if arguments.sealed:
            made = sealed(made, enrolment.services_of(phone.outbox), secrets.token_bytes)
        write_file(arguments.file, made.data)
    if arguments.json:
        print_json(
            {"file": str(arguments.file), "entries": made.entries, "reports": made.reports, "bytes": len(made.data)}
        )
        return Exit.OK
    print_line(
        f"{made.entries} entri, {made.reports} laporan · entries, reports → {arguments.file}. Bawa, lalu · carry it, "
        f"then: ecoklit push {arguments.file}"
    )
    print_line("HP ini tetap menyimpannya sampai ada tanda terima. · This phone keeps them until there is a receipt.")
    return Exit.OK


def add_reissue(commands: Commands) -> argparse.ArgumentParser:
    return add_command(
        commands,
        "reissue",
        reissue,
        "Kunci baru bila kunci lama terpakai di tempat lain; entri diulang. "
        "· A new key when the old one was used elsewhere; entries are said again under it.",
        "ecoklit phone reissue",
        "one object: device, entries, key_line",
    )


def reissue(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.cli.qr import terminal_qr
    from ecoklit.core.enrolment import write_key_line

    with opened(arguments) as phone:
        again = phone.reissue()
        key = phone.identity().key
    line = write_key_line(key.public)
    if arguments.json:
        print_json({"device": key.device, "entries": len(again), "key_line": line})
        return Exit.OK
    print_line(terminal_qr(line))
    print_line(line)
    print_line(
        f"Kunci baru · new key {key.device}: {len(again)} entri diulang · entries said again. Daftarkan lagi · have it "
        "enrolled: ecoklit phone enrol FILE"
    )
    return Exit.OK
