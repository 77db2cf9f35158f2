"""The case of one voter: all that was held about it, judged by the merge law under a registry and policies that may be
other than those in force, so that somebody can ask what hangs on them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

from ecoklit.core import entitlement, wire
from ecoklit.core.causality import COUNTS, Standing
from ecoklit.core.entitlement import Admitted
from ecoklit.core.policy import Policy
from ecoklit.core.registry import Registry
from ecoklit.core.voter import Decision, VoterFold, fold_voter
from ecoklit.core.wire import Dot, Held
from ecoklit.ports import AsOf, PastReader, StoredEvent
from ecoklit.services.step import Elsewhere

VOTERS_MAX: Final = 2_000  # folded at once

KeepsOut = Callable[[Held], str | None]
"""The name by which an event is kept out of the count besides what the registry says; None when it is not."""


class Status(NamedTuple):
    """What people dispute about a voter: everything of a decision but by whom and how often."""

    on_list: bool
    verdict: str
    reason: str | None
    tps: str
    proposed: tuple[str, ...]
    conflicts: tuple[str, ...]


class Case(NamedTuple):
    """What was held about one voter of one regency, in order of arrival; where each event stands in the journal; and
    which of the dots that clocks name are held about others."""

    voter: str
    admitted: tuple[Admitted, ...]
    positions: Mapping[Dot, int]
    elsewhere: Collection[Dot]

    @property
    def held(self) -> list[Held]:
        return [one.held for one in self.admitted]


class Law(NamedTuple):
    """By what a case is judged."""

    registry: Registry
    policies: Mapping[str, Policy]
    keeps_out: KeepsOut = lambda _: None


class Judged(NamedTuple):
    """What a case comes to: its fold, and of each event, by hash, whether it counts and why not."""

    fold: VoterFold
    standings: Mapping[bytes, Standing]

    @property
    def status(self) -> Status | None:
        """None where nothing counts."""
        return None if self.fold.state is None else status_of(self.fold.state.decision)


def status_of(decision: Decision) -> Status:
    return Status(
        decision.on_list,
        decision.verdict,
        decision.reason,
        decision.tps,
        tuple(decision.proposed),
        tuple(decision.conflicts),
    )


def judged(case: Case, law: Law) -> Judged:
    """The case under this law."""
    kept_out = kept_out_of(case, law)
    world = Elsewhere(case.elsewhere, quarantine=entitlement.names_of(kept_out), lost=law.registry.lost)
    fold = fold_voter(case.held, law.policies, world)
    # The merge law knows a quarantine by its name alone; the registry says why.
    told = {hash: kept_out.get(hash, fault) for hash, fault in fold.judgement.faults.items()}
    return Judged(fold, {held.hash: told.get(held.hash, COUNTS) for held in case.held})


def kept_out_of(case: Case, law: Law) -> dict[bytes, Standing]:
    """What the registry and the question keep out of the count: hash → why."""
    kept_out = entitlement.quarantine_of(law.registry, case.admitted)
    for held in case.held:
        name = law.keeps_out(held)
        if name is not None:
            kept_out.setdefault(held.hash, Standing(name))
    return kept_out


# --- reading ---------------------------------------------------------------------------------------------------------


async def cases_in(reader: PastReader, as_of: AsOf, area: str) -> AsyncIterator[Case]:
    """The case of everybody whom an event up to `as_of` placed in the area, by voter id."""
    after = ""
    while some := await reader.placed(as_of.regency, area, after, VOTERS_MAX):
        for case in await cases_of(reader, as_of, some):
            yield case
        after = some[-1]


async def cases_of(reader: PastReader, as_of: AsOf, voters: Sequence[str]) -> list[Case]:
    """The cases of these voters, by id; those about whom nothing was held are left out."""
    stored = await reader.events_until(as_of.regency, voters, as_of.events, as_of.persons)
    about = _by_voter(as_of.regency, stored)
    named = {dot for one in about.values() for dot in _foreign_dots(one)}
    elsewhere = await reader.held_until(as_of.regency, named, as_of.events) if named else set()
    positions = {held.dot: position for one in about.values() for _, position, held in one}
    return [
        Case(voter, tuple(Admitted(held, stamp) for stamp, _, held in one), positions, elsewhere)
        for voter, one in sorted(about.items())
    ]


_Read = tuple[int, int, Held]  # stamp, position, event


def _by_voter(regency: str, stored: Sequence[StoredEvent]) -> dict[str, list[_Read]]:
    about: dict[str, list[_Read]] = {}
    for one in stored:
        held = wire.hold(one.body, one.person)
        if held.regency == regency:
            about.setdefault(held.voter, []).append((one.stamp, one.position, held))
    return about


def _foreign_dots(about: Sequence[_Read]) -> set[Dot]:
    """The dots that clocks name and that no event about the same voter has."""
    own = {held.dot for _, _, held in about}
    return {dot for _, _, held in about for dot in held.clock.items() if dot not in own}
