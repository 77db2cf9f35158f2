"""`--at`: what `ecoklit roll` and `recap` say of an earlier moment."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ecoklit.errors import EcoklitError
from ecoklit.settings import read_settings

if TYPE_CHECKING:
    from datetime import datetime

    from ecoklit.adapters.postgres_reader import PostgresReader
    from ecoklit.core.registry import Registry
    from ecoklit.services.as_of import Past


def add_at(command: argparse.ArgumentParser) -> None:
    """The option, of a command that shows what the roll says."""
    command.add_argument(
        "--at",
        metavar="POSITION|TIME",
        type=moment,
        help="as it was at a position of the journal, or at a time with its offset (2024-07-24T23:59:59+09:00)",
    )


def moment(text: str) -> int | datetime:
    from ecoklit.services.as_of import moment_in

    try:
        return moment_in(text)
    except EcoklitError as error:
        raise argparse.ArgumentTypeError(error.message) from error


async def past(reader: PostgresReader, regency: str, at: int | datetime) -> Past:
    """The regency at that moment; the registry is asked for where the roll was judged by one."""
    from ecoklit import contract
    from ecoklit.adapters.postgres_past import PostgresPast
    from ecoklit.bootstrap import open_registry_link
    from ecoklit.core.registry import Registry
    from ecoklit.services.as_of import past_of, registry_until

    settings = replace(read_settings(os.environ), regency=regency)

    async def registry_at(position: int) -> Registry:
        if position == 0:
            return Registry(settings.election, regency)
        async with open_registry_link(settings) as link:
            return registry_until(settings.election, regency, await link.registry(0), position)

    return await past_of(PostgresPast(reader), registry_at, contract.policies(), regency, at)
