"""`ecoklit init`: an election with its root key, its office and its recovery kit."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ecoklit.cli.command import Commands, add_command, settings_of, word
from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.core.recovery_kit import KeptKeys
    from ecoklit.settings import Settings

PASSPHRASE_BYTES_MAX = 1024


def add_commands(commands: Commands) -> None:
    add_init(commands)


def add_passphrase(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--passphrase-file",
        metavar="FILE",
        type=Path,
        help="read the kit's passphrase from FILE instead of asking for it",
    )


# --- init ------------------------------------------------------------------------------------------------------------


def add_init(commands: Commands) -> None:
    command = add_command(
        commands,
        "init",
        init,
        "Buka pemilihan di satu kabupaten/kota: kunci akar, kunci kantor dan layanan, dan kit pemulihan. Sebelum 'up'. "
        "· Open an election in one regency: its root key, the office's and the service's, and the recovery kit. "
        "Before 'up', which takes it into the journal.",
        "ECOKLIT_ELECTION=pilkada-2024 ECOKLIT_REGENCY=94.04 ecoklit init --kit ~/kit",
        "print the keys' ids and the kit's files as one JSON object",
    )
    command.add_argument(
        "--kit",
        metavar="FOLDER",
        type=Path,
        default=Path("."),
        help="where the recovery kit goes, a text file and a page to print (default: here)",
    )
    command.add_argument(
        "--restore",
        metavar="KIT",
        help="bring the keys back on this machine, from the kit's file, or from what was typed from its page (- is "
        "standard input)",
    )
    command.add_argument(
        "--officer", default="kpu", type=word, metavar="ID", help="who works at the office (default: kpu)"
    )
    command.add_argument("--tps-file", metavar="FILE", type=Path, help="the polling places, one code a line")
    add_passphrase(command)


def init(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters import data_folder

    settings = settings_of(arguments, running=False)
    demand_this_election(settings)
    with data_folder.opened(settings.data):
        if arguments.restore is not None:
            return restore(settings, arguments)
        return open_election(settings, arguments)


def demand_this_election(settings: Settings) -> None:
    from ecoklit.adapters.data_folder import read_election

    found = read_election(settings.data)
    if found and (found["election"], found["regency"]) != (settings.election, settings.regency):
        raise EcoklitError(
            "other_election",
            f"{settings.data} is of {found['election']} in {found['regency']}: set ECOKLIT_DATA to another folder.",
        )


def open_election(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import fresh_keys, fresh_salt, has_office_key, make_office, office_exists
    from ecoklit.cli.output import print_json
    from ecoklit.core.recovery_kit import seal_kit
    from ecoklit.services.opening import opening_lines

    if office_exists(settings) or has_office_key(settings):
        raise EcoklitError(
            "office_exists", f"{settings.data} holds the election's office already: nothing was made, nothing changed."
        )
    tps = read_tps(arguments.tps_file, settings.regency) if arguments.tps_file is not None else []
    files = kit_files(arguments.kit, settings)
    passphrase = new_passphrase(arguments.passphrase_file)
    keys = fresh_keys(settings)
    sealed = seal_kit(keys, passphrase, fresh_salt())
    lines = opening_lines(keys, officer=arguments.officer, at=now(), tps=tps)
    # The kit first: a program that is killed here leaves a kit that opens nothing, never an election without its root.
    write_kit(files, keys, sealed)
    make_office(settings, keys, lines)
    if arguments.json:
        print_json({**names_of(keys), "kit": [str(file) for file in files], "registry": len(lines)})
    else:
        report_init(settings, keys, files)
    return Exit.OK


def restore(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import restore_office
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.core.recovery_kit import open_kit, read_kit

    sealed = read_kit(read_text(arguments.restore))
    keys = open_kit(sealed, old_passphrase(arguments.passphrase_file))
    if (keys.election, keys.regency) != (settings.election, settings.regency):
        if any(name in os.environ for name in ("ECOKLIT_ELECTION", "ECOKLIT_REGENCY")):
            raise EcoklitError(
                "other_election",
                f"The kit is of {keys.election} in {keys.regency}, not of {settings.election} in {settings.regency}: "
                "set ECOKLIT_ELECTION and ECOKLIT_REGENCY so, or leave them unset.",
            )
        settings = replace(settings, election=keys.election, regency=keys.regency)
    restore_office(settings, keys)
    if arguments.json:
        print_json({**names_of(keys), "restored": True})
    else:
        print_line(
            f"Kunci kantor dan layanan kembali di {settings.data}; kunci akar tetap di kit. "
            f"· The office's and the service's keys are back; the root key stays in the kit.\n"
            "  Selanjutnya · next: ecoklit up, lalu · then ecoklit registry"
        )
    return Exit.OK


def names_of(keys: KeptKeys) -> dict[str, str]:
    return {
        "election": keys.election,
        "regency": keys.regency,
        "root": keys.root.device,
        "office": keys.office.device,
        "service": keys.service.device,
    }


def report_init(settings: Settings, keys: KeptKeys, files: tuple[Path, Path]) -> None:
    from ecoklit.cli.output import print_line

    print_line(
        f"Pemilihan {keys.election} di {keys.regency} dibuka · opened.\n"
        f"  akar · root        {keys.root.device}   (hanya di dalam kit · in the kit alone)\n"
        f"  kantor · office    {keys.office.device}\n"
        f"  layanan · service  {keys.service.device}\n"
        f"  kit pemulihan · recovery kit: {files[0]} dan · and {files[1]}\n"
        "    Cetak dua lembar, simpan terpisah dari frasa sandinya, lalu hapus kedua berkas dari komputer ini.\n"
        "    · Print it twice, keep it apart from its passphrase, then delete both files from this computer.\n"
        "  Selanjutnya · next: ecoklit up"
    )


# --- the kit's files -------------------------------------------------------------------------------------------------


def kit_files(folder: Path, settings: Settings) -> tuple[Path, Path]:
    """Where the text and the page go; refused when one is there, before anybody has typed a passphrase."""
    stem = f"ecoklit-kit-{settings.election}-{settings.regency}"
    files = folder / f"{stem}.txt", folder / f"{stem}.html"
    for file in files:
        if file.exists():
            raise EcoklitError(
                "kit_exists", f"{file} is there already: move it to its safe, or name another --kit folder."
            )
    return files


def write_kit(files: tuple[Path, Path], keys: KeptKeys, sealed: bytes) -> None:
    from ecoklit.cli.kit_page import kit_html, kit_text

    files[0].parent.mkdir(parents=True, exist_ok=True)
    write_private(files[0], kit_text(keys, sealed))
    write_private(files[1], kit_html(keys, sealed))


def write_private(path: Path, text: str) -> None:
    """A new file for its owner alone, on disk on return."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


# --- what is read ----------------------------------------------------------------------------------------------------


def new_passphrase(file: Path | None) -> str:
    from ecoklit.core.sealing import PASSPHRASE_LENGTH_MIN

    if file is not None:
        return passphrase_of(file)
    demand_terminal()
    print(
        f"Frasa sandi untuk kit, sedikitnya {PASSPHRASE_LENGTH_MIN} huruf; lima kata acak paling mudah diingat. "
        f"· A passphrase for the kit, at least {PASSPHRASE_LENGTH_MIN} characters; five random words are easiest.",
        file=sys.stderr,
    )
    first = getpass.getpass("Frasa sandi · passphrase: ")
    if getpass.getpass("Sekali lagi · once more: ") != first:
        raise EcoklitError("bad_passphrase", "The two passphrases differ, nothing was made: run the command again.")
    return first


def old_passphrase(file: Path | None) -> str:
    if file is not None:
        return passphrase_of(file)
    demand_terminal()
    return getpass.getpass("Frasa sandi kit · the kit's passphrase: ")


def passphrase_of(file: Path) -> str:
    try:
        raw = file.read_bytes()
        if len(raw) > PASSPHRASE_BYTES_MAX:
            raise ValueError
        return raw.decode().strip()
    except OSError as error:
        raise EcoklitError("bad_passphrase", f"{file}: {error.strerror}; name a file with the passphrase.") from error
    except ValueError:
        raise EcoklitError("bad_passphrase", f"{file} holds no passphrase of one line: name the right file.") from None


def demand_terminal() -> None:
    if not sys.stdin.isatty():
        raise EcoklitError(
            "bad_passphrase",
            "Nobody is here to type a passphrase: give it with --passphrase-file, and delete the file.",
        )


def read_text(name: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise EcoklitError("bad_argument", f"{name}: {error.strerror}; name a file that can be read.") from error
    return raw.decode("utf-8", "replace")


def read_tps(file: Path, regency: str) -> list[str]:
    """The codes of polling places in `file`, one a line, dots allowed; a wrong one is named by its line."""
    from ecoklit.core import ids

    codes = []
    for number, line in enumerate(read_text(str(file)).splitlines(), 1):
        code = line.strip().replace(".", "")
        if not code:
            continue
        if not ids.is_tps(code) or ids.regency_of(code) != regency:
            raise EcoklitError(
                "bad_tps", f"{file}, line {number}: '{line.strip()}' is no TPS of {regency}: give 13 digits a line."
            )
        codes.append(code)
    if not codes:
        raise EcoklitError("bad_tps", f"{file} names no TPS: give 13 digits a line.")
    return codes


def now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
