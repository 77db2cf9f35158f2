"""Every disclosure is written down, and charged, before it leaves: the log holds all that was shown, and perhaps more.

Those who read at the same moment are written in one commit: a list of a TPS costs a fifth of a commit then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from ecoklit.core.ids import ZERO_HASH
from ecoklit.core.read_chain import entry_hash
from ecoklit.errors import EcoklitError
from ecoklit.ports import LogEntry, Reading, ReadLog
from ecoklit.services.budget import area_within, budget_of
from ecoklit.services.viewer import Viewer

AT_ONCE_MAX: Final = 200
PAGE_ENTRIES: Final = 1000
REASON_CHARACTERS: Final = (10, 200)


class Shown(NamedTuple):
    """What an answer is about to show: `rows` voters of `area`, or one `voter`; `fields` whole, for a `reason`.

    `request` is the id of the request, as in the service's own log.
    """

    action: str
    area: str | None
    rows: int
    as_of: int
    request: str = ""
    voter: str | None = None
    fields: tuple[str, ...] = ()
    reason: str | None = None


class Ledger:
    """Writes down what is about to be shown."""

    def __init__(self, log: ReadLog) -> None:
        self._log = log
        self._waiting: list[tuple[Reading, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def disclose(self, viewer: Viewer, shown: Shown, *, granted: bool = False) -> None:
        """Return once it is written down durably, and may leave; what a second person `granted` is in no budget.

        Raises EcoklitError reading_locked when the account has read its budget there: nothing may leave then.
        """
        within = "" if granted else area_within(viewer, shown.area)
        reading = Reading(
            viewer.account, shown.action, shown.area, shown.voter, shown.rows, shown.fields, shown.reason,
            shown.as_of, shown.request, within, budget_of(within) if within else 0,
        )  # fmt: skip
        if not await self._written(reading):
            raise EcoklitError(
                "reading_locked",
                f"This account has read its budget of voters in {within}: ask a second person (POST /v1/approvals).",
            )

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._writing is not None:
            await self._writing

    async def _written(self, reading: Reading) -> bool:
        outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((reading, outcome))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="read log")
        return await outcome

    async def _write(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:AT_ONCE_MAX], self._waiting[AT_ONCE_MAX:]
                await self._write_group(group)
        finally:
            self._writing = None

    async def _write_group(self, group: list[tuple[Reading, asyncio.Future[bool]]]) -> None:
        try:
            outcomes = await self._log.write([reading for reading, _ in group])
        except Exception as error:
            for _, outcome in group:
                if not outcome.done():
                    outcome.set_exception(error)
            return
        for (_, outcome), may in zip(group, outcomes, strict=True):
            if not outcome.done():  # who asked may have gone; the entry stays
                outcome.set_result(may)


def demand_reason(reason: str | None) -> str:
    """Raises EcoklitError no_reason."""
    least, most = REASON_CHARACTERS
    text = (reason or "").strip()
    if not (least <= len(text) <= most and text.isprintable()):
        raise EcoklitError("no_reason", f"Say why, in {least} to {most} characters: it stands in the read log.")
    return text


async def entries_of(log: ReadLog) -> AsyncIterator[LogEntry]:
    """Every entry, in order."""
    after = 0
    while page := await log.entries(after, PAGE_ENTRIES):
        for entry in page:
            yield entry
        after = page[-1].entry


class Verified(NamedTuple):
    """How many entries hold together, the hash of the last, and the first that does not hold; None when all do.

    That the last entries were left out shows only beside a number and a hash that somebody wrote down before.
    """

    entries: int
    hash: bytes
    broken: int | None


async def verify(log: ReadLog) -> Verified:
    """Whether every entry is bound to the one before it, from the first."""
    count, last = 0, ZERO_HASH
    async for entry in entries_of(log):
        if entry.entry != count + 1 or entry.prev != last or entry_hash(last, entry.said()) != entry.hash:
            return Verified(count, last, entry.entry)
        count, last = entry.entry, entry.hash
    return Verified(count, last, None)
