"""What admission promises, on the journal in memory and on the real broker."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.core import ids
from ecoklit.core.admission import Refused
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.wire import Held
from ecoklit.ports import Journal, JournalUnavailable, Receipt
from ecoklit.services.admit import Admission
from ecoklit.services.deliver import deliver, logs_of
from ecoklit.services.group_commit import GroupCommit
from ecoklit.testing.memory_journal import MemoryJournal

REGENCY = "9404"
TPS = "9404012001001"
AT = "2024-06-25T09:00:00+09:00"


class Door:
    """An admission on a journal of its own, and the election that it is of."""

    def __init__(self, journal: Journal, election: str) -> None:
        self.journal = journal
        self.election = election
        self.commits = GroupCommit(journal)
        self.admission = Admission(
            election=election, regency=REGENCY, epoch=1, journal=journal, submit=self.commits.submit
        )

    async def push(self, *held: Held) -> Receipt:
        return await self.admission.push(b"".join(one.line + b"\n" for one in held))

    async def events(self) -> list[bytes]:
        return [message.payload for message in await self.journal.read_events(0, 5000)]

    def log(self, name: str = "k") -> DeviceLog:
        device = ids.device_id("ed25519", name.encode() * 32)
        return DeviceLog(self.election, device, officer="o-1", role="kpu", policy="2024-1")


def births(log: DeviceLog, count: int, name: str = "Contoh") -> list[Held]:
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": name}}
    return [log.append("listed", tps=TPS, at=AT, source="dp4", person=person) for _ in range(count)]


@asynccontextmanager
async def opened(kind: str, server: EmbeddedNats) -> AsyncIterator[Door]:
    election = f"test-{uuid.uuid4().hex[:12]}"
    if kind == "memory":
        yield Door(MemoryJournal(), election)
        return
    journal = await JetStreamJournal.open(
        server.url, election=election, regency=REGENCY, monitor_url=server.monitor_url
    )
    async with journal:
        yield Door(journal, election)


@pytest_asyncio.fixture(params=["memory", "jetstream"], loop_scope="session")
async def door(request: pytest.FixtureRequest, nats_server: EmbeddedNats) -> AsyncIterator[Door]:
    async with opened(request.param, nats_server) as door:
        yield door


async def refusal(door: Door, *held: Held) -> str:
    with pytest.raises(Refused) as refused:
        await door.push(*held)
    return refused.value.code


async def test_a_receipt_says_what_is_held_and_where(door: Door, contract_schema: Any) -> None:
    """The receipt has the form of its schema, names the last event by hash, and its position is that event's."""
    log = door.log()
    receipt = await door.push(*births(log, 3))
    assert (receipt.seq, receipt.head, receipt.position) == (3, log.prev, {f"ECOKLIT-{door.election}-{REGENCY}": 3})
    contract_schema("receipt").validate({name: getattr(receipt, name) for name in receipt.__struct_fields__})


async def test_what_is_held_already_is_no_error_and_stored_once(door: Door) -> None:
    """Pushing any stretch of a held log again is receipted, at its head, and stores nothing."""
    log = births(door.log(), 6)
    whole = await door.push(*log)
    for first in range(6):
        for last in range(first + 1, 7):
            assert await door.push(*log[first:last]) == whole
    assert await door.events() == [held.event_bytes for held in log]


async def test_a_push_may_begin_in_what_is_held(door: Door) -> None:
    """A push that repeats the end of the held log and goes on stores what is new, once."""
    log = births(door.log(), 8)
    await door.push(*log[:3])
    assert (await door.push(*log[1:6])).seq == 6
    assert (await door.push(*log)).seq == 8
    assert await door.events() == [held.event_bytes for held in log]


async def test_a_missing_person_is_completed_and_a_held_one_is_not_stored_again(door: Door) -> None:
    """Only the persons that the journal lacks are stored when a log is pushed again with them."""
    log = births(door.log(), 4)
    bare = [logs_of([b'{"event":%b}' % held.event_bytes]).by_device[held.device][0] for held in log]
    await door.push(log[0], bare[1], bare[2], log[3])
    assert (await door.journal.last()).persons == 2
    for _ in range(2):
        await door.push(*log)
    persons = await door.journal.read_persons(0, 100)
    assert sorted((one.seq, one.payload) for one in persons) == [(held.seq, held.person_bytes) for held in log]


async def test_a_wrong_person_is_dropped_and_its_event_taken(door: Door) -> None:
    """A person that does not match is stored nowhere, and the event is held as if it had come without."""
    one, other = births(door.log(), 1, "Benar") + births(door.log("x"), 1, "Salah")
    swapped = b'{"event":%b,"person":%b}\n' % (one.event_bytes, other.person_bytes)
    assert (await door.admission.push(swapped)).seq == 1
    assert (await door.journal.last()).persons == 0


async def test_two_logs_under_one_key_are_an_equivocation(door: Door) -> None:
    """Whatever stretch of another log with the same key is pushed, it is refused by that name and nothing is stored."""
    held = births(door.log(), 5)
    other = births(door.log(), 7, "Lain")
    await door.push(*held)
    for stretch in (other[:1], other[2:4], other[4:5], other[4:], other[5:6], other, held[:2] + other[2:5]):
        assert await refusal(door, *stretch) == "equivocation", [one.seq for one in stretch]
    assert await door.events() == [one.event_bytes for one in held]


async def test_a_fork_inside_what_is_held_is_found_below_the_head(door: Door) -> None:
    """A log that left the held one in the past is an equivocation, however its events are chained."""
    log = door.log()
    common = births(log, 2)
    branch = DeviceLog(log.election, log.device, officer="o-1", role="kpu", policy="2024-1", seq=2, prev=log.prev)
    held, other = common + births(log, 4), births(branch, 2, "Lain")
    await door.push(*held)
    assert await refusal(door, *common, *other) == "equivocation"
    assert await refusal(door, other[1]) == "equivocation"


async def test_gaps_and_broken_chains_are_named_in_order(door: Door) -> None:
    """A gap names the seq that is expected, and is looked for in the whole push before any chain inside it."""
    log = births(door.log(), 6)
    with pytest.raises(Refused) as refused:
        await door.push(log[2])
    assert (refused.value.code, refused.value.expected) == ("gap", 1)
    await door.push(*log[:2])
    for push, expected in (((log[3],), 3), ((log[1], log[3]), 3), ((log[2], log[2]), 4), ((log[3], log[2]), 3)):
        with pytest.raises(Refused) as refused:
            await door.push(*push)
        assert (refused.value.code, refused.value.expected) == ("gap", expected)
    unchained = DeviceLog(door.election, log[0].device, officer="o", role="kpu", policy="2024-1", seq=3)
    broken = births(unchained, 1)[0]
    assert await refusal(door, log[2], broken) == "broken_chain"
    assert await refusal(door, log[2], broken, log[5]) == "gap"
    assert len(await door.events()) == 2


async def test_gateways_that_push_one_log_at_once_store_it_once(door: Door) -> None:
    """However many push the same log at the same time, everybody is receipted and each event is stored once."""
    log = births(door.log(), 40)
    doors = [Door(door.journal, door.election) for _ in range(4)]
    pushes = [one.push(*log[:end]) for one in doors for end in (10, 25, 40)]
    receipts = await asyncio.gather(*pushes)
    assert {receipt.seq for receipt in receipts} <= {10, 25, 40}
    assert await door.events() == [held.event_bytes for held in log]


async def test_an_answer_that_got_lost_is_found_again() -> None:
    """A push that was stored and reported failed is receipted when it is sent again, and stored once."""
    journal = MemoryJournal()
    door = Door(journal, "test-2024")
    log = births(door.log(), 3)
    for fault in ("applied", "refused", "events_only", "persons_only"):
        journal.fail_next(fault)
        with pytest.raises(JournalUnavailable):
            await door.push(*log)
        assert (await door.push(*log)).seq == len(log)
        log += births(resumed(log), 2)
    assert await door.events() == [held.event_bytes for held in log[:-2]]
    persons = {(one.device, one.seq): one.payload for one in await journal.read_persons(0, 1000)}
    assert persons == {(held.device, held.seq): held.person_bytes for held in log[:-2]}


def resumed(log: list[Held]) -> DeviceLog:
    last, event = log[-1], log[-1].event
    assert event is not None
    return DeviceLog(
        event.election, last.device, officer="o-1", role="kpu", policy="2024-1",
        seq=last.seq, prev=ids.to_base64url(last.hash),
    )  # fmt: skip


async def test_a_file_of_many_logs_in_any_order_is_delivered(door: Door) -> None:
    """Lines of several devices, scrambled and doubled, are all held; a fork is refused by name, the others are not."""
    logs = [births(door.log(name), 5) for name in "abc"]
    lines = [held.line for log in logs for held in reversed(log)]
    fork = births(door.log("a"), 2, "Lain")[1]
    delivered = await deliver(door.admission, logs_of([*lines, *lines, fork.line, b"nonsense"]))
    assert [(one.receipt.seq if one.receipt else 0, one.refusal) for one in delivered] == sorted_by_device(
        logs, {logs[0][0].device: "equivocation"}
    )
    assert len(await door.events()) == 15
    assert [unread.line for unread in logs_of([*lines, b"nonsense"]).unread] == [16]


def sorted_by_device(logs: list[list[Held]], refused: dict[str, str]) -> list[tuple[int, str | None]]:
    return [(5, refused.get(device)) for device in sorted(log[0].device for log in logs)]


# --- any pushes at all -----------------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> list[list[tuple[int, int]]]:
    """Pushes as (branch, seq): three logs that left a common one, and any stretch of any of them, sometimes mixed."""
    branch, seq = st.integers(0, 2), st.integers(1, 6)
    stretch = st.builds(lambda b, first, n: [(b, first + i) for i in range(n)], branch, seq, st.integers(1, 4))
    return draw(st.lists(st.one_of(stretch, st.lists(st.tuples(branch, seq), min_size=1, max_size=4)), max_size=12))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_whatever_is_pushed_the_journal_holds_one_unbroken_log(pushes: list[list[tuple[int, int]]]) -> None:
    """Any pushes of logs that forked leave one gapless chain, and every receipt names an event that is in it."""
    with asyncio.Runner() as runner:
        runner.run(any_pushes(pushes))


async def any_pushes(pushes: list[list[tuple[int, int]]]) -> None:
    door = Door(MemoryJournal(), "test-2024")
    branches = list(forked(door))
    for push in pushes:
        held = [branches[branch][seq - 1] for branch, seq in push if seq <= len(branches[branch])]
        before = await door.events()
        try:
            receipt = await door.push(*held) if held else None
        except Refused:
            assert await door.events() == before
            continue
        events = await door.events()
        assert events[: len(before)] == before
        if receipt is not None:
            assert {one.event_bytes for one in held} <= set(events)
            assert receipt.seq == len(events)
            assert receipt.head == ids.to_base64url(ids.sha256(events[-1]))


def forked(door: Door) -> Iterator[list[Held]]:
    trunk = door.log()
    common = births(trunk, 3)
    for name in ("satu", "dua", "tiga"):
        branch = DeviceLog(
            trunk.election, trunk.device, officer="o-1", role="kpu", policy="2024-1", seq=3, prev=trunk.prev
        )
        yield common + births(branch, 3, name)
