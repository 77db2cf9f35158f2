"""Exports of lists: in a running service, and taken up again."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ecoklit import contract
from ecoklit.adapters.export_folder import ExportFolder, Writer
from ecoklit.adapters.export_jobs import PostgresExportJobs
from ecoklit.adapters.export_source import LiveLists, open_live_lists
from ecoklit.adapters.postgres_past import PostgresPast
from ecoklit.adapters.postgres_reader import PostgresReader, Seen
from ecoklit.bootstrap.people import People
from ecoklit.errors import EcoklitError
from ecoklit.ports import ExportSource
from ecoklit.services.accounts import viewer_of
from ecoklit.services.approvals import Approvals
from ecoklit.services.as_of import Moment, RegistryAt, past_at
from ecoklit.services.export import Export, PastLists
from ecoklit.services.export_desk import ExportDesk
from ecoklit.services.exporting import Exporting
from ecoklit.services.viewer import Viewer
from ecoklit.settings import Settings


def make_exporting(people: People) -> Exporting:
    """The office's exports: whoever has them made, and whose a leak is."""
    return Exporting(
        PostgresExportJobs(people.store),
        people.ledger,
        Approvals(people.store),
        secrets.token_bytes,
        lambda: datetime.now(UTC),
    )


@asynccontextmanager
async def open_export_desk(
    settings: Settings, people: People, reader: PostgresReader, registry_at: RegistryAt
) -> AsyncIterator[ExportDesk]:
    """The exports of a running service; what an earlier one left unfinished goes on."""

    async def viewer(login: str) -> Viewer:
        return viewer_of(await people.accounts.of(login))

    desk = ExportDesk(
        make_exporting(people),
        PostgresExportJobs(people.store),
        files=lambda export, kind: export_folder(settings.data / "exports" / export, kind),
        lists_now=lambda viewer, area, unmasked: lists_now(reader, viewer, area, unmasked),
        lists_again=lambda viewer, export: open_lists_again(reader, registry_at, viewer, export),
        book=contract.codebook,
        viewer=viewer,
        clock=lambda: datetime.now(UTC),
        trouble=_say_broken,
    )
    # A database that is away keeps nobody from pushing; an export goes on when its owner looks.
    with contextlib.suppress(EcoklitError):
        await desk.resume()
    try:
        yield desk
    finally:
        await desk.close()


def export_folder(path: Path, format: str) -> ExportFolder:
    """A folder for an export of that format. Raises EcoklitError not_installed."""
    return ExportFolder(path, _list_writer(format))


def _list_writer(format: str) -> Writer:
    # What writes them takes long to load, and not everybody has it.
    if format in ("csv", "xlsx"):
        from ecoklit.adapters.export_sheets import CsvFile, XlsxFile

        return CsvFile if format == "csv" else XlsxFile
    from ecoklit.adapters.export_arrow import ArrowFile

    return partial(ArrowFile, stream=format == "arrow")


def lists_now(
    reader: PostgresReader, viewer: Viewer, area: str, unmasked: bool
) -> AbstractAsyncContextManager[LiveLists]:
    """The lists of an area's regency as they are now, as a viewer may see them."""
    return open_live_lists(reader.seen_by(Seen(viewer.areas, unmasked)), area[:4])


@asynccontextmanager
async def open_lists_again(
    reader: PostgresReader, registry_at: RegistryAt, viewer: Viewer, export: Export
) -> AsyncIterator[ExportSource]:
    """The lists as of an export's own moment: from the roll while it is still there, else from the journal's events."""
    async with open_live_lists(reader.seen_by(Seen(viewer.areas, export.unmasked)), export.area[:4]) as lists:
        if (lists.as_of, lists.registry) == (export.as_of, export.registry):
            yield lists
            return
    # Whoever stood there then may stand elsewhere now: the area was asked about, and is the viewer's.
    there = PostgresPast(reader)
    past = await past_at(there, registry_at, contract.policies(), Moment(export.as_of, export.registry))
    yield PastLists(past, there, unmasked=export.unmasked)


def _say_broken(code: str) -> None:
    import structlog

    structlog.get_logger().warning("export_broke_off", code=code)
