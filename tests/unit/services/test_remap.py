"""A remap is planned whole: it splits no family, loses nobody, overfills nothing, and planned again it is done."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecoklit.contract import policies
from ecoklit.core import ids
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.merkle import leaf_hash, tree_head
from ecoklit.core.replica import fold
from ecoklit.core.wire import Held
from ecoklit.services.remap import Move, Plan, RemapFault, demand_form, plan, rulings_of, tps_of
from ecoklit.services.ruling import Pulled, Roll, RulingFault
from ecoklit.testing.phone import Person, Phone

LEFT, ALSO_LEFT, ONE, TWO = (f"9404012001{nth:03}" for nth in (1, 2, 3, 4))
ALL = (LEFT, ALSO_LEFT, ONE, TWO)

people = st.lists(
    st.tuples(st.sampled_from((LEFT, ALSO_LEFT)), st.sampled_from(("", "A", "B", "C")), st.sampled_from(("001", "2"))),
    min_size=1,
    max_size=12,
)
moves = st.lists(
    st.tuples(
        st.sampled_from((LEFT, ALSO_LEFT)), st.sampled_from((ONE, TWO)), st.sampled_from(("nkk", "rt", "")),
        st.sampled_from(("A", "B", "1", "002")),
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


class Village:
    """Voters on the lists of a few TPS, and the office that rules on them."""

    def __init__(self, lives: list[tuple[str, str, str]]) -> None:
        self.phone = Phone("pilkada-2024", 3, Person("pps-1", "pps"), LEFT)
        self.family: dict[str, str] = {}
        for tps, nkk, rt in lives:
            record = {**dict.fromkeys(RECORD_FIELDS), "name": "WARGA", "nkk": nkk or None, "rt": rt}
            born = self.phone.say("new", None, tps=tps, person={"record": record}, how="in_person", document="ktp_el")
            self.family[born.voter] = nkk

    def rolls(self) -> dict[str, Roll]:
        return {tps: Roll(pulled(tps, self.phone.said), policies()) for tps in ALL}

    def places(self) -> dict[str, str]:
        return {one.decision.voter: one.decision.tps for one in fold(self.phone.said, policies()).states()}

    def rule(self, planned: Plan) -> None:
        for one in rulings_of(planned):
            assert one.to is not None
            self.phone.say("ruled", one.voter, tps=one.tps, to=one.to)


def pulled(tps: str, said: list[Held]) -> Pulled:
    """What a service would give of the TPS: here of everybody."""
    states = [one for one in fold(said, policies()).states() if one.decision.tps == tps]
    digest = ids.to_base64url(tree_head([leaf_hash(one.decision_bytes) for one in states])) if states else ""
    return Pulled(tps, said, {}, {}, digest, 0, {})


@settings(max_examples=60, deadline=None)
@given(people, moves)
def test_families_go_whole(lives: list[tuple[str, str, str]], asked: list[tuple[str, str, str, str]]) -> None:
    """Whatever the lines say: refused by name, or afterwards every family of a list is on one list, everybody stands
    where the plan says, nobody else moved, the sizes are those of the lists, and the same file has nothing to do."""
    village = Village(lives)
    lines = [
        Move(line=nth, tps=tps, to=to, **({by: value} if by else {}))
        for nth, (tps, to, by, value) in enumerate(asked, 2)
    ]
    before = village.places()
    try:
        planned = plan(village.rolls(), lines, known=frozenset(), limit=600)
    except RemapFault as refused:
        assert refused.code in ("bad_remap", "family_split")
        return
    village.rule(planned)
    after = village.places()
    goes = {one.voter: one.to for one in planned.planned}
    assert after == {**before, **goes}
    together = sorted((before[voter], nkk, after[voter]) for voter, nkk in village.family.items() if nkk)
    for _, family in groupby(together, key=lambda one: one[:2]):
        assert len({tps for _, _, tps in family}) == 1
    sizes = Counter(after.values())
    assert {one.tps: one.after for one in planned.sizes} == {tps: sizes[tps] for tps in ALL}
    assert plan(village.rolls(), lines, known=frozenset(), limit=600).planned == []


def test_a_full_tps_takes_nobody_more() -> None:
    """Beyond the limit nothing is planned; a TPS that is too large already may lose voters."""
    village = Village([(LEFT, "", "001")] * 3)
    whole = [Move(line=2, tps=LEFT, to=ONE)]
    with pytest.raises(RemapFault) as refused:
        plan(village.rolls(), whole, known=frozenset(), limit=2)
    assert refused.value.code == "over_limit"
    some = [Move(line=2, tps=LEFT, to=ONE, voter=min(village.family))]
    assert len(plan(village.rolls(), some, known=frozenset(), limit=1).planned) == 1


def test_an_unknown_tps_is_none() -> None:
    """Where the registry names its TPS, no voter is sent to another one."""
    village = Village([(LEFT, "", "001")])
    with pytest.raises(RemapFault, match="registry has no"):
        plan(village.rolls(), [Move(line=2, tps=LEFT, to=ONE)], known=frozenset({LEFT}), limit=600)


@pytest.mark.parametrize(
    "wrong",
    [
        [Move(line=2, tps=LEFT, to=LEFT)],
        [Move(line=2, tps=LEFT, to="9103012001001")],
        [Move(line=2, tps="1", to=ONE)],
        [Move(line=2, tps=LEFT, to=ONE, voter="9404012345678901")],
        [Move(line=2, tps=LEFT, to=ONE), Move(line=3, tps=ONE, to=TWO)],
    ],
    ids=["nowhere", "another-regency", "no-tps", "no-voter", "a-chain"],
)
def test_no_remap(wrong: list[Move]) -> None:
    """What is no remap by itself is refused before any roll is asked for, without repeating a cell."""
    with pytest.raises(RemapFault) as refused:
        demand_form(wrong)
    assert refused.value.code == "bad_remap" and "9404012345678901" not in str(refused.value)


def test_the_rolls_of_a_remap_are_all_its_places() -> None:
    """Those that are left and those that are entered, each once."""
    assert tps_of([Move(line=2, tps=LEFT, to=ONE), Move(line=3, tps=LEFT, to=TWO)]) == [LEFT, ONE, TWO]


def test_a_roll_that_is_not_the_services_is_refused() -> None:
    """An office does not rule by histories that come to another digest than the service says."""
    village = Village([(LEFT, "", "001"), (LEFT, "", "001")])
    given = pulled(LEFT, village.phone.said)
    with pytest.raises(RulingFault) as refused:
        Roll(Pulled(LEFT, given.held[:1], {}, {}, given.digest, 0, {}), policies())
    assert refused.value.code == "roll_differs"
