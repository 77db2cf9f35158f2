"""What admission promises, on the journal in memory and on the real broker."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.evidence_folder import EvidenceFolder
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.jetstream_registry import JetStreamRegistry
from ecoklit.core import ids, wire
from ecoklit.core.admission import Refused
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.head import SignedHead, sign_head
from ecoklit.core.limits import PUSH_REGISTRY_LINES_MAX
from ecoklit.core.push_file import write_push
from ecoklit.core.receipt import Receipt, Stood, read_receipt, sign_receipt
from ecoklit.core.registry_event import Cloned, RegistryLog, read_line
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.ports import (
    HEAD_HEADER,
    STAMP_HEADER,
    Head,
    Journal,
    JournalUnavailable,
    OwnStandings,
    RegistryJournal,
)
from ecoklit.services.admit import Admission
from ecoklit.services.deliver import deliver, parcels_of
from ecoklit.services.group_commit import GroupCommit
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

REGENCY = "9404"
TPS = "9404012001001"
AT = "2024-06-25T09:00:00+09:00"


class Door:
    """An admission on journals of its own, and the election that it is of; a device is enrolled when it gets a log."""

    def __init__(self, journal: Journal, registry: RegistryJournal, made_up: MadeUpElection, **more: Any) -> None:
        self.journal = journal
        self.registry = registry
        self.made_up = made_up
        self.election = made_up.election
        self.commits = GroupCommit(journal)
        self.admission = Admission(
            election=self.election,
            regency=REGENCY,
            epoch=1,
            journal=journal,
            submit=self.commits.submit,
            registrar=made_up.registrar(registry),
            **{"service_key": lambda: made_up.service, **more},
        )

    def beside(self, **more: Any) -> Door:
        """Another admission on the same journals."""
        return Door(self.journal, self.registry, self.made_up, **more)

    async def push(self, *held: Held) -> Receipt:
        return await self.send(self.made_up.push(held))

    async def send(self, body: bytes) -> Receipt:
        await self.made_up.store(self.registry)
        return read_receipt(await self.admission.push(body)).receipt

    async def events(self) -> list[bytes]:
        return [message.payload for message in await self.journal.read_events(0, 5000)]

    def log(self, name: str = "k") -> DeviceLog:
        key = made_up_key(self.made_up.seed, name)
        if not self.made_up.knows(key):
            self.made_up.device(name, officer="o-1")
        return DeviceLog(self.election, key.device, officer="o-1", role="kpu", policy="2024-1")


def births(log: DeviceLog, count: int, name: str = "Contoh") -> list[Held]:
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": name}}
    return [log.append("listed", tps=TPS, at=AT, source="dp4", person=person) for _ in range(count)]


@asynccontextmanager
async def opened(kind: str, server: EmbeddedNats) -> AsyncIterator[Door]:
    election = f"test-{uuid.uuid4().hex[:12]}"
    if kind == "memory":
        yield memory_door(election)
        return
    where = {"election": election, "regency": REGENCY, "monitor_url": server.monitor_url}
    async with (
        await JetStreamJournal.open(server.url, **where) as journal,
        await JetStreamRegistry.open(server.url, **where) as registry,
    ):
        yield Door(journal, registry, MadeUpElection(election, REGENCY))


def memory_door(election: str = "test-2024", **more: Any) -> Door:
    return Door(MemoryJournal(), MemoryRegistryJournal(), MadeUpElection(election, REGENCY), **more)


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
    signed = read_receipt(await door.admission.push(door.made_up.push(births(log, 1))))
    assert signed.signed_by({door.made_up.service.device: door.made_up.service.public})
    assert not signed.signed_by({door.made_up.root.device: door.made_up.root.public})
    contract_schema("receipt").validate(json.loads(signed.line))


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
    bare = [wire.hold(held.event_bytes, None) for held in log]
    await door.push(log[0], bare[1], bare[2], log[3])
    assert (await door.journal.last()).persons == 2
    for _ in range(2):
        await door.push(*log)
    persons = await door.journal.read_persons(0, 100)
    assert sorted((one.seq, one.payload) for one in persons) == [(held.seq, held.person_bytes) for held in log]


async def test_a_wrong_person_is_dropped_and_its_event_taken(door: Door) -> None:
    """A person that does not match is stored nowhere, and the event is held as if it had come without."""
    one, other = births(door.log(), 1, "Benar") + births(door.log("x"), 1, "Salah")
    assert other.person_bytes is not None
    swapped = door.made_up.push([one]).replace(one.line, wire.write(one.event_bytes, other.person_bytes))
    assert (await door.send(swapped)).seq == 1
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
    doors = [door.beside() for _ in range(4)]
    await door.made_up.store(door.registry)
    pushes = [one.push(*log[:end]) for one in doors for end in (10, 25, 40)]
    receipts = await asyncio.gather(*pushes)
    assert {receipt.seq for receipt in receipts} <= {10, 25, 40}
    assert await door.events() == [held.event_bytes for held in log]


async def test_an_answer_that_got_lost_is_found_again() -> None:
    """A push that was stored and reported failed is receipted when it is sent again, and stored once."""
    door = memory_door()
    journal = door.journal
    assert isinstance(journal, MemoryJournal)
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


class Asked:
    """A journal that counts how often it was asked where a log ends."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.heads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)

    async def head(self, device: str) -> Head | None:
        self.heads += 1
        return await self.journal.head(device)


async def test_where_a_log_ends_is_remembered_between_its_pushes(door: Door) -> None:
    """A push that goes on where the last one ended asks the journal nothing; its receipt and its stamp are the same."""
    log, lives = door.log(), [0]
    asked = Asked(door.journal)
    here = Door(cast(Journal, asked), door.registry, door.made_up, life=lambda: lives[0])
    first = births(log, 2)
    await here.push(*first)
    for _ in range(3):
        receipt = await here.push(*births(log, 2))
        assert (receipt.head, receipt.seq) == (log.prev, log.seq)
    assert asked.heads == 1
    again = await here.push(*first)  # repeats: the broker's to compare
    assert asked.heads == 2 and again == receipt
    lives[0] += 1  # the broker was away: it may hold less
    await here.push(*births(log, 1))
    assert asked.heads == 3
    births(log, 1)
    assert await refusal(here, *births(log, 1)) == "gap"
    assert asked.heads == 4  # and nothing is remembered of a log that was refused


async def test_what_is_remembered_of_a_log_never_decides(door: Door) -> None:
    """When another gateway stored more of a log, or another one, memory gives way to the broker, by the same names."""
    log = door.log()
    here, there = door.beside(), door.beside()
    await here.push(*births(log, 2))
    fork = resumed_at(log)
    more = births(log, 3)
    await there.push(*more[:2])
    assert (await here.push(*more)).seq == 5
    assert await refusal(here, *births(fork, 1, name="Lain")) == "equivocation"
    other = births(log, 2)
    await there.push(*other)
    assert await refusal(here, *births(resumed_at(log, other[0]), 1, name="Lain")) == "equivocation"
    assert [json.loads(event)["seq"] for event in await door.events()] == list(range(1, 8))


def resumed_at(log: DeviceLog, last: Held | None = None) -> DeviceLog:
    """Another log under the same key, which goes on from where `log` is, or from its event `last`."""
    seq, prev = (log.seq, log.prev) if last is None else (last.seq, ids.to_base64url(last.hash))
    return DeviceLog(log.election, log.device, officer="o-1", role="kpu", policy="2024-1", seq=seq, prev=prev)


async def test_a_journal_that_was_restored_is_asked_anew() -> None:
    """After a restore the expected sequence does not fit: the push is told where the log goes on now."""
    door, empty = memory_door(), memory_door()
    log = door.log()
    empty.made_up = door.made_up
    lives = [0]
    here = door.beside(life=lambda: lives[0])
    await here.push(*births(log, 3))
    here.journal = here.admission._journal = empty.journal
    here.admission._submit = empty.commits.submit
    lives[0] += 1
    with pytest.raises(Refused) as refused:
        await here.push(*births(log, 1))
    assert (refused.value.code, refused.value.expected) == ("gap", 1)


async def test_a_file_of_many_logs_in_any_order_is_delivered(door: Door) -> None:
    """Pushes of several devices, scrambled and doubled, are all held; a fork is refused by name, the others are not."""
    logs = [births(door.log(name), 5) for name in "abc"]
    pushes = [door.made_up.push(part) for log in logs for part in (log[3:], log[:3])]
    fork = door.made_up.push(births(door.log("a"), 6, "Lain")[5:])
    await door.made_up.store(door.registry)
    delivered = await deliver(door.admission, parcels_of(b"".join([*pushes, *pushes, fork])))
    assert [(one.receipt.seq if one.receipt else 0, one.refusal) for one in delivered] == sorted_by_device(
        logs, {logs[0][0].device: "equivocation"}
    )
    assert len(await door.events()) == 15


def sorted_by_device(logs: list[list[Held]], refused: dict[str, str]) -> list[tuple[int, str | None]]:
    return [(5, refused.get(device)) for device in sorted(log[0].device for log in logs)]


# --- the registry at the door ----------------------------------------------------------------------------------------


def stranger(door: Door, name: str = "z", *, officer: str = "o-9") -> tuple[Key, DeviceLog]:
    """A device that nobody has enrolled, and its log."""
    key = made_up_key(door.made_up.seed, name)
    return key, DeviceLog(door.election, key.device, officer=officer, role="pantarlih", policy="2024-1")


def signed_by(key: Key, election: str, held: list[Held], **more: Any) -> bytes:
    return write_push([one.line for one in held], sign_head(key, election, held[-1].seq, held[-1].hash), **more)


async def refusal_of(door: Door, body: bytes) -> Refused:
    with pytest.raises(Refused) as refused:
        await door.send(body)
    return refused.value


async def registered(door: Door) -> list[Any]:
    return [read_line(message.payload) for message in await door.registry.read(0, 1000)]


async def test_an_election_that_is_not_open_takes_nothing() -> None:
    """Before `ecoklit init` every device is unknown, and the refusal says what to run."""
    door = memory_door()
    key, log = stranger(door)
    with pytest.raises(Refused) as refused:
        await door.admission.push(signed_by(key, door.election, births_of(log, 1)))
    assert refused.value.code == "unknown_device"
    assert "ecoklit init" in refused.value.message
    assert await door.events() == []


async def test_only_the_pinned_root_opens_an_election() -> None:
    """Whoever finds a service without an election cannot open one of their own there."""
    door, other = memory_door(), MadeUpElection("test-2024", REGENCY, seed=2)
    with pytest.raises(Refused) as refused:
        await door.admission.push(b"".join(line + b"\n" for line in other.registry))
    assert refused.value.code == "unknown_device"
    receipt = read_receipt(await door.admission.push(b"".join(line + b"\n" for line in door.made_up.registry)))
    assert (receipt.receipt.log, receipt.receipt.seq) == ("registry", 1)


def births_of(log: DeviceLog, count: int) -> list[Held]:
    """Births that a pantarlih may write."""
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
    how = {"how": "in_person", "document": "ktp_el"}
    return [log.append("new", tps=TPS, at=AT, person=person, **how) for _ in range(count)]


async def test_a_phone_that_is_not_enrolled_brings_its_enrolment(door: Door) -> None:
    """Unknown without it, the phone is taken when its enrolment comes ahead of its push; again changes nothing."""
    key, log = stranger(door)
    held = births_of(log, 2)
    assert (await refusal_of(door, signed_by(key, door.election, held))).code == "unknown_device"
    door.made_up.assign(key, "o-9", "pantarlih", TPS)
    enrolment = door.made_up.registry
    for _ in range(2):
        body = signed_by(key, door.election, held, registry=enrolment)
        receipt = read_receipt(await door.admission.push(body)).receipt
        assert (receipt.log, receipt.seq, receipt.registry, receipt.standings) == ("voters", 2, len(enrolment), [])
    assert [one.line for one in await registered(door)] == enrolment


async def test_registry_events_stay_when_the_push_is_refused(door: Door) -> None:
    """They are admitted by themselves: a gap in the voter log does not undo an enrolment."""
    key, log = stranger(door)
    held = births_of(log, 2)
    door.made_up.assign(key, "o-9", "pantarlih", TPS)
    body = signed_by(key, door.election, held[1:], registry=door.made_up.registry)
    with pytest.raises(Refused) as refused:
        await door.admission.push(body)
    assert refused.value.code == "gap"
    assert len(await registered(door)) == len(door.made_up.registry)


async def test_registry_events_alone_are_receipted(door: Door) -> None:
    """A push of nothing but registry events is answered with the end of the last one's log in the registry."""
    door.made_up.device("pps", "pps", TPS[:10])
    body = b"".join(line + b"\n" for line in door.made_up.registry)
    receipt = read_receipt(await door.admission.push(body)).receipt
    last = door.made_up.lines[-1]
    assert (receipt.log, receipt.device, receipt.seq) == ("registry", last.device, last.seq)
    assert receipt.head == ids.to_base64url(last.hash)
    assert receipt.position == {f"ECOKLIT-{door.election}-{REGENCY}-registry": 3}
    assert await door.events() == []


async def test_every_wrong_registry_event_is_refused_by_name(door: Door) -> None:
    """The names and their order are those of a voter's push, and nothing of the refused log is taken."""
    made_up = door.made_up
    made_up.device("kpu")
    await made_up.store(door.registry)
    before = await registered(door)
    kpu, nobody = made_up_key(made_up.seed, "kpu"), made_up_key(made_up.seed, "nobody")

    def log_of(key: Key, **more: Any) -> RegistryLog:
        where = {"election": door.election, "regency": REGENCY, "officer": "kpu", "role": "kpu"}
        return RegistryLog(key, **{**where, **more})

    def opened(log: RegistryLog, count: int = 1) -> list[bytes]:
        return [log.append("window_opened", area=log.regency, at=AT).line for _ in range(count)]

    good = opened(log_of(kpu), 3)
    by_another = good[0].replace(
        read_line(good[0]).signature.encode(), log_of(nobody).key.signature(read_line(good[0]).message).encode()
    )
    cases: list[tuple[str, list[bytes]]] = [
        ("too_large", opened(log_of(kpu), PUSH_REGISTRY_LINES_MAX + 1)),
        ("malformed", [good[0][:-1]]),
        ("malformed", [good[0].replace(b'"at":', b'"at": ')]),
        ("wrong_election", opened(log_of(kpu, election="pemilu-2029"))),
        ("wrong_election", opened(log_of(kpu, regency="9403"))),
        ("unknown_device", opened(log_of(nobody))),
        ("bad_signature", [by_another]),
        ("bad_signature", [before[0].line[:-20] + b"A" * 17 + b'Q"}']),
        ("equivocation", opened(log_of(made_up.root))),
        ("equivocation", opened(log_of(kpu, prev=ids.to_base64url(bytes(31) + b"x")))),
        ("gap", good[1:]),
        ("gap", [good[0], good[2]]),
        ("broken_chain", [good[0], *opened(log_of(kpu, seq=1))]),
    ]
    for code, lines in cases:
        assert (await refusal_of(door, b"".join(line + b"\n" for line in lines))).code == code, code
        assert await registered(door) == before
    assert (await door.send(b"".join(line + b"\n" for line in good))).seq == 3


async def test_a_right_that_nobody_gave_is_no_refusal(door: Door) -> None:
    """An event whose signer had no right is taken, and stands in the registry for everybody to see."""
    key = door.made_up.enrol(made_up_key(door.made_up.seed, "budi"), "budi")
    await door.made_up.store(door.registry)
    log = RegistryLog(key, election=door.election, regency=REGENCY, officer="budi", role="kpu")
    line = log.append("assigned", area=REGENCY, officer_assigned="budi", role_assigned="kpu", at=AT).line
    assert (await door.send(line + b"\n")).seq == 1


async def test_a_head_must_be_the_device_s_own_and_of_the_last_event(door: Door) -> None:
    """A head of another election, another event or another key is no signature of this push."""
    log = door.log()
    held = births(log, 3)
    key, other = made_up_key(door.made_up.seed, "k"), made_up_key(door.made_up.seed, "x")
    lines = [one.line for one in held]
    for head in (
        sign_head(other, door.election, 3, held[2].hash),
        sign_head(key, "pemilu-2029", 3, held[2].hash),
        sign_head(key, door.election, 2, held[1].hash),
        sign_head(key, door.election, 3, held[1].hash),
        SignedHead(key.device, ids.to_base64url(held[2].hash), 3, "A" * 86),
    ):
        named = SignedHead(key.device, head.hash, head.seq, head.signature)
        assert (await refusal_of(door, write_push(lines, named))).code == "bad_signature"
    assert (await refusal_of(door, write_push(lines, None))).code == "malformed"
    assert (await refusal_of(door, write_push([], sign_head(key, door.election, 1, held[0].hash)))).code == "malformed"
    foreign = sign_head(other, door.election, 3, held[2].hash)
    assert (await refusal_of(door, write_push(lines, foreign))).code == "malformed"
    assert await door.events() == []


async def test_each_push_is_stamped_and_signed_in_the_journal(door: Door) -> None:
    """The first event of a push carries the registry position, the last its head's signature: a replay judges again."""
    log = door.log()
    held = births(log, 3)
    first = await door.push(*held[:2])
    door.made_up.device("later")
    await door.made_up.store(door.registry)
    fresh = door.beside()  # one that has read the registry just now
    second = await fresh.push(*held[2:])
    assert (first.registry, second.registry) == (3, 5)
    read = [dict(message.headers) for message in await door.journal.read_events(0, 10)]
    heads = [sign_head(made_up_key(door.made_up.seed, "k"), door.election, n, held[n - 1].hash) for n in (2, 3)]
    assert read == [
        {STAMP_HEADER: "3"},
        {STAMP_HEADER: "3", HEAD_HEADER: heads[0].signature},
        {STAMP_HEADER: "5", HEAD_HEADER: heads[1].signature},
    ]


async def test_a_push_of_nothing_new_is_receipted_at_its_stamp(door: Door) -> None:
    """Whoever lost the first answer gets the same proof by a second try, however much the registry grew since."""
    held = births(door.log(), 3)
    first = await door.push(*held)
    door.made_up.device("later")
    await door.made_up.store(door.registry)
    again = await door.beside().push(*held)
    assert (again.registry, again.seq, again.head) == (first.registry, first.seq, first.head)


async def test_a_push_of_old_and_new_is_receipted_at_the_stamp_of_the_new(door: Door) -> None:
    """The receipt speaks of the last event, so its stamp is that one's; the repeated keep theirs in the journal."""
    log = door.log()
    held = births(log, 2)
    first = await door.push(*held)
    door.made_up.device("later")
    await door.made_up.store(door.registry)
    mixed = await door.beside().push(*held, *births(log, 1))  # who has not read the registry yet
    assert (mixed.seq, mixed.head) == (3, log.prev)
    assert mixed.registry == await door.registry.last() > first.registry
    stamps = {dict(message.headers).get(STAMP_HEADER) for message in await door.journal.read_events(0, 10)}
    assert {str(first.registry), str(mixed.registry)} <= stamps
    assert (await door.push(*held)).registry == mixed.registry  # too late to be told the earlier one


async def test_what_a_receipt_proves_is_stamped_as_it_was(door: Door) -> None:
    """After a loss, the events that a receipt covers get its stamp again; what came after it gets today's."""
    held = births(door.log(), 4)
    await door.made_up.store(door.registry)
    receipt = await door.admission.push(door.made_up.push(held[:2]))
    door.made_up.device("later")
    await door.made_up.store(door.registry)
    restored = Door(MemoryJournal(), door.registry, door.made_up)
    for body, stamps in (
        (door.made_up.push(held[:1], receipt=receipt), ["5"]),  # it proves an event that is not in this push
        (door.made_up.push(held, receipt=receipt), ["3", None, "5", "5"]),
    ):
        restored = Door(MemoryJournal(), door.registry, door.made_up)
        await restored.admission.push(body)
        read = await restored.journal.read_events(0, 10)
        assert [dict(message.headers).get(STAMP_HEADER) for message in read] == stamps


async def test_only_a_service_of_this_election_gives_receipts(door: Door) -> None:
    """A receipt that somebody else signed, or that is of another log, proves nothing, and is refused."""
    held, other = births(door.log(), 2), births(door.log("x"), 2)
    await door.made_up.store(door.registry)
    genuine = read_receipt(await door.admission.push(door.made_up.push(held)))
    forged = sign_receipt(made_up_key(door.made_up.seed, "k"), genuine.receipt).line
    of_registry = await door.admission.push(b"".join(line + b"\n" for line in door.made_up.registry))
    for log, receipt in ((held, forged), (other, genuine.line), (held, of_registry)):
        assert (await refusal_of(door, door.made_up.push(log, receipt=receipt))).code == "bad_signature"


async def test_a_service_that_cannot_sign_takes_nothing(door: Door) -> None:
    """Without its key a service would hold events that it cannot answer for: it says what to do instead."""

    def no_key() -> Key:
        raise EcoklitError("no_key", "make it with 'ecoklit init'")

    with pytest.raises(EcoklitError) as refused:
        await door.beside(service_key=no_key).push(*births(door.log(), 1))
    assert refused.value.code == "no_key"
    assert await door.events() == []
    key, log = stranger(door)
    door.made_up.assign(key, "o-9", "pantarlih", TPS)
    before = await door.registry.last()
    with pytest.raises(EcoklitError):
        await door.beside(service_key=no_key).admission.push(
            signed_by(key, door.election, births_of(log, 1), registry=door.made_up.registry)
        )
    assert await door.registry.last() == before


# --- what a receipt says of the device's own events ------------------------------------------------------------------


class Projection:
    """What a projection would answer, or how it fails."""

    def __init__(self, answer: OwnStandings | None = None, wait: float = 0.0) -> None:
        self.answer = answer
        self.wait = wait

    async def of_device(self, device: str, limit: int) -> OwnStandings | None:
        await asyncio.sleep(self.wait)
        return self.answer


async def test_a_receipt_lists_what_does_not_count(door: Door) -> None:
    """What the projection knows of earlier events, and what is wrong with the new ones at once, by seq."""
    log = door.log()
    held = births(log, 2)
    await door.push(*held)
    spoilt = wire.hold(held[1].event_bytes.replace(b'"listed"', b'"wedding"').replace(b'"seq":2', b'"seq":3')
                       .replace(held[1].prev.encode(), log.prev.encode()), None)  # fmt: skip
    known = Projection(OwnStandings(2, [Stood(1, "parked", "waits for another phone")]))
    receipt = await door.beside(standings=known).push(spoilt)
    assert (receipt.seq, receipt.as_of) == (3, 2)
    assert [(one.seq, one.standing) for one in receipt.standings] == [(1, "parked"), (3, "bad_event")]


async def test_a_receipt_does_not_wait_for_the_projection(door: Door) -> None:
    """A projection that is away or slow costs a receipt nothing but its list of standings."""
    log = door.log()
    for projection in (Projection(), Projection(OwnStandings(1, []), wait=60.0)):
        async with asyncio.timeout(10):
            receipt = await door.beside(standings=projection).push(*births(log, 1))
        assert receipt.as_of is UNSET and receipt.standings == []


# --- a key that is used twice ----------------------------------------------------------------------------------------


async def test_a_cloned_phone_is_called_so_and_the_proof_is_kept(door: Door, tmp_path: Path) -> None:
    """Both signed heads stay as proof, and one registry event names the device, however often the clone comes."""
    folder = EvidenceFolder(tmp_path / "evidence")
    watched = door.beside(evidence=folder)
    held, other = births(door.log(), 3), births(door.log(), 4, "Lain")
    await watched.push(*held)
    bodies = [door.made_up.push(other[:2]), door.made_up.push(other)]
    for body in (*bodies, *bodies):
        assert (await refusal_of(watched, body)).code == "equivocation"
    assert sorted(folder.of_device(held[0].device)) == sorted(bodies)
    cloned = [one for one in await registered(door) if isinstance(one.event, Cloned)]
    assert len(cloned) == 1
    event = cloned[0].event
    assert cloned[0].device == door.made_up.service.device
    assert event.cloned == held[0].device and event.head.signed_by(
        made_up_key(door.made_up.seed, "k").public, door.election
    )
    assert (event.held, event.other) == tuple(ids.to_base64url(log[event.at_seq - 1].hash) for log in (held, other))
    assert await door.events() == [one.event_bytes for one in held]


async def test_a_forged_fork_is_no_proof(door: Door, tmp_path: Path) -> None:
    """What the device did not sign is neither kept nor held against it."""
    folder = EvidenceFolder(tmp_path / "evidence")
    watched = door.beside(evidence=folder)
    held, other = births(door.log(), 2), births(door.log(), 2, "Lain")
    await watched.push(*held)
    body = signed_by(made_up_key(door.made_up.seed, "x"), door.election, other)
    forged = body.replace(made_up_key(door.made_up.seed, "x").device.encode(), held[0].device.encode())
    assert (await refusal_of(watched, forged)).code == "bad_signature"
    stuffed = signed_by(made_up_key(door.made_up.seed, "k"), door.election, [other[0], held[1]])
    assert (await refusal_of(watched, stuffed)).code == "equivocation", "a carrier put it before the device's own event"
    assert folder.of_device(held[0].device) == []
    assert not [one for one in await registered(door) if isinstance(one.event, Cloned)]


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
    door = memory_door()
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
