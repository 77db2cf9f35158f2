"""The projector, and making every roll anew."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from ecoklit import contract
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_rolls import PostgresRolls
from ecoklit.bootstrap.journals import open_journal, open_registry
from ecoklit.ports import Journal, RegistryJournal
from ecoklit.services.project import Projector
from ecoklit.services.rebuild import Rebuilt, rebuild
from ecoklit.settings import Settings

NEW_OBJECTS_MIN: Final = 100_000  # before garbage is looked for


def collect_seldom() -> None:
    """Have garbage looked for once in a hundred thousand new objects, and not among what is there already.

    A batch makes that many rows and messages, which hold no cycles and are gone with it: to look among them every 700
    took a seventh of the projector's time.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS_MIN, *gc.get_threshold()[1:])


@asynccontextmanager
async def open_projector(settings: Settings, journal: Journal, registry: RegistryJournal) -> AsyncIterator[Projector]:
    """The projector from an open journal, judged by its registry, into the settings' database."""
    collect_seldom()
    store = PostgresRoll(
        settings.database(), election=settings.election, regency=settings.regency, schema=settings.schema
    )
    try:
        yield Projector(
            journal,
            store,
            contract.policies(),
            election=settings.election,
            regency=settings.regency,
            registry=registry,
        )
    finally:
        await store.close()


async def rebuild_all(settings: Settings, *, accept: bool) -> Rebuilt:
    """Make every roll of the settings' schema anew, each from the journal of its regency."""
    collect_seldom()
    rolls = PostgresRolls(settings.database(), election=settings.election, schema=settings.schema)
    regencies = sorted({settings.regency, *await rolls.regencies()})
    async with contextlib.AsyncExitStack() as stack:
        journals, registries = {}, {}
        for regency in regencies:
            there = replace(settings, regency=regency)
            journals[regency] = await stack.enter_async_context(open_journal(there))
            registries[regency] = await stack.enter_async_context(open_registry(there))
        return await rebuild(
            rolls,
            journals,
            contract.policies(),
            election=settings.election,
            registries=registries,
            accept=accept,
        )
