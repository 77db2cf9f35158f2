"""What the office asks about devices, on the real database: how far each has come, and what the loss of one lets go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_office import PostgresOffice
from ecoklit.adapters.postgres_reader import PostgresReader
from ecoklit.contract import policies
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.registry import Registry, fold_registry
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.ports import STAMP_HEADER, LastHeld, Push
from ecoklit.services.devices import Right, devices_in, preview_lost
from ecoklit.services.project import Projector
from ecoklit.services.quarantine import Seen
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

ELECTION, REGENCY, TPS, NEXT_DOOR = "pilkada-2024", "9404", "9404012001001", "9404012001002"
AT = "2024-06-25T09:00:00+09:00"


class Field:
    """An office, and two officers of whom one will lose the phone; a projection that follows."""

    def __init__(self, dsn: str, schema: str) -> None:
        self.election = MadeUpElection(ELECTION, REGENCY)
        self.journal = MemoryJournal()
        self.registry_journal = MemoryRegistryJournal()
        self.reader = PostgresReader(dsn, schema=schema)
        self.office_reader = PostgresOffice(self.reader)
        self._store = PostgresRoll(dsn, election=ELECTION, regency=REGENCY, schema=schema)
        self._projector = Projector(
            self.journal, self._store, policies(), election=ELECTION, regency=REGENCY, registry=self.registry_journal
        )
        self.office = self._log("office", "o-1", "kpu", REGENCY)
        self.siti = self._log("siti-phone", "siti", "pantarlih", TPS)
        self.budi = self._log("budi-phone", "budi", "pantarlih", NEXT_DOOR)

    def _log(self, name: str, officer: str, role: str, area: str) -> DeviceLog:
        self.election.device(name, role, area, officer=officer)
        return DeviceLog(ELECTION, made_up_device(1, name), officer=officer, role=role, policy="2024-1")

    def listed(self, name: str) -> Held:
        return self.office.append("listed", tps=TPS, at=AT, source="dp4-2024", person=person(name))

    async def push(self, *held: Held) -> None:
        """Store events as admission would, and project them."""
        await self.election.store(self.registry_journal)
        head = await self.journal.head(held[0].device)
        stamp = ((STAMP_HEADER, str(await self.registry_journal.last())),)
        persons = tuple((one.seq, one.person_bytes) for one in held if one.person_bytes is not None)
        events = tuple(one.event_bytes for one in held)
        await self.journal.append(
            [Push(held[0].device, head.sequence if head else 0, events, persons, first_headers=stamp)]
        )
        await self.project()

    async def project(self) -> None:
        await self.election.store(self.registry_journal)
        await self._projector.run_until_caught_up()

    async def registry(self) -> Registry:
        lines = await self.registry_journal.read(0, 1000)
        return fold_registry(ELECTION, REGENCY, [(one.sequence, one.payload) for one in lines])

    async def close(self) -> None:
        await self.reader.close()
        await self._store.close()


def person(name: str) -> dict[str, Any]:
    return {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": name}}


@pytest_asyncio.fixture(loop_scope="session")
async def field(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[Field]:
    field = Field(postgres_server.dsn, schema)
    yield field
    await field.close()


async def test_a_device_is_known_by_its_last_contact(field: Field) -> None:
    """Seq and position of a device's last event; one that sent nothing has none, and the list shows 0 for it."""
    one = field.listed("Ani")
    await field.push(one, field.listed("Budi"))
    found = [field.siti.append("found", tps=TPS, at=AT, voter=one.voter, seen=[one], how="family") for _ in range(2)]
    await field.push(found[0])
    await field.push(found[1])
    registry = await field.registry()
    ends = await field.office_reader.last_held(REGENCY, list(registry.devices))
    assert ends == {field.office.device: LastHeld(2, 2), field.siti.device: LastHeld(2, 4)}
    rows = devices_in(registry, REGENCY, ends)
    assert [(row.officer, row.held, row.position) for row in rows] == [("o-1", 2, 2), ("siti", 2, 4), ("budi", 0, 0)]
    assert devices_in(registry, TPS, ends)[0].rights == [Right("pantarlih", TPS, None)]
    with pytest.raises(EcoklitError) as refused:
        devices_in(registry, "94", ends)
    assert refused.value.code == "unknown_area"


async def test_a_loss_lets_go_what_its_preview_said(field: Field) -> None:
    """The preview of a lost phone names the events that waited for its entries and will count, and their voters before
    and after; what waits for others is not touched. Once it is said, the projection is that."""
    one, two, three = (field.listed(name) for name in ("Ani", "Budi", "Citra"))
    await field.push(one, two, three)
    siti = field.siti
    await field.push(siti.append("found", tps=TPS, at=AT, voter=three.voter, seen=[three], how="family"))
    vanished = siti.append("not_met", tps=TPS, at=AT, voter=one.voter, seen=[one], why="absent", nth=1)
    unborn = siti.append("new", tps=TPS, at=AT, how="in_person", document="ktp_el", person=person("Dewi"))
    unseen = field.budi.append("not_met", tps=NEXT_DOOR, at=AT, voter=two.voter, seen=[two], why="absent", nth=1)
    ruling = field.office.append("ruled", tps=TPS, at=AT, voter=one.voter, seen=[one, vanished], verdict="deceased")
    others = field.office.append("ruled", tps=TPS, at=AT, voter=two.voter, seen=[two, unseen], verdict="deceased")
    nobody = field.office.append("ruled", tps=TPS, at=AT, voter=unborn.voter, seen=[unborn], verdict="deceased")
    await field.push(ruling, others, nobody)
    registry = await field.registry()

    shown = await preview_lost(field.office_reader, registry, policies(), siti.device, 1)
    assert [one.hash for one in shown.counted] == [ids.to_base64url(ruling.hash)]
    assert [(one.hash, one.standing) for one in shown.left] == [(ids.to_base64url(nobody.hash), "not_on_roll")]
    assert [(seen.voter, seen.before, seen.after) for seen in shown.effects] == [
        (one.voter, Seen(TPS, "unvisited", True), Seen(TPS, "deceased", False))
    ]
    later = await preview_lost(field.office_reader, registry, policies(), siti.device, 3)
    assert (later.counted, later.left, later.effects) == ([], [], [])

    field.election.say(field.election.root, "dots_lost", lost=siti.device, after=1)
    await field.project()
    assert await field.reader.standings(REGENCY) == {"counted": 5, "parked": 1, "not_on_roll": 1}
    roll = {one.voter: (one.verdict, one.on_list) for one in await field.office_reader.voters_at(TPS)}
    assert roll[one.voter] == ("deceased", False)
    after = await preview_lost(field.office_reader, await field.registry(), policies(), siti.device, 1)
    assert (after.counted, after.effects) == ([], [])


async def test_a_loss_is_of_a_known_device_beyond_what_is_held(field: Field) -> None:
    """A device that the registry does not have, and a seq below what is held, are told apart in a sentence."""
    one = field.listed("Ani")
    await field.push(one)
    for device, after, why in (
        (made_up_device(1, "nobody"), 0, "has no device"),
        (field.office.device, 0, "say --after 1, or more"),
    ):
        with pytest.raises(EcoklitError, match=why) as refused:
            await preview_lost(field.office_reader, await field.registry(), policies(), device, after)
        assert refused.value.code == "bad_argument"
