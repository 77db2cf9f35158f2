"""The service while its broker or its database is away, and when it is told to wait."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.http_service import HttpService
from ecoklit.bootstrap import House, follow, open_house
from ecoklit.core import ids
from ecoklit.core.admission import Refused
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.receipt import read_receipt
from ecoklit.core.wire import Held
from ecoklit.http.app import make_app
from ecoklit.http.serve import served
from ecoklit.ports import JournalBusy, JournalFull, JournalUnavailable, Push, ServiceUnavailable, Stale, Stored
from ecoklit.settings import Settings
from ecoklit.testing.made_up_accounts import signed_in
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.made_up_settings import settings_for
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

TPS = "9404012001001"
AT = "2024-06-25T09:00:00+09:00"
NDJSON = {"content-type": "application/x-ndjson"}


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    """A house whose election is open, and knows the device of `births`."""
    election = MadeUpElection(settings.election, "9404")
    election.device("k", officer="o")
    save_key(key_folder(settings.data, settings.election, "9404"), "service", election.service)
    async with open_house(settings) as house:
        await election.store(house.registry)
        yield house


def births(election: str, count: int) -> list[Held]:
    log = DeviceLog(election, made_up_device(1, "k"), officer="o", role="kpu", policy="2024-1")
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
    return [log.append("listed", tps=TPS, at=AT, source="dp4", person=person) for _ in range(count)]


def body(held: list[Held]) -> bytes:
    return signed_push(held)


def client_of(app: Litestar) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://ecoklit", timeout=120)


async def wait_until(true: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(60):
        while not await true():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def following(house: House) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(follow(house, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def test_servers_that_die_are_named_and_nothing_receipted_is_lost() -> None:
    """While the broker is dead pushes get 503 and Retry-After, while the database is dead only reading does; after each
    comes back, everything receipted is on the roll once."""
    with tempfile.TemporaryDirectory(prefix="ecoklit-") as folder:
        nats = await EmbeddedNats.start(Path(folder) / "nats")
        port, monitor = (int(url.rpartition(":")[2]) for url in (nats.url, nats.monitor_url))
        postgres = EmbeddedPostgres(Path(folder) / "postgres", fsync=False)
        await postgres.start()
        try:
            settings = settings_for(Path(folder) / "data", nats, postgres, "ecoklit")
            log = births(settings.election, 9)
            async with opened(settings) as house, client_of(make_app(house)) as client, following(house):
                client.headers.update((await signed_in(house.accounts_store)).headers)

                async def push(count: int) -> httpx.Response:
                    return await client.post("/v1/push", content=body(log[:count]), headers=NDJSON)

                async def on_roll(count: int) -> bool:
                    roll = await client.get(f"/v1/rolls/{TPS}")
                    return roll.status_code == 200 and len(roll.json()["voters"]) == count

                assert (await push(3)).status_code == 200
                await wait_until(lambda: on_roll(3))

                await postgres.stop()
                assert (await push(5)).json()["receipt"]["seq"] == 5
                reading = await client.get(f"/v1/rolls/{TPS}")
                assert (reading.status_code, reading.json()["code"]) == (503, "database_unavailable")
                assert int(reading.headers["retry-after"]) > 0
                ready = await client.get("/health/ready")
                assert (ready.status_code, ready.json()["database"]) == (200, "database_unavailable")
                await postgres.start()
                await wait_until(lambda: on_roll(5))

                await nats.kill()
                away = await push(9)
                assert (away.status_code, away.json()["code"]) == (503, "journal_unavailable")
                assert int(away.headers["retry-after"]) > 0
                assert (await client.get("/health/ready")).status_code == 503
                assert (await client.get("/health/live")).status_code == 200
                nats = await EmbeddedNats.start(Path(folder) / "nats", port=port, monitor_port=monitor)
                assert (await push(9)).json()["receipt"]["seq"] == 9
                await wait_until(lambda: on_roll(9))
                assert (await house.journal.last()).events == 9
        finally:
            await nats.stop()
            await postgres.stop()


async def test_a_fault_of_the_projector_is_in_sight_and_pushes_go_on(
    nats_server: EmbeddedNats,
    postgres_server: EmbeddedPostgres,
    schema: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An error that nobody foresaw neither ends the projector nor stops pushes: ready names it, without its text, and
    the roll catches up when it is over."""
    async with opened(settings_for(tmp_path, nats_server, postgres_server, schema)) as house:
        whole = house.projector.run_until_caught_up
        faults = iter([RuntimeError("a person's name")] * 2)

        async def faulty(**told: Any) -> Any:
            if fault := next(faults, None):
                raise fault
            return await whole(**told)

        house.projector.run_until_caught_up = faulty  # type: ignore[method-assign,assignment]
        async with client_of(make_app(house)) as client, following(house):

            async def trouble() -> str:
                return str((await client.get("/health/ready")).json()["projector"])

            async def is_faulty() -> bool:
                return await trouble() == "projector_fault"

            async def is_well() -> bool:
                return await trouble() == "ok" and (await client.get("/health/ready")).json()["lag_events"] == 0

            await wait_until(is_faulty)
            log = births(house.settings.election, 2)
            assert (await client.post("/v1/push", content=body(log), headers=NDJSON)).json()["receipt"]["seq"] == 2
            await wait_until(is_well)
    said = capsys.readouterr()
    assert (said.out + said.err).count("projector_fault") == 1
    assert "a person's name" not in said.out + said.err


# --- over a real socket ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "expected", "status"),
    [
        (JournalBusy("Wait a little, then send it again."), JournalBusy, 503),
        (JournalFull("Make room, then send it again."), ServiceUnavailable, 503),
        (JournalUnavailable("Start the broker, then send it again."), ServiceUnavailable, 503),
        (RuntimeError("a person's name"), ServiceUnavailable, 500),
    ],
)
async def test_what_the_service_answers_comes_through_the_client(
    nats_server: EmbeddedNats,
    postgres_server: EmbeddedPostgres,
    schema: str,
    tmp_path: Path,
    failure: Exception,
    expected: type[Exception],
    status: int,
) -> None:
    """A service that is busy, full, away or at fault is the matching error for whoever pushes over HTTP, and tells
    nothing of a fault's text."""

    async def submit(_: Push) -> Stored | Stale:
        raise failure

    async with opened(settings_for(tmp_path, nats_server, postgres_server, schema)) as house:
        election = house.settings.election
        made_up = MadeUpElection(election, "9404")
        made_up.device("k", officer="o")
        house.service = await made_up.door(MemoryJournal(), MemoryRegistryJournal(), submit)
        async with served(make_app(house), "127.0.0.1", 0) as url, httpx.AsyncClient(base_url=url) as client:
            answer = await client.post("/v1/push", content=body(births(election, 1)), headers=NDJSON)
            assert answer.status_code == status
            assert ("retry-after" in answer.headers) == (status == 503)
            assert "a person's name" not in answer.text
            with pytest.raises(expected):
                await HttpService(url).push(body(births(election, 1)))


async def test_receipts_and_refusals_come_through_the_client(
    nats_server: EmbeddedNats, postgres_server: EmbeddedPostgres, schema: str, tmp_path: Path
) -> None:
    """Over a real socket a push is receipted, and a refusal keeps its name and the seq expected."""
    async with (
        opened(settings_for(tmp_path, nats_server, postgres_server, schema)) as house,
        served(make_app(house), "127.0.0.1", 0) as url,
    ):
        service, log = HttpService(url), births(house.settings.election, 4)
        assert read_receipt(await service.push(body(log[:2]))).receipt.seq == 2
        with pytest.raises(Refused) as refused:
            await service.push(body(log[3:]))
        assert (refused.value.code, refused.value.expected) == ("gap", 3)
        with pytest.raises(Refused) as refused:
            await service.push(b"x" * 1_000_000)
        assert refused.value.code == "too_large"
    with pytest.raises(ServiceUnavailable):
        await service.push(body(log))
