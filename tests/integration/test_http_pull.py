"""Pulls over HTTP: who may have what, in pages, as the projection and the registry stand."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest_asyncio
from backports import zstd

from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.bootstrap import House, open_house
from ecoklit.contract import policies
from ecoklit.core import ids, wire
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.merkle import leaf_hash, tree_head
from ecoklit.core.policy import parse_policy
from ecoklit.core.replica import Replica
from ecoklit.core.signing import Key, pull_message
from ecoklit.core.wire import Held
from ecoklit.http.app import make_app
from ecoklit.http.sync import NONCE_HEADER
from ecoklit.problems import MEDIA_TYPE
from ecoklit.testing.made_up_keys import made_up_device, made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.made_up_settings import settings_for

REGENCY = "9404"
TPS, NEXT_DOOR, ELSEWHERE = "9404012001001", "9404012001002", "9404021001001"
AT = "2024-06-25T09:00:00+09:00"
NDJSON = {"content-type": "application/x-ndjson"}


@pytest_asyncio.fixture(loop_scope="session")
async def election() -> MadeUpElection:
    election = MadeUpElection(f"test-{uuid.uuid4().hex[:12]}", REGENCY)
    election.device("office", officer="o-1")
    election.device("phone", "pantarlih", TPS, officer="o-2")
    election.device("next", "pantarlih", NEXT_DOOR, officer="o-3")
    election.device("far", "pantarlih", ELSEWHERE, officer="o-4")
    return election


@pytest_asyncio.fixture(loop_scope="session")
async def house(
    nats_server: EmbeddedNats,
    postgres_server: EmbeddedPostgres,
    schema: str,
    tmp_path: Path,
    election: MadeUpElection,
) -> AsyncIterator[House]:
    settings = settings_for(tmp_path, nats_server, postgres_server, schema, election=election.election)
    save_key(key_folder(tmp_path, election.election, REGENCY), "service", election.service)
    async with open_house(settings) as house:
        await election.store(house.registry)
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=make_app(house), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://ecoklit") as client:
        yield client


def log_of(house: House, name: str, role: str, officer: str) -> DeviceLog:
    return DeviceLog(house.settings.election, made_up_device(1, name), officer=officer, role=role, policy="2024-1")


def listed(log: DeviceLog, tps: str, name: str = "Contoh") -> Held:
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": name}}
    return log.append("listed", tps=tps, at=AT, source="dp4-2024", person=person)


async def push(client: httpx.AsyncClient, *held: Held) -> None:
    answer = await client.post("/v1/push", content=signed_push(held), headers=NDJSON)
    assert answer.status_code == 200, answer.text


class Puller:
    """A device that pulls, and folds what it is given."""

    def __init__(self, client: httpx.AsyncClient, house: House, name: str, tps: str = TPS) -> None:
        self.quarantine: dict[bytes, str] = {}
        self.whys: dict[bytes, str] = {}
        self.cursor = ""
        self.nonce = ""
        self.by_dot: dict[tuple[str, int], Held] = {}
        self._client, self._house, self._tps = client, house, tps
        self._key: Key = made_up_key(1, name)

    async def ask(self, headers: dict[str, str] | None = None, **changed: Any) -> httpx.Response:
        asked = {"tps": self._tps, "cursor": self.cursor, "limit": 2} | changed
        message = pull_message(
            self._house.settings.election, self._key.device, self.nonce, str(asked["tps"]), str(asked["cursor"])
        )
        signed = {
            "ecoklit-device": self._key.device,
            NONCE_HEADER: self.nonce,
            "ecoklit-signature": self._key.signature(message),
        }
        answer = await self._client.get("/v1/pull", params=asked, headers=signed | (headers or {}))
        self.nonce = answer.headers.get(NONCE_HEADER, self.nonce)
        return answer

    async def catch_up(self) -> dict[str, Any]:
        """Pull until there is no more; the last page's line."""
        while True:
            answer = await self.ask()
            if answer.status_code == 401:
                continue
            assert answer.status_code == 200, answer.text
            *lines, last = [msgspec.json.decode(line) for line in answer.content.splitlines()]
            for line, value in zip(answer.content.splitlines(), lines, strict=False):
                if "event" in value:
                    held = wire.read(line)
                    self.by_dot[held.dot] = held
                else:
                    told = value["standing"]
                    held = self.by_dot[told["device"], told["seq"]]
                    self.quarantine.pop(held.hash, None)
                    if told["name"] != "counted":
                        self.quarantine[held.hash] = told["name"]
                        self.whys[held.hash] = told["why"]
            self.cursor = last["page"]["cursor"]
            if not last["page"]["more"]:
                page: dict[str, Any] = last["page"]
                return page

    def digest(self) -> str:
        replica = Replica(policies(), self.quarantine)
        replica.receive(self.by_dot.values())
        leaves = [leaf_hash(one.decision_bytes) for one in replica.states() if one.decision.tps == self._tps]
        return ids.to_base64url(tree_head(leaves))


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"], answer.headers["content-type"]) == (status, code, MEDIA_TYPE)


async def test_a_phone_folds_what_it_pulls_to_the_services_digest(client: httpx.AsyncClient, house: House) -> None:
    """Pages bring the whole history of a TPS, movers from next door too; the phone comes to the digest that they end
    with, and what came since is all that comes next time."""
    office, other = log_of(house, "office", "kpu", "o-1"), log_of(house, "next", "pantarlih", "o-3")
    births = [listed(office, tps) for tps in (TPS, TPS, TPS, NEXT_DOOR, ELSEWHERE)]
    await push(client, *births)
    moved = other.append("moved", tps=NEXT_DOOR, at=AT, voter=births[3].voter, seen=[births[3]], to=TPS)
    await push(client, moved)
    await house.projector.run_until_caught_up()
    phone = Puller(client, house, "phone")
    page = await phone.catch_up()
    assert set(phone.by_dot) == {*(one.dot for one in births[:4]), moved.dot}
    assert all(one.person is not None for one in phone.by_dot.values() if one is not phone.by_dot[moved.dot])
    assert phone.digest() == page["digest"]
    assert page["position"] == {f"ECOKLIT-{house.settings.election}-9404": 6}
    assert page["registry"] == await house.registry.last()
    assert page["lost"] == []
    phone.by_dot.clear()
    await phone.catch_up()
    assert not phone.by_dot
    late = listed(office, TPS)
    await push(client, late)
    await house.projector.run_until_caught_up()
    await phone.catch_up()
    assert set(phone.by_dot) == {late.dot}


async def test_quarantines_come_and_go_with_the_page(
    client: httpx.AsyncClient, house: House, election: MadeUpElection
) -> None:
    """What the registry keeps out is named, so that the phone folds as the service does; what it releases counts there
    too after the next pull."""
    office, far = log_of(house, "office", "kpu", "o-1"), log_of(house, "far", "pantarlih", "o-4")
    birth = listed(office, TPS)
    await push(client, birth)
    found = far.append("found", tps=TPS, at=AT, voter=birth.voter, seen=[birth], how="in_person")
    await push(client, found)
    await house.projector.run_until_caught_up()
    phone = Puller(client, house, "phone")
    page = await phone.catch_up()
    assert phone.quarantine == {found.hash: "not_entitled"}
    assert phone.whys == {found.hash: f"{found.device} had no right to say this of {TPS}"}
    assert phone.digest() == page["digest"]
    election.assign(made_up_key(1, "far"), "o-4", "pantarlih", TPS)
    await election.store(house.registry)
    await house.projector.run_until_caught_up()
    page = await phone.catch_up()
    assert phone.quarantine == {}
    assert phone.digest() == page["digest"]


async def test_policies_come_with_the_last_page(
    client: httpx.AsyncClient, house: House, election: MadeUpElection, contract_schema: Any
) -> None:
    """Where policies were set for the TPS they come as data, whole; those of elsewhere do not; each line fits."""
    await push(client, listed(log_of(house, "office", "kpu", "o-1"), TPS))
    for area, policy in (("940402", "2024-1"), (TPS[:10], "2024-1"), (TPS[:10], "unknown-here")):
        election.say(election.root, "policy_set", area=area, policy=policy)
        await election.store(house.registry)
        await house.projector.run_until_caught_up()
        phone = Puller(client, house, "phone")
        page = await phone.catch_up()
        bodies = [parse_policy(msgspec.json.encode(body)) for body in page.get("policies", [])]
        assert bodies == ([] if area == "940402" else [policies()["2024-1"]])
        contract_schema("pull").validate({"page": page})


async def test_a_parked_entry_says_what_it_waits_for(client: httpx.AsyncClient, house: House) -> None:
    """The receipt of a device with a parked event names the dots that are not held, and no longer when they are."""
    office, other = log_of(house, "office", "kpu", "o-1"), log_of(house, "phone", "pantarlih", "o-2")
    births = [listed(office, TPS) for _ in range(2)]
    await push(client, births[0])
    early = other.append("found", tps=TPS, at=AT, voter=births[1].voter, seen=[births[1]], how="in_person")
    await push(client, early)
    await house.projector.run_until_caught_up()
    receipt = (await client.post("/v1/push", content=signed_push([early]), headers=NDJSON)).json()["receipt"]
    assert receipt["standings"] == [{"seq": 1, "standing": "parked", "why": f"waits for {office.device}:2"}]
    await push(client, births[1])
    await house.projector.run_until_caught_up()
    receipt = (await client.post("/v1/push", content=signed_push([early]), headers=NDJSON)).json()["receipt"]
    assert receipt["standings"] == []


async def test_only_those_entitled_are_answered(
    client: httpx.AsyncClient, house: House, election: MadeUpElection
) -> None:
    """A nonce of ours, a known device, its own signature over just this, and a right to the TPS: without any of them
    nothing is given, and each lack has its name."""
    await push(client, listed(log_of(house, "office", "kpu", "o-1"), TPS))
    phone = Puller(client, house, "phone")
    assert_problem(await phone.ask(), 401, "nonce_needed")
    await house.projector.run_until_caught_up()
    assert (await phone.ask()).status_code == 200
    assert (await phone.ask(tps=NEXT_DOOR)).status_code == 200  # its village: voters move there
    assert_problem(await phone.ask(tps=ELSEWHERE), 403, "not_entitled")
    assert_problem(await phone.ask(tps="9401012001001"), 400, "unknown_area")
    assert_problem(await phone.ask(tps="9404"), 400, "unknown_area")
    assert_problem(await phone.ask(cursor="x"), 400, "bad_argument")
    assert_problem(await phone.ask(limit=0), 400, "bad_argument")
    assert_problem(await phone.ask({NONCE_HEADER: phone.nonce[:-4] + "AAAA"}), 401, "nonce_needed")
    assert_problem(await Puller(client, house, "stranger").ask({NONCE_HEADER: phone.nonce}), 403, "unknown_device")
    next_door = {"ecoklit-device": made_up_device(1, "next")}
    assert_problem(await phone.ask(next_door), 403, "bad_signature")
    assert_problem(await phone.ask({"ecoklit-signature": "A" * 86}), 403, "bad_signature")
    assert_problem(await client.get("/v1/pull", params={"tps": TPS}), 400, "bad_argument")
    other = await client.get("/v1/pull", params={"tps": NEXT_DOOR}, headers=await signed_for_tps(phone))
    assert_problem(other, 403, "bad_signature")
    election.say(election.root, "revoked", revoked=made_up_device(1, "phone"), from_seq=1)
    await election.store(house.registry)
    await house.registrar.refreshed()
    assert_problem(await phone.ask(), 403, "not_entitled")


async def signed_for_tps(phone: Puller) -> dict[str, str]:
    """The headers of a pull of TPS, to be sent with something else."""
    answer = await phone.ask()
    return {name: value for name, value in answer.request.headers.items() if name.startswith("ecoklit-")}


async def test_an_answer_is_packed_and_kept_by_nobody(client: httpx.AsyncClient, house: House) -> None:
    """A page comes as the caller accepts it, and no cache may keep it; each answer brings a fresh nonce."""
    await push(client, listed(log_of(house, "office", "kpu", "o-1"), TPS))
    await house.projector.run_until_caught_up()
    phone = Puller(client, house, "phone")
    await phone.ask()
    for accepted, packed in (("gzip", "gzip"), ("zstd;q=1, gzip", "zstd"), ("zstd;q=0, br", None), ("", None)):
        answer = await phone.ask({"accept-encoding": accepted})
        assert answer.headers.get("content-encoding") == packed
        assert answer.headers["cache-control"] == "no-store"
        assert house.puller.nonces.is_fresh(answer.headers[NONCE_HEADER])
        content = zstd.decompress(answer.content) if packed == "zstd" else answer.content
        assert b'{"page":' in content


async def test_the_registry_is_read_line_by_line(client: httpx.AsyncClient, house: House) -> None:
    """The registry's lines come as they are stored, from any position on, and pack like any answer."""
    lines = await house.registry.read(0, 1000)
    whole = await client.get("/v1/registry", headers={"accept-encoding": ""})
    assert whole.content.splitlines() == [line.payload for line in lines]
    rest = await client.get("/v1/registry", params={"after": 3}, headers={"accept-encoding": "gzip"})
    assert rest.content.splitlines() == [line.payload for line in lines[3:]]
    assert rest.headers["content-encoding"] == "gzip"
    assert (await client.get("/v1/registry", params={"after": len(lines)})).content == b""
    assert_problem(await client.get("/v1/registry", params={"after": -1}), 400, "bad_argument")
    assert house.puller.nonces.is_fresh(whole.headers[NONCE_HEADER])


def test_packing_is_undone_by_its_name() -> None:
    """The encodings that answers use are those that their names say."""
    from ecoklit.door.encoding import packed

    for accepted, undo in (("gzip", gzip.decompress), ("zstd", zstd.decompress), ("identity", bytes)):
        body, _ = packed(b"line\n" * 100, accepted)
        assert undo(body) == b"line\n" * 100


async def test_a_receipt_says_how_the_devices_events_stand(client: httpx.AsyncClient, house: House) -> None:
    """A receipt names the device's events that do not count, as the projection has them, and as of which position."""
    office, far = log_of(house, "office", "kpu", "o-1"), log_of(house, "far", "pantarlih", "o-4")
    birth = listed(office, TPS)
    await push(client, birth)
    first = far.append("found", tps=ELSEWHERE, at=AT, voter=birth.voter, seen=[birth], how="in_person")
    await push(client, first)
    await house.projector.run_until_caught_up()
    second = far.append("found", tps=TPS, at=AT, voter=birth.voter, seen=[birth], how="in_person")
    answer = await client.post("/v1/push", content=signed_push([second]), headers=NDJSON)
    receipt = answer.json()["receipt"]
    assert receipt["as_of"] == 2
    assert [(one["seq"], one["standing"]) for one in receipt["standings"]] == [(1, "not_on_roll"), (2, "not_entitled")]
    fresh = await client.post("/v1/push", content=signed_push([listed(office, TPS)]), headers=NDJSON)
    assert fresh.json()["receipt"]["standings"] == []
