"""Every law can fail: a bug is planted in the core, and the laws that it breaks must find it.

A suite that nothing can fail proves nothing. Each canary is a mistake that somebody could well make.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, NamedTuple

import laws
import msgspec
import pytest
from laws import LAWS, Law
from msgspec.structs import replace
from strategies import random_case

from ecoklit.core import causality, effect, event, person, replica, roll, straight, voter, wire
from ecoklit.core.causality import Standing
from ecoklit.core.wire import Held

HISTORIES_MAX = 3000
Plant = Callable[[pytest.MonkeyPatch], None]


class Canary(NamedTuple):
    plant: Plant
    found_by: tuple[Law, ...]
    crashes: bool = False
    """Whether the bug shows as a crash of the core: else only the law's own word counts."""


def _the_long_way(patch: pytest.MonkeyPatch) -> None:
    """Most canaries live in the law in full, past which the short way would lead many a history."""
    patch.setattr(voter, "straight", lambda held, policies, world: None)


def _everywhere(patch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    _the_long_way(patch)
    for module in (causality, voter):
        if hasattr(module, name):
            patch.setattr(module, name, value)


def _writes(patch: pytest.MonkeyPatch, changed: Callable[[Any, effect.Effect], effect.Effect]) -> None:
    true = causality.effect_of
    patch.setattr(causality, "effect_of", lambda event, policy: changed(event, true(event, policy)))


# --- seeing ---------------------------------------------------------------------------------------------------


def names_the_dot(patch: pytest.MonkeyPatch) -> None:
    """Superseding by "names its dot" in place of "covers": two liars kill each other's writes."""

    def supersedes(later: Any, earlier: Any) -> bool:
        named = later.held.clock.get(earlier.held.device, 0) >= earlier.held.seq
        return named and later is not earlier and later.effect.level >= earlier.effect.level

    _everywhere(patch, "supersedes", supersedes)


def yields_to_itself(patch: pytest.MonkeyPatch) -> None:
    """An order that is not strict: a write is superseded by its own event."""
    true = causality.supersedes
    _the_long_way(patch)
    patch.setattr(voter, "supersedes", lambda later, earlier: later is earlier or true(later, earlier))


def level_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """A write yields to any that saw it, whatever its standing."""
    _everywhere(patch, "supersedes", lambda f, e: causality.covers(f.held.clock, e.held.clock))


def imports_have_standing(patch: pytest.MonkeyPatch) -> None:
    """A list is imported with the standing of field work."""
    _writes(patch, lambda event, one: replace(one, level=max(1, one.level)))


def history_is_a_line(patch: pytest.MonkeyPatch) -> None:
    """The last write of a register is taken for the only one that is alive."""
    patch.setattr(voter, "alive_of", voter._alive_in_line)


def short_way_ignores_standing(patch: pytest.MonkeyPatch) -> None:
    """The short way lets a re-import follow on field work."""
    true = straight._follows

    def follows(one: Any, counted: Any, place: str) -> bool:
        return true(msgspec.structs.replace(one, effect=replace(one.effect, level=9)), counted, place)

    patch.setattr(straight, "_follows", follows)


def short_way_believes_saw(patch: pytest.MonkeyPatch) -> None:
    """The short way does not look whether what was seen is what is held."""
    patch.setattr(straight, "_saw", lambda event, saw, counted: True)


def clocks_may_fall(patch: pytest.MonkeyPatch) -> None:
    """A device may forget what it had seen: then it holds a register many times over."""
    patch.setattr(causality, "_raise", lambda floor, clock: None)


# --- what counts ----------------------------------------------------------------------------------------------


def parked_is_folded(patch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a cause that is missing."""
    true = causality._fault_of_causes

    def fault(*args: Any) -> Standing | None:
        found = true(*args)
        return None if found is not None and found.name == "parked" else found

    patch.setattr(causality, "_fault_of_causes", fault)


def saw_is_believed(patch: pytest.MonkeyPatch) -> None:
    """Any event with the dot will do as a cause, whoever it is about."""
    patch.setattr(causality, "_fault_of_causes", lambda *args: None)


def rolls_are_open(patch: pytest.MonkeyPatch) -> None:
    """A phone may act on voters that it never saw."""
    patch.setattr(causality, "_fault_of_roll", lambda one, counted: None)


def areas_are_wide(patch: pytest.MonkeyPatch) -> None:
    """Every role has the whole regency for its area."""
    for role in causality.AREA_DIGITS:
        patch.setitem(causality.AREA_DIGITS, role, 4)


def areas_are_narrow(patch: pytest.MonkeyPatch) -> None:
    """Every role has one TPS for its area."""
    for role in causality.AREA_DIGITS:
        patch.setitem(causality.AREA_DIGITS, role, 13)


def any_roll_will_do(patch: pytest.MonkeyPatch) -> None:
    """A voter may be worked on from a roll that it has left, if the author saw both."""
    patch.setattr(causality, "_latest_places", lambda seen: (cause.place for cause in seen))
    _the_long_way(patch)


def first_fork_counts(patch: pytest.MonkeyPatch) -> None:
    """A name that two events have does not keep them out of the count."""
    patch.setattr(causality, "_FORKED", None)


def first_come_first_served(patch: pytest.MonkeyPatch) -> None:
    """A second event with a held name is not taken in."""
    true = replica.Replica._hold

    def hold(self: replica.Replica, held: Held, touched: dict[Any, None]) -> None:
        if self._by_dot.get(held.dot, held).hash == held.hash:
            true(self, held, touched)

    patch.setattr(replica.Replica, "_hold", hold)


def missing_person_bars(patch: pytest.MonkeyPatch) -> None:
    """An event without its person is kept out: an erasure would change the list."""
    true = causality._fault_of_event
    _the_long_way(patch)

    def fault(held: Held, policies: Mapping[str, Any]) -> Standing | None:
        if held.event is not None and isinstance(held.event.person, str) and held.person is None:
            return Standing("bad_event")
        return true(held, policies)

    patch.setattr(causality, "_fault_of_event", fault)


# --- replicas -------------------------------------------------------------------------------------------------


def fork_stays_unnoticed(patch: pytest.MonkeyPatch) -> None:
    """An event touches the voter that it is about, and no other."""
    true = replica.Replica._hold

    def hold(self: replica.Replica, held: Held, touched: dict[Any, None]) -> None:
        own: dict[Any, None] = {}
        true(self, held, own)
        touched.update({key: None for key in own if key == held.key})

    patch.setattr(replica.Replica, "_hold", hold)


def person_comes_in_vain(patch: pytest.MonkeyPatch) -> None:
    """A copy with the right person does not complete one without."""
    true = replica.Replica._hold

    def hold(self: replica.Replica, held: Held, touched: dict[Any, None]) -> None:
        if held.hash not in self._by_hash:
            true(self, held, touched)

    patch.setattr(replica.Replica, "_hold", hold)


def again_is_another(patch: pytest.MonkeyPatch) -> None:
    """The same event again passes for a fork of itself."""
    true = replica.Replica._hold

    def hold(self: replica.Replica, held: Held, touched: dict[Any, None]) -> None:
        if held.hash in self._by_hash:
            self.forks.setdefault(held.dot, [held.key])
            touched[held.key] = None
        true(self, held, touched)

    patch.setattr(replica.Replica, "_hold", hold)


def names_too_few(patch: pytest.MonkeyPatch) -> None:
    """A refold keeps quiet about all but one of the voters that it changed."""
    true = replica.Replica.receive
    patch.setattr(replica.Replica, "receive", lambda self, arrived: true(self, arrived)[-1:])


# --- reading --------------------------------------------------------------------------------------------------


def proposal_touches_verdict(patch: pytest.MonkeyPatch) -> None:
    """A removal without proof removes."""
    true = effect._removal

    def removal(word: str, evidence: Any, policy: Any) -> effect.Effect:
        one = true(word, evidence, policy)
        return replace(one, mask=one.mask | effect.VERDICT, verdict=word, weight=effect.WEIGHT_REMOVED)

    patch.setattr(effect, "_removal", removal)


def removal_outweighs_visit(patch: pytest.MonkeyPatch) -> None:
    """The office knows better than who stood at the door."""
    _writes(patch, lambda event, one: replace(one, weight=0 if event.kind in ("found", "new") else one.weight))


def last_write_wins(patch: pytest.MonkeyPatch) -> None:
    """The wall clock of a phone decides."""
    patch.setattr(voter, "_verdict_standing", lambda one: (one.event.at, one.held.device, one.held.seq))
    patch.setattr(voter, "_place_standing", lambda one: (one.event.at, one.held.device, one.held.seq))


def conflicts_are_hushed(patch: pytest.MonkeyPatch) -> None:
    """Two opinions, and nobody is told."""
    patch.setattr(voter, "_conflicts_of_decision", lambda verdicts, places: [])


def low_rulings_take_part(patch: pytest.MonkeyPatch) -> None:
    """A village's ruling may win against the regency's."""
    patch.setattr(voter, "_RULING_LEVEL_MIN", 99)


def clocks_are_not_joined(patch: pytest.MonkeyPatch) -> None:
    """The state's clock is that of the last event in line."""
    patch.setattr(voter, "_join", lambda counted: dict(sorted(counted[-1].held.clock.items())))


def attempts_add_up(patch: pytest.MonkeyPatch) -> None:
    """Every attempt of a device is counted, not its last."""
    patch.setattr(
        voter, "_last_attempts", lambda counted: [one.event for one in counted if one.event.kind == "not_met"]
    )


def evidence_has_no_strength(patch: pytest.MonkeyPatch) -> None:
    """A letter of the village weighs as much as a death certificate."""
    true = voter._verdict_standing
    patch.setattr(voter, "_verdict_standing", lambda one: true(one)[:2] + true(one)[3:])


def policy_is_the_newest(patch: pytest.MonkeyPatch) -> None:
    """Events are judged by today's policy, not by the one that their author worked under."""
    true = causality.effect_of
    patch.setattr(causality, "effect_of", lambda event, policy: true(event, laws.POLICIES["2024-1"]))


def rolls_of_birth(patch: pytest.MonkeyPatch) -> None:
    """A digest is taken over those who were born on a roll, not over those who stand on it."""
    patch.setattr(
        roll,
        "leaves",
        lambda states: ((s.first_tps, s.decision.voter, roll.leaf_hash(s.decision_bytes)) for s in states),
    )


# --- reading lines --------------------------------------------------------------------------------------------


def any_date_will_do(patch: pytest.MonkeyPatch) -> None:
    """A date is whatever Python reads as one."""
    patch.setattr(event, "is_date", lambda text: text[:4] != "2023")


def any_person_fits(patch: pytest.MonkeyPatch) -> None:
    """A person with the right hash is the right person."""
    patch.setattr(person, "_misfit", lambda person, event: None)


def clocks_are_believed(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether a clock holds its own dot."""
    _the_long_way(patch)
    patch.setattr(causality, "clock_fault", lambda held: None)


def spelling_is_free(patch: pytest.MonkeyPatch) -> None:
    """JSON is JSON, however it is written."""
    patch.setattr(wire, "write", lambda event_bytes, person_bytes: AnyBytes(event_bytes))


class AnyBytes(bytes):
    def __eq__(self, other: object) -> bool:
        return True

    __ne__ = lambda self, other: False  # noqa: E731
    __hash__ = bytes.__hash__


CANARIES = (
    Canary(names_the_dot, (laws.core_equals_reference, laws.alive_yields_to_nobody)),
    Canary(yields_to_itself, (laws.written_is_alive, laws.core_equals_reference), crashes=True),
    Canary(level_is_ignored, (laws.field_work_overturns_no_ruling, laws.imports_overwrite_no_work)),
    Canary(imports_have_standing, (laws.imports_overwrite_no_work, laws.core_equals_reference)),
    Canary(history_is_a_line, (laws.alive_yields_to_nobody, laws.core_equals_reference)),
    Canary(short_way_ignores_standing, (laws.short_way_is_the_long_way, laws.core_equals_reference)),
    Canary(short_way_believes_saw, (laws.short_way_is_the_long_way, laws.core_equals_reference)),
    Canary(any_roll_will_do, (laws.core_equals_reference,)),
    Canary(clocks_may_fall, (laws.alive_is_bounded, laws.core_equals_reference)),
    Canary(parked_is_folded, (laws.parked_changes_nothing, laws.core_equals_reference)),
    Canary(saw_is_believed, (laws.nobody_acts_on_strangers, laws.core_equals_reference)),
    Canary(rolls_are_open, (laws.nobody_acts_on_strangers, laws.core_equals_reference)),
    Canary(areas_are_wide, (laws.nobody_acts_on_strangers, laws.core_equals_reference)),
    Canary(areas_are_narrow, (laws.honest_work_counts, laws.core_equals_reference)),
    Canary(first_fork_counts, (laws.forks_do_not_count, laws.core_equals_reference)),
    Canary(
        first_come_first_served,
        (
            laws.join_commutes,
            laws.order_does_not_matter,
            laws.replicas_of_the_same_set_agree,
        ),
    ),
    Canary(missing_person_bars, (laws.persons_decide_nothing, laws.core_equals_reference)),
    Canary(fork_stays_unnoticed, (laws.splitting_does_not_matter, laws.join_commutes, laws.join_associates)),
    Canary(person_comes_in_vain, (laws.order_does_not_matter, laws.join_commutes)),
    Canary(again_is_another, (laws.join_is_idempotent, laws.core_equals_reference)),
    Canary(names_too_few, (laws.voters_do_not_touch,)),
    Canary(proposal_touches_verdict, (laws.proposals_change_nobody, laws.core_equals_reference)),
    Canary(removal_outweighs_visit, (laws.nobody_met_leaves_unseen, laws.late_removals_remove_nobody_met)),
    Canary(last_write_wins, (laws.wall_clocks_do_not_matter, laws.core_equals_reference)),
    Canary(conflicts_are_hushed, (laws.disagreements_are_listed, laws.core_equals_reference)),
    Canary(low_rulings_take_part, (laws.core_equals_reference,)),
    Canary(clocks_are_not_joined, (laws.core_equals_reference,)),
    Canary(attempts_add_up, (laws.core_equals_reference, laws.disagreements_are_listed)),
    Canary(evidence_has_no_strength, (laws.core_equals_reference,)),
    Canary(policy_is_the_newest, (laws.core_equals_reference,)),
    Canary(any_date_will_do, (laws.lines_are_read_alike,)),
    Canary(any_person_fits, (laws.lines_are_read_alike,)),
    Canary(clocks_are_believed, (laws.lines_are_read_alike, laws.core_equals_reference)),
    Canary(spelling_is_free, (laws.lines_are_read_alike,)),
    Canary(rolls_of_birth, (laws.one_voter_one_roll, laws.core_equals_reference)),
)
PAIRS = [(canary, law) for canary in CANARIES for law in canary.found_by]


@pytest.mark.parametrize(
    ("canary", "law"), PAIRS, ids=lambda it: it.plant.__name__ if isinstance(it, Canary) else it.__name__
)
def test_law_finds_planted_bug(canary: Canary, law: Law, monkeypatch: pytest.MonkeyPatch) -> None:
    """The law fails on some history when this bug is in the core."""
    canary.plant(monkeypatch)
    rng = Random(20240624)
    for _ in range(HISTORIES_MAX):
        try:
            law(random_case(rng))
        except AssertionError:
            return
        except ValueError:
            if canary.crashes:
                return
            raise
    pytest.fail(f"{law.__name__} did not notice: {canary.plant.__doc__}")


def test_every_law_has_a_canary() -> None:
    """No law is in the suite that was never seen to fail."""
    assert {law for _, law in PAIRS} == set(LAWS)
