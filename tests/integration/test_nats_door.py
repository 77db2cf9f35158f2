"""The door over NATS: who gets in by the broker, what each may do there, and what a push is answered."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import nats
import nats.errors
import pytest
import pytest_asyncio
from backports import zstd
from nats.aio.client import Client, RawCredentials
from nats.aio.msg import Msg

from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.jetstream_registry import JetStreamRegistry
from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.adapters.nats_credentials import USER, BrokerKey, credentials
from ecoklit.adapters.nats_door import (
    CONTENT_TYPE,
    ERROR,
    ERROR_CODE,
    NatsDoor,
)
from ecoklit.adapters.nats_exclusion import BrokerUnavailable, NatsExclusion
from ecoklit.bootstrap import House, keep_out, open_house
from ecoklit.core import ids
from ecoklit.core.broker_names import inbox_of
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.head import sign_head
from ecoklit.core.push_file import write_push
from ecoklit.core.receipt import read_receipt
from ecoklit.core.registry_event import RegistryLog
from ecoklit.core.wire import Held
from ecoklit.door.gate import Gate
from ecoklit.errors import EcoklitError
from ecoklit.http.app import make_app
from ecoklit.limits import IN_FLIGHT_PER_DEVICE_MAX, PUSHES_PER_DEVICE, REQUESTS_PER_CALLER
from ecoklit.ports import JournalError, JournalFull, Service
from ecoklit.problems import RETRY_AFTER
from ecoklit.services.group_commit import GroupCommit
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.made_up_settings import settings_for

REGENCY = "9404"
TPS = "9404012001001"
AT = "2024-06-25T09:00:00+09:00"
WAIT = 10.0
"""Seconds: a revocation must cut within them; everything else takes milliseconds."""

ANNA, BUDI = (made_up_key(1, name) for name in ("anna", "budi"))


class Caller:
    """A client of the broker that remembers what it was forbidden."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.client = Client()
        self.forbidden: asyncio.Queue[str] = asyncio.Queue()
        self.cut = asyncio.Event()

    async def connect(self, url: str, creds: str, inbox: str | None = None) -> None:
        async with asyncio.timeout(WAIT):
            await self.client.connect(
                url, user_credentials=RawCredentials(creds), inbox_prefix=inbox or inbox_of(self.user),
                error_cb=self._on_error, disconnected_cb=self._on_cut, allow_reconnect=False,
            )  # fmt: skip

    async def _on_error(self, error: Exception) -> None:
        if "permissions violation" in str(error):
            self.forbidden.put_nowait(str(error))

    async def _on_cut(self) -> None:
        self.cut.set()

    async def push(self, body: bytes, headers: dict[str, str] | None = None) -> Msg:
        return await self.client.request(f"ecoklit.push.{self.user}", body, timeout=WAIT, headers=headers)

    async def assert_forbidden(self, *subjects: str) -> None:
        """The broker forbids each of these, in this order, and nothing else."""
        await self.client.flush()
        for subject in subjects:
            assert f'"{subject.lower()}"' in await asyncio.wait_for(self.forbidden.get(), WAIT)
        assert self.forbidden.empty()


class Broker:
    """A broker with accounts, and whoever is let in."""

    def __init__(self, server: EmbeddedNats, accounts: BrokerAccounts) -> None:
        self.server = server
        self.accounts = accounts
        self.callers: list[Caller] = []

    async def device(self, device: str, over: str = "tcp", nkey: BrokerKey | None = None) -> Caller:
        user = nkey or BrokerKey.fresh(USER)
        return await self.caller(device, credentials(self.accounts.issue_device(device, user.public), user), over)

    async def service(self) -> Caller:
        return await self.caller("service", self.accounts.service_credentials.read_text())

    async def reader(self, election: str) -> Caller:
        user = BrokerKey.fresh(USER)
        jwt = self.accounts.issue_reader("saksi", user.public, election, REGENCY)
        return await self.caller("reader-saksi", credentials(jwt, user))

    async def caller(self, user: str, creds: str, over: str = "tcp") -> Caller:
        url = self.server.url if over == "tcp" else self.server.websocket_url
        assert url is not None
        caller = Caller(user)
        await caller.connect(url, creds)
        self.callers.append(caller)
        return caller


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    async with started(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest_asyncio.fixture(loop_scope="session")
async def broker(shared_broker: Broker) -> AsyncIterator[Broker]:
    """One broker for all tests, whose clients leave after each."""
    yield shared_broker
    while shared_broker.callers:
        await shared_broker.callers.pop().client.close()


@asynccontextmanager
async def started(folder: Path, port: int = 0) -> AsyncIterator[Broker]:
    accounts = BrokerAccounts(folder / "keys")
    async with await EmbeddedNats.start(folder, port=port, accounts=accounts, websocket_port=0) as server:
        yield Broker(server, accounts)


class Office:
    """A service of an election of its own, behind the door of the broker."""

    def __init__(self, made_up: MadeUpElection, journal: JetStreamJournal, admission: Service, door: NatsDoor) -> None:
        self.made_up = made_up
        self.journal = journal
        self.admission = admission
        self.door = door

    def log(self, key: Any = ANNA, **more: Any) -> DeviceLog:
        more = {"election": self.made_up.election, **more}
        return DeviceLog(more.pop("election"), key.device, officer="o-1", role="kpu", policy="2024-1", **more)

    async def held(self) -> int:
        return (await self.journal.last()).events


@pytest_asyncio.fixture(loop_scope="session")
async def office(broker: Broker) -> AsyncIterator[Office]:
    made_up = MadeUpElection(f"door-{uuid.uuid4().hex[:12]}", REGENCY)
    for name in ("anna", "budi"):
        made_up.device(name, officer="o-1")
    where: dict[str, Any] = {
        "election": made_up.election, "regency": REGENCY, "monitor_url": broker.server.monitor_url,
        "credentials": broker.accounts.service_credentials,
    }  # fmt: skip
    async with (
        await JetStreamJournal.open(broker.server.url, **where) as journal,
        await JetStreamRegistry.open(broker.server.url, **where) as registry,
    ):
        commits = GroupCommit(journal)
        admission = await made_up.door(journal, registry, commits.submit)
        async with await NatsDoor.open(broker.server.url, admission, where["credentials"]) as door:
            assert door.state == "ok"
            yield Office(made_up, journal, admission, door)
        await commits.close()


def births(log: DeviceLog, count: int) -> list[Held]:
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
    return [log.append("listed", tps=TPS, at=AT, source="dp4", person=person) for _ in range(count)]


# --- a push and its answer -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["tcp", "websocket"])
async def test_a_push_is_receipted(broker: Broker, office: Office, over: str) -> None:
    """The answer to a push is the service's signed receipt, over TCP and over WebSocket; again is answered again."""
    phone = await broker.device(ANNA.device, over)
    body = signed_push(births(office.log(), 3))
    for _ in range(2):
        answer = await phone.push(body)
        assert answer.headers == {CONTENT_TYPE: "application/json"}
        signed = read_receipt(answer.data)
        service = office.made_up.service.public
        assert signed.signed_by({service.device: service})
        assert (signed.receipt.device, signed.receipt.seq) == (ANNA.device, 3)
    assert await office.held() == 3


async def test_anybody_carries_anybodys_log(broker: Broker, office: Office) -> None:
    """A device pushes under its own subject what another one has signed (SPEC 7.1)."""
    carrier = await broker.device(BUDI.device)
    answer = await carrier.push(signed_push(births(office.log(ANNA), 2)))
    assert read_receipt(answer.data).receipt.device == ANNA.device


def too_large(office: Office) -> bytes:
    return b"x" * 900_001


def malformed(office: Office) -> bytes:
    return b"{}\n"


def wrong_election(office: Office) -> bytes:
    return signed_push(births(office.log(election="another-2024"), 1))


def unknown_device(office: Office) -> bytes:
    return signed_push(births(office.log(made_up_key(1, "nobody")), 1))


def bad_signature(office: Office) -> bytes:
    held = births(office.log(), 1)
    forged = sign_head(BUDI, office.made_up.election, 1, held[0].hash)
    return write_push([held[0].line], msgspec.structs.replace(forged, device=ANNA.device))


def equivocation(office: Office) -> bytes:
    return signed_push(births(office.log(prev="A" * 42 + "E"), 1))  # before the first event there is none


def gap(office: Office) -> bytes:
    return signed_push(births(office.log(), 3)[2:])


def broken_chain(office: Office) -> bytes:
    first = births(office.log(), 1)
    return signed_push([*first, *births(office.log(seq=1, prev="A" * 43), 1)])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (too_large, 413), (malformed, 400), (wrong_election, 409), (unknown_device, 403), (bad_signature, 403),
        (equivocation, 409), (gap, 409), (broken_chain, 409),
    ],
)  # fmt: skip
async def test_every_refusal_has_its_name(
    broker: Broker, office: Office, contract_schema: Any, body: Callable[[Office], bytes], status: int
) -> None:
    """A refused push is the problem that HTTP answers, its name in the headers too, and nothing of it is stored."""
    phone = await broker.device(ANNA.device)
    answer = await phone.push(body(office))
    code = body.__name__
    assert answer.headers == {CONTENT_TYPE: "application/problem+json", ERROR: code, ERROR_CODE: str(status)}
    problem = msgspec.json.decode(answer.data)
    contract_schema("problem").validate(problem)
    assert (problem["code"], problem["status"], problem.get("expected")) == (code, status, 1 if code == "gap" else None)
    assert await office.held() == 0


PACKED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}


def with_wide_window(body: bytes) -> bytes:
    """A frame that asks its reader for 128 MiB, whatever is in it."""
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    packer = zstd.ZstdCompressor(options=options)
    return packer.compress(body) + packer.flush()


def registry_line(office: Office, kind: str = "window_opened", **more: Any) -> bytes:
    """One line of ANNA's log in the registry, the first unless `seq` and `prev` say otherwise."""
    seq, prev = more.pop("seq", 0), more.pop("prev", "A" * 43)
    of: dict[str, Any] = {"election": office.made_up.election, "regency": REGENCY, **more}
    log = RegistryLog(of.pop("key", ANNA), officer="o-1", role="kpu", **of)
    log.seq, log.prev = seq, prev
    return log.append(kind, area=of["regency"], at=AT).line


@pytest.mark.parametrize(
    ("lines", "code", "status"),
    [
        (lambda office: [registry_line(office)] * 201, "too_large", 413),
        (lambda office: [registry_line(office)[:-1]], "malformed", 400),
        (lambda office: [registry_line(office, election="another-2024")], "wrong_election", 409),
        (lambda office: [registry_line(office, regency="9403")], "wrong_election", 409),
        (lambda office: [registry_line(office, key=made_up_key(1, "nobody"))], "unknown_device", 403),
        (lambda office: [forged(registry_line(office), registry_line(office, key=BUDI))], "bad_signature", 403),
        (lambda office: [registry_line(office, prev="A" * 42 + "E")], "equivocation", 409),
        (lambda office: [registry_line(office, seq=2)], "gap", 409),
        (lambda office: [registry_line(office), registry_line(office, seq=1)], "broken_chain", 409),
    ],
)
async def test_every_refusal_of_a_registry_line_has_its_name(
    broker: Broker, office: Office, lines: Callable[[Office], list[bytes]], code: str, status: int
) -> None:
    """A registry event that comes by the broker is refused by the names that HTTP has, and none of them is taken."""
    phone = await broker.device(ANNA.device)
    answer = await phone.push(b"".join(line + b"\n" for line in lines(office)))
    assert answer.headers is not None
    assert (answer.headers[ERROR], answer.headers[ERROR_CODE]) == (code, str(status))
    taken = read_receipt((await phone.push(registry_line(office) + b"\n")).data).receipt
    assert (taken.log, taken.seq) == ("registry", 1)
    other = await phone.push(registry_line(office, "window_closed") + b"\n")
    assert other.headers is not None and other.headers[ERROR] == "equivocation"


def forged(line: bytes, other: bytes) -> bytes:
    """`line` under the signature of `other`."""
    return line.rpartition(b'"signature"')[0] + b'"signature"' + other.rpartition(b'"signature"')[2]


async def test_packed_pushes_are_taken_like_plain_ones(broker: Broker, office: Office) -> None:
    """A push may come as gzip or zstd; cut, unknown and oversized ones are named, and nothing of them is stored."""
    phone = await broker.device(ANNA.device)
    log = office.log()
    for seq, (name, pack) in enumerate(PACKED.items(), start=1):
        sent, headers = pack(signed_push(births(log, 1))), {"Content-Encoding": name}
        for wrong, code, status in (
            (sent[:-3], "bad_encoding", "400"),
            (sent + sent, "bad_encoding", "400"),
            (b"", "bad_encoding", "400"),
            (pack(b"\n" * 900_001), "too_large", "413"),
            (pack(bytes(200_000_000)), "too_large", "413"),
        ):
            refused = await phone.push(wrong, headers)
            assert refused.headers is not None
            assert (refused.headers[ERROR], refused.headers[ERROR_CODE]) == (code, status)
        assert read_receipt((await phone.push(sent, headers)).data).receipt.seq == seq
    assert await office.held() == 2


@pytest.mark.parametrize(
    ("encoding", "pack", "code"),
    [
        ("br", bytes, "unsupported_media_type"),
        ("gzip, gzip", gzip.compress, "unsupported_media_type"),
        ("zstd", with_wide_window, "bad_encoding"),
        ("zstd", gzip.compress, "bad_encoding"),
        ("gzip", zstd.compress, "bad_encoding"),
    ],
)
async def test_other_encodings_are_refused_by_name(
    broker: Broker, office: Office, encoding: str, pack: Callable[[bytes], bytes], code: str
) -> None:
    """Another encoding, two of them, a window beyond 8 MiB or the wrong name: refused, and told what would be taken."""
    phone = await broker.device(ANNA.device)
    answer = await phone.push(pack(signed_push(births(office.log(), 1))), {"Content-Encoding": encoding})
    assert answer.headers is not None and answer.headers[ERROR] == code
    assert answer.headers.get("Accept-Encoding") == ("gzip, zstd" if code == "unsupported_media_type" else None)
    assert await office.held() == 0


# --- what a device may not -------------------------------------------------------------------------------------------


async def test_a_device_writes_under_its_own_name_only(broker: Broker, office: Office) -> None:
    """Neither another's subject, nor the journal's, nor anything of the broker's takes a word of a device."""
    phone = await broker.device(ANNA.device)
    stream = f"ECOKLIT-{office.made_up.election}-{REGENCY}"
    subjects = [
        f"ecoklit.push.{BUDI.device}", "ecoklit.push", f"ecoklit.push.{ANNA.device}.more",
        f"ecoklit.{office.made_up.election}.{REGENCY}.{ANNA.device}",
        f"ecoklit.{office.made_up.election}.{REGENCY}-registry.{ANNA.device}",
        f"ecoklit.{office.made_up.election}.{REGENCY}-persons.{ANNA.device}.1",
        f"$JS.API.STREAM.INFO.{stream}", "$JS.API.STREAM.LIST", f"$JS.API.STREAM.DELETE.{stream}",
        f"$JS.API.DIRECT.GET.{stream}", f"$JS.API.CONSUMER.CREATE.{stream}", "$JS.API.STREAM.CREATE.MINE",
        "$SYS.REQ.CLAIMS.UPDATE", f"{inbox_of('service')}.x", f"{inbox_of(BUDI.device)}.x",
    ]  # fmt: skip
    for subject in subjects:
        await phone.client.publish(subject, b"{}")
    await phone.assert_forbidden(*subjects)
    assert await office.held() == 0


async def test_a_device_hears_its_own_answers_only(broker: Broker, office: Office) -> None:
    """Nobody listens to another's answers, to what others push, or to the journal."""
    phone = await broker.device(ANNA.device)
    subjects = [
        ">", "ecoklit.>", "ecoklit.push.*", f"ecoklit.push.{BUDI.device}", f"ecoklit.push.{ANNA.device}",
        "_INBOX.>", f"{inbox_of(BUDI.device)}.>", f"{inbox_of('service')}.>", "*.>", "$JS.API.>", "$SYS.>",
    ]  # fmt: skip
    for subject in subjects:
        # One at a time: a device may have no more than a few.
        subscription = await phone.client.subscribe(subject)
        await phone.assert_forbidden(subject)
        with contextlib.suppress(nats.errors.Error):
            await subscription.unsubscribe()


@pytest.mark.parametrize("into", ["journal", "broker", "others inbox", "service inbox", "none"])
async def test_an_answer_goes_to_the_askers_own_inbox_only(broker: Broker, into: str) -> None:
    """A device cannot have the service write for it, by asking for its answer elsewhere: such a push is not taken."""
    reply = {
        "journal": f"ecoklit.pilkada-2024.{REGENCY}.{ANNA.device}",
        "broker": f"$JS.API.STREAM.DELETE.ECOKLIT-pilkada-2024-{REGENCY}",
        "others inbox": f"{inbox_of(BUDI.device)}.x",
        "service inbox": f"{inbox_of('service')}.x",
        "none": "",
    }[into]
    service = Slow()
    service.go.set()
    async with behind_door(broker, service) as phone:
        await phone.client.publish(f"ecoklit.push.{ANNA.device}", b"first", reply=reply)
        # Requests are taken in order: when this one is answered, the other one has been seen.
        assert (await phone.push(b"second")).data == b"second"
    assert service.bodies == [b"second"]


# --- what the service and a reader may -------------------------------------------------------------------------------


async def test_the_service_cannot_destroy(broker: Broker, office: Office) -> None:
    """The service's own user cannot delete, empty, change, copy out or replace a stream, nor delete a message."""
    phone = await broker.device(ANNA.device)
    await phone.push(signed_push(births(office.log(), 2)))
    service = await broker.service()
    stream = f"ECOKLIT-{office.made_up.election}-{REGENCY}"
    subjects = [
        f"$JS.API.{verb}.{stream}{kind}"
        for kind in ("", "-persons", "-registry")
        for verb in (
            "STREAM.DELETE", "STREAM.PURGE", "STREAM.UPDATE", "STREAM.MSG.DELETE", "STREAM.SNAPSHOT", "STREAM.RESTORE",
            "STREAM.PEER.REMOVE", "STREAM.LEADER.STEPDOWN",
        )
    ]  # fmt: skip
    subjects += [f"$JS.API.ACCOUNT.PURGE.{broker.accounts.account}", "$SYS.REQ.CLAIMS.UPDATE", f"{inbox_of('x')}.y"]
    for subject in subjects:
        await service.client.publish(subject, b"{}")
    await service.assert_forbidden(*subjects)
    assert await office.held() == 2


async def test_the_service_cannot_weaken_a_stream_by_making_it_again(broker: Broker, office: Office) -> None:
    """To create a stream that is there with another configuration changes nothing."""
    service = await broker.service()
    name = f"ECOKLIT-{office.made_up.election}-{REGENCY}"
    before = await info(service, name)
    weaker = before["config"] | {"deny_delete": False, "deny_purge": False}
    answer = await service.client.request(f"$JS.API.STREAM.CREATE.{name}", msgspec.json.encode(weaker), timeout=WAIT)
    assert msgspec.json.decode(answer.data)["error"]["err_code"] == 10058
    assert (await info(service, name))["config"] == before["config"]


async def info(caller: Caller, stream: str) -> dict[str, Any]:
    answer = await caller.client.request(f"$JS.API.STREAM.INFO.{stream}", b"{}", timeout=WAIT)
    decoded: dict[str, Any] = msgspec.json.decode(answer.data)
    return decoded


async def test_the_service_reads_fast(broker: Broker, office: Office) -> None:
    """Its rights are enough for a consumer of its own; without, the broker spends three times the work on a read."""
    phone = await broker.device(ANNA.device)
    await phone.push(signed_push(births(office.log(), 300)))
    assert len(await office.journal.read_events(0, 1000)) == 300
    assert office.journal._consumes


async def test_a_reader_reads_the_record_and_no_persons(broker: Broker, office: Office) -> None:
    """An auditor's mirror gets events and registry of its regency, and nothing else, and writes nothing."""
    phone = await broker.device(ANNA.device)
    held = births(office.log(), 1)
    await phone.push(signed_push(held))
    reader = await broker.reader(office.made_up.election)
    stream = f"ECOKLIT-{office.made_up.election}-{REGENCY}"
    subject = f"$JS.API.DIRECT.GET.{stream}"
    assert (await reader.client.request(subject, b'{"seq":1}', timeout=WAIT)).data == held[0].event_bytes
    first = await reader.client.request(f"{subject}-registry", b'{"seq":1}', timeout=WAIT)
    assert first.data == office.made_up.registry[0]
    assert (await info(reader, stream))["state"]["messages"] == 1
    subjects = [
        f"{subject}-persons", f"$JS.API.STREAM.MSG.GET.{stream}-persons", f"$JS.API.STREAM.INFO.{stream}-persons",
        f"$JS.API.DIRECT.GET.ECOKLIT-{office.made_up.election}-9405", f"$JS.API.CONSUMER.CREATE.{stream}",
        f"$JS.API.STREAM.DELETE.{stream}", f"ecoklit.{office.made_up.election}.{REGENCY}.{ANNA.device}",
        f"ecoklit.push.{ANNA.device}",
    ]  # fmt: skip
    for forbidden in subjects:
        await reader.client.publish(forbidden, b'{"seq":1}')
    await reader.assert_forbidden(*subjects)
    for overheard in ("ecoklit.push.*", f"ecoklit.{office.made_up.election}.>", f"{inbox_of('service')}.>"):
        await reader.client.subscribe(overheard)
        await reader.assert_forbidden(overheard)


async def test_nobody_gets_in_without_credentials(broker: Broker, tmp_path: Path) -> None:
    """Without credentials, or with those of another broker, the sentence says which setting is missing."""
    foreign = BrokerAccounts(tmp_path / "keys").service_credentials
    for creds in (None, foreign):
        with pytest.raises(JournalError, match="ECOKLIT_NATS_CREDS") as refused:
            await JetStreamJournal.open(
                broker.server.url, election="a", regency=REGENCY, allow_unsafe=True, credentials=creds
            )
        assert refused.value.code == "broker_refused"
        with pytest.raises(JournalError, match="ECOKLIT_NATS_CREDS"):
            await NatsDoor.open(broker.server.url, Slow(), creds)


async def test_a_device_cannot_let_others_in(broker: Broker) -> None:
    """Claims that a device signs for itself, or a user made by a scope with more rights, get nobody in."""
    from ecoklit.adapters.nats_credentials import claims

    own, user = BrokerKey.fresh(USER), BrokerKey.fresh(USER)
    said = {"type": "user", "issuer_account": broker.accounts.account}
    more = {**said, "pub": {"allow": [">"]}, "sub": {"allow": [">"]}, "subs": -1, "data": -1, "payload": -1}
    for signer, nats_claims in ((own, said), (broker.accounts._devices, more)):
        jwt = claims(signer, user.public, ANNA.device, nats_claims, 1)
        with pytest.raises(nats.errors.Error):
            await broker.caller(ANNA.device, credentials(jwt, user))


# --- shutting out ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["tcp", "websocket"])
async def test_a_revoked_device_is_cut_off(broker: Broker, office: Office, over: str) -> None:
    """A revocation cuts the live connection, and only that one; the device does not come in again."""
    user = BrokerKey.fresh(USER)
    creds = credentials(broker.accounts.issue_device(ANNA.device, user.public), user)
    revoked, other = await broker.caller(ANNA.device, creds, over), await broker.device(BUDI.device, over)
    await revoked.push(malformed(office))
    exclusion = NatsExclusion(broker.server.url, broker.accounts)
    await exclusion.shut_out([user.public])
    await asyncio.wait_for(revoked.cut.wait(), WAIT)
    with pytest.raises(nats.errors.Error, match="Authorization"):
        await broker.caller(ANNA.device, creds, over)
    assert read_receipt((await other.push(signed_push(births(office.log(BUDI), 1)))).data).receipt.seq == 1


async def test_who_is_shut_out_stays_out(tmp_path: Path) -> None:
    """Two revocations in one second both hold, and both outlive a restart of the broker; a third can come after."""
    users = [BrokerKey.fresh(USER) for _ in range(3)]
    async with started(tmp_path) as broker:
        creds = [credentials(broker.accounts.issue_device(ANNA.device, user.public), user) for user in users]
        exclusion = NatsExclusion(broker.server.url, broker.accounts)
        for user in users[:2]:
            await exclusion.shut_out([user.public])
    with pytest.raises(BrokerUnavailable, match="see that it runs"):
        await exclusion.shut_out([users[2].public])
    async with started(tmp_path) as broker:
        for one in creds:
            with pytest.raises(nats.errors.Error, match="Authorization"):
                await broker.caller(ANNA.device, one)
        phone = await broker.device(ANNA.device)
        await phone.client.close()


async def test_the_registry_shuts_out(
    broker: Broker, postgres_server: EmbeddedPostgres, schema: str, tmp_path: Path
) -> None:
    """A device gets in by the credentials that its enrolment gives it, and is cut when the registry revokes it."""
    settings = settings_for(
        tmp_path,
        broker.server,
        postgres_server,
        schema,
        nats_creds=broker.accounts.service_credentials,
        nats_keys=broker.server.folder / "keys",
    )
    made_up, user = MadeUpElection(settings.election, REGENCY), BrokerKey.fresh(USER)
    made_up.say(made_up.root, "device_enrolled", enrolled=ANNA.device, holder="o-1", key=ANNA.public, nkey=user.public)
    save_key(key_folder(tmp_path, settings.election, REGENCY), "service", made_up.service)
    async with open_house(settings) as house, kept_out(house), client_of(house) as http:
        await made_up.store(house.registry)
        let_in = (await http.get(f"/v1/credentials/{ANNA.device}")).json()
        assert (let_in["subject"], let_in["inbox"]) == (f"ecoklit.push.{ANNA.device}", inbox_of(ANNA.device))
        assert (await http.get(f"/v1/credentials/{BUDI.device}")).json()["code"] == "unknown_device"
        phone = await broker.caller(ANNA.device, credentials(let_in["jwt"], user))
        assert read_receipt((await phone.push(signed_push(born(settings.election)))).data).receipt.seq == 1
        made_up.say(made_up.root, "revoked", revoked=ANNA.device, from_seq=1)
        await made_up.store(house.registry)
        await asyncio.wait_for(phone.cut.wait(), WAIT)
        assert (await http.get(f"/v1/credentials/{ANNA.device}")).json()["code"] == "not_entitled"


def client_of(house: House) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=make_app(house))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://ecoklit")


def born(election: str) -> list[Held]:
    return births(DeviceLog(election, ANNA.device, officer="o-1", role="kpu", policy="2024-1"), 1)


@asynccontextmanager
async def kept_out(house: House) -> AsyncIterator[None]:
    stop = asyncio.Event()
    keeping = asyncio.create_task(keep_out(house, stop))
    yield
    stop.set()
    await keeping


# --- trouble ---------------------------------------------------------------------------------------------------------


class Slow:
    """A service that keeps everybody waiting until it is let go; then it answers, or fails as it was told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.bodies: list[bytes] = []
        self.go = asyncio.Event()
        self.error = error

    async def push(self, body: bytes) -> bytes:
        self.bodies.append(body)
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return body


@asynccontextmanager
async def behind_door(broker: Broker, service: Service) -> AsyncIterator[Caller]:
    async with await NatsDoor.open(broker.server.url, service, broker.accounts.service_credentials):
        yield await broker.device(ANNA.device)


async def test_too_many_at_once_are_told_to_wait(broker: Broker) -> None:
    """Over what one device may have under way the answer is `too_many`, and when to come again; none is lost."""
    slow = Slow()
    async with behind_door(broker, slow) as phone:
        asked = [asyncio.create_task(phone.push(b"x")) for _ in range(IN_FLIGHT_PER_DEVICE_MAX + 1)]
        done, waiting = await asyncio.wait(asked, timeout=WAIT, return_when=asyncio.FIRST_COMPLETED)
        (busy,) = (task.result() for task in done)
        assert busy.headers is not None
        assert (busy.headers[ERROR], busy.headers[ERROR_CODE]) == ("too_many", "429")
        assert 5 <= int(busy.headers[RETRY_AFTER]) <= 10
        assert len(slow.bodies) == IN_FLIGHT_PER_DEVICE_MAX
        slow.go.set()
        assert {(await task).data for task in waiting} == {b"x"}
        assert (await phone.push(b"again")).data == b"again"


async def test_both_doors_keep_one_rate(broker: Broker, office: Office) -> None:
    """What a device pushed over one door is charged at the other: over its rate it is told to wait, others are not."""
    gate = Gate(now=lambda: 0.0)  # a bucket that is filled again while the test is under way would prove nothing
    admission = office.admission
    budi = DeviceLog(office.made_up.election, BUDI.device, officer="o-1", role="kpu", policy="2024-1")
    async with await NatsDoor.open(
        broker.server.url, admission, broker.accounts.service_credentials, gate=gate
    ) as door:
        await office.door.close()  # or that one would take every second push, at a rate of its own
        assert door.state == "ok"
        phone = await broker.device(BUDI.device)
        body = signed_push(births(office.log(), 1))
        assert read_receipt((await phone.push(body)).data).receipt.seq == 1
        assert gate.devices.wait_seconds(ANNA.device) == 0
        gate.devices.charge(ANNA.device, PUSHES_PER_DEVICE.burst - 1)  # as by HTTP
        refused = await phone.push(body)
        assert refused.headers is not None
        assert (refused.headers[ERROR], refused.headers[ERROR_CODE]) == ("too_many", "429")
        assert int(refused.headers[RETRY_AFTER]) >= 1
        assert read_receipt((await phone.push(signed_push(births(budi, 1)))).data).receipt.seq == 1
        gate.requests.charge(BUDI.device, 2 * REQUESTS_PER_CALLER.burst)  # whoever asks has a rate too
        asked = await phone.push(b"")
        assert asked.headers is not None and asked.headers[ERROR] == "too_many"


async def test_more_than_fits_at_once_is_told_to_wait(broker: Broker) -> None:
    """Where no room is left the answer is 503 `service_busy` and when to come again, and nothing was taken."""
    slow = Slow()
    async with await NatsDoor.open(
        broker.server.url, slow, broker.accounts.service_credentials, gate=Gate(in_flight_max=0)
    ):
        answer = await (await broker.device(ANNA.device)).push(b"x")
    assert answer.headers is not None
    assert (answer.headers[ERROR], answer.headers[ERROR_CODE]) == ("service_busy", "503")
    assert 5 <= int(answer.headers[RETRY_AFTER]) <= 10
    assert slow.bodies == []


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [(JournalFull("The broker has no room: make some."), "journal_full", 503), (ValueError("Budi"), "fault", 500)],
)
async def test_a_fault_is_named_and_quotes_nobody(
    broker: Broker, error: EcoklitError | ValueError, code: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is away says when to come again; what nobody foresaw is a fault without its text, which can be a name."""
    slow = Slow(error)
    slow.go.set()
    async with behind_door(broker, slow) as phone:
        answer = await phone.push(b"x")
    assert answer.headers is not None
    assert (answer.headers[ERROR], answer.headers[ERROR_CODE]) == (code, str(status))
    assert (RETRY_AFTER in answer.headers) is (status == 503)
    assert b"Budi" not in answer.data
    written = capsys.readouterr()
    assert "Budi" not in written.out + written.err


async def test_a_door_that_closes_answers_first(broker: Broker) -> None:
    """What is under way when the service stops is still answered."""
    slow = Slow()
    async with behind_door(broker, slow) as phone:
        asked = asyncio.create_task(phone.push(b"x"))
        while not slow.bodies:
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_later(0.05, slow.go.set)
    assert (await asked).data == b"x"


async def test_the_door_comes_back_with_the_broker(tmp_path: Path) -> None:
    """After a restart of the broker the door answers as before, and says meanwhile that it is shut."""
    service = Slow()
    service.go.set()
    async with started(tmp_path) as broker:
        port = int(broker.server.url.rpartition(":")[2])
        door = await NatsDoor.open(broker.server.url, service, broker.accounts.service_credentials)
    async with door:
        async with asyncio.timeout(WAIT):
            while door.state != "broker_unavailable":
                await asyncio.sleep(0.01)
        async with started(tmp_path, port) as broker:
            async with asyncio.timeout(WAIT):
                while door.state != "ok":
                    await asyncio.sleep(0.05)
            phone = await broker.device(ANNA.device)
            assert (await phone.push(b"x")).data == b"x"
            await phone.client.close()


async def test_a_door_that_may_not_listen_says_so(broker: Broker) -> None:
    """With credentials that do not let it listen, the state of the door is the broker's refusal."""
    user = BrokerKey.fresh(USER)
    creds = broker.server.folder / "device.creds"
    creds.write_text(credentials(broker.accounts.issue_device(ANNA.device, user.public), user))
    async with await NatsDoor.open(broker.server.url, Slow(), creds) as door, asyncio.timeout(WAIT):
        while door.state != "broker_refused":
            await asyncio.sleep(0.01)
