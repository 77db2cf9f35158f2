"""The application: routes, what they are given, and what becomes of every error."""

from __future__ import annotations

from typing import Final

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.types import ASGIApp

from ecoklit.bootstrap import House
from ecoklit.door.gate import Gate
from ecoklit.errors import EcoklitError
from ecoklit.http import analyst, broker, ops, reading, sync
from ecoklit.http.problems import on_fault, on_http_error, on_named_error
from ecoklit.http.push import PushRoute
from ecoklit.services.answers import Answers
from ecoklit.services.viewer import ANALYST, Viewer

ROUTES: Final = (
    sync.push,
    sync.pull,
    sync.registry,
    broker.credentials,
    reading.devices,
    *analyst.ROUTES,
    ops.live,
    ops.ready,
)


def make_app(house: House, gate: Gate | None = None) -> ASGIApp:
    """The HTTP service of an open `house`; `gate` bounds who comes in: the house's own, unless it is given."""

    async def provide_house() -> House:
        return house

    async def provide_answers() -> Answers:
        return house.answers

    async def provide_viewer() -> Viewer:
        # Until whoever asks can prove who they are: what the service itself projects, masked.
        return Viewer("", "", ANALYST, (house.settings.regency,), frozenset())

    pushes = PushRoute(service=house.service, gate=gate or house.gate, nonces=house.puller.nonces)
    app = Litestar(
        route_handlers=ROUTES,
        dependencies={
            "house": Provide(provide_house),
            "answers": Provide(provide_answers),
            "viewer": Provide(provide_viewer),
        },
        state=State(
            {
                "gate": gate or house.gate,
                "puller": house.puller,
                "registry": house.registry,
                "pushes": pushes,
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
            path="/",
            # The pages that the framework brings load scripts from elsewhere: only the documents are served.
            render_plugins=[JsonRenderPlugin(path="/openapi.json"), YamlRenderPlugin(path="/openapi.yaml")],
        ),
        logging_config=None,
    )
    return pushes.before(app)
