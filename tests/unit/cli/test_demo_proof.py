"""The demonstration's proof: it holds when everything agrees, and each claim fails when it is not so."""

from __future__ import annotations

from typing import Any

import pytest

from ecoklit.cli.demo_proof import Evidence, Reading, adds_up, prove

TPS, OTHER = "9404012001001", "9404012001002"
ROW = {"area": "9404012001", "listed": 10, "new": 1, "arrived": 2, "departed": 3, "removed": 4, "on_list": 6}
READING = Reading({TPS: b"a", "9404012001": b"b"}, {TPS: 4, OTHER: 2})
GOOD = Evidence(
    listed=10,
    said=7,
    new=1,
    written={"phone-a": 3, "phone-b": 4},
    receipted={"phone-a": 3, "phone-b": 4},
    in_journal=17,
    standings={"counted": 17},
    recap=[ROW],
    total=ROW,
    live=READING,
    replays=[READING, READING],
    faults=[{}, {}],
)


def test_it_holds_when_everything_agrees() -> None:
    """Nothing speaks against any claim."""
    proof = prove(GOOD)
    assert proof.holds and [claim.against for claim in proof.claims] == [[]] * len(proof.claims)
    assert proof.areas == 2


@pytest.mark.parametrize(
    ("wrong", "claim", "against"),
    [
        ({"receipted": {"phone-a": 3}}, "receipted", ["phone-b"]),
        ({"receipted": {"phone-a": 3, "phone-b": 3}}, "receipted", ["phone-b"]),
        ({"in_journal": 18}, "journal", ["events 18 ≠ 17"]),
        ({"in_journal": 16}, "journal", ["events 16 ≠ 17"]),
        ({"standings": {"counted": 16, "parked": 1}}, "counted", ["parked 1"]),
        ({"faults": [{}, {"not_on_roll": 2}]}, "counted", ["not_on_roll 2"]),
        ({"recap": [{**ROW, "removed": 5}], "total": {**ROW, "removed": 5}}, "sums", ["9404012001", "9404012001"]),
        (
            {"recap": [ROW, {**ROW, "area": "9404012002"}]},
            "totals",
            ["listed", "new", "arrived", "departed", "removed", "on_list"],
        ),
        ({"recap": []}, "totals", ["listed", "new", "arrived", "departed", "removed", "on_list"]),
        ({"listed": 11, "in_journal": 18}, "listed_and_new", ["listed 10 ≠ 11"]),
        ({"new": 2}, "listed_and_new", ["new 1 ≠ 2"]),
        ({"live": Reading(READING.digests, {TPS: 4, OTHER: 3})}, "lists", [OTHER]),
        ({"live": Reading(READING.digests, {TPS: 4})}, "lists", [OTHER]),
        ({"live": Reading({**READING.digests, TPS: b"x"}, READING.on_list)}, "live_agrees", [TPS]),
        ({"live": Reading({TPS: b"a"}, READING.on_list)}, "live_agrees", ["9404012001"]),
    ],
)
def test_each_claim_fails_by_itself(wrong: dict[str, Any], claim: str, against: list[str]) -> None:
    """One thing that is wrong fails the claim about it, names it, and the proof does not hold."""
    proof = prove(GOOD._replace(**wrong))
    assert not proof.holds
    assert {one.name: one.against for one in proof.claims if not one.holds} == {claim: against}


@pytest.mark.parametrize("nth", [0, 1])
def test_a_replay_that_differs_is_seen(nth: int) -> None:
    """Whichever of the two replays is wrong, it agrees neither with the other nor with the live projection."""
    replays = [READING, READING]
    replays[nth] = Reading({**READING.digests, TPS: b"x"}, READING.on_list)
    failed = {one.name: one.against for one in prove(GOOD._replace(replays=replays)).claims if not one.holds}
    assert failed == {"replays_agree": [TPS], "live_agrees": [TPS]}


def test_nothing_proves_nothing() -> None:
    """Empty readings agree with each other, and are no proof."""
    nothing = Reading({}, {})
    empty = dict.fromkeys(("listed", "new", "arrived", "departed", "removed", "on_list"), 0) | {"area": "9404"}
    found = Evidence(0, 0, 0, {}, {}, 0, {}, [], empty, nothing, [nothing, nothing], [{}, {}])
    assert all(claim.holds for claim in prove(found).claims) and not prove(found).holds


@pytest.mark.parametrize("name", ["listed", "new", "arrived", "departed", "removed", "on_list"])
def test_every_column_is_part_of_the_sum(name: str) -> None:
    """A voter more in any one column, and the row adds up no longer."""
    assert adds_up(ROW) and not adds_up({**ROW, name: ROW[name] + 1})  # type: ignore[operator]
