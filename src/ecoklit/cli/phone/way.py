"""The phone's way to its service: over HTTP, or by the broker, which HTTP gives the credentials for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecoklit.errors import EcoklitError

if TYPE_CHECKING:
    from ecoklit.field.client import Client
    from ecoklit.field.http_transport import HttpTransport
    from ecoklit.field.phone import Phone
    from ecoklit.field.transport import Transport


@contextmanager
def connected(phone: Phone, service: str | None = None, nats: str | None = None) -> Iterator[Client]:
    """What syncs the phone, by the way that it is told here or was told before; `nats` "" is over HTTP again."""
    from ecoklit.field import enrolment
    from ecoklit.field.client import Client

    if service is not None:
        phone.outbox.set_service(url_of(service))
    if nats is not None:
        phone.outbox.set_nats(broker_url_of(nats) if nats else "")
    with transport_of(phone) as transport:
        yield Client(phone, transport, enrolment.services_of(phone.outbox), sleep=time.sleep)


@contextmanager
def transport_of(phone: Phone) -> Iterator[Transport]:
    url = phone.outbox.nats()
    if not url:
        yield transport_to(known_service(phone))
        return
    from ecoklit.field.nats_requests import NatsRequests
    from ecoklit.field.nats_transport import NatsTransport, broker_key

    key = phone.identity().key
    with NatsRequests(url, key.device, broker_key(key), lambda is_fresh: credentials_of(phone, is_fresh)) as requests:
        yield NatsTransport(key.device, requests)


def known_service(phone: Phone) -> str:
    url = phone.outbox.about().service or service_here()
    if not url:
        raise EcoklitError("bad_argument", "No service is known: say by --service where it is, once.")
    return url


def service_here() -> str | None:
    """The service of this machine: the one that is set, or a running `ecoklit up` in this data folder."""
    from ecoklit.settings import read_settings

    return read_settings(os.environ).service_url


def transport_to(url: str) -> HttpTransport:
    from ecoklit.field.http_transport import HttpTransport

    return HttpTransport(url_of(url))


def credentials_of(phone: Phone, is_fresh: bool) -> str:
    """The phone's credentials at the broker: those that it keeps, or fresh ones of the service, over HTTP.

    A service that does not know the phone is shown its enrolment first.
    """
    from ecoklit.core.admission import UNKNOWN_DEVICE, Refused
    from ecoklit.core.push_file import write_push
    from ecoklit.field import enrolment

    device = phone.identity().device
    known = phone.outbox.credentials(device)
    url = phone.outbox.about().service or service_here()
    if known and (not is_fresh or not url):
        return known
    if not url:
        raise EcoklitError(
            "bad_argument",
            "The broker lets this phone in by credentials that the service gives over HTTP: say by --service where it "
            "is, once.",
        )
    way = transport_to(url)
    try:
        jwt = way.credentials(device)
    except Refused as refusal:
        ahead = enrolment.ahead(phone.outbox, device)
        if refusal.code != UNKNOWN_DEVICE or not ahead:
            raise
        way.push(write_push((), None, registry=ahead))
        jwt = way.credentials(device)
    phone.outbox.set_credentials(device, jwt)
    return jwt


def url_of(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise EcoklitError("bad_argument", f"'{url}' is no address of a service: it looks like https://coklit.example")
    return url


def broker_url_of(url: str) -> str:
    if not url.startswith(("nats://", "tls://", "ws://", "wss://")):
        raise EcoklitError(
            "bad_argument", f"'{url}' is no address of a broker: it looks like nats://coklit.example:4222, or wss://…"
        )
    return url
