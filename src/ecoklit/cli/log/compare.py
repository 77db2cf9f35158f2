"""`ecoklit log compare`: the journal as it is, held against what was logged of it."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from ecoklit.cli.command import Commands, add_allow_unsafe, add_command, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.cli.log.places import LOGS, folder_of
from ecoklit.settings import Settings

if TYPE_CHECKING:
    from ecoklit.services.log_builder import Read
    from ecoklit.services.log_compare import Compared

SHOWN_MAX = 20


def add_compare(actions: Commands) -> None:
    command = add_command(
        actions,
        "compare",
        lambda arguments: asyncio.run(compare_both(settings_of(arguments), arguments)),
        "Bandingkan jurnal dengan log: apa yang diubah, dibuang atau disisipkan sesudah dicatat. "
        "· Hold the journal against the logs: what was changed, removed or put in since it was logged.",
        "ecoklit log compare",
        "one object for each log: log, messages, stated, not_logged, not_held",
    )
    add_allow_unsafe(command)


async def compare_both(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.bootstrap import open_journal, open_registry
    from ecoklit.cli.replaying import reached

    async with reached(settings) as found, open_journal(found) as journal, open_registry(found) as registry:
        reads: tuple[Read, ...] = (journal.read_events, registry.read)
        compared = {log: await _compare(found, log, read) for log, read in zip(LOGS, reads, strict=True)}
    for log, one in compared.items():
        _report(log, one, arguments.json)
    return Exit.UNFIT if any(one.not_logged or one.not_held for one in compared.values()) else Exit.OK


async def _compare(settings: Settings, log: str, read: Read) -> Compared:
    from ecoklit.adapters.log_folder import LogFolder
    from ecoklit.adapters.log_source import FolderSource
    from ecoklit.services.log_check import LogReader
    from ecoklit.services.log_compare import compare

    folder = LogFolder(folder_of(settings, log))
    folder.checkpoint()  # says so where there is no log
    state = folder.state()
    assert state is not None
    tiles, bundles = LogReader(FolderSource(folder.public)), LogReader(FolderSource(folder.bundles))
    return await compare(read, state.position, state.size, tiles, bundles)


def _report(log: str, compared: Compared, as_json: bool) -> None:
    from ecoklit.cli.output import listing, print_json, print_line

    if as_json:
        print_json({"log": log, **compared._asdict()})
        return
    print_line(
        f"{log}: {compared.messages} sama · the same, {compared.stated} pernyataan digest · statements of digests"
    )
    if compared.not_logged:
        print_line(
            "  di jurnal, tidak di log · in the journal and not in the log, at positions: "
            f"{listing(compared.not_logged, SHOWN_MAX)}"
        )
    if compared.not_held:
        print_line(
            "  di log, tidak di jurnal · in the log and not in the journal, entries: "
            f"{listing(compared.not_held, SHOWN_MAX)}"
        )
