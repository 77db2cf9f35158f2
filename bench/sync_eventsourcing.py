"""The service to compare with that is written on the `eventsourcing` package: `python bench/sync_eventsourcing.py WAY`.

The same web framework and server, the same bodies and PostgreSQL as its documentation has it, which is durable by
default. It is asked for less than ecoklit: no signature, no chain, no canonical form is checked. Three WAYs, from what
the package's tutorial teaches to the barest that it has:

aggregate  one aggregate for each device, kept in its cache, an event for each wire line, `save` for each push
log        `EventSourcedLog`: as before, but nothing is ever reconstructed
recorder   the lines as they are into `ApplicationRecorder.insert_events`: no object, no transcoding

Its settings come from the environment; POSTGRES_ENABLE_DB_FUNCTIONS must be on: with the other way of inserting, in a
pipeline, a push of 1,000 events never comes back (eventsourcing 9.5.6, psycopg 3.3.9), and smaller ones are no faster.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import AggregateNotFoundError, Application, EventSourcedLog
from eventsourcing.domain import Aggregate, DomainEvent
from eventsourcing.persistence import StoredEvent
from litestar import Litestar, post
from litestar.params import RawBody

from ecoklit.http.serve import served

THREADS = 8
"""Pushes at once: psycopg waits in a thread, and more of them made nothing faster."""

Take = Callable[[bytes], int]


class DeviceAggregate(Aggregate):
    """What one device said, as the package's aggregates are."""

    class Said(Aggregate.Event):
        line: str

        def apply(self, aggregate: Any) -> None:
            aggregate.seq = self.originator_version - 1

    def __init__(self, device: str) -> None:
        self.device = device
        self.seq = 0

    @staticmethod
    def create_id(device: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/devices/{device}")


class Said(DomainEvent):
    line: str


def main() -> None:
    import uvloop

    take = {"aggregate": by_aggregate, "log": by_log, "recorder": by_recorder}[sys.argv[1]]()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(take))


async def serve(take: Take) -> None:
    threads = ThreadPoolExecutor(THREADS)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    @post("/v1/push", status_code=200, request_max_body_size=2_000_000)
    async def push(body: RawBody) -> dict[str, int]:
        return {"last": await asyncio.get_running_loop().run_in_executor(threads, take, body)}

    async with served(Litestar([push], openapi_config=None, logging_config=None), "127.0.0.1", 0) as url:
        print(json.dumps({"service_url": url}), flush=True)
        await stop.wait()


def by_aggregate() -> Take:
    application = Application[UUID](env={"AGGREGATE_CACHE_MAXSIZE": "10000", "DEEPCOPY_FROM_AGGREGATE_CACHE": "n"})

    def take(body: bytes) -> int:
        lines = _lines(body)
        device = json.loads(lines[0])["event"]["device"]
        try:
            aggregate = application.repository.get(DeviceAggregate.create_id(device))
        except AggregateNotFoundError:
            aggregate = DeviceAggregate(device)
        for line in lines:
            aggregate.trigger_event(DeviceAggregate.Said, line=line)
        return _last(application.save(aggregate))

    return take


def by_log() -> Take:
    application = Application[UUID]()

    def take(body: bytes) -> int:
        lines = _lines(body)
        event = json.loads(lines[0])["event"]
        log = EventSourcedLog(application.events, DeviceAggregate.create_id(event["device"]), Said)
        said = [log.trigger_event(event["seq"] + nth, line=line) for nth, line in enumerate(lines)]
        return _last(application.save(*said))

    return take


def by_recorder() -> Take:
    application = Application[UUID]()

    def take(body: bytes) -> int:
        lines = body.splitlines()[:-1]
        event = json.loads(lines[0])["event"]
        device = DeviceAggregate.create_id(event["device"])
        ids = application.recorder.insert_events(
            [StoredEvent(device, event["seq"] + nth, "said", line) for nth, line in enumerate(lines)]
        )
        return ids[-1] if ids else 0

    return take


def _lines(body: bytes) -> list[str]:
    """The events of a push: the signed head that ends it is not looked at."""
    return body.decode().splitlines()[:-1]


def _last(recordings: Any) -> int:
    return int(recordings[-1].notification.id)


if __name__ == "__main__":
    main()
