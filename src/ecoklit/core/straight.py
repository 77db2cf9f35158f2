"""The short way through the law: a history without concurrency and without fault, as most are.

One birth, then events that each saw everything before them and had at least its standing: nobody can disagree, so one
pass tells that all of them count, and the last write of a register is the alive one. Whatever is not as plain as that
goes the long way through `causality`; a law in the tests holds that both ways end in the same bytes.
"""

from collections.abc import Mapping, Sequence

from msgspec import UNSET

from ecoklit.core.causality import AREA_DIGITS, Counted, World, count, is_birth
from ecoklit.core.effect import TPS
from ecoklit.core.event import AnyEvent, Deceased, Disqualified, Listed, Moved, New, Reopened
from ecoklit.core.limits import CLOCK_ENTRIES_MAX
from ecoklit.core.policy import Policy
from ecoklit.core.wire import Held

EVENTS_MAX = 16
"""Longer histories are rare and seldom plain; the bound also keeps a device from its hundredth event here."""


def straight(held: Sequence[Held], policies: Mapping[str, Policy], world: World) -> list[Counted] | None:
    """All of `held`, causes before effects, when they are one plain line of events that all count; else None."""
    if len(held) > EVENTS_MAX:
        return None
    counted: list[Counted] = []
    place = ""
    for one in sorted(held, key=_clock_sum) if len(held) > 1 else held:
        event = one.event
        if event is None or (world.forks and one.dot in world.forks) or one.hash in world.quarantine:
            return None
        policy = policies.get(event.policy)
        if policy is None or not _is_plain(event, policy):
            return None
        known = count(one, event, policy)
        if not (_follows(known, counted, place) if counted else _begins(event)):
            return None
        if known.effect.mask & TPS:
            place = known.place
        counted.append(known)
    return counted


def _clock_sum(held: Held) -> int:
    return sum(held.clock.values())


def _is_plain(event: AnyEvent, policy: Policy) -> bool:
    if isinstance(event, Reopened):
        return event.to is UNSET
    if isinstance(event, Moved | Deceased | Disqualified):
        return event.evidence is UNSET or event.evidence in policy.words
    return True


def _begins(event: AnyEvent) -> bool:
    alone = len(event.clock) == 1 and event.saw is UNSET and event.clock.get(event.device) == event.seq
    return alone and is_birth(event)


def _follows(one: Counted, counted: Sequence[Counted], place: str) -> bool:
    """Whether the event saw just the line before it, and has at least its standing."""
    event, before = one.event, counted[-1]
    device, seq, seen = event.device, event.seq, before.event.clock
    if isinstance(event, New | Listed) or one.effect.level < before.effect.level:
        return False
    # Its clock is the one before it with its own dot put in.
    if event.clock != {**seen, device: seq} or seen.get(device, 0) >= seq or len(event.clock) > CLOCK_ENTRIES_MAX:
        return False
    if not place.startswith(event.tps[: AREA_DIGITS[event.role]]):
        return False
    return len(event.clock) == 1 if event.saw is UNSET else _saw(event, event.saw, counted)


def _saw(event: AnyEvent, saw: list[str], counted: Sequence[Counted]) -> bool:
    """Whether every other device's latest event in the line is the one that was seen."""
    latest = {one.event.device: one.held for one in counted if one.event.device != event.device}
    others = sorted(latest) if len(latest) > 1 else latest
    return bool(saw) and saw == [latest[device].mark for device in others]
