"""The lists from the service, over HTTP, for whoever has an account and a token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import Request, urlopen

import polars as pl

from ecoklit.errors import EcoklitError
from ecoklit.ports import AsOf
from ecoklit.services.lists import CONFLICTS, FAMILIES, LATE, MOVERS, PROGRESS, PROPOSALS, RECAP, ROLL, List

SECONDS_MAX: Final = 60.0
_PATHS: Final = {
    "movers": MOVERS, "conflicts": CONFLICTS, "proposals": PROPOSALS, "families": FAMILIES, "late": LATE,
}  # fmt: skip
_DTYPES: Final[dict[str, Any]] = {
    "text": pl.String,
    "words": pl.List(pl.String),
    "integer": pl.Int64,
    "number": pl.Float64,
    "boolean": pl.Boolean,
    "day": pl.Date,
    "event": pl.String,
}


class Service:
    """`Door` on a service. A list of several pages is read to its end; `as_of` is that of its last page."""

    def __init__(self, url: str, token: str) -> None:
        _demand_private(url)
        self.as_of: AsOf | None = None
        self._url = url
        self._token = token

    def voters(self, area: str) -> pl.DataFrame:
        if len(area) == 13:
            return self._frame(ROLL, f"/v1/rolls/{area}", "voters")
        codes = self.recap(area, "tps")["area"].to_list()
        frames = [self._frame(ROLL, f"/v1/rolls/{tps}", "voters") for tps in codes]
        return pl.concat(frames) if frames else _frame_of(ROLL, [])

    def recap(self, area: str, level: str) -> pl.DataFrame:
        return self._frame(RECAP, f"/v1/recap/{area}", "rows", level=level)

    def progress(self, area: str, level: str) -> pl.DataFrame:
        return self._frame(PROGRESS, f"/v1/progress/{area}", "rows", level=level)

    def about(self, name: str, area: str) -> pl.DataFrame:
        return self._frame(_PATHS[name], f"/v1/{name}/{area}", "rows")

    def sql(self, statement: str, *arguments: object) -> pl.DataFrame:
        raise EcoklitError("bad_argument", "The service takes no SQL: connect to postgresql://… with a login for SQL.")

    def close(self) -> None:
        """Nothing is open between two questions."""

    def _frame(self, listed: List, path: str, rows: str, **said: str) -> pl.DataFrame:
        return _frame_of(listed, [row for page in self._pages(path, said) for row in page[rows]])

    def _pages(self, path: str, said: dict[str, str]) -> Iterator[dict[str, Any]]:
        page = self._asked(path, said)
        yield page
        while page["next"]:
            page = self._asked(path, {**said, "cursor": page["next"]})
            yield page

    def _asked(self, path: str, said: dict[str, str]) -> dict[str, Any]:
        query = f"?{urlencode(said)}" if said else ""
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self._token}"}
        try:
            with urlopen(Request(urljoin(self._url, path) + query, headers=headers), timeout=SECONDS_MAX) as answer:
                page: dict[str, Any] = json.loads(answer.read())
        except HTTPError as error:
            raise _refused(error) from error
        except (URLError, TimeoutError, ValueError) as error:
            raise EcoklitError(
                "service_unavailable", f"The service at {self._url} does not answer: check the address, try again."
            ) from error
        said_of = page["as_of"]
        self.as_of = AsOf(said_of["regency"], said_of["election"], said_of["events"], said_of["persons"])
        return page


def _demand_private(url: str) -> None:
    """A token goes over a wire only under TLS."""
    at = urlsplit(url)
    if at.scheme != "https" and at.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise EcoklitError("bad_argument", "A token would be readable on its way: give the service's https:// address.")


def _refused(error: HTTPError) -> EcoklitError:
    """What the service says of it, as a problem (RFC 9457)."""
    try:
        problem = json.loads(error.read())
        return EcoklitError(str(problem["code"]), str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        return EcoklitError("service_unavailable", f"The service answers {error.code}: is this its address?")


def _frame_of(listed: List, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The list's columns; the age, which supervisors get instead of a birth date, only where it is."""
    series = []
    for column in listed.columns:
        if column.name == "age" and not any("age" in row for row in rows):
            continue
        values = [row.get(column.name) for row in rows]
        if column.kind == "day":
            values = [None if value is None else date.fromisoformat(value) for value in values]
        elif column.kind == "event":
            values = [None if value is None else json.dumps(value) for value in values]
        series.append(pl.Series(column.name, values, dtype=_DTYPES[column.kind]))
    return pl.DataFrame(series)
