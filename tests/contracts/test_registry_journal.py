"""What every journal of a registry promises (ecoklit.ports.RegistryJournal), real and in memory alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.jetstream_registry import JetStreamRegistry
from ecoklit.core.registry_event import RegistryLog, SignedRegistry
from ecoklit.ports import RegistryHead, RegistryJournal, RegistryMessage, Stale, Stored
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

ELECTION, REGENCY, AT = "pilkada-2024", "9404", "2024-06-20T08:00:00+09:00"
_ELECTIONS = count(1)


@pytest_asyncio.fixture(params=["memory", "jetstream"], loop_scope="session")
async def journal(request: pytest.FixtureRequest, nats_server: EmbeddedNats) -> AsyncIterator[RegistryJournal]:
    if request.param == "memory":
        yield MemoryRegistryJournal()
        return
    async with await JetStreamRegistry.open(
        nats_server.url,
        election=f"registry-{next(_ELECTIONS)}",
        regency=REGENCY,
        monitor_url=nats_server.monitor_url,
    ) as opened:
        yield opened


def log_of(name: str) -> RegistryLog:
    return RegistryLog(made_up_key(1, name), election=ELECTION, regency=REGENCY, officer=name, role="kpu")


def take(log: RegistryLog, number: int) -> list[SignedRegistry]:
    return [log.append("window_opened", area=REGENCY, at=AT) for _ in range(number)]


def lines(signed: list[SignedRegistry]) -> list[bytes]:
    return [one.line for one in signed]


async def test_empty(journal: RegistryJournal) -> None:
    """An empty registry has no head, nothing to read and the position before the first."""
    assert isinstance(journal, RegistryJournal)
    assert await journal.head(made_up_key(1, "kpu").device) is None
    assert await journal.read(0, 10) == []
    assert await journal.last() == 0


async def test_append_and_read(journal: RegistryJournal) -> None:
    """What was stored is read back byte for byte, in one order over all devices, and each device's head is its last."""
    kpu, pps = log_of("kpu"), log_of("pps")
    first, second, third = take(kpu, 2), take(pps, 1), take(kpu, 1)
    assert await journal.append(kpu.key.device, 0, lines(first)) == Stored(1, 2)
    assert await journal.append(pps.key.device, 0, lines(second)) == Stored(3, 3)
    assert await journal.append(kpu.key.device, 2, lines(third)) == Stored(4, 4)
    held = [*first, *second, *third]
    assert await journal.read(0, 10) == [
        RegistryMessage(position, one.device, one.line) for position, one in enumerate(held, start=1)
    ]
    assert await journal.read(2, 1) == [RegistryMessage(3, pps.key.device, second[0].line)]
    assert await journal.read(4, 10) == await journal.read(9, 10) == []
    assert await journal.last() == 4
    assert await journal.head(kpu.key.device) == RegistryHead(3, third[0].hash, 4)
    assert await journal.head(pps.key.device) == RegistryHead(1, second[0].hash, 3)


async def test_a_log_out_of_its_place_is_stale(journal: RegistryJournal) -> None:
    """Lines whose device is not where they expect it store nothing."""
    log = log_of("kpu")
    first, second = take(log, 2), take(log, 1)
    await journal.append(log.key.device, 0, lines(first))
    for after in (0, 1, 3):
        assert await journal.append(log.key.device, after, lines(second)) == Stale()
    assert await journal.last() == 2


async def test_what_is_appended_again_stands_there_once(journal: RegistryJournal) -> None:
    """The same append again is answered as before, or as stale, and changes nothing."""
    log = log_of("kpu")
    signed = lines(take(log, 3))
    assert await journal.append(log.key.device, 0, signed) == Stored(1, 3)
    assert await journal.append(log.key.device, 0, signed) == Stored(1, 3)
    assert await journal.append(log.key.device, 0, signed[:2]) == Stale()
    assert await journal.last() == 3


async def test_two_writers_of_one_log(journal: RegistryJournal) -> None:
    """When two bring the same log at once it is stored once and without a gap."""
    log = log_of("kpu")
    signed = take(log, 20)

    async def write(portion: int) -> None:
        while (head := await journal.head(log.key.device)) is None or head.seq < len(signed):
            seq, sequence = (head.seq, head.sequence) if head else (0, 0)
            await journal.append(log.key.device, sequence, lines(signed[seq : seq + portion]))

    await asyncio.gather(write(3), write(5), write(1))
    assert [message.payload for message in await journal.read(0, 100)] == lines(signed)


async def test_refuses_what_no_append_takes(journal: RegistryJournal) -> None:
    """A device that would be another's subject, and a line of no bytes, are refused before anything is stored."""
    for device, line in (("*", b"x"), ("a.b", b"x"), (made_up_key(1, "kpu").device, b"")):
        with pytest.raises(ValueError):
            await journal.append(device, 0, [line])
    assert await journal.last() == 0
