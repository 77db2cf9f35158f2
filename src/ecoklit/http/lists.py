"""The lists over HTTP: filters, pages, chosen fields, earlier moments, and what has not changed since.

Each route is made from its row in `services.lists`, and so is its part of the document: what is not in the row is
neither read nor documented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example, OpenAPIType, Operation, Parameter, Schema
from litestar.params import SkipValidation

from ecoklit.http.auth import VIEWER
from ecoklit.http.examples import AREA, ROWS, TPS, VOTER
from ecoklit.http.reading import RESPONSES, SUBJECTS
from ecoklit.ports import AsOf, Position
from ecoklit.services import lists
from ecoklit.services.answers import Answered, Answers, Encoded, Unchanged
from ecoklit.services.digests import Digested
from ecoklit.services.lists import PAGE_ROWS, PAGE_ROWS_MAX, Argument, Column, List, read_question
from ecoklit.services.viewer import Viewer

AnyRequest = Request[Any, Any, Any]
Told = Answered | Encoded
Asked = NamedDependency[SkipValidation[Answers]]
By = NamedDependency[SkipValidation[Viewer]]

LISTS: Final = "lists"
"""How the document names a program's session: a bearer token."""
PRIVATE: Final = {"Cache-Control": "no-store", "Vary": "Authorization, Cookie"}
"""No browser writes a list to its disk (ASVS 14.3.2). A program that keeps one asks by its ETag whether it holds."""


class Stated(msgspec.Struct):
    """What an answer speaks of: how far the regency's journal had been projected, and the digest of the area's rolls.

    Of a TPS that is the digest at that very position. Of a larger area it is the latest that was computed, whose own
    position `digest_as_of` says; null before the first, for an earlier moment, and where nobody stands.
    """

    regency: str
    election: str
    events: int
    persons: int
    digest: str | None
    digest_as_of: Position | None


class Page(msgspec.Struct, kw_only=True):
    """A page of a list. `next` is the cursor of the next one, null after the last; `began` the position of the first.

    `is_steady`: nothing changed since the first page. If not, what came or went behind the cursor is not told.
    """

    as_of: Stated
    next: str | None
    began: int
    is_steady: bool


class Rows(Page, kw_only=True):
    """Rows about an area; docs/DATA_DICTIONARY.md says what each column is."""

    area: str
    rows: list[dict[str, Any]]


class RollList(Page, kw_only=True):
    """Who stands on the list of a TPS (view `voter_list`), and the digest (hex) of its whole roll."""

    tps: str
    digest: str
    voters: list[dict[str, Any]]


class History(Page, kw_only=True):
    """Every event about a voter, in order of arrival (view `voter_history`)."""

    voter: str
    events: list[dict[str, Any]]


def list_route(listed: List, path: str, name: str) -> HTTPRouteHandler:
    """The route that answers questions about one list."""
    as_page, form, _ = _FORMS[listed.subject]

    async def ask(request: AnyRequest, answers: Asked, viewer: By) -> Response[Any]:
        question = read_question(listed, request.path_params[listed.subject], list(request.query_params.multi_items()))
        answered = await answers.encoded(viewer, question, _known(request), request.state.request)
        if isinstance(answered, Unchanged):
            return Response(None, status_code=304, headers=PRIVATE | {"ETag": f'"{answered.tag}"'})
        return Response(as_page(answered, question.subject), headers=_headers(request, answered))

    ask.__name__ = ask.__qualname__ = name
    ask.__annotations__["return"] = Response[form]  # type: ignore[valid-type]
    return get(
        path,
        audience=VIEWER,
        name=name,
        operation_id=name,
        summary=listed.about.partition(". ")[0].partition(" (")[0],
        description=listed.about,
        operation_class=_operation(listed),
        tags=[LISTS],
        response_headers=[
            ResponseHeader(name="ETag", documentation_only=True, description="Send it as If-None-Match: 304 or a page"),
            ResponseHeader(name="Link", documentation_only=True, description='<the next page>; rel="next"'),
        ],
        responses={
            200: ResponseSpec(form, description="A page", generate_examples=False, examples=[_example(listed)]),
            304: ResponseSpec(None, description="What you have by If-None-Match still holds; no row was read."),
            **RESPONSES,
        },
    )(ask)


def _known(request: AnyRequest) -> tuple[str, ...]:
    """The tags that whoever asks has: of a weak one the same bytes are as good."""
    said = request.headers.get("if-none-match", "")
    return tuple(tag.strip().removeprefix("W/").strip('"') for tag in said.split(","))


def _headers(request: AnyRequest, answered: Told) -> dict[str, str]:
    headers = dict(PRIVATE)
    if answered.tag is not None:
        headers["ETag"] = f'"{answered.tag}"'
    if answered.cursor is not None:
        same = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        headers["Link"] = f'<{request.url.path}?{urlencode([*same, ("cursor", answered.cursor)])}>; rel="next"'
    return headers


def stated(as_of: AsOf, digest: Digested | None) -> Stated:
    kept, where = (None, None) if digest is None else (digest.digest, Position(digest.events, digest.persons))
    return Stated(as_of.regency, as_of.election, as_of.events, as_of.persons, kept, where)


def _of_page(answered: Told) -> dict[str, Any]:
    return {
        "as_of": stated(answered.as_of, answered.digest),
        "next": answered.cursor,
        "began": answered.began,
        "is_steady": answered.is_steady,
    }


def _json(answered: Told) -> Any:
    """Rows that are JSON already are put in as they are."""
    return answered.rows


def _rows(answered: Told, area: str) -> Rows:
    return Rows(**_of_page(answered), area=area, rows=_json(answered))


def _roll(answered: Told, tps: str) -> RollList:
    digest = "" if answered.digest is None else answered.digest.digest
    return RollList(**_of_page(answered), tps=tps, digest=digest, voters=_json(answered))


def _history(answered: Told, voter: str) -> History:
    return History(**_of_page(answered), voter=voter, events=_json(answered))


_FORMS: Final[dict[str, tuple[Callable[[Told, str], Page], type[Page], str]]] = {
    "area": (_rows, Rows, AREA),
    "tps": (_roll, RollList, TPS),
    "voter": (_history, History, VOTER),
}
"""Subject → how a page of it is made, its form, and one as an example."""


# --- the document ----------------------------------------------------------------------------------------------------


def _operation(listed: List) -> type[Operation]:
    @dataclass
    class ListOperation(Operation):
        """The document's words on what a list takes."""

        def __post_init__(self) -> None:
            self.parameters = [*_parameters(listed)]  # what the path names, too

    return ListOperation


def _parameters(listed: List) -> Iterator[Parameter]:
    description, pattern = SUBJECTS[listed.subject]
    schema = Schema(type=OpenAPIType.STRING, pattern=pattern, examples=[_FORMS[listed.subject][2]])
    yield Parameter(name=listed.subject, param_in="path", schema=schema, description=description, required=True)
    for argument in listed.arguments:
        yield _query(argument.name, _argument_schema(argument), argument.about)
    for column in listed.columns:
        if column.is_filter:
            yield _query(column.name, _filter_schema(column), _filter_words(column))
    names = [column.name for column in listed.columns]
    yield _query(
        "fields",
        Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING, enum=names), min_items=1),
        "Only these columns, with commas between",
    )
    yield _query(
        "limit",
        Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=PAGE_ROWS_MAX, default=PAGE_ROWS),
        "Rows on the page at most",
    )
    yield _query("cursor", Schema(type=OpenAPIType.STRING), "`next` of the page before; none at the beginning")
    yield _query(
        "as_of",
        Schema(type=OpenAPIType.STRING, examples=["1200", "2024-07-24T23:59:59+09:00"]),
        "As it was at a position of the journal, at a time with its offset, or when it was frozen as a stage (DPS)",
    )
    yield Parameter(
        name="If-None-Match",
        param_in="header",
        schema=Schema(type=OpenAPIType.STRING),
        description="An ETag of an earlier answer to this question",
    )


def _query(name: str, schema: Schema, description: str) -> Parameter:
    is_list = schema.type is OpenAPIType.ARRAY
    return Parameter(
        name=name,
        param_in="query",
        schema=schema,
        description=description,
        style="form" if is_list else None,
        explode=False if is_list else None,
    )


def _argument_schema(argument: Argument) -> Schema:
    if argument.kind == "word":
        return Schema(type=OpenAPIType.STRING, enum=list(argument.known), default=argument.default)
    if argument.kind == "day":
        return Schema(type=OpenAPIType.STRING, pattern="^2[0-9]{3}-[0-9]{2}-[0-9]{2}$", examples=["2024-06-24"])
    kind = OpenAPIType.INTEGER if argument.kind == "integer" else OpenAPIType.NUMBER
    return Schema(type=kind, minimum=argument.least, maximum=argument.most, default=argument.default)


def _filter_schema(column: Column) -> Schema:
    if column.kind == "boolean":
        return Schema(type=OpenAPIType.BOOLEAN)
    if column.kind == "integer":
        return Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=2**31 - 1))
    items = Schema(type=OpenAPIType.STRING, enum=list(column.known)) if column.known else _WORD
    return Schema(type=OpenAPIType.ARRAY, items=items, min_items=1)


_WORD: Final = Schema(type=OpenAPIType.STRING, min_length=1, max_length=64)


def _filter_words(column: Column) -> str:
    if column.kind == "words":
        return f"Only rows whose {column.name} has one of these, with commas between"
    return f"Only rows with this {column.name}; several with commas between"


def _example(listed: List) -> Example:
    as_page, _, subject = _FORMS[listed.subject]
    digest = Digested("ab" * 32, 1200, 1180)
    answered = Answered(AsOf("9404", "pilkada-2024", 1200, 1180), digest, [ROWS[listed.name]], None, 1200, True, None)
    return Example(value=msgspec.to_builtins(as_page(answered, subject)))


# --- the routes ------------------------------------------------------------------------------------------------------

LIST_ROUTES: Final = (
    list_route(lists.ROLL, "/v1/rolls/{tps:str}", "roll"),
    list_route(lists.RECAP, "/v1/recap/{area:str}", "recap"),
    list_route(lists.CONFLICTS, "/v1/conflicts/{area:str}", "conflicts"),
    list_route(lists.PROPOSALS, "/v1/proposals/{area:str}", "proposals"),
    list_route(lists.HISTORY, "/v1/voters/{voter:str}/history", "history"),
    list_route(lists.MOVERS, "/v1/movers/{area:str}", "movers"),
    list_route(lists.FAMILIES, "/v1/families/{area:str}", "families"),
    list_route(lists.LARGE, "/v1/large-tps/{area:str}", "large_tps"),
    list_route(lists.DUPLICATES, "/v1/duplicates/{area:str}", "duplicates"),
    list_route(lists.PROGRESS, "/v1/progress/{area:str}", "progress"),
    list_route(lists.REPORTS, "/v1/reports/{area:str}", "reports"),
    list_route(lists.LATE, "/v1/late/{area:str}", "late"),
    list_route(lists.HEALTH, "/v1/devices/{area:str}/health", "devices_health"),
    list_route(lists.ADVICE, "/v1/advice/{area:str}", "advice"),
)
