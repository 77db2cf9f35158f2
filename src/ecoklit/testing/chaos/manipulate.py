"""Seeded manipulations of an exported journal and of a roll: an audit must find each, and say where.

Somebody who changes files leaves an index that does not fit. Somebody who knows better makes the index anew, so that
only chains, signatures and hashes speak. What nothing in a journal can show is not tried: the order of different
devices' events among each other, a stamp that was replaced by another lawful one, and a head in the middle of a log
that a later one covers (docs/AUDIT.md).
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from ecoklit.adapters.journal_folder import INDEX, JournalFolder
from ecoklit.contract import policies
from ecoklit.core import roll
from ecoklit.core.segment import EVENTS, PERSONS, REGISTRY, STREAMS, Index, Message, messages_of
from ecoklit.errors import EcoklitError
from ecoklit.ports import HEAD_HEADER
from ecoklit.ports.journal_source import JournalSource, SegmentDamaged
from ecoklit.services.audit import Audit, Published
from ecoklit.services.audit_fold import Leaf
from ecoklit.services.journal_export import export
from ecoklit.services.project import Projector
from ecoklit.testing import mimika
from ecoklit.testing.made_up_journal import day_of_coklit
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal
from ecoklit.testing.memory_roll_store import MemoryRollStore

VOTERS: Final = 60
SEGMENT_MESSAGES: Final = 45


class World(NamedTuple):
    """A sound export, its messages by stream, and what the service published of it."""

    folder: Path
    messages: dict[str, list[Message]]
    published: Published
    root: str


class Manipulated(NamedTuple):
    """What was done, and what an audit must name: a file, a device or a voter; with "" any place will do."""

    what: str
    named: str


class Outcome(NamedTuple):
    """Whether the audit found it, whether it named the place, and what it said."""

    done: Manipulated
    is_found: bool
    is_named: bool
    said: str


async def make_world(folder: Path) -> World:
    journal, registry = MemoryJournal(), MemoryRegistryJournal()
    day = await day_of_coklit(journal, registry, VOTERS)
    source = JournalSource("pilkada-2024", mimika.REGENCY, journal, registry, True)
    store = MemoryRollStore()
    projector = Projector(
        journal, store, policies(), election="pilkada-2024", regency=mimika.REGENCY, registry=registry
    )
    done = await projector.run_until_caught_up()
    leaves = await store.leaves()
    published = Published("the roll", done.events, done.registry, roll.digests(leaves), True, tuple(leaves))
    with tempfile.TemporaryDirectory(prefix="whole-") as whole, JournalFolder(Path(whole)).opened() as exported:
        index = (await export(source, exported)).holds
        messages = {
            stream: [one for part in index.of(stream) for one in messages_of(exported.read(part))] for stream in STREAMS
        }
    _write(folder, messages)
    return World(folder, messages, published, day.election.root.device)


AuditFolder = Callable[[str, Published, str], Audit]
"""Audits a folder, against what was published, under a root key: `bootstrap.auditing.audit_folder`."""


def attempt(world: World, seed: int, scratch: Path, audit_folder: AuditFolder) -> Outcome:
    """One manipulation, and what an audit says of it."""
    random = Random(seed)
    copy = scratch / f"{seed}"
    published = world.published
    kind = random.choice((_of_files, _of_messages, _of_messages, _of_messages, None))
    try:
        if kind is None:
            shutil.copytree(world.folder, copy)
            done, published = _of_rows(random, world.published)
        else:
            done = kind(random, world, copy)
        try:
            audit = audit_folder(str(copy), published, world.root)
        except EcoklitError as error:
            return Outcome(done, True, done.named in f"{_file(error)} {error.message}", error.message)
        said = _said(audit)
        return Outcome(done, not audit.is_sound, done.named in said, said[:200])
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _file(error: EcoklitError) -> str:
    return error.file if isinstance(error, SegmentDamaged) else ""


def _said(audit: Audit) -> str:
    faults = [f"{one.name} {one.stream} {one.position} {one.device}:{one.seq} {one.why}" for one in audit.faults]
    voters = [f"{one.voter} {one.events}" for compared in audit.compared for one in compared.voters]
    return "; ".join([*faults, *voters])


# --- files, by somebody who leaves the index as it is ----------------------------------------------------------------


def _of_files(random: Random, world: World, copy: Path) -> Manipulated:
    shutil.copytree(world.folder, copy)
    files = sorted(path for path in copy.rglob("*") if path.name.endswith((".zst", ".json")))
    path = random.choice(files)
    name = str(path.relative_to(copy))
    what = random.choice(("flip", "drop", "insert", "reorder", "duplicate", "truncate", "remove", "replace"))
    data = path.read_bytes()
    at, size = random.randrange(len(data)), random.randrange(1, 9)
    if what == "remove":
        path.unlink()
    elif what == "replace" and name != INDEX:
        other = random.choice([one for one in files if one.name != INDEX and one.read_bytes() != data])
        path.write_bytes(other.read_bytes())
    else:
        path.write_bytes(_spoiled(random, what, data, at, size))
    return Manipulated(f"file {what}", "" if name == INDEX else name)


def _spoiled(random: Random, what: str, data: bytes, at: int, size: int) -> bytes:
    changed = {
        "drop": data[:at] + data[at + size :],
        "insert": data[:at] + random.randbytes(size) + data[at:],
        "duplicate": data[:at] + data[at : at + size] + data[at:],
        "truncate": data[:at],
        "reorder": data[:at] + data[at : at + size][::-1] + data[at + size :],
    }.get(what, data)
    return changed if changed != data else data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


# --- messages, by somebody who makes the index anew -----------------------------------------------------------------


def _of_messages(random: Random, world: World, copy: Path) -> Manipulated:
    stream = random.choice((EVENTS, EVENTS, EVENTS, REGISTRY, PERSONS))
    acts: Sequence[Act] = _OF_PERSONS if stream == PERSONS else _OF_LOGS
    act = random.choice(acts)
    messages = dict(world.messages)
    messages[stream], device = act(random, list(world.messages[stream]))
    if stream != PERSONS:
        messages[stream] = [(at, *one[1:]) for at, one in enumerate(messages[stream], start=1)]
    _write(copy, messages)
    is_end = act in (_drop, _truncate)
    return Manipulated(f"{stream} {act.__name__[1:]}", "" if is_end or stream == REGISTRY else device)


Act = Callable[[Random, list[Message]], tuple[list[Message], str]]


def _flip(random: Random, messages: list[Message]) -> tuple[list[Message], str]:
    at = random.randrange(len(messages))
    sequence, device, seq, payload, own = messages[at]
    place = random.randrange(len(payload))
    spoiled = payload[:place] + bytes([payload[place] ^ 1 << random.randrange(8)]) + payload[place + 1 :]
    messages[at] = (sequence, device, seq, spoiled, own)
    return messages, device


def _flip_head(random: Random, messages: list[Message]) -> tuple[list[Message], str]:
    signed = [at for at, one in enumerate(messages) if any(name == HEAD_HEADER for name, _ in one[4])]
    if not signed:
        return _flip(random, messages)
    at = random.choice(signed)
    sequence, device, seq, payload, own = messages[at]
    headers = tuple(
        (name, ("B" if value[0] == "A" else "A") + value[1:] if name == HEAD_HEADER else value) for name, value in own
    )
    messages[at] = (sequence, device, seq, payload, headers)
    return messages, device


def _drop(random: Random, messages: list[Message]) -> tuple[list[Message], str]:
    dropped = messages.pop(random.randrange(len(messages)))
    return messages, dropped[1]


def _truncate(random: Random, messages: list[Message]) -> tuple[list[Message], str]:
    end = random.randrange(max(1, len(messages) - 40), len(messages))
    return messages[:end], messages[end][1]


def _insert(random: Random, messages: list[Message]) -> tuple[list[Message], str]:
    """An event of one device in the log of another, or a foreign device's name over somebody's event."""
    one = random.choice(messages)
    device = random.choice([other[1] for other in messages if other[1] != one[1]] or ["a" * 16])
    messages.insert(random.randrange(len(messages) + 1), (one[0], device, one[2], one[3], ()))
    return messages, device


def _duplicate(random: Random, messages: list[Message]) -> tuple[list[Message], str]:
    at = random.randrange(len(messages))
    messages.insert(random.randrange(at, len(messages) + 1), messages[at])
    return messages, messages[at][1]


def _reorder(random: Random, messages: list[Message]) -> tuple[list[Message], str]:
    """Two events of one log change places."""
    counts = Counter(one[1] for one in messages)
    device = random.choice(sorted(name for name, count in counts.items() if count > 1))
    one, other = random.sample([at for at, message in enumerate(messages) if message[1] == device], 2)
    messages[one], messages[other] = messages[other], messages[one]
    return messages, device


def _swap_persons(random: Random, messages: list[Message]) -> tuple[list[Message], str]:
    """Two events are given each other's persons."""
    one, other = random.sample(range(len(messages)), 2)
    first, second = messages[one], messages[other]
    messages[one], messages[other] = (*first[:3], second[3], ()), (*second[:3], first[3], ())
    return messages, first[1]


_OF_LOGS: Final[Sequence[Act]] = (_flip, _flip_head, _drop, _truncate, _insert, _duplicate, _reorder)
_OF_PERSONS: Final[Sequence[Act]] = (_flip, _drop, _truncate, _swap_persons)


def _write(folder: Path, messages: dict[str, list[Message]]) -> None:
    """An export of these messages, with an index that fits."""
    parts, ends = [], {}
    with JournalFolder(folder).opened() as store:
        for stream in STREAMS:
            own = messages[stream]
            for start in range(0, len(own), SEGMENT_MESSAGES):
                parts.append(store.put(stream, own[start : start + SEGMENT_MESSAGES]))
            ends[stream] = own[-1][0] if own else 0
        index = Index(election="pilkada-2024", regency=mimika.REGENCY, has_persons=True, ends=ends, parts=parts)
        store.commit(index)


# --- the roll's rows -------------------------------------------------------------------------------------------------


def _of_rows(random: Random, published: Published) -> tuple[Manipulated, Published]:
    """A roll of which somebody changed a row in the database: what it publishes follows from that."""
    leaves: list[Leaf] = list(published.leaves)
    at = random.randrange(len(leaves))
    tps, voter, leaf = leaves[at]
    what = random.choice(("flip", "drop", "insert", "move", "swap"))
    if what == "flip":
        place = random.randrange(len(leaf))
        leaves[at] = (tps, voter, leaf[:place] + bytes([leaf[place] ^ 1 << random.randrange(8)]) + leaf[place + 1 :])
    elif what == "drop":
        leaves.pop(at)
    elif what == "insert":
        voter = voter[:-4] + f"{random.randrange(65536):04x}"
        leaves.append((tps, voter, random.randbytes(32)))
    elif what == "move":
        leaves[at] = (random.choice([other for other, _, _ in leaves if other != tps]), voter, leaf)
    else:
        other = random.choice([nth for nth, one in enumerate(leaves) if one[2] != leaf])
        leaves[at], leaves[other] = (tps, voter, leaves[other][2]), (*leaves[other][:2], leaf)
    spoiled = published._replace(digests=roll.digests(leaves), leaves=tuple(leaves))
    return Manipulated(f"row {what}", voter), spoiled
