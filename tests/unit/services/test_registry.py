"""The service's live registry: how old it may be, who reads it, and what happens when two write it."""

from __future__ import annotations

import asyncio

import pytest

from ecoklit.core.registry_event import read_line
from ecoklit.errors import EcoklitError
from ecoklit.ports import JournalUnavailable
from ecoklit.services import registry as registrars
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

ELECTION, REGENCY, TPS, AT = "test-2024", "9404", "9404012001001", "2024-06-25T09:00:00+09:00"


@pytest.fixture
def made_up() -> MadeUpElection:
    made_up = MadeUpElection(ELECTION, REGENCY)
    made_up.device("kpu")
    return made_up


@pytest.fixture
def journal() -> MemoryRegistryJournal:
    return MemoryRegistryJournal()


async def test_many_pushes_read_the_registry_once(made_up: MadeUpElection, journal: MemoryRegistryJournal) -> None:
    """However many ask at once, and again within the second, the journal is read for one of them."""
    await made_up.store(journal)
    registrar = made_up.registrar(journal)
    seen = await asyncio.gather(*(registrar.current() for _ in range(50)))
    assert {registry.position for registry in seen} == {3}
    reads = journal.reads
    await registrar.current()
    assert journal.reads == reads == 2, "once for the lines and once for their end"


async def test_what_others_stored_is_known_in_a_second(
    made_up: MadeUpElection, journal: MemoryRegistryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revocation stored through another gateway is seen by the next push after a second, and at once when asked."""
    await made_up.store(journal)
    registrar = made_up.registrar(journal)
    device = made_up.lines[1].event.enrolled  # type: ignore[union-attr]
    assert not (await registrar.current()).is_revoked(device)
    made_up.say(made_up.root, "revoked", revoked=device, from_seq=1)
    await made_up.store(journal)
    assert not (await registrar.current()).is_revoked(device)
    monkeypatch.setattr(registrars, "FRESH_SECONDS", 0.0)
    assert (await registrar.current()).is_revoked(device)
    assert registrars.FRESH_SECONDS <= 10


async def test_a_registry_of_another_root_is_refused(made_up: MadeUpElection, journal: MemoryRegistryJournal) -> None:
    """A service that was told of one root key does not obey a registry under another."""
    await MadeUpElection(ELECTION, REGENCY, seed=2).store(journal)
    with pytest.raises(EcoklitError) as refused:
        await made_up.registrar(journal).current()
    assert refused.value.code == "other_root"


async def test_an_answer_that_got_lost_is_found_again(made_up: MadeUpElection, journal: MemoryRegistryJournal) -> None:
    """Lines that were stored and reported failed are held once when they are sent again."""
    registrar = made_up.registrar(journal)
    for fault in ("refused", "applied"):
        journal.fail_next(fault)
        with pytest.raises(JournalUnavailable):
            await registrar.admit(made_up.lines)
    assert (await registrar.admit(made_up.lines)).seq == 3
    assert [message.payload for message in await journal.read(0, 10)] == made_up.registry


async def test_gateways_that_bring_one_log_at_once_store_it_once(
    made_up: MadeUpElection, journal: MemoryRegistryJournal
) -> None:
    """However many bring the same lines, or parts of them, at the same time, each is held once and in order."""
    gateways = [made_up.registrar(journal) for _ in range(4)]
    await gateways[0].admit(made_up.lines[:1])
    held = await asyncio.gather(*(one.admit(made_up.lines[:end]) for one in gateways for end in (1, 2, 3)))
    assert {one.seq for one in held} <= {1, 2, 3}
    assert [message.payload for message in await journal.read(0, 10)] == made_up.registry


async def test_gateways_that_speak_at_once_keep_one_log(
    made_up: MadeUpElection, journal: MemoryRegistryJournal
) -> None:
    """Gateways share the service's key: what they say stands in one chain, and what two say alike stands there once."""
    await made_up.store(journal)
    key = made_up.service
    areas = (REGENCY, TPS[:6], TPS[:10])
    gateways = [made_up.registrar(journal) for _ in (*areas, REGENCY)]
    await asyncio.gather(
        *(
            one.say(key, "window_opened", officer="service", at=AT, area=area)
            for one, area in zip(gateways, (*areas, REGENCY), strict=True)
        )
    )
    lines = [read_line(message.payload) for message in await journal.read(3, 10)]
    assert [(line.device, line.seq) for line in lines] == [(key.device, n) for n in range(1, len(lines) + 1)]
    assert sorted(line.event.area for line in lines) in (  # type: ignore[union-attr]
        sorted(areas),
        sorted([*areas, REGENCY]),  # the fourth came when the first had been read
    )
    registry = await made_up.registrar(journal).current()
    assert [void.name for void in registry.voids] == ["not_entitled"] * len(lines), (
        "a service's key says only who was cloned"
    )


async def test_a_damaged_line_is_listed_and_passed(made_up: MadeUpElection, journal: MemoryRegistryJournal) -> None:
    """Bytes in the registry that are no line do not stop a service: the fold lists them as void."""
    await made_up.store(journal)
    journal._lines.append((made_up.root.device, b"garbage"))
    registry = await made_up.registrar(journal).current()
    assert registry.position == 4 and [void.name for void in registry.voids] == ["malformed"]


async def test_a_broker_that_is_away_is_named(made_up: MadeUpElection, journal: MemoryRegistryJournal) -> None:
    """While the registry cannot be read nothing is judged by an old one."""
    journal.unavailable = True
    with pytest.raises(JournalUnavailable):
        await made_up.registrar(journal).current()
