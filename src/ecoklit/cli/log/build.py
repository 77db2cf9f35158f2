"""`ecoklit log build` and `log cosigned`: what is new goes into both logs, is signed, and seen by witnesses."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecoklit.cli.command import Commands, add_allow_unsafe, add_command, settings_of
from ecoklit.cli.exits import Exit
from ecoklit.cli.log.places import LOGS, folder_of, key_of, origin_of
from ecoklit.cli.log.trust import policy_in, print_judged, read_file, shown
from ecoklit.errors import EcoklitError
from ecoklit.settings import Settings

if TYPE_CHECKING:
    from ecoklit.adapters.log_folder import LogFolder
    from ecoklit.services.log_builder import LogBuilder, Read, Rolled, Stepped
    from ecoklit.tlog.checkpoint import Checkpoint
    from ecoklit.tlog.note import Note, VerifierKey
    from ecoklit.tlog.policy import Policy

Digests = Callable[[], Awaitable["Rolled | None"]]
DIGESTS_SECONDS: Final = 60.0
"""How often `--follow` states the roll's digests: making them reads the whole roll of the regency."""


def add_build(actions: Commands) -> None:
    command = add_command(
        actions,
        "build",
        lambda arguments: asyncio.run(build(settings_of(arguments), arguments)),
        "Masukkan isi jurnal yang baru ke kedua log dan tanda tangani. "
        "· Put what is new in the journal into both logs, and sign what they are now.",
        "ecoklit log build --follow --policy policy.txt",
        "one object for each log and step: origin, size, position, root",
    )
    command.add_argument("--follow", action="store_true", help="go on until Ctrl-C, at most one checkpoint a second")
    command.add_argument(
        "--origin",
        metavar="NAME",
        help="the logs' name, for good: like an address, without scheme (default: ecoklit/ELECTION/REGENCY)",
    )
    command.add_argument("--policy", metavar="FILE", type=Path, help="ask its witnesses that have an address to cosign")
    command.add_argument(
        "--journal-restored",
        action="store_true",
        help="the journal was restored or mended: log what the log does not have yet",
    )
    command.add_argument("--anew", action="store_true", help="begin a log whose key is there and whose folder is not")
    add_allow_unsafe(command)


class _Log:
    """One log while it is built."""

    def __init__(self, store: LogFolder, built: LogBuilder, key: VerifierKey) -> None:
        self.store, self.built, self.key = store, built, key
        self.sizes: dict[str, int] = {}  # what each witness cosigned last


async def build(settings: Settings, arguments: argparse.Namespace) -> Exit:
    from ecoklit.cli.replaying import reached
    from ecoklit.cli.serving import stop_on_signals
    from ecoklit.services.log_builder import STEP_ENTRIES_MAX, STEP_SECONDS_MIN

    policy = None if arguments.policy is None else policy_in(arguments.policy)
    async with reached(settings) as found, _opened(found, arguments) as (logs, digests):
        # Before anything is signed: a witness may know more of this log than an old copy of it does.
        troubles = [log for log in logs if log.store.state() is not None and not _seen(log, policy)]
        if arguments.follow:
            await _follow(logs, digests, policy, arguments.json, stop_on_signals())
            return Exit.OK
        has_more = True
        while has_more:
            started = time.monotonic()
            grown = await _step(logs, await digests())
            troubles += [log for log, _ in grown if not _tell(log, policy, arguments.json)]
            has_more = any(stepped.entries >= STEP_ENTRIES_MAX for _, stepped in grown)
            if has_more:
                await asyncio.sleep(max(0.0, started + STEP_SECONDS_MIN - time.monotonic()))
    return Exit.LATER if troubles else Exit.OK


async def _follow(
    logs: tuple[_Log, _Log], digests: Digests, policy: Policy | None, as_json: bool, stop: asyncio.Event
) -> None:
    """Step after step, at least a second apart; the roll's digests seldom."""
    from ecoklit.services.log_builder import STEP_SECONDS_MIN

    stated = -DIGESTS_SECONDS
    while not stop.is_set():
        started = time.monotonic()
        rolled = None
        if started - stated >= DIGESTS_SECONDS:
            rolled, stated = await digests(), started
        try:
            for log, _ in await _step(logs, rolled):
                _tell(log, policy, as_json)
        except EcoklitError as error:
            if error.code != "journal_unavailable":
                raise
            print(f"ecoklit: {error.message}", file=sys.stderr)  # and try again: a broker may be restarted
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.0, started + STEP_SECONDS_MIN - time.monotonic()))


async def _step(logs: tuple[_Log, _Log], rolled: Rolled | None) -> list[tuple[_Log, Stepped]]:
    """A step of both; which of them grew. The registry first: what judges an event is logged before it."""
    voters, registry = logs
    steps = [(log, await log.built.step(roll)) for log, roll in ((registry, None), (voters, rolled))]
    return [(log, stepped) for log, stepped in steps if stepped is not None]


@asynccontextmanager
async def _opened(
    settings: Settings, arguments: argparse.Namespace
) -> AsyncIterator[tuple[tuple[_Log, _Log], Digests]]:
    """The log of the voters' events and that of the registry, held; and what gives the roll's digests."""
    from ecoklit.adapters.log_folder import LogFolder
    from ecoklit.bootstrap import open_journal, open_registry
    from ecoklit.services.log_builder import LogBuilder
    from ecoklit.tlog.note import log_key

    folders = [LogFolder(folder_of(settings, log)) for log in LOGS]
    with folders[0].opened(), folders[1].opened():
        async with open_journal(settings) as journal, open_registry(settings) as registry:
            reads: tuple[Read, ...] = (journal.read_events, registry.read)
            logs = []
            for log, folder, read in zip(LOGS, folders, reads, strict=True):
                origin = origin_of(folder, settings, log, arguments.origin)
                key = key_of(folder, settings, log, is_new=arguments.anew)
                built = LogBuilder(folder, origin, key, read, election=settings.election, regency=settings.regency)
                await built.open(is_restored=arguments.journal_restored)
                logs.append(_Log(folder, built, log_key(origin, key)))
            yield (logs[0], logs[1]), lambda: _digests(settings)


async def _digests(settings: Settings) -> Rolled | None:
    """The roll's digests, where a roll is kept."""
    from ecoklit.adapters.postgres_digests import state_digests
    from ecoklit.bootstrap import open_reader
    from ecoklit.services.log_builder import Rolled

    if settings.database_url is None:
        return None
    try:
        async with open_reader(settings) as reader:
            stated = await state_digests(reader, settings.regency)
    except EcoklitError as error:
        if error.code in ("not_projected", "database_unavailable"):
            return None  # the log waits for no database: the next step states them
        raise
    stream = f"ECOKLIT-{settings.election}-{settings.regency}"
    position = {stream: stated.events, f"{stream}-persons": stated.persons, f"{stream}-registry": stated.registry}
    return Rolled(stated.events, position, stated.digests)


def _tell(log: _Log, policy: Policy | None, as_json: bool) -> bool:
    """Show a step, once it is cosigned; whether every witness that was asked cosigned."""
    from ecoklit.cli.output import print_json, print_line
    from ecoklit.tlog.checkpoint import opened

    is_seen = _seen(log, policy)
    state = log.store.state()
    assert state is not None
    checkpoint, note = opened(log.store.checkpoint(), log.key)
    cosigned = len(note.signatures) - 1
    if as_json:
        line = {"origin": checkpoint.origin, "size": checkpoint.size, "position": state.position}
        print_json({**line, "root": checkpoint.root.hex(), "cosigned": cosigned})
    else:
        print_line(
            f"{checkpoint.origin}: {checkpoint.size} entri · entries, jurnal s.d. · journal up to {state.position}, "
            f"{cosigned} saksi · witnesses"
        )
    return is_seen


def _seen(log: _Log, policy: Policy | None) -> bool:
    """Have the log's checkpoint cosigned by those who can be asked; whether all did. Says who did not, and why."""
    from ecoklit.adapters.log_source import ask_witness
    from ecoklit.services.log_cosign import collect
    from ecoklit.tlog.checkpoint import opened

    if policy is None or log.key.name not in policy.logs:
        return True
    _, note = opened(log.store.checkpoint(), log.key)
    note, troubles = collect(policy, note, log.store.read, ask_witness, log.sizes)
    if len(note.signatures) > 1:
        log.store.cosigned(note)
    for sentence in troubles.values():
        print(f"ecoklit: {sentence}", file=sys.stderr)
    return not troubles


# --- cosigned --------------------------------------------------------------------------------------------------------


def add_cosigned(actions: Commands) -> None:
    command = add_command(
        actions,
        "cosigned",
        cosigned,
        "Terima tanda tangan saksi yang datang sebagai berkas. · Take cosignatures that came as files.",
        "ecoklit log cosigned checkpoint.bawaslu --policy policy.txt",
        "one object: origin, size, root, cosigned",
    )
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="checkpoints of one tree, each cosigned")
    command.add_argument("--policy", metavar="FILE", type=Path, required=True, help="whose cosignatures are taken")


def cosigned(arguments: argparse.Namespace) -> Exit:
    from ecoklit.adapters.log_folder import LogFolder
    from ecoklit.cli.output import print_json
    from ecoklit.tlog.note import read_note
    from ecoklit.tlog.policy import Judged, cosigners, judge

    settings, policy = settings_of(arguments), policy_in(arguments.policy)
    notes = [read_note(read_file(path)) for path in arguments.files]
    if len({note.text for note in notes}) != 1:
        raise EcoklitError(
            "bad_argument", "These are checkpoints of several trees: give those of one, then the others."
        )
    note = _known_signatures(policy, notes)
    checkpoint = judge(policy._replace(quorum="none"), note).checkpoint
    log = next((log for log in LOGS if _is_of(settings, log, checkpoint.origin)), None)
    if log is None:
        raise EcoklitError("no_log", f"{checkpoint.origin} is no log of this folder: set ECOKLIT_DATA to its own.")
    folder = LogFolder(folder_of(settings, log))
    folder.cosigned(_checked(folder, checkpoint, note))
    judged = Judged(checkpoint, cosigners(policy, note))
    if arguments.json:
        print_json(shown(judged))
    else:
        print_judged(judged)
    return Exit.OK


def _is_of(settings: Settings, log: str, origin: str) -> bool:
    from ecoklit.adapters.log_folder import LogFolder

    folder = LogFolder(folder_of(settings, log))
    return folder.state() is not None and origin_of(folder, settings, log, None) == origin


def _known_signatures(policy: Policy, notes: Sequence[Note]) -> Note:
    """One note with what the policy's logs and witnesses put under any of these: nobody else's lines are published."""
    keys = [*policy.logs.values(), *policy.witnesses.values()]
    lines = [line for note in notes for line in note.signatures if any(key.made(line) for key in keys)]
    return notes[0]._replace(signatures=()).with_signatures(lines)


def _checked(folder: LogFolder, checkpoint: Checkpoint, note: Note) -> Note:
    """A note over a tree that this log had; raises EcoklitError other_log for one that it never had."""
    from ecoklit.tlog.tree import Tree

    state = folder.state()
    if (
        state is None
        or checkpoint.size > state.size
        or Tree(state.size, folder.read).head(0, checkpoint.size) != checkpoint.root
    ):
        raise EcoklitError(
            "log_turned_back",
            f"This log never had that tree of {checkpoint.size} leaves: the folder is an older copy, or the log is "
            "forked. Find out which before anything more is signed.",
        )
    return note
