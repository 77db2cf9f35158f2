"""A service that is killed while many read: whatever reached a reader is in the read log."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import uuid
from pathlib import Path

import httpx

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.http.auth import REQUEST_HEADER
from ecoklit.services.read_log import entries_of, verify
from ecoklit.testing.hostile.besieged import Besieged, besieged
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push

TPS = "9404012001001"
AT = "2024-06-25T09:00:00+09:00"
VOTERS = 40
ANSWERS_MIN = 100


async def listed(service: Besieged, http: httpx.AsyncClient) -> None:
    log = DeviceLog(service.election.election, made_up_device(1, "k"), officer="o-1", role="kpu", policy="2024-1")
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
    held = [log.append("listed", tps=TPS, at=AT, source="dp4-2024", person=person) for _ in range(VOTERS)]
    pushed = await http.post("/v1/push", content=signed_push(held), headers={"content-type": "application/x-ndjson"})
    assert pushed.status_code == 200
    async with asyncio.timeout(60):
        while (await http.get("/health/ready")).json()["lag_events"] != 0:
            await asyncio.sleep(0.05)


async def test_what_reached_a_reader_is_in_the_log(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """Twenty people read without a pause and the service is killed in the middle of it: every answer that came whole
    has its entry, and the entries hold together."""
    election = MadeUpElection(f"kill-{uuid.uuid4().hex[:12]}")
    election.device("k", officer="o-1")
    came: list[str] = []
    with tempfile.TemporaryDirectory(prefix="ecoklit-") as folder:
        async with (
            besieged(Path(folder), postgres_server.dsn, election, schema) as service,
            httpx.AsyncClient(base_url=service.url, timeout=30) as http,
        ):
            await listed(service, http)

            async def read(headers: dict[str, str]) -> None:
                while True:
                    try:
                        answer = await http.get(f"/v1/rolls/{TPS}", headers=headers)
                    except httpx.HTTPError:
                        return
                    if answer.status_code == 200:
                        assert len(answer.json()["voters"]) == VOTERS
                        came.append(answer.headers[REQUEST_HEADER])
                        if len(came) == ANSWERS_MIN:
                            os.kill(service.pid, signal.SIGKILL)

            await asyncio.gather(*(read(headers) for headers in service.readers))
    async with PostgresOfficeDesk(postgres_server.dsn, schema=schema) as desk:
        written = {entry.request async for entry in entries_of(desk)}
        assert (await verify(desk)).broken is None
    assert len(came) >= ANSWERS_MIN
    assert set(came) <= written
