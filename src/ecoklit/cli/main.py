"""The command `ecoklit`: finds the command, runs it, and turns whatever happens into one sentence and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NoReturn

from ecoklit.cli.exits import MEANINGS, Exit, exit_of
from ecoklit.errors import EcoklitError


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence that says what to do."""

    def error(self, message: str) -> NoReturn:
        self.exit(Exit.USAGE, f"{self.prog}: {message}; lihat · see '{self.prog} --help'.\n")


class Top(Parser):
    """The command itself, whose help is the list of its commands by the work that they are for."""

    commands: Mapping[str, argparse.ArgumentParser] = MappingProxyType({})

    def format_help(self) -> str:
        from ecoklit.cli.overview import overview  # only the help needs it

        about = {name: command.description or "" for name, command in self.commands.items()}
        return f"{self.format_usage()}\n{self.description}\n\n{overview(about)}\n{self.epilog}\n"


def parser() -> Top:
    """The whole command line, every command with its options."""
    # Not above: until the program is loaded, Ctrl-C would be answered with a traceback of the loading.
    from ecoklit.cli import (
        accounts,
        analyst,
        asking,
        auditing,
        deciding,
        demo,
        erasing,
        explaining,
        exporting,
        finding,
        fold,
        inspecting,
        joining,
        journal,
        lists,
        log,
        losing,
        marks,
        office,
        paper,
        phone,
        privacy,
        pushing,
        readers,
        reading,
        registry,
        replaying,
        rights,
        sampling,
        serving,
        stages,
        verifying,
        witness,
    )

    top = Top(
        prog="ecoklit",
        description="Daftar pemilih terkini tiap TPS, dari peristiwa coklit. "
        "· The current voter list of every TPS, from the events of coklit.",
        epilog="exit codes:\n" + "\n".join(f"  {code.value:>3}  {MEANINGS[code]}" for code in Exit),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    log_groups = (auditing, explaining, verifying, sampling, finding, journal, log, witness)
    office_groups = (office, joining, rights, losing, lists, registry, readers, accounts)
    reading_groups = (reading, analyst, deciding, stages, marks, paper, exporting, privacy, erasing, asking)
    groups = (*office_groups, serving, pushing, replaying, inspecting, *reading_groups, *log_groups, phone, fold, demo)
    for group in groups:
        group.add_commands(commands)
    top.commands = commands.choices
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Never a traceback, unless ECOKLIT_DEBUG=1 asks for it."""
    try:
        return run(argv)
    finally:
        close_output()


def run(argv: Sequence[str] | None) -> int:
    debug = os.environ.get("ECOKLIT_DEBUG") == "1"
    try:
        arguments = parser().parse_args(argv)
        code: Exit = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except SystemExit as stop:  # argparse leaves this way, after --help too
        return int(stop.code or 0)
    except BrokenPipeError:
        return Exit.PIPE_CLOSED
    except KeyboardInterrupt:
        return refuse("dihentikan, tidak ada yang hilang · stopped, nothing is lost.", Exit.STOPPED)
    except EcoklitError as error:
        if debug:
            raise
        return refuse(f"{error.code}: {error.message}", exit_of(error.code))
    except OSError as error:
        if debug:
            raise
        where = f" ({error.filename})" if error.filename else ""
        return refuse(
            f"{error.strerror or type(error).__name__}{where}: mend that and run the command again.", Exit.UNFIT
        )
    except Exception as error:
        if debug:
            raise
        # The text of an unforeseen error may quote a voter's particulars, so only its name is shown.
        return refuse(
            f"a fault in ecoklit itself ({type(error).__name__}), nothing stored is lost: "
            "run it again with ECOKLIT_DEBUG=1 and report what it prints.",
            Exit.FAULT,
        )


def refuse(sentence: str, code: Exit) -> Exit:
    print(f"ecoklit: {sentence}", file=sys.stderr)
    return code


def close_output() -> None:
    """Flush once more, quietly: what could not be written has been said, and the interpreter must not say it again."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
