"""Delivery: a file of pushes of any devices, in any order and with doubles, is brought to the service (SPEC §7.1).

Each push ends with the signed head of its device, so whoever delivers it needs no key. A refusal stops the log of its
device, never the others'. Sending all of it again is always right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from ecoklit.core.admission import Refused
from ecoklit.core.event import Malformed
from ecoklit.core.head import read_head
from ecoklit.core.push_file import kind_of, lines_of, split_pushes
from ecoklit.core.receipt import Receipt, read_receipt
from ecoklit.ports import JournalBusy, Service

DEVICES_AT_ONCE_MAX: Final = 32
"""Enough for group commit to fill its batches, and a small part of what a service takes."""

BUSY_PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)


class Unread(NamedTuple):
    """A line that belongs to no push: its number, from 1, and why. It was not sent."""

    line: int
    why: str


class Parcel(NamedTuple):
    """One push as it is sent: its bytes, the seq of its head (0 without one) and how many events are in it."""

    body: bytes
    seq: int
    events: int


class Delivered(msgspec.Struct, frozen=True):
    """What became of one device's log: the service holds `receipt`'s part of it; `refusal` names why not more.

    `device` is "registry" for what enrols and assigns.
    """

    device: str
    events: int
    receipt: Receipt | None
    refusal: str | None = None
    why: str = ""


class Parcels(NamedTuple):
    """A file's pushes: those of the registry alone, which go first; each device's, in the order of its log; and lines
    that no signed head ends."""

    registry: list[Parcel]
    by_device: dict[str, list[Parcel]]
    unread: list[Unread]


def parcels_of(data: bytes) -> Parcels:
    """The pushes in a file. Of two of the same bytes one is sent."""
    registry: list[Parcel] = []
    by_device: dict[str, list[Parcel]] = {}
    unread: list[Unread] = []
    number = 1
    for body in dict.fromkeys(split_pushes(data)) if data else ():
        lines = lines_of(body)
        kinds = [kind_of(line) for line in lines]
        events = kinds.count("event")
        if kinds[-1] == "head":
            try:
                head = read_head(lines[-1])
                by_device.setdefault(head.device, []).append(Parcel(body, head.seq, events))
            except Malformed as error:
                unread.append(Unread(number + len(lines) - 1, error.message))
        elif set(kinds) == {"registry"}:
            registry.append(Parcel(body, 0, len(lines)))
        else:
            unread += [
                Unread(at, "no signed head ends this push: export it from its device again")
                for at, kind in enumerate(kinds, start=number)
                if kind != "registry"
            ]
        number += len(lines)
    return Parcels(registry, {device: sorted(log, key=_seq) for device, log in by_device.items()}, unread)


async def deliver(
    service: Service, parcels: Parcels, on_delivered: Callable[[int], object] = lambda _: None
) -> list[Delivered]:
    """Push everything; the outcomes by device. `on_delivered` is told how many more events are held.

    Raises ServiceUnavailable and JournalError: then what was not receipted is to be sent again.
    """
    at_once = asyncio.Semaphore(DEVICES_AT_ONCE_MAX)

    async def one(device: str, log: list[Parcel]) -> Delivered:
        async with at_once:
            return await _deliver_log(service, device, log, on_delivered)

    ahead = [await _deliver_log(service, "registry", [parcel], on_delivered) for parcel in parcels.registry]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(device, log)) for device, log in sorted(parcels.by_device.items())]
    except BaseExceptionGroup as failures:
        # A service that is away fails every log in the same way: one of them says it all.
        raise failures.exceptions[0] from None
    return [*ahead, *(task.result() for task in tasks)]


async def _deliver_log(
    service: Service, device: str, log: Sequence[Parcel], on_delivered: Callable[[int], object]
) -> Delivered:
    receipt: Receipt | None = None
    events = sum(parcel.events for parcel in log)
    for parcel in log:
        try:
            receipt = read_receipt(await _push(service, parcel.body)).receipt
        except Refused as error:
            return Delivered(device, events, receipt, error.code, error.message)
        on_delivered(parcel.events)
    return Delivered(device, events, receipt)


async def _push(service: Service, body: bytes) -> bytes:
    for pause in BUSY_PAUSES_SECONDS:
        try:
            return await service.push(body)
        except JournalBusy:
            await asyncio.sleep(pause)
    return await service.push(body)


def _seq(parcel: Parcel) -> int:
    return parcel.seq
