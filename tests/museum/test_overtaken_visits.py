"""A visit that somebody overtook: the edge of "nobody who was met at the door leaves the list unseen" (contract §5).

The sentence in the design promises this of every visit that was not followed by a move or a reopening. The law gives
it only while the visit itself is alive. Three more things end that: two were found by reading the law against the
promise, the third by a history that the laws tried. They are kept here so that whoever changes the law, or the
sentence, meets them. In all of them the disagreement is listed (docs/decisions/0030).
"""

from __future__ import annotations

from typing import Any

from ecoklit import contract
from ecoklit.core import ids, replica
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.voter import State
from ecoklit.core.wire import Held

TPS = "9404012001001"
AT = "2024-06-25T09:00:00+09:00"
SALT = ids.to_base64url(bytes(16))


def _log(name: str, role: str) -> DeviceLog:
    device = ids.device_id("ed25519", ids.sha256(name.encode()))
    return DeviceLog("pilkada-2024", device, officer=f"o-{name}", role=role, policy="2024-1")


def _birth() -> Held:
    person = {"salt": SALT, "record": dict.fromkeys(RECORD_FIELDS)}
    return _log("office", "kpu").append("listed", tps=TPS, at=AT, person=person, source="dp4-2024")


def _event(log: DeviceLog, type: str, seen: list[Held], **own: Any) -> Held:
    return log.append(type, tps=TPS, at=AT, voter=seen[0].voter, seen=seen, **own)


def _state(*held: Held) -> State:
    (state,) = replica.fold(held, contract.policies()).states()
    return state


def test_ruling_that_knew_nothing_loses_to_a_visit() -> None:
    """The plain case: the voter was met, a ruling that did not know of it says deceased, and the voter stays."""
    birth = _birth()
    met = _event(_log("door", "pantarlih"), "found", [birth], how="in_person")
    ruled = _event(_log("district", "ppk"), "ruled", [birth], verdict="deceased")
    decision = _state(birth, met, ruled).decision
    assert (decision.on_list, decision.conflicts) == (True, ["verdict"])


def test_check_of_papers_ends_the_visit() -> None:
    """A colleague who knows of the visit confirms from a document: only the papers are left against the ruling."""
    birth = _birth()
    met = _event(_log("door", "pantarlih"), "found", [birth], how="in_person")
    papers = _event(_log("desk", "pantarlih"), "found", [birth, met], how="document")
    ruled = _event(_log("district", "ppk"), "ruled", [birth], verdict="deceased")
    decision = _state(birth, met, papers, ruled).decision
    assert (decision.on_list, decision.verdict, decision.conflicts) == (False, "deceased", ["verdict"])


def test_village_that_confirms_ends_the_visit() -> None:
    """The village knows of the visit and rules "confirmed"; a higher ruling that knew of neither wins alone."""
    birth = _birth()
    met = _event(_log("door", "pantarlih"), "found", [birth], how="in_person")
    confirmed = _event(_log("village", "pps"), "ruled", [birth, met], verdict="confirmed")
    ruled = _event(_log("district", "ppk"), "ruled", [birth], verdict="deceased")
    decision = _state(birth, met, confirmed, ruled).decision
    assert (decision.on_list, decision.verdict, decision.conflicts) == (False, "deceased", ["verdict"])


def test_lower_ruling_that_confirms_hands_the_voter_to_the_higher_one() -> None:
    """Everybody knew everything: a visit stood against the regency's ruling, till the district confirmed."""
    birth = _birth()
    struck = _event(_log("regency", "kpu"), "ruled", [birth], verdict="moved_away")
    met = _event(_log("door", "pantarlih"), "found", [birth, struck], how="in_person")
    before = _state(birth, struck, met).decision
    assert (before.on_list, before.conflicts) == (True, ["verdict"])
    confirmed = _event(_log("district", "ppk"), "ruled", [birth, struck, met], verdict="confirmed")
    decision = _state(birth, struck, met, confirmed).decision
    assert (decision.on_list, decision.verdict, decision.conflicts) == (False, "moved_away", ["verdict"])
