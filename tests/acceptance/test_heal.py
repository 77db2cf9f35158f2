"""What a running service, its phones and its office come through: a restored broker, a cloned phone, a log that comes
from everywhere at once. Real servers, phones with stores of their own, HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from commands import Folder, Up, fresh_folder, start, wait_until

from ecoklit.bootstrap import open_desk, open_journal, open_registry_link
from ecoklit.cli.pushing import read_codebook
from ecoklit.contract import policies
from ecoklit.core import ids
from ecoklit.core.admission import Refused
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.head import read_head
from ecoklit.core.push_file import kind_of, lines_of, split_pushes
from ecoklit.core.receipt import read_receipt
from ecoklit.core.signing import head_message
from ecoklit.core.wire import Held, hold, read
from ecoklit.field import enrolment
from ecoklit.field.client import Client, Synced
from ecoklit.field.export import export, sealed
from ecoklit.field.http_transport import HttpTransport
from ecoklit.field.outbox import Outbox
from ecoklit.field.phone import Phone
from ecoklit.field.trouble import Stuck
from ecoklit.ports import HEAD_HEADER, EventMessage
from ecoklit.services.desk import Desk
from ecoklit.settings import read_settings
from ecoklit.testing import mimika

ELECTION = "pilkada-2024"
AT = "2024-06-25T09:00:00+09:00"


class House(Folder):
    """A data folder with its office, a service that can be stopped, and what it answers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "data")
        self.folder = folder
        self.url = ""
        self._up: Up | None = None
        self._phones: list[Handset] = []

    @property
    def store(self) -> Path:
        """Where the broker keeps its streams."""
        return self.data / "nats" / "store"

    def start(self, epoch: int = 1) -> None:
        self._up = start(self, ECOKLIT_EPOCH=str(epoch))
        self.url = self._up.url

    def stop(self) -> None:
        if self._up is not None:
            assert self._up.stop() == 0
            self._up = None

    def close(self) -> None:
        for phone in self._phones:
            phone.phone.outbox.close()
        self.stop()

    def get(self, path: str) -> bytes:
        assert self._up is not None
        request = urllib.request.Request(self.url + path, headers=self._up.signed_in)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: bytes = answer.read()
            return content

    def projected(self) -> None:
        """Wait until the roll shows all that is held."""
        wait_until(lambda: json.loads(self.get("/health/ready"))["lag_events"] == 0)

    def roll(self, tps: str) -> Any:
        self.projected()
        return json.loads(self.get(f"/v1/rolls/{tps}"))

    def registry(self) -> list[Any]:
        return [json.loads(line)["registry"] for line in self.get("/v1/registry").splitlines()]

    def standings(self, voter: str) -> dict[str, list[str]]:
        """Type → how each event of it about the voter stands."""
        self.projected()
        found: dict[str, list[str]] = {}
        for event in json.loads(self.get(f"/v1/voters/{voter}/history"))["events"]:
            found[event["type"]] = sorted([*found.get(event["type"], []), event["standing"]])
        return found

    def listed(self, count: int) -> dict[str, int]:
        """Import the first so many rows of a village's list; what became of them."""
        village, book = ids.village_of(LISTED), read_codebook("2024")
        file = self.folder / mimika.file_name(village, ".csv")
        mimika.write_rows(file, list(mimika.model_a_rows(village, book))[:count])
        outcomes: dict[str, int] = self.said("import", file)[-1]["outcomes"]
        return outcomes

    def journal(self, device: str) -> list[tuple[Held, str]]:
        """The events of a device as the journal holds them, each with the head signature that it carries."""

        async def events() -> list[EventMessage]:
            async with open_journal(read_settings(self.environ())) as journal:
                return await journal.read_events(0, 10_000)

        messages = [one for one in asyncio.run(events()) if one.device == device]
        return [(hold(one.payload, None), dict(one.headers).get(HEAD_HEADER, "")) for one in messages]

    def say(self, type: str, **fields: Any) -> None:
        """The office signs a registry event, and sends it."""
        settings = read_settings(self.environ())

        async def send(desk: Desk) -> None:
            async with open_registry_link(settings) as link:
                await desk.sync(link)

        with open_desk(settings, lambda: AT) as desk:
            desk.say((type, fields))
            asyncio.run(send(desk))

    def phone(self, name: str, tps: str) -> Handset:
        """A phone that its officer, of the same name, enrolled by a code."""
        (made,) = self.said("enrol", "--officer", name, "--tps", tps)
        phone = self.opened(name)
        phone.enrol(made["code"])
        return phone

    def opened(self, folder: str) -> Handset:
        phone = Handset(self, folder)
        self._phones.append(phone)
        return phone


class Sent(NamedTuple):
    """A push as it left a phone: the seqs of its events, and how it was refused."""

    first: int
    last: int
    refusal: str
    expected: int | None


class Recorded(HttpTransport):
    """The way to the service, which remembers what was pushed."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.sent: list[Sent] = []

    def push(self, body: bytes) -> bytes:
        seqs = [read(line).seq for line in lines_of(body) if kind_of(line) == "event"] or [0]
        try:
            answer = super().push(body)
        except Refused as refused:
            self.sent.append(Sent(seqs[0], seqs[-1], refused.code, refused.expected))
            raise
        self.sent.append(Sent(seqs[0], seqs[-1], "", None))
        return answer


class Handset:
    """A phone in somebody's hand, with a store of its own."""

    def __init__(self, house: House, name: str) -> None:
        self.house = house
        self.folder = house.folder / name
        self.phone = Phone(
            Outbox(self.folder, make=True), policies(), now=lambda: datetime.fromisoformat(AT), entropy=os.urandom
        )
        self.sent: list[Sent] = []

    @property
    def device(self) -> str:
        return self.phone.identity().device

    @property
    def tps(self) -> str:
        return self.phone.place()

    def enrol(self, code: str) -> None:
        way, key = HttpTransport(self.house.url), self.phone.identity().key
        taken = enrolment.by_code(code, key, way, at=AT, kept=self.phone.outbox.registry())
        enrolment.take(self.phone.outbox, taken, service=self.house.url)
        self.phone.reload()

    def born(self, name: str) -> str:
        """A voter whom the list lacks; the voter."""
        person = {"record": dict.fromkeys(RECORD_FIELDS) | {"name": name}}
        return self.phone.say("new", None, how="in_person", document="ktp_el", person=person).held.voter

    def found(self, voter: str) -> None:
        self.phone.say("found", voter, how="in_person")

    def absent(self, voter: str) -> None:
        self.phone.say("not_met", voter, why="absent")

    def sync(self) -> Synced:
        way = Recorded(self.house.url)
        try:
            return Client(self.phone, way, enrolment.services_of(self.phone.outbox), sleep=time.sleep).sync()
        finally:
            self.sent = way.sent

    def agrees(self) -> bool:
        """Whether a sync ends with all sent and one digest on both sides."""
        synced = self.sync()
        return self.phone.status().unsent == 0 and [one.same for one in synced.compared] == [True]

    def outside(self) -> list[tuple[int, str]]:
        return [(one.held.seq, one.name) for one in self.phone.outside()]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One election on a running service."""
    with fresh_folder() as name:
        house = House(name)
        house.init()
        house.start()
        try:
            yield house
        finally:
            house.close()


# --- a cloned phone --------------------------------------------------------------------------------------------------

CLONED, CARRIED = "9404012002001", "9404012002002"


def by_length(file: Path) -> int:
    return file.stat().st_size


def test_a_cloned_phone_loses_nothing(house: House) -> None:
    """Of two copies of one phone the second is told so, both signed heads stay as proof, what the key says from then on
    is set aside in sight, and under new keys all that both said is on the roll."""
    eka = house.phone("eka", CLONED)
    voter = eka.born("WARGA satu")
    assert eka.agrees()
    cloned = eka.device
    shutil.copytree(eka.folder, house.folder / "twin", ignore=shutil.ignore_patterns("*-shm"))
    twin = house.opened("twin")
    eka.absent(voter)
    assert eka.agrees()
    twin.found(voter)
    twin.born("WARGA dua")
    with pytest.raises(Stuck) as stuck:
        twin.sync()
    assert stuck.value.code == "equivocation"

    # Each head is signed by the key: the one is in the journal, the other came with the push that was kept.
    key = eka.phone.identity().key.public
    first, second = eka.phone.outbox.own(cloned)[1], twin.phone.outbox.own(cloned)[1]
    ((seq, signature),) = [(held.seq, signature) for held, signature in house.journal(cloned) if held.seq == 2]
    assert key.verifies(head_message(ELECTION, cloned, seq, first.hash), signature)
    # The first of them is what it said; shorter ones follow, by which it finds out how much of its log is held.
    proofs = sorted((house.data / "evidence" / f"{ELECTION}-9404" / cloned).glob("*.ndjson"), key=by_length)
    (kept,) = split_pushes(proofs[-1].read_bytes())
    head = read_head(lines_of(kept)[-1])
    assert (head.seq, read(lines_of(kept)[0]).hash) == (3, second.hash)
    assert key.verifies(head_message(ELECTION, cloned, head.seq, ids.from_base64url(head.hash)), head.signature)
    (told,) = [one for one in house.registry() if one["type"] == "cloned"]
    assert (told["cloned"], told["at_seq"]) == (cloned, 2)
    assert (told["held"], told["other"]) == (ids.to_base64url(first.hash), ids.to_base64url(second.hash))

    eka.found(voter)
    eka.sync()
    assert eka.outside() == [(3, "equivocation")]
    (aside,) = wait_until(lambda: house.said("quarantine list", CLONED))
    assert (aside["device"], aside["seq"], aside["standing"]) == (cloned, 3, "equivocation")
    for phone, entries in ((twin, 2), (eka, 1)):
        assert len(phone.phone.reissue()) == entries
        (made,) = house.said("enrol", "--officer", "eka", "--tps", CLONED)
        phone.enrol(made["code"])
        assert phone.agrees()
    assert twin.agrees()
    assert len({cloned, eka.device, twin.device}) == 3
    assert {one["name"] for one in house.roll(CLONED)["voters"]} == {"WARGA satu", "WARGA dua"}
    assert house.standings(voter) == {
        "new": ["counted"],
        "not_met": ["counted"],
        "found": ["counted", "counted", "equivocation"],
    }


# --- a log from everywhere at once -----------------------------------------------------------------------------------


def test_a_log_that_many_carry_is_held_once(house: House) -> None:
    """A phone's own sync, a colleague's phone, a plain and a sealed stick bring one log at once, each of them twice:
    every event is in the journal once, and counts once."""
    fitri = house.phone("fitri", CARRIED)
    voters = [fitri.born(f"WARGA {nth}") for nth in range(3)]
    for voter in voters:
        fitri.found(voter)
    made = export(fitri.phone.outbox)
    plain, closed = house.folder / "plain", house.folder / "sealed"
    plain.write_bytes(made.data)
    closed.write_bytes(sealed(made, enrolment.services_of(fitri.phone.outbox), os.urandom).data)

    def by_stick(file: Path) -> None:
        for _ in range(2):
            done = house.launch("push", file)
            assert done.returncode == 0, done.stderr

    def by_colleague() -> None:
        for body in split_pushes(made.data) * 2:
            assert read_receipt(HttpTransport(house.url).push(body)).receipt.device == fitri.device

    def by_itself() -> None:
        for _ in range(2):
            fitri.sync()

    with ThreadPoolExecutor() as pool:
        carrying = [pool.submit(by_stick, plain), pool.submit(by_stick, closed), pool.submit(by_colleague)]
        carrying.append(pool.submit(by_itself))
        for one in carrying:
            one.result()
    assert fitri.agrees()
    assert [held.seq for held, _ in house.journal(fitri.device)] == [1, 2, 3, 4, 5, 6]
    assert len(house.roll(CARRIED)["voters"]) == 3
    for voter in voters:
        assert house.standings(voter) == {"new": ["counted"], "found": ["counted"]}


# --- heal ------------------------------------------------------------------------------------------------------------

HEALED, NEXT, LOST = "9404012001001", "9404012001002", "9404012001003"
LISTED = mimika.tps_codes("940412")[0]


def test_a_broker_restored_from_an_older_copy_heals(house: House) -> None:
    """Phones are asked for just what is missing, the office brings the registry's tail, what was in time is not late
    for having been lost, and every roll is what it was; what a vanished phone said is parked until that is said."""
    ani, budi, citra = house.phone("ani", HEALED), house.phone("budi", HEALED), house.phone("citra", NEXT)
    gone, left = house.phone("gone", LOST), house.phone("left", LOST)
    house.said("window", "open", "9404")
    voters = {phone: phone.born(f"WARGA {phone.folder.name}") for phone in (ani, budi, citra, left)}
    for phone in (ani, budi, citra, left, gone, ani):
        assert phone.agrees()
    assert house.listed(20) == {"listed": 20, "changed": 0, "unchanged": 0, "refused": 0}
    house.stop()
    shutil.copytree(house.store, house.folder / "copy")

    house.start()
    assert house.listed(30) == {"listed": 10, "changed": 0, "unchanged": 20, "refused": 0}
    hadi = house.phone("hadi", LISTED)
    hadi.sync()
    for entry in hadi.phone.roll(LISTED):
        hadi.found(entry.state.decision.voter)
    hadi.sync()
    ani.found(voters[budi])
    budi.absent(voters[ani])
    budi.absent(voters[budi])
    citra.born("WARGA dua")
    dewi = house.phone("dewi", NEXT)
    dewi.born("WARGA tiga")
    for phone in (ani, budi, citra, dewi, ani):
        phone.sync()
    ani.found(voters[budi])
    ani.sync()
    gone.absent(voters[left])
    gone.sync()
    left.sync()
    left.found(voters[left])  # which names what `gone` said
    left.sync()
    house.said("window", "close", "9404")
    registry = house.registry()
    citra.absent(voters[citra])
    for phone in (ani, budi, citra, dewi, left, hadi, citra):
        assert phone.agrees()
    assert citra.outside() == [(3, "late")]
    before = {tps: house.roll(tps)["digest"] for tps in (HEALED, NEXT, LISTED)}
    house.stop()

    shutil.rmtree(house.store)
    shutil.copytree(house.folder / "copy", house.store)
    house.said("rebuild", "--accept", code=1)
    house.start(epoch=2)
    assert house.registry() == registry  # which the office of this folder knew, in its order
    assert len(house.roll(LISTED)["voters"]) == 30  # and what it had imported
    assert {tps: house.roll(tps)["digest"] for tps in before} != before
    for phone in (ani, budi, citra, left):
        phone.sync()
    # Each had one event in the copy, and is asked for what came after it: no more, no less.
    assert [(one.first, one.refusal, one.expected) for one in ani.sent] == [(3, "gap", 2), (2, "", None), (3, "", None)]
    assert [(one.first, one.refusal, one.expected) for one in budi.sent] == [(3, "gap", 2), (2, "", None)]
    for phone in (ani, budi, citra, dewi, hadi):
        assert phone.agrees()
    assert (citra.outside(), hadi.outside()) == ([(3, "late")], [])
    assert {tps: house.roll(tps)["digest"] for tps in before} == before
    assert house.listed(30) == {"listed": 0, "changed": 0, "unchanged": 30, "refused": 0}

    for _ in range(2):
        assert left.agrees()
        assert left.outside() == [(2, "parked")]
    house.say("dots_lost", lost=gone.device, after=0)

    def released() -> bool:
        assert left.agrees()  # before the service has judged anew, and after
        return left.outside() == []

    wait_until(released)
    (voter,) = house.roll(LOST)["voters"]
    assert house.standings(voter["voter"]) == {"new": ["counted"], "found": ["counted"]}
    for phone in (ani, budi, citra, dewi, hadi):
        assert phone.agrees()
    assert {tps: house.roll(tps)["digest"] for tps in before} == before
