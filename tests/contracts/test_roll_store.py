"""The acceptance suite of `ports.RollStore`: whoever passes it can hold the roll."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.contract import policies
from ecoklit.core import ids, roll
from ecoklit.core.replica import fold
from ecoklit.ports import (
    Checkpoint,
    EventRow,
    HeldRow,
    LogHead,
    PersonRow,
    PlacementRow,
    RollStore,
    RollTaken,
    SideRow,
    Step,
    VoterRow,
    WaitingRow,
)
from ecoklit.services.project import Projector
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_roll_store import MemoryRollStore, MemoryTables
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

Opener = Callable[[], RollStore]

FRESH = Checkpoint(0, ids.ZERO_HASH, 0)
ANNA, BUDI = "00000000-0000-8000-8000-00000000000a", "00000000-0000-8000-8000-00000000000b"
PHONE, OFFICE = "phonephonephone2", "officeofficeoff2"
TPS = "9404012001001"


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def opener(request: pytest.FixtureRequest, schema: str) -> AsyncIterator[Opener]:
    """Opens stores on one and the same set of rows."""
    opened: list[RollStore] = []
    tables = MemoryTables()
    server: EmbeddedPostgres = request.getfixturevalue("postgres_server")

    def open_one() -> RollStore:
        store: RollStore
        if request.param == "memory":
            store = MemoryRollStore(tables)
        else:
            store = PostgresRoll(server.dsn, election=ELECTION, regency=REGENCY, schema=schema, lease_seconds_max=0.1)
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        await store.close()


def body(position: int) -> bytes:
    """As much of an event as a store looks into."""
    said = '{"at":"2024-06-25T09:00:00+09:00","officer":"o-%d","role":"pantarlih","tps":"%s","type":"found"}'
    return (said % (position, TPS)).encode()


def event(position: int, seq: int, voter: str, *, device: str = PHONE, standing: str = "counted") -> EventRow:
    return EventRow(position, seq, voter, device, standing, body(position))


def voter(name: str, *, tps: str = TPS, decision: bytes = b"{}", record: str | None = "{}") -> VoterRow:
    return VoterRow(
        name, 0, False, tps, TPS, "dp4-2024", "unvisited", None, None, ["deceased"], "L", None, decision, record
    )


FIRST = Step(
    before=FRESH,
    after=Checkpoint(3, b"h" * 32, 2),
    events=[
        event(1, 1, ANNA),
        event(2, 2, BUDI, standing="parked"),
        event(3, 1, BUDI, device=OFFICE)._replace(stamp=7),
    ],
    persons=[PersonRow(1, 1, PHONE, b"person of 1")],
    orphans=[PersonRow(2, 9, PHONE, b"too early")],
    voters=[voter(ANNA), voter(BUDI, decision=b'{"b":1}', record=None)],
    sides=[SideRow(1, BUDI, OFFICE, "proposal", "deceased", False)],
    waiting=[WaitingRow(5, BUDI, OFFICE)],
    placements=[PlacementRow(1, ANNA, TPS), PlacementRow(1, BUDI, TPS)],
)


async def everything(store: RollStore) -> tuple[object, ...]:
    return (
        await store.checkpoint(),
        await store.heads([PHONE, OFFICE]),
        sorted(await store.events_of([ANNA, BUDI])),
        await store.orphans_of([(PHONE, 1, 99)]),
        await store.waiting_for([(OFFICE, 1, 99)]),
        [line async for line in store.state_lines()],
        sorted(await store.leaves()),
        await store.standings(),
    )


async def test_a_fresh_store_is_before_the_first_event(opener: Opener) -> None:
    """A fresh store is before the first event, and holds nothing."""
    store = opener()
    assert await store.checkpoint() == FRESH
    assert await everything(store) == (FRESH, {}, [], [], [], [], [], {})


async def test_what_is_applied_is_read_back(opener: Opener) -> None:
    """What a step writes is what every question answers with, exact to the byte."""
    store = opener()
    await store.checkpoint()
    await store.apply(FIRST)
    assert await store.checkpoint() == FIRST.after
    assert await store.heads([PHONE, OFFICE, "strangerstranger"]) == {
        PHONE: LogHead(2, ids.sha256(body(2)), 0),
        OFFICE: LogHead(1, ids.sha256(body(3)), 7),
    }
    assert await store.events_of([ANNA]) == [HeldRow(ANNA, PHONE, 1, "counted", body(1), b"person of 1")]
    assert {(row.device, row.seq, row.person) for row in await store.events_of([BUDI])} == {
        (PHONE, 2, None),
        (OFFICE, 1, None),
    }
    assert await store.voters_of([(PHONE, 1), (OFFICE, 1), (OFFICE, 2)]) == {(PHONE, 1): ANNA, (OFFICE, 1): BUDI}
    assert await store.orphans_of([(PHONE, 8, 9)]) == [PersonRow(2, 9, PHONE, b"too early")]
    assert await store.orphans_of([(PHONE, 1, 8), (OFFICE, 9, 9)]) == []
    assert await store.waiting_for([(OFFICE, 5, 5)]) == [BUDI]
    assert await store.waiting_for([(OFFICE, 1, 4), (PHONE, 5, 5)]) == []
    assert [line async for line in store.state_lines()] == [
        b'{"decision":{},"record":{}}',
        b'{"decision":{"b":1},"record":null}',
    ]
    assert sorted(await store.leaves()) == [
        (TPS, ANNA, ids.sha256(b"\0{}")),
        (TPS, BUDI, ids.sha256(b'\0{"b":1}')),
    ]
    assert await store.standings() == {"counted": 2, "parked": 1}


async def test_refolding_replaces_the_rows_of_a_voter_and_of_nobody_else(opener: Opener) -> None:
    """A voter refolded has its new rows only, a released event its new standing, and an adopted orphan is gone."""
    store = opener()
    await store.checkpoint()
    await store.apply(FIRST)
    await store.apply(
        Step(
            before=FIRST.after,
            after=Checkpoint(4, b"i" * 32, 2),
            events=[event(4, 3, BUDI)],
            adopted=[(PHONE, 9)],
            standings=[(PHONE, 2, "counted")],
            refolded=[BUDI],
            voters=[voter(BUDI, decision=b'{"b":2}')],
        )
    )
    assert [line async for line in store.state_lines()] == [
        b'{"decision":{},"record":{}}',
        b'{"decision":{"b":2},"record":{}}',
    ]
    assert await store.waiting_for([(OFFICE, 1, 99)]) == []
    assert await store.orphans_of([(PHONE, 1, 99)]) == []
    assert await store.standings() == {"counted": 4}


async def test_a_voter_may_lose_its_state(opener: Opener) -> None:
    """A voter refolded to nothing has no row left."""
    store = opener()
    await store.checkpoint()
    await store.apply(FIRST)
    await store.apply(Step(before=FIRST.after, after=FIRST.after._replace(events=4), refolded=[ANNA]))
    assert [row[1] for row in await store.leaves()] == [BUDI]


async def test_what_does_not_count_is_held(opener: Opener) -> None:
    """An event that is not entitled is among its voter's events like any other: it may be released."""
    store = opener()
    await store.checkpoint()
    await store.apply(
        Step(before=FRESH, after=Checkpoint(1, b"h" * 32, 0), events=[event(1, 1, ANNA, standing="not_entitled")])
    )
    assert await store.events_of([ANNA]) == [HeldRow(ANNA, PHONE, 1, "not_entitled", body(1), None)]
    assert await store.voters_of([(PHONE, 1)]) == {(PHONE, 1): ANNA}
    assert (await store.heads([PHONE]))[PHONE][0] == 1


@pytest.mark.parametrize(
    "before",
    [Checkpoint(2, ids.ZERO_HASH, 0), Checkpoint(0, b"x" * 32, 0), Checkpoint(0, ids.ZERO_HASH, 1), FIRST.after],
)
async def test_a_step_from_another_checkpoint_is_refused_whole(opener: Opener, before: Checkpoint) -> None:
    """A step is applied only onto the very checkpoint that it was made from; otherwise nothing of it is."""
    store = opener()
    await store.checkpoint()
    untouched = await everything(store)
    with pytest.raises(RollTaken):
        await store.apply(Step(before=before, after=FIRST.after, events=FIRST.events, voters=FIRST.voters))
    assert await everything(store) == untouched


async def test_a_step_is_applied_once(opener: Opener) -> None:
    """Applying a step twice is refused the second time, and changes nothing."""
    store = opener()
    await store.checkpoint()
    await store.apply(FIRST)
    once = await everything(store)
    with pytest.raises(RollTaken):
        await store.apply(FIRST)
    assert await everything(store) == once


async def test_one_projector_holds_the_lease(opener: Opener) -> None:
    """A second store on the same regency is refused until the first is closed, and then finds all its rows."""
    first, second = opener(), opener()
    await first.checkpoint()
    await first.apply(FIRST)
    with pytest.raises(RollTaken):
        await second.checkpoint()
    await first.close()
    await first.close()
    assert await second.checkpoint() == FIRST.after
    with pytest.raises(RollTaken):
        await first.checkpoint()


@pytest.mark.parametrize("batch_events_max", [1, 9, 1000])
@pytest.mark.parametrize("seed", range(4))
async def test_the_roll_holds_what_fold_prints(opener: Opener, seed: int, batch_events_max: int) -> None:
    """However a history is cut into batches, the store holds the states and digests of a fold, byte for byte."""
    history = RandomHistory(seed, events=90)
    journal, store = MemoryJournal(), opener()
    await append_all(journal, history.arrivals)
    await Projector(
        journal, store, policies(), election=ELECTION, regency=REGENCY, batch_events_max=batch_events_max
    ).run_until_caught_up()
    states = [state for state in fold(history.held, policies()).states() if state.decision.regency == REGENCY]
    assert len(states) > 5
    assert [line async for line in store.state_lines()] == [state.line for state in states]
    assert roll.digests(await store.leaves()) == roll.digests(roll.leaves(states))
