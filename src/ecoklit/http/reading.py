"""For whoever reads the lists: rolls, recaps, conflicts and histories, each as of a position of the journal.

Nobody can prove who they are yet, so identity numbers are masked, and the service listens on loopback only by default.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter, SkipValidation

from ecoklit.bootstrap import House
from ecoklit.errors import EcoklitError
from ecoklit.ports import AsOf, RollReader
from ecoklit.problems import Problem
from ecoklit.services.devices import Device, devices_in
from ecoklit.services.disclose import disclosed
from ecoklit.services.figures import counts_disclosed

# The patterns are for readers of the document; what does not fit them is refused by name, as unknown_area.
_FIRST: Final = r"\.*(?:1\.*[1-9]|[2-9]\.*[0-9])"
_TPS: Final = {"pattern": rf"^{_FIRST}(?:\.*[0-9]){{11}}\.*$"}
_AREA: Final = {"pattern": rf"^{_FIRST}(?:\.*[0-9]){{2}}(?:(?:\.*[0-9]){{2}}|(?:\.*[0-9]){{6}}|(?:\.*[0-9]){{9}})?\.*$"}
_UUID: Final = {"pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"}

Tps = Annotated[
    str, Parameter(description="13 digits, dots allowed: 94.04.01.2001.001", max_length=32, schema_extra=_TPS)
]
Area = Annotated[
    str, Parameter(description="4, 6, 10 or 13 digits, dots allowed: 94.04.01", max_length=32, schema_extra=_AREA)
]
Voter = Annotated[str, Parameter(description="The voter's id, a UUID of version 8", max_length=64, schema_extra=_UUID)]

RESPONSES: Final = {
    status: ResponseSpec(Problem, description=why, media_type="application/problem+json")
    for status, why in {
        400: "unknown_area, unknown_voter: the code is none",
        404: "not_projected, not_found: nothing is known of it here",
        503: "database_unavailable: ask again after Retry-After",
    }.items()
}


class RollList(msgspec.Struct):
    """Who stands on the list of a TPS now (view `voter_list`), and the digest (hex) of its whole roll."""

    as_of: AsOf
    tps: str
    digest: str
    voters: list[dict[str, Any]]


class Rows(msgspec.Struct):
    """Rows of a view of `projections/views`, whose comments say what each column is."""

    as_of: AsOf
    area: str
    rows: list[dict[str, Any]]


class History(msgspec.Struct):
    """Every event about a voter, in order of arrival (view `voter_history`)."""

    voter: str
    events: list[dict[str, Any]]


class Devices(msgspec.Struct):
    """The devices with a right in an area, by the registry at `registry`; no voter is in it."""

    as_of: AsOf
    registry: int
    area: str
    devices: list[Device]


@get("/v1/rolls/{tps:str}", responses=RESPONSES)
async def roll(reader: NamedDependency[SkipValidation[RollReader]], tps: Tps) -> RollList:
    """The current list of one TPS."""
    answer = await reader.roll(digits(tps))
    return RollList(answer.as_of, answer.tps, answer.digest.hex(), [disclosed(row) for row in answer.rows])


@get("/v1/recap/{area:str}", responses=RESPONSES)
async def recap(reader: NamedDependency[SkipValidation[RollReader]], area: Area) -> Rows:
    """The counts of every part of an area: of a village its TPS, of a district its villages.

    A disability of one to four people is null: where nobody is named, so few would be known.
    """
    answer = await reader.recap(digits(area))
    return Rows(answer.as_of, digits(area), [counts_disclosed(row) for row in answer.rows])


@get("/v1/conflicts/{area:str}", responses=RESPONSES)
async def conflicts(reader: NamedDependency[SkipValidation[RollReader]], area: Area) -> Rows:
    """Every side of every open conflict in an area."""
    answer = await reader.conflicts(digits(area))
    return Rows(answer.as_of, digits(area), [disclosed(row) for row in answer.rows])


@get("/v1/voters/{voter:str}/history", responses=RESPONSES)
async def history(reader: NamedDependency[SkipValidation[RollReader]], voter: Voter) -> History:
    """Every event about one voter, with its standing."""
    events = await reader.history(voter)
    if not events:
        raise EcoklitError("not_found", "No event about this voter is held here: check the id.")
    return History(voter, [disclosed(event) for event in events])


@get("/v1/devices/{area:str}", responses=RESPONSES)
async def devices(house: NamedDependency[SkipValidation[House]], area: Area) -> Devices:
    """Every device with a right in an area: who holds it, its rights, and how far its log has arrived."""
    registry = await house.registrar.current()
    as_of = await house.reader.as_of(registry.regency)
    ends = await house.office.last_held(registry.regency, list(registry.devices))
    return Devices(as_of, registry.position, digits(area), devices_in(registry, digits(area), ends))


def digits(code: str) -> str:
    """A code of an area as the readers take it."""
    return code.replace(".", "")
