"""What the office asks on the last evening, on the real database: reconcile, closing and quarantine."""

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
from ecoklit.core.reconcile import Apart
from ecoklit.core.registry import Registry, fold_registry
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.ports import STAMP_HEADER, Push
from ecoklit.services.closing import Closing, closing, duties_of, is_closed
from ecoklit.services.project import Projector
from ecoklit.services.quarantine import Seen, explained, listed, preview
from ecoklit.services.reconcile import reconcile
from ecoklit.testing.made_up_keys import made_up_device, made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

ELECTION, REGENCY = "pilkada-2024", "9404"
TPS, NEXT_DOOR = "9404012001001", "9404012001002"
AT = "2024-06-25T09:00:00+09:00"


class Evening:
    """One regency with an office, two officers and a village office, and a projection that follows."""

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
        self.office = self._log("office", "o-1", "kpu")
        self.siti = self._log("siti-phone", "siti", "pantarlih", TPS)
        self.budi = self._log("budi-phone", "budi", "pantarlih", NEXT_DOOR)

    def _log(self, name: str, officer: str, role: str, area: str = REGENCY) -> DeviceLog:
        self.election.device(name, role, area, officer=officer)
        return DeviceLog(ELECTION, made_up_device(1, name), officer=officer, role=role, policy="2024-1")

    def stranger(self, name: str = "operator-phone") -> DeviceLog:
        """A phone that is enrolled, and whose officer has no right here."""
        self.election.enrol(made_up_key(1, name), "anton")
        return DeviceLog(ELECTION, made_up_device(1, name), officer="anton", role="pantarlih", policy="2024-1")

    def listed(self, name: str, tps: str = TPS) -> Held:
        return self.office.append("listed", tps=tps, at=AT, source="dp4-2024", person=person(name))

    async def push(self, *held: Held) -> None:
        """Store events as admission would, by the registry as it is."""
        await self.election.store(self.registry_journal)
        head = await self.journal.head(held[0].device)
        stamp = ((STAMP_HEADER, str(await self.registry_journal.last())),)
        persons = tuple((one.seq, one.person_bytes) for one in held if one.person_bytes is not None)
        events = tuple(one.event_bytes for one in held)
        await self.journal.append(
            [Push(held[0].device, head.sequence if head else 0, events, persons, first_headers=stamp)]
        )

    async def project(self) -> None:
        await self.election.store(self.registry_journal)
        await self._projector.run_until_caught_up()

    async def registry(self) -> Registry:
        lines = await self.registry_journal.read(0, 1000)
        return fold_registry(ELECTION, REGENCY, [(one.sequence, one.payload) for one in lines])

    async def closing(self, area: str = REGENCY) -> dict[str, list[tuple[str, int]]]:
        found = await self.closings(area)
        return {one.tps: [(lack.name, lack.count) for lack in one.missing] for one in found}

    async def closings(self, area: str = REGENCY) -> list[Closing]:
        await self.project()
        return await closing(self.office_reader, area, duties_of(await self.registry()))

    async def report(self, log: DeviceLog, name: str, tps: str = TPS, digest: bytes | None = None) -> None:
        await self.project()
        roll = (await self.office_reader.open_at(tps))[tps]
        said = self.election.say(
            made_up_key(1, name),
            "tps_reported",
            officer=log.officer,
            role=log.role,
            tps=tps,
            last=log.seq,
            totals={"on_list": 1},
            digest=ids.to_base64url(digest or roll.digest),
        )
        assert said.fault is None

    async def close(self) -> None:
        await self.reader.close()
        await self._store.close()


def person(name: str) -> dict[str, Any]:
    record = dict.fromkeys(RECORD_FIELDS) | {"name": name, "nik": "9404014107900001"}
    return {"salt": ids.to_base64url(bytes(16)), "record": record}


@pytest_asyncio.fixture(loop_scope="session")
async def evening(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[Evening]:
    evening = Evening(postgres_server.dsn, schema)
    yield evening
    await evening.close()


# --- reconcile -------------------------------------------------------------------------------------------------------


async def test_both_totals_are_explained_by_name(evening: Evening) -> None:
    """Of a phone whose total is another: what was quarantined, what waits and what others did since it last spoke, each
    voter by name, and the rest unsent; and the list itself by how everybody came to stand on it."""
    one, two, three, four, five = (evening.listed(name) for name in ("Ani", "Budi", "Citra", "Dewi", "Eko"))
    await evening.push(one, two, three, four, five)
    siti = evening.siti
    found = siti.append("found", tps=TPS, at=AT, voter=one.voter, seen=[one], how="in_person")
    born = siti.append("new", tps=TPS, at=AT, how="in_person", document="ktp_el", person=person("Fitri"))
    siti.officer = "ghost"  # what she says under another name is nobody's
    dead = siti.append("deceased", tps=TPS, at=AT, voter=two.voter, seen=[two], evidence="death_certificate")
    siti.officer = "siti"
    absent = evening.budi.append("not_met", tps=NEXT_DOOR, at=AT, voter=three.voter, seen=[three], why="absent", nth=1)
    after = siti.append(
        "deceased", tps=TPS, at=AT, voter=three.voter, seen=[three, absent], evidence="death_certificate"
    )
    await evening.push(found, born, dead, after)
    moved = siti_moves = evening.office.append("ruled", tps=TPS, at=AT, voter=four.voter, seen=[four], to=NEXT_DOOR)
    await evening.push(moved)
    await evening.project()

    done = await reconcile(evening.office_reader, policies(), TPS, said=5)
    terms = done.terms
    assert (len(terms.listed), terms.new, terms.departed, terms.removed) == (5, [born.voter], [siti_moves.voter], [])
    assert len(terms.on_list) == 5
    (half,) = done.phones
    bridge = half.bridge
    assert (half.device, half.officer, half.last) == (siti.device, "siti", 4)
    # On the phone Budi and Citra are dead, and Dewi has not moved yet.
    assert (bridge.on_phone, bridge.on_web) == (4, 5)
    assert bridge.quarantined == Apart([], [two.voter])
    assert bridge.parked == Apart([], [three.voter])
    assert bridge.since_contact == Apart([four.voter], [])
    assert half.unsent_net == 1
    assert done.voters[four.voter].name == "Dewi"
    assert (await reconcile(evening.office_reader, policies(), TPS)).phones[0].unsent_net is None


async def test_one_phone_must_be_meant_by_its_total(evening: Evening) -> None:
    """A total without a phone, a phone that never worked there, and a TPS that nobody knows are told apart."""
    await evening.push(evening.listed("Ani"))
    await evening.project()
    for asked in ({"said": 3}, {"device": evening.budi.device}):
        with pytest.raises(EcoklitError, match="phones of") as refused:
            await reconcile(evening.office_reader, policies(), TPS, **asked)  # type: ignore[arg-type]
        assert refused.value.code == "no_phone"
    empty = await reconcile(evening.office_reader, policies(), NEXT_DOOR)
    assert (empty.terms.on_list, empty.phones) == ([], [])


# --- closing ---------------------------------------------------------------------------------------------------------


async def test_a_tps_closes_when_nothing_is_missing(evening: Evening) -> None:
    """From the morning to the close, each thing that is missing is named, and nothing else."""
    one, two = evening.listed("Ani"), evening.listed("Budi")
    await evening.push(one, two)
    assert await evening.closing() == {TPS: [("no_report", 1)], NEXT_DOOR: [("no_report", 1)]}
    assert [lack.whose for found in await evening.closings(TPS) for lack in found.missing] == [["siti"]]

    found = evening.siti.append("found", tps=TPS, at=AT, voter=one.voter, seen=[one], how="in_person")
    proposed = evening.siti.append("deceased", tps=TPS, at=AT, voter=two.voter, seen=[two])
    await evening.push(found)
    evening.siti.seq += 1  # she counts one more than she has sent
    await evening.report(evening.siti, "siti-phone")
    evening.siti.seq -= 1
    assert (await evening.closing(TPS))[TPS] == [("unsent", 2)]
    await evening.push(proposed)
    assert (await evening.closing(TPS))[TPS] == [("unsent", 1), ("proposals", 1)]

    dead = evening.office.append("ruled", tps=TPS, at=AT, voter=two.voter, seen=[two, proposed], verdict="deceased")
    await evening.push(dead)
    await evening.report(evening.siti, "siti-phone")
    assert await evening.closing(TPS) == {TPS: []}
    assert is_closed(await evening.closings(TPS))

    late = evening.siti.append("found", tps=TPS, at=AT, voter=one.voter, seen=[one, found], how="in_person")
    await evening.push(late)
    assert (await evening.closing(TPS))[TPS][0] == ("outdated", 1)


async def test_a_roll_that_is_not_the_reported_one_is_noticed(evening: Evening) -> None:
    """A report of another roll than the one here, with all sent and nothing changed since, keeps the TPS open."""
    one = evening.listed("Ani")
    await evening.push(one)
    found = evening.siti.append("found", tps=TPS, at=AT, voter=one.voter, seen=[one], how="in_person")
    await evening.push(found)
    await evening.report(evening.siti, "siti-phone", digest=bytes(32))
    assert await evening.closing(TPS) == {TPS: [("differs", 1)]}


async def test_what_others_change_after_the_report_is_explained(evening: Evening) -> None:
    """A roll that an office changed after the report is not the one that was reported, for a reason that is held."""
    one = evening.listed("Ani")
    await evening.push(one)
    found = evening.siti.append("found", tps=TPS, at=AT, voter=one.voter, seen=[one], how="in_person")
    await evening.push(found)
    await evening.report(evening.siti, "siti-phone")
    await evening.push(evening.listed("Budi"))
    (closed,) = await evening.closings(TPS)
    assert (closed.missing, closed.changed_since) == ([], True)


async def test_what_waits_or_is_kept_out_keeps_a_tps_open(evening: Evening) -> None:
    """Parked and quarantined events and conflicts keep the TPS open at which they were said."""
    one = evening.listed("Ani")
    await evening.push(one)
    await evening.report(evening.siti, "siti-phone")
    stranger = evening.stranger()
    unseen = evening.budi.append("not_met", tps=NEXT_DOOR, at=AT, voter=one.voter, seen=[one], why="absent", nth=1)
    kept_out = stranger.append("found", tps=TPS, at=AT, voter=one.voter, seen=[one], how="in_person")
    await evening.push(kept_out)
    waits = evening.office.append("ruled", tps=TPS, at=AT, voter=one.voter, seen=[one, unseen], verdict="deceased")
    await evening.push(waits)
    assert (await evening.closing(TPS))[TPS] == [("parked", 1), ("quarantined", 1)]


# --- quarantine ------------------------------------------------------------------------------------------------------


async def test_what_is_kept_out_is_listed_and_explained(evening: Evening) -> None:
    """Each quarantined event is listed with its reason, and explained by clause and by the registry events behind."""
    one = evening.listed("Ani")
    await evening.push(one)
    stranger = evening.stranger()
    kept_out = stranger.append("found", tps=TPS, at=AT, voter=one.voter, seen=[one], how="in_person")
    await evening.push(kept_out)
    good = evening.siti.append("found", tps=TPS, at=AT, voter=one.voter, seen=[one], how="in_person")
    await evening.push(good)
    evening.election.say(evening.election.root, "revoked", revoked=evening.siti.device, from_seq=1)
    evening.election.say(evening.election.root, "window_closed", area="940401")
    late = evening.budi.append("found", tps=NEXT_DOOR, at=AT, voter=one.voter, seen=[one], how="family")
    await evening.push(late)
    await evening.project()
    registry = await evening.registry()
    reader = evening.office_reader
    asides = await listed(reader, registry, REGENCY)
    assert [(aside.officer, aside.standing) for aside in asides] == [
        ("anton", "not_entitled"), ("siti", "revoked_device"), ("budi", "late"),
    ]  # fmt: skip
    assert all(aside.why for aside in asides)
    assert [one.seq for one in await listed(reader, registry, REGENCY, officer="siti")] == [1]
    assert [one.officer for one in await listed(reader, registry, NEXT_DOOR, reason="late")] == ["budi"]
    assert await listed(reader, registry, "940402") == []

    told = await explained(reader, registry, policies(), kept_out.device, 1)
    assert (told.event.standing, told.clause, told.releases) == ("not_entitled", "7.8", ["assign", "readmit"])
    assert [behind.type for behind in told.behind] == ["device_enrolled"]
    told = await explained(reader, registry, policies(), good.device, 1)
    assert ("revoked", {"from_seq": 1, "area": None}) in [(one.type, one.says) for one in told.behind]
    told = await explained(reader, registry, policies(), late.device, 1)
    assert [(one.type, one.says["area"]) for one in told.behind] == [("window_closed", "940401")]
    told = await explained(reader, registry, policies(), one.device, 1)
    assert (told.event.standing, told.clause, told.behind, told.releases) == ("counted", "4.2", [], [])
    with pytest.raises(EcoklitError, match="No event 9"):
        await explained(reader, registry, policies(), one.device, 9)


async def test_a_readmission_does_what_its_preview_said(evening: Evening) -> None:
    """The preview names the events that will count, those that still will not, and each voter before and after; once it
    is said, the projection is that."""
    one, two = evening.listed("Ani"), evening.listed("Budi")
    await evening.push(one, two)
    stranger = evening.stranger()
    dead = stranger.append("deceased", tps=TPS, at=AT, voter=one.voter, seen=[one], evidence="death_certificate")
    born = stranger.append("new", tps=TPS, at=AT, how="in_person", document="ktp_el", person=person("Fitri"))
    same = stranger.append("not_met", tps=TPS, at=AT, voter=two.voter, seen=[two], why="absent", nth=1)
    ghost = stranger.append("found", tps=NEXT_DOOR, at=AT, voter=ids.birth_id(ELECTION, dead.device, 9, "A" * 43),
                            how="in_person")  # fmt: skip
    await evening.push(dead, born, same, ghost)
    await evening.project()
    registry, office = await evening.registry(), made_up_device(1, "office")
    chosen = {"of_officer": "anton"}
    shown = await preview(evening.office_reader, registry, policies(), office, chosen)
    assert sorted(one.seq for one in shown.counted) == [1, 2, 3]
    assert [(one.seq, one.standing) for one in shown.left] == [(4, "not_on_roll")]
    effects = {one.voter: (one.before, one.after) for one in shown.effects}
    assert effects == {
        one.voter: (Seen(TPS, "unvisited", True), Seen(TPS, "deceased", False)),
        born.voter: (Seen("", "", False), Seen(TPS, "confirmed", True)),
    }
    none = await preview(evening.office_reader, registry, policies(), evening.siti.device, chosen)
    assert (none.counted, none.effects) == ([], [])
    by_hash = {"events": [ids.to_base64url(born.hash)]}
    assert [
        one.seq for one in (await preview(evening.office_reader, registry, policies(), office, by_hash)).counted
    ] == [2]

    evening.election.say(evening.election.root, "readmitted", **chosen)
    await evening.project()
    assert await evening.reader.standings(REGENCY) == {"counted": 5, "not_on_roll": 1}
    for seen in (one for one in await evening.office_reader.voters_at(TPS) if one.voter in effects):
        after = effects[seen.voter][1]
        assert (seen.tps, seen.verdict, seen.on_list) == (after.tps, after.verdict, after.on_list)
