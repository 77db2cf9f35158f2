"""The stages of a list (DPHP, DPS, DPSHP, DPT): frozen by a signed event that names its positions and its digest.

Nothing is copied when a list is frozen. The event names a moment of the journal, of its persons and of the registry,
and from these the list is folded again whenever somebody asks, years later too (`services.as_of`). So a list is frozen
only after that was tried: what is signed can be had again, and comes to the digest that is signed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

import msgspec

from ecoklit.core import ids, roll
from ecoklit.core.registry import Frozen, Registry
from ecoklit.core.registry_event import Stage
from ecoklit.errors import EcoklitError
from ecoklit.ports import AsOf
from ecoklit.services.as_of import Moment, Past
from ecoklit.services.disclose import disclosed

STAGES: Final[tuple[str, ...]] = get_args(Stage)


class StageFault(EcoklitError):
    """Codes: unknown_stage, stage_unreadable, stage_differs, not_projected."""


class StageSet(msgspec.Struct, frozen=True):
    """A frozen list: which stage of which area, by whom and when (their clock), at which registry position it was said,
    of which moment, and the digest of the area's roll then."""

    stage: str
    area: str
    officer: str
    at: str
    said_at: int
    moment: Moment
    digest: bytes


# --- what was frozen -------------------------------------------------------------------------------------------------


def stages_of(registry: Registry) -> list[StageSet]:
    """Every list that was frozen with the right to, in the order in which they were. Raises StageFault."""
    return [_read(registry, one) for one in registry.stages]


def stage_for(registry: Registry, stage: str, area: str) -> StageSet:
    """The stage that holds for an area: the one set last for it, or for an area that it lies in.

    Raises StageFault unknown_stage.
    """
    found = [one for one in registry.stages if one.event.stage == stage and area.startswith(one.event.area)]
    if not found:
        raise StageFault(
            "unknown_stage", f"No {stage} of {area} was frozen: 'ecoklit stage list' shows which were, and of where."
        )
    return _read(registry, found[-1])


def _read(registry: Registry, frozen: Frozen) -> StageSet:
    event = frozen.event
    events, persons, judged = streams_of(registry.election, registry.regency)
    try:
        at = event.position
        moment = Moment(AsOf(registry.regency, registry.election, at[events], at[persons]), at[judged])
    except KeyError as error:
        raise StageFault(
            "stage_unreadable",
            f"Stage {event.stage} of {event.area} (registry position {frozen.position}) names no position of "
            f"{error.args[0]}: it was frozen by another program, and cannot be had again here.",
        ) from error
    digest = ids.from_base64url(event.digest)
    return StageSet(event.stage, event.area, event.officer, event.at, frozen.position, moment, digest)


def streams_of(election: str, regency: str) -> tuple[str, str, str]:
    """The streams that a stage's position names: the events', the persons', the registry's (SPEC §9.1, §9.2)."""
    events = f"ECOKLIT-{election}-{regency}"
    return events, f"{events}-persons", f"{events}-registry"


# --- freezing --------------------------------------------------------------------------------------------------------


class Freeze(msgspec.Struct, frozen=True):
    """What is to be frozen: the moment and the digest of an area's roll, and how much stands open in it."""

    stage: str
    area: str
    moment: Moment
    digest: bytes
    in_conflict: int
    proposed: int


def fields_of(freeze: Freeze) -> dict[str, Any]:
    """The fields of the registry event `stage_set` that says it."""
    at = freeze.moment
    events, persons, judged = streams_of(at.as_of.election, at.as_of.regency)
    return {
        "area": freeze.area,
        "digest": ids.to_base64url(freeze.digest),
        "position": {events: at.as_of.events, persons: at.as_of.persons, judged: at.registry},
        "stage": freeze.stage,
    }


def demand_area(area: str, digests: Mapping[str, bytes]) -> bytes:
    """The digest of an area of which a roll stands. Raises StageFault unknown_stage."""
    digest = digests.get(area)
    if digest is None:
        raise StageFault("unknown_stage", f"Nobody stands on a roll of {area}: there is nothing to freeze.")
    return digest


async def verified(past: Past, area: str, digest: bytes) -> int:
    """Fold the area's rolls again as of `past`; how many voters stand there. Raises StageFault stage_differs."""
    states = [one.state async for one in past.voters(area) if one.row.tps.startswith(area)]
    found = roll.digests(roll.leaves(states)).get(area)
    if found != digest:
        raise StageFault(
            "stage_differs",
            f"What is held of {area} as of event {past.moment.as_of.events} does not come to the frozen digest: "
            "inspect the journal, and compare with a copy of it that somebody else keeps.",
        )
    return sum(state.decision.on_list for state in states)


def rows_of(stages: Sequence[StageSet]) -> list[dict[str, Any]]:
    """Stages as rows."""
    return [
        {
            "stage": one.stage,
            "area": one.area,
            "at": one.at,
            "officer": disclosed({"officer": one.officer})["officer"],
            "events": one.moment.as_of.events,
            "persons": one.moment.as_of.persons,
            "registry": one.moment.registry,
            "digest": one.digest.hex(),
            "said_at": one.said_at,
        }
        for one in stages
    ]
