"""Where is my interview? Every way in which field systems are known to lose work, each by its name.

What an officer saved is in the service's roll exactly once: of a strict one in memory, and of the real admission.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from ecoklit.core import ids, sealing
from ecoklit.core.admission import EQUIVOCATION, GAP, TOO_LARGE, Refused
from ecoklit.core.causality import COUNTED
from ecoklit.core.head import sign_head
from ecoklit.core.push_file import split_pushes, write_push
from ecoklit.core.receipt import Receipt, sign_receipt
from ecoklit.core.signing import Key
from ecoklit.field import enrolment
from ecoklit.field.client import Client
from ecoklit.field.export import export, sealed
from ecoklit.field.phone import Phone
from ecoklit.field.trouble import Away, NotSaid, PhoneFault, Stuck, TryLater, WrongService
from ecoklit.testing.field_world import (
    ELECTION,
    NEXT_TPS,
    PEOPLE,
    REGENCY,
    TPS,
    VOTERS,
    AdmittedDoor,
    World,
    assert_whole,
    chance,
    confirmed,
    visit,
    visited,
)
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.memory_door import MemoryDoor, MemoryTransport


@pytest.fixture(params=[MemoryDoor, AdmittedDoor], ids=["strict", "admission"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(tmp_path, request.param)
    yield world
    world.close()


# --- the quiet case ------------------------------------------------------------------------------------------------


def test_a_day_without_trouble(world: World) -> None:
    """What was saved without a network is with the service after one sync, receipted, and both digests are one."""
    phone = world.phone("a")
    assert phone.status().proved is False
    visit(phone, 1, 2, 3)
    assert phone.status().unsent == 3
    synced = world.sync(phone)
    assert (synced.sent, synced.held) == (3, 3)
    assert_whole(world, phone, confirmed_voters=3)


def test_two_phones_see_each_other(world: World) -> None:
    """What one phone sent is on the other after its next sync, and two that disagree show the same conflict."""
    one, other = world.phone("a"), world.phone("b", "p-2")
    visit(one, 1, 2)
    voter = other.roll(TPS)[0].state.decision.voter
    other.say("deceased", voter, evidence="death_certificate")
    for phone in (one, other, one):
        world.sync(phone)
    assert one.digest(TPS) == other.digest(TPS) == world.door.digest(TPS)
    assert next(entry for entry in other.roll(TPS)).state.decision.conflicts == ["verdict"]


def test_an_enrolment_without_a_network_comes_with_the_first_push(world: World) -> None:
    """A phone that was enrolled from a file shows its enrolment itself; the office's own sync can come later."""
    phone = world.phone("a", send=False)
    visit(phone, 1)
    assert_whole(world, phone, confirmed_voters=1)
    assert len(world.door.registry_lines) == len(world.known)


def test_a_phone_with_nothing_to_say_shows_its_enrolment_too(world: World) -> None:
    """The first sync of an empty log introduces the phone, and pulls."""
    phone = world.phone("a", send=False)
    synced = world.sync(phone)
    assert (synced.sent, synced.held) == (0, 0)
    assert [one.same for one in synced.compared] == [True]


def test_who_moved_in_comes_with_the_whole_history(world: World) -> None:
    """A voter who is placed on the TPS later is pulled with all that was ever said of them."""
    other = world.phone("b", "p-2")
    phone = world.open("a")
    key = phone.identity().key
    taken = enrolment.read(world.enrol(key, "p-9", tps=NEXT_TPS), key)
    enrolment.take(phone.outbox, taken, service="memory")
    world.sync(phone)
    voter = other.roll(TPS)[4].state.decision.voter
    other.say("not_met", voter, why="absent")
    world.sync(other)
    world.sync(phone)
    assert phone.about(voter) == []
    other.say("moved", voter, to=NEXT_TPS)
    world.sync(other)
    assert [one.same for one in world.sync(phone).compared] == [True]
    assert len(phone.about(voter)) == 3


# --- by name -------------------------------------------------------------------------------------------------------


def test_app_uninstalled_before_sync(world: World) -> None:
    """An export brings what never synced; without one, exactly the lost visits show as unvisited on the next phone."""
    phone = world.phone("a")
    visit(phone, 1, 2, 3)
    world.sync(phone)
    visit(phone, 4, 5)
    carried = export(phone.outbox).data
    visit(phone, 6)
    phone.outbox.close()
    shutil.rmtree(world.folder / "a")
    for body in split_pushes(carried):
        world.door.push(body)
    again = world.phone("again")
    world.sync(again)
    assert visited(again) == {1, 2, 3, 4, 5}
    visit(again, 6)
    assert_whole(world, again, confirmed_voters=6)


def test_storage_cleared(world: World) -> None:
    """A phone whose storage was cleared after its sync has lost nothing: under a new key it pulls all of it."""
    phone = world.phone("a")
    visit(phone, 1, 2, 3)
    world.sync(phone)
    before = phone.digest(TPS)
    phone.outbox.close()
    shutil.rmtree(world.folder / "a")
    again = world.phone("a")
    world.sync(again)
    assert again.digest(TPS) == before
    assert_whole(world, again, confirmed_voters=3)


def test_phone_relinked(world: World) -> None:
    """What the old phone of an officer still sends is held and named, and counts once it is readmitted."""
    old = world.phone("old")
    visit(old, 1, 2)
    world.sync(old)
    visit(old, 3)
    device = old.identity().device
    world.say("revoked", revoked=device, from_seq=3)
    new = world.phone("new")
    world.sync(new)
    assert visited(new) == {1, 2}
    world.sync(old)
    assert [(one.held.seq, one.name) for one in old.outside()] == [(3, "revoked_device")]
    assert old.status().proved
    world.say("readmitted", of_device=device)
    world.sync(new)
    assert visited(new) == {1, 2, 3}
    assert_whole(world, new, confirmed_voters=3)


def test_case_reassigned(world: World) -> None:
    """Entries that an officer made before hearing that the TPS went to another are held and named, never lost."""
    phone = world.phone("a")
    visit(phone, 1)
    world.sync(phone)
    visit(phone, 2)
    device = phone.identity().device
    world.say("revoked", revoked=device, from_seq=2, area=TPS)
    other = world.phone("b", "p-2")
    world.sync(phone)
    assert [(one.held.seq, one.fate, one.name) for one in phone.outside()] == [(2, "quarantined", "not_entitled")]
    world.sync(other)
    assert visited(other) == {1}
    world.say("readmitted", of_officer="p-1")
    world.sync(phone)
    assert phone.outside() == []
    world.sync(other)
    assert_whole(world, other, confirmed_voters=2)


def test_supervisors_device_lost(world: World) -> None:
    """The office that enrolled the phone is gone before it had a network: the phone proves its own right."""
    phone = world.phone("a", send=False)
    visit(phone, 1, 2)
    del world.rights, world.known
    assert_whole(world, phone, confirmed_voters=2)


@pytest.mark.parametrize("lost", [1, 3, 5])
def test_server_restored_from_backup(world: World, lost: int) -> None:
    """A service that lost its tail is found out, gets just what is missing, and comes back to the digest of before."""
    phone = world.phone("a")
    for number in range(1, 6):
        visit(phone, number)
        world.sync(phone)
    before = world.door.digest(TPS)
    world.door.lose_tail(lost)
    assert world.door.digest(TPS) != before
    # The last entry goes up at every sync, so of one that is lost alone the phone never hears.
    assert world.sync(phone).sent == (lost if lost > 1 else 0)
    assert world.door.digest(TPS) == before
    assert_whole(world, phone, confirmed_voters=5)


def test_server_restored_after_the_window_closed(world: World) -> None:
    """What was admitted in time and is sent again after the window closed is not late: the old receipts prove it."""
    phone = world.phone("a")
    world.say("window_opened", area=REGENCY)
    visit(phone, 1, 2)
    world.sync(phone)
    visit(phone, 3)
    world.sync(phone)
    world.say("window_closed", area=REGENCY)
    visit(phone, 4)
    world.sync(phone)
    before = world.door.digest(TPS)
    assert [(one.held.seq, one.name) for one in phone.outside()] == [(4, "late")]
    world.door.lose_tail(4)
    world.sync(phone)
    assert world.door.digest(TPS) == before
    assert [(one.held.seq, one.name) for one in phone.outside()] == [(4, "late")]


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(MemoryDoor, id="strict"),
        pytest.param(AdmittedDoor, id="admission"),
    ],
    indirect=True,
)
def test_a_receipt_that_came_late_proves_when_the_entry_was_admitted(world: World) -> None:
    """Where the answer was lost and the window has closed since, the receipt of the second try says when it came."""
    phone = world.phone("a")
    world.say("window_opened", area=REGENCY)
    visit(phone, 1)
    way = world.way()
    way.troubles = [lost_answer]
    with pytest.raises(Away):
        world.sync(phone, way)
    world.say("window_closed", area=REGENCY)
    world.sync(phone)
    before = world.door.digest(TPS)
    world.door.lose_tail(1)
    world.sync(phone)
    assert world.door.digest(TPS) == before
    assert visited(phone) == {1}


def test_server_restored_without_the_phones_enrolment(world: World) -> None:
    """A registry that lost its tail too gets the enrolment again from the phone."""
    phone = world.phone("a")
    visit(phone, 1, 2)
    world.sync(phone)
    world.door.lose_tail(2, registry_lines=2)
    assert_whole(world, phone, confirmed_voters=2)


@pytest.mark.parametrize("answer", [b"", b"<html>Selamat datang</html>", b'{"receipt":{}}', b"null", b'{"seq":3}'])
def test_wrong_server_address(world: World, answer: bytes) -> None:
    """What is no receipt marks nothing as sent, whatever it is."""
    phone = world.phone("a")
    visit(phone, 1, 2)
    way = world.way()
    way.troubles = [lambda way, body: answer]
    with pytest.raises(WrongService):
        world.sync(phone, way)
    assert phone.status().held == 0
    assert_whole(world, phone, confirmed_voters=2)


def test_wrong_server_of_another_election(world: World, tmp_path: Path) -> None:
    """A service of another election refuses, or its receipt is not believed; nothing is marked."""
    phone = world.phone("a")
    visit(phone, 1)
    way = world.way()
    way.troubles = [raising(Refused("wrong_election", "the push is of pilkada-2024"))]
    with pytest.raises(WrongService):
        world.sync(phone, way)
    for change in (
        {"election": "pilkada-2029"}, {"regency": "9405"}, {"device": made_up_key(1, "x").device}, {"seq": 0},
    ):  # fmt: skip
        way.troubles = [receipting(world, phone, made_up_key(1, "service"), **change)]
        with pytest.raises(WrongService):
            world.sync(phone, way)
    way.troubles = [receipting(world, phone, made_up_key(1, "impostor"))]
    with pytest.raises(WrongService):
        world.sync(phone, way)
    assert phone.status().held == 0
    assert_whole(world, phone, confirmed_voters=1)


def test_a_receipt_that_names_another_entry_is_a_fork(world: World) -> None:
    """A service that holds another event where this phone has its last one is told apart from one that holds it."""
    phone = world.phone("a")
    visit(phone, 1)
    way = world.way()
    way.troubles = [receipting(world, phone, world.service, head=ids.to_base64url(ids.sha256(b"another")))]
    with pytest.raises(Stuck) as stuck:
        world.sync(phone, way)
    assert stuck.value.code == EQUIVOCATION
    assert phone.status().held == 0


def test_a_service_that_folds_behind_is_waited_for(world: World) -> None:
    """A digest of before the push is not held against the phone: the roll is asked for again, and not for ever."""
    phone = world.phone("a")
    world.sync(phone)
    before = world.door.pull(TPS, "", 200)
    visit(phone, 1)
    way = world.way()
    way.troubles = [None, None, *[lambda way, body: before] * 3]
    slept: list[float] = []
    late = Client(phone, way, enrolment.services_of(phone.outbox), sleep=slept.append)
    assert [one.same for one in late.sync().compared] == [True]
    assert slept == [0.05, 0.1, 0.2]
    visit(phone, 2)
    way.troubles = [None, *[lambda way, body: before] * 50]
    (compared,) = late.sync().compared
    assert not compared.same
    assert "not folded" in compared.why
    assert sum(slept) < 5
    assert_whole(world, phone, confirmed_voters=2)


def test_a_receipt_of_an_older_epoch_is_not_believed(world: World) -> None:
    """After a restore, a receipt that somebody kept from before proves nothing."""
    phone = world.phone("a")
    visit(phone, 1)
    world.sync(phone)
    world.door.lose_tail(1)
    world.sync(phone)
    visit(phone, 2)
    way = world.way()
    way.troubles = [receipting(world, phone, world.service, epoch=1)]
    with pytest.raises(WrongService):
        world.sync(phone, way)
    assert phone.status().unsent == 1


def receipting(world: World, phone: Phone, key: Key, **change: Any) -> Any:
    """Somebody who answers a push with a receipt of their own making."""

    def answer(way: MemoryTransport, body: bytes) -> bytes:
        device = phone.identity().device
        seq, last = phone.outbox.end(device)
        fields: dict[str, Any] = {
            "device": device, "election": ELECTION, "epoch": 2, "head": ids.to_base64url(last), "position": {},
            "regency": REGENCY, "registry": 1, "seq": seq, "standings": [], **change,
        }  # fmt: skip
        return sign_receipt(key, Receipt(**fields)).line

    return answer


def raising(error: Exception) -> Any:
    def trouble(way: MemoryTransport, body: bytes) -> bytes:
        raise error

    return trouble


def lost_answer(way: MemoryTransport, body: bytes) -> bytes:
    """The push arrives, and its answer does not."""
    way.door.push(body)
    raise Away("the answer was lost")


def cut_off(way: MemoryTransport, body: bytes) -> bytes:
    """The push breaks off on its way: half a line arrives, or half of its lines."""
    with pytest.raises(Refused):
        way.door.push(body[: len(body) // 2])
    raise Away("the upload was cut off")


def test_upload_cut_off(world: World) -> None:
    """Cut off before or after it arrived, any number of times: everything is there once."""
    phone = world.phone("a")
    for nth, trouble in enumerate((cut_off, lost_answer, raising(Away("no network")), lost_answer), start=1):
        visit(phone, nth)
        way = world.way()
        way.troubles = [trouble]
        with pytest.raises(Away):
            world.sync(phone, way)
        assert phone.status().unsent == nth
    assert_whole(world, phone, confirmed_voters=4)


@pytest.mark.parametrize("cut", [0, 1, 10, 400, 5000, -2, -3, -40])
def test_a_pull_that_breaks_off_leaves_the_cursor(world: World, cut: int) -> None:
    """Half a page is no page: the next sync asks for it again."""
    other = world.phone("b", "p-2")
    visit(other, 1, 2)
    world.sync(other)
    phone = world.phone("a")
    way = world.way()

    def broken(way: MemoryTransport, body: bytes) -> bytes:
        return way.door.pull(TPS, "", 2000)[:cut]

    way.troubles = [None, broken]
    with pytest.raises(Away):
        world.sync(phone, way)
    assert [place.cursor for place in phone.outbox.places()] == [""]
    assert_whole(world, phone, confirmed_voters=2)


def test_a_cursor_that_the_service_does_not_know_begins_anew(world: World) -> None:
    """A service that finds the cursor bad is asked from the beginning; what comes again changes nothing."""
    phone, other = world.phone("a"), world.phone("b", "p-2")
    visit(phone, 1)
    world.sync(phone)
    visit(other, 2)
    world.sync(other)
    way = world.way()
    way.troubles = [None, None, raising(Refused("bad_argument", "cursor is none that a page gave"))]
    synced = world.sync(phone, way)
    assert synced.refused == []
    assert synced.pulled == VOTERS + 2
    assert_whole(world, phone, confirmed_voters=2)


def test_two_uploads_at_once(world: World) -> None:
    """The phone and a stick that carries its export may come in any order, each more than once."""
    phone = world.phone("a")
    visit(phone, 1, 2)
    stick = split_pushes(export(phone.outbox).data)
    visit(phone, 3)
    later = split_pushes(export(phone.outbox).data)
    way = world.way()

    def meanwhile(way: MemoryTransport, body: bytes) -> None:
        for carried in (*stick, *later, *stick):
            way.door.push(carried)

    way.troubles = [meanwhile]
    world.sync(phone, way)
    for carried in (*later, *stick):
        world.door.push(carried)
    assert_whole(world, phone, confirmed_voters=3)


def test_two_syncs_of_one_phone_at_once(world: World) -> None:
    """A second program that syncs the same phone is told to wait, and what it saves meanwhile goes up next."""
    phone = world.phone("a")
    visit(phone, 1)
    second = world.open("a")
    way = world.way()

    def meanwhile(way: MemoryTransport, body: bytes) -> None:
        with pytest.raises(PhoneFault) as refused:
            world.sync(second)
        assert refused.value.code == "phone_in_use"
        visit(second, 2)

    way.troubles = [meanwhile]
    world.sync(phone, way)
    assert_whole(world, phone, confirmed_voters=2)


@pytest.mark.parametrize("years", [-10, 10])
def test_clock_set_back(world: World, years: int) -> None:
    """A wall clock that jumps by years changes neither what is taken nor what the roll says."""
    phone = world.phone("a")
    visit(phone, 1)
    world.clock.now = world.clock.now.replace(year=2024 + years)
    visit(phone, 2)
    voter = phone.roll(TPS)[0].state.decision.voter
    phone.undo(voter)
    assert visited(phone) == {2}
    assert_whole(world, phone, confirmed_voters=1)


def test_account_used_on_two_phones(world: World) -> None:
    """One officer with two phones, each with its own key: both count, and both come to one roll."""
    one, other = world.phone("a"), world.phone("b")
    visit(one, 1, 2)
    visit(other, 2, 3)
    world.sync(one)
    world.sync(other)
    assert_whole(world, one, confirmed_voters=3)
    assert_whole(world, other, confirmed_voters=3)


def test_key_used_on_two_phones(world: World) -> None:
    """A copied folder forks the log: one side is taken, the other is told, and says all again under a new key."""
    one = world.phone("a")
    visit(one, 1)
    world.sync(one)
    shutil.copytree(world.folder / "a", world.folder / "copy", ignore=shutil.ignore_patterns("*-shm"))
    other = world.open("copy")
    visit(one, 2, 3)
    visit(other, 4, 5)
    born = other.say("new", None, how="in_person", document="ktp_el", person={"record": PEOPLE[60].record()})
    other.say("found", born.held.voter, how="in_person", person={"changes": {"rt": "001"}})
    world.sync(one)
    with pytest.raises(Stuck) as stuck:
        world.sync(other)
    assert stuck.value.code == EQUIVOCATION
    assert other.status().stuck == EQUIVOCATION
    assert any(line.event is not None and hasattr(line.event, "cloned") for line in world.door.registry_lines)
    other.reissue()
    with pytest.raises(Stuck) as stuck:
        world.sync(other)
    assert stuck.value.code == "unknown_device"
    world.let_in(other)
    assert_whole(world, other, confirmed_voters=6)
    # The first phone goes on, is set aside from the fork on, and does the same.
    visit(one, 6)
    world.sync(one)
    assert [(entry.held.seq, entry.name) for entry in one.outside()] == [(4, "equivocation")]
    one.reissue()
    world.let_in(one)
    assert_whole(world, one, confirmed_voters=7)


def test_backup_of_the_phone_put_back(world: World) -> None:
    """A phone that was restored from an old copy of itself is told so, and loses nothing that it said since."""
    phone = world.phone("a")
    visit(phone, 1)
    shutil.copytree(world.folder / "a", world.folder / "backup", ignore=shutil.ignore_patterns("*-shm"))
    visit(phone, 2)
    world.sync(phone)
    restored = world.open("backup")
    with pytest.raises(Stuck) as stuck:
        world.sync(restored)
    assert stuck.value.code == "overtaken"
    visit(restored, 3)
    assert [len(restored.reissue())] == [1]
    world.let_in(restored)
    assert_whole(world, restored, confirmed_voters=3)


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [TOO_LARGE, "too_slow"])
def test_a_push_that_is_too_large_is_sent_in_halves(world: World, code: str) -> None:
    """A service with smaller bounds, or behind a slow network, gets smaller pushes."""
    phone = world.phone("a")
    visit(phone, *range(1, 11))
    way = world.way()
    push = world.door.push

    def narrow(body: bytes) -> bytes:
        if body.count(b"\n") > 5:
            raise Refused(code, "at most five lines")
        return push(body)

    world.sync(phone)  # introduces the phone, so that its enrolment stays out of the count
    visit(phone, *range(11, 21))
    way.door.push = narrow  # type: ignore[method-assign]
    assert world.sync(phone, way).sent == 10
    way.door.push = push  # type: ignore[method-assign]
    assert_whole(world, phone, confirmed_voters=20)


def test_a_service_that_always_refuses_does_not_hold_a_phone_in_a_loop(world: World) -> None:
    """However often a gap is claimed, a sync ends, and nothing is lost."""
    phone = world.phone("a")
    visit(phone, 1, 2, 3)
    world.sync(phone)
    way = world.way()
    way.troubles = [raising(Refused(GAP, "from 1", 1))] * 50
    with pytest.raises((TryLater, Stuck)):
        world.sync(phone, way)
    assert len(way.requests) < 10
    assert_whole(world, phone, confirmed_voters=3)


@pytest.mark.parametrize("code", ["bad_signature", "broken_chain", "malformed", "unknown_device"])
def test_what_cannot_be_mended_by_sending_is_said(world: World, code: str) -> None:
    """A refusal that the phone cannot answer is kept and shown; the entries stay, and a later receipt clears it."""
    phone = world.phone("a")
    visit(phone, 1)
    way = world.way()
    way.troubles = [raising(Refused(code, "why"))]
    with pytest.raises(Stuck) as stuck:
        world.sync(phone, way)
    assert phone.status().stuck == stuck.value.code == code
    assert_whole(world, phone, confirmed_voters=1)
    assert phone.status().stuck == ""


def test_a_busy_service_is_left_alone(world: World) -> None:
    """429 and 503 end a sync with the time to wait, in the middle of a log too."""
    phone = world.phone("a")
    visit(phone, 1)
    way = world.way()
    way.troubles = [raising(TryLater("too_many", "later", 17.0))]
    with pytest.raises(TryLater) as later:
        world.sync(phone, way)
    assert later.value.seconds == 17.0
    assert_whole(world, phone, confirmed_voters=1)


def test_a_network_that_fails_at_any_request_ends_at_the_same_roll(world: World) -> None:
    """Sixty syncs in which requests fail before, on and after their way, at random: everything is there, once."""
    random = Random(7)
    phone, other = world.phone("a"), world.phone("b", "p-2")
    ways = [world.way(), world.way()]
    troubles = [None, None, lost_answer, raising(Away("no network")), raising(TryLater("busy", "later", 1.0))]
    said: set[int] = set()
    for round in range(60):
        which = round % 2
        here = (phone, other)[which]
        if round < 40:
            number = random.randrange(1, VOTERS + 1)
            visit(here, number)
            said.add(number)
        ways[which].troubles = [random.choice(troubles) for _ in range(random.randrange(4))]
        try:
            world.sync(here, ways[which])
        except (Away, TryLater):
            continue
    assert_whole(world, phone, confirmed_voters=len(said))
    assert_whole(world, other, confirmed_voters=len(said))


def test_a_log_longer_than_a_push_goes_in_several(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is more than one push goes in several, and each is receipted."""
    monkeypatch.setattr("ecoklit.field.client.PUSH_EVENTS_MAX", 8)
    phone = world.phone("a")
    visit(phone, *range(1, VOTERS + 1))
    assert world.sync(phone).sent == VOTERS
    assert [one.receipt.seq for one in phone.outbox.receipts(phone.identity().device)] == [8, 16, 20]
    assert_whole(world, phone, confirmed_voters=VOTERS)


# --- reports and exports -------------------------------------------------------------------------------------------


def test_a_final_report_follows_the_entries(world: World) -> None:
    """After a sync the report is in the registry, with last entry, totals and digest; again changes nothing."""
    phone = world.phone("a")
    visit(phone, 1, 2)
    phone.report()
    assert phone.outbox.is_unsent()
    for _ in range(2):
        world.sync(phone)
    assert not phone.outbox.is_unsent()
    reports = [one.event for one in world.door.registry_lines if one.device == phone.identity().device]
    assert [(one.last, one.tps, one.digest) for one in reports] == [(2, TPS, world.door.digest(TPS))]  # type: ignore[union-attr]
    phone.report()
    world.sync(phone)
    assert len([one for one in world.door.registry_lines if one.device == phone.identity().device]) == 2


def test_a_report_whose_answer_was_lost_is_held_once(world: World) -> None:
    """A report may be sent again like everything else."""
    phone = world.phone("a")
    visit(phone, 1)
    phone.report()
    way = world.way()
    way.troubles = [None, lost_answer]
    with pytest.raises(Away):
        world.sync(phone, way)
    world.sync(phone)
    assert len([one for one in world.door.registry_lines if one.device == phone.identity().device]) == 1
    assert not phone.outbox.is_unsent()


def test_an_export_is_carried_by_anybody(world: World) -> None:
    """A file of a phone's unsent entries, with its enrolment, is taken from whoever brings it."""
    phone = world.phone("a", send=False)
    visit(phone, 1, 2, 3)
    phone.report()
    made = export(phone.outbox)
    assert (made.entries, made.reports) == (3, 1)
    for body in split_pushes(made.data):
        world.door.push(body)
    assert confirmed(world) == 3
    assert phone.status().unsent == 3, "only a receipt says held"
    assert_whole(world, phone, confirmed_voters=3)


def test_a_sealed_export_is_opened_by_the_service_alone(world: World) -> None:
    """Nobody's name can be read in a sealed file, and another key does not open it."""
    phone = world.phone("a")
    phone.say("new", None, how="in_person", document="ktp_el", person={"record": PEOPLE[60].record()})
    made = export(phone.outbox)
    closed = sealed(made, enrolment.services_of(phone.outbox), chance("seal"))
    assert PEOPLE[60].name.encode() in made.data
    assert PEOPLE[60].name.encode() not in closed.data
    assert sealing.is_sealed(closed.data)
    assert sealing.open_with_key(closed.data, world.service) == made.data
    with pytest.raises(sealing.NotOpened):
        sealing.open_with_key(closed.data, world.office)


def test_who_changes_an_export_is_refused(world: World) -> None:
    """Each single byte of a push that is changed on its way is found out, or was a copy of a person."""
    phone = world.phone("a")
    visit(phone, 1)
    world.sync(phone)
    visit(phone, 2)
    (body,) = split_pushes(export(phone.outbox).data)
    for at in range(0, len(body) - 1, 7):
        changed = bytearray(body)
        changed[at] ^= 1
        with pytest.raises(Refused):
            world.door.push(bytes(changed))
    assert confirmed(world) == 1


def test_an_export_of_another_hand_does_not_continue_the_log(world: World) -> None:
    """Somebody who carries a log cannot add to it: the head would not be signed by its key."""
    phone = world.phone("a")
    visit(phone, 1)
    device, held = phone.identity().device, phone.outbox.own(phone.identity().device)
    thief = made_up_key(1, "thief")
    head = sign_head(thief, ELECTION, 1, held[0].hash)
    forged = msgspec.structs.replace(head, device=device)
    with pytest.raises(Refused) as refused:
        world.door.push(write_push([held[0].line], forged))
    assert refused.value.code == "bad_signature"


def test_standings_are_what_the_service_says(world: World) -> None:
    """Each own entry that does not count is shown by the name and the reason that the service gives."""
    phone = world.phone("a")
    visit(phone, 1)
    world.sync(phone)
    assert phone.standing(phone.outbox.own(phone.identity().device)[0]).name == COUNTED
    world.say("window_opened", area=REGENCY)
    world.say("window_closed", area=REGENCY)
    visit(phone, 2)
    synced = world.sync(phone)
    assert [(one.held.seq, one.fate, one.name) for one in phone.outside()] == [(2, "quarantined", "late")]
    assert [one.same for one in synced.compared] == [True]
    assert visited(phone) == {1}


# --- what the registry says of the phone -----------------------------------------------------------------------------


def test_a_second_policy_comes_with_a_sync(world: World) -> None:
    """A policy that was set after the enrolment comes with a pull, is said, and judges what is entered from then on;
    what was entered before is judged by its own, on the phone as at the service."""
    phone = world.phone("a")
    numbered = {entry.number: entry.state.decision.voter for entry in phone.roll(TPS)}
    phone.say("deceased", numbered[1], evidence="village_letter")
    assert world.sync(phone).news == []
    world.say("policy_set", area=REGENCY, policy="2024-1")
    world.say("policy_set", area=TPS[:10], policy="2024-2")
    (said,) = world.sync(phone).news
    assert said.startswith(f"Kebijakan di {TPS} kini 2024-2, sebelumnya 2024-1")
    assert world.sync(phone).news == []
    with pytest.raises(NotSaid) as refused:
        phone.say("deceased", numbered[2], evidence="village_letter")
    assert refused.value.code == "would_not_count"
    phone.say("deceased", numbered[2])
    phone.say("deceased", numbered[3], evidence="death_certificate")
    again = world.open("a")
    verdicts = {entry.number: entry.state.decision.verdict for entry in again.roll(TPS)}
    assert [verdicts[number] for number in (1, 2, 3)] == ["deceased", "unvisited", "deceased"]
    assert_whole(world, phone, confirmed_voters=0)
    own = phone.outbox.own(phone.identity().device)
    assert [one.event.policy for one in own if one.event] == ["2024-1", "2024-2", "2024-2"]


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        ([("revoked", {"revoked": "phone", "from_seq": 2})], ["HP ini dicabut mulai entri 2"]),
        (
            [("revoked", {"revoked": "phone", "from_seq": 2, "area": TPS})],
            [f"Tugas pantarlih di {TPS} berakhir"],
        ),
        (
            [
                ("assigned", {"area": NEXT_TPS, "officer_assigned": "p-1", "role_assigned": "pantarlih",
                              "to_device": "phone"}),
            ],
            [f"Tugas baru: pantarlih di {NEXT_TPS}"],
        ),
        ([("window_closed", {"area": REGENCY})], [f"Coklit di {TPS} ditutup"]),
        ([("window_closed", {"area": REGENCY}), ("window_extended", {"area": TPS[:10]})], []),
        ([("window_closed", {"area": "940402"})], []),
        ([("policy_set", {"area": "940402", "policy": "2024-2"})], []),
    ],
)  # fmt: skip
def test_what_the_registry_changes_is_said(world: World, acts: list[Any], said: list[str]) -> None:
    """Each act of an office that concerns the phone is told at the next sync, once; what concerns others is not."""
    phone = world.phone("a")
    visit(phone, 1)
    world.sync(phone)
    for type, fields in acts:
        world.say(type, **{name: phone.identity().device if to == "phone" else to for name, to in fields.items()})
    news = world.sync(phone).news
    assert len(news) == len(said)
    assert all(told.startswith(begin) for told, begin in zip(news, said, strict=True))
    assert world.sync(phone).news == []


def test_a_reassigned_phone_takes_up_its_new_tps(world: World) -> None:
    """Where the office gives an enrolled phone another TPS, the next syncs pull that roll, and entries there count."""
    other = world.phone("b", "p-2")
    voter = other.roll(TPS)[0].state.decision.voter
    other.say("moved", voter, to=NEXT_TPS)
    world.sync(other)
    phone = world.phone("a")
    world.sync(phone)
    device = phone.identity().device
    world.say("assigned", area=NEXT_TPS, officer_assigned="p-1", role_assigned="pantarlih", to_device=device)
    world.say("revoked", revoked=device, from_seq=1, area=TPS)
    world.sync(phone)
    assert [place.tps for place in phone.outbox.places()] == [TPS, NEXT_TPS]
    phone.say("found", voter, tps=NEXT_TPS, how="in_person")
    world.sync(phone)
    assert phone.outside() == []
    assert phone.digest(NEXT_TPS) == world.door.digest(NEXT_TPS)


def test_a_registry_that_does_not_hold_is_not_believed(world: World) -> None:
    """Lines of another root, that nobody signed, or with a hole are refused as a whole; what was known stays."""
    phone = world.phone("a")
    world.sync(phone)
    before = phone.outbox.registry_known()
    world.say("window_closed", area=REGENCY)
    good = world.door.registry_lines[-1].line
    forged = msgspec.json.encode({"registry": msgspec.Raw(msgspec.json.encode({"v": 1})), "signature": "x"})
    for lie in (b"<html>", forged, good.replace(b'"seq":', b'"seq":1'), good.replace(b"940", b"941", 1)):
        way = world.way()
        way.troubles = [None, None, None, lambda way, body, lie=lie: lie]
        with pytest.raises(WrongService):
            world.sync(phone, way)
        assert phone.outbox.registry_known() == before
    assert len(world.sync(phone).news) == 1
    assert phone.outbox.registry_known() == [one.line for one in world.door.registry_lines]


def test_a_restored_registry_is_learned_anew(world: World) -> None:
    """In a new epoch the whole registry is read again, and the phone says that the service was restored."""
    phone = world.phone("a")
    visit(phone, 1, 2)
    lost = (world.rights.seq, world.rights.prev)
    world.say("window_opened", area=REGENCY)
    world.sync(phone)
    world.door.lose_tail(2, registry_lines=1)
    # Another line has taken the place of the lost one, so that nothing but the epoch tells.
    world.rights.seq, world.rights.prev = lost
    world.say("window_opened", area=TPS[:10])
    (said,) = world.sync(phone).news
    assert "dipulihkan dari cadangan (epoch 2)" in said
    assert phone.outbox.registry_known() == [one.line for one in world.door.registry_lines]
    assert_whole(world, phone, confirmed_voters=2)


@pytest.mark.parametrize(
    ("acts", "name", "why"),
    [
        ([("revoked", {"revoked": "phone", "from_seq": 1})], "revoked_device", "the device was revoked from"),
        ([("revoked", {"revoked": "phone", "from_seq": 1, "area": TPS})], "not_entitled", "has no longer the right"),
        ([("tps_set", {"tps": [NEXT_TPS]})], "unknown_tps", f"the registry has no {TPS}"),
        ([("window_closed", {"area": REGENCY})], "late", "it came when coklit of its area was closed"),
    ],
)
def test_a_quarantine_that_came_as_a_name_has_its_why(world: World, acts: Any, name: str, why: str) -> None:
    """Where a receipt only names what keeps an entry out, the phone finds the why in the registry that it knows."""
    phone = world.phone("a")
    for type, fields in acts:
        world.say(type, **{name: phone.identity().device if to == "phone" else to for name, to in fields.items()})
    visit(phone, 1)
    world.sync(phone)
    # As a projection says it, and nothing of it from a pull.
    phone.outbox._db.execute("delete from standing where teller = 'pull'")
    phone.outbox._db.execute("update standing set why = ''")
    (outside,) = phone.outside()
    assert (outside.name, outside.why.startswith(why) or why in outside.why) == (name, True)


def test_whoever_is_erased_is_on_no_phone_any_more(world: World, tmp_path: Path) -> None:
    """At the next sync a phone has no person of an erased voter in any file, keeps the entries and comes to the same
    digest; it does not bring the person back, and what it said meanwhile is taken without it, named in the receipt."""
    one, other = world.phone("one"), world.phone("other", "p-2")
    world.sync(one), world.sync(other)
    erased = world.listed[3]
    nik = msgspec.json.decode(erased.person_bytes)["record"]["nik"].encode()
    visit(one, 1)
    world.sync(one)
    assert in_files(tmp_path, nik) == {"one", "other"}
    world.say("erased", order=ids.to_base64url(ids.sha256(b"Putusan 12")), voter=erased.voter)
    late = other.say("found", erased.voter, how="family", changed=["rt"], person={"changes": {"rt": "777"}})
    news = [world.sync(phone).news for phone in (one, other)]
    assert all("dimusnahkan" in " ".join(sentences) for sentences in news)
    if isinstance(world.door, AdmittedDoor):
        receipt = other.outbox.latest_receipt(late.held.device)
        assert receipt is not None and receipt.receipt.erased == [late.held.seq]
    assert in_files(tmp_path, nik) == set() and in_files(tmp_path, b'"777"') == set()
    for phone in (one, other):
        assert [compared.same for compared in world.sync(phone).compared] == [True]
        assert [held.person for held in phone.about(erased.voter)] == [None, None]
    assert [held for held, _ in world.door.stored if held.voter == erased.voter and held.person is not None] == []


def in_files(folder: Path, text: bytes) -> set[str]:
    """The phones of whose files one holds these bytes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).parts[0] for path in files if text in path.read_bytes()}
