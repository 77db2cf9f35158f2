"""Faults of the phone's side, each as it was found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from ecoklit.contract import policies
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.field import enrolment
from ecoklit.field.client import Client, Synced
from ecoklit.field.outbox import Outbox
from ecoklit.field.phone import Phone
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_door import MemoryDoor, MemoryTransport

TPS, AT = "9404012001001", "2024-06-25T09:00:00+09:00"


class Field:
    """A service in memory, and phones of one TPS."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.election = MadeUpElection("test-2024")
        self.door = MemoryDoor("test-2024", "9404", self.election.service, policies(), self.election.lines)
        self.phones: list[Phone] = []

    def say(self, type: str, **fields: object) -> None:
        self.door.admit_line(self.election.say(self.election.root, type, **fields))

    def phone(self, name: str) -> Phone:
        phone = Phone(
            Outbox(self.folder / name, make=True),
            policies(),
            now=lambda: datetime.fromisoformat(AT),
            entropy=Random(name).randbytes,
        )
        self.phones.append(phone)
        key = phone.identity().key
        self.say("device_enrolled", enrolled=key.device, holder=name, key=key.public)
        self.say("assigned", area=TPS, officer_assigned=name, role_assigned="pantarlih", to_device=key.device)
        lines = b"".join(line + b"\n" for line in self.election.registry)
        enrolment.take(phone.outbox, enrolment.read(lines, key), service="memory")
        phone.reload()
        return phone

    def sync(self, phone: Phone) -> Synced:
        services = enrolment.services_of(phone.outbox)
        return Client(phone, MemoryTransport(self.door), services, sleep=lambda seconds: None).sync()


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    field = Field(tmp_path)
    yield field
    for phone in field.phones:
        phone.outbox.close()


def test_what_a_restored_service_lost_is_folded_by_nobody(field: Field) -> None:
    """A phone went on counting what it had pulled of a phone that vanished in a restore, and never agreed again."""
    gone, left = field.phone("gone"), field.phone("left")
    record = dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}
    voter = left.say("new", None, how="in_person", document="ktp_el", person={"record": record}).held.voter
    field.sync(left)
    field.sync(gone)
    gone.say("not_met", voter, why="absent")
    field.sync(gone)
    field.sync(left)
    left.say("found", voter, how="in_person", person={"changes": {"rt": "007"}})
    field.sync(left)
    field.door.lose_tail(2)
    for _ in range(2):
        assert [one.same for one in field.sync(left).compared] == [True]
        assert [(one.held.seq, one.name) for one in left.outside()] == [(2, "parked")]
    left.say("not_met", voter, why="absent")  # whose clock does not fall
    field.say("dots_lost", lost=gone.identity().device, after=0)
    assert [one.same for one in field.sync(left).compared] == [True]
    assert left.outside() == []
    field.sync(gone)  # who comes back after all
    assert [one.same for one in field.sync(left).compared] == [True]
    assert left.outbox.gone() == []
