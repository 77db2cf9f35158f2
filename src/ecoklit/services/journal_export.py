"""A whole journal into a folder and back: as it is stored, with what rides on it, and in its order (SPEC §9).

An export is brought up to date by what is new. An import goes into an empty journal only, and gives every event and
every registry line its old sequence again, so that positions and digests are the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from msgspec.structs import replace

from ecoklit.core.ids import sha256
from ecoklit.core.limits import PUSH_EVENTS_MAX
from ecoklit.core.segment import (
    EVENTS,
    PERSONS,
    REGISTRY,
    SEGMENT_MESSAGES_MAX,
    STREAMS,
    Index,
    Message,
    Part,
    messages_of,
)
from ecoklit.errors import EcoklitError
from ecoklit.ports import Journal, JournalHole, Position, Push, RegistryJournal, Stored
from ecoklit.ports.journal_source import JournalSource, SegmentSource, SegmentStore

READ_MESSAGES_MAX: Final = 5_000
FILLER: Final[Message] = (0, "a" * 16, 1, b"{}", ())
"""Put where the exported persons have a hole, so that later ones keep their places: a copy that belongs to no event."""

Progress = Callable[[str, int], None]
"""Told a stream and the position that it was brought to."""

_Fetch = Callable[[int, int], Awaitable[list[Message]]]


class Exported(NamedTuple):
    """What an export came to: messages that are new by stream, and all that the folder holds now."""

    added: dict[str, int]
    holds: Index


async def export(
    source: JournalSource, store: SegmentStore, *, without_persons: bool = False, progress: Progress | None = None
) -> Exported:
    """Bring the folder up to the journal as it is now.

    Raises EcoklitError other_journal when the folder is of another journal, or one that was restored since;
    bad_argument when it has persons and shall have none, or the other way round; JournalError, SegmentDamaged.
    """
    index = store.index_or_none() or Index(
        election=source.election, regency=source.regency, has_persons=not without_persons, ends={}, parts=[]
    )
    await _demand_same(source, store, index, without_persons)
    # Persons last: whoever appends writes them with their events, so every event up to here has its own.
    ends = {EVENTS: (await source.journal.last()).events, REGISTRY: await source.registry.last()}
    ends[PERSONS] = (await source.journal.last()).persons if index.has_persons else 0
    added: dict[str, int] = {}
    for stream in STREAMS:
        before = index.ends.get(stream, 0)
        async for part in _parts(_fetch(source, stream), store, stream, before, ends[stream]):
            index = replace(index, parts=[*index.parts, part], ends={**index.ends, stream: part.last})
            store.commit(index)
            added[stream] = added.get(stream, 0) + part.count
            if progress is not None:
                progress(stream, part.last)
    if index.ends != ends or not index.parts:
        index = replace(index, ends=ends)
        store.commit(index)
    return Exported({stream: added.get(stream, 0) for stream in STREAMS}, index)


async def _demand_same(source: JournalSource, store: SegmentStore, index: Index, without_persons: bool) -> None:
    if (index.election, index.regency) != (source.election, source.regency):
        raise EcoklitError(
            "other_journal",
            f"The folder holds the journal of {index.election} in {index.regency}: name another for this one.",
        )
    if index.has_persons == without_persons:
        has, wants = ("persons", "none") if index.has_persons else ("no persons", "them")
        raise EcoklitError(
            "bad_argument", f"The folder was exported with {has}, and this run wants {wants}: name another folder."
        )
    for stream in STREAMS:
        parts = index.of(stream)
        if not parts or (stream == PERSONS):  # an erasure may have taken the last person since
            continue
        *_, last = messages_of(store.read(parts[-1]))
        there = await _fetch(source, stream)(last[0] - 1, 1)
        if not there or sha256(there[0][3]) != sha256(last[3]):
            raise EcoklitError(
                "other_journal",
                f"At {stream} {last[0]} the journal is not the one that was exported: it was restored or changed. "
                "Export it into another folder, and find out which.",
            )


def _fetch(source: JournalSource, stream: str) -> _Fetch:
    """(after, limit) → the next messages of a stream."""

    async def registry(after: int, limit: int) -> list[Message]:
        return [(one.sequence, one.device, 0, one.payload, ()) for one in await source.registry.read(after, limit)]

    async def events(after: int, limit: int) -> list[Message]:
        found = await source.journal.read_events(after, limit)
        return [(one.sequence, one.device, 0, one.payload, one.headers) for one in found]

    async def persons(after: int, limit: int) -> list[Message]:
        found = await source.journal.read_persons(after, limit)
        return [(one.sequence, one.device, one.seq, one.payload, ()) for one in found]

    return {REGISTRY: registry, EVENTS: events, PERSONS: persons}[stream]


async def _parts(fetch: _Fetch, store: SegmentStore, stream: str, after: int, end: int) -> AsyncIterator[Part]:
    """Write all that there is up to `end`; each segment once it is written."""
    some: list[Message] = []
    while after < end:
        found = await fetch(after, min(READ_MESSAGES_MAX, SEGMENT_MESSAGES_MAX - len(some)))
        some += [one for one in found if one[0] <= end]
        if not found or found[-1][0] > end:
            break
        after = found[-1][0]
        if len(some) >= SEGMENT_MESSAGES_MAX:
            yield store.put(stream, some)
            some = []
    if some:
        yield store.put(stream, some)
    if after < end and stream != PERSONS:
        raise JournalHole(f"The {stream} end at {after}, and the journal counts {end}: run `ecoklit inspect`.", after)


# --- back into a journal ---------------------------------------------------------------------------------------------


async def restore(
    segments: SegmentSource, journal: Journal, registry: RegistryJournal, *, progress: Progress | None = None
) -> Index:
    """Append all that was exported, in its order, to a journal and a registry that are empty.

    Registry and persons go first, so a crash leaves no event without what it needs; what it left is no journal to go on
    with: begin again with an empty broker. Raises EcoklitError journal_not_empty, SegmentDamaged,
    JournalError.
    """
    index = segments.index()
    if await journal.last() != Position(0, 0) or await registry.last() != 0:
        raise EcoklitError(
            "journal_not_empty", "The broker holds a journal of this election already: import into an empty one."
        )
    persons = _PersonsInto(journal)
    for stream, into in ((REGISTRY, _LinesInto(registry)), (PERSONS, persons), (EVENTS, _EventsInto(journal))):
        for part in index.of(stream):
            await into.take(list(messages_of(segments.read(part))))
            if progress is not None:
                progress(stream, part.last)
    await persons.end_at(index.ends.get(PERSONS, 0))
    if await journal.last() != Position(index.ends.get(EVENTS, 0), index.ends.get(PERSONS, 0)):
        raise _not_alone()
    return index


_device: Final = itemgetter(1)


def _runs(messages: Sequence[Message]) -> Iterator[tuple[str, list[Message]]]:
    """Stretches of one device's messages, no longer than one append may be."""
    for device, group in groupby(messages, key=_device):
        run = list(group)
        for start in range(0, len(run), PUSH_EVENTS_MAX):
            yield device, run[start : start + PUSH_EVENTS_MAX]


class _LinesInto:
    """Appends registry lines."""

    def __init__(self, registry: RegistryJournal) -> None:
        self._registry = registry
        self._ends: dict[str, int] = {}

    async def take(self, messages: Sequence[Message]) -> None:
        for device, run in _runs(messages):
            stored = await self._registry.append(device, self._ends.get(device, 0), [one[3] for one in run])
            _demand_place(stored, run)
            self._ends[device] = run[-1][0]


def _groups(messages: Sequence[Message]) -> Iterator[dict[str, list[Message]]]:
    """Stretches that one append may hold: each device once, in their order."""
    group: dict[str, list[Message]] = {}
    count = 0
    for device, run in _runs(messages):
        if device in group or count + len(run) > PUSH_EVENTS_MAX:
            yield group
            group, count = {}, 0
        group[device] = run
        count += len(run)
    if group:
        yield group


class _EventsInto:
    """Appends events."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._ends: dict[str, int] = {}

    async def take(self, messages: Sequence[Message]) -> None:
        for group in _groups(messages):
            pushes = [_push_of(device, run, self._ends.get(device, 0)) for device, run in group.items()]
            for stored, run in zip(await self._journal.append(pushes), group.values(), strict=True):
                _demand_place(stored, run)
            self._ends.update((device, run[-1][0]) for device, run in group.items())


def _push_of(device: str, run: Sequence[Message], after: int) -> Push:
    """These events with what rode on each, as one append."""
    last = len(run) - 1
    return Push(
        device,
        after,
        tuple(one[3] for one in run),
        headers=run[last][4],
        first_headers=run[0][4] if last else (),
        later_headers=tuple((at, *header) for at, one in enumerate(run[1:last], start=1) for header in one[4]),
    )


class _PersonsInto:
    """Appends persons, with a filler in each hole."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._last = 0

    async def take(self, messages: Sequence[Message]) -> None:
        filled: list[Message] = []
        for message in messages:
            filled += [FILLER] * (message[0] - self._last - 1)
            filled.append(message)
            self._last = message[0]
        await self._append(filled)

    async def end_at(self, position: int) -> None:
        await self._append([FILLER] * (position - self._last))

    async def _append(self, messages: Sequence[Message]) -> None:
        for group in _groups(messages):
            persons = [Push(device, 0, persons=tuple((one[2], one[3]) for one in run)) for device, run in group.items()]
            await self._journal.append(persons)


def _demand_place(stored: object, run: Sequence[Message]) -> None:
    if stored != Stored(run[0][0], run[-1][0]):
        raise _not_alone()


def _not_alone() -> EcoklitError:
    return EcoklitError(
        "journal_not_empty", "Somebody else writes to this broker: begin again with an empty one, and alone."
    )
