"""`--at`: what a command that shows the roll says of an earlier moment."""

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
    from ecoklit.services.as_of import Past, RegistryAt
    from ecoklit.settings import Settings


def add_at(command: argparse.ArgumentParser) -> None:
    """The option, of a command that shows what the roll says."""
    command.add_argument(
        "--at",
        metavar="POSITION|TIME|STAGE",
        type=moment,
        help="as it was at a position of the journal, at a time with its offset (2024-07-24T23:59:59+09:00), or when "
        "it was frozen as DPHP, DPS, DPSHP or DPT",
    )


def moment(text: str) -> int | datetime | str:
    from ecoklit.services.as_of import moment_in
    from ecoklit.services.stages import STAGES

    if text in STAGES:
        return text
    try:
        return moment_in(text)
    except EcoklitError as error:
        raise argparse.ArgumentTypeError(error.message) from error


async def past(reader: PostgresReader, area: str, at: int | datetime | str) -> Past:
    """The regency of the area at that moment, or as a stage of the area's list was frozen; the registry is asked for
    where the roll was judged by one."""
    from ecoklit import contract
    from ecoklit.adapters.postgres_past import PostgresPast
    from ecoklit.bootstrap import read_registry
    from ecoklit.services.as_of import past_at, past_of
    from ecoklit.services.stages import stage_for

    settings = replace(read_settings(os.environ), regency=area[:4])
    if isinstance(at, str):
        moment = stage_for(await read_registry(settings), at, area).moment
        return await past_at(PostgresPast(reader), registry_at(settings), contract.policies(), moment)
    return await past_of(PostgresPast(reader), registry_at(settings), contract.policies(), settings.regency, at)


def registry_at(settings: Settings) -> RegistryAt:
    """Gives the registry of the settings' regency as it was at a position."""
    from ecoklit.bootstrap import open_registry_link
    from ecoklit.core.registry import Registry
    from ecoklit.services.as_of import registry_until

    async def at(position: int) -> Registry:
        if position == 0:
            return Registry(settings.election, settings.regency)
        async with open_registry_link(settings) as link:
            return registry_until(settings.election, settings.regency, await link.registry(0), position)

    return at
