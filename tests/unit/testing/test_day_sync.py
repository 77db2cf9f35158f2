"""How made-up phones send their logs: untidily, and whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from ecoklit.core import ids, wire
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.limits import PUSH_BYTES_MAX
from ecoklit.ports import JournalUnavailable
from ecoklit.services.admit import Admission
from ecoklit.services.group_commit import GroupCommit
from ecoklit.testing.made_up_keys import made_up_device, made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal
from ecoklit.testing.replay import Waits, journal_events
from ecoklit.testing.sync import FROM_THE_START, ONCE, WAYS, Outbox, errands, sync

ELECTION, REGENCY, TPS = "pilkada-2024", "9404", "9404012001001"
EVENTS = 700


def outbox(folder: Path, name: str, events: int = EVENTS) -> Outbox:
    key = made_up_key(1, name)
    log = DeviceLog(ELECTION, key.device, officer=name, role="pantarlih", policy="2024-1")
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS)}
    how = {"how": "in_person", "document": "ktp_el"}
    said = [log.append("new", tps=TPS, at="2024-06-25T09:00:00+09:00", person=person, **how) for _ in range(events)]
    return Outbox(folder / f"{name}.ndjson", ELECTION, key, said)


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def election() -> MadeUpElection:
    made_up = MadeUpElection(ELECTION, REGENCY)
    for name in ("a", "b", *(f"p-{n}" for n in range(8))):
        made_up.device(name, "pantarlih", TPS)
    return made_up


@pytest_asyncio.fixture
async def service(journal: MemoryJournal, election: MadeUpElection) -> AsyncIterator[Admission]:
    commits = GroupCommit(journal)
    yield await election.door(journal, MemoryRegistryJournal(), commits.submit)
    await commits.close()


def test_the_parts_of_a_log_are_all_of_it(tmp_path: Path) -> None:
    """Cut for sending, a log has no gap and no overlap, and each part is a lawful push; one seed cuts one way."""
    box = outbox(tmp_path, "p-1")
    for seed in range(5):
        parts = errands(box, Random(seed))
        assert parts == errands(box, Random(seed))
        assert [seq for part in parts for seq in range(part.first, part.last + 1)] == list(range(1, EVENTS + 1))
        assert all(box.fits(part.first, part.last) for part in parts)
        for part in parts:
            seqs = [wire.read(line).seq for line in box.lines(part.first, part.last).splitlines()]
            assert seqs == list(range(part.first, part.last + 1))
            assert len(box.body(part.first, part.last)) <= PUSH_BYTES_MAX


async def test_every_log_arrives_whole_and_once(service: Admission, journal: MemoryJournal, tmp_path: Path) -> None:
    """Whatever is sent twice, at once, too early or again from the start, the journal holds each event once."""
    boxes = [outbox(tmp_path, f"p-{n}") for n in range(8)]
    told: list[int] = []
    synced = await sync(service, boxes, 3, told.append)
    assert {box.device: EVENTS for box in boxes} == {device: r.seq for device, r in synced.receipts.items()}
    assert sum(told) == 8 * EVENTS
    assert set(synced.ways) == {way for _, way in WAYS}
    assert synced.refused["gap"] > 0 and set(synced.refused) == {"gap"}
    assert (await journal.last()).events == 8 * EVENTS
    lines = [event.line async for events in journal_events(journal) for event in events]
    assert sorted(lines) == sorted(line for box in boxes for line in box.lines(1, EVENTS).splitlines())


async def test_a_service_that_is_away_is_said_once(tmp_path: Path) -> None:
    """All phones fail in the same way; one failure is raised, by its own name."""

    class Away:
        async def push(self, body: bytes) -> bytes:
            raise JournalUnavailable("away")

    with pytest.raises(JournalUnavailable, match="away"):
        await sync(Away(), [outbox(tmp_path, f"p-{n}", 3) for n in range(3)], 1)


async def test_what_came_ahead_of_its_cause_is_counted(
    service: Admission, journal: MemoryJournal, election: MadeUpElection
) -> None:
    """An event waits as long as something that it names is not in the journal before it, and no longer."""
    first = DeviceLog(ELECTION, made_up_device(1, "a"), officer="a", role="pantarlih", policy="2024-1")
    second = DeviceLog(ELECTION, made_up_device(1, "b"), officer="b", role="pantarlih", policy="2024-1")
    at = "2024-06-25T09:00:00+09:00"
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS)}
    born = first.append("new", tps=TPS, at=at, person=person, how="in_person", document="ktp_el")
    early = second.append("found", tps=TPS, at=at, voter=born.voter, seen=[born], how="family")
    late = second.append("found", tps=TPS, at=at, voter=born.voter, seen=[born, early], how="family")
    for held in (early, born, late):
        await service.push(election.push([held]))
    waits = Waits()
    async for events in journal_events(journal):
        waits.see(events)
    assert waits.waited == 1


def test_most_parts_are_sent_as_they_should_be() -> None:
    """The day is untidy, not hostile: more than half of all parts are sent once."""
    weights = {way: weight for weight, way in WAYS}
    assert weights[ONCE] > sum(weights.values()) / 2 > weights[FROM_THE_START]
