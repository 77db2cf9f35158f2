"""The application: routes, what they are given, and what becomes of every error."""

from __future__ import annotations

from typing import Final

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components
from litestar.types import ASGIApp

from ecoklit.bootstrap import House
from ecoklit.door.gate import Gate
from ecoklit.errors import EcoklitError
from ecoklit.http import (
    accounts,
    administration,
    analyst,
    broker,
    console,
    deciding,
    exports,
    field,
    metrics,
    oidc,
    ops,
    pages,
    reading,
    readings,
    sync,
)
from ecoklit.http.auth import (
    PUBLIC,
    SCHEMES,
    add_security_headers,
    let_in,
    provide_signed,
    provide_viewer,
    say_security,
)
from ecoklit.http.problems import on_fault, on_http_error, on_named_error
from ecoklit.http.push import PushRoute
from ecoklit.services.answers import Answers

ROUTES: Final = (
    sync.push,
    sync.pull,
    sync.registry,
    broker.credentials,
    reading.devices,
    *analyst.ROUTES,
    *accounts.ROUTES,
    *administration.ROUTES,
    *readings.ROUTES,
    *deciding.ROUTES,
    *exports.ROUTES,
    *oidc.ROUTES,
    ops.live,
    ops.ready,
    metrics.metrics,
    *pages.ROUTES,
    *field.ROUTES,
    *console.ROUTES,
)

for _route in ROUTES:
    if isinstance(_route, HTTPRouteHandler):
        say_security(_route)


def make_app(house: House, gate: Gate | None = None) -> ASGIApp:
    """The HTTP service of an open `house`; `gate` bounds who comes in: the house's own, unless it is given."""

    async def provide_house() -> House:
        return house

    async def provide_answers() -> Answers:
        return house.answers

    pushes = PushRoute(service=house.service, gate=gate or house.gate, nonces=house.puller.nonces)
    app = Litestar(
        route_handlers=ROUTES,
        dependencies={
            "house": Provide(provide_house),
            "answers": Provide(provide_answers),
            "viewer": Provide(provide_viewer),
            "signed": Provide(provide_signed),
        },
        guards=[let_in],
        before_send=[add_security_headers],
        state=State(
            {
                "gate": gate or house.gate,
                "puller": house.puller,
                "registry": house.registry,
                "pushes": pushes,
                "sessions": house.sessions,
            },
            deep_copy=False,
        ),
        exception_handlers={
            EcoklitError: on_named_error,
            HTTPException: on_http_error,
            Exception: on_fault,
        },
        openapi_config=OpenAPIConfig(
            title="ecoklit",
            version="1",
            description="Events of coklit in, the current voter list of every TPS out.",
            use_handler_docstrings=True,
            components=Components(security_schemes=dict(SCHEMES)),
            openapi_router=Router("/", route_handlers=[], include_in_schema=False, opt={"audience": PUBLIC}),
            # The pages that the framework brings load scripts from elsewhere: only the documents are served.
            render_plugins=[JsonRenderPlugin(path="/openapi.json"), YamlRenderPlugin(path="/openapi.yaml")],
        ),
        logging_config=None,
    )
    return pushes.before(app)
