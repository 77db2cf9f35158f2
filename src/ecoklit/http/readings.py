"""The read log over HTTP: who was shown what of an area, and whether the log holds together."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.params import Parameter, QueryParameter

from ecoklit.errors import EcoklitError
from ecoklit.http.accounts import AT, AnyRequest, By, OurHouse, answers
from ecoklit.http.auth import VIEWER
from ecoklit.http.reading import Area, digits
from ecoklit.ports import LogEntry
from ecoklit.services.cursors import CURSOR_CHARACTERS_MAX
from ecoklit.services.readings import ENTRIES_MAX, Noted

ENTRY: Final = {
    "entry": 4711, "at": AT, "login": "rina", "action": "unmask", "area": "9404012001001",
    "voter": "20a136e2-4c5f-8ec7-a2f4-cde6e20457a0", "rows": 1, "fields": ["nik", "nkk"],
    "reason": "the voter asks at the office for a correction", "as_of": 1200, "request": "5f0c…",
}  # fmt: skip
END: Final = {"entries": 4711, "at": AT, "hash": "ab" * 32}
_NAMES: Final = frozenset({"login", "action", "voter", "limit", "cursor"})
_Word = Annotated[str | None, Parameter(max_length=64)]


class Entry(msgspec.Struct):
    """What was shown: of an `area`, or of one `voter`; `rows` voters; `fields` whole, for a `reason`.

    `login` is null for somebody at the service's own machine. Of an act on an account (`account add` …) the reason says
    what.
    """

    entry: int
    at: datetime
    login: str | None
    action: str
    area: str | None
    voter: str | None
    rows: int
    fields: list[str]
    reason: str | None
    as_of: int
    request: str


class Entries(msgspec.Struct):
    """Entries, the latest first. `next` is the cursor of the page after them, null after the last."""

    area: str
    entries: list[Entry]
    next: str | None


class End(msgspec.Struct):
    """The end of the log: note the number and the hash elsewhere, and a log that was cut or written anew shows."""

    entries: int
    at: datetime | None
    hash: str


class Verification(msgspec.Struct):
    """How many entries hold together from the first, and the hash of the last of them; `broken` is the first that does
    not, null when all do. `has_noted`: the entry with the number that was given has the hash that was given.
    """

    entries: int
    hash: str
    broken: int | None
    has_noted: bool | None


@get(
    "/v1/readings/{area:str}",
    audience=VIEWER,
    summary="Who was shown what of an area",
    responses=answers(Entries, {"area": "9404012001", "entries": [ENTRY], "next": None}),
)
async def readings(
    request: AnyRequest,
    house: OurHouse,
    viewer: By,
    area: Area,
    login: _Word = None,
    action: _Word = None,
    voter: _Word = None,
    limit: Annotated[int, Parameter(ge=1, le=ENTRIES_MAX, description="Entries on the page at most")] = 200,
    cursor: Annotated[str, Parameter(max_length=CURSOR_CHARACTERS_MAX, description="`next` of the page before")] = "",
) -> Response[Entries]:
    """For auditors and the KPU of an area: readings of it or a part of it, of a wider area, and of voters who stand
    there now. Filters: the reader's `login`, the `action`, the `voter`.
    """
    _demand_known(request)
    code = digits(area)
    page = await house.readings.page(
        viewer,
        code,
        login=login,
        action=action,
        voter=voter,
        entries_max=limit,
        cursor=cursor,
        request=request.state.request,
    )
    headers = {}
    if page.cursor is not None:
        same = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        headers["Link"] = f'<{request.url.path}?{urlencode([*same, ("cursor", page.cursor)])}>; rel="next"'
    return Response(Entries(code, [_entry(one) for one in page.entries], page.cursor), headers=headers)


@get("/v1/read-log", audience=VIEWER, summary="The end of the read log", responses=answers(End, END))
async def end(house: OurHouse, viewer: By) -> End:
    """For auditors and the KPU: how long the log is, and the hash that all of it is bound by."""
    last = await house.readings.end(viewer)
    return End(0, None, "00" * 32) if last is None else End(last.entry, last.at, last.hash.hex())


@get(
    "/v1/read-log/verify",
    audience=VIEWER,
    summary="Whether the read log holds together",
    responses=answers(Verification, {"entries": 4711, "hash": "ab" * 32, "broken": None, "has_noted": True}),
)
async def check(
    house: OurHouse,
    viewer: By,
    entry: Annotated[int | None, Parameter(ge=1, le=2**63 - 1, description="A number noted before")] = None,
    hash_: Annotated[
        str | None, QueryParameter(name="hash", pattern="^[0-9a-f]{64}$", description="The hash noted with it")
    ] = None,
) -> Verification:
    """For auditors and the KPU: go through the whole log; with `entry` and `hash`, whether it still has that entry."""
    if (entry is None) != (hash_ is None):
        raise EcoklitError("bad_argument", "entry and hash belong together: give both as they were noted, or neither.")
    noted = None if entry is None or hash_ is None else Noted(entry, bytes.fromhex(hash_))
    found = await house.readings.check(viewer, noted)
    return Verification(found.entries, found.hash.hex(), found.broken, found.has_noted)


def _demand_known(request: AnyRequest) -> None:
    """Raises EcoklitError bad_argument: a filter that is spelt wrongly must not be none."""
    if set(request.query_params.keys()) - _NAMES:
        raise EcoklitError("bad_argument", f"There is only {', '.join(sorted(_NAMES))} to ask by: leave others out.")


def _entry(one: LogEntry) -> Entry:
    said: dict[str, Any] = {name: getattr(one, name) for name in Entry.__struct_fields__}
    return Entry(**said | {"fields": list(one.fields)})


ROUTES: Final = (readings, end, check)
