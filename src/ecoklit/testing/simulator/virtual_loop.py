"""An event loop without time: whoever sleeps is woken at once, in the order of the clocks, and nothing else moves.

It is told to run from inside itself, too: a phone's calls block, so while one waits for its answer the world goes on,
and what falls due meanwhile (other phones' deeds among it) happens before the answer is read.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

HANDLES_MAX: Final = 2_000_000
"""Of one world: more is a loop that never ends."""


class NothingToDo(Exception):
    """Somebody waits for what nobody will ever bring."""


class VirtualLoop(asyncio.AbstractEventLoop):
    """The parts of an event loop that tasks, locks and time-outs use; whatever touches the machine is refused.

    `faults` are what tasks ended with that nobody asked.
    """

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._ready: deque[events.Handle] = deque()
        self._timers: list[tuple[float, int, events.TimerHandle]] = []
        self._count = 0
        self._handled = 0
        self.faults: list[BaseException | str] = []

    # --- time ----------------------------------------------------------------------------------------------------

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.Handle:
        handle = events.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.TimerHandle:
        handle = events.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, handle))
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        pass  # it is passed over when its time comes

    # --- going on ------------------------------------------------------------------------------------------------

    def step(self, until: float | None = None) -> bool:
        """Run the next callback, whose time may have to come first; False when there is none before `until`."""
        while not self._ready:
            if not self._timers or (until is not None and self._timers[0][0] > until):
                if until is not None:
                    self._now = max(self._now, until)
                return False
            when, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled():
                self._now = max(self._now, when)
                self._ready.append(timer)
        handle = self._ready.popleft()
        self._handled += 1
        if self._handled > HANDLES_MAX:
            raise NothingToDo(f"the world did not end within {HANDLES_MAX} callbacks")
        if not handle.cancelled():
            handle._run()
        return True

    def run_until(self, future: asyncio.Future[_T]) -> _T:
        """Go on until `future` is done; its result. Called from callbacks of this very loop too, but from no task."""
        while not future.done():
            if not self.step():
                raise NothingToDo("nothing is left to happen, and somebody still waits")
        return future.result()

    def run_until_complete(self, future: Any) -> Any:
        return self.run_until(asyncio.ensure_future(future, loop=self))

    def pass_time(self, seconds: float) -> None:
        """Go on for so many seconds."""
        end = self._now + seconds
        while self.step(end):
            pass

    def create_task(self, coro: Coroutine[Any, Any, _T], **given: Any) -> asyncio.Task[_T]:  # type: ignore[override]
        return asyncio.Task(coro, loop=self, name=given.get("name"))

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    # --- what asyncio asks ---------------------------------------------------------------------------------------

    def __enter__(self) -> VirtualLoop:
        # Thrown over whatever loop runs outside, as in a test, and taken off again.
        self._outside = events._get_running_loop()
        events._set_running_loop(self)
        return self

    def __exit__(self, *_: object) -> None:
        events._set_running_loop(self._outside)

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.faults.append(context.get("exception") or str(context.get("message")))

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        raise NothingToDo("a thread was asked for: its order would be nobody's")
