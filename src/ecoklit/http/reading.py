"""What the routes that read for people have in common, and the devices of an area."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import Parameter, SkipValidation

from ecoklit.bootstrap import House
from ecoklit.http.auth import PUBLIC
from ecoklit.http.examples import DEVICES
from ecoklit.http.problems import problem_spec
from ecoklit.ports import AsOf
from ecoklit.services.devices import Device, devices_in

# The patterns are for readers of the document; what does not fit them is refused by name, as unknown_area.
_FIRST: Final = r"\.*(?:1\.*[1-9]|[2-9]\.*[0-9])"
_TPS: Final = rf"^{_FIRST}(?:\.*[0-9]){{11}}\.*$"
_AREA: Final = rf"^{_FIRST}(?:\.*[0-9]){{2}}(?:(?:\.*[0-9]){{2}}|(?:\.*[0-9]){{6}}|(?:\.*[0-9]){{9}})?\.*$"
_UUID: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"

SUBJECTS: Final = {
    "tps": ("13 digits, dots allowed: 94.04.01.2001.001", _TPS),
    "area": ("4, 6, 10 or 13 digits, dots allowed: 94.04.01", _AREA),
    "voter": ("The voter's id, a UUID of version 8", _UUID),
}
"""What a route can be about → what it says of that, and its pattern."""

Area = Annotated[str, Parameter(description=SUBJECTS["area"][0], max_length=32, schema_extra={"pattern": _AREA})]


RESPONSES: Final = {
    status: problem_spec(status, why)
    for status, why in {
        400: "unknown_area, unknown_voter, bad_argument: the code or a parameter is none",
        401: "not_signed_in: sign in, or sign in again",
        403: "not_your_area, not_your_right, reading_locked: the account does not see that area, is not given a field, "
        "or has read its day's budget there",
        404: "not_projected, not_found: nothing is known of it here",
        429: "too_many, locked_out: ask again after Retry-After",
        503: "database_unavailable: ask again after Retry-After",
    }.items()
}


class Devices(msgspec.Struct):
    """The devices with a right in an area, by the registry at `registry`; no voter is in it."""

    as_of: AsOf
    registry: int
    area: str
    devices: list[Device]


@get(
    "/v1/devices/{area:str}",
    audience=PUBLIC,
    summary="The devices of an area",
    responses={
        200: ResponseSpec(
            Devices, description="The devices", generate_examples=False, examples=[Example(value=DEVICES)]
        ),
        **RESPONSES,
    },
)
async def devices(house: NamedDependency[SkipValidation[House]], area: Area) -> Devices:
    """Every device with a right in an area: who holds it, its rights, and how far its log has arrived."""
    registry = await house.registrar.current()
    as_of = await house.reader.as_of(registry.regency)
    ends = await house.office.last_held(registry.regency, list(registry.devices))
    return Devices(as_of, registry.position, digits(area), devices_in(registry, digits(area), ends))


def digits(code: str) -> str:
    """A code of an area as the readers take it."""
    return code.replace(".", "")
