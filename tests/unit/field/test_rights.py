"""What a registry gives a phone, and what is said of a change (decision 0070)."""

from __future__ import annotations

from typing import Any

import pytest

from ecoklit.core.registry import Registry, fold_registry
from ecoklit.core.signing import Key
from ecoklit.field.outbox import About
from ecoklit.field.rights import changes, rights_of
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection

ELECTION, REGENCY = "pilkada-2024", "9404"
TPS, NEXT_TPS, FAR_TPS = "9404012001001", "9404012001002", "9404022001001"
PHONE, OTHER = made_up_key(1, "phone"), made_up_key(1, "other")


class Told:
    """A registry as an office tells it, line by line."""

    def __init__(self) -> None:
        self.election = MadeUpElection(ELECTION, REGENCY)
        self.election.enrol(PHONE, "p-1")
        self.election.enrol(OTHER, "p-2")

    def assign(self, role: str, area: str, key: Key = PHONE, officer: str = "p-1") -> None:
        self.election.assign(key, officer, role, area)

    def say(self, type: str, **fields: Any) -> None:
        self.election.say(self.election.root, type, **fields)

    @property
    def registry(self) -> Registry:
        return fold_registry(ELECTION, REGENCY, enumerate(self.election.registry, start=1))


def about(**fields: Any) -> About:
    named = {
        "election": ELECTION, "regency": REGENCY, "root": "", "service": "", "officer": "p-1", "role": "pantarlih",
        "policy": "2024-1", "device": PHONE.device, "epoch": 1,
    }  # fmt: skip
    return About(**{**named, **fields})


def test_each_place_has_its_own_policy() -> None:
    """An operator's phone that works in two villages follows in each the policy that was set there last."""
    told = Told()
    told.assign("operator", REGENCY)
    told.say("policy_set", area=REGENCY, policy="2024-1")
    told.say("policy_set", area=FAR_TPS[:10], policy="2024-2")
    rights = rights_of(told.registry, about(role="operator"), [TPS, FAR_TPS])
    assert rights.policies == {TPS: "2024-1", FAR_TPS: "2024-2"}
    assert (rights.about.role, rights.about.policy, rights.places) == ("operator", "2024-1", [TPS, FAR_TPS])


def test_a_right_in_a_tps_is_a_place() -> None:
    """A TPS that was given is among the phone's places; a village is not, for nobody works in all of it."""
    told = Told()
    told.assign("pps", TPS[:10])
    told.assign("pantarlih", NEXT_TPS)
    rights = rights_of(told.registry, about(role="pps"), [])
    assert (rights.places, rights.about.role) == ([NEXT_TPS], "pantarlih")


def test_a_phone_without_a_right_keeps_what_it_has() -> None:
    """Whose right ended still has its places and its role: what it saved there is to be sent."""
    told = Told()
    told.assign("pantarlih", TPS)
    told.say("revoked", revoked=PHONE.device, from_seq=1)
    rights = rights_of(told.registry, about(), [TPS])
    assert (rights.places, rights.about.role) == ([TPS], "pantarlih")


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ([], [("enrol", {})], []),
        ([], [("assign", {"role": "pantarlih", "area": NEXT_TPS})], ["Tugas baru: pantarlih di " + NEXT_TPS]),
        ([], [("assign", {"role": "pantarlih", "area": NEXT_TPS, "key": OTHER, "officer": "p-2"})], []),
        ([], [("revoked", {"revoked": PHONE.device, "from_seq": 7})], ["HP ini dicabut mulai entri 7"]),
        ([], [("revoked", {"revoked": OTHER.device, "from_seq": 7})], []),
        (
            [("revoked", {"revoked": PHONE.device, "from_seq": 7})],
            [("revoked", {"revoked": PHONE.device, "from_seq": 9})],
            [],
        ),
        ([("window_closed", {"area": REGENCY})], [("window_closed", {"area": TPS[:10]})], []),
        (
            [("window_closed", {"area": REGENCY})],
            [("window_extended", {"area": TPS[:10]})],
            [f"Coklit di {TPS} dibuka lagi"],
        ),
        (
            [("policy_set", {"area": REGENCY, "policy": "2024-2"})],
            [("policy_set", {"area": TPS, "policy": "2024-2"})],
            [],
        ),
        (
            [],
            [("policy_set", {"area": TPS, "policy": "2024-2"})],
            [f"Kebijakan di {TPS} kini 2024-2, sebelumnya 2024-1"],
        ),
        ([], [("dots_lost", {"lost": OTHER.device, "after": 1})], []),
    ],
)
def test_only_what_concerns_the_phone_is_said(first: list[Any], then: list[Any], said: list[str]) -> None:
    """One sentence for each change of the phone's own, in both languages; none for what others get, or what it knew."""
    told = Told()
    told.assign("pantarlih", TPS)
    for acts in (first, then):
        before = told.registry
        for type, fields in acts:
            if type == "assign":
                told.assign(**fields)
            elif type != "enrol":
                told.say(type, **fields)
    news = list(changes(before, told.registry, PHONE.device, [TPS]))
    assert len(news) == len(said)
    for sentence, begin in zip(news, said, strict=True):
        assert sentence.startswith(begin)
        assert " · " in sentence
