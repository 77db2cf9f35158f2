"""`GET /metrics`, in the text form of Prometheus: how far the rows are behind, what was taken, refused and kept out.

Read from this machine, or with the token of ECOKLIT_METRICS_TOKEN. Labels are words of the contract, never a name.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import accumulate
from typing import Any, Final, NamedTuple

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import SkipValidation
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ecoklit.bootstrap import House
from ecoklit.errors import EcoklitError
from ecoklit.http.address import address_of
from ecoklit.http.auth import PUBLIC
from ecoklit.http.ops import Ready, ready_of
from ecoklit.http.problems import problem_spec
from ecoklit.problems import ProblemError
from ecoklit.services.counts import SECONDS, Counts

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
FORWARDED: Final = ("x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip", "via")
"""Headers of a proxy: what it passes on comes from elsewhere, though it is on this machine itself."""

AnyRequest = Request[Any, Any, Any]


@get(
    "/metrics",
    audience=PUBLIC,
    media_type=TEXT,
    responses={
        200: ResponseSpec(
            str,
            description="The metrics",
            media_type=TEXT,
            generate_examples=False,
            examples=[Example(value="ecoklit_projection_lag_seconds 0.0\n")],
        ),
        403: problem_spec(403, "not_entitled: ask from the machine itself, or with the token of ECOKLIT_METRICS_TOKEN"),
    },
)
async def metrics(request: AnyRequest, house: NamedDependency[SkipValidation[House]]) -> Response[bytes]:
    """What this process counts of itself, for Prometheus. It names no voter, officer or device."""
    demand_operator(request, house.settings.metrics_token)
    state = await ready_of(house)
    try:
        out_of_count = await house.analyst.out_of_count(house.settings.regency)
        house.counts.projected((await house.reader.as_of(house.settings.regency)).events)
    except EcoklitError:
        out_of_count = None  # the database is away, which `ecoklit_up` says
    body = exposition(Known(house.counts, state, out_of_count))
    return Response(body, media_type=TEXT, headers={"Cache-Control": "no-store"})


def demand_operator(request: AnyRequest, token: str | None) -> None:
    """Raises ProblemError not_entitled unless the request is from this machine, or brings the token."""
    said = request.headers.get("authorization", "")
    if token is not None and hmac.compare_digest(said.encode(), f"Bearer {token}".encode()):
        return
    is_here = address_of(request.client.host if request.client else None, None) is None
    if not is_here or any(name in request.headers for name in FORWARDED):
        raise ProblemError(
            "not_entitled",
            HTTPStatus.FORBIDDEN,
            "Metrics are for this machine: ask from it, or set ECOKLIT_METRICS_TOKEN and send it as Bearer.",
        )


class Known(NamedTuple):
    """What a scrape tells: the process's counts, the parts' state, and standing → events that do not count."""

    counts: Counts
    state: Ready
    out_of_count: Mapping[str, int] | None


def exposition(known: Known) -> bytes:
    """The text that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_Collector(known))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, known: Known) -> None:
        self._known = known

    def collect(self) -> Iterator[Metric]:
        counts, state, out_of_count = self._known
        yield _lag(counts)
        yield GaugeMetricFamily(
            "ecoklit_projection_lag_seconds",
            "For how long the oldest event taken here has waited for its rows; 0 when none waits",
            value=counts.lag_seconds(),
        )
        yield CounterMetricFamily("ecoklit_pushes", "Pushes stored by this process", value=counts.pushes)
        yield CounterMetricFamily("ecoklit_events", "Events stored by this process", value=counts.events)
        refused = CounterMetricFamily("ecoklit_refused", "Pushes refused by this process, by code", labels=["code"])
        for code, times in sorted(counts.refused.items()):
            refused.add_metric([code], times)
        yield refused
        up = GaugeMetricFamily("ecoklit_up", "Whether a part answers as it should", labels=["part"])
        for part in ("journal", "door", "database", "projector"):
            up.add_metric([part], getattr(state, part) == "ok")
        yield up
        for name, lag in (("events", state.lag_events), ("persons", state.lag_persons)):
            if lag is not None:
                yield GaugeMetricFamily(
                    f"ecoklit_lag_{name}", f"{name} of the journal that no row shows yet", value=lag
                )
        if out_of_count is not None:
            kept_out = GaugeMetricFamily(
                "ecoklit_events_not_counted", "Events held that do not count, by standing", labels=["standing"]
            )
            for standing, events in sorted(out_of_count.items()):
                kept_out.add_metric([standing], events)
            yield kept_out


def _lag(counts: Counts) -> Metric:
    bounds = [*(str(bound) for bound in SECONDS), "+Inf"]
    return HistogramMetricFamily(
        "ecoklit_receipt_to_row_seconds",
        "From a push's being durable to its rows' being committed",
        buckets=list(zip(bounds, accumulate(counts.buckets), strict=True)),
        sum_value=counts.seconds,
    )
