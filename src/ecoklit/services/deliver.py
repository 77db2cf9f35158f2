"""Delivery: wire lines of any devices, in any order and with doubles, become pushes, and every push its outcome.

A refusal stops the log of its device, never the others'. Sending all of it again is always right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from ecoklit.core import wire
from ecoklit.core.admission import Refused
from ecoklit.core.event import Malformed
from ecoklit.core.wire import Held
from ecoklit.ports import JournalBusy, Receipt, Service
from ecoklit.services.listing import batches

DEVICES_AT_ONCE_MAX: Final = 32
"""Enough for group commit to fill its batches, and a small part of what a service takes."""

BUSY_PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)


class Unread(NamedTuple):
    """A line that is nobody's event: its number, from 1, and why. It was not sent."""

    line: int
    why: str


class Delivered(msgspec.Struct, frozen=True):
    """What became of one device's log: the service holds `receipt`'s part of it; `refusal` names why not more."""

    device: str
    events: int
    receipt: Receipt | None
    refusal: str | None = None
    why: str = ""


class Logs(NamedTuple):
    """Wire lines by device, each device's in the order of its seq; and the lines that nobody wrote."""

    by_device: dict[str, list[Held]]
    unread: list[Unread]


def logs_of(lines: Iterable[bytes]) -> Logs:
    """The logs in `lines`. Of two copies of an event the one with its person stays."""
    copies: dict[str, dict[bytes, Held]] = {}
    unread = []
    for number, line in enumerate(lines, start=1):
        try:
            held = wire.read(line)
        except Malformed as error:
            unread.append(Unread(number, error.message))
            continue
        of_device = copies.setdefault(held.device, {})
        known = of_device.get(held.hash)
        if known is None or known.person_bytes is None:
            of_device[held.hash] = held
    return Logs({device: _in_order(held) for device, held in copies.items()}, unread)


async def deliver(
    service: Service, logs: Logs, on_delivered: Callable[[int], object] = lambda _: None
) -> list[Delivered]:
    """Push every log; the outcomes by device. `on_delivered` is told how many more events are held.

    Raises ServiceUnavailable and JournalError: then what was not receipted is to be sent again.
    """
    at_once = asyncio.Semaphore(DEVICES_AT_ONCE_MAX)

    async def one(device: str, log: list[Held]) -> Delivered:
        async with at_once:
            return await _deliver_log(service, device, log, on_delivered)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(device, log)) for device, log in sorted(logs.by_device.items())]
    except BaseExceptionGroup as failures:
        # A service that is away fails every log in the same way: one of them says it all.
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _deliver_log(
    service: Service, device: str, log: list[Held], on_delivered: Callable[[int], object]
) -> Delivered:
    receipt: Receipt | None = None
    for pushed in _pushes(log):
        try:
            receipt = await _push(service, b"".join(line + b"\n" for line in pushed))
        except Refused as error:
            return Delivered(device, len(log), receipt, error.code, error.message)
        on_delivered(len(pushed))
    return Delivered(device, len(log), receipt)


async def _push(service: Service, body: bytes) -> Receipt:
    for pause in BUSY_PAUSES_SECONDS:
        try:
            return await service.push(body)
        except JournalBusy:
            await asyncio.sleep(pause)
    return await service.push(body)


def _in_order(copies: dict[bytes, Held]) -> list[Held]:
    return sorted(copies.values(), key=lambda held: held.seq)


def _pushes(log: list[Held]) -> Iterator[list[bytes]]:
    """The log in pushes. A second event with one seq goes by itself, last, and is refused by name."""
    first_of_seq: dict[int, Held] = {}
    forks = []
    for held in log:
        if first_of_seq.setdefault(held.seq, held) is not held:
            forks.append(held)
    yield from batches(held.line for held in first_of_seq.values())
    for held in forks:
        yield [held.line]
