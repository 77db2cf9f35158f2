"""Where the journal in memory is stricter than the real one, and how it fails on demand."""

from __future__ import annotations

import pytest

from ecoklit.ports import JournalHole, JournalUnavailable, Position, Push, Stale, Stored
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.opaque_log import OpaqueLog, device_name


async def test_a_push_that_skips_a_seq_is_a_fault_of_the_service() -> None:
    """A gap that admission let through does not stay unnoticed."""
    journal, log = MemoryJournal(), OpaqueLog(device_name(0))
    await journal.append([log.push(1, 0)])
    log.take(1)
    with pytest.raises(AssertionError, match="seq 3 after 1"):
        await journal.append([log.push(1, 1)])


async def test_a_push_of_another_log_is_a_fault_of_the_service() -> None:
    """A chain that does not continue the held one does not stay unnoticed, nor does an event of another device."""
    journal, log = MemoryJournal(), OpaqueLog(device_name(0))
    await journal.append([log.push(1, 0)])
    fork = OpaqueLog(log.device, event_bytes=400)
    fork.take(1)
    with pytest.raises(AssertionError, match="not its predecessor's hash"):
        await journal.append([fork.push(1, 1)])
    with pytest.raises(AssertionError, match="another device"):
        await journal.append([Push(log.device, 1, OpaqueLog(device_name(1)).take(1))])


async def test_a_refused_push_leaves_its_persons() -> None:
    """The orphans that the real one may leave behind are always there."""
    journal, log = MemoryJournal(), OpaqueLog(device_name(0))
    assert await journal.append([log.push(2, 7, persons=True)]) == [Stale()]
    assert await journal.last() == Position(0, 2)


@pytest.mark.parametrize(
    ("fault", "position"),
    [("refused", (0, 0)), ("applied", (2, 2)), ("events_only", (2, 0)), ("persons_only", (0, 2))],
)
async def test_faults_come_in_pairs(fault: str, position: tuple[int, int]) -> None:
    """The same error is raised, whether nothing, everything or half was stored; the next append is whole again."""
    journal, log = MemoryJournal(), OpaqueLog(device_name(0))
    push = log.push(2, 0, persons=True)
    journal.fail_next(fault)  # type: ignore[arg-type]
    with pytest.raises(JournalUnavailable, match=fault):
        await journal.append([push])
    assert await journal.last() == Position(*position)
    assert await journal.append([push]) == [Stored(1, 2)]


async def test_a_lost_event_is_a_hole() -> None:
    """Reading stops before it and names it."""
    journal, log = MemoryJournal(), OpaqueLog(device_name(0))
    await journal.append([log.push(3, 0)])
    journal.lose(2)
    assert [m.sequence for m in await journal.read_events(0, 10)] == [1]
    with pytest.raises(JournalHole) as hole:
        await journal.read_events(1, 10)
    assert hole.value.sequence == 2


async def test_an_erased_person_is_a_gap() -> None:
    """The others keep their sequences."""
    journal, log = MemoryJournal(), OpaqueLog(device_name(0))
    await journal.append([log.push(3, 0, persons=True)])
    journal.erase_person(log.device, 2)
    assert [m.sequence for m in await journal.read_persons(0, 10)] == [1, 3]
    assert await journal.persons_held(log.device, [(2, b'{"salt":"2"}')]) == frozenset()


async def test_away() -> None:
    """Every call fails while it is away, and nothing is lost by that."""
    journal, log = MemoryJournal(), OpaqueLog(device_name(0))
    await journal.append([log.push(1, 0)])
    journal.unavailable = True
    for call in (journal.append([]), journal.head(log.device), journal.read_events(0, 1), journal.last()):
        with pytest.raises(JournalUnavailable):
            await call
    journal.unavailable = False
    assert await journal.last() == Position(1, 0)
