"""What the registry keeps out of the count: listed, explained, and what readmitting it would change (SPEC §7.8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from ecoklit.core import entitlement, ids, wire
from ecoklit.core.causality import COUNTED, NEVER_READMITTED, Standing, is_beyond
from ecoklit.core.entitlement import LATE, QUARANTINES, UNKNOWN_TPS, Admitted
from ecoklit.core.policy import Policy
from ecoklit.core.registry import NOT_ENTITLED, REVOKED_DEVICE, Readmission, Registry, extended
from ecoklit.core.registry_event import Readmitted
from ecoklit.core.voter import State, VoterFold, fold_voter
from ecoklit.core.wire import Dot, Held
from ecoklit.errors import EcoklitError
from ecoklit.ports import OfficeReader, StoredEvent

CLAUSES: Final = {
    COUNTED: "4.2",
    "bad_event": "1.9",
    "bad_clock": "3.9",
    "unknown_policy": "3.8",
    "parked": "3.4",
    "wrong_cause": "3.5",
    "not_on_roll": "3.6",
    **{name: "7.8" for name in QUARANTINES if name != "unknown_policy"},
}
"""Standing → the clause of events/SPEC.md that names it."""

RELEASES: Final = {
    NOT_ENTITLED: ("assign", "readmit"),
    REVOKED_DEVICE: ("readmit",),
    "equivocation": ("readmit",),
    UNKNOWN_TPS: ("tps", "readmit"),
    LATE: ("readmit",),
    "parked": ("wait",),
    "wrong_cause": ("wait",),
}
"""Standing → what can still let the event count: an assignment or a polling place that was forgotten, a readmission by
an office, or the arrival of another event. Nothing releases the others."""

OFFICES: Final = ("pps", "ppk", "kpu")


class Aside(msgspec.Struct, frozen=True):
    """An event that the registry keeps out: which, by whom and where it was said, by what name, and in a clause why."""

    device: str
    seq: int
    hash: str
    standing: str
    why: str
    type: str
    officer: str
    role: str
    tps: str
    voter: str
    at: str
    position: int
    stamp: int


async def listed(
    reader: OfficeReader, registry: Registry, area: str, *, officer: str | None = None, reason: str | None = None
) -> list[Aside]:
    """The quarantined events of an area, in order of arrival. Their names are as of the projection."""
    names = QUARANTINES if reason is None else (reason,)
    found = [_aside(registry, one) for one in await reader.events_with(area[:4], names)]
    return [one for one in found if one.tps.startswith(area) and officer in (None, one.officer)]


def _aside(registry: Registry, stored: StoredEvent) -> Aside:
    held = wire.hold(stored.body, None)
    fault = entitlement.fault_of(registry, held, stored.stamp)
    why = fault.why if fault is not None and fault.name == stored.standing else ""
    return _told(held, stored, Standing(stored.standing, why))


def _told(held: Held, stored: StoredEvent, standing: Standing) -> Aside:
    event = held.event
    return Aside(
        held.device,
        held.seq,
        ids.to_base64url(held.hash),
        standing.name,
        standing.why,
        "" if event is None else event.kind,
        "" if event is None else event.officer,
        "" if event is None else event.role,
        held.tps,
        held.voter,
        "" if event is None else event.at,
        stored.position,
        stored.stamp,
    )


# --- why -------------------------------------------------------------------------------------------------------------


class Behind(msgspec.Struct, frozen=True):
    """A registry event behind a judgement: its position, its type, and what it says."""

    position: int
    type: str
    says: dict[str, Any]


class Explained(msgspec.Struct, frozen=True):
    """Why an event stands as it does: the clause of SPEC, the registry events behind it, and what can release it."""

    event: Aside
    clause: str
    behind: list[Behind]
    releases: list[str]


async def explained(
    reader: OfficeReader, registry: Registry, policies: Mapping[str, Policy], device: str, seq: int
) -> Explained:
    """Why event (device, seq) stands as it does now. Raises EcoklitError unknown_event."""
    stored = await reader.event_named(registry.regency, device, seq)
    if stored is None:
        raise EcoklitError("unknown_event", f"No event {seq} of {device} is projected here: check both.")
    held = wire.hold(stored.body, None)
    about = await reader.events_about(registry.regency, [held.voter])
    if held.regency != registry.regency:
        standing = Standing(NOT_ENTITLED, f"the roll is of regency {held.regency}, this journal of {registry.regency}")
    else:
        folded = await _fold(reader, registry, policies, about)
        standing = folded.judgement.faults.get(held.hash, Standing(COUNTED))
    return Explained(
        _told(held, stored, standing),
        CLAUSES[standing.name],
        list(_behind(registry, held, standing.name)),
        list(RELEASES.get(standing.name, ())),
    )


def _behind(registry: Registry, held: Held, name: str) -> Iterable[Behind]:
    officer = None if held.event is None else held.event.officer
    if name in (NOT_ENTITLED, REVOKED_DEVICE):
        for one in registry.revocations:
            if one.device == held.device:
                yield Behind(one.position, "revoked", {"from_seq": one.from_seq, "area": one.area})
    if name == NOT_ENTITLED:
        if held.device in registry.devices:
            enrolled = registry.devices[held.device]
            yield Behind(enrolled.position, "device_enrolled", {"holder": enrolled.holder})
        for grant in registry.grants:
            if grant.officer == officer or grant.to_device == held.device:
                says = {"officer": grant.officer, "role": grant.role, "area": grant.area, "to_device": grant.to_device}
                yield Behind(grant.position, "assigned", says)
    if name == "equivocation" and held.device in registry.clones:
        clone = registry.clones[held.device]
        yield Behind(clone.position, "cloned", {"at_seq": clone.event.at_seq})
    if name == LATE:
        for window in registry.windows:
            if held.tps.startswith(window.area):
                yield Behind(
                    window.position, "window_opened" if window.is_open else "window_closed", {"area": window.area}
                )
    if name == "unknown_policy":
        for position, policy in registry.policies:
            if held.tps.startswith(policy.area):
                yield Behind(position, "policy_set", {"policy": policy.policy, "area": policy.area})


# --- readmitting -----------------------------------------------------------------------------------------------------


class Seen(msgspec.Struct, frozen=True):
    """Where a voter stands, and with what verdict; `tps` is "" for one whom nothing puts on any roll."""

    tps: str
    verdict: str
    on_list: bool


class Effect(msgspec.Struct, frozen=True):
    """A voter whom a change of the registry still changes."""

    voter: str
    before: Seen
    after: Seen


class Preview(msgspec.Struct, frozen=True):
    """What a change of the registry would do now: the events it lets count, those it reaches that still do not
    (`left`), and the voters that look different afterwards."""

    counted: list[Aside]
    left: list[Aside]
    effects: list[Effect]


_NOWHERE: Final = Seen("", "", False)


async def preview(
    reader: OfficeReader,
    registry: Registry,
    policies: Mapping[str, Policy],
    author: str,
    chosen: Mapping[str, Any],
) -> Preview:
    """What `readmitted` with the fields `chosen`, said by device `author`, would still change."""
    after = _with_readmission(registry, author, chosen)
    kept_out = held_once(await reader.events_with(registry.regency, [*QUARANTINES, *NEVER_READMITTED]))
    reached = [
        (one, stored) for one, stored in kept_out if entitlement.reaches(after.readmissions[-1], one, stored.stamp)
    ]
    return await compared(reader, registry, after, policies, reached)


def held_once(stored: Iterable[StoredEvent]) -> list[tuple[Held, StoredEvent]]:
    """The events as held, each once, in their order."""
    return list({(held := wire.hold(one.body, None)).hash: (held, one) for one in stored}.values())


async def compared(
    reader: OfficeReader,
    registry: Registry,
    after: Registry,
    policies: Mapping[str, Policy],
    reached: Sequence[tuple[Held, StoredEvent]],
) -> Preview:
    """What becomes of the events `reached`, and of their voters, when `registry` becomes `after`."""
    counted: list[Aside] = []
    left: list[Aside] = []
    effects: list[Effect] = []
    for voter in sorted({one.voter for one, _ in reached}):
        about = await reader.events_about(registry.regency, [voter])
        was = await _fold(reader, registry, policies, about)
        now = await _fold(reader, after, policies, about)
        for one, stored in reached:
            if one.voter == voter:
                standing = now.judgement.faults.get(one.hash, Standing(COUNTED))
                (counted if standing.name == COUNTED else left).append(_told(one, stored, standing))
        if _seen(was.state) != _seen(now.state):
            effects.append(Effect(voter, _seen(was.state), _seen(now.state)))
    return Preview(counted, left, effects)


def _with_readmission(registry: Registry, author: str, chosen: Mapping[str, Any]) -> Registry:
    after = extended(registry, ())
    after.position += 1
    grants = [one for one in registry.grants_of(author) if one.role in OFFICES]
    areas = (registry.regency,) if author == registry.root_device else tuple(one.area for one in grants)
    event = msgspec.convert(
        {
            "type": "readmitted", "v": 1, "at": "", "device": author, "election": registry.election, "officer": "",
            "prev": "", "regency": registry.regency, "role": "kpu", "seq": 1, **chosen,
        },
        Readmitted,
    )  # fmt: skip
    after.readmissions = (*after.readmissions, Readmission(after.position, areas, event))
    return after


def _seen(state: State | None) -> Seen:
    if state is None:
        return _NOWHERE
    decision = state.decision
    verdict = decision.verdict if decision.reason is None else f"{decision.verdict}/{decision.reason}"
    return Seen(decision.tps, verdict, decision.on_list)


# --- one voter, folded as the projector folds it ---------------------------------------------------------------------


class _Elsewhere:
    def __init__(self, dots: frozenset[Dot], registry: Registry, quarantine: Mapping[bytes, str]) -> None:
        self._dots = dots
        self._lost = registry.lost
        self.forks: frozenset[Dot] = frozenset()
        self.quarantine = quarantine

    def holds(self, dot: Dot) -> bool:
        return dot in self._dots

    def is_lost(self, dot: Dot) -> bool:
        return is_beyond(dot, self._lost)


async def _fold(
    reader: OfficeReader, registry: Registry, policies: Mapping[str, Policy], about: Sequence[StoredEvent]
) -> VoterFold:
    """The voter of the events `about`, judged by `registry`; each fault with its reason."""
    admitted = [Admitted(wire.hold(one.body, one.person), one.stamp) for one in about]
    admitted = [one for one in admitted if one.held.regency == registry.regency]
    quarantine = entitlement.quarantine_of(registry, admitted)
    held = [one.held for one in admitted]
    own = {one.dot for one in held}
    named = {dot for one in held for dot in one.clock.items() if dot not in own}
    there = [dot for dot in sorted(named) if await reader.event_named(registry.regency, *dot) is not None]
    folded = fold_voter(held, policies, _Elsewhere(frozenset(there), registry, entitlement.names_of(quarantine)))
    for event_hash, fault in folded.judgement.faults.items():
        kept_out = quarantine.get(event_hash)
        if kept_out is not None and kept_out.name == fault.name:
            folded.judgement.faults[event_hash] = kept_out
    return folded
