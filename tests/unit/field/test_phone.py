"""A phone in somebody's hand: what its officer enters, and what the roll then says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ecoklit.contract import policies
from ecoklit.core import ids
from ecoklit.core.causality import COUNTED
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.receipt import Receipt, SignedReceipt, Stood, sign_receipt
from ecoklit.core.replica import Replica
from ecoklit.core.signing import ED25519, P256
from ecoklit.core.voter import State
from ecoklit.core.wire import Held
from ecoklit.field.outbox import FROM_PULL, About, Outbox, Page, Told
from ecoklit.field.phone import Phone
from ecoklit.field.trouble import NotSaid
from ecoklit.testing import mimika
from ecoklit.testing.made_up_keys import made_up_key

ELECTION = "pilkada-2024"
TPS, NEXT_TPS, FAR_TPS = "9404012001001", "9404012001002", "9404022001001"
NOON = datetime.fromisoformat("2024-06-25T12:00:00+09:00")
PEOPLE = mimika.people(mimika.tps_codes("940401")[0])


class Clock:
    """A wall clock that goes on by a minute at each look, unless it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


def entropy() -> Callable[[int], bytes]:
    drawn = 0

    def draw(size: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return ids.sha256(b"chance %d" % drawn)[:size]

    return draw


def listed(count: int, tps: str = TPS) -> list[Held]:
    """A list of so many voters, as the regency's office gives it."""
    log = DeviceLog(ELECTION, made_up_key(1, "kpu").device, officer="kpu-1", role="kpu", policy="2024-1")
    return [
        log.append(
            "listed",
            tps=tps,
            at="2024-06-01T08:00:00+09:00",
            source="dp4",
            person={"record": person.record(), "salt": ids.to_base64url(nth.to_bytes(16, "big"))},
        )
        for nth, person in enumerate(PEOPLE[:count])
    ]


def phone_in(home: Path, name: str, held: list[Held], *, role: str = "pantarlih", places: Any = (TPS,)) -> Phone:
    """A phone that is enrolled and has these events."""
    outbox = Outbox(home / name, make=True)
    key = made_up_key(1, name)
    outbox.make_identity(key)
    outbox.enrol(About(ELECTION, "9404", key.device, "", "p-1", role, "2024-1", key.device, 0), places, [], held)
    return Phone(outbox, policies(), now=Clock(), entropy=entropy())


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    phone = phone_in(tmp_path, "a", listed(6))
    yield phone
    phone.outbox.close()


def state(phone: Phone, voter: str) -> State:
    return next(one for one in phone.states() if one.decision.voter == voter)


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(NotSaid) as error:
        yield
    assert error.value.code == code


# --- entries -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type", "fields", "verdict", "proposed"),
    [
        ("found", {"how": "in_person"}, "confirmed", []),
        ("moved", {"to": NEXT_TPS}, "unvisited", []),
        ("moved", {"to_area": "94"}, None, None),
        ("moved", {"to_area": "91", "evidence": "ktp_el"}, "moved_away", []),
        ("moved", {"to_area": "91"}, "unvisited", ["moved_away"]),
        ("deceased", {}, "unvisited", ["deceased"]),
        ("deceased", {"evidence": "death_certificate"}, "deceased", []),
        ("disqualified", {"reason": "underage", "evidence": "family_card"}, "disqualified", []),
        ("disqualified", {"reason": "unknown"}, "unvisited", ["disqualified/unknown"]),
        ("not_met", {"why": "absent"}, "unvisited", []),
    ],
)
def test_an_entry_says_what_its_type_says(
    phone: Phone, type: str, fields: Any, verdict: str | None, proposed: Any
) -> None:
    """Each kind of entry comes to the verdict or the proposal of the contract, or is refused and changes nothing."""
    voter = phone.roll(TPS)[0].state.decision.voter
    if verdict is None:
        with refused("bad_entry"):
            phone.say(type, voter, **fields)
        assert phone.outbox.end(phone.identity().device)[0] == 0
        return
    said = phone.say(type, voter, **fields)
    assert said.standing.name == COUNTED
    assert state(phone, voter).decision.verdict == verdict
    assert state(phone, voter).decision.proposed == proposed


def test_an_entry_knows_all_that_the_phone_holds_about_the_voter(phone: Phone) -> None:
    """The clock of an entry names the list's event and each earlier entry of the phone."""
    voter = phone.roll(TPS)[0].state.decision.voter
    office = phone.about(voter)[0]
    phone.say("not_met", voter, why="absent")
    said = phone.say("found", voter, how="in_person")
    assert said.held.clock == {office.device: office.seq, phone.identity().device: 2}


def test_a_new_person_gets_a_number_and_stands_on_the_roll(phone: Phone) -> None:
    """Somebody who was missing from the list is born with the entry, and gets the next number."""
    before = [entry.number for entry in phone.roll(TPS)]
    record = {**PEOPLE[50].record(), "name": "Maria Baru"}
    phone.say("new", None, how="in_person", document="ktp_el", person={"record": record})
    numbers = {entry.state.record.fields.name: entry.number for entry in phone.roll(TPS) if entry.state.record}
    assert numbers["Maria Baru"] == len(before) + 1


def test_a_number_is_never_given_to_another(phone: Phone) -> None:
    """Whatever changes about the voters, each keeps the number under which it was first shown."""
    before = {entry.number: entry.state.decision.voter for entry in phone.roll(TPS)}
    for number, voter in before.items():
        changes = {"address": f"Jl. Baru {100 - number}", "rw": f"{10 - number:03d}"}
        phone.say("found", voter, how="in_person", person={"changes": changes})
    phone.say("moved", before[2], to=NEXT_TPS)
    after = {entry.number: entry.state.decision.voter for entry in phone.roll(TPS)}
    assert after == {number: voter for number, voter in before.items() if number != 2}


def test_attempts_are_counted_by_the_phone(phone: Phone) -> None:
    """The nth time that nobody is met is said as the nth."""
    voter = phone.roll(TPS)[0].state.decision.voter
    for _ in range(3):
        phone.say("not_met", voter, why="absent")
    assert state(phone, voter).decision.attempts == 3


def test_an_entry_that_would_not_count_is_not_made(phone: Phone) -> None:
    """Who is on no roll of the village is refused with the law's own name, and nothing is saved."""
    voter = phone.roll(TPS)[0].state.decision.voter
    with refused("would_not_count"):
        phone.say("found", "00000000-0000-8000-8000-000000000000", how="in_person")
    for _ in range(99):
        phone.say("not_met", voter, why="absent")
    with refused("would_not_count"):
        phone.say("found", voter, how="in_person")
    assert phone.outbox.end(phone.identity().device)[0] == 99


def test_an_entry_in_another_village_is_not_made(phone: Phone) -> None:
    """A TPS in no village of the phone's is refused by name."""
    with refused("no_tps"):
        phone.say("found", phone.roll(TPS)[0].state.decision.voter, tps=FAR_TPS, how="in_person")


def test_a_phone_that_is_enrolled_nowhere_says_nothing(tmp_path: Path) -> None:
    """Without an enrolment no entry is made, and the answer says what to do."""
    with Outbox(tmp_path / "fresh", make=True) as outbox:
        phone = Phone(outbox, policies(), now=Clock(), entropy=entropy())
        with refused("not_enrolled"):
            phone.say("found", "00000000-0000-8000-8000-000000000000", how="in_person")
        with refused("not_enrolled"):
            phone.status()


def test_an_operator_enters_for_the_officer_who_stood_at_the_door(tmp_path: Path) -> None:
    """Officer, device and typist are three things: the entry names who was there."""
    phone = phone_in(tmp_path, "op", listed(2), role="operator", places=(TPS, NEXT_TPS))
    voter = phone.roll(TPS)[0].state.decision.voter
    with refused("no_tps"):
        phone.say("found", voter, how="in_person")
    event = phone.say("found", voter, tps=TPS, officer="p-77", how="in_person", entry="paper").held.event
    assert event is not None
    assert (event.officer, event.role, event.entry) == ("p-77", "pantarlih", "paper")
    phone.outbox.close()


def test_voters_are_named_by_number_or_by_a_part_of_their_id(phone: Phone) -> None:
    """A number, or enough of an id, names one voter; anything else is refused by name."""
    phone.outbox.take_page(TPS, Page(listed(60), [], [], "g-1", "", 1, False))
    phone.reload()
    entry = phone.roll(TPS)[3]
    voter = entry.state.decision.voter
    assert phone.voter(str(entry.number)) == phone.voter(voter[:8]) == phone.voter(voter.upper()) == voter
    for named, code in (("99", "unknown_voter"), ("", "unknown_voter"), (voter[:3], "unknown_voter")):
        with refused(code):
            phone.voter(named)
    with refused("ambiguous_voter"):
        phone.voter(shared_part(phone))


def shared_part(phone: Phone) -> str:
    """Four characters that two ids of the roll have."""
    voters = [entry.state.decision.voter for entry in phone.roll(TPS)]
    parts = {voter[at : at + 4] for voter in voters for at in range(33)}
    return next(part for part in sorted(parts) if sum(part in voter for voter in voters) > 1)


def test_two_programs_write_one_log(tmp_path: Path) -> None:
    """What another program saved is seen before the next entry, so that the log stays one chain."""
    one = phone_in(tmp_path, "a", listed(2))
    other = Phone(Outbox(tmp_path / "a"), policies(), now=Clock(), entropy=entropy())
    first, second = (entry.state.decision.voter for entry in one.roll(TPS))
    one.say("not_met", first, why="absent")
    said = other.say("not_met", first, why="absent")
    assert (said.held.seq, said.held.event.nth) == (2, 2)  # type: ignore[union-attr]
    one.say("found", second, how="in_person")
    assert one.digest(TPS) == other.digest(TPS)
    one.outbox.close()
    other.outbox.close()


# --- undo ----------------------------------------------------------------------------------------------------------


def test_an_undo_brings_back_what_was_there(phone: Phone) -> None:
    """After an undo the voter is to be visited again, with the particulars and on the roll of before."""
    entry = phone.roll(TPS)[0]
    voter, before = entry.state.decision.voter, entry.state
    changes = {"name": "Salah Ketik", "rt": "099"}
    for type, fields in (
        ("found", {"how": "in_person", "person": {"changes": changes}}),
        ("moved", {"to": NEXT_TPS}),
        ("moved", {"to_area": "91", "evidence": "ktp_el"}),
        ("deceased", {"evidence": "death_certificate"}),
        ("disqualified", {"reason": "unknown"}),
    ):
        phone.say(type, voter, **fields)
        phone.undo(voter)
        after = state(phone, voter)
        assert (after.decision.verdict, after.decision.proposed, after.decision.tps) == ("unvisited", [], TPS)
        assert after.record is not None and before.record is not None
        assert after.record.fields == before.record.fields


def test_what_cannot_be_undone_is_named(phone: Phone) -> None:
    """An undo of nothing, of a birth, of an attempt and of an undo is refused with what to do instead."""
    first, second = (entry.state.decision.voter for entry in phone.roll(TPS)[:2])
    born = phone.say("new", None, how="in_person", document="ktp_el", person={"record": PEOPLE[50].record()})
    phone.say("not_met", second, why="absent")
    for voter in (first, born.held.voter, second):
        with refused("not_undone"):
            phone.undo(voter)
    phone.say("found", first, how="in_person")
    phone.undo(first)
    with refused("not_undone"):
        phone.undo(first)


# --- a new key -----------------------------------------------------------------------------------------------------


def test_a_reissue_says_again_what_the_service_does_not_hold(phone: Phone) -> None:
    """Under a new key the same entries come to the same roll, also of a person whose birth is said again."""
    voters = [entry.state.decision.voter for entry in phone.roll(TPS)]
    record = PEOPLE[50].record()
    phone.say("found", voters[0], how="in_person", person={"changes": {"rt": "007"}})
    phone.outbox.take_receipt(_receipt(phone, 1))
    born = phone.say("new", None, how="in_person", document="ktp_el", person={"record": record})
    phone.say("found", born.held.voter, how="family", person={"changes": {"name": "Nama Benar"}})
    phone.say("not_met", voters[1], why="absent")
    phone.say("disqualified", max(voters[2:4]), reason="duplicate", duplicate_of=min(voters[2:4]))
    phone.say("found", voters[0], how="family")
    before, old = _seen(phone), phone.identity().device
    said = phone.reissue()
    assert phone.identity().device != old
    assert [one.seq for one in said] == [1, 2, 3, 4, 5]
    assert _seen(phone) == before
    assert [one.at for one in _events(said)] == [one.at for one in _events(phone.outbox.own(old, after=1))]
    assert all(phone.standing(one).name == COUNTED for one in said)
    assert _unsaid_dots(phone, old) == set()
    with pytest.raises(StopIteration):
        state(phone, born.held.voter)


def _events(held: list[Held]) -> Any:
    return [one.event for one in held]


def _seen(phone: Phone) -> list[Any]:
    """What people see of a roll: everything but ids and clocks."""
    return sorted(
        (
            one.decision.verdict,
            one.decision.proposed,
            one.decision.attempts,
            one.decision.tps,
            repr(one.record and one.record.fields),
        )
        for one in phone.states()
    )


def _unsaid_dots(phone: Phone, old: str) -> set[tuple[str, int]]:
    """The dots of the old log that an entry of the new one names, and that no service will ever hold."""
    named = {dot for one in phone.outbox.own(phone.identity().device) for dot in one.clock.items()}
    return {(device, seq) for device, seq in named if device == old and seq > 1}


def _receipt(phone: Phone, seq: int) -> SignedReceipt:
    device = phone.identity().device
    head = phone.outbox.own(device, after=seq - 1, upto=seq)[0].hash
    receipt = Receipt(
        device=device, election=ELECTION, epoch=1, head=ids.to_base64url(head), position={}, regency="9404",
        registry=1, seq=seq, standings=[],
    )  # fmt: skip
    return sign_receipt(made_up_key(1, "service"), receipt)


def test_a_reissue_leaves_what_another_phone_showed_to_be_held(phone: Phone) -> None:
    """Entries that came back in a pull are with the service, whatever the receipts say, and are not said again."""
    voters = [entry.state.decision.voter for entry in phone.roll(TPS)]
    sent = [phone.say("found", voter, how="in_person").held for voter in voters[:3]]
    phone.outbox.take_page(TPS, Page(sent[:2], [], [], "g-1", "", 1, False))
    phone.reload()
    assert [one.voter for one in phone.reissue()] == [voters[2]]


def test_a_reissue_says_again_what_was_set_aside_for_a_second_use_of_the_key(phone: Phone) -> None:
    """Entries that are held and quarantined as equivocation are said again; those quarantined otherwise are not."""
    voters = [entry.state.decision.voter for entry in phone.roll(TPS)]
    sent = [phone.say("found", voter, how="in_person").held for voter in voters[:3]]
    told = [Told(sent[1].device, 2, "equivocation", ""), Told(sent[2].device, 3, "not_entitled", "")]
    phone.outbox.take_page(TPS, Page(sent, told, [], "g-1", "", 1, False))
    phone.reload()
    assert [one.voter for one in phone.reissue()] == [voters[1]]
    assert state(phone, voters[1]).decision.verdict == "confirmed"
    assert state(phone, voters[2]).decision.verdict == "unvisited"


# --- what it is told -----------------------------------------------------------------------------------------------


def test_what_a_pull_sets_aside_does_not_count_until_it_is_released(phone: Phone) -> None:
    """A standing that the service told takes an event out of the phone's fold, and a later one brings it back."""
    voter = phone.roll(TPS)[0].state.decision.voter
    said = phone.say("found", voter, how="in_person").held
    counted = phone.digest(TPS)
    phone.outbox.take_page(TPS, Page([said], [Told(said.device, 1, "late", "")], [], "g-1", "", 1, False))
    phone.reload()
    assert state(phone, voter).decision.verdict == "unvisited"
    assert [(one.name, one.why) for one in phone.outbox.standings(FROM_PULL)] == [("late", "")]
    phone.outbox.take_page(TPS, Page([], [Told(said.device, 1, "counted", "")], [], "g-2", "", 2, False))
    phone.reload()
    assert phone.digest(TPS) == counted


def test_the_phone_folds_as_anybody_does(phone: Phone) -> None:
    """The phone's roll is that of a replica that holds the same events."""
    for entry in phone.roll(TPS)[:3]:
        phone.say("found", entry.state.decision.voter, how="in_person")
    replica = Replica(policies())
    replica.receive(phone.outbox.held())
    assert replica.states() == phone.states()


def test_the_terms_of_a_roll_add_up(phone: Phone) -> None:
    """listed + new + arrived − departed − removed = on the list, whatever was entered."""
    voters = [entry.state.decision.voter for entry in phone.roll(TPS)]
    phone.say("moved", voters[0], to=NEXT_TPS)
    phone.say("deceased", voters[1], evidence="death_certificate")
    phone.say("new", None, how="in_person", document="ktp_el", person={"record": PEOPLE[50].record()})
    terms = phone.terms(TPS)
    counts = [len(getattr(terms, name)) for name in ("listed", "new", "arrived", "departed", "removed", "on_list")]
    assert counts == [6, 1, 0, 1, 1, 5]


# --- keys and whys -------------------------------------------------------------------------------------------------


def test_a_phone_makes_the_kind_of_key_that_is_asked_for(tmp_path: Path) -> None:
    """A new phone makes an ed25519 key, or a p256 one; a draw that is no scalar is drawn again; later no other kind."""
    draws = iter([b"\xff" * 32, bytes(32), b"\x01" * 32])
    with Outbox(tmp_path / "old", make=True) as outbox:
        phone = Phone(outbox, policies(), now=Clock(), entropy=lambda size: next(draws))
        key = phone.identity(P256).key
        assert (key.algorithm, key.seed) == (P256, b"\x01" * 32)
        assert phone.identity().key == phone.identity(P256).key == key
        with refused("bad_key"):
            phone.identity(ED25519)
    with Outbox(tmp_path / "new", make=True) as outbox:
        assert Phone(outbox, policies(), now=Clock(), entropy=entropy()).identity().key.algorithm == ED25519


def test_an_own_entry_has_the_why_that_was_told(phone: Phone) -> None:
    """An own entry that does not count has the why that the service gave it, and none where nobody knows one."""
    phone.say("found", phone.roll(TPS)[0].state.decision.voter, how="in_person")
    phone.outbox.take_receipt(_receipt(phone, 1, [Stood(1, "parked")]))
    (outside,) = phone.outside()
    assert (outside.fate, outside.name, outside.why) == ("parked", "parked", "")
    phone.outbox.take_receipt(_receipt(phone, 1, [Stood(1, "parked", "waits for x:7")]))
    assert [one.why for one in phone.outside()] == ["waits for x:7"]


def _receipt(phone: Phone, seq: int, standings: Sequence[Stood] = ()) -> SignedReceipt:
    device = phone.identity().device
    held = phone.outbox.own(device, after=seq - 1, upto=seq)[0]
    receipt = Receipt(
        device=device, election=ELECTION, epoch=1, head=ids.to_base64url(held.hash), position={}, regency="9404",
        registry=1, seq=seq, standings=[*standings],
    )  # fmt: skip
    return sign_receipt(made_up_key(1, "service"), receipt)
