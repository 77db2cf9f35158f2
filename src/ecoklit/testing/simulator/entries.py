"""What is entered at a door: by an officer, by an operator who types for others, by an office that rules."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.voter import State
from ecoklit.field.phone import Said
from ecoklit.field.trouble import NotSaid
from ecoklit.testing.simulator.hand import Hand

FOUND: Final = 40
WEIGHTS: Final[dict[str, int]] = {
    "met": 30, "corrected": 12, "on_paper": 6, "not_met": 10, "moved_near": 7, "moved_far": 5, "left": 6,
    "died": 10, "disqualified": 6, "undone": 6, "new": 4,
}  # fmt: skip
GOOD_PROOF: Final = {
    "died": "village_letter",
    "moved_far": "ktp_el",
    "left": "transfer_letter",
    "disqualified": "service_card",
}


def enter(hand: Hand, places: Sequence[str], random: Random, *, officer: str | None = None) -> str:
    """One entry of some kind about some voter that the phone shows; a sentence about it. Raises NotSaid, PhoneFault."""
    tps = random.choice([place.tps for place in hand.outbox.places()] or [hand.area])
    what = random.choices([*WEIGHTS], [*WEIGHTS.values()])[0]
    roll = hand.phone.roll(hand.phone.place(tps))
    if not roll or what == "new":
        return _told(hand.phone.say("new", None, tps=tps, officer=officer, how=_how(random), document="ktp_el",
                                    person={"record": made_up_record(random)}))  # fmt: skip
    voter = random.choice(roll).state.decision.voter
    if what == "undone":
        return _told(hand.phone.undo(voter, officer=officer))
    type, own = _entry(what, tps, places, random)
    return _told(hand.phone.say(type, voter, tps=tps, officer=officer, **own))


def _entry(what: str, tps: str, places: Sequence[str], random: Random) -> tuple[str, dict[str, Any]]:
    near = [one for one in places if one[:10] == tps[:10] and one != tps] or [tps]
    far = [one for one in places if one[:10] != tps[:10]] or near
    proof = {"evidence": GOOD_PROOF[what]} if what in GOOD_PROOF and random.random() < 0.5 else {}
    match what:
        case "met":
            return "found", {"how": _how(random)}
        case "corrected":
            return "found", {"how": _how(random), "person": {"changes": _changes(random)}}
        case "on_paper":
            return "found", {"how": "document", "entry": "paper"}
        case "not_met":
            return "not_met", {"why": "absent"}
        case "moved_near":
            return "moved", {"to": random.choice(near)}
        case "moved_far":
            return "moved", {"to": random.choice(far), **proof}
        case "left":
            return "moved", {"to_area": "9171", **proof}
        case "died":
            return "deceased", proof or ({"evidence": "grave_photo"} if random.random() < 0.5 else {})
        case _:
            return "disqualified", {"reason": "military" if proof else "unknown", **proof}


def rule(hand: Hand, random: Random) -> str:
    """A ruling of the village's office on something open; NotSaid when nothing is."""
    states = hand.phone.states()
    still = [state for state in states if _is_open(state)]
    if not still and random.random() < 0.5:
        raise NotSaid("unknown_voter", "nothing is open")
    state = random.choice(still or states) if states else None
    if state is None:
        raise NotSaid("unknown_voter", "nobody is known")
    own: dict[str, Any] = {}
    if state.decision.proposed and random.random() < 0.7:
        removal, _, reason = state.decision.proposed[0].partition("/")
        own = {"verdict": removal, **({"reason": reason} if reason else {})}
    elif random.random() < 0.2:
        others = [other.decision.voter for other in states if other.decision.voter < state.decision.voter]
        if others:
            own = {"verdict": "disqualified", "reason": "duplicate", "duplicate_of": random.choice(others)}
    elif random.random() < 0.2:
        own = {"to": state.decision.tps}
    own = own or {"verdict": random.choice(("confirmed", "unvisited", "deceased"))}
    return _told(hand.phone.say("ruled", state.decision.voter, tps=state.decision.tps, **own))


def relist(hand: Hand, random: Random) -> str:
    """The regency imports a list again, that says of somebody what it always said."""
    states = hand.phone.states()
    if not states:
        raise NotSaid("unknown_voter", "nobody is known")
    state = random.choice(states)
    person = {"record": made_up_record(random)}
    place = state.decision.tps
    return _told(hand.phone.say("listed", state.decision.voter, tps=place, source="model_a", person=person))


def _is_open(state: State) -> bool:
    return bool(state.decision.conflicts or state.decision.proposed)


def _told(said: Said) -> str:
    event = said.held.event
    assert event is not None
    more = [
        f"{name} {value}" for name in ("how", "to", "to_area", "evidence", "reason", "verdict", "why", "officer")
        if isinstance(value := getattr(event, name, None), str)
    ]  # fmt: skip
    return (
        f"entry {said.held.seq} of {said.held.device[:6]}: voter {said.held.voter[:6]} {event.kind} ({', '.join(more)})"
    )


def _how(random: Random) -> str:
    return random.choice(("in_person", "in_person", "family", "video_call"))


def _changes(random: Random) -> dict[str, str]:
    return random.choice(
        ({"rt": f"{random.randint(1, 9):03d}"}, {"name": f"Nama {random.randint(1, 9)}"}, {"ektp": "B"})
    )


def made_up_record(random: Random) -> dict[str, str | None]:
    """Somebody who does not exist."""
    number = random.randint(1, 9999)
    born = f"{1950 + number % 50}-0{1 + number % 9}-1{number % 9}"
    return {**dict.fromkeys(RECORD_FIELDS), "name": f"Contoh {number}", "nik": f"94048101019{number:05d}",
            "sex": "LP"[number % 2], "birth_date": born, "rt": "001", "rw": "001", "address": "Jl. Contoh"}  # fmt: skip
