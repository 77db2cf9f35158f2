"""The projector: from the journal to the roll, a batch at a time.

A batch is read by stream sequence, every voter that it can have changed is folded anew from all its held events, and
rows and checkpoint go into the store as one step. Nothing is remembered from one batch to the next but the checkpoint,
so memory does not grow with the voters, and whatever dies, the next start goes on from the checkpoint.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from ecoklit.core import ids
from ecoklit.core.policy import Policy
from ecoklit.errors import EcoklitError
from ecoklit.ports import (
    Checkpoint,
    EventMessage,
    Journal,
    JournalHole,
    JournalUnavailable,
    PersonMessage,
    Position,
    RollStore,
    RollUnavailable,
    Step,
)
from ecoklit.services import step
from ecoklit.services.step import Batch, Elsewhere, Journaled

Message = TypeVar("Message", EventMessage, PersonMessage)

BATCH_EVENTS_MAX: Final = 8000  # some 10 MB in flight; larger ones measured no faster
IDLE_SECONDS: Final = 0.05
RETRY_SECONDS_MAX: Final = 5.0

_NO_QUARANTINE: Final[Mapping[bytes, str]] = {}


class JournalRestored(EcoklitError):
    """The journal is not the one that was projected: it ends before the checkpoint, or holds another event there."""

    def __init__(self, message: str) -> None:
        super().__init__("journal_restored", message)


class Lag(msgspec.Struct, frozen=True):
    """How many events and persons of the journal are not projected yet."""

    events: int
    persons: int


class Projector:
    """Projects the journal of one election and regency into a store.

    One at a time: the store's lease and the comparison of checkpoints see to it. `trouble` is what `run_forever` is
    waiting out, None while all is well.
    """

    def __init__(
        self,
        journal: Journal,
        store: RollStore,
        policies: Mapping[str, Policy],
        *,
        election: str,
        regency: str,
        batch_events_max: int = BATCH_EVENTS_MAX,
    ) -> None:
        self.trouble: EcoklitError | None = None
        self._journal = journal
        self._store = store
        self._of = Journaled(election, regency, policies)
        self._regency = regency
        self._batch_events_max = batch_events_max

    async def run_until_caught_up(
        self, until: Position | None = None, *, progress: Callable[[Checkpoint], None] | None = None
    ) -> Checkpoint:
        """Project all that the journal holds now and during the run, or no further than `until`; where it ended.

        `progress` is told each checkpoint. Raises JournalRestored, JournalDamaged, JournalHole, and what the journal
        and the store raise.
        """
        return await self._follow(await self._resume(), until, progress)

    async def run_forever(self, stop: asyncio.Event) -> None:
        """Follow the journal until `stop` is set; a journal or database that is away is waited out, else it raises."""
        checkpoint: Checkpoint | None = None
        pause = IDLE_SECONDS
        while not stop.is_set():
            try:
                checkpoint = await self._follow(checkpoint or await self._resume(), stop=stop)
                self.trouble, pause = None, IDLE_SECONDS
            except (JournalUnavailable, RollUnavailable) as error:
                # Whether the last step was applied is not known: the store says, once it is back.
                checkpoint = None
                self.trouble, pause = error, min(2 * pause, RETRY_SECONDS_MAX)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def _follow(
        self,
        checkpoint: Checkpoint,
        until: Position | None = None,
        progress: Callable[[Checkpoint], None] | None = None,
        stop: asyncio.Event | None = None,
    ) -> Checkpoint:
        """Project from `checkpoint`, a batch at a time, until nothing is left or `stop` is set."""
        reading = asyncio.ensure_future(self._read(checkpoint, until))
        try:
            while not (batch := await reading).is_empty and not (stop is not None and stop.is_set()):
                # The next batch is read and decoded while the database works on this one.
                reading = asyncio.ensure_future(self._read(batch.after, until))
                await self._store.apply(await self._step(batch))
                checkpoint = batch.after
                if progress is not None:
                    progress(checkpoint)
        finally:
            await _give_up(reading)
        return checkpoint

    async def lag(self) -> Lag:
        """What the journal holds beyond the checkpoint."""
        last, checkpoint = await self._journal.last(), await self._store.checkpoint()
        return Lag(max(0, last.events - checkpoint.events), max(0, last.persons - checkpoint.persons))

    # --- reading -----------------------------------------------------------------------------------------------------

    async def _resume(self) -> Checkpoint:
        """The checkpoint, once the journal is known to hold the same event there (contract §9)."""
        checkpoint = await self._store.checkpoint()
        if checkpoint.events == 0:
            return checkpoint
        there = await self._journal.read_events(checkpoint.events - 1, 1)
        if there and there[0].sequence == checkpoint.events and ids.sha256(there[0].payload) == checkpoint.event_hash:
            return checkpoint
        raise JournalRestored(
            f"The journal of {self._regency} does not hold at {checkpoint.events} the event that was projected from "
            f"there: it was restored or replaced; run `ecoklit rebuild`, which makes the roll anew from it."
        )

    async def _read(self, before: Checkpoint, until: Position | None) -> Batch:
        limit = self._batch_events_max
        if until is not None:
            limit = min(limit, until.events - before.events)
        events = await _collect(self._journal.read_events, before.events, limit)
        # Both streams were written together, so a full batch needs about the persons that it names. One that
        # comes later completes its voter then, and one that is early waits as an orphan.
        wanted = _commitments(events) if events and len(events) == limit else self._batch_events_max
        arrived = await _collect(self._journal.read_persons, before.persons, wanted)
        if until is not None:
            arrived = [one for one in arrived if one.sequence <= until.persons]
        after = Checkpoint(
            events[-1].sequence if events else before.events,
            ids.sha256(events[-1].payload) if events else before.event_hash,
            arrived[-1].sequence if arrived else before.persons,
        )
        return Batch(before, after, events, arrived)

    # --- one step ----------------------------------------------------------------------------------------------------

    async def _step(self, batch: Batch) -> Step:
        """All that `batch` changes, from what the store holds."""
        store, of = self._store, self._of
        reading = step.read(batch, of)
        heads = await store.heads(list(dict.fromkeys(device for device, _ in reading.dots)))
        logs = step.logs_of(reading, heads)
        reading.copies.adopt(await store.orphans_of(logs))
        late = await store.voters_of(left) if (left := reading.copies.beyond(reading.dots)) else {}
        woken = await store.waiting_for(logs)
        odd = {*woken, *late.values(), *reading.adopters()}
        voters = step.touched(reading, self._regency, (*woken, *late.values()))
        known = step.gather(reading, await store.events_of(voters), of, odd, _NO_QUARANTINE)
        reading.copies.use_up(late)
        named = step.named_elsewhere(known)
        there = await store.voters_of(named) if named else {}
        elsewhere = Elsewhere(there, reading.dots, quarantine=_NO_QUARANTINE)
        return step.make_step(reading, known, elsewhere, of)


async def _collect(read: Callable[[int, int], Awaitable[list[Message]]], after: int, limit: int) -> list[Message]:
    """The next `limit` messages; fewer only at the end, although one read may bring fewer anywhere."""
    messages: list[Message] = []
    while len(messages) < limit:
        try:
            more = await read(messages[-1].sequence if messages else after, limit - len(messages))
        except JournalHole:
            if messages:
                break  # what lies before the hole is projected; the next batch begins at it
            raise
        if not more:
            break
        messages.extend(more)
    return messages


def _commitments(events: Sequence[EventMessage]) -> int:
    return sum(1 for message in events if b'"person":"' in message.payload)


async def _give_up(reading: "asyncio.Future[Batch]") -> None:
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError, EcoklitError):
        await reading
