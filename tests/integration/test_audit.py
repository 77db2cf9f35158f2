"""The audit of a whole journal: what is sound passes, and what nobody could have admitted is named with its place."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from threading import Thread

import pytest

from ecoklit.adapters.journal_folder import JournalFolder
from ecoklit.bootstrap import auditing
from ecoklit.bootstrap.auditing import audit_folder
from ecoklit.contract import policies
from ecoklit.core import roll
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.head import sign_head
from ecoklit.core.ids import to_base64url
from ecoklit.errors import EcoklitError
from ecoklit.ports import HEAD_HEADER, STAMP_HEADER, EventMessage, Position, Push, Stored
from ecoklit.ports.journal_source import JournalSource
from ecoklit.services import journal_export
from ecoklit.services.audit import Audit, Published
from ecoklit.services.journal_export import export
from ecoklit.services.project import Projector
from ecoklit.testing import mimika
from ecoklit.testing.made_up_journal import MadeUpJournal, day_of_coklit
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal
from ecoklit.testing.memory_roll_store import MemoryRollStore

GOLDEN = "55303b89a479c3584608f44f03a9bbd7ac71228d582b94c93505a62020bb05cd"
"""Of the made-up day below: on every machine, in every partition, by every Python."""


async def made(voters: int = 60, seed: int = 1) -> tuple[MadeUpJournal, JournalSource]:
    journal, registry = MemoryJournal(), MemoryRegistryJournal()
    day = await day_of_coklit(journal, registry, voters, seed)
    return day, JournalSource("pilkada-2024", mimika.REGENCY, journal, registry, True)


async def projected(day: MadeUpJournal) -> Published:
    """What the service makes of the same journal, by way of the projector."""
    store = MemoryRollStore()
    projector = Projector(
        day.journal, store, policies(), election="pilkada-2024", regency=mimika.REGENCY, registry=day.registry
    )
    done = await projector.run_until_caught_up()
    leaves = await store.leaves()
    return Published("the projection", done.events, done.registry, roll.digests(leaves), True, tuple(leaves))


async def audited(day: MadeUpJournal, folder: Path, **more: object) -> Audit:
    source = JournalSource("pilkada-2024", mimika.REGENCY, day.journal, day.registry, True)
    with JournalFolder(folder).opened() as store:
        await export(source, store)
    return audit_folder(str(folder), **more)  # type: ignore[arg-type]


async def test_a_sound_journal_gives_what_the_service_published(tmp_path: Path) -> None:
    """Every digest of every area is that of the projection, and nothing is wrong."""
    day, _ = await made()
    service = await projected(day)
    audit = await audited(day, tmp_path, published=[service], root=day.election.root.device)
    assert audit.faults == []
    (compared,) = audit.compared
    assert (compared.differences, compared.areas) == ([], len(service.digests))
    assert {code: digest.hex() for code, digest in service.digests.items()} == audit.digests
    assert audit.is_sound
    assert audit.persons is not None and (audit.persons.absent, audit.persons.orphans) == (0, 0)
    assert audit.voters == len(day.about)
    assert audit.heads > 5


@pytest.mark.parametrize(("jobs", "bucket_events"), [(1, 100), (1, 25), (2, 20)])
async def test_partitions_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int, bucket_events: int
) -> None:
    """In many segments, runs and buckets, in one process or two, the digests and counts are those of one piece."""
    day, _ = await made()
    whole = await audited(day, tmp_path / "whole")
    monkeypatch.setattr(journal_export, "SEGMENT_MESSAGES_MAX", 23)
    monkeypatch.setattr(auditing, "BUCKET_EVENTS", bucket_events)
    parts = await audited(day, tmp_path / "parts", jobs=jobs)
    assert parts == whole
    assert whole.digest == GOLDEN


@pytest.mark.parametrize("seed", range(4))
async def test_another_order_of_arrival_gives_the_same_digests(tmp_path: Path, seed: int) -> None:
    """Each device's events in their own order, the devices' pushes in any: the digests are golden."""
    day, _ = await made()
    events = await day.journal.read_events(0, 10_000)
    logs: dict[str, list[EventMessage]] = {}
    for one in events:
        logs.setdefault(one.device, []).append(one)
    shuffled, random, ends = MemoryJournal(), Random(seed), dict.fromkeys(logs, 0)
    while logs:
        device = random.choice(sorted(logs))
        some = [logs[device].pop(0) for _ in range(min(len(logs[device]), random.randrange(1, 30)))]
        push = Push(
            device,
            ends[device],
            tuple(one.payload for one in some),
            headers=some[-1].headers,
            first_headers=some[0].headers if len(some) > 1 else (),
            later_headers=tuple((at, *own) for at, one in enumerate(some[1:-1], start=1) for own in one.headers),
        )
        (stored,) = await shuffled.append([push])
        assert isinstance(stored, Stored)
        ends[device] = stored.last
        if not logs[device]:
            del logs[device]
    source = JournalSource("pilkada-2024", mimika.REGENCY, shuffled, day.registry, True)
    with JournalFolder(tmp_path).opened() as store:
        await export(source, store, without_persons=True)
    audit = audit_folder(str(tmp_path))
    assert (audit.faults, audit.digest) == ([], GOLDEN)


async def test_without_persons_every_decision_folds_again(tmp_path: Path) -> None:
    """The same digests and the same voters, from an export that says nothing of anybody."""
    day, source = await made()
    await export(source, JournalFolder(tmp_path), without_persons=True)
    service = await projected(day)
    audit = audit_folder(str(tmp_path), published=[service])
    assert (audit.faults, audit.persons, audit.compared[0].differences) == ([], None, [])
    assert audit.digests == {code: digest.hex() for code, digest in service.digests.items()}


@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_an_earlier_moment_is_that_moment(tmp_path: Path, nth: int) -> None:
    """Audited at a position, the journal gives what the service published when it had come so far."""
    day, _ = await made()
    end = (await day.journal.last()).events * nth // 4
    store = MemoryRollStore()
    judged = await day.registry.last()
    projector = Projector(
        day.journal, store, policies(), election="pilkada-2024", regency=mimika.REGENCY, registry=day.registry
    )
    persons = (await day.journal.last()).persons
    await projector.run_until_caught_up(Position(end, persons), registry_until=judged)
    audit = await audited(day, tmp_path, at=(end, judged))
    assert audit.digests == {code: digest.hex() for code, digest in roll.digests(await store.leaves()).items()}
    assert (audit.events, audit.faults) == (end, [])


async def test_what_differs_is_named_by_voter_and_event(tmp_path: Path) -> None:
    """A roll with one changed row differs in its TPS and all areas above, in that voter, from a named event on."""
    day, _ = await made()
    service = await projected(day)
    tps, voter, leaf = service.leaves[5]
    spoiled = [(tps, voter, bytes([leaf[0] ^ 1]) + leaf[1:]), *service.leaves[:5], *service.leaves[6:]]
    audit = await audited(
        day, tmp_path, published=[service._replace(digests=roll.digests(spoiled), leaves=tuple(spoiled))]
    )
    (compared,) = audit.compared
    assert [one.code for one in compared.differences] == sorted(["00", "94", "9404", tps[:6], tps[:10], tps])
    assert [one.voter for one in compared.voters] == [voter]
    assert compared.first == compared.voters[0].events[0]
    born = day.about[voter][0]
    assert compared.first is not None and compared.first[1] == f"{born.device}:{born.seq} listed"
    assert not audit.is_sound


async def test_who_had_no_right_is_called_out(tmp_path: Path) -> None:
    """Events by a revoked device, out of role and out of area do not count, and are named; a roll that counts them
    differs, in these voters."""
    day, _ = await made()
    places = sorted({held.tps for about in day.about.values() for held in about})
    first = {tps: next(voter for voter, about in day.about.items() if about[0].tps == tps) for tps in places[:3]}
    revoked, outside = day.device("revoked", "pantarlih", places[0]), day.device("outside", "pantarlih", places[1])
    wrong_role = day.device("wrong-role", "pantarlih", places[2])
    day.election.say(day.election.root, "revoked", revoked=revoked.device, from_seq=1)
    day._logs[wrong_role.device].role = "pps"
    dead, proof = first[places[0]], "death_certificate"
    said = {
        "revoked_device": day.say(revoked, "deceased", tps=places[0], voter=dead, evidence=proof),
        "not_entitled": day.say(outside, "deceased", tps=places[0], voter=dead, evidence=proof),
    }
    day.say(wrong_role, "ruled", tps=places[2], voter=first[places[2]], verdict="deceased")
    for key in (revoked, outside, wrong_role):
        await day.send(key)
    audit = await audited(day, tmp_path, published=[await projected(day)])
    assert audit.is_sound
    assert audit.standings == {"revoked_device": 1, "not_entitled": 2}
    named = {(one.name, one.device, one.seq) for one in audit.not_counted}
    assert {(name, held.device, held.seq) for name, held in said.items()} < named
    nobody_judged = audit_folder(str(tmp_path), at=(audit.events, 0))
    assert nobody_judged.digest != audit.digest


async def test_what_no_door_lets_in_is_a_fault(tmp_path: Path) -> None:
    """A device that nobody enrolled, a head by another key, a stamp of before the enrolment, another root: by name."""
    day, _ = await made(20)
    place = next(iter(day.about.values()))[0]
    stranger, late = made_up_key(1, "stranger"), day.device("late", "pantarlih", place.tps)
    day._logs[stranger.device] = DeviceLog(
        "pilkada-2024", stranger.device, officer="x", role="pantarlih", policy="2024-1"
    )
    for key in (stranger, late):
        day.say(key, "found", tps=place.tps, voter=place.voter, how="in_person")
    await day.send(stranger)
    (held,) = day._unsent.pop(late.device)
    signed = sign_head(stranger, "pilkada-2024", held.seq, held.hash)
    headers = ((STAMP_HEADER, "1"), (HEAD_HEADER, signed.signature))
    await day.journal.append([Push(late.device, 0, (held.event_bytes,), headers=headers)])
    audit = await audited(day, tmp_path, root=stranger.device)
    found = {(fault.name, fault.device) for fault in audit.faults}
    assert found == {
        ("unknown_device", stranger.device),
        ("bad_signature", late.device),
        ("unsigned", late.device),
        ("bad_stamp", late.device),
        ("other_root", day.election.root.device),
    }


async def test_an_erased_person_is_no_fault_and_one_that_is_left_is(tmp_path: Path) -> None:
    """What an order erased is counted as erased; a copy that is still there, and a person that is gone without an
    order, are named."""
    day, source = await made(20)
    assert isinstance(source.journal, MemoryJournal)
    voters = list(day.about)
    for voter in voters[:2]:
        day.election.say(day.election.root, "erased", voter=voter, order=to_base64url(bytes(32)))
    await day.election.store(day.registry)
    for voter in (voters[0], voters[2]):
        for held in day.about[voter]:
            source.journal.erase_person(held.device, held.seq)
    audit = await audited(day, tmp_path)
    left, gone = day.about[voters[1]][0], day.about[voters[2]][0]
    assert {(fault.name, fault.device, fault.seq) for fault in audit.faults} >= {
        ("not_erased", left.device, left.seq),
        ("person_missing", gone.device, gone.seq),
    }
    assert {fault.name for fault in audit.faults} == {"not_erased", "person_missing"}
    assert audit.persons is not None and audit.persons.erased >= 2
    said = [(one.voter, one.officer, one.device) for one in audit.erasures]
    assert said == [(voter, "kpu", day.election.root.device) for voter in voters[:2]]


async def test_an_address_serves_as_well_as_a_folder(tmp_path: Path) -> None:
    """Any web server that serves the files gives the same audit; one that has none, or a damaged file, is named."""
    day, _ = await made(20)
    audit = await audited(day, tmp_path / "arsip")
    handler = partial(QuietHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    serving = Thread(target=server.serve_forever)
    serving.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        assert audit_folder(f"{url}/arsip") == audit
        with pytest.raises(EcoklitError) as error:
            audit_folder(f"{url}/nothing")
        assert error.value.code == "no_export"
        segment = sorted((tmp_path / "arsip" / "events").glob("*.zst"))[0]
        segment.write_bytes(segment.read_bytes()[:-1])
        (damaged, *_) = audit_folder(f"{url}/arsip").faults
        assert damaged.name == "export_damaged" and segment.name in damaged.why
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass
