"""Every operation of the OpenAPI document, asked by schemathesis: never 500, always a problem, always as documented."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from pathlib import Path

import asyncpg
import httpx

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.testing.hostile.api import PHASES_QUICK, attack, enrol_phones
from ecoklit.testing.hostile.besieged import besieged
from ecoklit.testing.made_up_registry import MadeUpElection

EXAMPLES = 10


async def test_no_request_makes_the_service_fail(postgres_server: EmbeddedPostgres) -> None:
    """Made-up requests to every operation, right and wrong, alone and one after the other, are answered as the document
    says, and every refusal is a problem; `make chaos` sends twenty times as many."""
    schema = f"test_{uuid.uuid4().hex[:16]}"
    election = MadeUpElection(f"api-{uuid.uuid4().hex[:12]}")
    enrol_phones(election)
    with tempfile.TemporaryDirectory(prefix="ecoklit-") as folder:
        async with besieged(Path(folder), postgres_server.dsn, election, schema) as service:
            attacked = await asyncio.to_thread(attack, service, EXAMPLES, phases=PHASES_QUICK)
            async with httpx.AsyncClient(base_url=service.url) as http:
                document = (await http.get("/openapi.json")).json()
            events = (await service.journal.last()).events
            log = service.log.read_text()
    connection = await asyncpg.connect(postgres_server.dsn)
    await connection.execute(f"drop schema if exists {schema} cascade")
    await connection.close()
    assert attacked.passed, attacked.report
    operations = sum(len(methods) for methods in document["paths"].values())
    assert attacked.operations == operations
    assert attacked.requests > operations * EXAMPLES
    assert events > 0, "no push was right"
    assert "fault" not in log
