"""An audit of a whole journal, in as many processes as asked: what is read once is sorted on the disk, not in memory.

Runs of segments are checked beside each other; their events go into buckets by voter, what they commit to into parts by
device. Then buckets are folded, persons joined, and digests made, each by itself. A live journal is exported first, so
that there is one way to read; nothing is believed of either.
"""

from __future__ import annotations

import gc
import multiprocessing
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import numpy as np

from ecoklit import contract
from ecoklit.adapters.audit_spool import AuditSpool
from ecoklit.adapters.journal_folder import JournalFolder, JournalUrl, segments_at
from ecoklit.core import ids, roll
from ecoklit.core.merkle import tree_head
from ecoklit.core.registry import Registry, RegistryFault, fold_registry
from ecoklit.core.segment import EVENTS, PERSONS, REGISTRY, Index, Part, messages_of
from ecoklit.errors import EcoklitError
from ecoklit.ports.journal_source import SegmentDamaged
from ecoklit.services.audit import (
    SHORTER,
    VOTERS_MAX,
    Audit,
    Compared,
    Copy,
    Differing,
    JoinedPersons,
    Persons,
    Published,
    Wanted,
    differences,
    differing_voters,
    erasures_of,
    join_persons,
    person_faults,
    registry_faults,
)
from ecoklit.services.audit_chain import BUCKETS, UNKNOWN_STAMP, Chained, ChainReader, ChainRun, joined
from ecoklit.services.audit_fold import Event, FoldedBucket, Leaf, Moment, NotCounted, fold_bucket
from ecoklit.services.inspect import Fault
from ecoklit.services.stated_digests import stages_of

BUCKET_EVENTS: Final = 100_000
"""Folded at once by one process: some 250 MB. Of fewer, fewer are alike, and columns pay less."""
RUNS_PER_JOB: Final = 4
LEAF_BYTES: Final = 13 + 36 + 32
NAMED_MAX: Final = 50
NEW_OBJECTS_MIN: Final = 100_000  # before garbage is looked for

Task = TypeVar("Task")
Done = TypeVar("Done")


class Chunk(msgspec.Struct, array_like=True):
    """Events of one bucket out of one segment of a run; positions and stamps are 8 bytes each, lengths 4."""

    run: int
    positions: bytes
    stamps: bytes
    lengths: bytes
    bodies: bytes


class Job(NamedTuple):
    """What every process of an audit knows."""

    source: str
    spool: str
    buckets: int
    cuts: tuple[int, ...]


Cut = tuple[int, int]
"""Events and registry up to these positions."""

Stated = Callable[[Registry, int], list[Published]]
"""What somebody says of a journal up to an event position."""


def audit_folder(
    source: str,
    *,
    jobs: int = 1,
    at: Cut | int | None = None,
    published: Sequence[Published] = (),
    stated: Stated | None = None,
    root: str | None = None,
    scratch: Path | None = None,
) -> Audit:
    """Audit an exported journal in a folder or at an address, in `jobs` processes.

    `at` asks for an earlier moment: a position of the events, alone or with one of the registry. `published` and what
    `stated` gives for the registry and the last position are compared, and every frozen stage. `scratch` is a folder
    with room for about the journal's unpacked size. Raises EcoklitError no_export, export_damaged of the index itself,
    not_exported when `at` is beyond the export.
    """
    with tempfile.TemporaryDirectory(prefix="audit-", dir=scratch) as spool, _workers(jobs) as spread:
        world = _world(source, spool)
        index, registry = world.holds, world.registry
        faults = [*world.faults, *registry_faults(registry, root)]
        end = _cuts(index, at, ())[0][0]
        published = [*published, *([] if stated is None else stated(registry, end)), *stages_of(registry, end)]
        cuts = _cuts(index, at, published)
        buckets = _buckets(end, jobs)
        job = Job(source, spool, buckets, tuple(cut[0] for cut in cuts))
        parts = [part for part in index.of(EVENTS) if part.first <= max(job.cuts, default=0)]
        chained, damaged = _chain(job, spread, registry, parts, jobs, is_whole=end == index.ends.get(EVENTS, 0))
        faults += damaged + chained.faults
        moments = [
            (events, judged if position is None else position)
            for (events, position), judged in zip(cuts, chained.judged_by or [0] * len(cuts), strict=True)
        ]
        persons, wrong = _persons(job, spread, registry, index) if index.has_persons else (None, [])
        faults += wrong
        folded = list(spread(partial(_fold, job, moments, chained), range(buckets)))
        digests = [roll.areas(_heads(job, nth)) for nth in range(len(cuts))]
        compared = []
        for nth, one in enumerate(published, start=1):
            beyond = _beyond(index, one)
            if beyond is not None:
                faults.append(beyond)
                continue
            compared.append(_compared(job, nth, one, moments[nth], digests[nth]))
    standings: Counter[str] = Counter()
    named: list[NotCounted] = []
    for _, own, first in folded:
        standings.update(own)
        named += first
    named.sort()
    faults.sort(key=lambda fault: (fault.position, fault.stream, fault.device, fault.seq))
    of_regency = digests[0].get(index.regency)
    return Audit(
        index.election,
        index.regency,
        registry.root_device,
        end,
        moments[0][1],
        chained.heads,
        chained.devices,
        sum(voters for voters, _, _ in folded),
        None if of_regency is None else of_regency.hex(),
        {code: digest.hex() for code, digest in digests[0].items()},
        persons,
        erasures_of(registry),
        dict(sorted(standings.items())),
        _few(named),
        compared,
        faults,
    )


def _beyond(index: Index, published: Published) -> Fault | None:
    """What was published speaks of more than the journal has."""
    for stream, position in ((EVENTS, published.events), (REGISTRY, published.registry or 0)):
        end = index.ends.get(stream, 0)
        if position > end:
            name = _stream(index) + ("" if stream == EVENTS else f"-{stream}")
            return Fault(SHORTER, name, end, "", 0, 0, f"{published.by} speaks of {stream} {position}")
    return None


def _few(named: Sequence[NotCounted]) -> list[NotCounted]:
    seen: Counter[str] = Counter()
    few = []
    for one in named:
        seen[one.name] += 1
        if seen[one.name] <= NAMED_MAX:
            few.append(one)
    return few


def _stream(index: Index) -> str:
    return f"ECOKLIT-{index.election}-{index.regency}"


def _cuts(index: Index, at: Cut | int | None, published: Sequence[Published]) -> list[tuple[int, int | None]]:
    """The moments to fold: what is audited, then that of each thing that was published; a registry may be open."""
    ends = index.ends.get(EVENTS, 0), index.ends.get(REGISTRY, 0)
    first: tuple[int, int | None] = ends if at is None else (at, None) if isinstance(at, int) else at
    if first[0] > ends[0] or (first[1] or 0) > ends[1]:
        raise EcoklitError("not_exported", f"The journal ends at event {ends[0]}, registry {ends[1]}: ask for less.")
    return [first, *((min(one.events, ends[0]), one.registry and min(one.registry, ends[1])) for one in published)]


def _buckets(events: int, jobs: int) -> int:
    return min(BUCKETS, max(jobs, -(-events // BUCKET_EVENTS)))


@contextmanager
def _workers(jobs: int) -> Iterator[Callable[[Callable[[Task], Done], Sequence[Task]], Iterator[Done]]]:
    """A `map` over tasks, in this process or in `jobs` others, that answers in their order."""
    if jobs == 1:
        yield lambda act, tasks: map(act, tasks)
        return
    # Each is a copy of a server that has loaded the program, and nothing of this process: no thread, no connection.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(jobs, context) as pool:
        yield lambda act, tasks: pool.map(act, tasks)


# --- the registry ----------------------------------------------------------------------------------------------------

Segments = JournalFolder | JournalUrl


def _lines(segments: Segments, index: Index) -> tuple[list[Fault], list[tuple[int, bytes]]]:
    faults: list[Fault] = []
    lines: list[tuple[int, bytes]] = []
    for part in index.of(REGISTRY):
        try:
            lines += [(message[0], message[3]) for message in messages_of(segments.read(part))]
        except SegmentDamaged as error:
            faults.append(_damaged(index, part, error))
    return faults, lines


def _damaged(index: Index, part: Part, error: EcoklitError) -> Fault:
    stream = _stream(index) + ("" if part.stream == EVENTS else f"-{part.stream}")
    return Fault(error.code, stream, part.first, "", 0, 0, error.message)


def fold_all(index: Index, lines: Sequence[tuple[int, bytes]], until: int | None = None) -> Registry:
    """The registry up to a position; an unopened one where the lines are none of this election."""
    some = lines if until is None else [line for line in lines if line[0] <= until]
    try:
        return fold_registry(index.election, index.regency, some)
    except RegistryFault:
        return Registry(index.election, index.regency)


class _World(NamedTuple):
    segments: Segments
    holds: Index
    lines: list[tuple[int, bytes]]
    registry: Registry
    faults: list[Fault]


@lru_cache(maxsize=1)
def _world(source: str, spool: str) -> _World:
    """What every process of the audit with this spool reads once."""
    gc.set_threshold(NEW_OBJECTS_MIN, *gc.get_threshold()[1:])  # rows hold no cycles
    segments = segments_at(source)
    index = segments.index()
    faults, lines = _lines(segments, index)
    return _World(segments, index, lines, fold_all(index, lines), faults)


@lru_cache(maxsize=16)
def _registry_at(source: str, spool: str, position: int) -> Registry:
    world = _world(source, spool)
    return world.registry if position == world.registry.position else fold_all(world.holds, world.lines, position)


# --- chains ----------------------------------------------------------------------------------------------------------


def _runs(parts: Sequence[Part], jobs: int) -> list[tuple[int, list[Part]]]:
    count = max(1, min(len(parts), jobs * RUNS_PER_JOB if jobs > 1 else 1))
    edges = [len(parts) * nth // count for nth in range(count + 1)]
    return [(nth, list(parts[start:end])) for nth, (start, end) in enumerate(pairwise(edges))]


def _chain(
    job: Job, spread: Any, registry: Registry, parts: Sequence[Part], jobs: int, *, is_whole: bool
) -> tuple[Chained, list[Fault]]:
    done = list(spread(partial(_chain_run, job), _runs(parts, jobs)))
    return joined(registry, [run for run, _ in done], is_whole=is_whole), [one for _, some in done for one in some]


def _chain_run(job: Job, run: tuple[int, list[Part]]) -> tuple[ChainRun, list[Fault]]:
    """Check one run of segments, and sort its events into buckets."""
    number, parts = run
    world, spool = _world(job.source, job.spool), AuditSpool(Path(job.spool))
    reader = ChainReader(world.registry, job.cuts)
    damaged = []
    for part in parts:
        try:
            segment = world.segments.read(part)
        except SegmentDamaged as error:
            damaged.append(_damaged(world.holds, part, error))
            continue
        taken = reader.take(segment)
        bucket_of = taken.buckets * job.buckets // BUCKETS
        for bucket in range(job.buckets) if job.buckets > 1 else (0,):
            places = np.flatnonzero(bucket_of == bucket)
            if len(places):
                bodies = [taken.bodies[at] for at in places.tolist()]
                lengths = np.array([len(body) for body in bodies], "<u4").tobytes()
                positions, stamps = taken.positions[places].tobytes(), taken.stamps[places].tobytes()
                spool.put(f"events-{bucket}", number, Chunk(number, positions, stamps, lengths, b"".join(bodies)))
        if world.holds.has_persons:
            gone = world.registry.is_erased if world.registry.erasures else _nobody
            _spool_by_device(spool, job, "wanted", number, [one[:3] for one in taken.persons if not gone(one[3])])
            _spool_by_device(spool, job, "erased", number, [one[:2] for one in taken.persons if gone(one[3])])
    return reader.run, damaged


def _nobody(_: str) -> bool:
    return False


def _spool_by_device(spool: AuditSpool, job: Job, name: str, writer: int, some: Sequence[Any]) -> None:
    parts: dict[int, list[Any]] = {}
    for one in some:
        parts.setdefault((zlib.crc32(one[0].encode()) + one[1]) % job.buckets, []).append(one)
    for part, own in parts.items():
        spool.put(f"{name}-{part}", writer, own)


# --- persons ---------------------------------------------------------------------------------------------------------


def _persons(job: Job, spread: Any, registry: Registry, index: Index) -> tuple[Persons, list[Fault]]:
    parts = index.of(PERSONS)
    damaged = [one for some in spread(partial(_persons_run, job), list(enumerate(parts))) for one in some]
    found: list[JoinedPersons] = list(spread(partial(_join, job), range(job.buckets)))
    absent = sorted(one for some in found for one in some.absent)
    left = sorted(one for some in found for one in some.left)
    faults = damaged + person_faults(_stream(index), absent, left)
    right, orphans = sum(one.right for one in found), sum(one.orphans for one in found)
    return Persons(right, len(absent), sum(one.erased for one in found), orphans), faults


def _persons_run(job: Job, numbered: tuple[int, Part]) -> list[Fault]:
    number, part = numbered
    world = _world(job.source, job.spool)
    try:
        segment = world.segments.read(part)
    except SegmentDamaged as error:
        return [_damaged(world.holds, part, error)]
    copies: list[Copy] = [
        (device, seq, ids.sha256(body), position) for position, device, seq, body, _ in messages_of(segment)
    ]
    _spool_by_device(AuditSpool(Path(job.spool)), job, "copies", number, copies)
    return []


def _join(job: Job, part: int) -> JoinedPersons:
    spool = AuditSpool(Path(job.spool))
    wanted = [one for some in spool.take(f"wanted-{part}", list[Wanted]) for one in some]
    erased = [one for some in spool.take(f"erased-{part}", list[tuple[str, int]]) for one in some]
    copies = [one for some in spool.take(f"copies-{part}", list[Copy]) for one in some]
    return join_persons(wanted, copies, erased)


# --- the fold --------------------------------------------------------------------------------------------------------


def _events(job: Job, bucket: int, carry: Sequence[dict[str, int]]) -> list[Event]:
    """A bucket's events; the stamps that a run did not know are those of the runs before it."""
    events: list[Event] = []
    for chunk in AuditSpool(Path(job.spool)).take(f"events-{bucket}", Chunk):
        positions = np.frombuffer(chunk.positions, np.int64).tolist()
        stamps = np.frombuffer(chunk.stamps, np.int64).tolist()
        ends = np.cumsum(np.frombuffer(chunk.lengths, "<u4"), dtype=np.int64).tolist()
        known, start = carry[chunk.run], 0
        for position, stamp, end in zip(positions, stamps, ends, strict=True):
            body = chunk.bodies[start:end]
            start = end
            events.append(
                Event(position, max(0, known.get(_device(body), 0)) if stamp == UNKNOWN_STAMP else stamp, body)
            )
    return events


def _device(body: bytes) -> str:
    at = body.index(b'"device":"') + 10
    return body[at : at + 16].decode("ascii", "replace")


def _fold(
    job: Job, moments: Sequence[Cut], chained: Chained, bucket: int
) -> tuple[int, dict[str, int], list[NotCounted]]:
    """Fold a bucket at each moment, and keep its leaves; of the first moment its voters and what does not count."""
    world = [
        Moment(events, ends, _registry_at(job.source, job.spool, registry))
        for (events, registry), ends in zip(moments, chained.ends or [{}] * len(moments), strict=True)
    ]
    folded = fold_bucket(_events(job, bucket, chained.carry), world, contract.policies())
    spool = AuditSpool(Path(job.spool))
    for nth, one in enumerate(folded):
        _spool_leaves(spool, job, nth, bucket, one)
    return len(folded[0].leaves), folded[0].standings, folded[0].not_counted


def _spool_leaves(spool: AuditSpool, job: Job, nth: int, bucket: int, folded: FoldedBucket) -> None:
    parts: dict[int, list[bytes]] = {}
    for tps, voter, leaf in folded.leaves:
        parts.setdefault(zlib.crc32(tps.encode()) % job.buckets, []).append(
            b"%b%b%b" % (tps.encode(), voter.encode(), leaf)
        )
    for part, leaves in parts.items():
        spool.put(f"leaves-{nth}-{part}", bucket, b"".join(leaves))


def _leaves(job: Job, nth: int, part: int) -> list[Leaf]:
    """The leaves of some TPS, by TPS, then voter."""
    data = b"".join(AuditSpool(Path(job.spool)).take(f"leaves-{nth}-{part}", bytes))
    rows = sorted(data[at : at + LEAF_BYTES] for at in range(0, len(data), LEAF_BYTES))
    return [(row[:13].decode(), row[13:49].decode(), row[49:]) for row in rows]


def _heads(job: Job, nth: int) -> dict[str, bytes]:
    found = {}
    for part in range(job.buckets):
        for tps, leaves in groupby(_leaves(job, nth, part), key=itemgetter(0)):
            found[tps] = tree_head([leaf for _, _, leaf in leaves])
    return found


def _compared(job: Job, nth: int, published: Published, moment: Cut, digests: dict[str, bytes]) -> Compared:
    found = differences(published, digests)
    voters: list[Differing] = []
    if found and published.leaves:
        folded = (leaf for part in range(job.buckets) for leaf in _leaves(job, nth, part))
        places = differing_voters(found, published.leaves, folded)
        said = _said_about(job, set(list(places)[:VOTERS_MAX]), moment[0])
        voters = [Differing(voter, *places[voter], said.get(voter, [])) for voter in list(places)[:VOTERS_MAX]]
    first = min((event for one in voters for event in one.events[:1]), default=None)
    return Compared(published.by, *moment, len(published.digests), found, voters, first)


def _said_about(job: Job, voters: set[str], until: int) -> dict[str, list[tuple[int, str]]]:
    """The events about these voters up to a position, each as its position and name."""
    said: dict[str, list[tuple[int, str]]] = {}
    for bucket in sorted({int(voter[:2], 16) * job.buckets // BUCKETS for voter in voters}):
        for chunk in AuditSpool(Path(job.spool)).take(f"events-{bucket}", Chunk):
            ends = np.cumsum(np.frombuffer(chunk.lengths, "<u4"), dtype=np.int64).tolist()
            start = 0
            for position, end in zip(np.frombuffer(chunk.positions, np.int64).tolist(), ends, strict=True):
                named = _NAMES.decode(chunk.bodies[start:end])
                start = end
                if named.voter in voters and position <= until:
                    said.setdefault(named.voter, []).append((position, f"{named.device}:{named.seq} {named.type}"))
    return {voter: sorted(events) for voter, events in said.items()}


class _Named(msgspec.Struct):
    voter: str
    device: str
    seq: int
    type: str = ""


_NAMES: Final = msgspec.json.Decoder(_Named)
