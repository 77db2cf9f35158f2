"""What flipped bits found out (`make chaos`, part rot)."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.contract import policies
from ecoklit.core import wire
from ecoklit.ports import JournalHole, Position, Push
from ecoklit.services.project import JournalRestored, Projector
from ecoklit.testing.field_world import TPS, World, visit
from ecoklit.testing.memory_door import MemoryDoor, Stored
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_roll_store import MemoryRollStore
from ecoklit.testing.opaque_log import OpaqueLog, device_name


class Shorter(MemoryJournal):
    """A journal whose persons lost their end: the next ones get sequences that were projected already."""

    lost = 0

    async def last(self) -> Position:
        last = await super().last()
        return Position(last.events, last.persons - self.lost)


async def test_persons_that_lost_their_end_are_not_read_on(tmp_path: Path) -> None:
    """A stream of persons that ends before the checkpoint was read on from there: what came next was read by nobody."""
    world = World(tmp_path, MemoryDoor, voters=4)
    journal, store = Shorter(), MemoryRollStore()
    for one in world.door.stored:
        head = await journal.head(one.held.device)
        persons = [(one.held.seq, one.held.person_bytes)] if one.held.person_bytes is not None else []
        await journal.append([_push(one, head.sequence if head else 0, persons)])
    projector = Projector(journal, store, policies(), election="pilkada-2024", regency="9404")
    await projector.run_until_caught_up()
    journal.lost = 2
    with pytest.raises(JournalRestored, match="ends at person 2 and was projected up to 4"):
        await projector.run_until_caught_up()


def _push(one: Stored, after: int, persons: list[tuple[int, bytes]]) -> Push:
    return Push(one.held.device, after, (one.held.event_bytes,), tuple(persons))


def test_a_person_that_the_service_lost_comes_again(tmp_path: Path) -> None:
    """The service held an event of the phone without its person, which nobody asked for any more, and the phone had."""
    world = World(tmp_path, MemoryDoor, voters=4)
    phone = world.phone("a")
    voter = phone.roll(TPS)[0].state.decision.voter
    phone.say("found", voter, how="in_person", person={"changes": {"rt": "007"}})
    visit(phone, 2)
    world.sync(phone)
    device = phone.identity().device
    world.door.stored = [
        one._replace(held=wire.hold(one.held.event_bytes, None)) if one.held.dot == (device, 1) else one
        for one in world.door.stored
    ]
    other = world.phone("b", "p-2")
    world.sync(other)
    assert [one.person_bytes for one in other.outbox.held() if one.dot == (device, 1)] == [None]
    with phone.outbox._writing():
        phone.outbox._db.execute("update place set cursor = ''")  # as a new epoch does
    world.sync(phone)
    assert [one.held.person_bytes is not None for one in world.door.stored if one.held.dot == (device, 1)] == [True]
    world.close()


async def test_what_a_broker_gives_may_be_no_event(nats_server: EmbeddedNats) -> None:
    """A head that is no event was an error of ours at every push of the device; it is a hole, by its position."""
    log, election = OpaqueLog(device_name(1)), f"rot-{uuid.uuid4().hex[:8]}"
    async with await JetStreamJournal.open(
        nats_server.url, election=election, regency="9404", monitor_url=nats_server.monitor_url
    ) as journal:
        await journal.append([log.push(1, 0)])
        await journal._client.request(f"ecoklit.{election}.9404.{log.device}", b'\x00\x00NATS/1.0\r\n\r\n{"seq":2}')
        with pytest.raises(JournalHole) as hole:
            await journal.head(log.device)
    assert (hole.value.code, hole.value.sequence) == ("journal_hole", 2)
