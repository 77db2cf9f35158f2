"""A journal to read, wherever it is; and the whole journal into a folder and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ecoklit.adapters.journal_folder import JournalFolder, segments_at, source_of
from ecoklit.bootstrap.journals import open_journal, open_registry
from ecoklit.core.segment import Index
from ecoklit.ports.journal_source import JournalSource
from ecoklit.services.journal_export import Exported, Progress, export, restore
from ecoklit.settings import Settings


@asynccontextmanager
async def open_source(settings: Settings, source: str | None = None) -> AsyncIterator[JournalSource]:
    """The live journal of the settings; or with `source` an exported one, by its folder or address.

    Raises EcoklitError no_export, export_damaged, log_unavailable; JournalError.
    """
    if source is not None:
        yield source_of(source)
        return
    async with open_journal(settings) as journal, open_registry(settings) as registry:
        yield JournalSource(settings.election, settings.regency, journal, registry, has_persons=True)


async def export_journal(
    settings: Settings, folder: Path, *, without_persons: bool = False, progress: Progress | None = None
) -> Exported:
    """Bring the export in `folder` up to the live journal."""
    with JournalFolder(folder).opened() as store:
        async with open_source(settings) as source:
            return await export(source, store, without_persons=without_persons, progress=progress)


async def import_journal(settings: Settings, source: str, *, progress: Progress | None = None) -> Index:
    """Put an exported journal into the settings' broker, which must hold none of it."""
    async with open_journal(settings) as journal, open_registry(settings) as registry:
        return await restore(segments_at(source), journal, registry, progress=progress)
