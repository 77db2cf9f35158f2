"""The HTTP service on the real broker and the real database."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from backports import zstd
from litestar import Litestar

from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.bootstrap import House, open_house
from ecoklit.core import ids, wire
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.head import SignedHead, sign_head
from ecoklit.core.push_file import write_push
from ecoklit.core.registry_event import RegistryLog
from ecoklit.core.wire import Held
from ecoklit.door.gate import Gate
from ecoklit.http.app import ROUTES, make_app
from ecoklit.limits import REQUESTS_PER_CALLER
from ecoklit.problems import MEDIA_TYPE
from ecoklit.testing.made_up_accounts import signed_in
from ecoklit.testing.made_up_keys import made_up_device, made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.made_up_settings import settings_for

REGENCY = "9404"
TPS = "9404012001001"
AT = "2024-06-25T09:00:00+09:00"
NDJSON = {"content-type": "application/x-ndjson"}
NIK = "9404014107900001"


@pytest_asyncio.fixture(loop_scope="session")
async def house(
    nats_server: EmbeddedNats, postgres_server: EmbeddedPostgres, schema: str, tmp_path: Path
) -> AsyncIterator[House]:
    settings = settings_for(tmp_path, nats_server, postgres_server, schema)
    election = MadeUpElection(settings.election, REGENCY)
    for name in ("k", "x", "c"):
        election.device(name, officer="o-1")
    for name in ("p", "q"):
        election.device(name, "pantarlih", TPS, officer="o-2")
    save_key(key_folder(tmp_path, settings.election, REGENCY), "service", election.service)
    async with open_house(settings) as house:
        await election.store(house.registry)
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(house)) as client:
        client.headers.update((await signed_in(house.accounts_store)).headers)
        yield client


def client_of(app: Litestar) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://ecoklit")


def office(house: House, name: str = "k") -> DeviceLog:
    device = made_up_device(1, name)
    return DeviceLog(house.settings.election, device, officer="o-1", role="kpu", policy="2024-1")


def listed(log: DeviceLog, name: str = "Contoh") -> Held:
    record = dict.fromkeys(RECORD_FIELDS) | {"name": name, "nik": NIK, "nkk": NIK, "sex": "P"}
    person = {"salt": ids.to_base64url(bytes(16)), "record": record}
    return log.append("listed", tps=TPS, at=AT, source="dp4-2024", person=person)


def body(*held: Held) -> bytes:
    return signed_push(held)


async def push(client: httpx.AsyncClient, *held: Held) -> httpx.Response:
    return await client.post("/v1/push", content=body(*held), headers=NDJSON)


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"], answer.headers["content-type"]) == (status, code, MEDIA_TYPE)
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem


async def test_a_push_is_receipted_and_shows_on_the_roll(client: httpx.AsyncClient, house: House) -> None:
    """What is pushed is receipted with its head and position, and stands on the roll with its number masked."""
    log = office(house)
    events = [listed(log, name) for name in ("Budi Contoh", "Ani Contoh")]
    receipt = (await push(client, *events)).json()["receipt"]
    assert receipt["device"] == log.device
    assert (receipt["seq"], receipt["head"], receipt["epoch"]) == (2, log.prev, 1)
    assert receipt["position"] == {f"ECOKLIT-{house.settings.election}-9404": 2}
    await house.projector.run_until_caught_up()
    roll = (await client.get("/v1/rolls/94.04.01.2001.001")).json()
    assert [voter["name"] for voter in roll["voters"]] == ["Ani Contoh", "Budi Contoh"]
    assert {voter["nik"] for voter in roll["voters"]} == {"940401**********"}
    assert NIK not in str(roll)
    assert roll["as_of"]["events"] == 2
    _, digests = await house.reader.digests(REGENCY)
    assert roll["digest"] == digests[TPS].hex()


async def test_pushing_again_changes_nothing(client: httpx.AsyncClient, house: House) -> None:
    """The same push, its first part, and it with more events are all receipted, and no event is stored twice."""
    log = office(house)
    events = [listed(log) for _ in range(5)]
    first = (await push(client, *events[:3])).json()
    assert (await push(client, *events[:3])).json() == first
    assert (await push(client, events[1])).json()["receipt"]["seq"] == 3
    assert (await push(client, *events[1:])).json()["receipt"]["seq"] == 5
    assert (await house.journal.last()).events == 5


async def test_a_copy_with_its_person_completes_one_without(client: httpx.AsyncClient, house: House) -> None:
    """A person that was missing is stored when the held event is pushed again with it, and once only."""
    log = office(house)
    held = listed(log, "Contoh Lengkap")
    bare = wire.hold(held.event_bytes, None)
    await client.post("/v1/push", content=body(bare), headers=NDJSON)
    await house.projector.run_until_caught_up()
    assert (await client.get(f"/v1/rolls/{TPS}")).json()["voters"][0]["name"] is None
    for _ in range(2):
        assert (await push(client, held)).json()["receipt"]["seq"] == 1
    await house.projector.run_until_caught_up()
    assert (await client.get(f"/v1/rolls/{TPS}")).json()["voters"][0]["name"] == "Contoh Lengkap"
    assert (await house.journal.last()).persons == 1


async def test_every_refusal_has_its_name_and_leaves_nothing(
    client: httpx.AsyncClient, house: House, contract_schema: Any
) -> None:
    """A refused push is a problem with the name and status of SPEC 7.4, and nothing of it is stored."""
    log = office(house)
    events = [listed(log) for _ in range(4)]
    other = DeviceLog("another-2024", log.device, officer="o-1", role="kpu", policy="2024-1")
    fork = office(house)
    forked = [listed(fork, "Lain") for _ in range(2)]
    stranger = listed(office(house, "s"))
    await push(client, *events[:2])

    assert_problem(await client.post("/v1/push", content=b"", headers=NDJSON), 400, "malformed")
    assert_problem(await client.post("/v1/push", content=b"{}\n", headers=NDJSON), 400, "malformed")
    assert_problem(await push(client, events[2], stranger), 400, "malformed")
    assert_problem(await client.post("/v1/push", content=b"x" * 900_001, headers=NDJSON), 413, "too_large")
    assert_problem(await client.post("/v1/push", content=b"\n" * 1001, headers=NDJSON), 413, "too_large")
    assert_problem(await push(client, listed(other)), 409, "wrong_election")
    assert_problem(await push(client, *forked), 409, "equivocation")
    assert_problem(await push(client, forked[1]), 409, "equivocation")
    gap = assert_problem(await push(client, events[3]), 409, "gap")
    assert gap["expected"] == 3
    contract_schema("problem").validate(gap)
    assert assert_problem(await push(client, events[0], events[2]), 409, "gap")["expected"] == 2
    broken = DeviceLog(log.election, log.device, officer="o", role="kpu", policy="2024-1", seq=3, prev=events[1].prev)
    assert_problem(await push(client, events[2], listed(broken)), 409, "broken_chain")
    assert (await house.journal.last()).events == 2
    assert (await push(client, *events)).json()["receipt"]["seq"] == 4


async def test_a_device_is_refused_by_its_key(client: httpx.AsyncClient, house: House) -> None:
    """A device that nobody enrolled, and a head that its device did not sign, are refused by name."""
    unknown = office(house, "nobody")
    answer = await push(client, listed(unknown))
    assert_problem(answer, 403, "unknown_device")
    log = office(house)
    held = listed(log)
    forged = sign_head(made_up_key(1, "x"), log.election, held.seq, held.hash).signature
    head = SignedHead(log.device, log.prev, 1, forged)
    answer = await client.post("/v1/push", content=write_push([held.line], head), headers=NDJSON)
    assert_problem(answer, 403, "bad_signature")
    assert (await house.journal.last()).events == 0


async def test_registry_events_are_refused_by_the_same_names(client: httpx.AsyncClient, house: House) -> None:
    """A registry event of a stranger, of another key and out of its place; one in its place is receipted."""
    stranger, own = (
        RegistryLog(made_up_key(1, name), election=house.settings.election, regency=REGENCY, officer="o-1", role="kpu")
        for name in ("nobody", "k")
    )
    lines = [own.append("window_opened", area=REGENCY, at=AT) for _ in range(3)]
    elsewhere = RegistryLog(own.key, election="another-2024", regency=REGENCY, officer="o-1", role="kpu")
    next_door = RegistryLog(own.key, election=house.settings.election, regency="9403", officer="o-1", role="kpu")
    unlinked = log_from(own, seq=1, prev="A" * 43)
    forked = log_from(own, seq=0, prev="A" * 42 + "E")
    forged = lines[0].line.replace(lines[0].signature.encode(), stranger.key.signature(lines[0].message).encode())
    for sent, status, code in (
        (stranger.append("window_opened", area=REGENCY, at=AT).line, 403, "unknown_device"),
        (forged, 403, "bad_signature"),
        (lines[1].line, 409, "gap"),
        (lines[0].line[:-1], 400, "malformed"),
        (b"\n".join([lines[0].line] * 201), 413, "too_large"),
        (elsewhere.append("window_opened", area=REGENCY, at=AT).line, 409, "wrong_election"),
        (next_door.append("window_opened", area="9403", at=AT).line, 409, "wrong_election"),
        (forked.append("window_opened", area=REGENCY, at=AT).line, 409, "equivocation"),
        (lines[0].line + b"\n" + unlinked.append("window_opened", area=REGENCY, at=AT).line, 409, "broken_chain"),
    ):
        assert_problem(await client.post("/v1/push", content=sent + b"\n", headers=NDJSON), status, code)
    receipt = (await client.post("/v1/push", content=lines[0].line + b"\n", headers=NDJSON)).json()["receipt"]
    assert (receipt["log"], receipt["seq"]) == ("registry", 1)
    other = log_from(own, seq=0, prev="A" * 43).append("window_closed", area=REGENCY, at=AT).line
    assert_problem(await client.post("/v1/push", content=other, headers=NDJSON), 409, "equivocation")


def log_from(log: RegistryLog, *, seq: int, prev: str) -> RegistryLog:
    """Another log under the same key, which goes on from there."""
    other = RegistryLog(log.key, election=log.election, regency=REGENCY, officer="o-1", role="kpu")
    other.seq, other.prev = seq, prev
    return other


async def test_an_event_that_cannot_count_is_taken_and_shown(client: httpx.AsyncClient, house: House) -> None:
    """A bad event blocks no phone: it is receipted, and the history names what is wrong with it."""
    log = office(house)
    birth = listed(log)
    ghost = log.append("found", tps=TPS, at=AT, voter=office_ghost(house), how="in_person")
    assert (await push(client, birth, ghost)).json()["receipt"]["seq"] == 2
    await house.projector.run_until_caught_up()
    history = (await client.get(f"/v1/voters/{ghost.voter}/history")).json()
    assert [event["standing"] for event in history["events"]] == ["not_on_roll"]


def office_ghost(house: House) -> str:
    return ids.birth_id(house.settings.election, ids.device_id("ed25519", b"g" * 32), 1, "A" * 43)


async def test_areas_and_conflicts_answer(client: httpx.AsyncClient, house: House) -> None:
    """The recap of a district has its villages' sums, and a conflict shows both its sides."""
    log, phone, other = office(house), phone_of(house, "p"), phone_of(house, "q")
    birth = listed(log)
    met = phone.append("found", tps=TPS, at=AT, voter=birth.voter, seen=[birth], how="in_person")
    dead = other.append("deceased", tps=TPS, at=AT, voter=birth.voter, seen=[birth], evidence="death_certificate")
    for one in (birth, met, dead):
        assert (await push(client, one)).status_code == 200
    await house.projector.run_until_caught_up()
    recap = (await client.get("/v1/recap/94.04.01")).json()
    assert [(row["area"], row["listed"], row["on_list"]) for row in recap["rows"]] == [("9404012001", 1, 1)]
    sides = (await client.get("/v1/conflicts/9404")).json()["rows"]
    assert {(side["device"], side["value"], side["wins"]) for side in sides if side["register"] == "verdict"} == {
        (phone.device, "confirmed", True),
        (other.device, "deceased", False),
    }
    history = (await client.get(f"/v1/voters/{birth.voter}/history")).json()
    assert [event["type"] for event in history["events"]] == ["listed", "found", "deceased"]


def phone_of(house: House, name: str) -> DeviceLog:
    device = made_up_device(1, name)
    return DeviceLog(house.settings.election, device, officer="o-2", role="pantarlih", policy="2024-1")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/push", 405, "method_not_allowed"),
        ("POST", "/v1/rolls/9404012001001", 405, "method_not_allowed"),
        ("GET", "/v1/rolls/123", 400, "unknown_area"),
        ("GET", "/v1/rolls/9404", 400, "unknown_area"),
        ("GET", "/v1/rolls/" + "9" * 500, 400, "unknown_area"),
        ("GET", "/v1/rolls/%00%ff'--", 400, "unknown_area"),
        ("GET", "/v1/recap/94", 400, "unknown_area"),
        ("GET", "/v1/conflicts/99990", 400, "unknown_area"),
        ("GET", "/v1/recap/9999", 403, "not_your_area"),
        ("GET", "/v1/devices/9999", 400, "unknown_area"),
        ("GET", "/v1/voters/somebody/history", 400, "unknown_voter"),
        ("GET", "/v1/voters/20a136e2-4c5f-8ec7-a2f4-cde6e20457a0/history", 404, "not_found"),
        ("POST", "/v1/push", 415, "unsupported_media_type"),
    ],
)
async def test_every_wrong_request_is_a_problem(
    client: httpx.AsyncClient, house: House, method: str, path: str, status: int, code: str
) -> None:
    """Wrong paths, methods, codes and bodies are problems with a stable code; none of them is a fault of ours."""
    await house.projector.run_until_caught_up()
    answer = await client.request(method, path, content=b"{}" if method == "POST" else None)
    assert_problem(answer, status, code)
    if status == 405:
        assert answer.headers["allow"]


async def test_devices_are_listed_with_what_arrived(client: httpx.AsyncClient, house: House) -> None:
    """Every device with a right in an area is listed with its officer, and the seq and position of its last event."""
    log = office(house)
    assert (await push(client, listed(log), listed(log))).status_code == 200
    await house.projector.run_until_caught_up()
    answer = (await client.get("/v1/devices/94.04")).json()
    assert answer["registry"] == await house.registry.last() and answer["as_of"]["events"] == 2
    assert {(one["device"], one["held"], one["position"]) for one in answer["devices"]} >= {
        (log.device, 2, 2),
        (made_up_device(1, "p"), 0, 0),
    }
    found = (await client.get(f"/v1/devices/{TPS}")).json()["devices"]
    assert {one["device"] for one in found} == {made_up_device(1, name) for name in ("p", "q")}
    assert {one["officer"] for one in found} == {"o-2"}


async def test_packed_pushes_are_taken_like_plain_ones(client: httpx.AsyncClient, house: House) -> None:
    """A push may come as gzip or zstd; cut, unknown and oversized ones are named, and nothing of them is stored."""
    log = office(house)
    packed = {"gzip": gzip.compress, "zstd": zstd.compress}
    for seq, (name, pack) in enumerate(packed.items(), start=1):
        sent = pack(body(listed(log)))
        headers = NDJSON | {"content-encoding": name}
        assert_problem(await client.post("/v1/push", content=sent[:-3], headers=headers), 400, "bad_encoding")
        bomb = pack(b"\n" * 900_001)
        assert_problem(await client.post("/v1/push", content=bomb, headers=headers), 413, "too_large")
        assert (await client.post("/v1/push", content=sent, headers=headers)).json()["receipt"]["seq"] == seq
    unknown = await client.post("/v1/push", content=b"x", headers=NDJSON | {"content-encoding": "br"})
    assert_problem(unknown, 415, "unsupported_media_type")
    assert unknown.headers["accept-encoding"] == "gzip, zstd"
    assert (await house.journal.last()).events == 2


async def test_the_push_route_has_one_answer_by_every_path(client: httpx.AsyncClient, house: House) -> None:
    """A path that the framework reads as this one is answered by the same route, and the document still has it."""
    sent = body(listed(office(house)))
    first = await client.post("/v1/push", content=sent, headers=NDJSON)
    again = await client.post("/v1/push/", content=sent, headers=NDJSON)
    assert first.json() == again.json() and first.headers["ecoklit-nonce"]
    assert_problem(await client.post("/v1/push/", content=b"", headers=NDJSON), 400, "malformed")
    documented = (await client.get("/openapi.json")).json()["paths"]["/v1/push"]["post"]
    assert NDJSON["content-type"] in documented["requestBody"]["content"]
    assert {"200", "400", "403", "408", "409", "413", "415", "429", "503"} <= set(documented["responses"])
    assert list(documented["responses"]["200"]["content"]) == ["application/json"]


async def test_a_body_over_the_bound_is_not_read_on(client: httpx.AsyncClient, house: House) -> None:
    """One that says so is refused before it comes, one that does not as soon as it is over; a broken length too."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000
        raise AssertionError("it was read to its end")

    refused = await client.post("/v1/push", content=endless(), headers=NDJSON)
    assert_problem(refused, 413, "too_large")
    said = NDJSON | {"content-length": "900001"}
    assert_problem(await client.post("/v1/push", content=endless(), headers=said), 413, "too_large")


async def test_too_much_is_told_to_wait(house: House) -> None:
    """What is over a rate, or more than fits at once, is 429 or 503 with Retry-After, and leaves nothing."""
    gate = Gate(now=lambda: 0.0)  # a bucket that is filled again while the test is under way would prove nothing
    gate.requests.charge("198.51.100.7", 2 * REQUESTS_PER_CALLER.burst)
    async with client_of(make_app(house, gate)) as client:
        sent = body(listed(office(house)))
        from_there = NDJSON | {"x-forwarded-for": "198.51.100.7"}
        refused = await client.post("/v1/push", content=sent, headers=from_there)
        assert_problem(refused, 429, "too_many")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await house.journal.last()).events == 0
        assert (await client.post("/v1/push", content=sent, headers=NDJSON)).status_code == 200
    async with client_of(make_app(house, Gate(in_flight_max=0))) as client:
        refused = await client.post("/v1/push", content=sent, headers=NDJSON)
        assert_problem(refused, 503, "service_busy")
        assert int(refused.headers["retry-after"]) >= 5


async def test_garbage_is_never_a_fault(client: httpx.AsyncClient) -> None:
    """No body makes the service answer 5xx, whatever its bytes."""
    bodies = [
        b"\x00", b"\xff" * 100, b"[" * 100_000, b'{"event":' * 1000, b'{"event":{},"person":{}}', b"null\n" * 1000,
        b'{"event":{"seq":' + b"9" * 10_000 + b"}}", b'{"event":{"device":"\\ud800"}}', b"\n\n\n",
    ]  # fmt: skip
    for garbage in bodies:
        assert_problem(await client.post("/v1/push", content=garbage, headers=NDJSON), 400, "malformed")


async def test_the_documents_describe_every_route_and_load_nothing(client: httpx.AsyncClient) -> None:
    """OpenAPI is served as JSON and YAML, lists every route, and no page of ours loads a script from elsewhere."""
    openapi = (await client.get("/openapi.json")).json()
    shown = [route for route in ROUTES if route.include_in_schema is not False]
    assert set(openapi["paths"]) == {path.replace(":str", "") for route in shown for path in route.paths}
    assert "application/x-ndjson" in openapi["paths"]["/v1/push"]["post"]["requestBody"]["content"]
    assert (await client.get("/openapi.yaml")).status_code == 200
    for path in ("/", "/swagger", "/redoc", "/elements"):
        assert "<script" not in (await client.get(path)).text


async def test_health_says_what_lags(client: httpx.AsyncClient, house: House) -> None:
    """Ready counts what the roll does not show yet, and comes to nought when the projector has caught up."""
    assert (await client.get("/health/live")).json() == {"status": "ok"}
    await house.projector.run_until_caught_up()
    log = office(house)
    await push(client, *[listed(log) for _ in range(3)])
    behind = await client.get("/health/ready")
    assert behind.status_code == 200
    assert (behind.json()["lag_events"], behind.json()["lag_persons"]) == (3, 3)
    await house.projector.run_until_caught_up()
    assert (await client.get("/health/ready")).json() == {
        "ready": True, "journal": "ok", "door": "ok", "database": "ok", "projector": "ok",
        "lag_events": 0, "lag_persons": 0,
    }  # fmt: skip


async def test_what_is_taken_refused_and_shown_is_counted(client: httpx.AsyncClient, house: House) -> None:
    """Pushes and events that were stored, refusals by their code, and each receipt's time until its rows are there."""
    await house.projector.run_until_caught_up()
    log = office(house)
    assert (await push(client, listed(log), listed(log))).status_code == 200
    assert_problem(await client.post("/v1/push", content=b"{}", headers=NDJSON), 400, "malformed")
    waiting = await metrics_of(client)
    assert (waiting["ecoklit_pushes_total"], waiting["ecoklit_events_total"]) == (1, 2)
    assert waiting['ecoklit_refused_total{code="malformed"}'] == 1
    assert waiting["ecoklit_projection_lag_seconds"] > 0 and waiting["ecoklit_lag_events"] == 2
    assert waiting["ecoklit_receipt_to_row_seconds_count"] == 0
    await house.projector.run_until_caught_up()
    shown = await metrics_of(client)
    assert shown["ecoklit_projection_lag_seconds"] == shown["ecoklit_lag_events"] == 0
    assert shown["ecoklit_receipt_to_row_seconds_count"] == 1 and shown["ecoklit_receipt_to_row_seconds_sum"] > 0


async def metrics_of(client: httpx.AsyncClient) -> dict[str, float]:
    told = (await client.get("/metrics")).text
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in told.splitlines() if line[0] != "#")}
