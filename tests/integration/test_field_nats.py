"""A phone that syncs by the broker: over TCP and over WebSocket, on the real one, with the real admission behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.adapters.nats_door import NatsDoor
from ecoklit.adapters.nats_exclusion import NatsExclusion
from ecoklit.core import sealing
from ecoklit.core.admission import Refused
from ecoklit.core.broker_names import pull_subject, push_subject, registry_subject
from ecoklit.core.push_file import split_pushes
from ecoklit.core.signing import P256
from ecoklit.errors import EcoklitError
from ecoklit.field import enrolment
from ecoklit.field.export import export, sealed
from ecoklit.field.nats_requests import NatsRequests
from ecoklit.field.nats_transport import ERROR_CODE, NatsTransport, broker_key, nkey_of
from ecoklit.field.phone import Phone
from ecoklit.field.transport import Ask, NonceNeeded
from ecoklit.field.trouble import Away, NotEntitled, Stuck, TryLater, WrongService
from ecoklit.services.access import credentials_of, shut_out
from ecoklit.services.pull import NonceNeeded as FreshNonceNeeded
from ecoklit.services.reads import read_after, read_ask
from ecoklit.testing.cutting_proxy import CuttingProxy
from ecoklit.testing.field_world import (
    REGENCY,
    TPS,
    VOTERS,
    AdmittedDoor,
    World,
    assert_whole,
    chance,
    client,
    confirmed,
    visit,
    visited,
)
from ecoklit.testing.memory_door import MemoryTransport

T = TypeVar("T")


class Backstage:
    """A loop in a thread of its own, in which broker and door live while the test's phones block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Broker:
    """A broker with accounts, over TCP and WebSocket."""

    def __init__(self, folder: Path, backstage: Backstage) -> None:
        self.backstage = backstage
        self.accounts = BrokerAccounts(folder / "keys")
        self.server = backstage.run(
            EmbeddedNats.start(folder, accounts=self.accounts, websocket_port=0)  # type: ignore[arg-type]
        )

    def url(self, over: str) -> str:
        url = self.server.url if over == "tcp" else self.server.websocket_url
        assert url is not None
        return url


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    backstage = Backstage()
    broker = Broker(tmp_path_factory.mktemp("broker"), backstage)
    yield broker
    backstage.run(broker.server.stop())
    backstage.close()


class Behind:
    """The service behind the broker's door: the world's own, one request at a time, as it blocks."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._way = MemoryTransport(world.door)
        self._lock = threading.Lock()
        self.asked: list[str] = []

    async def push(self, body: bytes) -> bytes:
        return await asyncio.to_thread(self._one, "push", lambda: self._way.push(body))

    def nonce(self) -> str:
        return f"nonce{len(self._way.requests)}"

    async def pull(self, device: str, body: bytes, bytes_max: int) -> bytes:
        asked = read_ask(device, body)
        ask = Ask(device, asked.nonce, asked.signature, asked.tps, asked.cursor, asked.limit)
        try:
            return await asyncio.to_thread(self._one, "pull", lambda: self._way.pull(ask))
        except NonceNeeded:
            raise FreshNonceNeeded from None

    async def registry(self, body: bytes, bytes_max: int) -> bytes:
        return await asyncio.to_thread(self._one, "registry", lambda: self._way.registry(read_after(body)))

    def _one(self, what: str, act: Callable[[], bytes]) -> bytes:
        with self._lock:
            self.asked.append(what)
            return act()


class NatsWorld(World):
    """A world whose phones reach its service by the broker."""

    def __init__(self, folder: Path, broker: Broker, over: str) -> None:
        super().__init__(folder, AdmittedDoor)
        self.broker = broker
        self.over = over
        self.behind = Behind(self)
        self.credentials_asked = 0
        self._requests: list[NatsRequests] = []
        self._door = broker.backstage.run(self._opened())

    async def _opened(self) -> NatsDoor:
        return await NatsDoor.open(
            self.broker.server.url, self.behind, self.broker.accounts.service_credentials, reads=self.behind
        )

    def by(self, phone: Phone, url: str | None = None, **more: Any) -> NatsTransport:
        key = phone.identity().key
        requests = NatsRequests(
            url or self.broker.url(self.over), key.device, broker_key(key), lambda is_fresh: self._let_in(phone), **more
        )
        self._requests.append(requests)
        return NatsTransport(key.device, requests)

    def _let_in(self, phone: Phone) -> str:
        self.credentials_asked += 1
        return credentials_of(self.door.registry, phone.identity().device, self.broker.accounts)

    def sync(self, phone: Phone, way: Any = None) -> Any:
        return client(phone, way or self.by(phone)).sync()

    def keep_out(self) -> None:
        """What a service does each second with the registry."""
        exclusion = NatsExclusion(self.broker.server.url, self.broker.accounts)
        self.broker.backstage.run(exclusion.shut_out(shut_out(self.door.registry)))

    def shut(self) -> None:
        self.broker.backstage.run(self._door.close())

    def close(self) -> None:
        for requests in self._requests:
            requests.close()
        self.shut()
        super().close()


@pytest.fixture(params=["tcp", "websocket"])
def world(tmp_path: Path, broker: Broker, request: pytest.FixtureRequest) -> Iterator[NatsWorld]:
    with world_over(tmp_path, broker, request.param) as world:
        yield world


@pytest.fixture
def tcp_world(tmp_path: Path, broker: Broker) -> Iterator[NatsWorld]:
    with world_over(tmp_path, broker, "tcp") as world:
        yield world


@contextmanager
def world_over(folder: Path, broker: Broker, over: str) -> Iterator[NatsWorld]:
    world = NatsWorld(folder, broker, over)
    try:
        yield world
    finally:
        world.close()


# --- the quiet case --------------------------------------------------------------------------------------------------


def test_a_sync_goes_wholly_by_the_broker(world: NatsWorld) -> None:
    """Push, pull and registry are requests at the broker, on one connection; both sides come to one roll."""
    phone = world.phone("a")
    visit(phone, 1, 2, 3)
    way = world.by(phone)
    synced = world.sync(phone, way)
    assert (synced.sent, synced.held, synced.pulled) == (3, 3, VOTERS + 3)
    assert set(world.behind.asked) == {"push", "pull", "registry"}
    world.say("policy_set", area=REGENCY, policy="2024-2")
    assert [said.partition(",")[0] for said in world.sync(phone, way).news] == [f"Kebijakan di {TPS} kini 2024-2"]
    assert world.credentials_asked == 1
    assert_whole(world, phone, confirmed_voters=3)


def test_a_final_report_goes_by_the_broker(tcp_world: NatsWorld) -> None:
    """A report is held by the registry when the next sync ends."""
    phone = tcp_world.phone("a")
    visit(phone, 1)
    phone.report()
    tcp_world.sync(phone)
    assert not phone.outbox.is_unsent()


def test_a_phone_with_a_p256_key_works_like_every_other(world: NatsWorld) -> None:
    """A phone whose key is P-256 is enrolled, let in, believed and receipted; a new key of its is of that kind too."""
    phone = world.open("old")
    assert phone.identity(P256).key.algorithm == P256
    world.let_in(phone)
    visit(phone, 1, 2)
    assert_whole(world, phone, confirmed_voters=2)
    phone.reissue()
    assert phone.identity().key.algorithm == P256


def test_two_phones_see_each_other(tcp_world: NatsWorld) -> None:
    """What one sent the other pulls, each as itself."""
    one, other = tcp_world.phone("a"), tcp_world.phone("b", "p-2")
    visit(one, 1)
    visit(other, 2)
    for phone in (one, other, one):
        tcp_world.sync(phone)
    assert visited(one) == visited(other) == {1, 2}


# --- trouble ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [b'"receipt"', b'{"page"'])
def test_an_answer_is_lost_and_the_connection_with_it(tcp_world: NatsWorld, mark: bytes) -> None:
    """Cut off while the answer was on its way, nothing is marked that was not proved; the next sync has all, once."""
    backstage = tcp_world.broker.backstage
    port = int(tcp_world.broker.server.url.rpartition(":")[2])
    proxy = backstage.run(CuttingProxy(port).__aenter__())
    try:
        phone = tcp_world.phone("a")
        visit(phone, 1, 2)
        way = plain(tcp_world.by(phone, proxy.url, seconds_max=5.0))
        proxy.lose_answer_with(mark)
        with pytest.raises(Away):
            tcp_world.sync(phone, way)
        assert phone.status().unsent == (2 if mark == b'"receipt"' else 0)
        tcp_world.sync(phone, way)
        assert proxy.cuts == 1
        assert_whole(tcp_world, phone, confirmed_voters=2)
    finally:
        backstage.run(proxy.__aexit__(None, None, None))


def plain(way: NatsTransport) -> NatsTransport:
    """The same way without packed answers, so that a proxy sees what they are."""
    request = way._requests.request
    way._requests.request = lambda subject, body, headers: request(  # type: ignore[method-assign]
        subject, body, {name: value for name, value in headers.items() if name != "Accept-Encoding"}
    )
    return way


def test_an_upload_is_cut_off(tcp_world: NatsWorld) -> None:
    """Cut in the middle of a push, nothing of it is taken; sent again, all of it is there once."""
    backstage = tcp_world.broker.backstage
    port = int(tcp_world.broker.server.url.rpartition(":")[2])
    phone = tcp_world.phone("a")
    tcp_world.sync(phone)
    visit(phone, *range(1, 11))
    torn = backstage.run(Torn(port).__aenter__())
    try:
        with pytest.raises(Away):
            tcp_world.sync(phone, tcp_world.by(phone, torn.url, seconds_max=5.0))
        assert torn.cuts == 1
    finally:
        backstage.run(torn.__aexit__(None, None, None))
    assert confirmed(tcp_world) == 0
    assert phone.status().unsent == 10
    assert_whole(tcp_world, phone, confirmed_voters=10)


class Torn(CuttingProxy):
    """Cuts in the middle of the first push that it sees: half of it reaches the broker, and the rest never does."""

    async def _pass_on(self, data: bytes, way: Any) -> bool:
        if way.said is None or PUSH not in data:
            return await super()._pass_on(data, way)
        way.sink.write(data[: len(data) // 2])
        await way.sink.drain()
        self.cut()
        return False


PUSH = b"PUB ecoklit.push."


def test_a_revocation_cuts_the_phone_off(world: NatsWorld) -> None:
    """A phone that syncs by the broker is cut when it is revoked, and told so at its next try; its entries are kept."""
    phone = world.phone(f"revoked-{world.over}")  # for good: the broker is one for all tests
    visit(phone, 1)
    way = world.by(phone)
    world.sync(phone, way)
    world.say("revoked", revoked=phone.identity().device, from_seq=2)
    world.keep_out()
    visit(phone, 2)
    with pytest.raises(EcoklitError) as refused:
        world.sync(phone, way)
    assert (refused.value.code, "revoked" in refused.value.message) == ("not_entitled", True)
    assert confirmed(world) == 1
    assert phone.status().unsent == 1
    carried = export(phone.outbox)
    other = world.by(world.phone("b", "p-2"))
    for body in split_pushes(carried.data):
        other.push(body)
    assert confirmed(world) == 1, "what came after the revocation is held and named, and does not count"
    assert len(world.door.log(phone.identity().device)) == 2


def test_stale_credentials_are_fetched_again(tcp_world: NatsWorld) -> None:
    """A broker that no longer takes what it gave is asked for once more; a stranger's user key is not let in."""
    phone = tcp_world.phone("a")
    key = phone.identity().key
    given: list[bool] = []

    def credentials(is_fresh: bool) -> str:
        given.append(is_fresh)
        if not is_fresh:
            return "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.e30.c3RhbGU"
        return credentials_of(tcp_world.door.registry, key.device, tcp_world.broker.accounts)

    url = tcp_world.broker.url("tcp")
    with NatsRequests(url, key.device, broker_key(key), credentials) as requests:
        client(phone, NatsTransport(key.device, requests)).sync()
    assert given == [False, True]
    stranger = tcp_world.phone("b", "p-2").identity().key
    with NatsRequests(url, key.device, broker_key(stranger), credentials) as requests, pytest.raises(NotEntitled):
        client(phone, NatsTransport(key.device, requests)).sync()


def test_a_service_that_does_not_listen_is_waited_for(tcp_world: NatsWorld) -> None:
    """A broker without a service behind it says so at once, and the phone tries later."""
    phone = tcp_world.phone("a")
    visit(phone, 1)
    tcp_world.shut()
    with pytest.raises(TryLater):
        tcp_world.sync(phone)
    tcp_world._door = tcp_world.broker.backstage.run(tcp_world._opened())
    assert_whole(tcp_world, phone, confirmed_voters=1)


@pytest.mark.parametrize("url", ["nats://127.0.0.1:1", "ws://127.0.0.1:1"])
def test_no_broker_is_no_network(tcp_world: NatsWorld, url: str) -> None:
    """Where nothing answers, everything is kept, and the phone says so."""
    phone = tcp_world.phone("a")
    visit(phone, 1)
    with pytest.raises(Away):
        tcp_world.sync(phone, tcp_world.by(phone, url))
    assert phone.status().unsent == 1


@pytest.mark.parametrize("url", ["http://x", "x", "nats://", "file:///etc"])
def test_what_is_no_broker_is_named(url: str, tcp_world: NatsWorld) -> None:
    """An address that is no broker's is refused before anything is tried."""
    with pytest.raises(WrongService):
        tcp_world.by(tcp_world.phone("a"), url)


@pytest.mark.parametrize("scheme", ["nats", "ws"])
def test_what_answers_may_be_no_broker(tcp_world: NatsWorld, scheme: str) -> None:
    """A web server at the broker's address is said to be none, or to be away; nothing is lost."""
    port = tcp_world.broker.server.monitor_url.rpartition(":")[2]
    phone = tcp_world.phone("a")
    visit(phone, 1)
    with pytest.raises((WrongService, Away)):
        tcp_world.sync(phone, tcp_world.by(phone, f"{scheme}://127.0.0.1:{port}"))
    assert phone.status().unsent == 1


def test_refusals_have_their_names(tcp_world: NatsWorld) -> None:
    """A refusal over the broker is the contract's, with the seq that a gap expects; one that helps nobody is stuck."""
    phone = tcp_world.phone("a")
    visit(phone, 1, 2)
    way = tcp_world.by(phone)
    bodies = split_pushes(export(phone.outbox).data)
    with pytest.raises(Refused) as refused:
        way.push(bodies[0][: len(bodies[0]) // 2])
    assert refused.value.code == "malformed"
    tcp_world.sync(phone)
    visit(phone, 3)
    later = split_pushes(export(phone.outbox).data)
    tcp_world.door.lose_tail(2)
    with pytest.raises(Refused) as refused:
        way.push(later[0])
    assert (refused.value.code, refused.value.expected) == ("gap", 1)
    unknown = tcp_world.open("nobody")
    unknown.outbox.enrol(phone.outbox.about()._replace(device=unknown.identity().device), [TPS], [], [])
    unknown.reload()
    known = NatsTransport(phone.identity().device, way._requests)
    unknown.say("new", None, how="in_person", document="ktp_el", person={"record": dict.fromkeys(RECORD)})
    with pytest.raises(Stuck) as stuck:
        client(unknown, known).sync()
    assert stuck.value.code == "unknown_device"


RECORD = (
    "address", "birth_date", "birth_place", "disability", "ektp", "marital", "name", "nik", "nkk", "rt", "rw", "sex",
)  # fmt: skip


# --- heal and carry --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [1, 3, 5])
def test_a_restored_service_heals_by_the_broker(tcp_world: NatsWorld, lost: int) -> None:
    """What a restored journal lacks goes up again with the old receipts, and the digest is what it was."""
    phone = tcp_world.phone("a")
    way = tcp_world.by(phone)
    for number in range(1, 6):
        visit(phone, number)
        tcp_world.sync(phone, way)
    before = tcp_world.door.digest(TPS)
    tcp_world.door.lose_tail(lost, registry_lines=2 if lost == 5 else 0)
    assert tcp_world.door.digest(TPS) != before
    assert any("dipulihkan dari cadangan" in said for said in tcp_world.sync(phone, way).news)
    assert tcp_world.door.digest(TPS) == before
    assert_whole(tcp_world, phone, confirmed_voters=5)


def test_a_dying_phone_is_carried_by_another_ones_connection(world: NatsWorld) -> None:
    """A sealed export is opened where the service's key is, and goes up under the subject of whoever carries it."""
    carrier, dying = world.phone("b", "p-2"), world.phone("a", send=False)
    visit(dying, 1, 2, 3)
    closed = sealed(export(dying.outbox), enrolment.services_of(dying.outbox), chance("seal"))
    assert sealing.is_sealed(closed.data)
    way = world.by(carrier)
    for _ in range(2):
        for body in split_pushes(sealing.open_with_key(closed.data, world.service)):
            way.push(body)
    assert confirmed(world) == 3
    assert dying.status().unsent == 3, "only a receipt says held"
    world.sync(carrier, way)
    assert visited(carrier) == {1, 2, 3}


def test_a_phone_shows_one_user_key_all_its_life(tcp_world: NatsWorld) -> None:
    """The user key at the broker follows from the phone's own, and is another one for each key."""
    one, other = tcp_world.phone("a"), tcp_world.phone("b", "p-2")
    keys = {nkey_of(phone.identity().key) for phone in (one, tcp_world.open("a"), other)}
    assert len(keys) == 2


@pytest.mark.parametrize("subject", [pull_subject, registry_subject, push_subject])
def test_a_device_asks_as_itself_only(tcp_world: NatsWorld, subject: Callable[[str], str]) -> None:
    """What is asked under another device's subject never reaches the service."""
    phone, other = tcp_world.phone("a"), tcp_world.phone("b", "p-2")
    way = tcp_world.by(phone, seconds_max=0.5)
    for named in (other.identity().device, "*", f"{phone.identity().device}.more"):
        with pytest.raises(Away):
            way._requests.request(subject(named), b"{}", {})
    assert tcp_world.behind.asked == []


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"tps":1}', b'{"after":-1}', b'{"after":"x"}', b"\xff"])
@pytest.mark.parametrize("subject", [pull_subject, registry_subject])
def test_a_request_that_says_nothing_is_named(tcp_world: NatsWorld, subject: Callable[[str], str], body: bytes) -> None:
    """What is no question is `bad_argument`, as a problem that says how to ask."""
    phone = tcp_world.phone("a")
    way = tcp_world.by(phone)
    reply = way._requests.request(subject(phone.identity().device), body, {})
    problem = msgspec.json.decode(reply.body)
    assert (problem["code"], problem["status"], reply.headers[ERROR_CODE]) == ("bad_argument", 400, "400")
