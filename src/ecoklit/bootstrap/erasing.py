"""Carrying out erasures: by a running service, and by the command that signed one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from ecoklit.adapters.evidence_folder import EvidenceFolder
from ecoklit.adapters.jetstream_shredder import JetStreamShredder
from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.adapters.office_log import OfficeLog
from ecoklit.adapters.postgres_erasure import PostgresErasure
from ecoklit.adapters.postgres_reader import PostgresReader
from ecoklit.bootstrap.doors import evidence_folder
from ecoklit.bootstrap.office import has_office_key, office_folder, office_key_of
from ecoklit.errors import EcoklitError
from ecoklit.ports.erasure import KeptPushes, PersonStream
from ecoklit.services.erasure import Erased, Eraser
from ecoklit.services.registry import Registrar
from ecoklit.settings import Settings

LOOK_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 10.0
"""A push that another service judged by a registry a second old may bring a person after the first look."""
SELDOM_SECONDS: Final = 600.0
"""A person can lie in the journal without its event, and belong to somebody who is erased once that comes."""


def make_eraser(settings: Settings, stream: PersonStream, reader: PostgresReader) -> Eraser:
    """Who carries out the erasures of the settings' regency."""
    kept: list[KeptPushes] = [EvidenceFolder(evidence_folder(settings))]
    if has_office_key(settings):
        kept.append(OfficeLog(office_folder(settings), office_key_of(settings)))
    shredder = JetStreamShredder(
        settings.nats(), settings.election, settings.regency, lambda: _eraser_credentials(settings)
    )
    return Eraser(
        stream,
        shredder,
        PostgresErasure(reader, settings.database(), settings.schema, settings.regency),
        kept,
    )


def _eraser_credentials(settings: Settings) -> str | None:
    """Of the broker's eraser, where the broker's keys are; else the service's own, which may be let."""
    folder = settings.nats_keys or settings.data / "nats" / "keys"
    if folder.is_dir():
        return BrokerAccounts(folder).eraser_credentials(settings.election, settings.regency)
    return None if settings.nats_creds is None else settings.nats_creds.read_text()


async def keep_erasing(eraser: Eraser, registrar: Registrar, stop: asyncio.Event) -> None:
    """Carry out what the registry says is erased, at the start and with each line of it, until `stop` is set."""
    clock = asyncio.get_running_loop().time
    done, due = 0, 0.0
    while not stop.is_set():
        try:
            registry = await registrar.current()
            last = registry.erasures[-1].position if registry.erasures else 0
            if last and (last != done or clock() >= due):
                erased = await eraser.carry_out(registry)
                if erased is not None:
                    done, due = last, clock() + (AGAIN_SECONDS if last != done else SELDOM_SECONDS)
                    _log(erased)
        except EcoklitError as error:
            import structlog

            structlog.get_logger().warning("erasure_waits", code=error.code, message=error.message)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)


def _log(erased: Erased) -> None:
    if any(erased):
        import structlog

        structlog.get_logger().info("erased", persons=erased.persons, kept=erased.kept)
