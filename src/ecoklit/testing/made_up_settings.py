"""Settings of a service for tests: an election of its own on servers that run already."""

from __future__ import annotations

import uuid
from pathlib import Path

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.settings import Settings

REGENCY = "9404"


def settings_for(
    data: Path,
    broker: EmbeddedNats,
    database: EmbeddedPostgres,
    schema: str,
    *,
    election: str | None = None,
    nats_creds: Path | None = None,
    nats_keys: Path | None = None,
) -> Settings:
    """Settings with `data` as the data folder, in an election that nobody else has unless it is named."""
    return Settings(
        data=data,
        election=election or f"test-{uuid.uuid4().hex[:12]}",
        regency=REGENCY,
        nats_url=broker.url,
        monitor_url=broker.monitor_url,
        database_url=database.dsn,
        service_url=None,
        host="127.0.0.1",
        port=0,
        epoch=1,
        schema=schema,
        allow_unsafe=False,
        nats_creds=nats_creds,
        nats_keys=nats_keys,
    )
