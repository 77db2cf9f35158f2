"""`ecoklit log announce`: the registry says what the logs are called and whose keys sign them (SPEC §8.2)."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

from ecoklit.cli.command import Commands, add_command, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.cli.log.places import LOGS, folder_of, key_of, origin_of
from ecoklit.cli.rights import add_signing, opened_desk, report_signed, synced

if TYPE_CHECKING:
    from ecoklit.core.registry import Registry
    from ecoklit.services.desk import Act, Desk
    from ecoklit.settings import Settings


def add_announce(actions: Commands) -> None:
    command = add_command(
        actions,
        "announce",
        announce,
        "Nyatakan nama dan kunci kedua log dalam registri, sehingga turun dari kunci akar. "
        "· Say both logs' names and keys in the registry, so that they come down from the root key.",
        "ecoklit log announce",
        "one object for each log: log, origin, device, position (null until it is sent), said",
    )
    add_signing(command)


def announce(arguments: argparse.Namespace) -> Exit:
    settings = settings_of(arguments)
    acts = [_act(settings, log) for log in LOGS]
    with opened_desk(settings, arguments) as desk:
        return asyncio.run(_announced(desk, settings, acts, arguments.json))


async def _announced(desk: Desk, settings: Settings, acts: list[Act], as_json: bool) -> Exit:
    from ecoklit.cli.output import print_json, print_line

    await synced(settings, desk)
    fresh = [act for act in acts if not _is_said(desk.registry, act)]
    if fresh:
        desk.say(*fresh)
    away = await synced(settings, desk)
    for act in acts:
        _, fields = act
        said = desk.registry.log_key_of(fields["log"])
        position = None if said is None or desk.waiting else said.position
        device, is_fresh = fields["key"].device, act in fresh
        if as_json:
            line = {"log": fields["log"], "origin": fields["origin"], "device": device}
            print_json({**line, "position": position, "said": is_fresh})
        else:
            what = "dinyatakan · said" if is_fresh else "sudah dinyatakan · said already"
            print_line(f"{fields['origin']}: kunci · key {device}, {what}")
    if not as_json:
        report_signed(desk, away)
    return Exit.OK


def _act(settings: Settings, log: str) -> Act:
    """What is to be said of a log that is there; raises LogFolderFault no_log, EcoklitError log_lost."""
    from ecoklit.adapters.log_folder import LogFolder

    folder = LogFolder(folder_of(settings, log))
    folder.checkpoint()
    fields: dict[str, Any] = {
        "key": key_of(folder, settings, log).public,
        "log": log,
        "origin": origin_of(folder, settings, log, None),
    }
    return "log_key", fields


def _is_said(registry: Registry, act: Act) -> bool:
    _, fields = act
    said = registry.log_key_of(fields["log"])
    return said is not None and (said.event.origin, said.event.key) == (fields["origin"], fields["key"])
