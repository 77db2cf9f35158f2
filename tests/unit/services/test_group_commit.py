"""Group commit over the journal in memory, which fails on demand."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecoklit.ports import Journal, JournalBusy, JournalError, JournalFull, JournalUnavailable, Push, Stale, Stored
from ecoklit.services.group_commit import GroupCommit
from ecoklit.testing.memory_journal import Fault, MemoryJournal
from ecoklit.testing.opaque_log import OpaqueLog, device_name


def _logs(count: int, event_bytes: int = 300) -> list[OpaqueLog]:
    return [OpaqueLog(device_name(n), event_bytes=event_bytes) for n in range(count)]


async def test_what_arrives_meanwhile_goes_together() -> None:
    """Three hundred pushes at once are one append, not three hundred."""
    journal = MemoryJournal()
    group = GroupCommit(journal)
    outcomes = await asyncio.gather(*(group.submit(log.push(2, 0)) for log in _logs(300)))
    assert sorted(outcome.last for outcome in outcomes if isinstance(outcome, Stored)) == list(range(2, 601, 2))
    assert journal.appends == 1


async def test_no_push_is_split() -> None:
    """A group ends before the push that would not fit whole, and that one opens the next."""
    journal = MemoryJournal()
    group = GroupCommit(journal)
    sizes = (400, 400, 400, 1000, 1)
    outcomes = await asyncio.gather(
        *(group.submit(log.push(size, 0)) for log, size in zip(_logs(5), sizes, strict=True))
    )
    assert outcomes == [Stored(1, 400), Stored(401, 800), Stored(801, 1200), Stored(1201, 2200), Stored(2201, 2201)]
    assert journal.appends == 4


async def test_persons_count_too() -> None:
    """A thousand persons fill a group as a thousand events do."""
    journal = MemoryJournal()
    group = GroupCommit(journal)
    persons = tuple((seq, b"x") for seq in range(1, 601))
    await asyncio.gather(*(group.submit(Push(device_name(n), 0, (), persons)) for n in range(2)))
    assert journal.appends == 2


async def test_large_pushes_make_small_groups() -> None:
    """A group is bounded in bytes as well: the small pushes behind it do not wait for tens of megabytes."""
    journal = MemoryJournal()
    group = GroupCommit(journal)
    await asyncio.gather(*(group.submit(log.push(50, 0)) for log in _logs(12, event_bytes=16_000)))
    assert journal.appends == 3


async def test_pushes_of_one_device_keep_their_order() -> None:
    """A device's next push waits for the one before it; others are not held up by that."""
    journal = MemoryJournal()
    group = GroupCommit(journal)
    log, other = _logs(2)
    pushes = [log.push(1, n) for n in range(3)]
    outcomes = await asyncio.gather(*map(group.submit, pushes), group.submit(other.push(1, 0)))
    assert outcomes == [Stored(1, 1), Stored(3, 3), Stale(), Stored(2, 2)], "the third expected sequence 2"
    assert journal.appends == 3


async def test_one_stale_push_does_not_hold_up_the_rest() -> None:
    """In one group, the stale are told so and the others are stored."""
    journal = MemoryJournal()
    group = GroupCommit(journal)
    stale, *logs = _logs(10)
    outcomes = await asyncio.gather(group.submit(stale.push(2, 5)), *(group.submit(log.push(2, 0)) for log in logs))
    assert outcomes[0] == Stale()
    assert all(isinstance(outcome, Stored) for outcome in outcomes[1:])
    assert journal.appends == 1


async def test_a_push_that_is_none_harms_nobody_else() -> None:
    """It is refused before it joins a group."""
    journal = MemoryJournal()
    group = GroupCommit(journal)
    outcomes = await asyncio.gather(
        group.submit(Push("nobody", 0, (b"x",))), group.submit(_logs(1)[0].push(1, 0)), return_exceptions=True
    )
    assert isinstance(outcomes[0], ValueError)
    assert outcomes[1] == Stored(1, 1)


async def test_busy() -> None:
    """More than may wait is refused at once and not stored; what was taken is stored."""
    journal = MemoryJournal()
    group = GroupCommit(journal, waiting_events_max=10)
    outcomes = await asyncio.gather(*(group.submit(log.push(4, 0)) for log in _logs(4)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Stored, Stored, JournalBusy, JournalBusy]
    assert (await journal.last()).events == 8
    assert isinstance(await group.submit(OpaqueLog(device_name(9)).push(4, 0)), Stored), "there is room again"


async def test_one_push_larger_than_the_bound_still_passes() -> None:
    """The bound is on what waits: an empty queue takes any push."""
    group = GroupCommit(MemoryJournal(), waiting_events_max=10)
    assert await group.submit(_logs(1)[0].push(500, 0)) == Stored(1, 500)


async def test_a_cancelled_wait_stores_nothing() -> None:
    """A caller that gives up while its push waits takes it away, and frees its room."""
    journal = _SlowJournal()
    group = GroupCommit(journal, waiting_events_max=3)
    first, second, third = _logs(3)
    writing = asyncio.create_task(group.submit(first.push(1, 0)))
    await journal.entered.wait()
    waiting = asyncio.create_task(group.submit(second.push(3, 0)))
    await asyncio.sleep(0)
    waiting.cancel()
    journal.proceed.set()
    assert await writing == Stored(1, 1)
    assert await group.submit(third.push(3, 0)) == Stored(2, 4)
    assert waiting.cancelled()
    assert await journal.head(second.device) is None


async def test_a_cancelled_caller_does_not_stop_the_commit() -> None:
    """When the commit is under way, one caller's cancellation leaves the others their outcomes."""
    journal = _SlowJournal()
    group = GroupCommit(journal)
    one, other = _logs(2)
    tasks = [asyncio.create_task(group.submit(log.push(1, 0))) for log in (one, other)]
    await journal.entered.wait()
    tasks[0].cancel()
    journal.proceed.set()
    assert await tasks[1] == Stored(2, 2)
    assert (await journal.last()).events == 2


@pytest.mark.parametrize("fault", ["refused", "applied", "events_only", "persons_only", "full"])
async def test_a_failure_reaches_everybody_and_a_second_try_converges(fault: Fault) -> None:
    """Whatever half of the commits went through, sending the same again leaves each event once, with its person."""
    journal = MemoryJournal()
    group = GroupCommit(journal)
    pushes = [log.push(3, 0, persons=True) for log in _logs(5)]
    journal.fail_next(fault)
    failed = await asyncio.gather(*map(group.submit, pushes), return_exceptions=True)
    expected = JournalFull if fault == "full" else JournalUnavailable
    assert [type(outcome) for outcome in failed] == [expected] * 5
    assert all(isinstance(outcome, Stored) for outcome in await asyncio.gather(*map(group.submit, pushes)))
    assert sorted(m.payload for m in await journal.read_events(0, 100)) == sorted(e for p in pushes for e in p.events)
    for push in pushes:
        assert await journal.persons_held(push.device, push.persons) == {1, 2, 3}


@settings(max_examples=60, deadline=None)
@given(
    faults=st.lists(st.sampled_from([None, None, "refused", "applied", "events_only", "persons_only"]), max_size=12),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=5),
)
async def test_phones_that_try_again_converge(faults: list[Fault | None], sizes: list[int]) -> None:
    """Under any row of failures, phones that read their head and go on store their whole logs, once."""
    journal = MemoryJournal()
    journal.fail_next(*faults)
    group = GroupCommit(journal)
    logs = {device_name(n): OpaqueLog(device_name(n)).take(sum(sizes)) for n in range(3)}

    async def phone(device: str) -> None:
        while (head := await journal.head(device)) is None or head.seq < len(logs[device]):
            seq, after = (head.seq, head.sequence) if head else (0, 0)
            size = sizes[seq % len(sizes)]
            try:
                await group.submit(Push(device, after, logs[device][seq : seq + size]))
            except JournalError:
                continue

    await asyncio.gather(*map(phone, logs))
    read = await journal.read_events(0, 1000)
    for device, events in logs.items():
        assert tuple(m.payload for m in read if m.device == device) == events


async def test_close_waits_for_what_waits() -> None:
    """Closing takes no more and leaves nobody without an outcome."""
    journal = MemoryJournal()
    group = GroupCommit(journal)
    tasks = [asyncio.create_task(group.submit(log.push(600, 0))) for log in _logs(3)]
    await asyncio.sleep(0)
    await group.close()
    assert [task.result() for task in tasks] == [Stored(1, 600), Stored(601, 1200), Stored(1201, 1800)]
    with pytest.raises(JournalUnavailable, match="is stopping"):
        await group.submit(OpaqueLog(device_name(9)).push(1, 0))
    await GroupCommit(journal).close()


class _SlowJournal(MemoryJournal):
    """Stops at its first append until told to proceed."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.proceed = asyncio.Event(), asyncio.Event()

    async def append(self, pushes: object) -> list[Stored | Stale]:
        self.entered.set()
        await self.proceed.wait()
        return await super().append(pushes)  # type: ignore[arg-type]


def test_the_journal_in_memory_is_a_journal() -> None:
    """What these tests stand on has the port's methods."""
    journal: Journal = MemoryJournal()
    assert isinstance(journal, Journal)


async def test_a_failed_commit_is_known_until_one_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a commit failed the group says why for a while, and no longer once a push was taken."""
    journal = MemoryJournal()
    group = GroupCommit(journal)
    push = OpaqueLog(device_name(0)).push(1, 0)
    assert group.trouble() is None
    journal.fail_next("full")
    with pytest.raises(JournalFull):
        await group.submit(push)
    assert group.trouble() == "journal_full"
    monkeypatch.setattr("ecoklit.services.group_commit.FAILED_SECONDS", 0.0)
    assert group.trouble() is None
    monkeypatch.undo()
    assert group.trouble() == "journal_full"
    await group.submit(push)
    assert group.trouble() is None


async def test_a_commit_without_an_answer_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a commit waits longer than one can take, the group says that nothing is stored."""
    journal = _SlowJournal()
    group = GroupCommit(journal)
    writing = asyncio.create_task(group.submit(_logs(1)[0].push(1, 0)))
    await journal.entered.wait()
    assert group.trouble() is None
    monkeypatch.setattr("ecoklit.services.group_commit.SLOW_SECONDS", -1.0)
    assert group.trouble() == "journal_unavailable"
    journal.proceed.set()
    await writing
    assert group.trouble() is None
