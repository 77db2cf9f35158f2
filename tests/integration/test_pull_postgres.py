"""What phones pull, from the real database, while the projector goes on beside them."""

from __future__ import annotations

from collections import Counter

import pytest

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_reader import NotProjected, PostgresReader
from ecoklit.adapters.postgres_sync import PostgresSync
from ecoklit.contract import policies
from ecoklit.core import wire
from ecoklit.core.merkle import leaf_hash, tree_head
from ecoklit.core.replica import Replica, fold
from ecoklit.core.wire import Held
from ecoklit.ports import PullCursor
from ecoklit.services.project import Projector
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

TPS = "9404012001001"


class PullingPhone:
    """Holds what it pulled of one TPS, and no more."""

    def __init__(self, reader: PostgresReader, tps: str, voters_max: int) -> None:
        self.replica = Replica(policies())
        self.pages = 0
        self._sync = PostgresSync(reader)
        self._tps = tps
        self._voters_max = voters_max
        self._cursor: PullCursor | None = None

    async def page(self) -> bytes | None:
        """Pull one page; the digest that comes with the last."""
        page = await self._sync.page(REGENCY, self._tps, self._cursor, self._voters_max)
        self.replica.receive(wire.hold(one.body, one.person) for one in page.events)
        self._cursor, self.pages = page.cursor, self.pages + 1
        return page.digest

    async def catch_up(self) -> bytes:
        while (digest := await self.page()) is None:
            pass
        return digest

    def held(self) -> dict[bytes, bool]:
        return {one.hash: one.person is not None for one in self.replica.held()}

    def digest(self) -> bytes:
        states = [state for state in self.replica.states() if state.decision.tps == self._tps]
        return tree_head([leaf_hash(state.decision_bytes) for state in states])


def places_of(held: Held) -> set[str]:
    return {held.tps, getattr(held.event, "to", held.tps)} if held.regency == REGENCY else set()


def due(history: list[Held], tps: str) -> dict[bytes, bool]:
    """Every event, and whether its person is held, about every voter that any event ever placed on `tps`."""
    voters = {one.voter for one in history if tps in places_of(one)}
    return {one.hash: one.person is not None for one in history if one.voter in voters}


@pytest.mark.parametrize(("seed", "voters_max"), [(51, 1), (52, 2), (53, 3), (54, 200)])
async def test_a_phone_gets_the_whole_history_of_its_tps(
    postgres_server: EmbeddedPostgres, schema: str, seed: int, voters_max: int
) -> None:
    """However arrivals, steps and pages interleave, a phone that caught up holds every event and person about every
    voter ever placed on its TPS, and no other voter's, and folds them to the roll's digest."""
    history = RandomHistory(seed, events=120)
    states = fold(history.held, policies()).states()
    tps = Counter(one.decision.tps for one in states).most_common(1)[0][0]
    journal = MemoryJournal()
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    projector = Projector(journal, store, policies(), election=ELECTION, regency=REGENCY, batch_events_max=7)
    await projector.run_until_caught_up()
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        phone = PullingPhone(reader, tps, voters_max)
        for number, arrival in enumerate(history.arrivals):
            await append_all(journal, [arrival])
            await projector.run_until_caught_up()
            if number % 3 == 0:
                await phone.page()
        digest = await phone.catch_up()
        assert phone.held() == due(history.held, tps)
        assert phone.digest() == digest
        leaves = [leaf_hash(one.decision_bytes) for one in states if one.decision.tps == tps]
        assert digest == tree_head(leaves)
        assert len(due(history.held, tps)) > len(leaves) > 0
    await store.close()


async def test_a_pull_of_nothing_new_is_empty(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """A phone that caught up is sent nothing again until something changes; then that voter only."""
    history = RandomHistory(55, events=120)
    journal = MemoryJournal()
    *most, last = history.arrivals
    await append_all(journal, most)
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    projector = Projector(journal, store, policies(), election=ELECTION, regency=REGENCY)
    await projector.run_until_caught_up()
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        sync = PostgresSync(reader)
        cursor: PullCursor | None = None
        for _ in range(2):
            page = await sync.page(REGENCY, TPS, cursor, 1000)
            assert bool(page.events) == (cursor is None)
            cursor = page.cursor
        await append_all(journal, [last])
        await projector.run_until_caught_up()
        page = await sync.page(REGENCY, TPS, cursor, 1000)
        changed = {one.voter for one in history.held if one.dot in {held.dot for held in last.events}}
        changed |= {one.voter for one in history.held if one.dot in {(last.device, seq) for seq, _ in last.persons}}
        assert {wire.hold(one.body, None).voter for one in page.events} <= changed
    await store.close()


async def test_a_cursor_of_another_build_begins_anew(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """A cursor of a roll that was made anew since is no cursor of this one: everything comes again."""
    history = RandomHistory(56)
    journal = MemoryJournal()
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    await append_all(journal, history.arrivals)
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        with pytest.raises(NotProjected):
            await PostgresSync(reader).page(REGENCY, TPS, None, 10)
        await Projector(journal, store, policies(), election=ELECTION, regency=REGENCY).run_until_caught_up()
        sync = PostgresSync(reader)
        first = await sync.page(REGENCY, TPS, None, 1000)
        again = await sync.page(REGENCY, TPS, first.cursor._replace(generation="another"), 1000)
        assert again == first
        assert again.events
        with pytest.raises(NotProjected, match="9401"):
            await sync.page("9401", TPS, None, 10)
    await store.close()
