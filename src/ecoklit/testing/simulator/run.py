"""Runs of worlds: one, many, and the shortest one that still fails in the same way."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from ecoklit.testing.simulator.canaries import planted
from ecoklit.testing.simulator.checks import Broken
from ecoklit.testing.simulator.plan import KINDS, NETWORK, Plan, plan_of
from ecoklit.testing.simulator.world import World

IN_MEMORY: Final = Path("/dev/shm")
"""Where the phones' stores lie, if there is such a place: their fsync costs nothing there."""

RUNS_MAX: Final = 160
"""Of making a story shorter: a minute."""


class Outcome(NamedTuple):
    """What a world came to: the trace of all that happened, what broke if anything, and its story in sentences."""

    plan: Plan
    trace: str
    broken: Broken | None
    told: list[tuple[str, str]]
    counts: Counter[str]


def run(plan: Plan, *, canary: str | None = None) -> Outcome:
    """One world from its beginning to its end, or to the first broken promise."""
    place = IN_MEMORY if IN_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="ecoklit-world-", dir=place) as folder, planted(canary):
        world = World(plan, Path(folder))
        broken = None
        try:
            world.perform()
        except Broken as found:
            broken = found
        told = [(world.wall_at(at).strftime("%d %b %H:%M"), sentence) for at, sentence in world.told]
        return Outcome(plan, world.trace, broken, told, world.counts)


def run_all(seeds: Iterable[int], *, canary: str | None = None) -> Iterator[Outcome]:
    for seed in seeds:
        yield run(plan_of(seed), canary=canary)


# --- the shortest story ----------------------------------------------------------------------------------------------


def shortest(failed: Outcome, *, canary: str | None = None) -> Outcome:
    """A world as small as can be found in which the same promise breaks: fewer faults, people, deeds, voters."""
    assert failed.broken is not None
    search = _Search(failed, canary)
    search.cut_the_end()
    for kind in KINDS:
        search.try_plan(lambda plan, kind=kind: plan.without(kinds=[kind]))  # type: ignore[misc]
    for name in failed.plan.people:
        search.try_plan(lambda plan, name=name: plan.without(people=[name]))  # type: ignore[misc]
    search.thin_out()
    search.try_plan(lambda plan: plan._replace(voters=1))
    for kind in NETWORK:
        search.try_plan(lambda plan, kind=kind: plan.without(kinds=[kind]))  # type: ignore[misc]
    return search.best


class _Search:
    def __init__(self, failed: Outcome, canary: str | None) -> None:
        assert failed.broken is not None
        self.best = failed
        self._check = failed.broken.check
        self._canary = canary
        self._runs = 0

    def try_plan(self, smaller: Callable[[Plan], Plan]) -> bool:
        """Go on with the smaller world, if it fails in the same way."""
        plan = smaller(self.best.plan)
        if plan == self.best.plan or self._runs >= RUNS_MAX:
            return False
        self._runs += 1
        outcome = run(plan, canary=self._canary)
        if outcome.broken is None or outcome.broken.check != self._check:
            return False
        self.best = outcome
        return True

    def cut_the_end(self) -> None:
        """Half of what is left of the deeds, as long as it goes; then a quarter, an eighth."""
        share = 2
        while share <= 16:
            keep = len(self.best.plan.deeds) * (share - 1) // share
            if not self.try_plan(lambda plan, keep=keep: plan.only(plan.deeds[:keep])):  # type: ignore[misc]
                share *= 2

    def thin_out(self) -> None:
        """Leave out stretches of deeds, long ones first, single ones last (delta debugging)."""
        size = max(1, len(self.best.plan.deeds) // 2)
        while True:
            start, is_less = 0, False
            while start < len(self.best.plan.deeds):
                if self.try_plan(lambda plan, a=start, b=start + size: plan.only(plan.deeds[:a] + plan.deeds[b:])):  # type: ignore[misc]
                    is_less = True
                else:
                    start += size
            if size == 1 and not is_less:
                return
            size = max(1, size // 2)
