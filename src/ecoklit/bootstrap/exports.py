"""Exports of lists: in a running service, and taken up again."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from ecoklit import contract
from ecoklit.adapters.export_folder import ExportFolder, Writer
from ecoklit.adapters.export_jobs import PostgresExportJobs
from ecoklit.adapters.export_source import LiveLists, open_live_lists
from ecoklit.adapters.postgres_analyst import PostgresAnalyst
from ecoklit.adapters.postgres_past import PostgresPast
from ecoklit.adapters.postgres_reader import PostgresReader, Seen
from ecoklit.bootstrap.people import People
from ecoklit.core.registry import Registry
from ecoklit.errors import EcoklitError
from ecoklit.ports import ExportSource
from ecoklit.services.accounts import viewer_of
from ecoklit.services.approvals import Approvals
from ecoklit.services.as_of import Moment, Past, RegistryAt, past_at, past_of
from ecoklit.services.export import Export, PastLists
from ecoklit.services.export_desk import CountedLists, ExportDesk
from ecoklit.services.exporting import Ask, Exporting
from ecoklit.services.past_work import PastAnalyst
from ecoklit.services.tables import ROLL, Table, table_of
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

    def own_registry_at(area: str) -> RegistryAt:
        """Refuses to judge another regency by the registry of this service."""

        async def at(position: int) -> Registry:
            if area[:4] != settings.regency:
                raise EcoklitError(
                    "not_projected", f"Earlier moments of {area[:4]} are answered by its own service: ask there."
                )
            return await registry_at(position)

        return at

    async def viewer(login: str) -> Viewer:
        return viewer_of(await people.accounts.of(login))

    desk = ExportDesk(
        make_exporting(people),
        PostgresExportJobs(people.store),
        files=lambda export, kind: export_folder(settings.data / "exports" / export, kind),
        lists=lambda viewer, ask: open_lists(reader, viewer, ask, partial(_past, reader, own_registry_at, ask)),
        lists_again=lambda viewer, export: open_lists_again(reader, own_registry_at(export.area), viewer, export),
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
    lists: Writer
    tables: Writer
    if format == "pdf":
        from ecoklit.paper.export import PaperFile
        from ecoklit.paper.sheet import demand_typst

        demand_typst()
        return PaperFile
    if format in ("csv", "xlsx"):
        from ecoklit.adapters.export_sheets import CsvFile, XlsxFile
        from ecoklit.adapters.export_table import CsvTable, XlsxTable

        lists, tables = (CsvFile, CsvTable) if format == "csv" else (XlsxFile, XlsxTable)
    else:
        from ecoklit.adapters.export_arrow import ArrowFile
        from ecoklit.adapters.export_table_arrow import ArrowTable

        lists = partial(ArrowFile, stream=format == "arrow")
        tables = partial(ArrowTable, stream=format == "arrow")
    return lambda path, head: (tables if head.columns else lists)(path, head)


@asynccontextmanager
async def open_lists(
    reader: PostgresReader, viewer: Viewer, ask: Ask, past: Callable[[], Awaitable[Past]]
) -> AsyncIterator[CountedLists | Table]:
    """What was asked for, as the viewer may see it: as it is now, or as of the moment that `past` gives."""
    there = PostgresPast(reader)
    if ask.at is not None:
        then = await past()
        yield (
            PastLists(then, there, unmasked=ask.unmasked)
            if ask.what == ROLL
            else await _past_table(ask.what, ask.area, then, viewer)
        )
    elif ask.what == ROLL:
        async with lists_now(reader, viewer, ask.area, ask.unmasked) as lists:
            yield lists
    else:
        seen = reader.seen_by(Seen(viewer.areas))
        table = await table_of(ask.what, ask.area, seen, PostgresAnalyst(seen), viewer.role, _today())
        mark = await there.mark(table.as_of.regency, table.as_of.events)
        yield table._replace(registry=0 if mark is None else mark.registry)


async def _past(reader: PostgresReader, registry_of: Callable[[str], RegistryAt], ask: Ask) -> Past:
    """The regency at the position or time of an order."""
    if ask.at is None or isinstance(ask.at, str):
        raise EcoklitError("bad_argument", "That is no moment: give a position of the journal, or a time.")
    registry_at = registry_of(ask.area)
    return await past_of(PostgresPast(reader), registry_at, contract.policies(), ask.area[:4], ask.at)


async def _past_table(what: str, area: str, past: Past, viewer: Viewer) -> Table:
    table = await table_of(what, area, past, PastAnalyst(past, viewer.sees), viewer.role, _today())
    return table._replace(registry=past.moment.registry)


def _today() -> date:
    return datetime.now(UTC).date()


def lists_now(
    reader: PostgresReader, viewer: Viewer, area: str, unmasked: bool
) -> AbstractAsyncContextManager[LiveLists]:
    """The lists of an area's regency as they are now, as a viewer may see them."""
    return open_live_lists(reader.seen_by(Seen(viewer.areas, unmasked)), area[:4])


@asynccontextmanager
async def open_lists_again(
    reader: PostgresReader, registry_at: RegistryAt, viewer: Viewer, export: Export
) -> AsyncIterator[ExportSource | Table]:
    """The lists as of an export's own moment: from the roll while it is still there, else from the journal's events."""
    moment = Moment(export.as_of, export.registry)
    if export.what != ROLL:
        then = await past_at(PostgresPast(reader), registry_at, contract.policies(), moment)
        yield await _past_table(export.what, export.area, then, viewer)
        return
    async with open_live_lists(reader.seen_by(Seen(viewer.areas, export.unmasked)), export.area[:4]) as lists:
        if (lists.as_of, lists.registry) == (export.as_of, export.registry):
            yield lists
            return
    # Whoever stood there then may stand elsewhere now: the area was asked about, and is the viewer's.
    there = PostgresPast(reader)
    past = await past_at(there, registry_at, contract.policies(), moment)
    yield PastLists(past, there, unmasked=export.unmasked)


def _say_broken(code: str) -> None:
    import structlog

    structlog.get_logger().warning("export_broke_off", code=code)
