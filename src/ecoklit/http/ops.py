"""For whoever runs the service: whether it lives, and whether it can take a push."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import SkipValidation

from ecoklit.bootstrap import House
from ecoklit.errors import EcoklitError
from ecoklit.http.auth import PUBLIC
from ecoklit.http.examples import READY
from ecoklit.ports import Position

ANSWER_SECONDS_MAX: Final = 2.0
OK: Final = "ok"


class Live(msgspec.Struct):
    """The process answers."""

    status: str = OK


class Ready(msgspec.Struct):
    """`ready` says whether pushes are taken, which needs the journal alone: reading may be away meanwhile.

    `journal`, `door` (the one over NATS), `database` and `projector` are `ok` or the code of what is wrong. The lags
    count what the journal holds and the roll does not show yet; null when one of the two does not answer.
    """

    ready: bool
    journal: str
    door: str
    database: str
    projector: str
    lag_events: int | None
    lag_persons: int | None


@get(
    "/health/live",
    audience=PUBLIC,
    responses={
        200: ResponseSpec(
            Live, description="It answers", generate_examples=False, examples=[Example(value={"status": OK})]
        )
    },
)
async def live() -> Live:
    """Whether the process answers at all."""
    return Live()


@get(
    "/health/ready",
    audience=PUBLIC,
    responses={
        200: ResponseSpec(
            Ready, description="Pushes are taken", generate_examples=False, examples=[Example(value=READY)]
        ),
        503: ResponseSpec(
            Ready,
            description="The journal does not answer, or stores nothing.",
            generate_examples=False,
            examples=[Example(value=READY | {"ready": False, "journal": "journal_unavailable", "lag_events": None})],
        ),
    },
)
async def ready(house: NamedDependency[SkipValidation[House]]) -> Response[Ready]:
    """Whether pushes are taken, and how far the roll is behind the journal."""
    answer = await ready_of(house)
    return Response(answer, status_code=200 if answer.ready else 503)


async def ready_of(house: House) -> Ready:
    """How the parts of the service are now."""
    journal, last = await _journal(house)
    database, projected = await _projected(house)
    return Ready(
        ready=journal == OK,
        journal=journal,
        door=house.door.state,
        database=database,
        projector=OK if house.trouble is None else house.trouble.code,
        lag_events=max(0, last.events - projected.events) if last and projected else None,
        lag_persons=max(0, last.persons - projected.persons) if last and projected else None,
    )


async def _journal(house: NamedDependency[SkipValidation[House]]) -> tuple[str, Position | None]:
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            last = await house.journal.last()
            # A broker without room still answers whoever reads.
            return house.commit_trouble() or OK, last
    except TimeoutError:
        return "journal_unavailable", None
    except EcoklitError as error:
        return error.code, None


async def _projected(house: NamedDependency[SkipValidation[House]]) -> tuple[str, Position | None]:
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            as_of = await house.reader.as_of(house.settings.regency)
            return OK, Position(as_of.events, as_of.persons)
    except TimeoutError:
        return "database_unavailable", None
    except EcoklitError as error:
        return error.code, None
