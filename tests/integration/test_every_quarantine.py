"""Every standing that keeps an event out of the count, over HTTP and over NATS: named in the signed receipt, in sight,
and released by what must release it; the roll is at every moment the fold of what the journals hold.

The refusals of SPEC 7.4 are in test_http.py and test_nats_door.py.
"""

from __future__ import annotations

import tempfile
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import asyncpg
import httpx
import pytest
import pytest_asyncio
from nats.aio.client import Client, RawCredentials

from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.adapters.nats_credentials import USER, BrokerKey, credentials
from ecoklit.adapters.nats_door import ERROR
from ecoklit.bootstrap import House, open_house
from ecoklit.contract import policies
from ecoklit.core import canonical, entitlement, ids, roll, wire
from ecoklit.core.broker_names import inbox_of
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.entitlement import Admitted
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.receipt import Receipt, read_receipt
from ecoklit.core.registry import Registry, fold_registry
from ecoklit.core.replica import Replica
from ecoklit.core.wire import Held
from ecoklit.http.app import make_app
from ecoklit.ports import STAMP_HEADER
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.made_up_settings import settings_for

REGENCY = "9404"
AT = "2024-06-25T09:00:00+09:00"
FIRST_VILLAGE, VILLAGES = 9404012001, 60
LOOKS_MAX = 50
READ_MAX = 10_000


class Way(Protocol):
    """A transport: the answer to a push, and the code of the refusal, "" for none."""

    async def push(self, body: bytes) -> tuple[str, bytes]: ...


class OverHttp:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def push(self, body: bytes) -> tuple[str, bytes]:
        headers = {"content-type": "application/x-ndjson"}
        answer = await self._client.post("/v1/push", content=body, headers=headers)
        return ("" if answer.status_code == 200 else answer.json()["code"]), answer.content


class OverNats:
    def __init__(self, client: Client, device: str) -> None:
        self._client = client
        self._subject = f"ecoklit.push.{device}"

    async def push(self, body: bytes) -> tuple[str, bytes]:
        answer = await self._client.request(self._subject, body, timeout=10)
        return (answer.headers or {}).get(ERROR, ""), answer.data


class World:
    """One service with its election, its kpu, and villages of which each case takes one for itself."""

    def __init__(self, house: House, election: MadeUpElection, client: httpx.AsyncClient) -> None:
        self.house = house
        self.election = election
        self.client = client
        self.kpu = DeviceLog(election.election, self.key("kpu").device, officer="kpu", role="kpu", policy="2024-1")
        self.told = 0
        self._villages = iter(range(FIRST_VILLAGE, FIRST_VILLAGE + VILLAGES))

    def key(self, name: str) -> Any:
        return made_up_key(self.election.seed, name)

    def village(self) -> str:
        return str(next(self._villages))

    @asynccontextmanager
    async def way(self, over: str, device: str) -> AsyncIterator[Way]:
        if over == "http":
            yield OverHttp(self.client)
            return
        settings = self.house.settings
        assert self.house.accounts is not None
        user, client = BrokerKey.fresh(USER), Client()
        creds = credentials(self.house.accounts.issue_device(device, user.public), user)
        await client.connect(
            settings.nats(),
            user_credentials=RawCredentials(creds),
            inbox_prefix=inbox_of(device),
            allow_reconnect=False,
        )
        yield OverNats(client, device)
        await client.close()

    async def registry(self) -> Registry:
        lines = await self.house.registry.read(0, READ_MAX)
        return fold_registry(self.election.election, REGENCY, [(one.sequence, one.payload) for one in lines])

    async def folded(self) -> dict[str, bytes]:
        """The digests of all that the journals hold, folded at once by the law alone."""
        journal, registry = self.house.journal, await self.registry()
        persons = {(one.device, one.seq): one.payload for one in await journal.read_persons(0, READ_MAX)}
        stamps: dict[str, int] = {}
        about: defaultdict[str, list[Admitted]] = defaultdict(list)
        for one in await journal.read_events(0, READ_MAX):
            bare = wire.hold(one.payload, None)
            stamps[one.device] = int(dict(one.headers).get(STAMP_HEADER, stamps.get(one.device, 0)))
            about[bare.voter].append(Admitted(wire.hold(one.payload, persons.get(bare.dot)), stamps[one.device]))
        quarantine: dict[bytes, str] = {}
        for admitted in about.values():
            quarantine.update(entitlement.names_of(entitlement.quarantine_of(registry, admitted)))
        replica = Replica(policies(), quarantine, registry.lost)
        replica.receive(one.held for admitted in about.values() for one in admitted)
        return roll.digests(roll.leaves(replica.states()))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(postgres_server: EmbeddedPostgres) -> AsyncIterator[World]:
    schema = f"test_{uuid.uuid4().hex[:16]}"
    election = MadeUpElection(f"test-{uuid.uuid4().hex[:12]}", REGENCY)
    election.device("kpu")
    # The last TPS of each village exists only once somebody says so.
    known = [f"{FIRST_VILLAGE + nth}{tps:03}" for nth in range(VILLAGES) for tps in (1, 2)]
    election.say(election.root, "tps_set", tps=known)
    with tempfile.TemporaryDirectory(prefix="ecoklit-") as name:
        folder = Path(name)
        accounts = BrokerAccounts(folder / "nats" / "keys")
        async with await EmbeddedNats.start(folder / "nats", accounts=accounts) as broker:
            settings = settings_for(
                folder,
                broker,
                postgres_server,
                schema,
                election=election.election,
                nats_creds=accounts.service_credentials,
                nats_keys=folder / "nats" / "keys",
            )
            save_key(key_folder(folder, election.election, REGENCY), "service", election.service)
            async with open_house(settings) as house:
                await election.store(house.registry)
                transport = httpx.ASGITransport(app=make_app(house))  # type: ignore[arg-type]
                async with httpx.AsyncClient(transport=transport, base_url="http://ecoklit") as client:
                    world = World(house, election, client)
                    world.told = len(election.lines)
                    yield world
    connection = await asyncpg.connect(postgres_server.dsn)
    await connection.execute(f"drop schema if exists {schema} cascade")
    await connection.close()


class Scene:
    """A village of its own: two voters on the list of a TPS, `siti`'s phone there, and `budi`'s next door."""

    def __init__(self, world: World, way: Way, village: str) -> None:
        self.world = world
        self.way = way
        self.village = village
        self.tps, self.next_tps, self.unknown_tps = (f"{village}{nth:03}" for nth in (1, 2, 3))
        self.siti = self.phone("siti", self.tps)
        self.budi = self.phone("budi", self.next_tps)
        self.birth, self.other = self.listed(), self.listed()

    def phone(self, officer: str, tps: str | None) -> DeviceLog:
        """An officer's phone; without a TPS it is enrolled and may do nothing."""
        election, key = self.world.election, self.world.key(f"{officer}-{self.village}")
        election.enrol(key, self.named(officer))
        if tps is not None:
            election.assign(key, self.named(officer), "pantarlih", tps)
        return DeviceLog(election.election, key.device, officer=self.named(officer), role="pantarlih", policy="2024-1")

    def named(self, officer: str) -> str:
        return f"{officer}-{self.village}"

    def listed(self) -> Held:
        person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
        return self.world.kpu.append("listed", tps=self.tps, at=AT, source="dp4-2024", person=person)

    def visit(self, log: DeviceLog, *seen: Held, tps: str | None = None) -> Held:
        return log.append("found", tps=tps or self.tps, at=AT, voter=seen[0].voter, seen=seen, how="in_person")

    def absent(self, log: DeviceLog, *seen: Held) -> Held:
        tps = self.next_tps if log is self.budi else self.tps
        return log.append("not_met", tps=tps, at=AT, voter=seen[0].voter, seen=seen, why="absent", nth=1)

    async def push(self, *held: Held) -> Receipt:
        return await self.send(signed_push(held))

    async def tell(self, type: str, **fields: Any) -> None:
        """The office says something in the registry, and sends it by the same way."""
        self.world.election.say(self.world.election.root, type, **fields)
        await self.bring()

    async def bring(self) -> None:
        fresh = self.world.election.registry[self.world.told :]
        self.world.told += len(fresh)
        await self.send(b"".join(line + b"\n" for line in fresh))

    async def send(self, body: bytes) -> Receipt:
        code, answer = await self.way.push(body)
        assert code == ""
        signed = read_receipt(answer)
        assert signed.signed_by({self.world.election.service.device: self.world.election.service.public})
        return signed.receipt

    async def refusal(self, *held: Held) -> str:
        code, _ = await self.way.push(signed_push(held))
        return code

    async def standings(self, held: Held) -> dict[int, str]:
        """What the receipt of a log says that is projected whole: seq → standing of what does not count."""
        await self.world.house.projector.run_until_caught_up()
        last = (await self.world.house.journal.last()).events
        for _ in range(LOOKS_MAX):
            receipt = await self.push(held)
            # The projection is not waited for, and a busy machine may be slower than that.
            if receipt.as_of == last:
                return {one.seq: one.standing for one in receipt.standings}
        raise AssertionError("no receipt knew the projection")


class Trial(NamedTuple):
    """What is kept out by its name, and what releases it; None where nothing does."""

    aside: list[Held]
    release: Callable[[], Awaitable[Any]] | None


async def bad_event(scene: Scene) -> Trial:
    bad = changed(scene.siti, scene.visit(scene.siti, scene.birth), type="vanished")
    await scene.push(bad, scene.visit(scene.siti, scene.other))
    return Trial([bad], None)


async def bad_clock(scene: Scene) -> Trial:
    bad = changed(scene.siti, scene.visit(scene.siti, scene.birth), saw=None)
    await scene.push(bad, scene.visit(scene.siti, scene.other))
    return Trial([bad], None)


def changed(log: DeviceLog, held: Held, **fields: Any) -> Held:
    """The log's last event otherwise, in its place; a field that is None is left out."""
    body = canonical.decode(held.event_bytes) | fields
    again = wire.hold(canonical.encode({name: value for name, value in body.items() if value is not None}), None)
    log.prev = ids.to_base64url(again.hash)
    return again


async def no_such_policy(scene: Scene) -> Trial:
    scene.siti.policy = "2099-9"
    strange = scene.visit(scene.siti, scene.birth)
    scene.siti.policy = "2024-1"
    await scene.push(strange, scene.visit(scene.siti, scene.other))
    return Trial([strange], None)


async def policy_not_set(scene: Scene) -> Trial:
    before = scene.visit(scene.siti, scene.other)
    await scene.push(before)
    await scene.tell("policy_set", area=scene.village, policy="2029-1")
    strange = scene.visit(scene.siti, scene.birth)
    await scene.push(before, strange)
    return Trial([strange], None)


async def cause_not_held(scene: Scene) -> Trial:
    unseen = scene.absent(scene.budi, scene.birth)
    waits = scene.visit(scene.siti, scene.birth, unseen)
    await scene.push(waits, scene.visit(scene.siti, scene.other))
    return Trial([waits], lambda: scene.push(unseen))


async def cause_of_a_lost_phone(scene: Scene) -> Trial:
    unseen = scene.absent(scene.budi, scene.birth)
    waits = scene.visit(scene.siti, scene.birth, unseen)
    await scene.push(waits, scene.visit(scene.siti, scene.other))
    return Trial([waits], lambda: scene.tell("dots_lost", lost=scene.budi.device, after=0))


async def cause_about_another(scene: Scene) -> Trial:
    about_another = scene.absent(scene.budi, scene.other)
    await scene.push(about_another)
    wrong = scene.visit(scene.siti, scene.birth, about_another)
    await scene.push(wrong, scene.visit(scene.siti, scene.other))
    return Trial([wrong], None)


async def voter_elsewhere(scene: Scene) -> Trial:
    village = scene.world.village()
    far = Scene(scene.world, scene.way, village)
    await far.bring()
    await scene.push(far.birth, far.other)
    off = scene.visit(scene.siti, far.birth)
    await scene.push(off, scene.visit(scene.siti, scene.other))
    return Trial([off], None)


async def device_revoked(scene: Scene) -> Trial:
    await scene.push(scene.visit(scene.siti, scene.other))
    await scene.tell("revoked", revoked=scene.siti.device, from_seq=2)
    out = scene.visit(scene.siti, scene.birth)
    await scene.push(out)
    return Trial([out], lambda: scene.tell("readmitted", of_device=scene.siti.device))


async def right_ended(scene: Scene) -> Trial:
    await scene.push(scene.visit(scene.siti, scene.other))
    await scene.tell("revoked", revoked=scene.siti.device, from_seq=2, area=scene.tps)
    out = scene.visit(scene.siti, scene.birth)
    await scene.push(out)
    fields = {"area": scene.tps, "officer_assigned": scene.siti.officer, "role_assigned": "pantarlih"}
    return Trial([out], lambda: scene.tell("assigned", to_device=scene.siti.device, **fields))


async def nobody_assigned(scene: Scene) -> Trial:
    scene.siti = scene.phone("ani", None)
    await scene.bring()
    out = scene.visit(scene.siti, scene.birth)
    await scene.push(out)
    return Trial(
        [out],
        lambda: scene.tell("assigned", area=scene.tps, officer_assigned=scene.siti.officer, role_assigned="pantarlih"),
    )


async def cloned(scene: Scene) -> Trial:
    fork = DeviceLog(
        scene.siti.election, scene.siti.device, officer=scene.siti.officer, role="pantarlih", policy="2024-1"
    )
    await scene.push(scene.visit(scene.siti, scene.other))
    assert await scene.refusal(scene.visit(fork, scene.birth)) == "equivocation"
    out = scene.visit(scene.siti, scene.birth)
    await scene.push(out)
    return Trial([out], lambda: scene.tell("readmitted", of_device=scene.siti.device))


async def tps_not_set(scene: Scene) -> Trial:
    scene.world.election.assign(
        scene.world.key(f"siti-{scene.village}"), scene.siti.officer, "pantarlih", scene.unknown_tps
    )
    await scene.bring()
    out = scene.visit(scene.siti, scene.birth, tps=scene.unknown_tps)
    await scene.push(out, scene.visit(scene.siti, scene.other))
    return Trial([out], lambda: scene.tell("tps_set", tps=[scene.unknown_tps]))


async def tps_not_set_readmitted(scene: Scene) -> Trial:
    trial = await tps_not_set(scene)
    return Trial(trial.aside, lambda: scene.tell("readmitted", of_tps=scene.unknown_tps))


async def too_late(scene: Scene) -> Trial:
    await scene.tell("window_opened", area=scene.village)
    await scene.push(scene.visit(scene.siti, scene.other))
    await scene.tell("window_closed", area=scene.village)
    out = scene.visit(scene.siti, scene.birth)
    await scene.push(out)
    await scene.tell("window_extended", area=scene.village)  # which is for what comes from now on
    return Trial([out], lambda: scene.tell("readmitted", of_officer=scene.siti.officer))


async def ready_too_late(scene: Scene) -> Trial:
    """What waited over the end of the window is late with what it waited for."""
    withheld = scene.absent(scene.budi, scene.birth)
    out = scene.visit(scene.siti, scene.birth, withheld)
    await scene.push(out, scene.visit(scene.siti, scene.other))
    await scene.tell("window_closed", area=scene.village)
    await scene.push(withheld)
    hashes = sorted(ids.to_base64url(one.hash) for one in (out, withheld))
    return Trial([out], lambda: scene.tell("readmitted", events=hashes))


TRIALS: list[tuple[Callable[[Scene], Awaitable[Trial]], str]] = [
    (bad_event, "bad_event"),
    (bad_clock, "bad_clock"),
    (no_such_policy, "unknown_policy"),
    (policy_not_set, "unknown_policy"),
    (cause_not_held, "parked"),
    (cause_of_a_lost_phone, "parked"),
    (cause_about_another, "wrong_cause"),
    (voter_elsewhere, "not_on_roll"),
    (device_revoked, "revoked_device"),
    (right_ended, "not_entitled"),
    (nobody_assigned, "not_entitled"),
    (cloned, "equivocation"),
    (tps_not_set, "unknown_tps"),
    (tps_not_set_readmitted, "unknown_tps"),
    (too_late, "late"),
    (ready_too_late, "late"),
]


@pytest.mark.parametrize("over", ["http", "nats"])
@pytest.mark.parametrize(("trial", "name"), [pytest.param(*row, id=row[0].__name__) for row in TRIALS])
async def test_what_is_kept_out_is_named_and_released(
    world: World, trial: Callable[[Scene], Awaitable[Trial]], name: str, over: str
) -> None:
    """The signed receipt names exactly what does not count, all is held and the roll is its fold; what must release it
    does, and what nothing releases stays out though it is readmitted."""
    village = world.village()
    async with world.way(over, world.key(f"siti-{village}").device) as way:
        scene = Scene(world, way, village)
        await scene.bring()
        await scene.push(scene.birth, scene.other)
        aside, release = await trial(scene)
        named = {one.seq: name for one in aside}
        assert await scene.standings(aside[-1]) == named
        assert (before := await digests(world)) == await world.folded()
        assert scene.tps in before
        if release is None:
            await scene.tell("readmitted", of_device=aside[0].device)
            assert await scene.standings(aside[-1]) == named
            assert await digests(world) == before == await world.folded()
        else:
            await release()
            assert await scene.standings(aside[-1]) == {}
            assert before != await digests(world) == await world.folded()


async def digests(world: World) -> dict[str, bytes]:
    _, found = await world.house.reader.digests(REGENCY)
    return found


def test_the_trials_reach_every_name() -> None:
    """Every standing that SPEC 3.8 and 7.8 name, but for the bare fork, which no service lets in, is tried."""
    faults = {"bad_event", "bad_clock", "parked", "wrong_cause", "not_on_roll"}
    assert {name for _, name in TRIALS} == {*entitlement.QUARANTINES, *faults}
