"""Exports that a service makes for people who ask for them, each in a folder of its own on the service's disk.

They are made in the background, a few at a time; what a stopped service left unfinished goes on when it starts again,
or when its owner looks. Files are kept for some days, for the one account that they were made for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from ecoklit.core.codebook import Codebook
from ecoklit.errors import EcoklitError
from ecoklit.ports import ExportFiles, ExportJob, ExportJobs, ExportSource
from ecoklit.services.export import Export, Part, encoded
from ecoklit.services.exporting import Ask, Exporting
from ecoklit.services.tables import Table
from ecoklit.services.viewer import Viewer

RUNNING_MAX: Final = 2
"""Exports at once: each holds a snapshot and half a core; phones and lists come first."""

KEPT: Final = timedelta(days=7)
"""How long files wait to be fetched."""


class CountedLists(ExportSource, Protocol):
    """Lists at one moment."""

    async def voters(self, area: str) -> int: ...


class ExportDesk:
    """Takes orders, and hands out what is ready.

    `files` gives the folder of an export by its id and format, `lists` and `lists_again` the lists for a viewer (as of
    the moment that is asked for, or of an export's own), `book` a code book, `viewer` an open account by its login;
    `trouble` is told what broke an export off, by its code.
    """

    def __init__(
        self,
        exporting: Exporting,
        jobs: ExportJobs,
        *,
        files: Callable[[str, str], ExportFiles],
        lists: Callable[[Viewer, Ask], AbstractAsyncContextManager[CountedLists | Table]],
        lists_again: Callable[[Viewer, Export], AbstractAsyncContextManager[ExportSource | Table]],
        book: Callable[[str], Codebook],
        viewer: Callable[[str], Awaitable[Viewer]],
        clock: Callable[[], datetime],
        trouble: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._exporting = exporting
        self._jobs = jobs
        self._files = files
        self._lists = lists
        self._lists_again = lists_again
        self._book = book
        self._viewer = viewer
        self._clock = clock
        self._trouble = trouble
        self._running: set[asyncio.Task[None]] = set()
        self._made_here: set[str] = set()

    async def ask(self, viewer: Viewer, ask: Ask) -> Export:
        """Begin an export, and give it as it is then: it is made meanwhile.

        Raises as `Exporting.begin`, EcoklitError not_installed, exports_busy, and what the lists raise.
        """
        self._exporting.demand(viewer, ask)
        book = self._book(ask.codebook)
        self._files("none", ask.format)  # raises when this service cannot write such files
        self._demand_place()
        begun: asyncio.Future[Export] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._make(viewer, ask, book, begun), name="export")
        self._hold(task)
        return await asyncio.shield(begun)

    async def find(self, viewer: Viewer, export: str) -> Export:
        """An export of the viewer's own; one that was broken off goes on. Raises EcoklitError not_found."""
        job = await self._job(viewer, export)
        known = await self._exporting.known(viewer, self._files(job.export, job.format))
        if known is None or job.state == "expired":
            raise _not_found()
        if not known.is_done and len(self._running) < RUNNING_MAX:
            self._carry_on(viewer, known)
        return known

    async def file(self, viewer: Viewer, export: str, name: str) -> tuple[Part, ExportFiles]:
        """A file of an export that is whole. Raises EcoklitError not_found."""
        known = await self.find(viewer, export)
        part = next((part for part in known.parts if part.file == name), None)
        if part is None:
            raise _not_found()
        return part, self._files(known.export, known.format)

    async def resume(self) -> None:
        """Go on with what was left unfinished, if its account still may; take away what was kept long enough."""
        for job in await self._jobs.all():
            files = self._files(job.export, job.format)
            if job.state != "expired" and job.asked_at + KEPT < self._clock():
                await asyncio.to_thread(files.forget)
                await self._jobs.advance(job.export, "expired", job.parts, job.rows, None)
            elif job.state in ("waiting", "running") and len(self._running) < RUNNING_MAX:
                try:
                    viewer = await self._viewer(job.login)
                    known = await self._exporting.known(viewer, files)
                except EcoklitError:
                    continue  # closed, or no longer given the right: it stays as it is
                if known is not None:
                    self._carry_on(viewer, known)

    async def close(self) -> None:
        """Break off what is being made: it goes on another time."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _make(self, viewer: Viewer, ask: Ask, book: Codebook, begun: asyncio.Future[Export]) -> None:
        try:
            async with self._lists(viewer, ask) as source:
                voters = await source.voters(ask.area)
                export = await self._exporting.begin(viewer, ask, source, voters)
                files = self._files(export.export, export.format)
                with self._making(export.export):
                    await asyncio.to_thread(files.keep, encoded(export))
                    begun.set_result(export)
                    await self._exporting.carry_on(export, source, files, book)
        except Exception as error:
            if begun.done():
                raise
            begun.set_exception(error)

    def _carry_on(self, viewer: Viewer, export: Export) -> None:
        if export.export not in self._made_here:
            self._made_here.add(export.export)  # here, and not when its task begins: somebody looks again before
            self._hold(asyncio.create_task(self._go_on(viewer, export), name="export"))

    async def _go_on(self, viewer: Viewer, export: Export) -> None:
        with self._making(export.export):
            async with self._lists_again(viewer, export) as source:
                files = self._files(export.export, export.format)
                await self._exporting.carry_on(export, source, files, self._book(export.codebook))

    @contextmanager
    def _making(self, export: str) -> Iterator[None]:
        self._made_here.add(export)
        try:
            yield
        finally:
            self._made_here.discard(export)

    def _hold(self, task: asyncio.Task[None]) -> None:
        self._running.add(task)

        def done(ended: asyncio.Task[None]) -> None:
            self._running.discard(ended)
            error = None if ended.cancelled() else ended.exception()
            if error is not None:
                # It is not lost, and goes on when its owner looks. What the error says could be somebody's particulars.
                self._trouble(error.code if isinstance(error, EcoklitError) else type(error).__name__)

        task.add_done_callback(done)

    def _demand_place(self) -> None:
        if len(self._running) >= RUNNING_MAX:
            raise EcoklitError("exports_busy", f"{RUNNING_MAX} exports are being made: ask again when one is done.")

    async def _job(self, viewer: Viewer, export: str) -> ExportJob:
        try:
            job = await self._jobs.find(str(UUID(export)))
        except ValueError:
            job = None
        # Whose it is, nobody else is told: neither that it is there.
        if job is None or job.account != viewer.account:
            raise _not_found()
        return job


def _not_found() -> EcoklitError:
    return EcoklitError("not_found", "This account has no such export or file: see GET /v1/exports/ID for its files.")
