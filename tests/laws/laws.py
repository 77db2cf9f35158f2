"""The laws of the merge, each a function that fails by assertion on a history that breaks it.

They are apart from the tests that draw histories, because two kinds of test use them: the properties, which must never
find a history that breaks one, and the canaries, which plant a bug in the core and must find one for each.

A law gets `genes` and `hostile`, from which it plays its history, and `rng` for the choices that are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import Any

from reference import tree_head
from spoiling import good_line, spoil
from strategies import POLICIES, Case, core, held, slow
from world import Item, play, wire

from ecoklit.core import causality, effect, replica, roll, voter
from ecoklit.core.causality import Counted
from ecoklit.core.event import RECORD_FIELDS, NotMet
from ecoklit.core.wire import Held

Law = Callable[[Case], None]


def _replica(arrived: Sequence[Held]) -> replica.Replica:
    return replica.fold(arrived, POLICIES)


def _print_of(folded: replica.Replica) -> Any:
    """Everything that must be the same on two replicas that hold the same events."""
    return (
        [state.line for state in folded.states()],
        [state.decision_bytes for state in folded.states()],
        {one.hash: folded.standing(one.hash).name for one in folded.held()},
        {one.hash: one.person_bytes for one in folded.held()},
        roll.digests(roll.leaves(folded.states())),
        folded.parked_count(),
    )


def _parts(case: Case, count: int) -> list[list[Held]]:
    """The history in `count` parts that overlap, in scrambled order."""
    rng, everything = case.rng, held(case.history.lines)
    return [[one for one in _scrambled(everything, rng) if rng.random() < 0.6] for _ in range(count)]


def _scrambled(everything: Sequence[Any], rng: Random) -> list[Any]:
    return rng.sample(list(everything), len(everything))


@dataclass(frozen=True)
class Voter:
    """One voter as the core sees it: its state, what counted, and which write is alive in which register."""

    state: voter.State
    counted: list[Counted]
    alive: list[tuple[Counted, int]]

    def holding(self, register: int) -> list[Counted]:
        return [one for one, mask in self.alive if mask & register]


REGISTERS = {"verdict": effect.VERDICT, "proposal": effect.PROPOSAL, "tps": effect.TPS, **effect.FIELD}


def _voters(folded: replica.Replica) -> Iterator[Voter]:
    by_voter: dict[tuple[str, str], list[Held]] = {}
    for one in folded.held():
        by_voter.setdefault(one.key, []).append(one)
    for state in folded.states():
        key = (state.decision.regency, state.decision.voter)
        judged = causality.judge(by_voter[key], POLICIES, folded)
        yield Voter(state, judged.counted, voter.alive_of(judged.counted))


# ---------------------------------------------------------------------------------------------------------------
# One set, one state


def join_commutes(case: Case) -> None:
    """Joining two replicas gives the same one, whoever joins whom."""
    here, there = _parts(case, 2)
    one, other = _replica(here), _replica(there)
    one.join(_replica(there))
    other.join(_replica(here))
    assert _print_of(one) == _print_of(other)


def join_associates(case: Case) -> None:
    """Joining three replicas gives the same one, whichever two are joined first."""
    a, b, c = _parts(case, 3)
    left, right, tail = _replica(a), _replica(a), _replica(b)
    left.join(_replica(b))
    left.join(_replica(c))
    tail.join(_replica(c))
    right.join(tail)
    assert _print_of(left) == _print_of(right)


def join_is_idempotent(case: Case) -> None:
    """Joining a replica with itself, or again with what it has joined, changes nothing."""
    here, there = _parts(case, 2)
    one = _replica(here)
    before = _print_of(one)
    one.join(_replica(here))
    assert _print_of(one) == before
    one.join(_replica(there))
    joined = _print_of(one)
    one.join(_replica(there))
    assert _print_of(one) == joined


def order_does_not_matter(case: Case) -> None:
    """Any order and any duplication of the same lines gives the same bytes."""
    rng, lines = case.rng, list(case.history.lines)
    again = _scrambled(lines + [line for line in lines if rng.random() < 0.3], rng)
    assert _print_of(_replica(held(lines))) == _print_of(_replica(held(again)))


def splitting_does_not_matter(case: Case) -> None:
    """A history that comes in parts, in any order, leaves at each step what a fold of all that came leaves."""
    rng, arrived = case.rng, _scrambled(held(case.history.lines), case.rng)
    growing, cut = _replica([]), 0
    while cut < len(arrived):
        step = rng.choice((1, 1, 2, 5, 20))
        growing.receive(arrived[cut : cut + step])
        cut += step
        if cut >= len(arrived) or rng.random() < 0.3:
            assert _print_of(growing) == _print_of(_replica(arrived[:cut]))


def voters_do_not_touch(case: Case) -> None:
    """A refold names every voter that it changed: whoever is not named has the state and the standings of before."""
    arrived = _scrambled(held(case.history.lines), case.rng)
    growing = _replica(arrived[::2])
    for one in arrived[1::2]:
        before = _lines(growing)
        named = set(growing.receive([one]))
        after = _lines(growing)
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        assert changed <= named


def core_equals_reference(case: Case) -> None:
    """The core and the reference give the same states, digests, names and standings, byte for byte."""
    lines = _scrambled(case.history.lines, case.rng)
    fast, literal = core(lines), slow(lines)
    assert fast.states == literal.states
    assert fast.digests == literal.digests
    assert fast.names == literal.names
    assert fast.standings == literal.standings
    assert fast.person_missing == literal.person_missing


def lines_are_read_alike(case: Case) -> None:
    """Core and reference call each almost right line by the same name, and leave the same of it."""
    rng = case.rng
    for _ in range(8):
        line = spoil(good_line(rng), rng)
        assert core([line]) == slow([line])


def short_way_is_the_long_way(case: Case) -> None:
    """What the short way makes of a plain history is what the law in full makes of it."""
    folded = _replica(held(case.history.lines))
    for one in _voters(folded):
        assert voter.read(one.counted).line == one.state.line
        assert all(folded.standing(counted.held.hash).name == "counted" for counted in one.counted)


def wall_clocks_do_not_matter(case: Case) -> None:
    """Phones whose clocks are decades wrong, late ones early, leave the same states: no decision reads them."""
    right, wrong = (play(case.genes, mirrored=mirrored) for mirrored in (False, True))
    assert core(right.lines).states == core(wrong.lines).states


def persons_decide_nothing(case: Case) -> None:
    """Without any person every decision and digest is the same, and every event has the standing that it had."""
    lines = list(case.history.lines)
    with_persons = _replica(held(lines))
    without = _replica([replace_person(one) for one in held(lines)])
    assert [s.decision_bytes for s in with_persons.states()] == [s.decision_bytes for s in without.states()]
    assert all(state.record is None for state in without.states())
    for one in with_persons.held():
        assert with_persons.standing(one.hash).name == without.standing(one.hash).name


def replace_person(one: Held) -> Held:
    return held([wire(one.event_bytes, None)])[0]


def parked_changes_nothing(case: Case) -> None:
    """What waits for a cause does not count; take it and the malformed away, and every state is the same."""
    lines = list(case.history.lines)
    everything = core(lines)
    dots = {one.dot for one in held(lines)}
    for one in held(lines):
        if everything.standings[one.hash.hex()] == "counted":
            assert dots >= set(one.clock.items())
    kept = [line for line, name in zip(lines, everything.names, strict=True) if name not in ("parked", "malformed")]
    # A parked event still bars its device's clock from falling, so without it another may come to count.
    without = core(kept)
    if everything.standings.items() >= without.standings.items():
        assert without.states == everything.states
        assert without.digests == everything.digests


def honest_work_counts(case: Case) -> None:
    """Where everybody is honest and every line arrives, every event counts."""
    lines = play(case.genes, hostile=False).lines
    assert set(core(lines).names) <= {None}


# ---------------------------------------------------------------------------------------------------------------
# What the law keeps


def written_is_alive(case: Case) -> None:
    """A register that was ever written always has an alive write."""
    for one in _voters(_replica(held(case.history.lines))):
        written = _union(counted.effect.mask for counted in one.counted)
        assert _union(mask for _, mask in one.alive) == written


def _union(masks: Any) -> int:
    union = 0
    for mask in masks:
        union |= mask
    return union


def alive_is_bounded(case: Case) -> None:
    """A register has at most one alive write for each device and level."""
    for one in _voters(_replica(held(case.history.lines))):
        for register in REGISTERS.values():
            owners = [(each.held.device, each.effect.level) for each in one.holding(register)]
            assert len(owners) == len(set(owners))


def alive_yields_to_nobody(case: Case) -> None:
    """A write that is not alive was seen by one of at least its standing that is; an alive one by none."""
    for one in _voters(_replica(held(case.history.lines))):
        for register in REGISTERS.values():
            alive = one.holding(register)
            for counted in one.counted:
                if counted.effect.mask & register:
                    assert any(_yields(counted, other) for other in alive) != (counted in alive)


def _yields(write: Counted, other: Counted) -> bool:
    saw = write.held.clock != other.held.clock and all(
        other.held.clock.get(device, 0) >= seq for device, seq in write.held.clock.items()
    )
    return saw and _level(other) >= _level(write)


def _level(one: Counted) -> int:
    if one.event.kind == "listed":
        return 0
    return {"pps": 2, "ppk": 3, "kpu": 4}[one.event.role] if one.event.kind == "ruled" else 1


FOUND, DECEASED, DISQUALIFIED, MOVED, RELISTED, RULED = 2, 7, 8, 6, 14, 11


def _deed(case: Case, deed: int, *, b: int | None = None, c: int | None = None, d: int | None = None) -> bytes:
    """One more honest deed, by anyone about anyone, who had heard of anything, and whose line arrives."""
    rng = case.rng
    who, whom, ear, a = rng.choices(range(256), k=4)
    b, c, d = (rng.randrange(256) if given is None else given for given in (b, c, d))
    return bytes([deed, who, whom, ear, a, b, c, d, 0, 0, 0, 0])


def _after(case: Case, gene: bytes) -> tuple[replica.Replica, replica.Replica, Item | None]:
    """Before and after one more deed, and its event (None when that phone had nobody to act on)."""
    before, after = case.history, case.followed_by(gene)
    item = after.made[-1] if len(after.made) == len(before.made) + 1 else None
    return _replica(held(before.lines)), _replica(held(after.lines)), item


def proposals_change_nobody(case: Case) -> None:
    """A proposal never changes who is on the list, where, or with which particulars."""
    deed, b = case.rng.choice(((DECEASED, 0), (DISQUALIFIED, case.rng.randrange(256))))
    before, after, item = _after(case, _deed(case, deed, b=b, d=0))
    if item is None:
        return
    assert item.event["type"] in ("deceased", "disqualified")
    assert "evidence" not in item.event
    assert [_seen(state) for state in before.states()] == [_seen(state) for state in after.states()]


def _seen(state: voter.State) -> Any:
    decision = state.decision
    return decision.voter, decision.on_list, decision.verdict, decision.reason, decision.tps, state.record


def imports_overwrite_no_work(case: Case) -> None:
    """A re-imported list never changes what somebody wrote at a door or ruled, whatever it had seen."""
    before, after, item = _after(case, _deed(case, RELISTED))
    if item is None or item.event["type"] != "listed":
        return
    for old, new in _pairs(before, after):
        for register in REGISTERS.values():
            work = {each.held.hash for each in old.holding(register) if each.effect.level > 0}
            assert work <= {each.held.hash for each in new.holding(register)}
        if any(each.effect.level > 0 for each in old.holding(effect.VERDICT)):
            assert _seen(old.state)[:4] == _seen(new.state)[:4]


def field_work_overturns_no_ruling(case: Case) -> None:
    """Nothing written at a door, and no ruling from below, takes a ruling's place."""
    deed = case.rng.choice((FOUND, MOVED, DECEASED, DISQUALIFIED, RULED, 10))
    before, after, item = _after(case, _deed(case, deed))
    if item is None:
        return
    for old, new in _pairs(before, after):
        added = [one for one in new.counted if one.held.hash == item.hash]
        if not added:
            continue
        for register in REGISTERS.values():
            above = {each.held.hash for each in old.holding(register) if _level(each) > _level(added[0])}
            assert above <= {each.held.hash for each in new.holding(register)}
        higher = [each for each in old.holding(effect.VERDICT) if _level(each) > max(1, _level(added[0]))]
        if higher and _level(added[0]) > 1:
            # It may end a visit that stood beside the higher ruling (decision 0030): then that one wins, never its own.
            said = {_opinion(each) for each in higher}
            changed = _seen(old.state)[:4] != _seen(new.state)[:4]
            assert not changed or _opinion_of(new.state) in said


def _pairs(before: replica.Replica, after: replica.Replica) -> Iterator[tuple[Voter, Voter]]:
    news = {(one.state.decision.regency, one.state.decision.voter): one for one in _voters(after)}
    for old in _voters(before):
        key = (old.state.decision.regency, old.state.decision.voter)
        if key in news:
            yield old, news[key]


def _met(one: Counted) -> bool:
    return one.event.kind == "new" or getattr(one.event, "how", "") in ("in_person", "family", "video_call")


def nobody_met_leaves_unseen(case: Case) -> None:
    """Nobody met at the door leaves by a removal or ruling (other than duplicate) that did not know of the visit.

    Or the visit was overtaken, by somebody who knew of it and moved, reopened, removed, ruled or confirmed from paper.
    """
    for one in _voters(_replica(held(case.history.lines))):
        _assert_no_met_voter_left(one)


def late_removals_remove_nobody_met(case: Case) -> None:
    """One more removal, with whatever evidence and whatever it had heard, obeys the law of the door as well."""
    deed = case.rng.choice((DECEASED, DISQUALIFIED, MOVED, RULED))
    d = case.rng.choice((1, 2, 3, 9, 10, 11))
    met = _deed(Case(case.genes, case.hostile, case.seed + 1), FOUND, b=0, d=0)
    removal = _deed(case, deed, b=case.rng.choice((3, 4, 7, 8, 13)), d=d)
    about = bytes([case.rng.randrange(256)])
    met, removal = met[:2] + about + met[3:], removal[:2] + about + removal[3:]
    for one in _voters(_replica(held(case.followed_by(met, removal).lines))):
        _assert_no_met_voter_left(one)


def _assert_no_met_voter_left(one: Voter) -> None:
    verdicts = one.holding(effect.VERDICT)
    if one.state.decision.on_list or one.state.decision.reason == "duplicate":
        return
    assert not any(_met(write) for write in verdicts)
    for visit in (counted for counted in one.counted if _met(counted)):
        heirs = [write for write in verdicts if _yields(visit, write)]
        assert any(write.event.kind != "listed" and not _met(write) for write in heirs)


def nobody_acts_on_strangers(case: Case) -> None:
    """Every event that counts was made by somebody who, provably, had seen that voter on a roll of the area."""
    folded = _replica(held(case.history.lines))
    by_dot: dict[tuple[str, int], list[Held]] = {}
    for one in folded.held():
        by_dot.setdefault(one.dot, []).append(one)
    for each in _voters(folded):
        births = [one for one in each.counted if causality.is_birth(one.event)]
        assert len(births) == 1
        for one in each.counted:
            if one in births:
                continue
            assert _yields_clock(one, births[0])
            digits = {"kpu": 4, "ppk": 6}.get(one.event.role, 10)
            seen = [w for w in each.counted if w.effect.mask & effect.TPS and _yields_clock(one, w)]
            assert any(write.place[:digits] == one.event.tps[:digits] for write in seen)
            others = sorted(device for device in one.held.clock if device != one.held.device)
            for device, mark in zip(others, one.event.saw or (), strict=True):
                named = by_dot.get((device, one.held.clock[device]), ())
                assert any(cause.mark == mark and cause.key == one.held.key for cause in named)


def _yields_clock(later: Counted, earlier: Counted) -> bool:
    return earlier.held.clock != later.held.clock and all(
        later.held.clock.get(device, 0) >= seq for device, seq in earlier.held.clock.items()
    )


def forks_do_not_count(case: Case) -> None:
    """Of two different events with one name neither counts, whatever is wrong with one of them."""
    folded = _replica(held(case.history.lines))
    for one, other in combinations(list(folded.held()), 2):
        if one.dot == other.dot:
            assert "counted" not in (folded.standing(one.hash).name, folded.standing(other.hash).name)


def disagreements_are_listed(case: Case) -> None:
    """Every disagreement among alive writes is listed, every proposal too, and nothing else is."""
    for one in _voters(_replica(held(case.history.lines))):
        decision, record = one.state.decision, one.state.record
        places = {write.place for write in one.holding(effect.TPS)}
        opinions = {_opinion(write) for write in one.holding(effect.VERDICT)}
        assert decision.conflicts == ["tps"] * (len(places) > 1) + ["verdict"] * (len(opinions) > 1)
        proposals = {write.effect.proposal for write in one.holding(effect.PROPOSAL)}
        assert decision.proposed == sorted(proposals - {"-"})
        assert decision.alive == sorted(
            {f"{write.held.device}:{write.held.seq}" for write in _shown(one)}, key=_by_device_and_seq
        )
        if record is not None:
            for name in RECORD_FIELDS:
                values = {_particular(write, name) for write in one.holding(effect.FIELD[name])}
                assert (name in record.conflicts) == (len(values) > 1)
                assert getattr(record.fields, name) in values


def _opinion(write: Counted) -> str:
    event: Any = write.event
    if event.kind in ("listed", "new", "found", "reopened"):
        return "stays"
    if event.kind == "moved":
        return "stays" if write.effect.mask & effect.TPS else "moved_away"
    if event.kind == "deceased":
        return "deceased"
    word = "disqualified" if event.kind == "disqualified" else event.verdict
    return (
        "stays" if word in ("confirmed", "unvisited") else f"{word}/{event.reason}" if word == "disqualified" else word
    )


def _opinion_of(state: voter.State) -> str:
    decision = state.decision
    if decision.on_list:
        return "stays"
    return decision.verdict if decision.reason is None else f"{decision.verdict}/{decision.reason}"


def _shown(one: Voter) -> list[Counted]:
    attempts: dict[str, Counted] = {}
    for counted in sorted(one.counted, key=lambda each: each.held.seq):
        if isinstance(counted.event, NotMet):
            attempts[counted.held.device] = counted
    return [*(write for write, _ in one.alive), *attempts.values()]


def _by_device_and_seq(name: str) -> tuple[str, int]:
    device, _, seq = name.partition(":")
    return device, int(seq)


def _particular(write: Counted, name: str) -> Any:
    person: Any = write.held.person
    return getattr(person.record if write.event.kind in ("listed", "new") else person.changes, name)


def one_voter_one_roll(case: Case) -> None:
    """Every voter stands on exactly one roll, of its own regency; and the digests are those of these rolls."""
    states = _replica(held(case.history.lines)).states()
    rolls: dict[str, list[bytes]] = {}
    for state in states:
        decision = state.decision
        assert len(decision.tps) == 13
        assert decision.tps[:4] == decision.regency
        rolls.setdefault(decision.tps, []).append(state.decision_bytes)
    assert len({(s.decision.regency, s.decision.voter) for s in states}) == len(states)
    digests = roll.digests(roll.leaves(states))
    assert {code: digest for code, digest in digests.items() if len(code) == 13} == {
        tps: tree_head(leaves) for tps, leaves in rolls.items()
    }
    assert set(digests) == {tps[:digits] for tps in rolls for digits in (2, 4, 6, 10, 13)} | (
        {"00"} if rolls else set()
    )


def _lines(folded: replica.Replica) -> dict[tuple[str, str], bytes]:
    return {(state.decision.regency, state.decision.voter): state.line for state in folded.states()}


def replicas_of_the_same_set_agree(case: Case) -> None:
    """What a replica says of lines does not depend on whom it heard them from."""
    rng, lines = case.rng, list(case.history.lines)
    one, other = _replica([]), _replica([])
    for line in lines:
        (one if rng.random() < 0.5 else other).receive(held([line]))
    one.join(other)
    other.join(one)
    assert _print_of(one) == _print_of(other)


LAWS: tuple[Law, ...] = (
    join_commutes,
    join_associates,
    join_is_idempotent,
    order_does_not_matter,
    splitting_does_not_matter,
    voters_do_not_touch,
    replicas_of_the_same_set_agree,
    core_equals_reference,
    lines_are_read_alike,
    short_way_is_the_long_way,
    wall_clocks_do_not_matter,
    persons_decide_nothing,
    parked_changes_nothing,
    honest_work_counts,
    written_is_alive,
    alive_is_bounded,
    alive_yields_to_nobody,
    proposals_change_nobody,
    imports_overwrite_no_work,
    field_work_overturns_no_ruling,
    nobody_met_leaves_unseen,
    late_removals_remove_nobody_met,
    nobody_acts_on_strangers,
    forks_do_not_count,
    disagreements_are_listed,
    one_voter_one_roll,
)
