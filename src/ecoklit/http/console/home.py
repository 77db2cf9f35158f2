"""Where an area stands, down to its TPS, live as events arrive; what waits for a person; which phones are silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation
from litestar.response import ServerSentEvent, ServerSentEventMessage

from ecoklit.bootstrap import House
from ecoklit.core import ids
from ecoklit.errors import EcoklitError
from ecoklit.http.auth import VIEWER
from ecoklit.http.console.frame import START, elsewhere, fragment, page, showing
from ecoklit.limits import SESSION_IDLE_SECONDS_MAX
from ecoklit.services.answers import Answered
from ecoklit.services.lists import CONFLICTS, HEALTH, PROGRESS, PROPOSALS, RECAP, ROLL, List, demand_area, read_question
from ecoklit.services.standing import parts_of, silent_of, whole_of
from ecoklit.services.viewer import Viewer

AnyRequest = Request[Any, Any, Any]
OurHouse = NamedDependency[SkipValidation[House]]
By = NamedDependency[SkipValidation[Viewer]]

LIVE_SECONDS: Final = 3.0
"""Between two looks at whether the roll went on: a page of figures need not follow every event."""
SILENT_HOURS: Final = 24
ROWS_SHOWN: Final = "200"


@showing("/office", audience=VIEWER)
async def home(viewer: By) -> Response[str]:
    """The first of the account's areas."""
    return elsewhere(f"{START}/area/{min(viewer.areas)}")


@showing("/office/area/{area:str}", audience=VIEWER)
async def area_page(request: AnyRequest, house: OurHouse, viewer: By, area: FromPath[str]) -> Response[str]:
    """Where an area stands, by its parts."""
    area = demand_area(area)
    if ids.is_tps(area):
        return await _tps_page(request, house, viewer, area)
    health = await _asked(request, house, viewer, HEALTH, area)
    return page(
        request,
        "area.html",
        area=area,
        above=_above(viewer, area),
        silent=silent_of(health.rows, datetime.now(UTC) - timedelta(hours=SILENT_HOURS)),
        **await _standing(request, house, viewer, area),
    )


@showing("/office/cases/{area:str}", audience=VIEWER)
async def cases(request: AnyRequest, house: OurHouse, viewer: By, area: FromPath[str]) -> Response[str]:
    """What only a person may decide: open conflicts with their sides, and proposals, the most consequential first."""
    area = demand_area(area)
    conflicts = await _asked(request, house, viewer, CONFLICTS, area)
    proposals = await _asked(request, house, viewer, PROPOSALS, area)
    return page(
        request,
        "cases.html",
        area=area,
        above=_above(viewer, area),
        as_of=conflicts.as_of,
        conflicts=_by_case(conflicts.rows),
        proposals=proposals.rows,
        has_more=bool(conflicts.cursor or proposals.cursor),
    )


@showing("/office/live/{area:str}", audience=VIEWER)
async def live(request: AnyRequest, house: OurHouse, viewer: By, area: FromPath[str]) -> ServerSentEvent:
    """The standing of an area whenever the roll went on. It ends when a session would that nobody uses: what keeps
    itself up to date must not keep anybody signed in."""
    area = demand_area(area)
    viewer.demand(area)

    async def told() -> AsyncIterator[ServerSentEventMessage]:
        seen = house.counts.position
        for _ in range(int(SESSION_IDLE_SECONDS_MAX / LIVE_SECONDS)):
            await asyncio.sleep(LIVE_SECONDS)
            if house.counts.position == seen:
                continue
            seen = house.counts.position
            try:
                shown = fragment(request, "standing.html", **await _standing(request, house, viewer, area))
            except EcoklitError:
                continue  # the page still shows as of when it is; the next look tries again
            yield ServerSentEventMessage(event="standing", data=shown)
        yield ServerSentEventMessage(event="ended", data="")

    return ServerSentEvent(told())


async def _standing(request: AnyRequest, house: House, viewer: Viewer, area: str) -> dict[str, Any]:
    recap = await _asked(request, house, viewer, RECAP, area)
    progress = await _asked(request, house, viewer, PROGRESS, area)
    parts = parts_of(recap.rows, progress.rows)
    return {"as_of": recap.as_of, "parts": parts, "whole": whole_of(area, parts)}


async def _tps_page(request: AnyRequest, house: House, viewer: Viewer, tps: str) -> Response[str]:
    roll = await _asked(request, house, viewer, ROLL, tps)
    return page(
        request, "tps.html", area=tps, above=_above(viewer, tps), voters=roll.rows, has_more=roll.cursor is not None,
        **await _standing(request, house, viewer, tps),
    )  # fmt: skip


async def _asked(request: AnyRequest, house: House, viewer: Viewer, listed: List, subject: str) -> Answered:
    """The first page of a list, asked as over HTTP: what it names is in the read log before it is shown."""
    question = read_question(listed, subject, [("limit", ROWS_SHOWN)] if listed.names_voters else [("limit", "10000")])
    answered = await house.answers.answer(viewer, question, (), request.state.request)
    assert isinstance(answered, Answered)  # no tag was known
    return answered


def _above(viewer: Viewer, area: str) -> list[str]:
    """The areas in which it lies, as far as the viewer sees them, the largest first."""
    return [area[:digits] for digits in (4, 6, 10) if digits < len(area) and viewer.sees(area[:digits])]


def _by_case(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The sides of each conflict together, in the order of the list."""
    cases: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        cases.setdefault((row["voter"], row["register"]), []).append(row)
    return list(cases.values())


HOME_ROUTES: Final = (home, area_page, cases, live)
