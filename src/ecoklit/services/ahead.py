"""The roll store as it will be once a step has been applied, so that the next step can be made meanwhile.

The store underneath may answer from before the step or from after it, question by question: what is laid over it comes
to the same either way.
"""

from collections.abc import Sequence
from functools import cached_property

from ecoklit.core import ids
from ecoklit.core.wire import Dot
from ecoklit.ports import EventRow, HeldRow, LogHead, PersonRow, RollStore, Step
from ecoklit.services.step import Log


class Ahead:
    """What `RollStore` can be asked when a step is made, with the rows of `step` laid over `store`."""

    def __init__(self, store: RollStore, step: Step) -> None:
        self._store = store
        self._step = step

    async def heads(self, devices: Sequence[str]) -> dict[str, LogHead]:
        heads = await self._store.heads(devices)
        for device in devices:
            if (end := self._ends.get(device)) is not None:
                heads[device] = LogHead(end.seq, ids.sha256(end.body), end.stamp)
        return heads

    async def events_of(self, voters: Sequence[str]) -> list[HeldRow]:
        about = {(row.device, row.seq): row for row in await self._store.events_of(voters)}
        for voter in voters:
            for row in self._events.get(voter, ()):
                about[row.device, row.seq] = HeldRow(
                    voter, row.device, row.seq, row.standing, row.body, None, row.stamp
                )
        for device, seq, standing in self._step.standings:
            if (device, seq) in about:
                about[device, seq] = about[device, seq]._replace(standing=standing)
        bodies = self._bodies
        return [
            row._replace(person=bodies[dot]) if row.person is None and dot in bodies else row
            for dot, row in about.items()
        ]

    async def voters_of(self, dots: Sequence[Dot]) -> dict[Dot, str]:
        voters = await self._store.voters_of(dots)
        named = self._named
        voters.update((dot, named[dot].voter) for dot in dots if dot in named)
        return voters

    async def orphans_of(self, logs: Sequence[Log]) -> list[PersonRow]:
        # Those that the step adopts belong to its own events, which no later log asks for.
        orphans = dict.fromkeys(await self._store.orphans_of(logs))
        orphans.update(dict.fromkeys(row for row in self._step.orphans if _within((row.device, row.seq), logs)))
        return list(orphans)

    async def waiting_for(self, logs: Sequence[Log]) -> list[str]:
        # One that waits no longer, by the step, is folded once more and comes out the same.
        voters = dict.fromkeys(await self._store.waiting_for(logs))
        voters.update((row.voter, None) for row in self._step.waiting if _within((row.device, row.seq), logs))
        return list(voters)

    @cached_property
    def _ends(self) -> dict[str, EventRow]:
        return {row.device: row for row in self._step.events}  # a device's events stand in the order of its log

    @cached_property
    def _named(self) -> dict[Dot, EventRow]:
        return {(row.device, row.seq): row for row in self._step.events}

    @cached_property
    def _events(self) -> dict[str, list[EventRow]]:
        about: dict[str, list[EventRow]] = {}
        for row in self._step.events:
            about.setdefault(row.voter, []).append(row)
        return about

    @cached_property
    def _bodies(self) -> dict[Dot, bytes]:
        return {(row.device, row.seq): row.body for row in self._step.persons}


def _within(dot: Dot, logs: Sequence[Log]) -> bool:
    return any(device == dot[0] and first <= dot[1] <= last for device, first, last in logs)
