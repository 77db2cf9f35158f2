"""One made-up day of coklit in a village: what officers find at the doors, offline, each with a part of the truth.

Pure: one seed and one list give the same events on every machine, since only `Random.random()` is drawn from. A TPS of
more than 400 voters has two officers, as the commission's rules have it; they meet some of the same voters without
knowing of each other. In the evening the village's office (PPS) takes in their logs and rules on some of what
disagrees, and the district's (PPK) on some of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any, Final, NamedTuple

from msgspec import UNSET

from ecoklit.core.person import Record
from ecoklit.core.policy import Policy
from ecoklit.core.replica import fold
from ecoklit.core.voter import State
from ecoklit.core.wire import Held
from ecoklit.testing.phone import DAY, Person, Phone

TPS_OF_ONE_OFFICER_VOTERS_MAX: Final = 400
EVENING: Final = DAY + timedelta(hours=11)
NIGHT: Final = DAY + timedelta(hours=13)

SEEN_BY_BOTH: Final = 0.06
TOLD_EACH_OTHER: Final = 0.25
"""Of those seen by both: the second officer had heard of the first one's visit."""

WRONG_CLOCK: Final = 0.15
NEW_PER_LISTED: Final = 0.015
NEWS_OF_A_MOVE: Final = 0.5
NOTE_OF_A_DEATH: Final = 0.004
PPS_RULES: Final = 0.35
PPK_RULES: Final = 0.15
ELSEWHERE: Final = ("9401", "9171", "91", "7371", "81")
"""Places beyond the regency that people move to."""

Chance = Callable[[], float]


class Door(NamedTuple):
    """A voter on the list of the phone's TPS; `near` are the village's other TPS, `far` those of other villages."""

    phone: Phone
    voter: str
    record: Record
    near: Sequence[str]
    far: Sequence[str]
    chance: Chance

    def say(self, type: str, **own: Any) -> Held:
        return self.phone.say(type, self.voter, **own)

    def pick(self, among: Sequence[str]) -> str:
        return among[int(self.chance() * len(among))]


# --- what is found at a door -----------------------------------------------------------------------------------------


def met(door: Door) -> None:
    door.say("found", how=how(door))


def met_on_paper(door: Door) -> None:
    door.say("found", how="document", entry="paper")


def corrected(door: Door) -> None:
    door.say("found", how=how(door), person={"changes": correction(door)})


def not_met(door: Door) -> None:
    door.say("not_met", why=door.pick(("absent", "absent", "refused", "unreachable")), nth=1)
    again = door.chance()
    if again < 0.25:
        door.say("not_met", why="absent", nth=2)
    elif again < 0.5:
        met(door)


def moved_near(door: Door) -> None:
    if door.near:
        door.say("moved", to=door.pick(door.near))
    else:
        moved_far(door)


def moved_far(door: Door) -> None:
    if door.far:
        door.say("moved", to=door.pick(door.far), evidence=door.pick(("family_card", "ktp_el", "transfer_letter")))
    else:
        left(door)


def moved_far_on_hearsay(door: Door) -> None:
    if door.far:
        door.say("moved", to=door.pick(door.far))
    else:
        left_on_hearsay(door)


def left(door: Door) -> None:
    door.say("moved", to_area=door.pick(ELSEWHERE), evidence=door.pick(("ktp_el", "transfer_letter")))


def left_on_hearsay(door: Door) -> None:
    door.say("moved", to_area=door.pick(ELSEWHERE), evidence="family_statement")


def died(door: Door) -> None:
    evidence = door.pick(("village_letter", "civil_registry", "death_certificate"))
    door.say("deceased", evidence=evidence, person={"death_date": "2024-03-14"})


def died_on_hearsay(door: Door) -> None:
    if door.chance() < 0.5:
        door.say("deceased")
    else:
        door.say("deceased", evidence=door.pick(("family_statement", "grave_photo")))


def serves(door: Door) -> None:
    door.say("disqualified", reason=door.pick(("military", "police")), evidence="service_card")


def nobody_knows(door: Door) -> None:
    door.say("disqualified", reason="unknown")


def mistaken(door: Door) -> None:
    died(door)
    door.say("reopened")
    met(door)


def not_reached(door: Door) -> None:
    pass


Deed = Callable[[Door], None]
Deeds = tuple[tuple[int, Deed], ...]

DEEDS: Final[Deeds] = (
    (600, met),
    (15, met_on_paper),
    (130, corrected),
    (80, not_met),
    (12, moved_near),
    (8, moved_far),
    (5, moved_far_on_hearsay),
    (10, left),
    (6, left_on_hearsay),
    (12, died),
    (8, died_on_hearsay),
    (3, serves),
    (5, nobody_knows),
    (4, mistaken),
    (102, not_reached),
)
"""Of a thousand voters, how many are found so."""

SECOND_LOOKS: Final[Deeds] = (
    (350, met),
    (300, corrected),
    (50, not_met),
    (100, moved_near),
    (50, left),
    (90, died),
    (60, died_on_hearsay),
)
"""Likewise, by the second officer at the same door: they disagree more often than not."""


def how(door: Door) -> str:
    chance = door.chance()
    return "in_person" if chance < 0.85 else "family" if chance < 0.97 else "video_call"


def correction(door: Door) -> dict[str, str | None]:
    """What is wrong about a voter is wrong for everybody who looks; what they write instead need not be the same."""
    record, wrong = door.record, int(door.voter[:2], 16) / 256
    if wrong < 0.4:
        return {"name": f"{record.name} {door.pick(('Jaya', 'Mulia', 'Putra', 'Setia'))}"}
    if wrong < 0.65:
        return {"rt": f"{1 + int(door.chance() * 9):03d}", "rw": f"{1 + int(door.chance() * 5):03d}"}
    if wrong < 0.8:
        return {"marital": door.pick(tuple(word for word in "BSP" if word != record.marital))}
    if wrong < 0.9:
        return {"ektp": "B" if record.ektp == "S" else "S"}
    return {"disability": door.pick(("physical", "hearing", "visual")) if record.disability is None else None}


def deed_of(deeds: Deeds, chance: Chance) -> Deed:
    rest = chance() * sum(weight for weight, _ in deeds)
    for weight, deed in deeds:
        if rest < weight:
            return deed
        rest -= weight
    return deeds[-1][1]


# --- a village -------------------------------------------------------------------------------------------------------


class VillageDay(NamedTuple):
    """The devices that wrote something, and every event about each voter on whom somebody may yet have to rule."""

    phones: list[Phone]
    contested: list[list[Held]]


class Plan(NamedTuple):
    """What a day is made of: `places` are all TPS that voters can move to, sorted."""

    election: str
    seed: int
    places: Sequence[str]
    policies: Mapping[str, Policy]


def village_day(plan: Plan, village: str, lists: Mapping[str, Sequence[Held]]) -> VillageDay:
    """The day in `village`, whose imported list is `lists`: TPS → its `listed` events with their persons."""
    chance = Random(plan.seed * 10_000_000_000 + int(village)).random
    office = _office(plan, "pps", village, min(lists))
    _note_deaths(office, lists, chance)
    news: list[list[Held]] = []
    phones: list[Phone] = []
    for tps in sorted(lists):
        team = _team(plan, tps, len(lists[tps]), chance)
        phones += team
        _follow_moves(team[0], news, chance)
        _work(plan, team, tps, lists[tps], sorted(lists), chance)
        news += [team[0].about(one.voter) for one in team[0].said if _is_move_within(one, village)]
    contested = [about for about in _by_voter(lists, phones, office) if _may_need_a_ruling(about)]
    _rule_duplicates(office, lists)
    contested = _rule(office, plan, contested, PPS_RULES, chance)
    return VillageDay([*phones, office], contested)


def district_day(plan: Plan, district: str, contested: Iterable[list[Held]]) -> Phone:
    """The district's office (PPK), which rules on some of what its villages' offices left open."""
    chance = Random(plan.seed * 10_000_000_000 + int(district)).random
    office = _office(plan, "ppk", district, next(place for place in plan.places if place.startswith(district)))
    _rule(office, plan, list(contested), PPK_RULES, chance)
    return office


def _office(plan: Plan, role: str, area: str, tps: str) -> Phone:
    begins = EVENING if role == "pps" else NIGHT
    return Phone(plan.election, plan.seed, Person(f"{role}-{area}", role), tps, begins=begins)


def _team(plan: Plan, tps: str, voters: int, chance: Chance) -> list[Phone]:
    # A district's first TPS has two whatever its size, so that even the smallest area shows what two can do.
    first = next(place for place in plan.places if place[:6] == tps[:6])
    letters = "ab" if voters > TPS_OF_ONE_OFFICER_VOTERS_MAX or tps == first else "a"
    clocks = [_days_off(chance, always=tps == first and letter == "b") for letter in letters]
    people = [Person(f"p-{tps}-{letter}", "pantarlih") for letter in letters]
    return [
        Phone(plan.election, plan.seed, person, tps, days_off=days_off)
        for person, days_off in zip(people, clocks, strict=True)
    ]


def _days_off(chance: Chance, *, always: bool) -> int:
    """How far a phone's clock is wrong: years, either way, and mostly not at all."""
    years, back, is_wrong = 2 + int(chance() * 8), chance() < 0.5, chance() < WRONG_CLOCK
    return (-365 if back else 365) * years if is_wrong or always else 0


def _note_deaths(office: Phone, lists: Mapping[str, Sequence[Held]], chance: Chance) -> None:
    """Deaths that the village's office had on paper in the morning: ruled without knowing of any visit."""
    for tps in sorted(lists):
        for one in lists[tps]:
            if chance() < NOTE_OF_A_DEATH:
                office.pull([one])
                office.say("ruled", one.voter, tps=tps, verdict="deceased")


def _follow_moves(phone: Phone, news: Iterable[list[Held]], chance: Chance) -> None:
    """Voters that a colleague sent to this TPS, and told its officer about: visited where they live now."""
    for about in news:
        if _destination(about[-1]) == phone.tps and chance() < NEWS_OF_A_MOVE:
            phone.pull(about)
            phone.say("found", about[-1].voter, how="in_person")


def _work(
    plan: Plan, team: Sequence[Phone], tps: str, listed: Sequence[Held], village: Sequence[str], chance: Chance
) -> None:
    """A TPS from its first door to its last; what the list lacks is found on the way."""
    near = [place for place in village if place != tps]
    far = [place for place in plan.places if place[:10] != tps[:10]]
    for phone in team:
        phone.pull(listed)
    for place, one in enumerate(listed):
        first = team[place * len(team) // len(listed)]
        record = record_of(one)
        deed_of(DEEDS, chance)(Door(first, one.voter, record, near, far, chance))
        if len(team) > 1 and chance() < SEEN_BY_BOTH:
            second = team[1] if first is team[0] else team[0]
            if chance() < TOLD_EACH_OTHER:
                second.pull(first.about(one.voter))
            # Nobody looks in this village for somebody whom it is known to have left for another one.
            if all(_stays_in(known, tps[:10]) for known in second.about(one.voter)):
                deed_of(SECOND_LOOKS, chance)(Door(second, one.voter, record, near, far, chance))
    for nth in range(max(1, int(len(listed) * NEW_PER_LISTED))):
        host = record_of(listed[int(chance() * len(listed))])
        phone = team[nth % len(team)]
        phone.say("new", None, how="in_person", document="ktp_el", person={"record": newcomer(host, nth, chance)})


def record_of(listed: Held) -> Record:
    """The particulars of a listing that came with its person; ValueError without."""
    if listed.person is None or listed.person.record is UNSET:
        raise ValueError(f"event {listed.seq} of {listed.device} came without its person")
    return listed.person.record


_GIVEN: Final = {"L": ("Yosua", "Anton", "Imanuel", "Arif"), "P": ("Yulia", "Natalia", "Melani", "Aisyah")}


def newcomer(host: Record, nth: int, chance: Chance) -> dict[str, str | None]:
    """Somebody who does not exist, seventeen by now, in the family of `host`."""
    sex = "L" if chance() < 0.5 else "P"
    day, month = 1 + int(chance() * 28), 1 + int(chance() * 12)
    year = 2006 if month > 6 else 2007
    surname = (host.name or "Contoh").split()[-1]
    district = (host.nik or "940481")[:6]
    # The list's own serials end at 9,300.
    nik = f"{district}{day + (40 if sex == 'P' else 0):02d}{month:02d}{year % 100:02d}{9400 + nth % 600:04d}"
    return {
        "nkk": host.nkk, "nik": nik, "name": f"{_GIVEN[sex][int(chance() * 4)]} {surname}", "birth_place": "Timika",
        "birth_date": f"{year}-{month:02d}-{day:02d}", "marital": "B", "sex": sex, "address": host.address,
        "rt": host.rt, "rw": host.rw, "disability": None, "ektp": "S",
    }  # fmt: skip


# --- rulings ---------------------------------------------------------------------------------------------------------


def _by_voter(lists: Mapping[str, Sequence[Held]], phones: Iterable[Phone], office: Phone) -> Iterator[list[Held]]:
    """All that was said about each voter, by voter; of those that nobody said anything about, nothing."""
    about: dict[str, list[Held]] = {}
    for phone in (*phones, office):
        for one in phone.said:
            about.setdefault(one.voter, []).append(one)
    for listed in lists.values():
        for one in listed:
            if one.voter in about:
                about[one.voter].insert(0, one)
    for voter in sorted(about):
        yield about[voter]


def _may_need_a_ruling(about: Sequence[Held]) -> bool:
    devices = {one.device for one in about}
    return len(devices) > 2 or any(_type(one) in ("deceased", "moved", "disqualified") for one in about)


def _rule(office: Phone, plan: Plan, contested: Sequence[list[Held]], share: float, chance: Chance) -> list[list[Held]]:
    """Rule on a share of what disagrees or is proposed in the office's area; what is known of everybody afterwards."""
    area = office.log.officer.split("-")[1]
    replica = fold((one for about in contested for one in about), plan.policies)
    after = []
    for about in contested:
        state = replica.state(about[0].key)
        if state is not None and state.decision.tps.startswith(area) and _is_open(state) and chance() < share:
            office.pull(about)
            office.say("ruled", state.decision.voter, tps=state.decision.tps, **ruling(state, chance))
            after.append(office.about(state.decision.voter))
        else:
            after.append(about)
    return after


def _is_open(state: State) -> bool:
    return bool(state.decision.conflicts or state.decision.proposed or (state.record and state.record.conflicts))


def ruling(state: State, chance: Chance) -> dict[str, Any]:
    """What an office rules on an open case, having seen all of it: nobody is removed who was met."""
    decision = state.decision
    own: dict[str, Any] = {}
    if "tps" in decision.conflicts:
        own["to"] = decision.tps
    if state.record and state.record.conflicts:
        own["person"] = {"changes": {name: getattr(state.record.fields, name) for name in state.record.conflicts}}
    if "verdict" in decision.conflicts:
        own["verdict"] = "confirmed"
    elif decision.proposed:
        removal, _, reason = decision.proposed[0].partition("/")
        own |= (
            {"verdict": "confirmed"}
            if chance() < 0.3
            else {"verdict": removal, **({"reason": reason} if reason else {})}
        )
    return own


def _rule_duplicates(office: Phone, lists: Mapping[str, Sequence[Held]]) -> None:
    """Two rows of the village with one NIK are one person twice: the larger id is struck."""
    first: dict[str, Held] = {}
    for tps in sorted(lists):
        for one in lists[tps]:
            nik = record_of(one).nik
            other = first.setdefault(nik, one) if nik else one
            if other is not one and not (office.about(one.voter) or office.about(other.voter)):
                struck, kept = sorted((one, other), key=lambda listed: listed.voter, reverse=True)
                office.pull([struck])
                office.say(
                    "ruled", struck.voter, tps=struck.tps, verdict="disqualified", reason="duplicate",
                    duplicate_of=kept.voter,
                )  # fmt: skip


def _type(held: Held) -> str:
    return "" if held.event is None else held.event.kind


def _destination(held: Held) -> str | None:
    to = getattr(held.event, "to", UNSET)
    return None if to is UNSET else str(to)


def _is_move_within(held: Held, village: str) -> bool:
    return _type(held) == "moved" and str(_destination(held)).startswith(village)


def _stays_in(held: Held, village: str) -> bool:
    destination = _destination(held)
    return destination is None or destination.startswith(village)
