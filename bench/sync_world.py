"""What the sync benches send: one list and the phones that visit it, everything signed before the clock runs.

An office lists the voters of Mimika; each device then visits its share of them, as in `visits.py`. Shares are as large
as asked, so that a log can fill a push of any size. Everything follows from the seed, and every system that is
compared is given the same events in the same pushes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from typing import NamedTuple

import visits

from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.head import sign_head
from ecoklit.core.push_file import write_push
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held
from ecoklit.testing import mimika
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection

SEED = 2024
ELECTION = visits.ELECTION
REGENCY = mimika.REGENCY


class Log(NamedTuple):
    """One device's log, and the key that signs its heads."""

    key: Key
    held: list[Held]

    @property
    def device(self) -> str:
        return self.key.device

    @property
    def officer(self) -> str:
        event = self.held[0].event
        assert event is not None
        return event.officer

    def first(self, events: int) -> Log:
        """The beginning of the log, of so many events."""
        return Log(self.key, self.held[:events])

    def parts(self, events: int) -> Iterator[Sequence[Held]]:
        """The log in pushes of so many events; the last may be shorter."""
        for first in range(0, len(self.held), events):
            yield self.held[first : first + events]

    def pushes(self, events: int) -> list[bytes]:
        return [write(self.key, part) for part in self.parts(events)]


def write(key: Key, part: Sequence[Held]) -> bytes:
    """One push body, ended by its signed head (SPEC §7.1)."""
    return write_push([one.line for one in part], sign_head(key, ELECTION, part[-1].seq, part[-1].hash))


class World(NamedTuple):
    """The office's log, which goes into the journal first, and the logs of the devices that visit."""

    office: Log
    devices: list[Log]

    def enrol(self, election: MadeUpElection) -> None:
        """Give everybody here the rights that they use: the office the regency, a device each TPS that it visits."""
        election.assign(self.office.key, self.office.officer, "kpu", REGENCY)
        for log in self.devices:
            for tps in sorted({held.tps for held in log.held}):
                election.assign(log.key, log.officer, "pantarlih", tps)


def make(devices: int, voters_each: int, nth: int = 0) -> World:
    """`devices` logs, each about `voters_each` voters: 1.13 events a voter. Worlds of another `nth` share none."""
    random = Random(f"{SEED}-{nth}")
    office = _log(f"kpu-mimika-{nth:02}", "kpu")
    births: list[Held] = []
    logs: list[Log] = []
    people = _people(nth)
    for place in range(devices):
        share = [visits._list(office, tps, person, random) for tps, person in islice(people, voters_each)]
        births += share
        phone = _log(f"p-{nth}-{place:05}", "pantarlih")
        logs.append(Log(made_up_key(SEED, phone.officer), list(_visit_all(phone, share, random))))
    return World(Log(made_up_key(SEED, office.officer), births), logs)


def _people(nth: int) -> Iterator[tuple[str, mimika.MadeUp]]:
    """People without end: when the regency has been told, it is told again, and others have the same names."""
    places = mimika.polling_places()
    while True:
        first = nth * 100 % len(places)
        for tps in (*places[first:], *places[:first]):
            for person in mimika.people(tps.code):
                yield tps.code, person


def _visit_all(phone: DeviceLog, share: list[Held], random: Random) -> Iterator[Held]:
    weights, deeds = zip(*visits.DEEDS, strict=True)
    for birth in share:
        held = [birth]
        for deed in random.choices(deeds, weights)[0]:
            held.append(visits._visit(phone, held, deed, random))
        yield from held[1:]


def _log(officer: str, role: str) -> DeviceLog:
    device = made_up_key(SEED, officer).device
    assert ids.is_device(device)
    return DeviceLog(ELECTION, device, officer=officer, role=role, policy=visits.POLICY)
