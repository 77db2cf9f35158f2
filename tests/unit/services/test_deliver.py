"""How a file of pushes is delivered: in the order of each log, once, and each log by itself."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from ecoklit.core import ids
from ecoklit.core.admission import Refused
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.head import read_head
from ecoklit.core.push_file import lines_of, sign_pushes
from ecoklit.core.receipt import Receipt, sign_receipt
from ecoklit.ports import JournalBusy, ServiceUnavailable
from ecoklit.services import deliver as delivery
from ecoklit.services.deliver import deliver, parcels_of
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection

ELECTION, TPS, AT = "test-2024", "9404012001001", "2024-06-25T09:00:00+09:00"
RECEIPT = Receipt(
    device="a" * 16, election=ELECTION, epoch=1, head="A" * 43, position={}, regency="9404", registry=1, seq=1,
    standings=[],
)  # fmt: skip


def pushes(count: int, name: str = "k", padding: int = 0) -> list[bytes]:
    key = made_up_key(1, name)
    log = DeviceLog(ELECTION, key.device, officer="o", role="kpu", policy="2024-1")
    record = dict.fromkeys(RECORD_FIELDS) | {"name": "x" * padding}
    person = {"salt": ids.to_base64url(bytes(16)), "record": record}
    said = [log.append("listed", tps=TPS, at=AT, source="dp4", person=person) for _ in range(count)]
    return list(sign_pushes(key, ELECTION, said))


class Recorder:
    """A service that takes everything, and remembers it; the first answers are those it is given."""

    def __init__(self, *answers: Exception) -> None:
        self.bodies: list[bytes] = []
        self._answers = list(answers)

    async def push(self, body: bytes) -> bytes:
        if self._answers:
            raise self._answers.pop(0)
        self.bodies.append(body)
        last = lines_of(body)[-1]
        seq = read_head(last).seq if last.startswith(b'{"head"') else 1
        return sign_receipt(made_up_key(1, "service"), replace(RECEIPT, seq=seq)).line


async def test_a_log_is_pushed_in_order_and_once() -> None:
    """Scrambled and doubled pushes arrive in the order of their log, byte for byte as they were signed."""
    log = pushes(2300)
    scrambled = log * 2
    random.Random(1).shuffle(scrambled)
    service, told = Recorder(), [0]
    delivered = await deliver(service, parcels_of(b"".join(scrambled)), told.append)
    assert service.bodies == log and len(log) == 3
    assert [(one.events, one.receipt.seq if one.receipt else 0) for one in delivered] == [(2300, 2300)]
    assert sum(told) == 2300


async def test_what_enrols_goes_first() -> None:
    """A push of registry events alone is brought before the logs of those whom it enrols."""
    registry = b"".join(line + b"\n" for line in MadeUpElection(ELECTION).registry)
    log = pushes(2)
    for data in (b"".join(log) + registry, registry + b"".join(log)):
        service = Recorder()
        parcels = parcels_of(data)
        await deliver(service, parcels)
        assert parcels.unread == []
        assert b"".join(service.bodies) == registry + b"".join(log)


def test_lines_that_no_head_ends_are_named() -> None:
    """A cut file tells which of its lines were not sent; the pushes before the cut are sent."""
    log = pushes(3)[0]
    cut = b"".join(line + b"\n" for line in lines_of(log)[:-1])
    parcels = parcels_of(log + cut + b"nonsense")
    assert [[parcel.body for parcel in of_device] for of_device in parcels.by_device.values()] == [[log]]
    assert [unread.line for unread in parcels.unread] == [5, 6, 7, 8]
    assert parcels_of(b"") == ([], {}, [])
    broken = log.replace(b'"head":{"device":"', b'"head":{"device":"X')
    assert [unread.line for unread in parcels_of(broken).unread] == [4]


async def test_a_busy_service_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A push that met a busy service is sent again, and arrives once."""
    monkeypatch.setattr(delivery, "BUSY_PAUSES_SECONDS", (0.0, 0.0))
    service = Recorder(JournalBusy("wait"), JournalBusy("wait"))
    delivered = await deliver(service, parcels_of(b"".join(pushes(3))))
    assert [one.refusal for one in delivered] == [None]
    assert len(service.bodies) == 1


async def test_a_refused_log_stops_there_and_the_others_go_on() -> None:
    """After a refusal nothing more of that device is sent, and its name is reported."""
    service = Recorder(Refused("gap", "send from 1 on", 1))
    delivered = await deliver(service, parcels_of(b"".join([*pushes(1500), *pushes(2, "z")])))
    assert sorted(one.refusal or "" for one in delivered) == ["", "gap"]
    assert len(service.bodies) == 1


async def test_a_service_that_is_away_is_one_error() -> None:
    """However many logs fail, the caller gets the service's own error, not a group of them."""
    away = [ServiceUnavailable("start it") for _ in range(10)]
    with pytest.raises(ServiceUnavailable):
        await deliver(Recorder(*away), parcels_of(b"".join(push for name in "abc" for push in pushes(1, name))))
