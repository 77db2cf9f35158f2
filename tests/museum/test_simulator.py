"""Faults that a simulated world found, each as a small world of its own, so that it stays when the worlds change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from ecoklit.contract import policies
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.receipt import read_receipt
from ecoklit.field import enrolment
from ecoklit.field.client import Client
from ecoklit.field.outbox import STORE_FILE, Outbox
from ecoklit.field.phone import Phone
from ecoklit.field.trouble import Stuck
from ecoklit.ports import STAMP_HEADER
from ecoklit.services.group_commit import GroupCommit
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_door import MemoryDoor, MemoryTransport
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

TPS, AT = "9404012001001", "2024-06-25T09:00:00+09:00"
RECORD = dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}


async def test_a_receipt_never_names_the_stamp_of_a_push_that_lost_a_race() -> None:
    """Of two gateways that stored one push at once, the later one gave a receipt with a stamp that no event has.

    After a restore that receipt would have made the events late, if a window had been closed between the two stamps.
    """
    election = MadeUpElection("test-2024")
    key = election.device("phone", "pantarlih", TPS)
    journal, registry = MemoryJournal(), MemoryRegistryJournal()
    gateways = [await election.door(journal, registry, GroupCommit(journal).submit) for _ in range(2)]
    await gateways[0]._registrar.current()
    election.say(election.root, "window_closed", area=TPS)
    await election.store(registry)
    await gateways[1]._registrar.current()
    log = DeviceLog("test-2024", key.device, officer="phone", role="pantarlih", policy="2024-1")
    new = log.append(
        "new", tps=TPS, at=AT, how="in_person", document="ktp_el", person={"record": RECORD, "salt": "A" * 22}
    )
    body = election.push([new])
    receipts = [read_receipt(line).receipt for line in await asyncio.gather(*(one.push(body) for one in gateways))]
    [stored] = await journal.read_events(0, 10)
    stamp = int(dict(stored.headers)[STAMP_HEADER])
    assert {receipt.registry for receipt in receipts} == {stamp}


class Twins:
    """A service in memory, and a phone whose store was copied onto another one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.election = MadeUpElection("test-2024")
        self.door = MemoryDoor("test-2024", "9404", self.election.service, policies(), self.election.lines)
        self.phones: list[Phone] = []
        self.first = self.open("first")
        self.enrol(self.first)

    def open(self, name: str) -> Phone:
        outbox = Outbox(self.folder / name, make=True)
        phone = Phone(outbox, policies(), now=lambda: datetime.fromisoformat(AT), entropy=Random(name).randbytes)
        self.phones.append(phone)
        return phone

    def enrol(self, phone: Phone) -> None:
        key = phone.identity().key
        for type, fields in (
            ("device_enrolled", {"enrolled": key.device, "holder": "officer", "key": key.public}),
            ("assigned", {"area": TPS, "officer_assigned": "officer", "role_assigned": "pantarlih",
                          "to_device": key.device}),
        ):  # fmt: skip
            self.door.admit_line(self.election.say(self.election.root, type, **fields))
        lines = b"".join(line + b"\n" for line in self.election.registry)
        enrolment.take(phone.outbox, enrolment.read(lines, key), service="memory")
        phone.reload()

    def copy(self, name: str) -> Phone:
        self.first.outbox.close()
        (self.folder / name).mkdir()
        (self.folder / name / STORE_FILE).write_bytes((self.folder / "first" / STORE_FILE).read_bytes())
        self.phones.remove(self.first)
        self.first = self.open("first")
        return self.open(name)

    def sync(self, phone: Phone) -> list[bool]:
        services = enrolment.services_of(phone.outbox)
        client = Client(phone, MemoryTransport(self.door), services, sleep=lambda seconds: None)
        return [one.same for one in client.sync().compared]


@pytest.fixture
def twins(tmp_path: Path) -> Iterator[Twins]:
    twins = Twins(tmp_path)
    yield twins
    for phone in twins.phones:
        phone.outbox.close()


def test_what_a_restored_service_lost_of_a_cloned_phone_is_said_again(twins: Twins) -> None:
    """An acknowledged entry was lost for good when, after a restore, the other phone with its key was faster.

    The service was restored from a copy without the entry, another entry took its name, and the new key that the
    phone was given said nothing again of what an old receipt had called held.
    """
    first = twins.first
    voter = first.say("new", None, how="in_person", document="ktp_el", person={"record": RECORD}).held.voter
    twins.sync(first)
    clone = twins.copy("clone")
    clone.say("found", voter, how="family")
    twins.sync(clone)
    twins.door.lose_tail(1)
    twins.first.say("found", voter, how="in_person")
    twins.sync(twins.first)
    with pytest.raises(Stuck) as stuck:
        twins.sync(clone)
    assert stuck.value.code == "equivocation"
    again = clone.reissue()
    assert [one.event.kind for one in again if one.event is not None] == ["found"]
    twins.enrol(clone)
    twins.sync(clone)
    assert twins.sync(clone) == [True]
    assert twins.sync(twins.first) == [True]
