"""Group commit: pushes that arrive while a commit is in flight share the next one (contract §9).

A batch costs the broker the same few fsyncs whatever its size: pushes of two events, each by itself, reach hundreds a
second; fifty of them in one batch, ten thousand.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, NamedTuple

from ecoklit.core.limits import PUSH_EVENTS_MAX
from ecoklit.errors import EcoklitError
from ecoklit.limits import GROUP_BYTES_MAX, WAITING_EVENTS_MAX
from ecoklit.ports import Journal, JournalBusy, JournalUnavailable, Push, Stale, Stored, check_pushes

FAILED_SECONDS: Final = 15.0
"""For so long a service whose last commit failed says so. Then it is to be tried again, or nobody would find out."""

SLOW_SECONDS: Final = 5.0
"""A commit takes milliseconds. A broker with a full disk says nothing at all until its caller gives up."""


class _Waiting(NamedTuple):
    push: Push
    outcome: asyncio.Future[Stored | Stale]


class GroupCommit:
    """One journal's appends, put together. One commit is in flight at a time."""

    def __init__(self, journal: Journal, *, waiting_events_max: int = WAITING_EVENTS_MAX) -> None:
        self._journal = journal
        self._waiting_events_max = waiting_events_max
        self._queue: deque[_Waiting] = deque()
        self._waiting_events = 0
        self._worker: asyncio.Task[None] | None = None
        self._closed = False
        self._failure: EcoklitError | None = None
        self._failed_at = 0.0
        self._committing_since: float | None = None

    def trouble(self) -> str | None:
        """Why nothing is stored now, None while all is well.

        The code that the last commit failed with, within the last `FAILED_SECONDS`; or `journal_unavailable` while the
        one in flight has had no answer for `SLOW_SECONDS`.
        """
        now = asyncio.get_running_loop().time()
        if self._committing_since is not None and now - self._committing_since > SLOW_SECONDS:
            return "journal_unavailable" if self._failure is None else self._failure.code
        if self._failure is not None and now - self._failed_at < FAILED_SECONDS:
            return self._failure.code
        return None

    async def submit(self, push: Push) -> Stored | Stale:
        """Store one push, whole or not at all; durable on return, as `Journal.append` promises.

        Pushes of one device are appended in the order in which they were submitted. Raises JournalBusy (nothing stored:
        wait and send it again) and what `append` raises; ValueError for a push that no append would take. When the
        caller is cancelled while its push waits, nothing is stored; once its commit is under way, it may be.
        """
        check_pushes([push])
        if self._closed:
            raise JournalUnavailable("The service is stopping: send this again when it is back.")
        if self._queue and self._waiting_events + _weight(push) > self._waiting_events_max:
            raise JournalBusy(
                "More events are waiting than the journal can take: wait a few seconds, then send this again."
            )
        waiting = _Waiting(push, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._waiting_events += _weight(push)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name="group-commit")
        return await waiting.outcome

    async def close(self) -> None:
        """Take no more, and wait until everything that waits has its outcome."""
        self._closed = True
        if self._worker is not None:
            await asyncio.wait({self._worker})

    async def _work(self) -> None:
        while group := self._next_group():
            self._committing_since = asyncio.get_running_loop().time()
            try:
                outcomes = await self._journal.append([waiting.push for waiting in group])
            except asyncio.CancelledError:
                _fail([*group, *self._queue], JournalUnavailable("The service was stopped: send this again."))
                raise
            except Exception as failure:
                if isinstance(failure, EcoklitError):
                    self._failure, self._failed_at = failure, asyncio.get_running_loop().time()
                _fail(group, failure)
            else:
                self._failure = None
                for waiting, outcome in zip(group, outcomes, strict=True):
                    if not waiting.outcome.done():
                        waiting.outcome.set_result(outcome)
            finally:
                self._committing_since = None

    def _next_group(self) -> list[_Waiting]:
        """Take from the queue, oldest first, what one append can hold: no two pushes of one device, no push split."""
        group: list[_Waiting] = []
        passed_over: list[_Waiting] = []
        devices: set[str] = set()
        events = persons = size = 0
        while self._queue:
            waiting = self._queue.popleft()
            push = waiting.push
            if waiting.outcome.done():  # its caller gave up
                self._waiting_events -= _weight(push)
                continue
            if push.device in devices:
                passed_over.append(waiting)
                continue
            events += len(push.events)
            persons += len(push.persons)
            size += _size(push)
            if group and (max(events, persons) > PUSH_EVENTS_MAX or size > GROUP_BYTES_MAX):
                passed_over.append(waiting)
                break
            devices.add(push.device)
            group.append(waiting)
            self._waiting_events -= _weight(push)
        self._queue.extendleft(reversed(passed_over))
        return group


def _weight(push: Push) -> int:
    return max(len(push.events), len(push.persons), 1)


def _size(push: Push) -> int:
    return sum(map(len, push.events)) + sum(len(payload) for _, payload in push.persons)


def _fail(group: list[_Waiting], failure: Exception) -> None:
    for waiting in group:
        if not waiting.outcome.done():
            waiting.outcome.set_exception(failure)
