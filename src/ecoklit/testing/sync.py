"""How phones come back in the evening: in a scrambled order, over a bad network, saying many things twice.

Every way to send a part of a log that is lawful and untidy occurs; that all come to the same is the service's promise.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from ecoklit.core.admission import GAP, Refused
from ecoklit.core.head import sign_head
from ecoklit.core.limits import PUSH_BYTES_MAX, PUSH_EVENTS_MAX
from ecoklit.core.push_file import HEAD_BYTES_MAX
from ecoklit.core.receipt import Receipt, read_receipt
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held
from ecoklit.ports import Service

PHONES_AT_ONCE: Final = 24
EVENTS_AT_ONCE_MAX: Final = 160

ONCE: Final = "once"
TWICE: Final = "twice"
FROM_TWO_PLACES: Final = "from_two_places"
ANSWER_LOST: Final = "answer_lost"
TOO_EARLY: Final = "too_early"
FROM_THE_START: Final = "from_the_start"

WAYS: Final = ((62, ONCE), (10, TWICE), (10, FROM_TWO_PLACES), (8, ANSWER_LOST), (6, TOO_EARLY), (4, FROM_THE_START))
"""Of a hundred parts, how many are sent so."""


class Outbox:
    """A phone's log on its disk: it is read part by part, so that a thousand phones need no memory."""

    def __init__(self, path: Path, election: str, key: Key, said: Sequence[Held]) -> None:
        self.device = key.device
        self._election = election
        self._key = key
        self._path = path
        self._ends = [0]
        self._hashes = [one.hash for one in said]
        lines = [one.line for one in said]
        for line in lines:
            self._ends.append(self._ends[-1] + len(line) + 1)
        path.write_bytes(b"".join(line + b"\n" for line in lines))

    @property
    def events(self) -> int:
        return len(self._ends) - 1

    def body(self, first: int, last: int) -> bytes:
        """The push of the events with these seqs, both included."""
        head = sign_head(self._key, self._election, last, self._hashes[last - 1])
        return self.lines(first, last) + head.line + b"\n"

    def lines(self, first: int, last: int) -> bytes:
        """The events alone."""
        with self._path.open("rb") as file:
            file.seek(self._ends[first - 1])
            return file.read(self._ends[last] - self._ends[first - 1])

    def fits(self, first: int, last: int) -> bool:
        """Whether one push may carry these events."""
        size = self._ends[last] - self._ends[first - 1] + HEAD_BYTES_MAX
        return last - first < PUSH_EVENTS_MAX and size <= PUSH_BYTES_MAX


class Errand(NamedTuple):
    """A part of a log, by its first and last seq, and the way it is sent."""

    first: int
    last: int
    way: str


class Synced(NamedTuple):
    """What the service answered in the end: each device's last receipt; and how many pushes were sent in each way."""

    receipts: dict[str, Receipt]
    ways: Counter[str]
    refused: Counter[str]


def errands(outbox: Outbox, random: Random) -> list[Errand]:
    """The log cut into parts, in the order of the log, each with its way."""
    parts: list[Errand] = []
    first = 1
    while first <= outbox.events:
        last = min(outbox.events, first + int(random.random() ** 2 * EVENTS_AT_ONCE_MAX))
        while not outbox.fits(first, last):
            last -= 1
        parts.append(Errand(first, last, _way(random)))
        first = last + 1
    return parts


def _way(random: Random) -> str:
    rest = random.random() * sum(weight for weight, _ in WAYS)
    for weight, way in WAYS:
        if rest < weight:
            return way
        rest -= weight
    return ONCE


async def sync(
    service: Service, outboxes: Iterable[Outbox], seed: int, on_events: Callable[[int], object] = lambda _: None
) -> Synced:
    """Send every log whole, many phones at once, each a part now and then; `on_events` is told of events receipted.

    The order among phones follows from the seed, the order of arrival does not. Raises what the service raises, but for
    a gap, which a phone that was too early is told of and mends.
    """
    random = Random(seed)
    lines = {outbox.device: _Line(service, outbox, errands(outbox, random), on_events) for outbox in outboxes}
    turns = [device for device, line in lines.items() for _ in line.errands]
    random.shuffle(turns)
    waiting = iter(turns)

    async def worker() -> None:
        for device in waiting:
            await lines[device].send_next()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(PHONES_AT_ONCE):
                group.create_task(worker())
    except BaseExceptionGroup as failures:
        # A service that is away fails all of them in the same way: one says it.
        raise failures.exceptions[0] from None
    return Synced(
        {device: line.receipt for device, line in lines.items() if line.receipt is not None},
        sum((line.ways for line in lines.values()), Counter()),
        sum((line.refused for line in lines.values()), Counter()),
    )


class _Line:
    """One phone's line to the service: one errand after the other, whoever's turn it is."""

    def __init__(
        self, service: Service, outbox: Outbox, errands: list[Errand], on_events: Callable[[int], object]
    ) -> None:
        self.errands = errands
        self.receipt: Receipt | None = None
        self.ways = Counter[str]()
        self.refused = Counter[str]()
        self._service = service
        self._outbox = outbox
        self._on_events = on_events
        self._done = 0
        self._lock = asyncio.Lock()

    async def send_next(self) -> None:
        async with self._lock:
            errand = self.errands[self._done]
            self._done += 1
            before = 0 if self.receipt is None else self.receipt.seq
            await self._send(errand)
            self.ways[errand.way] += 1
            self._on_events((0 if self.receipt is None else self.receipt.seq) - before)

    async def _send(self, errand: Errand) -> None:
        first, last, way = errand
        is_last = self._done == len(self.errands)
        if way == ANSWER_LOST:
            await self._push(first, last)  # its receipt never arrives, so the same is said again
        if way == FROM_TWO_PLACES:
            await asyncio.gather(self._push(first, last), self._push(first, last))
        if way == TOO_EARLY and not is_last:
            await self._push_too_early(self.errands[self._done])
        if way == FROM_THE_START and self._outbox.fits(1, last):
            first = 1
        self.receipt = await self._push(first, last)
        if way == TWICE:
            self.receipt = await self._push(first, last)

    async def _push_too_early(self, errand: Errand) -> None:
        try:
            await self._push(errand.first, errand.last)
        except Refused as error:
            if error.code != GAP:
                raise
            self.refused[error.code] += 1

    async def _push(self, first: int, last: int) -> Receipt:
        return read_receipt(await self._service.push(self._outbox.body(first, last))).receipt
