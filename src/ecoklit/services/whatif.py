"""Whose status would be another if a device, an officer or another policy had judged otherwise: the same events, folded
again under the law as somebody asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final, NamedTuple

from msgspec import structs

from ecoklit.core.policy import Policy
from ecoklit.core.wire import Held
from ecoklit.ports import AsOf, PastReader
from ecoklit.services.case import Case, KeepsOut, Law, Status, cases_in, judged

LEFT_OUT: Final = "left_out"
"""The standing of an event that the question leaves out."""


class Changed(NamedTuple):
    """A voter whose status or TPS would be another; None where none would be there. `hangs_on` names the events,
    device:seq, that are left out, or do something else under the other policy."""

    voter: str
    now: Status | None
    then: Status | None
    hangs_on: tuple[str, ...]


class Question(NamedTuple):
    """What is asked: which events are left out, and under which policies the rest is judged."""

    leaves_out: KeepsOut
    policies: Mapping[str, Policy]


def without_device(device: str, policies: Mapping[str, Policy]) -> Question:
    """As if a device had said nothing."""
    return Question(lambda held: LEFT_OUT if held.device == device else None, policies)


def without_officer(officer: str, policies: Mapping[str, Policy]) -> Question:
    """As if an officer had said nothing, whoever typed it."""

    def out(held: Held) -> str | None:
        return LEFT_OUT if held.event is not None and held.event.officer == officer else None

    return Question(out, policies)


def under_policy(policy: Policy, policies: Mapping[str, Policy]) -> Question:
    """As if every event had been said under `policy`; evidence of which it knows nothing is not accepted."""
    words = frozenset[str]().union(policy.words, *(known.words for known in policies.values()))
    return Question(lambda _: None, dict.fromkeys(policies, structs.replace(policy, words=words)))


async def changes(reader: PastReader, as_of: AsOf, area: str, law: Law, question: Question) -> AsyncIterator[Changed]:
    """The voters of the area, as of the law's registry, whose status would be another, by id."""
    async for case in cases_in(reader, as_of, area):
        found = changed(case, law, question)
        if found is not None:
            yield found


def changed(case: Case, law: Law, question: Question) -> Changed | None:
    """What would be other about one voter; None when nothing would."""
    then_law = law._replace(policies=question.policies, keeps_out=question.leaves_out)
    now, then = judged(case, law), judged(case, then_law)
    if now.status == then.status:
        return None
    effects = {one.held.hash: one.effect for one in then.fold.judgement.counted}
    hangs_on = tuple(
        f"{one.held.device}:{one.held.seq}"
        for one in now.fold.judgement.counted
        if effects.get(one.held.hash) != one.effect
    )
    return Changed(case.voter, now.status, then.status, hangs_on)
