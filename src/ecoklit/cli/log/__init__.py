"""`ecoklit log`: the transparency logs of a regency and of its registry, built, shown, proved from and checked."""

from __future__ import annotations

import argparse

from ecoklit.cli.command import Commands
from ecoklit.cli.log import announce, build, compare, show, verify


def add_commands(commands: Commands) -> None:
    top: argparse.ArgumentParser = commands.add_parser(
        "log",
        help="Log transparansi: bangun, lihat, buktikan, periksa. · The transparency logs: build, show, prove, verify.",
        description="Log transparansi kabupaten dan registrinya: bangun, lihat, buktikan, periksa. "
        "· The transparency logs of the regency and of its registry: build, show, prove, verify.",
        epilog="contoh · example:\n  ecoklit log build --follow\n\nEach has a --help of its own, and --json.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = top.add_subparsers(metavar="ACTION", required=True, parser_class=type(top))
    build.add_build(actions)
    show.add_show(actions)
    announce.add_announce(actions)
    show.add_prove(actions)
    verify.add_verify(actions)
    build.add_cosigned(actions)
    compare.add_compare(actions)
