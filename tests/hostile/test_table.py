"""Every hostile phone of the table, by HTTP and by NATS, against a service as it runs, with ten thousand connections
open that send nothing: each is refused by the contract's name, or taken aside by it and in sight. Honest phones go on.

What each door refuses by itself, and every standing with what releases it, is in tests/integration: test_nats_door.py,
test_every_quarantine.py.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import socket
import tempfile
import uuid
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import httpx
import msgspec
import pytest
import pytest_asyncio
from backports import zstd
from nats.aio.client import Client, RawCredentials

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.nats_credentials import USER, BrokerKey, credentials
from ecoklit.adapters.nats_door import ERROR
from ecoklit.contract import policies
from ecoklit.core import canonical, ids, roll, wire
from ecoklit.core.broker_names import inbox_of, pull_subject, push_subject, registry_subject
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.head import sign_head
from ecoklit.core.limits import LINE_BYTES_MAX, PUSH_BYTES_MAX
from ecoklit.core.push_file import write_push
from ecoklit.core.receipt import Receipt, read_receipt
from ecoklit.core.registry import fold_registry
from ecoklit.core.registry_event import RegistryLog
from ecoklit.core.replica import fold
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held
from ecoklit.testing.hostile.besieged import Besieged, besieged
from ecoklit.testing.made_up_keys import known_key, made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push

REGENCY = "9404"
VILLAGE, OTHER_VILLAGE = "9404012001", "9404012002"
TPS, OTHER_TPS, HONEST_TPS = f"{VILLAGE}001", f"{OTHER_VILLAGE}001", f"{VILLAGE}002"
AT = "2024-06-25T09:00:00+09:00"
NDJSON = {"content-type": "application/x-ndjson"}
SILENT = 10_000
FILES_SPARE = 500
SILENCE_SECONDS_MAX = 45.0
WAIT = 30.0
HELD = ""
"""Instead of the name of a refusal: the push is taken."""


class Answer(NamedTuple):
    """What a door answered: the name of the refusal, "" for none, and the body."""

    code: str
    body: bytes


class World:
    """The service under attack, one kpu, and phones that are made when somebody needs one."""

    def __init__(self, service: Besieged, http: httpx.AsyncClient) -> None:
        self.service = service
        self.http = http
        self.election = service.election
        self.kpu = self.log("kpu", "kpu")
        self.honest = self.log("honest", "pantarlih")
        self.honest_said: list[Held] = []
        self.receipts: list[Receipt] = []
        self.births: list[Held] = []
        self._numbers = iter(range(1, 1000))
        self._stored = asyncio.Lock()

    def log(self, name: str, role: str) -> DeviceLog:
        key = made_up_key(self.election.seed, name)
        return DeviceLog(self.election.election, key.device, officer=name, role=role, policy="2024-1")

    async def phone(self, role: str = "pantarlih", area: str = TPS) -> DeviceLog:
        """A phone that nobody used yet, enrolled and assigned."""
        name = f"phone-{next(self._numbers)}"
        async with self._stored:
            self.election.device(name, role, area)
            await self.election.store(self.service.registry)
        return self.log(name, role)

    async def listed(self, tps: str = TPS) -> Held:
        """A voter of its own on the list of a TPS, listed by an honest office."""
        person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
        async with self._stored:
            held = self.kpu.append("listed", tps=tps, at=AT, source="dp4-2024", person=person)
            self.births.append(held)
            await self.said(held)
        return held

    async def said(self, *held: Held) -> None:
        """What an honest device said, sent and receipted; it is in the fold."""
        answer = await self.http.post("/v1/push", content=signed_push(held), headers=NDJSON)
        assert answer.status_code == 200, answer.text
        self.receipts.append(self.receipt(answer.content))
        self.honest_said.extend(held)

    async def honest_work(self) -> None:
        """One more visit by the honest phone, to a voter of its own."""
        birth = await self.listed(HONEST_TPS)
        await self.said(self.visit(self.honest, birth, tps=HONEST_TPS))

    def receipt(self, line: bytes) -> Receipt:
        signed = read_receipt(line)
        assert signed.signed_by({self.election.service.device: self.election.service.public})
        return signed.receipt

    def visit(self, log: DeviceLog, *seen: Held, tps: str = TPS) -> Held:
        return log.append("found", tps=tps, at=AT, voter=seen[0].voter, seen=seen, how="in_person")

    async def projected(self) -> None:
        """Wait until the roll shows all that the journal holds."""
        last = (await self.service.journal.last()).events
        async with asyncio.timeout(WAIT):
            while (await self.http.get(f"/v1/recap/{REGENCY}")).json()["as_of"]["events"] < last:
                await asyncio.sleep(0.02)

    async def rolls(self) -> dict[str, str]:
        """The digests that the service quotes for the TPS of the table."""
        found = {}
        for tps in (TPS, OTHER_TPS, HONEST_TPS):
            answer = await self.http.get(f"/v1/rolls/{tps}")
            if answer.status_code == 200 and answer.json()["voters"]:
                found[tps] = answer.json()["digest"]
        return found

    def folded(self) -> dict[str, str]:
        """The digests of what honest devices said, and of nothing else, by the law alone."""
        digests = roll.digests(roll.leaves(fold(self.honest_said, policies()).states()))
        return {tps: digests[tps].hex() for tps in (TPS, OTHER_TPS, HONEST_TPS) if tps in digests}

    async def standing(self, held: Held) -> str:
        history = (await self.http.get(f"/v1/voters/{held.voter}/history")).json()["events"]
        return str(next(one for one in history if (one["device"], one["seq"]) == held.dot)["standing"])

    async def push(self, over: str, body: bytes, carrier: str, encoding: str = "") -> Answer:
        packed = {"Content-Encoding": encoding} if encoding else {}
        if over == "http":
            answer = await self.http.post("/v1/push", content=body, headers=NDJSON | packed)
            return Answer("" if answer.status_code == 200 else answer.json()["code"], answer.content)
        return await self.ask(push_subject(carrier), body, carrier, packed)

    async def ask(self, subject: str, body: bytes, carrier: str, headers: dict[str, str] | None = None) -> Answer:
        """What is answered over NATS."""
        user, client = BrokerKey.fresh(USER), Client()
        creds = credentials(self.service.accounts.issue_device(carrier, user.public), user)
        await client.connect(
            self.service.broker.url, user_credentials=RawCredentials(creds), inbox_prefix=inbox_of(carrier),
            allow_reconnect=False,
        )  # fmt: skip
        try:
            message = await client.request(subject, body, timeout=WAIT, headers=headers or None)
            return Answer((message.headers or {}).get(ERROR, ""), message.data)
        finally:
            await client.close()


class Silence:
    """Connections that send nothing, to the service and to its broker."""

    def __init__(self, http: list[socket.socket], nats: list[socket.socket]) -> None:
        self.http = http
        self.nats = nats
        self.grown_mib = 0.0

    def open_now(self) -> int:
        return sum(_is_open(one) for one in self.http)

    def close(self) -> None:
        for one in (*self.http, *self.nats):
            one.close()


def _is_open(connection: socket.socket) -> bool:
    try:
        while data := connection.recv(4096):  # a broker says who it is before anybody speaks
            del data
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(postgres_server: EmbeddedPostgres) -> AsyncIterator[World]:
    schema = f"test_{uuid.uuid4().hex[:16]}"
    election = MadeUpElection(f"siege-{uuid.uuid4().hex[:12]}", REGENCY)
    election.device("kpu")
    election.device("honest", "pantarlih", HONEST_TPS)
    election.say(election.root, "tps_set", tps=sorted((TPS, OTHER_TPS, HONEST_TPS)))
    with tempfile.TemporaryDirectory(prefix="ecoklit-") as folder:
        async with (
            besieged(Path(folder), postgres_server.dsn, election, schema) as service,
            httpx.AsyncClient(base_url=service.url, timeout=WAIT, headers=service.readers[0]) as http,
        ):
            yield World(service, http)
            assert "fault" not in service.log.read_text()
    connection = await asyncpg.connect(postgres_server.dsn)
    await connection.execute(f"drop schema if exists {schema} cascade")
    await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def silence(world: World) -> AsyncIterator[Silence]:
    """Ten thousand, or as many as this machine lets one process open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(SILENT, (hard - FILES_SPARE) * 5 // 6)
    before = world.service.memory_mib()
    silence = Silence(
        [_connected(world.service.url) for _ in range(count)],
        [_connected(world.service.broker.url) for _ in range(count // 5)],
    )
    await world.honest_work()
    assert silence.open_now() == count
    silence.grown_mib = world.service.memory_mib() - before
    yield silence
    silence.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _connected(url: str) -> socket.socket:
    at = httpx.URL(url)
    connection = socket.create_connection((at.host, at.port or 0))
    connection.setblocking(False)
    return connection


# --- what is refused -------------------------------------------------------------------------------------------------
# Each makes the body of a hostile push; `log` is an enrolled phone's, of the TPS, and has said nothing yet.

Attack = Callable[[World, DeviceLog, Held], bytes]


def signed(log: DeviceLog, lines: list[bytes], last: Held, key: Key | None = None) -> bytes:
    """Any lines, ended by a head over `last`."""
    head = sign_head(key or known_key(log.device), log.election, last.seq, last.hash)
    return write_push(lines, msgspec.structs.replace(head, device=log.device))


def wrong_key(world: World, log: DeviceLog, birth: Held) -> bytes:
    held = world.visit(log, birth)
    return signed(log, [held.line], held, world.election.service)


def a_key_that_nobody_enrolled(world: World, log: DeviceLog, birth: Held) -> bytes:
    return signed_push([world.visit(world.log(f"nobody-{log.device}", "pantarlih"), birth)])


def another_devices_events(world: World, log: DeviceLog, birth: Held) -> bytes:
    """Written in the name of the honest phone, and signed by the one that has them."""
    seq = world.honest.seq
    forged = DeviceLog(
        log.election, world.honest.device, officer="honest", role="pantarlih", policy="2024-1", seq=seq,
        prev=world.honest.prev,
    )  # fmt: skip
    held = world.visit(forged, birth)
    return signed(forged, [held.line], held, known_key(log.device))


def another_devices_events_as_its_own(world: World, log: DeviceLog, birth: Held) -> bytes:
    own = world.visit(log, birth)
    return signed(log, [world.births[0].line, own.line], own)


def from_another_election(world: World, log: DeviceLog, birth: Held) -> bytes:
    abroad = DeviceLog("pilkada-2029", log.device, officer=log.officer, role="pantarlih", policy="2024-1")
    return signed_push([world.visit(abroad, birth)])


def spliced_gap(world: World, log: DeviceLog, birth: Held) -> bytes:
    first, _, third = (world.visit(log, birth) for _ in range(3))
    return signed(log, [first.line, third.line], third)


def spliced_chain(world: World, log: DeviceLog, birth: Held) -> bytes:
    """The second event goes on from another first one."""
    first, other = (world.visit(one, birth) for one in (log, again(log)))
    assert first.hash == other.hash
    strange = DeviceLog(
        log.election, log.device, officer=log.officer, role="pantarlih", policy="2024-1", seq=1,
        prev=ids.to_base64url(birth.hash),
    )  # fmt: skip
    second = world.visit(strange, birth)
    return signed(log, [first.line, second.line], second)


def spliced_beginning(world: World, log: DeviceLog, birth: Held) -> bytes:
    """A first event that claims to go on from something."""
    return signed_push([world.visit(again(log, prev=ids.to_base64url(birth.hash)), birth)])


def a_head_of_something_else(world: World, log: DeviceLog, birth: Held) -> bytes:
    first, second = world.visit(log, birth), world.visit(log, birth)
    return signed(log, [first.line], second)


def again(log: DeviceLog, **more: Any) -> DeviceLog:
    """The same phone, as it began."""
    return DeviceLog(log.election, log.device, officer=log.officer, role=log.role, policy="2024-1", **more)


def without_a_head(world: World, log: DeviceLog, birth: Held) -> bytes:
    return world.visit(log, birth).line + b"\n"


def two_heads(world: World, log: DeviceLog, birth: Held) -> bytes:
    body = signed_push([world.visit(log, birth)])
    return body + body.splitlines(keepends=True)[-1]


def oversize(world: World, log: DeviceLog, birth: Held) -> bytes:
    return b"x" * (PUSH_BYTES_MAX + 1)


def too_many_events(world: World, log: DeviceLog, birth: Held) -> bytes:
    return b'{"event":{}}\n' * 1001


def an_oversize_line(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line[:-1] + b',"person":{"note":"%b"}}' % (b"x" * LINE_BYTES_MAX))


def deep_json(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"v":1', b'"v":' + b"[" * 17 + b"]" * 17))


def deeper_json(world: World, log: DeviceLog, birth: Held) -> bytes:
    return b'{"event":' * 50_000


def a_duplicate_key(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"v":1', b'"v":1,"v":1'))


def a_duplicate_key_spelled_otherwise(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"v":1', b'"v":1,"\\u0076":1'))


def two_events_in_a_line(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: b'{"event":{},' + line[1:])


def white_space(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"v":1', b'"v": 1'))


def keys_out_of_order(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"at":', b'"zt":').replace(b'"v":1', b'"at":1'))


def a_number_spelled_otherwise(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"v":1', b'"v":1.0'))


def an_exponent(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"v":1', b'"v":1e0'))


def a_number_too_large(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"v":1', b'"v":9007199254740992'))


def a_number_of_many_digits(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"v":1', b'"v":' + b"9" * 10_000))


def not_a_number(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"v":1', b'"v":NaN'))


def an_escape_that_is_not_needed(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"found"', b'"\\u0066ound"'))


def a_lone_surrogate(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"found"', b'"\\ud800"'))


def a_lone_surrogate_as_bytes(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"found"', b'"\xed\xa0\x80"'))


def invalid_utf8(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"found"', b'"\xff\xfe"'))


def overlong_utf8(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(b'"found"', b'"\xc1\xa6ound"'))


def a_byte_order_mark(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: b"\xef\xbb\xbf" + line)


def a_carriage_return(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line + b"\r")


def a_null_byte(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line + b"\x00")


def a_device_that_is_a_pattern(world: World, log: DeviceLog, birth: Held) -> bytes:
    return rewritten(world, log, birth, lambda line: line.replace(log.device.encode(), b"*"))


def rewritten(world: World, log: DeviceLog, birth: Held, change: Callable[[bytes], bytes]) -> bytes:
    """One good event, its line changed afterwards, under a head that is made for the changed bytes."""
    line = change(world.visit(log, birth).line)
    event_bytes = line[len(b'{"event":') : -1]
    head = sign_head(known_key(log.device), log.election, 1, ids.sha256(event_bytes))
    return write_push([line], head)


def a_registry_event_of_a_stranger(world: World, log: DeviceLog, birth: Held) -> bytes:
    key = made_up_key(7, f"stranger-{log.device}")
    return registry_of(world, key, "assigned", area=REGENCY, officer_assigned="me", role_assigned="kpu")


def a_registry_event_forged_in_the_roots_name(world: World, log: DeviceLog, birth: Held) -> bytes:
    said = world.election.lines
    last = max((one for one in said if one.device == world.election.root.device), key=lambda one: one.seq)
    forged = RegistryLog(
        world.election.root, election=log.election, regency=REGENCY, officer="kpu", role="kpu", seq=last.seq,
        prev=ids.to_base64url(last.hash),
    ).append("revoked", at=AT, revoked=world.honest.device, from_seq=1)  # fmt: skip
    signature = known_key(log.device).signature(forged.message)
    return forged.line.replace(forged.signature.encode(), signature.encode()) + b"\n"


def a_registry_event_of_another_election(world: World, log: DeviceLog, birth: Held) -> bytes:
    key = known_key(log.device)
    abroad = RegistryLog(key, election="pilkada-2029", regency=REGENCY, officer=log.officer, role="pantarlih")
    return abroad.append("window_closed", at=AT, area=REGENCY).line + b"\n"


def a_registry_event_of_another_regency(world: World, log: DeviceLog, birth: Held) -> bytes:
    abroad = RegistryLog(
        known_key(log.device), election=log.election, regency="9405", officer=log.officer, role="pantarlih"
    )
    return abroad.append("window_closed", at=AT, area="9405").line + b"\n"


def registry_of(world: World, key: Key, type: str, **fields: Any) -> bytes:
    log = RegistryLog(key, election=world.election.election, regency=REGENCY, officer="me", role="kpu")
    return log.append(type, at=AT, **fields).line + b"\n"


REFUSED: list[tuple[Attack, str]] = [
    (wrong_key, "bad_signature"),
    (a_key_that_nobody_enrolled, "unknown_device"),
    (another_devices_events, "bad_signature"),
    (another_devices_events_as_its_own, "malformed"),
    (from_another_election, "wrong_election"),
    (spliced_gap, "gap"),
    (spliced_chain, "broken_chain"),
    (spliced_beginning, "equivocation"),
    (a_head_of_something_else, "bad_signature"),
    (without_a_head, "malformed"),
    (two_heads, "malformed"),
    (oversize, "too_large"),
    (too_many_events, "too_large"),
    (an_oversize_line, "malformed"),
    (deep_json, "malformed"),
    (deeper_json, "malformed"),
    (a_duplicate_key, "malformed"),
    (a_duplicate_key_spelled_otherwise, "malformed"),
    (two_events_in_a_line, "malformed"),
    (white_space, "malformed"),
    (keys_out_of_order, "malformed"),
    (a_number_spelled_otherwise, "malformed"),
    (an_exponent, "malformed"),
    (a_number_too_large, "malformed"),
    (a_number_of_many_digits, "malformed"),
    (not_a_number, "malformed"),
    (an_escape_that_is_not_needed, "malformed"),
    (a_lone_surrogate, "malformed"),
    (a_lone_surrogate_as_bytes, "malformed"),
    (invalid_utf8, "malformed"),
    (overlong_utf8, "malformed"),
    (a_byte_order_mark, "malformed"),
    (a_carriage_return, "malformed"),
    (a_null_byte, "malformed"),
    (a_device_that_is_a_pattern, "malformed"),
    (a_registry_event_of_a_stranger, "unknown_device"),
    (a_registry_event_forged_in_the_roots_name, "bad_signature"),
    (a_registry_event_of_another_election, "wrong_election"),
    (a_registry_event_of_another_regency, "wrong_election"),
]


@pytest.mark.parametrize("over", ["http", "nats"])
@pytest.mark.parametrize(("attack", "code"), [pytest.param(*row, id=row[0].__name__) for row in REFUSED])
async def test_what_is_refused_leaves_nothing(
    world: World, silence: Silence, attack: Attack, code: str, over: str
) -> None:
    """Every forgery is refused by its name over both doors, nothing of it is stored, and an honest phone that pushes at
    the same moment is receipted."""
    birth, log = await world.listed(), await world.phone()
    events, lines = (await world.service.journal.last()).events, await world.service.registry.last()
    body = attack(world, log, birth)
    answer, _ = await asyncio.gather(world.push(over, body, log.device), world.honest_work())
    assert answer.code == code, answer.body
    problem = msgspec.json.decode(answer.body)
    assert problem["code"] == code and len(problem["detail"]) < 600
    assert (await world.service.journal.last()).events == events + 2  # what the honest ones said meanwhile
    assert await world.service.registry.last() == lines
    assert await world.service.journal.head(log.device) is None


async def test_who_sends_too_much_is_told(world: World) -> None:
    """A body that is a little too large is taken in before it is refused, or whoever sends it would be cut off and
    never read why; whoever breaks off in the middle is no fault of the service, whose log is read at the end."""
    for _ in range(20):
        assert (await world.push("http", b"x" * (PUSH_BYTES_MAX + 1), "")).code == "too_large"
    at = httpx.URL(world.service.url)
    for _ in range(20):
        _, writer = await asyncio.open_connection(at.host, at.port)
        writer.write(
            b"POST /v1/push HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
            b"Content-Length: 1000\r\n\r\nabc"
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    await world.honest_work()


PACKED = {"gzip": gzip.compress, "zstd": zstd.compress}


@pytest.mark.parametrize("over", ["http", "nats"])
@pytest.mark.parametrize("encoding", PACKED)
async def test_a_bomb_is_never_unpacked(world: World, encoding: str, over: str) -> None:
    """A quarter of a gigabyte of nothing in a small body is refused, and the service needs no memory for it; a bomb
    within a bomb is the bytes of the inner one."""
    before, carrier, pack = world.service.memory_mib(), world.honest.device, PACKED[encoding]
    bomb = bomb_of(encoding)
    for body, named, code in (
        (bomb, encoding, "too_large"),
        (pack(pack(b"\n" * 1000)), encoding, "malformed"),
        (bomb[:-1], encoding, "too_large"),
        (bomb, f"{encoding}, {encoding}", "unsupported_media_type"),
        (pack(b"x")[:-1], encoding, "bad_encoding"),
    ):
        answer, _ = await asyncio.gather(world.push(over, body, carrier, named), world.honest_work())
        assert answer.code == code
    assert world.service.memory_mib() < before + 64


def bomb_of(encoding: str) -> bytes:
    """256 MiB of nothing."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31) if encoding == "gzip" else zstd.ZstdCompressor()
    bomb = b"".join([*(pack.compress(bytes(2**24)) for _ in range(16)), pack.flush()])
    assert len(bomb) < PUSH_BYTES_MAX
    return bomb


@pytest.mark.parametrize("subject", [pull_subject, registry_subject])
async def test_a_question_of_garbage_is_a_bad_argument(world: World, subject: Callable[[str], str]) -> None:
    """Over NATS a question is a body too: whatever it is made of, it is refused by name."""
    device = world.honest.device
    garbage = (
        b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"x":' + b"[" * 100_000, b'{"after":-1}', b'{"after":1e300}',
        b'{"after":' + b"9" * 5000 + b"}", b'{"after":"1"}', b'{"after":NaN}', b'{"tps":"\\ud800"}', b"\x00" * 1000,
    )  # fmt: skip
    for body in garbage:
        code, answer = await world.ask(subject(device), body, device)
        assert code == "bad_argument", (body[:40], answer)


# --- what is taken, and does nothing ---------------------------------------------------------------------------------


class Aside(NamedTuple):
    """What a hostile phone pushes, and the event of it that must not count, by the name of its standing."""

    said: list[Held]
    hostile: Held
    standing: str


Stroke = Callable[[World, DeviceLog, Held], "Any"]


def changed(log: DeviceLog, held: Held, person: bytes | None = None, **fields: Any) -> Held:
    """The log's last event otherwise, in its place; a field that is None is left out."""
    body = canonical.decode(held.event_bytes) | fields
    known = canonical.encode({name: value for name, value in body.items() if value is not None})
    other = wire.hold(known, person if person is not None else held.person_bytes)
    log.prev = ids.to_base64url(other.hash)
    return other


async def wrong_saw(world: World, log: DeviceLog, birth: Held) -> Aside:
    """The mark of some other event, for the one that its clock names."""
    held = world.visit(log, birth)
    hostile = changed(log, held, saw=[ids.to_base64url(bytes(16))])
    return Aside([hostile], hostile, "wrong_cause")


async def no_saw(world: World, log: DeviceLog, birth: Held) -> Aside:
    held = world.visit(log, birth)
    hostile = changed(log, held, saw=None)
    return Aside([hostile], hostile, "bad_clock")


async def future_dots(world: World, log: DeviceLog, birth: Held) -> Aside:
    """A clock that names what the honest phone is still to say, so as to overrule it."""
    held = world.visit(log, birth)
    clock = held.clock | {world.honest.device: world.honest.seq + 50}
    saw = [ids.to_base64url(birth.hash[:16]) if one == birth.device else "A" * 22 for one in others(clock, log)]
    hostile = changed(log, held, clock=clock, saw=saw)
    return Aside([hostile], hostile, "parked")


def others(clock: dict[str, int], log: DeviceLog) -> list[str]:
    return sorted(device for device in clock if device != log.device)


async def a_clock_ahead_of_itself(world: World, log: DeviceLog, birth: Held) -> Aside:
    held = world.visit(log, birth)
    hostile = changed(log, held, clock=held.clock | {log.device: 2**53 - 1})
    return Aside([hostile], hostile, "bad_clock")


async def a_clock_of_too_many(world: World, log: DeviceLog, birth: Held) -> Aside:
    held = world.visit(log, birth)
    clock = held.clock | {ids.device_id("ed25519", bytes([n]) * 32): 1 for n in range(64)}
    hostile = changed(log, held, clock=clock, saw=["A" * 22 for _ in others(clock, log)])
    return Aside([hostile], hostile, "bad_clock")


async def a_clock_that_falls(world: World, log: DeviceLog, birth: Held) -> Aside:
    """Its second event has forgotten the birth that its first one saw."""
    first, held = world.visit(log, birth), None
    held = log.append("not_met", tps=TPS, at=AT, voter=birth.voter, seen=[birth, first], why="absent", nth=1)
    hostile = changed(log, held, clock={log.device: 2}, saw=None)
    return Aside([first, hostile], hostile, "bad_clock")


async def another_areas_tps(world: World, log: DeviceLog, birth: Held) -> Aside:
    away = await world.listed(OTHER_TPS)
    hostile = world.visit(log, away, tps=OTHER_TPS)
    return Aside([hostile], hostile, "not_entitled")


async def another_regencys_tps(world: World, log: DeviceLog, birth: Held) -> Aside:
    held = world.visit(log, birth)
    hostile = changed(log, held, tps="9405012001001")
    return Aside([hostile], hostile, "not_entitled")


async def another_villages_voter(world: World, log: DeviceLog, birth: Held) -> Aside:
    """A voter of another village, said to be at its own TPS."""
    away = await world.listed(OTHER_TPS)
    hostile = world.visit(log, away)
    return Aside([hostile], hostile, "not_on_roll")


async def a_new_on_an_existing_voter(world: World, log: DeviceLog, birth: Held) -> Aside:
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
    held = log.append("new", tps=TPS, at=AT, person=person, document="ktp_el", how="in_person")
    hostile = changed(log, held, voter=birth.voter)
    return Aside([hostile], hostile, "bad_event")


async def a_new_that_saw_an_existing_voter(world: World, log: DeviceLog, birth: Held) -> Aside:
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
    held = log.append("new", tps=TPS, at=AT, person=person, document="ktp_el", how="in_person")
    clock = {birth.device: birth.seq, log.device: 1}
    hostile = changed(log, held, clock=clock, saw=[birth.mark])
    return Aside([hostile], hostile, "bad_clock")


async def a_role_it_does_not_have(world: World, log: DeviceLog, birth: Held) -> Aside:
    """A ruling, the strongest that there is, from a phone at the door."""
    log.role = "kpu"
    hostile = log.append(
        "ruled", tps=TPS, at=AT, voter=birth.voter, seen=[birth], verdict="disqualified", reason="foreign"
    )
    return Aside([hostile], hostile, "not_entitled")


async def a_ruling_at_the_door(world: World, log: DeviceLog, birth: Held) -> Aside:
    log.role = "pps"
    held = log.append("ruled", tps=TPS, at=AT, voter=birth.voter, seen=[birth], verdict="deceased")
    hostile = changed(log, held, role="pantarlih")
    return Aside([hostile], hostile, "bad_event")


async def a_list_of_its_own(world: World, log: DeviceLog, birth: Held) -> Aside:
    log.role = "kpu"
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
    hostile = log.append("listed", tps=TPS, at=AT, source="own", person=person)
    return Aside([hostile], hostile, "not_entitled")


async def another_officer(world: World, log: DeviceLog, birth: Held) -> Aside:
    log.officer = "honest"
    hostile = world.visit(log, birth)
    return Aside([hostile], hostile, "not_entitled")


async def a_birth_under_another_id(world: World, log: DeviceLog, birth: Held) -> Aside:
    """A visit to somebody whom no event ever bore."""
    held = world.visit(log, birth)
    hostile = changed(log, held, voter="20a136e2-4c5f-8ec7-a2f4-cde6e20457a0")
    return Aside([hostile], hostile, "wrong_cause")


async def personal_words_in_the_event(world: World, log: DeviceLog, birth: Held) -> Aside:
    held = world.visit(log, birth)
    hostile = changed(log, held, name="Contoh")
    return Aside([hostile], hostile, "bad_event")


async def an_unknown_policy(world: World, log: DeviceLog, birth: Held) -> Aside:
    log.policy = "everything-goes"
    hostile = world.visit(log, birth)
    return Aside([hostile], hostile, "unknown_policy")


ASIDE: list[Stroke] = [
    wrong_saw, no_saw, future_dots, a_clock_ahead_of_itself, a_clock_of_too_many, a_clock_that_falls,
    another_areas_tps, another_regencys_tps, another_villages_voter, a_new_on_an_existing_voter,
    a_new_that_saw_an_existing_voter, a_role_it_does_not_have, a_ruling_at_the_door, a_list_of_its_own,
    another_officer, a_birth_under_another_id, personal_words_in_the_event, an_unknown_policy,
]  # fmt: skip


@pytest.mark.parametrize("over", ["http", "nats"])
@pytest.mark.parametrize("stroke", ASIDE, ids=lambda one: one.__name__)
async def test_what_is_taken_aside_is_in_sight_and_not_in_the_fold(
    world: World, silence: Silence, stroke: Stroke, over: str
) -> None:
    """Every lie is receipted, named by its standing in the history and in the next receipt, and the rolls are those of
    what honest devices said, to the last bit."""
    birth, log = await world.listed(), await world.phone()
    aside = await stroke(world, log, birth)
    world.honest_said += [one for one in aside.said if one is not aside.hostile]
    answer, _ = await asyncio.gather(world.push(over, signed_push(aside.said), log.device), world.honest_work())
    assert answer.code == HELD, answer.body
    assert world.receipt(answer.body).seq == aside.said[-1].seq
    await world.projected()
    assert await world.standing(aside.hostile) == aside.standing
    assert await world.rolls() == world.folded()
    told = world.receipt((await world.push(over, signed_push(aside.said), log.device)).body)
    assert {one.seq: one.standing for one in told.standings}[aside.hostile.seq] == aside.standing


@pytest.mark.parametrize("over", ["http", "nats"])
async def test_a_future_dot_silences_nobody(world: World, over: str) -> None:
    """Who names what a colleague will say, to overrule it unseen, is found out when it is said."""
    birth, log, colleague = await world.listed(), await world.phone(), await world.phone()
    held = world.visit(log, birth)
    clock = held.clock | {colleague.device: 1}
    saw = {birth.device: birth.mark, colleague.device: "A" * 22}
    hostile = changed(log, held, clock=clock, saw=[saw[one] for one in others(clock, log)])
    assert (await world.push(over, signed_push([hostile]), log.device)).code == HELD
    await world.projected()
    assert await world.standing(hostile) == "parked"
    said = world.visit(colleague, birth)
    await world.said(said)
    await world.projected()
    assert (await world.standing(hostile), await world.standing(said)) == ("wrong_cause", "counted")
    assert await world.rolls() == world.folded()


@pytest.mark.parametrize("over", ["http", "nats"])
async def test_a_replay_changes_nothing(world: World, over: str) -> None:
    """What a device said, whole or in part, however often and by whomever it is sent, is stored once."""
    birth, log, thief = await world.listed(), await world.phone(), await world.phone()
    said = [world.visit(log, birth) for _ in range(3)]
    await world.said(*said)
    events = (await world.service.journal.last()).events
    for part in (said, said[:1], said[1:2], said[1:]):
        for _ in range(3):
            answer = await world.push(over, signed_push(part), thief.device)
            assert world.receipt(answer.body).seq == 3
    assert (await world.service.journal.last()).events == events
    await world.projected()
    assert await world.rolls() == world.folded()


@pytest.mark.parametrize("over", ["http", "nats"])
async def test_a_stripped_person_comes_back(world: World, over: str) -> None:
    """A carrier that takes the persons out of somebody's log, or puts others in, changes no decision; the honest copy
    completes it."""
    officer, thief = await world.phone(), await world.phone()
    record = dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh Lengkap"}
    person = {"salt": ids.to_base64url(bytes(16)), "record": record}
    born = officer.append("new", tps=TPS, at=AT, person=person, document="ktp_el", how="in_person")
    forged = canonical.encode(person | {"record": record | {"name": "Contoh Palsu"}})
    for line in (wire.write(born.event_bytes, None), wire.write(born.event_bytes, forged)):
        answer = await world.push(over, signed(officer, [line], born), thief.device)
        assert answer.code == HELD
    await world.projected()
    listed = (await world.http.get(f"/v1/rolls/{TPS}")).json()["voters"]
    assert next(one for one in listed if one["voter"] == born.voter)["name"] is None
    await world.said(born)
    async with asyncio.timeout(WAIT):
        while True:
            listed = (await world.http.get(f"/v1/rolls/{TPS}")).json()["voters"]
            if next(one for one in listed if one["voter"] == born.voter)["name"] == "Contoh Lengkap":
                break
            await asyncio.sleep(0.02)
    await world.projected()
    assert await world.rolls() == world.folded()


# --- forged rights ---------------------------------------------------------------------------------------------------


def to_be_kpu(world: World, log: DeviceLog) -> dict[str, Any]:
    return {
        "type": "assigned", "area": REGENCY, "officer_assigned": log.officer, "role_assigned": "kpu",
        "to_device": log.device,
    }  # fmt: skip


def to_enrol_a_friend(world: World, log: DeviceLog) -> dict[str, Any]:
    friend = made_up_key(7, f"friend-{log.device}")
    return {"type": "device_enrolled", "enrolled": friend.device, "holder": "friend", "key": friend.public}


def to_revoke_the_honest(world: World, log: DeviceLog) -> dict[str, Any]:
    return {"type": "revoked", "revoked": world.honest.device, "from_seq": 1}


def to_call_the_honest_a_clone(world: World, log: DeviceLog) -> dict[str, Any]:
    held = next(one for one in world.honest_said if one.device == world.honest.device)
    head = sign_head(made_up_key(1, "honest"), log.election, held.seq, held.hash)
    return {
        "type": "cloned", "cloned": world.honest.device, "at_seq": held.seq, "held": ids.to_base64url(held.hash),
        "other": "A" * 43, "head": head,
    }  # fmt: skip


def to_close_the_window(world: World, log: DeviceLog) -> dict[str, Any]:
    return {"type": "window_closed", "area": REGENCY}


def to_set_a_policy(world: World, log: DeviceLog) -> dict[str, Any]:
    return {"type": "policy_set", "area": REGENCY, "policy": "mine"}


def to_let_dots_go(world: World, log: DeviceLog) -> dict[str, Any]:
    return {"type": "dots_lost", "lost": world.honest.device, "after": 0}


def to_open_the_election_again(world: World, log: DeviceLog) -> dict[str, Any]:
    own = known_key(log.device).public
    return {"type": "election_opened", "root": own, "services": [own]}


def to_readmit_itself(world: World, log: DeviceLog) -> dict[str, Any]:
    return {"type": "readmitted", "of_device": log.device}


@pytest.mark.parametrize("over", ["http", "nats"])
@pytest.mark.parametrize(
    "claim",
    [
        to_be_kpu, to_enrol_a_friend, to_revoke_the_honest, to_call_the_honest_a_clone, to_close_the_window,
        to_set_a_policy, to_let_dots_go, to_open_the_election_again, to_readmit_itself,
    ],
    ids=lambda one: one.__name__,
)  # fmt: skip
async def test_a_right_that_nobody_gave_is_void(
    world: World, silence: Silence, claim: Callable[[World, DeviceLog], dict[str, Any]], over: str
) -> None:
    """A phone that signs itself a right, or takes somebody else's, is held in the registry as void, and changes
    nothing: the ruling that it makes with it stays aside, and the honest phone goes on."""
    birth, log = await world.listed(), await world.phone()
    await world.honest_work()
    said = claim(world, log)
    key, type = known_key(log.device), said.pop("type")
    own = RegistryLog(key, election=log.election, regency=REGENCY, officer=log.officer, role="kpu")
    line_said = own.append(type, at=AT, **said).line
    assert (await world.push(over, line_said + b"\n", log.device)).code == HELD
    log.role = "kpu"
    ruling = log.append("ruled", tps=TPS, at=AT, voter=birth.voter, seen=[birth], verdict="deceased")
    assert (await world.push(over, signed_push([ruling]), log.device)).code == HELD
    await world.honest_work()
    await world.projected()
    assert await world.standing(ruling) == "not_entitled"
    assert await world.rolls() == world.folded()
    stored = [(one.sequence, one.payload) for one in await world.service.registry.read(0, 10_000)]
    registry = fold_registry(world.election.election, REGENCY, stored)
    assert [(one.position, one.type) for one in registry.voids if one.device == log.device] == [
        (next(position for position, line in stored if line == line_said), type)
    ]


# --- after all of it -------------------------------------------------------------------------------------------------


async def test_silent_connections_are_ended(world: World, silence: Silence) -> None:
    """Who connects and says nothing is shut out in time, ten thousand of them cost little memory, and an honest
    phone is served while they are there."""
    async with asyncio.timeout(SILENCE_SECONDS_MAX):
        while silence.open_now() or any(_is_open(one) for one in silence.nats):
            await world.honest_work()
            await asyncio.sleep(0.5)
    print(f"{len(silence.http)} silent connections, {silence.grown_mib:.0f} MiB")
    assert silence.grown_mib < 400


async def test_nothing_of_the_honest_was_lost(world: World) -> None:
    """After everything, each receipt that an honest device got is of an event that the journal holds, once; and rolls
    and record agree."""
    await world.honest_work()
    await world.projected()
    held = [wire.hold(one.payload, None) for one in await world.service.journal.read_events(0, 100_000)]
    dots = [one.dot for one in held]
    assert len(set(dots)) == len(dots)
    hashes = {one.dot: ids.to_base64url(one.hash) for one in held}
    assert world.receipts
    assert all(hashes[one.device, one.seq] == one.head for one in world.receipts)
    assert {one.dot for one in world.honest_said} <= set(dots)
    assert await world.rolls() == world.folded()
    health = (await world.http.get("/health/ready")).json()
    assert (health["ready"], health["projector"], health["lag_events"]) == (True, "ok", 0)
    assert json.loads((await world.http.get("/health/live")).content) == {"status": "ok"}
