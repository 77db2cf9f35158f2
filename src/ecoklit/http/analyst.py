"""The recap of a province, over those of its regencies that this service projects."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import get
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import Parameter

from ecoklit.http.auth import VIEWER
from ecoklit.http.examples import ROWS
from ecoklit.http.lists import LIST_ROUTES, LISTS, Asked, By, Stated, stated
from ecoklit.http.reading import RESPONSES
from ecoklit.services.answers import PROVINCE_LEVELS

Code = Annotated[
    str,
    Parameter(description="The province, 2 digits", max_length=8, schema_extra={"pattern": "^(1[1-9]|[2-9][0-9])$"}),
]
Level = Annotated[
    str,
    Parameter(
        description="The parts; `province` is the sum over its regencies, for whoever sees them all",
        schema_extra={"enum": list(PROVINCE_LEVELS)},
    ),
]
_EXAMPLE: Final = {
    "as_of": [
        {
            "regency": "9404", "election": "pilkada-2024", "events": 1200, "persons": 1180, "digest": "ab" * 32,
            "digest_as_of": {"events": 1190, "persons": 1170},
        }
    ],
    "rows": [{**ROWS["recap"], "level": "regency", "area": "9404", "tps_count": 402}],
}  # fmt: skip


class ProvinceRows(msgspec.Struct):
    """The counts of a province's regencies or of their parts, and of what moment each regency is."""

    as_of: list[Stated]
    rows: list[dict[str, Any]]


@get(
    "/v1/provinces/{province:str}/recap",
    audience=VIEWER,
    name="province_recap",
    operation_id="province_recap",
    summary="The recap of a province",
    tags=[LISTS],
    description="The counts of every regency of a province that is projected here and that the account sees, or of "
    "their parts. `as_of` says of which regencies, each with its own position.",
    responses={
        200: ResponseSpec(
            ProvinceRows, description="The recap", generate_examples=False, examples=[Example(value=_EXAMPLE)]
        ),
        **RESPONSES,
    },
)
async def province_recap(answers: Asked, viewer: By, province: Code, level: Level = "regency") -> ProvinceRows:
    """The recap of a province."""
    answer = await answers.province(viewer, province, level)
    return ProvinceRows([stated(*one) for one in answer.as_of], answer.rows)


ROUTES: Final = (*LIST_ROUTES, province_recap)
