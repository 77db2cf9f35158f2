"""Bugs that somebody could well make, planted at a seam, so that the checks must find them: else they check nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

import msgspec

from ecoklit.core import admission, causality, effect, entitlement, voter
from ecoklit.core.causality import PARKED, Counted
from ecoklit.core.effect import PROPOSAL, VERDICT, Effect
from ecoklit.core.policy import Policy
from ecoklit.field.client import Client
from ecoklit.ports import PullCursor, Push, RollUnavailable, Step, Stored
from ecoklit.services import pull
from ecoklit.services.admit import Admission
from ecoklit.testing.simulator.site import SimulatedJournal, SimulatedStore

Plant = Callable[[ExitStack], None]
FLUSH_SECONDS: Final = 1.5


def _patch(stack: ExitStack, owner: object, name: str, value: object) -> None:
    stack.enter_context(patch.object(owner, name, value))


# --- the journal -----------------------------------------------------------------------------------------------------


def ack_before_fsync(stack: ExitStack) -> None:
    """The broker answers, and writes to its disk some time later."""
    _patch(stack, SimulatedJournal, "flush_seconds", FLUSH_SECONDS)


def dropped_tail(stack: ExitStack) -> None:
    """The broker keeps all of a push but its last event, and answers as if it had that too."""
    true = SimulatedJournal._store_events

    def store(self: SimulatedJournal, push: Push) -> Any:
        if len(push.events) < 2:
            return true(self, push)
        cut = msgspec.structs.replace(push, events=push.events[:-1], headers=(), later_headers=())
        outcome = true(self, cut)
        return Stored(outcome.first, outcome.last + 1) if isinstance(outcome, Stored) else outcome

    _patch(stack, SimulatedJournal, "_store_events", store)


def double_count(stack: ExitStack) -> None:
    """What is delivered twice is stored twice: the broker does not ask where the log ends."""
    true = SimulatedJournal._store_events

    def store(self: SimulatedJournal, push: Push) -> Any:
        self._strict = False
        end = self._heads.get(push.device, 0)
        return true(self, msgspec.structs.replace(push, after=end) if push.events else push)

    _patch(stack, SimulatedJournal, "_store_events", store)


# --- the door --------------------------------------------------------------------------------------------------------


def receipt_too_high(stack: ExitStack) -> None:
    """A receipt names one entry more than is held."""
    true = Admission._receipt

    def receipt(self: Admission, push: Any, stamp: int, end: Any, *rest: Any) -> bytes:
        return true(self, push, stamp, msgspec.structs.replace(end, seq=end.seq + 1), *rest)

    _patch(stack, Admission, "_receipt", receipt)


def any_signature(stack: ExitStack) -> None:
    """Nobody looks whether the head is signed by the device's key."""
    _patch(stack, admission, "demand_head", lambda push, key, election: None)


# --- the projector ---------------------------------------------------------------------------------------------------


def skipped_checkpoint(stack: ExitStack) -> None:
    """The checkpoint is written beside the rows, not with them: it moves on when they do not."""
    true = SimulatedStore.apply

    async def apply(self: SimulatedStore, step: Step) -> None:
        try:
            await true(self, step)
        except RollUnavailable:
            if self.tables.checkpoint == step.before:
                self.tables.checkpoint = step.after
            raise

    _patch(stack, SimulatedStore, "apply", apply)


# --- the law ---------------------------------------------------------------------------------------------------------


def wall_clock(stack: ExitStack) -> None:
    """The merge reads the wall clock: the latest write wins."""
    for name in ("_verdict_standing", "_place_standing"):
        true: Callable[[Counted], tuple[Any, ...]] = getattr(voter, name)
        _patch(stack, voter, name, _by_time(true))


def _by_time(true: Callable[[Counted], tuple[Any, ...]]) -> Callable[[Counted], tuple[Any, ...]]:
    return lambda one: (one.event.at, *true(one))


def proposal_counts(stack: ExitStack) -> None:
    """A removal without proof is one all the same."""

    def removal(opinion: str, evidence: Any, policy: Policy) -> Effect:
        return Effect(VERDICT | PROPOSAL, 1, opinion, 1, 0)

    _patch(stack, effect, "_removal", removal)


def parked_folded(stack: ExitStack) -> None:
    """Nobody waits for a cause that is missing."""
    true = causality._fault_of_causes

    def fault(*args: Any) -> Any:
        found = true(*args)
        return None if found is not None and found.name == PARKED else found

    _patch(stack, causality, "_fault_of_causes", fault)


def names_the_dot(stack: ExitStack) -> None:
    """A write yields to one that names its dot, whatever else that one did not see."""

    def supersedes(later: Counted, earlier: Counted) -> bool:
        named = later.held.clock.get(earlier.held.device, 0) >= earlier.held.seq
        return named and later is not earlier and later.effect.level >= earlier.effect.level

    _patch(stack, voter, "supersedes", supersedes)
    _patch(stack, causality, "supersedes", supersedes)


def revoked_counts(stack: ExitStack) -> None:
    """A revoked phone goes on counting."""
    true = entitlement.limits_of
    _patch(stack, entitlement, "limits_of", lambda *args: (2**53, true(*args)[1]))


# --- the phone -------------------------------------------------------------------------------------------------------


def cursor_too_far(stack: ExitStack) -> None:
    """A page's cursor says one step more than the page brought."""
    true = pull.write_cursor
    _patch(
        stack, pull, "write_cursor", lambda cursor: true(PullCursor(cursor.generation, cursor.since + 1, *cursor[2:]))
    )


def standings_untold(stack: ExitStack) -> None:
    """A pull does not say what the registry keeps out."""
    _patch(stack, pull, "_standing", lambda one: None)


def held_when_sent(stack: ExitStack) -> None:
    """A phone takes for held what it has sent, whatever becomes of the answer."""
    true = Client._next

    def next_part(self: Client, about: Any, identity: Any, proved: bool) -> Any:
        part = true(self, about, identity, proved)
        if part is not None and part.last:
            self._outbox._db.execute("update identity set held = ? where device = ?", (part.last, identity.device))
        return part

    _patch(stack, Client, "_next", next_part)


PLANTS: Final[Sequence[Plant]] = (
    ack_before_fsync, dropped_tail, double_count, receipt_too_high, any_signature, skipped_checkpoint, wall_clock,
    proposal_counts, parked_folded, names_the_dot, revoked_counts, cursor_too_far, standings_untold, held_when_sent,
)  # fmt: skip
CANARIES: Final[dict[str, Plant]] = {plant.__name__.replace("_", "-"): plant for plant in PLANTS}


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    """Within it, the bug of this name is in the system; none for None."""
    with ExitStack() as stack:
        if name is not None:
            CANARIES[name](stack)
        yield
