"""The projector: from the journal to the roll, a batch at a time.

A batch is read by stream sequence, every voter that it can have changed is folded anew from all its held events, and
rows and checkpoint go into the store as one step. Nothing is remembered from one batch to the next but the checkpoint,
so memory does not grow with the voters, and whatever dies, the next start goes on from the checkpoint.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, ParamSpec, TypeVar

import msgspec

from ecoklit.core import ids
from ecoklit.core.policy import Policy
from ecoklit.core.registry import Registry
from ecoklit.errors import EcoklitError
from ecoklit.ports import (
    Checkpoint,
    EventMessage,
    Journal,
    JournalHole,
    JournalUnavailable,
    PersonMessage,
    Position,
    RegistryJournal,
    RegistryMessage,
    RollStore,
    RollUnavailable,
    Step,
)
from ecoklit.services import step as steps
from ecoklit.services.ahead import Ahead
from ecoklit.services.judge import Judge, changed
from ecoklit.services.step import Batch, Elsewhere, Journaled, Reading

Message = TypeVar("Message", EventMessage, PersonMessage)
Given = ParamSpec("Given")
Made = TypeVar("Made")

BATCH_EVENTS_MAX: Final = 4000  # three are in flight; larger ones cost more, out of reach of the caches
ASIDE_EVENTS_MIN: Final = 500  # fewer are done sooner than a thread is woken
READ_MESSAGES_MANY: Final = 250  # a read that brings fewer has come to the end of what there was
IDLE_SECONDS: Final = 0.05
RETRY_SECONDS_MAX: Final = 5.0

REGISTRY_LINES_MAX: Final = 1000
REFOLDED_MAX: Final = 4000  # voters of one step that the registry makes necessary


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
        registry: RegistryJournal | None = None,
        batch_events_max: int = BATCH_EVENTS_MAX,
    ) -> None:
        """Without a `registry` nobody is judged, as by one that never opened the election."""
        self.trouble: EcoklitError | None = None
        self._journal = journal
        self._store = store
        self._of = Journaled(election, regency, policies)
        self._regency = regency
        self._registry_journal = registry
        self._registry = Registry(election, regency)
        self._batch_events_max = batch_events_max

    async def run_until_caught_up(
        self,
        until: Position | None = None,
        *,
        registry_until: int | None = None,
        progress: Callable[[Checkpoint], None] | None = None,
    ) -> Checkpoint:
        """Project all that the journal holds now and during the run, or no further than `until`; where it ended.

        It is judged by all that the registry says, or no further than position `registry_until`. `progress` is told
        each checkpoint. Raises JournalRestored, JournalDamaged, JournalHole, and what the journals and the store raise.
        """
        return await self._follow(await self._resume(), until, registry_until, progress)

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
        registry_until: int | None = None,
        progress: Callable[[Checkpoint], None] | None = None,
        stop: asyncio.Event | None = None,
    ) -> Checkpoint:
        """Project from `checkpoint` until nothing is left or `stop` is set. The registry goes ahead of the events."""
        while True:
            checkpoint = await self._follow_registry(checkpoint, registry_until, progress)
            checkpoint = await self._follow_journal(checkpoint, until, registry_until, progress, stop)
            if (stop is not None and stop.is_set()) or not await self._has_spoken(registry_until):
                return checkpoint

    async def _follow_journal(
        self,
        checkpoint: Checkpoint,
        until: Position | None,
        registry_until: int | None,
        progress: Callable[[Checkpoint], None] | None,
        stop: asyncio.Event | None,
    ) -> Checkpoint:
        """Project from `checkpoint`, a batch at a time, until nothing is left, `stop` is set, or the registry speaks.

        While the database works on a batch, the next one is made ready and the one after it is read. Steps are applied
        one after the other, each onto the checkpoint that it was made from.
        """
        reading = asyncio.ensure_future(self._read_ahead(checkpoint, until))
        applying: asyncio.Future[Checkpoint] = asyncio.get_running_loop().create_future()
        applying.set_result(checkpoint)
        store: RollStore | Ahead = self._store
        try:
            while not (read := await reading).batch.is_empty and not (stop is not None and stop.is_set()):
                if await self._has_spoken(registry_until):
                    break
                reading = asyncio.ensure_future(self._read_ahead(read.batch.after, until))
                step = await self._step(read, store)
                await applying
                applying = asyncio.ensure_future(self._apply(step, progress))
                store = Ahead(self._store, step)
        except EcoklitError:
            await applying  # what lies before the fault is projected, or its own fault is the one to tell
            raise
        except BaseException:
            await _give_up(applying)
            raise
        finally:
            await _give_up(reading)
        return await applying

    # --- the registry ------------------------------------------------------------------------------------------------

    async def _has_spoken(self, until: int | None) -> bool:
        """Whether the registry says more than was judged by."""
        if self._registry_journal is None or self._registry.position == until:
            return False
        return await self._registry_journal.last() > self._registry.position

    async def _follow_registry(
        self, checkpoint: Checkpoint, until: int | None, progress: Callable[[Checkpoint], None] | None
    ) -> Checkpoint:
        """Judge anew whoever the registry's next lines can change, until it says no more."""
        while lines := await self._registry_lines(self._registry.position, until):
            change = changed(self._registry, lines)
            # A crash before the last part leaves some voters judged by these lines ahead of the checkpoint, which is
            # harmless: they are judged again.
            self._registry = change.registry
            voters = await self._store.affected(change.affected)
            for start in range(0, max(len(voters), 1), REFOLDED_MAX):
                after = checkpoint._replace(revision=checkpoint.revision + 1)
                if start + REFOLDED_MAX >= len(voters):
                    after = after._replace(registry=lines[-1].sequence, registry_hash=ids.sha256(lines[-1].payload))
                nothing = steps.read(Batch(checkpoint, after, [], []), self._of)
                step = await self._step(nothing, self._store, voters[start : start + REFOLDED_MAX])
                checkpoint = await self._apply(step, progress)
        return checkpoint

    async def _registry_lines(self, after: int, until: int | None) -> list[RegistryMessage]:
        if self._registry_journal is None:
            return []
        lines = await self._registry_journal.read(after, REGISTRY_LINES_MAX)
        return lines if until is None else [line for line in lines if line.sequence <= until]

    async def _resume_registry(self, checkpoint: Checkpoint) -> None:
        """Take up the registry of the checkpoint, once its journal is known to hold the same line there."""
        if checkpoint.registry:
            there = await self._registry_lines(checkpoint.registry - 1, checkpoint.registry)
            if not there or ids.sha256(there[0].payload) != checkpoint.registry_hash:
                raise JournalRestored(
                    f"The registry of {self._regency} does not hold at {checkpoint.registry} the line that the roll "
                    f"was judged by: it was restored or replaced; run `ecoklit rebuild`, which makes the roll anew."
                )
        if self._registry.position != checkpoint.registry:
            registry = Registry(self._of.election, self._regency)
            while lines := await self._registry_lines(registry.position, checkpoint.registry):
                registry = changed(registry, lines).registry
            self._registry = registry

    async def _apply(self, step: Step, progress: Callable[[Checkpoint], None] | None) -> Checkpoint:
        await self._store.apply(step)
        if progress is not None:
            progress(step.after)
        return step.after

    async def lag(self) -> Lag:
        """What the journal holds beyond the checkpoint."""
        last, checkpoint = await self._journal.last(), await self._store.checkpoint()
        return Lag(max(0, last.events - checkpoint.events), max(0, last.persons - checkpoint.persons))

    # --- reading -----------------------------------------------------------------------------------------------------

    async def _resume(self) -> Checkpoint:
        """The checkpoint, once the journal is known to hold the same event there (contract §9)."""
        checkpoint = await self._store.checkpoint()
        await self._resume_registry(checkpoint)
        # Persons are deleted one by one, so nothing can be compared; but a stream that lost its end gives the sequences
        # that were projected to others, and they would never be read.
        if checkpoint.persons and (there_are := (await self._journal.last()).persons) < checkpoint.persons:
            raise JournalRestored(
                f"The journal of {self._regency} ends at person {there_are} and was projected up to "
                f"{checkpoint.persons}: it was restored or lost its end; see `ecoklit inspect`, then run "
                f"`ecoklit mend`."
            )
        if checkpoint.events == 0:
            return checkpoint
        there = await self._journal.read_events(checkpoint.events - 1, 1)
        if there and there[0].sequence == checkpoint.events and ids.sha256(there[0].payload) == checkpoint.event_hash:
            return checkpoint
        raise JournalRestored(
            f"The journal of {self._regency} does not hold at {checkpoint.events} the event that was projected from "
            f"there: it was restored or replaced; run `ecoklit rebuild`, which makes the roll anew from it."
        )

    async def _read_ahead(self, before: Checkpoint, until: Position | None) -> Reading:
        """The next batch, read event by event while the database is waited for."""
        batch = await self._read(before, until)
        return await self._aside(batch, steps.read, batch, self._of)

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
            before.registry,
            before.registry_hash,
            before.revision + 1,
        )
        return Batch(before, after, events, arrived)

    # --- one step ----------------------------------------------------------------------------------------------------

    async def _step(self, reading: Reading, store: RollStore | Ahead, judged: Sequence[str] = ()) -> Step:
        """All that a batch changes, from what the store holds, and what is new about the voters `judged` anew."""
        of, batch = self._of, reading.batch
        heads = await store.heads(list(dict.fromkeys(device for device, _ in reading.dots)))
        logs = steps.logs_of(reading, heads)
        reading.copies.adopt(await store.orphans_of(logs))
        late = await store.voters_of(left) if (left := reading.copies.beyond(reading.dots)) else {}
        woken = await store.waiting_for(logs)
        odd = {*woken, *late.values(), *reading.adopters()}
        held = await store.events_of(steps.touched(reading, self._regency, (*woken, *late.values(), *judged)))
        stamps = steps.stamps_of(reading, heads)
        judge = Judge(self._registry, steps.stamps_by_dot(reading, held, stamps))
        known = await self._aside(batch, steps.gather, reading, held, of, odd, judge)
        reading.copies.use_up(late)
        named = steps.named_elsewhere(known)
        there = await store.voters_of(named) if named else {}
        quarantine = judge.quarantine(known.held.values())
        elsewhere = Elsewhere(there, reading.dots, quarantine=quarantine, lost=judge.lost)
        placements = steps.placements_of(reading, known, self._regency)
        return await self._aside(batch, steps.make_step, reading, known, elsewhere, of, stamps, placements)

    async def _aside(
        self, batch: Batch, make: Callable[Given, Made], *given: Given.args, **named: Given.kwargs
    ) -> Made:
        """What `make` makes: of many events in a thread, so that the database is served meanwhile."""
        if len(batch.events) < ASIDE_EVENTS_MIN:
            return make(*given, **named)
        return await asyncio.to_thread(make, *given, **named)


async def _collect(read: Callable[[int, int], Awaitable[list[Message]]], after: int, limit: int) -> list[Message]:
    """The next `limit` messages, or those that are there: what arrives meanwhile holds nobody up.

    One read may bring fewer than it was asked for anywhere, but few only at the end.
    """
    messages: list[Message] = []
    more_max = limit
    while more_max > 0:
        try:
            more = await read(messages[-1].sequence if messages else after, more_max)
        except JournalHole:
            if messages:
                break  # what lies before the hole is projected; the next batch begins at it
            raise
        messages.extend(more)
        if len(more) < READ_MESSAGES_MANY:
            break  # journals are read from their end as fast as they are written: each read would bring a few more
        more_max = limit - len(messages)
    return messages


def _commitments(events: Sequence[EventMessage]) -> int:
    return sum(1 for message in events if b'"person":"' in message.payload)


async def _give_up(working: "asyncio.Future[Any]") -> None:
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError, EcoklitError):
        await working
