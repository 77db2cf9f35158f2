"""An election with its office, a list and a service, and phones that are made when asked for: a world for tests.

The service is a strict one in memory (`MemoryDoor`), or the real admission into journals in memory (`AdmittedDoor`).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from ecoklit.contract import policies
from ecoklit.core import ids, wire
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.policy import parse_policy
from ecoklit.core.push_file import sign_pushes
from ecoklit.core.registry_event import RegistryLog, read_line
from ecoklit.core.signing import Key
from ecoklit.field import enrolment
from ecoklit.field.client import Client, Synced
from ecoklit.field.nats_transport import nkey_of
from ecoklit.field.outbox import Outbox
from ecoklit.field.phone import Phone
from ecoklit.ports import STAMP_HEADER
from ecoklit.ports import Push as Stamped
from ecoklit.services.admit import Admission
from ecoklit.services.group_commit import GroupCommit
from ecoklit.services.registry import Registrar
from ecoklit.testing import mimika
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.memory_door import MemoryDoor, MemoryTransport, Stored
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

ELECTION, REGENCY = "pilkada-2024", "9404"
TPS, NEXT_TPS = "9404012001001", "9404012001002"
AT = "2024-06-01T08:00:00+09:00"
NOON = datetime.fromisoformat("2024-06-25T12:00:00+09:00")
PEOPLE = mimika.people(mimika.tps_codes("940401")[0])
VOTERS = 20
STRICT = parse_policy(b'{"policy":"2024-2","removals":{"deceased":{"accepted":["death_certificate"]}}}')
"""A second policy, which the phones' program does not have: only a death certificate proves anything."""


class AdmittedDoor(MemoryDoor):
    """The same door with the real admission in it, into journals in memory; what it holds is read from them."""

    def __init__(self, election: str, regency: str, key: Key, policies: Any, registry: Iterable[Any]) -> None:
        self.runner = asyncio.Runner()
        self.lines = list(registry)
        self._open(1, [], [])
        super().__init__(election, regency, key, policies, self.lines)

    def _open(self, epoch: int, lines: Sequence[Any], stored: Sequence[Stored]) -> None:
        self._journal, self._registry_journal = MemoryJournal(), MemoryRegistryJournal()
        self._commits = GroupCommit(self._journal)
        root = self.lines[0].device
        self._registrar = Registrar(
            election=ELECTION, regency=REGENCY, journal=self._registry_journal, root=lambda: root
        )
        self._admission = Admission(
            election=ELECTION,
            regency=REGENCY,
            epoch=epoch,
            journal=self._journal,
            submit=self._commits.submit,
            registrar=self._registrar,
            service_key=lambda: self.key,
        )
        self.runner.run(self._restore(lines, stored))

    async def _restore(self, lines: Sequence[Any], stored: Sequence[Stored]) -> None:
        for line in lines:
            head = await self._registry_journal.head(line.device)
            await self._registry_journal.append(line.device, head.sequence if head else 0, [line.line])
        for held, stamp in stored:
            last = await self._journal.head(held.device)
            persons = () if held.person_bytes is None else ((held.seq, held.person_bytes),)
            stamped = ((STAMP_HEADER, str(stamp)),)
            after = last.sequence if last else 0
            await self._journal.append([Stamped(held.device, after, (held.event_bytes,), persons, (), stamped)])

    def push(self, body: bytes) -> bytes:
        try:
            return self.runner.run(self._admission.push(body))
        finally:
            self.runner.run(self._mirror())

    def admit_line(self, line: Any) -> None:
        self.runner.run(self._registrar.admit([line]))
        self.runner.run(self._mirror())

    def lose_tail(self, events: int, registry_lines: int = 0) -> None:
        super().lose_tail(events, registry_lines)
        self._open(self.epoch, self.registry_lines, self.stored)

    async def _mirror(self) -> None:
        persons = {(one.device, one.seq): one.payload for one in await self._journal.read_persons(0, 10**6)}
        stamps: dict[str, int] = {}
        self.stored = []
        for one in await self._journal.read_events(0, 10**6):
            bare = wire.hold(one.payload, None)
            held = wire.hold(one.payload, persons.get(bare.dot))
            stamps[one.device] = int(dict(one.headers).get(STAMP_HEADER, stamps.get(one.device, 0)))
            self.stored.append(Stored(held, stamps[one.device]))
        self.registry_lines = [read_line(one.payload) for one in await self._registry_journal.read(0, 10**6)]
        self._erase()  # as the roll does


class World:
    """An election with its root, its office, a service, a list of one TPS, and phones that are made when asked for."""

    def __init__(
        self,
        folder: Path,
        door: type[MemoryDoor],
        *,
        voters: int = VOTERS,
        connection: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        self.folder = folder
        self.connection = connection
        self.root, self.office, self.service = (made_up_key(1, name) for name in ("root", "kpu", "service"))
        root = RegistryLog(self.root, election=ELECTION, regency=REGENCY, officer="kpu-1", role="kpu")
        self.rights = RegistryLog(self.office, election=ELECTION, regency=REGENCY, officer="kpu-1", role="kpu")
        opening = [
            root.append("election_opened", at=AT, root=self.root.public, services=[self.service.public]),
            root.append("device_enrolled", at=AT, enrolled=self.office.device, holder="kpu-1", key=self.office.public),
            root.append("assigned", at=AT, area=REGENCY, officer_assigned="kpu-1", role_assigned="kpu"),
        ]
        self.door = door(ELECTION, REGENCY, self.service, {**policies(), STRICT.name: STRICT}, opening)
        self.known = list(opening)
        self.listed = self._list(voters)
        for body in sign_pushes(self.office, ELECTION, self.listed):
            self.door.push(body)
        self.clock = Clock()
        self._open: list[Phone] = []

    def _list(self, voters: int) -> list[Any]:
        log = DeviceLog(ELECTION, self.office.device, officer="kpu-1", role="kpu", policy="2024-1")
        return [
            log.append(
                "listed",
                tps=TPS,
                at=AT,
                source="dp4",
                person={"record": person.record(), "salt": ids.to_base64url(nth.to_bytes(16, "big"))},
            )
            for nth, person in enumerate(PEOPLE[:voters])
        ]

    def say(self, type: str, *, send: bool = True, **fields: Any) -> None:
        """The office says something in the registry; without `send` only a file that it makes brings it."""
        line = self.rights.append(type, at=AT, **fields)
        self.known.append(line)
        if send:
            self.door.admit_line(line)

    def enrol(self, key: Key, officer: str, *, tps: str = TPS, send: bool = True) -> bytes:
        """The office enrols a key; the file that it gives."""
        self.say("device_enrolled", send=send, enrolled=key.device, holder=officer, key=key.public, nkey=nkey_of(key))
        self.say(
            "assigned", send=send, area=tps, officer_assigned=officer, role_assigned="pantarlih", to_device=key.device
        )
        listed = self.listed if tps == TPS else []
        return b"".join(line.line + b"\n" for line in (*self.known, *listed))

    def open(self, name: str) -> Phone:
        outbox = Outbox(self.folder / name, make=True, connection=self.connection)
        phone = Phone(outbox, policies(), now=self.clock, entropy=chance(name))
        self._open.append(phone)
        return phone

    def phone(self, name: str, officer: str = "p-1", *, send: bool = True) -> Phone:
        """A phone that is enrolled by a file, with the list."""
        phone = self.open(name)
        self.let_in(phone, officer, send=send)
        return phone

    def let_in(self, phone: Phone, officer: str = "p-1", *, send: bool = True) -> None:
        key = phone.identity().key
        enrolment.take(phone.outbox, enrolment.read(self.enrol(key, officer, send=send), key), service="memory")
        phone.reload()

    def way(self) -> MemoryTransport:
        return MemoryTransport(self.door)

    def sync(self, phone: Phone, way: Any = None) -> Synced:
        return client(phone, way or self.way()).sync()

    def close(self) -> None:
        for phone in self._open:
            phone.outbox.close()


class Clock:
    """A wall clock that goes on by a minute at each look, and may be set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


def chance(name: str) -> Callable[[int], bytes]:
    random = Random(name)
    return random.randbytes


def client(phone: Phone, way: Any) -> Client:
    return Client(phone, way, enrolment.services_of(phone.outbox), sleep=lambda seconds: None)


def visit(phone: Phone, *numbers: int, how: str = "in_person") -> None:
    voters = {entry.number: entry.state.decision.voter for entry in phone.roll(TPS)}
    for number in numbers:
        phone.say("found", voters[number], how=how)


def visited(phone: Phone) -> set[int]:
    return {entry.number for entry in phone.roll(TPS) if entry.state.decision.verdict == "confirmed"}


def confirmed(world: World) -> int:
    return sum(state.decision.verdict == "confirmed" for state in world.door.replica().states())


def assert_whole(world: World, phone: Phone, *, confirmed_voters: int) -> None:
    """All is with the service, exactly once, and both sides show one roll."""
    synced = world.sync(phone)
    status = phone.status()
    assert status.proved or status.saved == 0
    assert status.unsent == 0
    assert [one.same for one in synced.compared] == [True]
    assert phone.digest(TPS) == world.door.digest(TPS)
    assert confirmed(world) == confirmed_voters
    assert len({one.held.dot for one in world.door.stored}) == len(world.door.stored)
