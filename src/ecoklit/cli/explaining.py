"""`ecoklit why` and `whatif`: whence a voter's status comes, and what hangs on a device, an officer or a policy."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecoklit.cli.command import Commands, add_command, area_code, voter_id, word
from ecoklit.cli.exits import Exit
from ecoklit.cli.past import add_at, past
from ecoklit.errors import EcoklitError
from ecoklit.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecoklit.core.registry import Registry
    from ecoklit.services.as_of import Past
    from ecoklit.services.case import Case, Law, Status
    from ecoklit.services.voter_proof import SignedEnd
    from ecoklit.services.whatif import Changed, Question
    from ecoklit.services.why import Why
    from ecoklit.tlog.proof_file import LogProof

CHANGES: Final = {
    "voter": "Pemilih\nvoter",
    "now": "Kini\nnow",
    "then": "Andaikata\nthen",
    "hangs_on": "Karena peristiwa\nbecause of",
}


def add_commands(commands: Commands) -> None:
    why = add_command(
        commands,
        "why",
        lambda arguments: asyncio.run(show_why(arguments)),
        "Mengapa seorang pemilih berstatus demikian: peristiwa dan aturan yang menentukan, juga sebagai bukti. "
        "· Why a voter has its status: the least events and the rules that give it, also as a proof.",
        "ecoklit why 74100b01-af6e-88bf-ae05-5d4a729b6c2e --to bukti.voter-proof",
        "one object: voter, status, says, events, registry_lines, proof",
    )
    why.add_argument("voter", metavar="VOTER", type=voter_id, help="the voter's id")
    why.add_argument("--to", type=Path, metavar="FILE", help="write the proof, which 'ecoklit verify' checks")
    why.add_argument("--from", dest="source", metavar="LOG", help="folder or address of the log (default: our own)")
    why.add_argument(
        "--chain",
        action="store_true",
        help="bring along what lies between an event and its author's next signature, up to a push: other voters' "
        "events, without persons",
    )
    add_at(why)
    whatif = add_command(
        commands,
        "whatif",
        lambda arguments: asyncio.run(show_changes(arguments)),
        "Siapa yang statusnya atau TPS-nya akan lain tanpa suatu alat atau petugas, atau menurut kebijakan lain. "
        "· Whose status or TPS would be another without a device or an officer, or under another policy.",
        "ecoklit whatif --without-device lsc2dridoin6rajc",
        "one object for each voter: voter, now, then, hangs_on",
    )
    asked = whatif.add_mutually_exclusive_group(required=True)
    asked.add_argument("--without-device", metavar="DEVICE", help="as if the device had said nothing")
    asked.add_argument("--without-officer", metavar="OFFICER", type=word, help="as if the officer had said nothing")
    asked.add_argument("--policy", metavar="FILE", type=Path, help="as if this policy had been in force for all")
    whatif.add_argument("--area", metavar="AREA", type=area_code, help="only there (default: the whole regency)")
    add_at(whatif)


async def show_why(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.postgres_past import PostgresPast
    from ecoklit.bootstrap import open_reader
    from ecoklit.cli.reading import written_down
    from ecoklit.services.case import cases_of
    from ecoklit.services.why import explained

    settings = read_settings(os.environ)
    if arguments.to is not None and arguments.to.exists():
        raise EcoklitError("file_exists", f"{arguments.to} is there already: name another with --to.")
    async with open_reader(settings) as reader:
        there = await moment_of(reader, settings, settings.regency, arguments)
        as_of = there.moment.as_of
        cases = await cases_of(PostgresPast(reader), as_of, [arguments.voter])
    if not cases:
        raise EcoklitError("unknown_voter", "No event about this voter is projected here: check the id.")
    law = law_of(there)
    why = explained(cases[0], law)
    await written_down("why", as_of.events, 1, voter=arguments.voter)
    proof = None if arguments.to is None else await written_proof(settings, why, law.registry, arguments)
    report_why(arguments, why, law, cases[0], proof)
    return Exit.OK


async def moment_of(reader: Any, settings: Settings, area: str, arguments: argparse.Namespace) -> Past:
    """The regency at the moment that is asked about; now, unless --at says another."""
    at = arguments.at
    return await past(reader, area, (await reader.as_of(settings.regency)).events if at is None else at)


def law_of(there: Past) -> Law:
    from ecoklit import contract
    from ecoklit.services.case import Law

    return Law(there.registry, contract.policies())


def report_why(arguments: argparse.Namespace, why: Why, law: Law, case: Case, proof: Mapping[str, Any] | None) -> None:
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.services.case import judged
    from ecoklit.services.story import status_told, told

    found = judged(why.case, law)
    events = [told(held, case, found, law.policies) for held in why.case.held]
    part = {why.verdict_by.dot: "verdict"} | {why.place_by.dot: "tps"}
    if why.verdict_by.dot == why.place_by.dot:
        part = {why.verdict_by.dot: "verdict, tps"}
    rows = [{**one._asdict(), "gives": part.get((one.device, one.seq), "")} for one in events]
    if arguments.json:
        said = status_told(why.status)
        print_json(
            {"voter": arguments.voter, "status": why.status._asdict(), "says": said, "events": rows, "proof": proof}
        )
        return
    print_line(f"Pemilih · voter {arguments.voter}")
    print_line(str(status_told(why.status)))
    print_line(f"Karena {len(events)} dari {len(case.admitted)} peristiwa · because of these events of all:")
    for one, row in zip(events, rows, strict=True):
        gives = f" → {row['gives']}" if row["gives"] else ""
        print_line(f"  {one.device}:{one.seq}{gives}")
        print_line(f"    {one.says}")
        print_line(f"    {one.rule}")
    if proof is not None:
        print_line(
            f"{proof['file']}: {proof['bytes']} bytes, {proof['lines']} baris registri · registry lines, "
            f"{proof['signed']} peristiwa dengan tanda tangan · events with their author's signature; "
            f"entri · entries {proof['size']}"
        )


async def written_proof(
    settings: Settings, why: Why, registry: Registry, arguments: argparse.Namespace
) -> dict[str, Any]:
    """The proof in its file, and what is in it."""
    from ecoklit.bootstrap import open_registry_link
    from ecoklit.services import voter_proof
    from ecoklit.services.why import lines_for
    from ecoklit.tlog.checkpoint import read_checkpoint

    logged = logged_under_one(settings, why, arguments.source)
    async with open_registry_link(settings) as link:
        lines = await link.registry(0)
    chosen = lines_for(why, registry, [line for line in lines if line[0] <= registry.position])
    ends = await signed_ends(settings, why, registry, chain=arguments.chain)
    proof = voter_proof.make(why, registry, chosen, logged, ends)
    data = voter_proof.write(proof)
    arguments.to.write_bytes(data)
    size = read_checkpoint(next(iter(logged.values())).note.text).size
    return {"file": str(arguments.to), "bytes": len(data), "lines": len(chosen), "signed": len(ends), "size": size}


def logged_under_one(settings: Settings, why: Why, source: str | None) -> dict[bytes, LogProof]:
    """Where each event stands in the log, under one of its checkpoints: the last cosigned, or else the newest."""
    from ecoklit.adapters.log_source import source_of
    from ecoklit.cli.log.places import folder_of
    from ecoklit.services.log_prove import proof_of
    from ecoklit.tlog.fault import NOT_LOGGED, LogFault
    from ecoklit.tlog.note import read_note

    log = source_of(source or str(folder_of(settings, "voters")))
    notes = [read_note(data) for data in map(log.fetch, ("checkpoint.cosigned", "checkpoint")) if data is not None]
    if not notes:
        raise EcoklitError(
            "no_log", "There is no checkpoint there: build the log first, or name its folder or address."
        )
    for note in notes:
        try:
            return {held.hash: proof_of(held.event_bytes, [note], log) for held in why.case.held}
        except LogFault as fault:
            if fault.code != NOT_LOGGED or note is notes[-1]:
                raise
    raise AssertionError("the last checkpoint answers or raises")


async def signed_ends(settings: Settings, why: Why, registry: Registry, *, chain: bool) -> dict[bytes, SignedEnd]:
    """The signed ends of logs that come along: those at the events themselves, or with `chain` of all."""
    from ecoklit.bootstrap import open_journal
    from ecoklit.services.signed_end import AFTER_MAX, signed_end

    found = {}
    async with open_journal(settings) as journal:
        for held in why.case.held:
            key = registry.device_key(held.device)
            end = await signed_end(
                journal, settings.election, key, held, why.case.positions[held.dot], AFTER_MAX if chain else 0
            )
            if end is not None:
                found[held.hash] = end
    return found


# --- what if ---------------------------------------------------------------------------------------------------------


async def show_changes(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.postgres_past import PostgresPast
    from ecoklit.bootstrap import open_reader
    from ecoklit.cli.output import print_json, print_line, print_table
    from ecoklit.cli.reading import written_down
    from ecoklit.services.whatif import changes

    settings = read_settings(os.environ)
    area = arguments.area or settings.regency
    if not area.startswith(settings.regency):
        raise EcoklitError("unknown_area", f"That is no area of {settings.regency}: name it, or one in it.")
    async with open_reader(settings) as reader:
        there = await moment_of(reader, settings, area, arguments)
        law, as_of = law_of(there), there.moment.as_of
        question = question_of(arguments, law)
        found = [one async for one in changes(PostgresPast(reader), as_of, area, law, question)]
    await written_down("whatif", as_of.events, len(found), area=area)
    if arguments.json:
        print_json(*(row_of(one) for one in found))
        return Exit.OK
    rows = [{**row_of(one), "now": shown(one.now), "then": shown(one.then)} for one in found]
    print_table(f"Andaikata · what if ({area})", CHANGES, rows)
    print_line(f"{len(found)} pemilih berubah · voters change; per posisi · as of position {as_of.events}")
    return Exit.OK


def question_of(arguments: argparse.Namespace, law: Law) -> Question:
    """What the command asks. Raises EcoklitError bad_device, bad_policy."""
    from ecoklit.core import ids
    from ecoklit.core.policy import parse_policy
    from ecoklit.services.whatif import under_policy, without_device, without_officer

    if arguments.policy is not None:
        return under_policy(parse_policy(read_file(arguments.policy)), law.policies)
    if arguments.without_officer is not None:
        return without_officer(arguments.without_officer, law.policies)
    if not ids.is_device(arguments.without_device):
        raise EcoklitError("bad_argument", "That is no device: it has 16 characters a-z and 2-7, as 'history' shows.")
    return without_device(arguments.without_device, law.policies)


def read_file(path: Path) -> bytes:
    from ecoklit.cli.log.trust import read_file as read

    return read(path)


def row_of(one: Changed) -> dict[str, Any]:
    now, then = (None if status is None else status._asdict() for status in (one.now, one.then))
    return {"voter": one.voter, "now": now, "then": then, "hangs_on": list(one.hangs_on)}


def shown(status: Status | None) -> str:
    from ecoklit.services.story import verdict_told

    if status is None:
        return "tidak ada · none"
    more = [*(f"? {word}" for word in status.proposed), *(f"! {word}" for word in status.conflicts)]
    return " ".join([status.tps, verdict_told(status.verdict, status.reason).bahasa, *more])
