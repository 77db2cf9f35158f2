"""`ecoklit history --story`: one voter's history in sentences, with whose signature stands behind each event."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.exits import Exit
from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.core.registry import Registry
    from ecoklit.core.wire import Dot
    from ecoklit.services.case import Case
    from ecoklit.services.story import Said
    from ecoklit.settings import Settings

UNKNOWN: Final = "unknown"
"""The state of a signature while the journal cannot be asked."""


async def show_story(reader: Any, settings: Settings, arguments: argparse.Namespace) -> Exit:
    from msgspec import structs

    from ecoklit.adapters.postgres_past import PostgresPast
    from ecoklit.cli.explaining import law_of, moment_of
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.cli.reading import said_of, written_down
    from ecoklit.services.case import cases_of
    from ecoklit.services.disclose import disclosed
    from ecoklit.services.story import status_told, story_of

    there = await moment_of(reader, settings, settings.regency, arguments)
    as_of = there.moment.as_of
    cases = await cases_of(PostgresPast(reader), as_of, [arguments.voter])
    if not cases:
        raise EcoklitError("unknown_voter", "No event about this voter was held then: check the id, or the moment.")
    law = law_of(there)
    story, found = story_of(cases[0], law)
    signed = await signatures(settings, law.registry, cases[0])
    await written_down("history", as_of.events, 1, voter=arguments.voter)
    status = None if found.status is None else status_told(found.status)
    if arguments.json:
        events = [{**disclosed(one._asdict()), "signed": signed[one.device, one.seq]} for one in story]
        print_json({"as_of": structs.asdict(as_of), "voter": arguments.voter, "status": status, "events": events})
        return Exit.OK
    print_line(f"Pemilih · voter {arguments.voter}; {said_of(as_of)}")
    for one in story:
        print_line(f"{one.position}. {one.says}")
        print_line(f"   {one.rule}")
        print_line(f"   {one.device}:{one.seq}, {said(signed[one.device, one.seq])}")
    print_line(f"Kini · now: {status}" if status else "Tidak ada yang dihitung · nothing counts")
    return Exit.OK


async def signatures(settings: Settings, registry: Registry, case: Case) -> dict[Dot, str]:
    """Of each event: the device:seq of the signed head that vouches for it, "" where none does, or UNKNOWN."""
    from ecoklit.bootstrap import open_journal
    from ecoklit.services.signed_end import AFTER_MAX, signed_end

    found = dict.fromkeys((held.dot for held in case.held), UNKNOWN)
    try:
        async with open_journal(settings) as journal:
            for held in case.held:
                key = registry.device_key(held.device)
                end = await signed_end(journal, settings.election, key, held, case.positions[held.dot], AFTER_MAX)
                found[held.dot] = "" if end is None else f"{held.device}:{held.seq + len(end.after)}"
    except EcoklitError:
        return found  # a story waits for no broker
    return found


def said(signed: str) -> Said:
    from ecoklit.services.story import Said

    if signed == UNKNOWN:
        return Said("jurnal tidak terjangkau untuk tanda tangan", "the journal could not be asked who signed")
    if not signed:
        return Said("TANPA TANDA TANGAN", "NOT SIGNED")
    return Said(f"ditandatangani hingga {signed}", f"signed, up to {signed}")
