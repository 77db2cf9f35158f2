"""Who may have a list as files: a right, a reason, and beyond one TPS a second person; written down before it is read.

The order of the durable steps, and what a crash leaves behind between them:

1. The export stands in the office's books, with the secret of its watermark. A crash leaves an export without files.
2. The read log says that it was shown. A crash leaves an entry for what nobody has seen yet.
3. Files are written (services/export.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from ecoklit.core.codebook import Codebook
from ecoklit.core.watermark import SECRET_BYTES, Suspicion, suspicions, texts_in
from ecoklit.errors import EcoklitError
from ecoklit.ports import ExportFiles, ExportJob, ExportJobs, ExportSource
from ecoklit.services import approvals
from ecoklit.services.approvals import Approvals
from ecoklit.services.export import FORMATS, Export, ExportFault, carried_on, decoded
from ecoklit.services.read_log import Ledger, Shown, demand_reason
from ecoklit.services.tables import ROLL, TABLES, Table
from ecoklit.services.viewer import EXPORT, SUPERVISOR, UNMASK, Viewer

ALONE_VOTERS_MAX: Final = 600
"""Voters whom somebody may have as a file without a second person: a TPS."""

NUMBERS: Final = ("nik", "nkk")


class Ask(NamedTuple):
    """What somebody wants as files, and why: lists of voters or a table, as of now or of an earlier moment."""

    area: str
    format: str
    codebook: str
    unmasked: bool
    reason: str | None
    what: str = ROLL
    at: int | datetime | str | None = None


class Traced(NamedTuple):
    """An export that a leak was held against, and for whom it was made."""

    suspicion: Suspicion
    job: ExportJob


class Exporting:
    """The office's exports. `entropy` gives that many random bytes, `clock` the time."""

    def __init__(
        self,
        jobs: ExportJobs,
        ledger: Ledger,
        approvals: Approvals,
        entropy: Callable[[int], bytes],
        clock: Callable[[], datetime],
    ) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._approvals = approvals
        self._entropy = entropy
        self._clock = clock

    def demand(self, viewer: Viewer, ask: Ask) -> str:
        """The reason. Raises EcoklitError bad_argument, not_your_area, not_your_right, no_reason."""
        if ask.format not in FORMATS:
            raise EcoklitError("bad_argument", f"There is no format {ask.format}: give one of {', '.join(FORMATS)}.")
        if ask.what not in (ROLL, *TABLES):
            raise EcoklitError(
                "bad_argument", f"There is no list {ask.what}: give one of {', '.join((ROLL, *TABLES))}."
            )
        if ask.unmasked and ask.what != ROLL:
            raise EcoklitError("bad_argument", f"Only a {ROLL} has whole numbers: leave unmasked out.")
        if ask.format == "pdf" and ask.what != ROLL:
            raise EcoklitError("bad_argument", "Pages are of a roll: take another format, or 'ecoklit paper recap'.")
        _demand_rights(viewer, ask.area, ask.unmasked)
        return demand_reason(ask.reason)

    async def begin(self, viewer: Viewer, ask: Ask, source: ExportSource | Table, voters: int) -> Export:
        """An export of the lists as `source` has them, written down; no file is written yet.

        `voters` are those who will be shown. Raises as `demand`, then approval_needed, reading_locked.
        """
        reason = self.demand(viewer, ask)
        needs_second = voters > ALONE_VOTERS_MAX
        approval = await self._granted(viewer, ask.area, reason) if needs_second else None
        export, asked_at = str(UUID(bytes=self._entropy(16), version=4)), self._clock()
        await self._jobs.begin(
            ExportJob(
                export, viewer.account, viewer.login, ask.area, ask.format, source.as_of.events, ask.unmasked,
                asked_at, "waiting", 0, 0, self._entropy(SECRET_BYTES), ask.what,
            ),
            approval,
        )  # fmt: skip
        shown = Shown(
            "export", ask.area, voters, source.as_of.events, export,
            fields=NUMBERS if ask.unmasked else (), reason=reason,
        )  # fmt: skip
        # What a second person granted is beyond the day's budget, and in the log all the same.
        await self._ledger.disclose(viewer, shown, granted=needs_second)
        return Export(
            export, viewer.login, ask.area, ask.format, ask.codebook, ask.unmasked, source.as_of, source.registry,
            asked_at.strftime("%Y-%m-%dT%H:%M:%SZ"), what=ask.what,
            is_supervised=viewer.role == SUPERVISOR and ask.what == ROLL,
        )  # fmt: skip

    async def _granted(self, viewer: Viewer, area: str, reason: str) -> str:
        """The id of the second person's word; who has none has asked for it after this."""
        try:
            return await self._approvals.demand(viewer, approvals.EXPORT, area)
        except EcoklitError as error:
            if error.code != "approval_needed":
                raise
        open_ones = await self._approvals.seen_by(viewer)
        mine = [
            one for one in open_ones if (one.kind, one.area, one.asked_by) == (approvals.EXPORT, area, viewer.account)
        ]
        asked = mine[0] if mine else await self._approvals.ask(viewer, approvals.EXPORT, area, reason)
        raise EcoklitError(
            "approval_needed",
            f"So many voters take a second person, who is asked now (approval {asked.approval}): once it is granted, "
            "ask again.",
        )

    async def known(self, viewer: Viewer, files: ExportFiles) -> Export | None:
        """The export that was begun in `files` for this viewer; None when none was.

        Raises ExportFault bad_export, not_yours, and what `Viewer.demand` raises: rights are asked for anew.
        """
        about = files.about()
        if about is None:
            return None
        export = decoded(about)
        job = await self._job(export.export)
        if (job.account, job.area, job.events) != (viewer.account, export.area, export.as_of.events):
            raise ExportFault("not_yours", "The export in that folder was made for another account: name a new folder.")
        _demand_rights(viewer, export.area, export.unmasked)
        return export

    async def carry_on(
        self,
        export: Export,
        source: ExportSource | Table,
        files: ExportFiles,
        book: Codebook,
        on_part: Callable[[Export], object] = lambda _: None,
    ) -> Export:
        """Write what is missing of an export that was begun."""
        job = await self._job(export.export)

        async def note(so_far: Export) -> None:
            await self._jobs.advance(export.export, "running", len(so_far.parts), so_far.rows, None)
            on_part(so_far)

        done = await carried_on(export, job.secret, source, files, book, note)
        await self._jobs.advance(export.export, "done", len(done.parts), done.rows, bytes.fromhex(done.digest))
        return done

    async def traced(self, viewer: Viewer | None, cells: Iterable[str]) -> list[Traced]:
        """Every export, as far as a leak of these cells fits it, the likeliest first.

        A viewer is told of exports of its own areas; None is whoever has the service's database.
        """
        jobs = {job.export: job for job in await self._jobs.all()}
        found = suspicions(texts_in(cells), {export: job.secret for export, job in jobs.items()})
        return [Traced(one, jobs[one.export]) for one in found if viewer is None or viewer.sees(jobs[one.export].area)]

    async def _job(self, export: str) -> ExportJob:
        job = await self._jobs.find(export)
        if job is None:
            raise ExportFault("not_yours", "The office's books have no such export: name a new folder.")
        return job


def _demand_rights(viewer: Viewer, area: str, unmasked: bool) -> None:
    viewer.demand(area, EXPORT)
    if unmasked:
        viewer.demand(area, UNMASK)
