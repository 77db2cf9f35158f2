"""The events of a journal by columns: each log gapless, chained and signed, each stamp lawful (SPEC §7, §9).

A journal is read in runs of segments, each by itself, maybe each by a process of its own; `joined` then holds the seams
against each other. Nothing is believed of whoever wrote the journal: what is not as admission lets it in is a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecoklit.core import columns, ids, wire
from ecoklit.core.admission import BAD_SIGNATURE, BROKEN_CHAIN, MALFORMED, UNKNOWN_DEVICE, WRONG_ELECTION
from ecoklit.core.event import Malformed
from ecoklit.core.registry import Registry
from ecoklit.core.segment import Segment, payloads_of
from ecoklit.core.signing import head_message, verify
from ecoklit.ports import HEAD_HEADER, STAMP_HEADER
from ecoklit.services.inspect import MISPLACED, MISSING, UNSIGNED, Fault
from ecoklit.services.step import STAMP_DIGITS_MAX

BAD_STAMP: Final = "bad_stamp"
"""What rides with an event is no position that the registry had."""
BUCKETS: Final = 256
"""Voters are told apart by the first two digits of their ids, which are a hash's."""
UNKNOWN_STAMP: Final = -1
FAULTS_MAX: Final = 1_000
"""Of one run: a journal with more is no journal."""

Integers = NDArray[np.int64]
Hashes = NDArray[np.uint8]
_Faulty = Callable[[str, int, str, int, str], None]
"""Takes a fault: name, position, device, seq, why."""


class LogRun(msgspec.Struct):
    """A device's log within one run: where it begins and ends. `sound` is the last seq that a signed head vouches for;
    `stamp` the last one that rode with it, UNKNOWN_STAMP when none did yet."""

    first: int
    prev: bytes
    position: int
    last: int
    hash: bytes
    stamp: int
    stamp_min: int
    sound: int
    is_broken: bool


class ChainRun(msgspec.Struct):
    """What one run of segments came to; for each cut, `ends` is the last seq of each device up to it, and `judged_by`
    the greatest stamp."""

    events: int
    heads: int
    logs: dict[str, LogRun]
    ends: list[dict[str, int]]
    judged_by: list[int]
    faults: list[Fault]


class Taken(msgspec.Struct, frozen=True):
    """A segment's events, for whoever folds them: the row of each in `bodies`, its position, stamp and bucket.

    `persons` (device, seq, hash, voter) are what the events commit to; nobody asks for the voter where none was erased.
    """

    bodies: list[bytes]
    positions: Integers
    stamps: Integers
    buckets: Integers
    persons: list[tuple[str, int, bytes, str]]


class ChainReader:
    """Reads one run of segments, in order."""

    def __init__(self, registry: Registry, cuts: Sequence[int]) -> None:
        """`cuts` are positions of which the ends of the logs are asked."""
        self._registry = registry
        self._cuts = cuts
        self._stream = f"ECOKLIT-{registry.election}-{registry.regency}"
        self.run = ChainRun(0, 0, {}, [{} for _ in cuts], [0] * len(cuts), [])

    def take(self, segment: Segment) -> Taken:
        """The next segment."""
        read = _Columns(segment, self._registry, self._fault)
        order = np.flatnonzero(read.is_good)
        order = order[np.argsort(read.device_of[order], kind="stable")]
        self._chain(segment, read, order)
        stamps = self._stamps(segment, read, order)
        self._heads(segment, read)
        self._ends(segment, read, order, stamps)
        self.run.events += len(segment)
        kept = np.sort(order)
        places = kept.tolist()
        return Taken(
            [read.bodies[at] for at in places],
            read.positions[kept],
            stamps[kept],
            read.buckets[kept],
            [read.persons[at] for at in places if at in read.persons] if read.persons else [],
        )

    # --- the chain of each log ---------------------------------------------------------------------------------------

    def _chain(self, segment: Segment, read: _Columns, order: Integers) -> None:
        if not len(order):
            return
        device, seqs = read.device_of[order], read.seqs[order]
        follows = device[1:] == device[:-1]
        fits = (seqs[1:] == seqs[:-1] + 1) & (read.prevs[order][1:] == read.hashes[order][:-1]).all(axis=1)
        for at in np.flatnonzero(follows & ~fits).tolist():
            before, one = int(order[at]), int(order[at + 1])
            name = segment.devices[int(read.device_of[one])]
            self._break(name, int(read.seqs[before]), int(read.seqs[one]), int(read.positions[one]))
        begins = np.flatnonzero(np.concatenate([[True], ~follows]))
        ends = np.concatenate([begins[1:], [len(order)]]) - 1
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            self._extend(segment, read, int(order[begin]), int(order[end]))

    def _extend(self, segment: Segment, read: _Columns, first: int, last: int) -> None:
        """A device's stretch within a segment, held against what the run knows of its log."""
        name = segment.devices[int(read.device_of[first])]
        log = self.run.logs.get(name)
        seq, prev, end = int(read.seqs[first]), read.prevs[first].tobytes(), read.hashes[last].tobytes()
        if log is None:
            self.run.logs[name] = LogRun(
                seq, prev, int(read.positions[first]), int(read.seqs[last]), end, UNKNOWN_STAMP, UNKNOWN_STAMP, 0, False
            )
            return
        if (seq, prev) != (log.last + 1, log.hash):
            self._break(name, log.last, seq, int(read.positions[first]))
        log.last, log.hash = int(read.seqs[last]), end

    def _break(self, device: str, before: int, seq: int, position: int) -> None:
        log = self.run.logs.get(device)
        if log is not None:
            log.is_broken = True
        self.run.faults.append(seam_fault(self._stream, device, before, seq, position))

    # --- what rides on the events ------------------------------------------------------------------------------------

    def _stamps(self, segment: Segment, read: _Columns, order: Integers) -> Integers:
        """The stamp of each event: that of its push, which rides on the push's first event."""
        stamps = np.full(len(segment), UNKNOWN_STAMP, np.int64)
        for at, own in segment.headers:
            value = dict(own).get(STAMP_HEADER)
            if value is not None:
                stamps[at] = self._stamp(segment, read, at, value)
        if not len(order):
            return stamps
        device = read.device_of[order]
        begins = np.concatenate([[True], device[1:] != device[:-1]])
        run = stamps[order]
        for at in np.flatnonzero(begins & (run == UNKNOWN_STAMP)).tolist():
            run[at] = self.run.logs[segment.devices[int(device[at])]].stamp
        known = np.where((run != UNKNOWN_STAMP) | begins, np.arange(len(run)), 0)
        run = run[np.maximum.accumulate(known)]
        stamps[order] = run
        starts = np.flatnonzero(begins)
        least = np.minimum.reduceat(np.where(run == UNKNOWN_STAMP, np.iinfo(np.int64).max, run), starts)
        ends = np.concatenate([starts[1:], [len(order)]]) - 1
        for start, end, low in zip(starts.tolist(), ends.tolist(), least.tolist(), strict=True):
            log = self.run.logs[segment.devices[int(device[start])]]
            log.stamp = int(run[end])
            if low != np.iinfo(np.int64).max:
                log.stamp_min = low if log.stamp_min == UNKNOWN_STAMP else min(low, log.stamp_min)
        return stamps

    def _stamp(self, segment: Segment, read: _Columns, at: int, value: str) -> int:
        is_number = value.isascii() and value.isdigit() and len(value) <= STAMP_DIGITS_MAX
        if is_number and int(value) <= self._registry.position:
            return int(value)
        name = segment.devices[int(read.device_of[at])]
        why = f"its admission says that it judged by registry position {value[:24]}, which the registry never had"
        self._fault(BAD_STAMP, int(read.positions[at]), name, int(read.seqs[at]), why)
        return UNKNOWN_STAMP

    def _heads(self, segment: Segment, read: _Columns) -> None:
        for at, own in segment.headers:
            signature = dict(own).get(HEAD_HEADER)
            if signature is None or not read.is_good[at]:
                continue
            self.run.heads += 1
            name, seq = segment.devices[int(read.device_of[at])], int(read.seqs[at])
            key = self._registry.device_key(name)
            if key is None:
                self._fault(UNKNOWN_DEVICE, int(read.positions[at]), name, seq, "no device of that name is enrolled")
                continue
            message = head_message(self._registry.election, name, seq, read.hashes[at].tobytes())
            try:
                is_signed = verify(key.algorithm, key.raw, message, ids.from_base64url(signature))
            except ValueError:
                is_signed = False
            if is_signed:
                self.run.logs[name].sound = max(seq, self.run.logs[name].sound)
            else:
                why = "its head is not signed by its device"
                self._fault(BAD_SIGNATURE, int(read.positions[at]), name, seq, why)

    def _ends(self, segment: Segment, read: _Columns, order: Integers, stamps: Integers) -> None:
        for nth, (cut, ends) in enumerate(zip(self._cuts, self.run.ends, strict=True)):
            if cut < segment.first:
                continue
            until = order if cut >= segment.last else order[read.positions[order] <= cut]
            device = read.device_of[until]
            if not len(until):
                continue
            self.run.judged_by[nth] = max(self.run.judged_by[nth], int(stamps[until].max()))
            for at in np.flatnonzero(np.concatenate([device[1:] != device[:-1], [True]])).tolist():
                ends[segment.devices[int(device[at])]] = int(read.seqs[until[at]])

    def _fault(self, name: str, position: int, device: str, seq: int, why: str) -> None:
        if len(self.run.faults) < FAULTS_MAX:
            self.run.faults.append(Fault(name, self._stream, position, device, seq, seq, why))


def seam_fault(stream: str, device: str, before: int, seq: int, position: int) -> Fault:
    """Why event `seq` cannot follow event `before` of a log."""
    if seq > before + 1:
        return Fault(MISSING, stream, position, device, before + 1, seq - 1, "later events of the log are there")
    if seq <= before:
        return Fault(MISPLACED, stream, position, device, seq, seq, f"it comes after event {before} of its log")
    return Fault(BROKEN_CHAIN, stream, position, device, seq, seq, "it does not name the event before it")


class _Columns:
    """The words of a segment's events that a chain needs, a row for each; `is_good` tells whose words are."""

    def __init__(self, segment: Segment, registry: Registry, fault: _Faulty) -> None:
        count = len(segment)
        self.bodies = payloads_of(segment)
        self.positions = np.frombuffer(segment.sequences, "<u8").astype(np.int64)
        self.device_of = np.frombuffer(segment.device_of, "<u4").astype(np.int64)
        self.hashes: Hashes = np.frombuffer(b"".join(map(ids.sha256, self.bodies)), np.uint8).reshape(-1, 32)
        self.seqs = np.zeros(count, np.int64)
        self.prevs: Hashes = np.zeros((count, 32), np.uint8)
        self.buckets = np.zeros(count, np.int64)
        self.is_good = np.zeros(count, np.bool_)
        self.persons: dict[int, tuple[str, int, bytes, str]] = {}
        self._asks_for_voters = bool(registry.erasures)
        self._names = np.array([name.encode("ascii", "replace")[:17] for name in segment.devices], "S17")
        for layout, places, rows in columns.survey(self.bodies):
            if layout.event.election == registry.election:
                self._take_rows(segment, layout, places, rows)
        for at in np.flatnonzero(~self.is_good).tolist():
            self._take_one(segment, at, registry, fault)

    def _take_rows(
        self, segment: Segment, layout: columns.Layout, places: columns.Indexes, rows: columns.Matrix
    ) -> None:
        spans = layout.spans
        own = columns.words(rows, spans["device"]) == self._names[self.device_of[places]]
        places, rows = places[own], rows[own]
        self.seqs[places] = columns.numbers(rows, spans["seq"])
        self.prevs[places] = columns.unbase64(rows, spans["prev"])
        digits = rows[:, spans["voter"].start : spans["voter"].start + 2].astype(np.int64)
        digits -= np.where(digits > ord("9"), ord("a") - 10, ord("0"))
        self.buckets[places] = digits[:, 0] * 16 + digits[:, 1]
        self.is_good[places] = True
        if "person" in spans:
            hashes = columns.slices(columns.unbase64(rows, spans["person"]))
            voters = columns.texts(rows, spans["voter"]) if self._asks_for_voters else repeat("")
            devices, seqs = self.device_of[places].tolist(), self.seqs[places].tolist()
            for at, device, seq, hash, voter in zip(places.tolist(), devices, seqs, hashes, voters, strict=False):
                self.persons[at] = (segment.devices[device], seq, hash, voter)

    def _take_one(self, segment: Segment, at: int, registry: Registry, fault: _Faulty) -> None:
        device, position = segment.devices[int(self.device_of[at])], int(self.positions[at])
        try:
            held = wire.hold(self.bodies[at], None)
        except Malformed as error:
            fault(MALFORMED, position, device, 0, error.message)
            return
        if held.device != device:
            fault(MISPLACED, position, device, held.seq, f"it is event {held.seq} of {held.device}")
            return
        if held.event is not None and held.event.election != registry.election:
            fault(WRONG_ELECTION, position, device, held.seq, "it is of another election")
            return
        self.seqs[at] = held.seq
        self.prevs[at] = np.frombuffer(ids.from_base64url(held.prev), np.uint8)
        self.buckets[at] = int(held.voter[:2], 16)
        self.is_good[at] = True
        person = getattr(held.event, "person", None)
        if isinstance(person, str):
            self.persons[at] = (device, held.seq, ids.from_base64url(person), held.voter)


# --- the seams between runs ------------------------------------------------------------------------------------------


class Chained(msgspec.Struct, frozen=True):
    """What all runs came to. `carry` is, for each run, the stamp of each device's log before it."""

    events: int
    heads: int
    devices: int
    ends: list[dict[str, int]]
    judged_by: list[int]
    carry: list[dict[str, int]]
    faults: list[Fault]


def joined(registry: Registry, runs: Sequence[ChainRun], *, is_whole: bool = True) -> Chained:
    """The runs of one journal, in their order. Unless it `is_whole`, nobody asks for the head of a log's end."""
    stream = f"ECOKLIT-{registry.election}-{registry.regency}"
    logs: dict[str, LogRun] = {}
    carry: list[dict[str, int]] = []
    ends: list[dict[str, int]] = [{} for _ in runs[0].ends] if runs else []
    faults: list[Fault] = []
    for run in runs:
        carry.append({name: logs[name].stamp for name in run.logs if name in logs})
        faults += run.faults
        for name, log in run.logs.items():
            before = logs.get(name)
            seq, prev = (0, ids.ZERO_HASH) if before is None else (before.last, before.hash)
            if (log.first, log.prev) != (seq + 1, prev):
                faults.append(seam_fault(stream, name, seq, log.first, log.position))
                log.is_broken = True
            logs[name] = log if before is None else _after(before, log)
        for known, more in zip(ends, run.ends, strict=True):
            known.update(more)
    faults += _of_devices(stream, registry, logs, is_whole)
    judged_by = [max(stamps) for stamps in zip(*(run.judged_by for run in runs), strict=True)]
    faults.sort(key=lambda fault: (fault.position, fault.device, fault.seq))
    events, heads = sum(run.events for run in runs), sum(run.heads for run in runs)
    return Chained(events, heads, len(logs), ends, judged_by, carry, faults)


def _after(before: LogRun, log: LogRun) -> LogRun:
    stamps = [stamp for stamp in (before.stamp_min, log.stamp_min) if stamp != UNKNOWN_STAMP]
    stamp = before.stamp if log.stamp == UNKNOWN_STAMP else log.stamp
    sound, is_broken = max(before.sound, log.sound), before.is_broken or log.is_broken
    least = min(stamps, default=UNKNOWN_STAMP)
    return LogRun(before.first, before.prev, before.position, log.last, log.hash, stamp, least, sound, is_broken)


def _of_devices(stream: str, registry: Registry, logs: Mapping[str, LogRun], is_whole: bool) -> Iterator[Fault]:
    for name, log in sorted(logs.items()):
        enrolled = registry.devices.get(name)
        if enrolled is None:
            why = "no device of that name is enrolled"
            yield Fault(UNKNOWN_DEVICE, stream, log.position, name, log.first, log.last, why)
            continue
        if log.stamp_min < enrolled.position:
            why = f"an event came before its enrolment at registry position {enrolled.position}, or without a stamp"
            yield Fault(BAD_STAMP, stream, log.position, name, log.first, log.last, why)
        if is_whole and log.sound < log.last:
            why = "no signed head vouches for them"
            yield Fault(UNSIGNED, stream, log.position, name, log.sound + 1, log.last, why)
