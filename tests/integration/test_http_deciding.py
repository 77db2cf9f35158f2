"""Stages, change lists, windows and pairs over HTTP: on the real broker and database, for who may see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio

from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres_past import PostgresPast
from ecoklit.bootstrap import House, open_house
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.http.app import make_app
from ecoklit.services.as_of import Moment
from ecoklit.services.stages import Freeze, fields_of
from ecoklit.testing.made_up_accounts import signed_in
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.made_up_settings import settings_for
from ecoklit.testing.phone import Person, Phone

VILLAGE, TPS, NEXT_DOOR, ELSEWHERE = "9404012001", "9404012001001", "9404012001002", "9404022001001"
NIK = "9404014107900001"

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Office(NamedTuple):
    house: House
    election: MadeUpElection
    phone: Phone

    async def say(self, type: str, voter: str | None, **fields: Any) -> str:
        """An entry of the phone, once it is on the roll."""
        held = self.phone.say(type, voter, **fields)
        await self.house.service.push(signed_push([held]))
        await self.house.projector.run_until_caught_up()
        return held.voter

    async def born(self, name: str) -> str:
        record = {**dict.fromkeys(RECORD_FIELDS), "name": name, "nik": NIK}
        return await self.say("new", None, person={"record": record}, how="in_person", document="ktp_el")

    async def told(self) -> None:
        """What was said in the registry is in it, and on the roll."""
        await self.election.store(self.house.registry)
        await self.house.registrar.refreshed()
        await self.house.projector.run_until_caught_up()

    async def freeze(self, stage: str) -> None:
        as_of, registry, digests = await PostgresPast(self.house.reader).rolls("9404")
        freeze = Freeze(stage, "9404", Moment(as_of, registry), digests["9404"], 0, 0)
        self.election.say(self.election.root, "stage_set", **fields_of(freeze))
        await self.told()


@pytest_asyncio.fixture(loop_scope="session")
async def office(
    nats_server: EmbeddedNats, postgres_server: EmbeddedPostgres, schema: str, tmp_path: Path
) -> AsyncIterator[Office]:
    settings = settings_for(tmp_path, nats_server, postgres_server, schema)
    election = MadeUpElection(settings.election, "9404")
    phone = Phone(settings.election, 1, Person("siti", "pantarlih"), TPS)
    election.assign(phone.key, "siti", "pantarlih", TPS)
    save_key(key_folder(tmp_path, settings.election, "9404"), "service", election.service)
    async with open_house(settings) as house:
        made = Office(house, election, phone)
        await made.told()
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def client(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=make_app(office.house), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://ecoklit") as client:
        client.headers.update((await signed_in(office.house.accounts_store)).headers)
        yield client


async def test_a_change_list_between_stages(office: Office, client: httpx.AsyncClient) -> None:
    """Each stage is told with its moment and digest; the change list between two has who changed, and no number."""
    dies, moves = await office.born("WARGA SATU"), await office.born("WARGA DUA")
    await office.freeze("DPS")
    await office.say("deceased", dies, evidence="death_certificate")
    await office.say("moved", moves, to=NEXT_DOOR)
    await office.freeze("DPSHP")
    told = (await client.get(f"/v1/stages/{VILLAGE}")).json()
    assert [(one["stage"], one["area"], one["events"]) for one in told["stages"]] == [
        ("DPS", "9404", 2), ("DPSHP", "9404", 4),
    ]  # fmt: skip
    answer = await client.get(f"/v1/changes/{VILLAGE}", params={"earlier": "DPS", "later": "DPSHP"})
    rows = {row["voter"]: row for row in answer.json()["rows"]}
    assert {voter: row["kind"] for voter, row in rows.items()} == {dies: "tms", moves: "moved"}
    assert NIK not in answer.text and answer.json()["earlier"]["events"] == 2
    frozen = (await client.get(f"/v1/rolls/{TPS}", params={"as_of": "DPS"})).json()
    assert {row["voter"] for row in frozen["voters"]} == {dies, moves} and frozen["as_of"]["events"] == 2
    for earlier, kinds in (("now", set()), ("0", {"new"})):
        again = (await client.get(f"/v1/changes/{NEXT_DOOR}", params={"earlier": earlier})).json()
        assert {row["kind"] for row in again["rows"]} == kinds


async def test_the_window(office: Office, client: httpx.AsyncClient) -> None:
    """The words on the window and what came late, by officer; an identity number that stands for an officer is none."""
    office.election.say(office.election.root, "window_opened", area="9404")
    office.election.say(office.election.root, "window_closed", area=VILLAGE)
    await office.told()
    await office.born("WARGA TERLAMBAT")
    told = (await client.get(f"/v1/windows/{VILLAGE}")).json()
    assert [(one["what"], one["area"]) for one in told["words"]] == [("opened", "9404"), ("closed", VILLAGE)]
    assert not told["is_open"] and [(one["officer"], one["entries"]) for one in told["late"]] == [("siti", 1)]


async def test_pairs_name_what_they_looked_at(office: Office, client: httpx.AsyncClient) -> None:
    """A regency alone in its database has no pairs, and no half is called alone that nobody could look for."""
    voter = await office.born("WARGA PERGI")
    await office.say("moved", voter, to_area="9103", evidence="ktp_el")
    told = (await client.get("/v1/pairs/9404")).json()
    assert (told["rows"], told["alone"], told["as_of"]["events"]) == ([], [], 2)


async def test_who_may_look_back(office: Office, client: httpx.AsyncClient) -> None:
    """Without a session nobody is answered; an account of another village is refused each of them; a wrong question is
    refused by name, and what is too much for a request is sent to the terminal."""
    await office.born("WARGA SATU")
    paths = [f"/v1/{name}/{TPS}" for name in ("stages", "windows", "pairs")] + [f"/v1/changes/{TPS}?earlier=0"]
    stranger = (await signed_in(office.house.accounts_store, "9404022001", role="pps")).headers
    for path in paths:
        assert (await client.get(path)).status_code == 200
        nobody = await client.get(path, headers={"Authorization": ""})
        assert (nobody.status_code, nobody.json()["code"]) == (401, "not_signed_in")
        refused = await client.get(path, headers=stranger)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_area")
    for path, status, code in (
        ("/v1/changes/9404?earlier=0", 400, "bad_argument"),
        (f"/v1/changes/{TPS}?earlier=DPT", 404, "unknown_stage"),
        (f"/v1/changes/{TPS}?earlier=kemarin", 400, "bad_argument"),
        (f"/v1/changes/{TPS}?earlier=99999", 404, "not_projected"),
        ("/v1/stages/9103", 403, "not_your_area"),
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
