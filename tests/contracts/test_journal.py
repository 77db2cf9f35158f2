"""What every journal promises (ecoklit.ports.Journal), asked of the real one and of the one in memory alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.ports import Journal, Position, Push, Stale, Stored
from ecoklit.services.group_commit import GroupCommit
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.opaque_log import OpaqueLog, device_name

_ELECTIONS = count(1)
Open = Callable[[], Awaitable[Journal]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def guarded_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[EmbeddedNats, BrokerAccounts]]:
    """A broker that lets nobody in without credentials."""
    folder = tmp_path_factory.mktemp("guarded")
    accounts = BrokerAccounts(folder / "keys")
    async with await EmbeddedNats.start(folder, accounts=accounts) as server:
        yield server, accounts


@pytest_asyncio.fixture(
    params=["memory", "jetstream", "jetstream with replicas", "jetstream with accounts"], loop_scope="session"
)
async def open_journal(
    request: pytest.FixtureRequest, nats_server: EmbeddedNats, guarded_server: tuple[EmbeddedNats, BrokerAccounts]
) -> AsyncIterator[Open]:
    """Opens a new and empty journal each time; with accounts, by the rights of the service alone."""
    opened: list[JetStreamJournal] = []

    async def open_memory() -> Journal:
        return MemoryJournal()

    server, credentials = nats_server, None
    if request.param == "jetstream with accounts":
        server, accounts = guarded_server
        credentials = accounts.service_credentials

    async def open_jetstream() -> Journal:
        opened.append(
            await JetStreamJournal.open(
                server.url,
                election=f"suite-{next(_ELECTIONS)}",
                regency="9404",
                monitor_url=server.monitor_url,
                credentials=credentials,
            )
        )
        if request.param == "jetstream with replicas":
            opened[-1]._direct = False  # as with replicas: only the leader is asked for the last message of a subject
        return opened[-1]

    yield open_memory if request.param == "memory" else open_jetstream
    for journal in opened:
        await journal.close()


@pytest_asyncio.fixture(loop_scope="session")
async def journal(open_journal: Open) -> Journal:
    return await open_journal()


@pytest.fixture
def log() -> OpaqueLog:
    return OpaqueLog(device_name(0))


async def _payloads(journal: Journal) -> list[bytes]:
    return [message.payload for message in await journal.read_events(0, 5000)]


async def test_is_a_journal(journal: Journal) -> None:
    """Every adapter has the port's methods."""
    assert isinstance(journal, Journal)


async def test_empty(journal: Journal, log: OpaqueLog) -> None:
    """An empty journal has no head, nothing to read and the position before the first."""
    assert await journal.head(log.device) is None
    assert await journal.read_events(0, 10) == []
    assert await journal.read_persons(0, 10) == []
    assert await journal.last() == Position(0, 0)
    assert await journal.append([]) == []


async def test_append_and_read(journal: Journal, log: OpaqueLog) -> None:
    """What was stored is read back byte for byte, in order, each message with its device, sequence and headers."""
    last, first = (("Ecoklit-Signature", "c2ln"), ("Ecoklit-X", "1")), (("Ecoklit-Y", "2"),)
    push = Push(log.device, 0, log.take(3), ((1, b"a"), (3, b"c")), last, first)
    assert await journal.append([push]) == [Stored(1, 3)]
    read = await journal.read_events(0, 10)
    assert [(m.sequence, m.device, m.payload) for m in read] == [(n, log.device, push.events[n - 1]) for n in (1, 2, 3)]
    assert [m.headers for m in read] == [first, (), last]
    persons = await journal.read_persons(0, 10)
    assert sorted((m.device, m.seq, m.payload) for m in persons) == [(log.device, 1, b"a"), (log.device, 3, b"c")]
    assert await journal.last() == Position(3, 2)
    assert await journal.append([Push(log.device, 3, log.take(1), (), last, first)]) == [Stored(4, 4)]
    assert [sorted(m.headers) for m in await journal.read_events(3, 10)] == [sorted((*first, *last))], "one has both"


async def test_head(journal: Journal, log: OpaqueLog) -> None:
    """The head is the last held event: its seq, hash, place and bytes."""
    await journal.append([log.push(2, 0)])
    other = OpaqueLog(device_name(1))
    await journal.append([other.push(1, 0)])
    head = await journal.head(log.device)
    assert head is not None
    assert (head.seq, head.sequence, head.payload) == (2, 2, (await _payloads(journal))[1])
    assert (await journal.append([log.push(1, head.sequence)])) == [Stored(4, 4)]


async def test_event_by_seq(journal: Journal) -> None:
    """Every held event is found by its device and seq, however the devices' pushes lie between each other."""
    logs = [OpaqueLog(device_name(n)) for n in range(3)]
    places: dict[tuple[str, int], tuple[int, bytes]] = {}
    for turn in range(6):
        pushes = []
        for log in logs[: 1 + turn % 3]:
            head = await journal.head(log.device)
            pushes.append(log.push(1 + turn % 4, head.sequence if head else 0))
        for push, outcome in zip(pushes, await journal.append(pushes), strict=True):
            assert isinstance(outcome, Stored)
            seqs = len([key for key in places if key[0] == push.device])
            for n, payload in enumerate(push.events):
                places[push.device, seqs + n + 1] = (outcome.first + n, payload)
    for (device, seq), place in places.items():
        event = await journal.event(device, seq)
        assert event is not None
        assert (event.seq, event.sequence, event.payload) == (seq, *place)
    for log in logs:
        assert await journal.event(log.device, log.seq + 1) is None
        assert await journal.event(log.device, 0) is None
    assert await journal.event(device_name(9), 1) is None


async def test_stale_stores_nothing(journal: Journal, log: OpaqueLog) -> None:
    """A push that expects another head than the device's stores none of its events, and says so."""
    await journal.append([log.push(2, 0)])
    before = await _payloads(journal)
    fork = OpaqueLog(log.device, event_bytes=400)
    assert await journal.append([fork.push(2, 0)]) == [Stale()]
    assert await journal.append([Push(log.device, 7, fork.take(1))]) == [Stale()]
    assert await journal.append([Push(device_name(9), 7, OpaqueLog(device_name(9)).take(1))]) == [Stale()]
    assert await _payloads(journal) == before


async def test_again_changes_nothing(journal: Journal, log: OpaqueLog) -> None:
    """Appending twice stores once, and the second answer is no refusal."""
    push = log.push(3, 0)
    assert await journal.append([push]) == [Stored(1, 3)]
    assert await journal.append([push]) == [Stored(1, 3)]
    longer = Push(log.device, 0, push.events[2:])
    assert await journal.append([longer]) == [Stored(3, 3)], "somebody else's portions of the same log are held too"
    assert await journal.append([Push(log.device, 0, push.events[:2])]) == [Stale()], "held, but not as the head"
    assert len(await _payloads(journal)) == 3


async def test_the_same_events_with_another_stamp_are_stale(journal: Journal, log: OpaqueLog) -> None:
    """Of two pushes of the same events, the second is not told that what rides with it is stored: the first's is."""
    first = log.push(2, 0)
    stamped = [Push(log.device, 0, first.events, (), (("Ecoklit-Registry-Position", stamp),)) for stamp in ("3", "4")]
    assert await journal.append(stamped[:1]) == [Stored(1, 2)]
    assert await journal.append(stamped[1:]) == [Stale()]
    assert await journal.append(stamped[:1]) == [Stored(1, 2)]
    assert [one.headers for one in await journal.read_events(0, 9)] == [(), (("Ecoklit-Registry-Position", "3"),)]


async def test_held_in_other_portions(journal: Journal, log: OpaqueLog) -> None:
    """A log that somebody else pushed in other portions is held, but not as this push: no place is made up for it."""
    events, other = log.take(3), OpaqueLog(device_name(1))
    await journal.append([Push(log.device, 0, events[:1])])
    await journal.append([other.push(1, 0)])
    await journal.append([Push(log.device, 1, events[1:])])
    assert await journal.append([Push(log.device, 0, events)]) == [Stale()]
    assert len(await _payloads(journal)) == 4


async def test_the_stale_do_not_hold_up_the_rest(journal: Journal) -> None:
    """Whatever share of the pushes is stale, exactly the others are stored, each whole and in its order."""
    logs = [OpaqueLog(device_name(n)) for n in range(60)]
    await journal.append([log.push(1, 0) for log in logs[:30]])
    stale = {log.device for log in logs[:30] if log.device < "m"}
    heads = {log.device: n for n, log in enumerate(logs[:30], start=1)}
    pushes = [log.push(2, 0 if log.device in stale else heads.get(log.device, 0), persons=True) for log in logs]
    outcomes = await journal.append(pushes)
    assert [type(outcome) for outcome in outcomes] == [Stale if push.device in stale else Stored for push in pushes]
    read = await journal.read_events(30, 1000)
    assert len(read) == 2 * (60 - len(stale))
    for push, outcome in zip(pushes, outcomes, strict=True):
        if isinstance(outcome, Stored):
            own = [(m.sequence, m.payload) for m in read if m.device == push.device]
            assert own == list(zip((outcome.first, outcome.last), push.events, strict=True))


async def test_persons_held_are_these_bytes(journal: Journal, log: OpaqueLog) -> None:
    """A person is held when the last copy is exactly these bytes; an orphan of a refused push is another person."""
    await journal.append([Push(log.device, 0, log.take(2), ((1, b"right"),))])
    fork = OpaqueLog(log.device, event_bytes=400)
    assert await journal.append([Push(log.device, 0, fork.take(2), ((2, b"orphan"),))]) == [Stale()]
    assert await journal.persons_held(log.device, [(1, b"right"), (2, b"right"), (3, b"right")]) == {1}
    assert await journal.persons_held(log.device, []) == frozenset()
    assert await journal.append([Push(log.device, 2, (), ((2, b"right"),))]) == [Stored(2, 2)]
    assert await journal.persons_held(log.device, [(1, b"right"), (2, b"right")]) == {1, 2}
    assert (await journal.last()).events == 2


async def test_the_largest_append(journal: Journal) -> None:
    """A thousand events with a thousand persons fit one append; one more of either is the caller's fault."""
    log = OpaqueLog(device_name(0))
    assert await journal.append([log.push(1000, 0, persons=True)]) == [Stored(1, 1000)]
    assert await journal.last() == Position(1000, 1000)
    devices = [OpaqueLog(device_name(n)).push(1, 0) for n in range(1, 1001)]
    assert await journal.append(devices) == [Stored(n, n) for n in range(1001, 2001)]
    with pytest.raises(ValueError, match="more than 1000 events"):
        await journal.append([log.push(1000, 1000), OpaqueLog(device_name(2000)).push(1, 0)])


@pytest.mark.parametrize(
    ("push", "says"),
    [
        (Push("*", 0, (b"{}",)), "not a device"),
        (Push("a.b", 0, (b"{}",)), "not a device"),
        (Push("", 0, (b"{}",)), "not a device"),
        (Push(device_name(0), 0, (b"",)), "an event of no bytes"),
        (Push(device_name(0), 0, (b"x" * 16385,)), "an event of no bytes or of more"),
        (Push(device_name(0), 0, (), ((1, b""),)), "a person of no bytes"),
        (Push(device_name(0), 0, (), ((0, b"x"),)), "below its first"),
        (Push(device_name(0), -1, (b"{}",)), "below its first"),
        (Push(device_name(0), 0, (b"{}",), (), (("Nats-Msg-Id", "1"),)), "not a header"),
        (Push(device_name(0), 0, (b"{}",), (), (("Ecoklit-X", "1\r\nNats-Rollup: all"),)), "not a header"),
        (Push(device_name(0), 0, (), (), (("Ecoklit-X", "1"),)), "headers without an event"),
        (Push(device_name(0), 0, (), (), (), (("Ecoklit-X", "1"),)), "headers without an event"),
        (Push(device_name(0), 0, (b"{}",), (), (), (("Nats-Msg-Id", "1"),)), "not a header"),
        (Push(device_name(0), 0, (b"{}",), (), (("Ecoklit-X", "1"),), (("Ecoklit-X", "2"),)), "one header twice"),
    ],
)
async def test_refuses_what_no_push_is(journal: Journal, push: Push, says: str) -> None:
    """A push that is none is refused before anything is stored."""
    with pytest.raises(ValueError, match=says):
        await journal.append([push])
    assert await journal.last() == Position(0, 0)


async def test_refuses_two_pushes_of_one_device(journal: Journal, log: OpaqueLog) -> None:
    """The place of a second push of one device could not be checked, so it is refused."""
    with pytest.raises(ValueError, match="two pushes of one device"):
        await journal.append([log.push(1, 0), log.push(1, 1)])


async def test_read_from_a_position(journal: Journal, log: OpaqueLog) -> None:
    """Reading in portions of any size yields what reading at once does."""
    await journal.append([log.push(97, 0, persons=True)])
    whole = await journal.read_events(0, 1000)
    for portion in (1, 10, 96, 97, 98):
        read, persons = [], []
        while events := await journal.read_events(len(read), portion):
            assert len(events) <= portion
            read += events
        while people := await journal.read_persons(len(persons), portion):
            persons += people
        assert read == whole
        assert [m.sequence for m in persons] == list(range(1, 98))
    assert await journal.read_events(0, 0) == [] == await journal.read_persons(0, 0), "nothing was asked for"
    assert await journal.read_events(97, 10) == []
    assert await journal.read_events(1000, 10) == [], "a reader that is ahead waits"


async def test_two_writers_of_one_log(open_journal: Open) -> None:
    """When two push the same log at once, it is stored once and without a gap; neither hears of a loss."""
    journal = await open_journal()
    log = OpaqueLog(device_name(0))
    events = log.take(60)

    async def write(portion: int) -> None:
        while (head := await journal.head(log.device)) is None or head.seq < len(events):
            seq, sequence = (head.seq, head.sequence) if head else (0, 0)
            await journal.append([Push(log.device, sequence, events[seq : seq + portion])])

    await asyncio.gather(write(7), write(5), write(1))
    assert await _payloads(journal) == list(events)


async def test_group_commit_keeps_every_log_whole(open_journal: Open) -> None:
    """Pushes of many devices at once, several of each under way, are all stored, every log in its order."""
    journal = await open_journal()
    group = GroupCommit(journal)
    logs = [OpaqueLog(device_name(n)) for n in range(40)]

    async def work(log: OpaqueLog) -> None:
        after = 0
        for size in (1, 3, 2, 5):
            outcome = await group.submit(log.push(size, after, persons=True))
            assert isinstance(outcome, Stored)
            after = outcome.last

    await asyncio.gather(*(work(log) for log in logs))
    await group.close()
    read = await journal.read_events(0, 5000)
    assert len(read) == 40 * 11
    for log in logs:
        again = OpaqueLog(log.device).take(11)
        assert tuple(m.payload for m in read if m.device == log.device) == again


_steps = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(1, 4), st.sampled_from(["head", "head", "head", "stale", "again", "fork"])
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda step: step[0],
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_steps)
async def test_any_history_keeps_every_log_gapless(open_journal: Open, steps: list[list[tuple[int, int, str]]]) -> None:
    """Whatever is pushed, in its place or out of it, exactly what was answered Stored is read, in its place."""
    journal = await open_journal()
    logs = [OpaqueLog(device_name(n)) for n in range(4)]
    held: list[tuple[str, bytes]] = []
    heads: dict[str, int] = {}
    latest: dict[str, Push] = {}
    for step in steps:
        pushes = []
        for number, size, how in step:
            log = logs[number]
            after = heads.get(log.device, 0)
            if how == "head":
                pushes.append(log.push(size, after))
            elif how == "again" and log.device in latest:
                pushes.append(latest[log.device])
            elif how == "fork":
                pushes.append(OpaqueLog(log.device, event_bytes=500).push(size, after + 1))
            else:
                pushes.append(Push(log.device, after + 3, OpaqueLog(log.device, event_bytes=450).take(size)))
        for push, outcome in zip(pushes, await journal.append(pushes), strict=True):
            fresh = push.after == heads.get(push.device, 0)
            assert isinstance(outcome, Stored) == (fresh or push is latest.get(push.device)), (push, outcome)
            if fresh and isinstance(outcome, Stored):
                assert (outcome.first, outcome.last) == (len(held) + 1, len(held) + len(push.events))
                held += [(push.device, event) for event in push.events]
                heads[push.device], latest[push.device] = outcome.last, push
    assert [(m.device, m.payload) for m in await journal.read_events(0, 1000)] == held
