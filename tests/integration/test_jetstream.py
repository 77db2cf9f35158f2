"""The journal on the real broker, when things go wrong."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client

from ecoklit.adapters import jetstream, jetstream_logs
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.ports import (
    JournalBusy,
    JournalError,
    JournalFull,
    JournalHole,
    JournalUnavailable,
    JournalUnsafe,
    Push,
    Stale,
    Stored,
)
from ecoklit.services.group_commit import GroupCommit
from ecoklit.testing.cutting_proxy import CuttingProxy
from ecoklit.testing.opaque_log import OpaqueLog, device_name

_ELECTIONS = count(1)


@pytest.fixture
def election() -> str:
    return f"jetstream-{next(_ELECTIONS)}"


@pytest_asyncio.fixture(loop_scope="session")
async def own_server(tmp_path: Path) -> AsyncIterator[EmbeddedNats]:
    """A server that a test may kill."""
    async with await EmbeddedNats.start(tmp_path / "nats") as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def client(nats_server: EmbeddedNats) -> AsyncIterator[Client]:
    connected = await nats.connect(nats_server.url)
    yield connected
    await connected.close()


async def _open(server: EmbeddedNats, election: str, **options: Any) -> JetStreamJournal:
    options = {"url": server.url, "monitor_url": server.monitor_url, **options}
    return await JetStreamJournal.open(options.pop("url"), election=election, regency="9404", **options)


async def _again(server: EmbeddedNats) -> EmbeddedNats:
    """The same server, started again where it was."""
    port, monitor_port = (int(url.rpartition(":")[2]) for url in (server.url, server.monitor_url))
    return await EmbeddedNats.start(server.folder, port=port, monitor_port=monitor_port)


async def _ask(client: Client, subject: str, query: object) -> dict[str, Any]:
    reply = await client.request(subject, msgspec.json.encode(query), timeout=5)
    answer: dict[str, Any] = msgspec.json.decode(reply.data)
    return answer


# --- opening ---------------------------------------------------------------------------------------------------------


async def test_refuses_a_broker_that_does_not_fsync(tmp_path: Path, election: str) -> None:
    """A broker with the default sync interval is not durable, and nothing is opened on it unless that is allowed."""
    async with await EmbeddedNats.start(tmp_path, sync_always=False) as server:
        with pytest.raises(JournalUnsafe, match="sync_interval: always"):
            await _open(server, election)
        async with await _open(server, election, allow_unsafe=True) as journal:
            assert await journal.append([OpaqueLog(device_name(0)).push(1, 0)]) == [Stored(1, 1)]


async def test_refuses_a_broker_whose_fsync_cannot_be_seen(nats_server: EmbeddedNats, election: str) -> None:
    """Without the monitoring port nobody knows; with a wrong address nobody answers."""
    with pytest.raises(JournalUnsafe, match="give the address of its monitoring port"):
        await _open(nats_server, election, monitor_url=None)
    with pytest.raises(JournalUnavailable, match="monitoring port does not answer"):
        await _open(nats_server, election, monitor_url="http://127.0.0.1:9")


async def test_refuses_the_monitoring_port_of_another_broker(
    nats_server: EmbeddedNats, own_server: EmbeddedNats, election: str
) -> None:
    """A durable broker cannot vouch for another one."""
    with pytest.raises(JournalUnsafe, match="belongs to another broker"):
        await _open(nats_server, election, monitor_url=own_server.monitor_url)


async def test_refuses_an_old_broker(nats_server: EmbeddedNats, election: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker without atomic batches is refused by its version."""
    monkeypatch.setattr(jetstream_logs, "SERVER_VERSION_MIN", (99, 0))
    with pytest.raises(JournalUnsafe, match="has no atomic batches"):
        await _open(nats_server, election)


@pytest.mark.parametrize(
    ("kind", "difference", "says"),
    [
        ("", {"compression": "s2"}, "compression"),
        ("", {"deny_delete": False}, "deny_delete"),
        ("", {"deny_purge": False}, "deny_purge"),
        ("", {"discard": "old"}, "discard"),
        ("", {"max_age": 3600_000_000_000}, "max_age"),
        ("", {"max_msgs_per_subject": 10}, "max_msgs_per_subject"),
        ("", {"retention": "interest"}, "retention"),
        ("", {"allow_atomic": False}, "allow_atomic"),
        ("", {"no_ack": True, "allow_atomic": False}, "no_ack"),
        ("", {"persist_mode": "async", "allow_atomic": False}, "allow_atomic"),
        ("-persons", {"deny_delete": True}, "deny_delete"),
        ("-persons", {"max_msgs": 5}, "max_msgs"),
    ],
)
async def test_refuses_a_stream_that_could_lose(
    nats_server: EmbeddedNats, client: Client, election: str, kind: str, difference: dict[str, object], says: str
) -> None:
    """A stream that was made otherwise, so that it may lose what it acknowledged, is refused by what is wrong."""
    async with await _open(nats_server, election):
        pass
    name = f"ECOKLIT-{election}-9404{kind}"
    good = (await _ask(client, f"$JS.API.STREAM.INFO.{name}", {}))["config"]
    assert "error" not in await _ask(client, f"$JS.API.STREAM.DELETE.{name}", {})
    made = await _ask(client, f"$JS.API.STREAM.CREATE.{name}", {**good, "metadata": {}, **difference})
    assert "error" not in made, made
    with pytest.raises(JournalUnsafe, match=says):
        await _open(nats_server, election)


async def test_opening_again_keeps_what_is_there(nats_server: EmbeddedNats, election: str) -> None:
    """Opening is not making: what was stored is still there."""
    async with await _open(nats_server, election) as journal:
        await journal.append([OpaqueLog(device_name(0)).push(2, 0)])
    async with await _open(nats_server, election) as journal:
        assert len(await journal.read_events(0, 10)) == 2


@pytest.mark.parametrize(
    ("name", "regency"), [("Pilkada", "9404"), ("a.b", "9404"), ("", "9404"), ("a", "94"), ("a", "*")]
)
async def test_refuses_names_that_are_subjects(nats_server: EmbeddedNats, name: str, regency: str) -> None:
    """An election or a regency that is no plain word never becomes part of a subject."""
    with pytest.raises(ValueError, match="not the"):
        await JetStreamJournal.open(nats_server.url, election=name, regency=regency, allow_unsafe=True)


async def test_broker_down_at_start(election: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker: one sentence that says where it was looked for, and never the password."""
    monkeypatch.setattr(jetstream_logs, "CONNECT_SECONDS_MAX", 0.5)
    with pytest.raises(JournalUnavailable, match=r"No broker answers at 127\.0\.0\.1:9: start it") as refused:
        await JetStreamJournal.open("nats://someone:secret@127.0.0.1:9", election=election, regency="9404")
    assert "secret" not in refused.value.message


# --- what the broker itself refuses ----------------------------------------------------------------------------------


async def test_events_cannot_be_deleted_and_persons_can(
    nats_server: EmbeddedNats, client: Client, election: str
) -> None:
    """Nothing is deleted from the events; an erasure deletes a person, and the others are still read."""
    async with await _open(nats_server, election) as journal:
        await journal.append([OpaqueLog(device_name(0)).push(3, 0, persons=True)])
        events, persons = f"ECOKLIT-{election}-9404", f"ECOKLIT-{election}-9404-persons"
        assert "error" in await _ask(client, f"$JS.API.STREAM.MSG.DELETE.{events}", {"seq": 2})
        assert "error" in await _ask(client, f"$JS.API.STREAM.PURGE.{events}", {})
        assert "error" in await _ask(client, f"$JS.API.STREAM.PURGE.{persons}", {})
        assert (await _ask(client, f"$JS.API.STREAM.MSG.DELETE.{persons}", {"seq": 2}))["success"]
        assert [m.sequence for m in await journal.read_events(0, 10)] == [1, 2, 3]
        assert [m.sequence for m in await journal.read_persons(0, 10)] == [1, 3]
        assert await journal.persons_held(device_name(0), [(2, b'{"salt":"2"}')]) == frozenset()


# --- bounded work ----------------------------------------------------------------------------------------------------


async def test_many_stale_pushes_cost_one_more_batch(
    nats_server: EmbeddedNats, election: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One refusal settles all stale pushes of a batch at once: 400 of them do not make 400 refusals."""
    async with await _open(nats_server, election) as journal:
        logs = [OpaqueLog(device_name(n)) for n in range(500)]
        await journal.append([log.push(1, 0) for log in logs[:400]])
        commits = 0
        commit = JetStreamJournal._commit

        async def counting(self: JetStreamJournal, messages: Any) -> int:
            nonlocal commits
            commits += 1
            return await commit(self, messages)

        monkeypatch.setattr(JetStreamJournal, "_commit", counting)
        outcomes = await journal.append([log.push(2, 0) for log in logs])
        assert [type(outcome) for outcome in outcomes] == [Stale] * 400 + [Stored] * 100
        assert commits == 2


async def test_busy(nats_server: EmbeddedNats, election: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More appends at once than may wait are refused, and those that were taken are stored."""
    monkeypatch.setattr(jetstream, "APPENDS_WAITING_MAX", 4)
    async with await _open(nats_server, election) as journal:
        appends = [journal.append([OpaqueLog(device_name(n)).push(1, 0)]) for n in range(10)]
        outcomes = await asyncio.gather(*appends, return_exceptions=True)
        assert [isinstance(outcome, JournalBusy) for outcome in outcomes] == [False] * 4 + [True] * 6
        assert (await journal.last()).events == 4


async def test_full(tmp_path: Path, election: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full store refuses, keeps what it acknowledged, and takes the rest when there is room.

    A broker that runs out of room in the middle of a batch gives no answer and keeps the beginning of it, until it is
    restarted with room: then it stores the rest by itself. The log is gapless all the time, and the head tells.
    """
    monkeypatch.setattr(jetstream_logs, "COMMIT_SECONDS_MAX", 1.0)
    log, acknowledged = OpaqueLog(device_name(0), event_bytes=2000), 0
    events = OpaqueLog(log.device, event_bytes=2000).take(1000)
    async with (
        await EmbeddedNats.start(tmp_path, store_bytes_max=400_000) as server,
        await _open(server, election) as journal,
    ):
        with pytest.raises(JournalFull, match="make room"):
            while True:
                head = await journal.head(log.device)
                held = head.seq if head else 0
                outcome = (await journal.append([Push(log.device, held, events[held : held + 20])]))[0]
                if isinstance(outcome, Stored):
                    acknowledged = outcome.last
        read = await journal.read_events(0, 1000)
        assert 0 < acknowledged <= len(read) < 250
        assert [m.payload for m in read] == list(events[: len(read)])
    async with await EmbeddedNats.start(tmp_path) as server, await _open(server, election) as journal:
        head = await journal.head(log.device)
        assert head is not None and head.seq >= len(read)
        assert await journal.append([Push(log.device, head.seq, events[head.seq : 300])]) == [Stored(head.seq + 1, 300)]
        assert [m.payload for m in await journal.read_events(0, 1000)] == list(events[:300])


# --- answers lost, brokers killed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_a_lost_answer_doubles_nothing(
    nats_server: EmbeddedNats, election: str, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit whose answer is lost is found again: stored once, answered Stored, with its persons.

    It is the cut that tells, not a time-out: here the time-out is longer than the test may last.
    """
    monkeypatch.setattr(jetstream_logs, "COMMIT_SECONDS_MAX", 3600.0)
    async with (
        asyncio.timeout(60),
        CuttingProxy(int(nats_server.url.rpartition(":")[2])) as proxy,
        await _open(nats_server, election, url=proxy.url) as journal,
    ):
        log, other = OpaqueLog(device_name(0)), OpaqueLog(device_name(1))
        await journal.append([log.push(2, 0)])
        proxy.lose_answer_with(*[b'"batch":'] * lost)
        pushes = [log.push(50, 2, persons=True), other.push(3, 0)]
        assert await journal.append(pushes) == [Stored(3, 52), Stored(53, 55)]
        assert proxy.cuts >= 1
        assert await journal.persons_held(log.device, pushes[0].persons) == frozenset(range(3, 53))
        read = await journal.read_events(0, 100)
        assert [m.payload for m in read] == [*OpaqueLog(log.device).take(52), *pushes[1].events]


async def test_a_read_outlives_its_connection(nats_server: EmbeddedNats, election: str) -> None:
    """A connection that is cut while it is read from costs nothing but time."""
    async with (
        CuttingProxy(int(nats_server.url.rpartition(":")[2])) as proxy,
        await _open(nats_server, election, url=proxy.url) as journal,
    ):
        log = OpaqueLog(device_name(0))
        for n in range(4):
            await journal.append([log.push(1000, n * 1000)])
        # The first messages of a read come directly, the rest by a consumer, with the sequence in the reply.
        proxy.lose_answer_with(b".1.700.", b"Nats-Sequence: 2100\r\n")
        read = 0
        while events := await journal.read_events(read, 1000):
            assert [m.sequence for m in events] == list(range(read + 1, read + len(events) + 1))
            read += len(events)
        assert (read, proxy.cuts) == (4000, 2)


async def test_broker_dies_and_stays_away(own_server: EmbeddedNats, election: str) -> None:
    """Every call ends in one sentence, soon, and the journal works again when the broker does."""
    journal = await _open(own_server, election, answer_seconds_max=0.5)
    log = OpaqueLog(device_name(0))
    await journal.append([log.push(1, 0)])
    await own_server.kill()
    push = log.push(1, 1, persons=True)
    for call in (
        journal.append([push]),
        journal.head(log.device),
        journal.read_events(0, 10),
        journal.read_persons(0, 10),
        journal.last(),
    ):
        with pytest.raises(
            JournalUnavailable, match="see that it runs and that its disk has room, then send this again"
        ):
            await call
    async with await _again(own_server):
        await _until_reconnected(journal)
        assert await journal.append([push]) == [Stored(2, 2)]
        await journal.close()
        with pytest.raises(JournalUnavailable, match="closed"):
            await journal.append([log.push(1, 2)])


async def test_a_broker_that_comes_back_without_fsync_is_refused(own_server: EmbeddedNats, election: str) -> None:
    """A restart with another configuration is noticed before anything more is acknowledged."""
    async with await _open(own_server, election) as journal:
        log = OpaqueLog(device_name(0))
        await journal.append([log.push(1, 0)])
        await own_server.stop()
        port, monitor_port = (int(url.rpartition(":")[2]) for url in (own_server.url, own_server.monitor_url))
        async with await EmbeddedNats.start(own_server.folder, port=port, monitor_port=monitor_port, sync_always=False):
            with pytest.raises(JournalUnsafe, match="sync_interval: always"):
                await journal.append([log.push(1, 1)])


async def test_a_monitoring_port_that_comes_back_late_is_waited_for(
    nats_server: EmbeddedNats, election: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a reconnection nothing is acknowledged before fsync is verified again, and that may take a while."""
    failures = 3
    fetch = jetstream_logs._fetch

    async def failing(url: str, answer: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise OSError
        return await fetch(url, answer)

    async with (
        CuttingProxy(int(nats_server.url.rpartition(":")[2])) as proxy,
        await _open(nats_server, election, url=proxy.url, answer_seconds_max=5) as journal,
    ):
        log = OpaqueLog(device_name(0))
        monkeypatch.setattr(jetstream_logs, "_fetch", failing)
        proxy.cut()
        assert await journal.append([log.push(1, 0, persons=True)]) == [Stored(1, 1)]
        assert failures == 0
        failures = 10**9
        proxy.cut()
        with pytest.raises(JournalUnavailable, match="monitoring port does not answer"):
            await journal.append([log.push(1, 1)])


async def test_kill_9_loses_and_doubles_nothing(own_server: EmbeddedNats, election: str) -> None:
    """The broker is killed again and again under ten writers: all they were promised is read, once, in order."""
    chance = random.Random(2)
    server = own_server
    journal = await _open(own_server, election)
    group = GroupCommit(journal)
    logs = [OpaqueLog(device_name(n), event_bytes=600) for n in range(10)]
    acknowledged = dict.fromkeys((log.device for log in logs), 0)
    stopping = False

    async def write(log: OpaqueLog) -> None:
        after = 0
        while not stopping:
            push = log.push(3, after, persons=True)
            outcome = await group.submit(push)
            assert isinstance(outcome, Stored), "nobody else writes to this log"
            after = outcome.last
            acknowledged[log.device] += 3

    writers = [asyncio.create_task(write(log)) for log in logs]
    for _ in range(6):
        await asyncio.sleep(chance.uniform(0.1, 0.4))
        await server.kill()
        server = await _again(server)
    await asyncio.sleep(0.2)
    stopping = True
    await asyncio.gather(*writers)
    await group.close()
    read: list[tuple[str, bytes]] = []
    while events := await journal.read_events(len(read), 5000):
        read += [(m.device, m.payload) for m in events]
    assert sum(acknowledged.values()) == len(read) > 100
    for log in logs:
        own = [payload for device, payload in read if device == log.device]
        assert own == list(OpaqueLog(log.device, event_bytes=600).take(acknowledged[log.device]))
        people = [(seq, b'{"salt":"%d"}' % seq) for seq in range(1, len(own) + 1)]
        for start in range(0, len(people), 500):
            some = people[start : start + 500]
            assert await journal.persons_held(log.device, some) == {seq for seq, _ in some}
    await journal.close()
    await server.stop()


async def test_a_flipped_bit_is_a_hole(own_server: EmbeddedNats, election: str) -> None:
    """One bit flipped on the disk: reading stops right before that event and names its sequence."""
    log = OpaqueLog(device_name(0))
    async with await _open(own_server, election) as journal:
        await journal.append([log.push(100, 0)])
    await own_server.stop()
    events = OpaqueLog(log.device).take(100)
    (block,) = own_server.folder.glob(f"store/**/ECOKLIT-{election}-9404/msgs/*.blk")
    stored = bytearray(block.read_bytes())
    stored[stored.index(events[49]) + 20] ^= 4
    block.write_bytes(stored)
    async with await _again(own_server) as server, await _open(server, election) as journal:
        assert [m.payload for m in await journal.read_events(0, 1000)] == list(events[:49])
        with pytest.raises(JournalHole, match="Event 50 of") as hole:
            await journal.read_events(49, 1000)
        assert hole.value.sequence == 50
        assert [m.payload for m in await journal.read_events(50, 1000)] == list(events[50:])


async def test_a_lost_tail_is_a_hole(nats_server: EmbeddedNats, client: Client, election: str) -> None:
    """A stream that has deleted its last messages still counts them: the reader does not take that for the end."""
    async with await _open(nats_server, election) as journal:
        await journal.append([OpaqueLog(device_name(0)).push(3, 0)])
        name = f"ECOKLIT-{election}-9404"
        config = (await _ask(client, f"$JS.API.STREAM.INFO.{name}", {}))["config"]
        await _ask(client, f"$JS.API.STREAM.DELETE.{name}", {})
        await _ask(client, f"$JS.API.STREAM.CREATE.{name}", {**config, "metadata": {}, "deny_delete": False})
        await journal.append([OpaqueLog(device_name(0)).push(3, 0)])
        assert (await _ask(client, f"$JS.API.STREAM.MSG.DELETE.{name}", {"seq": 3}))["success"]
        assert [m.sequence for m in await journal.read_events(0, 10)] == [1, 2]
        with pytest.raises(JournalHole, match="Event 3 of"):
            await journal.read_events(2, 10)


async def test_a_stream_that_is_gone(nats_server: EmbeddedNats, client: Client, election: str) -> None:
    """A stream that somebody deleted is not an empty one: nothing is acknowledged, and nothing is read as the end."""
    async with await _open(nats_server, election, answer_seconds_max=0.3) as journal:
        await journal.append([OpaqueLog(device_name(0)).push(3, 0)])
        await _ask(client, f"$JS.API.STREAM.DELETE.ECOKLIT-{election}-9404", {})
        for call in (
            journal.append([OpaqueLog(device_name(1)).push(1, 0)]),
            journal.head(device_name(0)),
            journal.read_events(3, 10),
            journal.last(),
        ):
            with pytest.raises(JournalError):
                await call


async def _until_reconnected(journal: JetStreamJournal) -> None:
    while True:
        try:
            await journal.last()
            return
        except JournalUnavailable:
            await asyncio.sleep(0.05)


async def test_push_type_is_plain() -> None:
    """A push compares by its content, so that a test or a queue can."""
    assert Push("a" * 16, 0, (b"x",)) == Push("a" * 16, 0, (b"x",))


async def test_a_long_read_leaves_nothing_on_the_broker(nats_server: EmbeddedNats, election: str) -> None:
    """The consumer that a read is made by goes with it."""
    async with await _open(nats_server, election) as journal:
        log = OpaqueLog(device_name(0))
        await journal.append([log.push(1000, 0)])
        assert len(await journal.read_events(0, 1000)) == 1000
        assert [one.sequence for one in await journal.read_events(100, 600)] == list(range(101, 701))
    connection = await nats.connect(nats_server.url)
    try:
        info = await connection.jetstream().stream_info(f"ECOKLIT-{election}-9404")
        assert info.state.consumer_count == 0
    finally:
        await connection.close()


async def test_a_broker_without_consumers_is_read_directly(
    nats_server: EmbeddedNats, election: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the broker gives no consumer, a read is as long, directly."""
    async with await _open(nats_server, election) as journal:
        log = OpaqueLog(device_name(0))
        await journal.append([log.push(1000, 0)])
        monkeypatch.setattr(journal, "_consumes", False)
        assert [one.sequence for one in await journal.read_events(0, 1000)] == list(range(1, 1001))
