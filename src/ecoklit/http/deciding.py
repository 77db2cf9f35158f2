"""Looking back over HTTP: stages, change lists, windows, pairs of moves. Each says as of which position."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import Parameter, SkipValidation

from ecoklit.bootstrap import House
from ecoklit.http.auth import VIEWER
from ecoklit.http.examples import AREA, AT, NEXT_DOOR, OTHER, TPS, VOTER
from ecoklit.http.lists import By
from ecoklit.http.reading import RESPONSES, Area, digits
from ecoklit.services.retrospect import ChangeList, PairList
from ecoklit.services.stages import rows_of
from ecoklit.services.windows import WindowReport

Of = NamedDependency[SkipValidation[House]]
When = Annotated[
    str,
    Parameter(
        description="A stage (DPHP, DPS, DPSHP, DPT), a position of the journal, a time with its offset, or now",
        max_length=40,
    ),
]
_AS_OF: Final = {"regency": "9404", "election": "pilkada-2024", "events": 1200, "persons": 1180}
_DIGEST: Final = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


class Stages(msgspec.Struct):
    """The frozen lists that concern an area, in their order."""

    area: str
    stages: list[dict[str, Any]]


def _answers(form: type, description: str, example: dict[str, Any]) -> dict[int, ResponseSpec]:
    examples = [Example(value=example)]
    return {200: ResponseSpec(form, description=description, generate_examples=False, examples=examples), **RESPONSES}


@get(
    "/v1/stages/{area:str}",
    audience=VIEWER,
    summary="The stages of an area's list",
    responses=_answers(
        Stages,
        "The stages",
        {
            "area": AREA,
            "stages": [
                {
                    "stage": "DPS", "area": "9404", "at": AT, "officer": "kpu", "events": 1200, "persons": 1180,
                    "registry": 61, "digest": _DIGEST, "said_at": 64,
                }
            ],
        },
    ),
)  # fmt: skip
async def stages(house: Of, viewer: By, area: Area) -> Stages:
    """The lists that were frozen of an area, of what holds it and of its parts: each with its moment and its digest, by
    which it can be had again and proved.
    """
    code = digits(area)
    return Stages(code, rows_of(await house.retrospect.stages(viewer, code)))


@get(
    "/v1/changes/{area:str}",
    audience=VIEWER,
    summary="What changed on a list between two moments",
    responses=_answers(
        ChangeList,
        "The change list",
        {
            "area": TPS,
            "earlier": _AS_OF | {"events": 900, "persons": 880},
            "later": _AS_OF,
            "rows": [
                {
                    "voter": VOTER, "kind": "moved", "before": TPS, "after": NEXT_DOOR, "reason": None,
                    "name": "Fulanah", "sex": "P", "corrected": ["rt"],
                }
            ],
        },
    ),
)  # fmt: skip
async def changes(
    request: Request[Any, Any, Any], house: Of, viewer: By, area: Area, earlier: When, later: When = "now"
) -> ChangeList:
    """Everybody on the list of a village or TPS who is new, removed, moved or corrected from one moment to another."""
    return await house.retrospect.changes(viewer, digits(area), earlier, later, _id(request))


@get(
    "/v1/windows/{area:str}",
    audience=VIEWER,
    summary="When coklit of an area was open, and what came late",
    responses=_answers(
        WindowReport,
        "The window",
        {
            "as_of": _AS_OF,
            "area": AREA,
            "is_open": False,
            "words": [{"area": "9404", "what": "closed", "at": AT, "officer": "kpu", "position": 70}],
            "late": [{"tps": TPS, "officer": "siti", "entries": 3, "last": AT}],
        },
    ),
)
async def windows(house: Of, viewer: By, area: Area) -> WindowReport:
    """Each word of the registry on the window of an area, of what holds it and of its parts, and how many entries of
    whom came when it was closed.
    """
    return await house.retrospect.windows(viewer, digits(area))


@get(
    "/v1/pairs/{area:str}",
    audience=VIEWER,
    summary="Pairs of moves between regencies",
    responses=_answers(
        PairList,
        "The pairs",
        {
            "as_of": _AS_OF,
            "area": AREA,
            "rows": [
                {
                    "alike": "nik", "name": "Fulanah", "tps": "9103012001004", "remark": "baru", "why": "gone",
                    "from_tps": TPS, "to_area": "9103", "voter": OTHER, "other": VOTER,
                }
            ],
            "alone": [],
        },
    ),
)  # fmt: skip
async def pairs(request: Request[Any, Any, Any], house: Of, viewer: By, area: Area) -> PairList:
    """Who left the area for another regency, or came from one, and may be somebody on the list there: by NIK, else by
    name and birth date, of the regencies in this database. A question for a person; shown to who sees both ends.
    """
    return await house.retrospect.pairs(viewer, digits(area), _id(request))


def _id(request: Request[Any, Any, Any]) -> str:
    """The id by which the read log knows the request."""
    return str(request.state.request)


ROUTES: Final = (stages, changes, windows, pairs)
