"""A ruling is judged before it is said, by the law that everybody will judge it by."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecoklit.contract import policies
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.merkle import leaf_hash, tree_head
from ecoklit.core.registry import Registry, fold_registry
from ecoklit.core.replica import Replica, fold
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held
from ecoklit.services.ruling import Prepared, Pulled, Roll, Ruling, RulingFault, author_of, demand_form, prepared, seen
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.random_history import AT, ELECTION, REGENCY, RandomHistory

TPS, OTHER_TPS = "9404012001001", "9404012001002"
VOTER, SMALLER = "74100b01-af6e-88bf-ae05-5d4a729b6c2e", "20a136e2-4c5f-8ec7-a2f4-cde6e20457a0"
NIK = "9404014107900001"
HISTORY = [one for one in RandomHistory(3, events=60).held if one.regency == REGENCY]


class Office:
    """An office of the regency, or of what `area` says, and what its service holds."""

    def __init__(self, held: list[Held], role: str = "kpu", area: str = REGENCY) -> None:
        self.election = MadeUpElection(ELECTION, REGENCY)
        self.key: Key = self.election.device("office", role, area, officer="kantor")
        self.held = held
        self.replica: Replica = fold(held, policies())

    @property
    def registry(self) -> Registry:
        return fold_registry(ELECTION, REGENCY, list(enumerate(self.election.registry, 1)))

    def roll(self) -> Roll:
        """Everybody, as a service would send them with the roll of TPS."""
        leaves = [leaf_hash(one.decision_bytes) for one in self.replica.states() if one.decision.tps == TPS]
        digest = ids.to_base64url(tree_head(leaves)) if leaves else ""
        return Roll(Pulled(TPS, self.held, {}, {}, digest, len(self.held), {}), policies())

    def rule(self, *rulings: Ruling) -> list[Prepared]:
        log = DeviceLog(ELECTION, self.key.device, officer="", role="kpu", policy="")
        return prepared(log, {TPS: self.roll()}, self.registry, rulings, at=AT, salt=lambda: bytes(16))


rulings: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.sampled_from(("confirmed", "unvisited", "deceased", "moved_away")).map(lambda verdict: {"verdict": verdict}),
    st.sampled_from(("unknown", "underage", "entry_error")).map(
        lambda reason: {"verdict": "disqualified", "reason": reason}
    ),
    st.sampled_from((TPS, OTHER_TPS)).map(lambda to: {"to": to}),
    st.sampled_from(("BUDI", None)).map(lambda name: {"changes": {"name": name}, "note": "catatan"}),
)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_what_was_shown_is_what_becomes(seed: int, data: st.DataObject) -> None:
    """Of any history, liars' too: what `prepared` shows is the state that everybody comes to who holds the event too,
    and the event counts."""
    history = [one for one in RandomHistory(seed, events=50).held if one.regency == REGENCY]
    office = Office(history)
    states = office.replica.states()
    if not states:
        return
    chosen = data.draw(st.lists(st.sampled_from(states), unique_by=lambda one: one.decision.voter, max_size=4))
    asked = [Ruling(voter=one.decision.voter, tps=TPS, **data.draw(rulings)) for one in chosen]
    try:
        said = office.rule(*asked)
    except RulingFault as refused:
        assert refused.code == "bad_clock"  # sixty-four devices, or ninety-nine events
        return
    office.replica.receive([one.held for one in said])
    for one in said:
        state = office.replica.state(one.held.key)
        assert state is not None and state.line == one.after.line
        assert office.replica.standing(one.held.hash).name == "counted"


def test_an_office_rules_where_its_right_is() -> None:
    """By its highest right where the voter stands; where it has none it is refused, and told whose it is."""
    history = HISTORY
    village = Office(history, "pps", TPS[:10])
    assert author_of(village.registry, village.key.device, TPS).role == "pps"
    village.election.assign(village.key, "kantor", "ppk", TPS[:6])
    assert author_of(village.registry, village.key.device, TPS).role == "ppk"
    with pytest.raises(RulingFault) as refused:
        author_of(village.registry, village.key.device, "9404022001001")
    assert refused.value.code == "not_entitled"


def test_a_dead_letter_is_not_said() -> None:
    """A ruling while the window is closed is refused by the name that it would stand under, and told what lets it
    count; an office that was revoked has no right to rule by."""
    office = Office(HISTORY)
    voter = office.replica.states()[0].decision.voter
    ruling = Ruling(voter=voter, tps=TPS, verdict="deceased")
    assert [seen(one.after)["verdict"] for one in office.rule(ruling)] == ["deceased"]
    office.election.say(office.election.root, "window_opened", area=REGENCY)
    office.election.say(office.election.root, "window_closed", area=REGENCY)
    with pytest.raises(RulingFault, match="window extend") as refused:
        office.rule(ruling)
    assert refused.value.code == "late"
    office.election.say(office.election.root, "window_extended", area=REGENCY)
    office.election.say(office.election.root, "revoked", revoked=office.key.device, from_seq=1)
    with pytest.raises(RulingFault) as refused:
        office.rule(ruling)
    assert refused.value.code == "not_entitled"


WRONG: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no-voter": {"voter": NIK, "verdict": "deceased"},
    "no-verdict": {"verdict": "absent"},
    "no-reason": {"verdict": "disqualified"},
    "a-reason-for-the-dead": {"verdict": "deceased", "reason": "unknown"},
    "a-duplicate-of-nobody": {"verdict": "disqualified", "reason": "duplicate"},
    "a-duplicate-of-a-number": {"verdict": "disqualified", "reason": "duplicate", "duplicate_of": NIK},
    "the-smaller-one": {"voter": SMALLER, "verdict": "disqualified", "reason": "duplicate", "duplicate_of": VOTER},
    "another-regency": {"to": "9103012001001"},
    "no-field": {"changes": {NIK: "x"}},
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_no_ruling(name: str) -> None:
    """Each fault of a ruling by itself is named, and no number is repeated."""
    with pytest.raises(RulingFault) as refused:
        demand_form(Ruling(**{"voter": VOTER, "tps": TPS, **WRONG[name]}))
    assert refused.value.code == "bad_ruling" and NIK not in str(refused.value)


@pytest.mark.parametrize("changes", [{"sex": NIK}, {"marital": "X"}], ids=["sex", "marital"])
def test_what_is_no_particular(changes: dict[str, str]) -> None:
    """A correction that no record can hold is refused without being repeated; so is a note that no line can hold."""
    office = Office(HISTORY)
    voter = office.replica.states()[0].decision.voter
    for ruling in (
        Ruling(voter=voter, tps=TPS, changes=changes),
        Ruling(voter=voter, tps=TPS, verdict="deceased", note="x" * 20_000),
    ):
        with pytest.raises(RulingFault) as refused:
            office.rule(ruling)
        assert refused.value.code == "bad_ruling" and NIK not in str(refused.value)


def test_one_voter_is_ruled_once() -> None:
    """Two rulings of one command on one voter would each be blind to the other."""
    office = Office(HISTORY)
    voter = office.replica.states()[0].decision.voter
    with pytest.raises(RulingFault, match="ruled twice"):
        office.rule(*[Ruling(voter=voter, tps=TPS, verdict="deceased")] * 2)
