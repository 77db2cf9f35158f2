"""Why a voter has the status that it has: the least set of events that give it, and of registry lines that let them.

Least means that nothing can be left out: without any one event the status is another, or is another event's doing; and
without any one line one of these events would not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from ecoklit.core import entitlement
from ecoklit.core.causality import COUNTED, Standing
from ecoklit.core.entitlement import Admitted
from ecoklit.core.excerpt import ExcerptFault, fold_excerpt
from ecoklit.core.registry import Registry
from ecoklit.core.registry_event import (
    AnyRegistryEvent,
    Assigned,
    DeviceEnrolled,
    DotsLost,
    ElectionOpened,
    PolicySet,
    SignedRegistry,
    Vouched,
    read_line,
)
from ecoklit.core.voter import alive_of, winners
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.services.case import Case, Judged, Law, Status, judged

_Line = TypeVar("_Line", bound=AnyRegistryEvent)

SHOWN: Final = (ElectionOpened, DeviceEnrolled, Vouched, Assigned, PolicySet, DotsLost)
"""The lines that give. What takes away (revocations, windows, clones) hangs on when an event was admitted, which no
excerpt shows: an event that was kept out is told of by the whole journal alone."""


class Why(NamedTuple):
    """The status of a voter and whence it comes: the least of the case, causes before effects, and who wins."""

    case: Case
    status: Status
    standings: Mapping[bytes, Standing]
    verdict_by: Held
    place_by: Held


def explained(case: Case, law: Law) -> Why:
    """Why the voter has its status. Raises EcoklitError unknown_voter when none of what is held counts."""
    whole = judged(case, law)
    if whole.fold.state is None:
        raise EcoklitError("unknown_voter", "No event about this voter counts, so there is no status: see its history.")
    # A set with fewer causes may look in time: what is kept out stays out.
    out = {hash: fault.name for hash, fault in whole.standings.items() if fault.name in entitlement.QUARANTINES}
    law = law._replace(keeps_out=lambda held: out.get(held.hash))
    reason = _reason_of(whole)
    least = _least(case, lambda some: _reason_of(judged(some, law)) == reason, _alive(whole))
    found = judged(least, law)
    verdict, place = winners(found.fold.judgement.counted)
    return Why(least, _demand(found.status), found.standings, verdict.held, place.held)


def _demand(status: Status | None) -> Status:
    if status is None:
        raise ValueError("a least set that gives no status")
    return status


def _reason_of(found: Judged) -> tuple[Status, bytes, bytes] | None:
    status = found.status
    if status is None:
        return None
    verdict, place = winners(found.fold.judgement.counted)
    return status, verdict.held.hash, place.held.hash


def _alive(whole: Judged) -> list[Held]:
    return [one.held for one, _ in alive_of(whole.fold.judgement.counted)]


def _least(case: Case, holds: Callable[[Case], bool], alive: Sequence[Held]) -> Case:
    """A part of the case of which `holds` is true, and of no part of it with one event less."""
    start = _with_causes(case, alive)
    case = start if holds(start) else case
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for one in case.admitted:
            without = case._replace(admitted=tuple(other for other in case.admitted if other is not one))
            if holds(without):
                case, is_smaller = without, True
    ordered = sorted(case.admitted, key=lambda one: (sum(one.held.clock.values()), one.held.hash))
    return case._replace(admitted=tuple(ordered))


def _with_causes(case: Case, alive: Sequence[Held]) -> Case:
    """These events and whatever they name, in the end: a good beginning, since nothing parked counts."""
    by_dot: dict[tuple[str, int], list[Held]] = {}
    for held in case.held:
        by_dot.setdefault(held.dot, []).append(held)
    wanted, todo = set[bytes](), list(alive)
    while todo:
        held = todo.pop()
        if held.hash not in wanted:
            wanted.add(held.hash)
            todo += [cause for dot in held.clock.items() for cause in by_dot.get(dot, ())]
    return case._replace(admitted=tuple(one for one in case.admitted if one.held.hash in wanted))


# --- the lines of the registry that let them count -------------------------------------------------------------------


def lines_for(why: Why, registry: Registry, lines: Sequence[tuple[int, bytes]]) -> list[bytes]:
    """The least of `lines`, the whole registry, by which the events of `why` stand as they do; in their order.

    Of each policy that was set for where an event was said, the line that set it comes along too. Raises EcoklitError
    not_provable when an excerpt cannot show it.
    """
    for held in why.case.held:
        name = why.standings[held.hash].name
        if name != COUNTED:
            raise EcoklitError(
                "not_provable",
                f"Event {held.device}:{held.seq} is {name} and was seen by one that counts: no file of its own shows "
                "that, use 'ecoklit audit'.",
            )
    void = {one.position for one in registry.voids}
    known = {position: read_line(line) for position, line in lines if position not in void}
    signed = {position: line for position, line in known.items() if isinstance(line.event, SHOWN)}
    wanted = _Wanted(registry, signed)
    for one in why.case.admitted:
        wanted.let_count(one)
    fixed = wanted.fixed
    chosen = sorted(wanted.positions | fixed)
    if not _stands(why, registry, chosen, signed):
        raise EcoklitError("not_provable", "The registry's lines do not give these rights alone: use 'ecoklit audit'.")
    for position in reversed(chosen):
        fewer = [other for other in chosen if other != position]
        if position not in fixed and _stands(why, registry, fewer, signed):
            chosen = fewer
    return [signed[position].line for position in chosen]


def _stands(why: Why, registry: Registry, chosen: Sequence[int], signed: Mapping[int, SignedRegistry]) -> bool:
    root = registry.root_device or ""
    try:
        excerpt = fold_excerpt(registry.election, registry.regency, [signed[one].line for one in chosen], root)
    except ExcerptFault:
        return False
    lost = all(excerpt.lost.get(device) == registry.lost[device] for device in _lost_of(why, registry))
    return lost and all(is_rightful(excerpt, held) for held in why.case.held)


def is_rightful(excerpt: Registry, held: Held) -> bool:
    """Whether the excerpt gives the author of the event the right to say it."""
    return not entitlement.quarantine_of(excerpt, [Admitted(held, 0)])


def _lost_of(why: Why, registry: Registry) -> list[str]:
    own = {held.dot for held in why.case.held}
    named = [dot for held in why.case.held for dot in held.clock.items() if dot not in own and dot[0] != held.device]
    return sorted({device for device, seq in named if seq > registry.lost.get(device, seq)})


class _Wanted:
    """Collects the positions of lines that may be needed, and of those that come along in any case (`fixed`)."""

    def __init__(self, registry: Registry, signed: Mapping[int, SignedRegistry]) -> None:
        self._registry = registry
        self._signed = signed
        self.positions: set[int] = set()
        self.fixed = {position for position, _ in self._of(ElectionOpened)}
        self._known: set[str] = set()

    def let_count(self, one: Admitted) -> None:
        """The rights of the event's author, and the policy that it was said under."""
        held, event = one.held, one.held.event
        self._device(held.device)
        if event is None:
            return
        for position, grant in self._of(Assigned):
            named = grant.officer_assigned == event.officer or grant.to_device == held.device
            if named and held.tps.startswith(grant.area):
                self._line(position)
        policy_set = [
            position
            for position, line in self._of(PolicySet)
            if position <= one.stamp and held.tps.startswith(line.area) and line.policy == event.policy
        ]
        for position in policy_set[-1:]:
            self._line(position)
            self.fixed.add(position)
        for position, lost in self._of(DotsLost):
            if lost.lost in held.clock:
                self._line(position)

    def _of(self, kind: type[_Line]) -> Iterator[tuple[int, _Line]]:
        for position, line in self._signed.items():
            if isinstance(line.event, kind):
                yield position, line.event

    def _line(self, position: int) -> None:
        """A line, and whatever gives its author the right to say it."""
        if position in self.positions:
            return
        self.positions.add(position)
        line = self._signed[position]
        self._device(line.device)
        if line.event is None or line.device not in self._registry.devices:
            return
        for grant in self._registry.grants:
            said_by = (grant.officer, grant.role) == (line.event.officer, line.event.role)
            if said_by and grant.position < position:
                self._line(grant.position)

    def _device(self, device: str) -> None:
        """Where a key comes from: its enrolment, or the office's word for a code."""
        if device in self._known:
            return
        self._known.add(device)
        enrolled, voucher = self._registry.devices.get(device), self._registry.vouchers.get(device)
        for found in (enrolled, voucher):
            if found is not None:
                self._line(found.position)
