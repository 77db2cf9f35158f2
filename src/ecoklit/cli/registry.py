"""`ecoklit registry`: who may do what on which device, what is void and why, and whether it all comes down from the
root key."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.command import Commands, add_command, area_code, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.cli.office import now, read_text, write_private
from ecoklit.cli.rights import device_id, synced
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.core.registry import Registry
    from ecoklit.ports import LastHeld
    from ecoklit.services.devices import Device
    from ecoklit.settings import Settings

RIGHTS: Final = {
    "officer": "Petugas\nofficer",
    "role": "Peran\nrole",
    "area": "Wilayah\narea",
    "device": "Alat\ndevice",
    "by": "Diberi oleh\ngiven by",
    "position": "Posisi\nposition",
    "ended": "Dicabut\nended",
}
CODES: Final = {
    "officer": "Petugas\nofficer",
    "role": "Peran\nrole",
    "area": "Wilayah\narea",
    "voucher": "Kode\ncode's key",
    "until": "Sampai\nuntil",
    "used_by": "Dipakai oleh\nused by",
    "ended": "Dicabut\nrevoked",
}
DEVICES: Final = {
    "device": "Alat\ndevice",
    "officer": "Petugas\nofficer",
    "rights": "Hak\nrights",
    "held": "Diterima s.d.\nheld up to",
    "position": "Kontak terakhir\nlast contact",
    "revoked_from": "Dicabut sejak\nrevoked from",
    "cloned_at": "Kembar sejak\ncloned at",
    "lost_after": "Hilang sesudah\nlost after",
}
VOIDS: Final = {
    "position": "Posisi\nposition",
    "device": "Alat\ndevice",
    "seq": "seq",
    "type": "Peristiwa\nevent",
    "name": "Sebab\nreason",
    "why": "Karena\nbecause",
}


def add_commands(commands: Commands) -> None:
    command = add_command(
        commands,
        "registry",
        registry,
        "Siapa boleh apa: hak tiap petugas dan alat, kode, dan peristiwa batal dengan sebabnya. "
        "· Who may do what: every officer's and device's rights, the codes, and the void events with their reasons.",
        "ecoklit registry verify registry.ndjson --root lsc2dridoin6rajc",
        "one object for each right, code and void event, then one summary; of 'devices' one for each device",
    )
    command.add_argument(
        "what",
        metavar="WHAT",
        nargs="?",
        default="show",
        choices=("show", "devices", "sync", "verify", "export"),
        help="show (default); devices AREA: each device, its officer and the seq up to which its log is held; sync: "
        "send what was signed here, learn the rest; verify FILE: from the root key alone; export FILE: all lines",
    )
    command.add_argument(
        "file", metavar="FILE|AREA", nargs="?", help="registry lines, one a line; or where the devices work"
    )
    command.add_argument(
        "--root", type=device_id, metavar="ID", help="the root key's id that 'verify' holds it against"
    )


def registry(arguments: argparse.Namespace) -> Exit:
    if arguments.what != "devices" and (arguments.what in ("verify", "export")) != (arguments.file is not None):
        raise EcoklitError(
            "bad_argument", "'verify' and 'export' name a FILE, 'devices' an AREA if any, the others none: give it so."
        )
    return {"show": show, "sync": show, "devices": devices, "verify": verify, "export": export}[arguments.what](
        arguments
    )


def show(arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_desk
    from ecoklit.cli.output import print_line

    settings = settings_of(arguments)
    with open_desk(settings, now) as desk:
        away = asyncio.run(synced(settings, desk))
        report(desk.registry, desk.waiting, arguments.json)
        if away is not None and not arguments.json:
            print_line(f"  Seperti terakhir dilihat · as last seen: {away}")
    if arguments.what == "sync" and away is not None:
        raise EcoklitError("service_unavailable", f"Not synced: {away}")
    return Exit.OK


def devices(arguments: argparse.Namespace) -> Exit:
    """Who holds which device, so that nobody guesses the SEQ of 'revoke', 'lost' and 'enrol --replaces'."""
    from ecoklit.bootstrap import open_desk
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.services.devices import devices_in

    settings = settings_of(arguments)
    area = settings.regency if arguments.file is None else asked_area(arguments.file)
    with open_desk(settings, now) as desk:
        away = asyncio.run(synced(settings, desk))
        found = desk.registry
        ends, unasked = asyncio.run(last_held(settings, list(found.devices)))
        rows = devices_in(found, area, ends)
    if arguments.json:
        print_json(*rows)
        return Exit.OK
    print_table(f"Alat · devices {area}", DEVICES, map(device_row, rows))
    print_line(
        f"{len(rows)} alat · devices. 'Diterima s.d.' adalah seq terakhir yang ada di layanan. "
        "· 'Held up to' is the last seq that the service holds."
    )
    for why in dict.fromkeys(why for why in (away, unasked) if why is not None):
        print_line(f"  Tidak ditanyakan · not asked: {why}")
    return Exit.OK


def asked_area(text: str) -> str:
    try:
        return area_code(text)
    except argparse.ArgumentTypeError as error:
        raise EcoklitError("bad_argument", f"{error}.") from None


async def last_held(settings: Settings, devices: list[str]) -> tuple[dict[str, LastHeld] | None, str | None]:
    """What is held of each device; or None, and in a sentence why nobody could be asked."""
    from ecoklit.bootstrap import read_last_held

    try:
        return await read_last_held(settings, devices), None
    except EcoklitError as error:
        if error.code not in ("service_unavailable", "database_unavailable", "not_projected", "bad_setting"):
            raise
        return None, error.message


def device_row(one: Device) -> dict[str, Any]:
    from msgspec import structs

    rights = [
        f"{right.role} {right.area}" + ("" if right.ended_from is None else f" (s.d. · until {right.ended_from - 1})")
        for right in one.rights
    ]
    return {**structs.asdict(one), "rights": "\n".join(rights)}


def verify(arguments: argparse.Namespace) -> Exit:
    """OK when every line is held by its chain up to the root key; void ones are shown, and are no fault of the file."""
    from ecoklit.core.push_file import lines_of
    from ecoklit.core.registry import DAMAGED
    from ecoklit.services.joining import read_lines, registry_of

    if arguments.root is None:
        raise EcoklitError(
            "bad_argument", "--root ID is missing: the id that the office printed when it opened the election."
        )
    found = registry_of(read_lines(lines_of(read_text(arguments.file).encode())), arguments.root)
    report(found, 0, arguments.json)
    damaged = [void for void in found.voids if void.name in (*DAMAGED, "gap", "equivocation")]
    return Exit.DIFFERS if damaged else Exit.OK


def export(arguments: argparse.Namespace) -> Exit:
    from pathlib import Path

    from ecoklit.bootstrap import open_desk
    from ecoklit.cli.output import print_json, print_line

    settings: Settings = settings_of(arguments)
    if Path(arguments.file).exists():
        raise EcoklitError("bad_argument", f"{arguments.file} is there already: name another.")
    with open_desk(settings, now) as desk:
        asyncio.run(synced(settings, desk))
        lines = desk.lines()
        write_private(Path(arguments.file), "".join(line.decode() + "\n" for line in lines))
        if arguments.json:
            print_json({"file": arguments.file, "lines": len(lines), "root": desk.root})
        else:
            print_line(f"{arguments.file}: {len(lines)} baris · lines, akar · root {desk.root}")
    return Exit.OK


def report(found: Registry, waiting: int, as_json: bool) -> None:
    from ecoklit.cli.output import print_json, print_line, print_table

    rights, codes, voids = list(rights_of(found)), list(codes_of(found)), [*map(as_row, found.voids)]
    summary = {
        "root": found.root_device,
        "election": found.election,
        "regency": found.regency,
        "position": found.position,
        "services": sorted(found.services),
        "tps": len(found.tps),
        "waiting": waiting,
    }
    if as_json:
        print_json(*({"right": row} for row in rights), *({"code": row} for row in codes))
        print_json(*({"void": row} for row in voids), summary)
        return
    print_line(
        f"{found.election}, {found.regency}: akar · root {found.root_device}, posisi · position {found.position}, "
        f"{len(found.tps)} TPS, {len(voids)} batal · void, {waiting} menunggu dikirim · waiting to be sent"
    )
    print_table("Hak · rights", RIGHTS, rights)
    if codes:
        print_table("Kode · codes", CODES, codes)
    if voids:
        print_table(
            "Batal: tidak berlaku, dan tidak menghalangi · void: without effect, and in nobody's way", VOIDS, voids
        )


def rights_of(found: Registry) -> Iterator[dict[str, Any]]:
    """One row for each right and device that has it; a right that no device has yet is shown too."""
    for grant in found.grants:
        devices: list[str | None] = (
            [grant.to_device]
            if grant.to_device is not None
            else [device for device, one in found.devices.items() if one.holder == grant.officer]
        )
        for device in devices or [None]:
            revocations = [] if device is None else list(found.revocations_of(device, grant))
            yield {
                "officer": grant.officer,
                "role": grant.role,
                "area": grant.area,
                "device": device,
                "by": grant.by,
                "position": grant.position,
                "ended": ", ".join(f"seq {one.from_seq}" for one in revocations) or None,
            }


def codes_of(found: Registry) -> Iterator[dict[str, Any]]:
    for device, voucher in found.vouchers.items():
        yield {
            "officer": voucher.officer,
            "role": voucher.role,
            "area": voucher.area,
            "voucher": device,
            "until": voucher.until,
            "used_by": voucher.used_by,
            "ended": found.is_revoked(device),
        }


def as_row(void: Any) -> dict[str, Any]:
    return {name: getattr(void, name) for name in VOIDS}
