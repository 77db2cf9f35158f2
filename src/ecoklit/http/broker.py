"""For devices that push over NATS: the credentials that let them in at the broker (docs/decisions/0061)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import Parameter, SkipValidation

from ecoklit.bootstrap import House
from ecoklit.core.broker_names import inbox_of, push_subject
from ecoklit.http.auth import PHONE
from ecoklit.http.examples import CREDENTIALS
from ecoklit.http.problems import problem_spec
from ecoklit.services.access import credentials_of


class BrokerCredentials(msgspec.Struct):
    """The JWT of a device at the broker, the subject that it may push on, and the prefix of its answers' inbox.

    Nothing of it is secret: whoever comes in by it signs the broker's nonce with the user key, whose seed never left
    the device.
    """

    device: str
    jwt: str
    subject: str
    inbox: str


@get(
    "/v1/credentials/{device:str}",
    audience=PHONE,
    responses={
        200: ResponseSpec(
            BrokerCredentials, description="Them", generate_examples=False, examples=[Example(value=CREDENTIALS)]
        )
    }
    | {
        status: problem_spec(status, why)
        for status, why in {
            400: "bad_argument: no device has such an id",
            403: "unknown_device, or not_entitled: it is revoked",
            404: "no_nkey, bad_nkey: its enrolment names no user key; no_broker: the service cannot make any",
            503: "journal_unavailable: ask again after Retry-After.",
        }.items()
    },
)
async def credentials(
    house: NamedDependency[SkipValidation[House]],
    device: Annotated[str, Parameter(description="The device, by its id", max_length=16)],
) -> BrokerCredentials:
    """The broker's credentials of an enrolled device, for the user key that its enrolment names."""
    registry = await house.registrar.current()
    if device not in registry.devices:  # it may have been enrolled within this second
        registry = await house.registrar.refreshed()
    jwt = credentials_of(registry, device, house.accounts)
    return BrokerCredentials(device, jwt, push_subject(device), inbox_of(device))
