"""Which of the held events about a voter count, and by what name the others do not (SPEC §3).

`judge` sees one voter of one regency: every held event about it, and through `World` what is held elsewhere. It is a
function of the set of held events, so the order of arrival cannot matter.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, Protocol

import msgspec
from msgspec import UNSET

from ecoklit.core import ids
from ecoklit.core.effect import TPS, Effect, effect_of, place_of
from ecoklit.core.event import AnyEvent, Deceased, Disqualified, Listed, Moved, New, Reopened
from ecoklit.core.limits import CLOCK_ENTRIES_MAX, EVENTS_PER_DEVICE_AND_VOTER_MAX
from ecoklit.core.policy import Policy
from ecoklit.core.wire import Dot, Held

COUNTED: Final = "counted"
BAD_EVENT: Final = "bad_event"
BAD_CLOCK: Final = "bad_clock"
UNKNOWN_POLICY: Final = "unknown_policy"
PARKED: Final = "parked"
WRONG_CAUSE: Final = "wrong_cause"
NOT_ON_ROLL: Final = "not_on_roll"
EQUIVOCATION: Final = "equivocation"

NEVER_READMITTED: Final = (BAD_EVENT, BAD_CLOCK, UNKNOWN_POLICY)


class Standing(msgspec.Struct, frozen=True, gc=False):
    """Whether an event counts, by name, and in a clause why not."""

    name: str
    why: str = ""


class World(Protocol):
    """What is held besides the events about the voter that is judged."""

    def holds(self, dot: Dot) -> bool:
        """Whether any event with this name is held, about whichever voter and whether it counts or not."""

    def is_lost(self, dot: Dot) -> bool:
        """Whether the registry says that no event with this name will ever come: it passes as held (SPEC §8.2)."""

    @property
    def forks(self) -> Container[Dot]:
        """The names that two different held events have."""

    @property
    def quarantine(self) -> Mapping[bytes, str]:
        """Event hash → the name under which the registry keeps it out of the count (SPEC §7)."""


class Counted(msgspec.Struct, frozen=True, gc=False):
    """An event that counts, what it writes, and where it puts its voter if it writes that."""

    held: Held
    event: AnyEvent
    effect: Effect
    place: str


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """The events that count, causes before effects; of each other, by hash, why not; and the dots awaited.

    Whatever arrives under one of these can change the judgement: they are missing, or lost and passed as held.
    """

    counted: list[Counted]
    faults: dict[bytes, Standing]
    awaited: list[Dot]


COUNTS: Final = Standing(COUNTED)
_FORKED: Final = Standing(EQUIVOCATION, "two different events have this device and seq")
AREA_DIGITS: Final = {"pantarlih": 10, "pps": 10, "ppk": 6, "kpu": 4}


def is_beyond(dot: Dot, lost: Mapping[str, int]) -> bool:
    """Whether `dot` lies beyond the end of a log that is lost: device → the last seq that can still come."""
    device, seq = dot
    return device in lost and seq > lost[device]


def covers(later: Mapping[str, int], earlier: Mapping[str, int]) -> bool:
    """Whether an event with clock `later` saw all that one with clock `earlier` had seen, and itself (SPEC §3).

    A strict partial order whatever devices write. The simpler "names its dot" is none: two liars naming each other
    would kill each other's writes, and the voter would vanish.
    """
    for device, seq in earlier.items():
        if later.get(device, 0) < seq:
            return False
    return later != earlier


def supersedes(later: Counted, earlier: Counted) -> bool:
    """Whether the writes of `earlier` yield to those of `later`: it saw them, and has their standing (SPEC §4)."""
    return later.effect.level >= earlier.effect.level and covers(later.held.clock, earlier.held.clock)


def judge(held: Sequence[Held], policies: Mapping[str, Policy], world: World) -> Judgement:
    """Which of the `held` events about one voter of one regency count; no two of them have one hash."""
    faults: dict[bytes, Standing] = {}
    awaited: list[Dot] = []
    counted: list[Counted] = []
    own = _by_dot(held)
    # Whoever covers another has the larger sum, so causes come before effects.
    for one in sorted(_sound(held, policies, world, faults), key=_order_of_causes):
        fault = _fault_of_causes(one, own, world, awaited) or _fault_of_roll(one, counted)
        if fault is None and one.held.dot in world.forks:
            fault = _FORKED
        if fault is None:
            counted.append(one)
        else:
            faults[one.held.hash] = fault
    return Judgement(counted, faults, awaited)


def _by_dot(held: Sequence[Held]) -> dict[Dot, list[Held]]:
    own: dict[Dot, list[Held]] = {}
    for one in held:
        own.setdefault(one.dot, []).append(one)
    return own


def _order_of_causes(one: Counted) -> tuple[int, bytes]:
    return (sum(one.held.clock.values()), one.held.hash)


# --- 1: no fault of its own ----------------------------------------------------------------------------------------


def _sound(
    held: Sequence[Held], policies: Mapping[str, Policy], world: World, faults: dict[bytes, Standing]
) -> list[Counted]:
    """The events without a fault of their own; those of the others are written into `faults`."""
    sound = []
    for _, log in groupby(sorted(held, key=_place_in_log), key=_device):
        floor: dict[str, int] = {}
        for rank, (_, forks) in enumerate(groupby(log, key=_seq), start=1):
            raised = []
            for one in forks:
                fault = _fault_of_event(one, policies) or _fault_of_clock(one, floor, rank)
                if fault is None:
                    raised.append(one.clock)
                    fault = _fault_of_policy(one, policies, world)
                if fault is not None:
                    faults[one.hash] = fault
                elif one.event is not None:
                    sound.append(count(one, one.event, policies[one.event.policy]))
            # Two events with one seq are not each other's past, so they raise the floor only together.
            for clock in raised:
                _raise(floor, clock)
    return sound


def count(held: Held, event: AnyEvent, policy: Policy) -> Counted:
    return Counted(held, event, effect_of(event, policy), place_of(event))


def _place_in_log(held: Held) -> tuple[str, int]:
    return (held.device, held.seq)


def _device(held: Held) -> str:
    return held.device


def _seq(held: Held) -> int:
    return held.seq


def _raise(floor: dict[str, int], clock: Mapping[str, int]) -> None:
    for device, seq in clock.items():
        if floor.get(device, 0) < seq:
            floor[device] = seq


def _fault_of_event(held: Held, policies: Mapping[str, Policy]) -> Standing | None:
    event = held.event
    if event is None:
        return Standing(BAD_EVENT, held.fault or "")
    if isinstance(event, Moved | Deceased | Disqualified) and event.evidence is not UNSET:
        policy = policies.get(event.policy)
        if policy is not None and event.evidence not in policy.words:
            return Standing(BAD_EVENT, f"evidence {event.evidence} is no word of policy {policy.name}")
    return None


def _fault_of_clock(held: Held, floor: Mapping[str, int], rank: int) -> Standing | None:
    why = clock_fault(held)
    if why is None and rank > EVENTS_PER_DEVICE_AND_VOTER_MAX:
        why = f"the device has more than {EVENTS_PER_DEVICE_AND_VOTER_MAX} events about the voter"
    if why is None and any(held.clock.get(device, 0) < seq for device, seq in floor.items()):
        why = "the clock falls below an earlier one of the device"
    return None if why is None else Standing(BAD_CLOCK, why)


def clock_fault(held: Held) -> str | None:
    """What is wrong with a clock by itself, whatever other events are held (SPEC §3)."""
    clock, event = held.clock, held.event
    if clock.get(held.device) != held.seq:
        return "the clock's own entry is not seq"
    others = len(clock) - 1
    saw = None if event is None or event.saw is UNSET else event.saw
    if (0 if saw is None else len(saw)) != others or saw == []:
        return f"saw has {0 if saw is None else len(saw)} entries for {others} other devices"
    if others == 0:
        return None
    if isinstance(event, New):
        return "a new names nobody else"
    if not all(map(ids.is_device, clock)):
        return "the clock names something that is no device"
    if min(clock.values()) < 1:
        return "the clock holds a seq under 1"
    return None if len(clock) <= CLOCK_ENTRIES_MAX else f"the clock names more than {CLOCK_ENTRIES_MAX} devices"


def _fault_of_policy(held: Held, policies: Mapping[str, Policy], world: World) -> Standing | None:
    if held.event is not None and held.event.policy not in policies:
        return Standing(UNKNOWN_POLICY, f"no policy {held.event.policy} is known")
    quarantine = world.quarantine.get(held.hash)
    return None if quarantine is None else Standing(quarantine)


# --- 2 and 3: its causes are held, and are what it says they are -----------------------------------------------------


def _fault_of_causes(one: Counted, own: Mapping[Dot, list[Held]], world: World, awaited: list[Dot]) -> Standing | None:
    held = one.held
    if len(held.clock) == 1 or one.event.saw is UNSET:
        return None
    missing, wrong = [], []
    for dot, mark in zip(sorted(_others(held)), one.event.saw, strict=True):
        if dot in own:
            if all(cause.mark != mark for cause in own[dot]):
                wrong.append(dot)
        elif world.holds(dot):
            wrong.append(dot)
        elif world.is_lost(dot):
            awaited.append(dot)  # it passes; should it come after all, this is judged anew
        else:
            missing.append(dot)
    if missing:
        awaited.extend(missing)
        # It waits in vain: a fork never counts, so it is named as one at once.
        return _FORKED if held.dot in world.forks else Standing(PARKED, f"waits for {_names(missing)}")
    return Standing(WRONG_CAUSE, f"{_names(wrong)} is not what it saw about this voter") if wrong else None


def _others(held: Held) -> list[Dot]:
    return [(device, seq) for device, seq in held.clock.items() if device != held.device]


def _names(dots: Sequence[Dot]) -> str:
    return ", ".join(f"{device}:{seq}" for device, seq in dots)


# --- 4: its author saw the voter on a roll of its area ---------------------------------------------------------------


def _fault_of_roll(one: Counted, counted: Sequence[Counted]) -> Standing | None:
    event = one.event
    if is_birth(event):
        return None
    seen = [cause for cause in counted if cause.effect.mask & TPS and covers(event.clock, cause.held.clock)]
    area = event.tps[: AREA_DIGITS[event.role]]
    if not any(place.startswith(area) for place in _latest_places(seen)):
        return Standing(NOT_ON_ROLL, f"its author saw the voter on no roll of {area}")
    back = event.to if isinstance(event, Reopened) else UNSET
    if back is not UNSET and all(cause.place != back for cause in seen):
        return Standing(NOT_ON_ROLL, f"its author never saw the voter on {back}")
    return None


def is_birth(event: AnyEvent) -> bool:
    """Whether the voter is born with this event: its id is the one that this very event gives (SPEC §1)."""
    if isinstance(event, New):
        return True  # or it would be a bad event
    if not isinstance(event, Listed) or event.person is UNSET:
        return False
    return event.voter == ids.birth_id(event.election, event.device, event.seq, event.person)


def _latest_places(seen: Sequence[Counted]) -> Iterator[str]:
    for cause in seen:
        if not any(supersedes(other, cause) for other in seen):
            yield cause.place
