"""How a phone comes to its key and its rights: `enrol`, and `reissue` when its key was used elsewhere too."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecoklit.cli.exits import Exit
from ecoklit.cli.phone.row import Row, now, opened, option
from ecoklit.cli.phone.way import connected, service_here, transport_to, url_of
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.core.signing import Key
    from ecoklit.field.phone import Phone


def enrol(arguments: argparse.Namespace) -> Exit:
    from ecoklit.field import enrolment

    with opened(arguments, make=True) as phone:
        key = phone.identity(arguments.key).key
        if arguments.what is None or arguments.offline:
            return show_key(phone, key, arguments)
        data = read_bytes(arguments.what)
        if data is None:
            return enrol_by_code(phone, arguments)
        taken = enrolment.read(data, key)
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


def show_key(phone: Phone, key: Key, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.cli.qr import terminal_qr

    if arguments.service is not None:
        phone.outbox.set_service(url_of(arguments.service))
    line = key_line_of(key)
    if arguments.json:
        print_json({"device": key.device, "key_line": line})
        return Exit.OK
    print_line(terminal_qr(line))
    print_line(line)
    print_line(
        f"HP · device {key.device}. Tunjukkan ke PPS, lalu: · Show this to the PPS, then: ecoklit phone enrol FILE"
    )
    return Exit.OK


def key_line_of(key: Key) -> str:
    """What the phone shows to an office: its key, and its user key at the broker."""
    from ecoklit.core.enrolment import write_key_line
    from ecoklit.field.nats_transport import nkey_of

    return write_key_line(key.public, nkey_of(key))


def enrol_by_code(phone: Phone, arguments: argparse.Namespace) -> Exit:
    from ecoklit.core.enrolment import is_invitation, read_invitation
    from ecoklit.field import enrolment

    text, service = arguments.what, arguments.service
    invitation = read_invitation(text) if is_invitation(text) else None
    if invitation is not None:
        text = invitation.code
        service = service or (invitation.service if isinstance(invitation.service, str) else None)
    service = service or phone.outbox.about().service
    service = service or service_here()
    if not service:
        raise EcoklitError("bad_argument", "Say by --service where the service is: a code alone does not say it.")
    root = invitation.root if invitation is not None else ""
    at = now().isoformat(timespec="seconds")
    key, kept = phone.identity().key, phone.outbox.registry()
    taken = enrolment.by_code(text, key, transport_to(service), at=at, root=root, kept=kept)
    enrolment.take(phone.outbox, taken, service=service)
    phone.reload()
    return show_enrolment(phone, arguments, first_sync(phone))


def first_sync(phone: Phone) -> str | None:
    """Send the enrolment and take the list while the network is there; else why not. The enrolment stands anyhow."""
    try:
        with connected(phone) as client:
            refused = client.sync().refused
    except EcoklitError as error:
        return error.message
    return refused[0][1] if refused else None


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


def reissue(arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.cli.qr import terminal_qr

    with opened(arguments) as phone:
        again = phone.reissue()
        key = phone.identity().key
    line = key_line_of(key)
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


ENROL: Final = Row(
    "enrol",
    "Daftarkan HP ini: dengan kode, atau tanpa jaringan dengan berkas. "
    "· Enrol this phone: by a code, or without a network by a file.",
    "ecoklit phone enrol --offline",
    "one object: device, key_line, election, officer, role, places, voters",
    enrol,
    (
        option(
            "what",
            metavar="CODE|FILE",
            nargs="?",
            help="the office's code or invitation, or its file; - is standard input",
        ),
        option(
            "--offline",
            action="store_true",
            help="show this phone's key, for the office to sign (the default without CODE)",
        ),
        option("--service", metavar="URL", help="where the service is; it is remembered"),
        option(
            "--key",
            choices=("ed25519", "p256"),
            help="the kind of key that a new phone makes (default: ed25519); p256 is what older phones have",
        ),
    ),
)
REISSUE: Final = Row(
    "reissue",
    "Kunci baru bila kunci lama terpakai di tempat lain; entri diulang. "
    "· A new key when the old one was used elsewhere; entries are said again under it.",
    "ecoklit phone reissue",
    "one object: device, entries, key_line",
    reissue,
)
