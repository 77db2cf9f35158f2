"""The projector on a journal and a store in memory, which fail on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ecoklit.contract import policies
from ecoklit.core import canonical, columns, ids, roll, wire
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.replica import Replica, fold
from ecoklit.core.wire import Held
from ecoklit.ports import EventMessage, Journal, JournalHole, Position, RollTaken, RollUnavailable, Step
from ecoklit.services import step
from ecoklit.services.project import JournalRestored, Projector
from ecoklit.services.step import JournalDamaged
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_roll_store import MemoryRollStore, MemoryTables
from ecoklit.testing.random_history import AT, ELECTION, REGENCY, Arrival, RandomHistory, append_all

TPS, OTHER_TPS = "9404012001001", "9404012001002"
PERSON = {
    "record": {
        "nkk": None, "nik": None, "name": "Made Up", "birth_place": None, "birth_date": None, "marital": None,
        "sex": "P", "address": None, "rt": None, "rw": None, "disability": None, "ektp": None,
    },
    "salt": ids.to_base64url(bytes(16)),
}  # fmt: skip


def projector(journal: Journal, store: MemoryRollStore, batch_events_max: int = 10) -> Projector:
    return Projector(journal, store, policies(), election=ELECTION, regency=REGENCY, batch_events_max=batch_events_max)


def device(number: int, role: str = "pantarlih") -> DeviceLog:
    name = ids.device_id("ed25519", bytes([number] * 32))
    return DeviceLog(ELECTION, name, officer=f"o-{number}", role=role, policy="2024-1")


async def push(journal: MemoryJournal, *events: Held, persons: bool = True) -> None:
    copies = [(one.seq, one.person_bytes) for one in events if persons and one.person_bytes is not None]
    await append_all(journal, [Arrival(events[0].device, list(events), copies)])


async def project(history: RandomHistory, batch_events_max: int) -> MemoryTables:
    journal, store = MemoryJournal(), MemoryRollStore()
    await append_all(journal, history.arrivals)
    await projector(journal, store, batch_events_max).run_until_caught_up()
    return store.tables


def expected(history: RandomHistory) -> Replica:
    return fold(history.held, policies())


async def assert_equals_fold(tables: MemoryTables, history: RandomHistory) -> None:
    replica = expected(history)
    states = [state for state in replica.states() if state.decision.regency == REGENCY]
    tables.leased_to = None
    store = MemoryRollStore(tables)
    assert [line async for line in store.state_lines()] == [state.line for state in states]
    assert roll.digests(await store.leaves()) == roll.digests(roll.leaves(states))
    await store.close()
    for one in history.held:
        standing = "not_entitled" if one.regency != REGENCY else replica.standing(one.hash).name
        assert tables.events[one.dot].standing == standing


@pytest.mark.parametrize("seed", range(40))
async def test_the_roll_is_what_fold_prints(seed: int) -> None:
    """Whatever order a history comes in and however it is cut, states, digests and standings are those of a fold."""
    history = RandomHistory(seed, events=80)
    for batch_events_max in (1, 5, 1000):
        await assert_equals_fold(await project(history, batch_events_max), history)


@pytest.mark.parametrize("seed", range(30))
async def test_settled_by_rows_or_one_by_one_it_is_the_same_roll(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row of every table is the same whether plain voters are settled by columns or all go the general way."""
    history = RandomHistory(seed, events=80, lies=0.05, calm=True)
    settled: list[str] = []
    gather = step.gather

    def counting(*args: Any) -> step.Known:
        known = gather(*args)
        settled.extend(known.settled)
        return known

    monkeypatch.setattr(step, "gather", counting)
    for batch_events_max in (1, 7, 1000):
        monkeypatch.setattr(columns, "ROWS_MIN", 1)
        by_rows = await project(history, batch_events_max)
        assert settled
        monkeypatch.setattr(columns, "ROWS_MIN", 1_000_000)
        settled.clear()
        one_by_one = await project(history, batch_events_max)
        assert not settled
        for name, table in vars(by_rows).items():
            if name != "leased_to":
                assert in_any_order(table) == in_any_order(vars(one_by_one)[name]), name


def in_any_order(table: Any) -> Any:
    return sorted(table, key=repr) if isinstance(table, list) else table


class SlowStore(MemoryRollStore):
    """A store that takes its time to apply a step: the next one is made from what was before it, or from a mixture."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self._turns = turns

    async def apply(self, step: Step) -> None:
        for _ in range(self._turns):
            await asyncio.sleep(0)
        await super().apply(step)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("calm", [False, True])
async def test_a_step_made_ahead_is_the_same(seed: int, calm: bool) -> None:
    """However far the step before has been applied while a step is made, every row of every table is the same."""
    history = RandomHistory(seed, events=80, calm=calm)
    journal = MemoryJournal()
    await append_all(journal, history.arrivals)
    for batch_events_max in (1, 7):
        tables = []
        for turns in (0, 2, 4, 6, 40):
            store = SlowStore(turns)
            await projector(journal, store, batch_events_max).run_until_caught_up()
            tables.append(
                {name: in_any_order(table) for name, table in vars(store.tables).items()} | {"leased_to": None}
            )
        assert all(table == tables[0] for table in tables)
        await assert_equals_fold(store.tables, history)


async def test_the_histories_reach_every_corner() -> None:
    """The random histories above park, release, quarantine, orphan, conflict and propose: the tests can fail."""
    standings: set[str] = set()
    ever: set[str] = set()
    for seed in range(40):
        history = RandomHistory(seed, events=80)
        journal, store = MemoryJournal(), MemoryRollStore()
        for arrival in history.arrivals:
            await append_all(journal, [arrival])
            before = {dot: row.standing for dot, row in store.tables.events.items()}
            await projector(journal, store).run_until_caught_up()
            await store.close()
            ever |= {"orphan"} if store.tables.orphans else set()
            ever |= {
                f"{old} then {store.tables.events[dot].standing}"
                for dot, old in before.items()
                if store.tables.events[dot].standing != old
            }
        standings |= {row.standing for row in store.tables.events.values()}
        ever |= {row.register for row in store.tables.sides}
        ever |= {"absent" if row.record is None else "present" for row in store.tables.voters.values()}
    assert standings >= {
        "counted", "parked", "bad_event", "bad_clock", "unknown_policy", "wrong_cause", "not_on_roll", "not_entitled",
    }  # fmt: skip
    assert ever >= {"orphan", "parked then counted", "parked then wrong_cause", "absent", "present"}
    assert ever >= {"verdict", "tps", "proposal", "name"}


@pytest.mark.parametrize("fault", ["refused", "applied"])
@pytest.mark.parametrize("seed", range(6))
async def test_it_goes_on_after_any_failed_step(seed: int, fault: str) -> None:
    """Whether a failed step was applied or not, the next start goes on from the checkpoint, and nothing is doubled."""
    history = RandomHistory(seed)
    journal, store = MemoryJournal(), MemoryRollStore()
    await append_all(journal, history.arrivals)
    failed = 0
    while True:
        store.fail_next(None, fault)  # type: ignore[arg-type]
        try:
            await projector(journal, store, 7).run_until_caught_up()
            break
        except RollUnavailable:
            failed += 1
    assert failed > 2
    await assert_equals_fold(store.tables, history)


async def test_it_goes_no_further_than_told() -> None:
    """With `until`, the roll is that of the journal's beginning up to there."""
    history = RandomHistory(3, events=80)
    journal, store, other = MemoryJournal(), MemoryRollStore(), MemoryRollStore()
    await append_all(journal, history.arrivals)
    done = await projector(journal, store, 7).run_until_caught_up(Position(30, 12))
    assert (done.events, done.persons) == (30, 12)
    await projector(journal, other, 30).run_until_caught_up(Position(30, 12))
    assert store.tables.voters == other.tables.voters
    await projector(journal, store, 7).run_until_caught_up()
    await assert_equals_fold(store.tables, history)


async def test_a_hole_in_the_journal_stops_it_before_the_hole() -> None:
    """An event that cannot be read is never skipped: what lies before it is projected, and the error names it."""
    history = RandomHistory(1)
    journal, store = MemoryJournal(), MemoryRollStore()
    await append_all(journal, history.arrivals)
    journal.lose(30)
    with pytest.raises(JournalHole):
        await projector(journal, store).run_until_caught_up()
    assert store.tables.checkpoint.events == 29


class Tampered(MemoryJournal):
    """A journal whose messages somebody has changed on the way."""

    def __init__(self, **changes: bytes | str | int) -> None:
        super().__init__()
        self.changes = changes

    async def read_events(self, after: int, limit: int):  # type: ignore[no-untyped-def]
        import msgspec

        return [
            msgspec.structs.replace(message, **self.changes) if message.sequence == 2 else message
            for message in await super().read_events(after, limit)
        ]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sequence": 3}, "are gone"),
        ({"payload": b"{}"}, "is no event"),
        ({"device": "phonephonephone2"}, "stands in the log of"),
    ],
)
async def test_what_admission_never_lets_in_stops_it(changes: dict[str, bytes | str | int], says: str) -> None:
    """A gap in the sequences, bytes that are no event, or an event in another's log: a named error, nothing skipped."""
    journal, store, phone = Tampered(**changes), MemoryRollStore(), device(1)
    for _ in range(3):
        await push(journal, phone.append("new", tps=TPS, at=AT, how="family", document="ikd", person=PERSON))
    with pytest.raises(JournalDamaged, match=says):
        await projector(journal, store).run_until_caught_up()
    assert store.tables.checkpoint.events == 0


@pytest.mark.parametrize("lost", ["seq", "prev", "election"])
async def test_a_log_that_does_not_go_on_stops_it(lost: str) -> None:
    """The devices' own chains find a lost or changed event that the broker does not know of, across batches too."""
    journal, store, phone = MemoryJournal(strict=False), MemoryRollStore(), device(1)
    first = phone.append("new", tps=TPS, at=AT, how="family", document="ikd", person=PERSON)
    await push(journal, first)
    await projector(journal, store).run_until_caught_up()
    if lost == "seq":
        phone.append("found", tps=TPS, at=AT, voter=first.voter, how="family", seen=[first])
    elif lost == "prev":
        phone.prev = ids.to_base64url(b"x" * 32)
    else:
        phone.election = "pilkada-2029"
    await push(journal, phone.append("found", tps=TPS, at=AT, voter=first.voter, how="family", seen=[first]))
    with pytest.raises(JournalDamaged):
        await projector(journal, store).run_until_caught_up()
    assert store.tables.checkpoint.events == 1


@pytest.mark.parametrize("restored", ["shorter", "other"])
async def test_a_restored_journal_is_noticed(restored: str) -> None:
    """A journal that ends before the checkpoint, or holds another event there, is not projected onto it."""
    store = MemoryRollStore()
    journal = MemoryJournal()
    await append_all(journal, RandomHistory(1).arrivals)
    await projector(journal, store).run_until_caught_up()
    await store.close()
    other = MemoryJournal()
    await append_all(
        other, RandomHistory(1 if restored == "shorter" else 2).arrivals[: 5 if restored == "shorter" else None]
    )
    before = store.tables.checkpoint
    with pytest.raises(JournalRestored, match=r"rebuild|mend"):
        await projector(other, store).run_until_caught_up()
    assert store.tables.checkpoint == before


async def test_what_arrives_meanwhile_holds_nobody_up() -> None:
    """A journal that grows by an event with each read is projected as far as it was, not when a batch is full."""
    journal, store = MemoryJournal(), MemoryRollStore()
    office = device(1, "kpu")
    read_events, steps, apply = journal.read_events, [], store.apply

    async def growing(after: int, limit: int) -> list[EventMessage]:
        if office.seq < 40:
            await push(journal, office.append("listed", tps=TPS, at=AT, source="dp4", person=PERSON))
        return await read_events(after, limit)

    async def counting(step: Step) -> None:
        steps.append(step.after.events - step.before.events)
        await apply(step)

    journal.read_events, store.apply = growing, counting  # type: ignore[method-assign]
    await projector(journal, store, batch_events_max=1000).run_until_caught_up()
    assert sum(steps) == 40
    assert max(steps) < 10


async def test_two_projectors_cannot_both_apply() -> None:
    """While one projector is at work another one is refused, and nothing is applied twice."""
    history, tables, journal = RandomHistory(1), MemoryTables(), MemoryJournal()
    await append_all(journal, history.arrivals)
    both = [projector(journal, MemoryRollStore(tables), 3).run_until_caught_up() for _ in range(2)]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Checkpoint", "RollTaken"]
    await assert_equals_fold(tables, history)


async def test_a_checkpoint_moved_by_another_stops_it() -> None:
    """Should a lease be lost unnoticed, the comparison of checkpoints still keeps a step from being applied twice."""
    journal, tables = MemoryJournal(), MemoryTables()
    await append_all(journal, RandomHistory(1).arrivals)
    store = MemoryRollStore(tables)
    ahead = MemoryRollStore(tables)
    apply = store.apply

    async def overtaken(step: object) -> None:
        tables.leased_to = None
        await projector(journal, ahead).run_until_caught_up()
        tables.leased_to = None
        await apply(step)  # type: ignore[arg-type]

    store.apply = overtaken  # type: ignore[method-assign,assignment]
    with pytest.raises(RollTaken):
        await projector(journal, store).run_until_caught_up()


async def test_a_late_person_completes_its_voter() -> None:
    """A voter whose person has not come is on the roll without particulars, and has them once it comes."""
    journal, store, phone = MemoryJournal(), MemoryRollStore(), device(1)
    born = phone.append("new", tps=TPS, at=AT, how="family", document="ikd", person=PERSON)
    await push(journal, born, persons=False)
    await projector(journal, store).run_until_caught_up()
    assert store.tables.voters[born.voter].record is None
    decision = store.tables.voters[born.voter].decision
    wrong = canonical.encode({"salt": ids.to_base64url(b"w" * 16)})
    assert born.person_bytes is not None
    await append_all(journal, [Arrival(phone.device, [], [(1, wrong), (1, born.person_bytes), (1, born.person_bytes)])])
    await projector(journal, store).run_until_caught_up()
    assert '"name":"Made Up"' in (store.tables.voters[born.voter].record or "")
    assert store.tables.voters[born.voter].decision == decision
    assert (store.tables.orphans, len(store.tables.persons)) == ([], 1)


async def test_a_person_ahead_of_its_event_waits_for_it() -> None:
    """A copy that comes before its event is kept as an orphan; with the event the right one is adopted, others go."""
    journal, store, phone = MemoryJournal(), MemoryRollStore(), device(1)
    born = phone.append("new", tps=TPS, at=AT, how="family", document="ikd", person=PERSON)
    wrong = canonical.encode({"salt": ids.to_base64url(b"w" * 16)})
    assert born.person_bytes is not None
    await append_all(journal, [Arrival(phone.device, [], [(1, wrong), (1, born.person_bytes)])])
    await projector(journal, store).run_until_caught_up()
    assert len(store.tables.orphans) == 2
    await push(journal, born, persons=False)
    await projector(journal, store).run_until_caught_up()
    assert store.tables.orphans == []
    assert [row.body for row in store.tables.persons.values()] == [born.person_bytes]
    assert store.tables.voters[born.voter].record is not None


@pytest.mark.parametrize("about", ["the voter", "another voter"])
async def test_a_parked_event_is_released_by_the_dot_it_waits_for(about: str) -> None:
    """The dot that a parked event waits for releases it; about another voter, it makes the cause a wrong one."""
    journal, store = MemoryJournal(), MemoryRollStore()
    office, first, second = device(1, "kpu"), device(2), device(3)
    born = office.append("listed", tps=TPS, at=AT, source="dp4-2024", person=PERSON)
    other = office.append("listed", tps=TPS, at=AT, source="dp4-2024", person={**PERSON, "salt": "A" * 21 + "Q"})
    cause = first.append("found", tps=TPS, at=AT, voter=born.voter, how="family", seen=[born])
    effect = second.append("found", tps=TPS, at=AT, voter=born.voter, how="family", seen=[born, cause])
    if about == "another voter":
        first = device(2)
        cause = first.append("found", tps=TPS, at=AT, voter=other.voter, how="family", seen=[other])
    await push(journal, born, other)
    await push(journal, effect)
    await projector(journal, store).run_until_caught_up()
    assert store.tables.events[effect.dot].standing == "parked"
    assert [(row.device, row.seq, row.voter) for row in store.tables.waiting] == [(*cause.dot, born.voter)]
    await push(journal, cause)
    await projector(journal, store).run_until_caught_up()
    assert store.tables.events[effect.dot].standing == ("counted" if about == "the voter" else "wrong_cause")
    assert store.tables.waiting == []


async def test_an_event_about_another_regency_is_held_and_counts_nowhere() -> None:
    """A key belongs to one regency: what it says about another's roll is quarantined by name."""
    journal, store, phone = MemoryJournal(), MemoryRollStore(), device(1)
    born = phone.append("new", tps="9401012001001", at=AT, how="family", document="ikd", person=PERSON)
    await push(journal, born)
    await projector(journal, store).run_until_caught_up()
    assert store.tables.events[born.dot].standing == "not_entitled"
    assert store.tables.voters == {}


def trouble(running: Projector) -> str | None:
    return None if running.trouble is None else running.trouble.code


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


async def test_it_follows_the_journal_and_waits_out_what_is_away() -> None:
    """Run for ever, it takes in what arrives, says what it waits for while journal or store is away, and goes on."""
    history, journal, store = RandomHistory(5), MemoryJournal(), MemoryRollStore()
    running, stop = projector(journal, store), asyncio.Event()
    task = asyncio.create_task(running.run_forever(stop))
    await append_all(journal, history.arrivals[:4])
    journal.unavailable = True
    async with asyncio.timeout(10):
        await until(lambda: trouble(running) == "journal_unavailable")
        journal.unavailable, store.unavailable = False, True
        await until(lambda: trouble(running) == "database_unavailable")
        store.unavailable = False
        await append_all(journal, history.arrivals[4:])
        events = (await journal.last()).events
        await until(lambda: store.tables.checkpoint.events == events)
        stop.set()
        await task
    await assert_equals_fold(store.tables, history)


async def test_what_cannot_mend_itself_ends_it() -> None:
    """Run for ever, it does not retry a damaged journal: it ends with the error that names it."""
    journal = MemoryJournal()
    await append_all(journal, RandomHistory(1).arrivals)
    journal.lose(1)
    with pytest.raises(JournalHole):
        await projector(journal, MemoryRollStore()).run_forever(asyncio.Event())


async def test_lag_counts_what_is_not_projected() -> None:
    """Lag is the journal's end less the checkpoint, for events and persons."""
    journal, store, phone = MemoryJournal(), MemoryRollStore(), device(1)
    running = projector(journal, store)
    await push(journal, phone.append("new", tps=TPS, at=AT, how="family", document="ikd", person=PERSON))
    assert ((await running.lag()).events, (await running.lag()).persons) == (1, 1)
    await running.run_until_caught_up()
    assert ((await running.lag()).events, (await running.lag()).persons) == (0, 0)


def test_wire_lines_of_a_history_are_good_lines() -> None:
    """The histories hold nothing that admission would refuse."""
    for one in RandomHistory(7).held:
        assert wire.read(one.line).hash == one.hash
