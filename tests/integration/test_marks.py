"""Voters are known again across regencies and elections by keyed marks, over a real database, for a person to see."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_marks import PostgresPeople
from ecoklit.adapters.postgres_reader import PostgresReader
from ecoklit.contract import policies
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.wire import Held
from ecoklit.ports import Push
from ecoklit.services.marks import LEAVING, Known, MarksFault, about, arrived, marked, pairs, read_marks, returned
from ecoklit.services.project import Projector
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.phone import Person, Phone, made_up_salt

ELECTION = "pilkada-2024"
HERE, THERE = "9404012001001", "9103012001001"
KEY, OTHER_KEY = bytes(range(32)), bytes(32)
BORN = {"how": "in_person", "document": "ktp_el"}

pytestmark = pytest.mark.asyncio(loop_scope="session")


def record(name: str, born: str, nik: str | None) -> dict[str, str | None]:
    return {**dict.fromkeys(RECORD_FIELDS), "name": name, "birth_date": born, "nik": nik}


def born(phone: Phone, name: str, day: str, nik: str | None = None) -> str:
    person = {"record": record(name, day, nik), "salt": made_up_salt(phone.device, phone.log.seq + 1)}
    return phone.say("new", None, person=person, **BORN).voter


async def project(server: EmbeddedPostgres, schema: str, regency: str, said: list[Held]) -> None:
    journal = MemoryJournal()
    persons = tuple((one.seq, one.person_bytes) for one in said if one.person_bytes is not None)
    await journal.append([Push(said[0].device, 0, tuple(one.event_bytes for one in said), persons)])
    store = PostgresRoll(server.dsn, election=ELECTION, regency=regency, schema=schema)
    await Projector(journal, store, policies(), election=ELECTION, regency=regency).run_until_caught_up()
    await store.close()


class Voters:
    """Who is who, by name."""

    dead: str
    twin: str
    left: str
    by_name: str
    lost: str
    came: str
    came_by_name: str
    elsewhere: str


@pytest_asyncio.fixture(loop_scope="session")
async def halves(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[tuple[PostgresPeople, Voters]]:
    """Two regencies of one database: who left the one, and who was recorded in the other."""
    who = Voters()
    here, there = (
        Phone(ELECTION, nth, Person(officer, "pantarlih"), tps)
        for nth, officer, tps in ((1, "siti", HERE), (2, "ani", THERE))
    )
    who.dead = born(here, "WARGA MATI", "1950-01-01", "9404010101500001")
    who.left = born(here, "WARGA PERGI", "1990-02-02", "9404010202900001")
    who.by_name = born(here, "Warga  Tanpa Nomor", "1991-03-03")
    who.lost = born(here, "WARGA HILANG", "1992-04-04", "9404010404920001")
    here.say("deceased", who.dead, evidence="death_certificate")
    for voter in (who.left, who.by_name, who.lost):
        here.say("moved", voter, to_area="910301", evidence="ktp_el")
    who.came = born(there, "WARGA PERGI JAUH", "1990-02-03", "9404010202900001")
    who.came_by_name = born(there, "WARGA TANPA NOMOR", "1991-03-03", "9103010303910001")
    who.twin = born(there, "WARGA MATI", "1950-01-01", "9103010101500009")
    there.tps = "9103022001001"
    who.elsewhere = born(there, "WARGA HILANG", "1992-04-04", "9404010404920001")
    await project(postgres_server, schema, "9404", here.said)
    await project(postgres_server, schema, "9103", there.said)
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        yield PostgresPeople(reader), who


async def test_halves_are_paired(halves: tuple[PostgresPeople, Voters]) -> None:
    """A move out pairs with who has the NIK, else the name and birth date, where it leads to, seen from both ends; one
    who appears in another district is no pair, and the half that has none is shown."""
    people, who = halves
    for area in ("9404", "9103"):
        found = await pairs(people, area, KEY)
        assert {(one.alike, one.mark.voter, one.voter) for one in found.pairs} == {
            ("nik", who.left, who.came),
            ("name_and_birth", who.by_name, who.came_by_name),
        }
        assert {match.mark.why for match in found.pairs} == {"gone"}
    assert [one.voter for one in (await pairs(people, "9404", KEY)).alone] == [who.lost]


async def test_who_does_not_see_both_ends_sees_no_pair(halves: tuple[PostgresPeople, Voters]) -> None:
    """A pair is shown to who sees both regencies, and to nobody else."""
    people, _ = halves
    for seen in ("9404", "9103"):
        assert (await pairs(people, "9404", KEY, [seen])).pairs == []
    assert len((await pairs(people, "9404", KEY, ["94040120", "9103"])).pairs) == 2


async def test_the_dead_who_returned(halves: tuple[PostgresPeople, Voters]) -> None:
    """Whoever was struck off one list and stands on another is found by marks alone, also under another NIK."""
    people, who = halves
    struck = [marked(KEY, "9404", one) async for one in people.removed("9404")]
    found = await returned(Known(struck, KEY), people.listed("9103"))
    dead = [one for one in found if one.mark.why == "deceased"]
    assert [(one.alike, one.mark.voter, one.voter) for one in dead] == [("name_and_birth", who.dead, who.twin)]


async def test_a_file_of_marks_names_nobody(halves: tuple[PostgresPeople, Voters]) -> None:
    """It pairs as the database does, holds no number, name or date, and says nothing under another key."""
    people, who = halves
    marks = [marked(KEY, "9404", one) async for one in people.leaving("9404")]
    lines = [msgspec.json.encode(one) for one in (about(LEAVING, ELECTION, "9404", KEY), *marks)]
    text = b"\n".join(lines).decode()
    assert not any(secret in text for secret in ("WARGA", "9404010202900001", "1990"))
    _, again = read_marks(lines, LEAVING, KEY)
    met = await arrived(Known(again, KEY), people.listed("9103"))
    assert {one.voter for one in met} == {who.came, who.came_by_name}
    assert await arrived(Known(again, OTHER_KEY), people.listed("9103")) == []
    for wrong, key, code in ((lines[1:], KEY, "bad_marks"), ([], KEY, "bad_marks"), (lines, OTHER_KEY, "other_key")):
        with pytest.raises(MarksFault) as refused:
            read_marks(wrong, LEAVING, key)
        assert refused.value.code == code
