"""A service to be attacked: `ecoklit serve` as a process of its own, on a real broker and a real database."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.jetstream_registry import JetStreamRegistry
from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.services.viewer import RIGHTS
from ecoklit.testing.made_up_accounts import signed_in
from ecoklit.testing.made_up_registry import MadeUpElection

ECOKLIT: Final = Path(sys.executable).parent / "ecoklit"
START_SECONDS_MAX: Final = 60.0
STOP_SECONDS_MAX: Final = 30.0
READERS: Final = 20
"""Each has a rate of its own: whoever asks as all of them in turn may ask for longer."""


class Besieged(NamedTuple):
    """A running service: where its doors are, its process, what it says on standard error, and whom it serves."""

    url: str
    pid: int
    log: Path
    broker: EmbeddedNats
    accounts: BrokerAccounts
    election: MadeUpElection
    journal: JetStreamJournal
    registry: JetStreamRegistry
    readers: tuple[dict[str, str], ...]
    """Headers of people who have signed in, for the whole regency and with every right that one can have."""

    def memory_mib(self) -> float:
        """What the service's process holds in memory now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


@asynccontextmanager
async def besieged(
    folder: Path, database_url: str, election: MadeUpElection, schema: str = "ecoklit"
) -> AsyncIterator[Besieged]:
    """Serve `election`, whose registry is stored as far as it was said, while the block runs."""
    accounts = BrokerAccounts(folder / "nats" / "keys")
    save_key(key_folder(folder, election.election, election.regency), "service", election.service)
    async with await EmbeddedNats.start(
        folder / "nats", accounts=accounts
    ) as broker, await JetStreamJournal.open(
        broker.url, election=election.election, regency=election.regency, monitor_url=broker.monitor_url,
        credentials=accounts.service_credentials,
    ) as journal, await JetStreamRegistry.open(
        broker.url, election=election.election, regency=election.regency, monitor_url=broker.monitor_url,
        credentials=accounts.service_credentials,
    ) as registry:  # fmt: skip
        await election.store(registry)
        log = folder / "serve.log"
        environ = {
            "ECOKLIT_DATA": str(folder),
            "ECOKLIT_ELECTION": election.election,
            "ECOKLIT_REGENCY": election.regency,
            "ECOKLIT_NATS_URL": broker.url,
            "ECOKLIT_NATS_MONITOR_URL": broker.monitor_url,
            "ECOKLIT_NATS_CREDS": str(accounts.service_credentials),
            "ECOKLIT_NATS_KEYS": str(folder / "nats" / "keys"),
            "ECOKLIT_DATABASE_URL": database_url,
            "ECOKLIT_SCHEMA": schema,
            "ECOKLIT_PORT": "0",
        }
        process = _spawn(environ, log)
        try:
            url = await asyncio.wait_for(asyncio.to_thread(_said_url, process, log), START_SECONDS_MAX)
            readers = await _signed_in(database_url, schema, election.regency)
            yield Besieged(url, process.pid, log, broker, accounts, election, journal, registry, readers)
        finally:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


async def _signed_in(database_url: str, schema: str, regency: str) -> tuple[dict[str, str], ...]:
    async with PostgresOfficeDesk(database_url, schema=schema) as desk:
        people = [await signed_in(desk, regency, rights=RIGHTS) for _ in range(READERS)]
    return tuple(one.headers for one in people)


def _spawn(environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ECOKLIT_")}
    with log.open("wb") as errors:
        return subprocess.Popen(
            [ECOKLIT, "serve", "--json"], env={**inherited, **environ}, stdout=subprocess.PIPE, stderr=errors
        )


def _said_url(process: subprocess.Popen[bytes], log: Path) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the service did not start: {log.read_text()}")
    return str(json.loads(line)["service_url"])
