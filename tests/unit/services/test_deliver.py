"""How lines of many devices become pushes."""

from __future__ import annotations

import random

import pytest

from ecoklit.core import ids
from ecoklit.core.admission import Refused
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.limits import PUSH_BYTES_MAX, PUSH_EVENTS_MAX
from ecoklit.core.wire import Held
from ecoklit.ports import JournalBusy, Receipt, ServiceUnavailable
from ecoklit.services import deliver as delivery
from ecoklit.services.deliver import deliver, logs_of

TPS = "9404012001001"
AT = "2024-06-25T09:00:00+09:00"


def births(count: int, name: str = "k", padding: int = 0) -> list[Held]:
    log = DeviceLog("test-2024", ids.device_id("ed25519", name.encode() * 32), officer="o", role="kpu", policy="2024-1")
    record = dict.fromkeys(RECORD_FIELDS) | {"name": "x" * padding}
    person = {"salt": ids.to_base64url(bytes(16)), "record": record}
    return [log.append("listed", tps=TPS, at=AT, source="dp4", person=person) for _ in range(count)]


class Recorder:
    """A service that takes everything, and remembers it; the first answers are those it is given."""

    def __init__(self, *answers: Exception) -> None:
        self.bodies: list[bytes] = []
        self._answers = list(answers)

    async def push(self, body: bytes) -> Receipt:
        if self._answers:
            raise self._answers.pop(0)
        self.bodies.append(body)
        return Receipt("test-2024", 1, "d", len(body.splitlines()), "h", {})


async def test_a_log_is_pushed_in_order_once_and_within_bounds() -> None:
    """Scrambled and doubled lines arrive in the order of their seq, once, in pushes within the contract's bounds."""
    log = births(2300)
    lines = [held.line for held in log] * 2
    random.Random(1).shuffle(lines)
    service = Recorder()
    await deliver(service, logs_of(lines))
    assert b"".join(service.bodies).splitlines() == [held.line for held in log]
    assert max(len(body.splitlines()) for body in service.bodies) <= PUSH_EVENTS_MAX


async def test_large_events_make_small_pushes() -> None:
    """Bytes bound a push as well as events do."""
    service = Recorder()
    await deliver(service, logs_of([held.line for held in births(120, padding=15_000)]))
    assert len(service.bodies) > 1
    assert max(map(len, service.bodies)) <= PUSH_BYTES_MAX


def test_of_two_copies_the_one_with_its_person_is_kept() -> None:
    """A copy without its person never replaces one that has it, in whichever order they come."""
    held = births(1)[0]
    bare = b'{"event":%b}' % held.event_bytes
    for lines in ([held.line, bare], [bare, held.line]):
        assert logs_of(lines).by_device[held.device][0].person_bytes == held.person_bytes


async def test_a_busy_service_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A push that met a busy service is sent again, and arrives once."""
    monkeypatch.setattr(delivery, "BUSY_PAUSES_SECONDS", (0.0, 0.0))
    service = Recorder(JournalBusy("wait"), JournalBusy("wait"))
    delivered = await deliver(service, logs_of([held.line for held in births(3)]))
    assert [one.refusal for one in delivered] == [None]
    assert len(service.bodies) == 1


async def test_a_refused_log_stops_there_and_the_others_go_on() -> None:
    """After a refusal nothing more of that device is sent, and its name is reported."""
    service = Recorder(Refused("gap", "send from 1 on", 1))
    lines = [held.line for held in births(1500)] + [held.line for held in births(2, "z")]
    delivered = await deliver(service, logs_of(lines))
    assert sorted(one.refusal or "" for one in delivered) == ["", "gap"]
    assert len(service.bodies) == 1


async def test_a_service_that_is_away_is_one_error() -> None:
    """However many logs fail, the caller gets the service's own error, not a group of them."""
    away = [ServiceUnavailable("start it") for _ in range(10)]
    lines = [held.line for name in "abc" for held in births(1, name)]
    with pytest.raises(ServiceUnavailable):
        await deliver(Recorder(*away), logs_of(lines))
