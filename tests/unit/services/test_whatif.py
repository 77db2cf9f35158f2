"""What hangs on a device, an officer or a policy; a story; a sample that anybody can draw again."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec import structs

from ecoklit.contract import policies
from ecoklit.core.policy import Evidence
from ecoklit.core.signing import key_from_seed
from ecoklit.errors import EcoklitError
from ecoklit.ports import HEAD_HEADER, EventMessage
from ecoklit.services.case import Case, judged
from ecoklit.services.sample import SAMPLE_MAX, drawn
from ecoklit.services.signed_end import signed_end
from ecoklit.services.story import REASONS, STANDINGS, VERDICTS, status_told, story_of
from ecoklit.services.whatif import changed, under_policy, without_device, without_officer
from ecoklit.testing.made_up_proofs import made_up_world
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.phone import Person, Phone

SEEDS: Final = range(4)
KNOWN: Final = policies()
VOTERS: Final = [f"00000000-0000-8000-8000-{number:012d}" for number in range(500)]


# --- what if ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_who_changes_is_who_would_be_judged_otherwise(seed: int) -> None:
    """Exactly the voters change whose case, with the device's or officer's events never counted, comes to another
    status; and what their status hangs on are events of that very device or officer, or of such as saw them."""
    world = made_up_world(seed, lawful=True)
    devices = sorted({held.device for case in world.cases for held in case.held})
    officers = sorted({held.event.officer for case in world.cases for held in case.held if held.event is not None})
    some = 0
    for case in world.cases:
        now = judged(case, world.law).status
        for question, names in (
            *((without_device(device, KNOWN), {device}) for device in devices),
            *((without_officer(name, KNOWN), devices_of(case, name)) for name in officers),
        ):
            found = changed(case, world.law, question)
            if not names & {held.device for held in case.held}:
                assert found is None
            if found is not None:
                some += 1
                assert (found.now, found.voter) == (now, case.voter) and found.then != now
                assert names & {dot.split(":")[0] for dot in found.hangs_on}
    assert some > 0


def devices_of(case: Case, officer: str) -> set[str]:
    return {held.device for held in case.held if held.event is not None and held.event.officer == officer}


def test_the_policy_in_force_changes_nobody_and_a_stricter_one_whoever_was_removed_by_it() -> None:
    """Under the same policy nothing changes; under one that accepts nothing, whoever its evidence took off the list."""
    strict = structs.replace(KNOWN["2024-1"], removals={"deceased": Evidence((), ("grave_photo",))}, name="strict")
    back = 0
    for world in (made_up_world(seed, lawful=True) for seed in range(8)):
        for case in world.cases:
            assert changed(case, world.law, under_policy(KNOWN["2024-1"], KNOWN)) is None
            found = changed(case, world.law, under_policy(strict, KNOWN))
            if found is not None:
                assert found.hangs_on
                back += found.now is not None and not found.now.on_list
    assert back > 0


# --- stories ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_every_event_is_told_in_both_languages(seed: int) -> None:
    """A story tells every event that was held, with a sentence, its standing and its rule, whatever it is."""
    for world in (made_up_world(seed), made_up_world(seed, lawful=True)):
        for case in world.cases:
            story, found = story_of(case, world.law)
            assert len(story) == len(case.admitted)
            for one in story:
                assert all(one.says) and all(one.rule) and " · " in str(one.says)
                assert (one.standing == "counted") == (not one.rule.bahasa.startswith("tidak dihitung"))
            if found.status is not None:
                assert found.status.tps in status_told(found.status).bahasa


def test_there_are_words_for_every_verdict_reason_and_standing() -> None:
    """No word of the contract is shown bare."""
    from typing import get_args

    from ecoklit.core import causality, event
    from ecoklit.core.entitlement import QUARANTINES

    assert set(VERDICTS) == set(get_args(event.Verdict)) and set(REASONS) == set(get_args(event.Reason))
    own = (causality.PARKED, causality.WRONG_CAUSE, causality.NOT_ON_ROLL, causality.BAD_EVENT, causality.BAD_CLOCK)
    assert set(STANDINGS) == {*QUARANTINES, *own}


# --- who signed ------------------------------------------------------------------------------------------------------


class Stored:
    """A journal that gives one message at a time."""

    def __init__(self, messages: list[EventMessage]) -> None:
        self._messages = messages

    async def read_events(self, after: int, limit: int) -> list[EventMessage]:
        return self._messages[after : after + min(limit, 2)]


async def test_the_head_that_vouches_for_an_event_is_found_within_its_push() -> None:
    """An event's signed end is the head of its push, reached by its device's chain; a signature by another key, over
    other bytes, or beyond the bound is none."""
    election = MadeUpElection("pilkada-2024")
    kpu = Phone("pilkada-2024", 1, Person("kpu", "kpu"), "9404012001001")
    record = {"record": dict.fromkeys(RECORD)}
    said = [kpu.say("listed", None, source="dp4-2024", person=record) for _ in range(5)]
    signature = election.push(said).splitlines()[-1].decode().split('"signature":"')[1].split('"')[0]
    messages = [EventMessage(number, kpu.device, held.event_bytes) for number, held in enumerate(said, 1)]
    messages[-1] = structs.replace(messages[-1], headers=((HEAD_HEADER, signature),))
    key = kpu.key.public
    for position, held in enumerate(said, 1):
        end = await signed_end(Stored(messages), "pilkada-2024", key, held, position, 999)
        assert end is not None and list(end.after) == [one.event_bytes for one in said[position:]]
    other = key_from_seed("ed25519", bytes(32)).public
    assert await signed_end(Stored(messages), "pilkada-2024", other, said[0], 1, 999) is None
    assert await signed_end(Stored(messages), "pilkada-2024", None, said[0], 1, 999) is None
    assert await signed_end(Stored(messages), "pilkada-2024", key, said[0], 1, 3) is None
    assert await signed_end(Stored(messages), "pilkada-2024", key, said[1], 1, 999) is None
    assert await signed_end(Stored([messages[0], *messages[2:]]), "pilkada-2024", key, said[0], 1, 999) is None


# --- samples ---------------------------------------------------------------------------------------------------------


def draw(seed: str = "4-2-6", *, digest: bytes = bytes(32), count: int = 20, voters: list[str] = VOTERS) -> list[str]:
    return drawn("pilkada-2024", "9404012001", digest, seed, voters, count)


def test_a_sample_follows_from_its_list_and_its_seed_alone() -> None:
    """In whatever order the voters come the same are drawn; a larger sample begins with a smaller one; another seed,
    digest or area gives another."""
    assert draw() == draw(voters=VOTERS[::-1]) == draw(count=40)[:20]
    others = [
        draw("4-2-7"),
        draw(digest=bytes(31) + b"\1"),
        drawn("pilkada-2024", "9404012002", bytes(32), "4-2-6", VOTERS, 20),
    ]
    assert all(set(other) != set(draw()) for other in others)
    assert sorted(draw(count=SAMPLE_MAX)) == VOTERS


def test_every_voter_is_drawn_about_as_often() -> None:
    """Over 1,000 seeds each of 500 voters is among 50 drawn about 100 times: none under 55, none over 150."""
    often = dict.fromkeys(VOTERS, 0)
    for seed in range(1_000):
        for voter in draw(str(seed), count=50):
            often[voter] += 1
    assert min(often.values()) > 55 and max(often.values()) < 150


@pytest.mark.parametrize(
    ("seed", "count"), [("", 1), ("a b", 1), ("9" * 65, 1), ("9404010101900001", 1), ("1", 0), ("1", 10_001)]
)
def test_a_wrong_seed_or_number_is_refused(seed: str, count: int) -> None:
    """A seed that cannot be read aloud, a NIK, or a sample of nobody or of everybody is one sentence."""
    with pytest.raises(EcoklitError) as refused:
        draw(seed, count=count)
    assert refused.value.code == "bad_argument" and "9404010101900001" not in refused.value.message


RECORD: Final = (
    "nkk", "nik", "name", "birth_place", "birth_date", "marital", "sex", "address", "rt", "rw", "disability", "ektp",
)  # fmt: skip
