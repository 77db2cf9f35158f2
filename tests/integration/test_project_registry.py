"""The projector and the registry: whatever order both speak in, the roll is the one that all of it gives."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.contract import policies
from ecoklit.core import entitlement, roll, wire
from ecoklit.core.entitlement import QUARANTINES, Admitted
from ecoklit.core.registry import Registry, fold_registry
from ecoklit.core.replica import Replica
from ecoklit.ports import RegistryJournal, RollStore
from ecoklit.services.project import JournalRestored, Projector
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal
from ecoklit.testing.memory_roll_store import MemoryRollStore
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all, whole
from ecoklit.testing.random_registry import RandomRegistry, append_line


class World:
    """A journal and a registry that grow, and the stamp of every event so far."""

    def __init__(self, seed: int, events: int = 90) -> None:
        self.history = RandomHistory(seed, events=events, calm=seed % 2 == 0)
        self.journal = MemoryJournal()
        self.registry = MemoryRegistryJournal()
        self.stamps: dict[tuple[str, int], int] = {}
        self.random = random.Random(seed)
        self.arrived = 0
        self._author = RandomRegistry(seed, self.history)

    @property
    def is_over(self) -> bool:
        return self.arrived == len(self.history.arrivals)

    async def grow(self) -> None:
        """One more arrival, or one more line of the registry."""
        if self.random.random() < 0.55:
            position = await self.registry.last()
            # Most pushes carry their stamp; a healed one an older one, and one of before the registry none.
            await self.arrive(self.random.choice([position, position, position, position // 2, None]))
        else:
            await self.speak()

    async def speak(self) -> None:
        await append_line(self.registry, self._author.next_line())

    async def erase(self) -> None:
        """Somebody's persons are ordered to be erased, seldom everybody's."""
        voters = sorted({one.voter for one in self.history.held})
        line = self._author.erased(None if self.random.random() < 0.05 else self.random.choice(voters))
        await append_line(self.registry, line)

    async def arrive(self, stamp: int | None) -> None:
        arrival = self.history.arrivals[self.arrived]
        await append_all(self.journal, [arrival], stamp)
        earlier = [dot for dot in self.stamps if dot[0] == arrival.device]
        before = self.stamps[max(earlier)] if earlier else 0
        self.stamps.update({one.dot: before if stamp is None else stamp for one in arrival.events})
        self.arrived += 1


async def registry_of(journal: RegistryJournal) -> Registry:
    lines = await journal.read(0, 10_000)
    return fold_registry(ELECTION, REGENCY, [(one.sequence, one.payload) for one in lines])


def expected(world: World, registry: Registry) -> Replica:
    """All of it folded at once, by the registry as it is."""
    held = [
        wire.hold(one.event_bytes, None) if registry.is_erased(one.voter) else one
        for one in whole(world.history.arrivals[: world.arrived])
    ]
    quarantine: dict[bytes, str] = {}
    for voter in {one.voter for one in held}:
        admitted = [Admitted(one, world.stamps[one.dot]) for one in held if one.voter == voter]
        quarantine.update(entitlement.names_of(entitlement.quarantine_of(registry, admitted)))
    replica = Replica(policies(), quarantine, registry.lost)
    replica.receive(held)
    return replica


async def assert_equals(world: World, store: RollStore, standings: Counter[str]) -> None:
    replica = expected(world, await registry_of(world.registry))
    states = [state for state in replica.states() if state.decision.regency == REGENCY]
    assert [line async for line in store.state_lines()] == [state.line for state in states]
    assert roll.digests(await store.leaves()) == roll.digests(roll.leaves(states))
    named = {
        one.dot: "not_entitled" if one.regency != REGENCY else replica.standing(one.hash).name for one in replica.held()
    }
    voters = sorted({one.voter for one in replica.held()})
    assert {(row.device, row.seq): row.standing for row in await store.events_of(voters)} == named
    standings.update(named.values())


def projector(world: World, store: RollStore, batch_events_max: int) -> Projector:
    return Projector(
        world.journal,
        store,
        policies(),
        election=ELECTION,
        regency=REGENCY,
        registry=world.registry,
        batch_events_max=batch_events_max,
    )


SEEN: Counter[str] = Counter()


@pytest.mark.parametrize("seed", range(30))
async def test_the_roll_is_what_all_of_it_gives(seed: int) -> None:
    """However arrivals, registry lines and projection interleave, states, digests and standings are those of one fold
    judged by the whole registry; and a projection from the beginning gives the same rows."""
    one, store = World(seed), MemoryRollStore()
    live = projector(one, store, 7)
    if seed % 3:
        for _ in range(3):
            await one.speak()
    while not one.is_over:
        await one.grow()
        if one.random.random() < 0.4:
            await live.run_until_caught_up()
            if one.random.random() < 0.2:
                await assert_equals(one, store, SEEN)
            if one.random.random() < 0.2:
                live = projector(one, store, 5)
    await live.run_until_caught_up()
    await assert_equals(one, store, SEEN)
    again = MemoryRollStore()
    await projector(one, again, 1000).run_until_caught_up()
    await assert_equals(one, again, SEEN)
    assert again.tables.voters == store.tables.voters
    assert {row[:2] for row in again.tables.placements} == {row[:2] for row in store.tables.placements}
    assert sorted(again.tables.sides) == sorted(store.tables.sides)
    assert {tuple(row) for row in again.tables.waiting} == {tuple(row) for row in store.tables.waiting}
    assert {dot: row.stamp for dot, row in again.tables.events.items()} == one.stamps


@pytest.mark.parametrize("seed", range(8))
async def test_nothing_is_kept_of_whoever_is_erased(seed: int) -> None:
    """However erasures, events and projection interleave, the roll is that of the events without those persons, and no
    person of theirs is held; a roll made anew, from a journal that still has them, is the same."""
    one, store = World(seed), MemoryRollStore()
    await one.speak()
    live = projector(one, store, 7)
    while not one.is_over:
        await one.grow()
        if one.random.random() < 0.1:
            await one.erase()
        if one.random.random() < 0.4:
            await live.run_until_caught_up()
    await live.run_until_caught_up()
    again = MemoryRollStore()
    await projector(one, again, 1000).run_until_caught_up()
    registry = await registry_of(one.registry)
    for made in (store, again):
        await assert_equals(one, made, Counter())
        erased = [dot for dot in made.tables.persons if registry.is_erased(made.tables.events[dot].voter)]
        assert not erased and not (registry.is_ended and made.tables.orphans)
    assert again.tables.voters == store.tables.voters
    assert again.tables.persons == store.tables.persons
    ERASED.append((len(registry.erasures), registry.is_ended, len(store.tables.persons)))


ERASED: list[tuple[int, bool, int]] = []


def test_erasures_of_one_and_of_all_were_tried() -> None:
    """Some worlds above end the election and some do not, and there persons of others stay: they can fail."""
    assert {ended for _, ended, _ in ERASED} == {False, True}
    assert all(count > 1 and persons > 0 for count, ended, persons in ERASED if not ended)


def test_the_registries_reach_every_corner() -> None:
    """The worlds above quarantine by every name there is, park, and count: they can fail."""
    assert set(SEEN) >= {*QUARANTINES, "counted", "parked"}


@pytest.mark.parametrize("seed", [101, 102])
async def test_the_real_database_is_asked_the_same(postgres_server: EmbeddedPostgres, schema: str, seed: int) -> None:
    """On PostgreSQL, with a projector that is killed between steps and started again, it is the same roll."""
    one = World(seed)
    while not one.is_over:
        await one.grow()
        if one.random.random() < 0.25:
            store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
            await projector(one, store, 7).run_until_caught_up()
            await store.close()
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    await projector(one, store, 50).run_until_caught_up()
    await assert_equals(one, store, SEEN)
    await store.close()


@pytest.mark.parametrize("fault", ["refused", "applied"])
async def test_a_failed_step_of_the_registry_is_done_again(fault: str) -> None:
    """Whether a step that judges anew was applied or not, the next start judges by the same lines, and all of them."""
    one, store = World(7), MemoryRollStore()
    live = projector(one, store, 20)
    for _ in range(8):
        await one.speak()
    while not one.is_over:
        await one.arrive(12)
    await live.run_until_caught_up()
    for _ in range(25):
        await one.speak()
        store.fail_next(fault)  # type: ignore[arg-type]
        with pytest.raises(Exception, match="told to fail"):
            await live.run_until_caught_up()
        await live.run_until_caught_up()
        await assert_equals(one, store, SEEN)


async def test_a_restored_registry_is_noticed() -> None:
    """A registry that ends before the checkpoint, or holds another line there, is not judged on by."""
    one, shorter, other, store = World(3), World(3), World(4), MemoryRollStore()
    for world, lines in ((one, 8), (shorter, 5), (other, 8)):
        for _ in range(lines):
            await world.speak()
    while not one.is_over:
        await one.arrive(5)
    await projector(one, store, 50).run_until_caught_up()
    judged_by = await store.checkpoint()
    assert judged_by.registry == 8
    for restored in (shorter, other):
        one.registry = restored.registry
        with pytest.raises(JournalRestored, match="registry"):
            await projector(one, store, 50).run_until_caught_up()
    assert await store.checkpoint() == judged_by
