"""For analysts: movers, families, large TPS, duplicates, progress, reports, late entries, devices and advice.

Every answer is of one moment and says of which; identity numbers are masked, for nobody can prove who they are yet.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from litestar import get
from litestar.di import NamedDependency
from litestar.params import Parameter, SkipValidation

from ecoklit.bootstrap import House
from ecoklit.http.reading import RESPONSES, Area, Rows, digits
from ecoklit.ports import AnalystReader, Answer, RollReader
from ecoklit.services.disclose import disclosed
from ecoklit.services.figures import (
    LIKENESS,
    LIKENESS_MIN,
    LIMIT_MAX,
    TPS_VOTERS_MAX,
    devices_health,
    duplicates,
    large_tps,
    officers_reports,
    rows_disclosed,
    visits_advice,
)
from ecoklit.services.work import Span

Reader = NamedDependency[SkipValidation[AnalystReader]]
Limit = Annotated[int, Parameter(description="The most voters of a TPS", ge=0, le=LIMIT_MAX)]
Likeness = Annotated[
    float, Parameter(description="Least likeness of the names of people born on one day", ge=LIKENESS_MIN, le=1)
]
Level = Annotated[str, Parameter(description="The parts: district, village or tps", pattern="^(district|village|tps)$")]
Spanned = Annotated[Span, Parameter(description="Of a day, of ten days, or of all")]
Start = Annotated[
    date | None, Parameter(description="First day of coklit, from which ten days count; unless given, of any entry")
]


@get("/v1/proposals/{area:str}", responses=RESPONSES)
async def proposals(reader: NamedDependency[SkipValidation[RollReader]], area: Area) -> Rows:
    """Every proposal that waits for a ruling in an area (view `proposals`)."""
    return _shown(area, await reader.proposals(digits(area)))


@get("/v1/movers/{area:str}", responses=RESPONSES)
async def movers(analyst: Reader, area: Area) -> Rows:
    """Who moved from or to an area, left it, or is said to have left (view `movers`): a move shows at both ends."""
    return _shown(area, await analyst.movers(digits(area)))


@get("/v1/families/{area:str}", responses=RESPONSES)
async def families(analyst: Reader, area: Area) -> Rows:
    """Families on the lists of several TPS, one of which lies in the area (view `split_families`)."""
    return _shown(area, await analyst.split_families(digits(area)))


@get("/v1/large-tps/{area:str}", responses=RESPONSES)
async def large(analyst: Reader, area: Area, limit: Limit = TPS_VOTERS_MAX) -> Rows:
    """TPS with more voters on their list than the limit, the largest first: tps, on_list, over."""
    return _shown(area, await large_tps(analyst, digits(area), limit))


@get("/v1/duplicates/{area:str}", responses=RESPONSES)
async def possible_duplicates(analyst: Reader, area: Area, likeness: Likeness = LIKENESS) -> Rows:
    """Groups of voters who may be one person, one row for each member. A person decides, by a ruling."""
    return _shown(area, await duplicates(analyst, digits(area), likeness))


@get("/v1/progress/{area:str}", responses=RESPONSES)
async def progress(analyst: Reader, area: Area, level: Level = "tps") -> Rows:
    """Entries that count, by part of the area, day and kind: area, day, kind, n."""
    return _shown(area, await analyst.progress(digits(area), level))


@get("/v1/reports/{area:str}", responses=RESPONSES)
async def reports(analyst: Reader, area: Area, span: Spanned = "final", start: Start = None) -> Rows:
    """Officers' reports of a day, of ten days or of all, in the lines A to E of Model A-Laporan Hasil Coklit."""
    as_of, lines = await officers_reports(analyst, digits(area), span, start)
    return Rows(as_of, digits(area), rows_disclosed(lines))


@get("/v1/late/{area:str}", responses=RESPONSES)
async def late(analyst: Reader, area: Area) -> Rows:
    """Entries kept out of the count because coklit of their area was closed (view `late_entries`)."""
    return _shown(area, await analyst.late(digits(area)))


@get("/v1/devices/{area:str}/health", responses=RESPONSES)
async def health(house: NamedDependency[SkipValidation[House]], analyst: Reader, area: Area) -> Rows:
    """Every device with a right in an area: its last contact, how much came since, what waits or does not count."""
    as_of, rows = await devices_health(analyst, await house.registrar.current(), digits(area))
    return Rows(as_of, digits(area), [disclosed(row) for row in rows])


@get("/v1/advice/{area:str}", responses=RESPONSES)
async def advice(house: NamedDependency[SkipValidation[House]], analyst: Reader, area: Area) -> Rows:
    """Visits that deserve a second look. Advice for people only: no merge reads it, and no list changes by it."""
    as_of, found = await visits_advice(analyst, await house.registrar.current(), digits(area))
    return Rows(as_of, digits(area), rows_disclosed(found))


def _shown(area: str, answer: Answer) -> Rows:
    return Rows(answer.as_of, digits(area), [disclosed(row) for row in answer.rows])


ROUTES: Final = (
    proposals,
    movers,
    families,
    large,
    possible_duplicates,
    progress,
    reports,
    late,
    health,
    advice,
)
